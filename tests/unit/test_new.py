"""``cdk8s-mlflow new`` writes a project that synthesizes and passes its own tests at once."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cdk8s_mlflow.command_line import main
from cdk8s_mlflow.project import DEVELOPMENT, PRODUCTION

ROOT = Path(__file__).resolve().parents[2]
SYNTH = [str(ROOT / "node_modules" / "cdk8s-cli" / "bin" / "cdk8s"), "synth"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a new project."""
    folder = tmp_path_factory.mktemp("new") / "mlflow"
    assert main(["new", str(folder)]) == 0
    return folder


def run(project: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the project, with this Python first in PATH."""
    own = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "CDK8S_CHECK_UPGRADE": "false"}
    environment = {name: value for name, value in os.environ.items() if name != "CDK8S_OUTDIR"} | own
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


def test_its_table_is_the_one_that_was_meant(project: Path) -> None:
    """The program is written from values, and read back it gives them."""
    assert runpy.run_path(str(project / "main.py"))["ENVIRONMENTS"] == (DEVELOPMENT, PRODUCTION)


def test_it_passes_its_own_tests(project: Path) -> None:
    """Its golden files are what its main.py writes."""
    done = run(project, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


def test_cdk8s_synth_writes_its_charts(project: Path) -> None:
    """With the command line of cdk8s, by its cdk8s.yaml."""
    done = run(project, "node", "--no-deprecation", *SYNTH)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(file.name for file in (project / "dist").iterdir()) == ["development.k8s.yaml", "production.k8s.yaml"]


def test_it_holds_what_a_team_needs_around_it(project: Path) -> None:
    """And nothing that is no text of its own."""
    files = {str(file.relative_to(project)) for file in project.rglob("*") if file.is_file()}
    assert files >= {
        ".github/workflows/mlflow.yaml",
        ".gitignore",
        "README.md",
        "cdk8s.yaml",
        "main.py",
        "requirements.txt",
        "tests/golden/development.k8s.yaml",
        "tests/golden/production.k8s.yaml",
        "tests/test_golden.py",
    }
    workflow = yaml.safe_load((project / ".github" / "workflows" / "mlflow.yaml").read_text(encoding="utf-8"))
    assert {"uses": "actions/checkout@v5"} in workflow["jobs"]["synth"]["steps"]


def test_its_files_pass_the_formatter(project: Path) -> None:
    """In the style of this repository."""
    done = run(project, sys.executable, "-m", "ruff", "format", "--check", "--line-length=120", "main.py", "tests")
    assert done.returncode == 0, done.stdout + done.stderr


def test_rejects_a_directory_in_which_something_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is overwritten."""
    (tmp_path / "main.py").write_text("mine", encoding="utf-8")
    assert main(["new", str(tmp_path)]) == 1
    assert "must be a new or an empty directory" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["main.py"]
