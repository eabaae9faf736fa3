"""The program that is printed, and the report beside it."""

from __future__ import annotations

import textwrap
from typing import Any

import attrs

from cdk8s_mlflow.environments import Environment
from cdk8s_mlflow.from_helm.charts import Converted
from cdk8s_mlflow.source import Comment, app
from cdk8s_mlflow.table import Row, table

_TITLES = {
    "carried over": "carried over",
    "changed": "carried over with a change",
    "decide": "needs a decision",
    "no counterpart": "has no counterpart",
}


def program(converted: Converted) -> str:
    """Return the source of a ``main.py``."""
    environment: Environment = converted.environment
    decisions: dict[str, str] = {}
    for item in converted.findings:
        if item.outcome == "decide":
            decisions.setdefault(item.text, item.key)
    lines = [line for text, key in decisions.items() for line in _comment(key, text)]
    title = f"MLflow as {converted.chart.title} ran it: ``python main.py`` writes ``dist/``."
    return app(title, [Comment(environment, tuple(lines)) if lines else environment])


def _comment(key: str, text: str) -> list[str]:
    return textwrap.wrap(f"Decide: {key}: {text}", 112, subsequent_indent="  ", break_on_hyphens=False)


def report(converted: Converted, width: int) -> str:
    """Return the report as a table, with what is to be done at its end."""
    parts = []
    for outcome, title in _TITLES.items():
        found = [item for item in converted.findings if item.outcome == outcome]
        if found:
            rows = [Row((f"{item.key} *" if item.of_chart else item.key, item.text)) for item in found]
            parts.append(f"{title[0].upper()}{title[1:]} ({len(found)})\n{table(rows, width)}")
    if any(item.of_chart for item in converted.findings):
        parts.append("* a default of the chart, of which the file says nothing\n")
    if converted.commands:
        parts.append(
            "Secrets to create before the first apply\n" + "".join(f"  {line}\n" for line in converted.commands)
        )
    if converted.failures:
        lines = "".join(f"  {failure}\n" for failure in converted.failures)
        parts.append(f"The program makes no server yet\n{lines}")
    return "\n".join(parts)


def report_data(converted: Converted) -> dict[str, Any]:
    """Return the report as JSON has it."""
    return {
        "findings": [attrs.asdict(item) for item in converted.findings],
        "commands": list(converted.commands),
        "failures": list(converted.failures),
    }
