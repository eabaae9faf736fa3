"""A namespace with database servers and a client, made once for all tests of this folder."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from e2e.databases.certificates import Certificates
from e2e.kubectl import Pod, apply_manifests, wait_for_pods
from e2e.room import client_in, own_namespace
from e2e.servers import MariaDBServer, PostgreSQLServer, mariadb, postgresql

from .directory import Directory, start_directory
from .provider import Provider, start_provider

MAIN = f"login-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"


@pytest.fixture(scope="session")
def main(request: pytest.FixtureRequest) -> Iterator[str]:
    """Make the namespace of all servers, releases and clients."""
    yield from own_namespace(MAIN, request)


@pytest.fixture(scope="session")
def client(main: str) -> Pod:
    """Start a pod with the MLflow client, which the policies of all releases let in."""
    return client_in(main)


@pytest.fixture(scope="session")
def postgres(main: str) -> PostgreSQLServer:
    """Start PostgreSQL without TLS."""
    apply_manifests(postgresql(main))
    wait_for_pods(main, "postgresql")
    return PostgreSQLServer(main)


@pytest.fixture(scope="session")
def maria(main: str) -> MariaDBServer:
    """Start MariaDB without TLS."""
    apply_manifests(mariadb(main))
    wait_for_pods(main, "mariadb")
    return MariaDBServer(main)


@pytest.fixture(scope="session")
def authority(main: str, tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Make certificates: ConfigMap ``ca`` with the authority, ``other-ca`` with one that signed nothing."""
    certificates = Certificates(tmp_path_factory.mktemp("certificates"))
    for name in ("ca", "other-ca"):
        kind = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": main}}
        apply_manifests([{**kind, "data": {"ca.crt": certificates.authority(name)}}])
    return certificates


@pytest.fixture(scope="session")
def directory(main: str, authority: Certificates) -> Directory:
    """Start an LDAP directory."""
    return start_directory(main, authority)


@pytest.fixture(scope="session")
def provider(main: str, tmp_path_factory: pytest.TempPathFactory) -> Provider:
    """Start an OpenID Connect provider whose certificate only our own authority vouches for."""
    return start_provider(main, tmp_path_factory.mktemp("provider"))
