"""Through which doors the server is reached: its Service, and an Ingress."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import attrs

from cdk8s_mlflow.failures import repeated
from cdk8s_mlflow.peers import CidrPeer, NamespacePeer, PodPeer
from cdk8s_mlflow.values import (
    AnnotationKey,
    Cidr,
    DnsName,
    IngressHostName,
    NodePortNumber,
    Port,
    PortName,
    ServiceName,
    UrlPath,
    sequences,
)


@attrs.frozen(kw_only=True)
class ClusterIP:
    """A Service inside the cluster only: the default."""

    port: Port = 5000
    """The Service's port; the pods listen on 5000 in any case."""
    annotations: Mapping[AnnotationKey, str] = attrs.field(factory=dict)

    @property
    def node_port(self) -> None:
        """None: no port of the nodes."""
        return

    @property
    def source_ranges(self) -> tuple[Cidr, ...] | None:
        """None: nothing from outside the cluster."""
        return None


@attrs.frozen(kw_only=True, field_transformer=sequences)
class NodePort:
    """A Service that every node answers for. MLflow has no login of its own by default: mind who sees the nodes."""

    port: Port = 5000
    """The Service's port inside the cluster."""
    node_port: NodePortNumber | None = None
    """The nodes' port; the cluster chooses one if left out."""
    source_ranges: Sequence[Cidr] = ()
    """Who may connect, for the network policy: everybody if left out."""
    annotations: Mapping[AnnotationKey, str] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True, field_transformer=sequences)
class LoadBalancer:
    """A Service with an address of its own from the cloud. MLflow has no login of its own by default."""

    port: Port = 5000
    node_port: NodePortNumber | None = None
    source_ranges: Sequence[Cidr] = ()
    """Who may connect, for the load balancer and the network policy: everybody if left out."""
    annotations: Mapping[AnnotationKey, str] = attrs.field(factory=dict)


Service = ClusterIP | NodePort | LoadBalancer


@attrs.frozen
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


@attrs.frozen(field_transformer=sequences)
class IngressHost:
    """A host name and the paths that are served under it."""

    host: IngressHostName | None
    """None answers every name; say then in ``MlflowProps.allowed_hosts`` which names MLflow accepts."""
    paths: Sequence[IngressPath] = (IngressPath(),)

    def failures(self) -> Iterator[str]:
        """Yield what is wrong with the fields together."""
        if not self.paths:
            yield "paths must not be empty (got ()); write [IngressPath()] for the root"


@attrs.frozen(kw_only=True, field_transformer=sequences)
class IngressTls:
    """A certificate for some of the hosts."""

    secret_name: DnsName | None = None
    """The Secret with the certificate; the controller's default certificate if left out."""
    hosts: Sequence[IngressHostName] = ()
    """The hosts that it is for; all of the Ingress if left out."""


def _hosts(hosts: Sequence[str | IngressHost]) -> tuple[IngressHost, ...]:
    if not isinstance(hosts, list | tuple):  # for value_checks to name
        return hosts  # type: ignore[return-value]
    return tuple(IngressHost(host) if isinstance(host, str) else host for host in hosts)


@attrs.frozen(kw_only=True, field_transformer=sequences)
class Ingress:
    """An Ingress (``networking.k8s.io/v1``) in front of the Service.

    It opens the server's port to all sources in the network policy until :attr:`allowed_from` narrows it:
    where the controller runs is unknown at synth time (``kubectl get pods -A | grep -i ingress`` tells).
    """

    hosts: tuple[IngressHost, ...] = attrs.field(converter=_hosts)
    """Host names, or :class:`IngressHost` where paths matter. The first one makes the public URL."""
    ingress_class_name: DnsName | None = None
    """The cluster's default class if left out."""
    tls: Sequence[IngressTls] = ()
    annotations: Mapping[AnnotationKey, str] = attrs.field(factory=dict)
    allowed_from: Sequence[NamespacePeer | PodPeer | CidrPeer] = ()
    """Where the controller's pods are, such as ``NamespacePeer("ingress-nginx")``."""

    def failures(self) -> Iterator[str]:
        """Yield what is wrong with the fields together."""
        if not self.hosts:
            yield 'hosts must not be empty (got ()); write at least one, such as "mlflow.example.com"'
        paths = [(host.host, path.path) for host in self.hosts for path in host.paths]
        for host, path in repeated(paths):
            yield f"a path of a host stands there more than once (got {path!r} of {host!r}); keep one of them"
        for tls in self.tls:
            if not (tls.secret_name or tls.hosts or any(host.host for host in self.hosts)):
                yield "tls names neither a Secret nor a host (got IngressTls()); write IngressTls(secret_name=...)"

    def has_tls(self, host: str | None) -> bool:
        """Return whether a certificate covers the host."""
        wildcard = f"*.{host.partition('.')[2]}" if host else None
        return any(host in tls.hosts or wildcard in tls.hosts or not tls.hosts for tls in self.tls)

    def origins(self) -> tuple[str, ...]:
        """Return scheme and host of each named host, those without a wildcard first."""
        names = sorted((item.host for item in self.hosts if item.host), key=lambda name: name.startswith("*."))
        return tuple(f"{'https' if self.has_tls(name) else 'http'}://{name}" for name in names)
