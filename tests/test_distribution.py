"""What is published: wheel and sdist hold the package, typed, with its bundles, and nothing else."""

from __future__ import annotations

import email
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from programs_of_users import ROOT
from wheel import contents

import cdk8s_mlflow


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build both, the wheel out of the sdist, with the backend that is installed."""
    folder = tmp_path_factory.mktemp("build")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_wheel_and_sdist_hold_what_is_tracked(built: Path) -> None:
    """Both packages with their typing markers and .jsii.tgz bundles; no test, no document, no file of an editor."""
    files = sorted(built.iterdir())
    assert [file.suffix for file in files] == [".whl", ".gz"] or [file.suffix for file in files] == [".gz", ".whl"]
    assert [line for file in files for line in contents.differences(file)] == []
    tracked = contents.tracked("constructs", "imports")
    assert {"constructs/cdk8s_mlflow/py.typed", "imports/cdk8s_mlflow_crds/py.typed"} <= tracked
    folders = {path.rpartition("/")[0] for path in tracked if path.endswith("/_jsii/__init__.py")}
    assert folders == {path.rpartition("/")[0] for path in tracked if path.endswith(".jsii.tgz")} != set()


def test_a_file_too_much_is_noticed(built: Path, tmp_path: Path) -> None:
    """Or the test above would say nothing."""
    [wheel] = built.glob("*.whl")
    copy = tmp_path / wheel.name
    shutil.copy(wheel, copy)
    with zipfile.ZipFile(copy, "a") as archive:
        archive.writestr("tests/secret.txt", "x")
    assert contents.differences(copy) == [f"{wheel.name}: should not hold tests/secret.txt"]


def test_its_metadata_is_what_an_index_takes(built: Path) -> None:
    """Checked as strictly as twine can, and complete."""
    check = [sys.executable, "-m", "twine", "check", "--strict", *map(str, built.iterdir())]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    [wheel] = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        [name] = [item for item in archive.namelist() if item.endswith(".dist-info/METADATA")]
        metadata = email.message_from_string(archive.read(name).decode())
    assert metadata["Version"] == cdk8s_mlflow.__version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])
    assert metadata["Description-Content-Type"] == "text/markdown"


def test_the_release_is_published_without_a_password() -> None:
    """By trusted publishing, with provenance and a bill of materials; only the publishing job may ask for a token."""
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yaml").read_text(encoding="utf-8"))
    text = yaml.safe_dump(workflow)
    assert "secrets." not in text
    assert workflow["permissions"] == {"contents": "read"}
    rights = {name: job.get("permissions", {}) for name, job in workflow["jobs"].items()}
    assert {name for name, right in rights.items() if right.get("id-token") == "write"} == {"attest", "publish"}
    assert workflow["jobs"]["publish"]["needs"] == ["build", "attest"]
