"""What each controller of Ingresses must be told, in its own words: one class per controller.

MLflow's requests are large (whole models) and long (their upload), and controllers are made for neither. Below a
static prefix, uploads must moreover meet the server without the prefix: with it, MLflow keeps the whole file in
memory. A controller that can change a path on the way sends them there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Literal, Protocol, runtime_checkable

import attrs

from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.values import DnsName, PlainText, sequences
from cdk8s_mlflow.volumes import ConfigMapKey, SecretKey

ARTIFACT_PATHS = ("/api/2.0/mlflow-artifacts/artifacts", "/ajax-api/2.0/mlflow-artifacts/artifacts")
"""Below which artifacts pass through the server, as clients and as browsers ask. The paths themselves are lists of
artifacts, which MLflow has below its static prefix alone."""


@frozen(kw_only=True)
class Behind:
    """What a controller may know of the server behind it."""

    release: str
    namespace: str
    scheme: Literal["http", "https"]
    """How the pods speak."""
    host: str
    """The Service's full name: that of the pods' certificate."""
    ca: SecretKey | ConfigMapKey | None
    """The authority of the pods' certificate; None if it is a public one."""
    health_path: str
    static_prefix: str


@frozen(kw_only=True)
class ArtifactWay:
    """A second Ingress for artifacts, which reach the server without its static prefix."""

    annotations: Mapping[str, str] = attrs.field(factory=dict)
    """Instead of those of the first Ingress, or beside them."""
    listed: Mapping[str, str] = attrs.field(factory=dict)
    """Annotations that are lists, to which this is added: what the first Ingress asks for is asked for here, too."""
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


@frozen(kw_only=True)
class IngressNginx:
    """ingress-nginx: uploads of any size, passed on as they come, and requests that may take long.

    With TLS in the pods it checks their certificate if the authority is in a Secret's key ``ca.crt``, the only place
    where it reads one; else it takes any certificate.
    """

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
        told |= {f"{prefix}/backend-protocol": "HTTPS"}
        if not (isinstance(behind.ca, SecretKey) and behind.ca.key == "ca.crt"):
            return told
        return told | {
            f"{prefix}/proxy-ssl-secret": f"{behind.namespace}/{behind.ca.name}",
            f"{prefix}/proxy-ssl-verify": "on",
            f"{prefix}/proxy-ssl-name": behind.host,
            f"{prefix}/proxy-ssl-server-name": "on",
        }

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


@frozen(kw_only=True)
class Traefik:
    """Traefik 3.4 or newer with its own CRDs: it passes uploads on as they come and has no limit of their size.

    How long a request may take is said where Traefik is installed
    (``--entryPoints.websecure.transport.respondingTimeouts.readTimeout``): 60 seconds by default, which cut off
    large uploads. With TLS in the pods it checks their certificate, by an authority in a key ``ca.crt``.
    """

    def annotations(self, behind: Behind) -> Mapping[str, str]:  # noqa: ARG002 - nothing to tell
        """Return none."""
        return {}

    def service_annotations(self, behind: Behind) -> Mapping[str, str]:
        """Return how the pods speak, and by which certificate they are known."""
        prefix = "traefik.ingress.kubernetes.io/service"
        # Left out, it guesses by the Service's port: 443, or a name that begins with "https".
        told = {f"{prefix}.serversscheme": behind.scheme}
        if behind.scheme == "http":
            return told
        return told | {f"{prefix}.serverstransport": f"{behind.namespace}-{behind.release}@kubernetescrd"}

    def objects(self, behind: Behind) -> Sequence[Manifest]:
        """Return the ServersTransport that knows the pods' certificate."""
        if behind.scheme == "http":
            return ()
        # Without a name it would look for the pod's address in the certificate.
        spec = {"serverName": behind.host, **_authorities(behind.ca)}
        return (_traefik_object("ServersTransport", behind.release) | {"spec": spec},)

    def artifact_way(self, behind: Behind) -> ArtifactWay:
        """Return one by a middleware that takes the prefix off.

        Whether Traefik compares paths by their parts or by their characters is said where it is installed: either
        way a list of artifacts comes by here, too, and the middleware leaves it as it is.
        """
        name = f"{behind.release}-artifacts"
        files = "|".join(re.escape(path) for path in ARTIFACT_PATHS)
        regex = f"^{re.escape(behind.static_prefix)}((?:{files})/.*)$"
        middleware = _traefik_object("Middleware", name) | {
            "spec": {"replacePathRegex": {"regex": regex, "replacement": "$1"}}
        }
        chosen = f"{behind.namespace}-{name}@kubernetescrd"
        return ArtifactWay(
            listed={"traefik.ingress.kubernetes.io/router.middlewares": chosen},
            paths=tuple(f"{behind.static_prefix}{path}" for path in ARTIFACT_PATHS),
            path_type="Prefix",
            objects=(middleware,),
        )


def _authorities(ca: SecretKey | ConfigMapKey | None) -> Manifest:
    if ca is None:
        return {}
    return {"rootCAs": [{"secret" if isinstance(ca, SecretKey) else "configMap": ca.name}]}


def _traefik_object(kind: str, name: str) -> Manifest:
    return {"apiVersion": "traefik.io/v1alpha1", "kind": kind, "metadata": {"name": name}}


_LONGEST_IDLE = 4000


@frozen(kw_only=True, field_transformer=sequences)
class AwsLoadBalancer:
    """The AWS Load Balancer Controller: an Application Load Balancer that goes to the pods themselves.

    It cannot change a path: below a static prefix, let clients use ``Presigned()`` artifacts. With TLS in the pods it
    takes any certificate.
    """

    scheme: Literal["internal", "internet-facing"] = "internal"
    """Whether it is reached from the internet."""
    idle_timeout: timedelta = timedelta(minutes=10)
    """How long a connection may be silent: 60 seconds are AWS' own, and 4000 the most."""
    certificate_arns: Sequence[PlainText] = ()
    """Certificates of ACM; with any, HTTP is sent on to HTTPS."""
    group_name: DnsName | None = None
    """Ingresses of one name share one load balancer."""

    def failures(self) -> Iterator[str]:
        """Yield what is wrong with the fields together."""
        seconds = self.idle_timeout.total_seconds()
        if not 1 <= seconds <= _LONGEST_IDLE:
            yield f"idle_timeout must be 1 to {_LONGEST_IDLE} seconds (got {seconds:g} s); AWS takes no other"

    def annotations(self, behind: Behind) -> Mapping[str, str]:
        """Return them."""
        prefix = "alb.ingress.kubernetes.io"
        told = {
            f"{prefix}/scheme": self.scheme,
            f"{prefix}/target-type": "ip",
            f"{prefix}/healthcheck-path": behind.health_path,
            f"{prefix}/load-balancer-attributes": f"idle_timeout.timeout_seconds={_seconds(self.idle_timeout)}",
        }
        if behind.scheme == "https":
            told |= {f"{prefix}/backend-protocol": "HTTPS", f"{prefix}/healthcheck-protocol": "HTTPS"}
        if self.group_name:
            told |= {f"{prefix}/group.name": self.group_name}
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
