"""OidcAuth: people and programs of a real provider, two replicas, and whoever tries to get in without them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import attrs
import pytest
from e2e.browser.chromium import browse, start_browser
from e2e.environments import run
from e2e.installation import USED, Installation, applied, release
from e2e.kubectl import Pod, apply_manifests, kubectl, wait_for_pods
from e2e.logins.guarded import Answer, ask, every_route
from e2e.logins.provider import PASSWORD, Provider, asked, cookie_header, oidc_auth, redis
from e2e.manifests import secret
from e2e.seeing.asking import run_job
from e2e.servers import PostgreSQLServer

from cdk8s_mlflow import (
    ArtifactVolume,
    ExistingSecret,
    FixedReplicas,
    GarbageCollection,
    Image,
    MlflowProps,
    PostgreSQL,
    Redis,
    SmokeTest,
    VolumeClaim,
)

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

IMAGE = Image(repository="localhost/cdk8s-mlflow", tag="v3.17.2")
STORED_PASSWORD = "p@s/s#w%41:?d&$x"
SEARCH = "/api/2.0/mlflow/experiments/search?max_results=100"


@attrs.frozen
class Releases:
    """Two replicas on PostgreSQL and Redis, and another installation of the same client."""

    main: Installation
    other: Installation


@pytest.fixture(scope="module")
def releases(main: str, postgres: PostgreSQLServer, provider: Provider) -> Iterator[Releases]:
    """Start both installations."""
    postgres.make_database("oidc", "oidc", STORED_PASSWORD)
    apply_manifests([secret(main, "oidc", {"password": STORED_PASSWORD}), *redis(main, STORED_PASSWORD)])
    wait_for_pods(main, "redis")
    password = ExistingSecret("oidc", "password")
    props = MlflowProps(
        image=IMAGE,
        backend_store=PostgreSQL(host="postgresql", database="oidc", user="oidc", password=password),
        artifact_store=ArtifactVolume(volume=VolumeClaim(name="shared", size="1Gi", access_modes=["ReadWriteMany"])),
        authentication=oidc_auth(provider, redis=Redis(host="redis", password=password)),
        public_url=f"http://oidc.{main}:5000",
        ca_bundle=provider.ca,
        scaling=FixedReplicas(2),
        garbage_collection=GarbageCollection(older_than=timedelta(0), schedule="0 0 1 1 *"),
        smoke_test=SmokeTest(),
    )
    other = MlflowProps(
        image=IMAGE,
        authentication=oidc_auth(provider),
        public_url=f"http://oidc-other.{main}:5000",
        ca_bundle=provider.ca,
    )
    found = Releases(release(main, "oidc", props), release(main, "oidc-other", other))
    with applied(found.main, found.other):
        found.main.wait(600)
        found.other.wait(600)
        yield found


@pytest.fixture(scope="module")
def cookies(releases: Releases, client: Pod, provider: Provider) -> dict[str, dict[str, str]]:
    """Log two people in, each once."""
    pages = {name: provider.log_in(client, releases.main.uri, name, "/login") for name in ("ada", "root")}
    assert [page["status"] for page in pages.values()] == [200, 200], pages
    return {name: page["cookies"] for name, page in pages.items()}


def test_the_tables_are_made_once(releases: Releases, postgres: PostgreSQLServer) -> None:
    """Replicas that start at once take turns, nothing restarts, and both version tables stand side by side."""
    releases.main.assert_calm()
    assert releases.main.logs("migrate").count("migrate: user-store: from revision none (empty)") == 1
    tables = "SELECT (SELECT count(*) FROM alembic_version), (SELECT count(*) FROM alembic_version_oidc)"
    assert postgres.sql(tables, database="oidc") == ["1|1"]


def test_people_log_in(releases: Releases, client: Pod, cookies: dict[str, dict[str, str]]) -> None:
    """What one makes is one's own; an administrator sees it, another installation's rules aside."""
    create = {"url": f"{releases.main.uri}/api/2.0/mlflow/experiments/create", "method": "POST"}
    by_name = {name: cookie_header(found) for name, found in cookies.items()}
    assert asked(client, [{**create, "headers": by_name["ada"], "body": {"name": "of ada"}}]) == [200]
    [seen] = run(client, "ask", json.dumps([{"url": releases.main.uri + SEARCH, "headers": by_name["root"]}]))
    assert "of ada" in seen["text"]


def test_whoever_is_in_no_group_stays_out(releases: Releases, client: Pod, provider: Provider) -> None:
    """The provider knows her, the server does not let her in."""
    page = provider.log_in(client, releases.main.uri, "eve", "/login")
    assert "not+allowed" in page["url"]
    assert asked(client, [{"url": releases.main.uri + SEARCH, "headers": cookie_header(page["cookies"])}]) == [401]


def test_programs_bring_a_token(releases: Releases, client: Pod, provider: Provider) -> None:
    """MLflow's own client works with a token; one without a right to it sees nothing of it."""
    assert provider.use(client, releases.main.uri, provider.token(client)) == USED
    reader = {"Authorization": f"Bearer {provider.token(client, 'reader')}"}
    [seen] = run(client, "ask", json.dumps([{"url": releases.main.uri + SEARCH, "headers": reader}]))
    assert seen["status"] == 200
    assert "e2e-" not in seen["text"]


def test_other_tokens_are_refused(releases: Releases, client: Pod, provider: Provider) -> None:
    """Of a program in no group, for somebody else, with another content, without a signature, and none at all."""
    good = provider.token(client)
    header, content, signature = good.split(".")
    claims = json.loads(base64.urlsafe_b64decode(content + "=="))
    forged = base64.urlsafe_b64encode(json.dumps(claims | {"sub": "root"}).encode()).decode().rstrip("=")
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    tokens = [
        provider.token(client, "stranger"),
        provider.token(client, resource="urn:other"),
        f"{header}.{forged}.{signature}",
        f"{unsigned}.{content}.",
        "x",
    ]
    url = releases.main.uri + SEARCH
    found = asked(client, [{"url": url, "headers": {"Authorization": f"Bearer {token}"}} for token in tokens])
    assert found == [401] * 5
    assert asked(client, [{"url": url}, {"url": url, "headers": {"Authorization": f"Bearer {good}"}}]) == [401, 200]


FORGED = {
    "X-Forwarded-User": "root@example.com",
    "X-Forwarded-Email": "root@example.com",
    "X-Forwarded-Groups": "mlflow-admin",
    "X-Auth-Request-User": "root@example.com",
    "X-Auth-Request-Email": "root@example.com",
    "Remote-User": "root@example.com",
    "X-Forwarded-Uri": "/health",
    "X-Original-URL": "/health",
    "X-Forwarded-Prefix": "/api",
}
CLOSED = [
    SEARCH,
    "/ajax-api/2.0/mlflow/experiments/search?max_results=1",
    "/api/2.0/mlflow-artifacts/artifacts",
    "/graphql",
    "/version",
    "/v1/traces",
    "/get-artifact?path=x",
    "//api/2.0/mlflow/experiments/search",
    "/health/..%2f/version",
    "/%61pi/2.0/mlflow/experiments/search?max_results=1",
]


@pytest.mark.parametrize("headers", [{}, FORGED], ids=["plain", "forged"])
def test_nothing_opens_without_a_login(headers: dict[str, str], releases: Releases, client: Pod) -> None:
    """No header, no spelling of a path, on either replica."""
    hosts = [releases.main.uri, *(f"http://{address}:5000" for address in addresses(releases.main))]
    requests = [{"url": host + path, "headers": headers} for host in hosts for path in CLOSED]
    found = dict(zip([item["url"] for item in requests], asked(client, requests), strict=True))
    assert {url: status for url, status in found.items() if status not in {401, 403, 404}} == {}
    assert asked(client, [{"url": f"{host}/health"} for host in hosts]) == [200] * 3


OPEN = {
    "/health": "the kubelet asks it, and it says nothing of what is stored",
    "/health/live": "likewise",
    "/health/ready": "likewise: whether provider and database are reached",
    "/health/startup": "likewise",
    "/login": "sends people to the provider",
    "/login/1": "there is one provider, and no other",
    "/callback": "where the provider sends them back, with a code; without one it says so",
    "/callback/1": "likewise, of a provider that is not there",
    "/providers": "the button of the login page",
    "/oidc/ui": "the plugin's own pages, as in the published package; what they show they ask for with a login",
    "/oidc/ui/": "likewise",
    "/oidc/ui/a/b": "likewise",
    "/oidc/ui/config.json": "which features the pages show, and that nobody is logged in",
    "/saml/metadata/1": "there is no provider of SAML",
    "/slo/1": "likewise",
    "/static-files/a/b": "the UI's own scripts and pictures, the same as in the published package",
}
"""What answers without a login, and why it may."""


def test_no_route_answers_to_nobody(releases: Releases, client: Pod) -> None:
    """Each route and method that the running app has, MLflow's and the plugin's: all but the list are refused."""
    routes = every_route(releases.main)
    answers = ask(client, releases.main.uri, [(method, path, {}) for method, path in routes])
    shown = {
        path: (method, answer.status, answer.headers.get("location"), answer.text[:80])
        for (method, path), answer in zip(routes, answers, strict=True)
        if answer.status not in {401, 403} and not _asks_for_a_login(answer)
    }
    assert {path: shown[path] for path in shown.keys() - OPEN.keys()} == {}
    assert OPEN.keys() - shown.keys() == set()


def _asks_for_a_login(answer: Answer) -> bool:
    """Return whether somebody is sent to the login."""
    return answer.status in {302, 303, 307} and answer.headers["location"].partition("?")[0] in {"/login", "/oidc/ui"}


def addresses(installation: Installation) -> list[str]:
    """Return the addresses of its pods."""
    return [str(pod.status()["podIP"]) for pod in installation.pods()]


def test_every_replica_knows_the_session(releases: Releases, client: Pod, cookies: dict[str, dict[str, str]]) -> None:
    """Whichever pod answers, one is logged in."""
    found = addresses(releases.main)
    requests = [
        {"url": f"http://{address}:5000{SEARCH}", "headers": cookie_header(cookies["ada"])} for address in found
    ]
    assert asked(client, requests) == [200, 200]


def test_a_person_makes_an_experiment_in_a_browser(releases: Releases, provider: Provider) -> None:
    """The provider's form, the way back, and the UI's own requests."""
    browser, name = start_browser(provider.namespace), "made in a browser"
    told = (releases.main.uri, "/login", "ada", PASSWORD, name)
    seen = browse(browser, "oidc", *told, picture="oidc.png")
    assert seen["before"].startswith(provider.issuer)
    assert seen["url"].startswith(releases.main.uri)
    assert name in seen["text"]


def test_another_installation_does_not(releases: Releases, client: Pod, cookies: dict[str, dict[str, str]]) -> None:
    """Its keys are its own, although the provider and the client are the same."""
    request = {"url": releases.other.uri + SEARCH, "headers": cookie_header(cookies["root"])}
    assert asked(client, [request]) == [401]


def test_a_restart_logs_nobody_out(releases: Releases, client: Pod, cookies: dict[str, dict[str, str]]) -> None:
    """All pods are new, the session is the old one."""
    before = {pod.name for pod in releases.main.pods()}
    kubectl("-n", releases.main.namespace, "rollout", "restart", "deployment/oidc")
    releases.main.wait(600)
    assert not before & {pod.name for pod in releases.main.pods()}
    request = {"url": releases.main.uri + SEARCH, "headers": cookie_header(cookies["ada"])}
    assert asked(client, [request]) == [200]
    releases.main.assert_calm()


def test_garbage_is_collected_with_a_token(releases: Releases, client: Pod, provider: Provider) -> None:
    """The CronJob's pod logs in by client credentials and removes what a user has deleted, artifacts too."""
    assert collected(releases.main, client, provider.token(client)) == {"before": ["file.txt"], "after": None}


def test_the_smoke_test_logs_in(releases: Releases) -> None:
    """With a token of its own, artifacts and all."""
    said = run_job(releases.main, "smoke-test", "oidc-smoke-now", passes=True)
    assert "smoke-test: passed in " in said


def collected(installation: Installation, client: Pod, token: str) -> dict[str, Any]:
    """Log an artifact, delete its run, run the garbage collection, and return what is left of it."""
    made = run(client, "deleted_run", installation.uri, token)
    namespace, name = installation.namespace, installation.name
    kubectl("-n", namespace, "create", "job", f"{name}-gc-now", f"--from=cronjob/{name}-gc")
    try:
        kubectl(
            "-n", namespace, "wait", "--for=condition=Complete", f"job/{name}-gc-now", "--timeout=180s", timeout=200
        )
    finally:
        said = kubectl("-n", namespace, "logs", f"job/{name}-gc-now", "--all-containers")
    assert made["run"] in said, said
    return {"before": made["artifacts"], "after": run(client, "deleted_run", installation.uri, token, made["run"])}
