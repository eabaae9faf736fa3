"""Send requests, five a second or as many as said, until a file appears: ``load.py URI FILE [PER_SECOND]``.

Reads have a connection of their own each, writes a kept one, as MLflow's client has; all have one attempt.
"""

import json
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests  # type: ignore[import-untyped, import-not-found, unused-ignore]

LIMIT_SECONDS = 600
KEPT = threading.local()


def send(session: Any, uri: str, path: str, body: dict[str, Any]) -> Any:
    """Send one request and return the answer."""
    answer = session.post(f"{uri}/api/2.0/mlflow/{path}", json=body, timeout=30)
    answer.raise_for_status()
    return answer.json()


def read(uri: str) -> None:
    """Search experiments, over a new connection."""
    send(requests, uri, "experiments/search", {"max_results": 5})


def write(uri: str, run: str, number: int) -> None:
    """Log a metric, over the connection of the last time."""
    if not hasattr(KEPT, "session"):
        KEPT.session = requests.Session()
    metric = {"run_id": run, "key": "load", "value": number, "step": number}
    send(KEPT.session, uri, "runs/log-metric", {**metric, "timestamp": int(time.time() * 1000)})


def failure(uri: str, run: str, number: int) -> str:
    """Send request number N and return what went wrong, or nothing."""
    started = time.time()
    try:
        if number % 2:
            read(uri)
        else:
            write(uri, run, number)
    except requests.RequestException as error:
        return f"request {number} at {started:.1f} after {time.time() - started:.1f} s: {error!r}"
    return ""


def main(uri: str, stop: Path, per_second: float = 5) -> dict[str, Any]:
    """Send the load, then count what the server has of it."""
    new = {"experiment_id": "0", "start_time": int(time.time() * 1000)}
    created = send(requests, uri, "runs/create", new)
    run = created["run"]["info"]["run_id"]
    deadline = time.monotonic() + LIMIT_SECONDS
    outcomes: list[Future[str]] = []
    with ThreadPoolExecutor(8) as pool:
        while not stop.exists() and time.monotonic() < deadline:
            outcomes.append(pool.submit(failure, uri, run, len(outcomes)))
            time.sleep(1 / per_second)
    history = requests.get(
        f"{uri}/api/2.0/mlflow/metrics/get-history",
        params={"run_id": run, "metric_key": "load", "max_results": "5000"},
        timeout=30,
    ).json()
    return {
        "sent": len(outcomes),
        "failures": [text for text in (outcome.result() for outcome in outcomes) if text],
        "written": (len(outcomes) + 1) // 2,
        "stored": len(history["metrics"]),
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], Path(sys.argv[2]), *map(float, sys.argv[3:]))))  # noqa: T201 - the answer
