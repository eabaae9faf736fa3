"""What all charts have in common: image, Service, Ingress, pods, flags and variables."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from cdk8s_mlflow.backend_store.file_store import FileStore
from cdk8s_mlflow.backend_store.sqlite import SQLite
from cdk8s_mlflow.connections import ConnectionPool
from cdk8s_mlflow.exposure import (
    CertManagerIssuer,
    ClusterIP,
    Ingress,
    IngressHost,
    IngressPath,
    IngressTls,
    LoadBalancer,
    NodePort,
    Service,
)
from cdk8s_mlflow.from_helm.conversion import Conversion, MountedClaim
from cdk8s_mlflow.from_helm.stores import backend_store_of, put_artifacts
from cdk8s_mlflow.observability import Metrics
from cdk8s_mlflow.props import ExistingServiceAccount, Image, ServiceAccount
from cdk8s_mlflow.scaling import Autoscaling, FixedReplicas
from cdk8s_mlflow.values import canonical_quantity, quantity_bytes
from cdk8s_mlflow.volumes import ExistingVolumeClaim
from cdk8s_mlflow.workspaces import Workspaces

PROBES = "probes of our own on the health check, with time for the database and its migration"
BESIDE = "further constructs in the same chart, beside Mlflow(...)"
CONTAINERS = "no prop: patch Mlflow.api_objects, or put what it does into the image"
NO_POLICY = (
    "the chart let every pod of the cluster in, and so do we after a take-over: leave network_policy out once you know "
    "the clients, or write NetworkPolicy(clients=[NamespacePeer('training')])"
)
NEW_POLICY = (
    "the chart let every pod of the cluster in; ours the pods of the release's namespace: name the others by "
    "network_policy=NetworkPolicy(clients=[NamespacePeer('training')])"
)
ONE_WORKER = (
    "the chart ran MLflow's 4 workers (955 MiB), ours is one (430 MiB); write workers=4, or better add replicas"
)

_OLDEST = (3, 5)
_SHORTEST_PASSWORD = 12


def administrator(conversion: Conversion, user: str, password: str, made: tuple[str, str]) -> dict[str, Any]:
    """Return who administers the users, by the keys of the values; a password that MLflow refuses is generated."""
    values = conversion.values
    given: dict[str, Any] = {}
    name, text = values.text(user), values.text(password)
    if name not in {"", "admin"}:
        given["admin_username"] = name
    if not text:
        return given
    if len(text) < _SHORTEST_PASSWORD or not text.isascii():
        why = "MLflow 3 refuses it (12 characters and more, ASCII): the password is generated; log in with that one"
        conversion.note(password, "changed", why)
        return given
    return given | {"admin_password": conversion.secret(password, text, "admin", "password", made)}


def unknown_user(secret: str) -> str:
    """Return what to say where a Secret holds the administrator's name."""
    return f"the user name is in the Secret {secret!r}, and we must know it: write admin_username unless it is 'admin'"


# --- Image -------------------------------------------------------------------------------------------------


def put_image(conversion: Conversion, repository: str, tag: str, default: tuple[str, str], digest: str = "") -> None:
    """Set the image, unless it is the chart's own, which is too old or is not MLflow's."""
    values = conversion.values
    given: dict[str, Any] = {}
    secrets = _pull_secrets(conversion)
    if secrets:
        given["pull_secrets"] = secrets
    policy = values.text("image.pullPolicy")
    if policy not in {"IfNotPresent", ""}:
        given["pull_policy"] = policy
    ours = Image()
    tag = tag or default[1]
    if repository == default[0] and repository != ours.repository:
        _replaced(conversion, f"{repository}:{tag}")
    elif _is_too_old(tag):
        _replaced(conversion, f"{repository}:{tag}", f"MLflow {'.'.join(map(str, _OLDEST))} is the oldest that works")
    else:
        given |= {"repository": repository, "tag": tag} | ({"digest": digest} if digest else {})
        if repository != ours.repository:
            conversion.note(
                "image.repository", "decide", "it must hold what MLflow's own -full image holds, as 3.17 does"
            )
        elif not tag.endswith("-full"):
            given["tag"] = f"{tag}-full"
            given.pop("digest", None)
            conversion.note("image.tag", "changed", f"{tag}-full: the plain image has no database driver and no boto3")
    given = {name: value for name, value in given.items() if value != getattr(ours, name)}
    if given:
        conversion.props["image"] = Image(**given)


def _replaced(
    conversion: Conversion, old: str, because: str = "the chart's own image has its own start script"
) -> None:
    text = f"{Image().reference} instead of {old}: {because}; the first start migrates the database, so back it up"
    given = [path for path in ("image.repository", "image.tag") if conversion.values.is_given(path)]
    for path in given or ["image.repository"]:
        conversion.note(path, "changed", text)


def _is_too_old(tag: str) -> bool:
    found = re.match(r"v?(\d+)\.(\d+)", tag)
    return found is not None and (int(found[1]), int(found[2])) < _OLDEST


def _pull_secrets(conversion: Conversion) -> list[str]:
    path = "imagePullSecrets" if "imagePullSecrets" in conversion.values.known else "image.pullSecrets"
    found = conversion.values.items(path)
    return [str(item.get("name", "")) if isinstance(item, dict) else str(item) for item in found]


# --- Doors -------------------------------------------------------------------------------------------------


def service_of(conversion: Conversion, prefix: str, port: int, annotations: Mapping[str, Any]) -> Service | None:
    """Return the Service; None for the default."""
    kind = conversion.values.text(f"{prefix}.type") or "ClusterIP"
    classes: dict[str, Callable[..., Service]] = {
        "ClusterIP": ClusterIP,
        "NodePort": NodePort,
        "LoadBalancer": LoadBalancer,
    }
    if kind not in classes:
        conversion.values.fail(
            f"{prefix}.type", "must be a kind of Service that we render", repr(kind), "write ClusterIP"
        )
        return None
    given: dict[str, Any] = {} if port == ClusterIP().port else {"port": port}
    if annotations:
        given["annotations"] = texts(annotations)
    service = classes[kind](**given)
    return None if service == ClusterIP() else service


def texts(mapping: Mapping[str, Any]) -> dict[str, str]:
    """Return labels or annotations: their values are texts in Kubernetes."""
    return {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in mapping.items()}


def put_ingress(conversion: Conversion, class_name: str, path_type: str) -> None:
    """Set the Ingress of the charts that have hosts with paths."""
    values = conversion.values
    if not values.flag("ingress.enabled"):
        values.unused("ingress", "since ingress.enabled is false")
        if values.is_given("ingress.enabled"):
            values.note("ingress.enabled", "carried over", "no exposure")
        return
    annotations = texts(values.mapping("ingress.annotations"))
    old_class = annotations.pop("kubernetes.io/ingress.class", "")
    if old_class:
        values.note(
            "ingress.annotations", "changed", "ingress_class_name for kubernetes.io/ingress.class, else the same"
        )
    hosts = [_host(conversion, item, path_type) for item in values.mappings("ingress.hosts")]
    tls = [
        IngressTls(secret_name=item.get("secretName"), hosts=_hosts_of(item, hosts))
        for item in values.mappings("ingress.tls")
    ]
    issuer = _issuer(annotations) if any(item.secret_name for item in tls) else None
    given: dict[str, Any] = {"ingress_class_name": class_name or old_class or None, "issuer": issuer}
    ingress = Ingress(
        hosts=hosts,
        tls=tls,
        annotations=annotations,
        **{name: value for name, value in given.items() if value},
    )
    conversion.props["exposure"] = ingress
    if any(host.host is None for host in ingress.hosts):
        conversion.note(
            "ingress.hosts", "decide", "a rule without a host: write in allowed_hosts which names are meant"
        )


def _host(conversion: Conversion, item: Mapping[str, Any], path_type: str) -> IngressHost:
    unknown = set(item) - {"host", "paths"}
    for key in sorted(unknown):
        conversion.values.fail(
            f"ingress.hosts[].{key}", "the chart has no such key", repr(item[key]), "write host, paths"
        )
    found = item.get("paths") or [{}]
    paths = [path if isinstance(path, dict) else {"path": path} for path in found]
    return IngressHost(
        str(item["host"]) if item.get("host") else None, [_path(conversion, path, path_type) for path in paths]
    )


def _path(conversion: Conversion, item: Mapping[str, Any], path_type: str) -> IngressPath:
    known = {"path", "pathType", "serviceNameOverride", "servicePortOverride"}
    for key in sorted(set(item) - known):
        where = f"ingress.hosts[].paths[].{key}"
        conversion.values.fail(where, "the chart has no such key", repr(item[key]), f"write {', '.join(sorted(known))}")
    path = str(item.get("path") or "/")
    given: dict[str, Any] = {"path_type": item.get("pathType") or ("Prefix" if path == "/" else path_type)}
    if given["path_type"] == "ImplementationSpecific" and path == "/":
        given["path_type"] = "Prefix"
    if item.get("serviceNameOverride"):
        given["service_name"] = item["serviceNameOverride"]
    if item.get("servicePortOverride"):
        given["service_port"] = item["servicePortOverride"]
    return IngressPath(path, **given)


def _hosts_of(item: Mapping[str, Any], hosts: list[IngressHost]) -> list[str]:
    """Return the hosts of a certificate; none if they are all that the Ingress has."""
    named = [str(host) for host in item.get("hosts") or ()]
    return [] if named == [host.host for host in hosts] else named


def _issuer(annotations: dict[str, str]) -> CertManagerIssuer | None:
    cluster = annotations.pop("cert-manager.io/cluster-issuer", None)
    if cluster:
        return CertManagerIssuer(cluster)
    own = annotations.pop("cert-manager.io/issuer", None)
    return CertManagerIssuer(own, "Issuer") if own else None


# --- Pods --------------------------------------------------------------------------------------------------


def _is_single_writer(conversion: Conversion) -> bool:
    """Whether the stores allow one pod only."""
    props = conversion.props
    stores = [props.get("backend_store", SQLite()), props.get("artifact_store")]
    claims = [store.volume for store in stores if hasattr(store, "volume")]
    return any("ReadWriteMany" not in claim.access_modes for claim in claims) or isinstance(
        stores[0], SQLite | FileStore
    )


_ONE_WRITER = "one replica: a file or its volume cannot be shared; use a database and an object store"


def put_replicas(conversion: Conversion, path: str, count: int) -> None:
    """Set the number of pods, or one where the stores allow one writer only."""
    if count < 1:
        conversion.note(path, "changed", "one replica: scale to 0 by kubectl, a pipeline would forget it")
    elif count > 1 and _is_single_writer(conversion):
        conversion.note(path, "changed", _ONE_WRITER)
    elif count > 1:
        conversion.props["scaling"] = FixedReplicas(count)


def put_autoscaling(conversion: Conversion, path: str, bounds: tuple[int, int], percent: int | None) -> None:
    """Set an autoscaler by CPU; ``percent`` is what the chart wanted to be used of the request."""
    if _is_single_writer(conversion):
        conversion.note(path, "changed", _ONE_WRITER)
        return
    given: dict[str, Any] = {"min_replicas": bounds[0], "max_replicas": bounds[1]}
    request = conversion.props.get("resources", {}).get("requests", {}).get("cpu")
    if percent and request:
        given["average_cpu"] = canonical_quantity(f"{quantity_bytes(request) * percent * 10:.0f}m")
    conversion.props["scaling"] = Autoscaling(**given)
    text = (
        f"Autoscaling by CPU alone, at {given.get('average_cpu', Autoscaling().average_cpu)} per pod: MLflow's memory "
        "never falls, so a target for it only ever scales up"
    )
    conversion.note(path, "changed", text)


def put_account(conversion: Conversion, prefix: str) -> None:
    """Set the ServiceAccount."""
    values = conversion.values
    name, annotations = values.text(f"{prefix}.name"), texts(values.mapping(f"{prefix}.annotations"))
    if not values.flag(f"{prefix}.create"):
        conversion.props["service_account"] = ExistingServiceAccount(name or "default")
        if annotations:
            values.note(f"{prefix}.annotations", "carried over", "nothing: the chart does not make the account")
    elif name or annotations:
        given: dict[str, Any] = {"annotations": annotations}
        conversion.props["service_account"] = ServiceAccount(
            **given, name=name if name not in {"", conversion.name} else None
        )


def put_resources(conversion: Conversion, path: str) -> None:
    """Set requests and limits, unless MLflow 3 would be killed by them."""
    resources = conversion.values.mapping(path)
    given = {
        part: {name: str(amount) for name, amount in (resources.get(part) or {}).items()}
        for part in ("requests", "limits")
        if resources.get(part)
    }
    for part in sorted(set(resources) - {"requests", "limits"}):
        conversion.values.fail(f"{path}.{part}", "must be requests or limits", repr(resources[part]), "leave it out")
    limit = given.get("limits", {}).get("memory", "1Gi")
    try:
        too_little = quantity_bytes(limit) < 600 * 2**20
    except ValueError:
        too_little = False
    if too_little:
        text = f"left out, computed from the workers: MLflow 3 is killed at {limit}, it needs 430 MiB for one worker"
        conversion.note(path, "changed", text)
    elif given:
        conversion.props["resources"] = given


def put_pod(conversion: Conversion, prefix: str = "", *, annotations: str, labels: str | None = None) -> None:
    """Set where pods run, and what they carry."""
    values, props = conversion.values, conversion.props
    found = texts(values.mapping(annotations))
    if found.get("prometheus.io/port") not in {None, "5000"}:
        found["prometheus.io/port"] = "5000"
        values.note(annotations, "changed", "pod_annotations; prometheus.io/port is 5000, where our pods listen")
    given: dict[str, Any] = {
        "pod_annotations": found,
        "pod_labels": texts(values.mapping(labels)) if labels else {},
        "node_selector": texts(values.mapping(f"{prefix}nodeSelector")),
        "tolerations": values.items(f"{prefix}tolerations"),
        "affinity": values.mapping(f"{prefix}affinity"),
    }
    props |= {name: value for name, value in given.items() if value}


def put_security(conversion: Conversion, pod: Mapping[str, Any], container: Mapping[str, Any]) -> None:
    """Set what the file says of security; the charts' defaults are no stricter than ours."""
    if pod:
        conversion.props["pod_security_context"] = dict(pod)
    if container:
        conversion.props["security_context"] = dict(container)


def given_security(conversion: Conversion, path: str, ours: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return what the file says of a security context, without what is so in any case."""
    same = {
        "runAsNonRoot": True,
        "privileged": False,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
        "fsGroupChangePolicy": "OnRootMismatch",
    }
    if not conversion.values.is_given(path):
        return {}
    for name in ("runAsUser", "fsGroup"):
        if conversion.values.removes(f"{path}.{name}"):
            text = (
                f"{name} was left to the cluster, as OpenShift wants it: ours is 10001, and must be patched out there"
            )
            conversion.note(path, "decide", text)
    found = conversion.values.mapping(path)
    return {key: value for key, value in found.items() if same.get(key) != value and key not in ours}


def take_volumes(conversion: Conversion, volumes: str, mounts: str) -> None:
    """Remember which volumes hold which paths; whatever is no claim must be decided."""
    values = conversion.values
    claims = {
        item.get("name"): (item.get("persistentVolumeClaim") or {}).get("claimName")
        for item in values.mappings(volumes)
        if "persistentVolumeClaim" in item
    }
    others = [str(item.get("name")) for item in values.mappings(volumes) if item.get("name") not in claims]
    for item in values.mappings(mounts):
        claim = claims.get(item.get("name"))
        if claim:
            name = re.sub(r"[^a-z0-9]+", "-", str(item.get("name")).lower()).strip("-")[:20] or "data"
            conversion.claims.append(
                MountedClaim(str(item.get("mountPath")), ExistingVolumeClaim(claim_name=claim, name=name))
            )
    text = "the claims go to the stores that use them"
    if others:
        text += f"; {', '.join(others)}: {CONTAINERS}"
    for path in (volumes, mounts):
        if values.items(path):
            values.note(path, "decide" if others else "changed", text)


# --- Flags and variables -----------------------------------------------------------------------------------

_FLAGS: dict[str, str] = {
    "host": "our pods listen on all addresses",
    "port": "our pods listen on 5000; the Service's port is service=ClusterIP(port=...)",
    "gunicorn-opts": "uvicorn runs MLflow 3, with options of ours; timeouts are graceful_shutdown_timeout",
    "waitress-opts": "uvicorn runs MLflow 3",
    "uvicorn-opts": "uvicorn has options of ours; timeouts are graceful_shutdown_timeout",
    "no-serve-artifacts": "artifact_access=Direct()",
    "serve-artifacts": "artifact_access=Proxied(), the default",
    "disable-security-middleware": "no counterpart: it protects the UI; write allowed_hosts and cors_allowed_origins",
    "dev": "no counterpart: for development only",
}


_STORES = ("backend-store-uri", "registry-store-uri", "default-artifact-root", "artifacts-destination", "app-name")


def put_flags(conversion: Conversion, path: str, flags: Mapping[str, Any]) -> dict[str, str]:
    """Set what the flags of ``mlflow server`` say; return those that need more than themselves."""
    later: dict[str, str] = {}
    for name, value in flags.items():
        flag = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower().replace("_", "-")
        text = conversion.values.printed(value, f"{path}.{name}")
        if flag in _STORES:
            later[flag] = text
        elif flag in _FLAGS:
            conversion.note(path, "no counterpart", f"{flag}: {_FLAGS[flag]}")
        elif not _put_flag(conversion, path, flag, text):
            typed = value if isinstance(value, bool | int | float) else text
            conversion.props["extra_args"] = {**conversion.props.get("extra_args", {}), flag: typed}
    return later


def _put_flag(conversion: Conversion, path: str, flag: str, text: str) -> bool:
    """Set the prop that a flag has; return whether it has one."""
    props = conversion.props
    if flag == "workers" and text.isdecimal():
        props |= {"workers": int(text)} if int(text) > 1 else {}
    elif flag == "static-prefix":
        props |= {"static_prefix": f"/{text.strip('/')}"} if text.strip("/") else {}
    elif flag == "expose-prometheus":
        props["metrics"] = Metrics()
    elif flag == "enable-workspaces":
        props["workspaces"] = Workspaces()
    elif flag in {"allowed-hosts", "cors-allowed-origins"}:
        put_names(conversion, path, flag.replace("-", "_"), text.split(","))
    else:
        return False
    return True


def put_names(conversion: Conversion, path: str, prop: str, names: list[str]) -> None:
    """Set further hosts or origins; every one would switch the protection off."""
    kept = [name.strip() for name in names if name.strip() and name.strip() != "*"]
    if "*" in [name.strip() for name in names]:
        conversion.note(path, "decide", f"* would switch MLflow's protection off: write the names in {prop}")
    if kept:
        conversion.props[prop] = kept


def put_flagged_stores(conversion: Conversion, path: str, stores: Mapping[str, str]) -> None:
    """Set the stores that flags name."""
    if uri := stores.get("backend-store-uri"):
        store = backend_store_of(conversion, path, uri, "database")
        if store is not None:
            conversion.props["backend_store"] = store
    if uri := stores.get("registry-store-uri"):
        conversion.props["registry_store"] = backend_store_of(conversion, path, uri, "registry")
    if uri := stores.get("artifacts-destination"):
        put_artifacts(conversion, path, uri, proxied=True)
    elif uri := stores.get("default-artifact-root"):
        put_artifacts(conversion, path, uri, proxied=uri.startswith("mlflow-artifacts:"))


_DROPPED: dict[str, str] = {
    "MLFLOW_HOST": "our pods listen on all addresses",
    "MLFLOW_PORT": "our pods listen on 5000",
    "MLFLOW_UVICORN_OPTS": "uvicorn has options of ours",
    "MLFLOW_GUNICORN_OPTS": "uvicorn runs MLflow 3",
    "GUNICORN_CMD_ARGS": "uvicorn runs MLflow 3",
    "MLFLOW_DISABLE_TELEMETRY": "it is off in any case",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "jobs are off; a prop turns them on",
    "MLFLOW_TRACKING_URI": "a server needs none",
    "MLFLOW_SERVE_ARTIFACTS": "artifact_access says it",
}
_SECRET = re.compile(r"PASSWORD|PASSWD|SECRET|TOKEN|CREDENTIAL|API_KEY|ACCESS_KEY|PASSPHRASE")


def put_environment(conversion: Conversion) -> None:
    """Set what is left of the variables, after the stores have taken theirs."""
    _put_known(conversion)
    left: list[dict[str, Any]] = []
    for name, (path, entry) in conversion.environment.items():
        if name in _DROPPED:
            conversion.note(path, "changed", f"{name} is left out: {_DROPPED[name]}")
        elif _SECRET.search(name) and entry.get("value"):
            source = conversion.secret(f"{path}.{name}", str(entry["value"]), "environment", name)
            reference = source.supply(f"{conversion.name}-environment", "password").reference
            left.append({"name": name, "valueFrom": {"secretKeyRef": {"name": reference.name, "key": reference.key}}})
        else:
            left.append(entry if "valueFrom" in entry else {"name": name, "value": str(entry.get("value", ""))})
    if left:
        conversion.props["extra_env"] = left


def _put_known(conversion: Conversion) -> None:
    props = conversion.props
    pool = {
        field: conversion.take(f"MLFLOW_SQLALCHEMYSTORE_{name}", text=f"connection_pool={field}")
        for field, name in (("size", "POOL_SIZE"), ("max_overflow", "MAX_OVERFLOW"), ("recycle", "POOL_RECYCLE"))
    }
    if any(pool.values()):
        given: dict[str, Any] = {field: int(value) for field, value in pool.items() if value}
        if "recycle" in given:
            given["recycle"] = timedelta(seconds=given["recycle"])
        props["connection_pool"] = ConnectionPool(**given)
    for prop, name in (("allowed_hosts", "ALLOWED_HOSTS"), ("cors_allowed_origins", "CORS_ALLOWED_ORIGINS")):
        names = conversion.take(f"MLFLOW_SERVER_{name}", text=prop)
        if names:
            path = f"MLFLOW_SERVER_{name}"
            put_names(conversion, path, prop, names.split(","))
    workers = conversion.take("MLFLOW_WORKERS", text="workers")
    if workers and workers.isdecimal() and int(workers) > 1:
        props["workers"] = int(workers)
    prefix = conversion.take("MLFLOW_STATIC_PREFIX", text="static_prefix")
    if prefix:
        props["static_prefix"] = prefix
    if conversion.take("MLFLOW_EXPOSE_PROMETHEUS", text="metrics=Metrics()"):
        props["metrics"] = Metrics()
    for prop, name, purpose, key in (
        ("crypto_kek_passphrase", "MLFLOW_CRYPTO_KEK_PASSPHRASE", "keys", "kek-passphrase"),
        ("webhook_secret_encryption_key", "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY", "keys", "webhook-key"),
    ):
        source = conversion.take_secret(name, purpose, key)
        if source is not None:
            props[prop] = source


def put_keys(conversion: Conversion) -> None:
    """Say what the charts have left open: MLflow 3 encrypts with a public passphrase, unless it is told another."""
    if "crypto_kek_passphrase" not in conversion.props:
        text = (
            "a passphrase of your own, generated; what MLflow 3 encrypted so far is under its public one: enter the AI "
            "gateway's keys and the webhooks' secrets again"
        )
        conversion.note("(encryption keys)", "changed", text)


def put_policy(conversion: Conversion) -> None:
    """Say who could connect, where the chart had no network policy."""
    if conversion.takes_over:
        conversion.props["network_policy"] = None
    conversion.note("(no network policy)", "decide", NO_POLICY if conversion.takes_over else NEW_POLICY)
