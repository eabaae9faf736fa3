"""The smoke test where artifacts are elsewhere, where there is nothing but artifacts, and where something is broken."""

from __future__ import annotations

import attrs
import pytest
from e2e import manifests
from e2e.installation import Installation, applied, release
from e2e.kubectl import Pod, apply_manifests, kubectl, wait_for_pods
from e2e.manifests import secret

from cdk8s_mlflow import (
    S3,
    Direct,
    ExistingSecret,
    Logs,
    MlflowProps,
    PodPeer,
    S3Credentials,
    SmokeTest,
    SQLite,
)

from .asking import ask, run_job
from .conftest import LOGIN

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture(scope="module")
def minio(main: str, client: Pod) -> S3:
    """Start MinIO with an empty bucket."""
    apply_manifests(
        [
            *manifests.minio(main, "mlflow", "mlflow-secret"),
            secret(main, "s3", {"id": "mlflow", "key": "mlflow-secret"}),
        ]
    )
    wait_for_pods(main, "minio")
    url = f"http://minio.{main}:9000"
    make = f"import boto3; boto3.client('s3', endpoint_url={url!r}).create_bucket(Bucket='smoke')"
    variables = ("AWS_ACCESS_KEY_ID=mlflow", "AWS_SECRET_ACCESS_KEY=mlflow-secret", "AWS_DEFAULT_REGION=us-east-1")
    client.execute("env", *variables, "python", "-c", make)
    return S3(
        bucket="smoke",
        endpoint_url=url,
        region="us-east-1",
        credentials=S3Credentials(
            access_key_id=ExistingSecret("s3", "id"), secret_access_key=ExistingSecret("s3", "key")
        ),
        network_peer=PodPeer(match_labels={"app": "minio"}),
    )


def passes(installation: Installation) -> list[str]:
    """Start a release and its smoke test; return what it says."""
    installation.wait()
    lines = run_job(installation, "smoke-test", f"smoke-{installation.name}", passes=True).splitlines()
    assert lines[-1].startswith("smoke-test: passed in "), lines
    return lines


@pytest.mark.parametrize("way", ["proxied", "direct", "artifacts-only"])
def test_it_passes_whichever_way_artifacts_go(way: str, main: str, minio: S3) -> None:
    """Through the server, past it, and of a server that does nothing else."""
    props = MlflowProps(backend_store=SQLite(), artifact_store=minio, smoke_test=SmokeTest(), authentication=LOGIN)
    if way == "direct":
        props = attrs.evolve(props, artifact_access=Direct())
    if way == "artifacts-only":
        props = attrs.evolve(props, backend_store=None, authentication=None)
    installation = release(main, f"smoke-{way}", props)
    with applied(installation):
        lines = passes(installation)
    assert any("make an experiment" in line for line in lines) is (way != "artifacts-only")


def test_it_names_the_step_that_fails_and_the_log_is_text(main: str, minio: S3, client: Pod) -> None:
    """An artifact store that is gone: everything before it went well, the status is 1, and what was made is removed."""
    props = MlflowProps(
        backend_store=SQLite(), artifact_store=minio, smoke_test=SmokeTest(), logs=Logs(level="WARNING")
    )
    installation = release(main, "smoke-broken", props)
    with applied(installation):
        installation.wait()
        kubectl("-n", main, "delete", "service", "minio")
        lines = run_job(installation, "smoke-test", "smoke-of-broken", passes=False, timeout=300).splitlines()
        assert lines[-1].startswith("smoke-test: failed to upload an artifact: "), lines
        assert any(line.startswith("smoke-test: search for the run: ") for line in lines)
        left = "from mlflow import MlflowClient; import sys; print(len(MlflowClient(sys.argv[1]).search_experiments()))"
        assert client.execute("python", "-c", left, installation.uri).splitlines()[-1] == "1"
        ask(client, f"{installation.uri}/health", f"{installation.uri}/nothing?token=sesame")
        log = installation.logs("mlflow")
    assert '"GET /nothing HTTP/1.1" 404' in log
    assert "/health" not in log
    assert "sesame" not in log
    assert "Started server process" not in log
