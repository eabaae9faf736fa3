"""The PodDisruptionBudget of the server."""

from __future__ import annotations

from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.plan import Plan
from cdk8s_mlflow.resources.metadata import define_metadata


def define_pod_disruption_budget(plan: Plan, max_unavailable: int) -> Manifest:
    """Return the budget. Pods that are not ready may go at any time, so a broken release holds no node."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": define_metadata(plan, plan.naming.object()),
        "spec": {
            "maxUnavailable": max_unavailable,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": plan.naming.workload("server")},
        },
    }
