"""Google Cloud Storage."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from cdk8s_mlflow.needs import EnvVar, Needs
from cdk8s_mlflow.peers import CidrPeer, Endpoint
from cdk8s_mlflow.values import Bucket, KeyPrefix, Url, sequences
from cdk8s_mlflow.volumes import Mount, SecretKey, key_file

_KEY_FOLDER = "/run/mlflow/gcs"
# Google's metadata server, which gives a pod the token of its workload identity; policies see it as the second.
_METADATA_SERVER = (
    Endpoint(port=80, peer=CidrPeer("169.254.169.254/32")),
    Endpoint(port=988, peer=CidrPeer("169.254.169.252/32")),
)


@attrs.frozen(kw_only=True, field_transformer=sequences)
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
    endpoint_url: Url | None = None
    """Another address than Google's, such as a private one or an emulator's: ``STORAGE_EMULATOR_HOST``."""
    egress: Sequence[Endpoint] = (Endpoint(port=443),)
    """The ports that the server must reach, for the network policy: HTTPS anywhere if left out."""

    reachable_by_clients = True
    spools = True

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
        env = () if self.endpoint_url is None else (EnvVar("STORAGE_EMULATOR_HOST", self.endpoint_url),)
        if self.credentials is None:
            return Needs(env=env, egress=(*self.egress, *_METADATA_SERVER))
        source = key_file(self.credentials, "key.json")
        return Needs(
            env=(*env, EnvVar("GOOGLE_APPLICATION_CREDENTIALS", f"{_KEY_FOLDER}/key.json")),
            mounts=(Mount(volume="gcs-key", source=source, path=_KEY_FOLDER, read_only=True),),
            egress=tuple(self.egress),
            shadowed_annotations=("iam.gke.io/gcp-service-account",),
        )
