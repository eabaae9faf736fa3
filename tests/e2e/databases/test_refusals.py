"""Databases that cannot work: the migrating container ends with one line that names the cause and the prop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import attrs
import pytest
from e2e.installation import applied, release
from e2e.kubectl import apply_manifests
from e2e.manifests import secret
from e2e.servers import MariaDBServer, PostgreSQLServer

from cdk8s_mlflow import ExistingSecret, MlflowProps, MySQL, PostgreSQL
from cdk8s_mlflow.backend_store import BackendStore

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PASSWORD = "pw/with:odd@characters%"
RIGHT, WRONG = ExistingSecret("refused", "right"), ExistingSecret("refused", "wrong")


def postgres_store(user: str, database: str | None = None, password: ExistingSecret = RIGHT) -> PostgreSQL:
    """Return a store on the server of the tests."""
    return PostgreSQL(host="postgresql", database=database or user, user=user, password=password)


def maria_store(user: str, database: str | None = None, password: ExistingSecret = RIGHT) -> MySQL:
    """Return a store on the server of the tests."""
    return MySQL(host="mariadb", database=database or user, user=user, password=password)


@attrs.frozen
class Refusal:
    """A store that is refused, and what the last line must say."""

    store: BackendStore
    cause: str
    """What is wrong, in our words."""
    cure: str
    """The prop to mend."""


REFUSALS: Mapping[str, Refusal] = {
    "pg-password": Refusal(
        postgres_store("r_plain", password=WRONG), "wrong user or password", "PostgreSQL.user and .password"
    ),
    "pg-user": Refusal(postgres_store("r_nobody", "r_plain"), "wrong user or password", "PostgreSQL.user"),
    "pg-database": Refusal(
        postgres_store("r_plain", "r_missing"), "the database does not exist", "PostgreSQL.database"
    ),
    "pg-no-login": Refusal(postgres_store("r_no_login", "r_plain"), "may not log in", "PostgreSQL.user"),
    "pg-no-connect": Refusal(
        postgres_store("r_no_connect", "r_closed"), "may not connect to the database", "PostgreSQL.user"
    ),
    "pg-read-only": Refusal(postgres_store("r_reader"), "may not create tables", "Migration"),
    "pg-standby": Refusal(postgres_store("r_standby"), "read-only", "PostgreSQL.host"),
    "maria-password": Refusal(
        maria_store("r_plain", password=WRONG), "wrong user or password", "MySQL.user, .password"
    ),
    "maria-database": Refusal(maria_store("r_root", "r_missing"), "the database does not exist", "MySQL.database"),
    "maria-no-connect": Refusal(maria_store("r_reader", "r_plain"), "no right on the database", "MySQL.user"),
    "maria-read-only": Refusal(maria_store("r_reader"), "may not create tables", "Migration"),
    "maria-latin1": Refusal(maria_store("r_latin1"), "character set is latin1", "ALTER DATABASE"),
}


@pytest.fixture(scope="module")
def refused(main: str, postgres: PostgreSQLServer, maria: MariaDBServer) -> Iterator[Callable[[str], list[str]]]:
    """Start a server on each of them at once; give what a migration wrote."""
    apply_manifests([secret(main, "refused", {"right": PASSWORD, "wrong": f"{PASSWORD}!"})])
    make_postgresql_databases(postgres)
    make_mariadb_databases(maria)
    releases = {
        name: release(main, name, MlflowProps(backend_store=refusal.store)) for name, refusal in REFUSALS.items()
    }
    lines: dict[str, list[str]] = {}

    def last_words(name: str) -> list[str]:
        if name not in lines:
            lines[name] = releases[name].last_words()
            print(name, lines[name][-1])  # noqa: T201 - for whoever writes the page of messages
        return lines[name]

    with applied(*releases.values()):
        yield last_words


def make_postgresql_databases(server: PostgreSQLServer) -> None:
    """Make the databases and roles that each lack something."""
    for name in ("r_plain", "r_standby"):
        server.make_database(name, name, PASSWORD)
    for name in ("r_no_login", "r_no_connect", "r_reader"):
        server.make_user(name, PASSWORD)
    server.sql(
        "CREATE DATABASE r_closed",
        "CREATE DATABASE r_reader",
        "REVOKE CONNECT ON DATABASE r_closed FROM PUBLIC",
        "ALTER ROLE r_no_login NOLOGIN",
        "ALTER ROLE r_standby SET default_transaction_read_only = on",
    )


def make_mariadb_databases(server: MariaDBServer) -> None:
    """Make the databases and users that each lack something."""
    server.make_database("r_plain", "r_plain", PASSWORD)
    server.make_database("r_latin1", "r_latin1", PASSWORD, character_set="latin1")
    for name in ("r_reader", "r_root"):
        server.make_user(name, PASSWORD)
    server.sql(
        "CREATE DATABASE r_reader CHARACTER SET utf8mb4",
        "GRANT SELECT ON r_reader.* TO r_reader",
        "GRANT ALL ON *.* TO r_root",
    )


@pytest.mark.parametrize("name", REFUSALS)
def test_last_line_names_cause_and_prop(name: str, refused: Callable[[str], list[str]]) -> None:
    """The last line says what is wrong with which database, and which prop to mend."""
    refusal, last = REFUSALS[name], refused(name)[-1]
    assert last.startswith("migrate: backend-store: ")
    assert refusal.cause in last
    assert refusal.cure in last


@pytest.mark.parametrize("name", REFUSALS)
def test_no_password_and_no_traceback(name: str, refused: Callable[[str], list[str]]) -> None:
    """Whoever reads the log sees neither a password nor frames of Python that say the same again."""
    written = "\n".join(refused(name))
    assert PASSWORD not in written
    assert "Traceback" not in written
