"""The servers that all cells share, each started when a cell first needs it, and one cell at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from e2e.databases.certificates import Certificates
from e2e.databases.tls import POSTGRESQL, encrypted_postgresql
from e2e.installation import Installation
from e2e.kubectl import Manifest, Pod, apply_manifests, wait_for_pods
from e2e.logins.directory import SEARCHER_PASSWORD, Directory, start_directory
from e2e.logins.provider import CLIENT_SECRET, Provider, start_provider
from e2e.manifests import config_map, secret
from e2e.matrix.programs import bring, run_module
from e2e.matrix.visits import Running, names_in
from e2e.room import client_in, own_namespace
from e2e.servers import S3_KEY, MariaDBServer, PostgreSQLServer, start_mariadb, start_minio, start_postgresql
from e2e.visitors import Door, find_gateway, start_visitor
from matrix import CORE, NAME, ROOM, Cell, covering_cells

OUTSIDE = f"{ROOM}-outside"
SHARE = "50m"
"""Of a busy node's CPU, for the cell's containers and for the client: there is only one of each at a time."""
PASSWORD = "p@s/s#w%41:?d&$x ä"
"""Of each cell's database."""


@pytest.fixture(scope="session")
def main(request: pytest.FixtureRequest) -> Iterator[str]:
    """Make the namespace of the shared servers and of their clients."""
    yield from own_namespace(ROOM, request)


@pytest.fixture(scope="session")
def stranger(request: pytest.FixtureRequest) -> Iterator[Pod]:
    """Start a pod in a namespace that no policy names."""
    for namespace in own_namespace(OUTSIDE, request):
        yield client_in(namespace)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Make the authority of all certificates but the Gateway's."""
    made = Certificates(tmp_path_factory.mktemp("certificates"))
    made.authority()
    return made


@pytest.fixture(scope="session")
def authority(certificates: Certificates) -> str:
    """Give the authority's certificate."""
    return certificates.folder.joinpath("ca.crt").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def client(main: str, authority: str) -> Pod:
    """Start a pod with the programs, that finds the public names of all cells at the controller."""
    gateway = find_gateway()
    hosts = [cell.host for cell in covering_cells()]
    pod = start_visitor(main, "client", Door(gateway.address, f"{gateway.certificate}\n{authority}"), hosts, SHARE)
    programs = ("e2e.client.ask", "e2e.client.tracking", "e2e.client.traffic", "e2e.matrix.client.round_trip")
    bring(pod, *programs, "e2e.client.buckets")
    return pod


# --- The shared servers, by what needs them ----------------------------------------------------------------


@pytest.fixture(scope="session")
def postgresql_server(main: str) -> PostgreSQLServer:
    """Start PostgreSQL without TLS."""
    return start_postgresql(main)


@pytest.fixture(scope="session")
def postgresql_tls_server(main: str, certificates: Certificates) -> PostgreSQLServer:
    """Start PostgreSQL that takes nobody who comes unencrypted."""
    apply_manifests(encrypted_postgresql(main, certificates, [f"{POSTGRESQL}.{main}"]))
    wait_for_pods(main, POSTGRESQL)
    return PostgreSQLServer(main, POSTGRESQL)


@pytest.fixture(scope="session")
def mariadb_server(main: str) -> MariaDBServer:
    """Start MariaDB."""
    return start_mariadb(main)


@pytest.fixture(scope="session")
def minio_server(client: Pod) -> str:
    """Start MinIO."""
    return start_minio(client)


@pytest.fixture(scope="session")
def provider(main: str, certificates: Certificates) -> Provider:
    """Start the OpenID Connect provider, which returns people to every cell."""
    returns = [f"{cell.url}{path}" for cell in covering_cells() for path in ("/callback", "/oauth2/callback")]
    return start_provider(main, certificates, returns)


@pytest.fixture(scope="session")
def directory(main: str, certificates: Certificates) -> Directory:
    """Start the LDAP directory."""
    return start_directory(main, certificates)


# --- A cell ------------------------------------------------------------------------------------------------


def _cases() -> list[Any]:
    return [
        pytest.param(cell, id=cell.title, marks=() if cell in CORE else pytest.mark.slow) for cell in covering_cells()
    ]


@pytest.fixture(scope="module", params=_cases())
def cell(request: pytest.FixtureRequest) -> Cell:
    """Give each cell in turn."""
    found: Cell = request.param
    return found


@pytest.fixture(scope="module")
def running(
    cell: Cell, client: Pod, certificates: Certificates, authority: str, request: pytest.FixtureRequest
) -> Iterator[Running]:
    """Make what the cell's props name, start its server in a namespace of its own, and see how long that takes."""
    provider: Provider | None = None
    if cell.login in {"oidc", "oauth2-proxy"}:
        provider = request.getfixturevalue("provider")
    elif cell.login == "ldap":
        request.getfixturevalue("directory")
    if cell.backend != "sqlite":
        server = request.getfixturevalue(f"{cell.backend.replace('-', '_')}_server")
        server.make_database(cell.name, cell.name, PASSWORD)
    if cell.artifacts != "volume":
        url = request.getfixturevalue("minio_server")
        run_module(client, "e2e.client.buckets", url, S3_KEY["id"], S3_KEY["key"], cell.name)
    for namespace in own_namespace(cell.name, request, waits=False):
        apply_manifests(_named_by_the_props(cell, certificates, authority))
        before = names_in(namespace)
        failed = request.session.testsfailed
        installation = Installation(namespace, NAME, cell.props(), cpu=SHARE)
        started = time.monotonic()
        installation.apply()
        installation.wait(900)
        ready = time.monotonic() - started
        yield Running(cell, installation, client, provider, before, ready, failed)


def _named_by_the_props(cell: Cell, certificates: Certificates, authority: str) -> list[Manifest]:
    namespace = cell.name
    hosts = [f"{NAME}.{namespace}{end}" for end in ("", ".svc", ".svc.cluster.local")]
    return [
        config_map(namespace, "ca", {"ca.crt": authority}),
        secret(namespace, "database", {"password": PASSWORD}),
        secret(namespace, "s3", S3_KEY),
        secret(namespace, "provider", {"client-secret": CLIENT_SECRET}),
        secret(namespace, "ldap-searcher", {"password": SEARCHER_PASSWORD}),
        secret(namespace, "server", certificates.signed("server", [NAME, *hosts]), "kubernetes.io/tls"),
        secret(namespace, "public", certificates.signed("public", [cell.host]), "kubernetes.io/tls"),
    ]
