"""Prometheus' own judge of rules: where it is, or how it is compiled from its Go module."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

MODULE = "github.com/prometheus/prometheus@v0.312.0"
"""Prometheus 3.12, as the test cluster's add-on has it."""
COMPILED = Path(os.environ.get("CLUSTER_HOME", Path.home() / ".cache" / "kubernetes-node"), "bin", "promtool")


def find() -> str | None:
    """Return the program, if it is on the PATH or was compiled before."""
    return shutil.which("promtool") or (str(COMPILED) if COMPILED.exists() else None)


def compiled() -> str:
    """Return the program, compiled if need be: it takes some minutes, once."""
    if (found := find()) is not None:
        return found
    downloaded = subprocess.run(["go", "mod", "download", "-json", MODULE], capture_output=True, text=True, check=True)
    COMPILED.parent.mkdir(parents=True, exist_ok=True)
    # Without the libraries of clouds in which it could look for targets.
    build = ["go", "build", "-tags", "remove_all_sd", "-trimpath", "-buildvcs=false", "-o", str(COMPILED)]
    subprocess.run(
        [*build, "./cmd/promtool"],
        cwd=json.loads(downloaded.stdout)["Dir"],
        env=os.environ | {"GOWORK": "off", "CGO_ENABLED": "0"},
        check=True,
    )
    return str(COMPILED)


if __name__ == "__main__":
    print(compiled())  # noqa: T201 - .ci/run shows it
