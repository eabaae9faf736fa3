"""The Service: how the server is reached inside the cluster, and by nodes and load balancers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import attrs

from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.values import AnnotationKey, Cidr, NodePortNumber, Port, PortName, sequences

TrafficPolicy = Literal["Cluster", "Local"]


@frozen(kw_only=True)
class ClusterIP:
    """A Service inside the cluster only: the default."""

    port: Port = 5000
    """The Service's port; the pods listen on 5000 in any case."""
    port_name: PortName = "http"
    """How ServiceMonitors and meshes call the port."""
    internal_traffic_policy: TrafficPolicy | None = None
    """``Local`` keeps a node's callers to its own pods; Kubernetes' ``Cluster`` if left out."""
    annotations: Mapping[AnnotationKey, str] = attrs.field(factory=dict)

    def spec(self) -> Manifest:
        """Return what it adds to the Service."""
        return {"type": "ClusterIP", "internalTrafficPolicy": self.internal_traffic_policy}

    def ports(self) -> Manifest:
        """Return what it adds to the Service's port."""
        return {}

    @property
    def source_ranges(self) -> tuple[Cidr, ...] | None:
        """None: nothing from outside the cluster."""
        return None


@frozen(kw_only=True)
class Headless:
    """A Service without an address of its own: its name stands for the addresses of the pods.

    For clients that choose a replica themselves. They connect to the port of the pods.
    """

    port_name: PortName = "http"
    """How ServiceMonitors and meshes call the port."""
    annotations: Mapping[AnnotationKey, str] = attrs.field(factory=dict)

    @property
    def port(self) -> None:
        """None: the pods' own."""
        return

    def spec(self) -> Manifest:
        """Return what it adds to the Service."""
        return {"type": "ClusterIP", "clusterIP": "None"}

    def ports(self) -> Manifest:
        """Return what it adds to the Service's port."""
        return {}

    @property
    def source_ranges(self) -> tuple[Cidr, ...] | None:
        """None: nothing from outside the cluster."""
        return None


@frozen(kw_only=True, field_transformer=sequences)
class NodePort:
    """A Service that every node answers for. MLflow has no login of its own by default: mind who sees the nodes."""

    port: Port = 5000
    """The Service's port inside the cluster."""
    node_port: NodePortNumber | None = None
    """The nodes' port; the cluster chooses one if left out."""
    port_name: PortName = "http"
    """How ServiceMonitors and meshes call the port."""
    source_ranges: Sequence[Cidr] = ()
    """Who may connect, for the network policy: everybody if left out."""
    external_traffic_policy: TrafficPolicy | None = None
    """``Local`` keeps the caller's address and answers on nodes with a pod only. ``Local`` with source ranges, which
    could not be told otherwise, and Kubernetes' ``Cluster`` without."""
    internal_traffic_policy: TrafficPolicy | None = None
    """Likewise for callers inside the cluster."""
    annotations: Mapping[AnnotationKey, str] = attrs.field(factory=dict)

    def failures(self) -> Iterator[str]:
        """Yield what is wrong with the fields together."""
        yield from _hidden_sources(self)

    def spec(self) -> Manifest:
        """Return what it adds to the Service."""
        return {"type": "NodePort", **_traffic_policies(self)}

    def ports(self) -> Manifest:
        """Return what it adds to the Service's port."""
        return {"nodePort": self.node_port}


@frozen(kw_only=True, field_transformer=sequences)
class LoadBalancer:
    """A Service with an address of its own from the cloud. MLflow has no login of its own by default."""

    port: Port = 5000
    node_port: NodePortNumber | None = None
    port_name: PortName = "http"
    """How ServiceMonitors and meshes call the port."""
    source_ranges: Sequence[Cidr] = ()
    """Who may connect, for the load balancer and the network policy: everybody if left out."""
    load_balancer_class: AnnotationKey | None = None
    """Which load balancer, where the cluster has several, such as ``service.k8s.aws/nlb``."""
    external_traffic_policy: TrafficPolicy | None = None
    """``Local`` keeps the caller's address and answers on nodes with a pod only. ``Local`` with source ranges, which
    could not be told otherwise, and Kubernetes' ``Cluster`` without."""
    internal_traffic_policy: TrafficPolicy | None = None
    """Likewise for callers inside the cluster."""
    annotations: Mapping[AnnotationKey, str] = attrs.field(factory=dict)
    """Where clouds read what else they should do."""

    def failures(self) -> Iterator[str]:
        """Yield what is wrong with the fields together."""
        yield from _hidden_sources(self)

    def spec(self) -> Manifest:
        """Return what it adds to the Service."""
        return {
            "type": "LoadBalancer",
            "loadBalancerClass": self.load_balancer_class,
            "loadBalancerSourceRanges": list(self.source_ranges),
            **_traffic_policies(self),
        }

    def ports(self) -> Manifest:
        """Return what it adds to the Service's port."""
        return {"nodePort": self.node_port}


def _traffic_policies(service: NodePort | LoadBalancer) -> Manifest:
    # With ranges the node must keep the caller's address, or the network policy would see the node's.
    local = "Local" if service.source_ranges else None
    return {
        "externalTrafficPolicy": service.external_traffic_policy or local,
        "internalTrafficPolicy": service.internal_traffic_policy,
    }


def _hidden_sources(service: NodePort | LoadBalancer) -> Iterator[str]:
    if service.source_ranges and service.external_traffic_policy == "Cluster":
        yield (
            "source_ranges cannot be told behind external_traffic_policy, which hides the caller's address "
            "(got 'Cluster'); leave it out"
        )


Service = ClusterIP | Headless | NodePort | LoadBalancer
