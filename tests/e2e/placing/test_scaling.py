"""The autoscaler under a real load: from its fewest pods up, and back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
from e2e.environments import program
from e2e.installation import Installation, applied, release
from e2e.kubectl import Pod, get, wait_until

from cdk8s_mlflow import Autoscaling, MlflowProps, PostgreSQL

from .conftest import SHARED

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
STOP = "/tmp/stop-scaling"  # noqa: S108 - in the pod
AT_ONCE: Any = {"scaleDown": {"stabilizationWindowSeconds": 15}}


@pytest.fixture
def scaled(place: str, database: PostgreSQL) -> Iterator[Installation]:
    """Start a server of one pod that may become three."""
    store = attrs.evolve(database, database="mlflow")
    scaling = Autoscaling(min_replicas=1, max_replicas=3, average_cpu="150m", behavior=AT_ONCE)
    server = release(place, "scaled", MlflowProps(backend_store=store, artifact_store=SHARED, scaling=scaling))
    with applied(server):
        server.wait(600)
        yield server


def replicas(server: Installation) -> int:
    """Return how many pods serve."""
    found: int = get("deployment", server.name, server.namespace)["status"].get("readyReplicas", 0)
    return found


def test_load_brings_more_pods_and_its_end_takes_them(scaled: Installation, client: Pod) -> None:
    """Applying again meanwhile leaves the number as it is: the Deployment says none."""
    wait_until("the autoscaler to know the use", lambda: current_cpu(scaled), 240)
    assert replicas(scaled) == 1
    client.execute("rm", "-f", STOP)
    load = [client.start("python", "-c", program("load"), scaled.uri, STOP, "20") for _ in range(2)]
    try:
        wait_until("more than one pod", lambda: replicas(scaled) > 1, 400)
        scaled.apply()
        assert replicas(scaled) > 1
    finally:
        client.execute("touch", STOP)
        found = [json.loads(process.communicate(timeout=200)[0].splitlines()[-1]) for process in load]
    assert [failure for item in found for failure in item["failures"]] == []
    wait_until("one pod again", lambda: replicas(scaled) == 1, 400)


def current_cpu(server: Installation) -> object:
    """Return what the autoscaler has measured."""
    status = get("horizontalpodautoscaler", server.name, server.namespace)["status"]
    return [metric["resource"]["current"] for metric in status.get("currentMetrics") or [] if "resource" in metric]
