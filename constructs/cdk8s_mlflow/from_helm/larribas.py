"""The chart larribas/mlflow 1.0.1."""

from __future__ import annotations

from cdk8s_mlflow.backend_store import BackendStore
from cdk8s_mlflow.exposure import ClusterIP, NodePort, Service
from cdk8s_mlflow.from_helm.conversion import Conversion
from cdk8s_mlflow.from_helm.parts import (
    ONE_WORKER,
    given_security,
    put_account,
    put_environment,
    put_flagged_stores,
    put_flags,
    put_image,
    put_ingress,
    put_pod,
    put_policy,
    put_replicas,
    put_resources,
    put_security,
    service_of,
)
from cdk8s_mlflow.from_helm.stores import LOST, backend_store_of, database, put_artifacts
from cdk8s_mlflow.from_helm.values import Key, below
from cdk8s_mlflow.observability import Metrics

KEYS: tuple[Key, ...] = (
    *below(
        "backendStore",
        Key("filepath", None, "backend_store"),
        *below(
            "postgres",
            Key("username", None, "PostgreSQL.user"),
            Key("password", None, "PostgreSQL.password"),
            Key("host", None, "PostgreSQL.host"),
            Key("port", None, "PostgreSQL.port"),
            Key("database", None, "PostgreSQL.database"),
        ),
    ),
    Key("defaultArtifactRoot", None, "artifact_store, with artifact_access=Direct() as clients had it"),
    Key("extraArgs", {}, "the prop of each flag, or extra_args"),
    Key("replicaCount", 1, "scaling"),
    *below(
        "image",
        Key("repository", "larribas/mlflow", "image"),
        Key("tag", None, "image"),
        Key("pullPolicy", "IfNotPresent", "Image.pull_policy"),
    ),
    Key("imagePullSecrets", [], "Image.pull_secrets"),
    Key("nameOverride", "", "label_name"),
    Key("fullnameOverride", "", "name"),
    *below(
        "serviceAccount",
        Key("create", True, "service_account"),
        Key("annotations", {}, "ServiceAccount.annotations"),
        Key("name", None, "ServiceAccount.name"),
    ),
    Key("podSecurityContext", {}, "pod_security_context, over ours, which passes Pod Security restricted"),
    Key("securityContext", {}, "security_context, over ours, which passes Pod Security restricted"),
    *below("service", Key("type", "NodePort", "service"), Key("port", 5000, "the Service's port")),
    *below(
        "ingress",
        Key("enabled", False, "exposure"),
        Key("annotations", {}, "Ingress.annotations"),
        Key("hosts", [{"host": "chart-example.local", "paths": []}], "Ingress.hosts"),
        Key("tls", [], "Ingress.tls"),
    ),
    Key("resources", {}, "resources"),
    Key("nodeSelector", {}, "node_selector"),
    Key("tolerations", [], "tolerations"),
    Key("affinity", {}, "affinity"),
    *below("prometheus", Key("expose", False, "metrics")),
    Key("podAnnotations", {}, "pod_annotations"),
)


def convert(conversion: Conversion) -> None:
    """Set the props."""
    values, props = conversion.values, conversion.props
    put_image(conversion, values.text("image.repository"), values.text("image.tag"), ("larribas/mlflow", "1.7.2"))
    flags = put_flags(conversion, "extraArgs", values.mapping("extraArgs"))
    store = _backend_store(conversion)
    if store is not None:
        props["backend_store"] = store
    elif "backend-store-uri" not in flags:
        conversion.note("backendStore", "changed", f"SQLite() on a volume: {LOST}")
    put_flagged_stores(conversion, "extraArgs", flags)
    if "artifact_store" not in props:
        put_artifacts(conversion, "defaultArtifactRoot", values.text("defaultArtifactRoot"), proxied=False)
    if values.flag("prometheus.expose"):
        props["metrics"] = Metrics()
    put_replicas(conversion, "replicaCount", values.number("replicaCount"))
    if "workers" not in props:
        conversion.note("(workers)", "changed", ONE_WORKER)
    _put_service(conversion)
    put_ingress(conversion, "", "ImplementationSpecific")
    put_account(conversion, "serviceAccount")
    put_resources(conversion, "resources")
    put_pod(conversion, annotations="podAnnotations")
    put_security(
        conversion, given_security(conversion, "podSecurityContext"), given_security(conversion, "securityContext")
    )
    put_environment(conversion)
    put_policy(conversion)


def _backend_store(conversion: Conversion) -> BackendStore | None:
    values = conversion.values
    file = values.text("backendStore.filepath")
    fields = {name: values.text(f"backendStore.postgres.{name}") for name in ("username", "host", "port", "database")}
    if file:
        values.unused("backendStore.postgres", "since backendStore.filepath is given")
        return backend_store_of(conversion, "backendStore.filepath", file, "database")
    if not values.is_given("backendStore.postgres") or not any(fields.values()):
        return None
    for name, value in fields.items():
        if not value:
            values.fail(f"backendStore.postgres.{name}", "must be given, as the chart wants it", "nothing", "write it")
    password = values.text("backendStore.postgres.password")
    if not password:
        values.fail("backendStore.postgres.password", "must be given, as the chart wants it", "nothing", "write it")
        return None
    path = "backendStore.postgres.password"
    source = conversion.secret(path, password, "postgres", "password", (f"{conversion.name}-postgres", "password"))
    port = values.number("backendStore.postgres.port") if fields["port"] else 5432
    return database(
        "postgresql",
        "",
        {
            "host": fields["host"],
            "port": port,
            "database": fields["database"],
            "user": fields["username"],
            "password": source,
        },
    )


def _put_service(conversion: Conversion) -> None:
    values, port = conversion.values, conversion.values.number("service.port")
    service: Service | None = service_of(conversion, "service", port, {})
    if isinstance(service, NodePort) and not (conversion.takes_over or values.is_given("service.type")):
        text = "ClusterIP: the chart opened a port of every node; write service=NodePort() if somebody comes that way"
        conversion.note("service.type", "decide", text)
        service = None if port == ClusterIP().port else ClusterIP(port=port)
    if service is not None:
        conversion.props["service"] = service
