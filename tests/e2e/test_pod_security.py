"""What the pods may do, seen from inside and by the API server."""

from __future__ import annotations

import pytest

from .environments import RELEASE, Environment
from .kubectl import get, objects, pods

pytestmark = pytest.mark.e2e


def test_every_pod_passes_restricted(environment: Environment) -> None:
    """The namespace enforces the level, and no pod of the release was refused or is missing."""
    labels = get("namespace", environment.namespace, environment.namespace)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    events = objects("events", environment.namespace)
    assert [event["message"] for event in events if "PodSecurity" in event["message"]] == []
    assert len(pods(environment.namespace, RELEASE)) >= environment.one("Deployment")["spec"]["replicas"]


def test_server_has_no_service_account_token(environment: Environment) -> None:
    """A server that is broken into gives no way to the API server."""
    for server in environment.servers():
        assert server.execute("sh", "-c", "ls -d /var/run/secrets/kubernetes.io || echo none").strip() == "none"


def test_server_runs_as_nobody_special(environment: Environment) -> None:
    """The processes are not root's and have no capability."""
    for server in environment.servers():
        status = dict(line.split(":", 1) for line in server.execute("cat", "/proc/1/status").splitlines())
        assert "0" not in status["Uid"].split() + status["Gid"].split()
        assert {status[name].strip() for name in ("CapPrm", "CapEff", "CapBnd")} == {"0" * 16}
        assert status["NoNewPrivs"].strip() == "1"


def test_root_filesystem_is_read_only(environment: Environment) -> None:
    """Nothing can be written beside the volumes."""
    for server in environment.servers():
        mounts = [line.split() for line in server.execute("cat", "/proc/mounts").splitlines()]
        [options] = [mount[3].split(",") for mount in mounts if mount[1] == "/"]
        assert "ro" in options


def test_environment_names_no_service(environment: Environment) -> None:
    """The Service called mlflow would set MLFLOW_PORT to a URL, which is MLflow's own variable for its port."""
    for server in environment.servers():
        names = {line.split("=")[0] for line in server.execute("env").splitlines()}
        assert not {"MLFLOW_PORT", "MLFLOW_SERVICE_HOST", "MLFLOW_SERVICE_PORT"} & names
