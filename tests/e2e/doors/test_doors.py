"""Browsers and clients through the doors: Ingress and Gateway at the root, Gateway below a prefix with a login."""

from __future__ import annotations

import json
from typing import Any

import pytest
from e2e.kubectl import Pod, wait_until
from e2e.visitors import Door, scripts

from .releases import (
    ARTIFACTS,
    AUTHORIZATION,
    FILTERED_HOST,
    PLAIN_HOSTS,
    PREFIX,
    PREFIXED_HOST,
    SHARED_HOST,
    Server,
    ask,
    run_with_login,
)

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SEARCH = "/ajax-api/2.0/mlflow/experiments/search"


class Browser:
    """Opens an address behind a door, for somebody who is logged in or not."""

    def __init__(
        self, client: Pod, door: Door, origin: str, login: dict[str, str] | None = None, prefix: str = ""
    ) -> None:
        self.client, self.origin, self.login = client, origin, login or {}
        self.door = {"via": door.address, "certificate": door.certificate}
        wait_until(f"{origin} is routed", lambda: self.ask(f"{prefix}/")["status"] != 404)

    def ask(self, path: str, headers: dict[str, str] | None = None, **request: Any) -> dict[str, Any]:
        """Send one request."""
        url = self.origin + path
        (answer,) = ask(self.client, {"url": url, "headers": self.login | (headers or {}), **self.door, **request})
        return answer

    def write(self, path: str, origin: str) -> dict[str, Any]:
        """Send a request as a page of the given origin does."""
        return self.ask(path, {"Origin": origin}, method="POST", body={"max_results": 5})


@pytest.fixture(params=PLAIN_HOSTS)
def browser(request: pytest.FixtureRequest, client: Pod, gateway: Door, at_root: Server, certificates: Any) -> Browser:
    """Open the server at the root, through its Ingress and through its route."""
    assert at_root.name == "plain"
    ours = certificates.folder.joinpath("ca.crt").read_text(encoding="utf-8")
    shown = {PLAIN_HOSTS[0]: ours, PLAIN_HOSTS[1]: gateway.certificate}[request.param]
    return Browser(client, Door(gateway.address, shown), f"https://{request.param}")


@pytest.fixture
def prefixed_browser(client: Pod, gateway: Door, below_prefix: Server) -> Browser:
    """Open the server below the prefix, logged in."""
    assert below_prefix.prefix == PREFIX
    return Browser(client, gateway, f"https://{PREFIXED_HOST}", AUTHORIZATION, PREFIX)


def test_the_user_interface_loads_and_writes(browser: Browser) -> None:
    """Page, scripts, and a request that a page of this origin sends."""
    page = browser.ask("/")
    assert page["status"] == 200
    assert "<title>MLflow</title>" in page["text"]
    for path in scripts(page["text"]):
        assert browser.ask("/" + path.lstrip("/"))["status"] == 200, path
    assert browser.write(SEARCH, browser.origin)["status"] == 200
    assert browser.write(SEARCH, "https://attacker.example")["status"] == 403


def test_another_service_answers_a_path_of_a_host(
    client: Pod, gateway: Door, certificates: Any, at_root: Server
) -> None:
    """An Ingress of two hosts; on the second, a path belongs to a Service that is named, by a port that is named."""
    assert at_root.name == "plain"
    ours = certificates.folder.joinpath("ca.crt").read_text(encoding="utf-8")
    shared = Browser(client, Door(gateway.address, ours), f"https://{SHARED_HOST}")
    assert "<title>MLflow</title>" in shared.ask("/")["text"]
    # The server at the root has nothing below that prefix, and no login.
    health, page = shared.ask(f"{PREFIX}/health"), shared.ask(f"{PREFIX}/version")
    assert (health["status"], health["text"]) == (200, "OK")
    assert (page["status"], "You are not authenticated" in page["text"]) == (401, True)


def test_a_second_route_filters(client: Pod, gateway: Door, at_root: Server) -> None:
    """With what the API of the Gateway calls a filter, and for its own host alone."""
    assert at_root.name == "plain"
    filtered, first = (Browser(client, gateway, f"https://{host}") for host in (FILTERED_HOST, PLAIN_HOSTS[1]))
    assert filtered.ask("/version")["headers"]["x-door"] == "filtered"
    assert "x-door" not in first.ask("/version")["headers"]


def test_the_user_interface_loads_and_writes_below_a_prefix(prefixed_browser: Browser) -> None:
    """All of it below the prefix, with the login."""
    page = prefixed_browser.ask(f"{PREFIX}/")
    assert page["status"] == 200
    assert "<title>MLflow</title>" in page["text"]
    assert scripts(page["text"])
    for path in scripts(page["text"]):
        assert not path.startswith("/"), "the page would load it from the root"
        assert prefixed_browser.ask(f"{PREFIX}/{path}")["status"] == 200, path
    assert prefixed_browser.write(PREFIX + SEARCH, prefixed_browser.origin)["status"] == 200
    assert prefixed_browser.write(PREFIX + SEARCH, "https://attacker.example")["status"] == 403


def test_a_redirect_stays_on_https(prefixed_browser: Browser) -> None:
    """MLflow redirects to its prefix with the scheme that the proxy was asked by, which it must believe."""
    answer = prefixed_browser.ask(PREFIX)
    assert answer["status"] in {301, 302, 307, 308}
    assert answer["headers"]["location"] == f"https://{PREFIXED_HOST}{PREFIX}/"


def test_nobody_else_is_believed_about_the_scheme(at_root: Server, below_prefix: Server, client: Pod) -> None:
    """The name of the host never comes from a header of a proxy; the scheme only from networks that are trusted."""
    forged = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "attacker.example", "X-Forwarded-Port": "1"}
    url = f"http://{below_prefix.host}:5000{PREFIX}"
    (trusted,) = ask(client, {"url": url, "headers": forged | AUTHORIZATION})
    assert trusted["headers"]["location"] == f"https://{below_prefix.host}:5000{PREFIX}/"
    # The server at the root trusts a network in which nobody is, and logs whom it believes to be asked by.
    address = {"X-Forwarded-For": "203.0.113.77"}
    ask(client, {"url": f"http://{at_root.host}:5000/forged", "headers": forged | address})
    lines = [line for line in at_root.installation.logs("mlflow").splitlines() if "/forged" in line]
    assert lines
    assert not any("203.0.113.77" in line for line in lines)


@pytest.mark.parametrize("host", [PLAIN_HOSTS[1], PREFIXED_HOST], ids=["root", "prefix"])
def test_plain_http_is_sent_on(host: str, client: Pod, gateway: Door, below_prefix: Server, at_root: Server) -> None:
    """The route's own redirect answers at the Gateway's listener of plain HTTP."""
    assert {below_prefix.name, at_root.name} == {"prefixed", "plain"}

    def found() -> dict[str, Any]:
        (answer,) = ask(client, {"url": f"http://{host}/x?y=1", "via": gateway.address})
        return answer

    wait_until(f"{host} is redirected", lambda: found()["status"] == 301)
    assert found()["headers"]["location"] == f"https://{host}/x?y=1"


def test_a_client_logs_everything_through_the_gateway(visitor: Pod) -> None:
    """MLflow's own client, over TLS, below the prefix, with a login: runs, artifacts, a model, a trace."""
    uri = f"https://{PREFIXED_HOST}{PREFIX}"
    where = run_with_login(visitor, "tracking", "record", uri)
    found = run_with_login(visitor, "tracking", "read", uri, json.dumps(where))
    assert found["artifact"] == "42\n"
    assert found["prediction"] == ["HELLO!"]
    assert found["spans"] == [["question", {"question": "6 * 7"}, {"answer": 42}]]


def test_artifacts_ask_for_the_same_login_on_every_way(
    prefixed_browser: Browser, below_prefix: Server, client: Pod, gateway: Door
) -> None:
    """With the prefix and without it, at the Service and at the Gateway, to read, to write, to list and to delete."""
    path = f"{ARTIFACTS}/0/probe/artifacts/file.txt"
    ways = [
        {"url": f"http://{below_prefix.host}:5000{path}"},
        {"url": f"http://{below_prefix.host}:5000{PREFIX}{path}"},
        {"url": f"https://{PREFIXED_HOST}{PREFIX}{path}", "via": gateway.address, "certificate": gateway.certificate},
    ]
    ways += [item | {"url": item["url"].replace("/api/", "/ajax-api/")} for item in ways]
    ways += [item | {"url": item["url"].rpartition("/artifacts/0")[0] + "/artifacts?path=0"} for item in ways]
    asked = [item | {"method": method} for item in ways for method in ("GET", "PUT", "POST", "DELETE", "HEAD")]
    answers = ask(client, *asked, *(item | {"headers": {"Authorization": "Basic YWRtaW46d3Jvbmc="}} for item in asked))
    # A method that a path does not have is none of its secrets.
    statuses = {answer["status"] for answer in answers}
    assert statuses <= {401, 404, 405}, statuses
    reads = [answer["status"] for item, answer in zip(asked, answers, strict=False) if item["method"] in {"GET", "PUT"}]
    assert reads.count(401) >= len(reads) // 2
    assert prefixed_browser.ask(f"{PREFIX}{path}")["status"] in {404, 500}


def test_kubectl_diff_finds_nothing(at_root: Server, below_prefix: Server) -> None:
    """What the API server has kept of Service, Ingress, routes and policies is what was written."""
    for server in (at_root, below_prefix):
        server.installation.assert_no_difference()
