"""The pod with the browser, and how a test sends it somewhere."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

from e2e.kubectl import Pod, apply_manifests, kubectl, wait_for_pods
from e2e.manifests import pod

IMAGE = "localhost/chromium:12"
FOLDER = Path(__file__).parent


def start_browser(namespace: str) -> Pod:
    """Start a pod that has a browser."""
    container = {
        "image": IMAGE,
        "command": ["sleep", "infinity"],
        "env": [{"name": "HOME", "value": "/tmp"}],  # noqa: S108 - in the pod
    }
    apply_manifests([pod(namespace, "chromium", container)])
    wait_for_pods(namespace, "chromium")
    return Pod(namespace, "chromium")


def browse(browser: Pod, program: str, *told: str, picture: str) -> dict[str, Any]:
    """Run a program of this folder in the pod and return what it saw.

    With MLFLOW_E2E_PICTURES, the picture of the last page is written to that folder, as the docs show it.
    """
    for name in ("browse", program):
        text = FOLDER.joinpath(f"{name}.py").read_text(encoding="utf-8")
        kubectl("-n", browser.namespace, "exec", "-i", browser.name, "--", "tee", f"/tmp/{name}.py", stdin=text)  # noqa: S108
    command = ("-n", browser.namespace, "exec", "-i", browser.name, "--", "python", f"/tmp/{program}.py")  # noqa: S108
    seen: dict[str, Any] = json.loads(kubectl(*command, stdin=json.dumps(told), timeout=600).splitlines()[-1])
    if folder := os.environ.get("MLFLOW_E2E_PICTURES"):
        Path(folder, picture).write_bytes(base64.b64decode(seen["picture"]))
    return seen
