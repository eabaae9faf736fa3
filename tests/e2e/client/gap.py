"""Ask five times a second until a file appears: ``gap.py URI FILE`` prints the times at which no answer came.

Each is a pair: the last answer before, and the first after, in seconds since the epoch.
"""

import json
import sys
import time
from pathlib import Path

import requests  # type: ignore[import-untyped, import-not-found, unused-ignore]

LIMIT_SECONDS = 900


def answers(uri: str) -> bool:
    """Return whether a request is answered by MLflow."""
    try:
        answer = requests.post(f"{uri}/api/2.0/mlflow/experiments/search", json={"max_results": 5}, timeout=2)
    except requests.RequestException:
        return False
    return bool(answer.status_code == requests.codes.ok)


def main(uri: str, stop: Path) -> list[list[float]]:
    """Return the gaps."""
    gaps: list[list[float]] = []
    last, away, end = time.time(), False, time.monotonic() + LIMIT_SECONDS
    while not stop.exists() and time.monotonic() < end:
        if answers(uri):
            if away:
                gaps.append([last, time.time()])
            last, away = time.time(), False
        else:
            away = True
        time.sleep(0.2)
    return gaps


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], Path(sys.argv[2]))))  # noqa: T201 - the answer
