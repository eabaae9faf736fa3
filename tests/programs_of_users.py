"""Apps as their users run them: with Python, and with the command line of cdk8s."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from cdk8s_mlflow.node import wheel_node

ROOT = Path(__file__).parents[1]
CLI = ROOT / "node_modules" / "cdk8s-cli" / "bin" / "cdk8s"


def run(folder: Path, *command: str, **own: str) -> subprocess.CompletedProcess[str]:
    """Run a command with this Python and its Node first on the PATH, as the Makefile does."""
    node = wheel_node()
    assert node is not None
    path = f"{Path(sys.executable).parent}:{Path(node).parent}:{os.environ['PATH']}"
    environment = {name: value for name, value in os.environ.items() if name != "CDK8S_OUTDIR"}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment | {"PATH": path, "JSII_NODE": node, "CDK8S_CHECK_UPGRADE": "false"} | own,
        capture_output=True,
        text=True,
        check=False,
    )


def synth(folder: Path, *flags: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line of cdk8s."""
    assert CLI.exists(), "node_modules is not installed; run: make test"
    return run(folder, "node", "--no-deprecation", str(CLI), "synth", *flags, **environment)
