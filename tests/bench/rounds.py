"""What was measured side by side, and the table that is made of it.

A round is one look at each contender, one after the other: ``{contender: {measure: number}}``. A cell of the table is
the median over the rounds, a ratio the median of the rounds' ratios, so that a machine whose speed drifts compares
the contenders all the same.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

import attrs
from page import table

Round = Mapping[str, Mapping[str, float]]


@attrs.frozen
class Row:
    """A line of the table: what is measured, and how it is shown."""

    label: str
    section: str
    measure: str
    form: str = "{:.0f}"
    ratios: bool = True
    """Whether ours divided by theirs says something."""
    goal: str = ""


def median(rounds: Sequence[Round], contender: str, measure: str) -> float | None:
    """Return the middle of what was measured; None if it never was."""
    found = [found[contender][measure] for found in rounds if measure in found.get(contender, {})]
    return statistics.median(found) if found else None


def ratio(rounds: Sequence[Round], these: str, those: str, measure: str) -> float | None:
    """Return the middle of the rounds' ratios; None where it was not measured for both, or is nothing."""
    pairs = [
        (found[these][measure], found[those][measure])
        for found in rounds
        if measure in found.get(these, {}) and found.get(those, {}).get(measure)
    ]
    return statistics.median(this / that for this, that in pairs) if pairs else None


def spread(rounds: Sequence[Round], these: str, those: str, measure: str) -> tuple[float, float] | None:
    """Return the least and the greatest of the rounds' ratios, from two rounds on."""
    each = [ratio([found], these, those, measure) for found in rounds]
    known = [value for value in each if value is not None]
    return (min(known), max(known)) if len(known) > 1 else None


def comparison(results: Mapping[str, Sequence[Round]], rows: Sequence[Row], names: Mapping[str, str]) -> str:
    """Return the table: the first name is ours, and is compared with each of the others."""
    ours, *others = names
    head = ["", *names.values(), *(f"ours / {names[other]}" for other in others), "at most"]
    return table(head, [_line(row, results[row.section], ours, others) for row in rows if results.get(row.section)])


def _line(row: Row, rounds: Sequence[Round], ours: str, others: Sequence[str]) -> list[str]:
    values = [median(rounds, name, row.measure) for name in (ours, *others)]
    cells = ["" if value is None else row.form.format(value) for value in values]
    return [row.label, *cells, *(_ratio(row, rounds, ours, other) for other in others), row.goal]


def _ratio(row: Row, rounds: Sequence[Round], ours: str, other: str) -> str:
    value = ratio(rounds, ours, other, row.measure) if row.ratios else None
    if value is None:
        return ""
    least, most = (f"{item:.2f}" for item in spread(rounds, ours, other, row.measure) or (value, value))
    return f"{value:.2f}" if least == most else f"{value:.2f} ({least} to {most})"
