"""Log an artifact of N MB, download it again, and print digests and seconds: ``large_artifact.py URI N``."""

import hashlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import mlflow  # type: ignore[import-not-found, unused-ignore]


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        sha256 = hashlib.sha256()
        while block := file.read(1 << 20):
            sha256.update(block)
    return sha256.hexdigest()


if __name__ == "__main__":
    mlflow.set_tracking_uri(sys.argv[1])
    mlflow.set_experiment("large artifacts")
    with tempfile.TemporaryDirectory() as folder, mlflow.start_run() as run:
        path = Path(folder, "weights.bin")
        with path.open("wb") as file:
            for _ in range(int(sys.argv[2])):
                file.write(os.urandom(1_000_000))
        sent = digest(path)
        started = time.monotonic()
        mlflow.log_artifact(str(path))
        up = time.monotonic() - started
        path.unlink()
        started = time.monotonic()
        received = Path(mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/weights.bin", dst_path=folder))
        down = time.monotonic() - started
        size = received.stat().st_size
        result = {"sent": sent, "received": digest(received), "bytes": size, "up": up, "down": down}
    print(json.dumps(result))  # noqa: T201 - the answer
