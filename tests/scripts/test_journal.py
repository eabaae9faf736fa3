"""The journal of upgrades, as far as no MySQL server is needed; ``tests/e2e/databases/test_killed.py`` has the rest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from releases import render
from variants import on_postgresql

from cdk8s_mlflow import ExistingSecret, MySQL
from cdk8s_mlflow.scripts import journal

RAISING = """revision = "b2"
down_revision = "a1"

def upgrade():
    try:
        op.drop_index("i")
    except {kind}:
        pass
"""


@pytest.mark.parametrize(
    ("kind", "catches"), [("Exception", True), ("Exception as error", True), ("(TypeError, ValueError)", False)]
)
def test_a_revision_that_goes_on_after_a_failure_is_known(tmp_path: Path, kind: str, catches: bool) -> None:
    """Its statements are not put off, or the failure would come when nobody expects it."""
    (tmp_path / "b2_some.py").write_text(RAISING.format(kind=kind), encoding="utf-8")
    assert journal.catching_revisions(tmp_path) == ({"a1"} if catches else set())


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        ("SELECT id FROM runs", True),
        ("SHOW CREATE TABLE `runs`", True),
        ("\nUPDATE runs SET a = 1", True),
        ("SELECT x FROM information_schema.columns WHERE information_schema.columns.table_name = 'runs'", True),
        ("SHOW FULL TABLES FROM `mlflow`", False),
        ("SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()", False),
        ("SET FOREIGN_KEY_CHECKS = 0", False),
        ("CALL something()", False),
    ],
)
def test_whoever_does_not_name_its_tables_may_want_any(statement: str, names: bool) -> None:
    """Before such a statement all is executed that is put off."""
    assert bool(journal.NAMES_ITS_TABLES.match(statement)) is names


def test_the_journal_is_mounted_where_the_engine_cannot_take_an_upgrade_back() -> None:
    """PostgreSQL does by itself."""
    mysql = MySQL(host="db.example.com", password=ExistingSecret("db", "password"))
    files = render(on_postgresql(backend_store=mysql)).one("ConfigMap", "mlflow-files")["data"]
    assert "journal.py" in files
    assert json.loads(files["migrate.json"])["databases"][0]["transactional_ddl"] is False
    assert "journal.py" not in render(on_postgresql()).one("ConfigMap", "mlflow-files")["data"]
