"""A bad upgrade: an image that cannot run is taken back; a schema that went too far is restored."""

from __future__ import annotations

import pytest
from e2e.keeping.programs import ended_job, start_job
from e2e.kubectl import Pod, wait_until

from cdk8s_mlflow import FixedReplicas, Image, SQLite, VolumeClaim

from .home import BACKUP, bad_day, changed, mlflow
from .page import Reader

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
BAD = "A bad upgrade"
NEWER = """
import sqlite3
file = sqlite3.connect("/mlflow/data/mlflow.db")
file.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
file.execute("DELETE FROM metrics")
file.commit()
"""
"""A schema of nobody's, as an older image sees a newer one, and data that it has spoilt."""


def test_it_is_taken_back(reader: Reader, client: Pod) -> None:
    """Without the schema by an undo; with the schema by a restore into a new claim."""
    server = mlflow(reader, client, backup=BACKUP)
    with bad_day(reader, client, server):
        start_job(reader.namespace, "mlflow-backup", "before-upgrade")
        worked, said = ended_job(reader.namespace, "before-upgrade")
        assert worked, said

        changed(server, image=Image(repository="localhost/nothing", tag="new", pull_policy="Never")).apply()
        reader.finds("MlflowDown", "get pods", "ErrImageNeverPull")
        assert reader.attempt(BAD, "-c migrate").returncode != 0
        reader.follow(BAD, "rollout undo")
        reader.follow(BAD, "rollout status")
        assert "as the image wants it" in reader.follow(BAD, "-c migrate")

        [pod] = server.pods()
        pod.execute("python", "-c", NEWER)
        reader.follow("The database is lost", "rollout restart")
        reader.finds("MlflowDown", "get pods", "Init:")
        reader.finds(BAD, "-c migrate", "which this image's MLflow does not know")
        reader.follow(BAD, "--replicas=0")
        empty = SQLite(volume=VolumeClaim(name="data-2", size="1Gi"))
        changed(server, backend_store=empty, scaling=FixedReplicas(0)).apply()
        assert "backup: backend-store: " in reader.follow(BAD, "mlflow-restore")
        changed(server, backend_store=empty).apply()
        wait_until("the new pod", server.pods)
