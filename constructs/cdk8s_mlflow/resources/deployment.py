"""The Deployment of the server."""

from __future__ import annotations

from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.plan import Plan
from cdk8s_mlflow.resources.metadata import define_metadata
from cdk8s_mlflow.resources.pod import define_pod_template


def define_deployment(plan: Plan) -> Manifest:
    """Return the Deployment."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": define_metadata(plan, plan.naming.object(), annotations=plan.annotations),
        "spec": {
            "replicas": plan.replicas,
            "strategy": _RECREATE if plan.recreate else _ROLLING,
            "progressDeadlineSeconds": plan.progress_deadline_seconds,
            "selector": {"matchLabels": plan.naming.selector("server")},
            "template": define_pod_template(plan.server),
        },
    }


# Two pods would write one file, or wait for each other's volume.
_RECREATE: Manifest = {"type": "Recreate"}
# A new pod must serve before an old one goes.
_ROLLING: Manifest = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
