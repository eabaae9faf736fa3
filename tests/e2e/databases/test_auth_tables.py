"""The tables of MLflow's own login: made by replicas that start at once, beside the runs' or in another database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from e2e.installation import USED, Installation, applied, release
from e2e.kubectl import Pod, apply_manifests
from e2e.manifests import secret
from e2e.servers import MariaDBServer, PostgreSQLServer

from cdk8s_mlflow import BasicAuth, ExistingSecret, FixedReplicas, MlflowProps, MySQL, PostgreSQL
from cdk8s_mlflow.backend_store import BackendStore

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PASSWORD, ADMIN = "p@s/s%41", "the administrator's, of e2e"
ADMINISTRATORS = "SELECT username, is_admin FROM users"
REVISION = "SELECT count(*) FROM alembic_version_auth"
PROGRAM = Path(__file__).parents[1].joinpath("client", "runs.py").read_text(encoding="utf-8")


def store(engine: str, name: str) -> BackendStore:
    """Return a database with a user of the same name."""
    password = ExistingSecret("auth", "database")
    if engine == "postgresql":
        return PostgreSQL(host=engine, database=name, user=name, password=password)
    return MySQL(host=engine, database=name, user=name, password=password)


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> PostgreSQLServer | MariaDBServer:
    """Give each engine."""
    found: PostgreSQLServer | MariaDBServer
    found = request.getfixturevalue("postgres" if request.param == "postgresql" else "maria")
    return found


@pytest.fixture(scope="module")
def releases(main: str, server: PostgreSQLServer | MariaDBServer) -> Iterator[dict[str, Installation]]:
    """Start three replicas on one empty database, and three on two."""
    apply_manifests([secret(main, "auth", {"database": PASSWORD, "admin": ADMIN, "flask": "a key"})])
    for name in ("auth_shared", "auth_runs", "auth_users"):
        server.make_database(name, name, PASSWORD)
    login = BasicAuth(admin_password=ExistingSecret("auth", "admin"), flask_secret_key=ExistingSecret("auth", "flask"))
    own = attrs.evolve(login, user_store=store(server.name, "auth_users"))
    three = FixedReplicas(3)
    found = {
        "auth_shared": release(
            main,
            f"auth-shared-{server.name}",
            MlflowProps(backend_store=store(server.name, "auth_shared"), authentication=login, scaling=three),
        ),
        "auth_users": release(
            main,
            f"auth-own-{server.name}",
            MlflowProps(backend_store=store(server.name, "auth_runs"), authentication=own, scaling=three),
        ),
    }
    with applied(*found.values()):
        yield found


@pytest.mark.parametrize("database", ["auth_shared", "auth_users"])
def test_replicas_take_turns_at_both_schemas(
    database: str, releases: dict[str, Installation], server: PostgreSQLServer | MariaDBServer
) -> None:
    """None restarts; each schema is made once, and there is one administrator."""
    releases[database].wait(600)
    assert len(releases[database].pods()) == 3
    releases[database].assert_calm()
    logs = releases[database].logs("migrate")
    for schema in ("backend-store", "user-store"):
        assert logs.count(f"migrate: {schema}: from revision none (empty)") == 1, logs
    assert server.sql(REVISION, database=database) == ["1"]
    [administrator] = server.sql(ADMINISTRATORS, database=database)
    assert administrator.replace("\t", "|") in {"admin|t", "admin|1"}


@pytest.mark.parametrize("database", ["auth_shared", "auth_users"])
def test_only_the_administrator_can_log_in(database: str, releases: dict[str, Installation], client: Pod) -> None:
    """With his password he logs runs and models; with another one, or none, nobody does."""
    releases[database].wait(600)
    assert log_in(client, releases[database], ADMIN) == {releases[database].uri: USED}
    with pytest.raises(AssertionError, match="401"):
        log_in(client, releases[database], "another password")
    with pytest.raises(AssertionError, match="401"):
        client.execute("python", "-c", PROGRAM, releases[database].uri)


def log_in(client: Pod, installation: Installation, password: str) -> object:
    """Log a run and a model as the administrator, and return what the server then answers."""
    variables = ("MLFLOW_TRACKING_USERNAME=admin", f"MLFLOW_TRACKING_PASSWORD={password}")
    output = client.execute("env", *variables, "python", "-c", PROGRAM, installation.uri, timeout=600)
    return json.loads(output.splitlines()[-1])
