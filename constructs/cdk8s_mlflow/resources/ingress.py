"""The Ingresses in front of the Service."""

from __future__ import annotations

from cdk8s_mlflow.doors import IngressPlan, PathPlan
from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.plan import Plan
from cdk8s_mlflow.resources.metadata import define_metadata


def define_ingress(plan: Plan, ingress: IngressPlan) -> Manifest:
    """Return an Ingress."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": define_metadata(plan, ingress.name, annotations=ingress.annotations),
        "spec": {
            "ingressClassName": ingress.ingress_class_name,
            "tls": ingress.tls,
            "rules": [
                {"host": host, "http": {"paths": [_path(path) for path in paths]}} for host, paths in ingress.hosts
            ],
        },
    }


def _path(path: PathPlan) -> Manifest:
    name, port = path.backend
    backend_port = {"number": port} if isinstance(port, int) else {"name": port}
    return {
        "path": path.path,
        "pathType": path.path_type,
        "backend": {"service": {"name": name, "port": backend_port}},
    }
