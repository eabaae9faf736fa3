"""The init container that brings databases to the revision of the image's MLflow, on real SQLite files."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from releases import render
from sqlalchemy import Connection, create_engine, inspect, pool, text
from variants import on_postgresql

from cdk8s_mlflow import DatabaseUri, ExistingSecret
from cdk8s_mlflow.scripts import migrate

HEAD = "c3"
KNOWN = frozenset({"a1", "b2", "c3"})
REVISIONS = (("a1", None), ("b2", "a1"), ("c3", "b2"))
"""Each revision and the one before it."""


# --- Revisions ---------------------------------------------------------------------------------------------


def folder_of(folder: Path, *files: str) -> Path:
    """Return a folder of migrations with these contents."""
    for index, content in enumerate(files):
        (folder / f"{index}_migration.py").write_text(content, encoding="utf-8")
    return folder


def test_the_newest_revision_is_the_one_that_none_follows(tmp_path: Path) -> None:
    """Whatever the order of the files."""
    folder = folder_of(
        tmp_path,
        'revision = "b2"\ndown_revision = "a1"\n',
        'revision = "c3"\ndown_revision = "b2"\n',
        'revision = "a1"\ndown_revision = None\n',
    )
    assert migrate.known_revisions(folder) == ("c3", KNOWN)


@pytest.mark.parametrize(
    "merge",
    [
        "revision = 'c3'\ndown_revision = ('a1', 'b2')\n",
        'revision: str = "c3"\ndown_revision: str | None = ("a1", "b2")\n',
        'revision = "c3"\ndown_revision = (\n    "a1",\n    "b2",\n)\n',
        '"""Merge.\n\nRevises: x\n"""\nrevision  =  "c3"  # newest\ndown_revision  =  ("a1", "b2")  # both\n',
    ],
    ids=["tuple", "annotated", "lines", "comments"],
)
def test_a_merge_follows_several(tmp_path: Path, merge: str) -> None:
    """In every form in which Alembic writes it."""
    folder = folder_of(tmp_path, 'revision = "a1"\ndown_revision = None\n', 'revision = "b2"\n', merge)
    assert migrate.known_revisions(folder) == ("c3", KNOWN)


def test_files_that_are_no_migrations_do_not_count(tmp_path: Path) -> None:
    """An `__init__.py`, for example."""
    folder = folder_of(tmp_path, "", 'revision = "c3"\ndown_revision = None\n', "revision_of = 'x'\n")
    assert migrate.known_revisions(folder) == ("c3", frozenset({"c3"}))


@pytest.mark.parametrize(
    ("files", "count"), [([], 0), (['revision = "a1"\n', 'revision = "b2"\n'], 2)], ids=["none", "two"]
)
def test_rejects_an_image_without_one_newest_revision(tmp_path: Path, files: list[str], count: int) -> None:
    """Then nobody knows what the database should look like."""
    with pytest.raises(migrate.Failure, match=f"has {count} newest revisions"):
        migrate.known_revisions(folder_of(tmp_path, *files))


def test_rejects_a_database_that_a_newer_mlflow_has_migrated() -> None:
    """There is no way back, and the message says the two ways out."""
    with pytest.raises(migrate.Failure, match=r"backend-store is at revision ff.*restore the backup"):
        migrate.check_known("backend-store", "ff", KNOWN)


@pytest.mark.parametrize("revision", [None, "a1", "c3"])
def test_an_empty_or_older_database_is_known(revision: str | None) -> None:
    """It can be brought to the newest revision."""
    migrate.check_known("backend-store", revision, KNOWN)


# --- Waiting -----------------------------------------------------------------------------------------------


@attrs.define
class Clock:
    """Time that passes only by sleeping."""

    now: float = 1000.0
    naps: list[float] = attrs.field(factory=list)

    def monotonic(self) -> float:
        """Return the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.naps.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Give the script a clock that waits for nobody."""
    clock = Clock()
    monkeypatch.setattr(migrate, "time", clock)
    return clock


def answers(*items: object) -> Callable[[], object]:
    """Return an attempt that raises or returns these things in turn, and the last one for ever."""
    rest = list(items)

    def attempt() -> object:
        item = rest.pop(0) if len(rest) > 1 else rest[0]
        if isinstance(item, Exception):
            raise item
        return item

    return attempt


REFUSED = ConnectionError('connection to server at "db", port 5432 failed: Connection refused')
WRONG_PASSWORD = ConnectionError('FATAL:  password authentication failed for user "mlflow"')
CAUSES = {"password authentication failed": "wrong user or password; compare PostgreSQL.user and .password"}


def test_a_database_that_comes_late_is_waited_for(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """Each attempt is a line of the log that says what is missing."""
    attempt = answers(REFUSED, REFUSED, "connection")
    assert migrate.wait_for("backend-store", attempt, clock.now + 600, CAUSES) == "connection"
    assert capsys.readouterr().out.count("migrate: waiting for backend-store: connection to server") == 2


def test_the_pauses_grow_and_are_bounded(clock: Clock) -> None:
    """A database that starts up is not asked in a storm, nor left alone for minutes."""
    with pytest.raises(migrate.Failure):
        migrate.wait_for("backend-store", answers(REFUSED), clock.now + 600, CAUSES)
    assert clock.naps[0] < 1 < clock.naps[2]
    assert max(clock.naps) <= 12


def test_pods_that_start_together_do_not_ask_in_step(clock: Clock) -> None:
    """Two pods pause for different times."""
    for _ in range(2):
        with pytest.raises(migrate.Failure):
            migrate.wait_for("backend-store", answers(REFUSED), clock.now + 60, CAUSES)
    half = len(clock.naps) // 2
    assert clock.naps[:half] != clock.naps[half:]


def test_rejects_a_database_that_never_comes(clock: Clock) -> None:
    """After the deadline, and not long after it."""
    started = clock.now
    with pytest.raises(migrate.Failure, match=r"backend-store: gave up after 6\d\d s \(connection to server"):
        migrate.wait_for("backend-store", answers(REFUSED), started + 600, CAUSES)
    assert 600 < clock.now - started < 615


def test_rejects_what_waiting_does_not_mend(clock: Clock) -> None:
    """Soon, in words that name the prop: nobody should wait ten minutes for a wrong password."""
    started = clock.now
    with pytest.raises(migrate.Failure, match=r"backend-store: wrong user or password; compare PostgreSQL\.user"):
        migrate.wait_for("backend-store", answers(WRONG_PASSWORD), started + 600, CAUSES)
    assert clock.now - started < 40


def test_a_user_that_is_being_set_up_is_waited_for(clock: Clock) -> None:
    """A new database refuses its user for some seconds."""
    attempt = answers(WRONG_PASSWORD, WRONG_PASSWORD, "connection")
    assert migrate.wait_for("backend-store", attempt, clock.now + 600, CAUSES) == "connection"


def test_what_is_not_there_yet_is_waited_for(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """An attempt that returns nothing is no failure; the log says what is waited for."""
    attempt = answers(False, None, True)
    assert migrate.wait_for("the lock", attempt, clock.now + 600, CAUSES, meanwhile="another pod has it") is True
    assert capsys.readouterr().out == "migrate: waiting for the lock: another pod has it\n" * 2


@pytest.mark.parametrize("error", [ImportError("No module named 'psycopg'"), migrate.Failure("too new")])
def test_rejects_at_once_what_is_no_matter_of_time(clock: Clock, error: Exception) -> None:
    """A missing driver does not come by itself."""
    with pytest.raises(migrate.Failure, match=str(error)):
        migrate.wait_for("backend-store", answers(error), clock.now + 600, CAUSES)
    assert clock.naps == []


def test_what_a_driver_says_is_one_short_line() -> None:
    """SQLAlchemy wraps the driver's error in its own, with the statement and a link."""
    error = RuntimeError("(psycopg.OperationalError) x [SQL: SELECT 1] (Background: https://sqlalche.me/e/20/e3q8)")
    error.orig = RuntimeError("connection failed:\n\tno route " + "x" * 500)  # type: ignore[attr-defined]
    assert migrate.first_line(error).startswith("connection failed: no route x")
    assert len(migrate.first_line(error)) == 300


# --- One database ------------------------------------------------------------------------------------------


@attrs.define
class Database:
    """A SQLite file, and what was done to it."""

    path: Path
    upgrades: list[str] = attrs.field(factory=list)

    @property
    def uri(self) -> str:
        """The URI for SQLAlchemy."""
        return f"sqlite:///{self.path}"

    def run(self, *statements: str) -> None:
        """Run statements and commit them."""
        with create_engine(self.uri, poolclass=pool.NullPool).begin() as connection:
            for statement in statements:
                connection.execute(text(statement))

    def set_revision(self, revision: str) -> None:
        """Write the revision as Alembic does."""
        self.run(
            "CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32) NOT NULL)",
            "DELETE FROM alembic_version",
            f"INSERT INTO alembic_version VALUES ('{revision}')",  # noqa: S608 - the test's own text
        )

    def tables(self) -> set[str]:
        """Return the tables and views that are there."""
        with create_engine(self.uri, poolclass=pool.NullPool).connect() as connection:
            return {*inspect(connection).get_table_names(), *inspect(connection).get_view_names()}


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Database:
    """Return an empty database, and let an upgrade bring it to the newest revision."""
    del clock
    database = Database(tmp_path / "mlflow.db")

    def upgrade(name: str, limit: float, causes: dict[str, str], connection: Connection) -> None:
        # The lock is held as long as the connection is open.
        assert not connection.closed
        database.upgrades.append(f"{name} {limit:.0f} {len(causes)}")
        database.set_revision(HEAD)

    monkeypatch.setattr(migrate, "upgrade", upgrade)
    folder_of(tmp_path, *(f'revision = "{own}"\ndown_revision = {before!r}\n' for own, before in REVISIONS))
    monkeypatch.setattr(migrate, "revisions_folder", lambda _: tmp_path)
    monkeypatch.setenv("URI", database.uri)
    return database


DONE = ["backend-store 30 0"]


def run(mode: str = "migrate", **changes: Any) -> None:
    """Migrate one database."""
    of_database: dict[str, Any] = {
        "name": "backend-store",
        "variable": "URI",
        "try_lock": None,
        "causes": {},
        "preconditions": [],
        "transactional_ddl": True,
        "schema": {"version_table": "alembic_version"},
    }
    settings = {"mode": mode, "wait_seconds": 60, "limit_seconds": 30}
    migrate.migrate(of_database | changes, settings)


def meanwhile(monkeypatch: pytest.MonkeyPatch, do: Callable[[int], None]) -> None:
    """Let something happen in the pauses: it is told which pause it is."""
    sleep = Clock.sleep

    def then(self: Clock, seconds: float) -> None:
        sleep(self, seconds)
        do(len(self.naps))

    monkeypatch.setattr(Clock, "sleep", then)


def test_an_empty_database_is_brought_to_the_newest_revision(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    """The log says from where to where."""
    run()
    assert database.upgrades == DONE
    assert capsys.readouterr().out == (
        "migrate: backend-store: from revision none (empty) to c3\nmigrate: backend-store is at revision c3 now\n"
    )


def test_an_older_database_is_brought_to_the_newest_revision(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once."""
    database.set_revision("a1")
    run()
    assert database.upgrades == DONE
    assert "from revision a1 to c3" in capsys.readouterr().out


def test_a_database_at_the_newest_revision_is_left_alone(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every restart of a pod comes here: it takes no lock and does not import MLflow."""
    database.set_revision(HEAD)
    run(try_lock="SELECT no_such_function()")
    assert database.upgrades == []
    assert capsys.readouterr().out == "migrate: backend-store is at revision c3, as the image wants it\n"


@pytest.mark.parametrize("mode", ["migrate", "verify"])
def test_rejects_a_newer_database_before_it_is_touched(database: Database, mode: str) -> None:
    """An older image must not run on it."""
    database.set_revision("ff")
    with pytest.raises(migrate.Failure, match="a newer MLflow has migrated it"):
        run(mode)
    assert database.upgrades == []


def test_rejects_an_older_database_that_nobody_migrates(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    """Migration is None: the pod waits, and its log says what to run by hand."""
    database.set_revision("a1")
    with pytest.raises(migrate.Failure, match="revision c3 of backend-store: gave up"):
        run("verify")
    assert database.upgrades == []
    assert "kubectl -n NAMESPACE exec" in capsys.readouterr().out


def test_a_pod_that_only_verifies_goes_on_when_somebody_has_migrated(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a restart."""
    database.set_revision("a1")
    meanwhile(monkeypatch, lambda nap: database.set_revision(HEAD if nap == 3 else "b2"))
    run("verify")
    assert database.upgrades == []


def test_a_pod_that_only_verifies_stays_while_a_command_by_hand_runs_in_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command would be killed with the container, before it has said that it is done."""
    database.set_revision("a1")
    words = [sys.executable, "-c", "import time; time.sleep(60)", migrate.__file__, "--migrate"]
    with subprocess.Popen(words) as by_hand:
        naps: list[int] = []

        def hand(nap: int) -> None:
            naps.append(nap)
            database.set_revision(HEAD)
            if nap == 3:
                by_hand.kill()
                by_hand.wait()

        meanwhile(monkeypatch, hand)
        run("verify")
    assert naps == [1, 2, 3]


LOCK = "SELECT free FROM locks"
LOCKED = ("CREATE TABLE locks (free INTEGER)", "INSERT INTO locks VALUES (0)")


def test_the_lock_is_taken_before_the_upgrade(
    database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """While another pod has it, the upgrade waits."""
    database.run(*LOCKED)

    def other_pod(nap: int) -> None:
        assert database.upgrades == []
        if nap == 3:
            database.run("UPDATE locks SET free = 1")

    meanwhile(monkeypatch, other_pod)
    run(try_lock=LOCK)
    assert database.upgrades == DONE
    assert capsys.readouterr().out.count("waiting for the migration lock of backend-store: another pod has it") == 3


def test_what_another_pod_has_done_is_not_done_again(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The revision is read again under the lock."""
    database.run(*LOCKED)

    def other_pod(_: int) -> None:
        database.set_revision(HEAD)
        database.run("UPDATE locks SET free = 1")

    meanwhile(monkeypatch, other_pod)
    run(try_lock=LOCK)
    assert database.upgrades == []


def test_the_lock_is_waited_for_as_long_as_an_upgrade_may_take(database: Database, clock: Clock) -> None:
    """Not only as long as a database may take to answer."""
    database.run(*LOCKED)
    started = clock.now
    with pytest.raises(migrate.Failure, match="the migration lock of backend-store: gave up"):
        run(try_lock=LOCK)
    assert 60 + 30 < clock.now - started < 60 + 30 + 15


def test_a_connection_that_did_not_get_the_lock_is_closed(database: Database) -> None:
    """Or waiting pods would use up the database's connections."""
    database.run(*LOCKED)
    assert migrate.locked("backend-store", database.uri, LOCK) is None


def test_a_connection_that_got_the_lock_stays_open(database: Database) -> None:
    """The lock lives and dies with it."""
    connection = migrate.locked("backend-store", database.uri, "SELECT 1")
    assert not connection.closed
    connection.close()


def test_rejects_an_upgrade_that_did_not_reach_the_end(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow said that all was well, and the database says otherwise."""
    monkeypatch.setattr(migrate, "upgrade", lambda *_: database.set_revision("b2"))
    with pytest.raises(migrate.Failure, match="is at revision b2 after the upgrade, not at c3"):
        run()


def test_rejects_a_database_on_which_the_migration_would_fail_halfway(database: Database) -> None:
    """A precondition is asked before the first change."""
    condition = {
        "query": "SELECT 'latin1'",
        "expected": "utf8mb4",
        "failure": "the charset is {found}; make it utf8mb4",
    }
    with pytest.raises(migrate.Failure, match="backend-store: the charset is latin1; make it utf8mb4"):
        run(preconditions=[condition], transactional_ddl=False)
    assert database.upgrades == []
    assert database.tables() == set()


@pytest.mark.parametrize("uri", ["postgresql://u:hunter2@h:p@rt/d", "hunter2"], ids=["password", "no-uri"])
def test_rejects_a_uri_that_cannot_be_read_and_does_not_show_it(uri: str) -> None:
    """SQLAlchemy's own message quotes the password."""
    with pytest.raises(migrate.Failure, match="percent-encode the password") as refused:
        migrate.connect("backend-store", uri)
    assert "hunter2" not in str(refused.value)


def test_rejects_an_image_without_the_driver() -> None:
    """The message names the prop."""
    with pytest.raises(migrate.Failure, match=r"has the image this driver \(Image\.tag\)\?"):
        migrate.connect("backend-store", "nosuchengine://h/d")


# --- A creation that was cut off ---------------------------------------------------------------------------

HALF_MADE = ("CREATE TABLE experiments (id INTEGER)", "CREATE TABLE runs (id INTEGER)")
MARK = f"CREATE VIEW {migrate.MARKER} AS SELECT 1 AS unfinished"


def test_a_first_creation_is_marked_while_it_lasts(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """On engines that cannot take DDL back: another pod sees that the tables are not complete."""
    seen: list[set[str]] = []

    def upgrade(*_: object) -> None:
        seen.append(database.tables())
        database.set_revision(HEAD)

    monkeypatch.setattr(migrate, "upgrade", upgrade)
    run(transactional_ddl=False)
    assert seen == [{migrate.MARKER}]
    assert database.tables() == {"alembic_version"}


def test_a_creation_that_was_cut_off_starts_anew(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    """Half of the tables are no ground to go on from; nothing was ever stored in them."""
    database.run(MARK, *HALF_MADE)
    run(transactional_ddl=False)
    assert database.tables() == {"alembic_version"}
    assert "starting anew" in capsys.readouterr().out


def test_a_creation_that_was_complete_but_for_its_mark_is_kept(database: Database) -> None:
    """The pod was stopped in the last moment."""
    database.run(MARK, *HALF_MADE)
    database.set_revision(HEAD)
    run(transactional_ddl=False)
    assert database.upgrades == []
    assert database.tables() == {"alembic_version", "experiments", "runs"}


@pytest.mark.parametrize("transactional", [True, False], ids=["transactional", "not-transactional"])
@pytest.mark.parametrize(
    "statements",
    [HALF_MADE, ("CREATE TABLE studies (id INTEGER)",), ("CREATE TABLE t (i INTEGER)", "INSERT INTO t VALUES (1)")],
    ids=["mlflow's", "somebody else's", "data"],
)
def test_tables_of_an_unmarked_database_are_never_dropped(
    database: Database, statements: tuple[str, ...], transactional: bool
) -> None:
    """Another application may share the database."""
    database.run(*statements)
    before = database.tables()
    run(transactional_ddl=transactional)
    assert database.tables() == before | {"alembic_version"}


def test_an_engine_that_takes_ddl_back_needs_no_mark(database: Database) -> None:
    """A creation that was cut off left nothing behind."""
    database.run(MARK, *HALF_MADE)
    run(transactional_ddl=True)
    assert database.tables() == {"alembic_version", "experiments", "runs", migrate.MARKER}


# --- The whole program -------------------------------------------------------------------------------------

FAKE_CLI = """
import os, sys
from sqlalchemy import create_engine, text

def cli(arguments, standalone_mode):
    assert arguments[:2] == ["db", "upgrade"] and standalone_mode is False
    print("argv:", *sys.argv[1:])
    if "FAIL" in os.environ:
        raise SystemExit(3)
    with create_engine(arguments[2]).begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('c3')"))
"""


@pytest.fixture
def pod(tmp_path: Path) -> Path:
    """Return a folder as the pod has it: the script, its settings, and an MLflow whose upgrade is quick."""
    shutil.copy(migrate.__file__, tmp_path / "migrate.py")
    versions = tmp_path / "site" / "mlflow" / "store" / "db_migrations" / "versions"
    versions.mkdir(parents=True)
    folder_of(versions, 'revision = "a1"\ndown_revision = None\n', 'revision = "c3"\ndown_revision = "a1"\n')
    # Whoever imports MLflow to look up its revisions takes seconds and all of its memory.
    (tmp_path / "site" / "mlflow" / "__init__.py").write_text("print('imported')\n", encoding="utf-8")
    (tmp_path / "site" / "mlflow" / "cli.py").write_text(FAKE_CLI, encoding="utf-8")
    rendered = render(on_postgresql()).one("ConfigMap", "mlflow-files")["data"]["migrate.json"]
    settings = json.loads(rendered)
    settings["wait_seconds"] = 5
    settings["databases"][0]["try_lock"] = "SELECT 1"
    (tmp_path / "migrate.json").write_text(json.dumps(settings), encoding="utf-8")
    return tmp_path


def start(pod: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the script as the pod does."""
    return subprocess.run(
        [sys.executable, str(pod / "migrate.py")],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(pod / "site"),
            "MLFLOW_BACKEND_STORE_URI": f"sqlite:///{pod}/mlflow.db",
        }
        | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_program_migrates_once_and_then_leaves_the_database_alone(pod: Path) -> None:
    """The URI is in no argument, and MLflow is imported only where there is something to do."""
    first, second = start(pod), start(pod)
    assert (first.returncode, first.stderr) == (0, "")
    assert "argv: --upgrade backend-store\n" in first.stdout
    assert first.stdout.endswith("migrate: backend-store is at revision c3 now\n")
    assert (second.returncode, second.stderr) == (0, "")
    assert second.stdout == "migrate: backend-store is at revision c3, as the image wants it\n"


def test_rejects_a_failed_upgrade_with_the_status_of_mlflow(pod: Path) -> None:
    """Status 1 and a last line; MLflow's own words are above it."""
    done = start(pod, FAIL="1")
    assert done.returncode == 1
    assert done.stdout.endswith("backend-store: the upgrade ended with status 3; its own words are above\n")


def test_rejects_an_image_without_mlflow(pod: Path) -> None:
    """The message names the props of the image."""
    done = start(pod, PYTHONPATH="")
    assert done.returncode == 1
    assert done.stdout == "migrate: the image has no mlflow; compare Image.repository and Image.tag\n"


@pytest.fixture
def process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Let the process that upgrades run other code; the signal that it ignores is heard again afterwards."""
    heard = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(migrate, "__file__", str(tmp_path / "upgrade.py"))
    connection = migrate.connect("backend-store", f"sqlite:///{tmp_path}/mlflow.db")

    def upgrade(code: str, limit: float = 60, causes: dict[str, str] | None = None) -> None:
        (tmp_path / "upgrade.py").write_text(code, encoding="utf-8")
        migrate.upgrade("backend-store", limit, causes or {}, connection)

    yield upgrade
    connection.close()
    signal.signal(signal.SIGTERM, heard)


def test_the_name_alone_is_an_argument(process: Callable[..., None], capfd: pytest.CaptureFixture[str]) -> None:
    """The URI is in the environment."""
    process("import sys; print(*sys.argv[1:])")
    assert capfd.readouterr().out == "--upgrade backend-store\n"


def test_rejects_an_upgrade_that_takes_too_long(
    process: Callable[..., None], capfd: pytest.CaptureFixture[str]
) -> None:
    """It is stopped, and the log names the prop."""
    with pytest.raises(migrate.Failure):
        process("import time; time.sleep(60)", limit=0.1)
    assert "longer than 0 s and is stopped; raise Migration.time_limit" in capfd.readouterr().out


def test_an_upgrade_goes_on_when_the_pod_is_to_end(process: Callable[..., None]) -> None:
    """Half an upgrade is worse than a late one."""
    process("import os, signal, time; os.kill(os.getppid(), signal.SIGTERM); time.sleep(0.1)")
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN


def test_rejects_an_upgrade_without_the_lock(
    process: Callable[..., None], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """When the connection that holds it is lost, another pod may begin."""

    def lost(*_: object) -> None:
        raise ConnectionError("server closed the connection")

    monkeypatch.setattr(migrate, "KEEPALIVE_SECONDS", 0.05)
    monkeypatch.setattr("sqlalchemy.engine.Connection.execute", lost)
    with pytest.raises(migrate.Failure):
        process("import time; time.sleep(60)")
    assert "the connection that holds the lock was lost (server closed the connection)" in capfd.readouterr().out


TRACEBACK = """
print("INFO upgrading", flush=True)
raise SystemError("(psycopg.errors.InsufficientPrivilege) permission denied for schema public\\n[SQL: CREATE TABLE a]")
"""


def test_rejects_an_upgrade_that_fails_for_a_known_cause(
    process: Callable[..., None], capfd: pytest.CaptureFixture[str]
) -> None:
    """In the words of the cause, and without a traceback; what MLflow said before is in the log."""
    causes = {"permission denied": "the role may not create tables; grant it CREATE on the schema"}
    with pytest.raises(migrate.Failure) as failed:
        process(TRACEBACK, causes=causes)
    assert str(failed.value).startswith(
        "backend-store: the role may not create tables; grant it CREATE on the schema ("
    )
    assert "permission denied for schema public" in str(failed.value)
    assert capfd.readouterr().out == "INFO upgrading\n"


def test_rejects_an_upgrade_that_fails_for_an_unknown_cause(
    process: Callable[..., None], capfd: pytest.CaptureFixture[str]
) -> None:
    """Then its traceback is in the log, whole."""
    with pytest.raises(migrate.Failure, match="ended with status 1; its own words are above"):
        process(TRACEBACK)
    log = capfd.readouterr().out
    assert log.startswith("INFO upgrading\nTraceback (most recent call last):\n")
    assert "[SQL: CREATE TABLE a]" in log


# --- Causes ------------------------------------------------------------------------------------------------

SAID = {
    "postgresql": {
        'FATAL:  password authentication failed for user "mlflow"': "wrong user or password",
        'FATAL:  role "mlflow" does not exist': "the role does not exist",
        'FATAL:  database "mlflow" does not exist': "the database does not exist",
        "permission denied for schema public": "may not create tables",
        "cannot execute CREATE TABLE in a read-only transaction": "read-only",
        'FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "mlflow"': "pg_hba.conf",
    },
    "mysql": {
        "(1045, \"Access denied for user 'mlflow'@'10.0.0.1' (using password: YES)\")": "wrong user or password",
        "(1049, \"Unknown database 'mlflow'\")": "the database does not exist",
    },
}


@pytest.mark.parametrize(("engine", "said"), [(engine, said) for engine, found in SAID.items() for said in found])
def test_what_a_driver_says_has_its_own_cause(engine: str, said: str) -> None:
    """And not that of another one: a missing database is no missing role."""
    uri = DatabaseUri(uri=ExistingSecret("db", "uri"), engine=engine)  # type: ignore[arg-type]
    settings = json.loads(
        render(on_postgresql(backend_store=uri)).one("ConfigMap", "mlflow-files")["data"]["migrate.json"]
    )
    cause = migrate.cause_of(said, settings["databases"][0]["causes"])
    assert cause is not None
    assert SAID[engine][said] in cause
    assert said in cause


def test_an_unknown_word_has_no_cause() -> None:
    """Then waiting may help."""
    assert migrate.cause_of("Connection refused", CAUSES) is None
