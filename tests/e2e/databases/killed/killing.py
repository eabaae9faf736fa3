"""Run an upgrade in a process of its own that is killed at a command to the MySQL server, and look what it left."""

from __future__ import annotations

import os
import re
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pymysql  # type: ignore[import-untyped, import-not-found, unused-ignore]

READS = ("SELECT", "SHOW", "DESCRIBE", "SET", "ROLLBACK")
QUERY = 3
LOG = "/tmp/killed.log"  # noqa: S108 - in the pod
REFUSED = 3

Filter = Callable[[str], bool]


def connect(uri: str) -> Any:
    """Return a connection to the database of a SQLAlchemy URI."""
    parts = urlsplit(uri)
    return pymysql.connect(
        host=parts.hostname,
        port=parts.port or 3306,
        user=parts.username,
        password=parts.password or "",
        database=parts.path[1:],
        charset="utf8mb4",
        autocommit=True,
    )


def rows(connection: Any, statement: str) -> list[Any]:
    """Execute a statement and return its rows."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


def empty(uri: str) -> None:
    """Drop every table of the database."""
    connection = connect(uri)
    rows(connection, "SET FOREIGN_KEY_CHECKS = 0")
    for (name,) in rows(connection, "SHOW TABLES"):
        rows(connection, f"DROP TABLE `{name}`")
    connection.close()


def state(uri: str) -> dict[str, Any]:
    """Return all tables, with how they are made and what is in them."""
    connection = connect(uri)
    found: dict[str, Any] = {"triggers": rows(connection, "SHOW TRIGGERS") and "some"}
    for (name,) in rows(connection, "SHOW TABLES"):
        [(_, made)] = rows(connection, f"SHOW CREATE TABLE `{name}`")
        found[name] = [re.sub(r" AUTO_INCREMENT=\d+", "", made), *sorted(map(repr, _contents(connection, name)))]
    connection.close()
    return found


def _contents(connection: Any, table: str) -> list[Any]:
    columns = [row[0] for row in rows(connection, f"SHOW COLUMNS FROM `{table}`")]
    # The upgrade writes the time of day there.
    named = ", ".join("last_update_time > 1000" if name == "last_update_time" else f"`{name}`" for name in columns)
    return rows(connection, f"SELECT {named} FROM `{table}`")  # noqa: S608 - of the database


def run(upgrade: Callable[[], None], at: int = 0, when: str = "after", counts: Filter = lambda _: True) -> int | None:
    """Run an upgrade, and kill it at the command of this number; return its exit status, or None if it was killed.

    ``before`` the command is sent, when it is ``sent``, or ``after`` the server has answered.
    """
    child = os.fork()
    if child == 0:
        log = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        _watch(at, when, counts)
        try:
            upgrade()
        except BaseException as error:  # noqa: BLE001 - the process ends here
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(REFUSED if type(error).__name__ == "CannotGoOn" else 1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return None if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _watch(at: int, when: str, counts: Filter) -> None:
    seen = 0
    execute, answer = pymysql.connections.Connection._execute_command, pymysql.connections.Connection._read_query_result

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def of_command(self: Any, command: int, sql: Any) -> None:
        nonlocal seen
        text = sql.decode(errors="replace") if isinstance(sql, (bytes, bytearray)) else str(sql)
        words = text.split(None, 1)
        if command == QUERY and words and words[0].upper() not in READS and counts(text):
            seen += 1
        else:
            execute(self, command, sql)
            return
        if seen == at:
            os.write(2, f"killed {when} {at}: {text[:200]!r}\n".encode())
            if when == "before":
                die()
        execute(self, command, sql)
        if seen == at and when == "sent":
            die()

    def of_answer(self: Any, unbuffered: bool = False) -> Any:
        found = answer(self, unbuffered)
        if at and seen >= at:
            die()
        return found

    pymysql.connections.Connection._execute_command = of_command
    pymysql.connections.Connection._read_query_result = of_answer
