"""The one place where manifests cross to jsii: two crossings per object, and one per value that no other object had."""

from __future__ import annotations

import functools
import json

import cdk8s
from constructs import Construct

from cdk8s_mlflow import helm_templates
from cdk8s_mlflow.naming import construct_id
from cdk8s_mlflow.peers import Manifest


def emit(scope: Construct, manifest: Manifest) -> cdk8s.ApiObject:
    """Create the object of a manifest below ``scope``; the chart adds what the metadata leaves out."""
    written = helm_templates.literal(manifest) if helm_templates.are_written() else manifest
    metadata = written["metadata"]
    api_object = cdk8s.ApiObject(
        scope,
        construct_id(manifest["kind"], metadata["name"]),
        api_version=written["apiVersion"],
        kind=written["kind"],
        metadata=cdk8s.ApiObjectMetadata(
            name=metadata["name"],
            namespace=metadata.get("namespace"),
            labels=metadata.get("labels"),
            annotations=metadata.get("annotations"),
        ),
    )
    patches = [
        _patch(field, json.dumps(value))
        for field, value in written.items()
        if field not in {"apiVersion", "kind", "metadata"}
    ]
    api_object.add_json_patch(*patches)
    return api_object


@functools.cache
def _patch(field: str, text: str) -> cdk8s.JsonPatch:
    """Return the patch that adds a field. Most environments have most values in common: scripts, selectors, roles."""
    return cdk8s.JsonPatch.add(f"/{field}", json.loads(text))
