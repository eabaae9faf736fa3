"""What a synth sends to Node: the numbers on which its time depends, and which no machine changes."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest

BENCH = Path(__file__).parent / "bench"


@functools.cache
def crossings(environments: int) -> tuple[Counter[str], list[int]]:
    """Return how often each kind of request went to Node, and how many objects each file has."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, str(BENCH / "crossings.py"), str(environments)],
            env=os.environ | {"CDK8S_OUTDIR": folder, "CDK8S_MLFLOW_QUIET": "1"},
            capture_output=True,
            text=True,
            check=True,
        )
        objects = [file.read_text(encoding="utf-8").count("\nkind: ") for file in Path(folder).iterdir()]
    return Counter(json.loads(done.stdout)), objects


def test_a_production_environment_has_its_objects() -> None:
    """More objects take longer: a new one is added here on purpose."""
    assert crossings(3)[1] == [19, 19, 19]


def test_an_object_crosses_twice_and_a_value_once() -> None:
    """Create it, patch it; a value that several objects or environments have in common crosses once."""
    found, _ = crossings(1)
    assert found["create cdk8s.ApiObject"] == 19
    assert found["invoke addJsonPatch"] == 19
    assert found["staticinvoke cdk8s.JsonPatch add"] <= 20


def test_a_further_environment_sends_what_is_its_own() -> None:
    """Its chart, its construct, its objects, and the few values that differ: here hosts, stores and the namespace."""
    first, second, third = (crossings(number)[0] for number in (1, 2, 3))
    assert second - first == {
        "create cdk8s.Chart": 1,
        "create constructs.Construct": 1,
        "create cdk8s.ApiObject": 19,
        "invoke addJsonPatch": 19,
        "staticinvoke cdk8s.JsonPatch add": 5,
    }
    assert third - second == second - first


@pytest.mark.parametrize("kind", ["load", "create cdk8s.App", "invoke synth"])
def test_what_the_app_needs_crosses_once(kind: str) -> None:
    """However many environments there are; the packages loaded are constructs and cdk8s, not cdk8s-plus."""
    assert crossings(3)[0][kind] == (2 if kind == "load" else 1)


def test_nothing_else_crosses() -> None:
    """No property is read back, and nothing calls back into Python."""
    known = {"load", "create cdk8s.App", "create cdk8s.Chart", "create constructs.Construct", "create cdk8s.ApiObject"}
    known |= {"staticinvoke cdk8s.JsonPatch add", "invoke addJsonPatch", "invoke synth"}
    assert set(crossings(3)[0]) == known
