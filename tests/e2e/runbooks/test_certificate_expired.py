"""The certificate of the pods has expired: a new one in the Secret, and a restart."""

from __future__ import annotations

import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from e2e.databases.certificates import Certificates
from e2e.kubectl import Pod, apply_manifests
from e2e.manifests import secret

from cdk8s_mlflow import SecretKey, TlsSecret

from .home import mlflow, verify
from .page import FIRST, Reader

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
EXPIRED = "A certificate has expired"
AUTHORITY = """
[ca]
default_ca = own
[own]
database = index.txt
serial = own.srl
new_certs_dir = .
policy = any
[any]
commonName = supplied
"""


def expire(made: Certificates, name: str) -> dict[str, str]:
    """Sign a request once more, for the day before yesterday."""
    now = datetime.now(timezone.utc)
    day = [f"{now - timedelta(days=days):%Y%m%d%H%M%SZ}" for days in (2, 1)]
    made.folder.joinpath("index.txt").write_text("", encoding="utf-8")
    made.folder.joinpath("ca.cnf").write_text(AUTHORITY, encoding="utf-8")
    subprocess.run(
        [
            *("openssl", "ca", "-batch", "-config", "ca.cnf", "-md", "sha256", "-notext", "-create_serial"),
            *("-cert", "ca.crt", "-keyfile", "ca.key", "-in", f"{name}.csr", "-extfile", f"{name}.ext"),
            *("-startdate", day[0], "-enddate", day[1], "-out", "expired.crt"),
        ],
        cwd=made.folder,
        capture_output=True,
        check=True,
    )
    key = made.folder.joinpath(f"{name}.key").read_text(encoding="utf-8")
    return {"tls.crt": made.folder.joinpath("expired.crt").read_text(encoding="utf-8"), "tls.key": key}


def test_a_new_one_is_served_after_a_restart(reader: Reader, client: Pod, tmp_path: Path) -> None:
    """The server is ready all the while, and whoever checks its certificate refuses it."""
    made = Certificates(tmp_path)
    authority = made.authority()
    hosts = ["mlflow", *(f"mlflow.{reader.namespace}{suffix}" for suffix in ("", ".svc", ".svc.cluster.local"))]
    good = made.signed("mlflow", hosts)
    apply_manifests(
        [
            secret(reader.namespace, "authority", {"ca.crt": authority}),
            secret(reader.namespace, "mlflow-tls", expire(made, "mlflow"), "kubernetes.io/tls"),
        ]
    )
    server = mlflow(reader, client, tls=TlsSecret(secret_name="mlflow-tls", ca=SecretKey("authority", "ca.crt")))
    server.apply()
    server.wait(600)
    assert "notAfter=" in reader.follow(EXPIRED, "openssl x509")
    refused = reader.attempt(FIRST, "mlflow-smoke-test")
    assert refused.returncode != 0
    reader.finds("MlflowJobFailed", "logs job/NAME", "certificate has expired", names={"NAME": "smoke-1"})
    for name, text in good.items():
        tmp_path.joinpath(name).write_text(text, encoding="utf-8")
    reader.follow(EXPIRED, "create secret tls", folder=tmp_path)
    verify(reader)
