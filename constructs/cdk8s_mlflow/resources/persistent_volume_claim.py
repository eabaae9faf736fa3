"""PersistentVolumeClaims."""

from __future__ import annotations

from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.plan import Plan
from cdk8s_mlflow.resources.metadata import define_metadata
from cdk8s_mlflow.values import canonical_quantity
from cdk8s_mlflow.volumes import VolumeClaim


def define_persistent_volume_claim(plan: Plan, claim: VolumeClaim) -> Manifest:
    """Return the claim."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": define_metadata(plan, plan.naming.object(claim.name), annotations=claim.annotations),
        "spec": {
            "accessModes": list(claim.access_modes),
            "storageClassName": claim.storage_class_name,
            "resources": {"requests": {"storage": canonical_quantity(claim.size)}},
        },
    }
