"""A headless Chromium in a pod (tests/e2e/images/chromium) that walks through the UI as people do."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
from e2e.kubectl import Pod, apply_manifests, wait_for_pods
from e2e.manifests import pod

IMAGE = "localhost/chromium:12"
PICTURES = Path(__file__).parents[3] / "docs" / "images"


@attrs.frozen
class Page:
    """Where a walk has ended."""

    url: str
    title: str
    failure: str
    """The step that could not be taken, and what stood there instead; empty if all were."""
    picture: bytes = attrs.field(repr=False)

    def keep(self, name: str) -> None:
        """Write the picture to docs/images/."""
        PICTURES.mkdir(exist_ok=True)
        PICTURES.joinpath(f"{name}.png").write_bytes(self.picture)


def start_chromium(namespace: str) -> Pod:
    """Start the pod."""
    container = {
        "image": IMAGE,
        "command": ["sleep", "infinity"],
        "env": [{"name": "HOME", "value": "/tmp"}],  # noqa: S108 - in the pod
    }
    apply_manifests([pod(namespace, "chromium", container)])
    wait_for_pods(namespace, "chromium")
    return Pod(namespace, "chromium")


def walk(chromium: Pod, steps: Sequence[dict[str, Any]]) -> Page:
    """Take the steps of walk.py in a new browser."""
    program = Path(__file__).with_name("walk.py").read_text(encoding="utf-8")
    output = chromium.execute("python3", "-c", program, json.dumps(list(steps)), timeout=600)
    found = json.loads(output.splitlines()[-1])
    return Page(found["url"], found["title"], found["failure"], base64.b64decode(found["picture"]))
