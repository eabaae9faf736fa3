"""What keeps the server in order: data only, the plan makes pods of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from cdk8s_mlflow.artifact_store import ArtifactStore
from cdk8s_mlflow.backend_store import BackendStore
from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.job_queue import InChartRedis
from cdk8s_mlflow.kubernetes import ResourceRequirements
from cdk8s_mlflow.redis import Redis
from cdk8s_mlflow.values import ArtifactLocation, CronSchedule, ImageName, NotNegativeInt, PositiveInt, Quantity


@frozen
class Reloader:
    """Let Stakater's Reloader, if the cluster has it, restart the pods when one of their Secrets changes.

    Changes of what this chart renders restart them in any case; Secrets from elsewhere are read when a
    container starts.
    """


@frozen(kw_only=True)
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


@frozen(kw_only=True)
class Backup:
    """Copy every database of the server to another place, on a schedule, and bring a copy back when it is wanted.

    A CronJob that writes one file per database with the database's own tools, each of one moment, while the server
    works; and a suspended CronJob, ``<release>-restore``, that reads one into empty databases. Artifacts are not
    copied, and the encryption keys are not either: without a copy of those, what they encrypted is lost.
    """

    destination: ArtifactStore
    """Where the copies go: the classes of artifact stores, each with credentials of its own, below a folder of the
    release's name. A bucket of its own (:class:`S3` with ``kms_key_id`` encrypts) or a volume (``ArtifactVolume``);
    never the place of what is copied."""
    schedule: CronSchedule = "43 1 * * *"
    """When, as cron writes it, in the time zone of the cluster."""
    keep: PositiveInt = 14
    """How many copies stay; older ones are removed after the next that succeeds."""
    scratch_size: Quantity = "10Gi"
    """Space on the node for one copy of all databases, compressed and not."""
    postgresql_image: ImageName = "docker.io/library/postgres:15"
    """Where ``pg_dump`` is, if a database is PostgreSQL: of the server's version or newer, or it refuses."""
    mysql_image: ImageName = "docker.io/library/mariadb:10.11"
    """Where ``mariadb-dump`` or ``mysqldump`` is, if a database is MariaDB or MySQL: of the server's version or newer.
    For MySQL write ``docker.io/library/mysql`` and its version."""
    time_limit: timedelta = timedelta(hours=6)
    """When a backup or a restore that hangs is ended."""
    resources: ResourceRequirements | None = None
    """Requests and limits of each container, instead of 384Mi and at most 768Mi."""


@frozen(kw_only=True)
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


@frozen(kw_only=True)
class TraceRollups:
    """Count traces once a day, for the charts of the UI, instead of anew for each view."""

    schedule: CronSchedule = "0 2 * * *"
    """When, in UTC. ``MLFLOW_TRACE_ROLLUPS_SCHEDULE``."""


@frozen(kw_only=True)
class JobExecution:
    """Run MLflow's own background jobs: judges, online scoring, evaluations, prompt optimization, issue detection.

    Each server pod then has 8 to 9 processes more, and takes 1.6 GiB more when idle. MLflow runs a job at least once,
    not exactly once: a server pod that starts puts every job in line again that is not finished, those that another
    pod is running too.
    """

    queue: Redis | InChartRedis | None = None
    """Where jobs wait. Left out, in the memory of the one pod, which then ends before its successor starts. More than
    one replica needs :class:`Redis` or :class:`InChartRedis`, and the image's ``redis`` package, which MLflow's own
    images lack; a pod of its own, ``<release>-periodic``, then runs the periodic tasks."""
    judge_invoke_max_workers: PositiveInt = 2
    """How many judges, evaluations or issue detections run at once in each pod, of each kind; MLflow's own default
    is 10. ``MLFLOW_SERVER_JUDGE_INVOKE_MAX_WORKERS``."""
    online_scoring_max_workers: PositiveInt = 2
    """How many online scorings run at once in each pod, of each kind; MLflow's own default is 5.
    ``MLFLOW_SERVER_ONLINE_SCORING_MAX_WORKERS``."""
    transient_error_max_retries: NotNegativeInt = 3
    """How often a job is tried again that failed for a passing reason.
    ``MLFLOW_SERVER_JOB_TRANSIENT_ERROR_MAX_RETRIES``."""
    trace_rollups: TraceRollups | None = None
    """Whether traces are counted once a day: not, if left out. ``MLFLOW_SQL_TRACE_ROLLUPS_ENABLED``."""


@frozen(kw_only=True)
class TraceArchival:
    """Move the spans of old traces from the database to the artifact store; searches find the traces still.

    A periodic task of MLflow, which needs :class:`JobExecution`. ``--trace-archival-config``.
    """

    retention: timedelta
    """How long spans stay in the database, in whole minutes. ``retention``."""
    location: ArtifactLocation | None = None
    """Where they go, in MLflow's words; the folder ``trace-archive`` beside the artifacts if left out. The server's
    credentials are those of the artifact store. ``location``."""
    interval: timedelta = timedelta(minutes=5)
    """How often MLflow looks for old ones, up to a day. ``interval_seconds``."""
    max_traces_per_pass: PositiveInt | None = None
    """How many are moved each time; all that are old if left out. ``max_traces_per_pass``."""

    def failures(self) -> Iterator[str]:
        """Yield what is wrong with the fields together."""
        if self.retention < timedelta(minutes=1) or self.retention % timedelta(minutes=1):
            yield f"retention must be whole minutes (got {self.retention}); write timedelta(days=30)"
        if not timedelta(minutes=1) <= self.interval <= timedelta(days=1):
            yield f"interval must be from a minute to a day (got {self.interval}); write timedelta(minutes=5)"


@frozen(kw_only=True)
class SmokeTest:
    """Use the server once as a client does: experiment, run, metrics, artifact up and down, model, trace.

    A suspended CronJob, started by hand: ``kubectl create job --from=cronjob/<release>-smoke-test NAME``. It has the
    credentials that clients of this chart have, ends with status 1 and the step at which it failed, and removes what
    it made. The larribas chart's ``helm test``, which only asked whether a port is open.
    """

    schedule: CronSchedule | None = None
    """When it runs by itself, as cron writes it: never, if left out. With alerts, a failure is one then."""
    time_limit: timedelta = timedelta(minutes=5)
    """When it has failed if it still runs."""
    resources: ResourceRequirements | None = None
    """Requests and limits of the container, instead of 256Mi and at most 512Mi."""
