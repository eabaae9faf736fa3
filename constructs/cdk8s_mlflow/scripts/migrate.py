"""Bring MLflow's databases to the revision of the installed MLflow, one pod at a time.

Runs in an init container, with the server's image and environment. ``migrate.json`` beside this file says
which databases, by the variable that holds each one's URI. For each: wait until it answers, compare the
revision, take the engine's lock, run ``mlflow db upgrade`` if it differs, and let the lock go with its connection.
MLflow itself is imported only where there is something to do.

``--migrate`` does so although the settings say to verify only: for the person who migrates by hand, with
``kubectl exec`` in the waiting pod.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import re
import signal
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
# Stands in the database while its first tables are made, on engines that cannot take DDL back. A view: MLflow
# asks for tables when it looks whether a database is empty.
MARKER = "cdk8s_mlflow_creation"
KEEPALIVE_SECONDS = 15.0


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


def revisions_folder(schema: dict[str, Any]) -> Path:
    """Return where the image keeps the revisions of a schema."""
    package, _, below = schema["revisions"].partition("/")
    found = find_spec(package)
    if found is None or found.origin is None:
        message = f"the image has no {package}; compare Image.repository and Image.tag"
        raise Failure(message)
    return Path(found.origin).parent.joinpath(below)


def current_revision(connection: Any, version_table: str) -> str | None:
    """Return the revision of a schema; None if it has none yet."""
    from sqlalchemy import inspect, text

    # One connection for all: a new look at the catalogue each time.
    connection.rollback()
    if version_table not in inspect(connection).get_table_names():
        return None
    row = connection.execute(text(f"SELECT version_num FROM {version_table}")).first()  # noqa: S608 - of the settings
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


def is_passing(error: BaseException) -> bool:
    """Return whether waiting may help: the server is away or refuses. A missing driver does not come by itself."""
    from sqlalchemy.exc import DBAPIError

    return isinstance(error, (OSError, DBAPIError))


def wait_for(
    what: str,
    attempt: Callable[[], Any],
    deadline: float,
    causes: dict[str, str],
    *,
    meanwhile: str = "it is not there yet",
    patience: float = 20.0,
) -> Any:
    """Return what ``attempt`` returns once it returns something, asking again until the deadline.

    A cause that waiting does not mend is reported after ``patience`` seconds: a database that is being set up
    refuses its users for a while.
    """
    started, delay = time.monotonic(), 0.5
    while True:
        try:
            result = attempt()
        except Failure:
            raise
        except Exception as error:  # noqa: BLE001 - drivers have classes of their own
            reason, cause = first_line(error), cause_of(driver_text(error), causes)
            if not is_passing(error) or (cause and time.monotonic() - started > patience):
                message = f"{what}: {cause or reason}"
                raise Failure(message) from None
        else:
            if result:
                return result
            reason = meanwhile
        if time.monotonic() > deadline:
            message = f"{what}: gave up after {time.monotonic() - started:.0f} s ({reason})"
            raise Failure(message)
        say(f"waiting for {what}: {reason}")
        time.sleep(delay * random.uniform(0.8, 1.2))  # noqa: S311 - only so that pods do not ask in step
        delay = min(delay * 2, 10.0)


# --- Connections and the lock ------------------------------------------------------------------------------


def connect(name: str, uri: str) -> Any:
    """Return a connection that commits nothing by itself and lives until it is closed."""
    from sqlalchemy import create_engine, make_url, pool, text

    try:
        url = make_url(uri)
    except Exception:  # noqa: BLE001 - whatever it says, it may quote the password
        message = f"{name}: the URI in the Secret cannot be read; percent-encode the password (@ is %40, / is %2F)"
        raise Failure(message) from None
    try:
        engine = create_engine(url, poolclass=pool.NullPool)
    except Exception as error:  # noqa: BLE001 - SQLAlchemy's, or an import's
        message = f"{name}: {type(error).__name__}: {first_line(error)}; has the image this driver (Image.tag)?"
        raise Failure(message) from None
    connection = engine.connect()
    connection.execute(text("SELECT 1"))
    connection.rollback()
    return connection


def locked(name: str, uri: str, try_lock: str) -> Any:
    """Return a connection that holds the lock, or None: the lock lives and dies with its connection."""
    from sqlalchemy import text

    connection = connect(name, uri)
    taken = connection.execute(text(try_lock)).scalar()
    connection.commit()
    if taken:
        return connection
    connection.close()
    return None


def watch(process: subprocess.Popen[bytes], connection: Any, limit: float, ended: threading.Event) -> None:
    """Stop the upgrade when it takes too long, or when the connection that holds the lock is lost.

    Asking the connection also keeps it open: balancers and servers close what is idle for minutes.
    """
    from sqlalchemy import text

    deadline = time.monotonic() + limit
    while not ended.wait(min(KEEPALIVE_SECONDS, max(0.0, deadline - time.monotonic()))):
        if time.monotonic() >= deadline:
            say(f"the upgrade took longer than {limit:.0f} s and is stopped; raise Migration.time_limit")
            process.kill()
            return
        try:
            connection.execute(text("SELECT 1"))
            connection.rollback()
        except Exception as error:  # noqa: BLE001 - drivers have classes of their own
            say(f"the connection that holds the lock was lost ({first_line(error)}); the upgrade is stopped")
            process.kill()
            return


# --- One database ------------------------------------------------------------------------------------------


def upgrade(name: str, limit_seconds: float, causes: dict[str, str], connection: Any) -> None:
    """Run ``mlflow db upgrade`` in a process of its own, which reads the URI from the environment."""
    # Whoever ends the pod waits: half an upgrade is worse than a late one.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    process = subprocess.Popen(
        [sys.executable, "-u", __file__, "--upgrade", name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    ended = threading.Event()
    threading.Thread(target=watch, args=(process, connection, limit_seconds, ended), daemon=True).start()
    traceback: list[str] = []
    with process:
        for line in process.stdout or ():
            text = line.decode(errors="replace")
            if traceback or text.startswith("Traceback"):
                traceback.append(text)
            else:
                print(text, end="", flush=True)
    ended.set()
    if process.returncode == 0:
        return
    cause = cause_of("".join(traceback), causes)
    if cause is None:
        print("".join(traceback), end="", flush=True)
        cause = f"the upgrade ended with status {process.returncode}; its own words are above"
    message = f"{name}: {cause}"
    raise Failure(message)


def is_marked(connection: Any) -> bool:
    """Return whether the first creation of the tables was cut off, or is under way."""
    from sqlalchemy import inspect

    return MARKER in inspect(connection).get_view_names()


def mark_creation(name: str, connection: Any) -> None:
    """Mark an empty database, and empty a marked one: what is in it is half of what an earlier pod was making."""
    from sqlalchemy import MetaData, inspect, text

    if is_marked(connection):
        say(f"{name}: an earlier pod was stopped while it made the first tables; starting anew")
        tables = MetaData()
        tables.reflect(bind=connection)
        tables.drop_all(bind=connection)
    elif not inspect(connection).get_table_names():
        connection.execute(text(f"CREATE VIEW {MARKER} AS SELECT 1 AS unfinished"))
    connection.commit()


def unmark_creation(connection: Any) -> None:
    """Say that the first tables are complete."""
    from sqlalchemy import text

    if is_marked(connection):
        connection.execute(text(f"DROP VIEW {MARKER}"))
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


def is_at_head(database: dict[str, Any], uri: str, head: str, known: frozenset[str]) -> bool:
    """Return whether the database has the revision that the image wants, completely."""
    name, marks = database["name"], not database["transactional_ddl"]
    connection = connect(name, uri)
    try:
        revision = current_revision(connection, database["schema"]["version_table"])
        check_known(name, revision, known)
        return revision == head and not (marks and is_marked(connection))
    finally:
        connection.close()


def bring_to_head(database: dict[str, Any], connection: Any, limit_seconds: float, head: str) -> None:
    """Upgrade a database that is ours alone as long as the connection lives."""
    name, marks = database["name"], not database["transactional_ddl"]
    table = database["schema"]["version_table"]
    revision = current_revision(connection, table)
    if revision != head:
        check_preconditions(name, connection, database["preconditions"])
        if marks:
            mark_creation(name, connection)
        connection.rollback()
        say(f"{name}: from revision {revision or 'none (empty)'} to {head}")
        upgrade(name, limit_seconds, database["causes"], connection)
        reached = current_revision(connection, table)
        if reached != head:
            message = f"{name} is at revision {reached} after the upgrade, not at {head}"
            raise Failure(message)
    if marks:
        unmark_creation(connection)
    say(f"{name} is at revision {head} now")


def runs_by_hand() -> bool:
    """Return whether somebody has started this program in this container to migrate."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().split(b"\0")
        except OSError:  # it has ended
            continue
        if os.fsencode(__file__) in words and b"--migrate" in words:
            return True
    return False


def migrate(database: dict[str, Any], settings: dict[str, Any]) -> None:
    """Bring one database to the head revision, or wait until somebody has."""
    name, causes, uri = database["name"], database["causes"], os.environ[database["variable"]]
    head, known = known_revisions(revisions_folder(database["schema"]))
    limit = settings["limit_seconds"]
    deadline = time.monotonic() + settings["wait_seconds"]
    state = wait_for(name, lambda: "head" if is_at_head(database, uri, head, known) else "other", deadline, causes)
    if state == "head":
        say(f"{name} is at revision {head}, as the image wants it")
    elif settings["mode"] == "verify":
        pod = os.environ.get("HOSTNAME", "POD")
        say(
            f"{name} is not at revision {head}, and Migration is None. Migrate it with a role that may change tables, "
            f"or with this pod's own: kubectl -n NAMESPACE exec {pod} -c migrate -- python {__file__} --migrate"
        )
        what = f"revision {head} of {name}"
        # Not while a hand's command runs in this container: it would be killed with it.
        done = lambda: not runs_by_hand() and is_at_head(database, uri, head, known)  # noqa: E731
        wait_for(what, done, deadline, causes)
    else:
        # Whoever has the lock may take as long as an upgrade may.
        lock, patience = database["try_lock"], deadline + limit
        take = (lambda: locked(name, uri, lock)) if lock else (lambda: connect(name, uri))
        connection = wait_for(f"the migration lock of {name}", take, patience, causes, meanwhile="another pod has it")
        try:
            bring_to_head(database, connection, limit, head)
        finally:
            connection.close()


def be_the_upgrade(database: dict[str, Any]) -> None:
    """Run the command that migrates: called here rather than as a program, whose arguments would hold the URI."""
    os.environ.update(database["schema"]["environment"])
    leave_out_names(database["schema"]["repeated_keys"])
    module, _, attribute = database["schema"]["command"].partition(":")
    command = getattr(importlib.import_module(module), attribute)
    uri = os.environ[database["variable"]]
    journal = open_journal(database, uri)
    command([uri if word == "{uri}" else word for word in database["schema"]["arguments"]], standalone_mode=False)
    if journal:
        journal.end()


def leave_out_names(keys: Iterable[str]) -> None:
    """Let MySQL name these foreign keys: it wants names that are unique in the database, not in their tables."""
    from sqlalchemy import Engine, event

    named = re.compile(rf"CONSTRAINT ({'|'.join(keys)}) (?=FOREIGN KEY)")

    def without(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> tuple[str, Any]:
        return named.sub("", statement) if connection.dialect.name in {"mysql", "mariadb"} else statement, parameters

    if keys:
        event.listen(Engine, "before_cursor_execute", without, retval=True)


def open_journal(database: dict[str, Any], uri: str) -> Any:
    """Return the journal of an upgrade that the engine could not take back; a first creation starts anew instead."""
    name = database["name"]
    if database["transactional_ddl"]:
        return None
    connection = connect(name, uri)
    creates = is_marked(connection)
    connection.close()
    if creates:
        return None
    # Beside this file.
    journal_of = importlib.import_module("journal").Upgrade
    journal = journal_of(uri, database["schema"]["version_table"], revisions_folder(database["schema"]))
    found = journal.begin()
    if found:
        say(f"{name}: an earlier upgrade was cut off; the {found} statements that it had begun with are complete now")
    return journal


def main(arguments: list[str]) -> int:
    """Migrate every database of the settings, or (``--upgrade NAME``) be the process that upgrades one."""
    settings = json.loads(SETTINGS.read_text(encoding="utf-8"))
    if arguments[:1] == ["--upgrade"]:
        be_the_upgrade(next(item for item in settings["databases"] if item["name"] == arguments[1]))
        return 0
    # As the first process of a container, it would not hear the signal otherwise.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if arguments == ["--migrate"]:
        settings["mode"] = "migrate"
    name = "MLflow"
    try:
        for database in settings["databases"]:
            name = database["name"]
            migrate(database, settings)
    except Failure as failure:
        say(str(failure))
        return 1
    except Exception as error:  # noqa: BLE001 - the last line of the log names the cause, whatever it was
        causes: dict[str, str] = next((item["causes"] for item in settings["databases"] if item["name"] == name), {})
        say(f"{name}: {cause_of(driver_text(error), causes) or first_line(error)}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
