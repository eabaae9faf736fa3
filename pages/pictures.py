"""Draw each environment from its synthesized manifests, as Mermaid, which GitHub and the site render.

The pictures stand between two marks in README.md and docs/environments.md; a test holds them to the golden files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import yaml

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "tests" / "golden"
PAGES = (ROOT / "README.md", ROOT / "docs" / "environments.md")
PICTURE = re.compile(r"(<!-- picture: (\w+) -->\n).*?(<!-- end of picture -->)", re.DOTALL)

Manifest: TypeAlias = dict[str, Any]
WORKLOADS = ("Deployment", "Job", "CronJob")


def objects(environment: str) -> list[Manifest]:
    """Return what is synthesized for an environment."""
    return list(yaml.safe_load_all((GOLDEN / f"{environment}.yaml").read_text(encoding="utf-8")))


def picture(environment: str) -> str:
    """Return an environment's picture."""
    found = objects(environment)
    edges = list(dict.fromkeys(edge for item in found for edge in _edges(item, found)))
    drawn = dict.fromkeys(node for start, _, end in edges for node in (start, end))
    lines = [f"  {_id(node)}{_shape(node)}" for node in drawn]
    lines += [f"  {_id(start)} {arrow} {_id(end)}" for start, arrow, end in edges]
    return "\n".join(["```mermaid", "flowchart LR", *lines, "```", ""])


def _id(node: str) -> str:
    return re.sub(r"\W", "_", node)


def _shape(node: str) -> str:
    """Return the text of a node: data are cylinders, what must exist before is a stadium, all else a box."""
    kind, _, name = node.partition("/")
    left, right = {
        "PersistentVolumeClaim": ("[(", ")]"),
        "outside": ("([", "])"),
        "Secret": ("([", "])"),
    }.get(kind, ("[", "]"))
    return f'{left}"{name}"{right}' if kind == "outside" else f'{left}"{kind}<br/>{name}"{right}'


def _edges(item: Manifest, every: list[Manifest]) -> Iterator[tuple[str, str, str]]:
    """Yield start, arrow and end of what an object has to do with others."""
    kind, me, spec = item["kind"], f"{item['kind']}/{item['metadata']['name']}", item.get("spec", {})
    if kind == "Ingress":
        for rule in spec["rules"]:
            yield f"outside/{rule['host']}", "-->", me
            for path in rule["http"]["paths"]:
                yield me, "-->", f"Service/{path['backend']['service']['name']}"
        yield from ((f"Secret/{tls['secretName']}", "-.->", me) for tls in spec.get("tls", []))
    elif kind == "Service":
        yield from ((me, "-->", f"{owner['kind']}/{owner['metadata']['name']}") for owner in _selected(spec, every))
    elif kind == "PodDisruptionBudget":
        for owner in _selected({"selector": spec["selector"]["matchLabels"]}, every):
            yield me, "-.->", f"{owner['kind']}/{owner['metadata']['name']}"
    elif kind in WORKLOADS:
        yield from _edges_of_pod(me, _template(item)["spec"])
    if kind == "Job":
        yield from _made(me, item, every)


def _selected(spec: Manifest, every: list[Manifest]) -> list[Manifest]:
    """Return the workloads whose pods a selector finds."""
    wanted = spec["selector"].items()
    return [
        item for item in every if item["kind"] in WORKLOADS and wanted <= _template(item)["metadata"]["labels"].items()
    ]


def _template(item: Manifest) -> Manifest:
    spec = item["spec"].get("jobTemplate", item)["spec"]
    template: Manifest = spec["template"]
    return template


def _edges_of_pod(me: str, pod: Manifest) -> Iterator[tuple[str, str, str]]:
    """Yield what a pod mounts, reads and calls."""
    for volume in pod.get("volumes", []):
        if "persistentVolumeClaim" in volume:
            yield me, "-->", f"PersistentVolumeClaim/{volume['persistentVolumeClaim']['claimName']}"
        if "configMap" in volume:
            yield f"ConfigMap/{volume['configMap']['name']}", "-.->", me
        if "secret" in volume:
            yield f"Secret/{volume['secret']['secretName']}", "-.->", me
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        for variable in container.get("env", []):
            yield from _edges_of_variable(me, variable)


def _edges_of_variable(me: str, variable: Manifest) -> Iterator[tuple[str, str, str]]:
    source = variable.get("valueFrom", {}).get("secretKeyRef")
    if source:
        yield f"Secret/{source['name']}", "-.->", me
    elif variable["name"] == "PGHOST":
        yield me, "-->", f"outside/PostgreSQL<br/>{variable['value']}"
    elif variable["name"] == "MLFLOW_ARTIFACTS_DESTINATION" and "://" in variable["value"]:
        yield me, "-->", f"outside/{variable['value']}"


def _made(me: str, item: Manifest, every: list[Manifest]) -> Iterator[tuple[str, str, str]]:
    """Yield the Secrets that a Job makes: its files name them."""
    pod = _template(item)["spec"]
    files = {volume["configMap"]["name"] for volume in pod.get("volumes", []) if "configMap" in volume}
    text = json.dumps([other["data"] for other in every if other["metadata"]["name"] in files and "data" in other])
    pods = [_template(other)["spec"] for other in every if other["kind"] in WORKLOADS]
    read = (start for other in pods for start, _, _ in _edges_of_pod(me, other) if start.startswith("Secret/"))
    yield from ((me, "==>", secret) for secret in dict.fromkeys(read) if secret.partition("/")[2] in text)


def drawn(page: Path) -> str:
    """Return a page with its pictures drawn anew."""
    return PICTURE.sub(lambda mark: f"{mark[1]}{picture(mark[2])}{mark[3]}", page.read_text(encoding="utf-8"))


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(drawn(page), encoding="utf-8")
