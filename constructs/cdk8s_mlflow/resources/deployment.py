"""Deployments."""

from __future__ import annotations

from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.plan import DeploymentPlan, Plan
from cdk8s_mlflow.resources.metadata import define_metadata
from cdk8s_mlflow.resources.pod import define_pod_template


def define_deployment(plan: Plan, deployment: DeploymentPlan) -> Manifest:
    """Return a Deployment."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": define_metadata(plan, deployment.name, deployment.pod.component, deployment.annotations),
        "spec": {
            "replicas": deployment.replicas,
            "strategy": _RECREATE if deployment.recreate else _ROLLING,
            "progressDeadlineSeconds": deployment.progress_deadline_seconds,
            "selector": {"matchLabels": plan.naming.workload(deployment.pod.component)},
            "template": define_pod_template(deployment.pod),
        },
    }


# Two pods would write one file, or wait for each other's volume.
_RECREATE: Manifest = {"type": "Recreate"}
# A new pod must serve before an old one goes.
_ROLLING: Manifest = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
