"""Representative props, one entry for each way to run a server; the suites run over all of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cdk8s_mlflow import (
    GCS,
    HDFS,
    S3,
    AiGateway,
    Alerts,
    ArtifactUri,
    ArtifactVolume,
    Autoscaling,
    AwsLoadBalancer,
    AzureAccessKey,
    AzureBlob,
    AzureConnectionString,
    Backup,
    BasicAuth,
    CertManagerIssuer,
    CertManagerTls,
    CidrPeer,
    ClientCredentials,
    CloudNativePG,
    CloudSqlProxy,
    ClusterIP,
    ConfigMapKey,
    ConnectionPool,
    CpuTrigger,
    CronTrigger,
    CustomAuth,
    Dashboard,
    DatabaseUri,
    Direct,
    DisruptionBudget,
    Endpoint,
    ExistingSecret,
    ExistingServiceAccount,
    ExistingVolumeClaim,
    ExternalSecret,
    FileStore,
    FixedReplicas,
    GarbageCollection,
    GroupSearch,
    Headless,
    HelmRelease,
    HttpProxy,
    HttpRoute,
    Image,
    InChartRedis,
    Ingress,
    IngressHost,
    IngressNginx,
    IngressPath,
    IngressTls,
    InlineSecret,
    JobExecution,
    KedaScaling,
    Kerberos,
    LdapAuth,
    LdapTls,
    LoadBalancer,
    Logs,
    MemberOf,
    Metrics,
    Migration,
    MlflowProps,
    MySQL,
    MySQLTls,
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
    PrometheusTrigger,
    Proxied,
    Redis,
    Reloader,
    S3Credentials,
    ScrapeAnnotations,
    SecretKey,
    ServiceAccount,
    ServiceMonitor,
    SidecarProxy,
    SmokeTest,
    SQLite,
    SQLServer,
    TlsSecret,
    TraceArchival,
    TraceRollups,
    Traefik,
    UserDn,
    UserSearch,
    VolumeClaim,
    Workspaces,
)

INLINE_VALUE = "p@s/s#w%41:?d&$x"
"""The value of every InlineSecret here: it may stand in Secret objects and nowhere else."""

COOKIE_SECRET = "p@s/s#w%41:?d&$x" * 2
"""An inline value of 32 bytes."""
POSTGRESQL = PostgreSQL(
    host="postgresql.databases.svc",
    user=ExistingSecret("mlflow-postgresql", "username"),
    password=ExistingSecret("mlflow-postgresql", "password"),
)
MINIO = S3(
    bucket="mlflow",
    endpoint_url="http://minio.databases.svc:9000",
    credentials=S3Credentials(
        access_key_id=ExistingSecret("mlflow-s3", "access-key-id"),
        secret_access_key=ExistingSecret("mlflow-s3", "secret-access-key"),
    ),
)
LOGIN_IMAGE = Image(repository="registry.example.com/cdk8s-mlflow", tag="v3.17.2")
"""Built from image/Containerfile: it has what MLflow's own images lack."""
BACKUPS = S3(
    bucket="backups",
    prefix="mlflow",
    endpoint_url="http://minio.elsewhere.svc:9000",
    credentials=S3Credentials(
        access_key_id=ExistingSecret("mlflow-backup", "access-key-id"),
        secret_access_key=ExistingSecret("mlflow-backup", "secret-access-key"),
    ),
    kms_key_id="backups",
    network_peer=NamespacePeer("elsewhere"),
)
KEYS: dict[str, Any] = {
    "crypto_kek_passphrase": ExistingSecret("mlflow-keys", "kek-passphrase"),
    "webhook_secret_encryption_key": ExistingSecret("mlflow-keys", "webhook-key"),
}
SHARED_VOLUME = VolumeClaim(
    name="artifacts", size="100Gi", storage_class_name="nfs", access_modes=["ReadWriteMany"], annotations={}
)


def _vault(entry: str) -> ExternalSecret:
    return ExternalSecret(store_name="vault", remote_key="mlflow", property=entry, refresh_interval="15m")


def on_postgresql(**changes: object) -> MlflowProps:
    """Return props of a server on PostgreSQL and MinIO, the base of most variants."""
    return MlflowProps(**({"backend_store": POSTGRESQL, "artifact_store": MINIO} | changes))  # type: ignore[arg-type]


VARIANTS: dict[str, MlflowProps] = {
    "default": MlflowProps(),
    # --- doors
    "http-route": on_postgresql(
        exposure=HttpRoute(
            hostnames=["mlflow.example.com"],
            parents=[ParentReference(name="public", namespace="ingress", section_name="https")],
            allowed_from=[NamespacePeer("ingress")],
        )
    ),
    "http-routes-below-a-prefix": on_postgresql(
        static_prefix="/tools/mlflow",
        exposure=[
            HttpRoute(
                hostnames=["mlflow.example.com", "*.ml.example.com"],
                parents=[ParentReference(name="public"), ParentReference(name="inner", port=8443)],
                request_timeout=timedelta(hours=1),
                backend_request_timeout=timedelta(minutes=30),
                filters=[
                    {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "a", "value": "b"}]}}
                ],
            ),
            HttpRoute(hostnames=["mlflow.local"], parents=[ParentReference(name="inner")], scheme="http", name="inner"),
        ],
    ),
    "http-route-with-a-redirect": on_postgresql(
        exposure=HttpRoute(
            hostnames=["mlflow.example.com"],
            parents=[ParentReference(name="public", namespace="ingress", section_name="https")],
            redirected=[ParentReference(name="public", namespace="ingress", section_name="http")],
            request_timeout=timedelta(0),
            annotations={"example.com/team": "ml"},
        )
    ),
    "ingress-and-route": on_postgresql(
        exposure=[
            Ingress(hosts=["mlflow.example.com"], controller=AwsLoadBalancer(certificate_arns=["arn:aws:acm:1"])),
            HttpRoute(hostnames=["new.example.com"], parents=[ParentReference(name="public")]),
        ],
    ),
    "nginx-below-a-prefix": on_postgresql(
        static_prefix="/mlflow",
        exposure=Ingress(
            hosts=["mlflow.example.com"],
            controller=IngressNginx(request_timeout=timedelta(minutes=10)),
            tls=[IngressTls(secret_name="mlflow-tls")],
            issuer=CertManagerIssuer("letsencrypt"),
        ),
    ),
    "traefik-below-a-prefix": on_postgresql(
        static_prefix="/mlflow",
        exposure=Ingress(
            hosts=["mlflow.example.com"],
            controller=Traefik(),
            annotations={"traefik.ingress.kubernetes.io/router.middlewares": "ingress-office@kubernetescrd"},
        ),
    ),
    "aws-below-a-prefix": on_postgresql(
        static_prefix="/mlflow", exposure=Ingress(hosts=["mlflow.example.com"], controller=AwsLoadBalancer())
    ),
    "tls-in-the-pod": on_postgresql(
        tls=CertManagerTls(issuer_name="inner", issuer_kind="Issuer", dns_names=["mlflow.example.com"]),
        garbage_collection=GarbageCollection(),
        authentication=BasicAuth(),
        exposure=[
            Ingress(hosts=["a.example.com"], controller=Traefik()),
            Ingress(hosts=["b.example.com"], controller=IngressNginx(), name="nginx"),
        ],
    ),
    "tls-of-a-secret": MlflowProps(
        tls=TlsSecret(secret_name="mlflow-server", ca=ConfigMapKey("company", "ca.crt")),
        garbage_collection=GarbageCollection(),
        exposure=Ingress(hosts=["mlflow.example.com"], controller=AwsLoadBalancer(group_name="tools")),
    ),
    "tls-of-a-public-authority": on_postgresql(
        tls=TlsSecret(secret_name="mlflow-server"),
        exposure=Ingress(hosts=["mlflow.example.com"], controller=Traefik()),
    ),
    "tls-below-a-prefix": on_postgresql(
        tls=TlsSecret(secret_name="mlflow-server", ca=ConfigMapKey("company", "ca.crt")),
        garbage_collection=GarbageCollection(),
        static_prefix="/mlflow",
        exposure=Ingress(hosts=["mlflow.example.com"], controller=Traefik(), name="outer"),
    ),
    "headless": on_postgresql(service=Headless(port_name="mlflow")),
    "load-balancer-of-a-class": on_postgresql(
        service=LoadBalancer(
            load_balancer_class="service.k8s.aws/nlb",
            external_traffic_policy="Local",
            internal_traffic_policy="Cluster",
            source_ranges=["10.0.0.0/8"],
        )
    ),
    # --- authentication
    "basic-auth-embedded": MlflowProps(authentication=BasicAuth()),
    "basic-auth": on_postgresql(
        authentication=BasicAuth(admin_password=ExistingSecret("mlflow-admin", "password"), admin_username="root%"),
        scaling=FixedReplicas(3),
        garbage_collection=GarbageCollection(),
    ),
    "basic-auth-own-database": on_postgresql(
        authentication=BasicAuth(
            user_store=PostgreSQL(host="users.example.com", user="users", password=ExistingSecret("users", "password")),
            default_permission="NO_PERMISSIONS",
        ),
        migration=Migration(
            user_store=PostgreSQL(host="users.example.com", user="owner", password=ExistingSecret("owner", "password"))
        ),
    ),
    "basic-auth-by-uri": MlflowProps(
        backend_store=DatabaseUri(uri=ExistingSecret("db", "uri"), engine="mysql"),
        artifact_store=MINIO,
        authentication=BasicAuth(flask_secret_key=_vault("flask"), auth_cache_ttl=timedelta(0)),
    ),
    "basic-auth-on-sql-server": MlflowProps(
        backend_store=SQLServer(host="sql.example.com", password=ExistingSecret("sql", "password")),
        artifact_store=MINIO,
        authentication=BasicAuth(admin_password=InlineSecret(INLINE_VALUE)),
        allow_inline_secrets=True,
    ),
    "basic-auth-with-workspaces": on_postgresql(
        authentication=BasicAuth(grant_default_workspace_access=True),
        workspaces=Workspaces(),
        garbage_collection=GarbageCollection(),
    ),
    "ldap": on_postgresql(
        image=LOGIN_IMAGE,
        authentication=LdapAuth(
            urls=["ldaps://ldap.example.com", "ldap://192.0.2.9:3389"],
            users=UserSearch(
                base="ou=people,dc=example,dc=com",
                bind_dn="cn=mlflow,ou=services,dc=example,dc=com",
                bind_password=ExistingSecret("ldap", "password"),
                filter="(&(objectClass=person)(|(uid={username})(mail={username})))",
            ),
            groups=GroupSearch(base="ou=groups,dc=example,dc=com"),
            allowed_groups=["cn=ml,ou=groups,dc=example,dc=com"],
            admin_groups=["cn=ops,ou=groups,dc=example,dc=com"],
            group_permissions={"cn=ml,ou=groups,dc=example,dc=com": "EDIT"},
            tls=LdapTls(ca=ConfigMapKey("ldap-ca", "ca.crt")),
        ),
        scaling=FixedReplicas(2),
        garbage_collection=GarbageCollection(),
    ),
    "ldap-by-template": MlflowProps(
        image=LOGIN_IMAGE,
        authentication=LdapAuth(
            urls=["ldap://ldap.directory.svc"],
            users=UserDn("uid={username},ou=people,dc=example,dc=com"),
            groups=MemberOf("isMemberOf"),
            tls=None,
            network_peer=NamespacePeer("directory"),
            admin_username="operator",
            default_permission="NO_PERMISSIONS",
        ),
    ),
    "custom-auth": on_postgresql(
        authentication=CustomAuth(
            function="company_login:authenticate",
            modules={
                "company_login": "from company_names import NAMES\n\n\ndef authenticate():\n    ...\n",
                "company_names": ConfigMapKey("names", "names.py"),
            },
        ),
        garbage_collection=GarbageCollection(),
    ),
    "custom-auth-of-the-image": on_postgresql(
        image=LOGIN_IMAGE,
        authentication=CustomAuth(function="company.login:authenticate", admin_password=ExistingSecret("a", "b")),
    ),
    "oidc-auth-embedded": MlflowProps(
        image=LOGIN_IMAGE,
        public_url="http://mlflow.example.com:8080",
        authentication=OidcAuth(
            discovery_url="http://192.0.2.9:9000/.well-known/openid-configuration",
            client_id="mlflow",
            client_secret=ExistingSecret("provider", "client-secret"),
        ),
    ),
    "oidc-auth": on_postgresql(
        image=LOGIN_IMAGE,
        exposure=Ingress(hosts=["mlflow.example.com"], tls=[IngressTls(secret_name="mlflow-tls")]),
        authentication=OidcAuth(
            discovery_url="https://login.example.com/realms/company/.well-known/openid-configuration",
            issuer="https://login.example.com",
            client_id="mlflow",
            client_secret=ExistingSecret("provider", "client-secret"),
            audience="api://mlflow",
            scopes=["openid", "email", "groups"],
            username_claims=["email", "sub"],
            groups_attribute="roles",
            allowed_groups=["scientists", "engineers"],
            admin_groups=["platform"],
            provider_display_name="Company account",
            automatic_login_redirect=True,
            default_permission="READ",
            user_store=PostgreSQL(host="users.example.com", user="users", password=ExistingSecret("users", "password")),
            session_key=_vault("session"),
            session_token_key=_vault("session-token"),
            session_lifetime=timedelta(days=1),
            permission_cache_ttl=timedelta(minutes=1),
            redis=Redis(
                host="redis.example.com",
                port=6380,
                database=2,
                user="ml flow",
                password=ExistingSecret("redis", "password"),
                tls=True,
                network_peer=CidrPeer("192.0.2.6/32"),
            ),
            callers=ClientCredentials(
                client_id="mlflow-jobs",
                client_secret=ExistingSecret("provider", "jobs-secret"),
                parameters={"scope": "mlflow", "audience": "api://mlflow"},
            ),
            network_peer=NamespacePeer("keycloak"),
            egress=[Endpoint(port=8443)],
        ),
        migration=Migration(
            user_store=PostgreSQL(host="users.example.com", user="owner", password=ExistingSecret("owner", "password"))
        ),
        ca_bundle=ConfigMapKey("company", "ca.crt"),
        scaling=FixedReplicas(2),
        garbage_collection=GarbageCollection(),
        smoke_test=SmokeTest(),
    ),
    "oauth2-proxy": on_postgresql(
        kubernetes_version="1.29",
        exposure=Ingress(hosts=["mlflow.example.com"], tls=[IngressTls(secret_name="mlflow-tls")]),
        authentication=OAuth2Proxy(
            issuer_url="https://login.example.com/realms/company",
            client_id="mlflow",
            client_secret=ExistingSecret("provider", "client-secret"),
            allowed_groups=["mlflow"],
        ),
        scaling=FixedReplicas(2),
        garbage_collection=GarbageCollection(),
    ),
    "oauth2-proxy-below-a-prefix": on_postgresql(
        kubernetes_version="1.30",
        static_prefix="/ml.flow",
        tls=TlsSecret(secret_name="mlflow-server", ca=ConfigMapKey("company", "ca.crt")),
        exposure=Ingress(hosts=["mlflow.example.com"], controller=Traefik()),
        authentication=OAuth2Proxy(
            issuer_url="https://192.0.2.9:8443",
            client_id="mlflow",
            client_secret=InlineSecret(INLINE_VALUE),
            provider="keycloak-oidc",
            image="registry.example.com/oauth2-proxy:v7.8.1",
            scopes=["openid", "email", "offline_access"],
            email_domains=["example.com", "example.org"],
            groups_claim="roles",
            email_claim="mail",
            extra_audiences=["api://mlflow"],
            extra_jwt_issuers={"https://ci.example.com": "mlflow"},
            cookie_secret=InlineSecret(COOKIE_SECRET),
            session_lifetime=timedelta(hours=12),
            session_refresh=timedelta(hours=1),
            redis=Redis(host="192.0.2.6", user="mlflow", password=ExistingSecret("redis", "password")),
            skip_provider_button=False,
            request_timeout=timedelta(minutes=10),
            options={"PROMPT": "login"},
            resources={"limits": {"memory": "1024Mi"}},
            callers=ClientCredentials(parameters={"resource": "api://mlflow"}),
            egress=[Endpoint(port=9443)],
        ),
        ca_bundle=SecretKey("company", "ca.pem"),
        allow_inline_secrets=True,
    ),
    # --- operations
    "workspaces": on_postgresql(workspaces=Workspaces(store_uri="kubernetes://all")),
    "gc-beside-sqlite": MlflowProps(garbage_collection=GarbageCollection()),
    "gc-on-postgresql": on_postgresql(garbage_collection=GarbageCollection(schedule="*/30 * * * MON-FRI")),
    "gc-of-direct-artifacts": on_postgresql(garbage_collection=GarbageCollection(), artifact_access=Direct()),
    "backup-beside-sqlite": MlflowProps(
        backup=Backup(destination=BACKUPS, keep=1, resources={"limits": {"memory": "2Gi"}})
    ),
    "backup-to-a-volume": on_postgresql(
        backup=Backup(
            destination=ArtifactVolume(volume=VolumeClaim(name="backup", size="50Gi")),
            schedule="0 */6 * * *",
            scratch_size="20480Mi",
            postgresql_image="registry.example.com/postgres:17",
            time_limit=timedelta(hours=1),
        ),
        garbage_collection=GarbageCollection(),
    ),
    "backup-of-three-databases": MlflowProps(
        backend_store=MySQL(
            host="mysql.example.com",
            user="ml'f\"low\\",
            password=ExistingSecret("db", "password"),
            tls=MySQLTls(ca=ConfigMapKey("mysql-ca", "ca.pem"), check_hostname=False),
        ),
        registry_store=PostgreSQL(
            host="db.example.com",
            password=_vault("registry"),
            tls=PostgreSQLTls(),
            network_peer=CidrPeer("10.7.0.0/16"),
        ),
        authentication=BasicAuth(
            user_store=PostgreSQL(host="users.example.com", user="users", password=ExistingSecret("users", "password"))
        ),
        migration=Migration(
            backend_store=MySQL(
                host="mysql.example.com", user=ExistingSecret("ddl", "user"), password=ExistingSecret("ddl", "password")
            )
        ),
        artifact_store=S3(bucket="mlflow"),
        backup=Backup(
            destination=GCS(bucket="backups", credentials=SecretKey("gcs", "key.json")),
            mysql_image="docker.io/library/mysql:8.4",
        ),
        ca_bundle=ConfigMapKey("company", "ca.crt"),
        scaling=FixedReplicas(0),
    ),
    "backup-of-cloud-native-pg": MlflowProps(
        backend_store=CloudNativePG(), artifact_store=MINIO, backup=Backup(destination=BACKUPS)
    ),
    "jobs-beside-sqlite": MlflowProps(
        job_execution=JobExecution(trace_rollups=TraceRollups(schedule="0 4 * * *")),
        trace_archival=TraceArchival(retention=timedelta(days=30)),
        authentication=BasicAuth(),
        workers=2,
    ),
    "jobs-on-redis": on_postgresql(
        image=LOGIN_IMAGE,
        job_execution=JobExecution(
            queue=Redis(
                host="redis.example.com",
                port=6380,
                database=3,
                user="mlflow%",
                password=ExistingSecret("redis", "password"),
                tls=True,
            ),
            judge_invoke_max_workers=10,
            online_scoring_max_workers=5,
            transient_error_max_retries=0,
        ),
        trace_archival=TraceArchival(
            retention=timedelta(hours=12),
            location="s3://archive/traces",
            interval=timedelta(hours=1),
            max_traces_per_pass=1000,
        ),
        scaling=FixedReplicas(3),
    ),
    "jobs-on-open-redis": on_postgresql(
        image=LOGIN_IMAGE,
        job_execution=JobExecution(queue=Redis(host="10.0.0.7", network_peer=None)),
        scaling=FixedReplicas(0),
    ),
    "jobs-on-a-redis-of-the-chart": on_postgresql(
        image=LOGIN_IMAGE,
        job_execution=JobExecution(queue=InChartRedis(resources={"limits": {"memory": "256Mi"}})),
        authentication=BasicAuth(),
        scaling=FixedReplicas(2),
    ),
    # --- releases of Helm that are taken over
    "adopted-larribas": on_postgresql(
        adopt=HelmRelease(chart="larribas", release="tracking"),
        scaling=FixedReplicas(2),
        service=NodePort(),
        garbage_collection=GarbageCollection(),
    ),
    "adopted-community": on_postgresql(
        adopt=HelmRelease(chart="community", release="team", name_override="tracker"),
        service=ClusterIP(port=80),
        exposure=Ingress(hosts=["mlflow.example.com"]),
        authentication=BasicAuth(),
    ),
    "adopted-official": MlflowProps(
        adopt=HelmRelease(chart="official", release="mlflow", full_name_override="tracking"),
        backend_store=SQLite(volume=ExistingVolumeClaim(claim_name="tracking")),
        garbage_collection=GarbageCollection(),
    ),
    # --- stores
    "sqlite-sized": MlflowProps(
        backend_store=SQLite(volume=VolumeClaim(size="1500Mi", storage_class_name="fast")), workers=3
    ),
    "sqlite-existing-claim": MlflowProps(
        backend_store=SQLite(volume=ExistingVolumeClaim(claim_name="old-data", name="old")),
    ),
    "sqlite-and-artifacts-of-before": MlflowProps(
        backend_store=SQLite(volume=ExistingVolumeClaim(claim_name="old-data"), file="db/tracking.db"),
        artifact_store=ArtifactVolume(volume=ExistingVolumeClaim(claim_name="old-data"), folder="mlartifacts"),
    ),
    "sqlite-and-artifact-volume": MlflowProps(
        artifact_store=ArtifactVolume(volume=VolumeClaim(name="artifacts", size="1Ti")),
    ),
    "file-store": MlflowProps(backend_store=FileStore()),
    "file-store-elsewhere": MlflowProps(
        backend_store=FileStore(path="/mnt/persistent-disk", volume=VolumeClaim(name="runs")),
        artifact_store=MINIO,
    ),
    "postgresql-s3": on_postgresql(),
    "postgresql-plain-user": on_postgresql(
        backend_store=PostgreSQL(
            host="10.20.30.40", port=6432, user="mlflow", database="tracking", password=ExistingSecret("db", "password")
        ),
    ),
    "postgresql-artifact-volume": MlflowProps(
        backend_store=POSTGRESQL, artifact_store=ArtifactVolume(volume=VolumeClaim(name="artifacts"))
    ),
    "shared-volume": MlflowProps(
        backend_store=POSTGRESQL,
        artifact_store=ArtifactVolume(volume=SHARED_VOLUME),
        scaling=FixedReplicas(3),
    ),
    "shared-existing-claim": MlflowProps(
        backend_store=POSTGRESQL,
        artifact_store=ArtifactVolume(
            volume=ExistingVolumeClaim(claim_name="nfs-artifacts", access_modes=["ReadWriteMany"], name="artifacts")
        ),
        scaling=FixedReplicas(2),
        disruption_budget=None,
    ),
    "s3-with-role": on_postgresql(
        artifact_store=S3(bucket="mlflow-artifacts", prefix="team/mlflow", region="eu-central-1"),
        service_account=ServiceAccount(
            name="mlflow-s3", annotations={"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/mlflow"}
        ),
    ),
    "sqlite-s3": MlflowProps(artifact_store=MINIO),
    "direct": on_postgresql(artifact_access=Direct()),
    "artifact-uri": MlflowProps(
        backend_store=POSTGRESQL,
        artifact_store=ArtifactUri(uri="gs://mlflow-artifacts/production"),
        artifact_access=Direct(),
    ),
    "hdfs": MlflowProps(
        backend_store=POSTGRESQL,
        artifact_store=ArtifactUri(
            uri="hdfs://namenode.hadoop.svc:8020/mlflow",
            egress=[Endpoint(port=8020, peer=NamespacePeer("hadoop")), Endpoint(port=9866)],
        ),
    ),
    "large-artifacts": on_postgresql(artifact_access=Proxied(largest_artifact="20Gi", concurrent_transfers=8)),
    "presigned": on_postgresql(artifact_access=Presigned()),
    "s3-options": on_postgresql(
        artifact_store=S3(
            bucket="mlflow",
            addressing_style="virtual",
            kms_key_id="arn:aws:kms:eu-central-1:123456789012:key/1",
            upload_extra_args={"StorageClass": "STANDARD_IA"},
            expected_bucket_owner="123456789012",
            network_peer=CidrPeer("192.0.2.0/24"),
        ),
    ),
    "gcs": on_postgresql(artifact_store=GCS(bucket="mlflow", prefix="team")),
    "gcs-key-file": on_postgresql(artifact_store=GCS(bucket="mlflow", credentials=SecretKey("gcs", "key.json"))),
    "gcs-emulator": on_postgresql(artifact_store=GCS(bucket="mlflow", emulator_host="http://gcs.test.svc:4443")),
    "azure": on_postgresql(artifact_store=AzureBlob(storage_account="mlflow", container="artifacts")),
    "azure-key": on_postgresql(
        artifact_store=AzureBlob(
            storage_account="mlflow",
            container="artifacts",
            prefix="team",
            credentials=AzureAccessKey(ExistingSecret("azure", "key")),
        )
    ),
    "azure-connection-string": on_postgresql(
        artifact_store=AzureBlob(
            storage_account="mlflow",
            container="artifacts",
            credentials=AzureConnectionString(InlineSecret(INLINE_VALUE)),
        ),
        allow_inline_secrets=True,
    ),
    "hdfs-store": on_postgresql(artifact_store=HDFS(host="namenode.hadoop.svc")),
    "hdfs-kerberos": on_postgresql(
        artifact_store=HDFS(
            host="namenode.hadoop.svc",
            path="/warehouse/mlflow",
            kerberos=Kerberos(
                user="mlflow@EXAMPLE.COM",
                ticket_cache=SecretKey("kerberos", "ticket"),
                krb5_conf=ConfigMapKey("kerberos", "krb5.conf"),
            ),
            egress=[Endpoint(port=8020, peer=NamespacePeer("hadoop"))],
        )
    ),
    "artifacts-only": MlflowProps(backend_store=None, artifact_store=MINIO, scaling=FixedReplicas(2)),
    # --- other engines
    "mysql": on_postgresql(
        backend_store=MySQL(host="mysql.databases.svc", password=ExistingSecret("mysql", "password")),
        scaling=FixedReplicas(2),
    ),
    "mysql-tls": on_postgresql(
        backend_store=MySQL(
            host="192.0.2.3",
            port=3307,
            database="ml flow",
            user=ExistingSecret("mysql", "user"),
            password=InlineSecret(INLINE_VALUE),
            tls=MySQLTls(ca=SecretKey("mysql-ca", "ca.crt"), check_hostname=False),
        ),
        registry_store=MySQL(host="two.example.com", user="two", password=ExistingSecret("two", "password")),
        allow_inline_secrets=True,
    ),
    "sql-server": on_postgresql(
        backend_store=SQLServer(
            host="sql.example.com", user=ExistingSecret("sql", "user"), password=ExistingSecret("sql", "password")
        ),
    ),
    "sql-servers": on_postgresql(
        backend_store=SQLServer(host="one.example.com", password=ExistingSecret("one", "password")),
        registry_store=SQLServer(host="two.example.com", password=ExistingSecret("two", "password")),
    ),
    "database-uri": on_postgresql(backend_store=DatabaseUri(uri=ExistingSecret("db", "uri"), engine="mysql")),
    "database-uris": on_postgresql(
        backend_store=DatabaseUri(uri=ExistingSecret("db", "uri"), engine="postgresql", egress=[Endpoint(port=6432)]),
        registry_store=DatabaseUri(uri=_vault("registry"), engine="mssql"),
    ),
    "cloud-native-pg": MlflowProps(
        backend_store=CloudNativePG(
            storage_size="50Gi",
            storage_class_name="fast",
            resources={"requests": {"cpu": "1000m", "memory": "1Gi"}, "limits": {"memory": "1024Mi"}},
        ),
        artifact_store=MINIO,
        scaling=FixedReplicas(2),
    ),
    "postgresql-tls": on_postgresql(
        backend_store=PostgreSQL(
            host="db.example.com",
            tls=PostgreSQLTls(ca=ConfigMapKey("postgresql-ca", "ca.pem"), client_certificate="mlflow-client"),
        ),
    ),
    "postgresql-public-tls": on_postgresql(
        backend_store=PostgreSQL(host="db.example.com", password=ExistingSecret("db", "password"), tls=PostgreSQLTls())
    ),
    "cloud-sql-proxy": on_postgresql(
        backend_store=PostgreSQL(
            host="127.0.0.1",
            user="mlflow@project.iam",
            proxy=CloudSqlProxy(instance="project:region:mlflow", auto_iam_authn=True),
        ),
        kubernetes_version="1.29",
    ),
    "sidecar-proxy": on_postgresql(
        backend_store=MySQL(
            host="127.0.0.1",
            password=ExistingSecret("mysql", "password"),
            proxy=SidecarProxy(
                name="tunnel",
                image="registry.example.com/tunnel:1",
                args=["--to", "db"],
                env={"LEVEL": "info"},
                memory="64Mi",
                egress=[Endpoint(port=22, peer=CidrPeer("192.0.2.22/32"))],
            ),
        ),
        kubernetes_version="1.30",
    ),
    "read-replica": on_postgresql(
        read_replica_backend_store=PostgreSQL(host="replica.databases.svc", password=ExistingSecret("db", "password"))
    ),
    "pool": on_postgresql(connection_pool=ConnectionPool(size=3, max_overflow=2, max_connections=20), workers=1),
    "many-processes": on_postgresql(scaling=FixedReplicas(5), workers=4),
    # --- language models
    "ai-gateway": on_postgresql(
        ai_gateway=AiGateway(
            allowed_providers=["openai", "bedrock"],
            budget_store=Redis(
                host="redis.databases.svc",
                password=ExistingSecret("redis", "password"),
                network_peer=NamespacePeer("databases"),
            ),
            budget_refresh_interval=timedelta(minutes=1),
        ),
        scaling=FixedReplicas(2),
    ),
    "ai-gateway-to-the-cluster": MlflowProps(
        ai_gateway=AiGateway(
            api_base_schemes=["https", "http"],
            allow_private_addresses=True,
            budget_store=Redis(host="192.0.2.6"),
            egress=[Endpoint(port=8000, peer=NamespacePeer("vllm"))],
        ),
        model_catalog_url="http://192.0.2.7:8080/catalog",
    ),
    # --- scaling
    "autoscaling": on_postgresql(scaling=Autoscaling()),
    "autoscaling-by-memory": on_postgresql(
        scaling=Autoscaling(
            min_replicas=1,
            max_replicas=3,
            average_cpu=None,
            average_memory="1024Mi",
            behavior={
                "scaleUp": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}], "selectPolicy": "Min"},
                "scaleDown": {"stabilizationWindowSeconds": 0},
            },
        ),
        workers=2,
        garbage_collection=GarbageCollection(),
    ),
    "keda": on_postgresql(
        scaling=KedaScaling(
            triggers=[
                CronTrigger(timezone="Europe/Berlin", start="0 7 * * 1-5", end="0 20 * * 1-5", desired_replicas=3),
                PrometheusTrigger(
                    server_address="http://prometheus.monitoring.svc:9090",
                    query='sum(rate(traefik_service_requests_total{service="mlflow"}[2m]))',
                    threshold=20,
                    activation_threshold=0.5,
                    authentication="prometheus",
                ),
                CpuTrigger(average_cpu="0.75"),
            ],
            polling_interval=timedelta(seconds=15),
            behavior={"scaleDown": {"selectPolicy": "Disabled"}},
        ),
    ),
    "keda-to-zero": on_postgresql(
        scaling=KedaScaling(
            min_replicas=0,
            max_replicas=1,
            triggers=[CronTrigger(timezone="UTC", start="0 7 * * *", end="0 20 * * *", desired_replicas=1)],
        ),
        disruption_budget=DisruptionBudget(max_unavailable=1),
    ),
    # --- several databases
    "registry-same-database": on_postgresql(registry_store=POSTGRESQL),
    "registry-other-credentials": on_postgresql(
        registry_store=PostgreSQL(
            host="registry.databases.svc",
            database="registry",
            user=ExistingSecret("mlflow-registry", "username"),
            password=ExistingSecret("mlflow-registry", "password"),
        ),
    ),
    "registry-plain-users": on_postgresql(
        backend_store=PostgreSQL(host="one.example.com", user="one", password=ExistingSecret("one", "password")),
        registry_store=PostgreSQL(host="two.example.com", user="two", password=ExistingSecret("two", "password")),
        scaling=FixedReplicas(2),
    ),
    "registry-on-sqlite": on_postgresql(registry_store=SQLite()),
    "registry-on-postgresql": MlflowProps(backend_store=SQLite(), registry_store=POSTGRESQL),
    "migration-credentials": on_postgresql(
        migration=Migration(
            backend_store=PostgreSQL(
                host="primary.databases.svc",
                user=ExistingSecret("mlflow-ddl", "username"),
                password=ExistingSecret("mlflow-ddl", "password"),
            )
        ),
    ),
    # --- secrets
    "reloader": on_postgresql(reloader=Reloader()),
    "ca-bundle": on_postgresql(ca_bundle=ConfigMapKey("company", "ca.crt")),
    "ca-bundle-and-files": on_postgresql(
        backend_store=MySQL(host="mysql.example.com", password=ExistingSecret("mysql", "password")),
        ca_bundle=SecretKey("company", "ca.pem"),
    ),
    "inline-secrets": on_postgresql(
        backend_store=PostgreSQL(
            host="postgresql.databases.svc",
            user=InlineSecret(INLINE_VALUE),
            password=InlineSecret(INLINE_VALUE),
        ),
        artifact_store=S3(
            bucket="mlflow",
            credentials=S3Credentials(
                access_key_id=InlineSecret(INLINE_VALUE), secret_access_key=InlineSecret(INLINE_VALUE)
            ),
        ),
        crypto_kek_passphrase=InlineSecret(INLINE_VALUE),
        webhook_secret_encryption_key=InlineSecret(INLINE_VALUE),
        allow_inline_secrets=True,
    ),
    "inline-registry": on_postgresql(
        registry_store=PostgreSQL(
            host="two.example.com", user=InlineSecret(INLINE_VALUE), password=InlineSecret(INLINE_VALUE)
        ),
        allow_inline_secrets=True,
    ),
    "external-secrets": on_postgresql(
        backend_store=PostgreSQL(host="postgresql.databases.svc", user=_vault("username"), password=_vault("password")),
        crypto_kek_passphrase=_vault("kek"),
        webhook_secret_encryption_key=ExternalSecret(
            store_name="cloud", remote_key="mlflow/webhook", store_kind="SecretStore"
        ),
    ),
    "api-server-ports": MlflowProps(network_policy=NetworkPolicy(api_server_ports=[443, 16443])),
    "existing-keys": MlflowProps(
        crypto_kek_passphrase=KEYS["crypto_kek_passphrase"],
        webhook_secret_encryption_key=KEYS["webhook_secret_encryption_key"],
    ),
    "one-generated-key": MlflowProps(crypto_kek_passphrase=KEYS["crypto_kek_passphrase"]),
    # --- identity and names
    "existing-service-account": on_postgresql(service_account=ExistingServiceAccount("team")),
    "default-service-account": on_postgresql(service_account=ExistingServiceAccount()),
    "longest-name": on_postgresql(
        name="m" * 40, registry_store=PostgreSQL(host="two.example.com", password=ExistingSecret("two", "password"))
    ),
    "label-name": MlflowProps(label_name="tracking"),
    "image": MlflowProps(
        image=Image(
            repository="registry.example.com:5000/team/mlflow",
            tag="v3.17.2-full",
            digest="sha256:" + "0123456789abcdef" * 4,
            pull_policy="Always",
            pull_secrets=["registry"],
        ),
    ),
    # --- doors
    "service-port": MlflowProps(service=ClusterIP(port=80, annotations={"example.com/team": "ml"})),
    "node-port": on_postgresql(service=NodePort(node_port=30500)),
    "node-port-ranges": on_postgresql(service=NodePort(source_ranges=["192.0.2.0/24", "198.51.100.0/24"])),
    "load-balancer": on_postgresql(service=LoadBalancer(port=443), public_url="https://mlflow.example.com"),
    "load-balancer-ranges": on_postgresql(
        service=LoadBalancer(
            source_ranges=["192.0.2.0/24"], annotations={"service.beta.kubernetes.io/aws-load-balancer-type": "nlb"}
        ),
        public_url="https://mlflow.example.com/",
    ),
    "ingress": on_postgresql(exposure=Ingress(hosts=["mlflow.example.com"])),
    "ingress-tls": on_postgresql(
        exposure=Ingress(
            hosts=["mlflow.example.com", "ml.example.com"],
            ingress_class_name="nginx",
            tls=[IngressTls(secret_name="mlflow-tls")],
            annotations={"nginx.ingress.kubernetes.io/proxy-body-size": "0"},
            allowed_from=[NamespacePeer("ingress-nginx")],
        ),
        scaling=FixedReplicas(3),
        disruption_budget=DisruptionBudget(max_unavailable=2),
    ),
    "ingress-default-certificate": on_postgresql(
        exposure=Ingress(hosts=["mlflow.example.com"], tls=[IngressTls(hosts=["mlflow.example.com"])]),
    ),
    "ingress-paths": on_postgresql(
        exposure=Ingress(
            hosts=[
                IngressHost(
                    "mlflow.example.com",
                    [
                        IngressPath("/*", "ImplementationSpecific", "ssl-redirect", "use-annotation"),
                        IngressPath("/docs", "Exact", service_name="docs", service_port=8080),
                        IngressPath(),
                    ],
                ),
                IngressHost("api.example.com", [IngressPath("/api")]),
            ],
        ),
    ),
    "ingress-wildcard": on_postgresql(
        exposure=Ingress(hosts=["*.mlflow.example.com"], tls=[IngressTls(secret_name="wildcard")]),
        public_url="https://team.mlflow.example.com",
    ),
    "ingress-without-host": on_postgresql(
        exposure=Ingress(hosts=[IngressHost(None)], allowed_from=[CidrPeer("10.1.0.0/16", ["10.1.2.0/24"])]),
        allowed_hosts=["mlflow.example.com", "mlflow.example.com:*"],
        public_url="https://mlflow.example.com",
    ),
    "trusted-proxies": on_postgresql(
        exposure=Ingress(hosts=["mlflow.example.com"]), trusted_proxies=["10.42.7.0/24", "fd00::/8"]
    ),
    "static-prefix": on_postgresql(
        static_prefix="/tools/mlflow", exposure=Ingress(hosts=["example.com"], tls=[IngressTls()])
    ),
    "public-url": on_postgresql(
        public_url="https://mlflow.example.com:8443/tools/mlflow", static_prefix="/tools/mlflow"
    ),
    "hosts-and-origins": MlflowProps(
        allowed_hosts=["alias.example.com", "alias.example.com:*"],
        cors_allowed_origins=["https://notebooks.example.com", "http://localhost:3000"],
        cluster_domain="example.internal",
    ),
    # --- network
    "no-network-policy": on_postgresql(network_policy=None),
    "network-peers": on_postgresql(
        backend_store=PostgreSQL(
            host="postgresql.databases.svc",
            password=ExistingSecret("db", "password"),
            network_peer=PodPeer(match_labels={"app": "postgresql"}, namespace="databases"),
        ),
        artifact_store=S3(
            bucket="mlflow", endpoint_url="https://192.0.2.7:9000/", network_peer=CidrPeer("192.0.2.0/24")
        ),
        network_policy=NetworkPolicy(
            clients=[NamespacePeer("training"), PodPeer(match_labels={"mlflow-client": "true"})],
            egress=[Endpoint(port=8443), Endpoint(port=4317, peer=NamespacePeer("monitoring"))],
        ),
    ),
    "same-port-twice": MlflowProps(
        backend_store=PostgreSQL(host="db.example.com", port=443, password=ExistingSecret("db", "password")),
        artifact_store=S3(bucket="mlflow"),
    ),
    # --- the pod's knobs
    "workers": on_postgresql(workers=4),
    "resources": on_postgresql(
        resources={
            "requests": {"cpu": "1000m", "memory": "1024Mi", "ephemeral-storage": "0.5Gi"},
            "limits": {"cpu": "1.5", "memory": "2048Mi"},
        },
    ),
    "no-resources": on_postgresql(resources={}),
    "patience": on_postgresql(
        pre_stop_delay=timedelta(seconds=30),
        graceful_shutdown_timeout=timedelta(minutes=5),
        migration=Migration(database_wait=timedelta(minutes=1), time_limit=timedelta(hours=4)),
    ),
    "verified-migration": on_postgresql(migration=None),
    # --- seen
    "metrics": MlflowProps(metrics=Metrics()),
    "watched": on_postgresql(
        metrics=Metrics(
            monitor=ServiceMonitor(labels={"release": "prometheus"}, interval=timedelta(seconds=15)),
            allowed_from=[NamespacePeer("monitoring")],
            alerts=Alerts(labels={"release": "prometheus"}, alert_labels={"team": "ml"}),
            dashboard=Dashboard(annotations={"grafana_folder": "MLflow"}),
            resources={"requests": {"memory": "48Mi"}},
        ),
        garbage_collection=GarbageCollection(),
        smoke_test=SmokeTest(),
        service=ClusterIP(port_name="metrics"),
        scaling=FixedReplicas(2),
        authentication=BasicAuth(),
        logs=Logs(format="json"),
        workers=2,
    ),
    "watched-from-elsewhere": MlflowProps(
        metrics=Metrics(
            monitor=ServiceMonitor(namespace="monitoring"),
            alerts=Alerts(
                namespace="monitoring",
                error_ratio=0.01,
                latency=timedelta(milliseconds=500),
                volume_free=0.2,
                runbooks="https://wiki.example.com/mlflow",
            ),
            dashboard=Dashboard(labels={"dashboards": "yes"}, namespace="grafana"),
        ),
        tls=CertManagerTls(issuer_name="inner"),
        smoke_test=SmokeTest(schedule="*/15 * * * *"),
        static_prefix="/mlflow",
        exposure=Ingress(
            hosts=["mlflow.example.com"],
            tls=[IngressTls(secret_name="mlflow-public")],
            issuer=CertManagerIssuer("letsencrypt"),
            controller=IngressNginx(),
        ),
        logs=Logs(level="DEBUG", access_log=False),
    ),
    "scrape-annotations": on_postgresql(
        metrics=Metrics(
            monitor=ScrapeAnnotations(),
            allowed_from=[PodPeer(match_labels={"app": "prometheus"}, namespace="monitoring")],
        ),
        pod_annotations={"prometheus.io/path": "/metrics?all"},
        logs=Logs(level="WARNING", format="json", access_log=False),
    ),
    "smoke-test-of-artifacts": MlflowProps(
        backend_store=None, artifact_store=MINIO, smoke_test=SmokeTest(time_limit=timedelta(minutes=1))
    ),
    "smoke-test-of-direct-artifacts": on_postgresql(
        artifact_access=Direct(), smoke_test=SmokeTest(resources={"limits": {"memory": "1Gi"}})
    ),
    "extra-args-and-env": on_postgresql(
        extra_args={"x-frame-options": "DENY", "trace-rollups": True, "app-name": "cost-$(HOME)-$$"},
        extra_env=[
            {"name": "MLFLOW_LOGGING_LEVEL", "value": "DEBUG"},
            {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
            {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "team", "key": "token", "optional": True}}},
        ],
        env_from=[{"configMapRef": {"name": "team"}}, {"prefix": "TEAM_", "secretRef": {"name": "team"}}],
    ),
    "scheduling": on_postgresql(
        scaling=FixedReplicas(2),
        pod_labels={"team": "ml"},
        pod_annotations={"example.com/owner": "ml@example.com"},
        node_selector={"kubernetes.io/arch": "amd64"},
        tolerations=[{"key": "ml", "operator": "Exists", "effect": "NoSchedule"}],
        affinity={
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [
                        {"matchExpressions": [{"key": "pool", "operator": "In", "values": ["ml", "tools"]}]}
                    ]
                }
            }
        },
        topology_spread_constraints=[
            {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule"}
        ],
        priority_class_name="tools",
    ),
    "placing": on_postgresql(
        runtime_class_name="gvisor",
        scheduler_name="bin-packer",
        host_aliases=[{"ip": "192.0.2.9", "hostnames": ["old-db", "old-db.example.com"]}],
        dns_policy="None",
        dns_config={"nameservers": ["192.0.2.53"], "searches": ["example.com"], "options": [{"name": "ndots"}]},
        termination_grace_period=timedelta(minutes=3),
        garbage_collection=GarbageCollection(),
        affinity={
            "podAntiAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "kubernetes.io/hostname"}],
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {"weight": 10, "podAffinityTerm": {"topologyKey": "topology.kubernetes.io/zone"}},
                    {
                        "weight": 1,
                        "podAffinityTerm": {
                            "topologyKey": "kubernetes.io/hostname",
                            "labelSelector": {"matchLabels": {"app": "noisy"}},
                        },
                    },
                ],
            }
        },
    ),
    "labels-everywhere": on_postgresql(
        common_labels={"team": "ml", "example.com/cost-center": "42"},
        common_annotations={"example.com/owner": "ml@example.com"},
        object_labels={"NetworkPolicy": {"example.com/reviewed": "true"}},
        object_annotations={"Deployment": {"keel.sh/policy": "minor"}, "Service": {"example.com/owner": "net"}},
        pod_labels={"mesh": "in"},
        pod_annotations={"traffic.sidecar.istio.io/excludeOutboundPorts": "5432"},
        job_pod_labels={"sidecar.istio.io/inject": "false"},
        job_pod_annotations={"linkerd.io/inject": "disabled"},
        garbage_collection=GarbageCollection(),
    ),
    "assigned-user": on_postgresql(user_id="assigned", garbage_collection=GarbageCollection()),
    "another-user": MlflowProps(user_id=1000, pod_security_context={"supplementalGroups": [2000]}),
    "extra-containers": on_postgresql(
        extra_containers=[
            {
                "name": "exporter",
                "image": "docker.io/example/exporter:1",
                "args": ["--listen", ":9000"],
                "ports": [{"name": "extra", "containerPort": 9000, "protocol": "TCP"}],
                "env": [{"name": "LEVEL", "value": "info"}],
                "resources": {"requests": {"cpu": "1000m", "memory": "64Mi"}, "limits": {"memory": "64Mi"}},
                "volumeMounts": [{"name": "shared", "mountPath": "/shared"}],
                "readinessProbe": {"httpGet": {"path": "/", "port": "extra"}, "periodSeconds": 5},
            }
        ],
        extra_init_containers=[
            {
                "name": "copy",
                "image": "busybox",
                "command": ["sh", "-c", "cp /etc/hostname /shared"],
                "volumeMounts": [{"name": "shared", "mountPath": "/shared"}],
                "securityContext": {"runAsUser": 2000},
            },
            {"name": "tunnel", "image": "example/tunnel:1", "restartPolicy": "Always"},
        ],
        extra_volumes=[
            {"name": "shared", "emptyDir": {"sizeLimit": "1024Mi"}},
            {
                "name": "vault",
                "projected": {"sources": [{"serviceAccountToken": {"path": "token", "audience": "vault"}}]},
            },
        ],
        extra_volume_mounts=[
            {"name": "shared", "mountPath": "/shared", "readOnly": True},
            {"name": "vault", "mountPath": "/var/run/secrets/vault", "readOnly": True},
        ],
        kubernetes_version="1.29",
    ),
    "loosened-container": on_postgresql(
        extra_containers=[
            {"name": "debug", "image": "busybox", "securityContext": {"capabilities": {"add": ["SYS_PTRACE"]}}}
        ],
    ),
    "http-proxy": on_postgresql(
        artifact_store=S3(
            bucket="mlflow",
            endpoint_url="http://minio:9000",
            credentials=S3Credentials(
                access_key_id=ExistingSecret("mlflow-s3", "access-key-id"),
                secret_access_key=ExistingSecret("mlflow-s3", "secret-access-key"),
            ),
        ),
        http_proxy=HttpProxy(
            url="http://proxy.example.com:3128",
            no_proxy=[".example.com"],
            cluster_cidrs=["10.244.0.0/16", "10.96.0.0/16"],
            network_peer=CidrPeer("192.0.2.128/32"),
        ),
        garbage_collection=GarbageCollection(),
        cluster_domain="example.internal",
    ),
    "http-proxy-with-password": MlflowProps(
        http_proxy=HttpProxy(url=ExistingSecret("proxy", "url"), egress=[Endpoint(port=3128)]),
        artifact_store=S3(
            bucket="mlflow", endpoint_url="https://s3.storage.example", network_peer=NamespacePeer("storage")
        ),
    ),
    "image-registry": on_postgresql(
        image_registry="registry.example.com:5000/mirror",
        backend_store=MySQL(
            host="127.0.0.1",
            password=ExistingSecret("mysql", "password"),
            proxy=SidecarProxy(name="tunnel", image="tunnel:1"),
        ),
        extra_containers=[{"name": "exporter", "image": "quay.io/example/exporter@sha256:" + "0" * 64}],
        kubernetes_version="1.29",
    ),
    "no-spread": on_postgresql(scaling=FixedReplicas(2), topology_spread_constraints=()),
    "newer-kubernetes": MlflowProps(kubernetes_version="1.34"),
    "loosened-security": on_postgresql(
        pod_security_context={"runAsUser": 0, "runAsNonRoot": False, "fsGroup": 0},
        security_context={"readOnlyRootFilesystem": False, "capabilities": {"drop": ["ALL"], "add": ["SYS_PTRACE"]}},
    ),
}

LOOSENED = {"loosened-security", "loosened-container"}
"""Variants that are meant not to pass Pod Security "restricted"."""
