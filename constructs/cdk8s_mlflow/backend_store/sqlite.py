"""SQLite."""

from __future__ import annotations

from cdk8s_mlflow.container import script
from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.needs import FILES_DIRECTORY, Archive, DatabaseAccess, MigrationDialect, Needs
from cdk8s_mlflow.values import RelativePath
from cdk8s_mlflow.volumes import Claim, VolumeClaim, claim_directory, claim_mount


@frozen(kw_only=True)
class SQLite:
    """A database file on a volume: the embedded default. For one team and one server pod.

    One pod alone may write it, so the server has one replica and is stopped before its successor starts
    (some seconds without service at each rollout). Do not put it on a network file system: SQLite's locks
    do not hold there.
    """

    volume: Claim = VolumeClaim()
    """The volume that holds the file."""
    file: RelativePath | None = None
    """The file in the volume, for a database that is there already: ``mlflow.db`` if left out (a registry's is
    ``registry-store.db``)."""

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

    def access(self, role: str, *, alone: bool) -> DatabaseAccess:  # noqa: ARG002 - a file has no credentials
        """Return the file's URI; two databases never share a file."""
        return DatabaseAccess(
            uri=f"sqlite:///{self._file(role)}",
            needs=Needs(mounts=(claim_mount(self.volume),), single_writers=("a SQLite file",)),
        )

    def archive(self, role: str) -> Archive:
        """Return SQLite's online backup, which sees one moment; writers wait while it copies."""
        copy = ("python", f"{FILES_DIRECTORY}/backup.py", "copy")
        return Archive(
            tools=None,
            suffix="sqlite.gz",
            dump=(*copy, self._file(role), "{file}"),
            load=(*copy, "{file}", self._file(role)),
            needs=Needs(mounts=(claim_mount(self.volume),), files=(script("backup.py"),)),
        )

    def _file(self, role: str) -> str:
        file = self.file or ("mlflow.db" if role == "backend-store" else f"{role}.db")
        return f"{claim_directory(self.volume)}/{file}"
