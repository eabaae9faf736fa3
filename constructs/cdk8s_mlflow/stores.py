"""All stores of a release together: how one container reaches every one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs

from cdk8s_mlflow.artifact_store import ArtifactStore
from cdk8s_mlflow.artifact_store.artifact_volume import ArtifactVolume
from cdk8s_mlflow.backend_store import Archived, BackendStore
from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.needs import (
    MLFLOW_SCHEMA,
    Archive,
    DatabaseAccess,
    DatabaseAddress,
    MigrationDialect,
    Needs,
    Schema,
    merge,
    uri_needs,
)
from cdk8s_mlflow.operations import Migration
from cdk8s_mlflow.props import MlflowProps
from cdk8s_mlflow.volumes import ExistingVolumeClaim, VolumeClaim

VARIABLES = {
    "backend-store": "MLFLOW_BACKEND_STORE_URI",
    "registry-store": "MLFLOW_REGISTRY_STORE_URI",
    "read-replica": "MLFLOW_READ_REPLICA_BACKEND_STORE_URI",
    # MLflow reads none for its users; the migration does.
    "user-store": "MLFLOW_USER_STORE_URI",
}
"""The variable that holds a database's URI, by the database's role."""


@frozen(kw_only=True)
class MigratedSchema:
    """Tables that follow the image, and the variable by which the migration finds their database."""

    name: str
    variable: str
    schema: Schema
    dialect: MigrationDialect


@frozen(kw_only=True)
class Stores:
    """The stores of one release, and what a container needs that uses them."""

    needs: Needs
    """Of the server: databases and artifacts."""
    users: DatabaseAddress | None
    """Where the login keeps its users, as the server reaches them."""
    migrated: tuple[MigratedSchema, ...]
    """What follows the image."""
    migration_needs: Needs
    """Of the container that migrates."""
    backend_needs: Needs
    """Of a container that uses the backend store alone."""
    archives: Mapping[str, Archive]
    """How a backup copies each database, as the migration reaches it, by role; without those that have no tools."""
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
            needs=merge(_served_needs(served), *([artifacts.needs()] if artifacts else []), trust),
            users=_users(props, served),
            migrated=tuple(_schemas(props, migrated)),
            migration_needs=merge(_database_needs(migrated, served), trust),
            backend_needs=merge(_database_needs(_only_backend(served), served), trust),
            archives=_archives(migrated, served, trust),
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
    if props.authentication is not None and props.authentication.user_store not in (None, props.backend_store):
        databases["user-store"] = props.authentication.user_store
    return databases


def _user_role(databases: Mapping[str, BackendStore]) -> str:
    return "user-store" if "user-store" in databases else "backend-store"


def _users(props: MlflowProps, served: Mapping[str, BackendStore]) -> DatabaseAddress | None:
    role = _user_role(served)
    if props.authentication is None or props.authentication.schema is None or role not in served:
        return None
    return served[role].access(role, alone=len(served) == 1).uri


def _only_backend(served: Mapping[str, BackendStore]) -> dict[str, BackendStore]:
    return {role: store for role, store in served.items() if role == "backend-store"}


def _migrated(props: MlflowProps, served: Mapping[str, BackendStore]) -> dict[str, BackendStore]:
    """Return the databases that are migrated by role, as the migration reaches them."""
    own = props.migration or Migration()
    other = {"backend-store": own.backend_store, "registry-store": own.registry_store, "user-store": own.user_store}
    return {
        role: other.get(role) or store
        for role, store in served.items()
        if role != "read-replica" and store.migration is not None
    }


def _schemas(props: MlflowProps, migrated: Mapping[str, BackendStore]) -> Iterator[MigratedSchema]:
    """Return what is migrated in which database: the tables of users last, they may share the backend store's."""
    users = props.authentication.schema if props.authentication else None
    wanted = [(role, role, MLFLOW_SCHEMA) for role in migrated if role != "user-store"]
    wanted += [] if users is None else [("user-store", _user_role(migrated), users)]
    for name, role, schema in wanted:
        dialect = migrated[role].migration if role in migrated else None
        if dialect is not None:
            yield MigratedSchema(name=name, variable=VARIABLES[role], schema=schema, dialect=dialect)


def _served_needs(served: Mapping[str, BackendStore]) -> Needs:
    """Return the needs of the server: where its users are, the login says itself."""
    needs = _database_needs(served, served)
    variable = VARIABLES["user-store"]
    return attrs.evolve(
        needs,
        env=tuple(item for item in needs.env if item.name != variable),
        launched=tuple(item for item in needs.launched if item.name != variable),
    )


def _database_needs(databases: Mapping[str, BackendStore], served: Mapping[str, BackendStore]) -> Needs:
    """Return the needs of a container that uses the databases; those reached otherwise than served have names too."""
    alone, names = len(databases) == 1, _names(databases, served)
    return merge(*(_access_needs(role, store.access(names[role], alone=alone)) for role, store in databases.items()))


def _names(databases: Mapping[str, BackendStore], served: Mapping[str, BackendStore]) -> dict[str, str]:
    """Return the names of databases by role: of those reached otherwise than served, a name of their own."""
    return {role: role if store == served[role] else f"migration-{role}" for role, store in databases.items()}


def _archives(
    databases: Mapping[str, BackendStore], served: Mapping[str, BackendStore], trust: Needs
) -> dict[str, Archive]:
    names = _names(databases, served)
    found = {role: store.archive(names[role]) for role, store in databases.items() if isinstance(store, Archived)}
    return {role: attrs.evolve(archive, needs=merge(archive.needs, trust)) for role, archive in found.items()}


def _access_needs(role: str, access: DatabaseAccess) -> Needs:
    """Return the needs of a database with the variable that holds its URI."""
    return merge(uri_needs(VARIABLES[role], access.uri), access.needs)


def _same_volume(store: BackendStore) -> ArtifactStore | None:
    """Return the artifact store on the backend store's own volume, if it has one."""
    mounts = store.access("backend-store", alone=True).needs.mounts
    claims = [mount.source for mount in mounts if isinstance(mount.source, VolumeClaim | ExistingVolumeClaim)]
    return ArtifactVolume(volume=claims[0]) if claims else None
