"""What the user should know although it works."""

from __future__ import annotations

from collections.abc import Iterator

from cdk8s_mlflow.artifact_store.access import Proxied
from cdk8s_mlflow.doors import artifact_way
from cdk8s_mlflow.exposure import ClusterIP, Headless, Ingress
from cdk8s_mlflow.pod_security import loosened_fields
from cdk8s_mlflow.props import MlflowProps
from cdk8s_mlflow.release import Release


def notices(release: Release) -> Iterator[str]:
    """Return what the user should know, one sentence each."""
    props = release.props
    yield from _loosened(props)
    yield from _unknown_names(props)
    yield from _held_uploads(release)
    if props.authentication is None:
        yield from _open_to_all(props)
    yield from release.guard.notices


def _loosened(props: MlflowProps) -> Iterator[str]:
    own = [
        {**props.security_context, **item.get("securityContext", {})}
        for item in (*props.extra_init_containers, *props.extra_containers)
    ]
    loosened = loosened_fields(props.pod_security_context, [props.security_context, *own])
    if loosened:
        yield f'pods no longer pass Pod Security "restricted": {", ".join(loosened)} was loosened'


def _unknown_names(props: MlflowProps) -> Iterator[str]:
    if not isinstance(props.service, ClusterIP | Headless) and not (props.allowed_hosts or props.public_url):
        yield (
            f"{type(props.service).__name__}: MLflow answers 403 to names and addresses that it does not know; "
            "it knows the address of its own node, list others in allowed_hosts"
        )


def _held_uploads(release: Release) -> Iterator[str]:
    """Return who sends files through the server below its static prefix, where MLflow holds them in memory."""
    props, access, artifacts = release.props, release.props.artifact_access, release.stores.artifacts
    if props.static_prefix is None or not isinstance(access, Proxied) or artifacts is None:
        return
    ingresses = [door for door in props.exposure if isinstance(door, Ingress)]
    held = [door for door in ingresses if artifact_way(door, release.behind) is None]
    doors = "".join(f" and through the Ingress of {', '.join(door.names())}" for door in held)
    room = (
        f"the memory limit leaves room for one of {access.largest_artifact} at a time (Proxied.largest_artifact)"
        if props.resources is None
        else "leave room for twice the largest in MlflowProps.resources"
    )
    cures = ["artifact_access=Presigned()"] if artifacts.presigns else []
    cures += ["Ingress.controller=IngressNginx() or Traefik()"] if held else []
    yield (
        f"below the static prefix {props.static_prefix} MLflow holds in memory what clients inside the cluster{doors} "
        f"upload; {room}" + "".join(f"{' or' if index else '; use'} {cure}" for index, cure in enumerate(cures))
    )


def _open_to_all(props: MlflowProps) -> Iterator[str]:
    """Return who may use a server without a login."""
    if props.network_policy is None:
        yield "no network policy: every pod of the cluster may connect to the server, which has no login"
        return
    wide = [type(door).__name__ for door in props.exposure if not door.allowed_from]
    if wide:
        yield (
            f"the {wide[0]} opens the server, which has no login, to every pod of the cluster, whatever "
            f"NetworkPolicy.clients says; narrow it by {wide[0]}.allowed_from"
        )
    elif props.service.source_ranges == ():
        yield (
            f"the {type(props.service).__name__} opens the server, which has no login, to everybody; "
            f"narrow it by {type(props.service).__name__}.source_ranges"
        )
