"""Who migrates: a role of its own while the server may not change tables, or nobody but a person by hand."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import attrs
import pytest
from e2e.environments import PROCESSES, run
from e2e.installation import Installation, applied, release
from e2e.kubectl import Pod, apply_manifests, kubectl, wait_until
from e2e.manifests import secret
from e2e.servers import MariaDBServer, PostgreSQLServer

from cdk8s_mlflow import ExistingSecret, Migration, MlflowProps, MySQL, PostgreSQL
from cdk8s_mlflow.backend_store import BackendStore

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

DDL, DML = "may:change@tables%", "may/use?them&only"
OWNER = ExistingSecret("roles", "ddl")
SERVER = ExistingSecret("roles", "dml")
PG = PostgreSQL(host="postgresql", database="roles", user="roles_server", password=SERVER)
MARIA = MySQL(host="mariadb", database="roles", user="roles_server", password=SERVER)
ENGINES: dict[str, tuple[BackendStore, Migration]] = {
    "pg": (PG, Migration(backend_store=attrs.evolve(PG, user="roles_owner", password=OWNER))),
    "maria": (MARIA, Migration(backend_store=attrs.evolve(MARIA, user="roles_owner", password=OWNER))),
}

# As the documentation has it: what the migration creates later is covered as well.
POSTGRESQL_ROLES = f"""
CREATE ROLE roles_owner LOGIN PASSWORD '{DDL}';
CREATE ROLE roles_server LOGIN PASSWORD '{DML}';
CREATE DATABASE roles OWNER roles_owner;
\\connect roles
ALTER SCHEMA public OWNER TO roles_owner;
GRANT USAGE ON SCHEMA public TO roles_server;
ALTER DEFAULT PRIVILEGES FOR ROLE roles_owner IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO roles_server;
ALTER DEFAULT PRIVILEGES FOR ROLE roles_owner IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO roles_server
"""
COMMAND = re.compile(r"kubectl .* --migrate")
MARIADB_ROLES = f"""
CREATE DATABASE roles CHARACTER SET utf8mb4;
CREATE USER roles_owner@'%' IDENTIFIED BY '{DDL}';
CREATE USER roles_server@'%' IDENTIFIED BY '{DML}';
GRANT ALL ON roles.* TO roles_owner@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON roles.* TO roles_server@'%'
"""


@pytest.fixture(scope="module")
def releases(main: str, postgres: PostgreSQLServer, maria: MariaDBServer) -> Iterator[dict[str, Installation]]:
    """Start a server with two roles on each engine, and one that only verifies an empty database."""
    apply_manifests([secret(main, "roles", {"ddl": DDL, "dml": DML})])
    postgres.sql(POSTGRESQL_ROLES)
    maria.sql(MARIADB_ROLES)
    postgres.sql('CREATE DATABASE "roles-empty" OWNER roles_server')
    found = {
        name: release(main, f"roles-{name}", MlflowProps(backend_store=store, migration=migration))
        for name, (store, migration) in ENGINES.items()
    }
    empty = attrs.evolve(PG, database="roles-empty")
    found["empty"] = release(main, "verify-empty", MlflowProps(backend_store=empty, migration=None))
    with applied(*found.values()):
        yield found


@pytest.mark.parametrize("engine", ENGINES)
def test_server_works_without_the_right_to_change_tables(
    engine: str, releases: dict[str, Installation], client: Pod
) -> None:
    """The migration has made every table, and the server may use them all."""
    releases[engine].wait()
    releases[engine].assert_calm()
    [answer] = run(client, "runs", releases[engine].uri).values()
    assert (answer["loss"], answer["models"]) == ([1, 1 / 2, 1 / 3], [{"team": "e2e"}])


@pytest.mark.parametrize("engine", ENGINES)
def test_tables_belong_to_the_owner_and_server_cannot_change_them(
    engine: str, releases: dict[str, Installation], postgres: PostgreSQLServer, maria: MariaDBServer
) -> None:
    """It is the role of the migration that made the tables; the server's own cannot."""
    releases[engine].wait()
    if engine == "pg":
        assert postgres.sql(
            "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'", database="roles"
        ) == ["roles_owner"]
        assert postgres.sql("SELECT has_schema_privilege('roles_server', 'public', 'CREATE')", database="roles") == [
            "f"
        ]
    else:
        grants = maria.sql("SHOW GRANTS FOR roles_server@'%'")
        assert [line for line in grants if "CREATE" in line or "ALTER" in line or "ALL" in line] == []


@pytest.mark.parametrize("engine", ENGINES)
def test_server_does_not_have_the_password_of_the_migration(engine: str, releases: dict[str, Installation]) -> None:
    """Neither its environment nor a file of its container holds the password of the role that may change tables."""
    releases[engine].wait()
    [pod] = releases[engine].pods()
    look = f"cat /proc/[0-9]*/environ; cat /run/mlflow/credentials/* 2>/dev/null; {PROCESSES}"
    seen = pod.execute("sh", "-c", look)
    assert DDL not in seen
    assert DML in seen


def test_verifying_waits_and_says_what_to_run(main: str, releases: dict[str, Installation]) -> None:
    """Without a migration the pod changes nothing and waits; the command of its log, run by hand, is all it takes."""
    empty = releases["empty"]
    wait_until("the command", lambda: COMMAND.search(empty.logs("migrate")), 60)
    [pod] = empty.pods()
    command = COMMAND.search(empty.logs("migrate"))
    assert command is not None
    words = command[0].replace("NAMESPACE", main).split()
    assert pod.name in words
    time.sleep(25)  # longer than the patience with what does not mend itself
    empty.assert_calm()
    kubectl(*words[1:], timeout=600)
    empty.wait()
    empty.assert_calm()


@pytest.mark.parametrize("engine", ENGINES)
def test_verifying_a_migrated_database_starts_the_server(
    engine: str, main: str, releases: dict[str, Installation]
) -> None:
    """The server's own role suffices to see that the schema is the image's."""
    releases[engine].wait()
    verifying = release(main, f"verify-{engine}", MlflowProps(backend_store=ENGINES[engine][0], migration=None))
    with applied(verifying):
        verifying.wait()
        verifying.assert_calm()
        assert "as the image wants it" in verifying.logs("migrate")
