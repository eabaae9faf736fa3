"""What the user should know although it works."""

from __future__ import annotations

from collections.abc import Iterator

from cdk8s_mlflow.exposure import ClusterIP, Headless
from cdk8s_mlflow.pod_security import loosened_fields
from cdk8s_mlflow.props import MlflowProps
from cdk8s_mlflow.release import Release


def notices(release: Release) -> Iterator[str]:
    """Return what the user should know, one sentence each."""
    props = release.props
    yield from _loosened(props)
    yield from _unknown_names(props)
    if props.authentication is None:
        yield from _open_to_all(props)


def _loosened(props: MlflowProps) -> Iterator[str]:
    loosened = loosened_fields(props.pod_security_context, props.security_context)
    if loosened:
        yield f'pods no longer pass Pod Security "restricted": {", ".join(loosened)} was loosened'


def _unknown_names(props: MlflowProps) -> Iterator[str]:
    if not isinstance(props.service, ClusterIP | Headless) and not (props.allowed_hosts or props.public_url):
        yield (
            f"{type(props.service).__name__}: MLflow answers 403 to names and addresses that it does not know; "
            "it knows the address of its own node, list others in allowed_hosts"
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
