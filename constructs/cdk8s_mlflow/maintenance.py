"""Pods that work beside the server, on a schedule or by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

import attrs

from cdk8s_mlflow.artifact_store.access import Direct
from cdk8s_mlflow.callers import caller_needs, server_endpoint
from cdk8s_mlflow.container import (
    Container,
    canonical_resources,
    config_file,
    helper_resources,
    script,
    seconds,
)
from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.naming import Component
from cdk8s_mlflow.needs import FILES_DIRECTORY, Archive, EnvVar, Needs, SecretUse, claims_of, merge
from cdk8s_mlflow.operations import Backup, GarbageCollection, SmokeTest
from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.pods import PodPlan, plan_pod
from cdk8s_mlflow.programs import process_needs, workspace_needs
from cdk8s_mlflow.release import Release
from cdk8s_mlflow.stores import VARIABLES
from cdk8s_mlflow.values import canonical_quantity
from cdk8s_mlflow.volumes import EmptyDir, Mount

# Beside what every process needs: a pod that works for a minute has nothing to report to anybody.
_PROCESS = merge(process_needs("512Mi"), Needs(env=(EnvVar("MLFLOW_DISABLE_TELEMETRY", "true"),)))


@frozen(kw_only=True)
class CronJobPlan:
    """A Job that runs on a schedule, or by hand: ``kubectl create job --from=cronjob/NAME``."""

    name: str
    pod: PodPlan
    schedule: str | None
    """None where it is started by hand."""
    time_limit_seconds: int
    retries: int
    """How often it is tried again at once if it fails."""


def plan_cron_jobs(release: Release) -> Iterator[CronJobPlan]:
    """Return every CronJob of a release."""
    if release.props.garbage_collection is not None:
        yield _garbage_collection(release, release.props.garbage_collection)
    if release.props.backup is not None:
        yield from _backup_and_restore(release, release.props.backup)
    if release.props.smoke_test is not None:
        yield _smoke_test(release, release.props.smoke_test)


def _cron_job(
    release: Release,
    component: Component,
    *containers: Container,
    schedule: str | None,
    time_limit: timedelta,
    with_server: bool = True,
    retries: int = 1,
) -> CronJobPlan:
    """Return a CronJob whose containers run one after the other."""
    props, naming = release.props, release.naming
    needs = merge(*(container.needs for container in containers))
    pod = plan_pod(
        props,
        naming,
        component,
        init_containers=containers[:-1],
        containers=containers[-1:],
        service_account_name=props.service_account.name or naming.object(),
        egress=needs.egress,
        restart_policy="Never",
        affinity=_beside_the_server(release, needs) if with_server else {},
    )
    return CronJobPlan(
        name=naming.object(component),
        pod=pod,
        schedule=schedule,
        time_limit_seconds=seconds(time_limit),
        retries=retries,
    )


def _beside_the_server(release: Release, needs: Needs) -> Manifest:
    """Return the affinity of a pod that shares a volume with the server: most volumes are on one node at a time."""
    shared = [claim for claim in claims_of(needs) if claim in claims_of(release.stores.needs)]
    if all("ReadWriteMany" in claim.access_modes for claim in shared):
        return {}
    term = {
        "labelSelector": {"matchLabels": release.naming.selector("server")},
        "topologyKey": "kubernetes.io/hostname",
    }
    return {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


def _garbage_collection(release: Release, wanted: GarbageCollection) -> CronJobPlan:
    stores = release.stores
    container = Container(
        name="gc",
        command=("python", f"{FILES_DIRECTORY}/collect_garbage.py"),
        args=(
            "--older-than",
            f"{seconds(wanted.older_than)}s",
            *(("--all-workspaces",) if release.props.workspaces is not None else ()),
            *(("--jobs",) if release.props.job_execution is not None else ()),
        ),
        needs=merge(
            stores.backend_needs,
            _direct_artifacts(release),
            caller_needs(release),
            _PROCESS,
            workspace_needs(release.props),
            Needs(files=(script("collect_garbage.py"),)),
        ),
        resources=canonical_resources(wanted.resources) or helper_resources("384Mi", "768Mi"),
    )
    return _cron_job(release, "gc", container, schedule=wanted.schedule, time_limit=wanted.time_limit)


_SCRATCH = "/mlflow/scratch"
_BACKUP = ("python", f"{FILES_DIRECTORY}/backup.py")


def _backup_and_restore(release: Release, wanted: Backup) -> Iterator[CronJobPlan]:
    """Return the CronJob that copies every database, and the one that a person starts to bring a copy back."""
    archives, limit = release.stores.archives, wanted.time_limit
    settings = {
        "release": release.naming.release,
        "destination": wanted.destination.uri,
        "keep": wanted.keep,
        "scratch": _SCRATCH,
        "server": {"host": release.service_host, "port": release.service_port},
        "databases": [
            {"role": role, "variable": VARIABLES[role], "file": f"{role}.{archive.suffix}"}
            for role, archive in archives.items()
        ],
    }
    program = Needs(files=(script("backup.py"), config_file("backup.json", settings)))
    trust = Needs(authorities=(release.props.ca_bundle,) if release.props.ca_bundle else ())
    destination = merge(_of_the_backup(wanted.destination.needs()), trust, program)
    databases = merge(release.stores.migration_needs, program)
    server = Needs(egress=(server_endpoint(release),))
    choice = Needs(env=(EnvVar("RELEASE", release.naming.release), EnvVar("BACKUP", "latest")))
    dumps = [_tool(wanted, role, archive, "dump") for role, archive in archives.items()]
    loads = [_tool(wanted, role, archive, "load") for role, archive in archives.items()]
    store = _backup_container(wanted, "store", (*_BACKUP, "store"), destination)
    fetch = _backup_container(wanted, "fetch", (*_BACKUP, "fetch"), merge(databases, destination, server, choice))
    count = _backup_container(wanted, "count", (*_BACKUP, "count"), databases)
    yield _cron_job(release, "backup", *dumps, store, schedule=wanted.schedule, time_limit=limit)
    # The server that it would be beside is stopped.
    yield _cron_job(
        release, "restore", fetch, *loads, count, schedule=None, time_limit=limit, with_server=False, retries=0
    )


def _tool(wanted: Backup, role: str, archive: Archive, action: Literal["dump", "load"]) -> Container:
    """Return the container with a database's own tools."""
    images = {"postgresql": wanted.postgresql_image, "mysql": wanted.mysql_image, None: None}
    file = f"{_SCRATCH}/{role}.{archive.suffix.removesuffix('.gz')}"
    words = archive.dump if action == "dump" else archive.load
    command = tuple(word.replace("{file}", file) for word in words)
    return _backup_container(wanted, f"{action}-{role}", command, archive.needs, image=images[archive.tools])


def _backup_container(
    wanted: Backup, name: str, command: tuple[str, ...], needs: Needs, *, image: str | None = None
) -> Container:
    scratch = Mount(
        volume="scratch", source=EmptyDir(size_limit=canonical_quantity(wanted.scratch_size)), path=_SCRATCH
    )
    return Container(
        name=name,
        image=image,
        command=command,
        needs=merge(needs, _PROCESS, Needs(mounts=(scratch,))),
        resources=canonical_resources(wanted.resources) or helper_resources("384Mi", "768Mi"),
    )


def _of_the_backup(needs: Needs) -> Needs:
    """Return the needs of the destination, whose Secrets are others than those of an artifact store of its class."""
    return attrs.evolve(
        needs,
        env=tuple(
            EnvVar(item.name, attrs.evolve(item.value, purpose=f"backup-{item.value.purpose}"))
            if isinstance(item.value, SecretUse)
            else item
            for item in needs.env
        ),
    )


def _direct_artifacts(release: Release) -> Needs:
    """Return what a client needs that talks to the artifact store itself."""
    artifacts = release.stores.artifacts
    direct = isinstance(release.props.artifact_access, Direct)
    return artifacts.needs() if direct and artifacts is not None else Needs()


def _smoke_test(release: Release, wanted: SmokeTest) -> CronJobPlan:
    # Whoever waits for it wants to know now, and not after MLflow's own minutes of trying again.
    environment = {
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
        "MLFLOW_LOGGING_LEVEL": "ERROR",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    }
    container = Container(
        name="smoke-test",
        command=("python", f"{FILES_DIRECTORY}/smoke_test.py"),
        args=(json.dumps({"tracks": release.props.backend_store is not None}),),
        needs=merge(
            _direct_artifacts(release),
            caller_needs(release),
            process_needs("256Mi"),
            Needs(
                env=tuple(EnvVar(name, value) for name, value in environment.items()),
                files=(script("smoke_test.py"),),
            ),
        ),
        resources=canonical_resources(wanted.resources) or helper_resources("256Mi", "512Mi"),
    )
    return _cron_job(
        release, "smoke-test", container, schedule=wanted.schedule, time_limit=wanted.time_limit, retries=0
    )
