"""A Traefik that knows its own CRDs, and those CRDs as Traefik publishes them."""

from __future__ import annotations

from e2e.kubectl import Manifest, attempt, kubectl
from e2e.manifests import service
from go_programs import module_folder

IMAGE = "localhost/traefik:1"
MODULE = "github.com/traefik/traefik/v3@v3.5.3"
DEFINITIONS = "docs/content/reference/dynamic-configuration/kubernetes-crd-definition-v1.yml"


def install_definitions() -> None:
    """Install Traefik's own CRDs from its Go module, unless the cluster has them."""
    if attempt("get", "customresourcedefinition", "middlewares.traefik.io").returncode == 0:
        return
    file = module_folder(MODULE) / DEFINITIONS
    kubectl("apply", "--server-side", "-f", str(file))
    kubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", str(file))


def define_traefik(namespace: str, watched: str) -> tuple[list[Manifest], list[Manifest]]:
    """Return what belongs to the cluster, and what belongs to a namespace: a Traefik for the Ingresses of another."""
    everywhere: list[Manifest] = [
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "IngressClass",
            "metadata": {"name": namespace},
            "spec": {"controller": "traefik.io/ingress-controller"},
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": namespace},
            "rules": [
                _reads("", "services", "secrets", "configmaps", "nodes", "namespaces"),
                _reads("discovery.k8s.io", "endpointslices"),
                _reads("networking.k8s.io", "ingresses", "ingressclasses"),
                _reads("traefik.io", "*"),
            ],
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": namespace},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": namespace},
            "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": namespace}],
        },
    ]
    return everywhere, [_deployment(namespace, watched), _service(namespace)]


def _reads(group: str, *resources: str) -> Manifest:
    return {"apiGroups": [group], "resources": list(resources), "verbs": ["get", "list", "watch"]}


def _deployment(namespace: str, watched: str) -> Manifest:
    args = [
        "--entrypoints.web.address=:8000",
        "--entrypoints.websecure.address=:8443",
        "--entrypoints.websecure.http.tls=true",
        "--entrypoints.traefik.address=:8080",
        "--ping=true",
        "--accesslog=true",
        "--providers.kubernetesingress=true",
        f"--providers.kubernetesingress.ingressclass={namespace}",
        f"--providers.kubernetesingress.namespaces={watched}",
        "--providers.kubernetescrd=true",
        f"--providers.kubernetescrd.namespaces={watched}",
        "--global.checknewversion=false",
        "--global.sendanonymoususage=false",
    ]
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {
        "name": "traefik",
        "image": IMAGE,
        "imagePullPolicy": "Never",
        "args": args,
        "readinessProbe": {"httpGet": {"path": "/ping", "port": 8080}, "periodSeconds": 1},
        "securityContext": security,
    }
    seccomp = {"type": "RuntimeDefault"}
    pod = {
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": seccomp},
        "terminationGracePeriodSeconds": 1,
        "containers": [container],
    }
    labels = {"app": "traefik"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "traefik", "namespace": namespace},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def _service(namespace: str) -> Manifest:
    found = service(namespace, "traefik", 80)
    ports = [
        {"name": "web", "port": 80, "targetPort": 8000},
        {"name": "websecure", "port": 443, "targetPort": 8443},
    ]
    return found | {"spec": found["spec"] | {"ports": ports}}
