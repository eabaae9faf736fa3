"""NetworkPolicies: one per kind of pod, both directions."""

from __future__ import annotations

from cdk8s_mlflow.naming import Component
from cdk8s_mlflow.network import PolicyPlan
from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.plan import Plan
from cdk8s_mlflow.resources.metadata import define_metadata


def define_network_policy(plan: Plan, component: Component, policy: PolicyPlan) -> Manifest:
    """Return the policy of one kind of pod; what it does not name is refused."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": define_metadata(plan, plan.naming.object(component), component),
        "spec": {
            "podSelector": {"matchLabels": plan.naming.selector(component)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": policy.ingress,
            "egress": policy.egress,
        },
    }
