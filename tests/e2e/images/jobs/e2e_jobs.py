"""A job that needs nobody: it waits, and logs by MLflow's own client that it ran, and where."""

from __future__ import annotations

import socket
import time

import mlflow  # type: ignore[import-not-found, unused-ignore]
from mlflow.server.jobs import job  # type: ignore[import-not-found, unused-ignore]


@job(name="wait", max_workers=2)  # type: ignore[untyped-decorator, unused-ignore]
def wait(experiment: str, note: str, seconds: float) -> str:
    """Log a run, and wait."""
    client = mlflow.MlflowClient()
    client.create_run(experiment, tags={"note": note, "pod": socket.gethostname()})
    time.sleep(seconds)
    return note
