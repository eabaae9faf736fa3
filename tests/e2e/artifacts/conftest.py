"""A namespace with a database, a client and the object stores, each started when a test first asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from e2e import manifests
from e2e.built import need_image
from e2e.kubectl import Pod, apply_manifests, wait_for_pods
from e2e.manifests import python_pod, secret
from e2e.room import client_in, own_namespace
from e2e.servers import S3_KEY

from cdk8s_mlflow import ExistingSecret, PostgreSQL

from .programs import run
from .stores import (
    AZURITE_IMAGE,
    BUCKET,
    FAKE_GCS_IMAGE,
    FAKE_GCS_MODULE,
    FAKE_GCS_PORT,
    MINIO_PORT,
    REGION,
    azurite,
    connection_string,
    fake_gcs,
    minio,
    peer,
)

MAIN = "art-main"
PASSWORD = "p@s/s#w%41"
AWS = {"AWS_ACCESS_KEY_ID": S3_KEY["id"], "AWS_SECRET_ACCESS_KEY": S3_KEY["key"], "AWS_DEFAULT_REGION": REGION}


@pytest.fixture(scope="session")
def main(request: pytest.FixtureRequest) -> Iterator[str]:
    """Make the namespace of all stores, releases and clients."""
    yield from own_namespace(MAIN, request)


@pytest.fixture(scope="session")
def client(main: str) -> Pod:
    """Start a pod that has MLflow's client, and the clients of all stores."""
    return client_in(main)


@pytest.fixture(scope="session")
def secluded(main: str) -> Pod:
    """Start a client that reaches servers, and no store."""
    dns = [{"port": 53, "protocol": protocol} for protocol in ("UDP", "TCP")]
    ways = [{"ports": [*dns, {"port": 5000, "protocol": "TCP"}]}]
    apply_manifests(
        [
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "metadata": {"name": "secluded", "namespace": main},
                "spec": {
                    "podSelector": {"matchLabels": {"app": "secluded"}},
                    "policyTypes": ["Egress"],
                    "egress": ways,
                },
            },
            python_pod(main, "secluded"),
        ]
    )
    wait_for_pods(main, "secluded")
    return Pod(main, "secluded")


@pytest.fixture(scope="session")
def database(main: str) -> PostgreSQL:
    """Start PostgreSQL; all releases share one database, whose experiments tell each where its artifacts are."""
    apply_manifests(
        [*manifests.postgresql(main, {"mlflow": PASSWORD}), secret(main, "database", {"password": PASSWORD})]
    )
    wait_for_pods(main, "postgresql")
    return PostgreSQL(
        host=f"postgresql.{main}", password=ExistingSecret("database", "password"), network_peer=peer("postgresql")
    )


@pytest.fixture(scope="session")
def minio_url(main: str, client: Pod) -> str:
    """Start MinIO with an empty bucket."""
    url = f"http://minio.{main}:{MINIO_PORT}"
    apply_manifests(minio(main))
    wait_for_pods(main, "minio")
    make = f"import boto3; boto3.client('s3', endpoint_url={url!r}).create_bucket(Bucket={BUCKET!r}, "
    region = f"CreateBucketConfiguration={{'LocationConstraint': {REGION!r}}})"
    client.execute("env", *(f"{name}={value}" for name, value in AWS.items()), "python", "-c", make + region)
    return url


@pytest.fixture(scope="session")
def azure_connection(main: str, client: Pod) -> str:
    """Start Azurite with an empty container, and return its connection string."""
    need_image(AZURITE_IMAGE)
    apply_manifests(azurite(main))
    wait_for_pods(main, "azurite")
    assert run(client, "azure_blobs", connection_string(main), BUCKET) == {}
    return connection_string(main)


@pytest.fixture(scope="session")
def gcs_url(main: str, client: Pod) -> str:
    """Start fake-gcs-server with an empty bucket."""
    need_image(FAKE_GCS_IMAGE, FAKE_GCS_MODULE)
    apply_manifests(fake_gcs(main))
    wait_for_pods(main, "fake-gcs-server")
    url = f"http://fake-gcs-server.{main}:{FAKE_GCS_PORT}"
    assert run(client, "gcs_objects", url, BUCKET) == {}
    return url
