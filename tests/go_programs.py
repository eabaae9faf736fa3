"""Programs that judge manifests and rules, and are had only as Go modules: where they are, or how they are compiled."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import attrs

CACHE = Path(os.environ.get("CLUSTER_HOME", Path.home() / ".cache" / "kubernetes-node"), "bin")


def module_folder(module: str) -> Path:
    """Return the sources of a module at a version; Go checks them against its checksum database."""
    done = subprocess.run(["go", "mod", "download", "-json", module], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{module} cannot be downloaded: {done.stdout}{done.stderr}"
    return Path(json.loads(done.stdout)["Dir"])


def compile_program(module: str, package: str, file: Path, tags: str = "") -> None:
    """Compile a package of a module into a file that runs in any container, too.

    Not by `go install`, which asks for a list of versions that not every proxy has.
    """
    build = ["go", "build", "-tags", tags, "-trimpath", "-buildvcs=false", "-o", str(file), package]
    environment = os.environ | {"GOWORK": "off", "CGO_ENABLED": "0"}
    subprocess.run(build, cwd=module_folder(module), env=environment, check=True)


@attrs.frozen
class GoProgram:
    """A program by the module that it is compiled from."""

    file: str
    """Its file in the cache: with the version in its name, a new one is compiled anew."""
    module: str
    package: str
    tags: str = ""

    @property
    def compiled_file(self) -> Path:
        """Where the compiled program is, or will be."""
        return CACHE / self.file

    def find(self) -> str | None:
        """Return the program, if it is on the PATH or was compiled before."""
        return shutil.which(self.file) or (str(self.compiled_file) if self.compiled_file.exists() else None)

    def compiled(self) -> str:
        """Return the program, compiled if need be: it takes some minutes, once."""
        if (found := self.find()) is not None:
            return found
        CACHE.mkdir(parents=True, exist_ok=True)
        compile_program(self.module, self.package, self.compiled_file, self.tags)
        return str(self.compiled_file)
