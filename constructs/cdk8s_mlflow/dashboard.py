"""The Grafana dashboard of a release: one table of panels, and the JSON that Grafana reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.observability import Dashboard, placed
from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.watched import Watched, one_of, series

RATE = "$__rate_interval"
"""Grafana's own variable: a time that holds enough samples."""

NOT_COUNTED = """\
MLflow counts the requests of its tracking and registry API, and traces that come by OTLP. It does **not** count
artifact transfers, the AI gateway, `server-info` and health checks: errors and latency here are without them. What
artifacts cost is in *Network*, *CPU* and *Memory*, which the kubelet measures.

Pods, volumes and jobs need kube-state-metrics and the kubelet's metrics (cAdvisor) in the same Prometheus.
"""


@frozen(kw_only=True)
class Panel:
    """A picture of some queries over time."""

    title: str
    queries: tuple[tuple[str, str], ...]
    """Each with its legend."""
    unit: str = "short"
    """In Grafana's words."""
    limit: float | None = None
    """The highest value that there can be."""


def panels(watched: Watched) -> Iterator[Panel]:
    """Return the panels, in reading order."""
    requests = series("mlflow_http_request_total", watched.pods)
    failed = series("mlflow_http_request_total", watched.pods | {"status": "~5.."})
    took = series("mlflow_http_request_duration_seconds_bucket", watched.pods)
    deployment = watched.place | {"deployment": watched.release}
    own = watched.pods | {"container": one_of(watched.containers)}
    yield Panel(
        title="Pods that answer",
        queries=(
            (f"sum({series('mlflow_up', watched.pods)})", "answering"),
            (series("kube_deployment_status_replicas_available", deployment), "ready"),
            (series("kube_deployment_spec_replicas", deployment), "wanted"),
        ),
    )
    yield Panel(
        title="Requests", queries=((f"sum by (status) (rate({requests}[{RATE}]))", "{{status}}"),), unit="reqps"
    )
    yield Panel(
        title="Failed requests",
        # Nothing failed yet: there is no such series, and the answer is none.
        queries=(
            (
                f"(sum(rate({failed}[{RATE}])) or vector(0)) / sum(rate({requests}[{RATE}]))",
                "5xx of all",
            ),
        ),
        unit="percentunit",
        limit=1,
    )
    yield Panel(
        title="Latency",
        queries=tuple(
            (f"histogram_quantile({share / 100:g}, sum by (le) (rate({took}[{RATE}])))", f"{share} of 100")
            for share in (50, 95, 99)
        ),
        unit="s",
    )
    yield Panel(
        title="Traces by OTLP",
        queries=(
            (
                f"sum(rate({series('mlflow_otlp_request_duration_seconds_count', watched.pods)}[{RATE}]))",
                "requests",
            ),
            (f"sum(rate({series('mlflow_otlp_spans_per_request_sum', watched.pods)}[{RATE}]))", "spans"),
        ),
        unit="ops",
    )
    yield Panel(
        title="Health check",
        queries=((series("mlflow_health_duration_seconds", watched.pods), "{{pod}}"),),
        unit="s",
    )
    yield Panel(
        title="Memory",
        queries=(
            (f"sum by (pod) ({series('container_memory_working_set_bytes', own)})", "{{pod}}"),
            (
                f"max(sum by (pod) ({series('kube_pod_container_resource_limits', own | {'resource': 'memory'})}))",
                "limit",
            ),
        ),
        unit="bytes",
    )
    yield Panel(
        title="CPU",
        queries=((f"sum by (pod) (rate({series('container_cpu_usage_seconds_total', own)}[{RATE}]))", "{{pod}}"),),
        unit="cores",
    )
    yield Panel(
        title="Network",
        queries=tuple(
            (f"sum(rate({series(f'container_network_{way}_bytes_total', watched.pods)}[{RATE}]))", legend)
            for way, legend in (("receive", "in"), ("transmit", "out"))
        ),
        unit="Bps",
    )
    yield Panel(
        title="Restarts",
        queries=(
            (
                f"sum by (pod, container) ({series('kube_pod_container_status_restarts_total', own)})",
                "{{pod}} {{container}}",
            ),
        ),
    )
    if watched.claims:
        yield _volumes(watched)
    if watched.jobs:
        yield _jobs(watched)


def _volumes(watched: Watched) -> Panel:
    labels = watched.place | {"persistentvolumeclaim": one_of(watched.claims)}
    used, size = (series(f"kubelet_volume_stats_{name}_bytes", labels) for name in ("used", "capacity"))
    return Panel(
        title="Volumes", queries=((f"{used} / {size}", "{{persistentvolumeclaim}}"),), unit="percentunit", limit=1
    )


def _jobs(watched: Watched) -> Panel:
    labels = watched.place | {"cronjob": one_of(tuple(job.name for job in watched.jobs))}
    succeeded = series("kube_cronjob_status_last_successful_time", labels)
    return Panel(title="Since the last success", queries=((f"time() - {succeeded}", "{{cronjob}}"),), unit="s")


# --- Grafana's JSON ----------------------------------------------------------------------------------------

_WIDTH, _HEIGHT, _COLUMNS = 8, 7, 3
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def define_dashboard(watched: Watched) -> Manifest:
    """Return the dashboard in Grafana's own shape."""
    drawn = [_panel(index, panel) for index, panel in enumerate(panels(watched))]
    title = f"MLflow {watched.namespace}/{watched.release}"
    return {
        "title": title,
        # The same one again, whenever it is loaded; other releases have another.
        "uid": hashlib.sha256(title.encode()).hexdigest()[:32],
        "tags": ["mlflow"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [{"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"}]
        },
        "panels": [*drawn, _text(len(drawn))],
    }


def _panel(index: int, panel: Panel) -> Manifest:
    limit = {} if panel.limit is None else {"max": panel.limit}
    return {
        "id": index + 1,
        "type": "timeseries",
        "title": panel.title,
        "datasource": _SOURCE,
        "gridPos": _place(index),
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0, **limit}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + number), "datasource": _SOURCE, "expr": expression, "legendFormat": legend}
            for number, (expression, legend) in enumerate(panel.queries)
        ],
    }


def _text(index: int) -> Manifest:
    return {
        "id": index + 1,
        "type": "text",
        "title": "What is not counted",
        "gridPos": _place(index),
        "options": {"mode": "markdown", "content": NOT_COUNTED},
    }


def _place(index: int) -> Manifest:
    return {"x": index % _COLUMNS * _WIDTH, "y": index // _COLUMNS * _HEIGHT, "w": _WIDTH, "h": _HEIGHT}


def dashboard(watched: Watched, wanted: Dashboard) -> Manifest:
    """Return the ConfigMap that Grafana's sidecar picks up."""
    metadata = placed(f"{watched.release}-dashboard", wanted.namespace, watched.namespace)
    text = json.dumps(define_dashboard(watched), indent=2) + "\n"
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata | {"labels": dict(wanted.labels), "annotations": dict(wanted.annotations)},
        "data": {f"{watched.namespace}-{watched.release}.json": text},
    }
