"""Nothing but our own table reaches the terminal: no warning of Python's, no banner of Node's or jsii's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from programs_of_users import ROOT, run

import cdk8s_mlflow

OWN_CHART = (ROOT / "tests" / "wheel" / "main.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("program", [(ROOT / "main.py").read_text(encoding="utf-8"), OWN_CHART], ids=["table", "own"])
def test_a_synth_says_nothing_where_it_is_asked_to_be_quiet(program: str, tmp_path: Path) -> None:
    """Every warning is an error, every file is compiled anew, and not a line is printed."""
    (tmp_path / "main.py").write_text(program, encoding="utf-8")
    done = run(tmp_path, sys.executable, "-X", "dev", "-W", "error", "main.py", "--quiet", PYTHONDONTWRITEBYTECODE="1")
    # What props loosen is said all the same.
    said = [line for line in done.stderr.splitlines() if not line.startswith("staging: the Ingress opens the server")]
    assert (done.returncode, done.stdout, said) == (0, "", [])


def test_every_name_can_be_imported_without_a_warning(tmp_path: Path) -> None:
    """With the bindings of the other packages' definitions."""
    code = "import cdk8s_mlflow\nfor name in cdk8s_mlflow.__all__: getattr(cdk8s_mlflow, name)\n" + "".join(
        f"import {'.'.join(file.parent.relative_to(ROOT / 'imports').parts)}\n"
        for file in sorted((ROOT / "imports" / "cdk8s_mlflow_crds").rglob("__init__.py"))
        if file.parent.name != "_jsii" and (file.parent / "_jsii").exists()
    )
    done = run(tmp_path, sys.executable, "-W", "error", "-c", code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("command", ["--help", "schema"])
def test_the_command_line_warns_of_nothing(command: str) -> None:
    """Nor does it load what could."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "cdk8s_mlflow.command_line", command],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_version_stands_in_one_place() -> None:
    """What is built, and what a new project asks for, is read from there."""
    version = cdk8s_mlflow.__version__
    places = [
        str(file.relative_to(ROOT))
        for folder in ("constructs", "pyproject.toml", "image", "main.py", "requirements.txt")
        for file in ([ROOT / folder] if (ROOT / folder).is_file() else sorted((ROOT / folder).rglob("*.*")))
        if file.suffix in {".py", ".toml", ".txt"} and f'"{version}"' in file.read_text(encoding="utf-8")
    ]
    assert places == ["constructs/cdk8s_mlflow/_version.py"]
