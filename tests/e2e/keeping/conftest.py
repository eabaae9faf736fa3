"""A namespace with database servers, a bucket for artifacts, one for backups, and a client."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from e2e.kubectl import Pod
from e2e.room import client_in, own_namespace
from e2e.servers import MariaDBServer, PostgreSQLServer, start_mariadb, start_minio, start_postgresql

MAIN = f"keeping-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
BUCKETS = ("artifacts", "backups")


@pytest.fixture(scope="session")
def main(request: pytest.FixtureRequest) -> Iterator[str]:
    """Make the namespace of all that outlives a release."""
    yield from own_namespace(MAIN, request)


@pytest.fixture(scope="session")
def client(main: str) -> Pod:
    """Start a pod with MLflow's client."""
    return client_in(main)


@pytest.fixture(scope="session")
def bucket(client: Pod) -> str:
    """Start MinIO with empty buckets, and return its address."""
    return start_minio(client, *BUCKETS)


@pytest.fixture(scope="session")
def postgres(main: str) -> PostgreSQLServer:
    """Start PostgreSQL."""
    return start_postgresql(main)


@pytest.fixture(scope="session")
def maria(main: str) -> MariaDBServer:
    """Start MariaDB."""
    return start_mariadb(main)
