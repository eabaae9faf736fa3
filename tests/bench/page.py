"""``docs/performance.md``: each benchmark writes between its own two marks, and leaves the rest of the page alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "performance.md"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table as Markdown has it."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def between_marks(page: str, command: str, text: str) -> str:
    """Return the page with other text between the marks of a command; the marks must be there."""
    mark = f"<!-- written by {command} -->\n"
    parts = page.split(mark)
    if len(parts) != 3:
        raise ValueError(f"the page has {len(parts) - 1} lines {mark.strip()!r}, and must have two")
    return mark.join((parts[0], f"\n{text}\n", parts[2]))


def write(command: str, text: str) -> None:
    """Write what a command has measured."""
    PAGE.write_text(between_marks(PAGE.read_text(encoding="utf-8"), command, text), encoding="utf-8")
