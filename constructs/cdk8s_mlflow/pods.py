"""One kind of plan for every pod that runs: server, helper Job, and whatever comes later.

Each container states its needs; :func:`plan_pod` merges them per container, resolves secrets to Secret keys,
and gathers files and volumes per pod. Every pod is hardened here, so no builder can forget it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import attrs

from cdk8s_mlflow.container import Container, Health, canonical_resources, helper_resources, seconds
from cdk8s_mlflow.credentials import with_credentials
from cdk8s_mlflow.failures import repeated
from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.images import pulled_from
from cdk8s_mlflow.naming import Component, Naming
from cdk8s_mlflow.needs import FILES_DIRECTORY, EnvVar, Needs, PodField, SecretUse, SuppliedSecret, Template, merge
from cdk8s_mlflow.peers import Endpoint, Manifest, verbatim
from cdk8s_mlflow.pod_security import CONTAINER_SECURITY, pod_security
from cdk8s_mlflow.pod_shapes import Volume
from cdk8s_mlflow.props import MlflowProps
from cdk8s_mlflow.values import canonical_quantity
from cdk8s_mlflow.volumes import EmptyDir, ExistingVolumeClaim, KeyFiles, Mount, SecretKey, VolumeClaim

# MLflow itself waits 106 s for its database before it gives up; the startup probe must outlast that. Where a node is
# overloaded, as after another one was lost, a start takes minutes, and to begin it again would make it never end.
STARTUP_SECONDS = 600
# One talks to the Kubernetes API alone, the other to nobody.
_NEVER_OUTSIDE = {"secrets", "redis"}


@frozen(kw_only=True)
class ContainerPlan:
    """A container as it will be written."""

    name: str
    image: str
    restart_policy: str | None
    image_pull_policy: str
    command: list[str]
    args: list[str]
    env: list[Manifest]
    env_from: list[Manifest]
    mounts: list[Manifest]
    resources: Manifest
    security_context: Manifest
    ports: list[Manifest]
    health: Health | None
    startup_probe: Manifest | None
    pre_stop: list[str] | None


@frozen(kw_only=True)
class Additions:
    """What the user adds to a pod, in Kubernetes' own shape."""

    init_containers: tuple[Manifest, ...] = ()
    containers: tuple[Manifest, ...] = ()
    volumes: tuple[Manifest, ...] = ()


@frozen(kw_only=True)
class PodPlan:
    """A pod as it will be written, with what must exist beside it."""

    component: Component
    labels: dict[str, str]
    annotations: dict[str, str]
    service_account_name: str
    mounts_token: bool
    init_containers: list[ContainerPlan]
    containers: list[ContainerPlan]
    volumes: list[Manifest]
    security_context: Manifest
    extra_init_containers: list[Manifest]
    """Those of the user, which run first."""
    extra_containers: list[Manifest]
    restart_policy: str | None
    termination_grace_seconds: int | None
    image_pull_secrets: list[Manifest]
    node_selector: dict[str, str]
    tolerations: list[Manifest]
    affinity: Manifest
    topology_spread_constraints: list[Manifest]
    priority_class_name: str | None
    runtime_class_name: str | None
    scheduler_name: str | None
    host_aliases: list[Manifest]
    dns_policy: str | None
    dns_config: Manifest
    egress: tuple[Endpoint, ...]
    files: dict[str, str]
    """The content of its ConfigMap, by file name."""
    files_name: str
    secrets: tuple[SuppliedSecret, ...]
    objects: tuple[Manifest, ...]
    """What must be rendered beside the pod, for its secrets and stores to be there."""
    claims: tuple[VolumeClaim, ...]


def plan_pod(
    props: MlflowProps,
    naming: Naming,
    component: Component,
    *,
    init_containers: tuple[Container, ...] = (),
    containers: tuple[Container, ...],
    service_account_name: str,
    egress: tuple[Endpoint, ...],
    mounts_token: bool = False,
    restart_policy: str | None = None,
    termination_grace: timedelta | None = None,
    annotations: Mapping[str, str] = {},
    additions: Additions | None = None,
    affinity: Manifest = {},  # noqa: B006 - never changed
    topology_spread_constraints: Iterable[Manifest] = (),
) -> PodPlan:
    """Return the plan of a pod: everything that its containers need, decided."""
    preparing, init_containers, containers = with_credentials(init_containers, containers)
    init_containers = (*_sidecars((*init_containers, *containers)), *preparing, *init_containers)
    proxy = Needs() if component in _NEVER_OUTSIDE else _proxy(props, naming, (*init_containers, *containers))
    init_containers, containers = _with_env(init_containers, proxy), _with_env(containers, proxy)
    everything = (*init_containers, *containers)
    own_labels, own_annotations = _own_metadata(props, ends=restart_policy is not None)
    extra = additions or Additions()
    files = _files(everything)
    files_name = naming.object("files" if component == "server" else f"{component}-files")
    secrets = _secrets(everything, naming)
    return PodPlan(
        component=component,
        labels={**props.common_labels, **naming.labels(component), **_needed_labels(everything), **own_labels},
        annotations={**annotations, **own_annotations, **_checksum(files, secrets)},
        service_account_name=service_account_name,
        mounts_token=mounts_token,
        init_containers=[_plan_container(item, props, naming) for item in init_containers],
        containers=[_plan_container(item, props, naming) for item in containers],
        extra_init_containers=[_plan_extra(item, props) for item in extra.init_containers],
        extra_containers=[_plan_extra(item, props) for item in extra.containers],
        volumes=[*_volumes(everything, naming, files_name if files else None), *extra.volumes],
        security_context=pod_security(props.user_id, props.pod_security_context),
        restart_policy=restart_policy,
        termination_grace_seconds=None if termination_grace is None else seconds(termination_grace),
        image_pull_secrets=[{"name": name} for name in props.image.pull_secrets],
        node_selector=dict(props.node_selector),
        tolerations=[verbatim(item) for item in props.tolerations],
        affinity=affinity,
        topology_spread_constraints=list(topology_spread_constraints),
        priority_class_name=props.priority_class_name,
        runtime_class_name=props.runtime_class_name,
        scheduler_name=props.scheduler_name,
        host_aliases=[verbatim(item) for item in props.host_aliases],
        dns_policy=props.dns_policy,
        dns_config=verbatim(props.dns_config),
        egress=(*egress, *proxy.egress),
        files=files,
        files_name=files_name,
        secrets=secrets,
        objects=(
            *(item for supplied in secrets for item in supplied.objects),
            *merge(*(container.needs for container in everything)).objects,
        ),
        claims=tuple(_claims(everything)),
    )


def _own_metadata(props: MlflowProps, *, ends: bool) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return the labels and annotations that the user wants on a pod: one that ends is a Job's."""
    if ends:
        return props.job_pod_labels, props.job_pod_annotations
    return props.pod_labels, props.pod_annotations


def _proxy(props: MlflowProps, naming: Naming, containers: Iterable[Container]) -> Needs:
    """Return what all containers need to talk to the outside by the company's proxy, and to the cluster without it."""
    if props.http_proxy is None:
        return Needs()
    needs = merge(*(container.needs for container in containers))
    return props.http_proxy.needs((naming.object(), *needs.unproxied), props.cluster_domain)


def _with_env(containers: Iterable[Container], proxy: Needs) -> tuple[Container, ...]:
    return tuple(
        item if item.stays_inside else attrs.evolve(item, needs=merge(item.needs, Needs(env=proxy.env)))
        for item in containers
    )


def _plan_extra(shape: Manifest, props: MlflowProps) -> Manifest:
    """Return a container of the user's, hardened like all others unless it says otherwise itself."""
    own = {
        "image": pulled_from(shape["image"], props.image_registry),
        "securityContext": {**CONTAINER_SECURITY, **props.security_context, **shape.get("securityContext", {})},
    }
    return verbatim({**shape, **own, **_extra_resources(shape)})


def canonical_volume(volume: Volume) -> Manifest:
    """Return a volume of the user's as the API server writes it back."""
    shape = verbatim(volume)
    scratch = shape.get("emptyDir", {})
    if "sizeLimit" in scratch:
        scratch["sizeLimit"] = canonical_quantity(scratch["sizeLimit"])
    return shape


def _extra_resources(shape: Manifest) -> Manifest:
    resources = canonical_resources(shape.get("resources"))
    return {"resources": resources} if resources else {}


def _sidecars(containers: Iterable[Container]) -> tuple[Container, ...]:
    """Return the sidecars that any container needs, each once; they start before all others."""
    needed = merge(*(container.needs for container in containers)).sidecars
    return tuple(
        Container(
            name=sidecar.name,
            image=sidecar.image,
            is_sidecar=True,
            command=sidecar.command,
            args=sidecar.args,
            needs=Needs(env=tuple(EnvVar(name, value) for name, value in sidecar.env)),
            resources=helper_resources(sidecar.memory, sidecar.memory),
            ports={"health": sidecar.startup_port} if sidecar.startup_port else {},
            startup_probe=(
                {"httpGet": {"path": sidecar.startup_path, "port": "health"}, "failureThreshold": 60}
                if sidecar.startup_path
                else None
            ),
        )
        for sidecar in needed
    )


def _needed_labels(containers: Iterable[Container]) -> dict[str, str]:
    return {name: value for container in containers for name, value in container.needs.pod_labels}


def _plan_container(container: Container, props: MlflowProps, naming: Naming) -> ContainerPlan:
    mounts = [_mount(mount) for mount in container.needs.mounts]
    if container.needs.files:
        mounts.append({"name": "files", "mountPath": FILES_DIRECTORY, "readOnly": True})
    return ContainerPlan(
        name=container.name,
        image=pulled_from(container.image or props.image.reference, props.image_registry),
        restart_policy="Always" if container.is_sidecar else None,
        image_pull_policy=props.image.pull_policy,
        command=[literal(word) for word in container.command],
        args=[literal(arg) for arg in container.args],
        env=[_env(item, naming) for item in container.needs.env] + list(container.extra_env),
        env_from=list(container.env_from),
        mounts=[*mounts, *container.extra_mounts],
        resources=container.resources,
        security_context=CONTAINER_SECURITY | dict(props.security_context),
        ports=[{"name": name, "containerPort": port, "protocol": "TCP"} for name, port in container.ports.items()],
        health=container.health,
        startup_probe=container.startup_probe,
        pre_stop=None if container.pre_stop is None else [literal(word) for word in container.pre_stop],
    )


def literal(text: str) -> str:
    """Return text that Kubernetes leaves as it is: it would expand ``$(NAME)`` and halve ``$$``."""
    return text.replace("$", "$$")


def _env(item: EnvVar, naming: Naming) -> Manifest:
    match item.value:
        case "":  # which the API server drops
            return {"name": item.name}
        case str():
            return {"name": item.name, "value": literal(item.value)}
        case Template(text):
            return {"name": item.name, "value": text}
        case PodField(path):
            return {"name": item.name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}}
        case SecretKey(name, key):
            return {"name": item.name, "valueFrom": {"secretKeyRef": {"name": name, "key": key}}}
        case SecretUse():
            return _env(EnvVar(item.name, _supply(item.value, naming).reference), naming)


def _supply(use: SecretUse, naming: Naming) -> SuppliedSecret:
    return use.source.supply(naming.object(use.purpose), use.kind)


def _secrets(containers: Iterable[Container], naming: Naming) -> tuple[SuppliedSecret, ...]:
    """Return the secrets of all containers, each once."""
    found: list[SuppliedSecret] = []
    for container in containers:
        for item in container.needs.env:
            if isinstance(item.value, SecretUse) and (supplied := _supply(item.value, naming)) not in found:
                found.append(supplied)
    return tuple(found)


def _mount(mount: Mount) -> Manifest:
    optional: Manifest = {"readOnly": True} if mount.read_only else {}
    return (
        {"name": mount.volume, "mountPath": mount.path}
        | optional
        | ({"subPath": mount.sub_path} if mount.sub_path else {})
    )


def _mounts(containers: Iterable[Container]) -> Iterator[Mount]:
    for container in containers:
        yield from container.needs.mounts


def _claims(containers: Iterable[Container]) -> list[VolumeClaim]:
    claims: list[VolumeClaim] = []
    for mount in _mounts(containers):
        if isinstance(mount.source, VolumeClaim) and mount.source not in claims:
            claims.append(mount.source)
    return claims


def _volumes(containers: Iterable[Container], naming: Naming, files_name: str | None) -> Iterator[Manifest]:
    sources = {mount.volume: mount.source for mount in _mounts(containers)}
    for name, source in sources.items():
        match source:
            case EmptyDir():
                medium = {"medium": source.medium} if source.medium else {}
                yield {"name": name, "emptyDir": medium | {"sizeLimit": source.size_limit}}
            case VolumeClaim():
                yield {"name": name, "persistentVolumeClaim": {"claimName": naming.object(source.name)}}
            case KeyFiles():
                yield {"name": name, **_key_files(source)}
            case ExistingVolumeClaim():
                yield {"name": name, "persistentVolumeClaim": {"claimName": source.claim_name}}
    if files_name is not None:
        yield {"name": "files", "configMap": {"name": files_name}}


def _key_files(source: KeyFiles) -> Manifest:
    items = [{"key": key, "path": file} for key, file in source.items.items()]
    if source.kind == "ConfigMap":
        return {"configMap": {"name": source.name, "items": items}}
    # Readable for the pod's group alone: libpq refuses a client key that more may read.
    return {"secret": {"secretName": source.name, "items": items, "defaultMode": 0o440}}


def _files(containers: Iterable[Container]) -> dict[str, str]:
    found: dict[str, str] = {}
    for container in containers:
        found |= {file.name: file.content for file in container.needs.files}
    return dict(sorted(found.items()))


def _checksum(files: Mapping[str, str], secrets: Iterable[SuppliedSecret]) -> dict[str, str]:
    """Return an annotation that changes with the files and inline secrets, so that a change rolls the pods."""
    text = json.dumps(
        [files, [_slow_digest(supplied.objects) for supplied in secrets if supplied.inline]], sort_keys=True
    )
    return {"checksum/config": hashlib.sha256(text.encode()).hexdigest()[:16]} if files else {}


def _slow_digest(objects: Iterable[Manifest]) -> str:
    """Return a digest of inline secrets that tells nobody who may read pods which password it was."""
    text = json.dumps(list(objects), sort_keys=True)
    return hashlib.scrypt(text.encode(), salt=b"cdk8s-mlflow", n=2**13, r=8, p=1, dklen=16).hex()


def conflicts(needs: Needs, extra_env: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Return where two parts want one variable, mount path or volume of the server's container for themselves."""
    own = [item.name for item in needs.env]
    for name in repeated(own):
        yield f"MlflowProps: two parts set the environment variable {name} differently; remove one of them"
    for item in extra_env:
        if item.get("name") in own:
            yield (
                f"MlflowProps.extra_env: the construct sets {item['name']} itself (its value is not shown); "
                "use the prop that stands for it, or leave it out"
            )
    sources: dict[str, list[object]] = {}
    for mount in needs.mounts:
        sources.setdefault(mount.volume, [mount.source]).append(mount.source)
    unequal = [name for name, found in sources.items() if any(source != found[0] for source in found)]
    for name in unequal:
        yield (
            f"MlflowProps: two different volume claims are called {name.removeprefix('claim-')!r}; "
            "make them equal to share one volume, or give one of them another name"
        )
    for path in repeated([mount.path for mount in needs.mounts if mount.volume not in unequal]):
        yield (
            f"MlflowProps: two parts mount different volumes at {path}; "
            "give one of them another FileStore.path or VolumeClaim.name"
        )


def clashes(pod: PodPlan) -> Iterator[str]:
    """Return what the API server would refuse, or merge without a word, in the finished pod."""
    containers = [*pod.init_containers, *pod.containers]
    extra = [*pod.extra_init_containers, *pod.extra_containers]
    for name in repeated([*(container.name for container in containers), *(item["name"] for item in extra)]):
        yield f"MlflowProps: two containers of a pod are called {name!r}; give the one that you named another name"
    volumes = [volume["name"] for volume in pod.volumes]
    for name in repeated(volumes):
        yield f"MlflowProps.extra_volumes: the pod has two volumes of this name (got {name!r}); choose another one"
    mounts = [mount for container in containers for mount in container.mounts]
    mounts += [mount for item in extra for mount in item.get("volumeMounts", [])]
    for name in dict.fromkeys(mount["name"] for mount in mounts if mount["name"] not in volumes):
        yield f"MlflowProps.extra_volumes: there is no volume to mount (got {name!r}); add it there"
    for container in containers:
        for name in repeated([item["name"] for item in container.env]):
            yield f"MlflowProps.extra_env: the construct sets {name} itself (its value is not shown); leave it out"
        for path in repeated([mount["mountPath"] for mount in container.mounts]):
            yield f"MlflowProps: two parts mount something at {path}; give one of them another path or claim name"
