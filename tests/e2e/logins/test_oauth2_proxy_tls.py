"""OAuth2Proxy with a certificate of its own and sessions in Redis: people, programs, large uploads, our own callers."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import attrs
import pytest
from e2e.databases.certificates import Certificates
from e2e.environments import run
from e2e.installation import USED, Installation, applied, release
from e2e.kubectl import Pod, apply_manifests, get, kubectl, wait_for_pods
from e2e.logins.guarded import ARTIFACTS, ask, ask_once
from e2e.logins.provider import Provider, cookie_header, redis, run_with_token
from e2e.logins.test_oauth2_proxy import login
from e2e.logins.test_oidc import CLOSED, SEARCH, STORED_PASSWORD, addresses
from e2e.manifests import secret
from e2e.seeing.asking import run_job
from e2e.servers import PostgreSQLServer
from e2e.uploads import STREAMED_MIB, growth

from cdk8s_mlflow import (
    ArtifactVolume,
    ConfigMapKey,
    ExistingSecret,
    FixedReplicas,
    GarbageCollection,
    MlflowProps,
    PostgreSQL,
    Redis,
    SmokeTest,
    TlsSecret,
    VolumeClaim,
)

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

TRUSTED = "/tmp/proxy-ca.crt"  # noqa: S108 - in the pod
REDIS = "sessions"


@attrs.frozen
class Encrypted:
    """Two replicas behind a proxy that speaks TLS."""

    installation: Installation
    client: Pod

    @property
    def uri(self) -> str:
        """Where people and programs find it."""
        return f"https://{self.installation.name}.{self.installation.namespace}:5000"


@pytest.fixture(scope="module")
def encrypted(
    main: str, client: Pod, postgres: PostgreSQLServer, provider: Provider, authority: Certificates
) -> Iterator[Encrypted]:
    """Start it; the provider's certificate and the server's are of different authorities."""
    host = f"proxy-tls.{main}"
    names = ["proxy-tls", host, f"{host}.svc", f"{host}.svc.cluster.local"]
    postgres.make_database("encrypted", "encrypted", STORED_PASSWORD)
    apply_manifests(
        [
            secret(main, "proxy-tls", {"password": STORED_PASSWORD}),
            secret(main, "proxy-tls-certificate", authority.signed("proxy-tls", names), "kubernetes.io/tls"),
            *redis(main, STORED_PASSWORD, REDIS),
        ]
    )
    wait_for_pods(main, REDIS)
    password = ExistingSecret("proxy-tls", "password")
    props = MlflowProps(
        kubernetes_version="1.29",
        backend_store=PostgreSQL(host="postgresql", database="encrypted", user="encrypted", password=password),
        artifact_store=ArtifactVolume(volume=VolumeClaim(name="shared", size="1Gi", access_modes=["ReadWriteMany"])),
        authentication=attrs.evolve(login(provider), redis=Redis(host=REDIS, password=password)),
        tls=TlsSecret(secret_name="proxy-tls-certificate", ca=ConfigMapKey("ca", "ca.crt")),
        public_url=f"https://{host}:5000",
        ca_bundle=provider.ca,
        scaling=FixedReplicas(2),
        garbage_collection=GarbageCollection(older_than=timedelta(0), schedule="0 0 1 1 *"),
        smoke_test=SmokeTest(),
    )
    found = Encrypted(release(main, "proxy-tls", props), client)
    trusted = get("configmap", "ca", main)["data"]["ca.crt"]
    client.execute("python", "-c", f"open({TRUSTED!r}, 'w').write({trusted!r})")
    with applied(found.installation):
        found.installation.wait(600)
        yield found


@pytest.fixture(scope="module")
def cookies(encrypted: Encrypted, provider: Provider) -> dict[str, str]:
    """Log somebody in."""
    page = provider.log_in(encrypted.client, encrypted.uri, "ada")
    assert (page["status"], page["url"]) == (200, f"{encrypted.uri}/"), page
    found: dict[str, str] = page["cookies"]
    return found


def test_both_probes_find_it_well(encrypted: Encrypted) -> None:
    """The kubelet asks the proxy over TLS."""
    encrypted.installation.assert_calm()
    for pod in encrypted.installation.pods():
        [proxy] = [
            item
            for item in get("pod", pod.name, pod.namespace)["spec"]["initContainers"]
            if item["name"] == "oauth2-proxy"
        ]
        assert proxy["readinessProbe"]["httpGet"]["scheme"] == "HTTPS"


def test_it_speaks_nothing_else(encrypted: Encrypted) -> None:
    """Not plain HTTP at the same port, and at no other: neither the proxy nor MLflow behind it."""
    for address in addresses(encrypted.installation):
        targets = [f"{address}:{port}" for port in (4180, 80, 443, 5000, 5001, 8080, 9090)]
        found = run(encrypted.client, "connect", *targets)
        assert [target for target, connected in found.items() if connected] == [f"{address}:4180"]
        plain = ask_once(encrypted.client, f"http://{address}:4180", "GET", "/health", {})
        assert (plain.status, "OK" in plain.text) == (400, False)


def test_nothing_opens_without_a_login(encrypted: Encrypted) -> None:
    """Over TLS as without."""
    paths = (*CLOSED, "/metrics")
    answers = ask(encrypted.client, encrypted.uri, [("GET", path, {}) for path in paths])
    shown = {
        path: (answer.status, answer.text[:80])
        for path, answer in zip(paths, answers, strict=True)
        # Or sent to the provider, or to the same path without its slashes.
        if answer.status not in {401, 403, 404} and "location" not in answer.headers
    }
    assert shown == {}
    assert ask_once(encrypted.client, encrypted.uri, "GET", "/health", {}).text == "OK"


def test_sessions_are_in_redis(encrypted: Encrypted, cookies: dict[str, str], main: str) -> None:
    """Both replicas find one there; when Redis forgets it, nobody is logged in."""
    header = cookie_header(cookies)
    places = [encrypted.uri, *(f"https://{address}:4180" for address in addresses(encrypted.installation))]
    assert [ask_once(encrypted.client, place, "GET", SEARCH, header).status for place in places] == [200] * 3
    # A ticket and no session: the cookie is short.
    assert sum(map(len, cookies.values())) < 300
    assert redis_says(main, "DBSIZE") == "1"
    kept = redis_says(main, "KEYS", "*")
    assert kept.startswith("_oauth2_proxy")
    # It is encrypted with what the browser alone has, and more than bytes that can be read.
    session = redis_says(main, "--no-raw", "GET", kept)
    assert r"\x" in session
    assert not [word for word in ("ada", "eyJ", "example.com") if word in session]
    redis_says(main, "RENAME", kept, "elsewhere")
    assert [ask_once(encrypted.client, place, "GET", SEARCH, header).status for place in places] == [401] * 3
    redis_says(main, "RENAME", "elsewhere", kept)
    assert [ask_once(encrypted.client, place, "GET", SEARCH, header).status for place in places] == [200] * 3


def redis_says(namespace: str, *command: str) -> str:
    """Return what Redis answers."""
    client = ("redis-cli", "--no-auth-warning", "-a", STORED_PASSWORD, *command)
    return kubectl("-n", namespace, "exec", REDIS, "--", *client).strip()


def test_programs_bring_a_token(encrypted: Encrypted, provider: Provider) -> None:
    """MLflow's own client, which trusts the authority, logs a run and reads it back."""
    token = provider.token(encrypted.client)
    found = run_with_token(encrypted.client, token, "runs", encrypted.uri, authority=TRUSTED)
    assert found[encrypted.uri] == USED


def test_the_proxy_streams_uploads(encrypted: Encrypted, provider: Provider) -> None:
    """400 MB through a proxy that may have 256Mi, in both directions: neither it nor the server keeps the file."""
    token = provider.token(encrypted.client)
    url = f"{encrypted.uri}{ARTIFACTS}/uploads/{uuid.uuid4().hex}.bin"
    upload = partial(run_with_token, encrypted.client, token, authority=TRUSTED)
    assert growth(encrypted.installation.pods(), url, upload) < STREAMED_MIB
    encrypted.installation.assert_calm()


def test_garbage_is_collected_over_tls(encrypted: Encrypted, provider: Provider) -> None:
    """The CronJob's pod trusts both authorities: the provider's for its token, the server's for the rest."""
    client, token = encrypted.client, provider.token(encrypted.client)
    made = run_with_token(client, token, "deleted_run", encrypted.uri, token, authority=TRUSTED)
    namespace = encrypted.installation.namespace
    kubectl("-n", namespace, "create", "job", "proxy-tls-gc-now", "--from=cronjob/proxy-tls-gc")
    try:
        complete = ("--for=condition=Complete", "job/proxy-tls-gc-now", "--timeout=180s")
        kubectl("-n", namespace, "wait", *complete, timeout=200)
    finally:
        said = kubectl("-n", namespace, "logs", "job/proxy-tls-gc-now", "--all-containers")
    assert made["run"] in said, said
    assert run_with_token(client, token, "deleted_run", encrypted.uri, token, made["run"], authority=TRUSTED) is None


def test_the_smoke_test_logs_in(encrypted: Encrypted) -> None:
    """With a token of its own, over TLS, artifacts and all."""
    said = run_job(encrypted.installation, "smoke-test", "proxy-tls-smoke-now", passes=True)
    assert "smoke-test: passed in " in said


def test_a_restart_logs_nobody_out(encrypted: Encrypted, cookies: dict[str, str]) -> None:
    """All pods are new, the session is the old one."""
    installation = encrypted.installation
    before = {pod.name for pod in installation.pods()}
    kubectl("-n", installation.namespace, "rollout", "restart", "deployment/proxy-tls")
    installation.wait(600)
    assert not before & {pod.name for pod in installation.pods()}
    assert ask_once(encrypted.client, encrypted.uri, "GET", SEARCH, cookie_header(cookies)).status == 200
