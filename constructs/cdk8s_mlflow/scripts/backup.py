"""Keep copies of the databases outside of them, and bring one back.

``backup.json`` beside this file says which databases, and where the copies go: in MLflow's words for a place of
artifacts, so that MLflow's own clients carry them. A copy is a folder named by its time, with one file per database
and ``SHA256SUMS``, which is written last: a folder without it is no copy.

``copy SOURCE TARGET`` copies a SQLite file while others use it, ``store`` puts what the databases' tools have written
into a new copy, ``fetch`` gets one for them, after it has made sure that nothing would be overwritten, and ``count``
says what there is after they have read it.
"""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import os
import re
import shutil
import socket
import sqlite3
import sys
import tempfile
import time
from contextlib import closing, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

SETTINGS = Path(__file__).with_name("backup.json")
SUMS = "SHA256SUMS"
TIME = "%Y%m%dT%H%M%SZ"
LATEST = "latest"
KEPT = re.compile(r"[0-9]{8}T[0-9]{6}Z")
# Of MLflow's own tables, those that people ask for first.
COUNTED = ("experiments", "runs", "metrics", "registered_models", "model_versions", "trace_info", "users")


class Failure(Exception):
    """The message is the log's last line."""


def say(message: str) -> None:
    """Write a line to the pod's log."""
    print(f"backup: {message}", flush=True)


# --- Files -------------------------------------------------------------------------------------------------


def copy(source: str, target: str) -> None:
    """Copy a SQLite database as it is at one moment, in one step: writers wait for it, and see no half of it."""
    if not Path(source).is_file():
        message = f"there is no database at {source}"
        raise Failure(message)
    with closing(sqlite3.connect(source, timeout=300)) as old, closing(sqlite3.connect(target, timeout=60)) as new:
        old.backup(new)
    say(f"copied {source}, {Path(target).stat().st_size} bytes")


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def compress(path: Path) -> Path:
    """Replace a file by its compressed form."""
    target = path.with_name(f"{path.name}.gz")
    with path.open("rb") as source, gzip.open(target, "wb", compresslevel=6) as compressed:
        shutil.copyfileobj(source, compressed, 2**20)
    path.unlink()
    return target


def decompress(path: Path) -> None:
    """Replace a compressed file by what was compressed."""
    with gzip.open(path, "rb") as source, path.with_suffix("").open("wb") as target:
        shutil.copyfileobj(source, target, 2**20)
    path.unlink()


def read_sums(text: str) -> dict[str, str]:
    """Return the checksum of each file, as ``sha256sum`` writes them."""
    return {name: digest for digest, _, name in (line.partition("  ") for line in text.splitlines())}


# --- Where copies are --------------------------------------------------------------------------------------


def place_of(settings: dict[str, Any], release: str) -> Any:
    """Return MLflow's client for the folder of a release's copies."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    return get_artifact_repository(f"{settings['destination'].rstrip('/')}/{release}")


def names_in(place: Any, folder: str | None = None) -> list[str]:
    """Return the last part of every name in a folder."""
    return [Path(item.path).name for item in place.list_artifacts(folder)]


def times_in(place: Any) -> list[str]:
    """Return every folder named by a time, the newest last."""
    return sorted(name for name in names_in(place) if KEPT.fullmatch(name))


def is_complete(place: Any, kept: str) -> bool:
    """Return whether a copy was written to its end."""
    return SUMS in names_in(place, kept)


def fetch_file(place: Any, path: str, folder: Path) -> Path:
    """Return a file of a copy, downloaded to a folder."""
    return Path(place.download_artifacts(path, str(folder)))


# --- Backup ------------------------------------------------------------------------------------------------


def store(settings: dict[str, Any]) -> None:
    """Put a new copy beside the others, and remove those that are too many."""
    place = place_of(settings, settings["release"])
    kept = datetime.now(timezone.utc).strftime(TIME)
    try:
        put(settings, place, kept)
    except Exception as error:
        # Half of a copy is none, and would take the room of the next one.
        with suppress(Exception):
            place.delete_artifacts(kept)
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            message = (
                f"no room for the copy ({error}); make Backup.scratch_size or the destination larger, or keep fewer"
            )
            raise Failure(message) from error
        raise
    removed = prune(place, kept, settings["keep"])
    say(f"{kept} is complete; removed {', '.join(removed) or 'none'}")


def put(settings: dict[str, Any], place: Any, kept: str) -> None:
    """Write a copy, the checksums last."""
    scratch = Path(settings["scratch"])
    sums = []
    for database in settings["databases"]:
        path = scratch / database["file"]
        if path.suffix == ".gz":
            path = compress(path.with_suffix(""))
        digest = checksum(path)
        place.log_artifact(str(path), kept)
        say(f"{kept}/{path.name}: {path.stat().st_size} bytes, sha256 {digest}")
        sums.append(f"{digest}  {path.name}\n")
    listed = scratch / SUMS
    listed.write_text("".join(sums), encoding="utf-8")
    place.log_artifact(str(listed), kept)


def prune(place: Any, newest: str, keep: int) -> list[str]:
    """Remove all but the newest copies, and what was never finished before the one that now was."""
    others = [name for name in times_in(place) if name < newest]
    complete = [name for name in others if is_complete(place, name)]
    stay = complete[len(complete) - (keep - 1) :] if keep > 1 else []
    removed = [name for name in others if name not in stay]
    for name in removed:
        place.delete_artifacts(name)
    return removed


# --- Restore -----------------------------------------------------------------------------------------------


def fetch(settings: dict[str, Any], release: str, wanted: str) -> None:
    """Get a copy for the tools, unless a server runs, a database holds something, or the copy is not what it was."""
    refuse_a_running_server(settings["server"])
    for database in settings["databases"]:
        refuse_tables(database["role"], os.environ[database["variable"]])
    place = place_of(settings, release)
    kept = chosen(times_in(place), wanted, lambda name: is_complete(place, name))
    scratch = Path(settings["scratch"])
    with tempfile.TemporaryDirectory() as folder:
        sums = read_sums(fetch_file(place, f"{kept}/{SUMS}", Path(folder)).read_text(encoding="utf-8"))
    for database in settings["databases"]:
        name = database["file"]
        if name not in sums:
            message = f"{kept} has no {name}, but {', '.join(sums)}: it is of a server with other databases"
            raise Failure(message)
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            path = fetch_file(place, f"{kept}/{name}", Path(folder))
            if checksum(path) != sums[name]:
                message = f"{kept}/{name} is damaged: its SHA-256 is not the one in {SUMS}; choose another copy"
                raise Failure(message)
            path.replace(scratch / name)
        if name.endswith(".gz"):
            decompress(scratch / name)
        say(f"{kept}/{name}: sha256 {sums[name]} is right")


def chosen(times: list[str], wanted: str, complete: Any) -> str:
    """Return the copy to restore: the one that is wanted, or the newest that is complete."""
    if wanted != LATEST:
        if wanted in times and complete(wanted):
            return wanted
        message = f"there is no complete copy {wanted!r}; there are: {', '.join(filter(complete, times)) or 'none'}"
        raise Failure(message)
    for name in reversed(times):
        if complete(name):
            return name
    message = "there is no complete copy; compare Backup.destination, and RELEASE if the release had another name"
    raise Failure(message)


def refuse_a_running_server(server: dict[str, Any]) -> None:
    """Fail if somebody listens where the server would: it must not see half of what comes back."""
    try:
        socket.create_connection((server["host"], server["port"]), timeout=5).close()
    except OSError:
        return
    message = f"the server runs ({server['host']}:{server['port']}); stop it first: FixedReplicas(0)"
    raise Failure(message)


def refuse_tables(role: str, uri: str) -> None:
    """Fail if a database is not empty."""
    from sqlalchemy import inspect

    with connected(uri) as connection:
        tables = sorted(inspect(connection).get_table_names())
    if tables:
        message = (
            f"the {role} is not empty ({len(tables)} tables, {', '.join(tables[:3])}, ...), and nothing is "
            "overwritten; give it an empty database"
        )
        raise Failure(message)


def connected(uri: str, attempts: int = 10) -> Any:
    """Return a connection to a database, with patience for one that starts."""
    from sqlalchemy import create_engine, pool
    from sqlalchemy.exc import DBAPIError

    engine = create_engine(uri, poolclass=pool.NullPool)
    for attempt in range(1, attempts + 1):
        try:
            return engine.connect()
        except DBAPIError as error:  # noqa: PERF203 - there are few
            reason = " ".join(str(error.orig).split())[:300]
            if attempt == attempts:
                message = f"the database does not answer: {reason}"
                raise Failure(message) from None
            say(f"waiting for the database: {reason}")
            time.sleep(min(2**attempt, 15))
    raise AssertionError


def count(settings: dict[str, Any]) -> None:
    """Say what the databases hold now."""
    from sqlalchemy import inspect, text

    for database in settings["databases"]:
        with connected(os.environ[database["variable"]]) as connection:
            tables = set(inspect(connection).get_table_names())
            found = {
                table: connection.execute(text(f"SELECT count(*) FROM {table}")).scalar()  # noqa: S608 - of this file
                for table in COUNTED
                if table in tables
            }
        if not tables:
            message = f"the {database['role']} is still empty"
            raise Failure(message)
        say(f"{database['role']}: {len(tables)} tables; {', '.join(f'{n} {table}' for table, n in found.items())}")


def main(arguments: list[str]) -> int:
    """Do what the arguments say; return the exit status."""
    try:
        match arguments:
            case ["copy", source, target]:
                copy(source, target)
            case ["store"]:
                store(json.loads(SETTINGS.read_text(encoding="utf-8")))
            case ["fetch"]:
                settings = json.loads(SETTINGS.read_text(encoding="utf-8"))
                fetch(settings, os.environ["RELEASE"], os.environ["BACKUP"])
            case _:
                count(json.loads(SETTINGS.read_text(encoding="utf-8")))
    except Failure as failure:
        say(str(failure))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
