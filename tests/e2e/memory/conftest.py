"""A namespace with a database, a bucket and a client, made once for all measurements."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from e2e.databases.certificates import Certificates
from e2e.environments import run
from e2e.kubectl import Pod, apply_manifests, wait_for_pods
from e2e.logins.provider import Provider, start_provider
from e2e.manifests import minio, secret
from e2e.room import client_in, own_namespace
from e2e.servers import PostgreSQLServer, postgresql

PASSWORD = "p@s/s#w%41:?d&$x"


@pytest.fixture(scope="session")
def main(request: pytest.FixtureRequest) -> Iterator[str]:
    """Make the namespace."""
    for name in own_namespace("memory", request):
        apply_manifests([secret(name, "passwords", {"password": PASSWORD, "id": "mlflow"})])
        yield name


@pytest.fixture(scope="session")
def client(main: str) -> Pod:
    """Start a client."""
    return client_in(main)


@pytest.fixture(scope="session")
def bucket(main: str, client: Pod) -> str:
    """Start MinIO with an empty bucket, and return its address."""
    url = f"http://minio.{main}:9000"
    apply_manifests(minio(main, "mlflow", PASSWORD))
    wait_for_pods(main, "minio")
    run(client, "buckets", url, "mlflow", PASSWORD, "artifacts")
    return url


@pytest.fixture(scope="session")
def postgres(main: str) -> PostgreSQLServer:
    """Start PostgreSQL."""
    apply_manifests(postgresql(main))
    wait_for_pods(main, "postgresql")
    return PostgreSQLServer(main)


@pytest.fixture(scope="session")
def provider(main: str, tmp_path_factory: pytest.TempPathFactory) -> Provider:
    """Start an OpenID Connect provider."""
    certificates = Certificates(tmp_path_factory.mktemp("provider"))
    certificates.authority()
    return start_provider(main, certificates, [f"http://oidc.{main}:5000/callback"])
