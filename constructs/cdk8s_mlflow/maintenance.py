"""Pods that work beside the server, on a schedule or by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import attrs

from cdk8s_mlflow.artifact_store import Direct
from cdk8s_mlflow.callers import caller_needs
from cdk8s_mlflow.container import Container, canonical_resources, helper_resources, script, seconds
from cdk8s_mlflow.naming import Component
from cdk8s_mlflow.needs import FILES_DIRECTORY, Needs, merge
from cdk8s_mlflow.operations import GarbageCollection
from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.pods import PodPlan, plan_pod
from cdk8s_mlflow.programs import process_needs, workspace_needs
from cdk8s_mlflow.release import Release
from cdk8s_mlflow.volumes import ExistingVolumeClaim, VolumeClaim


@attrs.frozen(kw_only=True)
class CronJobPlan:
    """A Job that runs on a schedule, or by hand: ``kubectl create job --from=cronjob/NAME``."""

    name: str
    pod: PodPlan
    schedule: str | None
    """None where it is started by hand."""
    time_limit_seconds: int


def plan_cron_jobs(release: Release) -> Iterator[CronJobPlan]:
    """Return every CronJob of a release."""
    if release.props.garbage_collection is not None:
        yield _garbage_collection(release, release.props.garbage_collection)


def _cron_job(
    release: Release, component: Component, container: Container, *, schedule: str | None, time_limit: timedelta
) -> CronJobPlan:
    props, naming = release.props, release.naming
    pod = plan_pod(
        props,
        naming,
        component,
        containers=(container,),
        service_account_name=props.service_account.name or naming.object(),
        egress=container.needs.egress,
        restart_policy="Never",
        affinity=_beside_the_server(release, container.needs),
    )
    return CronJobPlan(
        name=naming.object(component), pod=pod, schedule=schedule, time_limit_seconds=seconds(time_limit)
    )


def _beside_the_server(release: Release, needs: Needs) -> Manifest:
    """Return the affinity of a pod that shares a volume with the server: most volumes are on one node at a time."""
    claims = [item.source for item in needs.mounts if isinstance(item.source, VolumeClaim | ExistingVolumeClaim)]
    if all("ReadWriteMany" in claim.access_modes for claim in claims):
        return {}
    term = {
        "labelSelector": {"matchLabels": release.naming.selector("server")},
        "topologyKey": "kubernetes.io/hostname",
    }
    return {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


def _garbage_collection(release: Release, wanted: GarbageCollection) -> CronJobPlan:
    stores = release.stores
    direct = isinstance(release.props.artifact_access, Direct)
    artifacts = stores.artifacts.needs() if direct and stores.artifacts is not None else Needs()
    container = Container(
        name="gc",
        command=("python", f"{FILES_DIRECTORY}/collect_garbage.py"),
        args=(
            "--older-than",
            f"{seconds(wanted.older_than)}s",
            *(("--all-workspaces",) if release.props.workspaces is not None else ()),
        ),
        needs=merge(
            stores.backend_needs,
            artifacts,
            caller_needs(release),
            process_needs("512Mi"),
            workspace_needs(release.props),
            Needs(files=(script("collect_garbage.py"),)),
        ),
        resources=canonical_resources(wanted.resources) or helper_resources("384Mi", "768Mi"),
    )
    return _cron_job(release, "gc", container, schedule=wanted.schedule, time_limit=wanted.time_limit)
