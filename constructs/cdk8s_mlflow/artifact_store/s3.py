"""Amazon S3, and what speaks its protocol."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Literal

import attrs

from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.needs import EnvVar, Needs, SecretSource, SecretUse
from cdk8s_mlflow.peers import CidrPeer, Endpoint, Peer, cluster_hosts, endpoint_of
from cdk8s_mlflow.values import Bucket, KeyPrefix, PlainText, Url

# Where a pod asks for the credentials of its role: the EKS Pod Identity agent of its node.
_POD_IDENTITY_AGENT = Endpoint(port=80, peer=CidrPeer("169.254.170.23/32"))
# The token service of a ServiceAccount's role (IRSA), wherever the bucket is.
_TOKEN_SERVICE = Endpoint(port=443)


@frozen(kw_only=True)
class S3Credentials:
    """A static access key. Leave it out where the pod's ServiceAccount has a role: a key would shadow the role."""

    access_key_id: SecretSource
    secret_access_key: SecretSource


@frozen(kw_only=True)
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
    """The role of the ServiceAccount (IRSA or Pod Identity) if left out: no key is anywhere then."""
    addressing_style: Literal["auto", "path", "virtual"] | None = None
    """Whether the bucket stands in the path or in the host name. Left out, it is in the path with an endpoint."""
    kms_key_id: PlainText | None = None
    """Encrypt with this KMS key; the bucket's own setting if left out.

    MLflow forgets it for files that clients send in parts, past the server: see :class:`Proxied`. A default
    encryption of the bucket forgets nothing.
    """
    upload_extra_args: Mapping[PlainText, PlainText] = attrs.field(factory=dict)
    """Further arguments of boto3's upload, such as ``{"StorageClass": "STANDARD_IA"}``; forgotten as the key is."""
    expected_bucket_owner: PlainText | None = None
    """The account that must own the bucket; requests fail if another does, and uploads in parts fail always."""
    network_peer: Peer | None = None
    """Where the store is, for the network policy: any address on its port if left out.

    A role by ServiceAccount (IRSA) also asks the token service, at another address: name it in
    ``NetworkPolicy.egress``.
    """

    reachable_by_clients = True
    spools = True
    signs = True

    @property
    def presigns(self) -> bool:
        """Not with what MLflow forgets, or wrongly signs, for files that are sent in parts."""
        return not (self.kms_key_id or self.upload_extra_args or self.expected_bucket_owner)

    def failures(self) -> Iterator[str]:
        """Yield what is wrong with the fields together."""
        if self.kms_key_id is not None and {"ServerSideEncryption", "SSEKMSKeyId"} & set(self.upload_extra_args):
            yield "upload_extra_args names the encryption that kms_key_id names already; keep one of them"

    @property
    def uri(self) -> str:
        """The bucket and folder."""
        return f"s3://{self.bucket}" + (f"/{self.prefix}" if self.prefix else "")

    def needs(self) -> Needs:
        """Return boto3's variables and the way to the store."""
        plain = {
            "AWS_DEFAULT_REGION": self.region,
            "MLFLOW_S3_ENDPOINT_URL": self.endpoint_url,
            "MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE": self.addressing_style,
            "MLFLOW_S3_UPLOAD_EXTRA_ARGS": self._upload_extra_args(),
            "MLFLOW_S3_EXPECTED_BUCKET_OWNER": self.expected_bucket_owner,
        }
        env = tuple(EnvVar(name, value) for name, value in plain.items() if value is not None)
        if self.credentials is None:
            amazon = self.endpoint_url is None
            token_service = (_TOKEN_SERVICE,) if amazon and self.network_peer is None else ()
            agent = (_POD_IDENTITY_AGENT,) if amazon else ()
            return Needs(env=env, egress=(self._endpoint(), *token_service, *agent), unproxied=self._unproxied())
        key_id = SecretUse("s3-access-key-id", self.credentials.access_key_id)
        key = SecretUse("s3-secret-access-key", self.credentials.secret_access_key)
        return Needs(
            env=(*env, EnvVar("AWS_ACCESS_KEY_ID", key_id), EnvVar("AWS_SECRET_ACCESS_KEY", key)),
            egress=(self._endpoint(),),
            unproxied=self._unproxied(),
            shadowed_annotations=("eks.amazonaws.com/role-arn",),
        )

    def _upload_extra_args(self) -> str | None:
        kms = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.kms_key_id} if self.kms_key_id else {}
        arguments = {**kms, **self.upload_extra_args}
        return json.dumps(arguments) if arguments else None

    def _unproxied(self) -> tuple[str, ...]:
        return cluster_hosts(self.endpoint_url, self.network_peer) if self.endpoint_url else ()

    def _endpoint(self) -> Endpoint:
        if self.endpoint_url is None:
            return Endpoint(port=443, peer=self.network_peer)
        return endpoint_of(self.endpoint_url, self.network_peer)
