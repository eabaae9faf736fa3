"""Azure Blob Storage."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Literal

from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.needs import EnvVar, Needs, SecretSource, SecretUse
from cdk8s_mlflow.peers import Endpoint
from cdk8s_mlflow.values import Bucket, KeyPrefix, Rule, sequences

StorageAccount = Annotated[
    str,
    Rule(
        lambda v: re.fullmatch(r"[a-z0-9]{3,24}", str(v)) is not None,
        "be the name of a storage account",
        "write 3 to 24 lower-case letters and digits",
    ),
]


@frozen
class AzureConnectionString:
    """The connection string of the storage account: ``AZURE_STORAGE_CONNECTION_STRING``."""

    value: SecretSource


@frozen
class AzureAccessKey:
    """A key of the storage account: ``AZURE_STORAGE_ACCESS_KEY``."""

    value: SecretSource


@frozen(kw_only=True, field_transformer=sequences)
class AzureBlob:
    """A container of Azure Blob Storage."""

    storage_account: StorageAccount
    container: Bucket
    endpoint_suffix: Literal["core.windows.net", "core.chinacloudapi.cn", "core.usgovcloudapi.net"] = "core.windows.net"
    """The cloud that the account is in."""
    prefix: KeyPrefix | None = None
    """Folder in the container; its root if left out."""
    credentials: AzureConnectionString | AzureAccessKey | None = None
    """Left out, the pod has the workload identity of its ServiceAccount, and no key is anywhere.

    Its annotation is ``azure.workload.identity/client-id``; the pod gets the label that the identity's webhook
    looks for.
    """
    egress: Sequence[Endpoint] = (Endpoint(port=443),)
    """The ports that the server must reach, for the network policy: HTTPS anywhere if left out."""

    reachable_by_clients = True
    spools = True
    signs = True
    presigns = True

    @property
    def uri(self) -> str:
        """The container and folder."""
        place = f"wasbs://{self.container}@{self.storage_account}.blob.{self.endpoint_suffix}"
        return place + (f"/{self.prefix}" if self.prefix else "")

    def needs(self) -> Needs:
        """Return the client's variable, or the label of the workload identity, and the way to the store."""
        if self.credentials is None:
            return Needs(pod_labels=(("azure.workload.identity/use", "true"),), egress=tuple(self.egress))
        is_key = isinstance(self.credentials, AzureAccessKey)
        variable = "AZURE_STORAGE_ACCESS_KEY" if is_key else "AZURE_STORAGE_CONNECTION_STRING"
        purpose = "azure-access-key" if is_key else "azure-connection-string"
        return Needs(
            env=(EnvVar(variable, SecretUse(purpose, self.credentials.value)),),
            egress=tuple(self.egress),
            shadowed_annotations=("azure.workload.identity/client-id",),
        )
