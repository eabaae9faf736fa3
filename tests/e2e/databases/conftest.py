"""A namespace with database servers and a client, made once for all tests of this folder."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from e2e.kubectl import Pod, apply_manifests
from e2e.manifests import config_map
from e2e.room import client_in, own_namespace
from e2e.servers import MariaDBServer, PostgreSQLServer, start_mariadb, start_postgresql

from .certificates import Certificates
from .tls import TlsServers, start_tls_servers

MAIN = f"db-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"


@pytest.fixture(scope="session")
def main(request: pytest.FixtureRequest) -> Iterator[str]:
    """Make the namespace of all servers, releases and clients."""
    yield from own_namespace(MAIN, request)


@pytest.fixture(scope="session")
def client(main: str) -> Pod:
    """Start a pod with the MLflow client."""
    return client_in(main)


@pytest.fixture(scope="session")
def postgres(main: str) -> PostgreSQLServer:
    """Start PostgreSQL without TLS."""
    return start_postgresql(main)


@pytest.fixture(scope="session")
def maria(main: str) -> MariaDBServer:
    """Start MariaDB without TLS."""
    return start_mariadb(main)


@pytest.fixture(scope="session")
def authority(main: str, tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Make certificates: ConfigMap ``ca`` with the authority, ``other-ca`` with one that signed nothing."""
    certificates = Certificates(tmp_path_factory.mktemp("certificates"))
    for name in ("ca", "other-ca"):
        apply_manifests([config_map(main, name, {"ca.crt": certificates.authority(name)})])
    return certificates


@pytest.fixture(scope="session")
def tls_servers(main: str, authority: Certificates) -> TlsServers:
    """Start servers with TLS."""
    return start_tls_servers(main, authority)
