"""Make a server work: ``work.py requests URI SECONDS PER_SECOND``, ``work.py up URL MIB``, ``work.py down URL``.

Requests are batches of 20 metrics and searches for 20 runs in turn, over kept connections as MLflow's client has, one
attempt each. A file is never whole in this process. It logs in by the variables of MLflow's client.
"""

import hashlib
import itertools
import json
import os
import sys
import threading
import time
from typing import Any

import requests  # type: ignore[import-untyped, import-not-found, unused-ignore]

THREADS, RUNS = 24, 20
BLOCK = bytes(range(256)) * 4096


def session() -> Any:
    """Return connections that are logged in."""
    made = requests.Session()
    if token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
        made.headers["Authorization"] = f"Bearer {token}"
    elif user := os.environ.get("MLFLOW_TRACKING_USERNAME"):
        made.auth = (user, os.environ["MLFLOW_TRACKING_PASSWORD"])
    return made


class Work:
    """What is sent to a server."""

    def __init__(self, uri: str) -> None:
        """Make the runs to write to."""
        self.api = f"{uri}/api/2.0/mlflow"
        sender = session()
        new = {"experiment_id": "0", "start_time": int(time.time() * 1000)}
        self.runs = [self.post(sender, "runs/create", new).json()["run"]["info"]["run_id"] for _ in range(RUNS)]

    def post(self, sender: Any, path: str, body: dict[str, Any]) -> Any:
        """Send one request and return the answer."""
        answer = sender.post(f"{self.api}/{path}", json=body, timeout=60)
        answer.raise_for_status()
        return answer

    def send(self, sender: Any, number: int) -> None:
        """Send request number N."""
        if number % 2:
            self.post(sender, "runs/search", {"experiment_ids": ["0"], "max_results": RUNS})
            return
        now = int(time.time() * 1000)
        metrics = [{"key": f"metric {key}", "value": number, "timestamp": now, "step": number} for key in range(20)]
        self.post(sender, "runs/log-batch", {"run_id": self.runs[number % RUNS], "metrics": metrics})


def steady(uri: str, seconds: float, per_second: float) -> dict[str, Any]:
    """Send as many as wanted, or as many as the server answers."""
    work, numbers, failures = Work(uri), itertools.count(), []
    started = time.monotonic()

    def repeat() -> None:
        sender = session()
        while (number := next(numbers)) < seconds * per_second:
            time.sleep(max(0, number / per_second - (time.monotonic() - started)))
            if time.monotonic() - started > seconds:
                return
            try:
                work.send(sender, number)
            except requests.RequestException as error:
                failures.append(f"{number}: {error!r}")
            answered.append(number)

    answered: list[int] = []
    threads = [threading.Thread(target=repeat) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - started
    return {"answered": len(answered), "per second": round(len(answered) / took), "failures": failures[:5]}


class File:
    """A file of a known length, of blocks that all differ."""

    def __init__(self, blocks: int) -> None:
        """Begin at the start."""
        self.size, self.sent, self.digest = blocks * len(BLOCK), 0, hashlib.sha256()

    def __len__(self) -> int:
        """Return the size, for Content-Length."""
        return self.size

    def read(self, _amount: int = -1) -> bytes:
        """Return the next block."""
        if self.sent >= self.size:
            return b""
        block = self.sent.to_bytes(8, "big") + BLOCK[8:]
        self.sent += len(block)
        self.digest.update(block)
        return block


def up(url: str, mebibytes: int) -> dict[str, Any]:
    """Send a file."""
    file = File(mebibytes)
    answer = session().put(url, data=file, timeout=600)
    return {"status": answer.status_code, "bytes": file.sent, "digest": file.digest.hexdigest()}


def down(url: str) -> dict[str, Any]:
    """Fetch a file."""
    received, digest = 0, hashlib.sha256()
    with session().get(url, stream=True, timeout=600) as answer:
        for block in answer.iter_content(1 << 20):
            received += len(block)
            digest.update(block)
        return {"status": answer.status_code, "bytes": received, "digest": digest.hexdigest()}


def main(action: str, where: str, *numbers: str) -> dict[str, Any]:
    """Do one thing."""
    if action == "up":
        return up(where, int(numbers[0]))
    if action == "down":
        return down(where)
    return steady(where, float(numbers[0]), float(numbers[1]))


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))  # noqa: T201 - the answer
