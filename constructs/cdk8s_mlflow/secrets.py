"""Where a secret value comes from: one class per source.

Each source answers :meth:`supply` with the key of a Secret and with what must be rendered for that Secret
to be there. A class of your own with this method works as well.
"""

from __future__ import annotations

from typing import Annotated, Literal

import attrs

from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.needs import GeneratedKey, KeyKind, SuppliedSecret
from cdk8s_mlflow.values import HIDDEN, DnsName, PlainText, SecretKeyName
from cdk8s_mlflow.volumes import SecretKey


@frozen
class ExistingSecret:
    """A key of a Secret that somebody else puts into the release's namespace.

    The pods wait for it: a Secret that arrives later needs no restart.
    """

    name: DnsName
    key: SecretKeyName

    def supply(self, name: str, kind: KeyKind) -> SuppliedSecret:  # noqa: ARG002 - it has a name of its own
        """Return the key as it is."""
        return SuppliedSecret(reference=SecretKey(self.name, self.key))


@frozen
class InlineSecret:
    """A value that is written into the synthesized file, in a Secret.

    Whoever reads ``dist/`` reads the value, so ``MlflowProps.allow_inline_secrets`` must say that it is wanted.
    """

    value: Annotated[PlainText, HIDDEN] = attrs.field(repr=False)

    def supply(self, name: str, kind: KeyKind) -> SuppliedSecret:
        """Return a Secret that holds the value."""
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": "Opaque"}
        return SuppliedSecret(
            reference=SecretKey(name, kind),
            objects=(secret | {"stringData": {kind: self.value}},),
            inline=True,
        )


@frozen
class GeneratedSecret:
    """A random key, made once in the cluster by a Job and never overwritten.

    The key is stable over re-applies and GitOps syncs, and it is in no file. The Job's Role allows it to create
    Secrets, not to read them. Deleting the Secret loses the key, and with it whatever MLflow encrypted.
    For keys that MLflow alone uses: no database would know a password that is generated here.
    """

    def supply(self, name: str, kind: KeyKind) -> SuppliedSecret:
        """Return a Secret that the generating Job makes."""
        return SuppliedSecret(reference=SecretKey(name, kind), generated=GeneratedKey(name, kind, kind))


@frozen(kw_only=True)
class ExternalSecret:
    """A value that the External Secrets Operator copies from a vault (API ``external-secrets.io/v1``)."""

    store_name: DnsName
    """The SecretStore or ClusterSecretStore to read from."""
    remote_key: PlainText
    """The entry in the vault, in the words of its provider."""
    property: PlainText | None = None
    """The field of the entry, where an entry has several."""
    store_kind: Literal["SecretStore", "ClusterSecretStore"] = "ClusterSecretStore"
    refresh_interval: PlainText = "1h"
    """How often the operator reads the vault again. Running pods keep the value that they started with."""

    def supply(self, name: str, kind: KeyKind) -> SuppliedSecret:
        """Return an ExternalSecret object whose target is the Secret."""
        remote = {"key": self.remote_key} | ({"property": self.property} if self.property else {})
        external = {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": {"name": name},
            "spec": {
                "refreshInterval": self.refresh_interval,
                "secretStoreRef": {"kind": self.store_kind, "name": self.store_name},
                "target": {"name": name, "creationPolicy": "Owner"},
                "data": [{"secretKey": kind, "remoteRef": remote}],
            },
        }
        return SuppliedSecret(reference=SecretKey(name, kind), objects=(external,))
