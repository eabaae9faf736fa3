"""Where parts of the props contradict each other: one function per rule, all failures at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs

from cdk8s_mlflow.artifact_store.access import Direct, Presigned
from cdk8s_mlflow.backend_store import Archived, BackendStore
from cdk8s_mlflow.backend_store.file_store import FileStore
from cdk8s_mlflow.backend_store.sqlite import SQLite
from cdk8s_mlflow.connections import POOLS_PER_PROCESS, worst_case
from cdk8s_mlflow.exposure import Headless, HttpRoute, Ingress, Traefik
from cdk8s_mlflow.failures import repeated
from cdk8s_mlflow.needs import Needs, claims_of, version_number
from cdk8s_mlflow.pod_shapes import Volume
from cdk8s_mlflow.props import MlflowProps, ServiceAccount, least_grace, server_processes
from cdk8s_mlflow.server_tls import TlsSecret
from cdk8s_mlflow.values import quantity_bytes
from cdk8s_mlflow.volumes import ExistingVolumeClaim, VolumeClaim

_PLAIN_IMAGES = ("ghcr.io/mlflow/mlflow",)
"""Images of MLflow's own."""


def check_parts(props: MlflowProps, needs: Needs) -> list[str]:
    """Return where parts of the props contradict each other."""
    return [failure for check in _CHECKS for failure in check(props, needs)]


def _check_adoption(props: MlflowProps, needs: Needs) -> Iterator[str]:
    if props.adopt is None:
        return
    if props.name is not None:
        yield (
            f"MlflowProps.name: adopt says the name already (got {props.name!r}); "
            "leave it out, and write full_name_override in HelmRelease"
        )
    if props.label_name != attrs.fields(MlflowProps).label_name.default:
        yield (
            f"MlflowProps.label_name: adopt says the labels already (got {props.label_name!r}); "
            "leave it out, and write name_override in HelmRelease"
        )
    if isinstance(props.service, Headless):
        yield (
            "MlflowProps.service: a Service that has an address cannot become headless in place (got Headless(...)); "
            "write ClusterIP(...)"
        )


def _check_replicas(props: MlflowProps, needs: Needs) -> Iterator[str]:
    if props.scaling.least == props.scaling.most <= 1:
        return
    for writer in needs.single_writers:
        yield (
            f"MlflowProps.scaling: {writer} cannot be shared by replicas (got {props.scaling}); "
            "use PostgreSQL(...) and a shared artifact store, or FixedReplicas(1)"
        )
    if needs.single_writers:
        return
    for claim in (mount.source for mount in needs.mounts):
        if isinstance(claim, VolumeClaim | ExistingVolumeClaim) and "ReadWriteMany" not in claim.access_modes:
            yield (
                f"MlflowProps.scaling: a volume with {' and '.join(claim.access_modes)} cannot be shared by replicas "
                f"(got {props.scaling}); use S3(...) or access_modes=['ReadWriteMany'], or FixedReplicas(1)"
            )


def _check_sleep(props: MlflowProps, needs: Needs) -> Iterator[str]:
    if props.scaling.least == 0 < props.scaling.most and props.garbage_collection is not None:
        yield (
            "MlflowProps.scaling: the garbage collection calls the server, which may not be there "
            "(got min_replicas=0 and garbage_collection); write min_replicas=1, or leave one of them out"
        )


def _check_workers(props: MlflowProps, needs: Needs) -> Iterator[str]:
    for reason in needs.single_processes if props.workers > 1 else ():
        yield (
            f"MlflowProps.workers: {reason} has no locks between processes "
            f"(got {props.workers}); use workers=1 or a database"
        )


def _check_resources(props: MlflowProps, needs: Needs) -> Iterator[str]:
    resources = props.resources or {}
    limits = resources.get("limits", {})
    for name, amount in resources.get("requests", {}).items():
        if name in limits and quantity_bytes(amount) > quantity_bytes(limits[name]):
            yield (
                f"MlflowProps.resources: more {name} is requested than the limit allows "
                f"(got {amount!r} and {limits[name]!r}); raise the limit or lower the request"
            )


def _check_artifacts(props: MlflowProps, needs: Needs) -> Iterator[str]:
    store, access = props.artifact_store, props.artifact_access
    if store is None and not _has_volume(props.backend_store):
        kind = type(props.backend_store).__name__ if props.backend_store else "a server of artifacts only"
        yield (
            f"MlflowProps.artifact_store: {kind} needs an artifact root beside it "
            "(got None); write artifact_store=S3(bucket=...), ArtifactUri(uri=...) or ArtifactVolume()"
        )
    elif isinstance(access, Direct) and (store is None or not store.reachable_by_clients):
        yield (
            "MlflowProps.artifact_access: clients cannot reach a volume of the server's pod (got Direct()); "
            "use Proxied(), or S3(...) or ArtifactUri(...) as artifact_store"
        )
    elif isinstance(access, Presigned) and (store is None or not store.presigns):
        yield (
            "MlflowProps.artifact_access: MLflow signs no URLs for this artifact store "
            f"(got {access} and {type(store).__name__}); use Proxied(), or S3, AzureBlob, or GCS with credentials"
        )
    if props.backend_store is None and isinstance(access, Direct):
        yield (
            "MlflowProps.artifact_access: a server of artifacts only must pass them (got Direct()); "
            "use Proxied() or Presigned()"
        )


def _has_volume(store: BackendStore | None) -> bool:
    mounts = store.access("backend-store", alone=True).needs.mounts if store else ()
    return any(isinstance(mount.source, VolumeClaim | ExistingVolumeClaim) for mount in mounts)


def _check_stores(props: MlflowProps, needs: Needs) -> Iterator[str]:
    if props.backend_store is not None:
        return
    names = (
        "registry_store",
        "read_replica_backend_store",
        "garbage_collection",
        "backup",
        "job_execution",
        "ai_gateway",
    )
    for name in names:
        if getattr(props, name) is not None:
            yield (
                f"MlflowProps.{name}: a server of artifacts only has no database (got backend_store=None); "
                "leave it out, or name a backend store"
            )


def _check_backup(props: MlflowProps, needs: Needs) -> Iterator[str]:
    if props.backup is None or props.backend_store is None:
        return
    destination = props.backup.destination
    stores = {
        "backend_store": props.backend_store,
        "registry_store": props.registry_store,
        "user_store": props.authentication.user_store if props.authentication else None,
    }
    for name, store in stores.items():
        if store is not None and not isinstance(store, Archived):
            yield (
                f"MlflowProps.backup: {type(store).__name__} has no tools that copy it (got it as {name}); use "
                "PostgreSQL(...), MySQL(...) or SQLite(), or leave backup out and copy it by its own means"
            )
    if props.artifact_store is not None and destination.uri == props.artifact_store.uri:
        yield (
            f"Backup.destination: is the place of the artifacts (got {destination.uri!r}); "
            "use another bucket, or at least another prefix"
        )
    taken = {claim.name for claim in claims_of(needs)}
    for claim in claims_of(destination.needs()):
        if claim.name in taken:
            yield (
                f"Backup.destination: is the volume of what it copies, and would be lost with it (got {claim.name!r}); "
                'write ArtifactVolume(volume=VolumeClaim(name="backup"))'
            )


def _check_jobs(props: MlflowProps, needs: Needs) -> Iterator[str]:
    if props.trace_archival is not None and props.job_execution is None:
        yield (
            "MlflowProps.trace_archival: is a background job of MLflow (got job_execution=None); "
            "write job_execution=JobExecution()"
        )
    jobs = props.job_execution
    if jobs is None:
        return
    if isinstance(props.backend_store, FileStore):
        yield "MlflowProps.job_execution: a file store keeps no jobs (got FileStore); use SQLite() or a database"
    if jobs.queue is None and props.scaling.most > 1:
        yield (
            "MlflowProps.scaling: a job queue in the pod's memory cannot be shared by replicas "
            f"(got {props.scaling}); write JobExecution(queue=InChartRedis()) or FixedReplicas(1)"
        )
    if jobs.queue is not None and _is_single_writer(needs):
        yield (
            "JobExecution.queue: the pod of the periodic tasks would be a second writer of a SQLite file or a volume "
            f"(got {type(jobs.queue).__name__}); leave queue out, or use PostgreSQL(...) and S3(...)"
        )
    if jobs.queue is not None and props.image.repository in _PLAIN_IMAGES:
        yield (
            "JobExecution.queue: needs the Python package redis, which no image of MLflow's has "
            f"(got {props.image.reference!r}); build one from image/Containerfile"
        )
    if props.tls is not None:
        yield (
            "MlflowProps.job_execution: jobs call their own server by plain HTTP (got MlflowProps.tls); leave tls out, "
            "and let an Ingress or a mesh encrypt"
        )
    if props.static_prefix is not None:
        yield (
            "MlflowProps.job_execution: jobs call their own server without a prefix "
            f"(got static_prefix={props.static_prefix!r}); leave one of them out"
        )


def _is_single_writer(needs: Needs) -> bool:
    return bool(needs.single_writers) or any("ReadWriteMany" not in claim.access_modes for claim in claims_of(needs))


def _check_migration(props: MlflowProps, needs: Needs) -> Iterator[str]:
    for name in ("backend_store", "registry_store", "user_store"):
        served: BackendStore | None = getattr(props.authentication if name == "user_store" else props, name, None)
        migrated: BackendStore | None = getattr(props.migration, name) if props.migration else None
        if isinstance(migrated, SQLite | FileStore):
            yield f"Migration.{name}: a file has no other credentials (got {type(migrated).__name__}); leave it out"
        elif migrated is not None and served is None:
            yield f"Migration.{name}: there is nothing to migrate (got MlflowProps.{name}=None); leave it out"
        elif migrated is not None and type(migrated) is not type(served):
            yield (
                f"Migration.{name}: is how the migration reaches the server's own database "
                f"(got {type(migrated).__name__} and {type(served).__name__}); use the same class there"
            )


def _check_authentication(props: MlflowProps, needs: Needs) -> Iterator[str]:
    login = props.authentication
    if login is None or login.schema is None:
        return
    store = login.user_store or props.backend_store
    if store is None or store.migration is None:
        kind = type(store).__name__ if store else "a server of artifacts only"
        yield (
            f"{type(login).__name__}.user_store: {kind} has no tables for users (got None); "
            "write user_store=PostgreSQL(...) or user_store=SQLite()"
        )


def _check_workspaces(props: MlflowProps, needs: Needs) -> Iterator[str]:
    if getattr(props.authentication, "grant_default_workspace_access", False) and props.workspaces is None:
        yield (
            f"{type(props.authentication).__name__}.grant_default_workspace_access: there are no workspaces "
            "(got True and MlflowProps.workspaces=None); leave it out, or write workspaces=Workspaces()"
        )
    for item in props.extra_env:
        if item.get("name") == "MLFLOW_WORKSPACE":
            yield (
                "MlflowProps.extra_env: a server with MLFLOW_WORKSPACE does not start (its value is not shown); "
                "leave it to clients"
            )
        elif item.get("name") in {"MLFLOW_ENABLE_WORKSPACES", "MLFLOW_WORKSPACE_STORE_URI"}:
            yield (
                f"MlflowProps.extra_env: the garbage collection must know it too (got {item['name']}); "
                "use MlflowProps.workspaces"
            )
    if props.workspaces is None or props.workspaces.store_uri is not None:
        return
    store = props.backend_store
    if store is None or store.migration is None:
        kind = type(store).__name__ if store else "a server of artifacts only"
        yield (
            f"MlflowProps.workspaces: {kind} has no tables for them (got Workspaces()); "
            "use a database as backend_store, or name a plugin's store_uri"
        )


# MLflow's own images, and what they have not.


def _check_image(props: MlflowProps, needs: Needs) -> Iterator[str]:
    if props.image.repository in _PLAIN_IMAGES:
        for package in needs.missing_packages:
            yield (
                f"MlflowProps.image: {type(props.authentication).__name__} needs the Python package {package}, "
                f"which no image of MLflow's has (got {props.image.reference!r}); build one from image/Containerfile"
            )


# MLflow asks nobody for a login whose path begins so, with or without its prefix.
_OPEN_PATHS = ("/static", "/favicon.ico", "/health")


def _check_tls(props: MlflowProps, needs: Needs) -> Iterator[str]:
    if props.tls is None:
        return
    ca = props.tls.ca if isinstance(props.tls, TlsSecret) else None
    for door in props.exposure:
        if isinstance(door, HttpRoute):
            yield (
                "HttpRoute: a gateway speaks plain HTTP to what is behind it (got MlflowProps.tls); leave tls out, "
                "or use an Ingress with a controller"
            )
        elif door.controller is None:
            yield (
                "Ingress.controller: how the controller is told that the pods speak TLS differs (got None and "
                "MlflowProps.tls); write IngressNginx(), Traefik() or AwsLoadBalancer()"
            )
        elif isinstance(door.controller, Traefik) and ca is not None and ca.key != "ca.crt":
            yield (
                f"TlsSecret.ca: Traefik reads authorities only from a key ca.crt (got {ca.key!r}); "
                "keep it under that key"
            )


def _check_static_prefix(props: MlflowProps, needs: Needs) -> Iterator[str]:
    prefix = props.static_prefix or ""
    if props.authentication is not None and prefix.startswith(_OPEN_PATHS):
        yield (
            f"MlflowProps.static_prefix: MLflow lets everybody in whose path begins with {' or '.join(_OPEN_PATHS)} "
            f"(got {prefix!r}); choose another one"
        )


def _check_identity(props: MlflowProps, needs: Needs) -> Iterator[str]:
    if isinstance(props.service_account, ServiceAccount):
        for annotation in needs.shadowed_annotations:
            if annotation in props.service_account.annotations:
                yield (
                    "MlflowProps.artifact_store: static keys would shadow the role of the ServiceAccount "
                    f"(got credentials and the annotation {annotation!r}); remove one of them"
                )


def _check_connections(props: MlflowProps, needs: Needs) -> Iterator[str]:
    pool = props.connection_pool
    if pool is None or pool.max_connections is None:
        return
    processes = server_processes(props)
    if worst_case(pool, processes) > pool.max_connections:
        yield (
            f"MlflowProps.connection_pool: {processes} server processes (replicas and one more during a rollout, times "
            f"workers) with {POOLS_PER_PROCESS} pools of {pool.size} + {pool.max_overflow} connections may open "
            f"{worst_case(pool, processes)} (got max_connections={pool.max_connections}); "
            "lower size, max_overflow, workers or replicas"
        )


def _check_hosts(props: MlflowProps, needs: Needs) -> Iterator[str]:
    hosts = [host for door in props.exposure if isinstance(door, Ingress) for host in door.hosts]
    if any(host.host is None for host in hosts) and not props.allowed_hosts:
        yield (
            "Ingress.hosts: a rule without host answers every name, and MLflow refuses names that it does not know "
            "(got host=None and no allowed_hosts); name the host, or list the names in MlflowProps.allowed_hosts"
        )


def _check_network(props: MlflowProps, needs: Needs) -> Iterator[str]:
    if props.service.source_ranges and props.network_policy is None:
        yield (
            f"{type(props.service).__name__}.source_ranges: nothing would enforce them inside the cluster "
            f"(got {props.service.source_ranges!r} and network_policy=None); keep the network policy"
        )


def _check_kubernetes(props: MlflowProps, needs: Needs) -> Iterator[str]:
    if version_number(needs.kubernetes) > version_number(props.kubernetes_version):
        yield (
            f"MlflowProps.kubernetes_version: a part of these props needs Kubernetes {needs.kubernetes} "
            f"(got {props.kubernetes_version!r}); write kubernetes_version={needs.kubernetes!r} "
            "if no cluster is older"
        )


# Flags that the construct writes itself, as argument or as variable -> the prop that stands for them.
_OWN_FLAGS = {
    "port": "service",
    "backend-store-uri": "backend_store",
    "registry-store-uri": "registry_store",
    "artifacts-only": "backend_store=None",
    "read-replica-backend-store-uri": "read_replica_backend_store",
    "default-artifact-root": "artifact_store and artifact_access=Direct()",
    "artifacts-destination": "artifact_store",
    "serve-artifacts": "artifact_access",
    "no-serve-artifacts": "artifact_access",
    "workers": "workers",
    "static-prefix": "static_prefix",
    "allowed-hosts": "allowed_hosts",
    "cors-allowed-origins": "cors_allowed_origins",
    "expose-prometheus": "metrics",
    "uvicorn-opts": "graceful_shutdown_timeout",
    "enable-workspaces": "workspaces",
    "workspace-store-uri": "workspaces",
}
_REFUSED_FLAGS = {
    "host": "pods listen on 0.0.0.0, and the network policy says who may connect",
    "disable-workspaces": "they are off as long as workspaces is left out",
    "dev": "it reloads code and is not for a cluster",
    "disable-security-middleware": "it switches off the protection against DNS rebinding; use allowed_hosts",
    "gunicorn-opts": "gunicorn serves neither traces nor the security middleware",
    "waitress-opts": "waitress is for Windows",
}


def _check_extra_args(props: MlflowProps, needs: Needs) -> Iterator[str]:
    for flag, value in props.extra_args.items():
        if flag == "app-name" and props.authentication is not None:
            yield (
                f"MlflowProps.extra_args: {type(props.authentication).__name__} says which app runs "
                f"(got app-name={value!r}); leave one of them out"
            )
        elif flag in _OWN_FLAGS:
            yield (
                f"MlflowProps.extra_args: the construct writes --{flag} itself (got {flag!r}); "
                f"use {_OWN_FLAGS[flag]} instead"
            )
        elif flag in _REFUSED_FLAGS:
            yield f"MlflowProps.extra_args: --{flag} is refused (got {flag!r}); {_REFUSED_FLAGS[flag]}"
        elif value is False:
            yield (f"MlflowProps.extra_args: a flag is there or not (got {flag!r}: False); leave it out")


def _check_extra_env(props: MlflowProps, needs: Needs) -> Iterator[str]:
    for name in repeated([item["name"] for item in props.extra_env]):
        yield f"MlflowProps.extra_env: stands there more than once (got {name!r}); keep one of them"
    for index, item in enumerate(props.extra_env):
        yield from _one_of(f"MlflowProps.extra_env[{index}]", item, ("value", "valueFrom"))
        if "valueFrom" in item:
            yield from _one_of(f"MlflowProps.extra_env[{index}].valueFrom", item["valueFrom"], tuple(item["valueFrom"]))
    for index, source in enumerate(props.env_from):
        yield from _one_of(f"MlflowProps.env_from[{index}]", source, ("configMapRef", "secretRef"))


def _one_of(path: str, shape: Mapping[str, object], keys: tuple[str, ...]) -> Iterator[str]:
    given = [key for key in keys if key in shape]
    if len(given) != 1:
        names = " or ".join(keys) or "secretKeyRef, configMapKeyRef, fieldRef or resourceFieldRef"
        yield f"{path}: exactly one of {names} must be there (got {', '.join(given) or 'none'}); keep one"


def _check_tolerations(props: MlflowProps, needs: Needs) -> Iterator[str]:
    for index, item in enumerate(props.tolerations):
        if not item.get("key") and item.get("operator") != "Exists":
            yield (
                f"MlflowProps.tolerations[{index}]: without a key it must tolerate everything (got {item!r}); "
                "write {'operator': 'Exists'}, or a key"
            )


def _check_labels(props: MlflowProps, needs: Needs) -> Iterator[str]:
    given: dict[str, Mapping[str, str]] = {
        name: getattr(props, name) for name in ("pod_labels", "job_pod_labels", "common_labels")
    }
    given |= {f"object_labels[{kind!r}]": labels for kind, labels in props.object_labels.items()}
    adopted = props.adopt.selector if props.adopt else {}
    for name, labels in given.items():
        for key in labels:
            if key.startswith("app.kubernetes.io/") or key in adopted:
                yield (
                    f"MlflowProps.{name}: {key} is part of the construct's own labels and selectors "
                    f"(got {labels[key]!r}); choose a label of your own"
                )


def _check_dns(props: MlflowProps, needs: Needs) -> Iterator[str]:
    if props.dns_policy == "None" and not props.dns_config.get("nameservers"):
        yield (
            "MlflowProps.dns_config: a pod with dns_policy 'None' would have nobody to ask for names "
            "(got no nameservers); write {'nameservers': [...]}"
        )


def _check_termination(props: MlflowProps, needs: Needs) -> Iterator[str]:
    grace = props.termination_grace_period
    if grace is not None and grace < least_grace(props):
        yield (
            "MlflowProps.termination_grace_period: is below pre_stop_delay and graceful_shutdown_timeout together, "
            f"so requests in flight would be cut off (got {grace} and {least_grace(props)}); raise it, or lower them"
        )


def _check_extra_containers(props: MlflowProps, needs: Needs) -> Iterator[str]:
    if any("restartPolicy" in item for item in props.extra_init_containers):
        yield from _check_kubernetes(props, Needs(kubernetes="1.29"))
    for index, volume in enumerate(props.extra_volumes):
        sources = [key for key in volume if key != "name"]
        if len(sources) != 1:
            known = ", ".join(sorted(set(Volume.__annotations__) - {"name"}))
            yield (
                f"MlflowProps.extra_volumes[{index}]: exactly one source must be there "
                f"(got {', '.join(sources) or 'none'}); write one of {known}"
            )


_CHECKS = (
    _check_adoption,
    _check_replicas,
    _check_sleep,
    _check_workers,
    _check_resources,
    _check_artifacts,
    _check_stores,
    _check_backup,
    _check_jobs,
    _check_migration,
    _check_authentication,
    _check_workspaces,
    _check_image,
    _check_static_prefix,
    _check_tls,
    _check_identity,
    _check_connections,
    _check_hosts,
    _check_network,
    _check_kubernetes,
    _check_extra_args,
    _check_extra_env,
    _check_tolerations,
    _check_labels,
    _check_dns,
    _check_termination,
    _check_extra_containers,
)
