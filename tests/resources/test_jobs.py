"""What background jobs change in the pods."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from releases import env_of, render
from variants import LOGIN_IMAGE, on_postgresql

from cdk8s_mlflow import (
    ArtifactVolume,
    BasicAuth,
    ExistingSecret,
    FixedReplicas,
    InChartRedis,
    JobExecution,
    MlflowProps,
    Redis,
    TraceArchival,
)


@pytest.mark.parametrize(
    ("props", "location"),
    [
        (MlflowProps(artifact_store=ArtifactVolume()), "file:///mlflow/data/artifacts/trace-archive"),
        (on_postgresql(), "s3://mlflow/trace-archive"),
    ],
    ids=["volume", "bucket"],
)
def test_traces_are_archived_beside_the_artifacts(props: MlflowProps, location: str) -> None:
    """MLflow takes nothing but a URI with a scheme."""
    jobs = {"job_execution": JobExecution(), "trace_archival": TraceArchival(retention=timedelta(days=30))}
    release = render(MlflowProps(backend_store=props.backend_store, artifact_store=props.artifact_store, **jobs))  # type: ignore[arg-type]
    files = release.one("ConfigMap", "mlflow-files")["data"]
    assert json.loads(files["trace-archival.yaml"])["trace_archival"] == {
        "enabled": True,
        "location": location,
        "retention": "43200m",
        "interval_seconds": 300,
    }


def test_a_password_of_redis_is_put_into_the_url_in_the_pod() -> None:
    """It is in no argument and no file: the launcher reads it from a Secret."""
    queue = Redis(host="redis", user="a:b", password=ExistingSecret("redis", "password"))
    release = render(on_postgresql(image=LOGIN_IMAGE, job_execution=JobExecution(queue=queue)))
    settings = json.loads(release.one("ConfigMap", "mlflow-files")["data"]["launch-mlflow.json"])
    assert settings["MLFLOW_SERVER_JOB_HUEY_REDIS_URL"]["text"] == "redis://a%3Ab:${password}@redis:6379/0"
    assert "MLFLOW_SERVER_JOB_HUEY_REDIS_URL" not in env_of(release.server)


def test_jobs_log_in_as_the_administrator() -> None:
    """They call their own server as a client does."""
    env = env_of(render(MlflowProps(job_execution=JobExecution(), authentication=BasicAuth())).server)
    assert env["MLFLOW_TRACKING_USERNAME"] == "admin"
    assert env["MLFLOW_TRACKING_PASSWORD"] == env["MLFLOW_AUTH_ADMIN_PASSWORD"]


def test_a_stopped_server_has_no_leader_either() -> None:
    """It would fill the empty database that a restore needs."""
    stopped = on_postgresql(
        image=LOGIN_IMAGE, job_execution=JobExecution(queue=InChartRedis()), scaling=FixedReplicas(0)
    )
    assert {item["spec"]["replicas"] for item in render(stopped).all("Deployment")} == {0}


def test_room_for_jobs_follows_from_how_many_run() -> None:
    """1792Mi for the consumers, and 320Mi for each job."""
    few = render(MlflowProps(job_execution=JobExecution())).server["resources"]
    many = render(
        MlflowProps(job_execution=JobExecution(judge_invoke_max_workers=10, online_scoring_max_workers=6))
    ).server["resources"]
    assert few == {"requests": {"cpu": "250m", "memory": "2560Mi"}, "limits": {"memory": "4352Mi"}}
    assert many["limits"] == {"memory": "8Gi"}
