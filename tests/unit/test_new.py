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


def test_it_starts_without_a_notice(project: Path) -> None:
    """Whoever tries it first sees the table, and nothing to worry about."""
    done = run(project, sys.executable, "main.py", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


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
    assert {"uses": "actions/checkout@v5"} in workflow["jobs"]["review"]["steps"]


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


# --- Its workflow: each step's own commands, in a repository with an origin ---------------------------------


def step(project: Path, job: str, name: str) -> str:
    """Return the commands of a step."""
    workflow = yaml.safe_load((project / ".github" / "workflows" / "mlflow.yaml").read_text(encoding="utf-8"))
    [commands] = [item["run"] for item in workflow["jobs"][job]["steps"] if item.get("name", "").startswith(name)]
    return str(commands)


def commands(folder: Path, text: str, **environment: str) -> str:
    """Run commands as GitHub does; return what they say."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    people = {f"GIT_{who}_{what}": "e2e@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", text],
        cwd=folder,
        env={"HOME": str(folder.parent), "PATH": path} | people | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


FIVE = "sed -i 's/FixedReplicas(2)/FixedReplicas(5)/' main.py && grep -q 'FixedReplicas(5)' main.py"


@pytest.fixture
def repository(project: Path, tmp_path: Path) -> Path:
    """Return a clone of a repository that holds the project, with everything pushed."""
    commands(tmp_path, "git init --quiet --bare --initial-branch main origin.git; mkdir work")
    folder = tmp_path / "work" / "mlflow"
    commands(tmp_path, "git clone --quiet origin.git work/mlflow 2>&1")
    commands(folder, f"cp -r {project}/. . && git add --all && git commit -qm first && git push -q origin HEAD:main")
    return folder


def test_its_workflow_says_what_a_change_amounts_to(project: Path, repository: Path) -> None:
    """In words, and line by line."""
    base = commands(repository, "git rev-parse HEAD").strip()
    commands(repository, f"{FIVE} && python main.py")
    summary = repository.parent / "summary.md"
    commands(repository, step(project, "review", "Say what changes"), BASE=base, GITHUB_STEP_SUMMARY=str(summary))
    text = summary.read_text(encoding="utf-8")
    assert "development: nothing changes\nproduction: replicas 2 -> 5\n" in text
    assert "\n-  replicas: 2\n+  replicas: 5\n" in text
    assert (repository.parent / "changes.md").read_text(encoding="utf-8") == text


def test_its_workflow_writes_each_environment_to_a_branch(project: Path, repository: Path) -> None:
    """A folder for each; a second time it commits what has changed, and nothing if nothing has."""
    write = step(project, "write", "Write each environment")
    for change, count in (("true", "1"), ("true", "1"), (FIVE, "2")):
        commands(repository, f"{change} && python main.py --quiet")
        commands(repository, write, GITHUB_SHA="0123abc")
        commands(repository, "git worktree remove --force ../manifests && git branch -qD manifests || true")
        commands(repository, "git fetch -q origin manifests")
        assert commands(repository, "git rev-list --count FETCH_HEAD").strip() == count
        files = commands(repository, "git ls-tree -r --name-only FETCH_HEAD").split()
        assert files == ["development/mlflow.yaml", "production/mlflow.yaml"]
    written = commands(repository, "git show FETCH_HEAD:production/mlflow.yaml")
    assert written == (repository / "dist" / "production.k8s.yaml").read_text(encoding="utf-8")
