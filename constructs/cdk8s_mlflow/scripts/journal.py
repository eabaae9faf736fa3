"""Make an upgrade of MySQL one that may be cut off at any moment: the next one completes it.

MySQL commits with every CREATE, ALTER and DROP, so an upgrade that dies leaves a revision half done. Therefore a
table of the database itself, the journal, says what is under way. While a revision runs, its statements that change
the schema are put off until it wants something of the same tables, or ends. Then they are written to the journal, in
one transaction with the data that the revision has changed so far, and executed one by one. Before each, the journal
gets a fingerprint of the schema: whoever finds the journal knows how far its writer came.

Most revisions ask first and then change, so the journal holds all that is left of them, their version's row too.
Of the others, what the journal holds is completed and the revision then run again; what it has done already is left
out. That is refused where it could do harm: when data was changed in between, or when it goes another way than the
first time.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

READS = {"SELECT", "SHOW", "DESCRIBE", "EXPLAIN", "SET"}
CHANGES = {"CREATE", "ALTER", "DROP", "RENAME", "TRUNCATE"}
NAMES_ITS_TABLES = re.compile(
    r"\s*(SELECT|INSERT|UPDATE|DELETE|SHOW CREATE TABLE)\b(?!.*information_schema)"
    # SQLAlchemy, when it looks at foreign keys on MySQL.
    r"|\s*SELECT\b.*\bFROM information_schema\.columns\s+WHERE\b.*\btable_name\s*=",
    re.DOTALL | re.IGNORECASE,
)
REPEATABLE = {"b7e2c1a4d9f3"}
"""Revisions after which one comes that changes data between its changes of the schema, and may be run again.

MLflow's 75868b020152: it adds columns if they are missing, and fills them from older rows. It deletes these before
it knows that the new ones are kept, but on other tables: all further changes are in the journal by then."""
LOCK = "CONCAT('mlflow-upgrade-', LEFT(MD5(DATABASE()), 32))"
LOCK_SECONDS = 600
SCHEMA = (
    ("table_schema", "tables", "table_name, table_type"),
    (
        "table_schema",
        "columns",
        (
            "table_name, column_name, ordinal_position, column_default, is_nullable, column_type, collation_name, "
            "extra, generation_expression"
        ),
    ),
    ("table_schema", "statistics", "table_name, index_name, seq_in_index, column_name, non_unique, sub_part"),
    ("table_schema", "table_constraints", "table_name, constraint_name, constraint_type"),
    (
        "table_schema",
        "key_column_usage",
        "table_name, constraint_name, column_name, ordinal_position, referenced_table_name, referenced_column_name",
    ),
    ("constraint_schema", "referential_constraints", "table_name, constraint_name, update_rule, delete_rule"),
    ("trigger_schema", "triggers", "trigger_name, event_object_table, action_statement"),
)
FINGERPRINT = tuple(
    f"SELECT {columns} FROM information_schema.{view} WHERE {schema} = DATABASE() ORDER BY {columns}"  # noqa: S608
    for schema, view, columns in SCHEMA
)


class CannotGoOn(Exception):
    """An upgrade that was cut off cannot be completed without risk; the message says why."""


def catching_revisions(folder: Path) -> set[str]:
    """Return the revisions after which one comes that goes on when a statement fails: it must see the failure."""
    found = set()
    for file in folder.glob("*.py"):
        text = file.read_text(encoding="utf-8")
        before = re.search(r"^down_revision\s*=\s*['\"]([0-9a-z]+)['\"]", text, re.MULTILINE)
        if before and re.search(r"\bexcept(\s+Exception\b|\s*:)", text):
            found.add(before[1])
    return found


class Journal:
    """The statements of one schema's revision that are under way, on the connection of the upgrade."""

    def __init__(self, version_table: str, at_once: set[str]) -> None:
        """Keep the journal of the schema with this version table."""
        self.version_table = version_table
        self.table = f"{version_table}_journal"
        self.at_once = at_once
        self.connection: Any = None
        self.waiting: list[tuple[str, str]] = []
        """Kind and text of what is put off: a change of the schema, or rows that are inserted after one."""
        self.tables: set[str] = set()
        """The tables that this is about."""
        self.done: list[str] = []
        """What the revision did before it was cut off; it will ask for it again."""
        self.changed_data = False
        self.revision: str | None = None

    # --- The connection ---

    def use(self, connection: Any) -> None:
        """Change things on this connection of the driver.

        It holds a lock of its own, until the server has ended what it did there: a server goes on with a long
        statement when its client has died.
        """
        if connection is self.connection:
            return
        self.flush()
        self.leave()
        self.connection = connection
        if not self.ask(f"SELECT GET_LOCK({LOCK}, {LOCK_SECONDS})")[0][0]:
            message = f"the server is still at work for an upgrade that was cut off, after {LOCK_SECONDS} s"
            raise TimeoutError(message)

    def leave(self) -> None:
        """Let the lock go, if the connection is still open."""
        if self.connection is not None:
            with suppress(Exception):
                self.ask(f"SELECT RELEASE_LOCK({LOCK})")
            self.connection = None

    def ask(self, statement: str, *parameters: Any) -> Any:
        """Execute a statement, and return its rows."""
        with self.connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)
            return cursor.fetchall()

    def current_revision(self) -> str | None:
        """Return the revision that is complete."""
        exists = "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = %s"
        if not self.ask(exists, self.version_table):
            return None
        rows = self.ask(f"SELECT version_num FROM {self.version_table}")  # noqa: S608 - of the settings
        return str(rows[0][0]) if rows else None

    def birth(self) -> str:
        """Return when the version table was made: it is another one after a backup was restored."""
        asked = "SELECT create_time FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = %s"
        rows = self.ask(asked, self.version_table)
        return str(rows[0][0]) if rows else ""

    def fingerprint(self) -> str:
        """Return what is different after each change of the schema."""
        return hashlib.sha256(repr([self.ask(question) for question in FINGERPRINT]).encode()).hexdigest()

    # --- What was cut off ---

    def open(self, connection: Any) -> int:
        """Make the journal, complete what it holds, and return how many statements it held."""
        self.use(connection)
        self.ask(
            f"CREATE TABLE IF NOT EXISTS {self.table} (id INT AUTO_INCREMENT PRIMARY KEY, revision VARCHAR(32), "
            "birth VARCHAR(32) NOT NULL, kind VARCHAR(8) NOT NULL, statement LONGTEXT NOT NULL, begun VARCHAR(64)) "
            "ENGINE=InnoDB"
        )
        columns = "id, revision, birth, kind, statement, begun"
        # Waits for a transaction that its writer left behind.
        rows = self.ask(f"SELECT {columns} FROM {self.table} ORDER BY id FOR UPDATE")  # noqa: S608 - our own name
        self.connection.commit()
        if not rows:
            return 0
        self.revision = self.current_revision()
        if {(row[1], row[2]) for row in rows} != {(self.revision, self.birth())}:
            reason = f"its tables are others now; was a backup restored? Then drop table {self.table} and start again"
            raise CannotGoOn(reason)
        return self._complete([(row[0], row[3], row[4], row[5]) for row in rows])

    def _complete(self, rows: list[tuple[int, str, str, str | None]]) -> int:
        kinds = {kind for _, kind, _, _ in rows}
        if "version" not in kinds and "data" in kinds and self.revision not in REPEATABLE:
            reason = f"the revision after {self.revision} changes data, then the schema, then again"
            raise CannotGoOn(reason)
        last = max((number for number, _, _, begun in rows if begun), default=0)
        for number, kind, text, begun in rows:
            if number < last or kind == "data" or (number == last and not self._was_not_done(kind, begun)):
                self.done += [text]
            elif self.revision in self.at_once:
                # It must see for itself whether that fails.
                self._forget(number)
            else:
                self._execute(number, kind, text)
                self.done += [text]
        if "version" in kinds:
            self.done = []
        return len(rows)

    def _was_not_done(self, kind: str, begun: str | None) -> bool:
        return kind == "schema" and begun == self.fingerprint()

    # --- What is under way ---

    def statement(self, cursor: Any, statement: str, parameters: Any, context: Any) -> bool | None:
        """Take a statement of the upgrade: return True if it is not to be executed now."""
        word = statement.split(None, 1)[0].upper()
        text = cursor.mogrify(statement, parameters)
        if word in READS or re.match(rf"\s*CREATE TABLE `?{self.version_table}`?\s", statement):
            self._before(text)
            return None
        self.use(cursor.connection)
        if re.match(rf"(INSERT INTO|UPDATE|DELETE FROM) `?{self.version_table}`?\s", statement):
            self.flush(("version", text))
            self.done, self.changed_data = [], False
            self.ask(f"DELETE FROM {self.table}")  # noqa: S608 - our own name; in one transaction with the version
        elif word in CHANGES or (self.waiting and _is_blind_insert(context)):
            self._put_off("schema" if word in CHANGES else "rows", text)
            cursor.rowcount, cursor.lastrowid = 1, 0
            return True
        else:
            self._before(text)
            self.changed_data = True
        return None

    def plain_statement(self, cursor: Any, statement: str, context: Any) -> bool | None:
        """Take a statement that is to be executed as it stands."""
        return self.statement(cursor, statement, None, context)

    def many(self, cursor: Any, statement: str, _parameters: Any, _context: Any) -> None:
        """Take a statement that changes many rows."""
        self.use(cursor.connection)
        self._before(statement)
        self.changed_data = True

    def _before(self, text: str) -> None:
        """Execute what is put off before a statement, if that may see a difference."""
        named = set(re.findall(r"\w+", text))
        if self.tables & named or not NAMES_ITS_TABLES.match(text):
            self.flush()

    def _put_off(self, kind: str, text: str) -> None:
        if not self.waiting:
            self.revision = self.current_revision()
        if text in self.done:
            del self.done[: self.done.index(text) + 1]
            return
        if self.done and self.revision not in REPEATABLE:
            reason = f"the revision after {self.revision} goes another way than before"
            raise CannotGoOn(reason)
        self.waiting.append((kind, text))
        existing = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
        tables = {str(name) for (name,) in self.ask(existing)} | set(re.findall(r"\b(?:TABLE|TO)\s+`?(\w+)", text))
        self.tables |= tables & set(re.findall(r"\w+", text))
        if self.revision in self.at_once:
            self.flush()

    def flush(self, end: tuple[str, str] | None = None) -> None:
        """Write to the journal what is put off, together with all data changed so far, and execute it."""
        if not self.waiting:
            return
        written, self.waiting, self.tables = self.waiting, [], set()
        if self.changed_data and end is None:
            written = [("data", ""), *written]
        self.changed_data = False
        birth = self.birth()
        numbers = [self._write(birth, kind, text) for kind, text in (*written, *([end] if end else []))]
        self.connection.commit()
        for number, (kind, text) in zip(numbers, written, strict=False):
            if kind != "data":
                self._execute(number, kind, text)

    def _write(self, birth: str, kind: str, text: str) -> int:
        with self.connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {self.table} (revision, birth, kind, statement) VALUES (%s, %s, %s, %s)",  # noqa: S608
                (self.revision, birth, kind, text),
            )
            return int(cursor.lastrowid)

    def _execute(self, number: int, kind: str, text: str) -> None:
        begin = f"UPDATE {self.table} SET begun = %s WHERE id = %s"  # noqa: S608 - our own name
        if kind == "version":
            self.ask(text)
            self.ask(f"DELETE FROM {self.table}")  # noqa: S608 - our own name
        else:
            # Committed with what follows: before a change of the schema, by the server itself.
            self.ask(begin, self.fingerprint() if kind == "schema" else "rows", number)
            try:
                self.ask(text)
            except Exception:
                # It is known not to be done, if the server still answers.
                with suppress(Exception):
                    self.connection.rollback()
                    if self.revision in self.at_once:
                        self._forget(number)
                    self.ask(begin, None, number)
                    self.connection.commit()
                raise
        self.connection.commit()

    def _forget(self, number: int) -> None:
        self.ask(f"DELETE FROM {self.table} WHERE id = %s", number)  # noqa: S608 - our own name
        self.connection.commit()

    def close(self, connection: Any) -> None:
        """Remove the journal: the upgrade is complete."""
        self.use(connection)
        self.ask(f"DROP TABLE {self.table}")


def _is_blind_insert(context: Any) -> bool:
    """Return whether a statement inserts rows of its own, and nobody will ask what became of them."""
    compiled = context.compiled
    return bool(
        context.isinsert
        and compiled is not None
        and compiled.statement.select is None
        and not compiled.postfetch_lastrowid
        and not compiled.effective_returning
    )


class Upgrade:
    """The time in which everything that this process does to MySQL databases goes through a journal."""

    def __init__(self, uri: str, version_table: str, folder: Path) -> None:
        """Keep the journal of the schema with this version table, whose revisions are in the folder."""
        from sqlalchemy import create_engine, pool

        self.engine = create_engine(uri, poolclass=pool.NullPool)
        self.journal = Journal(version_table, catching_revisions(folder))

    def begin(self) -> int:
        """Complete what was cut off, and return how many statements the journal held."""
        from sqlalchemy import Engine, event

        connection = self.engine.raw_connection()
        found = self.journal.open(connection.driver_connection)
        self.journal.leave()
        connection.close()
        event.listen(Engine, "do_execute", self.journal.statement)
        event.listen(Engine, "do_execute_no_params", self.journal.plain_statement)
        event.listen(Engine, "do_executemany", self.journal.many)
        return found

    def end(self) -> None:
        """Execute what is left, and remove the journal."""
        connection = self.engine.raw_connection()
        self.journal.close(connection.driver_connection)
        connection.close()
