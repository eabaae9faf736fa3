"""Write docs/reliability.md: what the tests on the cluster have recorded (``record`` of tests/e2e/results.py)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "build" / "results"
PAGE = ROOT / "docs" / "reliability.md"
JUDGES = ROOT / "docs" / "judges.md"

HEAD = """\
# Reliability

What was tried on a real cluster, and broken on purpose. `make e2e-full` writes this page from what its tests have
measured: do not edit. A row stands for a test that has passed; what was not run is not here.
"""


@attrs.frozen
class Table:
    """A section of the page."""

    name: str
    """Of the file that the tests record to."""
    title: str
    says: str
    first: str
    """The head of the column with the rows' names."""
    after: str = ""
    """What stands below."""


TABLES = (
    Table(
        "matrix",
        "Every choice beside every other",
        """\
Databases, artifact stores, logins, doors, numbers of replicas and network policies, so combined that each pair of
choices that the package allows is in one cell at least (`tests/matrix.py`). Those below ran, and no other: each in a
namespace that enforces Pod Security "restricted", with MLflow's own client.""",
        "cell",
    ),
    Table(
        "faults",
        "Faults",
        """\
What each one costs. *Lost*: what a client was told to be stored and was not there afterwards; a writer logs every
answer, and all of it is compared. *Unavailable*: the longest time in which no request succeeded, on a machine with two
cores that other tests kept busy; the fault itself, which lasts as long as its name says, is in it. Where a fault does
not concern the API, its column shows how busy the machine was.""",
        "fault",
        """
Not tried, since the one node of the tests serves everybody: a kubelet or an API server that restarts, and a node that
is drained or lost as a whole (its pods are evicted through the same API).
""",
    ),
    Table(
        "inputs",
        "Input",
        """\
Random props, and texts that would be code somewhere. All became valid objects, which the API server took where it was
asked, or were refused with a message of ours.""",
        "what was tried",
    ),
)


@attrs.frozen
class Row:
    """What one test has measured."""

    name: str
    day: str
    columns: dict[str, Any]


def recorded(name: str, folder: Path = RESULTS) -> list[Row]:
    """Return the rows of a table, the newest of each name."""
    file = folder / f"{name}.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    found = [json.loads(line) for line in lines]
    rows = {item["row"]: Row(item["row"], item["day"], item["columns"]) for item in found}
    return list(rows.values())


def table(first: str, rows: list[Row]) -> str:
    """Return rows as Markdown writes them."""
    heads = list(dict.fromkeys(head for row in rows for head in row.columns))
    cells = [[row.name, *(row.columns.get(head, "") for head in heads)] for row in rows]
    return _lines([first, *heads], cells)


def page(folder: Path = RESULTS) -> str:
    """Return the page."""
    return "\n".join([HEAD, *(_section(item, recorded(item.name, folder)) for item in TABLES), _judges()])


def _section(item: Table, rows: list[Row]) -> str:
    if not rows:
        return f"## {item.title}\n\nNot run.\n"
    days = sorted({row.day for row in rows})
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return f"## {item.title}\n\n{item.says}\n\nRows: {len(rows)}; {when}.\n\n{table(item.first, rows)}{item.after}"


def _judges() -> str:
    """Return the table that ``make judge`` keeps true."""
    lines = JUDGES.read_text(encoding="utf-8").partition("<!-- written by make judge -->\n")[2].splitlines()
    own = "\n".join(lines[: lines.index("")])
    says = (
        "The same programs on our golden files and on the charts' production sets; [why each finding stays](judges.md)."
    )
    return f"## Judges of others\n\n{says}\n\n{own}\n"


def _lines(heads: list[str], rows: list[list[Any]]) -> str:
    shown = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(_cell(value) for value in row)} |\n" for row in shown)


def _cell(value: Any) -> str:
    text = f"{value:.3g}" if isinstance(value, float) else str(value)
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
