"""MinIO, Azurite and fake-gcs-server behind the server: what the client logs is in the store, and comes back."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import attrs
import pytest
from e2e.installation import Installation, applied, release
from e2e.kubectl import CommandFailed, Pod, container_statuses

from cdk8s_mlflow import (
    GCS,
    S3,
    ArtifactVolume,
    AzureBlob,
    AzureConnectionString,
    Direct,
    Endpoint,
    ExistingSecret,
    MlflowProps,
    PostgreSQL,
    Presigned,
    Proxied,
    VolumeClaim,
)
from cdk8s_mlflow.plan import plan

from .conftest import AWS
from .programs import run
from .stores import (
    ACCOUNT,
    AZURITE_PORT,
    BUCKET,
    KMS_KEY,
    REGION,
    S3_CREDENTIALS,
    peer,
)

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
FILE = "models/new/größe 1.bin"
MULTIPART = {"MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": "10000000", "MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE": "6000000"}
THROUGH = {"MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "false", "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "false"}

# Prints the MiB that /tmp held at most until the file appeared.
MEASURE = (
    "most=0; while ! test -e /tmp/measured; do now=$(du -sm /tmp | cut -f1); test $now -gt $most && most=$now; "
    "sleep 0.2; done; echo $most"
)


def s3(minio_url: str, prefix: str) -> S3:
    """Return the bucket in MinIO."""
    return S3(
        bucket=BUCKET,
        prefix=prefix,
        region=REGION,
        endpoint_url=minio_url,
        credentials=S3_CREDENTIALS,
        network_peer=peer("minio"),
    )


def everything_said(minio_url: str) -> S3:
    """Return the bucket in MinIO, with everything that can be said about uploads to it."""
    return attrs.evolve(
        s3(minio_url, "team/one"),
        kms_key_id=KMS_KEY,
        upload_extra_args={"Tagging": "team=one&kind=a%20b", "ContentLanguage": "de"},
    )


def azure(prefix: str) -> AzureBlob:
    """Return the container in Azurite."""
    return AzureBlob(
        storage_account=ACCOUNT,
        container=BUCKET,
        prefix=prefix,
        credentials=AzureConnectionString(ExistingSecret("azure", "connection-string")),
        egress=[Endpoint(port=AZURITE_PORT, peer=peer("azurite"))],
    )


def gcs(url: str, prefix: str) -> GCS:
    """Return the bucket in fake-gcs-server."""
    return GCS(bucket=BUCKET, prefix=prefix, emulator_host=url)


@pytest.fixture(scope="module")
def servers(
    main: str, database: PostgreSQL, minio_url: str, azure_connection: str, gcs_url: str
) -> Iterator[dict[str, Installation]]:
    """Start one release per store, all at once."""
    assert "AccountKey" in azure_connection
    props = {
        "s3": MlflowProps(backend_store=database, artifact_store=everything_said(minio_url)),
        "presigned": MlflowProps(
            backend_store=database, artifact_store=s3(minio_url, "presigned"), artifact_access=Presigned()
        ),
        "azure": MlflowProps(backend_store=database, artifact_store=azure("team/one")),
        "gcs": MlflowProps(backend_store=database, artifact_store=gcs(gcs_url, "team/one")),
        "only": MlflowProps(backend_store=None, artifact_store=ArtifactVolume(volume=VolumeClaim(name="artifacts"))),
    }
    releases = {name: release(main, name, item) for name, item in props.items()}
    with applied(*releases.values()):
        with ThreadPoolExecutor(len(releases)) as pool:
            list(pool.map(Installation.wait, releases.values()))
        yield releases
        for item in releases.values():
            item.assert_calm()


def moved(client: Pod, server: Installation, megabytes: int, variables: Mapping[str, str] | None = None) -> str:
    """Move an artifact up and down through a server, check that it stayed the same, and return where it is."""
    try:
        result = run(client, "transfer", server.uri, str(megabytes), variables=variables)
    except CommandFailed as error:
        message = f"{error}\n{server.diagnosis()}"
        raise CommandFailed(message) from None
    assert result["received"] == result["sent"], server.diagnosis()
    assert result["listed"] == [[FILE, megabytes * 1_000_000]]
    return f"{result['root']}/{FILE}".removeprefix("mlflow-artifacts:/")


def requests_of(server: Installation, key: str) -> list[str]:
    """Return the requests to the artifact API for the run of a key, such as ``PUT artifacts``."""
    run_id = key.split("/")[1]
    api = r'"(\w+) /\S*?/mlflow-artifacts/(artifacts|presigned|mpu/\w+)/(\S*) HTTP'
    asked = re.findall(api, server.logs("mlflow"))
    return [f"{method} {what}" for method, what, path in asked if run_id in path]


def test_s3_objects_are_as_the_props_say(
    servers: dict[str, Installation], secluded: Pod, client: Pod, minio_url: str
) -> None:
    """The object stands below the prefix, is encrypted by the key, and has what upload_extra_args says.

    The client cannot reach the store, and says so in the variables that the construct names: everything passes
    through the server.
    """
    server = servers["s3"]
    told = plan(server.props, name=server.name, namespace=server.namespace).client_environment
    assert told.items() >= THROUGH.items(), told
    key = moved(secluded, server, 20, {**MULTIPART, **THROUGH})
    assert run(client, "s3_objects", minio_url, BUCKET, variables=AWS)[f"team/one/{key}"] == {
        "size": 20_000_000,
        "parts": 3,
        "encryption": "aws:kms",
        "key": KMS_KEY,
        "language": "de",
        "tags": {"team": "one", "kind": "a b"},
    }
    assert requests_of(server, key) == ["PUT artifacts", "GET artifacts"]


def test_presigned_large_files_pass_the_server_by(
    servers: dict[str, Installation], client: Pod, minio_url: str
) -> None:
    """A file above the client's threshold goes to the store in parts: the server signs, and sees no byte of it."""
    server = servers["presigned"]
    key = moved(client, server, 20, MULTIPART)
    found = run(client, "s3_objects", minio_url, BUCKET, variables=AWS)[f"presigned/{key}"]
    assert (found["size"], found["parts"]) == (20_000_000, 4)
    assert set(requests_of(server, key)) == {"POST mpu/create", "POST mpu/complete", "GET presigned"}


@pytest.mark.slow
def test_presigned_small_files_pass_through_the_server_one_way(servers: dict[str, Installation], client: Pod) -> None:
    """A file below the client's threshold is sent through the server; every download is signed."""
    server = servers["presigned"]
    assert requests_of(server, moved(client, server, 1)) == ["PUT artifacts", "GET presigned"]


@pytest.mark.slow
def test_clients_that_cannot_reach_s3_must_say_so(servers: dict[str, Installation], secluded: Pod) -> None:
    """MLflow 3.17 signs downloads for whoever asks: no setting of the server changes that, but those of the client."""
    with pytest.raises(CommandFailed, match="Failed to download artifacts"):
        moved(secluded, servers["s3"], 1)


@pytest.mark.slow
def test_s3_files_in_parts_are_as_the_bucket_says(
    servers: dict[str, Installation], client: Pod, minio_url: str
) -> None:
    """MLflow 3.17 gives kms_key_id and upload_extra_args to files that pass through the server, and to no others."""
    key = moved(client, servers["s3"], 20, MULTIPART)
    found = run(client, "s3_objects", minio_url, BUCKET, variables=AWS)[f"team/one/{key}"]
    assert (found["encryption"], found["language"], found["tags"]) == (None, None, {})


def test_azure_blob(servers: dict[str, Installation], secluded: Pod, client: Pod, azure_connection: str) -> None:
    """What the client logs through the server is a blob below the prefix, and comes back."""
    key = moved(secluded, servers["azure"], 5)
    assert run(client, "azure_blobs", azure_connection, BUCKET)[f"team/one/{key}"] == 5_000_000


def test_gcs(servers: dict[str, Installation], secluded: Pod, client: Pod, gcs_url: str) -> None:
    """What the client logs through the server is an object below the prefix, and comes back."""
    key = moved(secluded, servers["gcs"], 5)
    assert run(client, "gcs_objects", gcs_url, BUCKET)[f"team/one/{key}"] == 5_000_000


def test_artifacts_only_passes_artifacts(servers: dict[str, Installation], client: Pod) -> None:
    """Artifacts are put, listed, fetched and deleted; everything that needs a database is refused."""
    answers = run(client, "artifacts_api", servers["only"].uri)
    assert answers == {
        "put": 200,
        "list": {"files": [{"path": "note 1.txt", "is_dir": False, "file_size": 5}]},
        "get": "hello",
        "delete": 200,
        "empty": {},
        "experiments": 503,
        "models": 503,
        "default experiment": 503,
    }


def test_artifacts_only_has_no_database(servers: dict[str, Installation]) -> None:
    """No container migrates anything, and no file of the pod is a database."""
    [pod] = servers["only"].pods()
    assert [state["name"] for state in container_statuses(pod)] == ["mlflow"]
    find = "find / -xdev -newer /proc/1/cmdline -type f -size +0 2>/dev/null; find /tmp /mlflow /dev/shm -type f"
    assert not [line for line in pod.execute("sh", "-c", find).splitlines() if ".db" in line or "sqlite" in line]
    assert "MLFLOW_BACKEND_STORE_URI" not in pod.execute("sh", "-c", "tr '\\0' '\\n' < /proc/1/environ")


@pytest.mark.slow
def test_direct_clients_use_credentials_of_their_own(
    main: str, database: PostgreSQL, client: Pod, minio_url: str
) -> None:
    """The client reads and writes the bucket itself; the server has no key, and is asked for no artifact."""
    store = S3(bucket=BUCKET, prefix="direct", region=REGION, endpoint_url=minio_url, network_peer=peer("minio"))
    props = MlflowProps(backend_store=database, artifact_store=store, artifact_access=Direct())
    server = release(main, "direct", props)
    with applied(server):
        server.wait()
        place = moved(client, server, 1, {"MLFLOW_S3_ENDPOINT_URL": minio_url, **AWS})
        assert place.startswith(f"s3://{BUCKET}/direct/")
        assert place.removeprefix(f"s3://{BUCKET}/") in run(client, "s3_objects", minio_url, BUCKET, variables=AWS)
        assert "mlflow-artifacts" not in server.logs("mlflow")
        [pod] = server.pods()
        assert "AWS_ACCESS_KEY" not in pod.execute("sh", "-c", "tr '\\0' '\\n' < /proc/1/environ")
        with pytest.raises(CommandFailed, match="Unable to locate credentials"):
            moved(client, server, 1, {"MLFLOW_S3_ENDPOINT_URL": minio_url, "AWS_EC2_METADATA_DISABLED": "true"})


@pytest.mark.slow
def test_presigned_azure_blob(main: str, database: PostgreSQL, client: Pod, azure_connection: str) -> None:
    """A large file goes to Azure Blob in blocks, and every file comes back."""
    props = MlflowProps(backend_store=database, artifact_store=azure("presigned"), artifact_access=Presigned())
    server = release(main, "presigned-azure", props)
    with applied(server):
        server.wait()
        key = moved(client, server, 20, MULTIPART)
        assert run(client, "azure_blobs", azure_connection, BUCKET)[f"presigned/{key}"] == 20_000_000
        assert "PUT artifacts" not in requests_of(server, key)


@pytest.mark.slow
def test_a_300_megabyte_artifact_fits_into_tmp(main: str, database: PostgreSQL, secluded: Pod, minio_url: str) -> None:
    """A pod whose /tmp is made for one such artifact at a time passes it both ways, and is not evicted."""
    props = MlflowProps(
        backend_store=database,
        artifact_store=s3(minio_url, "large"),
        artifact_access=Proxied(largest_artifact="400Mi", concurrent_transfers=1),
    )
    server = release(main, "large", props)
    with applied(server):
        server.wait()
        [pod] = server.pods()
        measured = pod.start("sh", "-c", MEASURE)
        moved(secluded, server, 300, THROUGH)
        pod.execute("touch", "/tmp/measured")  # noqa: S108 - in the pod
        peak = int(measured.communicate(timeout=60)[0])
        time.sleep(15)  # the kubelet looks at volumes every 10 s
        assert 250 < peak < 400, f"at most {peak} MiB were in /tmp"
        assert pod.status()["phase"] == "Running", server.diagnosis()
        server.assert_calm()
