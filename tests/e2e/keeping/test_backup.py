"""The bad day: namespace, volume and database are gone, and everything comes back from a backup."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import attrs
import pytest
from e2e.installation import Installation, release
from e2e.kubectl import Pod, apply_manifests
from e2e.manifests import delete_namespaces, secret
from e2e.room import own_namespace
from e2e.servers import S3_KEY, MariaDBServer, PostgreSQLServer

from cdk8s_mlflow import (
    S3,
    Backup,
    ExistingSecret,
    FixedReplicas,
    MlflowProps,
    MySQL,
    NamespacePeer,
    NetworkPolicy,
    PodPeer,
    PostgreSQL,
    S3Credentials,
    SQLite,
    VolumeClaim,
)
from cdk8s_mlflow.backend_store import BackendStore

from .programs import ended_job, run, source, start_job

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PASSWORD = "p@s/s#w%41:?d&$x'\"\\ößü"
"""Everything that breaks a URL, a shell, or one of the files that libpq, PyMySQL and MariaDB's own tools read."""
STORED = ExistingSecret("database", "password")


@attrs.frozen
class Home:
    """The release's own namespace, which is lost with all that is in it."""

    namespace: str
    props: MlflowProps
    lose: Callable[[], None]
    """Loses what is not in the namespace, and makes an empty one in its place."""

    def release(self, replicas: int) -> Installation:
        """Return the release with so many pods."""
        return release(self.namespace, "mlflow", attrs.evolve(self.props, scaling=FixedReplicas(replicas)))

    def settle(self, request: pytest.FixtureRequest) -> Iterator[None]:
        """Make the namespace with the Secrets that the release reads."""
        for _ in own_namespace(self.namespace, request):
            apply_manifests(
                [
                    secret(self.namespace, "database", {"password": PASSWORD}),
                    secret(self.namespace, "s3", S3_KEY),
                    secret(self.namespace, "admin", {"password": "of the administrator"}),
                ]
            )
            yield


def store_of(address: str, bucket: str) -> S3:
    """Return a bucket of MinIO."""
    credentials = S3Credentials(access_key_id=ExistingSecret("s3", "id"), secret_access_key=ExistingSecret("s3", "key"))
    return S3(
        bucket=bucket,
        endpoint_url=address,
        credentials=credentials,
        network_peer=PodPeer(match_labels={"app": "minio"}, namespace=address.partition(".")[2].partition(":")[0]),
    )


def home_of(engine: str, main: str, bucket: str, request: pytest.FixtureRequest) -> Home:
    """Return a release on an engine, and how its database is lost."""
    store: BackendStore = SQLite(volume=VolumeClaim(size="1Gi"))
    name = f"bad-day-{engine}"

    def lose() -> None:
        """Do nothing: the volume went with the namespace."""

    if engine == "postgresql":
        postgres: PostgreSQLServer = request.getfixturevalue("postgres")
        postgres.make_user(name, PASSWORD)
        store = PostgreSQL(host=f"postgresql.{main}", database=name, user=name, password=STORED)

        def lose() -> None:
            postgres.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', f'CREATE DATABASE "{name}" OWNER "{name}"')

    elif engine == "mariadb":
        maria: MariaDBServer = request.getfixturevalue("maria")
        maria.make_user(name, PASSWORD)
        store = MySQL(host=f"mariadb.{main}", database=name, user=name, password=STORED)

        def lose() -> None:
            maria.sql(
                f"DROP DATABASE IF EXISTS `{name}`",
                f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4",
                f"GRANT ALL ON `{name}`.* TO '{name}'@'%'",
            )

    lose()
    props = MlflowProps(
        backend_store=store,
        artifact_store=store_of(bucket, "artifacts"),
        backup=Backup(destination=attrs.evolve(store_of(bucket, "backups"), prefix=engine), keep=2),
        network_policy=NetworkPolicy(clients=[NamespacePeer(main)]),
    )
    return Home(f"keeping-{engine}", props, lose)


def last_line(said: str) -> str:
    """Return the last thing that a program of ours has said."""
    return [line.partition("backup: ")[2] for line in said.splitlines() if "backup: " in line][-1]


@pytest.mark.parametrize("engine", ["sqlite", "postgresql", "mariadb"])
def test_everything_comes_back_after_a_bad_day(
    engine: str, main: str, client: Pod, bucket: str, request: pytest.FixtureRequest
) -> None:
    """Every run, metric, parameter, tag, model and artifact reference, from a copy made while a client wrote."""
    home = home_of(engine, main, bucket, request)
    server = home.release(1)
    first = home.settle(request)
    next(first)
    server.apply()
    server.wait(600)
    assert run(client, "everything", "fill", server.uri) == {"runs": 3}
    before = run(client, "everything", "read", server.uri)
    writer = client.start("python", "-c", source("everything"), "write", server.uri)
    start_job(home.namespace, "mlflow-backup", "first")
    worked, said = ended_job(home.namespace, "first")
    assert worked, said
    assert last_line(said).endswith("is complete; removed none")
    client.execute("touch", "/tmp/enough")  # noqa: S108 - in the pod
    output, errors = writer.communicate(timeout=60)
    assert json.loads(output.splitlines()[-1])["written"] > 1, errors
    assert PASSWORD not in said

    delete_namespaces([home.namespace])
    home.lose()

    second = home.settle(request)
    next(second)
    stopped = home.release(0)
    stopped.apply()
    start_job(home.namespace, "mlflow-restore", "back")
    worked, said = ended_job(home.namespace, "back")
    assert worked, said
    assert PASSWORD not in said
    start_job(home.namespace, "mlflow-restore", "again")
    worked, said = ended_job(home.namespace, "again")
    assert not worked
    assert "the backend-store is not empty" in last_line(said), said
    server.apply()
    server.wait(600)
    server.assert_calm()
    assert run(client, "everything", "read", server.uri) == before
    for _ in second:
        pass
