"""Objects that a part of the props brings along: Secrets, and objects of operators that make Secrets or databases."""

from __future__ import annotations

from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.plan import Plan
from cdk8s_mlflow.resources.metadata import define_metadata


def define_object(plan: Plan, item: Manifest) -> Manifest:
    """Return the object with the release's labels."""
    return item | {
        "metadata": define_metadata(plan, item["metadata"]["name"], annotations=item["metadata"].get("annotations", {}))
    }
