"""PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

import attrs

from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.needs import (
    CREDENTIALS_DIRECTORY,
    TRUST_FILE,
    Archive,
    CredentialFile,
    DatabaseAccess,
    EnvVar,
    MigrationDialect,
    SecretSource,
    SecretUse,
)
from cdk8s_mlflow.peers import Peer
from cdk8s_mlflow.sidecars import Proxy, way_to
from cdk8s_mlflow.values import CredentialText, DnsName, Host, Port
from cdk8s_mlflow.volumes import ConfigMapKey, KeyFiles, Mount, SecretKey, key_file

MIGRATION = MigrationDialect(
    # The number is arbitrary; it only has to be the same in every release. The lock belongs to the connection,
    # so a killed pod frees it.
    try_lock="SELECT pg_try_advisory_lock(5283106937)",
    causes={
        "password authentication failed": "wrong user or password; compare PostgreSQL.user and .password",
        "is not permitted to log in": "the role may not log in (ALTER ROLE ... LOGIN); compare PostgreSQL.user",
        "permission denied for database": (
            "the role may not connect to the database (GRANT CONNECT ON DATABASE); compare PostgreSQL.user"
        ),
        "no pg_hba.conf entry": "the server refuses this address, user or missing TLS (pg_hba.conf)",
        'role "[^"]*" does not exist': "the role does not exist; compare PostgreSQL.user",
        'database "[^"]*" does not exist': "the database does not exist; create it or compare PostgreSQL.database",
        "read-only transaction": "the server is read-only (a standby?); PostgreSQL.host must be the primary",
        "permission denied": "the role may not create tables; grant it CREATE on the schema, or give Migration a store",
        "must be owner of": "the role may not change the tables; it must own them, or Migration must have a store",
        "certificate verify failed": "the server's certificate is not of PostgreSQL.tls.ca",
        "server does not support SSL": "the server has no TLS, and PostgreSQL.tls wants it",
        "does not match host name": "the server's certificate is for another name than PostgreSQL.host",
    },
)


@frozen(kw_only=True)
class PostgreSQLTls:
    """Encrypt the connection, and know the server by its certificate."""

    mode: Literal["verify-full", "verify-ca", "require"] = "verify-full"
    """libpq's ``sslmode``. ``require`` encrypts without knowing to whom."""
    ca: SecretKey | ConfigMapKey | None = None
    """The authority of the server's certificate; the public ones and ``MlflowProps.ca_bundle`` if left out."""
    client_certificate: DnsName | None = None
    """A Secret of type ``kubernetes.io/tls`` that proves who we are, where the server wants a certificate."""

    def failures(self) -> Iterator[str]:
        """Yield what is wrong with the fields together."""
        if self.mode == "verify-ca" and self.ca is None:
            yield "verify-ca needs an authority (got ca=None); write ca=SecretKey(name, 'ca.crt'), or verify-full"


@frozen(kw_only=True)
class PostgreSQL:
    """A PostgreSQL database: the store for more than one replica, and for production.

    The password never meets a URL or an argument, so any character in it works: libpq reads it from its own
    environment variables, or from a file where a container uses several databases.
    The role must own the database, or may create tables in its schema (or :class:`Migration` has one that may).
    """

    host: Host
    port: Port = 5432
    database: CredentialText = "mlflow"
    user: CredentialText | SecretSource = "mlflow"
    """The role, or the key of the Secret that names it."""
    password: SecretSource | None = None
    """None where the server asks for none: a client certificate, or a proxy that logs in by itself."""
    connect_timeout: timedelta = timedelta(seconds=10)
    """How long to wait for the server to answer a new connection."""
    tls: PostgreSQLTls | None = None
    """How the connection is encrypted; libpq's ``prefer`` if left out, which knows nobody."""
    driver: Literal["psycopg2", "psycopg"] = "psycopg2"
    """The driver of the image: psycopg2 is in every ``-full`` one, psycopg (3) from 3.17 on. It is always named: what
    SQLAlchemy takes by itself has changed between versions."""
    network_peer: Peer | None = None
    """Where the database is, for the network policy: any address on its port if left out."""
    proxy: Proxy | None = None
    """A container that the connection goes through; :attr:`host` is then ``127.0.0.1``. Kubernetes 1.29 or newer."""

    def failures(self) -> Iterator[str]:
        """Yield what is wrong with the fields together."""
        certified = self.tls is not None and self.tls.client_certificate is not None
        if self.password is None and self.proxy is None and not certified:
            yield (
                "password must be given (got None); write password=ExistingSecret(name, key), or a client certificate "
                "in tls, or a proxy that logs in"
            )
        if self.proxy is not None and self.host not in {"127.0.0.1", "localhost"}:
            yield f"the proxy listens in the pod, and host is elsewhere (got {self.host!r}); write host='127.0.0.1'"

    @property
    def migration(self) -> MigrationDialect:
        """An advisory lock."""
        return MIGRATION

    def access(self, role: str, *, alone: bool) -> DatabaseAccess:
        """Return libpq's variables if it is alone, else its section in libpq's service file."""
        reached = way_to(self.host, self.port, self.network_peer, self.proxy)
        public = self.tls is not None and self.tls.ca is None and self.tls.mode == "verify-full"
        way = attrs.evolve(reached, mounts=tuple(self._tls_mounts(role)), trust_file=public)
        if alone:
            return DatabaseAccess(
                uri=f"postgresql+{self.driver}://", needs=attrs.evolve(way, env=tuple(self._variables(role)))
            )
        return DatabaseAccess(
            uri=f"postgresql+{self.driver}:///?service={role}",
            needs=attrs.evolve(
                way,
                env=(EnvVar("PGSERVICEFILE", f"{CREDENTIALS_DIRECTORY}/pg_service.conf"),),
                credential_files=tuple(self._files(role)),
            ),
        )

    def archive(self, role: str) -> Archive:
        """Return ``pg_dump``, which sees one moment, and ``pg_restore`` in one transaction, as the connecting role."""
        return Archive(
            tools="postgresql",
            suffix="dump",
            dump=("pg_dump", "--format=custom", "--no-owner", "--no-privileges", "--file={file}"),
            load=(
                "pg_restore",
                "--single-transaction",
                "--exit-on-error",
                "--no-owner",
                "--no-privileges",
                "--no-comments",
                # All of it is in libpq's variables; without a name it would write SQL to the log.
                "--dbname=postgresql://",
                "{file}",
            ),
            needs=self.access(role, alone=True).needs,
        )

    def _user(self, role: str) -> str | SecretUse:
        return self.user if isinstance(self.user, str) else SecretUse(f"{role}-user", self.user)

    def _connect_seconds(self) -> int:
        # libpq waits for ever with 0, and never less than 2.
        return max(2, int(self.connect_timeout.total_seconds()))

    def _variables(self, role: str) -> Iterator[EnvVar]:
        yield EnvVar("PGHOST", self.host)
        yield EnvVar("PGPORT", str(self.port))
        yield EnvVar("PGDATABASE", self.database)
        yield EnvVar("PGUSER", self._user(role))
        if self.password is not None:
            yield EnvVar("PGPASSWORD", SecretUse(f"{role}-password", self.password))
        yield EnvVar("PGCONNECT_TIMEOUT", str(self._connect_seconds()))
        for name, value in self._tls_settings(role).items():
            yield EnvVar(f"PG{name.upper()}", value)

    def _files(self, role: str) -> Iterator[CredentialFile]:
        user = self._user(role)
        settings = {
            "host": self.host,
            "port": str(self.port),
            "dbname": self.database,
            "user": user if isinstance(user, str) else "${user}",
            "connect_timeout": str(self._connect_seconds()),
            **self._tls_settings(role),
        }
        if self.password is not None:
            settings["passfile"] = f"{CREDENTIALS_DIRECTORY}/{role}.pgpass"
            yield CredentialFile(
                name=f"{role}.pgpass",
                text="*:*:*:*:${password}\n",
                secrets={"password": SecretUse(f"{role}-password", self.password)},
                escapes={"\\": "\\\\", ":": "\\:"},
            )
        lines = "".join(f"{name}={value}\n" for name, value in settings.items())
        yield CredentialFile(
            name="pg_service.conf",
            text=f"[{role}]\n{lines}",
            secrets={} if isinstance(user, str) else {"user": user},
        )

    def _tls_settings(self, role: str) -> dict[str, str]:
        """Return libpq's settings; as variables they have the same names in capitals behind PG."""
        if self.tls is None:
            return {}
        folder = _tls_folder(role)
        settings: dict[str, str] = {"sslmode": self.tls.mode}
        if self.tls.ca is not None:
            settings["sslrootcert"] = f"{folder}/ca/ca.crt"
        elif self.tls.mode == "verify-full":
            # Not libpq's "system": the library that psycopg brings looks where the image has nothing.
            settings["sslrootcert"] = TRUST_FILE
        if self.tls.client_certificate is not None:
            settings |= {"sslcert": f"{folder}/client/tls.crt", "sslkey": f"{folder}/client/tls.key"}
        return settings

    def _tls_mounts(self, role: str) -> Iterator[Mount]:
        if self.tls is None:
            return
        folder = _tls_folder(role)
        if self.tls.ca is not None:
            ca = key_file(self.tls.ca, "ca.crt")
            yield Mount(volume=f"{role}-ca", source=ca, path=f"{folder}/ca", read_only=True)
        if self.tls.client_certificate is not None:
            keys = {"tls.crt": "tls.crt", "tls.key": "tls.key"}
            client = KeyFiles(kind="Secret", name=self.tls.client_certificate, items=keys)
            yield Mount(volume=f"{role}-client", source=client, path=f"{folder}/client", read_only=True)


def _tls_folder(role: str) -> str:
    return f"/run/mlflow/tls/{role}"
