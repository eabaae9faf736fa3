"""What SQL Server gets of us, by the image's own driver: no registry has a server, so only its door is there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from e2e.installation import Installation, applied, release
from e2e.kubectl import apply_manifests, kubectl, wait_for_pods, wait_until
from e2e.manifests import python_pod, secret, service

from cdk8s_mlflow import ExistingSecret, MlflowProps, SQLServer

from .secrecy import PRINTABLE

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

USER, PASSWORD, DATABASE = "ml'flow ö%:/@", f"{PRINTABLE}äß€漢", "run s/ü"
DOOR = Path(__file__).parent.joinpath("client", "tds.py").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def releases(main: str) -> Iterator[dict[str, Installation]]:
    """Start the door, and two releases before it: one that wants no encryption, and one that insists on it."""
    apply_manifests(
        [
            secret(main, "sql-server", {"user": USER, "password": PASSWORD}),
            python_pod(main, "sql-server", "python", "-c", DOOR),
            service(main, "sql-server", 1433),
        ]
    )
    wait_for_pods(main, "sql-server")
    plain = SQLServer(
        host="sql-server",
        database=DATABASE,
        user=ExistingSecret("sql-server", "user"),
        password=ExistingSecret("sql-server", "password"),
        encryption="off",
    )
    encrypted = attrs.evolve(plain, database="encrypted", encryption="require")
    found = {
        "plain": release(main, "sql-plain", MlflowProps(backend_store=plain)),
        "encrypted": release(main, "sql-encrypted", MlflowProps(backend_store=encrypted)),
    }
    with applied(*found.values()):
        yield found
    kubectl("-n", main, "delete", "pod,service", "sql-server", "--wait=false")


def seen(main: str) -> list[dict[str, Any]]:
    """Return the logins that came to the door."""
    return [json.loads(line) for line in kubectl("-n", main, "logs", "sql-server").splitlines()]


def test_user_password_and_database_arrive_as_they_are(main: str, releases: dict[str, Installation]) -> None:
    """Through the launcher's URI, SQLAlchemy, pymssql and FreeTDS; a refusal is named with its props."""
    last = releases["plain"].last_words(180)[-1]
    assert "wrong user or password; compare SQLServer.user and .password" in last
    assert PASSWORD not in last
    got = [item for item in seen(main) if item.get("database") == DATABASE]
    assert got
    assert {(item["user"], item["password"]) for item in got} == {(USER, PASSWORD)}


def test_nothing_is_sent_to_a_server_without_encryption(main: str, releases: dict[str, Installation]) -> None:
    """The default: FreeTDS goes before it says who it is."""
    wait_until("an attempt", lambda: "waiting for backend-store: " in releases["encrypted"].logs("migrate"), 180)
    assert [item for item in seen(main) if item.get("database") == "encrypted"] == []
