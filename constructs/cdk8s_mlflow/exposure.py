"""Through which doors the server is reached: its Service, and an Ingress."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import attrs

from cdk8s_mlflow.needs import CidrPeer, NamespacePeer, PodPeer
from cdk8s_mlflow.values import (AnnotationKey, Cidr, DnsLabel, DnsName, IngressHostName, NodePortNumber, Port, UrlPath, as_tuple)


@attrs.frozen(kw_only=True)
class ClusterIP:
    """A Service inside the cluster only: the default."""

    port: Port = 5000
    """The Service's port; the pods listen on 5000 in any case."""
    annotations: Mapping[AnnotationKey, str] = {}

    @property
    def node_port(self) -> None:
        """None: no port of the nodes."""
        return

    @property
    def source_ranges(self) -> tuple[Cidr, ...] | None:
        """None: nothing from outside the cluster."""
        return None


@attrs.frozen(kw_only=True)
class NodePort:
    """A Service that every node answers for. MLflow has no login of its own by default: mind who sees the nodes."""

    port: Port = 5000
    """The Service's port inside the cluster."""
    node_port: NodePortNumber | None = None
    """The nodes' port; the cluster chooses one if left out."""
    source_ranges: tuple[Cidr, ...] = attrs.field(default=(), converter=as_tuple)
    """Who may connect, for the network policy: everybody if left out."""
    annotations: Mapping[AnnotationKey, str] = {}


@attrs.frozen(kw_only=True)
class LoadBalancer:
    """A Service with an address of its own from the cloud. MLflow has no login of its own by default."""

    port: Port = 5000
    node_port: NodePortNumber | None = None
    source_ranges: tuple[Cidr, ...] = attrs.field(default=(), converter=as_tuple)
    """Who may connect, for the load balancer and the network policy: everybody if left out."""
    annotations: Mapping[AnnotationKey, str] = {}


Service = ClusterIP | NodePort | LoadBalancer


@attrs.frozen
class IngressPath:
    """A path of a host, and the Service that answers it."""

    path: UrlPath = "/"
    path_type: Literal["Prefix", "Exact", "ImplementationSpecific"] = "Prefix"
    service_name: DnsName | None = None
    """Another Service than the server's: the larribas chart's ``serviceNameOverride``."""
    service_port: Port | DnsLabel | None = None
    """Another port, by number or name: the larribas chart's ``servicePortOverride``.

    ``service_name="ssl-redirect", service_port="use-annotation"`` is the AWS load balancer's redirect action.
    """


@attrs.frozen
class IngressHost:
    """A host name and the paths that are served under it."""

    host: IngressHostName | None
    """None answers every name; say then in ``MlflowProps.allowed_hosts`` which names MLflow accepts."""
    paths: tuple[IngressPath, ...] = attrs.field(default=(IngressPath(),), converter=as_tuple)


@attrs.frozen(kw_only=True)
class IngressTls:
    """A certificate for some of the hosts."""

    secret_name: DnsName | None = None
    """The Secret with the certificate; the controller's default certificate if left out."""
    hosts: tuple[IngressHostName, ...] = attrs.field(default=(), converter=as_tuple)
    """The hosts that it is for; all of the Ingress if left out."""


def _hosts(hosts: Iterable[str | IngressHost]) -> tuple[IngressHost, ...]:
    return tuple(IngressHost(host) if isinstance(host, str) else host for host in hosts)


@attrs.frozen(kw_only=True)
class Ingress:
    """An Ingress (``networking.k8s.io/v1``) in front of the Service.

    It opens the server's port to all sources in the network policy until :attr:`allowed_from` narrows it:
    where the controller runs is unknown at synth time (``kubectl get pods -A | grep -i ingress`` tells).
    """

    hosts: tuple[IngressHost, ...] = attrs.field(converter=_hosts)
    """Host names, or :class:`IngressHost` where paths matter. The first one makes the public URL."""
    ingress_class_name: DnsName | None = None
    """The cluster's default class if left out."""
    tls: tuple[IngressTls, ...] = attrs.field(default=(), converter=as_tuple)
    annotations: Mapping[AnnotationKey, str] = {}
    allowed_from: tuple[NamespacePeer | PodPeer | CidrPeer, ...] = attrs.field(default=(), converter=as_tuple)
    """Where the controller's pods are, such as ``NamespacePeer("ingress-nginx")``."""

    def has_tls(self, host: str | None) -> bool:
        """Return whether a certificate covers the host."""
        return any(host in tls.hosts or not tls.hosts for tls in self.tls)

    def origins(self) -> tuple[str, ...]:
        """Return scheme and host of each host that has a fixed name."""
        names = [item.host for item in self.hosts if item.host and not item.host.startswith("*.")]
        return tuple(f"{'https' if self.has_tls(name) else 'http'}://{name}" for name in names)
