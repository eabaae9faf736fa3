"""Log a run with an artifact and delete it, or say what is left of one: ``deleted_run.py URI TOKEN [RUN]``."""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import mlflow  # type: ignore[import-not-found, unused-ignore]


def make(uri: str) -> dict[str, Any]:
    """Log, list and delete."""
    mlflow.set_tracking_uri(uri)
    client = mlflow.MlflowClient()
    run = client.create_run(client.create_experiment(f"garbage-{os.urandom(4).hex()}")).info.run_id
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "file.txt"
        file.write_text("garbage", encoding="utf-8")
        client.log_artifact(run, str(file))
    artifacts = [item.path for item in client.list_artifacts(run)]
    client.delete_run(run)
    return {"run": run, "artifacts": artifacts}


def left(uri: str, run: str) -> str | None:
    """Return the state of a run; None if there is none."""
    try:
        return str(mlflow.MlflowClient(uri).get_run(run).info.lifecycle_stage)
    except mlflow.exceptions.MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None


if __name__ == "__main__":
    os.environ["MLFLOW_TRACKING_TOKEN"] = sys.argv[2]
    print(json.dumps(left(sys.argv[1], sys.argv[3]) if sys.argv[3:] else make(sys.argv[1])))  # noqa: T201 - the answer
