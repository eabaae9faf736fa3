"""The database is away, and comes back; then its data is gone, and comes back from the backup."""

from __future__ import annotations

from datetime import timedelta

import pytest
from e2e.keeping.programs import ended_job, start_job
from e2e.kubectl import Pod, apply_manifests, get, kubectl, wait_for_pods, wait_until
from e2e.manifests import secret
from e2e.servers import PostgreSQLServer, postgresql

from cdk8s_mlflow import ExistingSecret, GarbageCollection, PostgreSQL

from .home import BACKUP, answers, bad_day, mlflow, verify
from .page import FIRST, Reader

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
PASSWORD = "p@s/s#w%41:?d&$x"
LOST = "The database is lost"


def lead(database: PostgreSQLServer, app: str) -> None:
    """Let the Service lead to pods of another name, and end the connections that there are."""
    patch = f'{{"spec": {{"selector": {{"app": "{app}"}}}}}}'
    kubectl("-n", database.namespace, "patch", "service", database.name, "-p", patch)
    database.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'mlflow'")


def test_it_comes_back(reader: Reader, client: Pod) -> None:
    """Nothing is restarted when it was only away; a restore brings back what is gone."""
    apply_manifests([*postgresql(reader.namespace), secret(reader.namespace, "database", {"password": PASSWORD})])
    wait_for_pods(reader.namespace, "postgresql")
    database = PostgreSQLServer(reader.namespace)
    database.make_database("mlflow", "mlflow", PASSWORD)
    store = PostgreSQL(host="postgresql", database="mlflow", password=ExistingSecret("database", "password"))
    collection = GarbageCollection(time_limit=timedelta(minutes=2))
    server = mlflow(reader, client, backend_store=store, backup=BACKUP, garbage_collection=collection)
    with bad_day(reader, client, server):
        start_job(reader.namespace, "mlflow-backup", "before")
        worked, said = ended_job(reader.namespace, "before")
        assert worked, said

        lead(database, "nobody")
        wait_until("errors", lambda: not answers(client, server), 120)
        reader.follow(FIRST, "get deployment,pods,jobs")
        reader.finds("MlflowErrors", "--tail=500", "OperationalError")
        reader.finds(LOST, "grep OperationalError", "OperationalError")
        place = {"db.example.com": "postgresql"}
        assert reader.attempt(LOST, "socket", names=place).returncode != 0
        start_job(reader.namespace, "mlflow-gc", "fails")
        # Its pod, and what that has said, are gone at the time limit.
        kubectl("-n", reader.namespace, "wait", "--for=condition=failed", "job/fails", "--timeout=400s", timeout=410)
        assert "DeadlineExceeded" in reader.attempt("MlflowJobFailed", "get jobs", names={"NAME": "fails"}).stdout
        reader.follow("MlflowJobLate", "describe cronjob")
        lead(database, "postgresql")
        wait_until("answers without a restart", lambda: answers(client, server), 120)
        server.assert_calm()
        reader.follow(LOST, "socket", names=place)
        reader.follow("MlflowJobFailed", "gc-again")
        wait_until("the success is counted", lambda: reader.follow("MlflowJobLate", "lastSuccessfulTime"), 60)
        reader.follow(LOST, "rollout restart")
        reader.follow("MlflowDown", "rollout status")
        verify(reader)

        database.sql("DROP DATABASE mlflow WITH (FORCE)", "CREATE DATABASE mlflow OWNER mlflow")
        wait_until("errors", lambda: not answers(client, server), 120)
        reader.follow(LOST, "--replicas=0")
        assert "backup: backend-store: " in reader.follow(LOST, "mlflow-restore")
        server.apply()
        assert get("cronjob", "mlflow-gc", reader.namespace)["status"]["lastSuccessfulTime"]
