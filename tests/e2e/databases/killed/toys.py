"""Kill small upgrades at every command to the MySQL server, and complete them: ``toys.py URI [NAME ...]``.

Prints for each upgrade how often it was killed, how often the next one refused to go on, and where it went wrong.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import alembic.command  # type: ignore[import-not-found, unused-ignore]
import alembic.config  # type: ignore[import-not-found, unused-ignore]
import journal  # type: ignore[import-not-found, unused-ignore]
import killing  # type: ignore[import-not-found, unused-ignore]

ENVIRONMENT = """
from alembic import context
from sqlalchemy import create_engine, pool

engine = create_engine(context.config.get_main_option("sqlalchemy.url"), poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
REVISION = """
import sqlalchemy as sa
from alembic import op

revision = "{own}"
down_revision = {before!r}


def upgrade():
    conn = op.get_bind()
"""
FIRST = (
    "CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)",
    "INSERT INTO alembic_version VALUES ('a1')",
    "CREATE TABLE t (id INTEGER PRIMARY KEY, old VARCHAR(20), n INTEGER, INDEX of_old (old))",
    "INSERT INTO t VALUES (1, 'a', 0), (2, 'b%', 10), (3, 'ü', 20)",
    "CREATE TABLE u (id INTEGER PRIMARY KEY, t INTEGER, CONSTRAINT was FOREIGN KEY (t) REFERENCES t (id))",
    "CREATE TABLE x (id INTEGER)",
    "INSERT INTO x VALUES (1), (2)",
)
TOYS = {
    "schema only": """
    op.add_column("t", sa.Column("new", sa.Integer()))
    op.create_index("of_new", "t", ["new"])
    op.create_table("v", sa.Column("t", sa.Integer(), sa.ForeignKey("t.id")))
    op.drop_column("t", "n")
""",
    "a name that is used again": """
    op.drop_index("of_old", "t")
    op.alter_column("t", "old", new_column_name="new", existing_type=sa.String(20))
    op.create_index("of_old", "t", ["new"])
""",
    "no names": """
    op.execute("ALTER TABLE u ADD INDEX (id, t)")
    op.execute("ALTER TABLE u ADD FOREIGN KEY (t) REFERENCES t (id)")
    op.execute("ALTER TABLE t ADD UNIQUE (old, n)")
""",
    "asks, then changes": """
    [key] = sa.inspect(conn).get_foreign_keys("u")
    op.drop_constraint(key["name"], "u", type_="foreignkey")
    op.create_foreign_key("is", "u", "t", ["t"], ["id"], ondelete="CASCADE")
    w = op.create_table("w", sa.Column("name", sa.String(20)))
    conn.execute(w.insert().values(name="50% 'ü'"))
    op.create_index("of_name", "w", ["name"])
""",
    "data at the end": """
    op.add_column("t", sa.Column("new", sa.String(20)))
    op.execute("UPDATE t SET new = upper(old), n = n + 1")
""",
    "data that must not be moved twice": """
    op.execute("UPDATE t SET n = n + 1")
    op.execute("INSERT INTO u SELECT id, id FROM t")
    op.drop_column("t", "old")
    op.create_index("of_n", "t", ["n"])
""",
    "rows by the dozen": """
    op.add_column("t", sa.Column("new", sa.String(20)))
    t = sa.Table("t", sa.MetaData(), autoload_with=conn)
    conn.execute(t.insert(), [{"id": i, "new": str(i)} for i in range(10, 22)])
""",
    "goes on after a failure": """
    try:
        op.drop_index("of_nothing", "t")
    except Exception:
        pass
    op.create_index("of_n", "t", ["n"])
""",
    "data of another table between": """
    op.add_column("t", sa.Column("new", sa.Integer()))
    conn.execute(sa.text("SELECT id FROM x")).all()
    op.execute("DELETE FROM x WHERE id = 1")
    op.drop_column("t", "n")
    op.execute("DELETE FROM x WHERE id = 2")
    op.create_index("of_new", "t", ["new"])
""",
    "data between: refused": """
    op.add_column("t", sa.Column("new", sa.Integer()))
    op.execute("UPDATE t SET new = n + 1")
    op.drop_column("t", "n")
    op.execute("UPDATE t SET new = new * 10")
""",
    "goes another way: refused": """
    if "new" not in [column["name"] for column in sa.inspect(conn).get_columns("t")]:
        op.add_column("t", sa.Column("new", sa.Integer()))
    else:
        op.drop_column("t", "new")
    sa.inspect(conn).get_columns("t")
    op.create_index("of_n", "t", ["n"])
""",
}


def revisions(folder: Path, body: str) -> Path:
    """Write two revisions, of which the second has this body."""
    versions = folder / "versions"
    versions.mkdir()
    (folder / "env.py").write_text(ENVIRONMENT, encoding="utf-8")
    for own, before, text in (("a1", None, "    pass"), ("b2", "a1", body)):
        (versions / f"{own}.py").write_text(REVISION.format(own=own, before=before) + text, encoding="utf-8")
    return versions


def upgrade_to(uri: str, versions: Path, revision: str, *, journaled: bool = True) -> Callable[[], None]:
    """Return an upgrade."""

    def upgrade() -> None:
        config = alembic.config.Config()
        config.set_main_option("script_location", str(versions.parent))
        config.set_main_option("sqlalchemy.url", uri.replace("%", "%%"))
        kept = journal.Upgrade(uri, "alembic_version", versions) if journaled else None
        if kept:
            kept.begin()
        alembic.command.upgrade(config, revision)
        if kept:
            kept.end()

    return upgrade


def try_all(uri: str, versions: Path) -> dict[str, Any]:
    """Kill the upgrade from the first revision to the last at each command, and complete it."""

    def start() -> None:
        killing.empty(uri)
        connection = killing.connect(uri)
        for statement in FIRST:
            killing.rows(connection, statement)
        connection.close()

    upgrade = upgrade_to(uri, versions, "head")
    start()
    assert killing.run(upgrade_to(uri, versions, "head", journaled=False)) == 0, Path(killing.LOG).read_text()
    wanted = killing.state(uri)
    answer: dict[str, Any] = {"killed": 0, "refused": 0, "wrong": []}
    for number in range(1, 1000):
        start()
        if killing.run(upgrade, number, "sent") is not None:
            break
        answer["killed"] += 1
        ended = killing.run(upgrade)
        if ended == killing.REFUSED:
            answer["refused"] += 1
        elif ended != 0 or killing.state(uri) != wanted:
            answer["wrong"].append([number, ended])
    if killing.state(uri) != wanted:
        answer["wrong"].append("undisturbed")
    return answer


def main(uri: str, *names: str) -> None:
    """Try every toy, or some."""
    answers = {}
    for name in names or TOYS:
        body = TOYS[name]
        with tempfile.TemporaryDirectory() as folder:
            answers[name] = try_all(uri, revisions(Path(folder), body))
    print(json.dumps(answers))  # noqa: T201 - the answer


if __name__ == "__main__":
    main(*sys.argv[1:])
