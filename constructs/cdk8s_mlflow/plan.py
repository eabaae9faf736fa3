"""Everything decided: :func:`plan` turns props into a :class:`Plan`, and builders only write it down."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from importlib import resources

import attrs

from cdk8s_mlflow import network
from cdk8s_mlflow.artifact_store import ArtifactStore, ArtifactVolume, Proxied
from cdk8s_mlflow.backend_store import BackendStore
from cdk8s_mlflow.checks import InvalidProps, TypeFailure, check_parts, check_values
from cdk8s_mlflow.exposure import Ingress, LoadBalancer, Service
from cdk8s_mlflow.naming import Naming
from cdk8s_mlflow.needs import (
    CREDENTIALS_DIRECTORY,
    FILES_DIRECTORY,
    ConfigFile,
    CredentialFile,
    EmptyDir,
    Endpoint,
    EnvVar,
    ExistingVolumeClaim,
    Manifest,
    Mount,
    Needs,
    PodField,
    SecretUse,
    VolumeClaim,
    merge,
)
from cdk8s_mlflow.network import PolicyPlan
from cdk8s_mlflow.pods import CONTAINER_SECURITY, POD_SECURITY, Container, PodPlan, config_file, conflicts, literal, plan_pod, seconds
from cdk8s_mlflow.operations import Migration
from cdk8s_mlflow.props import MlflowProps, ServiceAccount
from cdk8s_mlflow.values import ObjectName, canonical_quantity, quantity_bytes

SERVER_PORT = 5000
# MLflow itself waits 106 s for its database before it gives up; the startup probe must outlast that.
STARTUP_SECONDS = 180
_MEBI = 2**20


@attrs.frozen(kw_only=True)
class AccountPlan:
    """A ServiceAccount to render."""

    name: str
    annotations: dict[str, str]


@attrs.frozen(kw_only=True)
class ServicePlan:
    """The Service of the server."""

    type: str
    annotations: dict[str, str]
    port: int
    node_port: int | None
    external_traffic_policy: str | None
    load_balancer_source_ranges: list[str]


@attrs.frozen(kw_only=True)
class JobPlan:
    """A Job that runs once."""

    name: str
    pod: PodPlan


@attrs.frozen(kw_only=True)
class Plan:
    """Everything that the builders write down; no default is left open."""

    naming: Naming
    namespace: str | None
    """Where it must be applied; None if only ``kubectl apply -n`` will tell."""
    server: PodPlan
    replicas: int
    recreate: bool
    progress_deadline_seconds: int
    service: ServicePlan
    ingress: Ingress | None
    server_policy: PolicyPlan | None
    account: AccountPlan | None
    generator: JobPlan | None
    generator_policy: PolicyPlan | None
    claims: tuple[VolumeClaim, ...]
    secret_objects: tuple[Manifest, ...]
    max_unavailable: int | None
    """The disruption budget; None renders none."""
    tracking_uri: str
    public_url: str | None
    kubernetes: str
    """The oldest Kubernetes that has all that is used."""
    notices: tuple[str, ...]
    """What the user should know although it works."""


def plan(props: MlflowProps, *, name: str, namespace: str | None = None) -> Plan:
    """Decide everything for one release.

    ``namespace`` is where it will be applied. With None only ``kubectl apply -n`` will tell; if secrets are
    generated it must be known, and is ``default``.

    :raises InvalidProps: with every failure of the props.
    """
    subject = f"Mlflow {name!r}"
    failures = check_values(props)
    if any(isinstance(failure, TypeFailure) for failure in failures):
        raise InvalidProps(subject, failures)
    naming = Naming(release=props.name or name, app=props.label_name)
    failures += check_values(Named(naming.release), "Mlflow")
    try:
        stores = _Stores.of(props)
    except ValueError as error:  # a store's own words about its values
        raise InvalidProps(subject, [*failures, str(error)]) from None
    failures += check_parts(props, stores.needs)
    if failures:
        raise InvalidProps(subject, failures)
    needs = merge(stores.needs, _server_needs(props, stores, naming, namespace))
    if namespace is None and any(_is_generated(item) for item in needs.env):
        # A RoleBinding must name its subject's namespace, and kubectl would not fill it in.
        namespace = "default"
        needs = merge(stores.needs, _server_needs(props, stores, naming, namespace))
    failures = [*conflicts("the server's container", needs, props.extra_env), *_check_secrets(needs, props)]
    if failures:
        raise InvalidProps(subject, failures)
    return _decide(props, naming, namespace, stores, needs)


def _is_generated(item: EnvVar) -> bool:
    use = item.value
    return isinstance(use, SecretUse) and use.source.supply(use.purpose, use.kind).generated is not None


@attrs.frozen
class Named:
    """The name of a release, from the construct's id or the props."""

    name: ObjectName


@attrs.frozen(kw_only=True)
class _Stores:
    """The stores of one release together, and how one container reaches them all."""

    databases: dict[str, BackendStore]
    """The databases that must be migrated, by role; two roles on one database are one."""
    needs: Needs
    """What a container needs that uses the databases and artifacts."""
    database_needs: Needs
    """What a container needs that uses the databases only."""
    artifacts: ArtifactStore | None

    @staticmethod
    def of(props: MlflowProps) -> _Stores:
        backend, registry = props.backend_store, props.registry_store
        roles = {"backend-store": backend}
        variables = {"backend-store": "MLFLOW_BACKEND_STORE_URI", "registry-store": "MLFLOW_REGISTRY_STORE_URI"}
        if registry is not None and registry != backend:
            roles["registry-store"] = registry
        alone = len(roles) == 1
        access = {role: store.access(None if alone else role) for role, store in roles.items()}
        database_needs = merge(
            *(
                Needs(
                    env=(EnvVar(variables[role], literal(reached.uri)), *reached.env),
                    credential_files=reached.credential_files,
                )
                for role, reached in access.items()
            ),
            *(store.needs() for store in roles.values()),
        )
        artifacts = props.artifact_store or _same_volume(database_needs)
        return _Stores(
            databases=roles,
            database_needs=database_needs,
            needs=merge(database_needs, *([artifacts.needs()] if artifacts else [])),
            artifacts=artifacts,
        )


def _same_volume(needs: Needs) -> ArtifactStore | None:
    """Return the artifact store on the backend store's own volume, if it has one."""
    claims = [mount.source for mount in needs.mounts if isinstance(mount.source, VolumeClaim | ExistingVolumeClaim)]
    return ArtifactVolume(volume=claims[0]) if claims else None


# --- Containers --------------------------------------------------------------------------------------------


def _server_needs(props: MlflowProps, stores: _Stores, naming: Naming, namespace: str | None) -> Needs:
    """Return what the server's container needs apart from its stores."""
    services = network.service_names(naming.object(), namespace or "$(POD_NAMESPACE)", props.cluster_domain)
    plain: dict[str, str | None] = {
        "MLFLOW_WORKERS": str(props.workers),
        "MLFLOW_STATIC_PREFIX": props.static_prefix,
        "MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(network.allowed_hosts(props, services)),
        "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": ",".join(network.cors_allowed_origins(props)) or None,
        "MLFLOW_UVICORN_OPTS": f"--timeout-graceful-shutdown {seconds(props.graceful_shutdown_timeout)}",
        "FORWARDED_ALLOW_IPS": ",".join(props.pod_cidrs) if props.exposure else None,
        "MLFLOW_EXPOSE_PROMETHEUS": "/tmp/prometheus" if props.metrics else None,  # noqa: S108 - the pod's own /tmp
        # 9 processes and 1.6 GiB for tasks that most installations never run.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    return merge(
        # Known to the kubelet only; other variables refer to it, so it comes first.
        Needs(env=() if namespace else (EnvVar("POD_NAMESPACE", PodField("metadata.namespace")),)),
        _process_needs(_tmp_size(props, stores)),
        Needs(env=tuple(EnvVar(name, value) for name, value in plain.items() if value is not None)),
        Needs(env=_artifact_env(props, stores)),
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


def _process_needs(tmp_size: str) -> Needs:
    """Return what every Python process needs below a read-only root: one place to write."""
    tmp = Mount(volume="tmp", source=EmptyDir(size_limit=tmp_size), path="/tmp")  # noqa: S108 - the pod's own /tmp
    # The image has no home for the numeric user; libraries look for one.
    return Needs(env=(EnvVar("HOME", "/tmp"),), mounts=(tmp,))  # noqa: S108


def _tmp_size(props: MlflowProps, stores: _Stores) -> str:
    """Return the size of ``/tmp``: object stores make MLflow keep each file there while it passes."""
    base = 512 * _MEBI
    access = props.artifact_access
    if isinstance(access, Proxied) and stores.artifacts is not None and stores.artifacts.spools:
        base += int(quantity_bytes(access.largest_artifact)) * access.concurrent_transfers
    return canonical_quantity(f"{-(-base // _MEBI)}Mi")


def _artifact_env(props: MlflowProps, stores: _Stores) -> tuple[EnvVar, ...]:
    uri = literal(stores.artifacts.uri) if stores.artifacts else ""
    if isinstance(props.artifact_access, Proxied):
        return (EnvVar("MLFLOW_SERVE_ARTIFACTS", "true"), EnvVar("MLFLOW_ARTIFACTS_DESTINATION", uri))
    return (EnvVar("MLFLOW_SERVE_ARTIFACTS", "false"), EnvVar("MLFLOW_DEFAULT_ARTIFACT_ROOT", uri))


def _server(props: MlflowProps, needs: Needs, credentials: Needs) -> Container:
    return Container(
        name="mlflow",
        # The image has no entrypoint. A Service called "mlflow" makes older kubelets set MLFLOW_PORT=tcp://...,
        # so the port is an argument.
        command=("mlflow", "server"),
        args=("--host", "0.0.0.0", "--port", str(SERVER_PORT), *_extra_args(props)),  # noqa: S104 - it is a server
        needs=merge(needs, credentials),
        extra_env=tuple(dict(item) for item in props.extra_env),
        env_from=tuple(dict(item) for item in props.env_from),
        resources=_resources(props),
        port=SERVER_PORT,
        health_path=f"{props.static_prefix or ''}/health",
        pre_stop_delay=props.pre_stop_delay,
    )


def _extra_args(props: MlflowProps) -> Iterator[str]:
    for flag, value in props.extra_args.items():
        yield f"--{flag}" if value is True else f"--{flag}={value}"


def _resources(props: MlflowProps) -> Manifest:
    if props.resources is not None:
        return {
            part: {name: canonical_quantity(str(amount)) for name, amount in amounts.items()}
            for part, amounts in (("requests", props.resources.get("requests")), ("limits", props.resources.get("limits")))
            if amounts
        }
    return {
        "requests": {"cpu": "250m", "memory": canonical_quantity(f"{512 + 256 * props.workers}Mi")},
        "limits": {"memory": canonical_quantity(f"{768 + 256 * props.workers}Mi")},
    }


def _credentials(needs: Needs) -> tuple[Needs, tuple[Container, ...]]:
    """Return the mount of the credential files, and the init container that writes them; nothing if there are none."""
    if not needs.credential_files:
        return Needs(), ()
    source = EmptyDir(size_limit="1Mi", medium="Memory")
    mount = Mount(volume="credentials", source=source, path=CREDENTIALS_DIRECTORY)
    uses = {use.purpose: use for file in needs.credential_files for use in file.secrets.values()}
    variables = {purpose: f"CREDENTIAL_{index}" for index, purpose in enumerate(uses)}
    written = [_written(file, variables) for file in needs.credential_files]
    prepare = Container(
        name="prepare",
        command=("python", f"{FILES_DIRECTORY}/prepare.py"),
        needs=Needs(
            env=tuple(EnvVar(variables[purpose], use) for purpose, use in uses.items()),
            files=(_script("prepare.py"), config_file("credentials.json", {"files": written})),
            mounts=(mount,),
        ),
        resources=_helper_resources("64Mi", "128Mi"),
    )
    return Needs(mounts=(attrs.evolve(mount, read_only=True),)), (prepare,)


def _written(file: CredentialFile, variables: dict[str, str]) -> Manifest:
    return {
        "path": f"{CREDENTIALS_DIRECTORY}/{file.name}",
        "text": file.text,
        "variables": {placeholder: variables[use.purpose] for placeholder, use in file.secrets.items()},
        "escapes": dict(file.escapes),
    }


def _migrate(props: MlflowProps, stores: _Stores, credentials: Needs) -> tuple[Container, ...]:
    """Return the init container that brings the schema to the image's revision, or verifies it."""
    dialects = {role: store.migration for role, store in stores.databases.items()}
    databases = [
        {
            "name": role,
            "variable": "MLFLOW_BACKEND_STORE_URI" if role == "backend-store" else "MLFLOW_REGISTRY_STORE_URI",
            "try_lock": dialect.try_lock,
            "causes": dict(dialect.causes),
        }
        for role, dialect in dialects.items()
        if dialect is not None
    ]
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
            stores.database_needs,
            credentials,
            _process_needs("512Mi"),
            Needs(files=(_script("migrate.py"), config_file("migrate.json", settings))),
        ),
        resources=_helper_resources("384Mi", "768Mi"),
    )
    return (container,)


def _helper_resources(request: str, limit: str) -> Manifest:
    return {"requests": {"cpu": "100m", "memory": request}, "limits": {"memory": limit}}


def _script(name: str) -> ConfigFile:
    return ConfigFile(name, resources.files("cdk8s_mlflow.scripts").joinpath(name).read_text(encoding="utf-8"))


# --- The release -------------------------------------------------------------------------------------------


def _decide(props: MlflowProps, naming: Naming, namespace: str | None, stores: _Stores, needs: Needs) -> Plan:
    credentials, prepare = _credentials(needs)
    migrate = _migrate(props, stores, credentials)
    account_name = props.service_account.name or naming.object()
    server = plan_pod(
        props,
        naming,
        "server",
        init_containers=(*prepare, *migrate),
        containers=(_server(props, needs, credentials),),
        service_account_name=account_name,
        egress=needs.egress,
        termination_grace=props.pre_stop_delay + props.graceful_shutdown_timeout + timedelta(seconds=10),
        labels=props.pod_labels,
        annotations=props.pod_annotations,
        affinity=dict(props.affinity),
        topology_spread_constraints=_spread(props, naming),
    )
    generator = _generator(props, naming, server)
    replicas = props.scaling.replicas
    policy = props.network_policy
    limits = props.migration or Migration()
    return Plan(
        naming=naming,
        namespace=namespace,
        server=server,
        replicas=replicas,
        recreate=_is_single_writer(needs),
        progress_deadline_seconds=seconds(limits.database_wait + limits.time_limit) + STARTUP_SECONDS + 60,
        service=_plan_service(props.service),
        ingress=props.exposure,
        server_policy=None if policy is None else network.server_policy(props, policy, SERVER_PORT, needs.egress),
        account=(
            AccountPlan(name=account_name, annotations=dict(props.service_account.annotations))
            if isinstance(props.service_account, ServiceAccount)
            else None
        ),
        generator=generator,
        generator_policy=None if policy is None or generator is None else network.helper_policy(generator.pod.egress),
        claims=server.claims,
        secret_objects=tuple(item for supplied in server.secrets for item in supplied.objects),
        max_unavailable=(
            props.disruption_budget.max_unavailable if props.disruption_budget is not None and replicas > 1 else None
        ),
        tracking_uri=_tracking_uri(props, naming, namespace),
        public_url=network.public_url(props),
        kubernetes=needs.kubernetes,
        notices=tuple(_notices(props)),
    )


def _plan_service(service: Service) -> ServicePlan:
    ranges = list(service.source_ranges or ())
    return ServicePlan(
        type=type(service).__name__,
        annotations=dict(service.annotations),
        port=service.port,
        node_port=service.node_port,
        # With ranges the node must keep the caller's address, or the network policy would see the node's.
        external_traffic_policy="Local" if ranges else None,
        load_balancer_source_ranges=ranges if isinstance(service, LoadBalancer) else [],
    )


def _is_single_writer(needs: Needs) -> bool:
    claims = [item.source for item in needs.mounts if isinstance(item.source, VolumeClaim | ExistingVolumeClaim)]
    return needs.single_writer is not None or any("ReadWriteMany" not in claim.access_modes for claim in claims)


def _tracking_uri(props: MlflowProps, naming: Naming, namespace: str | None) -> str:
    host = f"{naming.object()}.{namespace}.svc.{props.cluster_domain}" if namespace else naming.object()
    return f"http://{host}:{props.service.port}{props.static_prefix or ''}"


def _spread(props: MlflowProps, naming: Naming) -> list[Manifest]:
    selector = {"labelSelector": {"matchLabels": naming.selector("server")}}
    if props.topology_spread_constraints is not None:
        return [selector | dict(item) for item in props.topology_spread_constraints]
    if props.scaling.replicas == 1:
        return []
    return [
        {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway"} | selector
        for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
    ]


def _generator(props: MlflowProps, naming: Naming, server: PodPlan) -> JobPlan | None:
    """Return the Job that creates the generated keys in the cluster; None if no key is to be generated."""
    keys = [supplied.generated for supplied in server.secrets if supplied.generated]
    if not keys:
        return None
    settings = {"secrets": [attrs.asdict(key) for key in keys], "labels": {}}
    container = Container(
        name="generate",
        command=("python", f"{FILES_DIRECTORY}/generate_secrets.py"),
        needs=Needs(files=(_script("generate_secrets.py"), config_file("secrets.json", settings))),
        resources=_helper_resources("64Mi", "128Mi"),
    )
    pod = plan_pod(
        props,
        naming,
        "secrets",
        containers=(container,),
        service_account_name=naming.object("secrets"),
        # The API server's port, before and after the Service's translation.
        egress=(Endpoint(port=443), Endpoint(port=6443)),
        mounts_token=True,
        restart_policy="Never",
    )
    # A Job's template cannot change: another template is another Job.
    template = json.dumps(attrs.asdict(pod), sort_keys=True, default=str)
    return JobPlan(name=naming.object(f"secrets-{hashlib.sha256(template.encode()).hexdigest()[:8]}"), pod=pod)


def _check_secrets(needs: Needs, props: MlflowProps) -> Iterator[str]:
    uses = [item.value for item in needs.env if isinstance(item.value, SecretUse)]
    uses += [use for file in needs.credential_files for use in file.secrets.values()]
    for use in uses:
        supplied = use.source.supply(use.purpose, use.kind)
        if supplied.inline and not props.allow_inline_secrets:
            yield (
                f"InlineSecret: the {use.purpose} would stand in the synthesized file for all to read "
                "(its value is not shown); use ExistingSecret(name, key), or say MlflowProps.allow_inline_secrets=True"
            )
        if supplied.generated and use.kind == "password":
            yield (
                f"GeneratedSecret: whoever checks the {use.purpose} would not know a generated one "
                "(got GeneratedSecret()); use ExistingSecret(name, key)"
            )


def _notices(props: MlflowProps) -> Iterator[str]:
    pod = POD_SECURITY | dict(props.pod_security_context)
    container = CONTAINER_SECURITY | dict(props.security_context)
    loosened = [
        name
        for name, strict in (
            ("runAsNonRoot", container["runAsNonRoot"] is True and pod["runAsNonRoot"] is True),
            ("runAsUser", pod.get("runAsUser") != 0 and container.get("runAsUser") != 0),
            ("allowPrivilegeEscalation", container["allowPrivilegeEscalation"] is False),
            ("privileged", not container.get("privileged")),
            ("capabilities.drop", "ALL" in container["capabilities"].get("drop", ())),
            ("capabilities.add", set(container["capabilities"].get("add", ())) <= {"NET_BIND_SERVICE"}),
            ("seccompProfile", container["seccompProfile"].get("type") in {"RuntimeDefault", "Localhost"}),
            ("procMount", container.get("procMount", "Default") == "Default"),
            ("sysctls", not pod.get("sysctls")),
        )
        if not strict
    ]
    if loosened:
        yield f'pods no longer pass Pod Security "restricted": {", ".join(loosened)} was loosened'
    if props.network_policy is None:
        yield "no network policy: every pod of the cluster may connect to the server, which has no login"
