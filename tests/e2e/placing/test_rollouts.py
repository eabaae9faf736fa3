"""Nothing that keeps two replicas in motion makes a request fail: rollouts, upgrades, changes, evictions."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
from e2e.installation import Installation
from e2e.kubectl import Pod, kubectl, wait_until
from e2e.results import record

from cdk8s_mlflow import Image

from .evictions import evict

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
STOP = "/tmp/stop"  # noqa: S108 - in the pod
PROGRAM = Path(__file__).parents[1] / "client" / "traffic.py"


@contextmanager
def traffic(client: Pod, server: Installation) -> Iterator[dict[str, Any]]:
    """Send requests of every kind until the end of the block; yields what came of it, filled at the end."""
    found: dict[str, Any] = {}
    client.execute("rm", "-f", STOP)
    process = client.start("python", "-c", PROGRAM.read_text(encoding="utf-8"), server.uri, STOP)
    try:
        time.sleep(10)  # the long upload is under way
        yield found
        time.sleep(5)
    finally:
        client.execute("touch", STOP)
        output, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors
    found |= json.loads(output)


def assert_unharmed(found: Mapping[str, Any]) -> None:
    """Check that every kind was sent, and that nothing failed."""
    print(json.dumps(found))  # noqa: T201 - shown with -s, for the docs
    assert found["failures"] == [], found
    assert len(found["sent"]) == 13, found
    assert sum(found["sent"].values()) >= 5 * found["seconds"], found


def gone(pods: list[Pod]) -> None:
    """Wait until pods are no more."""
    names = [f"pod/{pod.name}" for pod in pods]
    kubectl("-n", pods[0].namespace, "wait", "--for=delete", *names, "--timeout=300s", timeout=310)


def restart(server: Installation) -> None:
    """Replace all pods by equal ones."""
    kubectl("-n", server.namespace, "rollout", "restart", f"deployment/{server.name}")


def upgrade(server: Installation) -> None:
    """Replace all pods by those of another image."""
    other = Image(repository="localhost/mlflow-otel", tag="3.17.2", pull_policy="Never")
    Installation(server.namespace, server.name, attrs.evolve(server.props, image=other)).apply()


def change(server: Installation) -> None:
    """Replace all pods by those of another configuration, and of the image of before."""
    level: Any = {"name": "MLFLOW_LOGGING_LEVEL", "value": "WARNING"}
    Installation(server.namespace, server.name, attrs.evolve(server.props, extra_env=[level])).apply()


@pytest.mark.parametrize("disturb", [restart, upgrade, change], ids=lambda item: item.__name__)
def test_a_rollout_loses_no_request(disturb: Callable[[Installation], None], pair: Installation, client: Pod) -> None:
    """While both replicas are replaced every request succeeds, on new and kept connections, long uploads too."""
    old = pair.pods()
    with traffic(client, pair) as found:
        disturb(pair)
        pair.wait(600)
        gone(old)
    assert_unharmed(found)
    assert not {pod.name for pod in old} & {pod.name for pod in pair.pods()}
    pair.assert_calm()


def test_upgrades_one_after_the_other_lose_no_request(pair: Installation, client: Pod) -> None:
    """What happens once in a thousand requests would be seen: to and fro, five times without a pause."""
    with traffic(client, pair) as found:
        for replace in (upgrade, change, upgrade, change, upgrade):
            old = pair.pods()
            replace(pair)
            pair.wait(600)
            gone(old)
    assert_unharmed(found)


def test_an_eviction_loses_no_request_and_waits_for_the_budget(pair: Installation, client: Pod) -> None:
    """The second pod may go only when the first one's successor serves; meanwhile nothing fails."""
    pair.wait(600)
    first, second = pair.pods()
    with traffic(client, pair) as found:
        assert evict(first) == ""
        assert "disruption budget" in evict(second)
        wait_until("the budget to allow the second eviction", lambda: evict(second) == "", timeout=300)
        successors = [pod for pod in pair.pods() if pod.name != second.name]
        assert successors
        pair.wait(600)
        gone([first, second])
    assert_unharmed(found)
    columns = {
        "lost": "nothing",
        "API unavailable, s": max(seconds for name, seconds in found["slowest"].items() if name.startswith("api")),
        "requests failed": f"0 of {sum(found['sent'].values())}",
        "healed": "by itself",
    }
    record("faults", "both server pods are evicted, as a drain does", columns)
