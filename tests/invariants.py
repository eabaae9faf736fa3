"""What holds for every release, whatever its props: each rule yields where a release breaks it."""

from __future__ import annotations

import fnmatch
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from fractions import Fraction
from typing import Any, get_args
from urllib.parse import urlsplit

import attrs
from pod_security import restricted_violations
from releases import Manifest, Release, containers_of, env_of

from cdk8s_mlflow import (
    GCS,
    HDFS,
    S3,
    AiGateway,
    Autoscaling,
    CidrPeer,
    ClientCredentials,
    CloudNativePG,
    CloudSqlProxy,
    ConfigMapKey,
    DatabaseUri,
    Direct,
    Endpoint,
    ExistingSecret,
    ExistingServiceAccount,
    ExistingVolumeClaim,
    FileStore,
    FixedReplicas,
    HttpRoute,
    Ingress,
    IngressNginx,
    InlineSecret,
    LdapAuth,
    LoadBalancer,
    MlflowProps,
    MySQL,
    NamespacePeer,
    NodePort,
    OAuth2Proxy,
    OidcAuth,
    PodPeer,
    PostgreSQL,
    PostgreSQLTls,
    Redis,
    SecretKey,
    SidecarProxy,
    SQLite,
    SQLServer,
    TlsSecret,
    Traefik,
)
from cdk8s_mlflow.naming import Component

Invariant = Callable[[Release], Iterator[str]]

# --- Walking -----------------------------------------------------------------------------------------------


def parts_of(value: object) -> Iterator[object]:
    """Return every value below some props."""
    yield value
    kind: Any = type(value)
    if attrs.has(kind):
        for field in attrs.fields(kind):
            yield from parts_of(getattr(value, field.name))
    elif isinstance(value, dict):
        for item in value.values():
            yield from parts_of(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from parts_of(item)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Return every value in a manifest that holds no other, with its path."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}")
    elif isinstance(value, list | tuple) and value:
        for index, item in enumerate(value):
            yield from leaves(item, f"{path}[{index}]")
    else:
        yield path, value


def where(item: Manifest) -> str:
    """Return an object's kind and name."""
    return f"{item['kind']}/{item['metadata']['name']}"


# --- Names, labels, selectors ------------------------------------------------------------------------------

_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


def names(release: Release) -> Iterator[str]:
    """Every object has a valid name, and no two of a kind share one."""
    for named, count in Counter(where(item) for item in release.objects).items():
        if count > 1:
            yield f"{named} stands there {count} times"
    for item in release.objects:
        name = item["metadata"]["name"]
        of_user = {part.name for part in parts_of(release.props.service_account) if hasattr(part, "name")}
        if name not in of_user and not _DNS_LABEL.fullmatch(name):
            yield f"{where(item)} is no DNS label"
        if item["kind"] == "Service" and not name[0].isalpha():
            yield f"{where(item)} starts with no letter"
    for owner, template in release.templates():
        spec = template["spec"]
        for name in [*(item["name"] for item in (*containers_of(spec), *spec.get("volumes", [])))]:
            if not _DNS_LABEL.fullmatch(name):
                yield f"{owner}: {name} is no DNS label"


def _names_of(release: Release) -> dict[str, set[str]]:
    """Return the names that its labels may have: those of the release that it took over, if it did."""
    old, names = release.props.adopt, "app.kubernetes.io/name"
    if old is None:
        return {names: {release.props.label_name}, "app.kubernetes.io/instance": {release.name}}
    others = {f"{old.app}-{component}" for component in get_args(Component)}
    return {names: {old.app, *others}, "app.kubernetes.io/instance": {old.release}}


def labels(release: Release) -> Iterator[str]:
    """Every object and pod has the recommended labels, with valid values."""
    recommended = {
        **_names_of(release),
        "app.kubernetes.io/component": set(get_args(Component)),
        "app.kubernetes.io/part-of": {"mlflow"},
        "app.kubernetes.io/managed-by": {"cdk8s-mlflow"},
    }
    labelled = [(where(item), item["metadata"]) for item in release.objects]
    labelled += [(f"{owner} template", template["metadata"]) for owner, template in release.templates()]
    for owner, metadata in labelled:
        found = metadata.get("labels", {})
        for key, allowed in recommended.items():
            if found.get(key) not in allowed:
                yield f"{owner}: label {key} is {found.get(key)!r}"
        for key, value in found.items():
            if not isinstance(value, str) or not _LABEL_VALUE.fullmatch(value):
                yield f"{owner}: label {key} has the value {value!r}"


def _is_dashboard(item: Manifest) -> bool:
    return item["kind"] == "ConfigMap" and str(item["metadata"]["name"]).endswith("-dashboard")


def namespaces(release: Release) -> Iterator[str]:
    """Every object is in the release's namespace, or all leave it to ``kubectl -n``."""
    metrics = release.props.metrics
    wanted = {
        "ServiceMonitor": getattr(metrics and metrics.monitor, "namespace", None),
        "PrometheusRule": getattr(metrics and metrics.alerts, "namespace", None),
        "ConfigMap": getattr(metrics and metrics.dashboard, "namespace", None),
    }
    for item in release.objects:
        elsewhere = wanted.get(item["kind"]) if item["kind"] != "ConfigMap" or _is_dashboard(item) else None
        if item["metadata"].get("namespace") != (elsewhere or release.namespace):
            yield f"{where(item)} is in {item['metadata'].get('namespace')!r}"
    for binding in release.all("RoleBinding"):
        for subject in binding["subjects"]:
            if subject["namespace"] != (release.namespace or "default"):
                yield f"{where(binding)} names {subject['namespace']!r}"


def _matches(selector: Manifest, pod_labels: dict[str, str]) -> bool:
    wanted: dict[str, str] = selector.get("matchLabels", {})
    return wanted.items() <= pod_labels.items()


def selectors(release: Release) -> Iterator[str]:
    """Every selector matches the pods that it is for, and no other pod of the release."""
    pods = {owner: template["metadata"]["labels"] for owner, template in release.templates()}
    server = {f"Deployment/{release.name}"}
    wanted: list[tuple[str, Manifest, set[str]]] = []
    for item in release.objects:
        spec, component = item.get("spec", {}), item["metadata"]["labels"]["app.kubernetes.io/component"]
        own = {owner for owner, found in pods.items() if found["app.kubernetes.io/component"] == component}
        if item["kind"] == "Service":
            wanted.append((where(item), {"matchLabels": spec["selector"]}, own))
        elif item["kind"] == "ServiceMonitor":
            yield from _selected_service(release, item)
        elif item["kind"] in {"Deployment", "PodDisruptionBudget"}:
            wanted.append((where(item), spec["selector"], own))
        elif item["kind"] == "NetworkPolicy":
            wanted.append((where(item), spec["podSelector"], own))
    spread = release.pod.get("topologySpreadConstraints", [])
    wanted += [(f"spread over {term['topologyKey']}", term["labelSelector"], server) for term in spread]
    for owner, selector, meant in wanted:
        if not meant or not selector.get("matchLabels"):
            yield f"{owner}: the selector is empty or has no pods"
        matched = {pod for pod, found in pods.items() if _matches(selector, found)}
        if matched != meant:
            yield f"{owner}: the selector matches {sorted(matched)}, not {sorted(meant)}"


def _selected_service(release: Release, monitor: Manifest) -> Iterator[str]:
    services = [item for item in release.all("Service") if _matches(monitor["spec"]["selector"], _labels(item))]
    ports = [port for item in services for port in item["spec"]["ports"]]
    asked = [endpoint["port"] for endpoint in monitor["spec"]["endpoints"]]
    if services == [] or release.service in services or [port["name"] for port in ports] != asked:
        yield f"{where(monitor)} asks {asked} of {[where(item) for item in services]}"


def _labels(item: Manifest) -> dict[str, str]:
    found: dict[str, str] = item["metadata"]["labels"]
    return found


def extra_containers(release: Release) -> list[Manifest]:
    """Return the containers that the user adds."""
    return [dict(item) for item in (*release.props.extra_init_containers, *release.props.extra_containers)]


def metadata(release: Release) -> Iterator[str]:
    """All objects and pods have the labels and annotations that are for them; pods of servers and of Jobs their own."""
    props = release.props
    for item in release.objects:
        wanted_labels = {**props.common_labels, **props.object_labels.get(item["kind"], {})}
        own = {**props.common_annotations, **props.object_annotations.get(item["kind"], {})}
        for kind, wanted in (("labels", wanted_labels), ("annotations", own)):
            missing = {
                key: value
                for key, value in wanted.items()
                if item["metadata"].get(kind, {}).get(key) != value and not _says_otherwise(props, item, key)
            }
            if missing:
                yield f"{where(item)}: the {kind} {missing} are not there"
    for owner, template in release.templates():
        serves = owner.startswith("Deployment/")
        wanted_labels = {**props.common_labels, **(props.pod_labels if serves else props.job_pod_labels)}
        own = dict(props.pod_annotations if serves else props.job_pod_annotations)
        for kind, wanted in (("labels", wanted_labels), ("annotations", own)):
            if not wanted.items() <= template["metadata"].get(kind, {}).items():
                yield f"{owner}: its pods have other {kind} than {wanted}"
        foreign = {*props.common_annotations, *(props.job_pod_labels if serves else props.pod_labels)} - {
            *wanted_labels,
            *own,
        }
        if foreign & {*template["metadata"].get("annotations", {}), *template["metadata"]["labels"]}:
            yield f"{owner}: its pods have {foreign}, which is not for them"


def _says_otherwise(props: MlflowProps, item: Manifest, key: str) -> bool:
    """Return whether the part that an object comes from has a word of its own for a common annotation."""
    return key in item["metadata"].get("annotations", {}) and key not in props.object_annotations.get(item["kind"], {})


def placing(release: Release) -> Iterator[str]:
    """Every pod of the release is placed, named and started as the props say."""
    props = release.props
    wanted = {
        "nodeSelector": dict(props.node_selector),
        "tolerations": [dict(item) for item in props.tolerations],
        "priorityClassName": props.priority_class_name,
        "runtimeClassName": props.runtime_class_name,
        "schedulerName": props.scheduler_name,
        "hostAliases": [dict(item) for item in props.host_aliases],
        "dnsPolicy": props.dns_policy,
        "dnsConfig": dict(props.dns_config),
    }
    ids = ("runAsUser", "runAsGroup", "fsGroup")
    for owner, template in release.templates():
        spec = template["spec"]
        for field, value in wanted.items():
            if spec.get(field) != (value or None):
                yield f"{owner}: {field} is {spec.get(field)!r}, not {value!r}"
        override = props.pod_security_context
        for name in ids:
            user = override.get(name, None if props.user_id == "assigned" else props.user_id)
            if spec["securityContext"].get(name) != user:
                yield f"{owner}: {name} is {spec['securityContext'].get(name)!r}, not {user!r}"
    for term in _apart(release.pod):
        own = release.one("Deployment", release.name)["spec"]["template"]["metadata"]["labels"]
        if term["topologyKey"] and not term.get("labelSelector"):
            yield f"an anti-affinity is about nobody: {term}"
        if "app.kubernetes.io/name" in str(term) and not _matches(term["labelSelector"], own):
            yield f"an anti-affinity is about others: {term}"


def _apart(pod: Manifest) -> Iterator[Manifest]:
    apart = pod.get("affinity", {}).get("podAntiAffinity", {})
    yield from apart.get("requiredDuringSchedulingIgnoredDuringExecution", [])
    for item in apart.get("preferredDuringSchedulingIgnoredDuringExecution", []):
        yield item["podAffinityTerm"]


def proxies(release: Release) -> Iterator[str]:
    """Whatever talks to the outside does so by the proxy of the props, and to the cluster without it."""
    proxy, extra = release.props.http_proxy, {item["name"] for item in extra_containers(release)}
    service = release.one("Service", release.name)["metadata"]["name"]
    url: object = None
    if proxy is not None:
        url = proxy.url
    if isinstance(url, ExistingSecret):
        url = url.name, url.key
    for owner, container in release.containers():
        env = env_of(container)
        outside = container["name"] not in {"metrics", *extra} and "secrets-" not in owner and "-redis" not in owner
        by_user = {item["name"] for item in release.props.extra_env} if owner.endswith(" mlflow") else set()
        for name in {"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} - by_user:
            if env.get(name) != (url if outside else None):
                yield f"{owner}: {name} is {env.get(name)}"
        if proxy is None or not outside:
            continue
        known = str(env.get("NO_PROXY")).split(",")
        if env.get("NO_PROXY") != env.get("no_proxy"):
            yield f"{owner}: NO_PROXY and no_proxy differ"
        urls = [value for value in env.values() if isinstance(value, str) and value.startswith(("http://", "https://"))]
        hosts = [urlsplit(value).hostname for value in urls]
        inside = [host for host in hosts if host and ("." not in host or host.endswith((".svc", ".internal")))]
        for host in ["localhost", "127.0.0.1", "169.254.169.254", service, *proxy.no_proxy, *inside]:
            if not any(host == item or host.endswith(f".{item.lstrip('.')}") for item in known):
                yield f"{owner}: {host} is asked by the proxy; NO_PROXY is {known}"


# --- References --------------------------------------------------------------------------------------------


def _known_keys(release: Release) -> dict[str, set[str]]:
    """Return the keys of each Secret that the release makes, in whatever way."""
    known = {item["metadata"]["name"]: set(item["stringData"]) for item in release.all("Secret")}
    for item in release.all("ExternalSecret"):
        known[item["spec"]["target"]["name"]] = {entry["secretKey"] for entry in item["spec"]["data"]}
    for item in release.all("Certificate"):
        known[item["spec"]["secretName"]] = {"tls.crt", "tls.key", "ca.crt"}
    for item in release.all("ConfigMap"):
        for secret in json.loads(item["data"].get("secrets.json", "{}")).get("secrets", []):
            known[secret["name"]] = {secret["key"]}
    return known


def _declared_secrets(release: Release) -> set[tuple[str, str]]:
    """Return the keys of Secrets that somebody else makes, by the words of the props."""
    parts = list(parts_of(release.props))
    declared = {(part.name, part.key) for part in parts if isinstance(part, ExistingSecret | SecretKey)}
    for part in parts:
        if isinstance(part, TlsSecret):
            declared |= {(part.secret_name, "tls.crt"), (part.secret_name, "tls.key")}
        if isinstance(part, PostgreSQLTls) and part.client_certificate:
            declared |= {(part.client_certificate, "tls.crt"), (part.client_certificate, "tls.key")}
        if isinstance(part, CloudNativePG):
            declared |= {
                (f"{part.name}-app", "username"),
                (f"{part.name}-app", "password"),
                (f"{part.name}-ca", "ca.crt"),
            }
    own_env = [item.get("valueFrom", {}) for item in release.props.extra_env]
    return declared | {(ref["name"], ref["key"]) for item in own_env if (ref := item.get("secretKeyRef"))}


def _secrets_read(release: Release) -> Iterator[tuple[str, str, str]]:
    """Return every key of a Secret that is read, with its reader."""
    for owner, container in release.containers():
        for item in container.get("env", []):
            ref = item.get("valueFrom", {}).get("secretKeyRef")
            if ref:
                yield f"{owner} {item['name']}", ref["name"], ref["key"]
    for owner, template in release.templates():
        for volume in template["spec"].get("volumes", []):
            for item in volume.get("secret", {}).get("items", []):
                yield f"{owner} volume {volume['name']}", volume["secret"]["secretName"], item["key"]


def _of_callers(release: Release) -> set[tuple[str, str]]:
    """Return the keys that only pods read that call the server, where there are none."""
    if any("MLFLOW_TRACKING_URI" in env_of(container) for _, container in release.containers()):
        return set()
    clients = [part for part in parts_of(release.props.authentication) if isinstance(part, ClientCredentials)]
    keys: list[object] = [client.client_secret for client in clients]
    keys += [part.ca for part in parts_of(release.props.tls) if isinstance(part, TlsSecret)]
    return {(key.name, key.key) for key in keys if isinstance(key, ExistingSecret | SecretKey)}


def secret_references(release: Release) -> Iterator[str]:
    """Every Secret key that a pod reads is made by the release, or named by the props."""
    known, declared = _known_keys(release), _declared_secrets(release)
    read = set()
    for reader, name, key in _secrets_read(release):
        read.add(name)
        if (name, key) not in declared and key not in known.get(name, set()):
            yield f"{reader} reads {name}/{key}, which nobody makes"
    for name in known:
        if name not in read:
            yield f"Secret {name} is made, and nobody reads it"
    for name, key in declared - _of_callers(release):
        if (name, key) not in {(secret, secret_key) for _, secret, secret_key in _secrets_read(release)}:
            yield f"the props name {name}/{key}, and nobody reads it"


def accounts(release: Release) -> Iterator[str]:
    """Every pod's ServiceAccount is rendered or named by the props; the server's has no right."""
    rendered = {item["metadata"]["name"] for item in release.all("ServiceAccount")}
    account = release.props.service_account
    declared = {account.name} if isinstance(account, ExistingServiceAccount) else set()
    used = {template["spec"]["serviceAccountName"] for _, template in release.templates()}
    for name in used - rendered - declared:
        yield f"ServiceAccount {name} is used, and nobody makes it"
    for name in rendered - used:
        yield f"ServiceAccount {name} is made, and nobody uses it"
    for binding in release.all("RoleBinding"):
        roles = {item["metadata"]["name"] for item in release.all("Role")}
        subjects = {subject["name"] for subject in binding["subjects"]}
        if binding["roleRef"]["name"] not in roles or not subjects <= rendered:
            yield f"{where(binding)} binds what is not there"
        if release.pod["serviceAccountName"] in subjects:
            yield f"{where(binding)} gives the server a right"
    for role in release.all("Role"):
        if role["rules"] != [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]}]:
            yield f"{where(role)} allows more than to create Secrets"


def tokens(release: Release) -> Iterator[str]:
    """Only the generating Job's pod has a token of the API server."""
    for item in release.all("ServiceAccount"):
        if item.get("automountServiceAccountToken") is not False:
            yield f"{where(item)} mounts its token everywhere"
    for owner, template in release.templates():
        generates = template["metadata"]["labels"]["app.kubernetes.io/component"] == "secrets"
        if template["spec"].get("automountServiceAccountToken") is not generates:
            yield f"{owner}: automountServiceAccountToken is not {generates}"


def volumes(release: Release) -> Iterator[str]:
    """Every volume has a source that exists, every mount a volume, and nothing is there twice or for nothing."""
    claims = {item["metadata"]["name"] for item in release.all("PersistentVolumeClaim")}
    claims |= {part.claim_name for part in parts_of(release.props) if isinstance(part, ExistingVolumeClaim)}
    config_maps = {item["metadata"]["name"] for item in release.all("ConfigMap")}
    config_maps |= {part.name for part in parts_of(release.props) if isinstance(part, ConfigMapKey)}
    used: set[str] = set()
    for owner, template in release.templates():
        spec = template["spec"]
        found = {item["name"]: item for item in spec.get("volumes", [])}
        if len(found) != len(spec.get("volumes", [])):
            yield f"{owner}: two volumes share a name"
        mounted = {mount["name"] for container in containers_of(spec) for mount in container.get("volumeMounts", [])}
        # The user's own may be for a container that somebody adds on the way, such as a mesh's.
        spare = {item["name"] for item in release.props.extra_volumes} & set(found)
        if mounted | spare != set(found):
            yield f"{owner}: mounts {sorted(mounted)} of volumes {sorted(found)}"
        for volume in found.values():
            claim = volume.get("persistentVolumeClaim", {}).get("claimName")
            config_map = volume.get("configMap", {}).get("name")
            used |= {f"PersistentVolumeClaim/{claim}", f"ConfigMap/{config_map}"}
            if (claim and claim not in claims) or (config_map and config_map not in config_maps):
                yield f"{owner}: the source of volume {volume['name']} is not there"
            if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
                yield f"{owner}: volume {volume['name']} has no size"
    for item in release.objects:
        mounted_kinds = {"PersistentVolumeClaim", "ConfigMap"}
        if item["kind"] in mounted_kinds and not _is_dashboard(item) and where(item) not in used:
            yield f"{where(item)} is made, and nobody mounts it"


def mounts(release: Release) -> Iterator[str]:
    """Every container mounts each path once, can write to /tmp, and finds the script that it runs."""
    for owner, container in release.containers():
        paths = [mount["mountPath"] for mount in container.get("volumeMounts", [])]
        for path, count in Counter(paths).items():
            if count > 1:
                yield f"{owner}: mounts {path} {count} times"
        if container["name"] in {"mlflow", "migrate"} and "/tmp" not in paths:  # noqa: S108
            yield f"{owner}: has no /tmp"
    rendered = {item["metadata"]["name"]: item["data"] for item in release.all("ConfigMap")}
    for owner, template in release.templates():
        files = {
            volume["name"]: rendered.get(volume["configMap"]["name"], {})
            for volume in template["spec"].get("volumes", [])
            if "configMap" in volume
        }
        for container in containers_of(template["spec"]):
            for word in container.get("command", []):
                folder, _, file = word.rpartition("/")
                held = [
                    files[mount["name"]]
                    for mount in container.get("volumeMounts", [])
                    if mount["mountPath"] == folder and mount["name"] in files
                ]
                if folder.startswith("/etc/mlflow") and not (held and file in held[0]):
                    yield f"{owner}: {word} is not mounted"


def config_maps(release: Release) -> Iterator[str]:
    """Every ConfigMap holds text, and no more than Kubernetes takes."""
    for item in release.all("ConfigMap"):
        if not all(isinstance(text, str) for text in item["data"].values()):
            yield f"{where(item)} holds what is no text"
        if sum(len(text.encode()) for text in item["data"].values()) > 2**19:
            yield f"{where(item)} is near the limit of 1 MiB"


# --- Environment and secrets -------------------------------------------------------------------------------


def expand(text: str, known: dict[str, str]) -> str:
    """Return what Kubernetes makes of a value: ``$(NAME)`` is replaced if NAME is known, ``$$`` is a dollar."""
    return re.sub(
        r"\$\$|\$\(([^()$]+)\)",
        lambda found: "$" if found[1] is None else known.get(found[1], found[0]),
        text,
    )


def environment(release: Release) -> Iterator[str]:
    """Every variable stands there once, and refers only to those before it."""
    by_user = {item["name"] for item in release.props.extra_env}
    for owner, container in release.containers():
        before: dict[str, str] = {}
        items = container.get("env", [])
        for name, count in Counter(item["name"] for item in items).items():
            if count > 1:
                yield f"{owner}: {name} stands there {count} times"
        for item in items:
            if "value" in item and not isinstance(item["value"], str):
                yield f"{owner}: {item['name']} is no text"
            unescaped = str(item.get("value", "")).replace("$$", "")
            for name in re.findall(r"\$\(([^()]+)\)", unescaped):
                if name not in before and item["name"] not in by_user:
                    yield f"{owner}: {item['name']} refers to {name}, which does not stand before it"
            before[item["name"]] = str(item.get("value", ""))
        for text in (*container.get("command", []), *container.get("args", [])):
            if "$(" in text.replace("$$", ""):
                yield f"{owner}: {text!r} would be expanded"


_SECRET_VARIABLES = {
    "PGPASSWORD",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "MLFLOW_CRYPTO_KEK_PASSPHRASE",
    "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY",
    "MLFLOW_AUTH_ADMIN_PASSWORD",
    "MLFLOW_FLASK_SERVER_SECRET_KEY",
    "MLFLOW_LDAP_BIND_PASSWORD",
    "MLFLOW_TRACKING_PASSWORD",
    "OAUTH2_PROXY_CLIENT_SECRET",
    "OAUTH2_PROXY_COOKIE_SECRET",
    "OAUTH2_PROXY_REDIS_PASSWORD",
    "OIDC_CLIENT_SECRET",
    "SECRET_KEY",
    "SESSION_TOKEN_ENCRYPTION_KEY",
}


def secrets_by_reference(release: Release) -> Iterator[str]:
    """No secret's value stands outside of Secret objects, and containers read it by reference."""
    # A shorter one stands in other text by chance.
    inline = {part.value for part in parts_of(release.props) if isinstance(part, InlineSecret) and len(part.value) > 5}
    for item in release.objects:
        for path, value in leaves(item):
            inside = item["kind"] == "Secret" and path.startswith(".stringData.")
            if not inside and isinstance(value, str) and any(secret in value for secret in inline):
                yield f"{where(item)}{path} shows a secret"
        if item["kind"] == "Secret" and not release.props.allow_inline_secrets:
            yield f"{where(item)} is rendered though no inline secret is allowed"
    for owner, container in release.containers():
        for variable, value in env_of(container).items():
            named = variable in _SECRET_VARIABLES or variable.startswith("CREDENTIAL_")
            if named and not isinstance(value, tuple):
                yield f"{owner}: {variable} is not read from a Secret"


def callers(release: Release) -> Iterator[str]:
    """Whatever of ours calls the server knows its address and logs in by a Secret, the one that the server reads."""
    login = release.props.authentication
    server = env_of(release.server)
    names = {"MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"}
    for owner, container in release.containers():
        env = env_of(container)
        found = {name: env[name] for name in names & env.keys()}
        # A server knows its own address, and its jobs call it.
        calls = "MLFLOW_TRACKING_URI" in env or env.get("MLFLOW_SERVER_ENABLE_JOB_EXECUTION") == "true"
        if not calls or login is None:
            if found:
                yield f"{owner}: has credentials that it does not need: {sorted(found)}"
        elif "MLFLOW_AUTH_ADMIN_PASSWORD" in server:
            wanted = {
                "MLFLOW_TRACKING_USERNAME": server["MLFLOW_AUTH_ADMIN_USERNAME"],
                "MLFLOW_TRACKING_PASSWORD": server["MLFLOW_AUTH_ADMIN_PASSWORD"],
            }
            if found != wanted:
                yield f"{owner}: calls the server with {found}, not {wanted}"
        elif not found and "MLFLOW_TRACKING_TOKEN" not in launched(release, container):
            yield f"{owner}: calls the server without credentials"
    server_pods = {"podSelector": {"matchLabels": release.service["spec"]["selector"]}}
    for policy in release.all("NetworkPolicy"):
        component = policy["metadata"]["labels"]["app.kubernetes.io/component"]
        reaches = any(server_pods in rule.get("to", []) for rule in policy["spec"].get("egress", []))
        callers = [
            owner
            for owner, template in release.templates()
            if template["metadata"]["labels"]["app.kubernetes.io/component"] == component
            for container in containers_of(template["spec"])
            # A restore looks whether the server is away.
            if "MLFLOW_TRACKING_URI" in env_of(container) or container["name"] == "fetch"
        ]
        if reaches is not bool(callers):
            yield f"{where(policy)}: the way to the server is {reaches}, those who call it {callers}"


def trust(release: Release) -> Iterator[str]:
    """Whatever of ours calls the server trusts the company's authority: the provider of its token may be its."""
    bundle = release.props.ca_bundle
    if bundle is None:
        return
    for owner, template in release.templates():
        sources = [volume.get("configMap") or volume.get("secret") or {} for volume in template["spec"]["volumes"]]
        given = bundle.name in {source.get("name", source.get("secretName")) for source in sources}
        for container in containers_of(template["spec"]):
            env = env_of(container)
            if "MLFLOW_TRACKING_URI" in env and not (given and {"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"} <= env.keys()):
                yield f"{owner}/{container['name']}: calls the server without {bundle}"


def workspaces(release: Release) -> Iterator[str]:
    """Whatever works on the backend store with MLflow's own code sees all workspaces, or none does."""
    wanted = "true" if release.props.workspaces is not None else None
    for owner, container in release.containers():
        uses = container["name"] == "mlflow" or "collect_garbage.py" in " ".join(container.get("command", []))
        if uses and env_of(container).get("MLFLOW_ENABLE_WORKSPACES") != wanted:
            yield f"{owner}: MLFLOW_ENABLE_WORKSPACES is not {wanted}"
        if "MLFLOW_WORKSPACE" in env_of(container):
            yield f"{owner}: has a workspace, with which no server starts"
        if container["name"] == "gc" and ("--all-workspaces" in container["args"]) is (wanted is None):
            yield f"{owner}: collects with {container['args']}"


def service_links(release: Release) -> Iterator[str]:
    """No pod gets variables of Services: one called mlflow would set MLFLOW_PORT."""
    for owner, template in release.templates():
        if template["spec"].get("enableServiceLinks") is not False:
            yield f"{owner}: enableServiceLinks is not False"


def launched(release: Release, container: Manifest) -> dict[str, str]:
    """Return the variables that the launcher of a container completes, and their text."""
    if container.get("command", [])[1:2] != ["/etc/mlflow/launch.py"]:
        return {}
    file = container["command"][2].rpartition("/")[2]
    texts = [item["data"][file] for item in release.all("ConfigMap") if file in item["data"]]
    return {name: setting.get("text", "") for name, setting in json.loads(texts[0]).items()}


def server_arguments(release: Release) -> Iterator[str]:
    """No address of a store is an argument; telemetry is off, jobs and the AI gateway unless they are wanted."""
    args, env = release.server.get("args", []), env_of(release.server) | launched(release, release.server)
    if release.server["command"][-2:] != ["mlflow", "server"]:
        yield f"the command is {release.server['command']}"
    host = "0.0.0.0" if front(release) is None else "127.0.0.1"  # noqa: S104
    if args[:4] != ["--host", host, "--port", "5000"]:
        yield f"the arguments start with {args[:4]}"
    if any("://" in arg for arg in args if arg.lstrip("-").partition("=")[0] not in release.props.extra_args):
        yield f"an address stands in the arguments {args}"
    jobs = str(release.props.job_execution is not None).lower()
    switches = {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": jobs,
        "MLFLOW_ENABLE_AI_GATEWAY": str(release.props.ai_gateway is not None).lower(),
        "MLFLOW_MODEL_CATALOG_URI": release.props.model_catalog_url or "",
    }
    for name, value in switches.items():
        if env.get(name) != value:
            yield f"{name} is {env.get(name)!r}"
    if ("MLFLOW_BACKEND_STORE_URI" in env) is (release.props.backend_store is None):
        yield f"the backend store is {env.get('MLFLOW_BACKEND_STORE_URI')!r}"
    if not ("MLFLOW_ARTIFACTS_DESTINATION" in env) ^ ("MLFLOW_DEFAULT_ARTIFACT_ROOT" in env):
        yield "artifacts must be either proxied or direct"


def periodic_tasks(release: Release) -> Iterator[str]:
    """Where jobs run, one pod leads the periodic tasks and never two at once, and every server answers its own jobs."""
    if release.props.job_execution is None:
        return
    leaders = []
    for deployment in release.all("Deployment"):
        for container in deployment["spec"]["template"]["spec"]["containers"]:
            env = env_of(container)
            if env.get("MLFLOW_SERVER_JOB_ENABLE_PERIODIC_TASKS") == "true":
                leaders.append(deployment)
            if container["name"] == "mlflow" and not host_is_allowed(
                str(env["MLFLOW_SERVER_ALLOWED_HOSTS"]), "0.0.0.0:5000"
            ):
                yield f"{where(deployment)} refuses its own jobs"
    if [item["spec"]["strategy"]["type"] for item in leaders] != ["Recreate"]:
        yield f"the leaders are {[where(item) for item in leaders]}"
    if any(item["spec"]["replicas"] > 1 for item in leaders):
        yield "there are several leaders"


# --- Ports, probes, stops ----------------------------------------------------------------------------------


def front(release: Release) -> Manifest | None:
    """Return the container through which alone the server is reached; None if it is reached directly."""
    found = [item for item in containers_of(release.pod) if item["name"] == "oauth2-proxy"]
    assert bool(found) == isinstance(release.props.authentication, OAuth2Proxy)
    return found[0] if found else None


def pod_port(release: Release) -> int:
    """Return the port on which pods are reached."""
    return 5000 if front(release) is None else 4180


def fronts(release: Release) -> Iterator[str]:
    """Nothing in the pod listens but the container in front, which starts before MLflow, ends after it and asks it."""
    proxy = front(release)
    if proxy is None:
        return
    env = env_of(proxy)
    if "ports" in release.server:
        yield f"the server offers {release.server['ports']} beside the proxy"
    if proxy not in release.pod["initContainers"] or proxy.get("restartPolicy") != "Always":
        yield "the proxy is no sidecar: it would end with MLflow's last requests"
    if env.get("OAUTH2_PROXY_UPSTREAMS") != "http://127.0.0.1:5000/":
        yield f"the proxy asks {env.get('OAUTH2_PROXY_UPSTREAMS')}"
    path = f"{release.props.static_prefix or ''}/health"
    open_routes = expand(str(env.get("OAUTH2_PROXY_SKIP_AUTH_ROUTES")), {})
    if open_routes != f"GET=^{re.escape(path)}$":
        yield f"no login is asked for {open_routes}"
    if env.get("OAUTH2_PROXY_REVERSE_PROXY") != "false":
        yield "the proxy believes what anybody says about the path"


def ports(release: Release) -> Iterator[str]:
    """Every probe, Service and Ingress names a port that is there."""
    offered: dict[str | int, int] = {}
    for owner, container in release.containers():
        own = {item["name"]: item["containerPort"] for item in container.get("ports", [])}
        offered |= own
        # The server is asked through whoever is in front of it.
        asked = {pod_port(release)} if container["name"] == "mlflow" and front(release) else {*own, *own.values()}
        probed = [
            container[probe] for probe in ("startupProbe", "livenessProbe", "readinessProbe") if probe in container
        ]
        for action in (probe.get("httpGet") or probe.get("tcpSocket") for probe in probed):
            if action["port"] not in asked:
                yield f"{owner}: a probe asks a port that is not open: {action}"
    yield from _targets(release, offered)
    yield from _backends(release)


def _backends(release: Release) -> Iterator[str]:
    service = release.service
    of_service = {port["port"] for port in service["spec"]["ports"]}
    overridden = _overrides(release)
    for ingress in release.all("Ingress"):
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                backend = path["backend"]["service"]
                (port,) = backend["port"].values()
                ours = backend["name"] == service["metadata"]["name"] and port in of_service
                if not ours and (backend["name"], port) not in overridden:
                    yield f"{where(ingress)}: {path['path']} goes to {backend}, which nobody named"


def routes(release: Release) -> Iterator[str]:
    """Every HTTPRoute goes to the Service, or to nobody."""
    name, ports = release.service["metadata"]["name"], ports_of_service(release)
    for route in release.all("HTTPRoute"):
        for reference in [item for rule in route["spec"]["rules"] for item in rule.get("backendRefs", [])]:
            if reference["name"] != name or reference["port"] not in ports:
                yield f"{where(route)}: goes to {reference}"


def _targets(release: Release, offered: dict[str | int, int]) -> Iterator[str]:
    """Clients' Service leads to the server, and each other one to what it is for."""
    offered |= {number: number for number in list(offered.values())}
    wanted = {release.name: pod_port(release), f"{release.name}-metrics": 9464, f"{release.name}-redis": 6379}
    for item in release.all("Service"):
        for port in item["spec"]["ports"]:
            if offered.get(port["targetPort"]) != wanted[item["metadata"]["name"]]:
                yield f"{where(item)}: the target {port['targetPort']} is not the port that it is for"


def _overrides(release: Release) -> set[tuple[str, str | int]]:
    """Return the Services and ports that the props name for paths; what they leave out is the server's."""
    [own] = release.service["spec"]["ports"]
    return {
        (path.service_name or release.name, path.service_port or own["port"])
        for door in release.props.exposure
        if isinstance(door, Ingress)
        for host in door.hosts
        for path in host.paths
        if path.service_name or path.service_port
    }


def probes(release: Release) -> Iterator[str]:
    """Every probe of the server asks for its health below its prefix; its start may last longer than MLflow waits."""
    path = f"{release.props.static_prefix or ''}/health"
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        if release.server.get(probe, {}).get("httpGet", {}).get("path") != path:
            yield f"{probe} does not ask for {path}"
        scheme = release.server.get(probe, {}).get("httpGet", {}).get("scheme", "HTTP")
        if scheme != ("HTTPS" if release.props.tls else "HTTP"):
            yield f"{probe} speaks {scheme}"
    startup = release.server.get("startupProbe", {"periodSeconds": 10, "failureThreshold": 3})
    if startup["periodSeconds"] * startup["failureThreshold"] <= 106:
        yield "the server is killed before MLflow gives up waiting for its database (106 s)"


def certificates(release: Release) -> Iterator[str]:
    """With a certificate the server speaks TLS and nothing else, and all who come to it do."""
    scheme = "https" if release.props.tls else "http"
    if urlsplit(release.tracking_uri).scheme != scheme:
        yield f"clients in the cluster are sent to {release.tracking_uri}"
    yield from _listeners(release, encrypts=scheme == "https")
    service = release.service
    if any(port.get("appProtocol", "http") != scheme for port in service["spec"]["ports"]):
        yield f"{where(service)}: its port is not {scheme}"
    for door in release.props.exposure:
        if isinstance(door, HttpRoute) and scheme == "https":
            yield "a gateway would speak plain HTTP"
    for ingress in release.all("Ingress"):
        told = ingress["metadata"].get("annotations", {}) | service["metadata"].get("annotations", {})
        protocols = [value.lower() for name, value in told.items() if name.endswith(("-protocol", ".serversscheme"))]
        if set(protocols) - {scheme} or (scheme == "https" and not protocols):
            yield f"{where(ingress)}: its controller is told to speak {protocols}"
    for transport in release.all("ServersTransport"):
        if transport["spec"].get("insecureSkipVerify") or "serverName" not in transport["spec"]:
            yield f"{where(transport)}: takes any certificate, or looks for an address in it"


def _listeners(release: Release, *, encrypts: bool) -> Iterator[str]:
    """Whoever is reached has the certificate; a server behind him speaks plain HTTP on its own localhost."""
    options, proxy = str(env_of(release.server)["MLFLOW_UVICORN_OPTS"]), front(release)
    own = encrypts and proxy is None
    if ("--ssl-certfile" in options) != own or ("--ssl-keyfile" in options) != own:
        yield f"the server is told {options}"
    told = {} if proxy is None else env_of(proxy)
    if proxy is not None and ("OAUTH2_PROXY_TLS_KEY_FILE" in told) != encrypts:
        yield f"the proxy has a key for {told.get('OAUTH2_PROXY_TLS_KEY_FILE')}"
    if encrypts and told.get("OAUTH2_PROXY_HTTP_ADDRESS", "-") != "-":
        yield "the proxy speaks plain HTTP as well"


_ARTIFACTS = ("/api/2.0/mlflow-artifacts/artifacts", "/ajax-api/2.0/mlflow-artifacts/artifacts")


def unprefixed_artifacts(release: Release) -> Iterator[str]:
    """Below a static prefix, uploads go to the server without it wherever a door can take it off, and nothing else."""
    prefix = release.props.static_prefix
    for route in release.all("HTTPRoute"):
        rewritten = {
            rule["matches"][0]["path"]["value"]: item["urlRewrite"]["path"]["replacePrefixMatch"]
            for rule in route["spec"]["rules"]
            for item in rule.get("filters", [])
            if item["type"] == "URLRewrite"
        }
        redirects = not any("backendRefs" in rule for rule in route["spec"]["rules"])
        exact = {
            match["path"]["value"]
            for rule in route["spec"]["rules"]
            for match in rule["matches"]
            if match["path"]["type"] == "Exact" and not any(f["type"] == "URLRewrite" for f in rule.get("filters", []))
        }
        if not redirects and exact != ({f"{prefix}{path}" for path in _ARTIFACTS} if prefix else set()):
            yield f"{where(route)}: lists of artifacts are at {sorted(exact)}"
        if rewritten != ({f"{prefix}{path}": path for path in _ARTIFACTS} if prefix and not redirects else {}):
            yield f"{where(route)}: rewrites {rewritten}"
    ingresses = {item["metadata"]["name"]: item for item in release.all("Ingress")}
    for door in (item for item in release.props.exposure if isinstance(item, Ingress)):
        name = f"{release.name}-{door.name}" if door.name else release.name
        twin = ingresses.get(f"{name}-artifacts")
        if (twin is not None) != (prefix is not None and isinstance(door.controller, IngressNginx | Traefik)):
            yield f"Ingress/{name}: it has {'a' if twin else 'no'} way for artifacts"
        elif twin is not None:
            yield from _as_guarded(ingresses[name], twin)


def _as_guarded(first: Manifest, twin: Manifest) -> Iterator[str]:
    """Yield what the first Ingress asks of a request and its twin for artifacts does not."""
    told = twin["metadata"].get("annotations", {})
    for name, value in first["metadata"].get("annotations", {}).items():
        made = name.startswith("cert-manager.io/")
        if made == (name in told) or (not made and not told[name].startswith(value)):
            yield f"{where(twin)}: {name} is {told.get(name)!r}"
    for field in ("ingressClassName", "tls"):
        if first["spec"].get(field) != twin["spec"].get(field):
            yield f"{where(twin)}: has another {field}"
    of_first, of_twin = ({rule.get("host") for rule in item["spec"]["rules"]} for item in (first, twin))
    if not of_twin <= of_first:
        yield f"{where(twin)}: has other hosts"


def stops(release: Release) -> Iterator[str]:
    """Both the delay before the stop and the requests in flight fit into the time that the pod has to end."""
    env = env_of(release.server)
    hook = release.server.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", [])
    told = json.loads(release.one("ConfigMap", f"{release.name}-files")["data"]["logging.json"])["filters"]["stop"]
    delay = re.fullmatch(r"sh -c touch (/tmp/\w+)\nsleep ([0-9]+)", " ".join(hook))
    graceful = re.match(r"--timeout-graceful-shutdown ([0-9]+)(?: |$)", str(env.get("MLFLOW_UVICORN_OPTS")))
    if delay is None or int(delay[2]) != release.props.pre_stop_delay // timedelta(seconds=1):
        yield f"the delay before the stop is {hook}"
    elif delay[1] != told["notice"]:
        yield f"the server looks for {told['notice']} before its stop, and is left {delay[1]}"
    elif graceful is None:
        yield "requests in flight have no limit"
    elif "--timeout-keep-alive 120 " not in str(env["MLFLOW_UVICORN_OPTS"]):
        yield "connections are closed while proxies in front still use them"
    elif release.pod["terminationGracePeriodSeconds"] < int(delay[2]) + int(graceful[1]) + 5:
        yield f"the pod is killed after {release.pod['terminationGracePeriodSeconds']} s, before its requests end"


def single_writers(release: Release) -> Iterator[str]:
    """Every store or volume for one writer has one replica and Recreate; all else rolls without a gap."""
    deployment = release.one("Deployment", release.name)["spec"]
    stores = [release.props.backend_store, release.props.registry_store, release.props.read_replica_backend_store]
    mounted = {volume.get("persistentVolumeClaim", {}).get("claimName") for volume in release.pod["volumes"]}
    lonely = [item for item in release.all("PersistentVolumeClaim") if item["spec"]["accessModes"] != ["ReadWriteMany"]]
    lonely_names = {item["metadata"]["name"] for item in lonely}
    lonely_names |= {
        part.claim_name
        for part in parts_of(release.props)
        if isinstance(part, ExistingVolumeClaim) and "ReadWriteMany" not in part.access_modes
    }
    jobs_in_memory = release.props.job_execution is not None and release.props.job_execution.queue is None
    single = any(isinstance(store, SQLite | FileStore) for store in stores) or bool(mounted & lonely_names)
    single = single or jobs_in_memory
    _, most = _replicas(release)
    if single and (most > 1 or deployment["strategy"] != {"type": "Recreate"}):
        yield f"two pods may write at once: {most} replicas, {deployment['strategy']}"
    if not single and deployment["strategy"].get("rollingUpdate", {}).get("maxUnavailable") != 0:
        yield f"a rollout leaves a gap: {deployment['strategy']}"
    for other in release.all("Deployment"):
        alone = other["spec"].get("replicas", 2) <= 1 and other["spec"]["strategy"] == {"type": "Recreate"}
        if other["metadata"]["name"] != release.name and not alone:
            yield f"{where(other)}: two may run at once"
    if deployment["progressDeadlineSeconds"] <= _patience(release):
        yield "a rollout is given up before the database and its migration are"


def _replicas(release: Release) -> tuple[int, int]:
    """Return the fewest and the most pods that run: by the Deployment, or by what scales it."""
    scaling = release.props.scaling
    if isinstance(scaling, FixedReplicas):
        replicas = release.one("Deployment", release.name)["spec"].get("replicas", 1)
        return replicas, replicas
    if isinstance(scaling, Autoscaling):
        spec = release.one("HorizontalPodAutoscaler")["spec"]
        return spec["minReplicas"], spec["maxReplicas"]
    spec = release.one("ScaledObject")["spec"]
    return spec["minReplicaCount"], spec["maxReplicaCount"]


def scalers(release: Release) -> Iterator[str]:
    """Either the Deployment says how many pods run, or one autoscaler that names it, within the props' bounds."""
    scaling, deployment = release.props.scaling, release.one("Deployment", release.name)
    found = [item for kind in ("HorizontalPodAutoscaler", "ScaledObject") for item in release.all(kind)]
    if isinstance(scaling, FixedReplicas):
        if found or deployment["spec"].get("replicas") != scaling.replicas:
            yield f"{deployment['spec'].get('replicas')} replicas, {len(found)} autoscalers"
        return
    if "replicas" in deployment["spec"]:
        yield "each apply would undo what the autoscaler has decided"
    if _replicas(release) != (scaling.min_replicas, scaling.max_replicas):
        yield f"{_replicas(release)} pods"
    for item in found:
        target = item["spec"]["scaleTargetRef"]
        if (target["apiVersion"], target["kind"]) != ("apps/v1", "Deployment"):
            yield f"{where(item)} scales {target}"
        if target["name"] != deployment["metadata"]["name"]:
            yield f"{where(item)} scales {target}"


def _patience(release: Release) -> float:
    """Return how long the init containers may take: another pod's upgrade, and then the own one."""
    migration = release.props.migration
    migrates = any(item["name"] == "migrate" for item in release.pod.get("initContainers", []))
    return (migration.database_wait + 2 * migration.time_limit).total_seconds() if migration and migrates else 0


def disruptions(release: Release) -> Iterator[str]:
    """No budget holds back a drain for ever, and one is there where two replicas may run."""
    budgets, (_, most) = release.all("PodDisruptionBudget"), _replicas(release)
    if (most > 1 and release.props.disruption_budget is not None) != bool(budgets):
        yield f"{len(budgets)} disruption budgets for {most} replicas"
    for budget in budgets:
        if budget["spec"].get("maxUnavailable", 0) < 1 or "minAvailable" in budget["spec"]:
            yield f"{where(budget)} blocks drains"
        if budget["spec"].get("unhealthyPodEvictionPolicy") != "AlwaysAllow":
            yield f"{where(budget)} keeps pods that are not ready"


def jobs(release: Release) -> Iterator[str]:
    """Every Job has a name of its template, no time to live, and does not restart for ever."""
    for job in release.all("Job"):
        if not re.search(r"-[0-9a-f]{8}$", job["metadata"]["name"]):
            yield f"{where(job)}: the name does not change with the template"
        if "ttlSecondsAfterFinished" in job["spec"]:
            yield f"{where(job)}: a GitOps tool would make it again and again"
        if job["spec"]["template"]["spec"].get("restartPolicy") not in {"Never", "OnFailure"}:
            yield f"{where(job)}: no Job may restart always"


# --- Hosts and origins -------------------------------------------------------------------------------------


def host_is_allowed(allowed: str, host: str) -> bool:
    """Return what MLflow 3.17 decides about a Host header (mlflow/server/security_utils.py)."""
    entries = [entry.strip() for entry in allowed.split(",")]
    return any(fnmatch.fnmatchcase(host, entry) if "*" in entry else host == entry for entry in entries)


def origin_is_allowed(allowed: str, origin: str) -> bool:
    """Return what MLflow 3.17 decides about the Origin of a request that writes."""
    return urlsplit(origin).hostname in {"localhost", "127.0.0.1"} or host_is_allowed(allowed, origin)


STRANGERS = (
    "attacker.example",
    "attacker.example:5000",
    "mlflow.attacker.example",
    "10.attacker.example",
    "192.168.attacker.example:80",
    "203.0.113.9",
    "203.0.113.9:80",
)


def ports_of_service(release: Release) -> list[int]:
    """Return the ports by which clients in the cluster connect."""
    return [port["port"] for port in release.service["spec"]["ports"]]


def hosts(release: Release) -> Iterator[str]:
    """Every name by which the server is reached is accepted with and without port, and no stranger's is."""
    env = {name: str(value) for name, value in env_of(release.server).items()}
    namespace = release.namespace or "anywhere"
    fields = {"POD_NAMESPACE": namespace, "POD_IP": "10.42.1.7", "HOST_IP": "10.0.0.4"}
    allowed = expand(env["MLFLOW_SERVER_ALLOWED_HOSTS"], fields)
    service, [port] = release.service["metadata"]["name"], ports_of_service(release)
    domain = release.props.cluster_domain
    dns = [service, f"{service}.{namespace}", f"{service}.{namespace}.svc", f"{service}.{namespace}.svc.{domain}"]
    wanted = [
        *dns,
        *(f"{name}:{port}" for name in dns),
        "localhost:8080",
        "127.0.0.1:5000",
        f"10.42.1.7:{pod_port(release)}",
    ]
    wanted += ["10.0.0.4:30500"] if isinstance(release.props.service, NodePort | LoadBalancer) else []
    for item in [*release.all("Ingress"), *release.all("HTTPRoute")]:
        rules = item["spec"].get("rules", [])
        found = item["spec"]["hostnames"] if item["kind"] == "HTTPRoute" else [rule.get("host") for rule in rules]
        for name in [host.replace("*", "any") for host in found if host]:
            wanted += [name, f"{name}:8443"]
    if release.props.public_url:
        wanted.append(urlsplit(release.props.public_url).netloc)
    for host in wanted:
        if not host_is_allowed(allowed, host):
            yield f"the Host {host} is refused"
    own_words = ",".join(release.props.allowed_hosts)
    for host in STRANGERS:
        if host_is_allowed(allowed, host) and not host_is_allowed(own_words, host):
            yield f"the Host {host} is accepted"


def origins(release: Release) -> Iterator[str]:
    """Every public URL may be written from, and no stranger's page may write."""
    allowed = str(env_of(release.server).get("MLFLOW_SERVER_CORS_ALLOWED_ORIGINS", ""))
    wanted = list(release.props.cors_allowed_origins)
    if release.public_url:
        wanted.append("{0.scheme}://{0.netloc}".format(urlsplit(release.public_url)))
    for ingress in release.all("Ingress"):
        covered = [host for tls in ingress["spec"].get("tls", []) for host in tls.get("hosts", [])]
        for rule in ingress["spec"]["rules"]:
            host = rule.get("host")
            scheme = "https" if any(host and fnmatch.fnmatchcase(host, name) for name in covered) else "http"
            wanted += [f"{scheme}://{host.replace('*', 'any')}"] if host else []
    for door in release.props.exposure:
        if isinstance(door, HttpRoute):
            wanted += [f"{door.scheme}://{name.replace('*', 'any')}" for name in door.hostnames]
    for origin in wanted:
        if not origin_is_allowed(allowed, origin):
            yield f"the origin {origin} is refused"
    for host in STRANGERS:
        if origin_is_allowed(allowed, f"https://{host}"):
            yield f"the origin https://{host} is accepted"


# --- Network -----------------------------------------------------------------------------------------------


def _peer(peer: NamespacePeer | PodPeer | CidrPeer) -> Manifest:
    namespace: Manifest = {}
    if isinstance(peer, CidrPeer):
        return {"ipBlock": {"cidr": peer.cidr} | ({"except": list(peer.except_)} if peer.except_ else {})}
    if isinstance(peer, NamespacePeer):
        return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": peer.name}}}
    if peer.namespace:
        namespace = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": peer.namespace}}}
    return namespace | {"podSelector": {"matchLabels": dict(peer.match_labels)} if peer.match_labels else {}}


def _address(host: str) -> list[Manifest]:
    if re.fullmatch(r"[0-9.]+", host):
        return [{"ipBlock": {"cidr": f"{host}/32"}}]
    return [{"ipBlock": {"cidr": f"{host}/128"}}] if ":" in host else []


Way = tuple[int, list[Manifest]]
"""A port, and the peers at which it is; no peer means anywhere."""

_GOOGLE_METADATA: list[Way] = [(80, _address("169.254.169.254")), (988, _address("169.254.169.252"))]
_ENGINE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}


def _ways(endpoints: Iterable[Endpoint]) -> Iterator[Way]:
    yield from ((item.port, [_peer(item.peer)] if item.peer else []) for item in endpoints)


def _database_ways(store: object) -> Iterator[Way]:
    proxy = getattr(store, "proxy", None)
    if isinstance(proxy, SidecarProxy):
        yield from _ways(proxy.egress)
    elif isinstance(proxy, CloudSqlProxy):
        yield from [(443, []), (3307, []), *_GOOGLE_METADATA]
    elif isinstance(store, PostgreSQL | MySQL | SQLServer):
        yield store.port, [_peer(store.network_peer)] if store.network_peer else _address(store.host)
    elif isinstance(store, DatabaseUri):
        yield from [(_ENGINE_PORTS[store.engine], [])] if store.egress is None else _ways(store.egress)
    elif isinstance(store, CloudNativePG):
        yield 5432, [{"podSelector": {"matchLabels": {"cnpg.io/cluster": store.name}}}]


def _artifact_ways(store: object) -> Iterator[Way]:
    if isinstance(store, S3):
        url = urlsplit(store.endpoint_url or "https://")
        port = url.port or {"https": 443, "http": 80}[url.scheme]
        yield port, [_peer(store.network_peer)] if store.network_peer else _address(url.hostname or "")
        if store.credentials is None and store.endpoint_url is None:
            yield 80, _address("169.254.170.23")
            yield from [] if store.network_peer else [(443, [])]
    elif isinstance(store, HDFS):
        yield from [(store.port, []), (9866, []), (9867, [])] if store.egress is None else _ways(store.egress)
        yield from [(88, [])] if store.kerberos else []
    elif isinstance(store, GCS):
        url = urlsplit(store.emulator_host or "https://")
        yield from [(url.port or 443, [])] if store.egress is None else _ways(store.egress)
        yield from _GOOGLE_METADATA if store.credentials is None and store.emulator_host is None else []
    elif hasattr(store, "egress"):
        yield from _ways(store.egress)


def _login_ways(login: object) -> Iterator[Way]:
    for url in login.urls if isinstance(login, LdapAuth) else ():
        parts = urlsplit(url)
        peer = login.network_peer if isinstance(login, LdapAuth) else None
        ports = {"ldap": 389, "ldaps": 636}
        yield parts.port or ports[parts.scheme], [_peer(peer)] if peer else _address(parts.hostname or "")


def _provider_ways(login: object) -> Iterator[Way]:
    """Return where the people's accounts are."""
    if isinstance(login, OidcAuth | OAuth2Proxy):
        url = urlsplit(login.discovery_url if isinstance(login, OidcAuth) else login.issuer_url)
        port = url.port or {"https": 443, "http": 80}[url.scheme]
        yield port, [_peer(login.network_peer)] if login.network_peer else _address(url.hostname or "")
        yield from _ways(login.egress)


def _redis_ways(login: object) -> Iterator[Way]:
    for redis in [part for part in parts_of(login) if isinstance(part, Redis)]:
        yield redis.port, [_peer(redis.network_peer)] if redis.network_peer else _address(redis.host)


def _endpoints(release: Release) -> Iterator[Way]:
    """Return every port that the server's pod needs, and where."""
    props = release.props
    migration, login = props.migration, props.authentication
    own = [migration.backend_store, migration.registry_store, migration.user_store] if migration else []
    users = login.user_store if login else None
    for store in (props.backend_store, props.registry_store, props.read_replica_backend_store, users, *own):
        yield from _database_ways(store)
    yield from _login_ways(login)
    yield from _provider_ways(login)
    yield from _redis_ways(login)
    yield from _artifact_ways(props.artifact_store)
    queue = props.job_execution.queue if props.job_execution else None
    if isinstance(queue, Redis):
        yield queue.port, [_peer(queue.network_peer)] if queue.network_peer else _address(queue.host)
    elif queue is not None:
        yield (
            6379,
            [{"podSelector": {"matchLabels": release.one("Service", f"{release.name}-redis")["spec"]["selector"]}}],
        )
    yield from _gateway_ways(props.ai_gateway)
    if props.model_catalog_url is not None:
        catalog = urlsplit(props.model_catalog_url)
        yield catalog.port or {"https": 443, "http": 80}[catalog.scheme], _address(catalog.hostname or "")
    yield from _ways(props.network_policy.egress if props.network_policy else ())


def _gateway_ways(gateway: AiGateway | None) -> Iterator[Way]:
    """Return the ways to the providers of language models, and to where their budgets are counted."""
    if gateway is None:
        return
    yield from _ways(gateway.egress)
    if gateway.budget_store is not None:
        store = gateway.budget_store
        yield store.port, [_peer(store.network_peer)] if store.network_peer else _address(store.host)


def _no_endpoints(release: Release) -> Iterator[Way]:
    """Return nothing: Redis is called, and calls nobody."""
    del release
    yield from ()


def _proxy_ways(release: Release) -> Iterator[Way]:
    """Return the way to the company's proxy."""
    proxy = release.props.http_proxy
    if proxy is not None and isinstance(proxy.url, str):
        parts = urlsplit(proxy.url)
        yield parts.port or 80, [_peer(proxy.network_peer)] if proxy.network_peer else _address(parts.hostname or "")
    elif proxy is not None:
        yield from _ways(proxy.egress)


def _gc_endpoints(release: Release) -> Iterator[Way]:
    """Return every port that the garbage collection needs, and where: the server too, which removes artifacts."""
    props = release.props
    yield pod_port(release), [{"podSelector": {"matchLabels": release.service["spec"]["selector"]}}]
    yield from _provider_ways(props.authentication)
    yield from _database_ways(props.backend_store)
    yield from _artifact_ways(props.artifact_store) if isinstance(props.artifact_access, Direct) else []
    yield from _ways(props.network_policy.egress if props.network_policy else ())


def _smoke_test_endpoints(release: Release) -> Iterator[Way]:
    """Return every port that the smoke test needs, and where: those of a client."""
    props = release.props
    yield from _provider_ways(props.authentication)
    yield pod_port(release), [{"podSelector": {"matchLabels": release.service["spec"]["selector"]}}]
    yield from _artifact_ways(props.artifact_store) if isinstance(props.artifact_access, Direct) else []
    yield from _ways(props.network_policy.egress if props.network_policy else ())


_DNS = {("UDP", 53), ("TCP", 53), ("UDP", 5353), ("TCP", 5353)}


def _backup_endpoints(release: Release) -> Iterator[Way]:
    """Return every port that a backup needs, and where: the databases as the migration reaches them, and the place."""
    props = release.props
    own = props.migration
    served = {
        "backend_store": props.backend_store,
        "registry_store": props.registry_store,
        "user_store": props.authentication.user_store if props.authentication else None,
    }
    for name, store in served.items():
        yield from _database_ways((getattr(own, name) if own else None) or store)
    yield from _artifact_ways(props.backup.destination) if props.backup else []
    yield from _ways(props.network_policy.egress if props.network_policy else ())


def _restore_endpoints(release: Release) -> Iterator[Way]:
    """Return those of a backup, and the server: to see that it does not run."""
    yield from _backup_endpoints(release)
    yield (
        pod_port(release),
        [{"podSelector": {"matchLabels": release.service["spec"]["selector"]}}],
    )


def _rules(rules: list[Manifest], side: str) -> list[tuple[frozenset[tuple[str, int]], str]]:
    """Return rules in a form that can be compared: protocols and ports, and the peers as text."""
    return [
        (
            frozenset((port["protocol"], port["port"]) for port in rule["ports"]),
            json.dumps(rule.get(side, []), sort_keys=True),
        )
        for rule in rules
    ]


def egress(release: Release) -> Iterator[str]:
    """No policy opens a way but to DNS and to what the pods use."""
    if release.props.network_policy is None:
        yield from (f"{where(item)} is rendered though no policy is wanted" for item in release.all("NetworkPolicy"))
        return
    wanted = {
        "secrets": [
            (_DNS, "[]"),
            *(({("TCP", port)}, "[]") for port in release.props.network_policy.api_server_ports),
        ],
        **{
            component: [
                (_DNS, "[]"),
                *(
                    ({("TCP", port)}, json.dumps(peers, sort_keys=True))
                    for port, peers in (
                        *endpoints(release),
                        *(_proxy_ways(release) if endpoints != _no_endpoints else ()),
                    )
                ),
            ]
            for component, endpoints in {
                "server": _endpoints,
                "periodic": _endpoints,
                "redis": _no_endpoints,
                "gc": _gc_endpoints,
                "smoke-test": _smoke_test_endpoints,
                "backup": _backup_endpoints,
                "restore": _restore_endpoints,
            }.items()
        },
    }
    components = {template["metadata"]["labels"]["app.kubernetes.io/component"] for _, template in release.templates()}
    policies = {
        item["metadata"]["labels"]["app.kubernetes.io/component"]: item for item in release.all("NetworkPolicy")
    }
    if set(policies) != components:
        yield f"policies for {sorted(policies)}, pods of {sorted(components)}"
    for component, policy in policies.items():
        if policy["spec"].get("policyTypes") != ["Ingress", "Egress"]:
            yield f"{where(policy)} does not rule both directions"
        found = _rules(policy["spec"].get("egress", []), "to")
        expected = {(frozenset(open_ports), peers) for open_ports, peers in wanted[component]}
        for extra in set(found) - expected:
            yield f"{where(policy)} opens {sorted(extra[0])} to {extra[1]} for nobody"
        for missing in expected - set(found):
            yield f"{where(policy)} does not open {sorted(missing[0])} to {missing[1]}"


def _redis_rules(release: Release, component: str) -> list[Manifest]:
    """Return whom the chart's Redis lets in: those who run jobs. Nobody comes to other pods."""
    if component != "redis":
        return []
    own = release.service["spec"]["selector"]
    callers = [
        {"podSelector": {"matchLabels": own | {"app.kubernetes.io/component": caller}}}
        for caller in ("server", "periodic")
    ]
    return [{"from": callers, "ports": [{"port": 6379, "protocol": "TCP"}]}]


def ingress_rules(release: Release) -> Iterator[str]:
    """Nobody reaches the server's port but its namespace, the doors and the clients that the props name."""
    policy, service = release.props.network_policy, release.props.service
    if policy is None:
        return
    peers: list[Manifest] | None = [{"podSelector": {}}, *(_peer(peer) for peer in policy.clients)]
    for door in release.props.exposure:
        if peers is not None:
            peers = [*peers, *(_peer(peer) for peer in door.allowed_from)] if door.allowed_from else None
    if isinstance(service, NodePort | LoadBalancer) and peers is not None:
        ranges = [{"ipBlock": {"cidr": cidr}} for cidr in service.source_ranges]
        peers = [*peers, *ranges] if ranges else None
    for item in release.all("NetworkPolicy"):
        rules = item["spec"].get("ingress", [])
        component = item["metadata"]["labels"]["app.kubernetes.io/component"]
        if component != "server":
            if rules != _redis_rules(release, component):
                yield f"{where(item)} lets somebody in"
            continue
        if rules[:1] == [] or rules[0].get("ports") != [{"port": pod_port(release), "protocol": "TCP"}]:
            yield f"{where(item)} opens other ports than the server's: {rules}"
            continue
        found = None if "from" not in rules[0] else {json.dumps(peer, sort_keys=True) for peer in rules[0]["from"]}
        expected = None if peers is None else {json.dumps(peer, sort_keys=True) for peer in peers}
        if found != expected:
            yield f"{where(item)} lets in {found}, not {expected}"


def readers(release: Release) -> Iterator[str]:
    """Nobody reads the metrics but whom the props name, and nobody reaches a third port."""
    metrics = release.props.metrics
    peers = [_peer(peer) for peer in metrics.allowed_from] if metrics else []
    rule = {"ports": [{"port": 9464, "protocol": "TCP"}], "from": peers or [{"podSelector": {}}]}
    for item in release.all("NetworkPolicy"):
        further = item["spec"].get("ingress", [])[1:]
        is_server = item["metadata"]["labels"]["app.kubernetes.io/component"] == "server"
        if further != ([rule] if metrics and is_server else []):
            yield f"{where(item)} opens further ports: {further}"


# --- Watching ----------------------------------------------------------------------------------------------


def metrics_are_harmless(release: Release) -> Iterator[str]:
    """Who serves metrics knows no secret, reads the counts and nothing else, and cannot make the pod unready."""
    found = [(owner, item) for owner, item in release.containers() if item["name"] == "metrics"]
    if len(found) != (1 if release.props.metrics else 0):
        yield f"{len(found)} containers serve metrics"
    for owner, container in found:
        if container.get("env") or container.get("envFrom"):
            yield f"{owner}: has an environment"
        mounted = {mount["name"]: mount.get("readOnly", False) for mount in container["volumeMounts"]}
        if mounted != {"metrics": True, "files": True}:
            yield f"{owner}: mounts {mounted}"
        if "readinessProbe" in container:
            yield f"{owner}: takes the server out of its Service when it fails"
        settings = json.loads(release.one("ConfigMap", f"{release.name}-files")["data"]["metrics.json"])
        if settings["directory"] != env_of(release.server).get("MLFLOW_EXPOSE_PROMETHEUS"):
            yield f"{owner}: reads {settings['directory']}, where nobody counts"


def logs(release: Release) -> Iterator[str]:
    """Uvicorn finds its logging configuration and our code; the health checks that it leaves out are the probes'."""
    options = str(env_of(release.server).get("MLFLOW_UVICORN_OPTS"))
    if "--log-config /etc/mlflow/logging.json --app-dir /etc/mlflow" not in options:
        yield f"uvicorn is started with {options}"
    files = release.one("ConfigMap", f"{release.name}-files")["data"]
    settings = json.loads(files["logging.json"])
    if not {"server_logs.py", "server_stop.py"} <= set(files):
        yield "the code of the logging configuration is not mounted"
    probed = release.server["readinessProbe"]["httpGet"]["path"]
    if settings["filters"]["requests"]["health_path"] != probed:
        yield f"probes of {probed} are logged"


_NAMED = re.compile(r'\b(namespace|deployment|persistentvolumeclaim|cronjob)=(~?)"([^"]*)"')


def alerts(release: Release) -> Iterator[str]:
    """Every query of an alert is about this release's own objects, and every alert has a runbook."""
    objects = {"namespace": {release.namespace or "default"}, "deployment": set[str]()}
    objects["deployment"] = {item["metadata"]["name"] for item in release.all("Deployment")}
    objects["cronjob"] = {item["metadata"]["name"] for item in release.all("CronJob")}
    objects["persistentvolumeclaim"] = {
        volume["persistentVolumeClaim"]["claimName"]
        for _, template in release.templates()
        for volume in template["spec"].get("volumes", [])
        if "persistentVolumeClaim" in volume
    }
    rules = [rule for item in release.all("PrometheusRule") for rule in item["spec"]["groups"][0]["rules"]]
    for rule in rules:
        for label, is_pattern, value in _NAMED.findall(rule["expr"]):
            named = set(value.replace("\\\\.", ".").split("|")) if is_pattern else {value}
            if not named <= objects[label]:
                yield f"{rule['alert']} asks for {label} {value}"
        if f"#{rule['alert'].lower()}" not in rule["annotations"]["runbook_url"]:
            yield f"{rule['alert']} has no runbook"


# --- Security ----------------------------------------------------------------------------------------------


def restricted(release: Release) -> Iterator[str]:
    """Every pod passes Pod Security "restricted", or the user is told that his own words loosened it."""
    broken = [
        f"{owner}: {violation}"
        for owner, template in release.templates()
        for violation in restricted_violations(template["spec"], template["metadata"].get("annotations"))
    ]
    told = any("restricted" in notice for notice in release.notices)
    if broken and not told:
        yield from broken
    if told and not broken:
        yield f"the notice is not true: {release.notices}"


def read_only_roots(release: Release) -> Iterator[str]:
    """Every container has a read-only root, unless the props say otherwise."""
    for owner, container in release.containers():
        wanted = release.props.security_context.get("readOnlyRootFilesystem", True)
        if container.get("securityContext", {}).get("readOnlyRootFilesystem", False) is not wanted:
            yield f"{owner}: readOnlyRootFilesystem is not {wanted}"


def images(release: Release) -> Iterator[str]:
    """Every container runs the image of the props, pulled as they say."""
    image, registry = release.props.image, release.props.image_registry
    sidecars = {
        part.image for part in parts_of(release.props) if isinstance(part, CloudSqlProxy | OAuth2Proxy | SidecarProxy)
    }
    extra = {item["name"] for item in extra_containers(release)}
    backup, queue = release.props.backup, release.props.job_execution and release.props.job_execution.queue
    tools = {backup.postgresql_image, backup.mysql_image} if backup else set()
    for owner, container in release.containers():
        wanted = {image.reference} if container.get("restartPolicy") is None else sidecars
        program = container.get("command", [""])[0]
        wanted = tools if program in {"pg_dump", "pg_restore", "sh"} else wanted
        wanted = {getattr(queue, "image", "")} if program == "redis-server" else wanted
        if registry is not None and not container["image"].startswith(f"{registry}/"):
            yield f"{owner}: is not pulled from {registry}: {container['image']}"
        if container["name"] in extra:
            continue
        path = container["image"].removeprefix(f"{registry}/").removeprefix("library/")
        of_mirror = registry is not None and any(item.endswith(path) for item in wanted)
        if (container["image"] not in wanted and not of_mirror) or container["imagePullPolicy"] != image.pull_policy:
            yield f"{owner}: runs {container['image']}, {container.get('imagePullPolicy')}"
    for owner, template in release.templates():
        if [item["name"] for item in template["spec"].get("imagePullSecrets", [])] != list(image.pull_secrets):
            yield f"{owner}: pulls with other Secrets"


# --- Values ------------------------------------------------------------------------------------------------

_MAY_BE_EMPTY = ("emptyDir", "podSelector", "namespaceSelector")


def emptiness(release: Release) -> Iterator[str]:
    """Nothing is None or empty: the API server would drop it, and ``kubectl diff`` would show it for ever."""
    for item in release.objects:
        for path, value in leaves(item):
            if value is None or (value in ({}, [], ()) and not path.endswith(_MAY_BE_EMPTY)):
                yield f"{where(item)}{path} is {value!r}"


_UNITS: dict[str, Fraction | int] = {
    "m": Fraction(1, 1000),
    "": 1,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "P": 10**15,
}
_BINARY: dict[str, Fraction | int] = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50}


def amount(quantity: str) -> Fraction:
    """Return the number that a quantity stands for."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([A-Za-z]*)", quantity)
    assert found is not None, f"{quantity!r} is no quantity"
    return Fraction(found[1]) * (_UNITS | _BINARY)[found[2]]


def is_canonical(quantity: str) -> bool:
    """Return whether the API server writes a quantity back unchanged: a whole number, the largest unit."""
    found = re.fullmatch(r"([1-9][0-9]*)([A-Za-z]*)", quantity)
    if found is None:
        return False
    value = amount(quantity)
    units = _BINARY if found[2] in _BINARY else _UNITS
    larger = [name for name, factor in units.items() if factor > units.get(found[2], 1) and value % factor == 0]
    return not larger


def quantities(release: Release) -> Iterator[str]:
    """Every quantity is written as the API server writes it, and no request is above its limit."""
    amounts = [
        (f"{where(item)} storage", item["spec"]["resources"]["requests"]["storage"])
        for item in release.all("PersistentVolumeClaim")
    ]
    for owner, template in release.templates():
        amounts += [
            (f"{owner} {volume['name']}", volume["emptyDir"]["sizeLimit"])
            for volume in template["spec"].get("volumes", [])
            if "emptyDir" in volume
        ]
    for owner, container in release.containers():
        resources = container.get("resources", {})
        for part in ("requests", "limits"):
            amounts += [(f"{owner} {part}.{name}", value) for name, value in resources.get(part, {}).items()]
        for name, limit in resources.get("limits", {}).items():
            if amount(resources.get("requests", {}).get(name, limit)) > amount(limit):
                yield f"{owner}: requests more {name} than its limit"
    for owner, value in amounts:
        if not is_canonical(value):
            yield f"{owner}: {value} is not how the API server writes it"


def memory(release: Release) -> Iterator[str]:
    """Memory follows from the workers: 430 MiB for the first when idle, 190 MiB for each further one."""
    if release.props.resources is not None:
        return
    workers = release.props.workers
    resources = release.server["resources"]
    needed = (430 + 190 * (workers - 1)) * 2**20
    access = release.props.artifact_access
    # Measured: an upload below a static prefix takes 1.7 times its size.
    held = 0 if release.props.static_prefix is None or isinstance(access, Direct) else amount(access.largest_artifact)
    if not needed < amount(resources["requests"]["memory"]) < amount(resources["limits"]["memory"]) - 2 * held:
        yield f"{workers} workers and an upload of {held} bytes need more than {resources}"
    if "cpu" in resources["limits"]:
        yield "a CPU limit slows the start down"


def connections(release: Release) -> Iterator[str]:
    """All pools together stay below what a database allows: 100 for PostgreSQL, or what the props say."""
    env = env_of(release.server)
    if "MLFLOW_SQLALCHEMYSTORE_POOL_SIZE" not in env:
        return
    each = int(env["MLFLOW_SQLALCHEMYSTORE_POOL_SIZE"]) + int(env["MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW"])
    processes = (_replicas(release)[1] + 1) * release.props.workers
    pool = release.props.connection_pool
    most = 100 if pool is None else pool.max_connections or 10**6
    if 2 * each * processes > most and each > 2:
        yield f"{processes} processes with two pools of {each} may open more than {most} connections"


def order(release: Release) -> Iterator[str]:
    """Identities and configuration come before the pods: kubectl applies a file from top to bottom."""
    kinds = [item["kind"] for item in release.objects]
    first = min(kinds.index(kind) for kind in ("Deployment", "Job") if kind in kinds)
    early = {"ServiceAccount", "Role", "RoleBinding", "Secret", "ExternalSecret", "ConfigMap", "PersistentVolumeClaim"}
    early |= {"NetworkPolicy"}
    for kind in early & set(kinds[first:]):
        yield f"a {kind} comes after the pods that need it"


INVARIANTS: dict[str, Invariant] = {
    rule.__name__: rule
    for rule in (
        names,
        labels,
        namespaces,
        selectors,
        metadata,
        placing,
        proxies,
        secret_references,
        accounts,
        tokens,
        volumes,
        mounts,
        config_maps,
        environment,
        secrets_by_reference,
        callers,
        trust,
        workspaces,
        service_links,
        server_arguments,
        fronts,
        periodic_tasks,
        ports,
        routes,
        probes,
        certificates,
        unprefixed_artifacts,
        stops,
        single_writers,
        scalers,
        disruptions,
        jobs,
        hosts,
        origins,
        egress,
        ingress_rules,
        readers,
        metrics_are_harmless,
        logs,
        alerts,
        restricted,
        read_only_roots,
        images,
        emptiness,
        quantities,
        memory,
        connections,
        order,
    )
}


def broken_invariants(release: Release) -> dict[str, list[str]]:
    """Return every invariant that a release breaks, and where."""
    return {name: found for name, rule in INVARIANTS.items() if (found := list(rule(release)))}
