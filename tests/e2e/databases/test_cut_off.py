"""The pod killed while it migrates, at five moments each: the next one completes, and nothing is lost."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from e2e.installation import USED, Installation, applied, release, use
from e2e.kubectl import Manifest, Pod, apply_manifests, attempt, kubectl, wait_for_pods, wait_until
from e2e.manifests import config_map, secret
from e2e.results import record
from e2e.servers import MariaDBServer, PostgreSQLServer

from cdk8s_mlflow import ExistingSecret, MlflowProps, MySQL, PostgreSQL
from cdk8s_mlflow.backend_store import BackendStore

from .old import old_pod

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PASSWORD = "cut-off"
CLIENT = Path(__file__).parent / "client"
CHANGE = "(CREATE TABLE|ALTER TABLE|CREATE INDEX) (?!IF)"
FROM_NOTHING = {
    "first": CHANGE,
    "tables": f"{CHANGE} 4",
    "revisions": f"{CHANGE} 90",
    "version": "UPDATE alembic_version SET version_num='HEAD'",
    "end": "end",
}
FROM_2_22 = {
    "first": CHANGE,
    "middle": "ALTER TABLE model_versions ADD (COLUMN )?workspace",
    # The traces' names have just been moved, and their old rows are gone.
    "moved": "CREATE INDEX idx_spans_cost_trace_time_cover",
    "version": "UPDATE alembic_version SET version_num='HEAD'",
    "end": "end",
}
TRACES = """
INSERT INTO trace_info VALUES ('tr-1', 1, 1700000000000, 7, 'OK');
INSERT INTO trace_tags VALUES ('mlflow.traceName', 'größe', 'tr-1');
INSERT INTO trace_request_metadata VALUES ('mlflow.trace.session', 'sitzung', 'tr-1')
"""
MOVED = "SELECT trace_name, session_id FROM trace_info"


@attrs.frozen
class CutOff(Installation):
    """A release whose migration stops at a moment, as long as its ConfigMap says so."""

    moment: str = ""

    def manifests(self) -> list[Manifest]:
        """Return its objects, with a program in the init container that stops the upgrade."""
        found = super().manifests()
        [deployment] = [item for item in found if item["kind"] == "Deployment"]
        spec = deployment["spec"]["template"]["spec"]
        [migrate] = [item for item in spec["initContainers"] if item["name"] == "migrate"]
        # What the image itself has there stays reachable.
        migrate["env"] += [
            {"name": "PYTHONPATH", "value": "/cut-off:/opt/mlflow"},
            {"name": "CUT_OFF", "value": self.moment},
        ]
        migrate["volumeMounts"].append({"name": "cut-off", "mountPath": "/cut-off"})
        spec["volumes"].append({"name": "cut-off", "configMap": {"name": f"{self.name}-cut-off"}})
        return [*found, self.program(CLIENT.joinpath("cut_off.py").read_text(encoding="utf-8"))]

    def program(self, text: str) -> Manifest:
        """Return what the init container's Python runs first."""
        return config_map(self.namespace, f"{self.name}-cut-off", {"sitecustomize.py": text})

    def is_cut_off(self) -> bool:
        """Say whether the moment has come."""
        # Before the container has started, there is no log.
        logs = [attempt("-n", pod.namespace, "logs", pod.name, "-c", "migrate").stdout for pod in self.pods()]
        return any("cut off here" in log for log in logs)

    def kill(self) -> None:
        """Kill the pod as it stands, and let the next one run undisturbed."""
        [pod] = self.pods()
        apply_manifests([self.program("")])
        time.sleep(2)
        kubectl("-n", self.namespace, "delete", "pod", pod.name, "--grace-period=0", "--force")


@attrs.frozen
class Engine:
    """A database server, and what the tests do with its databases."""

    name: str
    server: PostgreSQLServer | MariaDBServer

    def store(self, database: str) -> BackendStore:
        """Return the store of a release."""
        password = ExistingSecret("cut-off", "password")
        if self.name == "postgresql":
            return PostgreSQL(host=self.name, database=database, user=database, password=password)
        return MySQL(host=self.name, database=database, user=database, password=password)

    def uri(self, database: str) -> str:
        """Return the URI for MLflow 2.22."""
        driver = "postgresql+psycopg2" if self.name == "postgresql" else "mysql+pymysql"
        return f"{driver}://{database}:{PASSWORD}@{self.name}/{database}"

    def copy(self, source: str, target: str) -> None:
        """Make a database with the tables and rows of another one."""
        self.server.make_database(target, target, PASSWORD)
        if isinstance(self.server, PostgreSQLServer):
            dump = f"pg_dump -h /tmp -U postgres --no-owner --no-privileges {source}"
            self.shell(f"{dump} | PGPASSWORD={PASSWORD} psql -qh 127.0.0.1 -U {target} {target} -v ON_ERROR_STOP=1")
        else:
            self.shell(
                f"mariadb-dump -S /tmp/mariadb.sock -uroot {source} | mariadb -S /tmp/mariadb.sock -uroot {target}"
            )

    def schema(self, database: str) -> str:
        """Return everything that makes the database's tables, MariaDB's in alphabetical order.

        SQLAlchemy creates the indexes of a table in no order of its own, and MariaDB tells them as they came.
        """
        if isinstance(self.server, PostgreSQLServer):
            return self.shell(f"pg_dump -h /tmp -U postgres -s --no-owner {database}")
        dump = self.shell(f"mariadb-dump -S /tmp/mariadb.sock -uroot --no-data --skip-comments {database}")
        text = re.sub(r" AUTO_INCREMENT=\d+|DEFINER=\S+", "", dump)
        tables = (sorted(line.rstrip(",") for line in table.splitlines()) for table in text.split("CREATE TABLE "))
        return "\n".join(line for table in tables for line in ["CREATE TABLE", *table])

    def shell(self, command: str) -> str:
        """Run a command beside the server."""
        flags = ("-n", self.server.namespace, "exec", self.server.name, "--")
        found = kubectl(*flags, "sh", "-c", command, timeout=600)
        # PostgreSQL's newer dumps hold a random word.
        return re.sub(r"\\(un)?restrict \w+", "", found)


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def engine(request: pytest.FixtureRequest, main: str, postgres: PostgreSQLServer, maria: MariaDBServer) -> Engine:
    """Give each engine."""
    apply_manifests([secret(main, "cut-off", {"password": PASSWORD})])
    return Engine(request.param, postgres if request.param == "postgresql" else maria)


@pytest.fixture(scope="module")
def old_client(main: str) -> Iterator[Pod]:
    """Start a pod with the client of 2.22."""
    apply_manifests([old_pod(main, "cut-off-client", "sleep", "infinity", env={"USER": "client"})])
    wait_for_pods(main, "cut-off-client")
    yield Pod(main, "cut-off-client")
    kubectl("-n", main, "delete", "pod", "cut-off-client", "--wait=false")


def releases(engine: Engine, start: str, moments: dict[str, str]) -> dict[str, CutOff]:
    """Return a release for each moment, and one that is left alone."""
    found = {}
    for name, moment in {**moments, "calm": "never"}.items():
        plain = release(
            engine.server.namespace,
            f"{start}-{name}-{engine.name}",
            MlflowProps(backend_store=engine.store(f"{start}_{name}")),
        )
        found[name] = CutOff(plain.namespace, plain.name, plain.props, moment)
    return found


def cut_off(found: dict[str, CutOff]) -> None:
    """Kill each at its moment but the calm one, and wait until the next pods serve."""
    cut = [item for name, item in found.items() if name != "calm"]
    for item in cut:
        wait_until(f"the moment of {item.name}", item.is_cut_off, 600)
    for item in cut:
        item.kill()
    for item in found.values():
        item.wait(600)
        item.assert_calm()


def test_first_tables(engine: Engine, client: Pod) -> None:
    """An empty database: whatever there was of the tables, all are there and complete."""
    found = releases(engine, "nothing", FROM_NOTHING)
    for name in found:
        engine.server.make_database(f"nothing_{name}", f"nothing_{name}", PASSWORD)
    with applied(*found.values()):
        cut_off(found)
        wanted = engine.schema("nothing_calm")
        for name in FROM_NOTHING:
            assert engine.schema(f"nothing_{name}").replace(f"nothing_{name}", "nothing_calm") == wanted, name
        assert use(client, *found.values()) == dict.fromkeys((item.name for item in found.values()), USED)
    keep(f"the first migration on {engine.name} is killed, at each of {len(FROM_NOTHING)} moments")


def keep(fault: str) -> None:
    """Put the fault on the page."""
    record("faults", fault, {"lost": "nothing", "healed": "the next start completes it"})


def test_upgrade_of_a_filled_database(engine: Engine, client: Pod, old_client: Pod) -> None:
    """Filled by 2.22: all of it is there, in the same tables as after an undisturbed upgrade."""
    engine.server.make_database("since", "since", PASSWORD)
    where = json.loads(run(old_client, engine.uri("since"), "no-artifacts"))
    before = json.loads(run(old_client, engine.uri("since"), json.dumps(where)))
    assert len(before["runs"]) == 20
    engine.server.sql(*TRACES.strip().split(";\n"), database="since")
    found = releases(engine, "filled", FROM_2_22)
    for name in found:
        engine.copy("since", f"filled_{name}")
    with applied(*found.values()):
        cut_off(found)
        wanted = engine.schema("filled_calm")
        for name, item in found.items():
            assert engine.schema(f"filled_{name}").replace(f"filled_{name}", "filled_calm") == wanted, name
            assert json.loads(run(client, item.uri, json.dumps(where))) == before, name
            [moved] = engine.server.sql(MOVED, database=f"filled_{name}")
            assert re.split(r"[|\t]", moved) == ["größe", "sitzung"], name
        assert use(client, *found.values()) == dict.fromkeys((item.name for item in found.values()), USED)
    keep(f"the migration from 2.22 on {engine.name} is killed, at each of {len(FROM_2_22)} moments")


def run(client: Pod, uri: str, *arguments: Any) -> str:
    """Fill a store, or read what was filled."""
    program = CLIENT.joinpath("old.py").read_text(encoding="utf-8")
    return client.execute("python", "-c", program, uri, *arguments, timeout=600).splitlines()[-1]
