"""TLS to the database, with certificates of an authority of the tests."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import pytest
from e2e.installation import Installation, applied, release
from e2e.servers import MariaDBServer, PostgreSQLServer

from cdk8s_mlflow import ConfigMapKey, ExistingSecret, MlflowProps, MySQL, MySQLTls, PostgreSQL, PostgreSQLTls
from cdk8s_mlflow.backend_store import BackendStore

from .tls import MARIADB, POSTGRESQL, TlsServers

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

STORED = ExistingSecret("tls-user", "password")
RIGHT, WRONG = ConfigMapKey("ca", "ca.crt"), ConfigMapKey("other-ca", "ca.crt")
PG = PostgreSQL(host=POSTGRESQL, user="certified", tls=PostgreSQLTls(ca=RIGHT, client_certificate="client-certificate"))
PG_PASSWORD = PostgreSQL(host=POSTGRESQL, password=STORED, tls=PostgreSQLTls(ca=RIGHT))
MARIA = MySQL(host=MARIADB, password=STORED, tls=MySQLTls(ca=RIGHT))
REFUSED: dict[str, tuple[BackendStore, str]] = {
    "pg-wrong-ca": (attrs.evolve(PG_PASSWORD, tls=PostgreSQLTls(ca=WRONG)), "PostgreSQL.tls.ca"),
    "pg-other-name": (attrs.evolve(PG_PASSWORD, host=f"{POSTGRESQL}-alias"), "for another name"),
    "pg-plain": (attrs.evolve(PG_PASSWORD, host="postgresql"), "has no TLS"),
    "maria-wrong-ca": (attrs.evolve(MARIA, tls=MySQLTls(ca=WRONG)), "MySQL.tls.ca"),
    "maria-other-name": (attrs.evolve(MARIA, host=f"{MARIADB}-alias"), "for another name"),
    "maria-plain": (attrs.evolve(MARIA, host="mariadb"), "has no TLS"),
}


@pytest.fixture(scope="module")
def releases(
    main: str, tls_servers: TlsServers, postgres: PostgreSQLServer, maria: MariaDBServer
) -> Iterator[dict[str, Installation]]:
    """Start servers that trust the right authority, the wrong one, or expect TLS where there is none."""
    assert {tls_servers.postgres.namespace, postgres.namespace, maria.namespace} == {main}
    maria.make_user("tls_unused", "unused")  # MariaDB turns away an address for which it has no user at all
    refused = {name: store for name, (store, _) in REFUSED.items()}
    stores: dict[str, BackendStore] = {"pg-right-ca": PG, "maria-right-ca": MARIA, **refused}
    found = {name: release(main, name, MlflowProps(backend_store=store)) for name, store in stores.items()}
    with applied(*found.values()):
        yield found


def test_postgresql_with_client_certificate(releases: dict[str, Installation], tls_servers: TlsServers) -> None:
    """The server knows PostgreSQL by its certificate and proves itself by its own: encrypted, without a password."""
    releases["pg-right-ca"].wait()
    releases["pg-right-ca"].assert_calm()
    sessions = tls_servers.postgres.sql(
        "SELECT DISTINCT s.ssl, s.client_dn FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) "
        "WHERE a.usename = 'certified'"
    )
    assert sessions == ["t|/CN=certified"]


def test_mariadb(releases: dict[str, Installation], tls_servers: TlsServers) -> None:
    """The server knows MariaDB by its certificate; MariaDB lets nobody in who is not encrypted."""
    releases["maria-right-ca"].wait()
    releases["maria-right-ca"].assert_calm()
    assert tls_servers.maria.sql("SELECT @@require_secure_transport") == ["1"]
    assert (
        int(tls_servers.maria.sql("SELECT count(*) FROM information_schema.processlist WHERE user = 'mlflow'")[0]) > 0
    )


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_what_is_not_the_server(name: str, releases: dict[str, Installation]) -> None:
    """Nothing is sent to a server that cannot prove itself; the last line says why."""
    last = releases[name].last_words()[-1]
    print(name, last)  # noqa: T201 - for whoever writes the page of messages
    assert last.startswith("migrate: backend-store: ")
    assert REFUSED[name][1] in last
