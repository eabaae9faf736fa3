"""A plain MLflow 2.22, as teams run it who come from there: its image, its pods, and what it stores."""

from __future__ import annotations

from collections.abc import Mapping

from e2e.kubectl import Manifest
from e2e.manifests import pod, service

OLD_IMAGE = "localhost/mlflow:2.22"
"""Made by hand: `../shared/cluster/image localhost/mlflow:2.22 tests/e2e/images/mlflow-2.22`."""
USER = 1001


def old_pod(namespace: str, name: str, *command: str, env: Mapping[str, str], claim: str | None = None) -> Manifest:
    """Return a pod of the old image, with a claim at /mlflow/data if there is one."""
    variables = {"HOME": "/tmp", "GIT_PYTHON_REFRESH": "quiet", **env}  # noqa: S108 - in the pod
    mounts = [{"name": "data", "mountPath": "/mlflow/data"}] if claim else []
    container = {
        "image": OLD_IMAGE,
        "command": list(command),
        "workingDir": "/tmp",  # noqa: S108 - MLflow makes ./mlruns where it is given no place for artifacts
        "env": [{"name": key, "value": value} for key, value in variables.items()],
        "volumeMounts": mounts,
    }
    volumes: dict[str, Manifest] = {"data": {"persistentVolumeClaim": {"claimName": claim}}} if claim else {}
    return pod(namespace, name, container, volumes, user=USER)


def old_server(namespace: str, name: str, uri: str, claim: str) -> list[Manifest]:
    """Return a server of the old image with its artifacts on a claim, and its Service."""
    served = old_pod(
        namespace,
        name,
        *("mlflow", "server", "--host", "0.0.0.0", "--workers", "1"),  # noqa: S104 - in the pod
        env={"MLFLOW_BACKEND_STORE_URI": uri, "MLFLOW_ARTIFACTS_DESTINATION": "/mlflow/data/artifacts"},
        claim=claim,
    )
    [container] = served["spec"]["containers"]
    container["readinessProbe"] = {"httpGet": {"path": "/health", "port": 5000}, "periodSeconds": 2}
    return [served, service(namespace, name, 5000)]
