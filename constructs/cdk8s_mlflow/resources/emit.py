"""The one place where manifests cross to jsii: three crossings per object, whatever its size."""

from __future__ import annotations

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
        cdk8s.JsonPatch.add(f"/{field}", value)
        for field, value in written.items()
        if field not in {"apiVersion", "kind", "metadata"}
    ]
    api_object.add_json_patch(*patches)
    return api_object
