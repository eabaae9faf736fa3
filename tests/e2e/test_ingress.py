"""Browsers, through the Ingress controller; the client pod connects to it as if DNS had said so."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .environments import Environment, run
from .kubectl import Pod, wait_until

pytestmark = pytest.mark.e2e

SEARCH = "/ajax-api/2.0/mlflow/experiments/search"


class Browser:
    """Opens an environment's public URL, and trusts the certificate that its Secret holds."""

    def __init__(self, client: Pod, address: str, certificate: str, environment: Environment) -> None:
        self.client = client
        self.url = environment.url
        self.door = {"via": address, "certificate": certificate}
        self.authorization = environment.authorization
        # Controllers need a moment from the Ingress to their own configuration.
        wait_until(f"{self.url} is routed", lambda: self.ask("/health")["status"] == 200)

    def ask(self, path: str, headers: dict[str, str] | None = None, **request: Any) -> dict[str, Any]:
        """Send one request, as one who has logged in if there is a login."""
        known = {"url": self.url + path, "headers": self.authorization | (headers or {})}
        [answer] = run(self.client, "ask", json.dumps([{**known, **self.door, **request}]))
        return dict(answer)

    def post(self, path: str, origin: str) -> dict[str, Any]:
        """Send a request as a page of the given origin does."""
        headers = {"Origin": origin, "Referer": f"{origin}/", "User-Agent": "Mozilla/5.0", "Accept": "*/*"}
        return self.ask(path, method="POST", headers=headers, body={"max_results": 5})


@pytest.fixture(params=["staging", "production"])
def browser(
    request: pytest.FixtureRequest,
    client: Pod,
    ingress_address: str,
    certificate: dict[str, str],
    running: dict[str, Environment],
) -> Browser:
    """Open each public URL in turn."""
    return Browser(client, ingress_address, certificate["tls.crt"], running[request.param])


def test_shows_the_user_interface(browser: Browser) -> None:
    """The page comes from the public URL; for production over TLS, with the certificate of its Secret."""
    answer = browser.ask("/", headers={"Accept": "text/html"})
    assert answer["status"] == 200
    assert "<title>MLflow</title>" in answer["text"]


def test_page_of_the_public_url_may_write(browser: Browser) -> None:
    """A POST of the user interface itself carries an Origin, which MLflow would refuse by default."""
    answer = browser.post(SEARCH, origin=browser.url)
    assert answer["status"] == 200, answer
    assert "experiments" in json.loads(answer["text"])


@pytest.mark.parametrize("origin", ["https://evil.example.net", "null", "http://mlflow.evil.example.com"])
def test_rejects_a_page_of_another_origin(browser: Browser, origin: str) -> None:
    """Another site cannot make a visitor's browser write."""
    assert browser.post(SEARCH, origin=origin)["status"] == 403


def test_rejects_another_scheme_than_the_public_one(browser: Browser) -> None:
    """The same host over the other scheme is another origin."""
    scheme, host = browser.url.split("://")
    other = {"http": "https", "https": "http"}[scheme]
    assert browser.post(SEARCH, origin=f"{other}://{host}")["status"] == 403


def test_page_over_plain_http_cannot_write_where_tls_is_wanted(
    production: Environment, client: Pod, ingress_address: str, certificate: dict[str, str]
) -> None:
    """Some controllers redirect to https, some serve plain HTTP as well; the latter's pages are of a foreign origin."""
    browser = Browser(client, ingress_address, certificate["tls.crt"], production)
    browser.url = browser.url.replace("https:", "http:")
    assert browser.post(SEARCH, origin=browser.url)["status"] in {301, 302, 307, 308, 403, 404}
