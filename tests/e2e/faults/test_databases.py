"""PostgreSQL that restarts, is away, is full of others, has another password, or is suddenly another one."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.installation import Installation, applied, release
from e2e.kubectl import Pod, apply_manifests, kubectl, wait_for_pods, wait_until
from e2e.manifests import secret, service
from e2e.servers import PostgreSQLServer, postgresql, text

from cdk8s_mlflow import MlflowProps

from .conftest import PASSWORD, Around, Ready, bucket, copy_database
from .writing import NOTHING, writing

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

HOG = Path(__file__).parent.joinpath("client", "take_connections.py").read_text(encoding="utf-8")
ENOUGH = "/tmp/enough-connections"  # noqa: S108 - in the pod
CONNECTIONS_OF = "FROM pg_stat_activity WHERE datname = '{}' AND pid <> pg_backend_pid()"


def test_it_crashes(pair: Installation, client: Pod, postgres: PostgreSQLServer) -> None:
    """It recovers by itself, and so do the servers, without a restart."""
    before = pair.restarts()
    database = Pod(postgres.namespace, postgres.name)
    with writing(client, pair) as found:
        # "Immediate shutdown": nothing is written any more, as in a crash.
        database.attempt("sh", "-c", "kill -QUIT 1")
        wait_until("the database to be started again", lambda: restarted(database), 120)
        wait_for_pods(postgres.namespace, postgres.name)
    assert found.lost == NOTHING
    assert pair.restarts() == before
    found.keep("the database crashes and is started again")


def restarted(pod: Pod) -> bool:
    """Say whether a pod's container was started again."""
    return any(state["restartCount"] for state in pod.status()["containerStatuses"])


def test_it_is_away_for_five_minutes(pair: Installation, client: Pod, database: Around) -> None:
    """No server restarts, and what comes after is stored."""
    before = pair.restarts()
    with writing(client, pair) as found:
        database.stop()
        time.sleep(300)
        database.start()
    assert found.lost == NOTHING
    assert pair.restarts() == before
    found.keep("the database is away for 300 s")


def test_others_take_all_connections(pair: Installation, client: Pod, postgres: PostgreSQLServer) -> None:
    """The server's own are ended, and for a minute it gets no new one."""
    before = pair.restarts()
    postgres.make_database("hog", "hog", "hog")
    with writing(client, pair) as found:
        hog = client.start("python", "-c", HOG, "host=postgresql user=hog password=hog dbname=hog", ENOUGH)
        wait_until("the others to have most", lambda: connections(postgres, "hog") > 50, 120)
        # psql takes one of those that are kept for the administrator.
        postgres.sql(f"SELECT pg_terminate_backend(pid) {CONNECTIONS_OF.format('pair')}")
        time.sleep(60)
        client.execute("touch", ENOUGH)
        output, errors = hog.communicate(timeout=200)
    assert json.loads(output) > 80, errors
    assert found.lost == NOTHING
    assert pair.restarts() == before
    found.keep("others take all connections of the database for 60 s")


def connections(server: PostgreSQLServer, database: str) -> int:
    """Return how many connections a database has."""
    return int(server.sql(f"SELECT count(*) {CONNECTIONS_OF.format(database)}")[0])


def test_its_password_is_rotated(pair: Installation, client: Pod, postgres: PostgreSQLServer, place: str) -> None:
    """As docs/secrets.md says: in the database, in the Secret, then a restart at once."""
    with writing(client, pair) as found:
        postgres.sql(f"ALTER ROLE pair PASSWORD {text('another / one @%')}")
        apply_manifests([secret(place, "database-pair", {"password": "another / one @%"})])
        kubectl("-n", place, "rollout", "restart", "deployment/pair")
        pair.wait(600)
    assert found.lost == NOTHING
    pair.assert_calm()
    found.keep("the database's password is rotated", "`kubectl rollout restart`, or the Reloader")


# --- Another database in the place of the one that was -----------------------------------------------------


@pytest.fixture(scope="module")
def moved(place: str, ready: Ready, objects: Around) -> Iterator[Installation]:
    """Start a server whose database has a name that may lead elsewhere: ``main``, or ``other``."""
    assert objects.name
    apply_manifests([*postgresql(place, "other"), leads_to(place, "postgresql")])
    wait_for_pods(place, "other")
    store = ready.store("moved", host="moving")
    other = PostgreSQLServer(place, "other")
    for name in ("pair", "moved"):
        other.make_user(name, PASSWORD)
    other.sql("GRANT pair TO moved")
    server = release(place, "moved", MlflowProps(backend_store=store, artifact_store=bucket()))
    with applied(server):
        server.wait(600)
        yield server


def leads_to(namespace: str, name: str) -> dict[str, object]:
    """Return the Service of the moving database."""
    found = service(namespace, "moving", 5432)
    found["spec"]["selector"] = {"app": name}
    return found


def move(server: PostgreSQLServer, to: str) -> None:
    """Let the name lead to another server, and end all connections, as a failover does."""
    apply_manifests([leads_to(server.namespace, to)])
    time.sleep(1)
    server.sql(f"SELECT pg_terminate_backend(pid) {CONNECTIONS_OF.format('moved')}")


def test_it_is_suddenly_empty(moved: Installation, client: Pod, postgres: PostgreSQLServer) -> None:
    """Nothing is acknowledged into nowhere: all requests fail until the right one is back, with everything."""
    before = moved.restarts()
    other = PostgreSQLServer(postgres.namespace, "other")
    other.sql("CREATE DATABASE moved OWNER moved")
    with writing(client, moved) as found:
        move(postgres, "other")
        time.sleep(60)
        assert other.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", database="moved") == ["0"]
        move(other, "postgresql")
    other.sql("DROP DATABASE moved WITH (FORCE)")
    assert found.lost == NOTHING
    assert found.away["API"] > 55
    assert moved.restarts() == before
    found.keep(
        "the database's name leads to an empty one for 60 s",
        "by itself, when the right one is back; a server pod that starts meanwhile makes tables in the empty one, so "
        "[stop it first](runbooks.md#the-database-is-lost)",
    )


def test_it_is_suddenly_an_older_copy(moved: Installation, client: Pod, postgres: PostgreSQLServer) -> None:
    """Lost is what the copy never had, and nothing that was acknowledged before the copy or since the failover."""
    before = moved.restarts()
    other = PostgreSQLServer(postgres.namespace, "other")
    other.sql("CREATE DATABASE moved OWNER moved")
    with writing(client, moved) as found:
        copy_database(postgres, "moved", other, "moved")
        time.sleep(10)
        move(postgres, "other")
    assert moved.restarts() == before
    assert found.lost["artifacts"] == []
    acknowledged, lost = found.acknowledged["API"], found.lost["API"]
    start = acknowledged.index(lost[0])
    assert 0 < start < start + len(lost) < len(acknowledged)
    assert lost == acknowledged[start : start + len(lost)]
    found.keep("the database fails over to a copy that is 10 s old", lost="what the copy lacks, and nothing else")
