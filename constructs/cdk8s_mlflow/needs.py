"""What a part of the props needs in the container that uses it, as plain data.

A store, a secret or an exposure answers with :class:`Needs`; the plan merges the answers of all parts
(:func:`merge`) and never asks a part what it is.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

import attrs

from cdk8s_mlflow.values import (
    AnnotationKey,
    Cidr,
    DnsName,
    LabelValue,
    NameSuffix,
    Port,
    Quantity,
    SecretKeyName,
    sequences,
)

Manifest = dict[str, Any]
"""A Kubernetes object, or a part of one, in the API's own shape."""

KeyKind = Literal["password", "passphrase", "fernet"]
"""What a secret value is for: a password that something outside knows too, or a key that MLflow alone uses."""


# --- Secrets -----------------------------------------------------------------------------------------------


@attrs.frozen
class SecretKey:
    """One key of one Secret in the release's namespace."""

    name: DnsName
    key: SecretKeyName


@attrs.frozen
class GeneratedKey:
    """A Secret that the generating Job creates in the cluster, unless it is there already."""

    name: str
    key: str
    kind: KeyKind


@attrs.frozen(kw_only=True)
class SuppliedSecret:
    """Where a secret value will be found, and what must be rendered for it to be there."""

    reference: SecretKey
    objects: tuple[Manifest, ...] = ()
    """Objects of the chart, in the API's shape, without metadata labels: the plan adds them."""
    generated: GeneratedKey | None = None
    inline: bool = False
    """Whether the value itself stands in the synthesized file."""


@runtime_checkable
class SecretSource(Protocol):
    """Where a secret value comes from."""

    def supply(self, name: str, kind: KeyKind) -> SuppliedSecret:
        """Return where the value is found; ``name`` is the Secret's name if this source makes one."""


@attrs.frozen
class SecretUse:
    """A secret value that a container needs."""

    purpose: str
    """Ends the name of the Secret, if its source makes one: ``<release>-<purpose>``."""
    source: SecretSource
    kind: KeyKind = "password"


# --- Environment, files and volumes ------------------------------------------------------------------------


@attrs.frozen
class PodField:
    """A field of the running pod, by the downward API."""

    path: str


@attrs.frozen
class Template:
    """Text into which Kubernetes puts the variables that it names as ``$(NAME)``; in a plain string it does not."""

    text: str


@attrs.frozen
class EnvVar:
    """One environment variable of a container."""

    name: str
    value: str | Template | SecretUse | SecretKey | PodField


@attrs.frozen
class ConfigFile:
    """A file without secrets, mounted into the containers that need it under :data:`FILES_DIRECTORY`."""

    name: str
    content: str


FILES_DIRECTORY = "/etc/mlflow"
CREDENTIALS_DIRECTORY = "/run/mlflow/credentials"


@attrs.frozen(kw_only=True)
class EmptyDir:
    """Scratch space that lives as long as the pod."""

    size_limit: Quantity
    """The pod is evicted if it writes more."""
    medium: Literal["Memory"] | None = None
    """``Memory`` keeps it off the disk and counts it against the memory limit."""


@attrs.frozen(kw_only=True, field_transformer=sequences)
class VolumeClaim:
    """A new PersistentVolumeClaim, made with the other objects of the release.

    Deleting its manifest deletes the data with most storage classes. Helm and Argo CD are told to keep it
    (:attr:`annotations`); ``kubectl delete -f`` is not stopped by anything.
    """

    name: NameSuffix = "data"
    """Ends the claim's name (``<release>-data``) and its folder in the pod (``/mlflow/data``).

    Parts that give equal claims share one volume.
    """
    size: Quantity = "10Gi"
    """Requested storage. It can grow later if the storage class allows it, and never shrink."""
    storage_class_name: DnsName | None = None
    """The cluster's default class if left out."""
    access_modes: Sequence[Literal["ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"]] = ("ReadWriteOnce",)
    """Only ``ReadWriteMany`` allows more than one replica; every other mode forces one replica and Recreate."""
    annotations: Mapping[AnnotationKey, str] = {
        "argocd.argoproj.io/sync-options": "Delete=false,Prune=false",
        "helm.sh/resource-policy": "keep",
    }
    """Annotations of the claim. The default keeps the data when a GitOps tool or Helm removes the release."""

    def failures(self) -> Iterator[str]:
        """Yield what is wrong with the fields together."""
        if not self.access_modes:
            yield 'access_modes must not be empty (got ()); write ["ReadWriteOnce"]'
        if "ReadWriteOncePod" in self.access_modes and len(self.access_modes) > 1:
            yield f"access_modes has ReadWriteOncePod, which stands alone (got {self.access_modes!r}); keep it or the others"


@attrs.frozen(kw_only=True, field_transformer=sequences)
class ExistingVolumeClaim:
    """A PersistentVolumeClaim that somebody else manages."""

    claim_name: DnsName
    """Its name in the release's namespace."""
    access_modes: Sequence[Literal["ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"]] = ("ReadWriteOnce",)
    """What the claim allows: it cannot be seen at synth time, and decides how many replicas may run."""
    name: NameSuffix = "data"
    """Its folder in the pod (``/mlflow/data``)."""

    def failures(self) -> Iterator[str]:
        """Yield what is wrong with the fields together."""
        if not self.access_modes:
            yield 'access_modes must not be empty (got ()); write ["ReadWriteOnce"]'
        if "ReadWriteOncePod" in self.access_modes and len(self.access_modes) > 1:
            yield f"access_modes has ReadWriteOncePod, which stands alone (got {self.access_modes!r}); keep it or the others"


Claim = VolumeClaim | ExistingVolumeClaim


@attrs.frozen(kw_only=True)
class Mount:
    """A volume at a path of a container."""

    volume: str
    """The volume's name in the pod: mounts that share a volume share the name."""
    source: EmptyDir | VolumeClaim | ExistingVolumeClaim
    path: str
    sub_path: str | None = None
    """A folder of the volume instead of its root."""
    read_only: bool = False


# --- Network -----------------------------------------------------------------------------------------------


@attrs.frozen
class NamespacePeer:
    """All pods of one namespace."""

    name: DnsName

    def selector(self) -> Manifest:
        """Return the peer as a NetworkPolicy writes it."""
        return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": self.name}}}


@attrs.frozen(kw_only=True)
class PodPeer:
    """The pods that carry all of these labels, in one namespace."""

    match_labels: Mapping[AnnotationKey, LabelValue]
    namespace: DnsName | None = None
    """The release's own namespace if left out."""

    def selector(self) -> Manifest:
        """Return the peer as a NetworkPolicy writes it."""
        pods: Manifest = {"podSelector": {"matchLabels": dict(self.match_labels)}}
        return pods if self.namespace is None else NamespacePeer(self.namespace).selector() | pods


@attrs.frozen(field_transformer=sequences)
class CidrPeer:
    """The addresses of one network, outside the cluster or inside."""

    cidr: Cidr
    except_: Sequence[Cidr] = ()
    """Parts of it that are left out."""

    def failures(self) -> Iterator[str]:
        """Yield what is wrong with the fields together."""
        network = ipaddress.ip_network(self.cidr)
        for inner in self.except_:
            other = ipaddress.ip_network(inner)
            if other.version != network.version or not other.subnet_of(network):  # type: ignore[arg-type]
                yield f"except_ must lie inside cidr (got {inner!r} and {self.cidr!r}); leave it out"

    def selector(self) -> Manifest:
        """Return the peer as a NetworkPolicy writes it."""
        return {"ipBlock": {"cidr": self.cidr, "except": list(self.except_)}}


Peer = NamespacePeer | PodPeer | CidrPeer


@attrs.frozen(kw_only=True)
class Endpoint:
    """A TCP port that a pod must reach."""

    port: Port
    peer: Peer | None = None
    """Where the port may be: any address if left out, since policies know no DNS names."""


def endpoint(host: str, port: int, peer: Peer | None) -> Endpoint:
    """Return the endpoint of a host: an IP address is its own peer, a name needs one from the user."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return Endpoint(port=port, peer=peer)
    return Endpoint(port=port, peer=peer or CidrPeer(f"{address}/{address.max_prefixlen}"))


# --- Databases ---------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class CredentialFile:
    """A file with secrets, written by the preparing init container into memory with mode 0600.

    Drivers that share a container cannot share one set of environment variables, so each reads its own
    section. Files of one name are joined in the order of their parts.
    """

    name: str
    text: str
    """The content; ``${NAME}`` stands for the value of that secret."""
    secrets: Mapping[str, SecretUse] = attrs.field(factory=dict)
    escapes: Mapping[str, str] = attrs.field(factory=dict)
    """Characters of the values that the file's format wants written otherwise."""


@attrs.frozen(kw_only=True)
class DatabaseAccess:
    """How a container reaches a database without a secret in its arguments or in a URL."""

    uri: str
    env: tuple[EnvVar, ...] = ()
    credential_files: tuple[CredentialFile, ...] = ()


@attrs.frozen(kw_only=True)
class MigrationDialect:
    """What the migrating init container must know of a database engine."""

    try_lock: str | None
    """SQL that tries to take a lock for this connection and returns whether it has; None if one pod writes."""
    causes: Mapping[str, str] = attrs.field(factory=dict)
    """Part of the driver's message -> what is wrong and the prop to mend, for the log."""


# --- Needs -------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Needs:
    """Everything that a part needs in its container."""

    env: tuple[EnvVar, ...] = ()
    files: tuple[ConfigFile, ...] = ()
    mounts: tuple[Mount, ...] = ()
    credential_files: tuple[CredentialFile, ...] = ()
    egress: tuple[Endpoint, ...] = ()
    single_writers: tuple[str, ...] = ()
    """Why only one pod may run, each as the subject of a sentence; empty if many may."""
    kubernetes: str = "1.27"
    """The oldest Kubernetes that has all that this part uses."""


def merge(*parts: Needs) -> Needs:
    """Return the needs of all parts together, equal ones once; see :func:`conflicts` for the unequal ones."""
    return Needs(
        env=_unique(item for part in parts for item in part.env),
        files=_unique(item for part in parts for item in part.files),
        mounts=_unique(item for part in parts for item in part.mounts),
        credential_files=_unique(item for part in parts for item in part.credential_files),
        egress=_unique(item for part in parts for item in part.egress),
        single_writers=_unique(item for part in parts for item in part.single_writers),
        kubernetes=max((part.kubernetes for part in parts), key=version_number, default="1.27"),
    )


def version_number(version: str) -> int:
    """Return the minor number of a Kubernetes version: 34 for ``1.34``."""
    return int(version.split(".")[1])


def _unique(items: Iterable[Any]) -> tuple[Any, ...]:
    found: list[Any] = []
    for item in items:
        if item not in found:
            found.append(item)
    return tuple(found)
