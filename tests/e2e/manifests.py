"""The pods, Services and Secrets that the tests put around the environments."""

from __future__ import annotations

import json
from collections.abc import Mapping

from .kubectl import Manifest, kubectl

MLFLOW_IMAGE = "ghcr.io/mlflow/mlflow:v3.17.2-full"
OURS = "cdk8s-mlflow.test/made-by"
"""The label of namespaces that the tests made and may delete."""


def namespace(name: str) -> Manifest:
    """Return a namespace that refuses every pod that is not "restricted", and warns of objects that would make one."""
    levels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {OURS: "tests-e2e"} | levels},
    }


def delete_namespaces(names: list[str], *, waits: bool = True) -> None:
    """Delete namespaces that these tests made; a namespace of the same name that somebody else made stops them."""
    found = json.loads(kubectl("get", "namespaces", "-o", "json"))["items"]
    taken = {item["metadata"]["name"]: item["metadata"].get("labels", {}) for item in found}
    ours = [name for name in names if OURS in taken.get(name, {})]
    foreign = taken.keys() & set(names) - set(ours)
    assert not foreign, f"not made by these tests: {sorted(foreign)}; delete them or use another cluster"
    if ours:
        kubectl("delete", "namespace", *ours, "--wait=false")
        for name in ours:  # whose data goes as well: there is nothing to wait for
            kubectl("-n", name, "delete", "pods", "--all", "--grace-period=1", "--wait=false")
    if ours and waits:
        kubectl("wait", "--for=delete", *(f"namespace/{name}" for name in ours), "--timeout=180s", timeout=190)


def secret(namespace: str, name: str, values: Mapping[str, str], kind: str = "Opaque") -> Manifest:
    """Return a Secret."""
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": kind, "stringData": dict(values)}


def config_map(namespace: str, name: str, values: Mapping[str, str]) -> Manifest:
    """Return a ConfigMap."""
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(values)}


def service(namespace: str, name: str, port: int) -> Manifest:
    """Return a Service for the pod of the same name."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"app": name}, "ports": [{"port": port}]},
    }


def pod(
    namespace: str, name: str, container: Manifest, volumes: Mapping[str, Manifest] | None = None, user: int = 1000
) -> Manifest:
    """Return a "restricted" pod of one container, with scratch space in /tmp."""
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    mounts = [{"name": "tmp", "mountPath": "/tmp"}, *container.get("volumeMounts", [])]  # noqa: S108 - in the pod
    every_volume: dict[str, Manifest] = {"tmp": {"emptyDir": {}}, **(volumes or {})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            # A busy node answers late: fewer questions, asked more often.
            "dnsConfig": {"options": [{"name": "ndots", "value": "2"}, {"name": "attempts", "value": "5"}]},
            "terminationGracePeriodSeconds": 1,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": user,
                "runAsGroup": user,
                "fsGroup": user,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": name,
                    "imagePullPolicy": "IfNotPresent",
                    "securityContext": security,
                    # Without, it would get next to no CPU beside pods that ask for some.
                    "resources": {"requests": {"cpu": "5m", "memory": "32Mi"}},
                }
                | container
                | {"volumeMounts": mounts}
            ],
            "volumes": [{"name": key, **volume} for key, volume in every_volume.items()],
        },
    }


def python_pod(namespace: str, name: str, *command: str) -> Manifest:
    """Return a pod with Python, MLflow and boto3 that waits for programs to run, or runs the command."""
    variables = {
        "HOME": "/tmp",  # noqa: S108 - in the pod
        "USER": "client",
        "GIT_PYTHON_REFRESH": "quiet",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # A failure must not be waited for, nor hidden by trying again.
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    }
    container = {
        "image": MLFLOW_IMAGE,
        "command": list(command or ("sleep", "infinity")),
        "env": [{"name": key, "value": value} for key, value in variables.items()],
    }
    return pod(namespace, name, container)


def postgresql(namespace: str, passwords: Mapping[str, str]) -> list[Manifest]:
    """Return PostgreSQL with one database per entry, owned by a user of the same name."""
    statements = [
        f'CREATE USER "{name}" PASSWORD \'{password}\'; CREATE DATABASE "{name}" OWNER "{name}";'
        for name, password in passwords.items()
    ]
    data = "/var/lib/postgresql/data"
    container = {
        "image": "docker.io/library/postgres:15",
        "env": [{"name": "POSTGRES_PASSWORD", "value": "superuser"}, {"name": "PGDATA", "value": f"{data}/pgdata"}],
        "ports": [{"containerPort": 5432}],
        "readinessProbe": {"tcpSocket": {"port": 5432}, "periodSeconds": 1},
        "volumeMounts": [
            {"name": "data", "mountPath": data},
            {"name": "databases", "mountPath": "/docker-entrypoint-initdb.d"},
        ],
    }
    volumes: dict[str, Manifest] = {
        "data": {"emptyDir": {}},
        "databases": {"secret": {"secretName": "postgresql-databases"}},
    }
    return [
        secret(namespace, "postgresql-databases", {"databases.sql": "\n".join(statements)}),
        pod(namespace, "postgresql", container, volumes, user=999),
        service(namespace, "postgresql", 5432),
    ]


def minio(namespace: str, access_key_id: str, secret_access_key: str) -> list[Manifest]:
    """Return MinIO, still without buckets."""
    root = {"MINIO_ROOT_USER": access_key_id, "MINIO_ROOT_PASSWORD": secret_access_key}
    container = {
        "image": "quay.io/minio/minio:RELEASE.2025-09-07T16-13-09Z",
        "args": ["server", "/data"],
        "env": [{"name": "HOME", "value": "/tmp"}],  # noqa: S108 - in the pod
        "envFrom": [{"secretRef": {"name": "minio-root"}}],
        "ports": [{"containerPort": 9000}],
        "readinessProbe": {"httpGet": {"path": "/minio/health/ready", "port": 9000}, "periodSeconds": 1},
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    return [
        secret(namespace, "minio-root", root),
        pod(namespace, "minio", container, {"data": {"emptyDir": {}}}),
        service(namespace, "minio", 9000),
    ]
