"""A highly available PostgreSQL in the same chart, by the CloudNativePG operator."""

from __future__ import annotations

import attrs

from cdk8s_mlflow.backend_store.postgresql import MIGRATION, PostgreSQL, PostgreSQLTls
from cdk8s_mlflow.container import canonical_resources
from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.kubernetes import ResourceRequirements
from cdk8s_mlflow.needs import Archive, DatabaseAccess, MigrationDialect
from cdk8s_mlflow.peers import Manifest, PodPeer
from cdk8s_mlflow.secrets import ExistingSecret
from cdk8s_mlflow.values import DnsName, ObjectName, PositiveInt, Quantity, SqlName, canonical_quantity
from cdk8s_mlflow.volumes import KEEP, SecretKey


@frozen(kw_only=True)
class CloudNativePG:
    """A PostgreSQL cluster that the CloudNativePG operator runs: for those who have no database yet.

    The chart holds the operator's own ``Cluster`` object; the operator must be installed. Host, user, password
    and authority come from the Secrets that it creates (``<name>-app``, ``<name>-ca``), and the connection is
    verified. Deleting the Cluster deletes its volumes; Argo CD and Helm are told to keep it.
    """

    name: ObjectName = "mlflow-postgresql"
    """The Cluster's name; the operator names its Services and Secrets after it."""
    instances: PositiveInt = 3
    """One primary, and standbys that take over."""
    storage_size: Quantity = "10Gi"
    """The volume of each instance."""
    storage_class_name: DnsName | None = None
    """The cluster's default class if left out."""
    database: SqlName = "mlflow"
    owner: SqlName = "mlflow"
    """The role that owns the database, and that the server uses."""
    image_name: str | None = None
    """The PostgreSQL image; the operator's default if left out."""
    resources: ResourceRequirements | None = None
    """Requests and limits of each instance; none if left out."""

    @property
    def migration(self) -> MigrationDialect:
        """PostgreSQL's."""
        return MIGRATION

    def access(self, role: str, *, alone: bool) -> DatabaseAccess:
        """Return PostgreSQL's access to the primary, by what the operator creates."""
        access = self._primary().access(role, alone=alone)
        return attrs.evolve(access, needs=attrs.evolve(access.needs, objects=(self._cluster(),)))

    def archive(self, role: str) -> Archive:
        """Return PostgreSQL's tools."""
        return self._primary().archive(role)

    def _primary(self) -> PostgreSQL:
        app = f"{self.name}-app"
        return PostgreSQL(
            host=f"{self.name}-rw",
            database=self.database,
            user=ExistingSecret(app, "username"),
            password=ExistingSecret(app, "password"),
            tls=PostgreSQLTls(ca=SecretKey(f"{self.name}-ca", "ca.crt")),
            network_peer=PodPeer(match_labels={"cnpg.io/cluster": self.name}),
        )

    def _cluster(self) -> Manifest:
        resources = canonical_resources(self.resources)
        storage_class = {"storageClass": self.storage_class_name} if self.storage_class_name else {}
        return {
            "apiVersion": "postgresql.cnpg.io/v1",
            "kind": "Cluster",
            "metadata": {"name": self.name, "annotations": KEEP},
            "spec": {
                "instances": self.instances,
                **({"imageName": self.image_name} if self.image_name else {}),
                "bootstrap": {"initdb": {"database": self.database, "owner": self.owner}},
                "storage": {"size": canonical_quantity(self.storage_size), **storage_class},
                **({"resources": resources} if resources else {}),
            },
        }
