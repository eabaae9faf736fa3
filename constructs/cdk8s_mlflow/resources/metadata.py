"""The metadata that every object has."""

from __future__ import annotations

from collections.abc import Mapping

from cdk8s_mlflow.naming import Component
from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.plan import Plan


def define_metadata(
    plan: Plan, name: str, component: Component = "server", annotations: Mapping[str, str] = {}
) -> Manifest:
    """Return an object's metadata."""
    return {
        "name": name,
        "namespace": plan.namespace,
        "labels": plan.naming.labels(component),
        "annotations": dict(annotations),
    }
