"""What an environment's objects amount to, and how two sets of them differ, in the words of those who run it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.values import canonical_quantity, quantity_bytes

Objects = Sequence[Mapping[str, Any]]


@frozen(kw_only=True)
class Summary:
    """One environment in a line."""

    objects: int
    replicas: str
    """The server's: ``3``, or ``2-6`` where something scales it."""
    cpu: str
    """Requested by all pods that run all the time; the least, where something scales them."""
    memory: str
    url: str
    """Where people open the UI; empty if only the cluster reaches it."""
    secrets: tuple[str, ...]
    """Which Secrets must exist before the first apply."""


def summarize(objects: Objects) -> Summary:
    """Return what the objects of an environment amount to."""
    deployments = [item for item in objects if item["kind"] == "Deployment"]
    return Summary(
        objects=len(objects),
        replicas=_replicas(objects, deployments[0]) if deployments else "0",
        cpu=_requested(objects, deployments, "cpu"),
        memory=_requested(objects, deployments, "memory"),
        url=public_url(objects),
        secrets=tuple(secrets_needed(objects)),
    )


def _replicas(objects: Objects, deployment: Mapping[str, Any]) -> str:
    least, most = _bounds(objects, deployment)
    return str(least) if least == most else f"{least}-{most}"


def _bounds(objects: Objects, deployment: Mapping[str, Any]) -> tuple[int, int]:
    name, fixed = deployment["metadata"]["name"], deployment["spec"].get("replicas", 1)
    for item in objects:
        spec = item.get("spec") or {}
        if (spec.get("scaleTargetRef") or {}).get("name") == name:
            least = spec.get("minReplicas", spec.get("minReplicaCount", 1))
            return least, spec.get("maxReplicas", spec.get("maxReplicaCount", least))
    return fixed, fixed


def _requested(objects: Objects, deployments: Objects, resource: str) -> str:
    total = 0.0
    for deployment in deployments:
        pod = deployment["spec"]["template"]["spec"]
        running = [
            *pod.get("containers", ()),
            *(item for item in pod.get("initContainers", ()) if "restartPolicy" in item),
        ]
        starting = [_request(item, resource) for item in pod.get("initContainers", ())]
        total += _bounds(objects, deployment)[0] * max([sum(_request(item, resource) for item in running), *starting])
    return (
        canonical_quantity(f"{total * 1000:.0f}m" if resource == "cpu" else f"{total / 2**20:.0f}Mi") if total else "-"
    )


def _request(container: Mapping[str, Any], resource: str) -> float:
    amount = (container.get("resources") or {}).get("requests", {}).get(resource)
    return quantity_bytes(str(amount)) if amount else 0.0


def public_url(objects: Objects) -> str:
    """Return the first origin that a door opens; the server is told it, for its own UI to be let in."""
    for item in objects:
        if item["kind"] == "Deployment":
            for container in item["spec"]["template"]["spec"]["containers"]:
                values = {entry["name"]: entry.get("value", "") for entry in container.get("env", ())}
                origin = values.get("MLFLOW_SERVER_CORS_ALLOWED_ORIGINS", "").partition(",")[0]
                hosts = values.get("MLFLOW_SERVER_ALLOWED_HOSTS", "").split(",")
                # An origin that may only write is no name of the server.
                if origin and urlsplit(origin).hostname in hosts:
                    return f"{origin}{values.get('MLFLOW_STATIC_PREFIX', '')}"
    return ""


# --- Secrets -----------------------------------------------------------------------------------------------


def secrets_needed(objects: Objects) -> Iterator[str]:
    """Yield each Secret that the objects refer to and nothing of them makes, with its keys."""
    found: dict[str, set[str]] = {}
    for name, key in _references(objects):
        found.setdefault(name, set()).update([key] if key else [])
    made = set(_made(objects))
    for name in sorted(found.keys() - made):
        yield f"{name} ({', '.join(sorted(found[name]))})" if found[name] else name


def _references(objects: Objects) -> Iterator[tuple[str, str]]:
    for item in objects:
        template = _pod_template(item)
        if template is not None:
            yield from _references_of_pod(template["spec"])
        elif item["kind"] == "Ingress" and not any(
            "cert-manager" in key for key in item["metadata"].get("annotations", {})
        ):
            yield from ((tls["secretName"], "") for tls in item["spec"].get("tls", ()) if "secretName" in tls)


def _references_of_pod(pod: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for container in (*pod.get("initContainers", ()), *pod["containers"]):
        for entry in container.get("env", ()):
            reference = (entry.get("valueFrom") or {}).get("secretKeyRef")
            if reference and not reference.get("optional"):
                yield reference["name"], reference["key"]
        for source in container.get("envFrom", ()):
            if "secretRef" in source and not source["secretRef"].get("optional"):
                yield source["secretRef"]["name"], ""
    for volume in pod.get("volumes", ()):
        secret = volume.get("secret")
        if secret and not secret.get("optional"):
            yield from ((secret["secretName"], entry["key"]) for entry in secret.get("items", ({"key": ""},)))
    yield from ((item["name"], "") for item in pod.get("imagePullSecrets", ()))


def _made(objects: Objects) -> Iterator[str]:
    for item in objects:
        kind, spec, name = item["kind"], item.get("spec") or {}, item["metadata"]["name"]
        if kind == "Secret":
            yield name
        elif kind == "ExternalSecret":
            yield (spec.get("target") or {}).get("name", name)
        elif kind == "Certificate":
            yield spec["secretName"]
        elif kind == "Cluster":
            yield from (f"{name}-app", f"{name}-ca")
        elif kind == "ConfigMap" and "secrets.json" in (item.get("data") or {}):
            yield from (secret["name"] for secret in json.loads(item["data"]["secrets.json"])["secrets"])


# --- Differences -------------------------------------------------------------------------------------------


def differences(old: Objects, new: Objects) -> Iterator[str]:
    """Yield what changes for those who run the server, if the new objects are applied over the old ones."""
    before, after = summarize(old), summarize(new)
    for what, show in _COMPARED.items():
        if show(before) != show(after):
            yield f"{what} {show(before) or 'none'} -> {show(after) or 'none'}"
    yield from (f"Secret needed: {item}" for item in after.secrets if item not in before.secrets)
    yield from (f"Secret no longer needed: {item}" for item in before.secrets if item not in after.secrets)
    named = {where(item): item for item in old}, {where(item): item for item in new}
    yield from (f"new: {name}" for name in named[1] if name not in named[0])
    yield from (f"gone: {name} (kubectl apply leaves it behind)" for name in named[0] if name not in named[1])
    for name, item in named[1].items():
        if name in named[0] and named[0][name] != item:
            yield from (f"{name}: {line}" for line in _changes(named[0][name], item) or ["changed"])


_COMPARED: dict[str, Callable[[Summary], str]] = {
    "replicas": lambda summary: summary.replicas,
    "requested CPU": lambda summary: summary.cpu,
    "requested memory": lambda summary: summary.memory,
    "public URL": lambda summary: summary.url,
}
_HASH = re.compile(r"-[0-9a-f]{8}$")


def where(item: Mapping[str, Any]) -> str:
    """Return an object's kind and name, without the hash that ends the name of what cannot be changed."""
    name = item["metadata"]["name"]
    return f"{item['kind']}/{_HASH.sub('', name) if item['kind'] == 'Job' else name}"


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    before, after = _pod_template(old), _pod_template(new)
    if before is None or after is None:
        return list(_fields(old, new))
    if before == after:
        return [line for line in _fields(old, new) if not line.startswith("spec.replicas")]
    lines = [line for name, pair in _containers(before, after) for line in _container(name, *pair)]
    return [*lines, *(["the pods are replaced"] if new["kind"] == "Deployment" else [])]


def _containers(
    old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[tuple[str, tuple[Mapping[str, Any], Mapping[str, Any]]]]:
    found = [
        {item["name"]: item for item in (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"])}
        for pod in (old, new)
    ]
    for name in dict.fromkeys([*found[0], *found[1]]):
        yield name, (found[0].get(name, {}), found[1].get(name, {}))


def _container(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    if not old or not new:
        yield f"container {name} {'goes' if old else 'comes'}"
        return
    if old["image"] != new["image"]:
        yield f"{name}: image {old['image']} -> {new['image']}"
    variables = [{item["name"]: item for item in container.get("env", ())} for container in (old, new)]
    for variable in dict.fromkeys([*variables[0], *variables[1]]):
        before, after = (_said(found.get(variable)) for found in variables)
        if before != after:
            yield f"{name}: {variable} {before} -> {after}"
    for field in ("args", "command", "resources", "envFrom", "volumeMounts"):
        if old.get(field) != new.get(field):
            yield f"{name}: {field} {_short(old.get(field))} -> {_short(new.get(field))}"


def _said(variable: Mapping[str, Any] | None) -> str:
    """Return what a variable is; whoever writes a secret into a variable shall not find it here."""
    if variable is None:
        return "none"
    reference = (variable.get("valueFrom") or {}).get("secretKeyRef")
    return f"Secret {reference['name']}/{reference['key']}" if reference else _short(variable.get("value", "elsewhere"))


def _fields(old: Any, new: Any, path: str = "") -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*old, *new]):
            secret = path == "" and key in {"data", "stringData"} and "Secret" in {old.get("kind"), new.get("kind")}
            if secret:
                yield from ([f"{key} changed"] if old.get(key) != new.get(key) else [])
            else:
                yield from _fields(old.get(key), new.get(key), f"{path}.{key}".lstrip("."))
    elif old != new:
        yield f"{path} {_short(old)} -> {_short(new)}"


def _short(value: Any) -> str:
    text = "none" if value is None else value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


_LONGEST = 60


def _pod_template(item: Mapping[str, Any]) -> Manifest | None:
    if item["kind"] not in {"Deployment", "Job", "CronJob", "StatefulSet"}:
        return None
    spec = item["spec"]["jobTemplate"]["spec"] if item["kind"] == "CronJob" else item["spec"]
    template: Manifest = spec["template"]
    return template


# --- Text --------------------------------------------------------------------------------------------------


def table(environments: Mapping[str, Objects], *, colour: bool = False) -> str:
    """Return the environments below each other, one line for each, and the Secrets that each wants."""
    summaries = {name: summarize(objects) for name, objects in environments.items()}
    head = ("environment", "objects", "replicas", "CPU", "memory", "public URL")
    rows = [(name, str(s.objects), s.replicas, s.cpu, s.memory, s.url or "-") for name, s in summaries.items()]
    widths = [max(len(row[index]) for row in [head, *rows]) for index in range(len(head))]
    lines = [_bold(_row(head, widths), on=colour), *(_row(row, widths) for row in rows)]
    for name, summary in summaries.items():
        if summary.secrets:
            lines.append(f"{name} needs these Secrets first: {', '.join(summary.secrets)}")
    return "".join(f"{line}\n" for line in lines)


def _row(cells: Iterable[str], widths: Iterable[int]) -> str:
    return "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()


def _bold(text: str, *, on: bool) -> str:
    return f"\033[1m{text}\033[0m" if on else text


def object_counts(objects: Objects) -> str:
    """Return how many objects there are of each kind."""
    counts = Counter(item["kind"] for item in objects)
    return ", ".join(f"{count} {kind}" for kind, count in counts.items())
