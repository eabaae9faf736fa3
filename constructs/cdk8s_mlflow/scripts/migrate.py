"""Bring MLflow's databases to the revision of the installed MLflow, one pod at a time.

Runs in an init container, with the server's image and environment. ``migrate.json`` beside this file says
which databases, by the variable that holds each one's URI. For each: wait until it answers, take the engine's
lock, compare the revision, run ``mlflow db upgrade`` if it differs, and let the lock go with the connection.
MLflow itself is imported only where there is something to do.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SETTINGS = Path(__file__).with_name("migrate.json")


class Failure(Exception):
    """The database cannot be brought to the revision; the message is the log's last line."""


def say(message: str) -> None:
    """Write a line to the pod's log."""
    print(f"migrate: {message}", flush=True)


# --- Revisions ---------------------------------------------------------------------------------------------


def known_revisions(folder: Path) -> tuple[str, frozenset[str]]:
    """Return the newest revision of the installed MLflow, and all that it knows, without importing MLflow."""
    own: set[str] = set()
    superseded: set[str] = set()
    for file in folder.glob("*.py"):
        text = file.read_text(encoding="utf-8")
        revision = re.search(r"^revision(?:\s*:[^=]+)?\s*=\s*['\"]([0-9a-z]+)['\"]", text, re.MULTILINE)
        if revision is None:
            continue
        own.add(revision[1])
        before = re.search(r"^down_revision(?:\s*:[^=]+)?\s*=\s*(\([^)]*\)|[^\n]+)", text, re.MULTILINE)
        superseded |= set(re.findall(r"['\"]([0-9a-z]+)['\"]", before[1])) if before else set()
    heads = own - superseded
    if len(heads) != 1:
        message = f"the installed MLflow has {len(heads)} newest revisions in {folder}; is the image complete?"
        raise Failure(message)
    return heads.pop(), frozenset(own)


def revisions_folder() -> Path:
    """Return where the installed MLflow keeps its migrations."""
    found = find_spec("mlflow")
    if found is None or found.origin is None:
        message = "the image has no MLflow; compare Image.repository and Image.tag"
        raise Failure(message)
    return Path(found.origin).parent / "store" / "db_migrations" / "versions"


def current_revision(connection: Any) -> str | None:
    """Return the database's revision; None if it is empty."""
    from sqlalchemy import inspect, text

    # One connection for all: a new look at the catalogue each time.
    connection.rollback()
    if "alembic_version" not in inspect(connection).get_table_names():
        return None
    row = connection.execute(text("SELECT version_num FROM alembic_version")).first()
    connection.rollback()
    return None if row is None else str(row[0])


# --- Waiting -----------------------------------------------------------------------------------------------


def driver_text(error: BaseException) -> str:
    """Return what the driver said, without what SQLAlchemy adds."""
    return str(getattr(error, "orig", None) or error)


def first_line(error: BaseException) -> str:
    """Return what the driver said, in one line."""
    return " ".join(driver_text(error).split())[:300]


def cause_of(text: str, causes: dict[str, str]) -> str | None:
    """Return what is wrong, with the driver's own line, if it is known and waiting would not mend it."""
    for pattern, meaning in causes.items():
        line = next((line.strip() for line in text.splitlines() if re.search(pattern, line)), None)
        if line is not None:
            return f"{meaning} ({line[:300]})"
    return None


def wait_for(
    what: str, attempt: Callable[[], Any], deadline: float, causes: dict[str, str], patience: float = 20.0
) -> Any:
    """Return what ``attempt`` returns once it returns something, asking again until the deadline.

    A cause that waiting does not mend is reported after ``patience`` seconds: a database that is being set up
    refuses its users for a while.
    """
    started, delay = time.monotonic(), 0.5
    while True:
        try:
            result = attempt()
        except Exception as error:  # noqa: BLE001 - drivers have classes of their own
            reason, cause = first_line(error), cause_of(driver_text(error), causes)
            if cause and time.monotonic() - started > patience:
                message = f"{what}: {cause}"
                raise Failure(message) from None
        else:
            if result:
                return result
            reason = "another pod has it"
        if time.monotonic() > deadline:
            message = f"{what}: gave up after {time.monotonic() - started:.0f} s ({reason})"
            raise Failure(message) from None
        say(f"waiting for {what}: {reason}")
        time.sleep(delay * random.uniform(0.8, 1.2))  # noqa: S311 - only so that pods do not ask in step
        delay = min(delay * 2, 10.0)


# --- One database ------------------------------------------------------------------------------------------


def connect(uri: str) -> Any:
    """Return a connection that commits nothing by itself and lives until it is closed."""
    from sqlalchemy import create_engine, pool, text

    connection = create_engine(uri, poolclass=pool.NullPool).connect()
    connection.execute(text("SELECT 1"))
    return connection


def take_lock(connection: Any, try_lock: str) -> bool:
    """Return whether the lock is ours now; it belongs to the connection, not to a transaction."""
    from sqlalchemy import text

    taken = connection.execute(text(try_lock)).scalar()
    connection.commit()
    return bool(taken)


def upgrade(name: str, variable: str, limit_seconds: float, causes: dict[str, str]) -> None:
    """Run ``mlflow db upgrade`` in a process of its own, which reads the URI from the environment."""
    process = subprocess.Popen(
        [sys.executable, "-u", __file__, "--upgrade", variable], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    limit = threading.Timer(limit_seconds, process.kill)
    limit.start()
    traceback: list[str] = []
    with process:
        for line in process.stdout or ():
            text = line.decode(errors="replace")
            if traceback or text.startswith("Traceback"):
                traceback.append(text)
            else:
                print(text, end="", flush=True)
    late = not limit.is_alive()
    limit.cancel()
    if process.returncode == 0:
        return
    if late:
        message = (
            f"{name}: the upgrade took longer than {limit_seconds:.0f} s and was stopped; raise Migration.time_limit"
        )
        raise Failure(message)
    cause = cause_of("".join(traceback), causes)
    if cause is None:
        print("".join(traceback), end="", flush=True)
        cause = f"`mlflow db upgrade` ended with status {process.returncode}; its own words are above"
    message = f"{name}: {cause}"
    raise Failure(message)


def is_unused(connection: Any) -> bool:
    """Return whether the tables that are there hold nothing: not even the experiment that a server makes first."""
    from sqlalchemy import MetaData, Table, inspect, select

    names = [name for name in inspect(connection).get_table_names() if name != "alembic_version"]
    tables = [Table(name, MetaData(), autoload_with=connection, resolve_fks=False) for name in names]
    return all(connection.execute(select(table).limit(1)).first() is None for table in tables)


def start_anew(name: str, connection: Any) -> None:
    """Drop the tables of a creation that was cut off: engines without transactional DDL cannot go on from there."""
    from sqlalchemy import MetaData, inspect

    # MLflow creates this table first; without it the tables are somebody else's.
    if "experiments" not in inspect(connection).get_table_names() or not is_unused(connection):
        return
    say(f"{name}: an earlier creation was cut off, and nothing was ever stored; starting anew")
    tables = MetaData()
    tables.reflect(bind=connection)
    tables.drop_all(bind=connection)
    connection.commit()


def check_known(name: str, revision: str | None, known: Iterable[str]) -> None:
    """Refuse a database that a newer MLflow has migrated: there is no way back."""
    if revision is not None and revision not in known:
        message = (
            f"{name} is at revision {revision}, which this image's MLflow does not know: a newer MLflow has migrated "
            "it, and there is no way back. Deploy that newer image again, or restore the backup from before"
        )
        raise Failure(message)


def check_preconditions(name: str, connection: Any, preconditions: list[dict[str, str]]) -> None:
    """Refuse a database on which the migration would fail halfway."""
    from sqlalchemy import text

    for condition in preconditions:
        found = str(connection.execute(text(condition["query"])).scalar())
        if found != condition["expected"]:
            message = f"{name}: {condition['failure'].format(found=found)}"
            raise Failure(message)


def migrate(database: dict[str, Any], settings: dict[str, Any], head: str, known: frozenset[str]) -> None:
    """Bring one database to the head revision, or verify that it is there."""
    name, causes = database["name"], database["causes"]
    uri = os.environ[database["variable"]]
    deadline = time.monotonic() + settings["wait_seconds"]
    connection = wait_for(name, lambda: connect(uri), deadline, causes)
    try:
        revision = current_revision(connection)
        check_known(name, revision, known)
        if revision == head:
            say(f"{name} is at revision {head}, as the image wants it")
            return
        if settings["mode"] == "verify":
            message = (
                f"{name} is at revision {revision}, the image wants {head}; Migration is None, so run it by hand, with "
                "this image: mlflow db upgrade URI"
            )
            raise Failure(message)
        check_preconditions(name, connection, database["preconditions"])
        if database["try_lock"]:
            lock = database["try_lock"]
            # Whoever has it may take as long as an upgrade may.
            patience = deadline + settings["limit_seconds"]
            wait_for(f"the migration lock of {name}", lambda: take_lock(connection, lock), patience, causes)
            revision = current_revision(connection)
            check_known(name, revision, known)
        if revision == head:
            say(f"{name} was brought to revision {head} by another pod")
            return
        start_anew(name, connection)
        connection.rollback()
        say(f"{name}: from revision {revision or 'none (empty)'} to {head}")
        upgrade(name, database["variable"], settings["limit_seconds"], causes)
        reached = current_revision(connection)
        if reached != head:
            message = f"{name} is at revision {reached} after the upgrade, not at {head}"
            raise Failure(message)
        say(f"{name} is at revision {head} now")
    except Failure:
        raise
    except Exception as error:
        message = f"{name}: {cause_of(driver_text(error), causes) or first_line(error)}"
        raise Failure(message) from error
    finally:
        connection.close()


def main(arguments: list[str]) -> int:
    """Migrate every database of the settings, or (``--upgrade VARIABLE``) be the process that upgrades one."""
    if arguments[:1] == ["--upgrade"]:
        from mlflow.cli import cli

        # Called here rather than as a program: the URI would stand in its arguments.
        cli(["db", "upgrade", os.environ[arguments[1]]], standalone_mode=False)
        return 0
    settings = json.loads(SETTINGS.read_text(encoding="utf-8"))
    try:
        head, known = known_revisions(revisions_folder())
        for database in settings["databases"]:
            migrate(database, settings, head, known)
    except Failure as failure:
        say(str(failure))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
