"""Serve what MLflow's processes count, at ``/metrics`` of a port of its own, and whether the server answers.

Each of MLflow's processes keeps a file in the directory that it is given; the library that writes them adds them up
here. The files of processes that have ended are counted on: a sum that falls would look like a restart to Prometheus,
which would then count the rest a second time. A hundred of them cost 2 MiB of disk and 0.1 s of each answer.

Needs no credential: the files hold counts, and ``/health`` is open to all.
"""

from __future__ import annotations

import json
import os
import signal
import ssl
import sys
import time
import urllib.request
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 2.0
"""How long the server may take to answer for its health; Prometheus gives up after 10."""


def collect(directory: Path) -> Iterator[Any]:
    """Yield the metrics of all processes that ever ran in this pod."""
    from prometheus_client.multiprocess import MultiProcessCollector

    # A process makes its file before it writes into it.
    files = [str(file) for file in sorted(directory.glob("*.db")) if file.stat().st_size]
    collector: Any = MultiProcessCollector  # one of its few functions without types
    yield from collector.merge(files)


def health(url: str) -> tuple[float, float]:
    """Return 1 if the server answers, else 0, and how many seconds that took."""
    # It is the same pod: nobody is between, and the certificate is for other names than its localhost.
    context = ssl._create_unverified_context() if url.startswith("https:") else None  # noqa: S323, SLF001
    started = time.monotonic()
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS, context=context) as answer:  # noqa: S310 - http(s)
            answers = answer.status == HTTPStatus.OK
    except (OSError, ValueError):
        answers = False
    return float(answers), time.monotonic() - started


class Pod:
    """What is known of this pod, as a collector of the library."""

    def __init__(self, directory: Path, health_url: str) -> None:
        self._directory = directory
        self._health_url = health_url

    def collect(self) -> Iterator[Any]:
        """Yield every metric."""
        from prometheus_client.core import GaugeMetricFamily

        answers, took = health(self._health_url)
        yield GaugeMetricFamily("mlflow_up", "Whether the server of this pod answers for its health.", answers)
        yield GaugeMetricFamily("mlflow_health_duration_seconds", "How long that answer took.", took)
        yield from collect(self._directory)


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    protocol_version = "HTTP/1.1"
    timeout = 10
    pod: Pod

    def do_GET(self) -> None:
        """Answer with the metrics, and with nothing else."""
        if self.path.partition("?")[0] != "/metrics":
            self._answer(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", b"see /metrics\n")
            return
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

        registry = CollectorRegistry(auto_describe=False)
        registry.register(self.pod)
        self._answer(HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(registry))

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's word
        """Say nothing of requests that were answered: they come every few seconds, for ever."""

    def log_error(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's word
        """Say what went wrong."""
        print("metrics:", format % args, file=sys.stderr, flush=True)


class Server(ThreadingHTTPServer):
    """Answers as many as ask."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the library's signature
        """Say in one line why a request had no answer."""
        error = sys.exc_info()[1]
        print(f"metrics: no answer: {type(error).__name__}: {error}", file=sys.stderr, flush=True)


def main(settings: dict[str, Any]) -> int:
    """Serve until the pod ends."""
    Handler.pod = Pod(Path(settings["directory"]), settings["health_url"])
    # The first process of a container ignores the signal unless it says otherwise.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    server = Server(("", settings["port"]), Handler)
    print(f"metrics: serving {settings['directory']} on port {settings['port']}", flush=True)
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
