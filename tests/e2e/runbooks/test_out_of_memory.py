"""A pod is killed at its memory limit: what the page says is what one sees, and more memory mends it."""

from __future__ import annotations

from typing import Any

import pytest
from e2e.kubectl import Pod, wait_until

from .home import bad_day, changed, mlflow
from .page import FIRST, Reader

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
SCARCE: Any = {"limits": {"memory": "200Mi"}}


def test_more_memory_mends_it(reader: Reader, client: Pod) -> None:
    """MLflow does not even start in 200 MiB, which a busy node takes minutes to see."""
    server = mlflow(reader, client)
    with bad_day(reader, client, server):
        changed(server, resources=SCARCE).apply()
        wait_until("the container was killed", lambda: any(server.restarts().values()), 900)
        reader.follow(FIRST, "get deployment,pods,jobs")
        assert "OOMKilled" in reader.finds("MlflowRestarting", "describe pods", "OOMKilled")
        reader.attempt("MlflowRestarting", "--previous")
        reader.finds("A pod is killed at its memory limit", "top pod", "mlflow")
        server.apply()
