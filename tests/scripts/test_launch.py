"""The launcher that gives a process URIs with secrets, for drivers that take them nowhere else."""

from __future__ import annotations

import json
import os
import string
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from cdk8s_mlflow.scripts import launch

SETTINGS = {
    "URI": {
        "text": "mssql+pymssql://${user}:${password}@db:1433/mlflow",
        "variables": {"user": "CREDENTIAL_0", "password": "CREDENTIAL_1"},
    }
}


@pytest.mark.parametrize(
    "password", [string.printable.strip(), "p@s/s#w%41:?d&$x", "pässwörd 🔑", "${user}", " "], ids=list("abcde")
)
def test_any_password_comes_out_of_the_uri_as_it_was(password: str) -> None:
    """Every character that means something in a URI is encoded, and a blank is no plus."""
    environment = {"CREDENTIAL_0": "alice", "CREDENTIAL_1": password}
    parts = urlsplit(launch.complete(SETTINGS, environment)["URI"])
    assert (parts.hostname, parts.port, parts.path) == ("db", 1433, "/mlflow")
    assert unquote(parts.username or "") == "alice"
    assert unquote(parts.password or "") == password


def test_the_process_does_not_get_the_parts() -> None:
    """The URI is enough; everything else stays."""
    environment = {"CREDENTIAL_0": "alice", "CREDENTIAL_1": "x", "HOME": "/tmp"}  # noqa: S108
    assert set(launch.complete(SETTINGS, environment)) == {"URI", "HOME"}


def test_the_launcher_becomes_the_program(tmp_path: Path) -> None:
    """It has the same process id, so it gets every signal; the status is the program's."""
    settings = tmp_path / "launch.json"
    settings.write_text(json.dumps(SETTINGS), encoding="utf-8")
    program = "import os, sys; print(os.getpid(), os.environ['URI'], *sys.argv[1:]); sys.exit(7)"
    with subprocess.Popen(
        [sys.executable, launch.__file__, str(settings), sys.executable, "-c", program, "--port", "5000"],
        env={"PATH": os.environ["PATH"], "CREDENTIAL_0": "alice", "CREDENTIAL_1": "a b"},
        stdout=subprocess.PIPE,
        text=True,
    ) as started:
        output, _ = started.communicate()
    assert output == f"{started.pid} mssql+pymssql://alice:a%20b@db:1433/mlflow --port 5000\n"
    assert started.returncode == 7
