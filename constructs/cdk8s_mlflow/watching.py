"""What monitoring is told about a release: how to find its pods, its alerts, its dashboard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from cdk8s_mlflow.alerts import rule
from cdk8s_mlflow.dashboard import dashboard
from cdk8s_mlflow.exposure import Ingress
from cdk8s_mlflow.maintenance import CronJobPlan
from cdk8s_mlflow.observability import Target
from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.pods import PodPlan
from cdk8s_mlflow.props import MlflowProps
from cdk8s_mlflow.release import Release
from cdk8s_mlflow.schedules import longest_gap
from cdk8s_mlflow.watched import Watched, WatchedJob

_RENEWED_BEFORE = timedelta(days=14)
"""What cert-manager leaves at least of a public certificate: it renews after two thirds of 90 days."""


def needs_a_namespace(props: MlflowProps) -> bool:
    """Return whether something names the release's namespace in its text, where kubectl would not fill it in."""
    metrics = props.metrics
    return metrics is not None and (metrics.alerts is not None or metrics.dashboard is not None)


def scrape_annotations(props: MlflowProps) -> dict[str, str]:
    """Return the annotations by which Prometheus finds the pods, if that is how it does."""
    monitor = props.metrics.monitor if props.metrics else None
    return monitor.pod_annotations() if monitor else {}


def monitoring_objects(
    release: Release, server: PodPlan, deployments: Iterable[str], cron_jobs: Iterable[CronJobPlan]
) -> Iterator[Manifest]:
    """Return the objects for Prometheus and Grafana."""
    metrics, naming = release.props.metrics, release.naming
    if metrics is None:
        return
    if metrics.monitor is not None:
        yield from metrics.monitor.objects(
            Target(
                name=naming.object("metrics"),
                release=naming.release,
                namespace=release.namespace,
                selector=naming.selector("server"),
            )
        )
    watched = _watched(release, server, tuple(deployments), tuple(cron_jobs))
    if metrics.alerts is not None:
        yield rule(watched, metrics.alerts)
    if metrics.dashboard is not None:
        yield dashboard(watched, metrics.dashboard)


def _watched(
    release: Release, server: PodPlan, deployments: tuple[str, ...], cron_jobs: tuple[CronJobPlan, ...]
) -> Watched:
    pods = [server, *(job.pod for job in cron_jobs)]
    volumes = [volume.get("persistentVolumeClaim", {}).get("claimName") for pod in pods for volume in pod.volumes]
    return Watched(
        release=release.naming.release,
        namespace=release.namespace or "default",
        deployments=deployments,
        containers=tuple(container.name for container in server.containers),
        claims=tuple(dict.fromkeys(name for name in volumes if name)),
        jobs=tuple(_job(job) for job in cron_jobs if job.schedule is not None),
        certificates=dict(_certificates(release)),
    )


def _job(job: CronJobPlan) -> WatchedJob:
    # A run that takes its whole time is not late, nor is one that starts when the controller comes round.
    late = longest_gap(job.schedule or "") + timedelta(seconds=job.time_limit_seconds) + timedelta(hours=1)
    return WatchedJob(name=job.name, longest_gap=late)


def _certificates(release: Release) -> Iterator[tuple[str, timedelta]]:
    certificate = release.certificate
    if certificate is not None and certificate.renew_before is not None:
        yield certificate.secret_name, min(_RENEWED_BEFORE, certificate.renew_before / 2)
    for door in release.props.exposure:
        if isinstance(door, Ingress) and door.issuer is not None:
            yield from ((tls.secret_name, _RENEWED_BEFORE) for tls in door.tls if tls.secret_name)
