"""An Ingress."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import attrs

from cdk8s_mlflow.exposure.controllers import IngressController
from cdk8s_mlflow.failures import repeated
from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.peers import CidrPeer, NamespacePeer, PodPeer
from cdk8s_mlflow.values import (
    AnnotationKey,
    DnsName,
    IngressHostName,
    NameSuffix,
    Port,
    PortName,
    ServiceName,
    UrlPath,
    sequences,
)

_ACTION = "use-annotation"


@frozen
class IngressPath:
    """A path of a host, and the Service that answers it."""

    path: UrlPath = "/"
    path_type: Literal["Prefix", "Exact", "ImplementationSpecific"] = "Prefix"
    service_name: ServiceName | None = None
    """Another Service than the server's: the larribas chart's ``serviceNameOverride``."""
    service_port: Port | PortName | None = None
    """Another port, by number or name: the larribas chart's ``servicePortOverride``.

    ``service_name="ssl-redirect", service_port="use-annotation"`` is the AWS load balancer's redirect action.
    """


@frozen(field_transformer=sequences)
class IngressHost:
    """A host name and the paths that are served under it."""

    host: IngressHostName | None
    """None answers every name; say then in ``MlflowProps.allowed_hosts`` which names MLflow accepts."""
    paths: Sequence[IngressPath] = (IngressPath(),)

    def failures(self) -> Iterator[str]:
        """Yield what is wrong with the fields together."""
        if not self.paths:
            yield "paths must not be empty (got ()); write [IngressPath()] for the root"


@frozen(kw_only=True, field_transformer=sequences)
class IngressTls:
    """A certificate for some of the hosts."""

    secret_name: DnsName | None = None
    """The Secret with the certificate; the controller's default certificate if left out."""
    hosts: Sequence[IngressHostName] = ()
    """The hosts that it is for; all of the Ingress if left out."""


@frozen
class CertManagerIssuer:
    """The issuer by which cert-manager makes the certificates of an Ingress, in the Secrets that ``tls`` names."""

    name: DnsName
    kind: Literal["ClusterIssuer", "Issuer"] = "ClusterIssuer"


def _hosts(hosts: Sequence[str | IngressHost]) -> tuple[IngressHost, ...]:
    if not isinstance(hosts, list | tuple):  # for value_checks to name
        return hosts  # type: ignore[return-value]
    return tuple(IngressHost(host) if isinstance(host, str) else host for host in hosts)


@frozen(kw_only=True, field_transformer=sequences)
class Ingress:
    """An Ingress (``networking.k8s.io/v1``) in front of the Service.

    It opens the server's port to all sources in the network policy until :attr:`allowed_from` narrows it:
    where the controller runs is unknown at synth time (``kubectl get pods -A | grep -i ingress`` tells).
    """

    hosts: tuple[IngressHost, ...] = attrs.field(converter=_hosts)
    """Host names, or :class:`IngressHost` where paths matter. The first one makes the public URL."""
    ingress_class_name: DnsName | None = None
    """The cluster's default class if left out."""
    controller: IngressController | None = None
    """Which controller answers it, to tell it in its own words that uploads are large and requests long, and in which
    way the server speaks: ``IngressNginx()``, ``Traefik()``, ``AwsLoadBalancer()``. Nothing is told if left out."""
    tls: Sequence[IngressTls] = ()
    """Certificates; without any, the door is plain HTTP."""
    issuer: CertManagerIssuer | None = None
    """Who makes the certificates; somebody else does, if left out."""
    annotations: Mapping[AnnotationKey, str] = attrs.field(factory=dict)
    allowed_from: Sequence[NamespacePeer | PodPeer | CidrPeer] = ()
    """Where the controller's pods are, such as ``NamespacePeer("ingress-nginx")``."""
    name: NameSuffix | None = None
    """Ends the object's name, where there are several."""

    def failures(self) -> Iterator[str]:
        """Yield what is wrong with the fields together."""
        if not self.hosts:
            yield 'hosts must not be empty (got ()); write at least one, such as "mlflow.example.com"'
        # An action of AWS' load balancer stands before the Service on the same path.
        paths = [(host.host, path.path) for host in self.hosts for path in host.paths if path.service_port != _ACTION]
        for host, path in repeated(paths):
            yield f"a path of a host stands there more than once (got {path!r} of {host!r}); keep one of them"
        for tls in self.tls:
            if not (tls.secret_name or tls.hosts or any(host.host for host in self.hosts)):
                yield "tls names neither a Secret nor a host (got IngressTls()); write IngressTls(secret_name=...)"

        if self.issuer is not None and not any(tls.secret_name for tls in self.tls):
            yield (
                f"issuer makes certificates for the Secrets of tls, and there is none (got {self.issuer}); "
                "write tls=[IngressTls(secret_name=...)]"
            )

    def has_tls(self, host: str | None) -> bool:
        """Return whether a certificate covers the host."""
        wildcard = f"*.{host.partition('.')[2]}" if host else None
        return any(host in tls.hosts or wildcard in tls.hosts or not tls.hosts for tls in self.tls)

    def names(self) -> tuple[str, ...]:
        """Return every host name that it answers."""
        return tuple(item.host for item in self.hosts if item.host)

    def origins(self) -> tuple[str, ...]:
        """Return scheme and host of each named host, those without a wildcard first."""
        names = sorted((item.host for item in self.hosts if item.host), key=lambda name: name.startswith("*."))
        return tuple(f"{'https' if self.has_tls(name) else 'http'}://{name}" for name in names)
