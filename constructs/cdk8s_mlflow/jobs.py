"""What MLflow's background jobs change in the pods, and the pods that they add."""

from __future__ import annotations

from datetime import timedelta

import attrs

from cdk8s_mlflow.container import Container, Health, canonical_resources, config_file, helper_resources, seconds
from cdk8s_mlflow.job_queue import REDIS_PORT, REDIS_SETTINGS, InChartRedis
from cdk8s_mlflow.needs import FILES_DIRECTORY, EnvVar, Needs, merge, uri_needs
from cdk8s_mlflow.operations import JobExecution
from cdk8s_mlflow.peers import Endpoint, PodPeer
from cdk8s_mlflow.props import MlflowProps
from cdk8s_mlflow.redis import Redis
from cdk8s_mlflow.release import Release
from cdk8s_mlflow.volumes import EmptyDir, Mount

_ARCHIVAL = "trace-archival.yaml"


def has_leader(props: MlflowProps) -> bool:
    """Return whether a pod of its own runs the periodic tasks: where servers share a queue, several would run them."""
    return props.job_execution is not None and props.job_execution.queue is not None


def job_needs(release: Release, *, leads: bool) -> Needs:
    """Return what a server needs that runs jobs; one that ``leads`` runs the periodic tasks too."""
    props = release.props
    if props.job_execution is None:
        return Needs()
    jobs = props.job_execution
    # Jobs call their own pod's server as a client does; past a container in front of it, there is no login.
    login = Needs() if release.guard.front else attrs.evolve(release.guard.callers, egress=())
    env = tuple(EnvVar(name, value) for name, value in _settings(jobs, leads=leads).items())
    return merge(Needs(env=env), _queue(release, jobs.queue), login, _trace_archival(release))


def _queue(release: Release, queue: Redis | InChartRedis | None) -> Needs:
    """Return the URL of the queue, and the way to it."""
    if queue is None:
        return Needs()
    if isinstance(queue, Redis):
        uri, way = queue.uri("job-queue"), queue.endpoint()
    else:
        uri = queue.uri(release.naming.object("redis"))
        way = Endpoint(port=REDIS_PORT, peer=PodPeer(match_labels=release.naming.selector("redis")))
    needs = uri_needs("MLFLOW_SERVER_JOB_HUEY_REDIS_URL", uri if uri.secrets else uri.text)
    return attrs.evolve(needs, egress=(way,))


def _settings(jobs: JobExecution, *, leads: bool) -> dict[str, str]:
    found = {
        "MLFLOW_SERVER_JOB_ENABLE_PERIODIC_TASKS": str(leads).lower(),
        "MLFLOW_SERVER_JUDGE_INVOKE_MAX_WORKERS": str(jobs.judge_invoke_max_workers),
        "MLFLOW_SERVER_ONLINE_SCORING_MAX_WORKERS": str(jobs.online_scoring_max_workers),
        "MLFLOW_SERVER_JOB_TRANSIENT_ERROR_MAX_RETRIES": str(jobs.transient_error_max_retries),
    }
    if leads and jobs.queue is not None:
        # One that was killed leaves its locks in Redis, and there is no other whose locks they could be.
        found["MLFLOW_SERVER_JOB_FLUSH_PERIODIC_LOCKS_ON_STARTUP"] = "true"
    if jobs.trace_rollups is not None:
        found |= {
            "MLFLOW_SQL_TRACE_ROLLUPS_ENABLED": "true",
            "MLFLOW_TRACE_ROLLUPS_SCHEDULE": jobs.trace_rollups.schedule,
        }
    return found


def _trace_archival(release: Release) -> Needs:
    wanted = release.props.trace_archival
    if wanted is None:
        return Needs()
    settings = {
        "enabled": True,
        "location": wanted.location or _beside_the_artifacts(release),
        "retention": _duration(wanted.retention),
        "interval_seconds": seconds(wanted.interval),
        **({"max_traces_per_pass": wanted.max_traces_per_pass} if wanted.max_traces_per_pass else {}),
    }
    # JSON is YAML.
    file = config_file(_ARCHIVAL, {"trace_archival": settings})
    return Needs(env=(EnvVar("MLFLOW_TRACE_ARCHIVAL_CONFIG", f"{FILES_DIRECTORY}/{_ARCHIVAL}"),), files=(file,))


def _beside_the_artifacts(release: Release) -> str:
    artifacts = release.stores.artifacts
    uri = artifacts.uri if artifacts else ""
    # A folder has no scheme, and MLflow wants one here.
    return f"{'file://' if uri.startswith('/') else ''}{uri}/trace-archive"


def _duration(time: timedelta) -> str:
    """Return a time as MLflow writes it: whole minutes."""
    return f"{seconds(time) // 60}m"


def redis_container(queue: InChartRedis) -> Container:
    """Return the chart's own Redis."""
    tmp = Mount(volume="tmp", source=EmptyDir(size_limit="64Mi"), path="/tmp")  # noqa: S108 - the pod's own /tmp
    return Container(
        name="redis",
        image=queue.image,
        command=("redis-server", REDIS_SETTINGS),
        needs=Needs(credential_files=(queue.settings(),), mounts=(tmp,)),
        resources=canonical_resources(queue.resources) or helper_resources("32Mi", "128Mi"),
        ports={"redis": REDIS_PORT},
        health=Health(path=None, port="redis"),
    )


def memory(props: MlflowProps) -> tuple[int, int]:
    """Return by how many MiB jobs raise the request and the limit of a server: consumers, and jobs that run."""
    jobs = props.job_execution
    if jobs is None:
        return 0, 0
    return 1792, 2048 + 320 * (jobs.judge_invoke_max_workers + jobs.online_scoring_max_workers)
