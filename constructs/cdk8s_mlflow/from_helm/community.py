"""The chart community-charts/mlflow 1.11."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import attrs

from cdk8s_mlflow.artifact_store import ArtifactStore
from cdk8s_mlflow.artifact_store.access import Direct
from cdk8s_mlflow.artifact_store.azure_blob import AzureAccessKey, AzureBlob, AzureConnectionString
from cdk8s_mlflow.artifact_store.s3 import S3Credentials
from cdk8s_mlflow.authentication.basic_auth import BasicAuth
from cdk8s_mlflow.backend_store import BackendStore
from cdk8s_mlflow.backend_store.database_uri import DatabaseUri
from cdk8s_mlflow.from_helm.community_logins import put_ldap, put_oidc, put_proxy
from cdk8s_mlflow.from_helm.conversion import Conversion
from cdk8s_mlflow.from_helm.parts import (
    BESIDE,
    CONTAINERS,
    ONE_WORKER,
    PROBES,
    administrator,
    given_security,
    put_account,
    put_autoscaling,
    put_environment,
    put_flagged_stores,
    put_flags,
    put_image,
    put_ingress,
    put_keys,
    put_names,
    put_pod,
    put_policy,
    put_replicas,
    put_resources,
    put_security,
    service_of,
    take_volumes,
    texts,
)
from cdk8s_mlflow.from_helm.stores import check_driver, database, gcs, put_artifacts, s3, sqlite
from cdk8s_mlflow.from_helm.values import Key, below, changed, decide, gone
from cdk8s_mlflow.needs import SecretSource
from cdk8s_mlflow.observability import Logs, Metrics, ServiceMonitor
from cdk8s_mlflow.peers import NamespacePeer
from cdk8s_mlflow.secrets import ExistingSecret

_WAIT = "the init container of the migration waits for the database, with the server's own image"
_SUBCHART = "the database of the subchart goes on as it is: keep its objects, or move to CloudNativePG()"
_MINIO = "the MinIO of the subchart goes on as it is: keep its objects, or move its bucket"
_PORT = 5000
_FLASK = "MLFLOW_FLASK_SERVER_SECRET_KEY"
_PROBE_KEYS = ("initialDelaySeconds", "periodSeconds", "timeoutSeconds", "failureThreshold")
_SECURITY = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "privileged": False,
    "runAsUser": 1001,
    "runAsGroup": 1001,
}
_HPA = [
    {"type": "Resource", "resource": {"name": name, "target": {"type": "Utilization", "averageUtilization": 80}}}
    for name in ("memory", "cpu")
]


def _server(port: int, store: str, user: str = "user", driver: str = "") -> tuple[Key, ...]:
    return (
        Key("enabled", False, f"the {store} store"),
        Key("host", "", f"{store}.host"),
        Key("port", port, f"{store}.port"),
        Key("database", "", f"{store}.database"),
        Key(user, "", f"{store}.user"),
        Key("password", "", f"{store}.password"),
        Key("driver", driver, f"{store}'s driver"),
    )


def _secret(where: str, user: str = "username", password: str = "password") -> tuple[Key, ...]:  # noqa: S107
    return (
        Key("name", "", f"{where}: references to the same Secret"),
        Key("usernameKey", user, f"{where}.user"),
        Key("passwordKey", password, f"{where}.password"),
    )


_LDAP = "LDAP is not carried over: write authentication=LdapAuth(...) with this value"
_OIDC = "OpenID Connect is not carried over: write authentication=OidcAuth(...) with this value"
_PROXY = "oauth2-proxy is not carried over: write authentication=OAuth2Proxy(...) with this value"

KEYS: tuple[Key, ...] = (
    Key("replicaCount", 1, "scaling"),
    *below(
        "image",
        Key("repository", "burakince/mlflow", "image"),
        Key("pullPolicy", "IfNotPresent", "Image.pull_policy"),
        Key("tag", "", "image"),
        Key("digest", "", "Image.digest"),
    ),
    *(
        gone(f"initImages.{name}.{part}", default, _WAIT)
        for name, image in (
            ("dbchecker", ("busybox", "IfNotPresent", "1.38.0")),
            ("mlflowDbMigration", ("burakince/mlflow", "IfNotPresent", "")),
            ("iniFileInitializer", ("busybox", "IfNotPresent", "1.38.0")),
        )
        for part, default in zip(("repository", "pullPolicy", "tag"), image, strict=True)
    ),
    *below(
        "strategy",
        gone("type", "RollingUpdate", "rollouts follow from the stores: without a gap, or Recreate for one writer"),
        gone("rollingUpdate", {"maxSurge": "100%", "maxUnavailable": 0}, "one more pod at a time, and none less"),
    ),
    Key("imagePullSecrets", [], "Image.pull_secrets"),
    Key("nameOverride", "", "label_name"),
    Key("fullnameOverride", "", "name"),
    gone("revisionHistoryLimit", None, "Kubernetes' own, 10: history is in git"),
    *below(
        "serviceAccount",
        Key("create", True, "service_account"),
        changed("automount", True, "never: MLflow asks the Kubernetes API nothing"),
        Key("annotations", {}, "ServiceAccount.annotations"),
        Key("name", "", "ServiceAccount.name"),
    ),
    gone("deploymentAnnotations", {}, "reloader=Reloader() if it was for that; else patch Mlflow.api_objects"),
    Key("podAnnotations", {}, "pod_annotations"),
    Key("extraPodLabels", {}, "pod_labels"),
    Key(
        "podSecurityContext",
        {"fsGroup": 1001, "fsGroupChangePolicy": "OnRootMismatch"},
        "pod_security_context, over ours, which is stricter",
    ),
    Key("securityContext", _SECURITY, "security_context, over ours, which is stricter"),
    *below(
        "service",
        Key("enabled", True, "nothing: the chart does not read it"),
        Key("type", "ClusterIP", "service"),
        Key("port", 80, "the Service's port"),
        Key("name", "http", "the Service's port_name"),
        changed("containerPort", 5000, "5000, in any case"),
        changed("containerPortName", "mlflow", "http, in any case"),
        Key("annotations", {}, "the Service's annotations"),
    ),
    *below(
        "log",
        Key("enabled", True, "MLflow's own logging"),
        Key("level", "info", "Logs.level"),
    ),
    gone("telemetry.enabled", False, "telemetry is off in any case"),
    *below(
        "backendStore",
        changed("databaseMigration", False, "migration=Migration(), the default: replicas take turns under a lock"),
        gone("databaseConnectionCheck", False, _WAIT),
        Key("defaultSqlitePath", ":memory:", "SQLite on its volume"),
        *below("postgres", *_server(5432, "PostgreSQL")),
        *below("mysql", *_server(3306, "MySQL", driver="pymysql")),
        *below(
            "mssql",
            *_server(1433, "SQLServer", driver="pymssql"),
            Key("connectionUrl", "", "DatabaseUri"),
            *below(
                "existingConnectionUrlSecret", Key("name", "", "DatabaseUri.uri"), Key("key", "", "DatabaseUri.uri")
            ),
        ),
        *below("existingDatabaseSecret", *_secret("the store")),
    ),
    Key("postgresql", {"enabled": False, "auth": {"username": "", "database": "mlflow"}}, "nothing: it is not enabled"),
    Key("mysql", {"enabled": False, "auth": {"username": "", "database": "mlflow"}}, "nothing: it is not enabled"),
    Key("minio", {"enabled": False, "buckets": [{"name": "mlflow"}]}, "nothing: it is not enabled"),
    *below(
        "artifactRoot",
        Key("proxiedArtifactStorage", False, "artifact_access"),
        Key("defaultArtifactRoot", "./mlruns", "artifact_store"),
        Key("defaultArtifactsDestination", "./mlartifacts", "artifact_store"),
        *below(
            "azureBlob",
            Key("enabled", False, "artifact_store"),
            Key("container", "", "AzureBlob.container"),
            Key("storageAccount", "", "AzureBlob.storage_account"),
            Key("path", "", "AzureBlob.prefix"),
            Key("connectionString", "", "AzureBlob.credentials"),
            Key("accessKey", "", "AzureBlob.credentials"),
        ),
        *below(
            "s3",
            Key("enabled", False, "artifact_store"),
            Key("bucket", "", "S3.bucket"),
            Key("path", "", "S3.prefix"),
            Key("awsAccessKeyId", "", "S3.credentials"),
            Key("awsSecretAccessKey", "", "S3.credentials"),
            *below(
                "existingSecret",
                Key("name", "", "S3.credentials: references to the same Secret"),
                Key("keyOfAccessKeyId", "AWS_ACCESS_KEY_ID", "S3Credentials.access_key_id"),
                Key("keyOfSecretAccessKey", "AWS_SECRET_ACCESS_KEY", "S3Credentials.secret_access_key"),
            ),
        ),
        *below(
            "gcs",
            Key("enabled", False, "artifact_store"),
            Key("bucket", "", "GCS.bucket"),
            Key("path", "", "GCS.prefix"),
        ),
    ),
    Key("flaskServerSecretKey", "", "BasicAuth.flask_secret_key"),
    *below(
        "auth",
        Key("enabled", False, "authentication=BasicAuth(...)"),
        Key("adminUsername", "", "BasicAuth.admin_username"),
        Key("adminPassword", "", "BasicAuth.admin_password"),
        *below("existingAdminSecret", *_secret("BasicAuth")),
        Key("defaultPermission", "READ", "BasicAuth.default_permission"),
        changed("appName", "basic-auth", "basic-auth"),
        decide(
            "authorizationFunction",
            "mlflow.server.auth:authenticate_request_basic_auth",
            "BasicAuth has MLflow's own; a function of yours is a method of its own",
        ),
        Key("sqliteFile", "basic_auth.db", "BasicAuth.user_store"),
        Key("sqliteFullPath", "", "BasicAuth.user_store"),
        gone("configPath", "/etc/mlflow/auth/", "we mount the ini ourselves, without secrets in it"),
        gone("configFile", "basic_auth.ini", "we mount the ini ourselves, without secrets in it"),
        *below(
            "postgres",
            *_server(5432, "BasicAuth.user_store"),
            *below("existingSecret", *_secret("BasicAuth.user_store")),
        ),
    ),
    *below(
        "ldapAuth",
        *(
            decide(name, default, _LDAP)
            for name, default in {
                "enabled": False,
                "uri": "",
                "tlsVerification": "required",
                "lookupBind": "",
                "groupAttribute": "dn",
                "groupAttributeKey": "",
                "searchBaseDistinguishedName": "",
                "searchFilter": "(&(objectclass=groupOfUniqueNames)(uniquemember=%s))",
                "adminGroupDistinguishedName": "",
                "userGroupDistinguishedName": "",
                "encodedTrustedCACertificate": "",
                "externalSecretForTrustedCACertificate": "",
            }.items()
        ),
    ),
    *below(
        "autoscaling",
        Key("enabled", False, "scaling"),
        Key("minReplicas", 1, "scaling"),
        Key("maxReplicas", 5, "scaling"),
        Key("metrics", _HPA, "scaling"),
        Key("behavior", {}, "scaling"),
    ),
    Key("extraArgs", {}, "the prop of each flag, or extra_args"),
    Key("extraFlags", [], "the prop of each flag, or extra_args"),
    Key("extraEnvVars", {}, "the prop of each variable, or extra_env"),
    Key("extraSecretNamesForEnvFrom", [], "env_from"),
    *below(
        "ingress",
        Key("enabled", False, "exposure"),
        Key("className", "", "Ingress.ingress_class_name"),
        Key("annotations", {}, "Ingress.annotations"),
        Key(
            "hosts",
            [{"host": "chart-example.local", "paths": [{"path": "/", "pathType": "ImplementationSpecific"}]}],
            "Ingress.hosts",
        ),
        Key("tls", [], "Ingress.tls"),
    ),
    Key("corsAllowedOrigins", [], "cors_allowed_origins, beside those that are known"),
    Key("serverAllowedHosts", [], "allowed_hosts, beside those that are known"),
    gone("serverHost", "0.0.0.0", "a login that stands before MLflow hides it by itself"),  # noqa: S104
    Key("resources", {}, "resources"),
    *below(
        "serviceMonitor",
        decide("enabled", False, "metrics=Metrics(); the monitor is a prop of it"),
        *(
            decide(name, default, "the monitor is a prop of Metrics")
            for name, default in {
                "useServicePort": False,
                "namespace": "monitoring",
                "interval": "30s",
                "telemetryPath": "/metrics",
                "labels": {"release": "prometheus"},
                "timeout": "10s",
                "targetLabels": [],
                "metricRelabelings": [],
            }.items()
        ),
    ),
    Key("nodeSelector", {}, "node_selector"),
    Key("tolerations", [], "tolerations"),
    Key("affinity", {}, "affinity"),
    Key("priorityClassName", "", "priority_class_name"),
    gone("extraDeploy", [], BESIDE),
    decide("initContainers", [], CONTAINERS),
    decide("extraContainers", [], CONTAINERS),
    Key("extraVolumes", [], "the stores' volumes"),
    Key("extraVolumeMounts", [], "the stores' volumes"),
    *(
        gone(f"{probe}.{name}", default, PROBES)
        for probe in ("livenessProbe", "readinessProbe")
        for name, default in zip(_PROBE_KEYS, (10, 30, 3, 5), strict=True)
    ),
    *below(
        "oauth2Proxy",
        *(
            decide(name, default, _PROXY)
            for name, default in {
                "enabled": False,
                "createSecret": False,
                "existingSecret": {},
                "image": {},
                "listenPort": 4180,
                "cookieSecret": "",
                "provider": {},
                "extraArgs": [],
                "extraEnv": {},
                "resources": {},
            }.items()
        ),
    ),
    *below(
        "oidcAuth",
        *(
            decide(name, default, _OIDC)
            for name, default in {
                "enabled": False,
                "discoveryUrl": "",
                "clientId": "",
                "clientSecret": "",
                "existingSecret": {},
                "redirectUri": "",
                "scope": "openid,email,profile",
                "audience": "",
                "providerDisplayName": "Login with OIDC",
                "groupsAttribute": "groups",
                "groupName": [],
                "adminGroupName": [],
                "defaultPermission": "MANAGE",
                "sessionCookieSecure": True,
                "sessionCookieSamesite": "lax",
                "cache": {},
                "database": {},
                "trustedProxies": [],
            }.items()
        ),
    ),
)


def convert(conversion: Conversion) -> None:
    """Set the props."""
    values, props = conversion.values, conversion.props
    default = ("burakince/mlflow", "3.15.1")
    put_image(
        conversion, values.text("image.repository"), values.text("image.tag"), default, values.text("image.digest")
    )
    take_volumes(conversion, "extraVolumes", "extraVolumeMounts")
    variables = values.mapping("extraEnvVars")
    conversion.add_environment("extraEnvVars", [{"name": name, "value": value} for name, value in variables.items()])
    flags = put_flags(conversion, "extraArgs", values.mapping("extraArgs"))
    flags |= put_flags(conversion, "extraFlags", {str(flag): True for flag in values.items("extraFlags")})
    store = _backend_store(conversion)
    if store is not None:
        props["backend_store"] = store
    _put_artifacts(conversion)
    put_flagged_stores(conversion, "extraArgs", flags)
    _put_login(conversion)
    if "workers" not in props:
        conversion.note("(workers)", "changed", ONE_WORKER)
    _put_doors(conversion)
    if conversion.takes_over and values.number("service.containerPort") != _PORT:
        text = "the old pods must be found under our port: set it to 5000 by `helm upgrade` before the take-over"
        conversion.note("service.containerPort", "decide", text)
    _put_pods(conversion)
    put_environment(conversion)
    put_keys(conversion)
    put_policy(conversion)


# --- Stores ------------------------------------------------------------------------------------------------


def _backend_store(conversion: Conversion) -> BackendStore | None:
    values = conversion.values
    for chart, engine in (("postgresql", "postgresql"), ("mysql", "mysql")):
        if values.mapping(chart).get("enabled"):
            return _subchart(conversion, chart, engine)
    for name, engine in (("postgres", "postgresql"), ("mysql", "mysql"), ("mssql", "mssql")):
        if values.flag(f"backendStore.{name}.enabled"):
            values.unused("backendStore.defaultSqlitePath", "since a database is enabled")
            return _external(conversion, f"backendStore.{name}", engine)
        values.unused(f"backendStore.{name}", f"since backendStore.{name}.enabled is false")
    return sqlite(conversion, "backendStore.defaultSqlitePath", values.text("backendStore.defaultSqlitePath"))


def _subchart(conversion: Conversion, chart: str, engine: str) -> BackendStore:
    found = conversion.values.mapping(chart)
    login = found.get("auth") or {}
    user = str(login.get("username") or "")
    administrator = {"postgresql": ("postgres", "postgres-password"), "mysql": ("root", "mysql-root-password")}[engine]
    conversion.note(chart, "decide", _SUBCHART)
    return database(
        engine,
        "",
        {
            "host": f"{conversion.name}-{chart}",
            "database": str(login.get("database") or "mlflow"),
            "user": user or administrator[0],
            "password": ExistingSecret(f"{conversion.name}-{chart}", "password" if user else administrator[1]),
        },
    )


def _external(conversion: Conversion, path: str, engine: str) -> BackendStore | None:
    values = conversion.values
    if engine == "mssql":
        name = values.text(f"{path}.existingConnectionUrlSecret.name")
        if name:
            return DatabaseUri(
                uri=ExistingSecret(name, values.text(f"{path}.existingConnectionUrlSecret.key")), engine="mssql"
            )
        if url := values.text(f"{path}.connectionUrl"):
            source = conversion.secret(f"{path}.connectionUrl", url, "database", "uri")
            return DatabaseUri(uri=source, engine="mssql")
    made = {
        "postgresql": "PGPASSWORD",
        "mysql": "MYSQL_PWD",
        "mssql": "MSSQL_PWD",
    }[engine]
    return _server_of(
        conversion,
        path,
        engine,
        existing="backendStore.existingDatabaseSecret",
        purpose="database",
        made=(f"{conversion.name}-env-secret", made),
    )


def _server_of(
    conversion: Conversion, path: str, engine: str, *, existing: str, purpose: str, made: tuple[str, str]
) -> BackendStore:
    values = conversion.values
    driver = values.text(f"{path}.driver")
    check_driver(conversion, f"{path}.driver", engine, driver)
    for name in ("host", "database"):
        if not values.text(f"{path}.{name}"):
            values.fail(f"{path}.{name}", "must be given, as the chart wants it", "nothing", "write it")
    user: str | SecretSource = values.text(f"{path}.user")
    if name := values.text(f"{existing}.name"):
        user = ExistingSecret(name, values.text(f"{existing}.usernameKey"))
        password: SecretSource = ExistingSecret(name, values.text(f"{existing}.passwordKey"))
        for part in ("user", "password"):
            values.unused(f"{path}.{part}", f"since {existing}.name is given")
    else:
        text = values.text(f"{path}.password")
        if not text or not user:
            what = "user" if text else "password"
            values.fail(f"{path}.{what}", "must be given, as the chart wants it", "nothing", f"write it, or {existing}")
        password = conversion.secret(f"{path}.password", text, purpose, "password", made)
    return database(
        engine,
        driver,
        {
            "host": values.text(f"{path}.host"),
            "port": values.number(f"{path}.port"),
            "database": values.text(f"{path}.database"),
            "user": user,
            "password": password,
        },
    )


def _put_artifacts(conversion: Conversion) -> None:
    values, props = conversion.values, conversion.props
    proxied = values.flag("artifactRoot.proxiedArtifactStorage")
    kinds = {"azureBlob": _azure, "s3": _s3, "gcs": _gcs}
    store: ArtifactStore | None = None
    for kind, make in kinds.items():
        if store is None and values.flag(f"artifactRoot.{kind}.enabled"):
            store = make(conversion)
        else:
            values.unused(f"artifactRoot.{kind}", f"since artifactRoot.{kind}.enabled is false")
    root, destination = "artifactRoot.defaultArtifactRoot", "artifactRoot.defaultArtifactsDestination"
    if store is None:
        path = destination if proxied else root
        values.unused(root if proxied else destination, "by artifactRoot.proxiedArtifactStorage")
        put_artifacts(conversion, path, values.text(path), proxied=proxied)
        return
    for path in (root, destination):
        values.unused(path, "since an object store is enabled")
    props["artifact_store"] = store
    if not proxied:
        props["artifact_access"] = Direct()


def _prefix(conversion: Conversion, path: str) -> str | None:
    return conversion.values.text(path).strip("/") or None


def _azure(conversion: Conversion) -> ArtifactStore:
    values, path = conversion.values, "artifactRoot.azureBlob"
    credentials: AzureAccessKey | AzureConnectionString | None = None
    secret = f"{conversion.name}-env-secret"
    if text := values.text(f"{path}.connectionString"):
        made = (secret, "AZURE_STORAGE_CONNECTION_STRING")
        source = conversion.secret(f"{path}.connectionString", text, "azure", "connection-string", made)
        credentials = AzureConnectionString(source)
    elif key := values.text(f"{path}.accessKey"):
        made = (secret, "AZURE_STORAGE_ACCESS_KEY")
        credentials = AzureAccessKey(conversion.secret(f"{path}.accessKey", key, "azure", "access-key", made))
    return AzureBlob(
        storage_account=values.text(f"{path}.storageAccount"),
        container=values.text(f"{path}.container"),
        prefix=_prefix(conversion, f"{path}.path"),
        credentials=credentials,
    )


def _s3(conversion: Conversion) -> ArtifactStore:
    values, path = conversion.values, "artifactRoot.s3"
    bucket = values.text(f"{path}.bucket")
    credentials: S3Credentials | None = None
    key_id, key = values.text(f"{path}.awsAccessKeyId"), values.text(f"{path}.awsSecretAccessKey")
    minio = values.mapping("minio")
    if name := values.text(f"{path}.existingSecret.name"):
        credentials = S3Credentials(
            access_key_id=ExistingSecret(name, values.text(f"{path}.existingSecret.keyOfAccessKeyId")),
            secret_access_key=ExistingSecret(name, values.text(f"{path}.existingSecret.keyOfSecretAccessKey")),
        )
    elif minio.get("enabled"):
        conversion.note("minio", "decide", _MINIO)
        secret = f"{conversion.name}-minio"
        credentials = S3Credentials(
            access_key_id=ExistingSecret(secret, "rootUser"), secret_access_key=ExistingSecret(secret, "rootPassword")
        )
        bucket = bucket or str((minio.get("buckets") or [{}])[0].get("name") or "")
        endpoint = {"name": "MLFLOW_S3_ENDPOINT_URL", "value": f"http://{conversion.name}-minio:9000"}
        conversion.add_environment("minio", [endpoint])
    elif key_id and key:
        made = f"{conversion.name}-env-secret"
        credentials = S3Credentials(
            access_key_id=conversion.secret(
                f"{path}.awsAccessKeyId", key_id, "s3", "access-key-id", (made, "AWS_ACCESS_KEY_ID")
            ),
            secret_access_key=conversion.secret(
                f"{path}.awsSecretAccessKey", key, "s3", "secret-access-key", (made, "AWS_SECRET_ACCESS_KEY")
            ),
        )
    return s3(conversion, bucket=bucket, prefix=_prefix(conversion, f"{path}.path"), credentials=credentials)


def _gcs(conversion: Conversion) -> ArtifactStore:
    bucket = conversion.values.text("artifactRoot.gcs.bucket")
    return gcs(conversion, bucket=bucket, prefix=_prefix(conversion, "artifactRoot.gcs.path"))


# --- Login -------------------------------------------------------------------------------------------------


def _put_login(conversion: Conversion) -> None:
    values = conversion.values
    for group, put in (("ldapAuth", put_ldap), ("oauth2Proxy", put_proxy), ("oidcAuth", put_oidc), ("auth", None)):
        if not values.flag(f"{group}.enabled"):
            values.unused(group, f"since {group}.enabled is false")
        elif put is not None:
            put(conversion)
    if not values.flag("auth.enabled"):
        values.unused("flaskServerSecretKey", "without a login")
        return
    given: dict[str, Any] = {}
    if name := values.text("auth.existingAdminSecret.name"):
        given["admin_password"] = ExistingSecret(name, values.text("auth.existingAdminSecret.passwordKey"))
        text = (
            f"the user name is in the Secret {name!r}, and we must know it: write admin_username unless it is 'admin'"
        )
        conversion.note("auth.existingAdminSecret.usernameKey", "decide", text)
        conversion.note("auth.existingAdminSecret.name", "decide", text)
    else:
        made = (f"{conversion.name}-auth-admin-secret", "password")
        given |= administrator(conversion, "auth.adminUsername", "auth.adminPassword", made)
    permission = values.text("auth.defaultPermission")
    if permission != "READ":
        given["default_permission"] = permission
    if key := values.text("flaskServerSecretKey"):
        made = (f"{conversion.name}-flask-server-secret-key", _FLASK)
        given["flask_secret_key"] = conversion.secret("flaskServerSecretKey", key, "keys", "flask-key", made)
    if values.flag("auth.postgres.enabled"):
        path = "auth.postgres"
        made = (f"{conversion.name}-auth-pg-secret", "password")
        existing = f"{path}.existingSecret"
        given["user_store"] = _server_of(conversion, path, "postgresql", existing=existing, purpose="users", made=made)
    else:
        values.unused("auth.postgres", "since auth.postgres.enabled is false")
        text = "tables of their own in the backend store: make the users again, the chart's are in its file"
        conversion.note("auth.sqliteFile", "changed", text)
        conversion.note("auth.sqliteFullPath", "changed", text)
    conversion.props["authentication"] = BasicAuth(**given)


# --- Pods --------------------------------------------------------------------------------------------------


def _put_scaling(conversion: Conversion) -> None:
    values = conversion.values
    if not values.flag("autoscaling.enabled"):
        values.unused("autoscaling", "since autoscaling.enabled is false")
        put_replicas(conversion, "replicaCount", values.number("replicaCount"))
        return
    values.unused("replicaCount", "since autoscaling.enabled is true")
    bounds = values.number("autoscaling.minReplicas"), values.number("autoscaling.maxReplicas")
    put_autoscaling(conversion, "autoscaling", bounds, _cpu_percent(values.mappings("autoscaling.metrics")))
    scaling = conversion.props.get("scaling")
    if scaling is not None and (behavior := values.mapping("autoscaling.behavior")):
        conversion.props["scaling"] = attrs.evolve(scaling, behavior=behavior)


def _cpu_percent(metrics: list[dict[str, Any]]) -> int | None:
    for metric in metrics:
        resource = metric.get("resource") or {}
        if resource.get("name") == "cpu":
            return (resource.get("target") or {}).get("averageUtilization")
    return None


def _put_doors(conversion: Conversion) -> None:
    values, props = conversion.values, conversion.props
    service = service_of(conversion, "service", values.number("service.port"), values.mapping("service.annotations"))
    if service is not None:
        props["service"] = service
        if not values.is_given("service.port"):
            conversion.note("service.port", "carried over", "port 80 of the Service, which clients know; ours is 5000")
    put_ingress(conversion, values.text("ingress.className"), "ImplementationSpecific")
    put_names(
        conversion, "serverAllowedHosts", "allowed_hosts", [str(item) for item in values.items("serverAllowedHosts")]
    )
    origins = [str(item) for item in values.items("corsAllowedOrigins")]
    put_names(conversion, "corsAllowedOrigins", "cors_allowed_origins", origins)
    if values.flag("serviceMonitor.enabled"):
        props["metrics"] = _metrics(conversion)
    else:
        values.unused("serviceMonitor", "since serviceMonitor.enabled is false")


def _metrics(conversion: Conversion) -> Metrics:
    values, path = conversion.values, "serviceMonitor"
    namespace, interval = values.text(f"{path}.namespace"), values.text(f"{path}.interval")
    given: dict[str, Any] = {"labels": texts(values.mapping(f"{path}.labels")), "namespace": namespace or None}
    if found := re.fullmatch(r"(\d+)(s|m)", interval):
        given["interval"] = timedelta(seconds=int(found[1]) * {"s": 1, "m": 60}[found[2]])
    for key in ("enabled", "labels", "namespace", "interval"):
        if values.is_given(f"{path}.{key}"):
            conversion.note(f"{path}.{key}", "carried over", "Metrics.monitor=ServiceMonitor(...)")
    allowed = [NamespacePeer(namespace)] if namespace else []
    return Metrics(monitor=ServiceMonitor(**given), allowed_from=allowed)


def _put_pods(conversion: Conversion) -> None:
    values, props = conversion.values, conversion.props
    put_account(conversion, "serviceAccount")
    put_resources(conversion, "resources")
    _put_scaling(conversion)
    put_pod(conversion, annotations="podAnnotations", labels="extraPodLabels")
    if name := values.text("priorityClassName"):
        props["priority_class_name"] = name
    if names := values.items("extraSecretNamesForEnvFrom"):
        props["env_from"] = [{"secretRef": {"name": str(name)}} for name in names]
    level = values.text("log.level").upper()
    if values.flag("log.enabled") and level != "INFO":
        props["logs"] = Logs(level=level)  # type: ignore[arg-type]
    pod, container = given_security(conversion, "podSecurityContext"), given_security(conversion, "securityContext")
    if conversion.claims:
        users = values.mapping("securityContext")
        container = {key: users[key] for key in ("runAsUser", "runAsGroup") if users.get(key) is not None} | container
        group = values.mapping("podSecurityContext").get("fsGroup")
        pod = ({"fsGroup": group} if group is not None else {}) | pod
        conversion.note("securityContext", "carried over", "security_context: the files of the volume are this user's")
    put_security(conversion, pod, container)
