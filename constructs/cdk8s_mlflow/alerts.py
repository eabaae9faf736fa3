"""The alerts of a release: one table, each row with what is wrong and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.observability import Alerts, placed
from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.watched import Watched, WatchedJob, one_of, series


@frozen(kw_only=True)
class Alert:
    """Something that a person should look at."""

    name: str
    """Also the heading of its runbook."""
    expression: str
    lasting: timedelta = timedelta(0)
    """For how long it must hold."""
    severity: Literal["critical", "warning"] = "warning"
    """``critical``: people cannot work, or data is at risk, now."""
    summary: str


def alerts(watched: Watched, wanted: Alerts) -> Iterator[Alert]:
    """Return every alert that can fire for this release."""
    yield from _serving(watched, wanted)
    yield from _containers(watched)
    if watched.claims:
        yield _volumes(watched, wanted)
    for job in watched.jobs:
        yield from _job(watched, job)
    for name, left in watched.certificates.items():
        yield _certificate(watched, name, left)


def _serving(watched: Watched, wanted: Alerts) -> Iterator[Alert]:
    requests = series("mlflow_http_request_total", watched.pods)
    failed = series("mlflow_http_request_total", watched.pods | {"status": "~5.."})
    took = series("mlflow_http_request_duration_seconds_bucket", watched.pods)
    wanted_pods = series("kube_deployment_spec_replicas", watched.place | {"deployment": watched.release})
    unavailable = watched.place | {"deployment": one_of(watched.deployments)}
    yield Alert(
        name="MlflowDown",
        # Who has scaled it to nothing knows that nobody answers.
        expression=f"absent({series('mlflow_up', watched.pods)} == 1) unless on () {wanted_pods} == 0",
        lasting=timedelta(minutes=5),
        severity="critical",
        summary="no pod answers for its health, or none is scraped",
    )
    yield Alert(
        name="MlflowNotReady",
        expression=f"{series('kube_deployment_status_replicas_unavailable', unavailable)} > 0",
        lasting=timedelta(minutes=15),
        summary="{{ $value }} pods of {{ $labels.deployment }} are not ready",
    )
    yield Alert(
        name="MlflowErrors",
        # One failure among few requests is no trend.
        expression=(
            f"sum by (namespace) (rate({failed}[5m])) / sum by (namespace) (rate({requests}[5m]))"
            f" > {wanted.error_ratio:g} and sum by (namespace) (increase({failed}[5m])) > 5"
        ),
        lasting=timedelta(minutes=5),
        severity="critical",
        summary="{{ $value | humanizePercentage }} of the requests fail",
    )
    yield Alert(
        name="MlflowSlow",
        expression=(
            f"histogram_quantile(0.95, sum by (namespace, le) (rate({took}[5m]))) > {wanted.latency.total_seconds():g}"
        ),
        lasting=timedelta(minutes=15),
        summary="5 of 100 requests take longer than {{ $value | humanizeDuration }}",
    )


def _containers(watched: Watched) -> Iterator[Alert]:
    own = watched.pods | {"container": one_of(watched.containers)}
    restarts = series("kube_pod_container_status_restarts_total", own)
    killed = series("kube_pod_container_status_last_terminated_reason", own | {"reason": "OOMKilled"})
    by = "namespace, pod, container"
    yield Alert(
        name="MlflowRestarting",
        expression=f"sum by ({by}) (increase({restarts}[1h])) > 2",
        summary="container {{ $labels.container }} of {{ $labels.pod }} was started again"
        " more than twice within an hour",
    )
    yield Alert(
        name="MlflowOutOfMemory",
        expression=(f"max by ({by}) ({killed}) == 1 and on ({by}) sum by ({by}) (increase({restarts}[15m])) > 0"),
        summary="container {{ $labels.container }} of {{ $labels.pod }} was killed at its memory limit",
    )


def _volumes(watched: Watched, wanted: Alerts) -> Alert:
    labels = watched.place | {"persistentvolumeclaim": one_of(watched.claims)}
    free = [
        f"{series(f'kubelet_volume_stats_{left}', labels)} / {series(f'kubelet_volume_stats_{all_}', labels)}"
        f" < {wanted.volume_free:g}"
        for left, all_ in (("available_bytes", "capacity_bytes"), ("inodes_free", "inodes"))
    ]
    return Alert(
        name="MlflowVolumeFull",
        expression=" or ".join(free),
        lasting=timedelta(minutes=10),
        severity="critical",
        summary="volume {{ $labels.persistentvolumeclaim }} has {{ $value | humanizePercentage }} left",
    )


def _job(watched: Watched, job: WatchedJob) -> Iterator[Alert]:
    cron_job = watched.place | {"cronjob": job.name}
    by = "namespace, cronjob"
    succeeded = (
        f"(max by ({by}) ({series('kube_cronjob_status_last_successful_time', cron_job)})"
        f" or max by ({by}) ({series('kube_cronjob_created', cron_job)}))"
    )
    owner = watched.place | {"owner_kind": "CronJob", "owner_name": job.name}
    failures = (
        f"max by (namespace) ({series('kube_job_status_start_time', watched.place)}"
        f" and on (namespace, job_name) {series('kube_job_failed', watched.place | {'condition': 'true'})} == 1"
        f" and on (namespace, job_name) {series('kube_job_owner', owner)})"
    )
    suspended = f"{series('kube_cronjob_spec_suspend', cron_job)} == 1"
    yield Alert(
        name="MlflowJobFailed",
        expression=f"{succeeded} < on (namespace) group_left () {failures}",
        severity="warning",
        summary=f"the last run of CronJob {job.name} failed",
    )
    yield Alert(
        name="MlflowJobLate",
        expression=(f"time() - {succeeded} > {job.longest_gap.total_seconds():.0f} unless on ({by}) {suspended}"),
        severity="warning",
        summary=f"CronJob {job.name} last succeeded {{{{ $value | humanizeDuration }}}} ago",
    )


def _certificate(watched: Watched, name: str, left: timedelta) -> Alert:
    # Prometheus renames the label where cert-manager's monitor does not tell it to leave it.
    found = (
        series("certmanager_certificate_expiration_timestamp_seconds", {label: watched.namespace, "name": name})
        for label in ("namespace", "exported_namespace")
    )
    return Alert(
        name="MlflowCertificateExpiring",
        expression=f"({' or '.join(found)}) - time() < {left.total_seconds():.0f}",
        lasting=timedelta(minutes=10),
        severity="critical",
        summary=f"certificate {name} ends in {{{{ $value | humanizeDuration }}}}, and was not renewed",
    )


def rule(watched: Watched, wanted: Alerts) -> Manifest:
    """Return the PrometheusRule."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": placed(watched.release, wanted.namespace, watched.namespace) | {"labels": dict(wanted.labels)},
        "spec": {
            "groups": [
                {
                    "name": f"{watched.namespace}-{watched.release}",
                    "rules": [_written(alert, watched, wanted) for alert in alerts(watched, wanted)],
                }
            ]
        },
    }


def _written(alert: Alert, watched: Watched, wanted: Alerts) -> Manifest:
    lasting = {"for": f"{int(alert.lasting.total_seconds()) // 60}m"} if alert.lasting else {}
    return {
        "alert": alert.name,
        "expr": alert.expression,
        **lasting,
        # What an absent series cannot say is said for every alert.
        "labels": {**watched.place, "release": watched.release, "severity": alert.severity, **wanted.alert_labels},
        "annotations": {
            "summary": f"MLflow {watched.namespace}/{watched.release}: {alert.summary}",
            "runbook_url": f"{wanted.runbooks}#{alert.name.lower()}",
        },
    }
