"""Upgrades of MySQL that are killed at any command to the server, and completed by the next one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.kubectl import Pod, apply_manifests, kubectl, wait_for_pods
from e2e.results import record
from e2e.servers import MariaDBServer

from cdk8s_mlflow.scripts import journal, migrate

from .old import old_pod

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

HERE = Path(__file__).parent
PROGRAMS = [Path(journal.__file__), Path(migrate.__file__), *HERE.joinpath("killed").glob("*.py")]
FILL = HERE.joinpath("client", "old.py").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def killer(client: Pod) -> Pod:
    """Give a pod with the programs of these tests in /tmp."""
    for program in PROGRAMS:
        flags = ("-n", client.namespace, "exec", "-i", client.name, "--", "sh", "-c")
        kubectl(*flags, f"cat > /tmp/{program.name}", stdin=program.read_text(encoding="utf-8"))
    return client


@pytest.fixture(scope="module")
def old_client(main: str) -> Iterator[Pod]:
    """Start a pod with the client of 2.22."""
    apply_manifests([old_pod(main, "killed-client", "sleep", "infinity", env={"USER": "client"})])
    wait_for_pods(main, "killed-client")
    yield Pod(main, "killed-client")
    kubectl("-n", main, "delete", "pod", "killed-client", "--wait=false")


def uri(name: str) -> str:
    """Return the URI of a database with a user of the same name and password."""
    return f"mysql+pymysql://{name}:{name}@mariadb/{name}?charset=utf8mb4"


def test_small_upgrades(killer: Pod, maria: MariaDBServer) -> None:
    """Each is completed, with the result of an undisturbed one; or refused, where that cannot be known."""
    maria.make_database("killed", "killed", "killed")
    output = killer.execute("python", "/tmp/toys.py", uri("killed"), timeout=3000)  # noqa: S108 - in the pod
    answers = json.loads(output.splitlines()[-1])
    assert {name: answer["wrong"] for name, answer in answers.items() if answer["wrong"]} == {}
    assert all(answer["killed"] > 5 for answer in answers.values()), answers
    refused = {name for name, answer in answers.items() if answer["refused"]}
    assert refused == {name for name in answers if name.endswith(": refused")}


def test_upgrade_of_2_22_after_every_statement(killer: Pod, old_client: Pod, main: str, maria: MariaDBServer) -> None:
    """Hundreds of processes that are killed one after the other leave the tables and rows of an undisturbed one."""
    for name in ("calm", "killed_2"):
        maria.make_database(name, name, name)
    old_client.execute("python", "-c", FILL, uri("calm"), "no-artifacts", timeout=600)
    copy = "mariadb-dump -S /tmp/mariadb.sock -uroot calm | mariadb -S /tmp/mariadb.sock -uroot killed_2"
    kubectl("-n", main, "exec", "mariadb", "--", "sh", "-c", copy)
    output = killer.execute("python", "/tmp/chain.py", uri("calm"), uri("killed_2"), timeout=5000)  # noqa: S108
    answer = json.loads(output.splitlines()[-1])
    assert answer["different"] == []
    assert answer["killed"] > 200
    name = f"the migration from 2.22 on MariaDB is killed {answer['killed']} times, after every statement"
    record("faults", name, {"lost": "nothing", "healed": "the next start completes it"})
