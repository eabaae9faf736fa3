"""What each controller of Ingresses must be told, in its own words: one class per controller.

MLflow's requests are large (whole models) and long (their upload), and controllers are made for neither. Below a
static prefix, uploads must moreover meet the server without the prefix: with it, MLflow keeps the whole file in
memory. A controller that can change a path on the way sends them there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Literal, Protocol, runtime_checkable

import attrs

from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.values import DnsName, PlainText, sequences

ARTIFACT_PATHS = ("/api/2.0/mlflow-artifacts/artifacts", "/ajax-api/2.0/mlflow-artifacts/artifacts")
"""Where artifacts pass through the server, as clients and as browsers ask."""


@attrs.frozen(kw_only=True)
class Behind:
    """What a controller may know of the server behind it."""

    release: str
    namespace: str | None
    scheme: Literal["http", "https"]
    """How the pods speak."""
    host: str
    """The Service's full name: that of the pods' certificate."""
    ca_secret: str | None
    """The Secret whose ``ca.crt`` knows the pods' certificate."""
    health_path: str
    static_prefix: str


@attrs.frozen(kw_only=True)
class ArtifactWay:
    """A second Ingress for artifacts, which reach the server without its static prefix."""

    annotations: Mapping[str, str]
    """Beside those of the first Ingress."""
    paths: tuple[str, ...]
    path_type: Literal["Prefix", "ImplementationSpecific"]
    objects: tuple[Manifest, ...] = ()


@runtime_checkable
class IngressController(Protocol):
    """What every controller answers."""

    def annotations(self, behind: Behind) -> Mapping[str, str]:
        """Return the annotations of the Ingress."""

    def service_annotations(self, behind: Behind) -> Mapping[str, str]:
        """Return the annotations of the Service."""

    def objects(self, behind: Behind) -> Sequence[Manifest]:
        """Return further objects, in the API's shape, without metadata labels."""

    def artifact_way(self, behind: Behind) -> ArtifactWay | None:
        """Return how artifacts go below a static prefix; None if the controller cannot change paths."""


def _seconds(time: timedelta) -> str:
    return str(int(time.total_seconds()))


@attrs.frozen(kw_only=True)
class IngressNginx:
    """ingress-nginx: uploads of any size, passed on as they come, and requests that may take long."""

    request_timeout: timedelta = timedelta(hours=1)
    """How long a request may be silent. ``proxy-read-timeout`` and ``proxy-send-timeout``."""

    def annotations(self, behind: Behind) -> Mapping[str, str]:
        """Return them."""
        prefix = "nginx.ingress.kubernetes.io"
        told = {
            f"{prefix}/proxy-body-size": "0",
            f"{prefix}/proxy-request-buffering": "off",
            f"{prefix}/proxy-buffering": "off",
            f"{prefix}/proxy-read-timeout": _seconds(self.request_timeout),
            f"{prefix}/proxy-send-timeout": _seconds(self.request_timeout),
        }
        if behind.scheme == "http":
            return told
        known = {
            f"{prefix}/proxy-ssl-secret": f"{behind.namespace}/{behind.ca_secret}",
            f"{prefix}/proxy-ssl-verify": "on",
            f"{prefix}/proxy-ssl-name": behind.host,
            f"{prefix}/proxy-ssl-server-name": "on",
        }
        knows = behind.ca_secret is not None and behind.namespace is not None
        return told | {f"{prefix}/backend-protocol": "HTTPS"} | (known if knows else {})

    def service_annotations(self, behind: Behind) -> Mapping[str, str]:  # noqa: ARG002 - all is in the Ingress
        """Return none."""
        return {}

    def objects(self, behind: Behind) -> Sequence[Manifest]:  # noqa: ARG002 - likewise
        """Return none."""
        return ()

    def artifact_way(self, behind: Behind) -> ArtifactWay:
        """Return one by a rewritten path."""
        return ArtifactWay(
            annotations={
                "nginx.ingress.kubernetes.io/use-regex": "true",
                "nginx.ingress.kubernetes.io/rewrite-target": "$1",
            },
            paths=tuple(f"{behind.static_prefix}({path}/.*)" for path in ARTIFACT_PATHS),
            path_type="ImplementationSpecific",
        )


@attrs.frozen(kw_only=True)
class Traefik:
    """Traefik 3 with its own CRDs: it passes uploads on as they come and has no limit of its own.

    How long a request may take is said where Traefik is installed
    (``--entryPoints.websecure.transport.respondingTimeouts.readTimeout``): 60 seconds by default, which cut off
    large uploads.
    """

    def annotations(self, behind: Behind) -> Mapping[str, str]:  # noqa: ARG002 - nothing to tell
        """Return none."""
        return {}

    def service_annotations(self, behind: Behind) -> Mapping[str, str]:
        """Return how the pods speak, and by which certificate they are known."""
        if behind.scheme == "http":
            return {}
        prefix = "traefik.ingress.kubernetes.io/service"
        transport = f"{behind.namespace or 'default'}-{behind.release}@kubernetescrd"
        return {f"{prefix}.serversscheme": "https"} | (
            {f"{prefix}.serverstransport": transport} if behind.ca_secret else {}
        )

    def objects(self, behind: Behind) -> Sequence[Manifest]:
        """Return the ServersTransport that knows the pods' certificate."""
        if behind.scheme == "http" or behind.ca_secret is None:
            return ()
        transport = _traefik_object("ServersTransport", behind.release)
        spec = {"serverName": behind.host, "rootCAs": [{"secret": behind.ca_secret}]}
        return (transport | {"spec": spec},)

    def artifact_way(self, behind: Behind) -> ArtifactWay:
        """Return one by a middleware that takes the prefix off."""
        name = f"{behind.release}-artifacts"
        middleware = _traefik_object("Middleware", name) | {
            "spec": {"stripPrefix": {"prefixes": [behind.static_prefix]}}
        }
        chosen = f"{behind.namespace or 'default'}-{name}@kubernetescrd"
        return ArtifactWay(
            annotations={"traefik.ingress.kubernetes.io/router.middlewares": chosen},
            paths=tuple(f"{behind.static_prefix}{path}" for path in ARTIFACT_PATHS),
            path_type="Prefix",
            objects=(middleware,),
        )


def _traefik_object(kind: str, name: str) -> Manifest:
    return {"apiVersion": "traefik.io/v1alpha1", "kind": kind, "metadata": {"name": name}}


@attrs.frozen(kw_only=True, field_transformer=sequences)
class AwsLoadBalancer:
    """The AWS Load Balancer Controller: an Application Load Balancer that goes to the pods themselves.

    It cannot change a path: below a static prefix, let clients use ``Presigned()`` artifacts.
    """

    scheme: Literal["internal", "internet-facing"] = "internal"
    """Whether it is reached from the internet."""
    idle_timeout: timedelta = timedelta(minutes=10)
    """How long a connection may be silent: 60 seconds are AWS' own, and 4000 the most."""
    certificate_arns: Sequence[PlainText] = ()
    """Certificates of ACM; with any, HTTP is sent on to HTTPS."""
    group_name: DnsName | None = None
    """Ingresses of one name share one load balancer."""

    def annotations(self, behind: Behind) -> Mapping[str, str]:
        """Return them."""
        prefix = "alb.ingress.kubernetes.io"
        told = {
            f"{prefix}/scheme": self.scheme,
            f"{prefix}/target-type": "ip",
            f"{prefix}/healthcheck-path": behind.health_path,
            f"{prefix}/load-balancer-attributes": f"idle_timeout.timeout_seconds={_seconds(self.idle_timeout)}",
        }
        told |= (
            {f"{prefix}/backend-protocol": "HTTPS", f"{prefix}/healthcheck-protocol": "HTTPS"}
            if (behind.scheme == "https")
            else {}
        )
        told |= {f"{prefix}/group.name": self.group_name} if self.group_name else {}
        if not self.certificate_arns:
            return told
        return told | {
            f"{prefix}/certificate-arn": ",".join(self.certificate_arns),
            f"{prefix}/listen-ports": '[{"HTTP": 80}, {"HTTPS": 443}]',
            f"{prefix}/ssl-redirect": "443",
        }

    def service_annotations(self, behind: Behind) -> Mapping[str, str]:  # noqa: ARG002 - all is in the Ingress
        """Return none."""
        return {}

    def objects(self, behind: Behind) -> Sequence[Manifest]:  # noqa: ARG002 - likewise
        """Return none."""
        return ()

    def artifact_way(self, behind: Behind) -> None:  # noqa: ARG002 - there is none
        """None: it cannot change paths."""
        return
