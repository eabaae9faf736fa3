"""Services."""

from __future__ import annotations

from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.plan import Plan, ServicePlan
from cdk8s_mlflow.resources.metadata import define_metadata


def define_service(plan: Plan, service: ServicePlan) -> Manifest:
    """Return a Service."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": define_metadata(plan, service.name, service.component, service.annotations),
        "spec": {**service.spec, "selector": plan.naming.workload(service.component), "ports": [service.port]},
    }
