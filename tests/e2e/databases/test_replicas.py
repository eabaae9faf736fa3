"""Five replicas that start at once on an empty database."""

from __future__ import annotations

import pytest
from e2e.installation import applied, release
from e2e.kubectl import apply_manifests
from e2e.manifests import secret
from e2e.servers import MariaDBServer, PostgreSQLServer

from cdk8s_mlflow import ExistingSecret, FixedReplicas, MlflowProps, MySQL, PostgreSQL
from cdk8s_mlflow.backend_store import BackendStore

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PASSWORD = "p@s/s%41"
STORED = ExistingSecret("replicas", "password")
COUNT = "SELECT count(*), min(name) FROM experiments"


@pytest.mark.parametrize("round_", range(1, 6))
@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_replicas_take_turns(
    engine: str, round_: int, main: str, postgres: PostgreSQLServer, maria: MariaDBServer
) -> None:
    """One of them migrates, the others wait; none restarts, and there is one default experiment."""
    name = f"replicas_{round_}"
    apply_manifests([secret(main, "replicas", {"password": PASSWORD})])
    store: BackendStore
    if engine == "postgresql":
        postgres.make_database(name, name, PASSWORD)
        store = PostgreSQL(host=engine, database=name, user=name, password=STORED)
    else:
        maria.make_database(name, name, PASSWORD)
        store = MySQL(host=engine, database=name, user=name, password=STORED)
    five = release(main, f"five-{engine}-{round_}", MlflowProps(backend_store=store, scaling=FixedReplicas(5)))
    with applied(five):
        five.wait(600)
        assert len(five.pods()) == 5
        five.assert_calm()
        logs = five.logs("migrate")
        assert logs.count("migrate: backend-store: from revision none (empty)") == 1, logs
        assert "another pod has it" in logs
        counted = postgres.sql(COUNT, database=name) if engine == "postgresql" else maria.sql(COUNT, database=name)
        assert [row.replace("\t", "|") for row in counted] == ["1|Default"]
