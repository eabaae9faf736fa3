"""Every method of login, tried as an attacker would: from another pod, at every route that the running app has."""

from __future__ import annotations

import json
import time

import pytest
from e2e.kubectl import kubectl

from .guarded import EXPERIMENTS, Guarded, Headers, Request, Route, ask, ask_once, every_route

pytestmark = pytest.mark.e2e

METHODS = (
    "basic",
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("prefixed", "ldap", "custom")),
)
"""The fixtures of servers with a login; each gives a :class:`Guarded`."""

OPEN = {
    "/health": "the kubelet asks it, and it says nothing but OK",
    "/api/3.0/mlflow/server-info": "clients ask it before they log in: which features there are, and no names",
    "/ajax-api/3.0/mlflow/server-info": "likewise, for the UI",
    "/static-files/a/b": "the UI's own scripts and pictures, the same as in the published package",
}
"""What answers without a login, and why it may."""
EVERY_METHOD = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
REFUSED = {401, 403}


@pytest.fixture(scope="module", params=METHODS)
def guarded(request: pytest.FixtureRequest) -> Guarded:
    """Give each server in turn."""
    server: Guarded = request.getfixturevalue(request.param)
    return server


@pytest.fixture(scope="module")
def routes(guarded: Guarded) -> list[Route]:
    """Read every route with its methods in the server's own pod."""
    found = every_route(guarded.installation)
    assert {"/metrics", "/signup"} <= {path.removeprefix(guarded.prefix) for _, path in found}
    return found


def open_path(guarded: Guarded, path: str) -> bool:
    """Whether this path may answer without a login."""
    return path in OPEN or path.removeprefix(guarded.prefix) in OPEN


def let_in(guarded: Guarded, requests: list[Request], *, refused: set[int] = REFUSED) -> list[str]:
    """Send requests that must be refused; return those that were not."""
    answers = ask(guarded.client, guarded.installation.uri, requests)
    return [
        f"{request[0]} {request[1]} {dict(request[2])}: {answer.status} {answer.text[:80]}"
        for request, answer in zip(requests, answers, strict=True)
        if answer.status not in refused
    ]


def test_no_route_answers_to_nobody(guarded: Guarded, routes: list[Route]) -> None:
    """Each route and method that the app has, without credentials: all but the list above are refused."""
    assert let_in(guarded, [(method, path, {}) for method, path in routes if not open_path(guarded, path)]) == []


def test_what_is_open_is_there(guarded: Guarded, routes: list[Route]) -> None:
    """The list of exceptions holds nothing that the app has not, and nothing that would be refused."""
    found = {path for _, path in routes if open_path(guarded, path)}
    assert {path.removeprefix(guarded.prefix) for path in found} == set(OPEN)
    answers = ask(guarded.client, guarded.installation.uri, [("GET", path, {}) for path in sorted(found)])
    assert {answer.status for answer in answers} <= {200, 404}


@pytest.mark.slow
def test_no_path_answers_to_nobody_by_another_method(guarded: Guarded, routes: list[Route]) -> None:
    """Each path with methods that it may not have: no handler is reached that asks for no login."""
    paths = sorted({path for _, path in routes if not open_path(guarded, path)})
    assert let_in(guarded, [(method, path, {}) for path in paths for method in EVERY_METHOD]) == []


TOLD: dict[str, Headers] = {
    "a browser's question before it writes": {
        "Origin": "https://attacker.example",
        "Access-Control-Request-Method": "POST",
    },
    "another method by a header": {
        "X-HTTP-Method-Override": "GET",
        "X-Original-URL": "/health",
        "X-Rewrite-URL": "/health",
    },
    "another path by a header": {
        "X-Forwarded-Prefix": "/health",
        "X-Forwarded-Path": "/health",
        "X-Script-Name": "/health",
    },
    "another address": {"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1", "Forwarded": "for=127.0.0.1"},
}
PLACES = (
    ("GET", f"{EXPERIMENTS}/search?max_results=1"),
    ("POST", "/ajax-api/2.0/mlflow/runs/search"),
    ("GET", "/api/2.0/mlflow-artifacts/artifacts?path="),
    ("PUT", "/api/2.0/mlflow-artifacts/artifacts/1/x"),
    ("POST", "/graphql"),
    ("GET", "/get-artifact?run_uuid=1&path=x"),
    ("POST", "/v1/traces"),
    ("POST", "/gateway/mlflow/v1/chat/completions"),
    ("GET", "/ajax-api/3.0/jobs/1"),
    ("GET", "/ajax-api/3.0/mlflow/assistant/config"),
    ("GET", "/ajax-api/2.0/mlflow/users/current"),
    ("GET", "/version"),
    ("GET", "/"),
)
"""One route of every kind."""


def test_wrong_credentials_and_forged_headers_open_nothing(guarded: Guarded) -> None:
    """Whatever is said but the right thing, at one route of every kind."""
    said = {**guarded.wrong, **TOLD}
    places = [(method, f"{guarded.prefix}{path}") for method, path in PLACES]
    requests: list[Request] = [(method, path, headers) for headers in said.values() for method, path in places]
    # MLflow's own check breaks off (500) where a header is none of Basic and answers are remembered: nobody gets in.
    assert let_in(guarded, requests, refused={*REFUSED, 500}) == []


def disguised(path: str, prefix: str) -> list[str]:
    """Return forms of a path that a proxy or a router may take for the path itself."""
    rest = path.removeprefix(prefix)
    return [
        f"/{path}",
        f"{prefix}/{rest}",
        f"/health/..{path}",
        f"{prefix}/health/..{rest}",
        f"{prefix}/health/%2e%2e{rest}",
        f"{prefix}/static-files/..{rest}",
        f"{prefix}/static-files/%2e%2e{rest}",
        f"{prefix}/static-files/..%2f{rest[1:]}",
        f"/static/..{path}",
        f"/health;{path}",
        f"{prefix}/%2e{rest}",
        path.upper(),
        path.replace("/api", "/%61pi"),
        path.replace("mlflow", "MLflow"),
        f"{path}/",
        f"{path}%00",
        f"{path};/health",
        f"{path}/health",
        f"{path}?/health",
        f"{path}#/health",
        f"{prefix}/mlflow/server-info/..{rest}",
        f"{path}/mlflow/server-info",
        f"http://localhost/health/..{path}",
    ]


NOTHING_TOLD = {401, 403, 404, 405, 308, 400}
"""Refused, not there, or told where the path is; nothing is read or written."""


def test_no_form_of_a_path_goes_around_the_login(guarded: Guarded) -> None:
    """Dots, doubled and encoded slashes, other cases, parameters: no form of a path tells anything."""
    paths = [f"{guarded.prefix}{path.partition('?')[0]}" for _, path in PLACES]
    paths += [f"{EXPERIMENTS}/search", "/api/2.0/mlflow-artifacts/artifacts"] if guarded.prefix else []
    forms = sorted({form for path in paths for form in disguised(path, guarded.prefix)})
    answers = ask(guarded.client, guarded.installation.uri, [("GET", form, {}) for form in forms])
    told = [
        f"{form}: {answer.status} {answer.text[:100]}"
        for form, answer in zip(forms, answers, strict=True)
        if answer.status not in NOTHING_TOLD and answer.text not in {"OK", ""}
    ]
    assert told == []


def test_right_credentials_get_in(guarded: Guarded) -> None:
    """Or all of the above would say nothing."""
    paths = [f"{EXPERIMENTS}/search?max_results=1", "/version", "/ajax-api/2.0/mlflow/users/current", "/"]
    answers = ask(
        guarded.client, guarded.installation.uri, [("GET", f"{guarded.prefix}{path}", guarded.right) for path in paths]
    )
    assert [answer.status for answer in answers] == [200] * len(paths)


def test_metrics_are_for_those_who_log_in(guarded: Guarded) -> None:
    """The page has no prefix, and the same login."""
    uri = guarded.installation.uri
    assert ask_once(guarded.client, uri, "GET", "/metrics", {}).status == 401
    shown = ask_once(guarded.client, uri, "GET", "/metrics", guarded.right)
    assert (shown.status, "mlflow_http_request" in shown.text) == (200, True)


def test_a_host_that_is_not_ours_is_refused_before_the_login(guarded: Guarded) -> None:
    """A page of an attacker that a browser resolves to the server gets nowhere, not even with the right password."""
    headers = {**guarded.right, "Host": "attacker.example"}
    path = f"{guarded.prefix}{EXPERIMENTS}/search?max_results=1"
    assert ask_once(guarded.client, guarded.installation.uri, "GET", path, headers).status == 403


# --- The pods ------------------------------------------------------------------------------------------------

TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"


def test_no_pod_holds_a_token_of_the_api_server(guarded: Guarded) -> None:
    """Whoever takes over the server finds no identity there with which Kubernetes could be asked."""
    for pod in guarded.installation.pods():
        assert pod.attempt("ls", TOKEN, container="mlflow").returncode != 0


def test_no_account_of_a_release_may_read_secrets(guarded: Guarded) -> None:
    """With a token of the server's account, and of the generating Job's: no Secret can be read or listed."""
    namespace, name = guarded.installation.namespace, guarded.installation.name
    accounts = json.loads(
        kubectl("-n", namespace, "get", "serviceaccounts", "-l", guarded.installation.selector, "-o", "json")
    )["items"]
    found = {item["metadata"]["name"] for item in accounts}
    assert name in found
    secrets = kubectl("-n", namespace, "get", "secrets", "-o", "name").split()
    assert len(secrets) > 1
    for account in found:
        token = kubectl("-n", namespace, "create", "token", account, "--duration=10m").strip()
        tries = [f"/api/v1/namespaces/{namespace}/secrets", "/api/v1/secrets"]
        tries += [f"/api/v1/namespaces/{namespace}/{secret.replace('secret/', 'secrets/')}" for secret in secrets[:3]]
        requests: list[Request] = [("GET", path, {"Authorization": f"Bearer {token}"}) for path in tries]
        requests += [("DELETE", tries[-1], {"Authorization": f"Bearer {token}"})]
        answers = ask(guarded.client, api_server(), requests)
        assert {answer.status for answer in answers} == {403}, (account, answers)


def api_server() -> str:
    """Return the address of the API server as pods reach it."""
    service = json.loads(kubectl("-n", "default", "get", "service", "kubernetes", "-o", "json"))["spec"]
    return f"https://{service['clusterIP']}"


# --- And afterwards ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_everybody_is_still_known_after_all_pods_have_restarted(guarded: Guarded) -> None:
    """Nothing of the login is in a pod: after all of them were deleted at once, the same credentials get in."""
    installation = guarded.installation
    before = {pod.name for pod in installation.pods()}
    kubectl("-n", installation.namespace, "delete", "pods", *before, "--grace-period=1", "--wait=false")
    deadline = time.monotonic() + 120
    while before & {pod.name for pod in installation.pods()} and time.monotonic() < deadline:
        time.sleep(1)
    installation.wait(600)
    assert not before & {pod.name for pod in installation.pods()}
    path = f"{guarded.prefix}{EXPERIMENTS}/search?max_results=1"
    for pod in installation.pods():
        address = f"http://{pod.status()['podIP']}:5000"
        assert ask_once(guarded.client, address, "GET", path, guarded.right).status == 200
        assert ask_once(guarded.client, address, "GET", path, {}).status == 401
