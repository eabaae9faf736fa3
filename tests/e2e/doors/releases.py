"""The servers of these tests, and how they are asked."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
from e2e.environments import run
from e2e.installation import KEYS, Installation
from e2e.kubectl import Pod

from cdk8s_mlflow import (
    BasicAuth,
    ExistingSecret,
    GarbageCollection,
    HttpRoute,
    Ingress,
    IngressHost,
    IngressPath,
    IngressTls,
    MlflowProps,
    NamespacePeer,
    NodePort,
    ParentReference,
    SecretKey,
    TlsSecret,
    Traefik,
)

ADMIN_PASSWORD = "the administrator's p@ssw0rd%"
PREFIX = "/tools/mlflow"
PLAIN_HOSTS = ["doors-ingress.example.com", "doors-route.example.com"]
SHARED_HOST, FILTERED_HOST = "doors-shared.example.com", "doors-filtered.example.com"
PREFIXED_HOST = "doors-prefixed.example.com"
SECURE_HOST = "doors-secure.example.com"
HTTPS = ParentReference(name="public", namespace="ingress", section_name="https")
HTTP = ParentReference(name="public", namespace="ingress", section_name="http")
LOGIN = BasicAuth(
    admin_password=ExistingSecret("mlflow-login", "password"), flask_secret_key=ExistingSecret("mlflow-login", "flask")
)
CREDENTIALS = {"MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": ADMIN_PASSWORD}
AUTHORIZATION = {"Authorization": f"Basic {base64.b64encode(f'admin:{ADMIN_PASSWORD}'.encode()).decode()}"}
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
FOLDERS = (Path(__file__).parent / "client", Path(__file__).parents[1] / "client")


def names_of_service(name: str, namespace: str) -> list[str]:
    """Return every name of a Service in the cluster's DNS."""
    return [name, f"{name}.{namespace}", f"{name}.{namespace}.svc", f"{name}.{namespace}.svc.cluster.local"]


@attrs.frozen
class Server:
    """A release, and the address of its Service."""

    installation: Installation
    prefix: str = ""
    scheme: str = "http"

    @property
    def name(self) -> str:
        """The name of release and Service."""
        return self.installation.name

    @property
    def namespace(self) -> str:
        """Where it is."""
        return self.installation.namespace

    @property
    def host(self) -> str:
        """The Service's full name."""
        return f"{self.name}.{self.namespace}.svc.cluster.local"

    @property
    def pod(self) -> Pod:
        """The one pod of the server."""
        (found,) = self.installation.pods()
        return found

    @property
    def address(self) -> str:
        """The address of the pod."""
        found: str = self.pod.status()["podIP"]
        return found


def ask(pod: Pod, *requests: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Send requests from a pod and return the answers."""
    answers: list[dict[str, Any]] = run(pod, "ask", json.dumps(list(requests)))
    return answers


def program(name: str) -> str:
    """Return the source of a program for a pod."""
    (found,) = [file for folder in FOLDERS if (file := folder / f"{name}.py").exists()]
    return found.read_text(encoding="utf-8")


def run_with_login(pod: Pod, name: str, *arguments: str, timeout: float = 300) -> Any:
    """Run a program in a pod, as the administrator who trusts what the pod trusts; return what it printed, as JSON."""
    settings = {"REQUESTS_CA_BUNDLE": "/tmp/ca.crt"} | CREDENTIALS  # noqa: S108 - in the pod
    variables = [f"{key}={value}" for key, value in settings.items()]
    output = pod.execute("env", *variables, "python", "-c", program(name), *arguments, timeout=timeout)
    return json.loads(output.splitlines()[-1])


def _installed(namespace: str, name: str, props: MlflowProps) -> Installation:
    keys = attrs.evolve(
        props,
        crypto_kek_passphrase=ExistingSecret(KEYS, "kek"),
        webhook_secret_encryption_key=ExistingSecret(KEYS, "webhook"),
    )
    return Installation(namespace, name, keys)


def plain(namespace: str, guest: str) -> Server:
    """Return a server at the root: a NodePort for one address, an Ingress of two hosts, two routes, one that redirects.

    On the second host of the Ingress the other server answers below its prefix.
    """
    ingress, route = PLAIN_HOSTS
    props = MlflowProps(
        service=NodePort(source_ranges=[f"{guest}/32"]),
        exposure=[
            Ingress(
                hosts=[
                    ingress,
                    IngressHost(
                        SHARED_HOST,
                        [IngressPath(PREFIX, "Prefix", service_name="prefixed", service_port="http"), IngressPath()],
                    ),
                ],
                ingress_class_name="traefik",
                tls=[IngressTls(secret_name="public")],
                allowed_from=[NamespacePeer("ingress")],
            ),
            HttpRoute(hostnames=[route], parents=[HTTPS], redirected=[HTTP], allowed_from=[NamespacePeer("ingress")]),
            HttpRoute(
                name="filtered",
                hostnames=[FILTERED_HOST],
                parents=[HTTPS],
                filters=[
                    {
                        "type": "ResponseHeaderModifier",
                        "responseHeaderModifier": {"set": [{"name": "X-Door", "value": "filtered"}]},
                    }
                ],
                request_timeout=timedelta(hours=1),
                allowed_from=[NamespacePeer("ingress")],
            ),
        ],
        # Nobody's: what a pod says of its proxies is not believed.
        trusted_proxies=["192.0.2.0/24"],
    )
    return Server(_installed(namespace, "plain", props))


def prefixed(namespace: str) -> Server:
    """Return a server with a login below a prefix, behind a route."""
    props = MlflowProps(
        static_prefix=PREFIX,
        authentication=LOGIN,
        exposure=HttpRoute(
            hostnames=[PREFIXED_HOST], parents=[HTTPS], redirected=[HTTP], allowed_from=[NamespacePeer("ingress")]
        ),
    )
    return Server(_installed(namespace, "prefixed", props), prefix=PREFIX)


def secure(namespace: str, proxy: str) -> Server:
    """Return a server that speaks TLS, with a login, below a prefix, behind Traefik with its own CRDs."""
    props = MlflowProps(
        static_prefix=PREFIX,
        authentication=LOGIN,
        tls=TlsSecret(secret_name="server", ca=SecretKey("company", "ca.crt")),
        garbage_collection=GarbageCollection(),
        exposure=Ingress(
            hosts=[SECURE_HOST],
            ingress_class_name=proxy,
            controller=Traefik(),
            tls=[IngressTls(secret_name="public")],
            allowed_from=[NamespacePeer(proxy)],
        ),
    )
    return Server(_installed(namespace, "secure", props), prefix=PREFIX, scheme="https")
