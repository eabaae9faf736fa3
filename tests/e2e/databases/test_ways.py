"""Ways to a database and a bucket: through a proxy in the pod, by a company's authority, as CloudNativePG has it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import attrs
import pytest
from e2e.installation import USED, Installation, applied, release, use
from e2e.kubectl import Manifest, Pod, apply_manifests, attempt, container_statuses, wait_for_pods
from e2e.manifests import MLFLOW_IMAGE, minio, secret
from e2e.servers import PostgreSQLServer

from cdk8s_mlflow import (
    S3,
    CloudNativePG,
    ConfigMapKey,
    Endpoint,
    ExistingSecret,
    MlflowProps,
    PostgreSQL,
    PostgreSQLTls,
    S3Credentials,
    SidecarProxy,
)

from .certificates import Certificates
from .tls import CNPG, PASSWORD, POSTGRESQL, TlsServers

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

# Passes connections on, as a cloud's proxy does.
FORWARD = """
import asyncio

async def pump(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()

async def serve(reader, writer):
    there, back = await asyncio.open_connection("postgresql", 5432)
    await asyncio.gather(pump(reader, back), pump(there, writer))

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 6543)
    await server.serve_forever()

asyncio.run(main())
"""
BUCKET = """
import boto3, os
s3 = boto3.client("s3", endpoint_url=os.environ["MLFLOW_S3_ENDPOINT_URL"])
s3.create_bucket(Bucket="artifacts")
"""
REQUEST = """
import requests
print(requests.get("https://minio:9000/minio/health/live").status_code)
"""
ARTIFACT = """
import sys, urllib.request
url = sys.argv[1] + "/api/2.0/mlflow-artifacts/artifacts/folder/file.txt"
urllib.request.urlopen(urllib.request.Request(url, data=b"42", method="PUT")).close()
print(urllib.request.urlopen(url).read().decode())
"""


@pytest.fixture(scope="module")
def releases(
    main: str, postgres: PostgreSQLServer, tls_servers: TlsServers, authority: Certificates
) -> Iterator[dict[str, Installation]]:
    """Start a server for each way."""
    stored = ExistingSecret("ways", "password")
    postgres.make_database("proxied", "proxied", PASSWORD)
    for name in ("bundled", CNPG):
        tls_servers.postgres.make_database(name, name, PASSWORD)
    ca = authority.folder.joinpath("ca.crt").read_text(encoding="utf-8")
    apply_manifests(
        [
            secret(main, "ways", {"password": PASSWORD, "access-key": "access", "secret-key": PASSWORD}),
            secret(main, f"{CNPG}-app", {"username": CNPG, "password": PASSWORD}),
            secret(main, f"{CNPG}-ca", {"ca.crt": ca}),
            *minio_with_tls(main, authority),
        ]
    )
    proxy = SidecarProxy(
        name="forward",
        image=MLFLOW_IMAGE,
        command=["python", "-c"],
        args=[FORWARD],
        egress=[Endpoint(port=5432)],
    )
    proxied = PostgreSQL(host="127.0.0.1", port=6543, database="proxied", user="proxied", password=stored, proxy=proxy)
    bundled = PostgreSQL(host=POSTGRESQL, database="bundled", user="bundled", password=stored, tls=PostgreSQLTls())
    bucket = S3(
        bucket="artifacts",
        endpoint_url="https://minio:9000",
        region="us-east-1",
        credentials=S3Credentials(
            access_key_id=ExistingSecret("ways", "access-key"), secret_access_key=ExistingSecret("ways", "secret-key")
        ),
    )
    company = MlflowProps(backend_store=bundled, artifact_store=bucket, ca_bundle=ConfigMapKey("ca", "ca.crt"))
    found = {
        "proxied": release(main, "proxied", MlflowProps(backend_store=proxied, kubernetes_version="1.29")),
        "bundled": release(main, "bundled", company),
        "unbundled": release(main, "unbundled", attrs.evolve(company, ca_bundle=None)),
    }
    with applied(*found.values()):
        yield found


def minio_with_tls(namespace: str, authority: Certificates) -> list[Manifest]:
    """Return MinIO with a certificate of the authority."""
    pair = authority.signed("minio", ["minio"])
    files = secret(namespace, "minio-tls", {"public.crt": pair["tls.crt"], "private.key": pair["tls.key"]})
    found = minio(namespace, "access", PASSWORD)
    [spec] = [item["spec"] for item in found if item["kind"] == "Pod"]
    [container] = spec["containers"]
    container["args"] = [*container["args"], "--certs-dir", "/tls"]
    container["volumeMounts"].append({"name": "tls", "mountPath": "/tls", "readOnly": True})
    container["readinessProbe"]["httpGet"]["scheme"] = "HTTPS"
    spec["volumes"].append({"name": "tls", "secret": {"secretName": "minio-tls", "defaultMode": 0o440}})
    return [files, *found]


def test_migration_and_server_go_through_the_proxy(releases: dict[str, Installation], client: Pod) -> None:
    """The proxy is there before the migration, and stays beside the server."""
    proxied = releases["proxied"]
    proxied.wait()
    proxied.assert_calm()
    assert "migrate: backend-store: from revision none (empty)" in proxied.logs("migrate")
    [pod] = proxied.pods()
    running = [state["name"] for state in container_statuses(pod) if "running" in state["state"]]
    assert running == ["forward", "mlflow"]
    assert use(client, proxied)["proxied"] == USED


def test_company_authority_reaches_libpq_boto3_and_requests(
    main: str, releases: dict[str, Installation], client: Pod
) -> None:
    """One prop, and the database's certificate and the bucket's are verified by it, whatever asks."""
    bundled = releases["bundled"]
    bundled.wait()
    bundled.assert_calm()
    wait_for_pods(main, "minio")
    [pod] = bundled.pods()
    pod.execute("python", "-c", BUCKET)
    assert pod.execute("python", "-c", REQUEST) == "200\n"
    assert client.execute("python", "-c", ARTIFACT, bundled.uri) == "42\n"
    assert use(client, bundled)["bundled"] == USED


def test_unknown_authority_is_refused(releases: dict[str, Installation]) -> None:
    """Without the prop the same server is a stranger."""
    last = releases["unbundled"].last_words()[-1]
    assert "certificate is not of" in last


def test_cloud_native_pg(main: str, tls_servers: TlsServers, client: Pod) -> None:
    """With the Secrets and the Service that the operator makes, server and migration are verified and work."""
    assert tls_servers.postgres.namespace == main
    store = CloudNativePG(name=CNPG, database=CNPG, owner=CNPG)
    ours = WithoutCluster(main, "on-cnpg", release(main, "on-cnpg", MlflowProps(backend_store=store)).props)
    with applied(ours):
        ours.wait()
        ours.assert_calm()
        assert use(client, ours)["on-cnpg"] == USED
        sessions = tls_servers.postgres.sql(
            "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'cnpg'"
        )
        assert sessions == ["t"]


@attrs.frozen
class WithoutCluster(Installation):
    """A release without the Cluster, which the tests play themselves."""

    def manifests(self) -> list[Manifest]:
        """Return the other objects."""
        return [item for item in super().manifests() if item["kind"] != "Cluster"]


def test_cluster_is_what_the_operator_wants(main: str) -> None:
    """The API server knows every field of it, and refuses none."""
    if "clusters.postgresql.cnpg.io" not in attempt("get", "customresourcedefinitions", "-o", "name").stdout:
        pytest.skip("needs CloudNativePG's CustomResourceDefinitions: ../shared/cluster/addons cloudnative-pg")
    store = CloudNativePG(name="judged", instances=3, storage_class_name="standard", image_name="postgres:17")
    manifests = release(main, "judged", MlflowProps(backend_store=store)).manifests()
    [cluster] = [item for item in manifests if item["kind"] == "Cluster"]
    done = attempt("create", "--dry-run=server", "--validate=strict", "-f", "-", stdin=json.dumps(cluster))
    assert done.returncode == 0, done.stderr
