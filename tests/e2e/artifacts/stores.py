"""The object stores of these tests: MinIO, Azurite and fake-gcs-server, each in a pod and a Service of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from e2e import manifests
from e2e.kubectl import Manifest
from e2e.manifests import pod, secret, service

from cdk8s_mlflow import ExistingSecret, PodPeer, S3Credentials

AZURITE_IMAGE = "mcr.microsoft.com/azure-storage/azurite:3.37.0"
FAKE_GCS_IMAGE = "docker.io/fsouza/fake-gcs-server:1.56.1"
IMAGES = Path(__file__).parents[1] / "images"
KIT = Path(__file__).parents[4] / "shared" / "cluster"
GO_PROGRAM = "github.com/fsouza/fake-gcs-server@v1.56.1"

BUCKET = "artifacts"
REGION = "eu-central-1"
KMS_KEY = "mlflow-key"
ACCOUNT = "mlflowstore"
ACCOUNT_KEY = "bW9yZSB0aGFuIG9uZSBsaW5lIG9mIHRleHQsIGluIGJhc2U2NC4rLz8="
S3_KEY = {"id": "mlflow", "key": "s/e+c%r=e&t"}
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


def need_images(images: Sequence[str] = (AZURITE_IMAGE, FAKE_GCS_IMAGE)) -> None:
    """Build images that the cluster lacks; skip the tests where only its owner could do that."""
    if not (KIT / "image").exists():
        message = f"{', '.join(images)} cannot be built: {KIT / 'image'} is not there"
        pytest.fail(message) if os.environ.get("MLFLOW_E2E") == "1" else pytest.skip(message)
    for image in images:
        if not _is_loaded(image):
            _build(image)


def _is_loaded(image: str) -> bool:
    look = f'source "{KIT}/env" && ctr -a "$CONTAINERD" -n k8s.io image ls -q "name==$1"'
    return bool(_run(["bash", "-c", look, "bash", image]).strip())


def _build(image: str) -> None:
    folder = IMAGES / image.rpartition("/")[2].partition(":")[0]
    with TemporaryDirectory() as context:
        Path(context, "Containerfile").write_bytes((folder / "Containerfile").read_bytes())
        if image == FAKE_GCS_IMAGE:
            _run(["go", "install", GO_PROGRAM], {"CGO_ENABLED": "0", "GOBIN": context})
        _run([str(KIT / "image"), image, context])


def _run(command: Sequence[str], variables: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        command, env={**os.environ, **(variables or {})}, capture_output=True, text=True, timeout=1200, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}: status {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout
