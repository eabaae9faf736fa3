"""Fail unless wheel and sdist hold what Git tracks of the package, their metadata, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = {"constructs/cdk8s_mlflow/": "cdk8s_mlflow/", "imports/cdk8s_mlflow_crds/": "cdk8s_mlflow_crds/"}
METADATA = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}
TOP = {".gitignore", "CHANGELOG.md", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml"}


def tracked(*folders: str) -> set[str]:
    """Return the files of folders that are in Git."""
    done = subprocess.run(["git", "ls-files", *folders], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def of_wheel(file: Path) -> tuple[set[str], set[str]]:
    """Return what a wheel holds, and what it should."""
    name = "-".join(file.name.split("-")[:2])
    with zipfile.ZipFile(file) as wheel:
        held = {item for item in wheel.namelist() if not item.endswith("/")}
    wanted = {
        target + path.removeprefix(source) for source, target in SOURCES.items() for path in tracked(source.rstrip("/"))
    }
    return held, wanted | {f"{name}.dist-info/{item}" for item in METADATA}


def of_sdist(file: Path) -> tuple[set[str], set[str]]:
    """Return what an sdist holds, and what it should."""
    name = file.name.removesuffix(".tar.gz")
    with tarfile.open(file) as sdist:
        held = {item.name for item in sdist if item.isfile()}
    return held, {f"{name}/{path}" for path in tracked("constructs", "imports") | TOP}


def differences(file: Path) -> list[str]:
    """Return what is missing, and what is there too much."""
    held, wanted = of_wheel(file) if file.suffix == ".whl" else of_sdist(file)
    return [f"{file.name}: lacks {item}" for item in sorted(wanted - held)] + [
        f"{file.name}: should not hold {item}" for item in sorted(held - wanted)
    ]


if __name__ == "__main__":
    found = [line for argument in sys.argv[1:] for line in differences(Path(argument))]
    if len(sys.argv) != 3 or found:
        sys.exit("\n".join(found) or "name the wheel and the sdist")
