"""Volumes: what they are made from, and where a container finds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import attrs

from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.values import AnnotationKey, DnsName, NameSuffix, Quantity, SecretKeyName, sequences


@frozen
class SecretKey:
    """One key of one Secret in the release's namespace."""

    name: DnsName
    key: SecretKeyName


@frozen
class ConfigMapKey:
    """One key of one ConfigMap in the release's namespace."""

    name: DnsName
    key: SecretKeyName


@frozen(kw_only=True)
class EmptyDir:
    """Scratch space that lives as long as the pod."""

    size_limit: Quantity
    """The pod is evicted if it writes more."""
    medium: Literal["Memory"] | None = None
    """``Memory`` keeps it off the disk and counts it against the memory limit."""


KEEP = {
    "argocd.argoproj.io/sync-options": "Delete=false,Prune=false",
    "helm.sh/resource-policy": "keep",
    "kustomize.toolkit.fluxcd.io/prune": "disabled",
}
"""Annotations by which Argo CD, Helm and Flux leave an object, and its data, when they remove the rest."""


@frozen(kw_only=True, field_transformer=sequences)
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
    annotations: Mapping[AnnotationKey, str] = attrs.field(factory=KEEP.copy)
    """Annotations of the claim. The default keeps the data when a GitOps tool or Helm removes the release."""

    def failures(self) -> Iterator[str]:
        """Yield what is wrong with the fields together."""
        if not self.access_modes:
            yield 'access_modes must not be empty (got ()); write ["ReadWriteOnce"]'
        if "ReadWriteOncePod" in self.access_modes and len(self.access_modes) > 1:
            yield f"access_modes has ReadWriteOncePod, which stands alone (got {self.access_modes!r}); keep it alone"


@frozen(kw_only=True, field_transformer=sequences)
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
            yield f"access_modes has ReadWriteOncePod, which stands alone (got {self.access_modes!r}); keep it alone"


Claim = VolumeClaim | ExistingVolumeClaim


@frozen(kw_only=True)
class KeyFiles:
    """Keys of a Secret or ConfigMap as files, readable for the pod's group alone."""

    kind: Literal["Secret", "ConfigMap"]
    name: str
    items: Mapping[str, str]
    """File name by key."""


def key_file(source: SecretKey | ConfigMapKey, file: str) -> KeyFiles:
    """Return the volume source that holds one key as one file."""
    kind: Literal["Secret", "ConfigMap"] = "Secret" if isinstance(source, SecretKey) else "ConfigMap"
    return KeyFiles(kind=kind, name=source.name, items={source.key: file})


@frozen(kw_only=True)
class Mount:
    """A volume at a path of a container."""

    volume: str
    """The volume's name in the pod: mounts that share a volume share the name."""
    source: EmptyDir | VolumeClaim | ExistingVolumeClaim | KeyFiles
    path: str
    sub_path: str | None = None
    """A folder of the volume instead of its root."""
    read_only: bool = False


def claim_directory(claim: Claim) -> str:
    """Return the folder of a claim in the pod."""
    return f"/mlflow/{claim.name}"


def claim_mount(claim: Claim, path: str | None = None, sub_path: str | None = None) -> Mount:
    """Return the mount of a claim at its own folder, or at another path."""
    # No volume of the construct's own has such a name.
    return Mount(volume=f"claim-{claim.name}", source=claim, path=path or claim_directory(claim), sub_path=sub_path)
