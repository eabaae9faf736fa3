"""What was counted survives the server's container, and what serves it survives a server that is gone."""

from __future__ import annotations

import pytest
from e2e.installation import Installation
from e2e.kubectl import Pod, wait_until

from .asking import address, ask, samples

# The first process of a container ignores the signal; it ends when its child does.
STOP = """
import os
for name in filter(str.isdigit, os.listdir("/proc")):
    if int(name) not in (1, os.getpid()):
        os.kill(int(name), 9)
"""

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def test_a_restart_is_seen_and_loses_no_count(seen: Installation, monitor: Pod) -> None:
    """A worker that dies is replaced; the whole server that dies is down for a while; sums never fall."""
    url = f"http://{address(seen)}:9464/metrics"

    def read() -> dict[str, float]:
        [(status, text)] = ask(monitor, url)
        assert status == 200
        return samples(text)

    def counted(found: dict[str, float]) -> float:
        return sum(value for name, value in found.items() if name.startswith("mlflow_http_request_total{"))

    before = counted(read())
    [pod] = seen.pods()
    pod.attempt("python", "-c", STOP, container="mlflow")
    wait_until("the server is seen to be down", lambda: read()["mlflow_up"] == 0, 30)
    wait_until("the server is up again", lambda: read()["mlflow_up"] == 1, 240)
    assert counted(read()) >= before
