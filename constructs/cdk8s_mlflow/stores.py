"""All stores of a release together: how one container reaches every one of them."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from cdk8s_mlflow.artifact_store import ArtifactStore, ArtifactVolume
from cdk8s_mlflow.backend_store import BackendStore
from cdk8s_mlflow.needs import DatabaseAccess, EncodedUri, EnvVar, LaunchedVariable, Needs, merge
from cdk8s_mlflow.operations import Migration
from cdk8s_mlflow.props import MlflowProps
from cdk8s_mlflow.volumes import ExistingVolumeClaim, VolumeClaim

VARIABLES = {
    "backend-store": "MLFLOW_BACKEND_STORE_URI",
    "registry-store": "MLFLOW_REGISTRY_STORE_URI",
    "read-replica": "MLFLOW_READ_REPLICA_BACKEND_STORE_URI",
}
"""The variable that holds a database's URI, by the database's role."""


@attrs.frozen(kw_only=True)
class Stores:
    """The stores of one release, and what a container needs that uses them."""

    needs: Needs
    """Of the server: databases and artifacts."""
    migrated: Mapping[str, BackendStore]
    """The databases whose schema follows the image, by role, as the migration reaches them."""
    migration_needs: Needs
    """Of the container that migrates them."""
    backend_needs: Needs
    """Of a container that uses the backend store alone."""
    artifacts: ArtifactStore | None
    has_server: bool
    """Whether one of the databases is a server, to which connections are counted."""

    @staticmethod
    def of(props: MlflowProps) -> Stores:
        """Return the stores of the props."""
        served = _databases(props)
        migrated = _migrated(props, served)
        artifacts = props.artifact_store or (_same_volume(props.backend_store) if props.backend_store else None)
        trust = Needs(authorities=() if props.ca_bundle is None else (props.ca_bundle,))
        return Stores(
            needs=merge(_database_needs(served, served), *([artifacts.needs()] if artifacts else []), trust),
            migrated=migrated,
            migration_needs=merge(_database_needs(migrated, served), trust),
            backend_needs=merge(_database_needs(_only_backend(served), served), trust),
            artifacts=artifacts,
            has_server=any(store.migration is not None and store.migration.try_lock for store in served.values()),
        )


def _databases(props: MlflowProps) -> dict[str, BackendStore]:
    """Return the databases of the server by role; two roles on one database are one."""
    databases: dict[str, BackendStore] = {}
    if props.backend_store is not None:
        databases["backend-store"] = props.backend_store
    if props.registry_store is not None and props.registry_store != props.backend_store:
        databases["registry-store"] = props.registry_store
    if props.read_replica_backend_store is not None:
        databases["read-replica"] = props.read_replica_backend_store
    return databases


def _only_backend(served: Mapping[str, BackendStore]) -> dict[str, BackendStore]:
    return {role: store for role, store in served.items() if role == "backend-store"}


def _migrated(props: MlflowProps, served: Mapping[str, BackendStore]) -> dict[str, BackendStore]:
    own = props.migration or Migration()
    other = {"backend-store": own.backend_store, "registry-store": own.registry_store}
    return {
        role: other.get(role) or store
        for role, store in served.items()
        if role != "read-replica" and store.migration is not None
    }


def _database_needs(databases: Mapping[str, BackendStore], served: Mapping[str, BackendStore]) -> Needs:
    """Return the needs of a container that uses the databases; those reached otherwise than served have names too."""
    alone = len(databases) == 1
    names = {role: role if store == served[role] else f"migration-{role}" for role, store in databases.items()}
    return merge(*(_access_needs(role, store.access(names[role], alone=alone)) for role, store in databases.items()))


def _access_needs(role: str, access: DatabaseAccess) -> Needs:
    """Return the needs of a database with the variable that holds its URI."""
    if isinstance(access.uri, EncodedUri):
        variable = LaunchedVariable(name=VARIABLES[role], text=access.uri.text, secrets=access.uri.secrets)
        return merge(Needs(launched=(variable,)), access.needs)
    return merge(Needs(env=(EnvVar(VARIABLES[role], access.uri),)), access.needs)


def _same_volume(store: BackendStore) -> ArtifactStore | None:
    """Return the artifact store on the backend store's own volume, if it has one."""
    mounts = store.access("backend-store", alone=True).needs.mounts
    claims = [mount.source for mount in mounts if isinstance(mount.source, VolumeClaim | ExistingVolumeClaim)]
    return ArtifactVolume(volume=claims[0]) if claims else None
