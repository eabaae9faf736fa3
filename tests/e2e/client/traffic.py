"""Send about twenty requests a second until a file appears: ``traffic.py URI FILE``.

Each kind is sent over connections of its own and over kept ones, with one attempt: the API, artifacts that pass the
server, OTLP traces, and one long upload after the other. More kept connections have pauses of half a second to 5.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import requests  # type: ignore[import-untyped, import-not-found, unused-ignore]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # type: ignore[import-not-found, unused-ignore]
    ExportTraceServiceRequest,
)
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span  # type: ignore[import-not-found, unused-ignore]

LIMIT_SECONDS = 3000
UPLOAD_SECONDS = 25
BLOCK = b"x" * 65536


def spans() -> bytes:
    """Return one trace of one span, as OTLP writes it."""
    now = time.time_ns()
    span = Span(
        trace_id=os.urandom(16),
        span_id=os.urandom(8),
        name="load",
        start_time_unix_nano=now,
        end_time_unix_nano=now + 1,
    )
    return ExportTraceServiceRequest(  # type: ignore[no-any-return, unused-ignore]
        resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=[span])])]
    ).SerializeToString()


def slowly(seconds: float) -> Iterator[bytes]:
    """Yield 1 MiB a second."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        yield BLOCK
        time.sleep(1 / 16)


class Traffic:
    """What is sent, and what went wrong."""

    def __init__(self, uri: str, stop: Path) -> None:
        """Make a run to write to."""
        self.uri, self.stop = uri, stop
        self.deadline = time.monotonic() + LIMIT_SECONDS
        created = requests.post(
            f"{uri}/api/2.0/mlflow/runs/create", json={"experiment_id": "0", "start_time": 1}, timeout=60
        )
        created.raise_for_status()
        self.run = created.json()["run"]["info"]["run_id"]
        self.sent: dict[str, int] = {}
        self.slowest: dict[str, float] = {}
        self.failures: list[str] = []

    def api(self, session: Any, number: int) -> Any:
        """Read or write by the API."""
        if number % 2:
            return session.post(f"{self.uri}/api/2.0/mlflow/experiments/search", json={"max_results": 5}, timeout=60)
        metric = {"run_id": self.run, "key": "load", "value": number, "step": number, "timestamp": number}
        return session.post(f"{self.uri}/api/2.0/mlflow/runs/log-metric", json=metric, timeout=60)

    def artifact(self, session: Any, number: int) -> Any:
        """Send a small artifact by the server, or fetch it."""
        url = f"{self.uri}/api/2.0/mlflow-artifacts/artifacts/traffic/{self.run}-{number // 2}"
        return session.get(url, timeout=60) if number % 2 else session.put(url, data=BLOCK, timeout=60)

    def trace(self, session: Any, _number: int) -> Any:
        """Send a trace."""
        headers = {"Content-Type": "application/x-protobuf", "x-mlflow-experiment-id": "0"}
        return session.post(f"{self.uri}/v1/traces", data=spans(), headers=headers, timeout=60)

    def upload(self, session: Any, number: int) -> Any:
        """Send an artifact for a long time."""
        url = f"{self.uri}/api/2.0/mlflow-artifacts/artifacts/traffic/{self.run}-long-{number}"
        return session.put(url, data=slowly(UPLOAD_SECONDS), timeout=120)

    def repeat(self, name: str, send: Callable[[Any, int], Any], every: float, *, keep: bool) -> None:
        """Send again and again; one attempt each."""
        number, session = 0, requests.Session()
        while not self.stop.exists() and time.monotonic() < self.deadline:
            started = time.monotonic()
            try:
                answer = send(session if keep else requests, number)
                answer.raise_for_status()
            except requests.RequestException as error:
                text = getattr(error.response, "text", "")[:200]
                self.failures.append(f"{name} {number} after {time.monotonic() - started:.1f} s: {error!r} {text}")
            number += 1
            self.slowest[name] = round(max(self.slowest.get(name, 0), time.monotonic() - started), 2)
            self.sent[name] = number
            time.sleep(max(0, every - (time.monotonic() - started)))


def main(uri: str, stop: Path) -> dict[str, Any]:
    """Send everything at once until the end."""
    traffic = Traffic(uri, stop)
    kinds = {"api": (traffic.api, 0.2), "artifacts": (traffic.artifact, 0.4), "traces": (traffic.trace, 0.4)}
    threads = [
        threading.Thread(target=traffic.repeat, args=(f"{name}, {word}", send, every), kwargs={"keep": keep})
        for name, (send, every) in kinds.items()
        for word, keep in (("new connections", False), ("kept connection", True))
    ]
    threads += [
        threading.Thread(
            target=traffic.repeat, args=(f"kept connection, {every} s", traffic.api, every), kwargs={"keep": True}
        )
        for every in (0.5, 1, 1.5, 2, 3, 5)
    ]
    threads.append(threading.Thread(target=traffic.repeat, args=("uploads", traffic.upload, 0), kwargs={"keep": False}))
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - started
    return {"sent": traffic.sent, "seconds": seconds, "slowest": traffic.slowest, "failures": traffic.failures}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], Path(sys.argv[2]))))  # noqa: T201 - the answer
