"""Which objects a release has, in the order in which they are applied."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from cdk8s_mlflow.failures import InvalidProps
from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.plan import Plan
from cdk8s_mlflow.resources.config_map import define_config_map
from cdk8s_mlflow.resources.cron_job import define_cron_job
from cdk8s_mlflow.resources.deployment import define_deployment
from cdk8s_mlflow.resources.emptiness import without_nothing
from cdk8s_mlflow.resources.http_route import define_http_route
from cdk8s_mlflow.resources.ingress import define_ingress
from cdk8s_mlflow.resources.job import define_job
from cdk8s_mlflow.resources.network_policy import define_network_policy
from cdk8s_mlflow.resources.part_object import define_object
from cdk8s_mlflow.resources.persistent_volume_claim import define_persistent_volume_claim
from cdk8s_mlflow.resources.pod_disruption_budget import define_pod_disruption_budget
from cdk8s_mlflow.resources.role import define_role, define_role_binding
from cdk8s_mlflow.resources.service import define_service
from cdk8s_mlflow.resources.service_account import define_service_account


def define_manifests(plan: Plan) -> list[Manifest]:
    """Return every object of the release, identities and configuration first: ``kubectl apply`` goes in order."""
    manifests = [without_nothing(_with_metadata(plan, manifest)) for manifest in _define(plan)]
    names = Counter((manifest["kind"], manifest["metadata"]["name"]) for manifest in manifests)
    failures = [
        f"Mlflow: two objects would be {kind}/{name}; give the prop that names one of them another name"
        for (kind, name), count in names.items()
        if count > 1
    ]
    failures += [failure for manifest in manifests for failure in _unwritable(manifest)]
    if failures:
        raise InvalidProps(f"Mlflow {plan.naming.release!r}", failures)
    return manifests


# cdk8s writes by YAML 1.1, which knows no such numbers and leaves them without quotes; kubectl knows them.
_NUMBER_TO_KUBECTL = re.compile(
    r"[-+]?(0[oO][0-7_]+|0B[01_]+|0X[0-9a-fA-F_]+|[0-9._]+[eE][-+]?_*[0-9]+_[0-9_]*|[0-9._]+[eE][-+]?_+[0-9]+)"
)
# cdk8s writes them as they are, and a reader of YAML ends the line there.
_LINE_SEPARATOR = re.compile("[\u0085\u2028\u2029]")


def _unwritable(manifest: Manifest) -> Iterator[str]:
    """Yield the texts that kubectl would read otherwise than they are."""
    hidden = manifest["kind"] == "Secret"
    for path, text in _texts(manifest, ""):
        is_number = _NUMBER_TO_KUBECTL.fullmatch(text)
        if not is_number and not _LINE_SEPARATOR.search(text):
            continue
        shown = "a secret value" if hidden else repr(text[:80])
        where = f"Mlflow: {manifest['kind']}/{manifest['metadata']['name']}{path}"
        if is_number:
            yield f"{where}: kubectl would read it as a number (got {shown}); write another text"
        else:
            yield f"{where}: has a line separator of Unicode, which YAML cannot hold (got {shown}); write \\n, or none"


def _texts(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _texts(item, f"{path}[{index}]")


def _with_metadata(plan: Plan, manifest: Manifest) -> Manifest:
    """Return an object with the labels and annotations of all objects, and of those of its kind."""
    own, kind = manifest["metadata"], manifest["kind"]
    labels = {**plan.common_labels, **own["labels"], **plan.object_labels.get(kind, {})}
    annotations = {**plan.common_annotations, **own["annotations"], **plan.object_annotations.get(kind, {})}
    return {**manifest, "metadata": {**own, "labels": labels, "annotations": annotations}}


def _define(plan: Plan) -> Iterator[Manifest]:
    job = plan.generator
    if plan.account is not None:
        yield define_service_account(plan, plan.account.name, annotations=plan.account.annotations)
    if job is not None:
        yield define_service_account(plan, job.pod.service_account_name, job.pod.component)
        yield define_role(plan, job)
        yield define_role_binding(plan, job)
    for item in plan.objects:
        yield define_object(plan, item)
    for pod in plan.pods:
        if pod.files:
            yield define_config_map(plan, pod)
    for claim in plan.claims:
        yield define_persistent_volume_claim(plan, claim)
    for component, policy in plan.policies.items():
        yield define_network_policy(plan, component, policy)
    if job is not None:
        yield define_job(plan, job)
    yield from _define_server(plan)
    for cron_job in plan.cron_jobs:
        yield define_cron_job(plan, cron_job)
    for ingress in plan.doors.ingresses:
        yield define_ingress(plan, ingress)
    for route in plan.doors.routes:
        yield define_http_route(plan, route)


def _define_server(plan: Plan) -> Iterator[Manifest]:
    yield from (define_service(plan, service) for service in plan.services)
    yield from (define_deployment(plan, deployment) for deployment in plan.deployments)
    if plan.scaler is not None:
        yield define_object(plan, plan.scaler)
    if plan.max_unavailable is not None:
        yield define_pod_disruption_budget(plan, plan.max_unavailable)
