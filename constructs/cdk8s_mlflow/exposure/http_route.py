"""A route of the Gateway API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal

import attrs

from cdk8s_mlflow.failures import repeated
from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.peers import CidrPeer, NamespacePeer, PodPeer
from cdk8s_mlflow.values import AnnotationKey, DnsName, IngressHostName, NameSuffix, Port, sequences

_REFUSED_FILTERS = {
    "RequestRedirect": "a route that redirects has no server behind it: write redirected=[ParentReference(...)]",
    "URLRewrite": "MLflow must see its own paths: use MlflowProps.static_prefix",
}


@frozen(kw_only=True)
class ParentReference:
    """The Gateway that a route belongs to."""

    name: DnsName
    namespace: DnsName | None = None
    """The release's own if left out."""
    section_name: DnsName | None = None
    """One listener of the Gateway, such as ``https``; all that fit if left out."""
    port: Port | None = None
    """The listeners on one port."""


@frozen(kw_only=True, field_transformer=sequences)
class HttpRoute:
    """An HTTPRoute (``gateway.networking.k8s.io/v1``) to the Service.

    It opens the server's port to all sources in the network policy until :attr:`allowed_from` narrows it: where the
    gateway's pods run is unknown at synth time. Below a static prefix, artifacts go to the server without it.
    Needs a Gateway API of 1.2 or newer.
    """

    hostnames: Sequence[IngressHostName]
    """Host names; the first one makes the public URL."""
    parents: Sequence[ParentReference]
    """Gateways. One that is in another namespace must allow routes from this one."""
    scheme: Literal["https", "http"] = "https"
    """How people reach the gateway's listener: it decides which origin MLflow lets write."""
    redirected: Sequence[ParentReference] = ()
    """Listeners of plain HTTP that send everybody on to https, by a route of their own (``<name>-redirect``)."""
    filters: Sequence[Mapping[str, Any]] = ()
    """What happens to each request on the way, in the API's own shape (``HTTPRouteFilter``). No redirect and no
    rewriting of paths: MLflow must see its own."""
    request_timeout: timedelta | None = None
    """How long a whole request may take; 0 is no limit, the gateway's own if left out. Uploads are long."""
    backend_request_timeout: timedelta | None = None
    """How long one attempt may take, likewise."""
    annotations: Mapping[AnnotationKey, str] = attrs.field(factory=dict)
    allowed_from: Sequence[NamespacePeer | PodPeer | CidrPeer] = ()
    """Where the gateway's pods are, such as ``NamespacePeer("envoy-gateway-system")``."""
    name: NameSuffix | None = None
    """Ends the object's name, where there are several."""

    def failures(self) -> Iterator[str]:
        """Yield what is wrong with the fields together."""
        if not self.hostnames:
            yield 'hostnames must not be empty (got ()); write at least one, such as ["mlflow.example.com"]'
        if not self.parents:
            yield "parents must not be empty (got ()); write [ParentReference(name=...)]"
        yield from self._wrong_parents()
        yield from self._wrong_filters()
        whole, one = self.request_timeout, self.backend_request_timeout
        if whole and one and one > whole:
            yield (
                f"backend_request_timeout is longer than request_timeout (got {one.total_seconds():g} s and "
                f"{whole.total_seconds():g} s); lower it"
            )

    def _wrong_parents(self) -> Iterator[str]:
        if self.redirected and self.scheme == "http":
            yield "redirected sends people to https, and scheme is 'http'; leave one of them out"
        for parents in (self.parents, self.redirected):
            for name, namespace in repeated([(parent.name, parent.namespace) for parent in parents]):
                same = [parent for parent in parents if (parent.name, parent.namespace) == (name, namespace)]
                listeners = [(parent.section_name, parent.port) for parent in same]
                if (None, None) in listeners or repeated(listeners):
                    yield (
                        f"a Gateway is named more than once (got {name!r}); name another section_name or port each time"
                    )
        if both := [parent for parent in self.parents if parent in self.redirected]:
            yield f"a listener serves, or redirects (got {both[0]} as both); name the section_name of each"

    def _wrong_filters(self) -> Iterator[str]:
        for item in self.filters:
            if item.get("type") in _REFUSED_FILTERS:
                yield f"filters has a {item['type']}; {_REFUSED_FILTERS[item['type']]}"

    def names(self) -> tuple[str, ...]:
        """Return every host name that it answers."""
        return tuple(self.hostnames)

    def origins(self) -> tuple[str, ...]:
        """Return scheme and host of each host name, those without a wildcard first."""
        names = sorted(self.hostnames, key=lambda name: name.startswith("*."))
        return tuple(f"{self.scheme}://{name}" for name in names)
