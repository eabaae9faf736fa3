"""Artifacts on a volume."""

from __future__ import annotations

from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.needs import Needs
from cdk8s_mlflow.values import RelativePath
from cdk8s_mlflow.volumes import Claim, VolumeClaim, claim_directory, claim_mount


@frozen(kw_only=True)
class ArtifactVolume:
    """A folder on a volume: the embedded default. Uploads stream to it and need no space elsewhere."""

    volume: Claim = VolumeClaim()
    """The volume: equal to the backend store's, it is the same one."""
    folder: RelativePath = "artifacts"
    """The folder in the volume, for artifacts that are there already."""

    reachable_by_clients = False
    spools = False
    signs = False
    presigns = False

    @property
    def uri(self) -> str:
        """The folder."""
        return f"{claim_directory(self.volume)}/{self.folder}"

    def needs(self) -> Needs:
        """Return the mount of the volume."""
        return Needs(mounts=(claim_mount(self.volume),))
