"""MLflow's store of files."""

from __future__ import annotations

from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.needs import DatabaseAccess, EnvVar, Needs
from cdk8s_mlflow.values import DataPath
from cdk8s_mlflow.volumes import Claim, VolumeClaim, claim_mount


@frozen(kw_only=True)
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

    def access(self, role: str, *, alone: bool) -> DatabaseAccess:  # noqa: ARG002 - a folder has no credentials
        """Return the folder, and the flag that MLflow demands."""
        return DatabaseAccess(
            uri=self.path,
            needs=Needs(
                env=(EnvVar("MLFLOW_ALLOW_FILE_STORE", "true"),),
                mounts=(claim_mount(self.volume, self.path, sub_path="mlruns"),),
                single_writers=("a file store",),
                single_processes=("a file store",),
            ),
        )
