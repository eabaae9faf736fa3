"""What slow tests measure, kept until ``pages/reliability.py`` makes a page of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

RESULTS = Path(__file__).parents[2] / "build" / "results"


def record(table: str, row: str, columns: Mapping[str, str | int | float], folder: Path = RESULTS) -> None:
    """Keep a row of a table of the page; a later one of the same name takes its place.

    A test calls it at its end, so that a row stands for a test that has passed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    line = {"row": row, "day": f"{datetime.now(timezone.utc):%Y-%m-%d}", "columns": dict(columns)}
    # One write at the end of the file: processes that record at once leave whole lines.
    with (folder / f"{table}.jsonl").open("a", encoding="utf-8", buffering=1) as file:
        file.write(f"{json.dumps(line, ensure_ascii=False)}\n")
