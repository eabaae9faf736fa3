"""Where MLflow keeps experiments, runs, models and traces: one class per engine.

A store says what its container needs (:meth:`needs`), how the database is reached (:meth:`access`) and what
the migration must know of its engine (:attr:`migration`). A class of your own with these three works as well.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import attrs

from cdk8s_mlflow.needs import (
    CREDENTIALS_DIRECTORY,
    Claim,
    CredentialFile,
    DatabaseAccess,
    EnvVar,
    MigrationDialect,
    Mount,
    Needs,
    Peer,
    SecretSource,
    SecretUse,
    VolumeClaim,
    endpoint,
)
from cdk8s_mlflow.values import DataPath, Host, PlainText, Port


@runtime_checkable
class BackendStore(Protocol):
    """What every backend store answers."""

    @property
    def migration(self) -> MigrationDialect | None:
        """What the migration must know of the engine; None if there is no schema to migrate."""

    def needs(self) -> Needs:
        """Return what a container needs to use the store, apart from its credentials."""

    def access(self, role: str | None) -> DatabaseAccess:
        """Return how the store is reached: with ``role`` None alone in its container, else as one of several."""


def claim_directory(claim: Claim) -> str:
    """Return the folder of a claim in the pod."""
    return f"/mlflow/{claim.name}"


def claim_volume(claim: Claim) -> str:
    """Return the name of a claim's volume in the pod, which no volume of the construct's own has."""
    return f"claim-{claim.name}"


def claim_mount(claim: Claim) -> Mount:
    """Return the mount of a claim at its folder."""
    return Mount(volume=claim_volume(claim), source=claim, path=claim_directory(claim))


@attrs.frozen(kw_only=True)
class SQLite:
    """A database file on a volume: the embedded default. For one team and one server pod.

    One pod alone may write it, so the server has one replica and is stopped before its successor starts
    (some seconds without service at each rollout). Do not put it on a network file system: SQLite's locks
    do not hold there.
    """

    volume: Claim = VolumeClaim()
    """The volume that holds the file."""

    @property
    def migration(self) -> MigrationDialect:
        """No lock: one pod alone has the file."""
        return MigrationDialect(
            try_lock=None,
            causes={
                "unable to open database file": "the volume is not writable for the pod's group (fsGroup)",
                "database or disk is full": "the volume is full; enlarge SQLite.volume.size",
                "readonly database": "the volume is read-only",
            },
        )

    def needs(self) -> Needs:
        """Return the mount of the volume."""
        return Needs(mounts=(claim_mount(self.volume),), single_writers=("a SQLite file",))

    def access(self, role: str | None) -> DatabaseAccess:
        """Return the file's URI; two databases never share a file."""
        file = "mlflow.db" if role in {None, "backend-store"} else f"{role}.db"
        return DatabaseAccess(uri=f"sqlite:///{claim_directory(self.volume)}/{file}")


@attrs.frozen(kw_only=True)
class FileStore:
    """A folder of files: MLflow's store of old, kept for old data only.

    MLflow 3 has put it into maintenance and refuses it unless ``MLFLOW_ALLOW_FILE_STORE`` is set, which this
    class does. Move on with ``mlflow migrate-filestore``. The larribas chart called it ``backendStore.filepath``.
    """

    path: DataPath = "/mlflow/data/mlruns"
    """The folder in the pod. In the volume it is called ``mlruns``: old data goes there."""
    volume: Claim = VolumeClaim()
    """The volume that holds the folder: the larribas chart had none, and lost the data at each restart."""

    @property
    def migration(self) -> None:
        """None: there is no schema."""
        return

    def needs(self) -> Needs:
        """Return the mount and the flag that MLflow demands."""
        return Needs(
            env=(EnvVar("MLFLOW_ALLOW_FILE_STORE", "true"),),
            mounts=(Mount(volume=claim_volume(self.volume), source=self.volume, path=self.path, sub_path="mlruns"),),
            single_writers=("a file store",),
        )

    def access(self, role: str | None) -> DatabaseAccess:  # noqa: ARG002 - a folder has no credentials
        """Return the folder."""
        return DatabaseAccess(uri=self.path)


@attrs.frozen(kw_only=True)
class PostgreSQL:
    """A PostgreSQL database: the store for more than one replica, and for production.

    The password never meets a URL or an argument, so any character in it works: libpq reads it from its own
    environment variables, or from a file where a container uses several databases.
    The role must own the database, or may create tables in its schema.
    """

    host: Host
    port: Port = 5432
    database: PlainText = "mlflow"
    user: PlainText | SecretSource = "mlflow"
    """The role, or the key of the Secret that names it."""
    password: SecretSource
    network_peer: Peer | None = None
    """Where the database is, for the network policy: any address on its port if left out."""

    @property
    def migration(self) -> MigrationDialect:
        """An advisory lock: it belongs to the connection, so a killed pod frees it."""
        return MigrationDialect(
            # The number is arbitrary; it only has to be the same in every release.
            try_lock="SELECT pg_try_advisory_lock(5283106937)",
            causes={
                "password authentication failed": "wrong user or password; compare PostgreSQL.user and .password",
                'role "': "the role does not exist; compare PostgreSQL.user",
                'database "': "the database does not exist; create it or compare PostgreSQL.database",
                "permission denied": "the role may not create tables; grant it CREATE on the schema",
                "read-only transaction": "the server is read-only (a standby?); PostgreSQL.host must be the primary",
                "no pg_hba.conf entry": "the server refuses this address, user or missing TLS (pg_hba.conf)",
            },
        )

    def needs(self) -> Needs:
        """Return the way to the server."""
        return Needs(egress=(endpoint(self.host, self.port, self.network_peer),))

    def access(self, role: str | None) -> DatabaseAccess:
        """Return libpq's variables if it is alone, else its section in libpq's service file."""
        # psycopg 3 is what SQLAlchemy 2.1 takes for postgresql://; it is written out, since older ones differ.
        return self._alone() if role is None else self._among_others(role)

    def _alone(self) -> DatabaseAccess:
        return DatabaseAccess(
            uri="postgresql+psycopg://",
            env=(
                EnvVar("PGHOST", self.host),
                EnvVar("PGPORT", str(self.port)),
                EnvVar("PGDATABASE", self.database),
                EnvVar(
                    "PGUSER",
                    self.user if isinstance(self.user, str) else SecretUse("database-user", self.user),
                ),
                EnvVar("PGPASSWORD", SecretUse("database-password", self.password)),
            ),
        )

    def _among_others(self, role: str) -> DatabaseAccess:
        passfile = f"{role}.pgpass"
        named = isinstance(self.user, str)
        user = self.user if named else "${user}"
        section = (
            f"[{role}]\nhost={self.host}\nport={self.port}\ndbname={self.database}\nuser={user}\n"
            f"passfile={CREDENTIALS_DIRECTORY}/{passfile}\n"
        )
        secret_user = {} if isinstance(self.user, str) else {"user": SecretUse(f"{role}-user", self.user)}
        return DatabaseAccess(
            uri=f"postgresql+psycopg:///?service={role}",
            env=(EnvVar("PGSERVICEFILE", f"{CREDENTIALS_DIRECTORY}/pg_service.conf"),),
            credential_files=(
                CredentialFile(name="pg_service.conf", text=section, secrets=secret_user),
                CredentialFile(
                    name=passfile,
                    text="*:*:*:*:${password}\n",
                    secrets={"password": SecretUse(f"{role}-password", self.password)},
                    escapes={"\\": "\\\\", ":": "\\:"},
                ),
            ),
        )
