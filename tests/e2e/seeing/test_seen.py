"""A server that is seen: its metrics by those who may, its log without noise, its smoke test."""

from __future__ import annotations

import json

import pytest
from e2e.installation import Installation
from e2e.kubectl import Pod, kubectl

from .asking import address, ask, run_job, samples
from .conftest import PASSWORD

pytestmark = pytest.mark.e2e

SEARCH = """
import base64, sys, urllib.request
uri, login = sys.argv[1], base64.b64encode(sys.argv[2].encode()).decode()
headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
for _ in range(12):
    url = f"{uri}/api/2.0/mlflow/experiments/search"
    urllib.request.urlopen(urllib.request.Request(url, b'{"max_results": 5}', headers), timeout=60).close()
"""
"""As MLflow's client does, which takes seconds to load."""


def test_monitoring_reads_the_metrics_and_reaches_nothing_else(
    seen: Installation, monitor: Pod, stranger: Pod, client: Pod
) -> None:
    """Whoever may read them needs no login; nobody else of the cluster is let in, the release's neighbours included."""
    ip = address(seen)
    metrics, server = f"http://{ip}:9464/metrics", f"http://{ip}:5000/metrics"
    [(status, text), (other, _)] = ask(monitor, metrics, server)
    assert (status, other) == (200, 0)
    assert samples(text)["mlflow_up"] == 1
    assert [status for status, _ in ask(stranger, metrics, server)] == [0, 0]
    assert [status for status, _ in ask(client, metrics, server)] == [0, 401]


def test_requests_of_all_workers_are_counted_once(seen: Installation, monitor: Pod, client: Pod) -> None:
    """A client's twelve searches are twelve more, whichever worker has answered each."""
    url = f"http://{address(seen)}:9464/metrics"

    def counted() -> float:
        [(_, text)] = ask(monitor, url)
        return sum(v for k, v in samples(text).items() if k.startswith("mlflow_http_request_total{"))

    before = counted()
    client.execute("python", "-c", SEARCH, f"{seen.uri}/tools/mlflow", f"admin:{PASSWORD}")
    assert counted() == before + 12
    assert counted() == before + 12


def test_the_container_that_serves_metrics_knows_no_secret(seen: Installation) -> None:
    """Who breaks into it finds counts: no password in its environment, no volume of the server's but that."""
    [pod] = seen.pods()
    inside = pod.attempt("env", container="metrics").stdout
    assert "HOME=" in inside
    assert not [line for line in inside.splitlines() if "PASSWORD" in line or "SECRET" in line or "KEK" in line]
    for command in ("ls /mlflow/data", "touch /run/mlflow/metrics/x", "touch /tmp/x"):
        assert pod.attempt("sh", "-c", command, container="metrics").returncode != 0, command


def test_the_log_is_json_without_health_checks(seen: Installation, client: Pod) -> None:
    """Every line after the start, with two workers; a query string is in none."""
    ask(client, f"{seen.uri}/tools/mlflow/health?token=sesame", f"{seen.uri}/tools/mlflow/nothing?token=sesame")
    [pod] = seen.pods()
    lines = kubectl("-n", seen.namespace, "logs", pod.name, "-c", "mlflow").splitlines()
    first = next(index for index, line in enumerate(lines) if line.startswith("{"))
    told = [json.loads(line) for line in lines[first:]]
    assert sum(line["message"].startswith("Started server process") for line in told) == 2
    requests = [line for line in told if line["logger"] == "uvicorn.access"]
    assert any(line["path"] == "/tools/mlflow/nothing" for line in requests)
    assert not [line for line in requests if line["path"] == "/tools/mlflow/health"]
    assert "sesame" not in "".join(lines)


def test_the_smoke_test_passes(seen: Installation) -> None:
    """With the credentials that clients use, through the Service, and it leaves nothing behind that is not deleted."""
    lines = run_job(seen, "smoke-test", "smoke", passes=True).splitlines()
    assert lines[-1].startswith("smoke-test: passed in ")
    assert [line for line in lines if not line.startswith("smoke-test: ")] == []
    seen.assert_calm()
