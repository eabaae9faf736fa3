"""Tables for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from cdk8s_mlflow.frozen import frozen


@frozen
class Row:
    """A line of a table; its last cell is wrapped."""

    cells: tuple[str, ...]


def table(rows: Sequence[Row], width: int, indent: str = "  ") -> str:
    """Return rows below each other, the last column as wide as the rest of the line."""
    if not rows:
        return ""
    count = max(len(row.cells) for row in rows)
    widths = [min(48, max(len(row.cells[index]) for row in rows)) for index in range(count - 1)]
    left = len(indent) + sum(widths) + 2 * len(widths)
    return "".join(_line(row, widths, indent, max(30, width - left)) for row in rows)


def _line(row: Row, widths: Sequence[int], indent: str, last: int) -> str:
    *first, text = row.cells
    start = indent + "".join(f"{cell:<{size}}  " for cell, size in zip(first, widths, strict=True))
    lines = textwrap.wrap(text, last, break_on_hyphens=False, break_long_words=False) or [""]
    continued = "\n" + " " * (len(indent) + sum(widths) + 2 * len(widths))
    return f"{start}{continued.join(lines)}".rstrip() + "\n"
