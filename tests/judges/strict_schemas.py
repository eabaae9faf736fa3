"""Schemas as kubeconform reads them: of Kubernetes by version, and of the operators' own CustomResourceDefinitions."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate.utils
import yaml
from go_programs import module_folder

CUSTOM = "{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json"
STANDARD = "{{.NormalizedKubernetesVersion}}/{{.ResourceKind}}{{.KindSuffix}}.json"

CRDS = {
    "sigs.k8s.io/gateway-api@v1.3.0": ["config/crd/standard/*_httproutes.yaml"],
    "github.com/prometheus-operator/prometheus-operator@v0.85.0": [
        "example/prometheus-operator-crd/*_servicemonitors.yaml",
        "example/prometheus-operator-crd/*_prometheusrules.yaml",
    ],
    "github.com/kedacore/keda/v2@v2.17.2": ["config/crd/bases/*_scaledobjects.yaml"],
    "github.com/external-secrets/external-secrets@v0.19.2": [
        "config/crds/bases/external-secrets.io_externalsecrets.yaml"
    ],
    "github.com/cert-manager/cert-manager@v1.18.2": ["deploy/crds/crd-certificates.yaml"],
    "github.com/traefik/traefik/v3@v3.5.3": [
        "docs/content/reference/dynamic-configuration/traefik.io_middlewares.yaml",
        "docs/content/reference/dynamic-configuration/traefik.io_serverstransports.yaml",
    ],
    "github.com/cloudnative-pg/cloudnative-pg@v1.25.1": ["config/crd/bases/*_clusters.yaml"],
}
"""Where each operator's module has its definitions: the same versions as on the test cluster."""


def write_standard(folder: Path, version: str, kinds: Iterable[tuple[str, str]]) -> None:
    """Write the strict schemas of some kinds, each complete in itself: the package's refer to a file beside them."""
    full = next(name for name in kubernetes_validate.utils.all_versions() if name.startswith(f"{version}."))
    path = f"kubernetes-json-schema/v{full}-local-strict"
    definitions = kubernetes_validate.utils.schema_contents(f"{path}/_definitions.json", version)["$defs"]
    target = folder / f"v{full}"
    target.mkdir(parents=True, exist_ok=True)
    for api_version, kind in kinds:
        suffix = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api_version)
        name = f"{kind.lower()}-{suffix}.json"
        schema = kubernetes_validate.utils.schema_contents(f"{path}/{name}", version)
        schema.pop("$id", None)
        complete = {**_local(schema), "$defs": {key: _local(definitions[key]) for key in _used(schema, definitions)}}
        (target / name).write_text(json.dumps(complete), encoding="utf-8")


def _local(schema: Any) -> Any:
    """Return a schema whose references are to its own definitions."""
    return json.loads(json.dumps(schema).replace("/api/_definitions.json#", "#"))


def _used(schema: Any, definitions: dict[str, Any]) -> set[str]:
    """Return the definitions that a schema refers to, over whatever many steps."""
    found: set[str] = set()
    waiting = [schema]
    while waiting:
        for name in set(re.findall(r'#/\$defs/([^"]+)"', json.dumps(waiting.pop()))) - found:
            found.add(name)
            waiting.append(definitions[name])
    return found


@functools.cache
def custom_schemas() -> dict[str, Any]:
    """Return the strict schema of every custom resource of the operators, by the path that kubeconform asks for."""
    return {
        f"{spec['group']}/{spec['names']['kind'].lower()}_{version['name']}.json": _object(
            version["schema"]["openAPIV3Schema"]
        )
        for spec in _specs()
        for version in spec["versions"]
    }


class _Loader(yaml.CSafeLoader):
    """Reads a lone ``=`` as text, which YAML 1.1 gives a meaning that nobody uses."""


_Loader.add_constructor("tag:yaml.org,2002:value", lambda _, node: node.value)


def _specs() -> Iterator[dict[str, Any]]:
    for module, patterns in CRDS.items():
        folder = module_folder(module)
        for pattern in patterns:
            (file,) = folder.glob(pattern)
            # Lines of a Helm template are labels and comments.
            lines = [line for line in file.read_text(encoding="utf-8").splitlines() if "{{" not in line]
            for document in yaml.load_all("\n".join(lines), Loader=_Loader):
                if document and document.get("kind") == "CustomResourceDefinition":
                    yield document["spec"]


def write_custom(folder: Path, kinds: Iterable[tuple[str, str]]) -> None:
    """Write the schemas of some custom resources."""
    for api_version, kind in kinds:
        group, version = api_version.split("/")
        path = f"{group}/{kind.lower()}_{version}.json"
        (folder / group).mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(json.dumps(custom_schemas()[path]), encoding="utf-8")


def _object(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of whole objects: ``metadata`` is Kubernetes' business."""
    strict: dict[str, Any] = _strict(schema)
    strict["properties"] |= {"apiVersion": {}, "kind": {}, "metadata": {"type": "object"}}
    return strict


def _strict(schema: Any) -> Any:
    """Return a schema that allows no field that it does not know, as the API server prunes them."""
    if not isinstance(schema, dict):
        return schema
    strict = dict(schema)
    if "properties" in strict:
        strict["properties"] = {name: _strict(item) for name, item in strict["properties"].items()}
        if not strict.get("x-kubernetes-preserve-unknown-fields"):
            strict["additionalProperties"] = False
    if "items" in strict:
        strict["items"] = _strict(strict["items"])
    if isinstance(strict.get("additionalProperties"), dict):
        strict["additionalProperties"] = _strict(strict["additionalProperties"])
    if strict.pop("nullable", False) and "type" in strict:
        strict["type"] = [strict["type"], "null"]
    return strict
