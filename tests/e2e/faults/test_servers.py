"""Server pods that die: killed as they stand, one or all of them, while a client writes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from e2e.installation import Installation
from e2e.kubectl import Pod, container_statuses, wait_until

from .writing import NOTHING, writing

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def kill(pod: Pod) -> None:
    """Kill every process of the server at once, but the first one, which no process of its own may kill."""
    before = restarts(pod)
    # kubectl is told nothing: its own process there is killed as well.
    pod.attempt("sh", "-c", "kill -9 -1", container="mlflow")
    wait_until("the killed container to be started again", lambda: restarts(pod) > before, 120)


def restarts(pod: Pod) -> int:
    """Return how often the server's container was started again."""
    [state] = [state for state in container_statuses(pod) if state["name"] == "mlflow"]
    count: int = state["restartCount"]
    return count


def test_one_of_two_is_killed(pair: Installation, client: Pod) -> None:
    """The other one serves on."""
    with writing(client, pair) as found:
        kill(pair.pods()[0])
        pair.wait(300)
    assert found.lost == NOTHING
    found.keep("one of two server pods is killed (SIGKILL)")


def test_all_are_killed(pair: Installation, client: Pod) -> None:
    """They come back by themselves."""
    with writing(client, pair) as found:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(kill, pair.pods()))
        pair.wait(300)
    assert found.lost == NOTHING
    found.keep("all server pods are killed (SIGKILL)")


TOO_LARGE = """
import sys, requests
requests.post(f"{sys.argv[1]}/api/2.0/mlflow/runs/log-batch", data=(b" " * 2**20 for _ in range(4096)),
    headers={"Content-Type": "application/json"}, timeout=300)
"""


def test_a_request_is_larger_than_the_memory_limit(pair: Installation, client: Pod) -> None:
    """4 GiB of JSON, which no server reads piece by piece: the pod that got it is killed, and started again."""
    before = sum(pair.restarts().values())
    with writing(client, pair) as found:
        done = client.attempt("python", "-c", TOO_LARGE, pair.uri)
        assert "ConnectionError" in done.stderr, done.stdout + done.stderr
        wait_until("the restart", lambda: sum(pair.restarts().values()) > before, 120)
        pair.wait(300)
    assert found.lost == NOTHING
    assert "OOMKilled" in str([container_statuses(pod) for pod in pair.pods()])
    found.keep("a request of 4 GiB of JSON meets the memory limit of one of two server pods")
