"""Pods that go away: what was logged stays, and clients of several replicas notice nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .environments import RELEASE, Environment, deletion_command, program, run
from .kubectl import Pod, apply, container_statuses, kubectl

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def where(running: dict[str, Environment], client: Pod) -> str:
    """Log one of everything to the development server."""
    return json.dumps(run(client, "tracking", "record", running["development"].uri))


def read(environment: Environment, client: Pod, where: str) -> Any:
    """Return what the server still has."""
    environment.wait()
    return run(client, "tracking", "read", environment.uri, where)


def restarts(pod: Pod) -> int:
    """Return how often the pod's containers were started again."""
    return sum(state["restartCount"] for state in container_statuses(pod))


def test_data_outlives_the_pod(development: Environment, client: Pod, where: str) -> None:
    """A deleted pod is replaced by one that has the run, the artifact, the model and the trace."""
    before = read(development, client, where)
    [old] = development.servers()
    kubectl("-n", old.namespace, "delete", "pod", old.name)
    [new] = development.servers()
    assert new != old
    assert read(development, client, where) == before
    assert restarts(new) == 0


def test_data_and_keys_outlive_the_delete_command(development: Environment, client: Pod, where: str) -> None:
    """The README's delete command keeps the volume claim and the keys, so applying again brings everything back."""
    before, keys = read(development, client, where), development.secrets()
    kubectl("-n", development.namespace, *deletion_command())
    kubectl("-n", development.namespace, "wait", "--for=delete", "pod", "-l", RELEASE, "--timeout=120s")
    apply(development.file)
    assert read(development, client, where) == before
    assert development.secrets() == keys
    assert [restarts(pod) for pod in development.servers()] == [0]


def test_rolling_restart_loses_no_request(production: Environment, client: Pod) -> None:
    """While all replicas are replaced, every request succeeds at its first attempt, on new and on kept connections."""
    stop = "/tmp/stop"  # noqa: S108 - in the pod
    client.execute("rm", "-f", stop)
    load = client.start("python", "-c", program("load"), production.uri, stop)
    try:
        old = production.servers()
        kubectl("-n", production.namespace, "rollout", "restart", "deployment/mlflow")
        production.wait()
        names = [f"pod/{pod.name}" for pod in old]
        kubectl("-n", production.namespace, "wait", "--for=delete", *names, "--timeout=120s")
    finally:
        client.execute("touch", stop)
        output, errors = load.communicate(timeout=120)
    assert load.returncode == 0, errors
    result = json.loads(output)
    assert result["failures"] == []
    assert result["sent"] >= 100
    assert result["stored"] == result["written"]
    assert [restarts(pod) for pod in production.servers()] == [0, 0, 0]
