"""The documentation: every example runs, every link leads somewhere, every store and message has its place."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import alert_cases
import attrs
import pytest
import yaml
from releases import render
from variants import VARIANTS

import cdk8s_mlflow
from cdk8s_mlflow import MlflowProps, SQLite
from cdk8s_mlflow.backend_store import mysql, postgresql, sql_server
from cdk8s_mlflow.manifests import define_manifests
from cdk8s_mlflow.plan import plan

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", *sorted(DOCS.rglob("*.md")))
STORES, LOGINS = (
    [name for module, names in cdk8s_mlflow._MODULES.items() if module.partition(".")[0] in folders for name in names]
    for folders in ({"backend_store", "artifact_store"}, {"authentication"})
)
SOURCES = cdk8s_mlflow._MODULES["secrets"]
CAUSES: Mapping[str, Mapping[str, str]] = {
    "stores/sqlite.md": SQLite().migration.causes,
    "stores/postgresql.md": postgresql.MIGRATION.causes,
    "stores/mysql.md": mysql.MIGRATION.causes,
    "stores/sql-server.md": sql_server.MIGRATION.causes,
}


@attrs.frozen
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        """Return where it stands, as the id of its test."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def test_the_readme_deletes_every_kind() -> None:
    """Of those that every cluster knows; claims and Secrets are kept on purpose."""
    short = {"pdb": "poddisruptionbudget", "hpa": "horizontalpodautoscaler"}
    text = (ROOT / "README.md").read_text(encoding="utf-8").replace("\\\n", " ")
    [named] = re.findall(r"kubectl -n NS delete +(deployment,\S+)", text)
    groups = {"", "apps", "autoscaling", "batch", "networking.k8s.io", "policy", "rbac.authorization.k8s.io"}
    made = {
        item["kind"].lower()
        for props in VARIANTS.values()
        for item in render(props).objects
        if item["apiVersion"].rpartition("/")[0] in groups
    }
    assert {short.get(name, name) for name in named.split(",")} == made - {"persistentvolumeclaim", "secret"}


def _blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page; the line is that of the fence."""
    fence = re.compile(r"^( *)```(\S*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
    text = page.read_text(encoding="utf-8")
    for found in fence.finditer(text):
        lines = (line.removeprefix(found[1]) for line in found[3].splitlines(keepends=True))
        yield Block(page, text.count("\n", 0, found.start()) + 1, found[2], "".join(lines))


BLOCKS = tuple(block for page in PAGES for block in _blocks(page))
PYTHON = tuple(block for block in BLOCKS if block.language == "python")
PROGRAMS = tuple(block for block in PYTHON if re.search(r"app\.synth\(\)|^synthesize\(", block.text, re.MULTILINE))
PROPS = tuple(block for block in PYTHON if block not in PROGRAMS)


def _shown(block: Block) -> object:
    """Run a block in a namespace of its own; return its last expression, or the variable ``props``.

    The README goes on with what its first example imports; a page in docs/ shows every import.
    """
    tree = ast.parse(block.text, str(block))
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    namespace: dict[str, object] = {"__name__": "docs"}
    if block.page == PAGES[0]:
        words = re.findall(r"\w+", block.text)
        namespace |= {name: getattr(cdk8s_mlflow, name) for name in cdk8s_mlflow.__all__ if name in words}
    exec(compile(tree, str(block), "exec"), namespace)  # noqa: S102 - our own pages
    if isinstance(last, ast.Expr):
        return eval(compile(ast.Expression(last.value), str(block), "eval"), namespace)  # noqa: S307 - our own pages
    return namespace.get("props")


def _prose(page: Path) -> str:
    return re.sub(r"^( *)```.*?^ *```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def _anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and mkdocs make them."""
    headings = re.findall(r"^#+ (.+)$", _prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _words(text: str) -> str:
    """Return a text in one line: pages break lines where messages do not."""
    return " ".join(text.replace("`", "").split())


def _names_in_titles() -> dict[str, Path]:
    titles = {page: re.search(r"^# (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE) for page in PAGES}
    return {name: page for page, title in titles.items() if title for name in re.findall(r"`(\w+)`", title[1])}


@pytest.mark.parametrize("block", PROPS, ids=str)
def test_an_example_shows_props_that_synthesize(block: Block) -> None:
    """What a page shows can be copied: nothing is missing, and it makes objects."""
    props = _shown(block)
    assert isinstance(props, MlflowProps), f"{block} shows no MlflowProps"
    assert define_manifests(plan(props, name="mlflow", namespace="mlflow"))


@pytest.mark.parametrize("block", PROGRAMS, ids=str)
def test_a_program_writes_its_chart(block: Block, tmp_path: Path) -> None:
    """A page's whole program runs as a file of its own and writes to ``dist/``."""
    (tmp_path / "main.py").write_text(block.text, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "CDK8S_OUTDIR"}
    subprocess.run([sys.executable, "main.py"], cwd=tmp_path, env=environment, check=True, timeout=60)
    assert list((tmp_path / "dist").glob("*.k8s.yaml"))


@pytest.mark.parametrize("block", [item for item in BLOCKS if item.language in {"yaml", "json"}], ids=str)
def test_a_document_parses(block: Block) -> None:
    """YAML and JSON of the pages are what they say."""
    documents = [json.loads(block.text)] if block.language == "json" else list(yaml.safe_load_all(block.text))
    assert all(documents)


@pytest.mark.parametrize("block", [item for item in BLOCKS if item.language == "console"], ids=str)
def test_commands_have_a_prompt_and_whole_quotes(block: Block) -> None:
    """A shell reads every command of the pages."""
    commands = re.sub(r"^\$ ", "", block.text, flags=re.MULTILINE)
    assert block.text.startswith("$ ")
    subprocess.run(["bash", "-n"], input=commands, text=True, check=True, timeout=10)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Each relative link names a file of the repository, and a heading of it."""
    links = re.findall(r"\]\(([^)\s]+)\)", _prose(page))
    for link in (item for item in links if not item.startswith(("https://", "http://"))):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in _anchors(target), link


@pytest.mark.parametrize(
    "name",
    [name for name in (*STORES, *LOGINS) if {"access", "needs", "guard"} & set(dir(getattr(cdk8s_mlflow, name)))],
)
def test_every_store_and_login_has_a_page(name: str) -> None:
    """A store or a login that can be imported is described: its class stands in the title of one page."""
    assert name in _names_in_titles()


@pytest.mark.parametrize("name", [*STORES, *LOGINS])
def test_every_part_of_a_store_and_login_is_shown(name: str) -> None:
    """The classes that belong to it (TLS, credentials, access, searches) are used in an example."""
    assert any(re.search(rf"\b{name}\(", block.text) for block in PYTHON)


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_of_secrets_is_shown(name: str) -> None:
    """The page on secrets has an example of each source."""
    examples = [block.text for block in PYTHON if block.page == DOCS / "secrets.md"]
    assert any(f"{name}(" in text for text in examples)


@pytest.mark.parametrize("page", CAUSES)
def test_every_failure_message_is_explained(page: str) -> None:
    """What the migration reports of an engine stands on the engine's page, in the log's own words."""
    text = _words((DOCS / page).read_text(encoding="utf-8"))
    assert [meaning for meaning in CAUSES[page].values() if _words(meaning) not in text] == []


def test_every_alert_has_its_runbook() -> None:
    """Whom an alert wakes finds its heading by its name, and four questions answered below it."""
    text = (DOCS / "runbooks.md").read_text(encoding="utf-8")
    entries = {entry.partition("\n")[0]: entry for entry in text.split("\n## ")[1:]}
    assert {rule["alert"] for rule in alert_cases.rules()["groups"][0]["rules"]} <= set(entries)
    whole = {name for name, entry in entries.items() if "says what to do" not in entry}
    lacking = [
        (name, word) for name in whole for word in ("Symptom", "Look", "Do", "Verify") if word not in entries[name]
    ]
    assert lacking == []
