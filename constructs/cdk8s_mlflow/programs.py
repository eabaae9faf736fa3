"""The containers that run: the server, and those that prepare its pod. Each is decided here, for any pod."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs

from cdk8s_mlflow import jobs, network
from cdk8s_mlflow.artifact_store.access import Direct, Presigned, Proxied
from cdk8s_mlflow.connections import default_pool
from cdk8s_mlflow.container import (
    Container,
    Health,
    canonical_resources,
    config_file,
    helper_resources,
    script,
    seconds,
)
from cdk8s_mlflow.exposure import ClusterIP, Headless
from cdk8s_mlflow.guards import SERVER_PORT, TLS_DIRECTORY, certificate_mount
from cdk8s_mlflow.logs import LOGGING_FILE, STOP_NOTICE, logging_settings
from cdk8s_mlflow.needs import (
    FILES_DIRECTORY,
    ConfigFile,
    EnvVar,
    GeneratedKey,
    Needs,
    PodField,
    SecretUse,
    Template,
    merge,
)
from cdk8s_mlflow.observability import METRICS_PORT
from cdk8s_mlflow.operations import Migration
from cdk8s_mlflow.peers import Manifest, endpoint_of, verbatim
from cdk8s_mlflow.props import MlflowProps, server_processes
from cdk8s_mlflow.release import Release
from cdk8s_mlflow.stores import MigratedSchema, Stores
from cdk8s_mlflow.values import canonical_quantity, quantity_bytes
from cdk8s_mlflow.volumes import EmptyDir, Mount

_MEBI = 2**20


def server_needs(release: Release, *, leads: bool) -> Needs:
    """Return what the server's container needs apart from its stores and its login; one may lead periodic tasks."""
    props, stores, namespace = release.props, release.stores, release.namespace
    # The pod itself knows its namespace in any case.
    services = network.service_names(release.naming.object(), namespace or "$(POD_NAMESPACE)", props.cluster_domain)
    plain: dict[str, str | None] = {
        "MLFLOW_WORKERS": str(props.workers),
        "MLFLOW_STATIC_PREFIX": props.static_prefix,
        "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": ",".join(network.cors_allowed_origins(props)) or None,
        "MLFLOW_UVICORN_OPTS": " ".join(_uvicorn_options(release)),
        "FORWARDED_ALLOW_IPS": ",".join(_believed(release)) or None,
        # 9 processes and 1.6 GiB for tasks that most installations never run.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": str(props.job_execution is not None).lower(),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # On by default in MLflow: whoever reaches the server could make it call hosts of his choice.
        "MLFLOW_ENABLE_AI_GATEWAY": str(props.ai_gateway is not None).lower(),
        # Empty: MLflow would ask GitHub for what the image holds as well.
        "MLFLOW_MODEL_CATALOG_URI": props.model_catalog_url or "",
        "MLFLOW_CRYPTO_KEK_VERSION": str(props.crypto_kek_version),
        **_pool(props, stores),
    }
    return merge(
        # Known to the kubelet only; the allowed hosts refer to them, so they come first.
        Needs(env=tuple(EnvVar(name, PodField(path)) for name, path in _pod_fields(props, namespace).items())),
        process_needs(_tmp_size(release)),
        Needs(
            env=(
                EnvVar(
                    "MLFLOW_SERVER_ALLOWED_HOSTS",
                    Template(",".join(network.allowed_hosts(props, services, release.server_port))),
                ),
            )
        ),
        Needs(env=tuple(EnvVar(name, value) for name, value in plain.items() if value is not None)),
        Needs(env=_artifact_env(props, stores)),
        _tls_needs(release),
        workspace_needs(props),
        props.ai_gateway.needs() if props.ai_gateway else Needs(),
        Needs(egress=(endpoint_of(props.model_catalog_url),)) if props.model_catalog_url else Needs(),
        jobs.job_needs(release, leads=leads),
        _logging(release),
        Needs(kubernetes="1.29") if any("restartPolicy" in item for item in props.extra_init_containers) else Needs(),
        Needs(
            env=(
                EnvVar(
                    "MLFLOW_CRYPTO_KEK_PASSPHRASE",
                    SecretUse("crypto-kek-passphrase", props.crypto_kek_passphrase, "passphrase"),
                ),
                EnvVar(
                    "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY",
                    SecretUse("webhook-encryption-key", props.webhook_secret_encryption_key, "fernet"),
                ),
            )
        ),
    )


def _tls_needs(release: Release) -> Needs:
    """Return the certificate, if the server itself speaks TLS and nobody in front of it does."""
    if release.certificate is None or release.guard.front is not None:
        return Needs()
    return Needs(mounts=(certificate_mount(release.certificate),), objects=release.certificate.objects)


def workspace_needs(props: MlflowProps) -> Needs:
    """Return what a process needs that works on the stores, to see the workspaces in them."""
    if props.workspaces is None:
        return Needs()
    uri = props.workspaces.store_uri
    store = () if uri is None else (EnvVar("MLFLOW_WORKSPACE_STORE_URI", uri),)
    return Needs(env=(EnvVar("MLFLOW_ENABLE_WORKSPACES", "true"), *store))


def _believed(release: Release) -> Iterator[str]:
    """Return who may say under which scheme and for whom he asks: the container in front, and those before it."""
    if release.guard.front is not None:
        yield "127.0.0.1"
    if release.props.exposure or release.props.public_url:
        yield from release.props.trusted_proxies


def _logging(release: Release) -> Needs:
    """Return how the server logs: uvicorn finds our code beside its configuration, in every process."""
    logs = release.props.logs
    env: dict[str, str] = {"MLFLOW_LOGGING_LEVEL": logs.level} if logs.level != "INFO" else {}
    # MLflow would give its loggers its own format again.
    env |= {"MLFLOW_CONFIGURE_LOGGING": "false"} if logs.format == "json" else {}
    return Needs(
        env=tuple(EnvVar(name, value) for name, value in env.items()),
        files=(
            script("server_logs.py"),
            script("server_stop.py"),
            config_file(LOGGING_FILE, logging_settings(logs, release.health_path)),
        ),
    )


def counting_needs(props: MlflowProps) -> Needs:
    """Return where MLflow's processes count, if they do."""
    if props.metrics is None:
        return Needs()
    return Needs(env=(EnvVar("MLFLOW_EXPOSE_PROMETHEUS", _COUNTS),), mounts=(_counts(read_only=False),))


_COUNTS = "/run/mlflow/metrics"


def _counts(*, read_only: bool) -> Mount:
    # 20 KiB per process that ever ran in the pod.
    return Mount(volume="metrics", source=EmptyDir(size_limit="64Mi"), path=_COUNTS, read_only=read_only)


def metrics_containers(release: Release) -> tuple[Container, ...]:
    """Return the container that serves the metrics, if they are wanted: it knows no secret, and no other port."""
    metrics = release.props.metrics
    if metrics is None:
        return ()
    scheme = "https" if release.certificate and release.guard.front is None else "http"
    settings = {
        "directory": _COUNTS,
        "health_url": f"{scheme}://127.0.0.1:{SERVER_PORT}{release.health_path}",
        "port": METRICS_PORT,
    }
    container = Container(
        name="metrics",
        command=("python", f"{FILES_DIRECTORY}/serve_metrics.py", f"{FILES_DIRECTORY}/metrics.json"),
        needs=Needs(
            files=(script("serve_metrics.py"), config_file("metrics.json", settings)),
            mounts=(_counts(read_only=True),),
        ),
        resources=canonical_resources(metrics.resources)
        if metrics.resources is not None
        else {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
        ports={"metrics": METRICS_PORT},
        stays_inside=True,
    )
    return (container,)


def _uvicorn_options(release: Release) -> Iterator[str]:
    yield f"--timeout-graceful-shutdown {seconds(release.props.graceful_shutdown_timeout)}"
    # Uvicorn's 5 s meet clients that write every 5 s, and are shorter than those of every proxy in front: whoever sends
    # in the moment of the end sees a lost connection.
    yield "--timeout-keep-alive 120"
    yield f"--log-config {FILES_DIRECTORY}/{LOGGING_FILE}"
    # For the classes of that file, and for a login of ours or the user's: PYTHONPATH would replace the image's own.
    yield f"--app-dir {FILES_DIRECTORY}"
    if release.certificate is not None and release.guard.front is None:
        yield f"--ssl-certfile {TLS_DIRECTORY}/tls.crt --ssl-keyfile {TLS_DIRECTORY}/tls.key"


def _pool(props: MlflowProps, stores: Stores) -> dict[str, str | None]:
    if not stores.has_server:
        return {}
    pool = props.connection_pool or default_pool(server_processes(props))
    return {
        "MLFLOW_SQLALCHEMYSTORE_POOL_SIZE": str(pool.size),
        "MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW": str(pool.max_overflow),
        "MLFLOW_SQLALCHEMYSTORE_POOL_RECYCLE": str(seconds(pool.recycle)),
    }


def _pod_fields(props: MlflowProps, namespace: str | None) -> dict[str, str]:
    fields = {"POD_IP": "status.podIP"}
    if not isinstance(props.service, ClusterIP | Headless):
        fields["HOST_IP"] = "status.hostIP"
    return fields if namespace else fields | {"POD_NAMESPACE": "metadata.namespace"}


def process_needs(tmp_size: str) -> Needs:
    """Return what every Python process needs below a read-only root: one place to write."""
    tmp = Mount(volume="tmp", source=EmptyDir(size_limit=tmp_size), path="/tmp")  # noqa: S108 - the pod's own /tmp
    # The image has no home for the numeric user; libraries look for one.
    return Needs(env=(EnvVar("HOME", "/tmp"),), mounts=(tmp,))  # noqa: S108


def _tmp_size(release: Release) -> str:
    """Return the size of ``/tmp``: object stores make MLflow keep each file there while it passes, and so do logins."""
    base = 512 * _MEBI
    access, artifacts = release.props.artifact_access, release.stores.artifacts
    copies = int(artifacts is not None and artifacts.spools) + int(release.guard.spools_uploads)
    if isinstance(access, Proxied | Presigned):
        base += copies * int(quantity_bytes(access.largest_artifact)) * access.concurrent_transfers
    return canonical_quantity(f"{-(-base // _MEBI)}Mi")


def _artifact_env(props: MlflowProps, stores: Stores) -> tuple[EnvVar, ...]:
    uri = stores.artifacts.uri if stores.artifacts else ""
    if isinstance(props.artifact_access, Direct):
        return (EnvVar("MLFLOW_SERVE_ARTIFACTS", "false"), EnvVar("MLFLOW_DEFAULT_ARTIFACT_ROOT", uri))
    only = () if props.backend_store else (EnvVar("MLFLOW_ARTIFACTS_ONLY", "true"),)
    return (EnvVar("MLFLOW_SERVE_ARTIFACTS", "true"), EnvVar("MLFLOW_ARTIFACTS_DESTINATION", uri), *only)


def server_container(release: Release, needs: Needs) -> Container:
    """Return the server's container."""
    props, guard = release.props, release.guard
    app_name = ("--app-name", guard.app_name) if guard.app_name else ()
    # Whoever must go through a container in front finds nobody on the pod's address.
    host = "127.0.0.1" if guard.front else "0.0.0.0"  # noqa: S104 - it is a server
    return Container(
        name="mlflow",
        # The image has no entrypoint. A Service called "mlflow" makes older kubelets set MLFLOW_PORT=tcp://...,
        # so the port is an argument.
        command=("mlflow", "server"),
        args=("--host", host, "--port", str(SERVER_PORT), *app_name, *_extra_args(props)),
        needs=needs,
        extra_env=tuple(verbatim(item) for item in props.extra_env),
        env_from=tuple(verbatim(item) for item in props.env_from),
        extra_mounts=tuple(verbatim(item) for item in props.extra_volume_mounts),
        resources=_resources(props),
        ports={} if guard.front else {"http": SERVER_PORT},
        health=Health(
            path=release.health_path,
            port=release.server_port if guard.front else "http",
            scheme="HTTPS" if release.certificate else None,
        ),
        # MLflow refuses new connections as soon as it stops, and Services forget a pod late.
        pre_stop=("sh", "-c", f"touch {STOP_NOTICE}\nsleep {seconds(props.pre_stop_delay)}"),
    )


def _extra_args(props: MlflowProps) -> Iterator[str]:
    for flag, value in props.extra_args.items():
        yield f"--{flag}" if value is True else f"--{flag}={value}"


def _resources(props: MlflowProps) -> Manifest:
    if props.resources is not None:  # an empty mapping asks for nothing
        return canonical_resources(props.resources)
    idle, running = jobs.memory(props)
    limit = 768 + 256 * props.workers + _buffered(props) + running
    return {
        "requests": {"cpu": "250m", "memory": canonical_quantity(f"{512 + 256 * props.workers + idle}Mi")},
        "limits": {"memory": canonical_quantity(f"{limit}Mi")},
    }


def _buffered(props: MlflowProps) -> int:
    """Return how many MiB an upload takes: below a static prefix MLflow holds it in memory, at the end twice."""
    access = props.artifact_access
    if props.static_prefix is None or isinstance(access, Direct):
        return 0
    return -(-2 * int(quantity_bytes(access.largest_artifact)) // _MEBI)


def migrate_containers(props: MlflowProps, stores: Stores) -> tuple[Container, ...]:
    """Return the init container that brings the schema to the image's revision, or verifies it."""
    databases = [_migrated(item) for item in stores.migrated]
    if not databases:
        return ()
    limits = props.migration or Migration()
    settings = {
        "mode": "verify" if props.migration is None else "migrate",
        "wait_seconds": seconds(limits.database_wait),
        "limit_seconds": seconds(limits.time_limit),
        "databases": databases,
    }
    container = Container(
        name="migrate",
        command=("python", f"{FILES_DIRECTORY}/migrate.py"),
        needs=merge(
            stores.migration_needs,
            process_needs("512Mi"),
            Needs(files=(script("migrate.py"), *_journal(stores), config_file("migrate.json", settings))),
        ),
        resources=canonical_resources(limits.resources) or helper_resources("384Mi", "768Mi"),
    )
    return (container,)


def _journal(stores: Stores) -> tuple[ConfigFile, ...]:
    """Return the program that the migration needs for an engine which cannot take half an upgrade back."""
    return () if all(item.dialect.transactional_ddl for item in stores.migrated) else (script("journal.py"),)


def _migrated(item: MigratedSchema) -> Manifest:
    return {
        "name": item.name,
        "variable": item.variable,
        "schema": attrs.asdict(item.schema),
        **attrs.asdict(item.dialect),
    }


def generate_container(keys: Iterable[GeneratedKey]) -> Container:
    """Return the container that creates Secrets in the cluster, each once."""
    settings = {"secrets": [attrs.asdict(key) for key in keys]}
    return Container(
        name="generate",
        command=("python", f"{FILES_DIRECTORY}/generate_secrets.py"),
        needs=Needs(files=(script("generate_secrets.py"), config_file("secrets.json", settings))),
        resources=helper_resources("64Mi", "128Mi"),
    )


def leader_container(release: Release) -> Container:
    """Return the container that leads the periodic tasks: a server that only its own jobs call."""
    needs = merge(release.stores.needs, server_needs(release, leads=True), release.guard.server)
    server = server_container(release, needs)
    # Behind a container in front it would listen on the pod's localhost only, where no probe reaches it.
    return attrs.evolve(server, pre_stop=None, health=None if release.guard.front else server.health)
