"""Which Host and Origin headers a running server takes: all by which it is reached, and no stranger's."""

from __future__ import annotations

from typing import Any

import pytest
from e2e.kubectl import Pod, get

from .releases import FILTERED_HOST, PLAIN_HOSTS, SHARED_HOST, Server, ask, names_of_service

pytestmark = pytest.mark.e2e

SEARCH = "/ajax-api/2.0/mlflow/experiments/search"
INGRESS, ROUTE = PLAIN_HOSTS


def accepted_hosts(server: Server) -> list[str]:
    """Return every Host by which the server is reached: DNS, doors, port-forward, monitoring, NodePort."""
    names = [
        *names_of_service(server.name, server.namespace),
        INGRESS,
        ROUTE,
        SHARED_HOST,
        FILTERED_HOST,
        "localhost",
        "127.0.0.1",
    ]
    node_port = get("service", server.name, server.namespace)["spec"]["ports"][0]["nodePort"]
    node = server.pod.status()["hostIP"]
    return [
        *names,
        *(f"{name}:{port}" for name in names for port in (5000, 443, 8080)),
        server.address,
        f"{server.address}:5000",
        node,
        f"{node}:{node_port}",
    ]


def strange_hosts(server: Server) -> list[str]:
    """Return names that somebody else could make point here, and addresses that are not the server's."""
    return [
        "attacker.example",
        "attacker.example:5000",
        "10.attacker.example",
        "10.0.0.1.attacker.example:5000",
        "192.168.attacker.example",
        "172.16.attacker.example:5000",
        f"{server.name}.attacker.example",
        f"{server.name}.{server.namespace}.svc.attacker.example",
        f"{INGRESS}.attacker.example",
        f"attacker-{INGRESS}",
        f"attacker.example#{INGRESS}",
        f"localhost.attacker.example:{5000}",
        "example.com",
        "other.example.com",
        f"other.{server.namespace}",
        f"{server.name}.other-namespace",
        f"{server.address}:80",
        f"{server.address}.attacker.example:5000",
        "10.0.0.1",
        "10.0.0.1:5000",
        "169.254.169.254",
        "0.0.0.0:5000",
        "[::1]:5000",
        "*",
        "",
    ]


def search(client: Pod, server: Server, *headers: dict[str, str]) -> list[dict[str, Any]]:
    """Send one request with each of some headers."""
    url = f"http://{server.host}:5000{SEARCH}"
    requests = [{"url": url, "method": "POST", "headers": item, "body": {"max_results": 1}} for item in headers]
    return ask(client, *requests)


def refused(answers: list[dict[str, Any]], words: str) -> list[bool]:
    """Say for each answer whether it is a refusal with these words."""
    return [answer["status"] == 403 and words in answer["text"] for answer in answers]


def test_answers_to_every_name_by_which_it_is_reached(at_root: Server, client: Pod) -> None:
    """Each with and without a port, the pod's own address with its own port alone."""
    hosts = accepted_hosts(at_root)
    answers = search(client, at_root, *({"Host": host} for host in hosts))
    assert [host for host, answer in zip(hosts, answers, strict=True) if answer["status"] != 200] == []


def test_rejects_every_other_name(at_root: Server, client: Pod) -> None:
    """Look-alikes, other ports of its address, and MLflow's own default of all private networks."""
    hosts = strange_hosts(at_root)
    answers = search(client, at_root, *({"Host": host} for host in hosts))
    passed = zip(hosts, refused(answers, "Invalid Host header"), strict=True)
    assert [host for host, is_refused in passed if not is_refused] == []


def test_a_forwarded_host_neither_opens_nor_moves(at_root: Server, client: Pod) -> None:
    """A stranger's Host is refused whatever a proxy is said to have seen, and no answer names that."""
    forged = {"X-Forwarded-Host": INGRESS, "Forwarded": f"host={INGRESS}"}
    (answer,) = search(client, at_root, {"Host": "attacker.example", **forged})
    assert answer["status"] == 403
    away = {"X-Forwarded-Host": "attacker.example", "X-Forwarded-Prefix": "//attacker.example"}
    (answer,) = search(client, at_root, {"Host": INGRESS, **away})
    assert answer["status"] == 200
    assert "attacker" not in str(answer)


@pytest.mark.parametrize(
    "origin",
    [f"https://{INGRESS}", f"https://{ROUTE}", "http://localhost:8080", "http://127.0.0.1:5000", ""],
    ids=["ingress", "route", "port-forward", "port-forward-by-address", "no-browser"],
)
def test_pages_of_its_own_may_write(at_root: Server, client: Pod, origin: str) -> None:
    """Those of the doors, of a port-forward, and clients that are no browsers."""
    (answer,) = search(client, at_root, {"Origin": origin} if origin else {})
    assert answer["status"] == 200, answer


def test_rejects_pages_of_every_other_origin(at_root: Server, client: Pod) -> None:
    """Another scheme or port is another origin."""
    origins = [
        "https://attacker.example",
        f"http://{INGRESS}",
        f"https://{INGRESS}:8443",
        f"https://{INGRESS}.attacker.example",
        f"https://attacker.example/{INGRESS}",
        f"https://attacker-{INGRESS}",
        f"https://{INGRESS}@attacker.example",
        f"http://{at_root.address}:5000",
        f"http://{at_root.host}:5000",
        "https://localhost.attacker.example",
        "null",
        "file://",
        "*",
    ]
    answers = search(client, at_root, *({"Origin": origin} for origin in origins))
    passed = zip(origins, refused(answers, "Cross-origin request blocked"), strict=True)
    assert [origin for origin, is_refused in passed if not is_refused] == []


def test_no_other_page_may_read_either(at_root: Server, client: Pod) -> None:
    """Browsers ask beforehand, and show an answer only to the origin that it names."""
    url = f"http://{at_root.host}:5000{SEARCH}"
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    origins = ("https://attacker.example", f"http://{INGRESS}", f"https://{INGRESS}")
    answers = ask(
        client,
        *(
            {"url": url, "method": method, "headers": {"Origin": o} | asked}
            for o in origins
            for method in ("OPTIONS", "GET")
        ),
    )
    allowed = [answer["headers"].get("access-control-allow-origin") for answer in answers]
    assert allowed == [None] * 4 + [f"https://{INGRESS}"] * 2
