"""Certificates for the database servers, made with openssl: two authorities, of which clients know one."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import attrs

_DAYS = "2"


@attrs.frozen
class Certificates:
    """A folder with an authority, and what it has signed."""

    folder: Path

    def authority(self, name: str = "ca") -> str:
        """Make an authority and return its certificate."""
        self._openssl(
            "req", "-x509", "-subj", f"/CN={name}", "-days", _DAYS, *self._new_key(name), "-out", f"{name}.crt"
        )
        return self._read(f"{name}.crt")

    def signed(self, name: str, hosts: Sequence[str] = ()) -> dict[str, str]:
        """Make a certificate for a server's names, or for a client of this name; in the keys of a TLS Secret."""
        self._openssl("req", "-subj", f"/CN={name}", *self._new_key(name), "-out", f"{name}.csr")
        names = ",".join(f"DNS:{host}" for host in hosts) or "email:none@example.com"
        self.folder.joinpath(f"{name}.ext").write_text(f"subjectAltName={names}\n", encoding="utf-8")
        self._openssl(
            *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"),
            *("-days", _DAYS, "-extfile", f"{name}.ext", "-out", f"{name}.crt"),
        )
        return {"tls.crt": self._read(f"{name}.crt"), "tls.key": self._read(f"{name}.key")}

    def _new_key(self, name: str) -> list[str]:
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}.key"]

    def _openssl(self, *arguments: str) -> None:
        done = subprocess.run(["openssl", *arguments], cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"openssl {arguments[0]}: {done.stderr}"

    def _read(self, name: str) -> str:
        return self.folder.joinpath(name).read_text(encoding="utf-8")
