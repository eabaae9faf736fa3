"""The Ingress in front of the Service."""

from __future__ import annotations

from cdk8s_mlflow.exposure import Ingress, IngressHost, IngressPath, IngressTls
from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.plan import Plan
from cdk8s_mlflow.resources.metadata import define_metadata


def define_ingress(plan: Plan, ingress: Ingress) -> Manifest:
    """Return the Ingress."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": define_metadata(plan, plan.naming.object(), annotations=ingress.annotations),
        "spec": {
            "ingressClassName": ingress.ingress_class_name,
            "tls": [_tls(item, ingress) for item in ingress.tls],
            "rules": [_rule(host, plan) for host in ingress.hosts],
        },
    }


def _tls(tls: IngressTls, ingress: Ingress) -> Manifest:
    hosts = list(tls.hosts) or [host.host for host in ingress.hosts if host.host]
    return {"hosts": hosts, "secretName": tls.secret_name}


def _rule(host: IngressHost, plan: Plan) -> Manifest:
    return {"host": host.host, "http": {"paths": [_path(path, plan) for path in host.paths]}}


def _path(path: IngressPath, plan: Plan) -> Manifest:
    name = path.service_name or plan.naming.object()
    port = path.service_port or plan.service.port
    backend_port = {"number": port} if isinstance(port, int) else {"name": port}
    return {
        "path": path.path,
        "pathType": path.path_type,
        "backend": {"service": {"name": name, "port": backend_port}},
    }
