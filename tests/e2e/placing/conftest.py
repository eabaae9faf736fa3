"""A namespace with PostgreSQL, a client, and a server of two replicas that the tests disturb."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from e2e.installation import Installation, applied, release
from e2e.kubectl import Pod, apply_manifests, wait_for_pods
from e2e.manifests import secret
from e2e.room import client_in, own_namespace
from e2e.servers import PostgreSQLServer, postgresql

from cdk8s_mlflow import ArtifactVolume, ExistingSecret, FixedReplicas, MlflowProps, PostgreSQL, VolumeClaim

PLACE = f"place-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
SHARED = ArtifactVolume(volume=VolumeClaim(name="shared", access_modes=["ReadWriteMany"]))


@pytest.fixture(scope="session")
def place(request: pytest.FixtureRequest) -> Iterator[str]:
    """Make the namespace."""
    yield from own_namespace(PLACE, request)


@pytest.fixture(scope="session")
def client(place: str) -> Pod:
    """Start a pod with the MLflow client."""
    return client_in(place)


@pytest.fixture(scope="session")
def database(place: str) -> PostgreSQL:
    """Start PostgreSQL with a database."""
    apply_manifests([*postgresql(place), secret(place, "database", {"password": "s3cret"})])
    wait_for_pods(place, "postgresql")
    PostgreSQLServer(place).make_database("mlflow", "mlflow", "s3cret")
    return PostgreSQL(host="postgresql", user="mlflow", password=ExistingSecret("database", "password"))


@pytest.fixture(scope="session")
def pair(place: str, database: PostgreSQL) -> Iterator[Installation]:
    """Start a server of two replicas on one volume."""
    server = release(
        place, "pair", MlflowProps(backend_store=database, artifact_store=SHARED, scaling=FixedReplicas(2))
    )
    with applied(server):
        server.wait(600)
        yield server
