"""Images of the tests' own: built by the cluster kit where the cluster lacks them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory

import pytest
from e2e.kubectl import kubectl
from go_programs import compile_program

IMAGES = Path(__file__).parent / "images"
KIT = Path(__file__).parents[3] / "shared" / "cluster"


def need_image(image: str, go_module: str = "") -> None:
    """Build an image from images/ if the cluster lacks it; skip the test where only the cluster's owner could.

    Where its Containerfile copies a program in Go, that is built first: the program at the root of a module
    (``PATH@VERSION``), under the name of the folder.
    """
    if is_there(image):
        return
    if not (KIT / "image").exists():
        message = f"the cluster has no {image}, and {KIT / 'image'}, which would build it, is not there"
        pytest.fail(message) if os.environ.get("MLFLOW_E2E") == "1" else pytest.skip(message)
    folder = IMAGES / image.rpartition("/")[2].partition(":")[0]
    with TemporaryDirectory() as context:
        copytree(folder, context, dirs_exist_ok=True)
        if go_module:
            compile_program(go_module, ".", Path(context, folder.name))
        _run([str(KIT / "image"), image, context])


def is_there(image: str) -> bool:
    """Return whether a node has the image: the names that a node tells are some of its images' only."""
    if (KIT / "env").exists():
        look = f'source "{KIT}/env" && ctr -a "$CONTAINERD" -n k8s.io image ls -q "name==$1"'
        return bool(_run(["bash", "-c", look, "bash", image]).strip())
    nodes = json.loads(kubectl("get", "nodes", "-o", "json"))["items"]
    return any(image in (item.get("names") or []) for node in nodes for item in node["status"]["images"])


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: status {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout
