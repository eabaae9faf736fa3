"""A real OpenID Connect provider (tests/e2e/images/oidc-provider), with three people and three programs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import attrs
from e2e.databases.certificates import Certificates
from e2e.environments import program, run
from e2e.kubectl import Manifest, Pod, apply_manifests, wait_for_pods
from e2e.manifests import config_map, pod, secret, service

from cdk8s_mlflow import ClientCredentials, ConfigMapKey, ExistingSecret, OidcAuth

IMAGE = "localhost/oidc-provider:9.13.3"
# Without % and +: the plugin's library does not encode it, as OAuth wants it, and this provider decodes it.
CLIENT_SECRET, PASSWORD = "p@s/s#w:?d&$x", "correct horse"
AUDIENCE = "urn:mlflow"
RELEASES = ("oidc", "oidc-other", "proxy", "proxy-other")
"""The releases to which people are returned, by the names of their Services."""


@attrs.frozen
class Provider:
    """The provider's Pod and Service of the name ``provider``."""

    namespace: str
    issuer: str
    ca: ConfigMapKey = ConfigMapKey("provider-ca", "ca.crt")
    client_secret: ExistingSecret = ExistingSecret("provider", "client-secret")

    @property
    def discovery_url(self) -> str:
        """The discovery document."""
        return f"{self.issuer}/.well-known/openid-configuration"

    def log_in(self, client: Pod, base: str, name: str, start: str = "/") -> dict[str, Any]:
        """Log somebody in as a browser does; return where that ended and the cookies that it gave."""
        found: dict[str, Any] = run(client, "log_in", base, start, name, PASSWORD)
        return found

    def token(self, client: Pod, who: str = "mlflow", resource: str = AUDIENCE) -> str:
        """Return an access token of a program: ``mlflow`` (an administrator), ``reader`` or ``stranger``."""
        return str(run(client, "access_token", self.discovery_url, who, CLIENT_SECRET, resource))

    def use(self, client: Pod, uri: str, token: str) -> Any:
        """Log a run and a model with MLflow's own client and a token; return what it reads back."""
        return run_with_token(client, token, "runs", uri)[uri]


def run_with_token(client: Pod, token: str, name: str, *arguments: str, authority: str = "") -> Any:
    """Run a program of MLflow's client with a token; return what it printed, as JSON."""
    settings = {"MLFLOW_TRACKING_TOKEN": token} | ({"REQUESTS_CA_BUNDLE": authority} if authority else {})
    variables = [f"{key}={value}" for key, value in settings.items()]
    output = client.execute("env", *variables, "python", "-c", program(name), *arguments)
    return json.loads(output.splitlines()[-1])


def places_of_tests(namespace: str) -> list[str]:
    """Return where people are returned to in the tests of this folder."""
    paths = ("/callback", "/oauth2/callback", "/mlflow/oauth2/callback")
    returns = [f"http://{name}.{namespace}:5000{path}" for name in RELEASES for path in paths]
    return [*returns, f"https://proxy-tls.{namespace}:5000/oauth2/callback", "https://mlflow.example.com/callback"]


def start_provider(namespace: str, certificates: Certificates, returns: Iterable[str]) -> Provider:
    """Start it, with a certificate of an authority that no image knows; people may be returned to some places."""
    host = f"provider.{namespace}"
    found = Provider(namespace, f"https://{host}:9000")
    authority = certificates.folder.joinpath("ca.crt").read_text(encoding="utf-8")
    variables = {"ISSUER": found.issuer, "REDIRECT_URIS": ",".join(returns)}
    apply_manifests(
        [
            config_map(namespace, "provider-ca", {"ca.crt": authority}),
            secret(namespace, "provider", {"client-secret": CLIENT_SECRET, "password": PASSWORD}),
            secret(namespace, "provider-certificate", certificates.signed("provider", ["provider", host])),
            pod(namespace, "provider", _container(variables), {"tls": _certificate("provider-certificate")}),
            service(namespace, "provider", 9000),
        ]
    )
    wait_for_pods(namespace, "provider")
    return found


def _container(variables: dict[str, str]) -> Manifest:
    keys = {"CLIENT_SECRET": "client-secret", "PASSWORD": "password"}
    files = {"TLS_CERT": "/tls/tls.crt", "TLS_KEY": "/tls/tls.key"}
    return {
        "image": IMAGE,
        "command": ["node", "/opt/provider/server.mjs"],
        "env": [
            *({"name": name, "value": value} for name, value in {**variables, **files}.items()),
            *(
                {"name": name, "valueFrom": {"secretKeyRef": {"name": "provider", "key": key}}}
                for name, key in keys.items()
            ),
        ],
        "ports": [{"containerPort": 9000}],
        # Without a request it waits for all who have one: minutes, on a busy node.
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
        "readinessProbe": {"tcpSocket": {"port": 9000}, "periodSeconds": 1},
        "volumeMounts": [{"name": "tls", "mountPath": "/tls"}],
    }


def _certificate(name: str) -> Manifest:
    return {"secret": {"secretName": name, "defaultMode": 0o440}}


def oidc_auth(provider: Provider, **changes: Any) -> OidcAuth:
    """Return the login with the tests' provider."""
    return OidcAuth(
        discovery_url=provider.discovery_url,
        client_id="mlflow",
        client_secret=provider.client_secret,
        audience=AUDIENCE,
        scopes=["openid", "email", "profile", "groups"],
        callers=ClientCredentials(parameters={"resource": AUDIENCE}),
        **changes,
    )


def redis(namespace: str, password: str, name: str = "redis") -> list[Manifest]:
    """Return a Redis server with a password."""
    container = {
        "image": "docker.io/library/redis:7",
        "command": ["redis-server", "--requirepass", password, "--dir", "/tmp", "--save", ""],  # noqa: S108
        "ports": [{"containerPort": 6379}],
        "readinessProbe": {"tcpSocket": {"port": 6379}, "periodSeconds": 1},
    }
    return [pod(namespace, name, container, user=999), service(namespace, name, 6379)]


def asked(client: Pod, requests: Iterable[dict[str, Any]]) -> list[int]:
    """Send requests and return the statuses."""
    return [answer["status"] for answer in run(client, "ask", json.dumps(list(requests)))]


def cookie_header(cookies: dict[str, str]) -> dict[str, str]:
    """Return cookies as a request carries them."""
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
