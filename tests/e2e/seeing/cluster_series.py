"""What a Prometheus of a cluster knows beside its pods' own metrics: kube-state-metrics' and the kubelet's series."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from e2e.built import need_image
from e2e.kubectl import Manifest, apply_manifests, kubectl, objects
from e2e.manifests import pod, service

from . import prometheus

NAME = "kube-state-metrics"
VERSION = "v2.18.0"
IMAGE = f"registry.k8s.io/kube-state-metrics/{NAME}:{VERSION}"
RESOURCES = {"": ["pods"], "apps": ["deployments"], "batch": ["cronjobs", "jobs"]}
TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"
KUBELET_PATHS = ("/metrics", "/metrics/cadvisor", "/metrics/resource")


@contextmanager
def cluster_series(namespace: str) -> Iterator[None]:
    """Make the cluster's Prometheus know them, where it does not yet."""
    made: list[Manifest] = []
    if not _is_told("kube_pod_info"):
        need_image(IMAGE, f"k8s.io/kube-state-metrics/v2@{VERSION}")
        made += kube_state_metrics(namespace)
    if not _is_told("kubelet_running_pods"):
        made += kubelet(namespace)
    try:
        # The operator's Prometheus looks for Endpoints still, of which the API server warns.
        old = [item for item in made if item["kind"] == "Endpoints"]
        if made:
            apply_manifests([item for item in made if item not in old])
        for item in old:
            kubectl("apply", "-f", "-", stdin=json.dumps(item))
        yield
    finally:
        for item in reversed(made):
            where = ["-n", item["metadata"]["namespace"]] if "namespace" in item["metadata"] else []
            kubectl(*where, "delete", item["kind"], item["metadata"]["name"], "--ignore-not-found", "--wait=false")


def _is_told(series: str) -> bool:
    """Return whether somebody tells a series now: an answer may be that of a run which has just ended."""
    return bool(prometheus.query(f"max(timestamp({series})) > time() - 45"))


def kube_state_metrics(namespace: str) -> list[Manifest]:
    """Return kube-state-metrics for the kinds of objects that our alerts and panels are about."""
    kinds = ",".join(kind for group in RESOURCES.values() for kind in group)
    container = {"image": IMAGE, "args": [f"--resources={kinds}"], "ports": [{"name": "http", "containerPort": 8080}]}
    made = pod(namespace, NAME, container, user=65534)
    made["spec"] |= {"serviceAccountName": NAME, "automountServiceAccountToken": True}
    rules = [
        {"apiGroups": [group], "resources": kinds, "verbs": ["list", "watch"]} for group, kinds in RESOURCES.items()
    ]
    metadata = {"name": f"e2e-{NAME}"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", **metadata}
    subject = {"kind": "ServiceAccount", "name": NAME, "namespace": namespace}
    binding = {"metadata": metadata, "roleRef": role, "subjects": [subject]}
    rbac = "rbac.authorization.k8s.io/v1"
    found = service(namespace, NAME, 8080)
    found["metadata"]["labels"] = {"app": NAME}
    found["spec"]["ports"][0]["name"] = "http"
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": NAME, "namespace": namespace}},
        {"apiVersion": rbac, "kind": "ClusterRole", "metadata": metadata, "rules": rules},
        {"apiVersion": rbac, "kind": "ClusterRoleBinding", **binding},
        made,
        found,
        _monitor(namespace, NAME, [{"port": "http", "honorLabels": True, "interval": "10s"}]),
    ]


def kubelet(namespace: str) -> list[Manifest]:
    """Return what makes Prometheus ask the nodes' kubelets about volumes and containers, by its own account."""
    nodes = objects("nodes", namespace)
    addresses = [
        {"ip": address["address"]}
        for node in nodes
        for address in node["status"]["addresses"]
        if address["type"] == "InternalIP"
    ]
    metadata = {"name": "kubelet", "namespace": namespace, "labels": {"app": "kubelet"}}
    ports = [{"name": "https", "port": 10250}]
    subsets = [{"addresses": addresses, "ports": ports}]
    ask = {"port": "https", "scheme": "https", "honorLabels": True, "interval": "10s", "bearerTokenFile": TOKEN}
    # As most clusters' own monitoring does: the kubelet's certificate names nobody that Prometheus knows.
    endpoints = [{**ask, "path": path, "tlsConfig": {"insecureSkipVerify": True}} for path in KUBELET_PATHS]
    return [
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"clusterIP": "None", "ports": ports}},
        {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": subsets},
        _monitor(namespace, "kubelet", endpoints),
    ]


def _monitor(namespace: str, name: str, endpoints: list[Manifest]) -> Manifest:
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "endpoints": endpoints,
        },
    }
