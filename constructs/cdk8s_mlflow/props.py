"""What the user wants: the props of the Mlflow construct, each with the behaviour of its default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Literal

import attrs

from cdk8s_mlflow.adoption import HelmRelease
from cdk8s_mlflow.ai_gateway import AiGateway
from cdk8s_mlflow.artifact_store import ArtifactStore
from cdk8s_mlflow.artifact_store.access import ArtifactAccess, Proxied
from cdk8s_mlflow.authentication import Authentication
from cdk8s_mlflow.backend_store import BackendStore
from cdk8s_mlflow.backend_store.sqlite import SQLite
from cdk8s_mlflow.connections import ConnectionPool
from cdk8s_mlflow.exposure import ClusterIP, Door, Service, doors
from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.http_proxy import HttpProxy
from cdk8s_mlflow.kubernetes import (
    Affinity,
    EnvironmentSource,
    EnvironmentVariable,
    PodSecurityContext,
    ResourceRequirements,
    SecurityContext,
    Toleration,
    TopologySpreadConstraint,
)
from cdk8s_mlflow.needs import SecretSource
from cdk8s_mlflow.observability import Logs, Metrics
from cdk8s_mlflow.operations import (
    Backup,
    GarbageCollection,
    JobExecution,
    Migration,
    Reloader,
    SmokeTest,
    TraceArchival,
)
from cdk8s_mlflow.peers import CidrPeer, Endpoint, NamespacePeer, PodPeer
from cdk8s_mlflow.pod_shapes import ContainerShape, HostAlias, InitContainerShape, Resolver, Volume, VolumeMount
from cdk8s_mlflow.scaling import DisruptionBudget, FixedReplicas, Scaling
from cdk8s_mlflow.secrets import GeneratedSecret
from cdk8s_mlflow.server_tls import ServerTls
from cdk8s_mlflow.values import (
    HIDDEN,
    AnnotationKey,
    Cidr,
    Digest,
    DnsName,
    FlagName,
    HostPattern,
    KubernetesVersion,
    LabelValue,
    ObjectKind,
    ObjectName,
    Origin,
    Port,
    PositiveInt,
    Repository,
    StaticPrefix,
    Tag,
    Url,
    UserId,
    sequences,
)
from cdk8s_mlflow.volumes import ConfigMapKey, SecretKey
from cdk8s_mlflow.workspaces import Workspaces


@frozen(kw_only=True, field_transformer=sequences)
class Image:
    """The image that every pod of the release runs, one that has MLflow and its drivers.

    MLflow's plain image lacks database drivers and object store clients; its ``-full`` one has them.
    """

    repository: Repository = "ghcr.io/mlflow/mlflow"
    tag: Tag = "v3.17.2-full"
    digest: Digest | None = None
    """Pins the content; the tag then only tells the reader which version it is."""
    pull_policy: Literal["IfNotPresent", "Always", "Never"] = "IfNotPresent"
    pull_secrets: Sequence[DnsName] = ()
    """Secrets with the registry's credentials: the larribas chart's ``imagePullSecrets``."""

    @property
    def reference(self) -> str:
        """Repository, tag and digest as Kubernetes wants them."""
        return f"{self.repository}:{self.tag}" + (f"@{self.digest}" if self.digest else "")


@frozen(kw_only=True)
class ServiceAccount:
    """A ServiceAccount of the server's own. Its token is not mounted: MLflow never asks the Kubernetes API."""

    name: DnsName | None = None
    """The release's name if left out."""
    annotations: Mapping[AnnotationKey, str] = attrs.field(factory=dict)
    """Where clouds attach a role: ``{"eks.amazonaws.com/role-arn": "arn:..."}``."""


@frozen
class ExistingServiceAccount:
    """A ServiceAccount that somebody else manages, such as ``default``."""

    name: DnsName = "default"


@frozen(kw_only=True, field_transformer=sequences)
class NetworkPolicy:
    """Who may connect to the pods, and where the pods may connect to; everything else is refused.

    In: the release's own namespace, the doors (``exposure``, ``service``) and :attr:`clients`.
    Out: DNS, the stores' ports, and :attr:`egress`. A cluster whose network plugin knows no policies ignores it.
    """

    clients: Sequence[NamespacePeer | PodPeer | CidrPeer] = ()
    """Further pods or networks that may use the server, such as ``NamespacePeer("training")``."""
    egress: Sequence[Endpoint] = ()
    """Further ports that the server, and the pods that work beside it on the same stores, may reach."""
    api_server_ports: Sequence[Port] = (443, 6443)
    """Where the Job that generates secrets finds the Kubernetes API: the Service's port, and the endpoint's behind it
    (16443 on MicroK8s)."""


@frozen(kw_only=True, field_transformer=sequences)
class MlflowProps:
    """Everything that can be said about a tracking server. Every field has a default that runs."""

    name: ObjectName | None = None
    """Base of all object names; the construct's id if left out. The larribas chart's ``fullnameOverride``."""
    adopt: HelmRelease | None = None
    """A running release of a Helm chart that this server takes over in place; a server of its own, if left out."""
    label_name: LabelValue = "mlflow"
    """The label ``app.kubernetes.io/name``, part of the immutable selectors. The chart's ``nameOverride``."""
    image: Image = Image()
    """The image of the server and of every pod that helps it."""
    kubernetes_version: KubernetesVersion = "1.27"
    """The oldest Kubernetes that the manifests must run on. A feature that needs a newer one says so."""

    backend_store: BackendStore | None = SQLite()
    """Where experiments, runs and models are kept: a file on a volume if left out.

    None makes a server that passes artifacts and does nothing else (``--artifacts-only``).
    """
    registry_store: BackendStore | None = None
    """Where registered models are kept: with everything else if left out."""
    read_replica_backend_store: BackendStore | None = None
    """A read-only copy of the backend store that answers searches; MLflow does not fall back to the primary.
    ``--read-replica-backend-store-uri``."""
    artifact_store: ArtifactStore | None = None
    """Where artifacts are kept: on the volume of the backend store if it has one, else it must be said."""
    connection_pool: ConnectionPool | None = None
    """Connections to the databases: MLflow's own 5 and 10 more, or fewer (2 at least) so that all stay below 90."""
    artifact_access: ArtifactAccess = Proxied()
    """Whether clients pass artifacts through the server, or talk to the store themselves."""
    migration: Migration | None = Migration()
    """How the schema follows the image. With None pods only verify it, and say what to run by hand."""

    crypto_kek_passphrase: SecretSource = GeneratedSecret()
    """Encrypts the secrets that MLflow keeps in its database (AI gateway keys). ``MLFLOW_CRYPTO_KEK_PASSPHRASE``.

    Without it MLflow takes a passphrase that is public. Never change it without ``mlflow crypto rotate-kek``.
    """
    crypto_kek_version: PositiveInt = 1
    """Which passphrase that is: one more after each ``mlflow crypto rotate-kek``. ``MLFLOW_CRYPTO_KEK_VERSION``."""
    webhook_secret_encryption_key: SecretSource = GeneratedSecret()
    """Encrypts the secrets of webhooks: a Fernet key. ``MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY``.

    Without it MLflow makes one per process, and no other process can read what it encrypted.
    """
    ca_bundle: SecretKey | ConfigMapKey | None = None
    """Certificates (PEM) of the company's own authorities: every client in the pods trusts them, beside the public
    ones (Python, boto3, requests, libpq with ``verify-full``)."""
    garbage_collection: GarbageCollection | None = None
    """Whether what users have deleted is removed after a while: never, if left out."""
    backup: Backup | None = None
    """Whether the databases are copied, and where to: not at all, if left out."""
    job_execution: JobExecution | None = None
    """Whether MLflow runs background jobs: not, if left out. ``MLFLOW_SERVER_ENABLE_JOB_EXECUTION``."""
    trace_archival: TraceArchival | None = None
    """Whether the spans of old traces leave the database: never, if left out."""
    reloader: Reloader | None = None
    """Whether a change of a Secret from elsewhere restarts the pods: not by itself, if left out."""
    allow_inline_secrets: bool = False
    """Whether an InlineSecret may stand in the synthesized files, for all to read who read them."""

    authentication: Authentication | None = None
    """Who may use the server: everybody who reaches it, if left out."""
    workspaces: Workspaces | None = None
    """Whether teams have workspaces of their own: one for all, if left out. It cannot be taken back once used."""

    ai_gateway: AiGateway | None = None
    """Whether the server calls language models for its users: not, if left out. Judges of jobs that name a model of
    the gateway need it too."""
    model_catalog_url: Url | None = None
    """Where the server fetches newer language models and their prices once a day, by which it says what a trace has
    cost and a budget has spent: ``https://github.com/mlflow/mlflow/releases/download/model-catalog%2Flatest``, or a
    copy of it. Those of the image, and no request to GitHub, if left out. ``MLFLOW_MODEL_CATALOG_URI``."""

    workers: PositiveInt = 1
    """Server processes per pod, each about 190 MiB. Prefer replicas. ``--workers``.

    One uses at most one CPU core: a pod answers fewer requests than one with MLflow's own 4, and takes a sixth of the
    memory that such a pod takes with its jobs. Replicas made of the rest also survive the loss of a node.
    """
    scaling: Scaling = FixedReplicas(1)
    """How many pods run: one if left out. More than one needs stores that pods can share."""
    disruption_budget: DisruptionBudget | None = DisruptionBudget()
    """How many pods a drain may take at once, where two replicas or more may run."""
    resources: ResourceRequirements | None = None
    """Requests and limits of the server's container, instead of those computed from the workers.

    Left out: 250m CPU and no CPU limit; memory 512Mi + 256Mi per worker requested, 768Mi + 256Mi per worker
    as limit. With ``job_execution`` 1792Mi more are requested, and 2Gi more are the limit, and 320Mi for each job that
    may run. With ``static_prefix`` the limit has twice ``largest_artifact`` more: MLflow holds uploads in memory there.

    Measured on 2026-11-28 under these limits (MLflow 3.17.2 on PostgreSQL and S3, MiB that the kernel cannot take back,
    the highest of each phase; 100 requests a second were offered, half batches of metrics, half searches):

    | server | idle | requests | 1 GiB up | 1 GiB down | limit |
    |---|---|---|---|---|---|
    | one worker | 367 | 396 | 426 | 470 | 1024 |
    | two workers | 575 | 633 | 652 | 695 | 1280 |
    | four workers | 943 | 1062 | 1040 | 1092 | 1792 |
    | one worker, ``BasicAuth`` | 390 | 422 | 440 | 481 | 1024 |
    | one worker, ``OidcAuth`` | 417 | 442 | 483 | 529 | 1024 |
    | one worker, ``Metrics`` | 367 | 394 | 428 | 468 | 1024 |
    | one worker, ``static_prefix``, ``largest_artifact="1Gi"`` | 367 | 395 | 2469 | 466 | 3072 |
    """
    pre_stop_delay: timedelta = timedelta(seconds=10)
    """How long a pod that must end still serves, while Services and proxies forget it."""
    graceful_shutdown_timeout: timedelta = timedelta(seconds=60)
    """How long requests in flight may then still take. ``--timeout-graceful-shutdown`` of uvicorn."""

    service: Service = ClusterIP()
    """The Service: inside the cluster only, on port 5000, if left out."""
    exposure: tuple[Door, ...] = attrs.field(default=(), converter=doors)
    """The doors from outside the cluster, an Ingress or an HttpRoute, or a list of them: none if left out."""
    tls: ServerTls | None = None
    """The certificate with which the pods themselves speak TLS; plain HTTP inside the cluster, if left out."""
    public_url: Url | None = None
    """Where people open the UI: the first host of the exposure if left out.

    Say it where TLS ends at a load balancer that is not in this chart: MLflow refuses the UI's own requests
    from an origin that it does not know.
    """
    static_prefix: StaticPrefix | None = None
    """Path below which UI and API are served. ``--static-prefix``. Probes and the public URL follow.

    MLflow holds uploads below it in memory, so an HttpRoute and the Ingresses with a controller that can (IngressNginx,
    Traefik) take it off the artifacts' path. For whoever else uploads the memory limit has room for one
    ``Proxied.largest_artifact``, twice.
    """
    allowed_hosts: Sequence[HostPattern] = ()
    """Further Host headers to accept; the Service's names, the exposure's hosts, localhost are known already.

    ``name`` and ``name:port`` are different to MLflow: write ``name`` and ``name:*``.
    """
    cors_allowed_origins: Sequence[Origin] = ()
    """Further origins whose browsers may write; the public URL's and the exposure's are known already."""
    trusted_proxies: Sequence[Cidr] = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
    """Networks of the proxies that may say ``X-Forwarded-Proto``, where there is an exposure.

    Private networks if left out. Whoever is believed chooses the scheme of redirects and the address in the log.
    """
    cluster_domain: DnsName = "cluster.local"
    """The cluster's DNS domain."""
    network_policy: NetworkPolicy | None = NetworkPolicy()
    """Who may connect where: nobody but those who must, if left out. With None everybody may."""
    metrics: Metrics | None = None
    """Whether requests are counted, for Prometheus, alerts and a dashboard: not at all, if left out."""
    logs: Logs = Logs()
    """What the server logs: requests without health checks, as lines of text, from INFO on, if left out."""
    smoke_test: SmokeTest | None = None
    """A client's round trip that can be started by hand after an upgrade: none, if left out."""

    service_account: ServiceAccount | ExistingServiceAccount = ServiceAccount()
    """The identity of the server's pods: a new one without any right if left out."""
    extra_args: Mapping[FlagName, str | int | float | bool] = attrs.field(factory=dict)
    """Further flags of ``mlflow server``, without dashes. True makes a bare flag. Never for a secret: arguments
    are seen by everybody on the node."""
    extra_env: Annotated[Sequence[EnvironmentVariable], HIDDEN] = attrs.field(default=(), repr=False)
    """Further environment variables of the server, in Kubernetes' own shape."""
    env_from: Sequence[EnvironmentSource] = ()
    """ConfigMaps and Secrets whose keys all become variables of the server. Variables that this construct
    sets win over them."""
    extra_containers: Annotated[Sequence[ContainerShape], HIDDEN] = attrs.field(default=(), repr=False)
    """Further containers of the server's pods. They are hardened as all others, unless their ``securityContext``
    says otherwise; loosening it is reported at synth. Selectors, probes and the Service never mean them."""
    extra_init_containers: Annotated[Sequence[InitContainerShape], HIDDEN] = attrs.field(default=(), repr=False)
    """Further init containers of the server's pods, which run before the construct's own. With
    ``restartPolicy: Always`` they keep running beside the migration and the server (Kubernetes 1.29)."""
    extra_volumes: Sequence[Volume] = ()
    """Further volumes of the server's pods."""
    extra_volume_mounts: Sequence[VolumeMount] = ()
    """Where the server's container finds them."""

    common_labels: Mapping[AnnotationKey, LabelValue] = attrs.field(factory=dict)
    """Labels of every object and every pod. Selectors never have them, so they may change at any time."""
    common_annotations: Mapping[AnnotationKey, str] = attrs.field(factory=dict)
    """Annotations of every object, but not of pods: a change of theirs would restart them."""
    object_labels: Mapping[ObjectKind, Mapping[AnnotationKey, LabelValue]] = attrs.field(factory=dict)
    """Labels of every object of a kind: ``{"Ingress": {"team": "ml"}}``."""
    object_annotations: Mapping[ObjectKind, Mapping[AnnotationKey, str]] = attrs.field(factory=dict)
    """Annotations of every object of a kind: ``{"Deployment": {"keel.sh/policy": "minor"}}``."""
    pod_annotations: Mapping[AnnotationKey, str] = attrs.field(factory=dict)
    """Further annotations of the pods that keep running: the server's."""
    pod_labels: Mapping[AnnotationKey, LabelValue] = attrs.field(factory=dict)
    """Further labels of the pods that keep running: the server's."""
    job_pod_annotations: Mapping[AnnotationKey, str] = attrs.field(factory=dict)
    """Further annotations of the pods that end, of Jobs and CronJobs."""
    job_pod_labels: Mapping[AnnotationKey, LabelValue] = attrs.field(factory=dict)
    """Further labels of the pods that end, such as ``{"sidecar.istio.io/inject": "false"}``."""

    user_id: UserId | Literal["assigned"] = 10001
    """The user that every pod runs as, and the group of its processes and volumes.

    ``"assigned"`` leaves all three to the cluster: OpenShift gives each namespace its own (``restricted-v2``), and
    refuses others. A cluster that assigns none starts no pod then, since the image's own user is root.
    """
    pod_security_context: PodSecurityContext = attrs.field(factory=PodSecurityContext)
    """Merged over the default, which passes Pod Security "restricted". Loosening it is reported at synth."""
    security_context: SecurityContext = attrs.field(factory=SecurityContext)
    """Merged over the default of every container. Loosening it is reported at synth."""
    node_selector: Mapping[AnnotationKey, LabelValue] = attrs.field(factory=dict)
    """Labels that a node must have, for every pod of the release."""
    tolerations: Sequence[Toleration] = ()
    """Taints that every pod of the release tolerates."""
    affinity: Affinity = attrs.field(factory=Affinity)
    """Where the server's pods should or must run. A term of its ``podAntiAffinity`` without ``labelSelector`` is
    about the server's own pods."""
    topology_spread_constraints: Sequence[TopologySpreadConstraint] | None = None
    """How pods spread: softly over nodes and zones where two may run, if left out; ``()`` for not at all."""
    priority_class_name: DnsName | None = None
    """Who goes first when nodes are full, for every pod of the release."""
    runtime_class_name: DnsName | None = None
    """What runs the containers of every pod, such as gVisor: the nodes' default, if left out."""
    scheduler_name: DnsName | None = None
    """Who places every pod: Kubernetes' own scheduler, if left out."""
    host_aliases: Sequence[HostAlias] = ()
    """Names that ``/etc/hosts`` of every pod gives to addresses."""
    dns_policy: Literal["ClusterFirst", "Default", "None"] | None = None
    """Where every pod asks for names: the cluster's DNS, if left out. ``"None"`` takes :attr:`dns_config` alone."""
    dns_config: Resolver = attrs.field(factory=Resolver)
    """Further servers, search domains and options of every pod's resolver: ``{"options": [{"name": "ndots",
    "value": "2"}]}``."""
    termination_grace_period: timedelta | None = None
    """When a server's pod that still runs is killed, instead of 10 s after ``pre_stop_delay`` and
    ``graceful_shutdown_timeout``; for extra containers that take longer."""
    http_proxy: HttpProxy | None = None
    """The company's proxy to the outside: none if left out."""
    image_registry: Repository | None = None
    """Where every image is pulled from, instead of its own registry, path and tag kept: a mirror, such as
    ``registry.example.com/mirror``. Also for sidecars and extra containers; what an operator runs is named there."""


def least_grace(props: MlflowProps) -> timedelta:
    """Return how long a server's pod may take to end: the delay, and the requests in flight."""
    return props.pre_stop_delay + props.graceful_shutdown_timeout


def server_processes(props: MlflowProps) -> int:
    """Return how many server processes run at most: workers of all pods, with the one more of a rollout."""
    return (props.scaling.most + 1) * props.workers
