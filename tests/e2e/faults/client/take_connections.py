"""Take every connection that a database gives, for a while: ``take_connections.py CONNINFO SECONDS``."""

import contextlib
import json
import sys
import time

import psycopg2  # type: ignore[import-untyped, import-not-found, unused-ignore]


def main(database: str, seconds: float) -> int:
    """Return how many they were."""
    taken, ends = [], time.monotonic() + seconds
    while time.monotonic() < ends:
        # "too many clients already": whoever gives one back loses it.
        with contextlib.suppress(psycopg2.OperationalError):
            taken.append(psycopg2.connect(database))
            continue
        time.sleep(0.02)
    return len(taken)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], float(sys.argv[2]))))  # noqa: T201 - the answer
