"""What keeps the server in order: data only, the plan makes pods of it."""

from __future__ import annotations

from datetime import timedelta

import attrs

from cdk8s_mlflow.backend_store import BackendStore
from cdk8s_mlflow.kubernetes import ResourceRequirements
from cdk8s_mlflow.values import CronSchedule


@attrs.frozen
class Reloader:
    """Let Stakater's Reloader, if the cluster has it, restart the pods when one of their Secrets changes.

    Changes of what this chart renders restart them in any case; Secrets from elsewhere are read when a
    container starts.
    """


@attrs.frozen(kw_only=True)
class Migration:
    """Bring the database's schema to the image's revision before the server starts.

    An init container of each server pod waits for the database, takes a lock of the database's own kind and
    runs ``mlflow db upgrade`` only if the revision differs. Replicas that start together take turns.
    A migrated schema cannot go back: keep a backup before an image upgrade.
    """

    database_wait: timedelta = timedelta(minutes=10)
    """How long to wait for a database that does not answer."""
    time_limit: timedelta = timedelta(minutes=30)
    """How long the upgrade itself may take, and how much longer pods wait that find another at it.

    MySQL cannot take a stopped upgrade back."""
    resources: ResourceRequirements | None = None
    """Requests and limits of the init container, instead of 384Mi and at most 768Mi: rewriting millions of rows may
    take more."""
    backend_store: BackendStore | None = None
    """The backend store as the migration reaches it, if otherwise than the server: with a role that may change
    tables while the server's may not, or at a direct host where the server goes through a pooler (PgBouncer in
    transaction mode cannot hold the lock)."""
    registry_store: BackendStore | None = None
    """The registry store as the migration reaches it, likewise."""
    user_store: BackendStore | None = None
    """The database of users that the authentication names, as the migration reaches it, likewise."""


@attrs.frozen(kw_only=True)
class GarbageCollection:
    """Remove runs and experiments that users have deleted, with their artifacts, on a schedule.

    Without it they stay in both stores for ever: deleting in MLflow only marks. ``mlflow gc`` in a CronJob.
    """

    schedule: CronSchedule = "17 3 * * *"
    """When, as cron writes it, in the time zone of the cluster."""
    older_than: timedelta = timedelta(days=30)
    """How long something stays recoverable after its deletion. ``--older-than``."""
    time_limit: timedelta = timedelta(hours=6)
    """When a run that hangs is ended; the next one goes on where it was."""
    resources: ResourceRequirements | None = None
    """Requests and limits of the container, instead of 384Mi and at most 768Mi (260 MiB were measured)."""
