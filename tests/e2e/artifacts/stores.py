"""The object stores of these tests: MinIO, Azurite and fake-gcs-server, each in a pod and a Service of its own."""

from __future__ import annotations

from e2e import manifests
from e2e.kubectl import Manifest
from e2e.manifests import pod, secret, service
from e2e.servers import S3_KEY

from cdk8s_mlflow import ExistingSecret, PodPeer, S3Credentials

AZURITE_IMAGE = "mcr.microsoft.com/azure-storage/azurite:3.37.0"
FAKE_GCS_IMAGE = "docker.io/fsouza/fake-gcs-server:1.56.1"
FAKE_GCS_MODULE = "github.com/fsouza/fake-gcs-server@v1.56.1"

BUCKET = "artifacts"
REGION = "eu-central-1"
KMS_KEY = "mlflow-key"
ACCOUNT = "mlflowstore"
ACCOUNT_KEY = "bW9yZSB0aGFuIG9uZSBsaW5lIG9mIHRleHQsIGluIGJhc2U2NC4rLz8="
S3_CREDENTIALS = S3Credentials(access_key_id=ExistingSecret("s3", "id"), secret_access_key=ExistingSecret("s3", "key"))
MINIO_PORT, AZURITE_PORT, FAKE_GCS_PORT = 9000, 10000, 4443


def peer(name: str) -> PodPeer:
    """Return the pod of a store for network policies."""
    return PodPeer(match_labels={"app": name})


def minio(namespace: str) -> list[Manifest]:
    """Return MinIO in a region of its own and with a key to encrypt by, still without buckets."""
    found = manifests.minio(namespace, S3_KEY["id"], S3_KEY["key"])
    [container] = found[1]["spec"]["containers"]
    container["env"] += [
        {"name": "MINIO_SITE_REGION", "value": REGION},
        {"name": "MINIO_KMS_SECRET_KEY", "value": f"{KMS_KEY}:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="},
    ]
    return [*found, secret(namespace, "s3", S3_KEY)]


def connection_string(namespace: str) -> str:
    """Return what Azure's client needs to find Azurite instead."""
    endpoint = f"http://azurite.{namespace}:{AZURITE_PORT}/{ACCOUNT}"
    return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};BlobEndpoint={endpoint};"


def azurite(namespace: str) -> list[Manifest]:
    """Return Azurite, still without containers, and a Secret with its connection string."""
    flags = ["--blobHost", "0.0.0.0", "--blobPort", str(AZURITE_PORT), "--location", "/tmp"]  # noqa: S104, S108 - in the pod
    container = {
        "image": AZURITE_IMAGE,
        # The account stands in the path, whatever the host's name; the client may be newer than the emulator.
        "command": ["azurite-blob", *flags, "--disableProductStyleUrl", "--skipApiVersionCheck"],
        "env": [{"name": "AZURITE_ACCOUNTS", "value": f"{ACCOUNT}:{ACCOUNT_KEY}"}],
        "readinessProbe": {"tcpSocket": {"port": AZURITE_PORT}, "periodSeconds": 1},
    }
    return [
        secret(namespace, "azure", {"connection-string": connection_string(namespace), "key": ACCOUNT_KEY}),
        pod(namespace, "azurite", container),
        service(namespace, "azurite", AZURITE_PORT),
    ]


def fake_gcs(namespace: str) -> list[Manifest]:
    """Return fake-gcs-server, still without buckets."""
    address = f"fake-gcs-server.{namespace}:{FAKE_GCS_PORT}"
    flags = ["-scheme", "http", "-port", str(FAKE_GCS_PORT), "-backend", "memory", "-public-host", address]
    container = {
        "image": FAKE_GCS_IMAGE,
        "command": ["/bin/fake-gcs-server", *flags, "-external-url", f"http://{address}"],
        "readinessProbe": {"tcpSocket": {"port": FAKE_GCS_PORT}, "periodSeconds": 1},
    }
    return [pod(namespace, "fake-gcs-server", container), service(namespace, "fake-gcs-server", FAKE_GCS_PORT)]
