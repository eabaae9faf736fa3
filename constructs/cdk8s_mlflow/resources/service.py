"""The Service of the server."""

from __future__ import annotations

from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.plan import Plan
from cdk8s_mlflow.resources.metadata import define_metadata


def define_service(plan: Plan) -> Manifest:
    """Return the Service."""
    service = plan.service
    port = {
        "name": "http",
        "port": service.port,
        "targetPort": "http",
        "protocol": "TCP",
        "nodePort": service.node_port,
    }
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": define_metadata(plan, plan.naming.object(), annotations=service.annotations),
        "spec": {
            "type": service.type,
            "externalTrafficPolicy": service.external_traffic_policy,
            "loadBalancerSourceRanges": service.load_balancer_source_ranges,
            "selector": plan.naming.selector("server"),
            "ports": [port],
        },
    }
