"""Write to a server until a file appears, note what it acknowledged, and look for all of it: ``writer.py URI FILE``.

One attempt each, over a connection of its own, that may take five seconds. Whatever was answered with 200 must be there
at the end; what was not may be.
"""

import hashlib
import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests  # type: ignore[import-untyped, import-not-found, unused-ignore]

EVERY, ATTEMPT, PATIENCE, LIMIT = 0.4, 5, 120, 1800


def content(number: int) -> bytes:
    """Return the artifact of a number."""
    return hashlib.sha256(str(number).encode()).digest() * 1024


class Writer:
    """What was sent, and what was acknowledged."""

    def __init__(self, uri: str, stop: Path, headers: dict[str, str]) -> None:
        """Make a run to write to."""
        self.uri, self.stop, self.headers = uri, stop, headers
        made = self.post("runs/create", {"experiment_id": "0", "start_time": 1}, timeout=60)
        made.raise_for_status()
        self.run: str = made.json()["run"]["info"]["run_id"]
        self.acknowledged: dict[str, list[int]] = {"API": [], "artifacts": []}
        self.away = {"API": 0.0, "artifacts": 0.0}
        self.failed: dict[str, Counter[str]] = {"API": Counter(), "artifacts": Counter()}
        self.deadline = time.monotonic() + LIMIT

    def post(self, path: str, body: dict[str, Any], timeout: float = ATTEMPT) -> Any:
        """Send a request of the API."""
        return requests.post(f"{self.uri}/api/2.0/mlflow/{path}", json=body, headers=self.headers, timeout=timeout)

    def metric(self, number: int) -> Any:
        """Log a metric, or every fifth time a parameter."""
        if number % 5 == 0:
            return self.post("runs/log-parameter", {"run_id": self.run, "key": f"p{number}", "value": str(number)})
        metric = {"run_id": self.run, "key": "m", "value": number, "step": number, "timestamp": number}
        return self.post("runs/log-metric", metric)

    def artifact(self, number: int) -> Any:
        """Send an artifact of 32 KiB."""
        return requests.put(self.place(number), data=content(number), headers=self.headers, timeout=ATTEMPT)

    def place(self, number: int) -> str:
        """Return the URL of an artifact."""
        return f"{self.uri}/api/2.0/mlflow-artifacts/artifacts/writer/{self.run}/{number}"

    def repeat(self, kind: str, send: Callable[[int], Any]) -> None:
        """Send one after the other."""
        number, last = 0, time.monotonic()
        while not self.stop.exists() and time.monotonic() < self.deadline:
            started = time.monotonic()
            try:
                answer = send(number)
                why = "" if answer.status_code == 200 else str(answer.status_code)
            except requests.RequestException as error:
                why = type(error).__name__
            now = time.monotonic()
            if why:
                self.failed[kind][why] += 1
            else:
                self.acknowledged[kind].append(number)
                self.away[kind], last = max(self.away[kind], now - last), now
            number += 1
            time.sleep(max(0, EVERY - (now - started)))
        self.away[kind] = max(self.away[kind], time.monotonic() - last)

    def patiently(self, ask: Callable[[], Any]) -> Any:
        """Ask until there is an answer of the server's own."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                answer = ask()
            except requests.RequestException:
                if time.monotonic() > deadline:
                    raise
            else:
                if answer.status_code in {200, 404} or time.monotonic() > deadline:
                    return answer
            time.sleep(0.5)

    def lost(self) -> dict[str, list[int]]:
        """Return what was acknowledged and is not there."""
        found = set(self.stored())
        return {
            "API": [number for number in self.acknowledged["API"] if number not in found],
            "artifacts": self.lost_artifacts(self.acknowledged["artifacts"]),
        }

    def stored(self) -> list[int]:
        """Return the numbers of the metrics and parameters that are there."""
        base = f"{self.uri}/api/2.0/mlflow"
        run = {"run_id": self.run}
        found = self.patiently(lambda: requests.get(f"{base}/runs/get", run, headers=self.headers, timeout=60))
        if found.status_code == 404:
            return []
        params = [int(item["value"]) for item in found.json()["run"]["data"].get("params", [])]
        ask: dict[str, Any] = {**run, "metric_key": "m", "max_results": 25000}
        history = self.patiently(
            lambda: requests.get(f"{base}/metrics/get-history", ask, headers=self.headers, timeout=60)
        )
        return params + [int(item["step"]) for item in history.json().get("metrics", [])]

    def lost_artifacts(self, numbers: list[int]) -> list[int]:
        """Return the artifacts that are not as they were sent."""
        session = requests.Session()

        def has(number: int) -> bool:
            answer = self.patiently(lambda: session.get(self.place(number), headers=self.headers, timeout=60))
            return bool(answer.status_code == 200 and answer.content == content(number))

        return [number for number in numbers if not has(number)]


def main(uri: str, stop: Path, kinds: list[str]) -> dict[str, Any]:
    """Write until the end, then look."""
    token = os.environ.get("WRITER_TOKEN")
    writer = Writer(uri, stop, {"Authorization": f"Bearer {token}"} if token else {})
    sends = {"API": writer.metric, "artifacts": writer.artifact}
    threads = [threading.Thread(target=writer.repeat, args=(kind, sends[kind])) for kind in kinds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {
        "acknowledged": {kind: writer.acknowledged[kind] for kind in kinds},
        "failed": {kind: dict(writer.failed[kind]) for kind in kinds},
        "away": {kind: round(writer.away[kind], 1) for kind in kinds},
        "lost": writer.lost(),
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])))  # noqa: T201 - the answer
