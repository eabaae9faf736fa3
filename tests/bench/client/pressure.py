"""Send requests from a pod for some seconds: ``pressure.py URI KIND SECONDS THREADS [PER_SECOND]``.

Each thread keeps its connection, as MLflow's client does, and has a run of its own. Without PER_SECOND it sends as fast
as it is answered; with it, all threads together send so many at most. Prints what was answered after a short start
that does not count.
"""

import functools
import http.client
import json
import socket
import sys
import threading
import time
from typing import Any
from urllib.parse import urlsplit

RUNS, METRICS, START_SECONDS = 100, 10, 2.0


@functools.cache
def address(host: str, patience: int = 20) -> str:
    """Return the address of a host, asked for until a busy node's DNS answers."""
    try:
        return socket.gethostbyname(host)
    except socket.gaierror:
        if not patience:
            raise
    time.sleep(1)
    return address(host, patience - 1)


class Server:
    """A kept connection to the API."""

    def __init__(self, uri: str) -> None:
        """Connect when it is needed."""
        parts = urlsplit(uri)
        self.host = parts.netloc
        self.connection = http.client.HTTPConnection(address(str(parts.hostname)), parts.port or 80, timeout=60)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Send a request; a refusal is an error."""
        headers = {"Host": self.host, "Content-Type": "application/json"}
        self.connection.request("POST", f"/api/2.0/mlflow/{path}", json.dumps(body), headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != http.client.OK:
            message = f"{path}: {answer.status} {text[:200]!r}"
            raise OSError(message)
        return json.loads(text)

    def close(self) -> None:
        """Forget the connection; the next request makes another."""
        self.connection.close()


class Work:
    """The requests of one thread."""

    def __init__(self, uri: str, kind: str, experiment: str) -> None:
        """Make a run to write to."""
        self.server, self.kind, self.experiment = Server(uri), kind, experiment
        self.run = new_run(self.server, experiment)
        self.number = 0
        self.seconds: list[float] = []
        self.failures: list[str] = []

    def send(self) -> None:
        """Send the next request."""
        self.number += 1
        if self.kind == "log-batch" or (self.kind == "mixed" and self.number % 2):
            log(self.server, self.run, self.number)
        else:
            search(self.server, self.experiment)

    def repeat(self, begins: float, ends: float, pause: float) -> None:
        """Send until the end; what is sent before the beginning does not count."""
        self.server.close()  # kept idle while the others made their runs, it may be closed at the other end
        turn = time.monotonic()
        while (started := time.monotonic()) < ends:
            try:
                self.send()
            except (OSError, http.client.HTTPException) as error:
                self.server.close()
                self.failures.append(repr(error))
                time.sleep(0.1)
            else:
                if started >= begins:
                    self.seconds.append(time.monotonic() - started)
            turn = max(turn + pause, started)
            time.sleep(max(0.0, turn - time.monotonic()))


def new_run(server: Server, experiment: str) -> str:
    """Make a run."""
    body = {"experiment_id": experiment, "start_time": int(time.time() * 1000)}
    return str(server.post("runs/create", body)["run"]["info"]["run_id"])


def log(server: Server, run: str, step: int) -> None:
    """Log ten metrics at once."""
    now = int(time.time() * 1000)
    metrics = [{"key": f"m{key}", "value": step, "step": step, "timestamp": now} for key in range(METRICS)]
    server.post("runs/log-batch", {"run_id": run, "metrics": metrics})


def search(server: Server, experiment: str) -> None:
    """Look for the twenty best runs."""
    body = {"filter": "metrics.m0 >= 0", "order_by": ["metrics.m1 DESC"], "max_results": 20}
    server.post("runs/search", {"experiment_ids": [experiment], **body})


def prepare(uri: str) -> str:
    """Return the experiment with its runs; the first call makes them."""
    server = Server(uri)
    found = server.post("experiments/search", {"filter": "name = 'bench'", "max_results": 1}).get("experiments")
    if found:
        return str(found[0]["experiment_id"])
    experiment = str(server.post("experiments/create", {"name": "bench"})["experiment_id"])
    for number in range(RUNS):
        log(server, new_run(server, experiment), number)
    return experiment


def main(uri: str, kind: str, seconds: float, threads: int, per_second: float = 0.0) -> dict[str, Any]:
    """Send, and say how many were answered, and how long an answer took."""
    experiment = prepare(uri)
    works = [Work(uri, kind, experiment) for _ in range(threads)]
    pause = threads / per_second if per_second else 0.0
    begins = time.monotonic() + START_SECONDS
    all_threads = [threading.Thread(target=work.repeat, args=(begins, begins + seconds, pause)) for work in works]
    for thread in all_threads:
        thread.start()
    for thread in all_threads:
        thread.join()
    took = sorted(second for work in works for second in work.seconds) or [0.0]
    return {
        "sent": sum(work.number for work in works),
        "per second": len(took) / seconds,
        "p50": took[len(took) // 2] * 1000,
        "p99": took[min(len(took) - 1, int(len(took) * 0.99))] * 1000,
        "failures": [text for work in works for text in work.failures],
    }


if __name__ == "__main__":
    uri, kind, *numbers = sys.argv[1:]
    seconds, threads, *rate = map(float, numbers)
    print(json.dumps(main(uri, kind, seconds, int(threads), *rate)))  # noqa: T201 - the answer
