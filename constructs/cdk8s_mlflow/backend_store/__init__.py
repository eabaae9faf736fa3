"""Where MLflow keeps experiments, runs, models and traces: one class per engine.

A store says how a container reaches it (:meth:`BackendStore.access`) and what the migration must know of its
engine (:attr:`BackendStore.migration`). A class of your own with these two works as well.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from cdk8s_mlflow.needs import Archive, DatabaseAccess, MigrationDialect


@runtime_checkable
class Archived(Protocol):
    """What a backend store answers that can be backed up and restored."""

    def archive(self, role: str) -> Archive:
        """Return the tools and how they reach the store; ``role`` as in :meth:`BackendStore.access`."""


@runtime_checkable
class BackendStore(Protocol):
    """What every backend store answers."""

    @property
    def migration(self) -> MigrationDialect | None:
        """What the migration must know of the engine; None if there is no schema to migrate."""

    def access(self, role: str, *, alone: bool) -> DatabaseAccess:
        """Return how a container reaches the store.

        ``role`` (such as ``backend-store``) tells the databases of a release apart, in names of files and
        Secrets. With ``alone`` it is the only database of its container, and may have the driver's
        environment variables for itself.
        """
