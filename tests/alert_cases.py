"""For each alert of a release, series over which it fires and series over which it does not, for ``promtool``."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import yaml
from releases import render

from cdk8s_mlflow import (
    Alerts,
    ArtifactVolume,
    CertManagerTls,
    GarbageCollection,
    Metrics,
    MlflowProps,
    VolumeClaim,
)

PROPS = MlflowProps(
    # A dot and nothing else of a name means something in a pattern.
    artifact_store=ArtifactVolume(volume=VolumeClaim(name="artifacts")),
    metrics=Metrics(alerts=Alerts(alert_labels={"team": "ml"})),
    garbage_collection=GarbageCollection(schedule="0 * * * *", time_limit=timedelta(minutes=10)),
    tls=CertManagerTls(issuer_name="inner"),
)
POD = 'namespace="ml", pod="mlflow-6bf789784-s9pjp"'
OTHER_POD = 'namespace="ml", pod="mlflow-two-6bf789784-s9pjp"'
CONTAINER = f'{POD}, container="mlflow"'


@attrs.frozen(kw_only=True)
class Case:
    """Series, and what an alert makes of them."""

    alert: str
    series: Mapping[str, str]
    at: str
    labels: Mapping[str, str] | None = None
    """Those of the alert that fires, besides the ones that every alert has; None if none must."""
    summary: str = ""


def up(pod: str, values: str) -> dict[str, str]:
    """Return whether a pod answers."""
    return {f"mlflow_up{{{pod}}}": values}


def requests(good: str, bad: str) -> dict[str, str]:
    """Return what was counted."""
    return {
        f'mlflow_http_request_total{{{POD}, method="GET", status="200"}}': good,
        f'mlflow_http_request_total{{{POD}, method="POST", status="503"}}': bad,
    }


def latency(fast: str, slow: str) -> dict[str, str]:
    """Return what was measured: requests within a second, and all within five."""
    bucket = f"mlflow_http_request_duration_seconds_bucket{{{POD}"
    return {f'{bucket}, le="1.0"}}': fast, f'{bucket}, le="5.0"}}': slow, f'{bucket}, le="+Inf"}}': slow}


def restarts(values: str, reason: str = "Error") -> dict[str, str]:
    """Return how often the server was started again, and why."""
    return {
        f"kube_pod_container_status_restarts_total{{{CONTAINER}}}": values,
        f'kube_pod_container_status_last_terminated_reason{{{CONTAINER}, reason="{reason}"}}': "1x1500",
    }


def volume(free: str, inodes: str = "900x60", claim: str = "mlflow-data") -> dict[str, str]:
    """Return what is left of a volume of 1000."""
    labels = f'namespace="ml", persistentvolumeclaim="{claim}"'
    return {
        f"kubelet_volume_stats_available_bytes{{{labels}}}": free,
        f"kubelet_volume_stats_capacity_bytes{{{labels}}}": "1000x60",
        f"kubelet_volume_stats_inodes_free{{{labels}}}": inodes,
        f"kubelet_volume_stats_inodes{{{labels}}}": "1000x60",
    }


def job(*, succeeded: str | None, failed_at: str | None = None, suspended: int = 0) -> dict[str, str]:
    """Return what kube-state-metrics says of the CronJob and of its last failed Job; times count from zero."""
    cron_job = 'namespace="ml", cronjob="mlflow-gc"'
    failed = 'namespace="ml", job_name="mlflow-gc-1"'
    found = {
        f"kube_cronjob_created{{{cron_job}}}": "0x300",
        f"kube_cronjob_spec_suspend{{{cron_job}}}": f"{suspended}x300",
    }
    if succeeded is not None:
        found[f"kube_cronjob_status_last_successful_time{{{cron_job}}}"] = succeeded
    if failed_at is not None:
        found |= {
            f"kube_job_status_start_time{{{failed}}}": failed_at,
            f'kube_job_failed{{{failed}, condition="true", reason="DeadlineExceeded"}}': "1x300",
            f'kube_job_owner{{{failed}, owner_kind="CronJob", owner_name="mlflow-gc"}}': "1x300",
        }
    return found


def certificate(ends_after: timedelta, label: str = "namespace") -> dict[str, str]:
    """Return when the certificate ends."""
    end = f"{ends_after.total_seconds():.0f}x60"
    return {f'certmanager_certificate_expiration_timestamp_seconds{{{label}="ml", name="mlflow-tls"}}': end}


NAMESPACE = {"namespace": "ml"}
OF_POD = {"namespace": "ml", "pod": "mlflow-6bf789784-s9pjp", "container": "mlflow"}
OF_CLAIM = {"namespace": "ml", "persistentvolumeclaim": "mlflow-data"}
OF_JOB = {"namespace": "ml", "cronjob": "mlflow-gc"}

CASES: dict[str, Case] = {
    "nobody answers": Case(
        alert="MlflowDown",
        series=up(POD, "1x10 0x50"),
        at="20m",
        labels=NAMESPACE,
        summary="no pod answers for its health, or none is scraped",
    ),
    "nobody is scraped": Case(
        alert="MlflowDown",
        series=up(OTHER_POD, "1x60"),
        at="20m",
        labels=NAMESPACE,
        summary="no pod answers for its health, or none is scraped",
    ),
    "one of two answers": Case(
        alert="MlflowDown", series=up(POD, "0x60") | up(POD.replace("s9pjp", "aaaaa"), "1x60"), at="20m"
    ),
    "scaled to nothing on purpose": Case(
        alert="MlflowDown",
        series=up(POD, "1x10 _x50") | {'kube_deployment_spec_replicas{namespace="ml", deployment="mlflow"}': "0x60"},
        at="20m",
    ),
    "nobody answers, where one should": Case(
        alert="MlflowDown",
        series=up(POD, "0x60") | {'kube_deployment_spec_replicas{namespace="ml", deployment="mlflow"}': "1x60"},
        at="20m",
        labels=NAMESPACE,
        summary="no pod answers for its health, or none is scraped",
    ),
    "a restart": Case(alert="MlflowDown", series=up(POD, "1x10 0 0 0 1x50"), at="14m"),
    "a pod that never comes": Case(
        alert="MlflowNotReady",
        series={'kube_deployment_status_replicas_unavailable{namespace="ml", deployment="mlflow"}': "1x60"},
        at="16m",
        labels={"namespace": "ml", "deployment": "mlflow"},
        summary="1 pods of mlflow are not ready",
    ),
    "a rollout": Case(
        alert="MlflowNotReady",
        series={'kube_deployment_status_replicas_unavailable{namespace="ml", deployment="mlflow"}': "1x10 0x50"},
        at="16m",
    ),
    "another Deployment": Case(
        alert="MlflowNotReady",
        series={'kube_deployment_status_replicas_unavailable{namespace="ml", deployment="mlflow-two"}': "1x60"},
        at="16m",
    ),
    "every fifth request fails": Case(
        alert="MlflowErrors",
        series=requests("0+40x60", "0+10x60"),
        at="20m",
        labels=NAMESPACE,
        summary="20% of the requests fail",
    ),
    "every hundredth request fails": Case(alert="MlflowErrors", series=requests("0+990x60", "0+10x60"), at="20m"),
    "one of two requests fails": Case(alert="MlflowErrors", series=requests("0x10 1x50", "0x10 1x50"), at="12m"),
    "errors that ended": Case(alert="MlflowErrors", series=requests("0+40x60", "0+10x10 100x50"), at="20m"),
    "requests of three seconds": Case(
        alert="MlflowSlow",
        series=latency("0x60", "0+60x60"),
        at="30m",
        labels=NAMESPACE,
        summary="5 of 100 requests take longer than 4.8s",
    ),
    "requests of half a second": Case(alert="MlflowSlow", series=latency("0+60x60", "0+60x60"), at="30m"),
    "no requests": Case(alert="MlflowSlow", series=latency("0x60", "0x60"), at="30m"),
    "a loop of crashes": Case(
        alert="MlflowRestarting",
        series=restarts("0+1x10 10x100"),
        at="60m",
        labels=OF_POD,
        summary="container mlflow of mlflow-6bf789784-s9pjp was started again more than twice within an hour",
    ),
    "one crash": Case(alert="MlflowRestarting", series=restarts("0x10 1x100"), at="60m"),
    "crashes of another pod": Case(
        alert="MlflowRestarting",
        series={f'kube_pod_container_status_restarts_total{{{OTHER_POD}, container="mlflow"}}': "0+1x100"},
        at="60m",
    ),
    "killed at the limit": Case(
        alert="MlflowOutOfMemory",
        series=restarts("0x10 1x100", "OOMKilled"),
        at="15m",
        labels=OF_POD,
        summary="container mlflow of mlflow-6bf789784-s9pjp was killed at its memory limit",
    ),
    "killed at the limit long ago": Case(
        alert="MlflowOutOfMemory", series=restarts("0x10 1x100", "OOMKilled"), at="60m"
    ),
    "ended by itself": Case(alert="MlflowOutOfMemory", series=restarts("0x10 1x100"), at="15m"),
    "a volume that is nearly full": Case(
        alert="MlflowVolumeFull",
        series=volume("50x60"),
        at="15m",
        labels=OF_CLAIM,
        summary="volume mlflow-data has 5% left",
    ),
    "a volume with many small files": Case(
        alert="MlflowVolumeFull",
        series=volume("900x60", inodes="20x60"),
        at="15m",
        labels=OF_CLAIM,
        summary="volume mlflow-data has 2% left",
    ),
    "the second volume": Case(
        alert="MlflowVolumeFull",
        series=volume("50x60", claim="mlflow-artifacts"),
        at="15m",
        labels=OF_CLAIM | {"persistentvolumeclaim": "mlflow-artifacts"},
        summary="volume mlflow-artifacts has 5% left",
    ),
    "a volume with space": Case(alert="MlflowVolumeFull", series=volume("500x60"), at="15m"),
    "somebody else's volume": Case(alert="MlflowVolumeFull", series=volume("5x60", claim="prometheus"), at="15m"),
    "a failed run": Case(
        alert="MlflowJobFailed",
        series=job(succeeded="600x300", failed_at="1200x300"),
        at="30m",
        labels=OF_JOB,
        summary="the last run of CronJob mlflow-gc failed",
    ),
    "a first run that failed": Case(
        alert="MlflowJobFailed",
        series=job(succeeded=None, failed_at="1200x300"),
        at="30m",
        labels=OF_JOB,
        summary="the last run of CronJob mlflow-gc failed",
    ),
    "a failed run, and a good one after it": Case(
        alert="MlflowJobFailed", series=job(succeeded="1800x300", failed_at="1200x300"), at="40m"
    ),
    "no failed run": Case(alert="MlflowJobFailed", series=job(succeeded="600x300"), at="30m"),
    "no run for hours": Case(
        alert="MlflowJobLate",
        series=job(succeeded="600x300"),
        at="4h",
        labels=OF_JOB,
        summary="CronJob mlflow-gc last succeeded 3h 50m 0s ago",
    ),
    "no run ever": Case(
        alert="MlflowJobLate",
        series=job(succeeded=None),
        at="3h",
        labels=OF_JOB,
        summary="CronJob mlflow-gc last succeeded 3h 0m 0s ago",
    ),
    "a run two hours ago": Case(alert="MlflowJobLate", series=job(succeeded="600x300"), at="2h"),
    "a suspended CronJob": Case(alert="MlflowJobLate", series=job(succeeded="600x300", suspended=1), at="4h"),
    "a certificate that was not renewed": Case(
        alert="MlflowCertificateExpiring",
        series=certificate(timedelta(days=10)),
        at="20m",
        labels=NAMESPACE | {"name": "mlflow-tls"},
        summary="certificate mlflow-tls ends in 9d 23h 40m 0s, and was not renewed",
    ),
    "a certificate as Prometheus renames it": Case(
        alert="MlflowCertificateExpiring",
        series=certificate(timedelta(days=10), "exported_namespace"),
        at="20m",
        labels={"exported_namespace": "ml", "name": "mlflow-tls"},
        summary="certificate mlflow-tls ends in 9d 23h 40m 0s, and was not renewed",
    ),
    "a certificate that holds": Case(
        alert="MlflowCertificateExpiring", series=certificate(timedelta(days=60)), at="20m"
    ),
}


def rules() -> dict[str, Any]:
    """Return the rule of the release, as a file of rules has it."""
    found: dict[str, Any] = render(PROPS, namespace="ml").one("PrometheusRule")["spec"]
    return found


def check(promtool: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run every case; the result says which one went otherwise."""
    known = {rule["alert"]: rule for rule in rules()["groups"][0]["rules"]}
    (folder / "rules.yaml").write_text(yaml.safe_dump(_plain(rules())), encoding="utf-8")
    tests = [_test(name, case, known[case.alert]) for name, case in CASES.items()]
    suite = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": tests}
    (folder / "tests.yaml").write_text(yaml.safe_dump(suite), encoding="utf-8")
    command = [promtool, "test", "rules", str(folder / "tests.yaml")]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _test(name: str, case: Case, rule: dict[str, Any]) -> dict[str, Any]:
    fires = {
        "exp_labels": dict(rule["labels"]) | dict(case.labels or {}),
        "exp_annotations": dict(rule["annotations"]) | {"summary": f"MLflow ml/mlflow: {case.summary}"},
    }
    expected = {"eval_time": case.at, "alertname": case.alert, "exp_alerts": [] if case.labels is None else [fires]}
    return {
        "name": name,
        "interval": "1m",
        "input_series": [{"series": key, "values": values} for key, values in case.series.items()],
        "alert_rule_test": [expected],
    }
