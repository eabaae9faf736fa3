"""Where MLflow keeps artifacts, one class per store, and how clients reach them.

A store says what its container needs (:meth:`needs`) and its :attr:`uri`. A class of your own with these and
``reachable_by_clients`` works as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable
from urllib.parse import urlsplit

import attrs

from cdk8s_mlflow.needs import EnvVar, Needs, SecretSource, SecretUse
from cdk8s_mlflow.peers import Endpoint, Peer, endpoint
from cdk8s_mlflow.values import (
    ArtifactLocation,
    Bucket,
    KeyPrefix,
    PlainText,
    PositiveInt,
    Quantity,
    Url,
    sequences,
)
from cdk8s_mlflow.volumes import Claim, VolumeClaim, claim_directory, claim_mount


@runtime_checkable
class ArtifactStore(Protocol):
    """What every artifact store answers."""

    @property
    def uri(self) -> str:
        """The place of the artifacts, in MLflow's words."""

    @property
    def reachable_by_clients(self) -> bool:
        """Whether a client outside the pod can use the URI."""

    @property
    def spools(self) -> bool:
        """Whether MLflow keeps each file in ``/tmp`` while it passes through (all but local folders)."""

    def needs(self) -> Needs:
        """Return what a container needs to use the store."""


@attrs.frozen(kw_only=True)
class ArtifactVolume:
    """A folder on a volume: the embedded default. Uploads stream to it and need no space elsewhere."""

    volume: Claim = VolumeClaim()
    """The volume: equal to the backend store's, it is the same one."""

    reachable_by_clients = False
    spools = False

    @property
    def uri(self) -> str:
        """The folder."""
        return f"{claim_directory(self.volume)}/artifacts"

    def needs(self) -> Needs:
        """Return the mount of the volume."""
        return Needs(mounts=(claim_mount(self.volume),))


@attrs.frozen(kw_only=True)
class S3Credentials:
    """A static access key. Leave it out where the pod's ServiceAccount has a role: a key would shadow the role."""

    access_key_id: SecretSource
    secret_access_key: SecretSource


@attrs.frozen(kw_only=True)
class S3:
    """A bucket of Amazon S3, or of anything that speaks its protocol (MinIO, Ceph, R2)."""

    bucket: Bucket
    prefix: KeyPrefix | None = None
    """Folder in the bucket; its root if left out."""
    region: PlainText | None = None
    """``AWS_DEFAULT_REGION``; boto3 asks the environment if left out."""
    endpoint_url: Url | None = None
    """For stores other than Amazon's. Never set it for Amazon: boto3 finds the region's endpoint itself."""
    credentials: S3Credentials | None = None
    """The role of the ServiceAccount (IRSA) if left out: give it by ``ServiceAccount.annotations``."""
    network_peer: Peer | None = None
    """Where the store is, for the network policy: any address on its port if left out."""

    reachable_by_clients = True
    spools = True

    @property
    def uri(self) -> str:
        """The bucket and folder."""
        return f"s3://{self.bucket}" + (f"/{self.prefix}" if self.prefix else "")

    def needs(self) -> Needs:
        """Return boto3's variables and the way to the store."""
        plain = {"AWS_DEFAULT_REGION": self.region, "MLFLOW_S3_ENDPOINT_URL": self.endpoint_url}
        env = tuple(EnvVar(name, value) for name, value in plain.items() if value is not None)
        return Needs(env=env + self._credentials(), egress=(self._endpoint(),))

    def _credentials(self) -> tuple[EnvVar, ...]:
        if self.credentials is None:
            return ()
        key_id, key = self.credentials.access_key_id, self.credentials.secret_access_key
        return (
            EnvVar("AWS_ACCESS_KEY_ID", SecretUse("s3-access-key-id", key_id)),
            EnvVar("AWS_SECRET_ACCESS_KEY", SecretUse("s3-secret-access-key", key)),
        )

    def _endpoint(self) -> Endpoint:
        if self.endpoint_url is None:
            return Endpoint(port=443, peer=self.network_peer)
        url = urlsplit(self.endpoint_url)
        return endpoint(url.hostname or "", url.port or (443 if url.scheme == "https" else 80), self.network_peer)


@attrs.frozen(kw_only=True, field_transformer=sequences)
class ArtifactUri:
    """Any place that MLflow has a scheme for: the larribas chart's ``defaultArtifactRoot``.

    What the place's client needs beyond the URI goes into ``MlflowProps.extra_env``.
    """

    uri: ArtifactLocation
    egress: Sequence[Endpoint] = (Endpoint(port=443),)
    """The ports that the server must reach, for the network policy: HTTPS anywhere if left out."""

    reachable_by_clients = True
    spools = True

    def needs(self) -> Needs:
        """Return the way to the store."""
        return Needs(egress=tuple(self.egress))


@attrs.frozen(kw_only=True)
class Proxied:
    """Clients send and fetch artifacts through the server, and need no credentials of the store.

    Object stores make the server keep each file in ``/tmp`` while it passes (a volume does not): the size of
    ``/tmp`` follows from the two fields here.
    """

    largest_artifact: Quantity = "2Gi"
    """The largest single file that passes through."""
    concurrent_transfers: PositiveInt = 4
    """How many such files may pass through one pod at once."""


@attrs.frozen
class Direct:
    """Clients talk to the store itself, with credentials of their own; the server only tells them where.

    MLflow notes the place in each experiment when it is made, and never changes it afterwards.
    """


ArtifactAccess = Proxied | Direct
