"""A namespace with PostgreSQL and MinIO on claims, so that their pods may die, and a server of two replicas."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import pytest
from e2e.environments import run
from e2e.installation import Installation, applied, release
from e2e.kubectl import Manifest, Pod, apply_manifests, kubectl, wait_for_pods
from e2e.manifests import minio, secret
from e2e.room import client_in, own_namespace
from e2e.servers import PostgreSQLServer, postgresql

from cdk8s_mlflow import S3, ExistingSecret, FixedReplicas, MlflowProps, PodPeer, PostgreSQL, S3Credentials

PLACE = "faults-main"
PASSWORD = "p@s/s#w%41:?d&$x"
S3_KEY = {"id": "mlflow", "key": "s/e+c%r=e&t"}
BUCKETS = ("artifacts", "backups")


@pytest.fixture(scope="session")
def place(request: pytest.FixtureRequest) -> Iterator[str]:
    """Make the namespace."""
    yield from own_namespace(PLACE, request)


@pytest.fixture(scope="session")
def client(place: str) -> Pod:
    """Start a pod with the MLflow client."""
    return client_in(place)


def on_claim(manifests: list[Manifest]) -> list[Manifest]:
    """Return a server whose data outlives its pod."""
    [server] = [item for item in manifests if item["kind"] == "Pod"]
    name, namespace = server["metadata"]["name"], server["metadata"]["namespace"]
    [data] = [volume for volume in server["spec"]["volumes"] if volume["name"] == "data"]
    del data["emptyDir"]
    data["persistentVolumeClaim"] = {"claimName": name}
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    return [claim, *manifests]


@attrs.frozen
class Around:
    """A server beside ours, in a pod of its own: a database or an object store."""

    namespace: str
    name: str
    manifests: tuple[Manifest, ...] = attrs.field(repr=False)

    def start(self) -> None:
        """Start it, or start it again."""
        apply_manifests(self.manifests)
        wait_for_pods(self.namespace, self.name)

    def stop(self) -> None:
        """Take its pod away, as it stands."""
        kubectl("-n", self.namespace, "delete", "pod", self.name, "--grace-period=0", "--force", timeout=60)


@pytest.fixture(scope="session")
def database(place: str) -> Around:
    """Start PostgreSQL with the databases of the tests."""
    found = Around(place, "postgresql", tuple(on_claim(postgresql(place))))
    found.start()
    apply_manifests([secret(place, "database", {"password": PASSWORD})])
    return found


@pytest.fixture(scope="session")
def postgres(database: Around) -> PostgreSQLServer:
    """Give its SQL."""
    return PostgreSQLServer(database.namespace)


def store(name: str) -> PostgreSQL:
    """Return a database with an owner of the same name."""
    return PostgreSQL(host="postgresql", database=name, user=name, password=ExistingSecret("database", "password"))


@pytest.fixture(scope="session")
def objects(place: str, client: Pod) -> Around:
    """Start MinIO with empty buckets."""
    found = Around(place, "minio", tuple(on_claim(minio(place, S3_KEY["id"], S3_KEY["key"]))))
    found.start()
    apply_manifests([secret(place, "s3", S3_KEY)])
    run(client, "buckets", f"http://minio.{place}:9000", S3_KEY["id"], S3_KEY["key"], *BUCKETS)
    return found


def bucket(name: str = "artifacts", host: str = "minio") -> S3:
    """Return a bucket."""
    return S3(
        bucket=name,
        endpoint_url=f"http://{host}.{PLACE}:9000",
        credentials=S3Credentials(
            access_key_id=ExistingSecret("s3", "id"), secret_access_key=ExistingSecret("s3", "key")
        ),
        network_peer=PodPeer(match_labels={"app": host}),
    )


@pytest.fixture(scope="session")
def pair(place: str, postgres: PostgreSQLServer, objects: Around) -> Iterator[Installation]:
    """Start a server of two replicas."""
    assert objects
    postgres.make_database("pair", "pair", PASSWORD)
    props = MlflowProps(backend_store=store("pair"), artifact_store=bucket(), scaling=FixedReplicas(2))
    server = release(place, "pair", props)
    with applied(server):
        server.wait(600)
        yield server
