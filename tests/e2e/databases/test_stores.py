"""Servers on PostgreSQL and MariaDB, with passwords of every character, on one database and on two."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
from e2e.environments import PROCESSES
from e2e.installation import USED, Installation, all_objects, applied, release, use, watched
from e2e.kubectl import Pod, apply_manifests, get, kubectl, pods, wait_until
from e2e.manifests import secret
from e2e.servers import MariaDBServer, PostgreSQLServer

from cdk8s_mlflow import ExistingSecret, GarbageCollection, MlflowProps, MySQL, PostgreSQL

from .secrecy import PASSWORDS, forms, marker

pytestmark = pytest.mark.e2e


@attrs.frozen
class Group:
    """Releases that were started together, and what was seen meanwhile."""

    releases: dict[str, Installation]
    processes: dict[str, str]
    answers: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def group(main: str, client: Pod, postgres: PostgreSQLServer, maria: MariaDBServer) -> Iterator[Group]:
    """Start a server for each kind of store, and use it."""
    make_databases(main, postgres, maria)
    backend = PostgreSQL(host="postgresql", database="tracking", user="tracker", password=password("tracker"))
    other = PostgreSQL(host="postgresql", database="models", user=user("modeller"), password=password("modeller"))
    releases = {
        name: release(main, name, props)
        for name, props in {
            "on-postgresql": MlflowProps(
                backend_store=PostgreSQL(host="postgresql", user=user("odd"), password=password("odd")),
                garbage_collection=GarbageCollection(),
            ),
            "on-mariadb": MlflowProps(
                backend_store=MySQL(host="mariadb", user=user("odd"), password=password("odd")),
                garbage_collection=GarbageCollection(),
            ),
            "on-two": MlflowProps(backend_store=backend, registry_store=other),
            "on-both": MlflowProps(
                backend_store=attrs.evolve(backend, database="tracking-2"),
                registry_store=MySQL(host="mariadb", database="models", password=password("modeller")),
            ),
        }.items()
    }
    with applied(*releases.values()):
        with watched(releases.values()) as processes:
            for item in releases.values():
                item.wait()
        yield Group(releases, dict(processes), use(client, *releases.values()))


def make_databases(main: str, postgres: PostgreSQLServer, maria: MariaDBServer) -> None:
    """Make the databases and the Secrets of their users, in which every user has a password of its own."""
    for name, value in PASSWORDS.items():
        apply_manifests([secret(main, name, {"user": USERS[name], "password": value})])
    postgres.make_database("mlflow", USERS["odd"], PASSWORDS["odd"])
    postgres.make_database("tracking", "tracker", PASSWORDS["tracker"])
    postgres.sql('CREATE DATABASE "tracking-2" OWNER tracker')
    postgres.make_database("models", USERS["modeller"], PASSWORDS["modeller"])
    maria.make_database("mlflow", USERS["odd"], PASSWORDS["odd"])
    maria.make_database("models", "mlflow", PASSWORDS["modeller"])


USERS = {"odd": "ml'flow @ö%:/", "tracker": "tracker", "modeller": "model ler"}


def user(name: str) -> ExistingSecret:
    """Return where a user's name is."""
    return ExistingSecret(name, "user")


def password(name: str) -> ExistingSecret:
    """Return where a user's password is."""
    return ExistingSecret(name, "password")


NAMES = ("on-postgresql", "on-mariadb", "on-two", "on-both")


@pytest.mark.parametrize("name", NAMES)
def test_client_reads_back_what_it_logged(name: str, group: Group) -> None:
    """Every store keeps a run, its metrics and a model."""
    assert group.answers[name] == USED


@pytest.mark.parametrize("name", NAMES)
def test_no_container_restarts(name: str, group: Group) -> None:
    """The first start on an empty database is the last."""
    group.releases[name].assert_calm()


@pytest.mark.parametrize("name", NAMES)
def test_no_password_in_any_process(name: str, group: Group) -> None:
    """No argument of a process holds a password: not in the migration, not in the upgrade, not in the server."""
    seen = group.processes[name]
    assert "migrate.py --upgrade" in seen
    for server in group.releases[name].pods():
        seen += server.execute("sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    assert "mlflow.server" in seen
    assert leaked(seen) == []


@pytest.mark.parametrize("name", NAMES)
def test_no_password_in_any_log(name: str, group: Group) -> None:
    """No container writes a password."""
    logs = group.releases[name].logs()
    assert "migrate: " in logs
    assert leaked(logs) == []


def test_no_password_in_any_object(main: str, group: Group) -> None:
    """Nothing but the Secrets holds a password."""
    objects = all_objects(main)
    assert set(group.releases) <= {item["metadata"]["name"] for item in objects if item["kind"] == "Deployment"}
    assert leaked(json.dumps(objects, ensure_ascii=False)) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["on-postgresql", "on-mariadb"])
def test_no_password_in_the_garbage_collection(name: str, main: str, group: Group) -> None:
    """Its pod reads the database as the server's does: no argument, no object and no log holds a password."""
    job = f"{group.releases[name].name}-gc-now"
    kubectl("-n", main, "create", "job", job, f"--from=cronjob/{name}-gc")
    wait_until("a pod", lambda: pods(main, f"job-name={job}"))
    [pod] = pods(main, f"job-name={job}")
    seen = ""
    deadline = time.monotonic() + 240
    while pod.status()["phase"] in {"Pending", "Running"} and time.monotonic() < deadline:
        seen += pod.attempt("sh", "-c", f"for i in $(seq 20); do {PROCESSES}; sleep 0.2; done").stdout
    assert pod.status()["phase"] == "Succeeded", pod.logs()
    assert "collect_garbage.py" in seen
    assert leaked(seen + pod.logs() + json.dumps(get("pod", pod.name, main), ensure_ascii=False)) == []


def leaked(text: str) -> list[str]:
    """Return whose passwords stand in the text, whole or their own part, in any form that programs give them."""
    return [
        name for name, value in PASSWORDS.items() if marker(name) in text or any(form in text for form in forms(value))
    ]


def test_registry_is_a_database_of_its_own(group: Group, postgres: PostgreSQLServer, maria: MariaDBServer) -> None:
    """Runs are in one database and models in the other, whatever engines these are."""
    assert set(group.releases) >= {"on-two", "on-both"}
    counts = "SELECT (SELECT count(*) FROM runs), (SELECT count(*) FROM registered_models)"
    assert postgres.sql(counts, database="tracking") == ["1|0"]
    assert postgres.sql(counts, database="models") == ["0|1"]
    assert postgres.sql(counts, database="tracking-2") == ["1|0"]
    assert maria.sql(counts, database="models") == ["0\t1"]
