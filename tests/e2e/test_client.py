"""The MLflow client in another namespace, through the Service's DNS name."""

from __future__ import annotations

import base64
import json

import pytest

from .environments import Environment, run
from .kubectl import Pod
from .recorded import RECORDED

pytestmark = pytest.mark.e2e


def test_reads_everything_that_it_logged(environment: Environment, client: Pod) -> None:
    """Parameters, metrics, artifacts, a registered model and a trace come back as they were."""
    where = run(client, "tracking", "record", environment.uri)
    assert run(client, "tracking", "read", environment.uri, json.dumps(where)) == RECORDED


def test_moves_an_artifact_of_200_megabytes(environment: Environment, client: Pod) -> None:
    """An artifact far above every default body size and buffer goes up and comes down unharmed."""
    result = run(client, "large_artifact", environment.uri, "200")
    assert result["bytes"] == 200_000_000
    assert result["received"] == result["sent"]


def test_production_asks_who_it_is(production: Environment, client: Pod) -> None:
    """Where there is a login, a client of the allowed namespace gets nothing without it, or with a wrong password."""
    url = f"http://{production.hosts[-1]}:5000/api/2.0/mlflow/experiments/search"
    wrong = {"Authorization": f"Basic {base64.b64encode(b'admin:password1234').decode()}"}
    asked = [{"url": url, "method": "POST", "headers": headers, "body": {"max_results": 1}} for headers in ({}, wrong)]
    assert [answer["status"] for answer in run(client, "ask", json.dumps(asked))] == [401, 401]
