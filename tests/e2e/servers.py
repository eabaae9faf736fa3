"""The database servers of these tests: PostgreSQL and MariaDB, with TLS or without, and SQL that runs in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
from e2e.environments import run
from e2e.kubectl import Manifest, Pod, apply_manifests, kubectl, wait_for_pods
from e2e.manifests import minio, pod, secret, service

POSTGRESQL_IMAGE = "docker.io/library/postgres:15"
MARIADB_IMAGE = "docker.io/library/mariadb:10.11"
ROOT = "root-of-the-tests"
"""The password of the servers' own administrators."""
S3_KEY = {"id": "mlflow", "key": "s/e+c%r=e&t"}
"""Of MinIO, where a test does not want another one."""


@attrs.frozen
class PostgreSQLServer:
    """A PostgreSQL server in a pod and a Service of the same name."""

    namespace: str
    name: str = "postgresql"

    def sql(self, *statements: str, database: str = "postgres") -> list[str]:
        """Run statements one after the other and return the rows, columns divided by ``|``."""
        command = ["psql", "-h", "/tmp", "-U", "postgres", "-d", database, "-v", "ON_ERROR_STOP=1", "-qAt"]  # noqa: S108
        return self._run(command, statements)

    def make_user(self, user: str, password: str) -> None:
        """Make a role that may log in."""
        self.sql(f"CREATE ROLE {identifier(user)} LOGIN PASSWORD {text(password)}")

    def make_database(self, name: str, user: str, password: str, *, template: str = "template1") -> None:
        """Make a database with a role of its own that owns it."""
        self.make_user(user, password)
        self.sql(f"CREATE DATABASE {identifier(name)} OWNER {identifier(user)} TEMPLATE {template}")

    def _run(self, command: Sequence[str], statements: Sequence[str]) -> list[str]:
        script = "".join(f"{statement};\n" for statement in statements)
        flags = ("-n", self.namespace, "exec", "-i", self.name)
        return kubectl(*flags, "--", *command, stdin=script, timeout=300).splitlines()


@attrs.frozen
class MariaDBServer:
    """A MariaDB server in a pod and a Service of the same name."""

    namespace: str
    name: str = "mariadb"

    def sql(self, *statements: str, database: str = "mysql") -> list[str]:
        """Run statements one after the other and return the rows, columns divided by tabs."""
        client = ["mariadb", "--socket=/tmp/mariadb.sock", "-uroot", "--default-character-set=utf8mb4", "-NB"]
        script = "".join(f"{statement};\n" for statement in statements)
        command = [*client, database]
        flags = ("-n", self.namespace, "exec", "-i", self.name)
        return kubectl(*flags, "--", *command, stdin=script, timeout=300).splitlines()

    def make_user(self, user: str, password: str) -> None:
        """Make a user that may log in from anywhere."""
        self.sql(f"CREATE USER {mysql_text(user)}@'%' IDENTIFIED BY {mysql_text(password)}")

    def make_database(self, name: str, user: str, password: str, *, character_set: str = "utf8mb4") -> None:
        """Make a database with a user of its own that has every right on it."""
        self.make_user(user, password)
        self.sql(
            f"CREATE DATABASE `{name}` CHARACTER SET {character_set}",
            f"GRANT ALL ON `{name}`.* TO {mysql_text(user)}@'%'",
        )


def start_postgresql(namespace: str) -> PostgreSQLServer:
    """Start PostgreSQL without TLS."""
    apply_manifests(postgresql(namespace))
    wait_for_pods(namespace, "postgresql")
    return PostgreSQLServer(namespace)


def start_mariadb(namespace: str) -> MariaDBServer:
    """Start MariaDB without TLS."""
    apply_manifests(mariadb(namespace))
    wait_for_pods(namespace, "mariadb")
    return MariaDBServer(namespace)


def start_minio(client: Pod, *buckets: str, key: Mapping[str, str] = S3_KEY) -> str:
    """Start MinIO with empty buckets in a client's namespace, and return its address."""
    url = f"http://minio.{client.namespace}:9000"
    apply_manifests(minio(client.namespace, key["id"], key["key"]))
    wait_for_pods(client.namespace, "minio")
    if buckets:
        run(client, "buckets", url, key["id"], key["key"], *buckets)
    return url


def identifier(name: str) -> str:
    """Return a name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """Return a text as SQL writes it."""
    return "'" + value.replace("'", "''") + "'"


def mysql_text(value: str) -> str:
    """Return a text as MariaDB's SQL writes it."""
    return text(value.replace("\\", "\\\\"))


def postgresql(
    namespace: str,
    name: str = "postgresql",
    *,
    args: Sequence[str] = (),
    setup: str = "",
    certificates: str | None = None,
) -> list[Manifest]:
    """Return a PostgreSQL server without databases.

    ``setup`` is a shell script that runs while its data folder is made; ``certificates`` names a Secret that is
    mounted at /tls.
    """
    data = "/var/lib/postgresql/data"
    container = {
        "image": POSTGRESQL_IMAGE,
        "args": [*args, "-c", "fsync=off"],
        "env": [{"name": "POSTGRES_PASSWORD", "value": ROOT}, {"name": "PGDATA", "value": f"{data}/pgdata"}],
        "ports": [{"containerPort": 5432}],
        "readinessProbe": {"tcpSocket": {"port": 5432}, "periodSeconds": 1},
        "volumeMounts": [
            {"name": "data", "mountPath": data},
            {"name": "setup", "mountPath": "/docker-entrypoint-initdb.d"},
            *_tls_mounts(certificates),
        ],
    }
    volumes: dict[str, Manifest] = {
        "data": {"emptyDir": {}},
        "setup": {"secret": {"secretName": f"{name}-setup"}},
        **_tls_volumes(certificates),
    }
    return [
        secret(namespace, f"{name}-setup", {"setup.sh": setup or ":"}),
        pod(namespace, name, container, volumes, user=999),
        service(namespace, name, 5432),
    ]


def mariadb(
    namespace: str, name: str = "mariadb", *, args: Sequence[str] = (), certificates: str | None = None
) -> list[Manifest]:
    """Return a MariaDB server without databases; ``certificates`` names a Secret that is mounted at /tls."""
    container = {
        "image": MARIADB_IMAGE,
        "args": ["mariadbd", "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M", *args],
        "env": [{"name": "MARIADB_DATABASE", "value": "unused"}],
        "ports": [{"containerPort": 3306}],
        "readinessProbe": {"tcpSocket": {"port": 3306}, "periodSeconds": 1},
        "volumeMounts": [{"name": "data", "mountPath": "/var/lib/mysql"}, *_tls_mounts(certificates)],
    }
    volumes: dict[str, Manifest] = {"data": {"emptyDir": {}}, **_tls_volumes(certificates)}
    return [pod(namespace, name, container, volumes, user=999), service(namespace, name, 3306)]


def _tls_mounts(certificates: str | None) -> list[Manifest]:
    return [{"name": "tls", "mountPath": "/tls", "readOnly": True}] if certificates else []


def _tls_volumes(certificates: str | None) -> Mapping[str, Manifest]:
    return {"tls": {"secret": {"secretName": certificates, "defaultMode": 0o440}}} if certificates else {}
