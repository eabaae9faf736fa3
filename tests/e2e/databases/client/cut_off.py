"""Stop an upgrade before one of its statements, so that the pod can be killed there: Python's ``sitecustomize``.

CUT_OFF names the moment: ``PATTERN`` or ``PATTERN COUNT`` of a statement, or ``end``, when all is done but the lock
is still held. HEAD in it stands for the newest revision.
"""

import atexit
import os
import re
import sys
import time
from typing import Any


def stop(*_: object) -> None:
    """Wait to be killed."""
    print("cut off here", flush=True)  # noqa: T201 - what the test waits for
    while True:
        time.sleep(60)


def watch(moment: str) -> None:
    """Stop at the moment."""
    if moment == "end":
        atexit.register(stop)
        return
    sys.path.insert(0, "/etc/mlflow")
    import migrate  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415 - mounted into the pod
    import pymysql  # type: ignore[import-untyped, import-not-found, unused-ignore]  # noqa: PLC0415
    from sqlalchemy import Engine, event  # noqa: PLC0415

    head, _ = migrate.known_revisions(migrate.revisions_folder({"revisions": "mlflow/store/db_migrations/versions"}))
    found = re.fullmatch(r"(.*?)(?: (\d+))?", moment)
    assert found is not None
    pattern, left = re.compile(found[1].replace("HEAD", head)), [int(found[2] or 1)]

    def look(statement: str) -> None:
        left[0] -= bool(pattern.match(statement))
        if left[0] == 0:
            stop()

    def of_sqlalchemy(connection: Any, _: Any, statement: str, *__: Any) -> None:
        # On MySQL a statement is put off: there the driver itself is watched.
        if connection.dialect.name == "postgresql":
            look(statement)

    execute = pymysql.connections.Connection._execute_command

    def of_pymysql(self: Any, command: int, sql: Any) -> None:
        look(sql.decode(errors="replace") if isinstance(sql, (bytes, bytearray)) else str(sql))
        execute(self, command, sql)

    event.listen(Engine, "before_cursor_execute", of_sqlalchemy)
    pymysql.connections.Connection._execute_command = of_pymysql


if "--upgrade" in sys.orig_argv:
    watch(os.environ["CUT_OFF"])
