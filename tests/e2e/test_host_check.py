"""The names that a server answers to, asked inside the cluster."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .environments import Environment, run
from .kubectl import Pod

pytestmark = pytest.mark.e2e


def search(client: Pod, environment: Environment, address: str, host: str = "") -> dict[str, Any]:
    """Send a request to an address, for a host if that is another one."""
    request = {
        "url": f"http://{address}/api/2.0/mlflow/experiments/search",
        "method": "POST",
        "headers": environment.authorization | ({"Host": host} if host else {}),
        "body": {"max_results": 1},
    }
    [answer] = run(client, "ask", json.dumps([request]))
    return dict(answer)


def test_answers_to_every_form_of_the_service_name(environment: Environment, client: Pod) -> None:
    """Clients write the short, the long and the full DNS name, with the port."""
    assert [search(client, environment, f"{host}:5000")["status"] for host in environment.hosts] == [200, 200, 200]


def test_answers_to_the_pods_own_address(environment: Environment, client: Pod) -> None:
    """Monitoring asks each pod by its address."""
    for server in environment.servers():
        assert search(client, environment, f"{server.status()['podIP']}:5000")["status"] == 200


def test_answers_to_port_forward(environment: Environment, client: Pod) -> None:
    """The README's way to the user interface ends at localhost."""
    assert search(client, environment, f"{environment.hosts[-1]}:5000", host="localhost:5000")["status"] == 200


@pytest.mark.parametrize(
    "host",
    [
        "attacker.example",
        "attacker.example:5000",
        "10.attacker.example",
        "192.168.attacker.example:5000",
        "mlflow.attacker.example",
        "mlflow.example.com.attacker.example",
        "10.0.0.1:5000",
    ],
)
def test_rejects_a_foreign_host(environment: Environment, client: Pod, host: str) -> None:
    """A name that somebody else's DNS points to the server (DNS rebinding) gets nothing."""
    answer = search(client, environment, f"{environment.hosts[-1]}:5000", host)
    assert answer["status"] == 403
    assert "Invalid Host header" in answer["text"]
