"""Google Cloud Storage."""

from __future__ import annotations

from collections.abc import Sequence

from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.needs import EnvVar, Needs
from cdk8s_mlflow.peers import CidrPeer, Endpoint, cluster_hosts, endpoint_of
from cdk8s_mlflow.values import Bucket, KeyPrefix, Url, sequences
from cdk8s_mlflow.volumes import Mount, SecretKey, key_file

_KEY_FOLDER = "/run/mlflow/gcs"
# Google's metadata server, which gives a pod the token of its workload identity; policies see it as the second.
_METADATA_SERVER = (
    Endpoint(port=80, peer=CidrPeer("169.254.169.254/32")),
    Endpoint(port=988, peer=CidrPeer("169.254.169.252/32")),
)


@frozen(kw_only=True, field_transformer=sequences)
class GCS:
    """A bucket of Google Cloud Storage."""

    bucket: Bucket
    prefix: KeyPrefix | None = None
    """Folder in the bucket; its root if left out."""
    credentials: SecretKey | None = None
    """A Secret's key that holds the JSON key file of a service account.

    Left out, the pod has the workload identity of its ServiceAccount (annotation
    ``iam.gke.io/gcp-service-account``), and no key is anywhere.
    """
    emulator_host: Url | None = None
    """The address of an emulator: ``STORAGE_EMULATOR_HOST``. Google's client then sends no credentials at all."""
    egress: Sequence[Endpoint] | None = None
    """The ports that the server must reach, for the network policy: HTTPS anywhere, or the emulator's, if left out."""

    reachable_by_clients = True
    spools = True
    signs = True

    @property
    def presigns(self) -> bool:
        """Only with a key: a workload identity has none to sign with."""
        return self.credentials is not None

    @property
    def uri(self) -> str:
        """The bucket and folder."""
        return f"gs://{self.bucket}" + (f"/{self.prefix}" if self.prefix else "")

    def needs(self) -> Needs:
        """Return the client's variables, the key file if there is one, and the way to the store."""
        if self.emulator_host is not None:
            env = (EnvVar("STORAGE_EMULATOR_HOST", self.emulator_host),)
            egress = self._egress(endpoint_of(self.emulator_host))
            return Needs(env=env, egress=egress, unproxied=cluster_hosts(self.emulator_host, None))
        if self.credentials is None:
            return Needs(egress=(*self._egress(Endpoint(port=443)), *_METADATA_SERVER))
        source = key_file(self.credentials, "key.json")
        return Needs(
            env=(EnvVar("GOOGLE_APPLICATION_CREDENTIALS", f"{_KEY_FOLDER}/key.json"),),
            mounts=(Mount(volume="gcs-key", source=source, path=_KEY_FOLDER, read_only=True),),
            egress=self._egress(Endpoint(port=443)),
            shadowed_annotations=("iam.gke.io/gcp-service-account",),
        )

    def _egress(self, usual: Endpoint) -> tuple[Endpoint, ...]:
        return (usual,) if self.egress is None else tuple(self.egress)
