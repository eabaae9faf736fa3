"""OAuth2Proxy: people and programs of a real provider, two replicas, and whoever tries to get around the proxy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import attrs
import pytest
from e2e.browser.chromium import browse, start_browser
from e2e.environments import run
from e2e.installation import USED, Installation, applied, release
from e2e.kubectl import Manifest, Pod, apply_manifests, kubectl, wait_for_pods
from e2e.logins.guarded import ask, every_route
from e2e.logins.provider import AUDIENCE, PASSWORD, Provider, asked, cookie_header
from e2e.logins.test_oidc import CLOSED, FORGED, SEARCH, STORED_PASSWORD, addresses, collected
from e2e.manifests import MLFLOW_IMAGE, secret, service
from e2e.servers import PostgreSQLServer

from cdk8s_mlflow import (
    ArtifactVolume,
    ClientCredentials,
    ExistingSecret,
    FixedReplicas,
    GarbageCollection,
    MlflowProps,
    OAuth2Proxy,
    PostgreSQL,
    VolumeClaim,
)

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

LEFT_OVER = {401, 403, 404}


def login(provider: Provider) -> OAuth2Proxy:
    """Return the login with the test's provider."""
    return OAuth2Proxy(
        issuer_url=provider.issuer,
        client_id="mlflow",
        client_secret=provider.client_secret,
        scopes=["openid", "email", "profile", "groups"],
        allowed_groups=["mlflow"],
        extra_audiences=[AUDIENCE],
        callers=ClientCredentials(parameters={"resource": AUDIENCE}),
    )


@attrs.frozen
class Releases:
    """Two replicas on PostgreSQL, and another installation of the same client."""

    main: Installation
    other: Installation


@pytest.fixture(scope="module")
def releases(main: str, postgres: PostgreSQLServer, provider: Provider) -> Iterator[Releases]:
    """Start both installations; nothing but the proxy protects the other one: it has no network policy."""
    postgres.make_database("proxy", "proxy", STORED_PASSWORD)
    apply_manifests([secret(main, "proxy", {"password": STORED_PASSWORD})])
    password = ExistingSecret("proxy", "password")
    props = MlflowProps(
        kubernetes_version="1.29",
        backend_store=PostgreSQL(host="postgresql", database="proxy", user="proxy", password=password),
        artifact_store=ArtifactVolume(volume=VolumeClaim(name="shared", size="1Gi", access_modes=["ReadWriteMany"])),
        authentication=login(provider),
        public_url=f"http://proxy.{main}:5000",
        ca_bundle=provider.ca,
        scaling=FixedReplicas(2),
        garbage_collection=GarbageCollection(older_than=timedelta(0), schedule="0 0 1 1 *"),
    )
    other = MlflowProps(
        kubernetes_version="1.29",
        static_prefix="/mlflow",
        authentication=login(provider),
        public_url=f"http://proxy-other.{main}:5000/mlflow",
        ca_bundle=provider.ca,
        network_policy=None,
    )
    found = Releases(release(main, "proxy", props), release(main, "proxy-other", other))
    with applied(found.main, found.other):
        found.main.wait(600)
        found.other.wait(600)
        yield found


@pytest.fixture(scope="module")
def cookies(releases: Releases, client: Pod, provider: Provider) -> dict[str, str]:
    """Log somebody in."""
    page = provider.log_in(client, releases.main.uri, "ada")
    assert page["status"] == 200, page
    assert page["url"] == f"{releases.main.uri}/"
    assert "<title>MLflow</title>" in page["text"]
    found: dict[str, str] = page["cookies"]
    return found


def test_people_log_in(releases: Releases, client: Pod, cookies: dict[str, str]) -> None:
    """The UI's own requests pass, and change something."""
    url = f"{releases.main.uri}/ajax-api/2.0/mlflow/experiments/create"
    headers = cookie_header(cookies) | {"Origin": releases.main.uri}
    assert asked(client, [{"url": url, "method": "POST", "headers": headers, "body": {"name": "of ada"}}]) == [200]
    releases.main.assert_calm()


def test_whoever_is_in_no_group_stays_out(releases: Releases, client: Pod, provider: Provider) -> None:
    """The provider knows her, the proxy does not let her in."""
    page = provider.log_in(client, releases.main.uri, "eve")
    assert page["status"] == 403
    assert asked(client, [{"url": releases.main.uri + SEARCH, "headers": cookie_header(page["cookies"])}]) == [401]


def test_people_are_sent_to_the_provider_and_programs_are_refused(
    releases: Releases, client: Pod, provider: Provider
) -> None:
    """A page redirects; a request of an API does not, which no program could follow."""
    for base in (releases.main.uri, f"{releases.other.uri}/mlflow"):
        page, api = run(client, "ask", json.dumps([{"url": f"{base}/"}, {"url": base + SEARCH}]))
        assert page["status"] == 302
        assert page["headers"]["location"].startswith(f"{provider.issuer}/auth?")
        assert api["status"] == 401


def test_programs_bring_a_token(releases: Releases, client: Pod, provider: Provider) -> None:
    """MLflow's own client works with a token; tokens of a program in no group, or for somebody else, are refused."""
    assert provider.use(client, releases.main.uri, provider.token(client)) == USED
    assert provider.use(client, f"{releases.other.uri}/mlflow", provider.token(client)) == USED
    others = [provider.token(client, "stranger"), provider.token(client, resource="urn:other"), "x"]
    url = releases.main.uri + SEARCH
    found = asked(client, [{"url": url, "headers": {"Authorization": f"Bearer {token}"}} for token in others])
    assert set(found) <= {401, 403}, found


@pytest.mark.parametrize("headers", [{}, FORGED], ids=["plain", "forged"])
def test_nothing_opens_without_a_login(headers: dict[str, str], releases: Releases, client: Pod) -> None:
    """No header, no spelling of a path, on either replica or below a prefix."""
    hosts = [releases.main.uri, *(f"http://{address}:4180" for address in addresses(releases.main))]
    hosts += [releases.other.uri, f"{releases.other.uri}/mlflow", f"{releases.other.uri}//mlflow"]
    requests = [{"url": host + path, "headers": headers} for host in hosts for path in CLOSED]
    answers = run(client, "ask", json.dumps(requests))
    found = {item["url"]: answer for item, answer in zip(requests, answers, strict=True)}
    passed = {
        url: answer for url, answer in found.items() if answer["status"] not in LEFT_OVER and not _is_refused(answer)
    }
    assert passed == {}
    assert asked(client, [{"url": f"{host}/health"} for host in hosts[:3]]) == [200] * 3
    assert asked(client, [{"url": f"{releases.other.uri}/mlflow/health"}]) == [200]


def _is_refused(answer: dict[str, Any]) -> bool:
    """Return whether the answer sends elsewhere: to the provider, or to the same path without its dots and slashes."""
    return answer["status"] in {301, 302} and "experiments" not in answer["text"].partition("<a href")[0]


OPEN = {
    "/health": "the kubelet asks it, and it says nothing but OK",
    "/ping": "likewise, of the proxy",
    "/ready": "likewise",
    "/robots.txt": "tells search engines to stay away",
    "/oauth2/start": "sends people to the provider",
    "/oauth2/sign_in": "likewise",
    "/oauth2/sign_out": "forgets whoever asks",
    "/oauth2/callback": "where the provider sends people back, with a code; without one it is an error",
}
"""What answers without a login, and why it may."""
OWN_PAGES = ("/oauth2/auth", "/oauth2/userinfo", "/oauth2/static/a", "/oauth2/a", "/oauth2")


def test_no_route_answers_to_nobody(releases: Releases, client: Pod, provider: Provider) -> None:
    """Each route and method that the running MLflow has, and each page of the proxy: all but the list are refused."""
    for installation, prefix in ((releases.main, ""), (releases.other, "/mlflow")):
        routes = [*every_route(installation), *(("GET", prefix + path) for path in OWN_PAGES)]
        answers = ask(client, installation.uri, [(method, path, {}) for method, path in routes])
        shown = {
            path: (method, answer.status, answer.text[:80])
            for (method, path), answer in zip(routes, answers, strict=True)
            if path.removeprefix(prefix) not in OPEN
            and answer.status not in ({401, 403, 404} if "/oauth2" in path else {401, 403})
            and not answer.headers.get("location", "").startswith(f"{provider.issuer}/auth?")
        }
        assert shown == {}
    opened = ask(client, releases.main.uri, [("GET", path, {}) for path in OPEN])
    assert {answer.status for answer in opened} <= {200, 302, 500}
    assert not [answer for answer in opened if "experiment" in answer.text]


def test_there_is_no_way_around_the_proxy(releases: Releases, client: Pod) -> None:
    """MLflow's port is closed on every pod, whether a network policy is there or not; so are all others."""
    for installation in (releases.main, releases.other):
        for address in addresses(installation):
            ports = [4180, 5000, 5001, 80, 443, 8080, 9090, 44180]
            found = run(client, "connect", *(f"{address}:{port}" for port in ports))
            assert [target for target, connected in found.items() if connected] == [f"{address}:4180"]
    pod = releases.other.pods()[0]
    listening = pod.execute("python", "-c", _LISTENING)
    assert sorted(json.loads(listening)) == ["127.0.0.1:5000", "any:4180"]


_LISTENING = """
import json, socket, struct
found = set()
for file, width in (("/proc/net/tcp", 8), ("/proc/net/tcp6", 32)):
    for line in open(file).readlines()[1:]:
        local, state = line.split()[1], line.split()[3]
        if state == "0A":
            address, port = local.split(":")
            host = socket.inet_ntoa(struct.pack("<L", int(address, 16))) if width == 8 else address
            found.add(f"{'any' if set(address) == {'0'} else host}:{int(port, 16)}")
print(json.dumps(sorted(found)))
"""


def test_every_replica_knows_the_session(releases: Releases, client: Pod, cookies: dict[str, str]) -> None:
    """Whichever pod answers, one is logged in."""
    found = addresses(releases.main)
    requests = [{"url": f"http://{address}:4180{SEARCH}", "headers": cookie_header(cookies)} for address in found]
    assert asked(client, requests) == [200, 200]


def test_a_person_makes_an_experiment_in_a_browser(releases: Releases, provider: Provider) -> None:
    """The provider's form, the way back, and the UI's own requests."""
    browser, name = start_browser(provider.namespace), "made in a browser"
    seen = browse(browser, "oidc", releases.main.uri, "/", "ada", PASSWORD, name, picture="oauth2-proxy.png")
    assert seen["before"].startswith(provider.issuer)
    assert name in seen["text"]


def test_another_installation_does_not(releases: Releases, client: Pod, cookies: dict[str, str]) -> None:
    """Its key is its own, although the provider and the client are the same."""
    request = {"url": f"{releases.other.uri}/mlflow{SEARCH}", "headers": cookie_header(cookies)}
    assert asked(client, [request]) == [401]


def test_what_others_say_of_the_user_does_not_reach_mlflow(
    releases: Releases, main: str, client: Pod, cookies: dict[str, str]
) -> None:
    """The same proxy in front of a server that shows what it gets: it says who it is, the caller does not."""
    apply_manifests([echoing(releases.main), service(main, "echo", 4180)])
    wait_for_pods(main, "echo")
    request = {"url": f"http://echo.{main}:4180/", "headers": FORGED | cookie_header(cookies)}
    [answer] = run(client, "ask", json.dumps([request]))
    seen = {name.lower(): value for name, value in json.loads(answer["text"]).items()}
    assert seen["x-forwarded-email"] == "ada@example.com"
    assert seen["x-forwarded-groups"] == "mlflow"
    assert "root" not in seen["x-forwarded-user"]
    assert "x-forwarded-access-token" not in seen


def echoing(installation: Installation) -> Manifest:
    """Return a pod like the release's, with a server that answers with the headers of the request."""
    [deployment] = [item for item in installation.manifests() if item["kind"] == "Deployment"]
    spec = deployment["spec"]["template"]["spec"]
    [proxy] = [item for item in spec["initContainers"] if item["name"] == "oauth2-proxy"]
    [server] = spec["containers"]
    wanted = {
        "initContainers": [item for item in spec["initContainers"] if item["name"] != "migrate"],
        "containers": [
            {
                "name": "echo",
                "image": MLFLOW_IMAGE,
                "imagePullPolicy": "IfNotPresent",
                "command": ["python", "-c", _ECHO],
                "securityContext": server["securityContext"],
            }
        ],
    }
    volumes = {mount["name"] for item in wanted["initContainers"] for mount in item["volumeMounts"]}
    assert proxy in wanted["initContainers"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "echo", "namespace": installation.namespace, "labels": {"app": "echo"}},
        "spec": spec | wanted | {"volumes": [item for item in spec["volumes"] if item["name"] in volumes]},
    }


_ECHO = """
import http.server, json
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(dict(self.headers)).encode())
http.server.ThreadingHTTPServer(("127.0.0.1", 5000), Handler).serve_forever()
"""


def test_a_restart_logs_nobody_out(releases: Releases, client: Pod, cookies: dict[str, str]) -> None:
    """All pods are new, the session is the old one; no request fails meanwhile."""
    before = {pod.name for pod in releases.main.pods()}
    kubectl("-n", releases.main.namespace, "rollout", "restart", "deployment/proxy")
    releases.main.wait(600)
    assert not before & {pod.name for pod in releases.main.pods()}
    request = {"url": releases.main.uri + SEARCH, "headers": cookie_header(cookies)}
    assert asked(client, [request]) == [200]
    releases.main.assert_calm()


def test_garbage_is_collected_with_a_token(releases: Releases, client: Pod, provider: Provider) -> None:
    """The CronJob's pod logs in by client credentials and removes what a user has deleted, artifacts too."""
    assert collected(releases.main, client, provider.token(client)) == {"before": ["file.txt"], "after": None}
