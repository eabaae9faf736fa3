"""OidcAuth and OAuth2Proxy: what their settings become."""

from __future__ import annotations

import json
import re
from typing import Any

import attrs
import pytest
from releases import Release, container_of, env_of, render
from variants import LOGIN_IMAGE, VARIANTS, on_postgresql

from cdk8s_mlflow import (
    ClusterIP,
    ExistingSecret,
    GarbageCollection,
    InlineSecret,
    MlflowProps,
    OAuth2Proxy,
    OidcAuth,
    Proxied,
    Redis,
)

SECRET = ExistingSecret("provider", "secret")


def oidc(url: str = "https://mlflow.example.com", **changes: Any) -> MlflowProps:
    """Return a server with the plugin."""
    document = "https://login.example.com/.well-known/openid-configuration"
    login: dict[str, Any] = {"discovery_url": document, "client_id": "mlflow", "client_secret": SECRET}
    return on_postgresql(image=LOGIN_IMAGE, public_url=url, authentication=OidcAuth(**login | changes))


def proxy(url: str = "https://mlflow.example.com", **changes: Any) -> MlflowProps:
    """Return a server with the proxy."""
    login: dict[str, Any] = {"issuer_url": "https://login.example.com", "client_id": "mlflow", "client_secret": SECRET}
    authentication = OAuth2Proxy(**login | {"allowed_groups": ["mlflow"]} | changes)
    return on_postgresql(kubernetes_version="1.29", public_url=url, authentication=authentication)


def options(release: Release) -> dict[str, Any]:
    """Return what the proxy is told, as it reads it."""
    env = env_of(container_of(release.pod, "oauth2-proxy"))
    return {
        name.removeprefix("OAUTH2_PROXY_"): value.replace("$$", "$") if isinstance(value, str) else value
        for name, value in env.items()
    }


def launched(release: Release, name: str) -> Any:
    """Return what a container's launcher completes."""
    [text] = [item["data"][name] for item in release.all("ConfigMap") if name in item["data"]]
    return json.loads(text)


# --- OidcAuth ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "issuer", "audience"),
    [
        ({}, "https://login.example.com", "mlflow"),
        ({"issuer": "https://sts.example.com/1/", "audience": "api://x"}, "https://sts.example.com/1/", "api://x"),
    ],
    ids=["derived", "given"],
)
def test_no_token_for_somebody_else_is_ever_taken(changes: dict[str, Any], issuer: str, audience: str) -> None:
    """Without an audience the plugin takes any token of the provider, so it always has one, and an issuer."""
    env = env_of(render(oidc(**changes)).server)
    assert (env["OIDC_ISSUER"], env["OIDC_AUDIENCE"]) == (issuer, audience)


@pytest.mark.parametrize(("url", "secure"), [("https://a.example.com", "true"), ("http://a.example.com:81", "false")])
def test_cookies_are_as_secure_as_the_public_url(url: str, secure: str) -> None:
    """A secure cookie would never come back over http."""
    assert env_of(render(oidc(url)).server)["SESSION_COOKIE_SECURE"] == secure
    assert options(render(proxy(url)))["COOKIE_SECURE"] == secure


def test_the_plugin_has_its_own_version_table_everywhere() -> None:
    """In the server and in the migration: the default is MLflow's own."""
    release = render(oidc())
    schema = launched(release, "migrate.json")["databases"][-1]["schema"]
    assert schema["version_table"] == "alembic_version_oidc"
    assert schema["environment"]["OIDC_ALEMBIC_VERSION_TABLE"] == "alembic_version_oidc"
    assert env_of(release.server)["OIDC_ALEMBIC_VERSION_TABLE"] == "alembic_version_oidc"


def test_the_plugin_needs_room_for_uploads() -> None:
    """It keeps a whole upload in /tmp, and the object store's client does so once more."""
    access = Proxied(largest_artifact="1Gi", concurrent_transfers=2)
    sizes = [
        item["emptyDir"]["sizeLimit"]
        for props in (on_postgresql(artifact_access=access), attrs.evolve(oidc(), artifact_access=access))
        for item in render(props).pod["volumes"]
        if item["name"] == "tmp"
    ]
    assert sizes == ["2560Mi", "4608Mi"]


@pytest.mark.parametrize(
    ("redis", "uri"),
    [
        (Redis(host="redis"), "redis://redis:6379/0"),
        (Redis(host="redis", password=SECRET), "redis://:${password}@redis:6379/0"),
        (
            Redis(host="fd00::1", port=1, database=2, user="a b", password=SECRET, tls=True),
            "rediss://a%20b:${password}@[fd00::1]:1/2",
        ),
    ],
    ids=["open", "password", "everything"],
)
def test_the_password_of_redis_is_in_no_plain_text(redis: Redis, uri: str) -> None:
    """The launcher of the server puts it into the URI."""
    assert launched(render(oidc(redis=redis)), "launch-mlflow.json")["CACHE_REDIS_URL"]["text"] == uri


# --- OAuth2Proxy -------------------------------------------------------------------------------------------


def test_below_a_prefix_the_proxy_is_too() -> None:
    """Whatever passes the prefix on passes the proxy's own pages on."""
    found = options(render(attrs.evolve(proxy("https://a.example.com/ml.flow"), static_prefix="/ml.flow")))
    assert found["PROXY_PREFIX"] == "/ml.flow/oauth2"
    assert found["REDIRECT_URL"] == "https://a.example.com/ml.flow/oauth2/callback"
    assert found["SKIP_AUTH_ROUTES"] == r"GET=^/ml\.flow/health$"


@pytest.mark.parametrize("prefix", [None, "/ml.flow"])
def test_programs_are_told_apart_from_people(prefix: str | None) -> None:
    """An API answers 401; a page sends people to the provider."""
    pattern = options(render(attrs.evolve(proxy(), static_prefix=prefix)))["API_ROUTES"]
    base = prefix or ""
    apis = [
        "/api/2.0/mlflow/runs/create",
        "/ajax-api/3.0/x",
        "/v1/traces",
        "/graphql",
        "/get-artifact?path=a",
        "/version",
    ]
    pages = ["/", "/#/experiments", "/static-files/x.js", "/apis", "/oauth2/start?rd=/api/"]
    assert [path for path in apis if not re.match(pattern, base + path)] == []
    assert [path for path in pages if re.match(pattern, base + path)] == []
    assert "," not in pattern  # which would make two of it


def test_the_service_keeps_its_port() -> None:
    """Clients need no other address when a proxy comes in front; a port of the user's own stays as well."""
    release = render(attrs.evolve(proxy(), garbage_collection=GarbageCollection()))
    [port] = release.one("Service")["spec"]["ports"]
    assert (port["port"], port["targetPort"]) == (5000, "http")
    assert release.tracking_uri == "http://mlflow.ml.svc.cluster.local:5000"
    assert render(attrs.evolve(proxy(), service=ClusterIP(port=80))).tracking_uri.endswith(":80")


@pytest.mark.parametrize("value", ["x" * 16, "x" * 24, "x" * 32, "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="])
def test_a_cookie_secret_of_a_right_length_is_taken(value: str) -> None:
    """As the proxy reads it: bytes, or URL-safe base64 of them."""
    props = attrs.evolve(proxy(cookie_secret=InlineSecret(value)), allow_inline_secrets=True)
    assert options(render(props))["COOKIE_SECRET"] == ("mlflow-oauth2-proxy-cookie-secret", "fernet")


def test_a_generated_cookie_secret_has_the_right_length() -> None:
    """The Job makes 32 bytes in URL-safe base64, not the 64 digits of a passphrase."""
    made = launched(render(proxy()), "secrets.json")["secrets"]
    assert {"name": "mlflow-oauth2-proxy-cookie-secret", "key": "fernet", "kind": "fernet"} in made


def test_sessions_in_redis_have_a_password_by_reference() -> None:
    """The URL has none."""
    found = options(render(proxy(redis=Redis(host="redis", user="a", password=SECRET))))
    assert found["REDIS_CONNECTION_URL"] == "redis://redis:6379/0"
    assert found["REDIS_USERNAME"] == "a"
    assert found["REDIS_PASSWORD"] == ("provider", "secret")


# --- Callers -----------------------------------------------------------------------------------------------


def test_callers_have_a_client_of_their_own_if_wanted() -> None:
    """Its secret is only in the pods that call."""
    release = render(VARIANTS["oidc-auth"])
    token = launched(release, "launch-gc.json")["MLFLOW_TRACKING_TOKEN"]
    assert token["client_id"] == "mlflow-jobs"
    assert token["parameters"] == {"scope": "mlflow", "audience": "api://mlflow"}
    readers = [owner for owner, item in release.containers() if ("provider", "jobs-secret") in env_of(item).values()]
    assert readers == ["CronJob/mlflow-gc container gc", "CronJob/mlflow-smoke-test container smoke-test"]
