"""MLflow's own chart, ghcr.io/mlflow/charts/mlflow."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from cdk8s_mlflow.authentication.basic_auth import BasicAuth
from cdk8s_mlflow.backend_store.database_uri import DatabaseUri
from cdk8s_mlflow.from_helm.conversion import Conversion, MountedClaim
from cdk8s_mlflow.from_helm.parts import (
    BESIDE,
    CONTAINERS,
    ONE_WORKER,
    PROBES,
    given_security,
    put_account,
    put_environment,
    put_flagged_stores,
    put_flags,
    put_image,
    put_ingress,
    put_keys,
    put_pod,
    put_policy,
    put_replicas,
    put_resources,
    put_security,
    service_of,
    take_volumes,
)
from cdk8s_mlflow.from_helm.stores import backend_store_of, new_claim, put_artifacts
from cdk8s_mlflow.from_helm.values import Key, below, changed, decide, gone
from cdk8s_mlflow.observability import Metrics
from cdk8s_mlflow.operations import GarbageCollection
from cdk8s_mlflow.peers import Endpoint
from cdk8s_mlflow.props import NetworkPolicy
from cdk8s_mlflow.secrets import ExistingSecret
from cdk8s_mlflow.server_tls import TlsSecret
from cdk8s_mlflow.volumes import ExistingVolumeClaim

_GC_RESOURCES = {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"cpu": "500m", "memory": "512Mi"}}
_PROBE = {
    "liveness": (True, 15, 20, 1, 3),
    "readiness": (True, 5, 10, 1, 3),
    "startup": (True, 0, 10, 10, 30),
}
_PROBE_KEYS = ("enabled", "initialDelaySeconds", "periodSeconds", "timeoutSeconds", "failureThreshold")
_ROLES = f"MLflow asks the Kubernetes API nothing; {BESIDE}"
_EXTERNAL = (
    "write ExternalSecret(store_name=..., remote_key=...) where the secret is used, with a SecretStore that exists"
)

KEYS: tuple[Key, ...] = (
    *below(
        "image",
        Key("repository", "ghcr.io/mlflow/mlflow", "image"),
        Key("tag", "", "image"),
        Key("pullPolicy", "IfNotPresent", "Image.pull_policy"),
    ),
    Key("imagePullSecrets", [], "Image.pull_secrets"),
    Key("fullnameOverride", "", "name"),
    Key("replicaCount", 1, "scaling"),
    gone("deploymentStrategy", {}, "rollouts follow from the stores: without a gap, or Recreate for one writer"),
    *below(
        "server",
        Key("value_options", {"host": "0.0.0.0", "port": 5000, "workers": 4}, "the prop of each flag, or extra_args"),  # noqa: S104
        Key("flag_options", [], "the prop of each flag, or extra_args"),
        Key("staticPrefix", "", "static_prefix"),
    ),
    *(
        gone(f"probes.{probe}.{name}", default, PROBES)
        for probe, defaults in _PROBE.items()
        for name, default in zip(_PROBE_KEYS, defaults, strict=True)
    ),
    *below(
        "garbageCollection",
        Key("enabled", False, "garbage_collection"),
        Key("schedule", "0 2 * * 0", "GarbageCollection.schedule"),
        Key("olderThan", "", "GarbageCollection.older_than"),
        gone("allWorkspaces", False, "our job follows the server's workspaces"),
        gone("extraVolumes", [], "our job has the stores' volumes"),
        gone("extraVolumeMounts", [], "our job has the stores' volumes"),
        Key("resources", _GC_RESOURCES, "GarbageCollection.resources"),
    ),
    *below(
        "service",
        Key("type", "ClusterIP", "service"),
        Key("annotations", {}, "the Service's annotations"),
        Key("port", "", "the Service's port"),
    ),
    *below(
        "ingress",
        Key("enabled", False, "exposure"),
        Key("className", "", "Ingress.ingress_class_name"),
        Key("annotations", {}, "Ingress.annotations"),
        Key("hosts", [{"host": "mlflow.local", "paths": [{"path": "/", "pathType": "Prefix"}]}], "Ingress.hosts"),
        Key("tls", [], "Ingress.tls"),
    ),
    *below(
        "mlflow",
        Key("backendStoreUri", "", "backend_store"),
        Key("backendStoreUriFrom", {}, "backend_store"),
        Key("registryStoreUri", "", "registry_store"),
        Key("registryStoreUriFrom", {}, "registry_store"),
        Key("defaultArtifactRoot", "", "artifact_store, with artifact_access=Direct() as clients had it"),
        Key("artifactsDestination", "", "artifact_store"),
    ),
    Key("env", [], "the prop of each variable, or extra_env"),
    Key("envFrom", [], "env_from"),
    Key("extraVolumes", [], "the stores' volumes"),
    Key("extraVolumeMounts", [], "the stores' volumes"),
    decide("extraInitContainers", [], CONTAINERS),
    decide("extraContainers", [], CONTAINERS),
    *below("tls", Key("enabled", False, "tls"), Key("secretName", "mlflow-tls", "TlsSecret.secret_name")),
    *below(
        "externalSecrets",
        decide("enabled", False, _EXTERNAL),
        decide("apiVersion", "external-secrets.io/v1", "the API is external-secrets.io/v1"),
        decide("provider", {}, _EXTERNAL),
        decide("refreshInterval", "1h", "ExternalSecret.refresh_interval"),
        decide("secretName", "", _EXTERNAL),
        decide("template", {}, _EXTERNAL),
        decide("data", [], _EXTERNAL),
    ),
    *below(
        "networkPolicy",
        Key("enabled", False, "network_policy, derived from all that is configured"),
        Key("additionalEgressRules", [], "NetworkPolicy.egress"),
    ),
    *below(
        "metrics",
        Key("enabled", False, "metrics"),
        changed("path", "/metrics", "/metrics, where MLflow has it"),
    ),
    *below(
        "serviceMonitor",
        decide("enabled", False, "metrics=Metrics(); the monitor is a prop of it"),
        decide("tlsConfig", {}, "the monitor follows tls by itself"),
    ),
    Key(
        "podSecurityContext",
        {"runAsNonRoot": True, "runAsUser": 1000, "fsGroup": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
        "pod_security_context, over ours, which is as strict",
    ),
    Key(
        "securityContext",
        {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "security_context, over ours, which is as strict",
    ),
    *below(
        "serviceAccount",
        Key("create", True, "service_account"),
        Key("name", "", "ServiceAccount.name"),
        Key("annotations", {}, "ServiceAccount.annotations"),
        changed("automountServiceAccountToken", False, "never: the server's pods have no token"),
    ),
    gone("namespace_rbac.extraRules", [], _ROLES),
    gone("cluster_rbac.extraRules", [], _ROLES),
    *below(
        "storage",
        Key("enabled", False, "the volume of the stores"),
        Key("size", "10Gi", "VolumeClaim.size"),
        Key("accessMode", "ReadWriteOnce", "VolumeClaim.access_modes"),
        Key("storageClassName", "", "VolumeClaim.storage_class_name"),
        changed("mountPath", "/mlflow", "/mlflow/data, by which no data knows itself"),
    ),
    Key("resources", {}, "resources"),
    Key("podAnnotations", {}, "pod_annotations"),
    Key("podLabels", {}, "pod_labels"),
    Key("nodeSelector", {}, "node_selector"),
    Key("tolerations", [], "tolerations"),
    Key("affinity", {}, "affinity"),
    Key("topologySpreadConstraints", [], "topology_spread_constraints"),
)


def convert(conversion: Conversion) -> None:
    """Set the props."""
    values, props = conversion.values, conversion.props
    repository, tag = values.text("image.repository"), values.text("image.tag")
    if tag or repository != "ghcr.io/mlflow/mlflow":
        put_image(conversion, repository, tag, ("", "v3.12.0-full"))
    else:
        conversion.note(
            "image.tag", "changed", "our own version of the same image; it migrates the database at first start"
        )
    _put_storage(conversion)
    take_volumes(conversion, "extraVolumes", "extraVolumeMounts")
    conversion.add_environment("env", values.mappings("env"))
    flags = put_flags(conversion, "server.value_options", _options(conversion))
    flags |= put_flags(
        conversion, "server.flag_options", {str(flag): True for flag in values.items("server.flag_options")}
    )
    _put_stores(conversion)
    put_flagged_stores(conversion, "server.value_options", flags)
    if prefix := values.text("server.staticPrefix").strip("/"):
        props["static_prefix"] = f"/{prefix}"
    if values.flag("metrics.enabled") or values.flag("serviceMonitor.enabled"):
        props["metrics"] = Metrics()
    if flags.get("app-name") == "basic-auth":
        _put_login(conversion)
    put_replicas(conversion, "replicaCount", values.number("replicaCount"))
    _put_collection(conversion)
    _put_doors(conversion)
    put_account(conversion, "serviceAccount")
    put_resources(conversion, "resources")
    put_pod(conversion, annotations="podAnnotations", labels="podLabels")
    if spread := values.items("topologySpreadConstraints"):
        props["topology_spread_constraints"] = spread
    if sources := values.items("envFrom"):
        props["env_from"] = sources
    _put_security(conversion)
    put_environment(conversion)
    put_keys(conversion)
    _put_policy(conversion)


def _options(conversion: Conversion) -> dict[str, Any]:
    values, path = conversion.values, "server.value_options"
    options = dict(values.mapping(path))
    if not values.is_given(f"{path}.workers"):
        del options["workers"]
        conversion.note(f"{path}.workers", "changed", ONE_WORKER)
    for name in ("host", "port"):
        if not values.is_given(f"{path}.{name}"):
            options.pop(name, None)
    return options


def _put_storage(conversion: Conversion) -> None:
    values = conversion.values
    if not values.flag("storage.enabled"):
        values.unused("storage", "since storage.enabled is false")
        return
    size, mode = values.text("storage.size"), values.text("storage.accessMode")
    if conversion.takes_over:
        text = f"the claim {conversion.name!r} that the chart has made"
        for name in ("enabled", "size", "accessMode", "storageClassName"):
            conversion.note(f"storage.{name}", "changed", text)
        claim: Any = ExistingVolumeClaim(claim_name=conversion.name, access_modes=[mode])  # type: ignore[list-item]
    else:
        claim = new_claim(size, values.text("storage.storageClassName"), [mode])
    conversion.claims.append(MountedClaim(values.text("storage.mountPath"), claim))


def _put_stores(conversion: Conversion) -> None:
    values, props = conversion.values, conversion.props
    for prop, key, purpose in (
        ("backend_store", "mlflow.backendStoreUri", "database"),
        ("registry_store", "mlflow.registryStoreUri", "registry"),
    ):
        reference = values.mapping(f"{key}From").get("secretKeyRef") or {}
        if reference:
            values.unused(key, f"since {key}From is given")
            engine = "mysql" if "mysql" in str(reference).lower() else "postgresql"
            source = ExistingSecret(str(reference.get("name")), str(reference.get("key")))
            props[prop] = DatabaseUri(uri=source, engine=engine)  # type: ignore[arg-type]
            conversion.note(
                f"{key}From",
                "decide",
                f"the Secret says which engine it is, and we must know: write DatabaseUri(engine=...) if not {engine}; "
                f"or {'PostgreSQL' if engine == 'postgresql' else 'MySQL'}(...), whose passwords need no URL encoding",
            )
        elif uri := values.text(key):
            store = backend_store_of(conversion, key, uri, purpose)
            if store is not None:
                props[prop] = store
        elif prop == "backend_store":
            values.fail(key, "must be given, as the chart wants it", "nothing", "write it, or backendStoreUriFrom")
    root, destination = values.text("mlflow.defaultArtifactRoot"), values.text("mlflow.artifactsDestination")
    if destination:
        put_artifacts(conversion, "mlflow.artifactsDestination", destination, proxied=True)
        if root and not root.startswith("mlflow-artifacts:"):
            text = f"artifactsDestination wins; experiments that stand at {root} stay there, and clients need its key"
            conversion.note("mlflow.defaultArtifactRoot", "changed", text)
    else:
        put_artifacts(conversion, "mlflow.defaultArtifactRoot", root, proxied=root.startswith("mlflow-artifacts:"))


def _put_login(conversion: Conversion) -> None:
    given: dict[str, Any] = {}
    key = conversion.take_secret("MLFLOW_FLASK_SERVER_SECRET_KEY", "keys", "flask-key")
    password = conversion.take_secret("MLFLOW_AUTH_ADMIN_PASSWORD", "admin", "password")
    user = conversion.take("MLFLOW_AUTH_ADMIN_USERNAME", text="BasicAuth.admin_username")
    if key is not None:
        given["flask_secret_key"] = key
    if password is not None:
        given["admin_password"] = password
    if user:
        given["admin_username"] = user
    file = conversion.take("MLFLOW_AUTH_CONFIG_PATH")
    conversion.props["authentication"] = BasicAuth(**given)
    if file:
        text = (
            f"BasicAuth() writes the ini itself, without any secret: say what {file} says "
            "(admin_username, admin_password, default_permission, user_store), and drop its volume"
        )
        conversion.note("env.MLFLOW_AUTH_CONFIG_PATH", "decide", text)


def _put_collection(conversion: Conversion) -> None:
    values = conversion.values
    if not values.flag("garbageCollection.enabled"):
        values.unused("garbageCollection", "since garbageCollection.enabled is false")
        return
    given: dict[str, Any] = {"schedule": values.text("garbageCollection.schedule")}
    text = values.text("garbageCollection.olderThan")
    found = re.fullmatch(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", text)
    if text and found:
        days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
        given["older_than"] = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    elif text:
        values.fail("garbageCollection.olderThan", "must be a time", repr(text), 'write one such as "30d"')
    else:
        conversion.note(
            "garbageCollection.olderThan",
            "changed",
            "30 days: the chart removed at once what somebody deleted; write older_than=timedelta(0) for that",
        )
    if values.is_given("garbageCollection.resources"):
        given["resources"] = values.mapping("garbageCollection.resources")
    conversion.props["garbage_collection"] = GarbageCollection(**given)


def _put_doors(conversion: Conversion) -> None:
    values, props = conversion.values, conversion.props
    options = values.mapping("server.value_options")
    port = values.get("service.port") or options.get("port") or 5000
    service = service_of(conversion, "service", int(port), values.mapping("service.annotations"))
    if service is not None:
        props["service"] = service
    put_ingress(conversion, values.text("ingress.className"), "Prefix")
    if values.flag("tls.enabled"):
        props["tls"] = TlsSecret(secret_name=values.text("tls.secretName"))
    else:
        values.unused("tls", "since tls.enabled is false")
    if not values.flag("externalSecrets.enabled"):
        values.unused("externalSecrets", "since externalSecrets.enabled is false")


def _put_security(conversion: Conversion) -> None:
    pod = given_security(conversion, "podSecurityContext")
    if conversion.claims and conversion.takes_over:
        usual = conversion.values.mapping("podSecurityContext")
        pod = {key: usual[key] for key in ("runAsUser", "fsGroup") if usual.get(key) is not None} | pod
        conversion.note(
            "podSecurityContext", "carried over", "pod_security_context: the files of the volume are theirs"
        )
    put_security(conversion, pod, given_security(conversion, "securityContext"))


def _put_policy(conversion: Conversion) -> None:
    values = conversion.values
    if not values.flag("networkPolicy.enabled"):
        values.unused("networkPolicy", "since networkPolicy.enabled is false")
        put_policy(conversion)
        return
    endpoints, complete = [], True
    for rule in values.mappings("networkPolicy.additionalEgressRules"):
        ports = [item.get("port") for item in rule.get("ports") or ()]
        endpoints += [Endpoint(port=port) for port in ports if isinstance(port, int)]
        complete = complete and set(rule) == {"ports"} and all(isinstance(port, int) for port in ports)
    if endpoints:
        conversion.props["network_policy"] = NetworkPolicy(egress=endpoints)
    if not complete:
        text = "the ports are carried over, to any address: write the peers, as Endpoint(port=..., peer=CidrPeer(...))"
        conversion.note("networkPolicy.additionalEgressRules", "decide", text)
    text = "pods of other namespaces are refused now, as the policy is for: name them in NetworkPolicy.clients"
    conversion.note("networkPolicy.enabled", "changed", text)
