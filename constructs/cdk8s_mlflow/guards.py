"""What a login does to the server that it guards, as plain data."""

from __future__ import annotations

import attrs

from cdk8s_mlflow.container import Container
from cdk8s_mlflow.needs import DatabaseAddress, Needs


@attrs.frozen(kw_only=True)
class Premises:
    """What a login may know of the release."""

    users: DatabaseAddress | None
    """The database in which the login keeps its users; None if it keeps none."""
    public_url: str | None
    """Where people open the UI, without a slash at the end; None if only the cluster reaches it."""
    static_prefix: str
    """The path below which the server answers; empty for the root."""
    server_port: int
    """The port on which MLflow listens."""
    trusted_proxies: tuple[str, ...]
    """Networks of the proxies in front, which say under which name and scheme they were asked."""


@attrs.frozen(kw_only=True)
class Guard:
    """What a login changes: the server, its port, and what everybody who calls it needs."""

    app_name: str | None = None
    """MLflow's app with the login. ``--app-name``."""
    server: Needs = Needs()
    """Of the server's container."""
    front: Container | None = None
    """A container that alone may be reached, at its port ``http``; MLflow then listens on the pod's localhost only."""
    callers: Needs = Needs()
    """Of a container of ours that calls the server: credentials that may do everything."""


NO_GUARD = Guard()
