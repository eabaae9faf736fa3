"""A login whose provider changes its keys, and whose Redis goes away."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.databases.certificates import Certificates
from e2e.installation import Installation, applied, release
from e2e.kubectl import Pod, apply_manifests, get, kubectl, wait_for_pods, wait_until
from e2e.logins.provider import Provider, asked, cookie_header, oidc_auth, redis, start_provider
from e2e.manifests import secret
from e2e.results import record

from cdk8s_mlflow import ExistingSecret, FixedReplicas, Image, MlflowProps, Redis

from .conftest import PASSWORD, Around, Ready, bucket
from .writing import NOTHING, writing

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

IMAGE = Image(repository="localhost/cdk8s-mlflow", tag="v3.17.2")
SEARCH = "/api/2.0/mlflow/experiments/search?max_results=1"
NEW_KEY = """
const pair = require("node:crypto").generateKeyPairSync("rsa", { modulusLength: 2048 });
const key = pair.privateKey.export({ format: "jwk" });
console.log(JSON.stringify({ ...key, use: "sig", alg: "RS256", kid: process.argv[1] }));
"""
PROGRAM = Path(__file__).parents[1] / "images" / "oidc-provider" / "server.mjs"


@pytest.fixture(scope="module")
def provider(place: str, tmp_path_factory: pytest.TempPathFactory) -> Provider:
    """Start a provider."""
    certificates = Certificates(tmp_path_factory.mktemp("provider"))
    certificates.authority()
    return start_provider(place, certificates, [f"http://oidc.{place}:5000/callback"])


@pytest.fixture(scope="module")
def guarded(place: str, ready: Ready, objects: Around, provider: Provider) -> Iterator[Installation]:
    """Start a server of two replicas that share a Redis."""
    assert objects.name
    apply_manifests([secret(place, "redis", {"password": PASSWORD}), *redis(place, PASSWORD)])
    wait_for_pods(place, "redis")
    login = oidc_auth(provider, redis=Redis(host="redis", password=ExistingSecret("redis", "password")))
    props = MlflowProps(
        image=IMAGE,
        backend_store=ready.store("guarded"),
        artifact_store=bucket(),
        authentication=login,
        public_url=f"http://oidc.{place}:5000",
        ca_bundle=provider.ca,
        scaling=FixedReplicas(2),
    )
    server = release(place, "oidc", props)
    with applied(server):
        server.wait(600)
        yield server


def new_key(provider: Provider, name: str) -> dict[str, str]:
    """Make a key to sign tokens with."""
    made = Pod(provider.namespace, "provider").execute("node", "-e", NEW_KEY, name)
    found: dict[str, str] = json.loads(made)
    return found


def sign_with(provider: Provider, *keys: dict[str, str]) -> None:
    """Start the provider anew with other keys, of which it signs with the first."""
    namespace = provider.namespace
    spec = get("pod", "provider", namespace)["spec"]
    del spec["nodeName"]
    if not any(volume["name"] == "keys" for volume in spec["volumes"]):
        [container] = spec["containers"]
        container["env"].append({"name": "JWKS", "value": "/keys/jwks.json"})
        # The image may hold an older program.
        program = {"name": "keys", "mountPath": "/opt/provider/server.mjs", "subPath": "server.mjs"}
        container["volumeMounts"] += [{"name": "keys", "mountPath": "/keys"}, program]
        spec["volumes"].append({"name": "keys", "secret": {"secretName": "provider-keys"}})
    metadata = {"name": "provider", "namespace": namespace, "labels": {"app": "provider"}}
    files = {"jwks.json": json.dumps({"keys": keys}), "server.mjs": PROGRAM.read_text(encoding="utf-8")}
    kubectl("-n", namespace, "delete", "pod", "provider", "--grace-period=1")
    made = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    apply_manifests([secret(namespace, "provider-keys", files), made])
    wait_for_pods(namespace, "provider")


def accepted(client: Pod, server: Installation, token: str) -> list[bool]:
    """Say of each replica whether it takes a token."""
    headers = {"Authorization": f"Bearer {token}"}
    addresses = [pod.status()["podIP"] for pod in server.pods()]
    asks = [{"url": f"http://{address}:5000{SEARCH}", "headers": headers} for address in addresses]
    return [status == 200 for status in asked(client, asks)]


def test_the_provider_changes_its_keys(guarded: Installation, client: Pod, provider: Provider) -> None:
    """Tokens of a new key are taken at once; those of a key that was removed are refused within five minutes."""
    first, second = new_key(provider, "first"), new_key(provider, "second")
    sign_with(provider, first)
    old = provider.token(client)
    assert accepted(client, guarded, old) == [True, True]
    sign_with(provider, second, first)
    new = provider.token(client)
    assert accepted(client, guarded, new) == [True, True]
    assert accepted(client, guarded, old) == [True, True]
    sign_with(provider, second)
    removed = time.monotonic()
    wait_until("the old key to be forgotten", lambda: accepted(client, guarded, old) == [False, False], 330)
    seconds = time.monotonic() - removed
    assert accepted(client, guarded, new) == [True, True]
    guarded.assert_calm()
    healed = f"by itself; tokens of the removed key were refused after {seconds:.0f} s"
    name = "the OIDC provider signs with a new key, then removes the old one"
    record("faults", name, {"lost": "nothing", "API unavailable, s": 0, "healed": healed})


def test_redis_is_away(guarded: Installation, client: Pod, provider: Provider, place: str) -> None:
    """Who brings a token is served; who has logged in by a browser is again, once it is back."""
    cookies = cookie_header(provider.log_in(client, guarded.uri, "ada", "/login")["cookies"])
    ask = {"url": guarded.uri + SEARCH, "headers": cookies}
    assert asked(client, [ask]) == [200]
    with writing(client, guarded, token=provider.token(client)) as found:
        kubectl("-n", place, "delete", "pod", "redis", "--grace-period=0", "--force")
        time.sleep(45)
        apply_manifests(redis(place, PASSWORD))
        wait_for_pods(place, "redis")
    assert found.lost == NOTHING
    cookies = cookie_header(provider.log_in(client, guarded.uri, "ada", "/login")["cookies"])
    assert asked(client, [{"url": guarded.uri + SEARCH, "headers": cookies}]) == [200]
    guarded.assert_calm()
    name = "Redis of the sessions is away for 45 s, and empty afterwards (clients with tokens)"
    found.keep(name, "by itself; people log in again")
