"""The real `cdk8s synth`, as `make synth` runs it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from programs_of_users import ROOT, run, synth


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file of dist/."""
    return {file.name: file.read_bytes() for file in (folder / "dist").iterdir()}


@pytest.fixture(scope="module")
def synthesized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the app after `cdk8s synth`."""
    folder = tmp_path_factory.mktemp("synth")
    for name in ("main.py", "cdk8s.yaml"):
        shutil.copy(ROOT / name, folder / name)
    done = synth(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_cdk8s_synth_and_python_write_the_same_bytes(synthesized: Path, tmp_path: Path) -> None:
    """The command line adds nothing but its check of the files."""
    shutil.copy(ROOT / "main.py", tmp_path / "main.py")
    done = run(tmp_path, "python", "main.py")
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path) == contents(synthesized)


def test_a_second_synth_writes_the_same_bytes(synthesized: Path) -> None:
    """Nothing depends on time, chance or the order of a set."""
    before = contents(synthesized)
    assert synth(synthesized).returncode == 0
    assert contents(synthesized) == before


def test_rejects_wrong_props_with_one_message_and_no_file(tmp_path: Path) -> None:
    """Through the command line too: status 1, no traceback, and dist/ stays away."""
    text = (ROOT / "main.py").read_text(encoding="utf-8")
    (tmp_path / "main.py").write_text(text.replace("scaling=FixedReplicas(3)", "workers=0"), encoding="utf-8")
    shutil.copy(ROOT / "cdk8s.yaml", tmp_path / "cdk8s.yaml")
    done = synth(tmp_path)
    assert done.returncode == 1
    assert "production: MlflowProps.workers: must be positive (got 0); write 1 or more" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not (tmp_path / "dist").exists()


def test_rejects_wrong_props_and_leaves_the_last_good_files(synthesized: Path, tmp_path: Path) -> None:
    """A failed synth takes nothing away."""
    shutil.copytree(synthesized, tmp_path / "app")
    folder = tmp_path / "app"
    text = (folder / "main.py").read_text(encoding="utf-8")
    (folder / "main.py").write_text(text.replace("scaling=FixedReplicas(3)", "workers=0"), encoding="utf-8")
    assert run(folder, "python", "main.py").returncode == 1
    assert contents(folder) == contents(synthesized)
