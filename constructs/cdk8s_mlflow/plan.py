"""Everything decided: :func:`plan` turns props into a :class:`Plan`, and builders only write it down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

import attrs

from cdk8s_mlflow import network
from cdk8s_mlflow.callers import client_environment
from cdk8s_mlflow.checks import check_parts
from cdk8s_mlflow.container import Container, seconds
from cdk8s_mlflow.doors import DoorPlan, plan_doors
from cdk8s_mlflow.exposure import Ingress
from cdk8s_mlflow.failures import InvalidProps, TypeFailure
from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.job_queue import REDIS_PORT, InChartRedis
from cdk8s_mlflow.jobs import has_leader, redis_container
from cdk8s_mlflow.maintenance import CronJobPlan, plan_cron_jobs
from cdk8s_mlflow.naming import Component, Naming
from cdk8s_mlflow.needs import Needs, SecretUse, merge, unique
from cdk8s_mlflow.network import PolicyPlan
from cdk8s_mlflow.notices import notices
from cdk8s_mlflow.operations import Migration
from cdk8s_mlflow.peers import Endpoint, Manifest, verbatim
from cdk8s_mlflow.pods import STARTUP_SECONDS, Additions, PodPlan, canonical_volume, clashes, conflicts, plan_pod
from cdk8s_mlflow.programs import (
    counting_needs,
    generate_container,
    leader_container,
    metrics_containers,
    migrate_containers,
    server_container,
    server_needs,
)
from cdk8s_mlflow.props import MlflowProps, NetworkPolicy, ServiceAccount, least_grace
from cdk8s_mlflow.release import Release
from cdk8s_mlflow.stores import Stores
from cdk8s_mlflow.value_checks import check_values
from cdk8s_mlflow.values import DnsLabel, ObjectName
from cdk8s_mlflow.volumes import ExistingVolumeClaim, VolumeClaim
from cdk8s_mlflow.watching import monitoring_objects, needs_a_namespace, scrape_annotations


@frozen(kw_only=True)
class AccountPlan:
    """A ServiceAccount to render."""

    name: str
    annotations: dict[str, str]


@frozen(kw_only=True)
class DeploymentPlan:
    """Pods that run all the time."""

    name: str
    pod: PodPlan
    annotations: dict[str, str]
    replicas: int | None
    """None where an autoscaler says it."""
    recreate: bool
    """Whether old pods end before new ones start."""
    progress_deadline_seconds: int


@frozen(kw_only=True)
class ServicePlan:
    """A Service before pods of one kind."""

    name: str
    component: Component
    annotations: dict[str, str]
    spec: Manifest
    """What its kind says, apart from selector and port."""
    port: Manifest


@frozen(kw_only=True)
class JobPlan:
    """A Job that runs once."""

    name: str
    """Begins its name, which ends in a hash of its template."""
    pod: PodPlan


@frozen(kw_only=True)
class Plan:
    """Everything that the builders write down; no default is left open."""

    naming: Naming
    namespace: str | None
    """Where it must be applied; None if only ``kubectl apply -n`` will tell."""
    deployments: tuple[DeploymentPlan, ...]
    """The server's first."""
    scaler: Manifest | None
    """The object that scales the server's."""
    services: tuple[ServicePlan, ...]
    """The server's first."""
    doors: DoorPlan
    policies: dict[Component, PolicyPlan]
    """By kind of pod; empty if everybody may connect."""
    account: AccountPlan | None
    generator: JobPlan | None
    cron_jobs: tuple[CronJobPlan, ...]
    claims: tuple[VolumeClaim, ...]
    objects: tuple[Manifest, ...]
    max_unavailable: int | None
    """The disruption budget; None renders none."""
    tracking_uri: str
    client_environment: dict[str, str]
    """The variables of an MLflow client in the cluster."""
    public_url: str | None
    kubernetes: str
    """The oldest Kubernetes that has all that is used."""
    common_labels: dict[str, str]
    """Of every object, beside its own."""
    common_annotations: dict[str, str]
    object_labels: dict[str, dict[str, str]]
    """Of every object of a kind, by kind."""
    object_annotations: dict[str, dict[str, str]]
    notices: tuple[str, ...]
    """What the user should know although it works."""

    @property
    def pods(self) -> tuple[PodPlan, ...]:
        """Every kind of pod, the server's first."""
        generator = (self.generator.pod,) if self.generator else ()
        running = (deployment.pod for deployment in self.deployments)
        return (*running, *(job.pod for job in self.cron_jobs), *generator)


def plan(props: MlflowProps, *, name: str, namespace: str | None = None) -> Plan:
    """Decide everything for one release.

    ``namespace`` is where it will be applied. With None only ``kubectl apply -n`` will tell; if secrets are
    generated it must be known, and is ``default``.

    :raises InvalidProps: with every failure of the props.
    """
    subject = f"Mlflow {name!r}"
    failures = check_values(props, MlflowProps, "MlflowProps")
    if any(isinstance(failure, TypeFailure) for failure in failures):
        raise InvalidProps(subject, failures)
    naming = _naming(props, name)
    if props.name is None and props.adopt is None:
        failures += check_values(name, ObjectName, "the construct's id")
    failures += check_values(namespace, DnsLabel | None, "the chart's namespace")
    try:
        release = Release.of(props, naming, namespace)
        needs = merge(
            release.stores.needs,
            server_needs(release, leads=not has_leader(props)),
            counting_needs(props),
            release.guard.server,
        )
        failures += _check_together(release, needs)
    except Exception as error:
        if failures:  # nothing can be derived from wrong values; they are reported already
            raise InvalidProps(subject, failures) from None
        if isinstance(error, ValueError):  # a store's own words about its values
            raise InvalidProps(subject, [str(error)]) from error
        raise
    if failures:
        raise InvalidProps(subject, failures)
    if namespace is None and _names_its_namespace(release, needs):
        fixed = plan(props, name=name, namespace="default")
        return attrs.evolve(fixed, notices=(*fixed.notices, _NO_NAMESPACE))
    decided = _decide(release, needs)
    failures = [failure for pod in decided.pods for failure in clashes(pod)]
    if failures:
        raise InvalidProps(subject, failures)
    return decided


_NO_NAMESPACE = (
    "the chart names no namespace, and one must be known (to bind the Role of the Job that generates secrets, for the "
    "names in a certificate, for what an Ingress controller is told, for what alerts and dashboards ask): everything "
    'goes to "default"; write Chart(..., namespace="...")'
)


def _names_its_namespace(release: Release, needs: Needs) -> bool:
    """Return whether some object must name the namespace, which kubectl would not fill in there."""
    props = release.props
    told = any(isinstance(door, Ingress) and door.controller is not None for door in props.exposure)
    return (
        any(_is_generated(use) for use in _secret_uses(_all_needs(release, needs)))
        or props.tls is not None
        or (props.static_prefix is not None and told)
        or needs_a_namespace(props)
    )


def _check_together(release: Release, needs: Needs) -> list[str]:
    """Return what is wrong although each value is right."""
    props, stores = release.props, release.stores
    return [
        *check_parts(props, merge(stores.needs, stores.migration_needs, release.guard.server, _front_needs(release))),
        *conflicts(needs, props.extra_env),
        *_check_secrets(_all_needs(release, needs), props),
        *_check_self_calls(release),
    ]


def _all_needs(release: Release, server: Needs) -> Needs:
    """Return the needs of all containers together, for what concerns them all alike."""
    proxy = release.props.http_proxy
    outside = proxy.needs((), release.props.cluster_domain) if proxy else Needs()
    return merge(server, release.stores.migration_needs, _front_needs(release), release.guard.callers, outside)


def _check_self_calls(release: Release) -> Iterator[str]:
    """Return why jobs could not call their own server after a while."""
    if release.props.job_execution is not None and release.guard.callers.tokens and release.guard.front is None:
        yield (
            "MlflowProps.job_execution: jobs call their own server, and the token that a pod gets when it starts "
            f"expires (got {type(release.props.authentication).__name__}); use BasicAuth(), or leave job_execution out"
        )


def _naming(props: MlflowProps, name: str) -> Naming:
    old = props.adopt
    if old is None:
        return Naming(release=props.name or name, app=props.label_name, version=props.image.tag)
    return Naming(release=old.full_name, app=old.app, version=props.image.tag, adopted=old.selector)


def _is_generated(use: SecretUse) -> bool:
    return use.source.supply(use.purpose, use.kind).generated is not None


def _decide(release: Release, needs: Needs) -> Plan:
    props, naming, stores = release.props, release.naming, release.stores
    account_name = props.service_account.name or naming.object()
    everything = merge(needs, stores.migration_needs, _front_needs(release))
    server = plan_pod(
        props,
        naming,
        "server",
        # What is in front of MLflow is a sidecar, which starts before it and ends after it.
        init_containers=(*migrate_containers(props, stores), *_front(release)),
        containers=(server_container(release, needs), *metrics_containers(release)),
        service_account_name=account_name,
        egress=everything.egress,
        annotations=scrape_annotations(props),
        termination_grace=props.termination_grace_period or least_grace(props) + timedelta(seconds=10),
        additions=Additions(
            init_containers=tuple(verbatim(item) for item in props.extra_init_containers),
            containers=tuple(verbatim(item) for item in props.extra_containers),
            volumes=tuple(canonical_volume(item) for item in props.extra_volumes),
        ),
        affinity=_affinity(props, naming),
        topology_spread_constraints=_spread(props, naming),
    )
    cron_jobs = tuple(plan_cron_jobs(release))
    scaler = props.scaling.scaler(naming.object())
    deployments = (
        DeploymentPlan(
            name=naming.object(),
            pod=server,
            annotations=_reloader(props, server),
            replicas=props.scaling.most if scaler is None else None,
            recreate=_is_single_writer(needs) or (props.job_execution is not None and not has_leader(props)),
            progress_deadline_seconds=_progress_deadline(props, stores),
        ),
        *_beside(release, account_name),
    )
    working = [*(deployment.pod for deployment in deployments), *(job.pod for job in cron_jobs)]
    generator = _generator(props, naming, working)
    helpers = [*working[1:], *([generator.pod] if generator else [])]
    pods = [server, *helpers]
    doors = plan_doors(props.exposure, release.behind, (naming.object(), release.service_port))
    return Plan(
        naming=naming,
        namespace=release.namespace,
        deployments=deployments,
        scaler=scaler,
        services=(_plan_service(release, doors.service_annotations), *_redis_service(release)),
        doors=doors,
        policies=_policies(release, server, helpers),
        account=(
            AccountPlan(name=account_name, annotations=dict(props.service_account.annotations))
            if isinstance(props.service_account, ServiceAccount)
            else None
        ),
        generator=generator,
        cron_jobs=cron_jobs,
        claims=unique(claim for pod in pods for claim in pod.claims),
        objects=unique(
            [
                *(item for pod in pods for item in pod.objects),
                *doors.objects,
                *monitoring_objects(release, server, [item.name for item in deployments], cron_jobs),
            ]
        ),
        max_unavailable=(
            props.disruption_budget.max_unavailable
            if props.disruption_budget is not None and props.scaling.most > 1
            else None
        ),
        tracking_uri=release.tracking_uri,
        client_environment=client_environment(release),
        public_url=network.public_url(props),
        kubernetes=everything.kubernetes,
        common_labels=dict(props.common_labels),
        common_annotations=dict(props.common_annotations),
        object_labels={kind: dict(labels) for kind, labels in props.object_labels.items()},
        object_annotations={kind: dict(found) for kind, found in props.object_annotations.items()},
        notices=tuple(notices(release)),
    )


def _beside(release: Release, account_name: str) -> Iterator[DeploymentPlan]:
    """Return what runs beside the server: the leader of the periodic tasks, and the chart's own Redis."""
    props, stores, naming = release.props, release.stores, release.naming
    if not has_leader(props):
        return
    leader = leader_container(release)
    yield _alone(
        release,
        plan_pod(
            props,
            naming,
            "periodic",
            init_containers=migrate_containers(props, stores),
            containers=(leader,),
            service_account_name=account_name,
            egress=merge(leader.needs, stores.migration_needs).egress,
            termination_grace=props.graceful_shutdown_timeout + timedelta(seconds=10),
        ),
    )
    queue = props.job_execution.queue if props.job_execution else None
    if isinstance(queue, InChartRedis):
        pod = plan_pod(
            props, naming, "redis", containers=(redis_container(queue),), service_account_name=account_name, egress=()
        )
        yield _alone(release, pod)


def _alone(release: Release, pod: PodPlan) -> DeploymentPlan:
    """Return a Deployment of one pod, which ends before another starts; of none where the server is stopped."""
    return DeploymentPlan(
        name=release.naming.object(pod.component),
        pod=pod,
        annotations=_reloader(release.props, pod),
        replicas=min(1, release.props.scaling.most),
        recreate=True,
        progress_deadline_seconds=_progress_deadline(release.props, release.stores),
    )


def _redis_service(release: Release) -> Iterator[ServicePlan]:
    jobs = release.props.job_execution
    if jobs is not None and isinstance(jobs.queue, InChartRedis):
        port = {"name": "redis", "port": REDIS_PORT, "targetPort": "redis", "protocol": "TCP"}
        yield ServicePlan(
            name=release.naming.object("redis"),
            component="redis",
            annotations={},
            spec={"type": "ClusterIP"},
            port=port,
        )


def _front(release: Release) -> tuple[Container, ...]:
    """Return the container in front of MLflow, if there is one."""
    return () if release.guard.front is None else (release.guard.front,)


def _front_needs(release: Release) -> Needs:
    return release.guard.front.needs if release.guard.front else Needs()


def _progress_deadline(props: MlflowProps, stores: Stores) -> int:
    """Return when a rollout has failed: not while a pod may still wait for a database, another's upgrade or its own."""
    limits = props.migration or Migration()
    migration = len(stores.migrated) * (limits.database_wait + 2 * limits.time_limit)
    return seconds(migration) + STARTUP_SECONDS + 60


def _reloader(props: MlflowProps, server: PodPlan) -> dict[str, str]:
    """Return the annotations that name every Secret and ConfigMap that is not rendered here."""
    if props.reloader is None:
        return {}
    secrets = {supplied.reference.name for supplied in server.secrets if not supplied.inline}
    secrets |= {volume["secret"]["secretName"] for volume in server.volumes if "secret" in volume}
    files = {volume["configMap"]["name"] for volume in server.volumes if "configMap" in volume} - {server.files_name}
    watched = {"secret": secrets, "configmap": files}
    return {f"{kind}.reloader.stakater.com/reload": ",".join(sorted(names)) for kind, names in watched.items() if names}


def _plan_service(release: Release, door_annotations: dict[str, str]) -> ServicePlan:
    service, adopted = release.props.service, release.props.adopt
    target = "http" if adopted is None else adopted.target_port
    port = {"name": service.port_name, "port": release.service_port, "targetPort": target, "protocol": "TCP"}
    return ServicePlan(
        name=release.naming.object(),
        component="server",
        annotations={**door_annotations, **service.annotations},
        spec=service.spec(),
        port=port | service.ports() | ({"appProtocol": "https"} if release.certificate else {}),
    )


def _is_single_writer(needs: Needs) -> bool:
    claims = [item.source for item in needs.mounts if isinstance(item.source, VolumeClaim | ExistingVolumeClaim)]
    return bool(needs.single_writers) or any("ReadWriteMany" not in claim.access_modes for claim in claims)


_REQUIRED, _PREFERRED = (f"{kind}DuringSchedulingIgnoredDuringExecution" for kind in ("required", "preferred"))


def _affinity(props: MlflowProps, naming: Naming) -> Manifest:
    """Return the affinity; a term of the anti-affinity without a selector is about the server's own pods."""
    selector = {"matchLabels": naming.selector("server")}
    affinity = verbatim(props.affinity)
    apart = affinity.get("podAntiAffinity", {})
    terms = [*apart.get(_REQUIRED, []), *(item["podAffinityTerm"] for item in apart.get(_PREFERRED, []))]
    for term in terms:
        term.setdefault("labelSelector", selector)
    return affinity


def _spread(props: MlflowProps, naming: Naming) -> list[Manifest]:
    selector = {"labelSelector": {"matchLabels": naming.selector("server")}}
    if props.topology_spread_constraints is not None:
        return [verbatim(selector | dict(item)) for item in props.topology_spread_constraints]
    if props.scaling.most <= 1:
        return []
    return [
        {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway"} | selector
        for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
    ]


def _policies(release: Release, server: PodPlan, helpers: Iterable[PodPlan]) -> dict[Component, PolicyPlan]:
    props, policy = release.props, release.props.network_policy
    if policy is None:
        return {}
    served = network.server_policy(props, policy, release.server_port, server.egress)
    # The generating Job and Redis use none of the stores, so nothing that the user adds for them is for those.
    ways = {
        pod.component: pod.egress if pod.component in {"secrets", "redis"} else (*pod.egress, *policy.egress)
        for pod in helpers
    }
    callers = [{"podSelector": {"matchLabels": release.naming.selector(caller)}} for caller in _REDIS_CALLERS]
    doors = {"redis": [{"from": callers, "ports": [{"port": REDIS_PORT, "protocol": "TCP"}]}]}
    helped = {name: network.helper_policy(egress, doors.get(name, ())) for name, egress in ways.items()}
    return {"server": served, **helped}


_REDIS_CALLERS: tuple[Component, ...] = ("server", "periodic")


def _generator(props: MlflowProps, naming: Naming, pods: Iterable[PodPlan]) -> JobPlan | None:
    """Return the Job that creates the generated keys in the cluster; None if no key is to be generated."""
    keys = unique(supplied.generated for pod in pods for supplied in pod.secrets if supplied.generated)
    if not keys:
        return None
    pod = plan_pod(
        props,
        naming,
        "secrets",
        containers=(generate_container(keys),),
        service_account_name=naming.object("secrets"),
        egress=tuple(Endpoint(port=port) for port in (props.network_policy or NetworkPolicy()).api_server_ports),
        mounts_token=True,
        restart_policy="Never",
    )
    return JobPlan(name=naming.object("secrets"), pod=pod)


def _secret_uses(needs: Needs) -> Iterator[SecretUse]:
    yield from (item.value for item in needs.env if isinstance(item.value, SecretUse))
    yield from (use for file in needs.credential_files for use in file.secrets.values())
    yield from (use for variable in needs.launched for use in variable.secrets.values())
    yield from (token.client_secret for token in needs.tokens)


def _check_secrets(needs: Needs, props: MlflowProps) -> Iterator[str]:
    for use in _secret_uses(needs):
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
