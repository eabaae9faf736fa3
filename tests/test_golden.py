"""The golden files: what main.py and the README's example write, reviewed like code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from main import ENVIRONMENTS

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "golden"


def example() -> str:
    """Return the README's ten lines."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("## A server in ten lines")[2]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found is not None, "README.md has no Python example under 'A server in ten lines'"
    return found[1]


def written(folder: Path, *command: str) -> dict[str, str]:
    """Return the files that a program writes, by the environment's name."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=os.environ | {"CDK8S_OUTDIR": str(folder / "dist")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {
        file.name.removesuffix(".k8s.yaml"): file.read_text(encoding="utf-8") for file in (folder / "dist").iterdir()
    }


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return what main.py writes, and the README's example as ``readme``."""
    environments = written(tmp_path_factory.mktemp("main"), str(ROOT / "main.py"))
    readme = written(tmp_path_factory.mktemp("readme"), "-c", example())
    assert list(readme) == ["mlflow"]
    return environments | {"readme": readme["mlflow"]}


@pytest.mark.parametrize("name", [*(environment.name for environment in ENVIRONMENTS), "readme"])
def test_the_file_is_the_golden_one(files: dict[str, str], regenerate: bool, name: str) -> None:
    """Byte by byte; `make golden` writes them anew."""
    golden = GOLDEN / f"{name}.yaml"
    if regenerate:
        GOLDEN.mkdir(exist_ok=True)
        golden.write_text(files[name], encoding="utf-8")
    assert golden.read_text(encoding="utf-8") == files[name]


def test_there_is_a_golden_file_for_each_file_and_no_other(files: dict[str, str]) -> None:
    """A removed environment leaves no file behind."""
    assert {file.stem for file in GOLDEN.iterdir()} == set(files)


def test_the_example_has_about_ten_lines() -> None:
    """The heading says so."""
    assert len([line for line in example().splitlines() if line]) <= 10


def test_rejects_regenerating_in_ci() -> None:
    """Nobody would review the diff."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--regenerate", "tests/test_golden.py"],
        cwd=ROOT,
        env=os.environ | {"CI": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4
    assert "--regenerate is refused in CI" in done.stderr
