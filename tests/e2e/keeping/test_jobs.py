"""Jobs on Redis: two replicas and a leader, a login, and a job that calls its own server."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
from e2e.built import need_image
from e2e.installation import Installation, applied, release
from e2e.kubectl import Pod, apply_manifests, attempt, kubectl, pods
from e2e.manifests import secret
from e2e.servers import PostgreSQLServer

from cdk8s_mlflow import (
    BasicAuth,
    ExistingSecret,
    FixedReplicas,
    Image,
    InChartRedis,
    JobExecution,
    MlflowProps,
    PostgreSQL,
)

from .programs import source

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PASSWORD = "p@s/s#w%41:?d&$x"
IMAGE = Image(repository="localhost/jobs-mlflow", tag="v3.17.2")
PERIODIC = "mlflow.server.jobs._periodic_tasks_consumer"
LOGIN = {"MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": "of the administrator"}


@pytest.fixture(scope="session")
def image() -> Image:
    """Build the image with Redis' client and a job for tests; skip where only the cluster's owner could do that."""
    need_image(IMAGE.reference)
    return IMAGE


@pytest.fixture
def server(main: str, postgres: PostgreSQLServer, image: Image) -> Installation:
    """Return a release of two replicas that share a Redis of the chart."""
    apply_manifests(
        [secret(main, "jobs", {"database": PASSWORD, "admin": LOGIN["MLFLOW_TRACKING_PASSWORD"], "redis": PASSWORD})]
    )
    postgres.sql("DROP DATABASE IF EXISTS jobs WITH (FORCE)", "DROP ROLE IF EXISTS jobs")
    postgres.make_database("jobs", "jobs", PASSWORD)
    made = release(
        main,
        "jobs",
        MlflowProps(
            image=image,
            backend_store=PostgreSQL(
                host="postgresql", database="jobs", user="jobs", password=ExistingSecret("jobs", "database")
            ),
            authentication=BasicAuth(
                admin_password=ExistingSecret("jobs", "admin"), flask_secret_key=ExistingSecret("jobs", "redis")
            ),
            job_execution=JobExecution(queue=InChartRedis(password=ExistingSecret("jobs", "redis"))),
            scaling=FixedReplicas(2),
            extra_env=[
                {"name": "_MLFLOW_SUPPORTED_JOB_FUNCTION_LIST", "value": "e2e_jobs.wait"},
                {"name": "_MLFLOW_ALLOWED_JOB_NAME_LIST", "value": "wait"},
            ],
        ),
    )
    return attrs.evolve(made)


def submit(client: Pod, server: Installation, count: int, seconds: float, *more: str) -> dict[str, Any]:
    """Submit jobs and return what became of them."""
    settings = [f"{name}={value}" for name, value in LOGIN.items()]
    arguments = (server.uri, str(count), str(seconds), *more)
    output = client.execute("env", *settings, "python", "-c", source("jobs"), *arguments, timeout=1000)
    answer: dict[str, Any] = json.loads(output.splitlines()[-1])
    return answer


def processes(pod: Pod) -> str:
    """Return the arguments of every process of a pod."""
    look = "cat /proc/[0-9]*/cmdline | tr '\\\\0' ' '"
    return pod.execute("sh", "-c", look)


def test_a_job_runs_once_and_one_pod_leads(main: str, client: Pod, server: Installation) -> None:
    """Jobs are spread over the pods and call their own server; nobody but the leader has periodic tasks."""
    with applied(server):
        for name in ("jobs-redis", "jobs-periodic", "jobs"):
            done = attempt("-n", main, "rollout", "status", f"deployment/{name}", "--timeout=900s", timeout=910)
            assert done.returncode == 0, done.stdout + done.stderr + server.diagnosis()
        answer = submit(client, server, 8, 3)
        assert answer["statuses"] == ["SUCCEEDED"] * 8
        assert answer["notes"] == [str(number) for number in range(8)]
        assert len(set(answer["pods"])) > 1
        leaders = pods(main, f"{server.selector},app.kubernetes.io/component=periodic")
        assert [PERIODIC in processes(pod) for pod in leaders] == [True]
        assert [PERIODIC in processes(pod) for pod in server.pods()] == [False, False]
        endpoints = json.loads(
            kubectl("-n", main, "get", "endpointslices", "-l", "kubernetes.io/service-name=jobs", "-o", "json")
        )
        targets = {item["targetRef"]["name"] for part in endpoints["items"] for item in part["endpoints"]}
        assert targets == {pod.name for pod in server.pods()}
        server.assert_calm()
