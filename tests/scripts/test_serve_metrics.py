"""The program that serves metrics, over files as MLflow's processes write them."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from cdk8s_mlflow.scripts import serve_metrics

COUNT = """
import sys
from prometheus_client import Counter, Gauge
Counter("mlflow_http_request", "Requests.", ["status"]).labels(sys.argv[1]).inc(int(sys.argv[2]))
Gauge("mlflow_exporter_info", "Version.", ["version"], multiprocess_mode="max").labels("1").set(1)
"""
"""A process of MLflow's, as far as its files go: it counts, and ends."""


class Health(BaseHTTPRequestHandler):
    """A server that answers for its health, and for nothing else."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200 if self.path == "/mlflow/health" else 500)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def health() -> Iterator[int]:
    """Serve, and return the port."""
    with HTTPServer(("127.0.0.1", 0), Health) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture
def serving(tmp_path: Path, health: int) -> Iterator[tuple[Path, str, subprocess.Popen[str]]]:
    """Start the program over an empty directory; return that, its URL, and the process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    counts = tmp_path / "counts"
    counts.mkdir()
    url = f"http://127.0.0.1:{health}/mlflow/health"
    settings = tmp_path / "metrics.json"
    settings.write_text(json.dumps({"directory": str(counts), "health_url": url, "port": port}), encoding="utf-8")
    command = [sys.executable, serve_metrics.__file__, str(settings)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == f"metrics: serving {counts} on port {port}\n"
    yield counts, f"http://127.0.0.1:{port}", process
    process.kill()
    process.wait()
    process.stdout.close()


def count(directory: Path, status: str, number: int) -> None:
    """Let a process count requests."""
    command = [sys.executable, "-c", COUNT, status, str(number)]
    subprocess.run(command, env={"PROMETHEUS_MULTIPROC_DIR": str(directory)}, check=True)


def read(url: str) -> dict[str, float]:
    """Return what is served, by the series."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=30) as answer:  # noqa: S310 - http
        lines = answer.read().decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


def test_the_counts_of_all_processes_are_one(serving: tuple[Path, str, subprocess.Popen[str]]) -> None:
    """Those that ended are still counted, and say of the present no more than one does."""
    directory, url, _ = serving
    count(directory, "200", 3)
    count(directory, "200", 4)
    count(directory, "503", 1)
    (directory / "counter_99.db").touch()  # a process that has just begun
    found = read(url)
    assert found['mlflow_http_request_total{status="200"}'] == 7
    assert found['mlflow_http_request_total{status="503"}'] == 1
    assert found['mlflow_exporter_info{version="1"}'] == 1
    assert len([name for name in found if name.startswith("mlflow_exporter_info")]) == 1


def test_it_says_whether_the_server_answers(serving: tuple[Path, str, subprocess.Popen[str]]) -> None:
    """Nothing has to be counted for that."""
    found = read(serving[1])
    assert found["mlflow_up"] == 1
    assert 0 < found["mlflow_health_duration_seconds"] < 2


def test_a_server_that_does_not_answer_is_not_up(health: int) -> None:
    """Whether nobody listens, or somebody answers with an error."""
    assert serve_metrics.health("http://127.0.0.1:1/health")[0] == 0
    assert serve_metrics.health(f"http://127.0.0.1:{health}/health")[0] == 0
    assert serve_metrics.health(f"https://127.0.0.1:{health}/mlflow/health")[0] == 0


def test_nothing_but_metrics_is_served(serving: tuple[Path, str, subprocess.Popen[str]]) -> None:
    """No file, no index."""
    for path in ("/", "/../metrics.json", "/metrics/"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(serving[1] + path, timeout=30)  # noqa: S310 - http


def test_it_goes_on_after_a_broken_file(serving: tuple[Path, str, subprocess.Popen[str]]) -> None:
    """The scrape fails, the log says why, and the next one is answered."""
    directory, url, process = serving
    broken = directory / "counter_7.db"
    broken.write_bytes(b"\xff\x0f\x00\x00" + b"\xff" * 60)
    with pytest.raises((urllib.error.URLError, ConnectionError)):
        read(url)
    broken.unlink()
    assert read(url)["mlflow_up"] == 1
    process.send_signal(signal.SIGTERM)
    assert process.stdout is not None
    assert process.stdout.read().startswith("metrics: no answer: ")
    assert process.wait(10) == 0
