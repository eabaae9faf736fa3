"""A namespace for releases that are watched, one for who watches them, and one for who should not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from e2e.installation import Installation, applied, release
from e2e.kubectl import Pod, apply_manifests
from e2e.manifests import secret
from e2e.room import client_in, own_namespace

from cdk8s_mlflow import (
    ArtifactVolume,
    BasicAuth,
    ExistingSecret,
    Logs,
    Metrics,
    MlflowProps,
    NamespacePeer,
    SmokeTest,
    SQLite,
)

MAIN, MONITOR, STRANGER = "seeing-main", "seeing-monitor", "seeing-stranger"
PASSWORD = "p@s/s#w%41:?d&$x"
LOGIN = BasicAuth(admin_password=ExistingSecret("login", "password"), flask_secret_key=ExistingSecret("login", "flask"))


@pytest.fixture(scope="session")
def main(request: pytest.FixtureRequest) -> Iterator[str]:
    """Make the namespace of all releases."""
    for name in own_namespace(MAIN, request):
        apply_manifests([secret(name, "login", {"password": PASSWORD, "flask": "of the tests"})])
        yield name


@pytest.fixture(scope="session")
def client(main: str) -> Pod:
    """Start a client beside the releases."""
    return client_in(main)


@pytest.fixture(scope="session")
def monitor(request: pytest.FixtureRequest) -> Iterator[Pod]:
    """Start a pod where the network policy lets in who reads metrics."""
    for name in own_namespace(MONITOR, request):
        yield client_in(name)


@pytest.fixture(scope="session")
def stranger(request: pytest.FixtureRequest) -> Iterator[Pod]:
    """Start a pod where no network policy lets in anybody."""
    for name in own_namespace(STRANGER, request):
        yield client_in(name)


@pytest.fixture(scope="session")
def seen(main: str) -> Iterator[Installation]:
    """Start a server with everything that makes it seen, behind a login and below a prefix, with two workers."""
    props = MlflowProps(
        backend_store=SQLite(),
        artifact_store=ArtifactVolume(),
        authentication=LOGIN,
        static_prefix="/tools/mlflow",
        workers=2,
        metrics=Metrics(allowed_from=[NamespacePeer(MONITOR)]),
        logs=Logs(format="json"),
        smoke_test=SmokeTest(),
    )
    installation = release(main, "seen", props)
    with applied(installation):
        installation.wait()
        yield installation
