"""A real Prometheus: it finds the pods by our ServiceMonitor, loads our alerts, and answers the dashboard's queries.

Needs the Prometheus operator in the namespace ``monitoring`` (the kit's add-on ``prometheus``).
"""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from e2e.databases.certificates import Certificates
from e2e.environments import program
from e2e.installation import Installation, applied, release
from e2e.kubectl import Manifest, Pod, apply_manifests, get, kubectl, wait_until
from e2e.manifests import secret

from cdk8s_mlflow import (
    Alerts,
    ArtifactVolume,
    Dashboard,
    GarbageCollection,
    Metrics,
    MlflowProps,
    NamespacePeer,
    SecretKey,
    ServiceMonitor,
    SmokeTest,
    SQLite,
    TlsSecret,
)

from . import prometheus
from .asking import run_job
from .cluster_series import cluster_series
from .conftest import LOGIN, PASSWORD

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

RATE = "2m"
"""What Grafana would say for scrapes each 30 seconds."""
FOLDER = "/tmp"  # noqa: S108 - in the pod
PICTURED_SECONDS = 480
"""With MLFLOW_E2E_PICTURES=FOLDER a picture for the docs is made of so much time."""


@pytest.fixture(scope="module")
def watched(main: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Start a server with a login, with TLS in its pod, that answers to its own names only."""
    if not prometheus.is_installed():
        message = "there is no Prometheus; install the add-on: ../shared/cluster/addons prometheus"
        pytest.fail(message) if os.environ.get("MLFLOW_E2E") == "1" else pytest.skip(message)
    made = Certificates(tmp_path_factory.mktemp("certificates"))
    authority = made.authority()
    names = ["watched", f"watched.{main}", f"watched.{main}.svc", f"watched.{main}.svc.cluster.local"]
    certificate = made.signed("watched", names)
    apply_manifests(
        [
            secret(main, "watched-ca", {"ca.crt": authority}),
            secret(main, "watched-tls", certificate, "kubernetes.io/tls"),
        ]
    )
    props = MlflowProps(
        backend_store=SQLite(),
        artifact_store=ArtifactVolume(),
        authentication=LOGIN,
        tls=TlsSecret(secret_name="watched-tls", ca=SecretKey("watched-ca", "ca.crt")),
        metrics=Metrics(
            monitor=ServiceMonitor(), allowed_from=[NamespacePeer("monitoring")], alerts=Alerts(), dashboard=Dashboard()
        ),
        garbage_collection=GarbageCollection(schedule="* * * * *"),
        smoke_test=SmokeTest(),
    )
    installation = release(main, "watched", props)
    with applied(installation):
        installation.wait()
        yield installation


def test_prometheus_scrapes_a_server_that_asks_for_a_login(watched: Installation) -> None:
    """By the ServiceMonitor alone, past TLS, login and the check of hosts, none of which are for it."""
    up = f'mlflow_up{{namespace="{watched.namespace}", job="watched", service="watched-metrics"}}'
    wait_until("mlflow_up is 1", lambda: [item["value"][1] for item in prometheus.query(up)] == ["1"], 180)


def test_prometheus_has_loaded_every_alert(watched: Installation) -> None:
    """None of them is broken, and none fires over a server that works."""
    group = f"{watched.namespace}-watched"
    [rule] = [item for item in watched.manifests() if item["kind"] == "PrometheusRule"]
    names = {item["alert"] for item in rule["spec"]["groups"][0]["rules"]}
    wait_until(f"the rules of {group}", lambda: set(prometheus.alerting_rules(group)) == names, 180)
    wait_until(
        "no alert over a server that works",
        lambda: all(
            (item["health"], item["state"]) == ("ok", "inactive") for item in prometheus.alerting_rules(group).values()
        ),
        120,
    )


def test_every_query_of_the_dashboard_has_an_answer(watched: Installation, monitor: Pod, client: Pod) -> None:
    """While a client works: what MLflow counts, and what kube-state-metrics and the kubelet know of its pods."""
    with cluster_series(monitor.namespace), busy(client, watched):
        started = time.time()
        assert "smoke-test: passed in " in run_job(watched, "smoke-test", "smoke-of-watched", passes=True)
        found = get("configmap", "watched-dashboard", watched.namespace)["data"]
        drawn = json.loads(found[f"{watched.namespace}-watched.json"])
        queries = {
            target["expr"].replace("$__rate_interval", RATE)
            for panel in drawn["panels"]
            for target in panel.get("targets", [])
        }
        for source in ("mlflow_", "kube_", "container_memory_", "container_network_", "kubelet_"):
            assert any(source in query for query in queries), source
        network = {query for query in queries if "container_network_" in query}
        answered("every query", queries - network)
        # Some nodes' cAdvisor does not know their runtime's pods: the kit's is one.
        if prometheus.query('container_network_receive_bytes_total{pod!=""}'):
            answered("the network's queries", network)
        if folder := os.environ.get("MLFLOW_E2E_PICTURES"):
            time.sleep(max(0, started + PICTURED_SECONDS - time.time()))
            Path(folder, "dashboard.png").write_bytes(picture(drawn, client, started))


@contextmanager
def busy(client: Pod, server: Installation) -> Iterator[None]:
    """Send requests of every kind, artifacts and traces until the end of the block."""
    host = server.uri.removeprefix("http://").partition(":")[0]
    authority = get("secret", "watched-ca", server.namespace)["data"]["ca.crt"]
    write = f"cat > {FOLDER}/netrc && echo {authority} | base64 -d > {FOLDER}/ca.crt && rm -f {FOLDER}/stop"
    login = f"machine {host}\nlogin admin\npassword {PASSWORD}\n"
    kubectl("-n", client.namespace, "exec", "-i", client.name, "--", "sh", "-c", write, stdin=login)
    # What `requests` reads by itself.
    variables = ("env", f"NETRC={FOLDER}/netrc", f"REQUESTS_CA_BUNDLE={FOLDER}/ca.crt")
    process = client.start(*variables, "python", "-c", program("traffic"), f"https://{host}:5000", f"{FOLDER}/stop")
    try:
        yield
        assert process.poll() is None, process.communicate()
    finally:
        client.execute("touch", f"{FOLDER}/stop")
        process.communicate(timeout=120)


def answered(what: str, queries: set[str]) -> None:
    """Wait until each query has an answer that is a number: a share of nothing is none."""

    def is_answered(query: str) -> bool:
        return any(series["value"][1] != "NaN" for series in prometheus.query(query))

    wait_until(f"an answer to {what}", lambda: all(is_answered(query) for query in queries), 300)


def picture(drawn: Manifest, client: Pod, since: float) -> bytes:
    """Return a picture of what the panels show, as the docs have it.

    No registry has Grafana; the client's MLflow brings something to plot with.
    """
    shown = [
        {
            "title": panel["title"],
            "unit": panel["fieldConfig"]["defaults"]["unit"],
            "series": [
                {"legend": target.get("legendFormat", ""), **found}
                for target in panel.get("targets", [])
                for found in prometheus.query_range(target["expr"].replace("$__rate_interval", RATE), since)
            ],
        }
        for panel in drawn["panels"]
        if panel["type"] == "timeseries"
    ]
    run = ("-n", client.namespace, "exec", "-i", client.name, "--", "python", "-c", program("draw_panels"))
    return base64.b64decode(kubectl(*run, stdin=json.dumps(shown)))


def test_a_server_that_is_gone_is_an_alert(watched: Installation) -> None:
    """Pending at once; `promtool` has seen that it fires after its time."""
    group = f"{watched.namespace}-watched"
    watched.delete()
    wait_until(
        "MlflowDown is pending", lambda: prometheus.alerting_rules(group)["MlflowDown"]["state"] != "inactive", 180
    )
