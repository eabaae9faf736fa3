"""Strict schemas of Kubernetes, by version, and of the custom resources: unknown fields are errors."""

from __future__ import annotations

import copy
import functools
import re
from pathlib import Path
from typing import Any

import kubernetes_validate.utils
import yaml
from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator
from referencing import Registry, Resource
from releases import Manifest

VERSIONS = [f"1.{minor}" for minor in range(27, 38)]
"""Kubernetes 1.27 to the newest that has schemas."""

CRDS = Path(__file__).parents[1] / "imports" / "schemas"


def schema_errors(item: Manifest, version: str) -> list[str]:
    """Return where an object breaks the schema of its kind in one version of Kubernetes."""
    custom = _custom_validators().get((item["apiVersion"], item["kind"]))
    validator = custom or _validator(version, item["kind"], item["apiVersion"])
    return [
        f"{item['kind']}/{item['metadata']['name']}{error.json_path[1:]}: {error.message[:300]}"
        for error in validator.iter_errors(item)
    ]


@functools.cache
def _validator(version: str, kind: str, api_version: str) -> Validator:
    """Return what ``kubernetes_validate.validate(strict=True)`` makes anew for each object, which takes 11 ms."""
    group = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api_version)
    schema = kubernetes_validate.utils.schema_contents(f"{_folder(version)}/{kind.lower()}-{group}.json", version)
    return Draft202012Validator(schema, registry=Resource.from_contents(schema) @ _definitions(version))


def _folder(version: str) -> str:
    full = next(name for name in kubernetes_validate.utils.all_versions() if name.startswith(f"{version}."))
    return f"kubernetes-json-schema/v{full}-local-strict"


@functools.cache
def _definitions(version: str) -> Registry[Any]:
    contents = kubernetes_validate.utils.schema_contents(f"{_folder(version)}/_definitions.json", version)
    empty: Registry[Any] = Registry()
    return Resource.from_contents(contents) @ empty


@functools.cache
def _custom_validators() -> dict[tuple[str, str], Validator]:
    """Return the validators of our own reduced schemas, which know every field that we set."""
    found: dict[tuple[str, str], Validator] = {}
    for file in CRDS.glob("*.yaml"):
        for document in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            spec = document["spec"]
            for version in spec["versions"]:
                schema = _strict(version["schema"]["openAPIV3Schema"])
                schema["properties"] |= {"apiVersion": {}, "kind": {}, "metadata": {"type": "object"}}
                api_version = f"{spec['group']}/{version['name']}"
                found[api_version, spec["names"]["kind"]] = Draft202012Validator(schema)
    return found


def _strict(schema: dict[str, Any]) -> dict[str, Any]:
    strict = copy.deepcopy(schema)
    if strict.pop("x-kubernetes-preserve-unknown-fields", False):
        return strict
    if "properties" in strict:
        strict["additionalProperties"] = False
        strict["properties"] = {name: _strict(item) for name, item in strict["properties"].items()}
    if "items" in strict:
        strict["items"] = _strict(strict["items"])
    return strict
