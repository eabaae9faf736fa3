"""Traces from MLflow's client and from OpenTelemetry, before and after they were moved to the bucket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from e2e.built import need_image
from e2e.installation import Installation, applied, release
from e2e.kubectl import Pod, apply_manifests, wait_for_pods, wait_until
from e2e.manifests import pod, secret
from e2e.servers import S3_KEY, PostgreSQLServer

from cdk8s_mlflow import (
    S3,
    ExistingSecret,
    JobExecution,
    MlflowProps,
    PodPeer,
    PostgreSQL,
    S3Credentials,
    TraceArchival,
)

from .conftest import PASSWORD, source

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
EXPORTER = "localhost/mlflow-otel:3.17.2"


@pytest.fixture
def exporter(genai: str) -> Pod:
    """Start a pod with OpenTelemetry's exporter."""
    need_image(EXPORTER)
    container = {"image": EXPORTER, "imagePullPolicy": "Never", "command": ["sleep", "infinity"]}
    apply_manifests([pod(genai, "exporter", container)])
    wait_for_pods(genai, "exporter")
    return Pod(genai, "exporter")


@pytest.fixture
def server(genai: str, postgres: PostgreSQLServer, bucket: str) -> Iterator[Installation]:
    """Start a server that archives what is older than an hour."""
    apply_manifests([secret(genai, "s3", S3_KEY)])
    postgres.sql("DROP DATABASE IF EXISTS archive WITH (FORCE)", "DROP ROLE IF EXISTS archive")
    postgres.make_database("archive", "archive", PASSWORD)
    database = PostgreSQL(
        host="postgresql", database="archive", user="archive", password=ExistingSecret("passwords", "any")
    )
    keys = S3Credentials(access_key_id=ExistingSecret("s3", "id"), secret_access_key=ExistingSecret("s3", "key"))
    minio = PodPeer(match_labels={"app": "minio"})
    artifacts = S3(bucket="artifacts", prefix="team", endpoint_url=bucket, credentials=keys, network_peer=minio)
    props = MlflowProps(
        backend_store=database,
        artifact_store=artifacts,
        job_execution=JobExecution(),
        trace_archival=TraceArchival(retention=timedelta(hours=1), interval=timedelta(minutes=1)),
    )
    made = release(genai, "archive", props)
    with applied(made):
        made.wait(900)
        yield made


def read(client: Pod, server: Installation) -> Any:
    """Return every trace."""
    return json.loads(client.execute("python", "-c", source("traces"), server.uri).splitlines()[-1])


def test_old_traces_move_to_the_bucket_and_read_as_before(
    client: Pod, exporter: Pod, server: Installation, postgres: PostgreSQLServer, bucket: str
) -> None:
    """What OpenTelemetry sent two hours ago goes; what the client has just written stays in the database."""
    sent = exporter.execute("python", "-c", source("otel"), f"{server.uri}/v1/traces").splitlines()[-1]
    old = json.loads(sent)
    new = json.loads(client.execute("python", "-c", source("traces"), server.uri, "write").splitlines()[-1])
    before = read(client, server)
    assert {key: len(found["spans"]) for key, found in before.items()} == {old: 2, new: 2}
    assert ["outer", None, None, "Zürich, 東京"] in before[old]["spans"]
    wait_until("the old trace to be archived", lambda: read(client, server)[old]["where"] == "ARCHIVE_REPO", 600)
    after = read(client, server)
    assert after[old]["spans"] == before[old]["spans"]
    assert after[new] == before[new]
    assert after[new]["where"] == "TRACKING_STORE"
    keys = json.loads(client.execute("python", "-c", source("bucket"), bucket, *S3_KEY.values(), "artifacts"))
    assert [key.startswith(f"team/trace-archive/0/traces/{old}/") for key in keys] == [True]
    content = f"SELECT count(*) FROM spans WHERE trace_id = '{old}' AND content <> ''"  # noqa: S608 - of this test
    assert postgres.sql(content, database="archive") == ["0"]
    server.assert_calm()
