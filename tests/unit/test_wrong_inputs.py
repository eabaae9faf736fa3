"""Every kind of wrong input, and the exact message that it gives to a person."""

# mypy: disable-error-code="arg-type, dict-item, list-item, typeddict-item, typeddict-unknown-key"
# What a type checker refuses stands here on purpose: not everybody runs one.

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import attrs
import pytest
from releases import render
from variants import LOGIN_IMAGE, POSTGRESQL, on_postgresql

from cdk8s_mlflow import (
    S3,
    AiGateway,
    Alerts,
    ArtifactUri,
    ArtifactVolume,
    Autoscaling,
    AwsLoadBalancer,
    AzureBlob,
    Backup,
    BasicAuth,
    CertManagerIssuer,
    CertManagerTls,
    CidrPeer,
    ClientCredentials,
    CloudNativePG,
    CloudSqlProxy,
    ClusterIP,
    ConnectionPool,
    CpuTrigger,
    CronTrigger,
    DatabaseUri,
    Direct,
    DisruptionBudget,
    Endpoint,
    ExistingSecret,
    ExistingVolumeClaim,
    ExternalSecret,
    FileStore,
    FixedReplicas,
    GarbageCollection,
    GeneratedSecret,
    HttpProxy,
    HttpRoute,
    Image,
    InChartRedis,
    Ingress,
    IngressHost,
    IngressPath,
    IngressTls,
    InlineSecret,
    InvalidProps,
    JobExecution,
    KedaScaling,
    LoadBalancer,
    Logs,
    Metrics,
    Migration,
    MlflowProps,
    NamespacePeer,
    NetworkPolicy,
    NodePort,
    OAuth2Proxy,
    OidcAuth,
    ParentReference,
    PodPeer,
    PostgreSQL,
    PostgreSQLTls,
    Presigned,
    Proxied,
    Redis,
    S3Credentials,
    SecretKey,
    ServiceAccount,
    ServiceMonitor,
    SmokeTest,
    SQLite,
    TlsSecret,
    TraceArchival,
    Traefik,
    VolumeClaim,
)

props = MlflowProps


def postgresql(**changes: Any) -> PostgreSQL:
    """Return a database that is right but for the changes."""
    return PostgreSQL(**{"host": "db.example.com", "password": ExistingSecret("db", "password"), **changes})


CRON = CronTrigger(timezone="UTC", start="0 7 * * *", end="0 20 * * *", desired_replicas=1)


def route(**changes: Any) -> HttpRoute:
    """Return a route that is right but for the changes."""
    return HttpRoute(**{"hostnames": ["mlflow.example.com"], "parents": [ParentReference(name="public")], **changes})


def oidc(**changes: Any) -> MlflowProps:
    """Return a server whose login is right but for the changes."""
    login = {
        "discovery_url": "https://login.example.com/.well-known/openid-configuration",
        "client_id": "mlflow",
        "client_secret": ExistingSecret("provider", "secret"),
    }
    return props(image=LOGIN_IMAGE, public_url="https://mlflow.example.com", authentication=OidcAuth(**login | changes))


def proxy(**changes: Any) -> MlflowProps:
    """Return a server whose proxy is right but for the changes."""
    login = {
        "issuer_url": "https://login.example.com",
        "client_id": "mlflow",
        "client_secret": ExistingSecret("provider", "secret"),
        "allowed_groups": ["mlflow"],
    }
    return props(
        kubernetes_version="1.29",
        public_url="https://mlflow.example.com",
        authentication=OAuth2Proxy(**login | changes),
    )


WRONG: dict[str, tuple[Callable[[], MlflowProps], str]] = {
    # --- login by OpenID Connect
    "OidcAuth with MLflow's own image": (
        lambda: attrs.evolve(oidc(), image=Image()),
        (
            "MlflowProps.image: OidcAuth needs the Python package mlflow-oidc-auth, which no image of MLflow's has "
            "(got 'ghcr.io/mlflow/mlflow:v3.17.2-full'); build one from image/Containerfile"
        ),
    ),
    "OidcAuth without a public URL": (
        lambda: attrs.evolve(oidc(), public_url=None),
        (
            "OidcAuth: the provider returns people to the server's public URL, and there is none (got no "
            "MlflowProps.public_url and no exposure with a host); write public_url"
        ),
    ),
    "OidcAuth below a prefix": (
        lambda: attrs.evolve(oidc(), static_prefix="/mlflow"),
        (
            "MlflowProps.static_prefix: mlflow-oidc-auth answers at /login and /callback, outside of a prefix (got "
            "'/mlflow' and OidcAuth); leave it out and give the server a host of its own"
        ),
    ),
    "an issuer in place of its document": (
        lambda: oidc(discovery_url="https://login.example.com"),
        (
            "MlflowProps.authentication.discovery_url: must end in /.well-known/openid-configuration (got "
            "'https://login.example.com'); write the issuer's own, such as "
            '"https://login.example.com/.well-known/openid-configuration"'
        ),
    ),
    "two groups in one": (
        lambda: oidc(allowed_groups=["a,b"]),
        (
            "MlflowProps.authentication.allowed_groups[0]: must have no commas, and no blanks around it (got 'a,b'); "
            "write one item for each name"
        ),
    ),
    "a login that lets nobody in": (
        lambda: oidc(allowed_groups=[]),
        'MlflowProps.authentication: allowed_groups must not be empty (got ()); write ["mlflow"]',
    ),
    "users without names": (
        lambda: oidc(username_claims=[]),
        'MlflowProps.authentication: username_claims must not be empty (got ()); write ["email"]',
    ),
    "two scopes in one": (
        lambda: oidc(scopes=["openid email"]),
        "MlflowProps.authentication.scopes[0]: must be one scope (got 'openid email'); write one item for each",
    ),
    "a login without openid": (
        lambda: oidc(scopes=["email"]),
        ("MlflowProps.authentication: scopes must have openid, or there is no login (got ('email',)); add it"),
    ),
    "half a client": (
        lambda: oidc(callers=ClientCredentials(client_id="jobs")),
        (
            "MlflowProps.authentication.callers: client_id and client_secret belong together (got client_id='jobs' and "
            "no client_secret); write both or none"
        ),
    ),
    "a client secret that nobody knows": (
        lambda: oidc(client_secret=GeneratedSecret()),
        (
            "GeneratedSecret: whoever checks the oidc-client-secret would not know a generated one "
            "(got GeneratedSecret()); use ExistingSecret(name, key)"
        ),
    ),
    "a Redis database below zero": (
        lambda: oidc(redis=Redis(host="redis", database=-1)),
        ("MlflowProps.authentication.redis.database: must be the number of a Redis database (got -1); write 0 or more"),
    ),
    "OAuth2Proxy on an old Kubernetes": (
        lambda: attrs.evolve(proxy(), kubernetes_version="1.28"),
        (
            "MlflowProps.kubernetes_version: a part of these props needs Kubernetes 1.29 (got '1.28'); write "
            "kubernetes_version='1.29' if no cluster is older"
        ),
    ),
    "OAuth2Proxy without a public URL": (
        lambda: attrs.evolve(proxy(), public_url=None),
        (
            "OAuth2Proxy: the provider returns people to the server's public URL, and there is none (got no "
            "MlflowProps.public_url and no exposure with a host); write public_url"
        ),
    ),
    "a proxy that lets everybody in without a word": (
        lambda: proxy(allowed_groups=[]),
        (
            "MlflowProps.authentication: allowed_groups or email_domains must say who may pass (got () and ()); "
            'write email_domains=["*"] if it is everybody whom the provider knows'
        ),
    ),
    "a proxy without openid": (
        lambda: proxy(scopes=["email"]),
        "MlflowProps.authentication: scopes must have openid, or there is no login (got ('email',)); add it",
    ),
    "a cookie secret of another length": (
        lambda: attrs.evolve(proxy(cookie_secret=InlineSecret("secret")), allow_inline_secrets=True),
        (
            "MlflowProps.authentication: cookie_secret must be 16, 24 or 32 bytes, as they are or in URL-safe base64 "
            "(its value is not shown); write the output of: openssl rand -base64 32 | tr '+/' '-_'"
        ),
    ),
    "a way around the proxy": (
        lambda: proxy(options={"SKIP_AUTH_REGEX": ".*"}),
        (
            "MlflowProps.authentication.options key: must be an option that opens no way around the login, and that no "
            "field stands for (got 'SKIP_AUTH_REGEX'); write the name of a variable of oauth2-proxy without "
            'OAUTH2_PROXY_, such as "PROMPT"'
        ),
    ),
    # --- replicas and single writers
    "replicas on SQLite": (
        lambda: props(scaling=FixedReplicas(3)),
        (
            "MlflowProps.scaling: a SQLite file cannot be shared by replicas (got FixedReplicas(replicas=3)); use "
            "PostgreSQL(...) and a shared artifact store, or FixedReplicas(1)"
        ),
    ),
    "replicas on a file store": (
        lambda: props(backend_store=FileStore(), scaling=FixedReplicas(2)),
        (
            "MlflowProps.scaling: a file store cannot be shared by replicas (got FixedReplicas(replicas=2)); use "
            "PostgreSQL(...) and a shared artifact store, or FixedReplicas(1)"
        ),
    ),
    "a file of SQLite outside its volume": (
        lambda: props(backend_store=SQLite(file="/mnt/mlflow.db")),
        (
            "MlflowProps.backend_store.file: must be a path inside the volume (got '/mnt/mlflow.db'); "
            'write one such as "mlflow.db" or "team/artifacts", with no "/" at either end'
        ),
    ),
    "a folder of artifacts outside its volume": (
        lambda: props(artifact_store=ArtifactVolume(folder="../artifacts")),
        (
            "MlflowProps.artifact_store.folder: must be a path inside the volume (got '../artifacts'); "
            'write one such as "mlflow.db" or "team/artifacts", with no "/" at either end'
        ),
    ),
    "replicas with a SQLite registry": (
        lambda: on_postgresql(registry_store=SQLite(), scaling=FixedReplicas(2)),
        (
            "MlflowProps.scaling: a SQLite file cannot be shared by replicas (got FixedReplicas(replicas=2)); use "
            "PostgreSQL(...) and a shared artifact store, or FixedReplicas(1)"
        ),
    ),
    "replicas on a ReadWriteOnce volume": (
        lambda: on_postgresql(artifact_store=ArtifactVolume(), scaling=FixedReplicas(2)),
        (
            "MlflowProps.scaling: a volume with ReadWriteOnce cannot be shared by replicas (got "
            "FixedReplicas(replicas=2)); use S3(...) or access_modes=['ReadWriteMany'], or FixedReplicas(1)"
        ),
    ),
    "replicas on an existing ReadWriteOnce claim": (
        lambda: on_postgresql(
            artifact_store=ArtifactVolume(volume=ExistingVolumeClaim(claim_name="old")), scaling=FixedReplicas(2)
        ),
        (
            "MlflowProps.scaling: a volume with ReadWriteOnce cannot be shared by replicas (got "
            "FixedReplicas(replicas=2)); use S3(...) or access_modes=['ReadWriteMany'], or FixedReplicas(1)"
        ),
    ),
    "replicas on two access modes": (
        lambda: on_postgresql(
            artifact_store=ArtifactVolume(volume=VolumeClaim(access_modes=["ReadWriteOnce", "ReadWriteOncePod"])),
            scaling=FixedReplicas(2),
        ),
        (
            "MlflowProps.artifact_store.volume: access_modes has ReadWriteOncePod, which stands alone (got "
            "('ReadWriteOnce', 'ReadWriteOncePod')); keep it alone\n"
            "MlflowProps.scaling: a volume with ReadWriteOnce and ReadWriteOncePod cannot be shared by replicas "
            "(got FixedReplicas(replicas=2)); use S3(...) or access_modes=['ReadWriteMany'], or FixedReplicas(1)"
        ),
    ),
    "no replicas": (
        lambda: props(scaling=FixedReplicas(-1)),
        "MlflowProps.scaling.replicas: must not be negative (got -1); write 0 or more",
    ),
    "a backup of a file store": (
        lambda: props(backend_store=FileStore(), backup=Backup(destination=S3(bucket="backups"))),
        (
            "MlflowProps.backup: FileStore has no tools that copy it (got it as backend_store); use PostgreSQL(...), "
            "MySQL(...) or SQLite(), or leave backup out and copy it by its own means"
        ),
    ),
    "a backup by a whole URI": (
        lambda: on_postgresql(
            registry_store=DatabaseUri(uri=ExistingSecret("db", "uri"), engine="postgresql"),
            backup=Backup(destination=S3(bucket="backups")),
        ),
        (
            "MlflowProps.backup: DatabaseUri has no tools that copy it (got it as registry_store); use "
            "PostgreSQL(...), MySQL(...) or SQLite(), or leave backup out and copy it by its own means"
        ),
    ),
    "a backup of no database": (
        lambda: props(
            backend_store=None, artifact_store=S3(bucket="mlflow"), backup=Backup(destination=S3(bucket="backups"))
        ),
        (
            "MlflowProps.backup: a server of artifacts only has no database (got backend_store=None); leave it out, or "
            "name a backend store"
        ),
    ),
    "a backup among the artifacts": (
        lambda: on_postgresql(
            artifact_store=S3(bucket="mlflow", prefix="a"), backup=Backup(destination=S3(bucket="mlflow", prefix="a"))
        ),
        (
            "Backup.destination: is the place of the artifacts (got 's3://mlflow/a'); use another bucket, or at least "
            "another prefix"
        ),
    ),
    "a backup beside the database": (
        lambda: props(backup=Backup(destination=ArtifactVolume())),
        (
            "Backup.destination: is the volume of what it copies, and would be lost with it (got 'data'); write "
            'ArtifactVolume(volume=VolumeClaim(name="backup"))'
        ),
    ),
    "a backup of which none is kept": (
        lambda: props(backup=Backup(destination=S3(bucket="backups"), keep=0)),
        "MlflowProps.backup.keep: must be positive (got 0); write 1 or more",
    ),
    "a backup by an image with blanks": (
        lambda: props(backup=Backup(destination=S3(bucket="backups"), postgresql_image="postgres 15")),
        (
            "MlflowProps.backup.postgresql_image: must be an image (got 'postgres 15'); write repository and tag, such "
            'as "docker.io/library/postgres:15"'
        ),
    ),
    "jobs of several pods in the memory of each": (
        lambda: on_postgresql(job_execution=JobExecution(), scaling=FixedReplicas(2)),
        (
            "MlflowProps.scaling: a job queue in the pod's memory cannot be shared by replicas (got "
            "FixedReplicas(replicas=2)); write JobExecution(queue=InChartRedis()) or FixedReplicas(1)"
        ),
    ),
    "jobs on Redis without its client": (
        lambda: on_postgresql(job_execution=JobExecution(queue=InChartRedis())),
        (
            "JobExecution.queue: needs the Python package redis, which no image of MLflow's has (got "
            "'ghcr.io/mlflow/mlflow:v3.17.2-full'); build one from image/Containerfile"
        ),
    ),
    "jobs on Redis beside SQLite": (
        lambda: props(
            image=Image(repository="registry.example.com/mlflow"), job_execution=JobExecution(queue=InChartRedis())
        ),
        (
            "JobExecution.queue: the pod of the periodic tasks would be a second writer of a SQLite file or a volume "
            "(got InChartRedis); leave queue out, or use PostgreSQL(...) and S3(...)"
        ),
    ),
    "jobs on a file store": (
        lambda: props(backend_store=FileStore(), job_execution=JobExecution()),
        "MlflowProps.job_execution: a file store keeps no jobs (got FileStore); use SQLite() or a database",
    ),
    "jobs without a database": (
        lambda: props(backend_store=None, artifact_store=S3(bucket="mlflow"), job_execution=JobExecution()),
        (
            "MlflowProps.job_execution: a server of artifacts only has no database (got backend_store=None); leave it "
            "out, or name a backend store"
        ),
    ),
    "jobs behind TLS in the pod": (
        lambda: on_postgresql(job_execution=JobExecution(), tls=TlsSecret(secret_name="mlflow-tls")),
        (
            "MlflowProps.job_execution: jobs call their own server by plain HTTP (got MlflowProps.tls); leave tls out, "
            "and let an Ingress or a mesh encrypt"
        ),
    ),
    "jobs below a prefix": (
        lambda: on_postgresql(job_execution=JobExecution(), static_prefix="/mlflow"),
        (
            "MlflowProps.job_execution: jobs call their own server without a prefix (got static_prefix='/mlflow'); "
            "leave one of them out"
        ),
    ),
    "trace archival without jobs": (
        lambda: on_postgresql(trace_archival=TraceArchival(retention=timedelta(days=30))),
        (
            "MlflowProps.trace_archival: is a background job of MLflow (got job_execution=None); "
            "write job_execution=JobExecution()"
        ),
    ),
    "trace archival by the second": (
        lambda: on_postgresql(
            job_execution=JobExecution(),
            trace_archival=TraceArchival(retention=timedelta(seconds=90), interval=timedelta(days=2)),
        ),
        (
            "MlflowProps.trace_archival: retention must be whole minutes (got 0:01:30); write timedelta(days=30)\n"
            "MlflowProps.trace_archival: interval must be from a minute to a day (got 2 days, 0:00:00); write "
            "timedelta(minutes=5)"
        ),
    ),
    "replicas as a number": (
        lambda: on_postgresql(scaling=3),
        "MlflowProps.scaling: must be FixedReplicas or Autoscaling or KedaScaling (got 3); write FixedReplicas(3)",
    ),
    "autoscaling on SQLite": (
        lambda: props(scaling=Autoscaling(min_replicas=1)),
        (
            "MlflowProps.scaling: a SQLite file cannot be shared by replicas (got Autoscaling(min_replicas=1, "
            "max_replicas=5, average_cpu='500m', average_memory=None, behavior={})); use PostgreSQL(...) and a shared "
            "artifact store, or FixedReplicas(1)"
        ),
    ),
    "sleep of a single writer": (
        lambda: on_postgresql(
            artifact_store=ArtifactVolume(), scaling=KedaScaling(triggers=[CRON], min_replicas=0, max_replicas=1)
        ),
        (
            "MlflowProps.scaling: a volume with ReadWriteOnce cannot be shared by replicas (got "
            "KedaScaling(triggers=(CronTrigger(timezone='UTC', start='0 7 * * *', end='0 20 * * *', "
            "desired_replicas=1),), min_replicas=0, max_replicas=1, "
            "polling_interval=datetime.timedelta(seconds=30), cooldown_period=datetime.timedelta(seconds=300), "
            "behavior={})); use S3(...) or access_modes=['ReadWriteMany'], or FixedReplicas(1)"
        ),
    ),
    "bounds the wrong way round": (
        lambda: on_postgresql(scaling=Autoscaling(min_replicas=6)),
        ("MlflowProps.scaling: min_replicas is above max_replicas (got 6 and 5); lower it, or raise max_replicas"),
    ),
    "autoscaling by nothing": (
        lambda: on_postgresql(scaling=Autoscaling(average_cpu=None)),
        (
            "MlflowProps.scaling: average_cpu and average_memory are both None, and nothing would scale; write "
            'average_cpu="500m"'
        ),
    ),
    "autoscaling by a percentage": (
        lambda: on_postgresql(scaling=Autoscaling(average_cpu="80%")),
        (
            "MlflowProps.scaling.average_cpu: must be a Kubernetes quantity above zero (got '80%'); write one such as "
            '"10Gi", "512Mi" or "250m"'
        ),
    ),
    "an unknown behaviour": (
        lambda: on_postgresql(scaling=Autoscaling(behavior={"scaleDown": {"stabilizationWindow": 60}})),
        (
            "MlflowProps.scaling.behavior.scaleDown: unknown key (got 'stabilizationWindow'); did you mean "
            "'stabilizationWindowSeconds'? known are policies, selectPolicy, stabilizationWindowSeconds"
        ),
    ),
    "KEDA without triggers": (
        lambda: on_postgresql(scaling=KedaScaling(triggers=[])),
        "MlflowProps.scaling: triggers must not be empty (got ()); write [CronTrigger(...)]",
    ),
    "sleep from which nothing wakes": (
        lambda: on_postgresql(scaling=KedaScaling(triggers=[CpuTrigger()], min_replicas=0)),
        (
            "MlflowProps.scaling: min_replicas is 0, and CPU that nobody uses starts no pod (got no other trigger); "
            "write 1 or more, or add a CronTrigger or PrometheusTrigger"
        ),
    ),
    "sleep beside garbage collection": (
        lambda: on_postgresql(
            scaling=KedaScaling(triggers=[CRON], min_replicas=0), garbage_collection=GarbageCollection()
        ),
        (
            "MlflowProps.scaling: the garbage collection calls the server, which may not be there (got min_replicas=0 "
            "and garbage_collection); write min_replicas=1, or leave one of them out"
        ),
    ),
    "a time table above the maximum": (
        lambda: on_postgresql(scaling=KedaScaling(triggers=[attrs.evolve(CRON, desired_replicas=9)])),
        "MlflowProps.scaling: max_replicas is below what a CronTrigger wants (got 5 and 9); raise it",
    ),
    "a time table without a time": (
        lambda: on_postgresql(scaling=KedaScaling(triggers=[attrs.evolve(CRON, end=CRON.start)])),
        (
            "MlflowProps.scaling.triggers[0]: start and end are the same (got '0 7 * * *'); name a time between two "
            "moments"
        ),
    ),
    "KEDA that never rests": (
        lambda: on_postgresql(scaling=KedaScaling(triggers=[CRON], polling_interval=timedelta(milliseconds=10))),
        ("MlflowProps.scaling: polling_interval is below a second (got 0:00:00.010000); write timedelta(seconds=30)"),
    ),
    "a time zone with blanks": (
        lambda: on_postgresql(scaling=KedaScaling(triggers=[attrs.evolve(CRON, timezone="Central Europe")])),
        (
            "MlflowProps.scaling.triggers[0].timezone: must be the name of a time zone (got 'Central Europe'); write "
            'one such as "Europe/Berlin" or "UTC"'
        ),
    ),
    # --- language models
    "a gateway without a database": (
        lambda: props(backend_store=None, artifact_store=S3(bucket="mlflow"), ai_gateway=AiGateway()),
        (
            "MlflowProps.ai_gateway: a server of artifacts only has no database (got backend_store=None); leave it "
            "out, or name a backend store"
        ),
    ),
    "a provider in large letters": (
        lambda: props(ai_gateway=AiGateway(allowed_providers=["OpenAI"])),
        (
            "MlflowProps.ai_gateway.allowed_providers[0]: must be the name of a provider (got 'OpenAI'); write one "
            'such as "openai" or "bedrock", in small letters'
        ),
    ),
    "a catalog of models in a file": (
        lambda: props(model_catalog_url="file:///models"),
        (
            "MlflowProps.model_catalog_url: must be an http or https URL without credentials (got 'file:///models'); "
            'write one such as "https://mlflow.example.com"'
        ),
    ),
    "a gateway that speaks nothing": (
        lambda: props(ai_gateway=AiGateway(api_base_schemes=[])),
        'MlflowProps.ai_gateway: api_base_schemes must not be empty (got ()); write ["https"]',
    ),
    # --- placing
    "a label of the selectors on every object": (
        lambda: props(common_labels={"app.kubernetes.io/name": "x"}),
        (
            "MlflowProps.common_labels: app.kubernetes.io/name is part of the construct's own labels and selectors "
            "(got 'x'); choose a label of your own"
        ),
    ),
    "a label of the selectors on Jobs' pods": (
        lambda: props(job_pod_labels={"app.kubernetes.io/component": "server"}),
        (
            "MlflowProps.job_pod_labels: app.kubernetes.io/component is part of the construct's own labels and "
            "selectors (got 'server'); choose a label of your own"
        ),
    ),
    "a label of the selectors on a kind": (
        lambda: props(object_labels={"Deployment": {"app.kubernetes.io/instance": "x"}}),
        (
            "MlflowProps.object_labels['Deployment']: app.kubernetes.io/instance is part of the construct's own "
            "labels and selectors (got 'x'); choose a label of your own"
        ),
    ),
    "root by number": (
        lambda: props(user_id=0),
        "MlflowProps.user_id: must be the number of a user that is not root (got 0); write one such as 10001",
    ),
    "a pod without DNS": (
        lambda: props(dns_policy="None"),
        (
            "MlflowProps.dns_config: a pod with dns_policy 'None' would have nobody to ask for names (got no "
            "nameservers); write {'nameservers': [...]}"
        ),
    ),
    "an address of no host": (
        lambda: props(host_aliases=[{"ip": "db.example.com", "hostnames": ["db"]}]),
        (
            "MlflowProps.host_aliases[0].ip: must be an IP address (got 'db.example.com'); write one such as "
            '"192.0.2.1" or "2001:db8::1"'
        ),
    ),
    "an end before the requests'": (
        lambda: props(termination_grace_period=timedelta(seconds=30)),
        (
            "MlflowProps.termination_grace_period: is below pre_stop_delay and graceful_shutdown_timeout together, so "
            "requests in flight would be cut off (got 0:00:30 and 0:01:10); raise it, or lower them"
        ),
    ),
    "an extra container without an image": (
        lambda: props(extra_containers=[{"name": "a"}]),
        "MlflowProps.extra_containers[0]: the key 'image' is missing (got 'name'); add it",
    ),
    "an extra container on the node's network": (
        lambda: props(extra_containers=[{"name": "a", "image": "b", "ports": [{"containerPort": 1, "hostPort": 1}]}]),
        (
            "MlflowProps.extra_containers[0].ports[0]: unknown key (got 'hostPort'); did you mean 'containerPort'? "
            "known are containerPort, name, protocol"
        ),
    ),
    "an extra container called as ours": (
        lambda: props(extra_containers=[{"name": "mlflow", "image": "b"}]),
        ("MlflowProps: two containers of a pod are called 'mlflow'; give the one that you named another name"),
    ),
    "a volume of the node": (
        lambda: props(extra_volumes=[{"name": "a", "hostPath": {"path": "/"}}]),
        (
            "MlflowProps.extra_volumes[0]: unknown key (got 'hostPath'); did you mean 'secret'? known are configMap, "
            "csi, emptyDir, name, persistentVolumeClaim, projected, secret"
        ),
    ),
    "a volume of two sources": (
        lambda: props(extra_volumes=[{"name": "a", "emptyDir": {}, "configMap": {"name": "b"}}]),
        (
            "MlflowProps.extra_volumes[0]: exactly one source must be there (got emptyDir, configMap); write one of "
            "configMap, csi, emptyDir, persistentVolumeClaim, projected, secret"
        ),
    ),
    "a volume called as ours": (
        lambda: props(extra_volumes=[{"name": "tmp", "emptyDir": {}}]),
        "MlflowProps.extra_volumes: the pod has two volumes of this name (got 'tmp'); choose another one",
    ),
    "a mount of nothing": (
        lambda: props(extra_volume_mounts=[{"name": "gone", "mountPath": "/gone"}]),
        "MlflowProps.extra_volumes: there is no volume to mount (got 'gone'); add it there",
    ),
    "a mount over ours": (
        lambda: props(
            extra_volumes=[{"name": "a", "emptyDir": {}}],
            extra_volume_mounts=[{"name": "a", "mountPath": "/mlflow/data"}],
        ),
        "MlflowProps: two parts mount something at /mlflow/data; give one of them another path or claim name",
    ),
    "a sidecar before its time": (
        lambda: props(extra_init_containers=[{"name": "a", "image": "b", "restartPolicy": "Always"}]),
        (
            "MlflowProps.kubernetes_version: a part of these props needs Kubernetes 1.29 (got '1.27'); write "
            "kubernetes_version='1.29' if no cluster is older"
        ),
    ),
    "a proxy with a password in it": (
        lambda: props(http_proxy=HttpProxy(url="http://me:hunter2@proxy:3128")),
        (
            "MlflowProps.http_proxy.url: must be an http or https URL without credentials (got "
            "'http://***@proxy:3128'); write one such as \"https://mlflow.example.com\""
        ),
    ),
    "a proxy whose port nobody knows": (
        lambda: props(http_proxy=HttpProxy(url=ExistingSecret("proxy", "url"))),
        (
            "MlflowProps.http_proxy: egress is empty, and the proxy's port is in a Secret (got ()); write "
            "[Endpoint(port=3128)]"
        ),
    ),
    "a variable that the proxy sets": (
        lambda: props(http_proxy=HttpProxy(url="http://proxy:3128"), extra_env=[{"name": "NO_PROXY", "value": "db"}]),
        "MlflowProps.extra_env: the construct sets NO_PROXY itself (its value is not shown); leave it out",
    ),
    "a registry with a scheme": (
        lambda: props(image_registry="https://registry.example.com"),
        (
            "MlflowProps.image_registry: must be an image repository (got 'https://registry.example.com'); write one "
            'such as "ghcr.io/mlflow/mlflow", without tag'
        ),
    ),
    "replicas as a flag": (
        lambda: on_postgresql(scaling=FixedReplicas(True)),
        "MlflowProps.scaling.replicas: must be a whole number (got True); write a whole number",
    ),
    "workers on a file store": (
        lambda: props(backend_store=FileStore(), workers=2),
        "MlflowProps.workers: a file store has no locks between processes (got 2); use workers=1 or a database",
    ),
    "workers on a file store beside SQLite": (
        lambda: props(registry_store=FileStore(volume=VolumeClaim(name="models")), workers=2),
        "MlflowProps.workers: a file store has no locks between processes (got 2); use workers=1 or a database",
    ),
    "no workers": (lambda: props(workers=0), "MlflowProps.workers: must be positive (got 0); write 1 or more"),
    "workers as text": (
        lambda: props(workers="4"),
        "MlflowProps.workers: must be a whole number (got '4'); write 4, without quotes",
    ),
    "workers as a fraction": (
        lambda: props(workers=1.5),
        "MlflowProps.workers: must be a whole number (got 1.5); write a whole number",
    ),
    "workers as None": (
        lambda: props(workers=None),
        "MlflowProps.workers: must be a whole number (got None); write a whole number",
    ),
    "budget of nobody": (
        lambda: on_postgresql(scaling=FixedReplicas(2), disruption_budget=DisruptionBudget(max_unavailable=0)),
        "MlflowProps.disruption_budget.max_unavailable: must be positive (got 0); write 1 or more",
    ),
    # --- stores
    "database without artifact root": (
        lambda: props(backend_store=POSTGRESQL),
        (
            "MlflowProps.artifact_store: PostgreSQL needs an artifact root beside it (got None); write "
            "artifact_store=S3(bucket=...), ArtifactUri(uri=...) or ArtifactVolume()"
        ),
    ),
    "database without artifact root, direct": (
        lambda: props(backend_store=POSTGRESQL, artifact_access=Direct()),
        (
            "MlflowProps.artifact_store: PostgreSQL needs an artifact root beside it (got None); write "
            "artifact_store=S3(bucket=...), ArtifactUri(uri=...) or ArtifactVolume()"
        ),
    ),
    "database and a SQLite registry without artifact root": (
        lambda: props(backend_store=POSTGRESQL, registry_store=SQLite()),
        (
            "MlflowProps.artifact_store: PostgreSQL needs an artifact root beside it (got None); write "
            "artifact_store=S3(bucket=...), ArtifactUri(uri=...) or ArtifactVolume()"
        ),
    ),
    "direct access to a volume": (
        lambda: on_postgresql(artifact_store=ArtifactVolume(), artifact_access=Direct()),
        (
            "MlflowProps.artifact_access: clients cannot reach a volume of the server's pod (got Direct()); use "
            "Proxied(), or S3(...) or ArtifactUri(...) as artifact_store"
        ),
    ),
    "direct access to the embedded volume": (
        lambda: props(artifact_access=Direct()),
        (
            "MlflowProps.artifact_access: clients cannot reach a volume of the server's pod (got Direct()); use "
            "Proxied(), or S3(...) or ArtifactUri(...) as artifact_store"
        ),
    ),
    "store as a URL": (
        lambda: props(backend_store="postgresql://mlflow:hunter2@db/mlflow"),
        (
            "MlflowProps.backend_store: must be a backend store or None (got 'postgresql://***@db/mlflow'); write "
            "SQLite() or PostgreSQL(...)"
        ),
    ),
    "store as a class": (
        lambda: props(backend_store=SQLite),
        (
            "MlflowProps.backend_store: must be a backend store or None (got <class "
            "'cdk8s_mlflow.backend_store.sqlite.SQLite'>); write SQLite() or PostgreSQL(...)"
        ),
    ),
    "access as a class": (
        lambda: on_postgresql(artifact_access=Direct),
        (
            "MlflowProps.artifact_access: must be Proxied or Presigned or Direct (got <class "
            "'cdk8s_mlflow.artifact_store.access.Direct'>); write Proxied(...)"
        ),
    ),
    "database host with scheme": (
        lambda: on_postgresql(backend_store=postgresql(host="postgresql://db.example.com")),
        (
            "MlflowProps.backend_store.host: must be a host name or an IP address (got "
            "'postgresql://db.example.com'); write it without scheme and port, such as \"db.example.com\""
        ),
    ),
    "database host with port": (
        lambda: on_postgresql(backend_store=postgresql(host="db.example.com:5432")),
        (
            "MlflowProps.backend_store.host: must be a host name or an IP address (got 'db.example.com:5432'); "
            'write it without scheme and port, such as "db.example.com"'
        ),
    ),
    "database host that is empty": (
        lambda: on_postgresql(backend_store=postgresql(host="")),
        (
            "MlflowProps.backend_store.host: must be a host name or an IP address (got ''); write it without "
            'scheme and port, such as "db.example.com"'
        ),
    ),
    "database host with a blank": (
        lambda: on_postgresql(backend_store=postgresql(host="db example")),
        (
            "MlflowProps.backend_store.host: must be a host name or an IP address (got 'db example'); write it "
            'without scheme and port, such as "db.example.com"'
        ),
    ),
    "database host of numbers": (
        lambda: on_postgresql(backend_store=postgresql(host="300.1.2.3")),
        (
            "MlflowProps.backend_store.host: must be a host name or an IP address (got '300.1.2.3'); write it "
            'without scheme and port, such as "db.example.com"'
        ),
    ),
    "database host in Unicode": (
        lambda: on_postgresql(backend_store=postgresql(host="dätabase.example.com")),
        (
            "MlflowProps.backend_store.host: must be a host name or an IP address (got 'dätabase.example.com'); "
            'write it without scheme and port, such as "db.example.com"'
        ),
    ),
    "database host that only looks like ASCII": (
        lambda: on_postgresql(backend_store=postgresql(host="\u212aube.example.com")),
        (
            "MlflowProps.backend_store.host: must be a host name or an IP address (got '\u212aube.example.com'); write "
            'it without scheme and port, such as "db.example.com"'
        ),
    ),
    "database port 0": (
        lambda: on_postgresql(backend_store=postgresql(port=0)),
        "MlflowProps.backend_store.port: must be a port number (got 0); write one from 1 to 65535",
    ),
    "database port above all": (
        lambda: on_postgresql(backend_store=postgresql(port=65536)),
        "MlflowProps.backend_store.port: must be a port number (got 65536); write one from 1 to 65535",
    ),
    "database port as text": (
        lambda: on_postgresql(backend_store=postgresql(port="5432")),
        "MlflowProps.backend_store.port: must be a whole number (got '5432'); write 5432, without quotes",
    ),
    "database port as a flag": (
        lambda: on_postgresql(backend_store=postgresql(port=True)),
        "MlflowProps.backend_store.port: must be a whole number (got True); write a whole number",
    ),
    "database name with a line break": (
        lambda: on_postgresql(backend_store=postgresql(database="mlflow\n")),
        (
            "MlflowProps.backend_store.database: must be a name without blanks around it, line breaks and ${ (got "
            "'mlflow\\n'); write the bare name, or keep it in a Secret"
        ),
    ),
    "database name that is empty": (
        lambda: on_postgresql(backend_store=postgresql(database="")),
        (
            "MlflowProps.backend_store.database: must be a name without blanks around it, line breaks and ${ (got "
            "''); write the bare name, or keep it in a Secret"
        ),
    ),
    "database user as a number": (
        lambda: on_postgresql(backend_store=postgresql(user=7)),
        (
            "MlflowProps.backend_store.user: must be text or where a secret comes from (its value is not shown); "
            "write ExistingSecret(name, key)"
        ),
    ),
    "file store on a relative path": (
        lambda: props(backend_store=FileStore(path="mlruns")),
        (
            "MlflowProps.backend_store.path: must be an absolute path outside the system's own folders (got "
            '\'mlruns\'); write one such as "/mnt/mlflow", of letters, digits, ".", "_" and "-"'
        ),
    ),
    "file store on a URL": (
        lambda: props(backend_store=FileStore(path="file:///mnt/mlruns")),
        (
            "MlflowProps.backend_store.path: must be an absolute path outside the system's own folders (got "
            '\'file:///mnt/mlruns\'); write one such as "/mnt/mlflow", of letters, digits, ".", "_" and "-"'
        ),
    ),
    "file store above its root": (
        lambda: props(backend_store=FileStore(path="/mnt/../etc")),
        (
            "MlflowProps.backend_store.path: must be an absolute path outside the system's own folders (got "
            '\'/mnt/../etc\'); write one such as "/mnt/mlflow", of letters, digits, ".", "_" and "-"'
        ),
    ),
    "file store on the root": (
        lambda: props(backend_store=FileStore(path="/")),
        (
            "MlflowProps.backend_store.path: must be an absolute path outside the system's own folders (got '/'); "
            'write one such as "/mnt/mlflow", of letters, digits, ".", "_" and "-"'
        ),
    ),
    "file store over the image": (
        lambda: props(backend_store=FileStore(path="/usr/lib")),
        (
            "MlflowProps.backend_store.path: must be an absolute path outside the system's own folders (got "
            '\'/usr/lib\'); write one such as "/mnt/mlflow", of letters, digits, ".", "_" and "-"'
        ),
    ),
    "file store over scratch space": (
        lambda: props(backend_store=FileStore(path="/run/runs")),
        (
            "MlflowProps.backend_store.path: must be an absolute path outside the system's own folders (got "
            '\'/run/runs\'); write one such as "/mnt/mlflow", of letters, digits, ".", "_" and "-"'
        ),
    ),
    "file store over its own volume": (
        lambda: props(backend_store=FileStore(path="/mlflow/data")),
        (
            "MlflowProps: two parts mount different volumes at /mlflow/data; give one of them another "
            "FileStore.path or VolumeClaim.name"
        ),
    ),
    "bucket with scheme": (
        lambda: on_postgresql(artifact_store=S3(bucket="s3://mlflow")),
        (
            "MlflowProps.artifact_store.bucket: must be a bucket name (got 's3://mlflow'); write its bare name, "
            'such as "mlflow-artifacts", without "s3://"'
        ),
    ),
    "bucket in capitals": (
        lambda: on_postgresql(artifact_store=S3(bucket="MLflow")),
        (
            "MlflowProps.artifact_store.bucket: must be a bucket name (got 'MLflow'); write its bare name, such as "
            '"mlflow-artifacts", without "s3://"'
        ),
    ),
    "bucket too short": (
        lambda: on_postgresql(artifact_store=S3(bucket="ml")),
        (
            "MlflowProps.artifact_store.bucket: must be a bucket name (got 'ml'); write its bare name, such as "
            '"mlflow-artifacts", without "s3://"'
        ),
    ),
    "key prefix with slashes": (
        lambda: on_postgresql(artifact_store=S3(bucket="mlflow", prefix="/artifacts/")),
        (
            "MlflowProps.artifact_store.prefix: must be a key prefix in the bucket (got '/artifacts/'); write one "
            'such as "mlflow/artifacts", with no "/" at either end'
        ),
    ),
    "endpoint without scheme": (
        lambda: on_postgresql(artifact_store=S3(bucket="mlflow", endpoint_url="minio:9000")),
        (
            "MlflowProps.artifact_store.endpoint_url: must be an http or https URL without credentials (got "
            "'minio:9000'); write one such as \"https://mlflow.example.com\""
        ),
    ),
    "endpoint of another scheme": (
        lambda: on_postgresql(artifact_store=S3(bucket="mlflow", endpoint_url="s3://minio")),
        (
            "MlflowProps.artifact_store.endpoint_url: must be an http or https URL without credentials (got "
            "'s3://minio'); write one such as \"https://mlflow.example.com\""
        ),
    ),
    "endpoint with a port above all": (
        lambda: on_postgresql(artifact_store=S3(bucket="mlflow", endpoint_url="http://minio:90000")),
        (
            "MlflowProps.artifact_store.endpoint_url: must be an http or https URL without credentials (got "
            "'http://minio:90000'); write one such as \"https://mlflow.example.com\""
        ),
    ),
    "endpoint with a query": (
        lambda: on_postgresql(artifact_store=S3(bucket="mlflow", endpoint_url="http://minio:9000/?x=y")),
        (
            "MlflowProps.artifact_store.endpoint_url: must be an http or https URL without credentials (got "
            "'http://minio:9000/?x=y'); write one such as \"https://mlflow.example.com\""
        ),
    ),
    "artifact URI that is a path": (
        lambda: on_postgresql(artifact_store=ArtifactUri(uri="/mnt/artifacts")),
        (
            "MlflowProps.artifact_store.uri: must be a URI with a scheme and without credentials (got "
            "'/mnt/artifacts'); write one such as \"gs://bucket/path\"; for a path in the pod use ArtifactVolume"
        ),
    ),
    "artifact URI with a blank": (
        lambda: on_postgresql(artifact_store=ArtifactUri(uri="gs://my bucket")),
        (
            "MlflowProps.artifact_store.uri: must be a URI with a scheme and without credentials (got 'gs://my "
            'bucket\'); write one such as "gs://bucket/path"; for a path in the pod use ArtifactVolume'
        ),
    ),
    "size of an artifact that is none": (
        lambda: on_postgresql(artifact_access=Proxied(largest_artifact="2GB")),
        (
            "MlflowProps.artifact_access.largest_artifact: must be a Kubernetes quantity above zero (got '2GB'); "
            'write one such as "10Gi", "512Mi" or "250m"'
        ),
    ),
    "no transfers": (
        lambda: on_postgresql(artifact_access=Proxied(concurrent_transfers=0)),
        "MlflowProps.artifact_access.concurrent_transfers: must be positive (got 0); write 1 or more",
    ),
    # --- volumes
    "volume size with exponent": (
        lambda: props(backend_store=SQLite(volume=VolumeClaim(size="1e3"))),
        (
            "MlflowProps.backend_store.volume.size: must be a Kubernetes quantity above zero (got '1e3'); write "
            'one such as "10Gi", "512Mi" or "250m"'
        ),
    ),
    "volume size of zero": (
        lambda: props(backend_store=SQLite(volume=VolumeClaim(size="0Gi"))),
        (
            "MlflowProps.backend_store.volume.size: must be a Kubernetes quantity above zero (got '0Gi'); write "
            'one such as "10Gi", "512Mi" or "250m"'
        ),
    ),
    "volume size below zero": (
        lambda: props(backend_store=SQLite(volume=VolumeClaim(size="-1Gi"))),
        (
            "MlflowProps.backend_store.volume.size: must be a Kubernetes quantity above zero (got '-1Gi'); write "
            'one such as "10Gi", "512Mi" or "250m"'
        ),
    ),
    "volume size with a blank": (
        lambda: props(backend_store=SQLite(volume=VolumeClaim(size="10 Gi"))),
        (
            "MlflowProps.backend_store.volume.size: must be a Kubernetes quantity above zero (got '10 Gi'); write "
            'one such as "10Gi", "512Mi" or "250m"'
        ),
    ),
    "volume size as a number": (
        lambda: props(backend_store=SQLite(volume=VolumeClaim(size=10))),
        'MlflowProps.backend_store.volume.size: must be text (got 10); write "10", in quotes',
    ),
    "volume in capitals": (
        lambda: props(backend_store=SQLite(volume=VolumeClaim(name="Data"))),
        (
            "MlflowProps.backend_store.volume.name: must be a DNS label of at most 20 characters (got 'Data'); "
            'write lower-case letters, digits and "-", such as "data"'
        ),
    ),
    "volume with a long name": (
        lambda: props(backend_store=SQLite(volume=VolumeClaim(name="d" * 21))),
        (
            "MlflowProps.backend_store.volume.name: must be a DNS label of at most 20 characters (got "
            '\'ddddddddddddddddddddd\'); write lower-case letters, digits and "-", such as "data"'
        ),
    ),
    "access mode by its short name": (
        lambda: props(backend_store=SQLite(volume=VolumeClaim(access_modes=["RWO"]))),
        (
            "MlflowProps.backend_store.volume.access_modes[0]: must be 'ReadWriteOnce' or 'ReadWriteMany' or "
            "'ReadWriteOncePod' (got 'RWO'); write 'ReadWriteOnce'"
        ),
    ),
    "access modes as text": (
        lambda: props(backend_store=SQLite(volume=VolumeClaim(access_modes="ReadWriteOnce"))),
        (
            "MlflowProps.backend_store.volume.access_modes: must be a list of 'ReadWriteOnce' or 'ReadWriteMany' "
            "or 'ReadWriteOncePod' (got 'ReadWriteOnce'); write [...]"
        ),
    ),
    "no access mode": (
        lambda: props(backend_store=SQLite(volume=VolumeClaim(access_modes=[]))),
        'MlflowProps.backend_store.volume: access_modes must not be empty (got ()); write ["ReadWriteOnce"]',
    ),
    "access modes that do not go together": (
        lambda: props(backend_store=SQLite(volume=VolumeClaim(access_modes=["ReadWriteOnce", "ReadWriteOncePod"]))),
        (
            "MlflowProps.backend_store.volume: access_modes has ReadWriteOncePod, which stands alone (got "
            "('ReadWriteOnce', 'ReadWriteOncePod')); keep it alone"
        ),
    ),
    "storage class with a slash": (
        lambda: props(backend_store=SQLite(volume=VolumeClaim(storage_class_name="a/b"))),
        (
            "MlflowProps.backend_store.volume.storage_class_name: must be a Kubernetes object name (got 'a/b'); "
            'write lower-case letters, digits, "-" and "."'
        ),
    ),
    "two volumes of one name": (
        lambda: props(artifact_store=ArtifactVolume(volume=VolumeClaim(size="1Ti"))),
        (
            "MlflowProps: two different volume claims are called 'data'; make them equal to share one volume, or "
            "give one of them another name"
        ),
    ),
    "two volumes at one path": (
        lambda: props(
            backend_store=FileStore(path="/mlflow/artifacts"),
            artifact_store=ArtifactVolume(volume=VolumeClaim(name="artifacts")),
        ),
        (
            "MlflowProps: two parts mount different volumes at /mlflow/artifacts; give one of them another "
            "FileStore.path or VolumeClaim.name"
        ),
    ),
    # --- names
    "name in capitals": (
        lambda: props(name="MLflow"),
        (
            "MlflowProps.name: must be a DNS label that starts with a letter, at most 40 characters long (got "
            '\'MLflow\'); write lower-case letters, digits and "-", such as "mlflow" (suffixes are added to it)'
        ),
    ),
    "name with a dot": (
        lambda: props(name="mlflow.team"),
        (
            "MlflowProps.name: must be a DNS label that starts with a letter, at most 40 characters long (got "
            '\'mlflow.team\'); write lower-case letters, digits and "-", such as "mlflow" (suffixes are added to '
            "it)"
        ),
    ),
    "name with an underscore": (
        lambda: props(name="ml_flow"),
        (
            "MlflowProps.name: must be a DNS label that starts with a letter, at most 40 characters long (got "
            '\'ml_flow\'); write lower-case letters, digits and "-", such as "mlflow" (suffixes are added to it)'
        ),
    ),
    "name in Unicode": (
        lambda: props(name="mlflöw"),
        (
            "MlflowProps.name: must be a DNS label that starts with a letter, at most 40 characters long (got "
            '\'mlflöw\'); write lower-case letters, digits and "-", such as "mlflow" (suffixes are added to it)'
        ),
    ),
    "name that starts with a digit": (
        lambda: props(name="1mlflow"),
        (
            "MlflowProps.name: must be a DNS label that starts with a letter, at most 40 characters long (got "
            '\'1mlflow\'); write lower-case letters, digits and "-", such as "mlflow" (suffixes are added to it)'
        ),
    ),
    "name that is too long": (
        lambda: props(name="m" * 41),
        (
            "MlflowProps.name: must be a DNS label that starts with a letter, at most 40 characters long (got "
            "'mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm'); write lower-case letters, digits and \"-\", such as "
            '"mlflow" (suffixes are added to it)'
        ),
    ),
    "name that is empty": (
        lambda: props(name=""),
        (
            "MlflowProps.name: must be a DNS label that starts with a letter, at most 40 characters long (got ''); "
            'write lower-case letters, digits and "-", such as "mlflow" (suffixes are added to it)'
        ),
    ),
    "name with a line break": (
        lambda: props(name="mlflow\n"),
        (
            "MlflowProps.name: must be a DNS label that starts with a letter, at most 40 characters long (got "
            '\'mlflow\\n\'); write lower-case letters, digits and "-", such as "mlflow" (suffixes are added to it)'
        ),
    ),
    "label name with a slash": (
        lambda: props(label_name="team/mlflow"),
        (
            "MlflowProps.label_name: must be a label value (got 'team/mlflow'); write at most 63 letters, digits, "
            '"-", "_" and ".", with a letter or digit at both ends'
        ),
    ),
    "label name that is too long": (
        lambda: props(label_name="m" * 64),
        (
            "MlflowProps.label_name: must be a label value (got "
            "'mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm'); write at most 63 letters, "
            'digits, "-", "_" and ".", with a letter or digit at both ends'
        ),
    ),
    "image with a tag in the repository": (
        lambda: props(image=Image(repository="ghcr.io/mlflow/mlflow:latest")),
        (
            "MlflowProps.image.repository: must be an image repository (got 'ghcr.io/mlflow/mlflow:latest'); write "
            'one such as "ghcr.io/mlflow/mlflow", without tag'
        ),
    ),
    "image in capitals": (
        lambda: props(image=Image(repository="MLflow")),
        (
            "MlflowProps.image.repository: must be an image repository (got 'MLflow'); write one such as "
            '"ghcr.io/mlflow/mlflow", without tag'
        ),
    ),
    "image tag with a blank": (
        lambda: props(image=Image(tag="v3 full")),
        "MlflowProps.image.tag: must be an image tag (got 'v3 full'); write one such as \"v3.17.2-full\"",
    ),
    "image digest that is short": (
        lambda: props(image=Image(digest="sha256:abc")),
        (
            "MlflowProps.image.digest: must be an image digest (got 'sha256:abc'); write \"sha256:\" and 64 "
            "lower-case hexadecimal digits"
        ),
    ),
    "image pulled sometimes": (
        lambda: props(image=Image(pull_policy="Sometimes")),
        (
            "MlflowProps.image.pull_policy: must be 'IfNotPresent' or 'Always' or 'Never' (got 'Sometimes'); write "
            "'IfNotPresent'"
        ),
    ),
    "image as text": (
        lambda: props(image="mlflow:3"),
        "MlflowProps.image: must be Image (got 'mlflow:3'); write Image(...)",
    ),
    "pull secrets as text": (
        lambda: props(image=Image(pull_secrets="registry")),
        "MlflowProps.image.pull_secrets: must be a list of texts (got 'registry'); write ['registry']",
    ),
    "service account with a blank": (
        lambda: props(service_account=ServiceAccount(name="my account")),
        (
            "MlflowProps.service_account.name: must be a Kubernetes object name (got 'my account'); write "
            'lower-case letters, digits, "-" and "."'
        ),
    ),
    "service account as text": (
        lambda: props(service_account="default"),
        (
            "MlflowProps.service_account: must be ServiceAccount or ExistingServiceAccount (got 'default'); write "
            "ServiceAccount(...)"
        ),
    ),
    "service account of the generating Job": (
        lambda: props(service_account=ServiceAccount(name="mlflow-secrets")),
        (
            "Mlflow: two objects would be ServiceAccount/mlflow-secrets; give the prop that names one of them "
            "another name"
        ),
    ),
    "priority class in capitals": (
        lambda: props(priority_class_name="High"),
        (
            "MlflowProps.priority_class_name: must be a Kubernetes object name (got 'High'); write lower-case "
            'letters, digits, "-" and "."'
        ),
    ),
    "cluster domain with a blank": (
        lambda: props(cluster_domain="cluster local"),
        (
            "MlflowProps.cluster_domain: must be a Kubernetes object name (got 'cluster local'); write lower-case "
            'letters, digits, "-" and "."'
        ),
    ),
    "Kubernetes with a v": (
        lambda: props(kubernetes_version="v1.30"),
        (
            "MlflowProps.kubernetes_version: must be a Kubernetes version from 1.27 on (got 'v1.30'); write it as "
            '"1.34"'
        ),
    ),
    "Kubernetes that is too old": (
        lambda: props(kubernetes_version="1.26"),
        (
            "MlflowProps.kubernetes_version: must be a Kubernetes version from 1.27 on (got '1.26'); write it as "
            '"1.34"\n'
            "MlflowProps.kubernetes_version: a part of these props needs Kubernetes 1.27 (got '1.26'); write "
            "kubernetes_version='1.27' if no cluster is older"
        ),
    ),
    "Kubernetes with a patch": (
        lambda: props(kubernetes_version="1.30.1"),
        (
            "MlflowProps.kubernetes_version: must be a Kubernetes version from 1.27 on (got '1.30.1'); write it as "
            '"1.34"'
        ),
    ),
    "Kubernetes as a number": (
        lambda: props(kubernetes_version=1.30),
        'MlflowProps.kubernetes_version: must be text (got 1.3); write "1.3", in quotes',
    ),
    # --- secrets
    "password as text": (
        lambda: on_postgresql(backend_store=postgresql(password="hunter2")),
        (
            "MlflowProps.backend_store.password: must be where a secret comes from or None (its value is not "
            "shown); write ExistingSecret(name, key)"
        ),
    ),
    "S3 key as text": (
        lambda: on_postgresql(
            artifact_store=S3(
                bucket="mlflow",
                credentials=S3Credentials(access_key_id=ExistingSecret("s3", "id"), secret_access_key="hunter2"),
            )
        ),
        (
            "MlflowProps.artifact_store.credentials.secret_access_key: must be where a secret comes from (its "
            "value is not shown); write ExistingSecret(name, key)"
        ),
    ),
    "passphrase as text": (
        lambda: props(crypto_kek_passphrase="hunter2"),
        (
            "MlflowProps.crypto_kek_passphrase: must be where a secret comes from (its value is not shown); write "
            "ExistingSecret(name, key)"
        ),
    ),
    "passphrase as None": (
        lambda: props(crypto_kek_passphrase=None),
        (
            "MlflowProps.crypto_kek_passphrase: must be where a secret comes from (got None); write "
            "ExistingSecret(name, key)"
        ),
    ),
    "inline password that nobody allowed": (
        lambda: on_postgresql(backend_store=postgresql(password=InlineSecret("hunter2"))),
        (
            "InlineSecret: the backend-store-password would stand in the synthesized file for all to read (its "
            "value is not shown); use ExistingSecret(name, key), or say MlflowProps.allow_inline_secrets=True"
        ),
    ),
    "inline secret with a line break": (
        lambda: props(crypto_kek_passphrase=InlineSecret("hunter2\n"), allow_inline_secrets=True),
        (
            "MlflowProps.crypto_kek_passphrase.value: must be one line of text, and not empty (its value is not "
            "shown); leave out line breaks and control characters"
        ),
    ),
    "inline secret that is empty": (
        lambda: props(crypto_kek_passphrase=InlineSecret(""), allow_inline_secrets=True),
        (
            "MlflowProps.crypto_kek_passphrase.value: must be one line of text, and not empty (its value is not "
            "shown); leave out line breaks and control characters"
        ),
    ),
    "inline secret of bytes": (
        lambda: props(crypto_kek_passphrase=InlineSecret(b"hunter2"), allow_inline_secrets=True),
        "MlflowProps.crypto_kek_passphrase.value: must be text (its value is not shown); write text",
    ),
    "generated database password": (
        lambda: on_postgresql(backend_store=postgresql(password=GeneratedSecret())),
        (
            "GeneratedSecret: whoever checks the backend-store-password would not know a generated one (got "
            "GeneratedSecret()); use ExistingSecret(name, key)"
        ),
    ),
    "Secret in capitals": (
        lambda: props(crypto_kek_passphrase=ExistingSecret("Keys", "kek")),
        (
            "MlflowProps.crypto_kek_passphrase.name: must be a Kubernetes object name (got 'Keys'); write "
            'lower-case letters, digits, "-" and "."'
        ),
    ),
    "Secret key with a slash": (
        lambda: props(crypto_kek_passphrase=ExistingSecret("keys", "kek/1")),
        (
            "MlflowProps.crypto_kek_passphrase.key: must be a key of a Secret (got 'kek/1'); write letters, "
            'digits, "-", "_" and "."'
        ),
    ),
    "vault entry that is empty": (
        lambda: props(crypto_kek_passphrase=ExternalSecret(store_name="vault", remote_key="")),
        (
            "MlflowProps.crypto_kek_passphrase.remote_key: must be one line of text, and not empty (got ''); leave "
            "out line breaks and control characters"
        ),
    ),
    "vault of another kind": (
        lambda: props(crypto_kek_passphrase=ExternalSecret(store_name="vault", remote_key="a", store_kind="Vault")),
        (
            "MlflowProps.crypto_kek_passphrase.store_kind: must be 'SecretStore' or 'ClusterSecretStore' (got "
            "'Vault'); write 'SecretStore'"
        ),
    ),
    "password in a URL": (
        lambda: props(public_url="https://admin:hunter2@mlflow.example.com"),
        (
            "MlflowProps.public_url: must be an http or https URL without credentials (got "
            "'https://***@mlflow.example.com'); write one such as \"https://mlflow.example.com\""
        ),
    ),
    "password in an endpoint": (
        lambda: on_postgresql(artifact_store=S3(bucket="mlflow", endpoint_url="http://key:hunter2@minio:9000")),
        (
            "MlflowProps.artifact_store.endpoint_url: must be an http or https URL without credentials (got "
            "'http://***@minio:9000'); write one such as \"https://mlflow.example.com\""
        ),
    ),
    "password in an artifact URI": (
        lambda: on_postgresql(artifact_store=ArtifactUri(uri="s3://key:hunter2@mlflow")),
        (
            "MlflowProps.artifact_store.uri: must be a URI with a scheme and without credentials (got "
            "'s3://***@mlflow'); write one such as \"gs://bucket/path\"; for a path in the pod use ArtifactVolume"
        ),
    ),
    "password in a host": (
        lambda: on_postgresql(backend_store=postgresql(host="postgresql://mlflow:hunter2@db")),
        (
            "MlflowProps.backend_store.host: must be a host name or an IP address (got 'postgresql://***@db'); "
            'write it without scheme and port, such as "db.example.com"'
        ),
    ),
    # --- doors
    "service port 0": (
        lambda: props(service=ClusterIP(port=0)),
        "MlflowProps.service.port: must be a port number (got 0); write one from 1 to 65535",
    ),
    "service port as text": (
        lambda: props(service=ClusterIP(port="5000")),
        "MlflowProps.service.port: must be a whole number (got '5000'); write 5000, without quotes",
    ),
    "node port below its range": (
        lambda: props(service=NodePort(node_port=5000)),
        "MlflowProps.service.node_port: must be a node port (got 5000); write one from 30000 to 32767, or None",
    ),
    "node port above its range": (
        lambda: props(service=LoadBalancer(node_port=32768)),
        "MlflowProps.service.node_port: must be a node port (got 32768); write one from 30000 to 32767, or None",
    ),
    "service as text": (
        lambda: props(service="NodePort"),
        (
            "MlflowProps.service: must be ClusterIP or Headless or NodePort or LoadBalancer (got 'NodePort'); write "
            "ClusterIP(...)"
        ),
    ),
    "source range without prefix": (
        lambda: props(service=LoadBalancer(source_ranges=["192.0.2.1"])),
        (
            "MlflowProps.service.source_ranges[0]: must be a network in CIDR notation (got '192.0.2.1'); write one "
            'such as "10.0.0.0/8", with no host bits set'
        ),
    ),
    "source range with host bits": (
        lambda: props(service=NodePort(source_ranges=["192.0.2.1/24"])),
        (
            "MlflowProps.service.source_ranges[0]: must be a network in CIDR notation (got '192.0.2.1/24'); write "
            'one such as "10.0.0.0/8", with no host bits set'
        ),
    ),
    "source ranges without a network policy": (
        lambda: props(service=NodePort(source_ranges=["192.0.2.0/24"]), network_policy=None),
        (
            "NodePort.source_ranges: nothing would enforce them inside the cluster (got ('192.0.2.0/24',) and "
            "network_policy=None); keep the network policy"
        ),
    ),
    "no host": (
        lambda: props(exposure=Ingress(hosts=[])),
        ('MlflowProps.exposure[0]: hosts must not be empty (got ()); write at least one, such as "mlflow.example.com"'),
    ),
    "host with scheme": (
        lambda: props(exposure=Ingress(hosts=["https://mlflow.example.com"])),
        (
            "MlflowProps.exposure[0].hosts[0].host: must be a DNS name (got 'https://mlflow.example.com'); write one "
            'such as "mlflow.example.com", without scheme, port and path'
        ),
    ),
    "host with port": (
        lambda: props(exposure=Ingress(hosts=["mlflow.example.com:443"])),
        (
            "MlflowProps.exposure[0].hosts[0].host: must be a DNS name (got 'mlflow.example.com:443'); write one such "
            'as "mlflow.example.com", without scheme, port and path'
        ),
    ),
    "host with path": (
        lambda: props(exposure=Ingress(hosts=["mlflow.example.com/mlflow"])),
        (
            "MlflowProps.exposure[0].hosts[0].host: must be a DNS name (got 'mlflow.example.com/mlflow'); write one "
            'such as "mlflow.example.com", without scheme, port and path'
        ),
    ),
    "host in capitals": (
        lambda: props(exposure=Ingress(hosts=["MLflow.example.com"])),
        (
            "MlflowProps.exposure[0].hosts[0].host: must be a DNS name (got 'MLflow.example.com'); write one such as "
            '"mlflow.example.com", without scheme, port and path'
        ),
    ),
    "host in Unicode": (
        lambda: props(exposure=Ingress(hosts=["mlflöw.example.com"])),
        (
            "MlflowProps.exposure[0].hosts[0].host: must be a DNS name (got 'mlflöw.example.com'); write one such as "
            '"mlflow.example.com", without scheme, port and path'
        ),
    ),
    "host without a dot": (
        lambda: props(exposure=Ingress(hosts=["mlflow"])),
        (
            "MlflowProps.exposure[0].hosts[0].host: must be a DNS name (got 'mlflow'); write one such as "
            '"mlflow.example.com", without scheme, port and path'
        ),
    ),
    "host that is an address": (
        lambda: props(exposure=Ingress(hosts=["192.0.2.1"])),
        (
            "MlflowProps.exposure[0].hosts[0].host: must be a DNS name (got '192.0.2.1'); write one such as "
            '"mlflow.example.com", without scheme, port and path'
        ),
    ),
    "host with two wildcards": (
        lambda: props(exposure=Ingress(hosts=["*.*.example.com"])),
        (
            "MlflowProps.exposure[0].hosts[0].host: must be a DNS name (got '*.*.example.com'); write one such as "
            '"mlflow.example.com", without scheme, port and path'
        ),
    ),
    "hosts as text": (
        lambda: props(exposure=Ingress(hosts="mlflow.example.com")),
        (
            "MlflowProps.exposure[0].hosts: must be a list of IngressHost (got 'mlflow.example.com'); write "
            "[IngressHost('mlflow.example.com')]"
        ),
    ),
    "hosts as None": (
        lambda: props(exposure=Ingress(hosts=None)),
        "MlflowProps.exposure[0].hosts: must be a list of IngressHost (got None); write [IngressHost(...)]",
    ),
    "hosts as a set": (
        lambda: props(exposure=Ingress(hosts={"mlflow.example.com"})),
        (
            "MlflowProps.exposure[0].hosts: must be a list of IngressHost (got {'mlflow.example.com'}); write "
            "[IngressHost(...)]"
        ),
    ),
    "host and path twice": (
        lambda: props(exposure=Ingress(hosts=["mlflow.example.com", "mlflow.example.com"])),
        (
            "MlflowProps.exposure[0]: a path of a host stands there more than once (got '/' of 'mlflow.example.com'); "
            "keep one of them"
        ),
    ),
    "host without a path": (
        lambda: props(exposure=Ingress(hosts=[IngressHost("mlflow.example.com", [])])),
        "MlflowProps.exposure[0].hosts[0]: paths must not be empty (got ()); write [IngressPath()] for the root",
    ),
    "every host, and none that MLflow knows": (
        lambda: props(exposure=Ingress(hosts=[IngressHost(None)])),
        (
            "Ingress.hosts: a rule without host answers every name, and MLflow refuses names that it does not know "
            "(got host=None and no allowed_hosts); name the host, or list the names in MlflowProps.allowed_hosts"
        ),
    ),
    "path without a slash": (
        lambda: props(exposure=Ingress(hosts=[IngressHost("mlflow.example.com", [IngressPath("mlflow")])])),
        (
            "MlflowProps.exposure[0].hosts[0].paths[0].path: must be a URL path (got 'mlflow'); write one that starts "
            'with "/"'
        ),
    ),
    "path of another kind": (
        lambda: props(exposure=Ingress(hosts=[IngressHost("mlflow.example.com", [IngressPath("/", "Regex")])])),
        (
            "MlflowProps.exposure[0].hosts[0].paths[0].path_type: must be 'Prefix' or 'Exact' or "
            "'ImplementationSpecific' (got 'Regex'); write 'Prefix'"
        ),
    ),
    "path to a Service with a dot": (
        lambda: props(exposure=Ingress(hosts=[IngressHost("mlflow.example.com", [IngressPath(service_name="a.b")])])),
        (
            "MlflowProps.exposure[0].hosts[0].paths[0].service_name: must be the name of a Service (got 'a.b'); write "
            'lower-case letters, digits and "-", with a letter at the start'
        ),
    ),
    "path to a long port name": (
        lambda: props(
            exposure=Ingress(hosts=[IngressHost("mlflow.example.com", [IngressPath(service_port="p" * 16)])])
        ),
        (
            "MlflowProps.exposure[0].hosts[0].paths[0].service_port: must be the name of a port, at most 15 "
            'characters long (got \'pppppppppppppppp\'); write lower-case letters, digits and "-", such as "http"'
        ),
    ),
    "certificate for nothing": (
        lambda: props(
            exposure=Ingress(hosts=[IngressHost(None)], tls=[IngressTls()]), allowed_hosts=["mlflow.example.com"]
        ),
        (
            "MlflowProps.exposure[0]: tls names neither a Secret nor a host (got IngressTls()); write "
            "IngressTls(secret_name=...)"
        ),
    ),
    "issuer without a Secret": (
        lambda: props(exposure=Ingress(hosts=["mlflow.example.com"], issuer=CertManagerIssuer("inner"))),
        (
            "MlflowProps.exposure[0]: issuer makes certificates for the Secrets of tls, and there is none (got "
            "CertManagerIssuer(name='inner', kind='ClusterIssuer')); write tls=[IngressTls(secret_name=...)]"
        ),
    ),
    "controller as text": (
        lambda: props(exposure=Ingress(hosts=["mlflow.example.com"], controller="traefik")),
        (
            "MlflowProps.exposure[0].controller: must be a controller of Ingresses or None (got 'traefik'); write "
            "IngressNginx(), Traefik() or AwsLoadBalancer()"
        ),
    ),
    "load balancer that waits too long": (
        lambda: props(
            exposure=Ingress(
                hosts=["mlflow.example.com"], controller=AwsLoadBalancer(idle_timeout=timedelta(seconds=4001))
            )
        ),
        ("MlflowProps.exposure[0].controller: idle_timeout must be 1 to 4000 seconds (got 4001 s); AWS takes no other"),
    ),
    "ranges behind a policy that hides them": (
        lambda: props(service=NodePort(source_ranges=["192.0.2.0/24"], external_traffic_policy="Cluster")),
        (
            "MlflowProps.service: source_ranges cannot be told behind external_traffic_policy, which hides the "
            "caller's address (got 'Cluster'); leave it out"
        ),
    ),
    "load balancer of a class with blanks": (
        lambda: props(service=LoadBalancer(load_balancer_class="my balancer")),
        (
            "MlflowProps.service.load_balancer_class: must be a label or annotation key (got 'my balancer'); write one "
            'such as "example.com/name"'
        ),
    ),
    "route without a host": (
        lambda: props(exposure=HttpRoute(hostnames=[], parents=[ParentReference(name="public")])),
        (
            "MlflowProps.exposure[0]: hostnames must not be empty (got ()); write at least one, such as "
            '["mlflow.example.com"]'
        ),
    ),
    "route without a Gateway": (
        lambda: props(exposure=route(parents=[])),
        "MlflowProps.exposure[0]: parents must not be empty (got ()); write [ParentReference(name=...)]",
    ),
    "route to a host with a scheme": (
        lambda: props(exposure=route(hostnames=["https://mlflow.example.com"])),
        (
            "MlflowProps.exposure[0].hostnames[0]: must be a DNS name (got 'https://mlflow.example.com'); write one "
            'such as "mlflow.example.com", without scheme, port and path'
        ),
    ),
    "route with an attempt longer than the whole": (
        lambda: props(
            exposure=route(request_timeout=timedelta(minutes=1), backend_request_timeout=timedelta(minutes=2))
        ),
        (
            "MlflowProps.exposure[0]: backend_request_timeout is longer than request_timeout (got 120 s and 60 s); "
            "lower it"
        ),
    ),
    "route that names a Gateway twice": (
        lambda: props(
            exposure=route(parents=[ParentReference(name="public"), ParentReference(name="public", section_name="a")])
        ),
        (
            "MlflowProps.exposure[0]: a Gateway is named more than once (got 'public'); name another section_name or "
            "port each time"
        ),
    ),
    "route that redirects its own listener": (
        lambda: props(exposure=route(redirected=[ParentReference(name="public")])),
        (
            "MlflowProps.exposure[0]: a listener serves, or redirects (got ParentReference(name='public', "
            "namespace=None, section_name=None, port=None) as both); name the section_name of each"
        ),
    ),
    "route that redirects to a scheme that it does not serve": (
        lambda: props(exposure=route(scheme="http", redirected=[ParentReference(name="public", section_name="http")])),
        ("MlflowProps.exposure[0]: redirected sends people to https, and scheme is 'http'; leave one of them out"),
    ),
    "route with a filter that redirects": (
        lambda: props(exposure=route(filters=[{"type": "RequestRedirect", "requestRedirect": {"scheme": "https"}}])),
        (
            "MlflowProps.exposure[0]: filters has a RequestRedirect; a route that redirects has no server behind it: "
            "write redirected=[ParentReference(...)]"
        ),
    ),
    "route with a filter that rewrites": (
        lambda: props(exposure=route(filters=[{"type": "URLRewrite", "urlRewrite": {"hostname": "x"}}])),
        (
            "MlflowProps.exposure[0]: filters has a URLRewrite; MLflow must see its own paths: use "
            "MlflowProps.static_prefix"
        ),
    ),
    "TLS in the pod behind a route": (
        lambda: props(exposure=route(), tls=TlsSecret(secret_name="mlflow-server")),
        (
            "HttpRoute: a gateway speaks plain HTTP to what is behind it (got MlflowProps.tls); leave tls out, or use "
            "an Ingress with a controller"
        ),
    ),
    "TLS in the pod behind an unknown controller": (
        lambda: props(exposure=Ingress(hosts=["mlflow.example.com"]), tls=TlsSecret(secret_name="mlflow-server")),
        (
            "Ingress.controller: how the controller is told that the pods speak TLS differs (got None and "
            "MlflowProps.tls); write IngressNginx(), Traefik() or AwsLoadBalancer()"
        ),
    ),
    "authority under a key that Traefik does not read": (
        lambda: props(
            exposure=Ingress(hosts=["mlflow.example.com"], controller=Traefik()),
            tls=TlsSecret(secret_name="mlflow-server", ca=SecretKey("company", "root.pem")),
        ),
        ("TlsSecret.ca: Traefik reads authorities only from a key ca.crt (got 'root.pem'); keep it under that key"),
    ),
    "certificate for less than an hour": (
        lambda: props(
            tls=CertManagerTls(issuer_name="inner", duration=timedelta(minutes=30), renew_before=timedelta(minutes=10))
        ),
        ("MlflowProps.tls: duration must be an hour or more (got 0:30:00); cert-manager makes none for less"),
    ),
    "certificate that is renewed too late": (
        lambda: props(tls=CertManagerTls(issuer_name="inner", renew_before=timedelta(minutes=1))),
        "MlflowProps.tls: renew_before must be five minutes or more (got 0:01:00); raise it",
    ),
    "certificate that is renewed before it is made": (
        lambda: props(tls=CertManagerTls(issuer_name="inner", renew_before=timedelta(days=90))),
        (
            "MlflowProps.tls: renew_before must be shorter than duration (got 90 days, 0:00:00 and 90 days, 0:00:00); "
            "lower it"
        ),
    ),
    "TLS as text": (
        lambda: props(tls="mlflow-tls"),
        (
            "MlflowProps.tls: must be where the certificate comes from or None (got 'mlflow-tls'); write "
            "TlsSecret(secret_name=...)"
        ),
    ),
    "prefix that everybody may see": (
        lambda: props(authentication=BasicAuth(), static_prefix="/static-tools"),
        (
            "MlflowProps.static_prefix: MLflow lets everybody in whose path begins with /static or /favicon.ico or "
            "/health (got '/static-tools'); choose another one"
        ),
    ),
    "certificate as text": (
        lambda: props(exposure=Ingress(hosts=["mlflow.example.com"], tls="mlflow-tls")),
        "MlflowProps.exposure[0].tls: must be a list of IngressTls (got 'mlflow-tls'); write [IngressTls(...)]",
    ),
    "public URL without scheme": (
        lambda: props(public_url="mlflow.example.com"),
        (
            "MlflowProps.public_url: must be an http or https URL without credentials (got 'mlflow.example.com'); "
            'write one such as "https://mlflow.example.com"'
        ),
    ),
    "public URL with a query": (
        lambda: props(public_url="https://mlflow.example.com/?x=y"),
        (
            "MlflowProps.public_url: must be an http or https URL without credentials (got "
            "'https://mlflow.example.com/?x=y'); write one such as \"https://mlflow.example.com\""
        ),
    ),
    "public URL with a line break": (
        lambda: props(public_url="https://mlflow.example.com\n"),
        (
            "MlflowProps.public_url: must be an http or https URL without credentials (got "
            "'https://mlflow.example.com\\n'); write one such as \"https://mlflow.example.com\""
        ),
    ),
    "prefix without a slash": (
        lambda: props(static_prefix="mlflow"),
        (
            'MlflowProps.static_prefix: must be a URL prefix (got \'mlflow\'); write one such as "/mlflow": "/" at '
            "the start and none at the end"
        ),
    ),
    "prefix with a slash at its end": (
        lambda: props(static_prefix="/mlflow/"),
        (
            'MlflowProps.static_prefix: must be a URL prefix (got \'/mlflow/\'); write one such as "/mlflow": "/" '
            "at the start and none at the end"
        ),
    ),
    "prefix that is the root": (
        lambda: props(static_prefix="/"),
        (
            'MlflowProps.static_prefix: must be a URL prefix (got \'/\'); write one such as "/mlflow": "/" at the '
            "start and none at the end"
        ),
    ),
    "prefix with a blank": (
        lambda: props(static_prefix="/ml flow"),
        (
            'MlflowProps.static_prefix: must be a URL prefix (got \'/ml flow\'); write one such as "/mlflow": "/" '
            "at the start and none at the end"
        ),
    ),
    "prefix that goes up": (
        lambda: props(static_prefix="/mlflow/.."),
        (
            "MlflowProps.static_prefix: must be a URL prefix (got '/mlflow/..'); write one such as \"/mlflow\": "
            '"/" at the start and none at the end'
        ),
    ),
    "every host allowed": (
        lambda: props(allowed_hosts=["*"]),
        (
            "MlflowProps.allowed_hosts[0]: must be a value of the Host header, or a pattern narrower than * (got "
            '\'*\'); write one such as "mlflow.example.com:*"; "*" would switch MLflow\'s DNS rebinding protection '
            "off"
        ),
    ),
    "every host allowed twice": (
        lambda: props(allowed_hosts=["**"]),
        (
            "MlflowProps.allowed_hosts[0]: must be a value of the Host header, or a pattern narrower than * (got "
            '\'**\'); write one such as "mlflow.example.com:*"; "*" would switch MLflow\'s DNS rebinding '
            "protection off"
        ),
    ),
    "every host of any port allowed": (
        lambda: props(allowed_hosts=["*:*"]),
        (
            "MlflowProps.allowed_hosts[0]: must be a value of the Host header, or a pattern narrower than * (got "
            '\'*:*\'); write one such as "mlflow.example.com:*"; "*" would switch MLflow\'s DNS rebinding '
            "protection off"
        ),
    ),
    "allowed host with scheme": (
        lambda: props(allowed_hosts=["https://mlflow.example.com"]),
        (
            "MlflowProps.allowed_hosts[0]: must be a value of the Host header, or a pattern narrower than * (got "
            '\'https://mlflow.example.com\'); write one such as "mlflow.example.com:*"; "*" would switch MLflow\'s '
            "DNS rebinding protection off"
        ),
    ),
    "allowed hosts in one text": (
        lambda: props(allowed_hosts=["a.example.com,b.example.com"]),
        (
            "MlflowProps.allowed_hosts[0]: must be a value of the Host header, or a pattern narrower than * (got "
            '\'a.example.com,b.example.com\'); write one such as "mlflow.example.com:*"; "*" would switch '
            "MLflow's DNS rebinding protection off"
        ),
    ),
    "every origin allowed": (
        lambda: props(cors_allowed_origins=["*"]),
        (
            "MlflowProps.cors_allowed_origins[0]: must be an origin: scheme, host and port only (got '*'); write "
            'one such as "https://mlflow.example.com"'
        ),
    ),
    "origin without scheme": (
        lambda: props(cors_allowed_origins=["mlflow.example.com"]),
        (
            "MlflowProps.cors_allowed_origins[0]: must be an origin: scheme, host and port only (got "
            "'mlflow.example.com'); write one such as \"https://mlflow.example.com\""
        ),
    ),
    "origin with a slash": (
        lambda: props(cors_allowed_origins=["https://mlflow.example.com/"]),
        (
            "MlflowProps.cors_allowed_origins[0]: must be an origin: scheme, host and port only (got "
            "'https://mlflow.example.com/'); write one such as \"https://mlflow.example.com\""
        ),
    ),
    "origin with a question mark": (
        lambda: props(cors_allowed_origins=["https://mlflow.example.com?"]),
        (
            "MlflowProps.cors_allowed_origins[0]: must be an origin: scheme, host and port only (got "
            "'https://mlflow.example.com?'); write one such as \"https://mlflow.example.com\""
        ),
    ),
    "proxy network with a mask": (
        lambda: props(trusted_proxies=["10.0.0.0/255.0.0.0"]),
        (
            "MlflowProps.trusted_proxies[0]: must be a network in CIDR notation (got '10.0.0.0/255.0.0.0'); write "
            'one such as "10.0.0.0/8", with no host bits set'
        ),
    ),
    "proxy that is a name": (
        lambda: props(trusted_proxies=["ingress.example.com"]),
        (
            "MlflowProps.trusted_proxies[0]: must be a network in CIDR notation (got 'ingress.example.com'); write "
            'one such as "10.0.0.0/8", with no host bits set'
        ),
    ),
    # --- network
    "client network with a mask": (
        lambda: props(network_policy=NetworkPolicy(clients=[CidrPeer("10.0.0.0/255.0.0.0")])),
        (
            "MlflowProps.network_policy.clients[0].cidr: must be a network in CIDR notation (got "
            "'10.0.0.0/255.0.0.0'); write one such as \"10.0.0.0/8\", with no host bits set"
        ),
    ),
    "client network with a hole elsewhere": (
        lambda: props(network_policy=NetworkPolicy(clients=[CidrPeer("10.0.0.0/8", ["192.168.0.0/16"])])),
        (
            "MlflowProps.network_policy.clients[0]: except_ must lie inside cidr (got '192.168.0.0/16' and "
            "'10.0.0.0/8'); leave it out"
        ),
    ),
    "client as text": (
        lambda: props(network_policy=NetworkPolicy(clients=["training"])),
        (
            "MlflowProps.network_policy.clients[0]: must be NamespacePeer or PodPeer or CidrPeer (got 'training'); "
            "write NamespacePeer(...)"
        ),
    ),
    "client namespace in capitals": (
        lambda: props(network_policy=NetworkPolicy(clients=[NamespacePeer("Training")])),
        (
            "MlflowProps.network_policy.clients[0].name: must be a Kubernetes object name (got 'Training'); write "
            'lower-case letters, digits, "-" and "."'
        ),
    ),
    "client pods with a wrong label": (
        lambda: props(network_policy=NetworkPolicy(clients=[PodPeer(match_labels={"a b": "c"})])),
        (
            "MlflowProps.network_policy.clients[0].match_labels key: must be a label or annotation key (got 'a "
            'b\'); write one such as "example.com/name"'
        ),
    ),
    "way out to port 0": (
        lambda: props(network_policy=NetworkPolicy(egress=[Endpoint(port=0)])),
        "MlflowProps.network_policy.egress[0].port: must be a port number (got 0); write one from 1 to 65535",
    ),
    "network policy as a flag": (
        lambda: props(network_policy=False),
        "MlflowProps.network_policy: must be NetworkPolicy or None (got False); write NetworkPolicy(...)",
    ),
    "database behind text": (
        lambda: on_postgresql(backend_store=postgresql(network_peer="databases")),
        (
            "MlflowProps.backend_store.network_peer: must be NamespacePeer or PodPeer or CidrPeer or None (got "
            "'databases'); write NamespacePeer(...)"
        ),
    ),
    # --- the pod's knobs
    "request with exponent": (
        lambda: props(resources={"requests": {"memory": "1e3"}}),
        (
            "MlflowProps.resources.requests['memory']: must be a Kubernetes quantity above zero (got '1e3'); write "
            'one such as "10Gi", "512Mi" or "250m"'
        ),
    ),
    "request that is no amount": (
        lambda: props(resources={"requests": {"memory": "lots"}}),
        (
            "MlflowProps.resources.requests['memory']: must be a Kubernetes quantity above zero (got 'lots'); "
            'write one such as "10Gi", "512Mi" or "250m"'
        ),
    ),
    "request as a number": (
        lambda: props(resources={"requests": {"cpu": 1}}),
        "MlflowProps.resources.requests['cpu']: must be text (got 1); write \"1\", in quotes",
    ),
    "request above the limit": (
        lambda: props(resources={"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}),
        (
            "MlflowProps.resources: more memory is requested than the limit allows (got '2Gi' and '1Gi'); raise "
            "the limit or lower the request"
        ),
    ),
    "resources with a wrong key": (
        lambda: props(resources={"request": {"memory": "1Gi"}}),
        ("MlflowProps.resources: unknown key (got 'request'); did you mean 'requests'? known are limits, requests"),
    ),
    "resources as text": (
        lambda: props(resources="1Gi"),
        "MlflowProps.resources: must be a mapping or None (got '1Gi'); write {...}",
    ),
    "delay as a number": (
        lambda: props(pre_stop_delay=10),
        "MlflowProps.pre_stop_delay: must be a time (got 10); write timedelta(seconds=...)",
    ),
    "delay below zero": (
        lambda: props(pre_stop_delay=timedelta(seconds=-1)),
        "MlflowProps.pre_stop_delay: must not be negative (got -1 s); write timedelta(seconds=0) or more",
    ),
    "graceful stop as text": (
        lambda: props(graceful_shutdown_timeout="60s"),
        "MlflowProps.graceful_shutdown_timeout: must be a time (got '60s'); write timedelta(seconds=...)",
    ),
    "patience below zero": (
        lambda: props(migration=Migration(database_wait=timedelta(minutes=-5))),
        ("MlflowProps.migration.database_wait: must not be negative (got -300 s); write timedelta(seconds=0) or more"),
    ),
    "migration as a flag": (
        lambda: props(migration=True),
        "MlflowProps.migration: must be Migration or None (got True); write Migration(...)",
    ),
    "argument with dashes": (
        lambda: props(extra_args={"--x-frame-options": "DENY"}),
        (
            "MlflowProps.extra_args key: must be a flag of `mlflow server` without its dashes (got "
            "'--x-frame-options'); write one such as \"x-frame-options\""
        ),
    ),
    "argument with an underscore": (
        lambda: props(extra_args={"x_frame_options": "DENY"}),
        (
            "MlflowProps.extra_args key: must be a flag of `mlflow server` without its dashes (got "
            "'x_frame_options'); write one such as \"x-frame-options\""
        ),
    ),
    "argument of a prop": (
        lambda: props(extra_args={"backend-store-uri": "sqlite:///x.db"}),
        (
            "MlflowProps.extra_args: the construct writes --backend-store-uri itself (got 'backend-store-uri'); "
            "use backend_store instead"
        ),
    ),
    "argument of the address": (
        lambda: props(extra_args={"host": "127.0.0.1"}),
        (
            "MlflowProps.extra_args: --host is refused (got 'host'); pods listen on 0.0.0.0, and the network "
            "policy says who may connect"
        ),
    ),
    "argument of the port": (
        lambda: props(extra_args={"port": 80}),
        "MlflowProps.extra_args: the construct writes --port itself (got 'port'); use service instead",
    ),
    "argument that reloads": (
        lambda: props(extra_args={"dev": True}),
        "MlflowProps.extra_args: --dev is refused (got 'dev'); it reloads code and is not for a cluster",
    ),
    "argument that opens a hole": (
        lambda: props(extra_args={"disable-security-middleware": True}),
        (
            "MlflowProps.extra_args: --disable-security-middleware is refused (got 'disable-security-middleware'); "
            "it switches off the protection against DNS rebinding; use allowed_hosts"
        ),
    ),
    "argument that is absent": (
        lambda: props(extra_args={"trace-rollups": False}),
        "MlflowProps.extra_args: a flag is there or not (got 'trace-rollups': False); leave it out",
    ),
    "argument as a list": (
        lambda: props(extra_args=["--dev"]),
        "MlflowProps.extra_args: must be a mapping (got ['--dev']); write {...}",
    ),
    "argument of None": (
        lambda: props(extra_args={"app-name": None}),
        (
            "MlflowProps.extra_args['app-name']: must be text or a whole number or a number or True or False (got "
            "None); write True or False"
        ),
    ),
    "variable twice": (
        lambda: props(extra_env=[{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]),
        "MlflowProps.extra_env: stands there more than once (got 'A'); keep one of them",
    ),
    "variable of ours": (
        lambda: props(extra_env=[{"name": "MLFLOW_WORKERS", "value": "4"}]),
        (
            "MlflowProps.extra_env: the construct sets MLFLOW_WORKERS itself (its value is not shown); use the "
            "prop that stands for it, or leave it out"
        ),
    ),
    "variable with a dash": (
        lambda: props(extra_env=[{"name": "MY-NAME", "value": "1"}]),
        (
            "MlflowProps.extra_env[0].name: must be the name of an environment variable (its value is not shown); "
            'write letters, digits and "_"'
        ),
    ),
    "variable without name": (
        lambda: props(extra_env=[{"value": "1"}]),
        "MlflowProps.extra_env[0]: the key 'name' is missing (got 'value'); add it",
    ),
    "variable with a number": (
        lambda: props(extra_env=[{"name": "A", "value": 1}]),
        'MlflowProps.extra_env[0].value: must be text (its value is not shown); write "1", in quotes',
    ),
    "variable with both": (
        lambda: props(
            extra_env=[{"name": "A", "value": "1", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}]
        ),
        ("MlflowProps.extra_env[0]: exactly one of value or valueFrom must be there (got value, valueFrom); keep one"),
    ),
    "variable from nowhere": (
        lambda: props(extra_env=[{"name": "A", "valueFrom": {}}]),
        (
            "MlflowProps.extra_env[0].valueFrom: exactly one of secretKeyRef, configMapKeyRef, fieldRef or "
            "resourceFieldRef must be there (got none); keep one"
        ),
    ),
    "variable from a misspelt Secret": (
        lambda: props(
            extra_env=[{"name": "A", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b", "optonal": True}}}]
        ),
        (
            "MlflowProps.extra_env[0].valueFrom.secretKeyRef: unknown key (got 'optonal'); did you mean "
            "'optional'? known are key, name, optional"
        ),
    ),
    "variable from a Secret without key": (
        lambda: props(extra_env=[{"name": "A", "valueFrom": {"secretKeyRef": {"name": "a"}}}]),
        "MlflowProps.extra_env[0].valueFrom.secretKeyRef: the key 'key' is missing (got 'name'); add it",
    ),
    "variables as a mapping": (
        lambda: props(extra_env={"A": "1"}),
        "MlflowProps.extra_env: must be a list of mappings (its value is not shown); write [{...}]",
    ),
    "variables as text": (
        lambda: props(extra_env="A=1"),
        "MlflowProps.extra_env: must be a list of mappings (its value is not shown); write [{...}]",
    ),
    "all variables from nowhere": (
        lambda: props(env_from=[{}]),
        "MlflowProps.env_from[0]: exactly one of configMapRef or secretRef must be there (got none); keep one",
    ),
    "all variables from two places": (
        lambda: props(env_from=[{"configMapRef": {"name": "a"}, "secretRef": {"name": "a"}}]),
        (
            "MlflowProps.env_from[0]: exactly one of configMapRef or secretRef must be there (got configMapRef, "
            "secretRef); keep one"
        ),
    ),
    "annotation of a number": (
        lambda: props(pod_annotations={"example.com/retries": 3}),
        "MlflowProps.pod_annotations['example.com/retries']: must be text (got 3); write \"3\", in quotes",
    ),
    "annotation with a blank": (
        lambda: props(pod_annotations={"my key": "x"}),
        (
            "MlflowProps.pod_annotations key: must be a label or annotation key (got 'my key'); write one such as "
            '"example.com/name"'
        ),
    ),
    "label of ours": (
        lambda: props(pod_labels={"app.kubernetes.io/component": "x"}),
        (
            "MlflowProps.pod_labels: app.kubernetes.io/component is part of the construct's own labels and "
            "selectors (got 'x'); choose a label of your own"
        ),
    ),
    "label with a blank": (
        lambda: props(pod_labels={"team": "ml platform"}),
        (
            "MlflowProps.pod_labels['team']: must be a label value (got 'ml platform'); write at most 63 letters, "
            'digits, "-", "_" and ".", with a letter or digit at both ends'
        ),
    ),
    "node label as a flag": (
        lambda: props(node_selector={"gpu": True}),
        "MlflowProps.node_selector['gpu']: must be text (got True); write \"True\", in quotes",
    ),
    "toleration with a wrong key": (
        lambda: props(tolerations=[{"kee": "gpu"}]),
        (
            "MlflowProps.tolerations[0]: unknown key (got 'kee'); did you mean 'key'? known are effect, key, "
            "operator, tolerationSeconds, value"
        ),
    ),
    "toleration of nothing": (
        lambda: props(tolerations=[{}]),
        (
            "MlflowProps.tolerations[0]: without a key it must tolerate everything (got {}); write {'operator': "
            "'Exists'}, or a key"
        ),
    ),
    "toleration with a wrong operator": (
        lambda: props(tolerations=[{"key": "gpu", "operator": "In"}]),
        "MlflowProps.tolerations[0].operator: must be 'Exists' or 'Equal' (got 'In'); write 'Exists'",
    ),
    "tolerations as a mapping": (
        lambda: props(tolerations={"key": "gpu"}),
        "MlflowProps.tolerations: must be a list of mappings (got {'key': 'gpu'}); write [{...}]",
    ),
    "affinity with a wrong key": (
        lambda: props(affinity={"nodeAffinty": {}}),
        (
            "MlflowProps.affinity: unknown key (got 'nodeAffinty'); did you mean 'nodeAffinity'? known are "
            "nodeAffinity, podAffinity, podAntiAffinity"
        ),
    ),
    "spread without its keys": (
        lambda: on_postgresql(topology_spread_constraints=[{"maxSkew": 1, "topologyKey": "zone"}]),
        (
            "MlflowProps.topology_spread_constraints[0]: the key 'whenUnsatisfiable' is missing (got 'maxSkew', "
            "'topologyKey'); add it"
        ),
    ),
    "pod security with a wrong key": (
        lambda: props(pod_security_context={"run_as_user": 1}),
        (
            "MlflowProps.pod_security_context: unknown key (got 'run_as_user'); did you mean 'runAsUser'? known "
            "are fsGroup, fsGroupChangePolicy, runAsGroup, runAsNonRoot, runAsUser, seLinuxOptions, "
            "seccompProfile, supplementalGroups, sysctls"
        ),
    ),
    "pod security with a flag as text": (
        lambda: props(pod_security_context={"runAsNonRoot": "true"}),
        "MlflowProps.pod_security_context.runAsNonRoot: must be True or False (got 'true'); write True or False",
    ),
    "security with a wrong profile": (
        lambda: props(security_context={"seccompProfile": {"type": "runtime/default"}}),
        (
            "MlflowProps.security_context.seccompProfile.type: must be 'RuntimeDefault' or 'Localhost' or "
            "'Unconfined' (got 'runtime/default'); write 'RuntimeDefault'"
        ),
    ),
    "metrics asked for all the time": (
        lambda: props(metrics=Metrics(monitor=ServiceMonitor(interval=timedelta(milliseconds=100)))),
        ("MlflowProps.metrics.monitor: interval must be a second or more (got 0.1 s); write timedelta(seconds=30)"),
    ),
    "a latency beyond what is counted": (
        lambda: props(metrics=Metrics(alerts=Alerts(latency=timedelta(minutes=1)))),
        ("MlflowProps.metrics.alerts: latency must be above 0 and at most 10 s (got 60 s); write timedelta(seconds=2)"),
    ),
    "an error ratio in percent": (
        lambda: props(metrics=Metrics(alerts=Alerts(error_ratio=5))),
        (
            "MlflowProps.metrics.alerts.error_ratio: must be a share between 0 and 1 (got 5); "
            "write one such as 0.05, for 5 %"
        ),
    ),
    "alerts as a flag": (
        lambda: props(metrics=Metrics(alerts=True)),
        "MlflowProps.metrics.alerts: must be Alerts or None (got True); write Alerts(...)",
    ),
    "an unknown format of logs": (
        lambda: props(logs=Logs(format="logfmt")),
        "MlflowProps.logs.format: must be 'text' or 'json' (got 'logfmt'); write 'text'",
    ),
    "a level of logs in small letters": (
        lambda: props(logs=Logs(level="debug")),
        (
            "MlflowProps.logs.level: must be 'DEBUG' or 'INFO' or 'WARNING' or 'ERROR' or 'CRITICAL' (got 'debug'); "
            "write 'DEBUG'"
        ),
    ),
    "a smoke test every now and then": (
        lambda: props(smoke_test=SmokeTest(schedule="@daily")),
        (
            "MlflowProps.smoke_test.schedule: must be five fields as cron has them (got '@daily'); write minute, hour, "
            'day of month, month, day of week, such as "17 3 * * *"'
        ),
    ),
    "metrics as a flag": (
        lambda: props(metrics=True),
        "MlflowProps.metrics: must be Metrics or None (got True); write Metrics(...)",
    ),
    "workers of none on a database": (
        lambda: on_postgresql(workers=0),
        "MlflowProps.workers: must be positive (got 0); write 1 or more",
    ),
    "password in a variable": (
        lambda: on_postgresql(extra_env=[{"name": "PGPASSWORD", "value": "hunter2"}]),
        (
            "MlflowProps.extra_env: the construct sets PGPASSWORD itself (its value is not shown); use the prop "
            "that stands for it, or leave it out"
        ),
    ),
    "password in variables of a wrong shape": (
        lambda: props(extra_env={"PASSWORD": "hunter2"}),
        "MlflowProps.extra_env: must be a list of mappings (its value is not shown); write [{...}]",
    ),
    "password in a variable without name": (
        lambda: props(extra_env=[{"value": "hunter2"}]),
        "MlflowProps.extra_env[0]: the key 'name' is missing (got 'value'); add it",
    ),
    "endpoint that is a name": (
        lambda: on_postgresql(artifact_store=S3(bucket="mlflow", endpoint_url="minio")),
        (
            "MlflowProps.artifact_store.endpoint_url: must be an http or https URL without credentials (got "
            "'minio'); write one such as \"https://mlflow.example.com\""
        ),
    ),
    # --- more stores
    "signed URLs of a volume": (
        lambda: on_postgresql(artifact_store=ArtifactVolume(), artifact_access=Presigned()),
        (
            "MlflowProps.artifact_access: MLflow signs no URLs for this artifact store (got "
            "Presigned(largest_artifact='500Mi', concurrent_transfers=4) and ArtifactVolume); use Proxied(), or "
            "S3, AzureBlob, or GCS with credentials"
        ),
    ),
    "artifacts only, without a place": (
        lambda: props(backend_store=None),
        (
            "MlflowProps.artifact_store: a server of artifacts only needs an artifact root beside it (got None); "
            "write artifact_store=S3(bucket=...), ArtifactUri(uri=...) or ArtifactVolume()"
        ),
    ),
    "artifacts only, direct": (
        lambda: props(backend_store=None, artifact_store=S3(bucket="mlflow"), artifact_access=Direct()),
        (
            "MlflowProps.artifact_access: a server of artifacts only must pass them (got Direct()); use Proxied() "
            "or Presigned()"
        ),
    ),
    "artifacts only, with a registry": (
        lambda: props(backend_store=None, artifact_store=S3(bucket="mlflow"), registry_store=POSTGRESQL),
        (
            "MlflowProps.registry_store: a server of artifacts only has no database (got backend_store=None); "
            "leave it out, or name a backend store"
        ),
    ),
    "migration of another engine": (
        lambda: on_postgresql(migration=Migration(backend_store=SQLite())),
        "Migration.backend_store: a file has no other credentials (got SQLite); leave it out",
    ),
    "migration of a registry that is not there": (
        lambda: on_postgresql(migration=Migration(registry_store=POSTGRESQL)),
        ("Migration.registry_store: there is nothing to migrate (got MlflowProps.registry_store=None); leave it out"),
    ),
    "more connections than the database has": (
        lambda: on_postgresql(workers=4, connection_pool=ConnectionPool(max_connections=50)),
        (
            "MlflowProps.connection_pool: 8 server processes (replicas and one more during a rollout, times "
            "workers) with 2 pools of 5 + 10 connections may open 240 (got max_connections=50); lower size, "
            "max_overflow, workers or replicas"
        ),
    ),
    "proxy beside a host elsewhere": (
        lambda: on_postgresql(
            backend_store=postgresql(proxy=CloudSqlProxy(instance="a:b:c")), kubernetes_version="1.29"
        ),
        (
            "MlflowProps.backend_store: the proxy listens in the pod, and host is elsewhere (got "
            "'db.example.com'); write host='127.0.0.1'"
        ),
    ),
    "proxy on an old Kubernetes": (
        lambda: on_postgresql(backend_store=postgresql(host="127.0.0.1", proxy=CloudSqlProxy(instance="a:b:c"))),
        (
            "MlflowProps.kubernetes_version: a part of these props needs Kubernetes 1.29 (got '1.27'); write "
            "kubernetes_version='1.29' if no cluster is older"
        ),
    ),
    "role beside a static key": (
        lambda: on_postgresql(service_account=ServiceAccount(annotations={"eks.amazonaws.com/role-arn": "arn"})),
        (
            "MlflowProps.artifact_store: static keys would shadow the role of the ServiceAccount (got credentials "
            "and the annotation 'eks.amazonaws.com/role-arn'); remove one of them"
        ),
    ),
    "authority that nobody names": (
        lambda: on_postgresql(backend_store=postgresql(tls=PostgreSQLTls(mode="verify-ca"))),
        (
            "MlflowProps.backend_store.tls: verify-ca needs an authority (got ca=None); write ca=SecretKey(name, "
            "'ca.crt'), or verify-full"
        ),
    ),
    "encryption named twice": (
        lambda: on_postgresql(
            artifact_store=S3(bucket="mlflow", kms_key_id="a", upload_extra_args={"SSEKMSKeyId": "b"})
        ),
        (
            "MlflowProps.artifact_store: upload_extra_args names the encryption that kms_key_id names already; "
            "keep one of them"
        ),
    ),
    "storage account with a dash": (
        lambda: on_postgresql(artifact_store=AzureBlob(storage_account="my-account", container="mlflow")),
        (
            "MlflowProps.artifact_store.storage_account: must be the name of a storage account (got 'my-account'); "
            "write 3 to 24 lower-case letters and digits"
        ),
    ),
    "engine that is none": (
        lambda: on_postgresql(backend_store=DatabaseUri(uri=ExistingSecret("db", "uri"), engine="oracle")),
        (
            "MlflowProps.backend_store.engine: must be 'postgresql' or 'mysql' or 'mssql' (got 'oracle'); write "
            "'postgresql'"
        ),
    ),
    "text that kubectl reads as a number": (
        lambda: props(object_annotations={"Service": {"example.com/mode": "0o17"}}),
        (
            "Mlflow: Service/mlflow.metadata.annotations.example.com/mode: kubectl would read it as a number "
            "(got '0o17'); write another text"
        ),
    ),
    "text with a line separator of Unicode": (
        lambda: props(object_annotations={"Service": {"example.com/note": "a\u2028b"}}),
        (
            "Mlflow: Service/mlflow.metadata.annotations.example.com/note: has a line separator of Unicode, which "
            "YAML cannot hold (got 'a\\u2028b'); write \\n, or none"
        ),
    ),
    "SQL name with a dash": (
        lambda: on_postgresql(backend_store=CloudNativePG(database="ml-flow")),
        (
            "MlflowProps.backend_store.database: must be a name that SQL needs no quotes for (got 'ml-flow'); "
            'write lower-case letters, digits and "_", such as "mlflow"'
        ),
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_rejects_a_wrong_input_with_exactly_this_message(wrong: str) -> None:
    """What is wrong, what was found, and what to write instead; never a secret: logs of CI are read by many."""
    make, failures = WRONG[wrong]
    with pytest.raises(InvalidProps) as refused:
        render(make())
    assert "\n".join(refused.value.failures) == failures
    assert "hunter2" not in str(refused.value)


def test_some_of_the_inputs_hold_a_secret() -> None:
    """Or the test above would say nothing."""
    assert sum("password" in wrong for wrong in WRONG) > 5


def test_rejects_everything_at_once() -> None:
    """Whoever mends a file sees all that is wrong in it."""
    with pytest.raises(InvalidProps) as refused:
        render(
            props(
                workers=0,
                service=ClusterIP(port=0),
                static_prefix="mlflow/",
                extra_args={"host": "x", "dev": True},
                scaling=FixedReplicas(2),
                resources={"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}},
            )
        )
    assert refused.value.subject == "Mlflow 'mlflow'"
    assert str(refused.value).startswith("Mlflow 'mlflow': 7 problems\n  MlflowProps.")
    assert len(refused.value.failures) == 7


def test_one_problem_is_no_problems() -> None:
    """The heading counts."""
    with pytest.raises(InvalidProps, match=r"^Mlflow 'mlflow': 1 problem\n"):
        render(props(workers=0))


def test_invalid_props_are_a_value_error() -> None:
    """For callers that know nothing of this package."""
    assert issubclass(InvalidProps, ValueError)


def test_rejects_what_are_no_props() -> None:
    """A mapping of them, for example."""
    with pytest.raises(InvalidProps, match="MlflowProps: must be MlflowProps"):
        render({"workers": 1})
