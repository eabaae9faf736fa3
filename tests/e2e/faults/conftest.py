"""A namespace with PostgreSQL and MinIO on claims, so that their pods may die, and a server of two replicas."""

from __future__ import annotations

import os
from collections.abc import Iterator

import attrs
import pytest
from e2e.environments import run
from e2e.installation import Installation, applied, release
from e2e.kubectl import Manifest, Pod, apply_manifests, kubectl, wait_for_pods
from e2e.manifests import minio, secret
from e2e.room import client_in, own_namespace
from e2e.servers import S3_KEY, PostgreSQLServer, identifier, postgresql

from cdk8s_mlflow import S3, ExistingSecret, FixedReplicas, MlflowProps, PodPeer, PostgreSQL, S3Credentials

PLACE = f"faults-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
PASSWORD = "p@s/s#w%41:?d&$x"
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
    # PostgreSQL starts on no folder that was opened to a group at a second start.
    server["spec"]["securityContext"]["fsGroupChangePolicy"] = "OnRootMismatch"
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

    def start(self, *others: Manifest) -> None:
        """Start it, or start it again, with other objects in the place of its own."""
        changed = {(item["kind"], item["metadata"]["name"]): item for item in (*self.manifests, *others)}
        apply_manifests(changed.values())
        wait_for_pods(self.namespace, self.name)

    def stop(self) -> None:
        """Take its pod away, as it stands."""
        kubectl("-n", self.namespace, "delete", "pod", self.name, "--grace-period=0", "--force", timeout=60)


@pytest.fixture(scope="session")
def database(place: str) -> Around:
    """Start PostgreSQL with the databases of the tests."""
    found = Around(place, "postgresql", tuple(on_claim(postgresql(place))))
    found.start()
    return found


@pytest.fixture(scope="session")
def postgres(database: Around) -> PostgreSQLServer:
    """Give its SQL."""
    return PostgreSQLServer(database.namespace)


def new_store(postgres: PostgreSQLServer, name: str, template: str, host: str = "postgresql") -> PostgreSQL:
    """Make a database and its user, and a Secret with the password."""
    postgres.make_database(name, name, PASSWORD, template=template)
    apply_manifests([secret(postgres.namespace, f"database-{name}", {"password": PASSWORD})])
    return PostgreSQL(host=host, database=name, user=name, password=ExistingSecret(f"database-{name}", "password"))


def copy_database(source: PostgreSQLServer, name: str, target: PostgreSQLServer, copy: str) -> None:
    """Fill a database with a copy of another one, as it is now."""
    tool = ["exec", "-i", source.name, "--", "pg_dump", "-h", "/tmp", "-U", "postgres", name]  # noqa: S108 - in the pod
    dump = kubectl("-n", source.namespace, *tool)
    # Newer versions of pg_dump write commands that older versions of psql do not know.
    script = "".join(line for line in dump.splitlines(keepends=True) if "restrict " not in line)
    read = ["psql", "-h", "/tmp", "-U", "postgres", "-d", copy, "-v", "ON_ERROR_STOP=1", "-q"]  # noqa: S108
    kubectl("-n", target.namespace, "exec", "-i", target.name, "--", *read, stdin=script, timeout=300)


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
    assert objects.name
    props = MlflowProps(
        backend_store=new_store(postgres, "pair", "template1"), artifact_store=bucket(), scaling=FixedReplicas(2)
    )
    server = release(place, "pair", props)
    with applied(server):
        server.wait(600)
        yield server


@pytest.fixture(scope="session")
def ready(pair: Installation, postgres: PostgreSQLServer) -> Ready:
    """Give a database that is migrated already, for servers that start sooner."""
    assert pair.name
    postgres.sql("CREATE DATABASE ready")
    copy_database(postgres, "pair", postgres, "ready")
    return Ready(postgres)


@attrs.frozen
class Ready:
    """What other databases are made of."""

    server: PostgreSQLServer

    def store(self, name: str, host: str = "postgresql") -> PostgreSQL:
        """Make a database with all tables; its user has the rights of their owner."""
        made = new_store(self.server, name, "ready", host)
        self.server.sql(f"GRANT pair TO {identifier(name)}")
        return made
