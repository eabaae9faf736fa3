"""Take every connection that a database gives, until a file appears: ``take_connections.py CONNINFO FILE``."""

import contextlib
import json
import sys
import time
from pathlib import Path

import psycopg2  # type: ignore[import-untyped, import-not-found, unused-ignore]

LIMIT_SECONDS = 300


def main(database: str, stop: Path) -> int:
    """Return how many they were."""
    taken, ends = [], time.monotonic() + LIMIT_SECONDS
    while not stop.exists() and time.monotonic() < ends:
        # "too many clients already": whoever gives one back loses it.
        with contextlib.suppress(psycopg2.OperationalError):
            taken.append(psycopg2.connect(database))
            continue
        time.sleep(0.02)
    return len(taken)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], Path(sys.argv[2]))))  # noqa: T201 - the answer
