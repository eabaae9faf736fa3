"""The company's proxy, by which pods reach the world outside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.needs import EnvVar, Needs, SecretSource, SecretUse
from cdk8s_mlflow.peers import Endpoint, Peer, endpoint_of
from cdk8s_mlflow.values import Cidr, ProxyException, Url, sequences

# Where clouds give a pod the credentials of its role; no proxy may ask there in its place.
_METADATA = ("169.254.169.254", "169.254.170.2", "169.254.170.23", "metadata.google.internal")
_LOCAL = ("localhost", "127.0.0.1", "::1")


@frozen(kw_only=True, field_transformer=sequences)
class HttpProxy:
    """A proxy for HTTP and HTTPS outside of the cluster: ``HTTP_PROXY``, ``HTTPS_PROXY`` and ``NO_PROXY``.

    For every pod that may talk to the outside: the server with its sidecars and init containers, and the Jobs that
    work beside it; the Job that generates secrets talks to the Kubernetes API only, and never by a proxy.
    Databases are not reached by HTTP, and so not by the proxy.

    ``NO_PROXY`` has the pod itself, the Service and everything below the cluster's domain, the clouds' metadata
    addresses, and the stores that are in the cluster by their name or by their ``network_peer``.
    """

    url: Url | SecretSource
    """The proxy, such as ``http://proxy.example.com:3128``; a Secret with the whole URL, if it has a password in it."""
    no_proxy: Sequence[ProxyException] = ()
    """Further hosts, domains (``.example.com``) and addresses that are reached without it."""
    cluster_cidrs: Sequence[Cidr] = ()
    """The networks of pods and Services, if something is reached by its address. Not every client understands them
    (Python's urllib and boto3 do not)."""
    network_peer: Peer | None = None
    """Where the proxy is, for the network policy: any address on its port if left out."""
    egress: Sequence[Endpoint] = ()
    """Its port, where the URL is in a Secret."""

    def failures(self) -> Iterator[str]:
        """Yield what is wrong with the fields together."""
        if not isinstance(self.url, str) and not self.egress:
            yield "egress is empty, and the proxy's port is in a Secret (got ()); write [Endpoint(port=3128)]"

    def needs(self, unproxied: Iterable[str], cluster_domain: str) -> Needs:
        """Return the variables of a container; ``unproxied`` are hosts in the cluster that are not known by domain."""
        around = [*_LOCAL, *unproxied, ".svc", f".{cluster_domain}", *_METADATA, *self.cluster_cidrs, *self.no_proxy]
        exceptions = ",".join(dict.fromkeys(around))
        url = self.url if isinstance(self.url, str) else SecretUse("http-proxy-url", self.url)
        # curl and gRPC know the small letters only, others only the large ones.
        variables = {"HTTP_PROXY": url, "HTTPS_PROXY": url, "NO_PROXY": exceptions}
        env = [EnvVar(form, value) for name, value in variables.items() for form in (name, name.lower())]
        return Needs(env=tuple(env), egress=self._way())

    def _way(self) -> tuple[Endpoint, ...]:
        return (endpoint_of(self.url, self.network_peer),) if isinstance(self.url, str) else tuple(self.egress)
