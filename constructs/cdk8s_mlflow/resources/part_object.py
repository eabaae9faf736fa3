"""Objects that a part of the props brings along: Secrets, and objects for operators and for monitoring."""

from __future__ import annotations

from cdk8s_mlflow.peers import Manifest, verbatim
from cdk8s_mlflow.plan import Plan
from cdk8s_mlflow.resources.metadata import define_metadata


def define_object(plan: Plan, item: Manifest) -> Manifest:
    """Return the object with the release's labels, and otherwise as its part has shaped it."""
    own = item["metadata"]
    metadata = define_metadata(plan, own["name"], annotations=own.get("annotations", {}))
    place = {"namespace": own["namespace"]} if "namespace" in own else {}
    return {**verbatim(item), "metadata": metadata | place | {"labels": own.get("labels", {}) | metadata["labels"]}}
