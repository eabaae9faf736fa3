"""Log an artifact of N MB in a folder, list that folder, download it, and print all of it: ``transfer.py URI N``.

It tells where MLflow says that the artifact is, what it lists, and the digest of what was sent and received.
"""

import hashlib
import json
import os
import sys
import tempfile
import uuid
from pathlib import Path

import mlflow  # type: ignore[import-not-found, unused-ignore]

if __name__ == "__main__":
    mlflow.set_tracking_uri(sys.argv[1])
    mlflow.set_experiment(f"transfer {uuid.uuid4().hex[:8]}")
    with tempfile.TemporaryDirectory() as folder, mlflow.start_run() as run:
        path = Path(folder, "größe 1.bin")
        path.write_bytes(os.urandom(1_000_000) * int(sys.argv[2]))
        sent = hashlib.sha256(path.read_bytes()).hexdigest()
        mlflow.log_artifact(str(path), "models/new")
        listed = mlflow.MlflowClient().list_artifacts(run.info.run_id, "models/new")
        received = Path(mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/{listed[0].path}"))
        result = {
            "root": run.info.artifact_uri,
            "listed": [[item.path, item.file_size] for item in listed],
            "sent": sent,
            "received": hashlib.sha256(received.read_bytes()).hexdigest(),
        }
    print(json.dumps(result))  # noqa: T201 - the answer
