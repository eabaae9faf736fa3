"""The Service of the server."""

from __future__ import annotations

from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.plan import Plan
from cdk8s_mlflow.resources.metadata import define_metadata


def define_service(plan: Plan) -> Manifest:
    """Return the Service."""
    service = plan.service
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": define_metadata(plan, plan.naming.object(), annotations=service.annotations),
        "spec": {**service.spec, "selector": plan.naming.selector("server"), "ports": [service.port]},
    }
