"""All stores of a release together: how one container reaches every one of them."""

from __future__ import annotations

import attrs

from cdk8s_mlflow.artifact_store import ArtifactStore, ArtifactVolume
from cdk8s_mlflow.backend_store import BackendStore
from cdk8s_mlflow.needs import EnvVar, ExistingVolumeClaim, Needs, VolumeClaim, merge
from cdk8s_mlflow.props import MlflowProps

VARIABLES = {"backend-store": "MLFLOW_BACKEND_STORE_URI", "registry-store": "MLFLOW_REGISTRY_STORE_URI"}
"""The variable that holds a database's URI, by the database's role."""


@attrs.frozen(kw_only=True)
class Stores:
    """The stores of one release together, and how one container reaches them all."""

    databases: dict[str, BackendStore]
    """The databases that must be migrated, by role; two roles on one database are one."""
    needs: Needs
    """What a container needs that uses the databases and artifacts."""
    database_needs: Needs
    """What a container needs that uses the databases only."""
    artifacts: ArtifactStore | None

    @staticmethod
    def of(props: MlflowProps) -> Stores:
        """Return the stores of the props."""
        backend, registry = props.backend_store, props.registry_store
        roles = {"backend-store": backend}
        if registry is not None and registry != backend:
            roles["registry-store"] = registry
        alone = len(roles) == 1
        access = {role: store.access(None if alone else role) for role, store in roles.items()}
        database_needs = merge(
            *(
                Needs(
                    env=(EnvVar(VARIABLES[role], reached.uri), *reached.env),
                    credential_files=reached.credential_files,
                )
                for role, reached in access.items()
            ),
            *(store.needs() for store in roles.values()),
        )
        artifacts = props.artifact_store or _same_volume(backend.needs())
        return Stores(
            databases=roles,
            database_needs=database_needs,
            needs=merge(database_needs, *([artifacts.needs()] if artifacts else [])),
            artifacts=artifacts,
        )


def _same_volume(needs: Needs) -> ArtifactStore | None:
    """Return the artifact store on the backend store's own volume, if it has one."""
    claims = [mount.source for mount in needs.mounts if isinstance(mount.source, VolumeClaim | ExistingVolumeClaim)]
    return ArtifactVolume(volume=claims[0]) if claims else None
