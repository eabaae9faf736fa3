"""What a login does to the server that it guards, as plain data."""

from __future__ import annotations

from cdk8s_mlflow.container import Container
from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.needs import Certificate, DatabaseAddress, Needs
from cdk8s_mlflow.volumes import ConfigMapKey, KeyFiles, Mount, SecretKey


@frozen(kw_only=True)
class Premises:
    """What a login may know of the release."""

    users: DatabaseAddress | None
    """The database in which the login keeps its users; None if it keeps none."""
    public_url: str | None
    """Where people open the UI, without a slash at the end; None if only the cluster reaches it."""
    static_prefix: str
    """The path below which the server answers; empty for the root."""
    certificate: Certificate | None
    """With which the pods speak TLS; None if they speak plain HTTP."""
    ca_bundle: SecretKey | ConfigMapKey | None
    """Certificates that clients must trust beside the public ones; None if those are enough."""
    trusted_proxies: tuple[str, ...]
    """Networks of the proxies in front, which say under which name and scheme they were asked."""


@frozen(kw_only=True)
class Guard:
    """What a login changes: the server, its port, and what everybody who calls it needs."""

    app_name: str | None = None
    """MLflow's app with the login. ``--app-name``."""
    server: Needs = Needs()
    """Of the server's container."""
    spools_uploads: bool = False
    """Whether the app keeps a whole upload in ``/tmp`` before MLflow sees it."""
    front: Container | None = None
    """A sidecar that alone may be reached, at its port ``http``; MLflow then listens on the pod's localhost only."""
    callers: Needs = Needs()
    """Of a container of ours that calls the server: credentials that may do everything."""
    notices: tuple[str, ...] = ()
    """What the user should know although it works."""


NO_GUARD = Guard()
SERVER_PORT = 5000
"""Where MLflow listens."""
TLS_DIRECTORY = "/run/mlflow/tls/server"


def certificate_mount(certificate: Certificate) -> Mount:
    """Return the mount of the certificate's files, ``tls.crt`` and ``tls.key``, below :data:`TLS_DIRECTORY`."""
    keys = {"tls.crt": "tls.crt", "tls.key": "tls.key"}
    source = KeyFiles(kind="Secret", name=certificate.secret_name, items=keys)
    return Mount(volume="server-tls", source=source, path=TLS_DIRECTORY, read_only=True)
