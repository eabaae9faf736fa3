"""Upgrades of MySQL that are killed at any command to the server, and completed by the next one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from e2e.kubectl import Pod, kubectl
from e2e.servers import MariaDBServer

from cdk8s_mlflow.scripts import journal

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PROGRAMS = [Path(journal.__file__), *Path(__file__).parent.joinpath("killed").glob("*.py")]
URI = "mysql+pymysql://killed:killed@mariadb/killed?charset=utf8mb4"


def test_small_upgrades(client: Pod, maria: MariaDBServer) -> None:
    """Each is completed, with the result of an undisturbed one; or refused, where that cannot be known."""
    maria.make_database("killed", "killed", "killed")
    for program in PROGRAMS:
        flags = ("-n", client.namespace, "exec", "-i", client.name, "--", "sh", "-c")
        kubectl(*flags, f"cat > /tmp/{program.name}", stdin=program.read_text(encoding="utf-8"))
    answers = json.loads(client.execute("python", "/tmp/toys.py", URI, timeout=1800).splitlines()[-1])  # noqa: S108
    assert {name: answer["wrong"] for name, answer in answers.items() if answer["wrong"]} == {}
    assert all(answer["killed"] > 5 for answer in answers.values()), answers
    refused = {name for name, answer in answers.items() if answer["refused"]}
    assert refused == {name for name in answers if name.endswith(": refused")}
