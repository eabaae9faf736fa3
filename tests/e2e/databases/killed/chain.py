"""Kill MLflow's own upgrade after every statement that changes something: ``chain.py CALM KILLED``.

Both URIs name a database with the same contents. The first is upgraded undisturbed and without a journal; the second
by as many processes as it takes, each of which is killed after the first statement by which it came further.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import alembic.command  # type: ignore[import-not-found, unused-ignore]  # noqa: F401 - imported once, used by all
import journal  # type: ignore[import-not-found, unused-ignore]
import killing  # type: ignore[import-not-found, unused-ignore]
import migrate  # type: ignore[import-not-found, unused-ignore]
import mlflow.cli  # type: ignore[import-not-found, unused-ignore]
import mlflow.store.db.utils  # type: ignore[import-not-found, unused-ignore]  # noqa: F401 - see above

VARIABLE = "MLFLOW_BACKEND_STORE_URI"
SCHEMA = {
    "revisions": "mlflow/store/db_migrations/versions",
    "version_table": "alembic_version",
    "command": "mlflow.cli:cli",
    "arguments": ["db", "upgrade", "{uri}"],
    "environment": {},
    "repeated_keys": [],
}
DATABASE = {"name": "backend-store", "variable": VARIABLE, "schema": SCHEMA}


def changes_something(statement: str) -> bool:
    """Return whether a statement is one of MLflow's: not the journal's, and no end of a transaction."""
    return "_journal" not in statement and not statement.startswith("COMMIT")


def progress(uri: str) -> list[Any]:
    """Return how far an upgrade has come."""
    connection = killing.connect(uri)
    found = [killing.rows(connection, "SELECT * FROM alembic_version")]
    found += [killing.rows(connection, question) for question in journal.FINGERPRINT]
    if killing.rows(connection, "SHOW TABLES LIKE 'alembic_version_journal'"):
        found.append(killing.rows(connection, "SELECT id, begun FROM alembic_version_journal"))
    connection.close()
    return found


def upgrade_killed(uri: str) -> int:
    """Upgrade, and return how often that was killed."""
    os.environ[VARIABLE] = uri
    killed, number, before = 0, 1, progress(uri)
    while True:
        ended = killing.run(
            lambda: migrate.be_the_upgrade(DATABASE | {"transactional_ddl": False}), number, "after", changes_something
        )
        if ended is not None:
            assert ended == 0, Path(killing.LOG).read_text(encoding="utf-8")[-3000:]
            return killed
        killed += 1
        now = progress(uri)
        before, number = now, 1 if now != before else number + 1


def main(calm: str, killed: str) -> None:
    """Upgrade both, and print what is different."""
    os.environ[VARIABLE] = calm
    ended = killing.run(lambda: migrate.be_the_upgrade(DATABASE | {"transactional_ddl": True}))
    assert ended == 0, Path(killing.LOG).read_text(encoding="utf-8")[-3000:]
    count = upgrade_killed(killed)
    wanted, found = killing.state(calm), killing.state(killed)
    different = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    print(json.dumps({"killed": count, "tables": len(found), "different": different}))  # noqa: T201 - the answer


if __name__ == "__main__":
    main(*sys.argv[1:])
