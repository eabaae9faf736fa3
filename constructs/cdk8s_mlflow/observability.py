"""How the server is watched: what it counts, who may ask, what wakes somebody up, and what it writes down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Literal

import attrs

from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.kubernetes import ResourceRequirements
from cdk8s_mlflow.peers import Manifest, Peer
from cdk8s_mlflow.values import AnnotationKey, DnsLabel, LabelValue, Ratio, Url, sequences

METRICS_PORT = 9464
"""Where every server pod serves its metrics: Prometheus exporters' own range."""
METRICS_PATH = "/metrics"
RUNBOOKS = "https://github.com/cdk8s-mlflow/cdk8s-mlflow/blob/main/docs/runbooks.md"
"""Where our docs say what to do about an alert."""


@frozen(kw_only=True)
class Target:
    """The pods that serve metrics, as a monitor must find them."""

    name: str
    """Of the objects that the monitor needs beside the pods."""
    release: str
    namespace: str | None
    selector: Mapping[str, str]
    """The labels of the pods."""


@frozen(kw_only=True)
class ServiceMonitor:
    """A ServiceMonitor of the Prometheus operator, and the headless Service ``<release>-metrics`` that it selects."""

    labels: Mapping[AnnotationKey, LabelValue] = attrs.field(factory=dict)
    """Labels by which your Prometheus finds it, such as ``{"release": "kube-prometheus-stack"}``; none if left out."""
    interval: timedelta | None = None
    """How often to ask: as often as that Prometheus asks by default, if left out."""
    namespace: DnsLabel | None = None
    """Where it goes, if that Prometheus looks in one namespace only: beside the server if left out."""

    def failures(self) -> Iterator[str]:
        """Yield what is wrong with the fields together."""
        if self.interval is not None and self.interval < timedelta(seconds=1):
            yield (
                f"interval must be a second or more (got {self.interval.total_seconds():g} s); "
                "write timedelta(seconds=30)"
            )

    def objects(self, target: Target) -> tuple[Manifest, ...]:
        """Return the Service, and the monitor."""
        mark = {"cdk8s-mlflow/metrics": target.release}
        service = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": target.name, "labels": mark},
            "spec": {
                "type": "ClusterIP",
                "clusterIP": "None",
                # A pod that is not ready has the most to say.
                "publishNotReadyAddresses": True,
                "selector": dict(target.selector),
                "ports": [{"name": "metrics", "port": METRICS_PORT, "targetPort": "metrics", "protocol": "TCP"}],
            },
        }
        elsewhere = {"namespaceSelector": {"matchNames": [target.namespace]}} if self.namespace else {}
        interval = {"interval": f"{int(self.interval.total_seconds())}s"} if self.interval else {}
        monitor = {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "ServiceMonitor",
            "metadata": placed(target.name, self.namespace, target.namespace) | {"labels": dict(self.labels)},
            "spec": {
                "jobLabel": "app.kubernetes.io/instance",
                "selector": {"matchLabels": mark},
                **elsewhere,
                "endpoints": [{"port": "metrics", "path": METRICS_PATH, **interval}],
            },
        }
        return service, monitor

    def pod_annotations(self) -> dict[str, str]:
        """Return nothing: the Service leads to the pods."""
        return {}


@frozen
class ScrapeAnnotations:
    """The annotations ``prometheus.io/scrape``, ``/port``, ``/path`` of the pods, for a Prometheus without operator.

    They mean something only to a Prometheus whose own configuration looks for them.
    """

    def objects(self, target: Target) -> tuple[Manifest, ...]:  # noqa: ARG002 - the pods are found by themselves
        """Return nothing."""
        return ()

    def pod_annotations(self) -> dict[str, str]:
        """Return where to ask."""
        return {
            "prometheus.io/scrape": "true",
            "prometheus.io/port": str(METRICS_PORT),
            "prometheus.io/path": METRICS_PATH,
        }


def placed(name: str, namespace: str | None, own: str | None) -> Manifest:
    """Return name and namespace of an object that may go elsewhere, where other releases have theirs too."""
    if namespace is None or namespace == own:
        return {"name": name}
    return {"name": f"{own}-{name}", "namespace": namespace}


@frozen(kw_only=True)
class Alerts:
    """A PrometheusRule of the Prometheus operator: what should wake somebody up, each with its runbook.

    It asks for what MLflow counts, and for what kube-state-metrics and the kubelet know of its objects: where those
    are not scraped, alerts that need them never fire.
    """

    labels: Mapping[AnnotationKey, LabelValue] = attrs.field(factory=dict)
    """Labels by which your Prometheus finds the rule; none if left out."""
    alert_labels: Mapping[AnnotationKey, LabelValue] = attrs.field(factory=dict)
    """Further labels of every alert, by which Alertmanager routes it, such as ``{"team": "ml"}``."""
    namespace: DnsLabel | None = None
    """Where the rule goes, if that Prometheus looks in one namespace only: beside the server if left out."""
    error_ratio: Ratio = 0.05
    """The share of failed requests (5xx) above which ``MlflowErrors`` fires."""
    latency: timedelta = timedelta(seconds=2)
    """The time within which 95 of 100 requests should be answered, else ``MlflowSlow`` fires. At most 10 s: MLflow
    counts nothing finer above that."""
    volume_free: Ratio = 0.1
    """The share of a volume that should stay free, else ``MlflowVolumeFull`` fires."""
    runbooks: Url = RUNBOOKS
    """The page that ``runbook_url`` leads to, with the alert's name as its anchor: our docs if left out."""

    def failures(self) -> Iterator[str]:
        """Yield what is wrong with the fields together."""
        if not timedelta(0) < self.latency <= timedelta(seconds=10):
            yield (
                f"latency must be above 0 and at most 10 s (got {self.latency.total_seconds():g} s); "
                "write timedelta(seconds=2)"
            )


def _sidecar_label() -> dict[str, str]:
    return {"grafana_dashboard": "1"}


@frozen(kw_only=True)
class Dashboard:
    """A Grafana dashboard in a ConfigMap, as Grafana's sidecar picks it up."""

    labels: Mapping[AnnotationKey, LabelValue] = attrs.field(factory=_sidecar_label)
    """Labels by which the sidecar finds it: ``grafana_dashboard: "1"``, the Helm charts' own, if left out."""
    annotations: Mapping[AnnotationKey, str] = attrs.field(factory=dict)
    """Where the sidecar takes a folder from: ``{"grafana_folder": "MLflow"}``."""
    namespace: DnsLabel | None = None
    """Where it goes, if the sidecar looks in one namespace only: beside the server if left out."""


@frozen(kw_only=True, field_transformer=sequences)
class Metrics:
    """Count requests, and serve the counts at ``/metrics`` on port 9464 of each server pod.

    A small container of its own reads what MLflow's processes count: whoever may read metrics reaches nothing else,
    and needs no login. The larribas chart's ``prometheus.expose``; ``--expose-prometheus``.

    MLflow serves the same counts on its own port as well, to those whom its login lets in. It counts the requests of
    its older API only: artifact transfers, health checks and the AI gateway are not in them.
    """

    monitor: ServiceMonitor | ScrapeAnnotations | None = None
    """How Prometheus learns of the pods: it must be told by hand, if left out."""
    allowed_from: Sequence[Peer] = ()
    """Who may read the metrics, such as ``NamespacePeer("monitoring")``: pods of the release's own namespace if left
    out. A cluster without network policies ignores it."""
    alerts: Alerts | None = None
    """What should wake somebody up: nothing if left out."""
    dashboard: Dashboard | None = None
    """A dashboard for Grafana: none if left out."""
    resources: ResourceRequirements | None = None
    """Requests and limits of the container, instead of 10m CPU, 32Mi and at most 64Mi (26 MiB were measured)."""


@frozen(kw_only=True)
class Logs:
    """What the server writes to its log, and how."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    """From which severity on MLflow and uvicorn speak; requests are lines of their own. ``MLFLOW_LOGGING_LEVEL``."""
    access_log: bool = True
    """Whether each request is a line. Answered health checks are none, and no line shows what follows a ``?``."""
    format: Literal["text", "json"] = "text"
    """``json`` makes each line an object with time, level, logger and message, once the server has started."""
