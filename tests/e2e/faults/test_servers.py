"""Server pods that die: killed as they stand, one or all of them, while a client writes."""

from __future__ import annotations

import pytest
from e2e.installation import Installation
from e2e.kubectl import Pod, container_statuses, wait_until

from .writing import writing

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
    assert found.lost == []
    found.keep("one of two server pods is killed (SIGKILL)")


def test_all_are_killed(pair: Installation, client: Pod) -> None:
    """They come back by themselves."""
    with writing(client, pair) as found:
        for pod in pair.pods():
            kill(pod)
        pair.wait(300)
    assert found.lost == []
    found.keep("all server pods are killed (SIGKILL)")
