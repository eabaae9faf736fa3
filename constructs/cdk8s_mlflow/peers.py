"""Who is at the other end of a connection, as network policies name it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.values import AnnotationKey, Cidr, DnsName, LabelValue, Port, sequences

Manifest = dict[str, Any]
"""A Kubernetes object, or a part of one, in the API's own shape."""


class Verbatim(dict[str, Any]):
    """A part of a manifest that the user, or a class from outside, has shaped: it is written as it is."""


def verbatim(shape: Mapping[str, Any]) -> Verbatim:
    """Return a shape as it will be written, with lists for tuples."""
    return Verbatim({key: _plain(value) for key, value in shape.items()})


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return verbatim(value)
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


@frozen
class NamespacePeer:
    """All pods of one namespace."""

    name: DnsName

    def selector(self) -> Manifest:
        """Return the peer as a NetworkPolicy writes it."""
        return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": self.name}}}


@frozen(kw_only=True)
class PodPeer:
    """The pods that carry all of these labels, in one namespace."""

    match_labels: Mapping[AnnotationKey, LabelValue]
    namespace: DnsName | None = None
    """The release's own namespace if left out."""

    def failures(self) -> Iterator[str]:
        """Yield what is wrong with the fields together."""
        if not self.match_labels:
            yield "match_labels must not be empty (got {}); write NamespacePeer(name) for all pods of a namespace"

    def selector(self) -> Manifest:
        """Return the peer as a NetworkPolicy writes it."""
        pods: Manifest = {"podSelector": {"matchLabels": dict(self.match_labels)}}
        return pods if self.namespace is None else NamespacePeer(self.namespace).selector() | pods


@frozen(field_transformer=sequences)
class CidrPeer:
    """The addresses of one network, outside the cluster or inside."""

    cidr: Cidr
    except_: Sequence[Cidr] = ()
    """Parts of it that are left out."""

    def failures(self) -> Iterator[str]:
        """Yield what is wrong with the fields together."""
        network = ipaddress.ip_network(self.cidr)
        for inner in self.except_:
            other = ipaddress.ip_network(inner)
            if other.version != network.version or not other.subnet_of(network):  # type: ignore[arg-type]
                yield f"except_ must lie inside cidr (got {inner!r} and {self.cidr!r}); leave it out"

    def selector(self) -> Manifest:
        """Return the peer as a NetworkPolicy writes it."""
        return {"ipBlock": {"cidr": self.cidr, "except": list(self.except_)}}


Peer = NamespacePeer | PodPeer | CidrPeer


@frozen(kw_only=True)
class Endpoint:
    """A TCP port that a pod must reach."""

    port: Port
    peer: Peer | None = None
    """Where the port may be: any address if left out, since policies know no DNS names."""


def endpoint(host: str, port: int, peer: Peer | None) -> Endpoint:
    """Return the endpoint of a host: an IP address is its own peer, a name needs one from the user."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return Endpoint(port=port, peer=peer)
    return Endpoint(port=port, peer=peer or CidrPeer(f"{address}/{address.max_prefixlen}"))


def endpoint_of(url: str, peer: Peer | None = None) -> Endpoint:
    """Return the endpoint of an http or https URL."""
    parts = urlsplit(url)
    return endpoint(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80), peer)


def cluster_hosts(url: str, peer: Peer | None) -> tuple[str, ...]:
    """Return the host of a URL if it is in the cluster and its domain does not say so."""
    host = urlsplit(url).hostname or ""
    return (host,) if "." not in host or isinstance(peer, NamespacePeer | PodPeer) else ()


def authority(host: str, port: int) -> str:
    """Return host and port as a URI writes them: IPv6 addresses in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
