"""A namespace with database servers, a bucket for artifacts, one for backups, and a client."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from e2e.environments import run
from e2e.kubectl import Pod, apply_manifests, wait_for_pods
from e2e.manifests import minio
from e2e.room import client_in, own_namespace
from e2e.servers import MariaDBServer, PostgreSQLServer, mariadb, postgresql

MAIN = f"keeping-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
S3_KEY = {"id": "mlflow", "key": "s/e+c%r=e&t"}
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
def bucket(main: str, client: Pod) -> str:
    """Start MinIO with empty buckets, and return its address."""
    url = f"http://minio.{main}:9000"
    apply_manifests(minio(main, S3_KEY["id"], S3_KEY["key"]))
    wait_for_pods(main, "minio")
    run(client, "buckets", url, S3_KEY["id"], S3_KEY["key"], *BUCKETS)
    return url


@pytest.fixture(scope="session")
def postgres(main: str) -> PostgreSQLServer:
    """Start PostgreSQL."""
    apply_manifests(postgresql(main))
    wait_for_pods(main, "postgresql")
    return PostgreSQLServer(main)


@pytest.fixture(scope="session")
def maria(main: str) -> MariaDBServer:
    """Start MariaDB."""
    apply_manifests(mariadb(main))
    wait_for_pods(main, "mariadb")
    return MariaDBServer(main)
