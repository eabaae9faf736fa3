"""Which names the server answers to, and who may connect where: derived from all parts, once."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from cdk8s_mlflow.exposure import ClusterIP, Headless
from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.observability import METRICS_PORT
from cdk8s_mlflow.peers import CidrPeer, Endpoint, Manifest
from cdk8s_mlflow.props import MlflowProps, NetworkPolicy

# Kube-dns listens on 53; NodeLocal DNSCache is no pod and OpenShift's DNS listens on 5353, so no address is named.
_DNS_PORTS = [{"port": port, "protocol": protocol} for port in (53, 5353) for protocol in ("UDP", "TCP")]


@frozen(kw_only=True)
class PolicyPlan:
    """A NetworkPolicy for one kind of pod, in the API's shape."""

    ingress: list[Manifest]
    egress: list[Manifest]


def public_url(props: MlflowProps) -> str | None:
    """Return where people open the UI, without a slash at the end; None if only the cluster reaches it."""
    if props.public_url is not None:
        return props.public_url.rstrip("/")
    origins = [origin for door in props.exposure for origin in door.origins()]
    return f"{origins[0]}{props.static_prefix or ''}" if origins and "*" not in origins[0] else None


def service_names(name: str, namespace: str | None, cluster_domain: str) -> list[str]:
    """Return every form of a Service's DNS name that is known, the longest last."""
    if namespace is None:
        return [name]
    return [
        name,
        f"{name}.{namespace}",
        f"{name}.{namespace}.svc",
        f"{name}.{namespace}.svc.{cluster_domain}",
    ]


def allowed_hosts(props: MlflowProps, services: Iterable[str], port: int) -> list[str]:
    """Return every Host header to accept; ``$(POD_IP)`` and ``$(HOST_IP)`` stand for the addresses at run time.

    Setting the list replaces MLflow's own, and an entry without port does not match one with it; so each name
    is listed in both forms. Addresses are the pod's own (monitoring asks by it), never patterns of networks:
    MLflow compares letters, and ``10.*`` would let ``10.attacker.example`` in.
    """
    doors = [name for door in props.exposure for name in door.names()]
    public = urlsplit((public_url(props) or "").lower())
    nodes = [] if isinstance(props.service, ClusterIP | Headless) else ["$(HOST_IP)"]
    # An IPv6 address has brackets, which mean something else in a pattern: it is listed as it is, with its port.
    host = public.hostname or ""
    public_names = [host] if host and ":" not in host else []
    public_address = [public.netloc] if ":" in host else []
    names = [*services, *doors, *public_names, *nodes, "localhost", "127.0.0.1"]
    both_forms = [form for name in names for form in (name, f"{name}:*")]
    own_address = ["$(POD_IP)", f"$(POD_IP):{port}", f"[$(POD_IP)]:{port}"]
    # Jobs call the server by the address on which it listens.
    own_address += [f"0.0.0.0:{port}"] if props.job_execution else []
    return list(dict.fromkeys([*both_forms, *public_address, *own_address, *props.allowed_hosts]))


def cors_allowed_origins(props: MlflowProps) -> list[str]:
    """Return every origin whose browsers may write. MLflow does not take its own Host for granted."""
    public = public_url(props)
    doors = [origin for door in props.exposure for origin in door.origins()]
    origins = [*([public] if public else []), *doors, *props.cors_allowed_origins]
    return list(dict.fromkeys(_origin(url) for url in origins))


def _origin(url: str) -> str:
    """Return the origin as browsers send it, in lower case and without a default port: MLflow compares letters."""
    parts = urlsplit(url.lower())
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{parts.netloc.removesuffix(f':{default}')}"


def server_policy(props: MlflowProps, policy: NetworkPolicy, port: int, egress: Iterable[Endpoint]) -> PolicyPlan:
    """Return who may connect to the server, and where it may connect to."""
    ingress = [_server_ingress(props, policy, port), *_metrics_ingress(props)]
    return PolicyPlan(ingress=ingress, egress=_egress([*egress, *policy.egress]))


def helper_policy(egress: Iterable[Endpoint], ingress: Iterable[Manifest] = ()) -> PolicyPlan:
    """Return the policy of a pod beside the server; nobody calls it, if nothing else is said."""
    return PolicyPlan(ingress=list(ingress), egress=_egress(egress))


def _server_ingress(props: MlflowProps, policy: NetworkPolicy, port: int) -> Manifest:
    ports = [{"port": port, "protocol": "TCP"}]
    ranges = props.service.source_ranges
    if ranges == () or any(not door.allowed_from for door in props.exposure):
        return {"ports": ports}
    doors: list[Manifest] = [peer.selector() for door in props.exposure for peer in door.allowed_from]
    doors += [CidrPeer(cidr).selector() for cidr in ranges or ()]
    same_namespace: Manifest = {"podSelector": {}}
    return {"from": [same_namespace, *doors, *(peer.selector() for peer in policy.clients)], "ports": ports}


def _metrics_ingress(props: MlflowProps) -> list[Manifest]:
    """Return who may read the metrics, and reaches no other port by that."""
    if props.metrics is None:
        return []
    peers: list[Manifest] = [peer.selector() for peer in props.metrics.allowed_from]
    return [{"from": peers or [{"podSelector": {}}], "ports": [{"port": METRICS_PORT, "protocol": "TCP"}]}]


def _egress(endpoints: Iterable[Endpoint]) -> list[Manifest]:
    rules: list[Manifest] = [{"ports": _DNS_PORTS}]
    for endpoint in endpoints:
        ports = [{"port": endpoint.port, "protocol": "TCP"}]
        rule = {"ports": ports} if endpoint.peer is None else {"ports": ports, "to": [endpoint.peer.selector()]}
        if rule not in rules:
            rules.append(rule)
    return rules
