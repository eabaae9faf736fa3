"""The HTTPRoutes in front of the Service."""

from __future__ import annotations

from cdk8s_mlflow.doors import RoutePlan
from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.plan import Plan
from cdk8s_mlflow.resources.metadata import define_metadata


def define_http_route(plan: Plan, route: RoutePlan) -> Manifest:
    """Return an HTTPRoute."""
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": define_metadata(plan, route.name, annotations=route.annotations),
        "spec": {"parentRefs": route.parents, "hostnames": route.hostnames, "rules": route.rules},
    }
