"""What the doors become: the Ingresses and routes in front of the Service, with every default decided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Literal

import attrs

from cdk8s_mlflow.exposure import Behind, Ingress
from cdk8s_mlflow.exposure.controllers import ARTIFACT_PATHS, ArtifactWay
from cdk8s_mlflow.exposure.http_route import HttpRoute, ParentReference
from cdk8s_mlflow.exposure.ingress import IngressHost, IngressPath
from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.peers import Manifest, verbatim

Backend = tuple[str, int | str]
"""A Service and its port, by number or name."""


@frozen(kw_only=True)
class PathPlan:
    """A path of an Ingress, and who answers it."""

    path: str
    path_type: str
    backend: Backend


@frozen(kw_only=True)
class IngressPlan:
    """An Ingress as it will be written."""

    name: str
    annotations: dict[str, str]
    ingress_class_name: str | None
    tls: list[Manifest]
    hosts: list[tuple[str | None, list[PathPlan]]]


@frozen(kw_only=True)
class RoutePlan:
    """An HTTPRoute as it will be written."""

    name: str
    annotations: dict[str, str]
    parents: list[Manifest]
    hostnames: list[str]
    rules: list[Manifest]


@frozen(kw_only=True)
class DoorPlan:
    """Everything that the doors become."""

    ingresses: tuple[IngressPlan, ...]
    routes: tuple[RoutePlan, ...]
    objects: tuple[Manifest, ...]
    """What controllers want beside them."""
    service_annotations: dict[str, str]


def plan_doors(doors: tuple[Ingress | HttpRoute, ...], behind: Behind, backend: Backend) -> DoorPlan:
    """Return what the doors become; ``backend`` is the server's Service."""
    ingresses = [door for door in doors if isinstance(door, Ingress)]
    controllers = [door.controller for door in ingresses if door.controller is not None]
    ways = {door.name: artifact_way(door, behind) for door in ingresses}
    return DoorPlan(
        ingresses=tuple(plan for door in ingresses for plan in _ingresses(door, ways[door.name], behind, backend)),
        routes=tuple(plan for door in doors if isinstance(door, HttpRoute) for plan in _routes(door, behind, backend)),
        objects=(
            *(item for controller in controllers for item in controller.objects(behind)),
            *(item for way in ways.values() if way is not None for item in way.objects),
        ),
        service_annotations={
            name: value for item in controllers for name, value in item.service_annotations(behind).items()
        },
    )


def artifact_way(door: Ingress, behind: Behind) -> ArtifactWay | None:
    """Return how artifacts reach the server without its static prefix; None if they cannot, or need not."""
    return door.controller.artifact_way(behind) if door.controller and behind.static_prefix else None


def _object_name(door: Ingress | HttpRoute, behind: Behind) -> str:
    return behind.release if door.name is None else f"{behind.release}-{door.name}"


def _ingresses(door: Ingress, way: ArtifactWay | None, behind: Behind, backend: Backend) -> Iterator[IngressPlan]:
    annotations = _annotations(door, behind)
    first = IngressPlan(
        name=_object_name(door, behind),
        annotations=annotations,
        ingress_class_name=door.ingress_class_name,
        tls=[_tls(item.secret_name, list(item.hosts), door) for item in door.tls],
        hosts=[(host.host, [_path(path, backend) for path in host.paths]) for host in door.hosts],
    )
    yield first
    if way is not None:
        paths = [PathPlan(path=path, path_type=way.path_type, backend=backend) for path in way.paths]
        # The first Ingress has its certificate made; a second request for the same Secret would be refused.
        shared = {name: value for name, value in annotations.items() if not name.startswith("cert-manager.io/")}
        yield attrs.evolve(
            first,
            name=f"{first.name}-artifacts",
            annotations={
                **shared,
                **way.annotations,
                **{name: ",".join([*_listed(shared, name), item]) for name, item in way.listed.items()},
            },
            hosts=[(host.host, paths) for host in door.hosts if _is_served(host)],
        )


def _listed(annotations: Mapping[str, str], name: str) -> list[str]:
    return [annotations[name]] if name in annotations else []


def _is_served(host: IngressHost) -> bool:
    """Return whether the server answers some path of the host."""
    return any(path.service_name is None for path in host.paths)


def _annotations(door: Ingress, behind: Behind) -> dict[str, str]:
    """Return what the controller and cert-manager are told; the user's own words come last."""
    told: Mapping[str, str] = door.controller.annotations(behind) if door.controller else {}
    kinds = {"ClusterIssuer": "cert-manager.io/cluster-issuer", "Issuer": "cert-manager.io/issuer"}
    issued = {kinds[door.issuer.kind]: door.issuer.name} if door.issuer else {}
    return {**told, **issued, **door.annotations}


def _tls(secret_name: str | None, hosts: list[str], door: Ingress) -> Manifest:
    return {"hosts": hosts or list(door.names()), "secretName": secret_name}


def _path(path: IngressPath, backend: Backend) -> PathPlan:
    name, port = backend
    return PathPlan(
        path=path.path,
        path_type=path.path_type,
        backend=(path.service_name or name, path.service_port or port),
    )


def _routes(door: HttpRoute, behind: Behind, backend: Backend) -> Iterator[RoutePlan]:
    prefix = behind.static_prefix
    twins = [_artifact_rule(door, path, behind, backend) for path in ARTIFACT_PATHS] if prefix else []
    # Lists of artifacts are there below the prefix alone; of two matches the exact one is taken.
    lists = [_path_match(f"{prefix}{path}", "Exact") for path in ARTIFACT_PATHS] if prefix else []
    first = RoutePlan(
        name=_object_name(door, behind),
        annotations=dict(door.annotations),
        parents=[_parent(parent) for parent in door.parents],
        hostnames=list(door.hostnames),
        rules=[*twins, _rule(door, [_path_match(prefix or "/"), *lists], backend, [])],
    )
    yield first
    if door.redirected:
        redirect = {"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}
        yield attrs.evolve(
            first,
            name=f"{first.name}-redirect",
            parents=[_parent(parent) for parent in door.redirected],
            rules=[{"matches": [_path_match("/")], "filters": [redirect]}],
        )


def _parent(parent: ParentReference) -> Manifest:
    return {
        "group": "gateway.networking.k8s.io",
        "kind": "Gateway",
        "name": parent.name,
        "namespace": parent.namespace,
        "sectionName": parent.section_name,
        "port": parent.port,
    }


def _path_match(path: str, kind: Literal["PathPrefix", "Exact"] = "PathPrefix") -> Manifest:
    return {"path": {"type": kind, "value": path}}


def _rule(door: HttpRoute, matches: list[Manifest], backend: Backend, filters: list[Manifest]) -> Manifest:
    name, port = backend
    timeouts = {"request": door.request_timeout, "backendRequest": door.backend_request_timeout}
    return {
        "matches": matches,
        "filters": [*(verbatim(item) for item in door.filters), *filters],
        # Weight, group and kind as the API server would write them.
        "backendRefs": [{"group": "", "kind": "Service", "name": name, "port": port, "weight": 1}],
        "timeouts": {key: _duration(time) for key, time in timeouts.items() if time is not None},
    }


def _artifact_rule(door: HttpRoute, path: str, behind: Behind, backend: Backend) -> Manifest:
    """Return the rule by which artifacts reach the server without its static prefix."""
    rewritten = {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": path}}
    rewrite = {"type": "URLRewrite", "urlRewrite": rewritten}
    return _rule(door, [_path_match(f"{behind.static_prefix}{path}")], backend, [rewrite])


def _duration(time: timedelta) -> str:
    """Return a time as the Gateway API writes it: numbers have five digits at most."""
    minutes, seconds = divmod(int(time.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        "".join(f"{number}{unit}" for number, unit in ((hours, "h"), (minutes, "m"), (seconds, "s")) if number) or "0s"
    )
