"""A namespace with a database, a bucket and a client, made once for all measurements."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from e2e.databases.certificates import Certificates
from e2e.kubectl import Pod, apply_manifests
from e2e.logins.provider import Provider, start_provider
from e2e.manifests import secret
from e2e.room import client_in, own_namespace
from e2e.servers import PostgreSQLServer, start_minio, start_postgresql

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
def bucket(client: Pod) -> str:
    """Start MinIO with an empty bucket, and return its address."""
    return start_minio(client, "artifacts", key={"id": "mlflow", "key": PASSWORD})


@pytest.fixture(scope="session")
def postgres(main: str) -> PostgreSQLServer:
    """Start PostgreSQL."""
    return start_postgresql(main)


@pytest.fixture(scope="session")
def provider(main: str, tmp_path_factory: pytest.TempPathFactory) -> Provider:
    """Start an OpenID Connect provider."""
    certificates = Certificates(tmp_path_factory.mktemp("provider"))
    certificates.authority()
    return start_provider(main, certificates, [f"http://oidc.{main}:5000/callback"])
