"""The right of the Job that generates secrets: to create them, and neither to read nor to change any."""

from __future__ import annotations

from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.plan import JobPlan, Plan
from cdk8s_mlflow.resources.metadata import define_metadata


def define_role(plan: Plan, job: JobPlan) -> Manifest:
    """Return the Role. ``create`` cannot be narrowed to names: Kubernetes does not know the name yet."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": define_metadata(plan, job.pod.service_account_name, job.pod.component),
        "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]}],
    }


def define_role_binding(plan: Plan, job: JobPlan) -> Manifest:
    """Return the RoleBinding to the Job's ServiceAccount."""
    name = job.pod.service_account_name
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": define_metadata(plan, name, job.pod.component),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": plan.namespace}],
    }
