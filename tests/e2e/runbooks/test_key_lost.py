"""A key is lost: with a copy nothing else is; without one, only what it encrypted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import pytest
from e2e.environments import run
from e2e.installation import Installation
from e2e.kubectl import Pod, attempt, kubectl, wait_until

from cdk8s_mlflow import GeneratedSecret

from .home import bad_day, mlflow
from .page import Reader

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
KEYS = ("mlflow-crypto-kek-passphrase", "mlflow-webhook-encryption-key")
LOST = "An encryption key is lost"
WEBHOOK = {
    "name": "kept",
    # MLflow wants to find its address, and that to be a public one; it sends nothing to this one.
    "url": "https://1.1.1.1/kept",
    "status": "DISABLED",
    "events": [{"entity": "MODEL_VERSION", "action": "CREATED"}],
    "secret": "between us",
}

FORGET = """
import sqlite3
file = sqlite3.connect("/mlflow/data/mlflow.db")
file.execute("UPDATE webhooks SET secret = NULL")
file.commit()
"""
"""As the page says."""


def asked(client: Pod, server: Installation, **request: Any) -> int:
    """Send a request about webhooks, and return the status."""
    [answer] = run(client, "ask", json.dumps([{"url": f"{server.uri}/api/2.0/mlflow/webhooks", **request}]))
    status: int = answer["status"]
    return status


def test_a_copy_saves_everything(reader: Reader, client: Pod, tmp_path: Path) -> None:
    """The Secrets are deleted, made anew by the chart's own Job, and put back; then lost for good."""
    keys = GeneratedSecret()
    server = mlflow(reader, client)
    props = attrs.evolve(server.props, crypto_kek_passphrase=keys, webhook_secret_encryption_key=keys)
    server = Installation(server.namespace, server.name, props)
    with bad_day(reader, client, server):
        assert asked(client, server, method="POST", body=WEBHOOK) == 200
        assert asked(client, server) == 200
        copy = kubectl("-n", reader.namespace, "get", "secret", *KEYS, "-o", "yaml")
        tmp_path.joinpath("mlflow-keys.yaml").write_text(copy, encoding="utf-8")

        make_anew(reader, server)
        assert asked(client, server) != 200
        wait_until("what the log says of it", lambda: "Error in _list_webhooks: ." in server.logs("mlflow"))
        reader.follow(LOST, "get secrets")
        reader.follow(LOST, "create -f mlflow-keys.yaml", folder=tmp_path)
        server.wait()
        assert asked(client, server) == 200
        reader.follow(LOST, "read -rsp", typed="of the tests\n")
        server.wait()
        assert value(reader, KEYS[0], "passphrase") == "of the tests"

        make_anew(reader, server)
        assert asked(client, server) != 200
        [pod] = server.pods()
        pod.execute("python", "-c", FORGET)
        assert asked(client, server) == 200


def value(reader: Reader, name: str, key: str) -> str:
    """Return what a Secret holds."""
    template = f'{{{{index .data "{key}" | base64decode}}}}'
    return kubectl("-n", reader.namespace, "get", "secret", name, "-o", f"go-template={template}")


def make_anew(reader: Reader, server: Installation) -> None:
    """Lose the keys; pods wait until the Job has made new ones."""
    kubectl("-n", reader.namespace, "delete", "secret", *KEYS)
    kubectl("-n", reader.namespace, "rollout", "restart", "deployment/mlflow")
    wait_until(
        "a pod that waits for its key",
        lambda: "CreateContainerConfigError" in reader.follow("MlflowDown", "get pods"),
        300,
    )
    reader.follow(LOST, "delete job")
    server.apply()
    server.wait(600)
    assert attempt("-n", reader.namespace, "get", "secret", *KEYS).returncode == 0
