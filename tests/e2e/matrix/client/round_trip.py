"""Use a server in every way that MLflow's client has, and print what is then there: ``round_trip.py URI``."""

import hashlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import mlflow  # type: ignore[import-not-found, unused-ignore]
import requests  # type: ignore[import-untyped, import-not-found, unused-ignore]
from e2e.client.tracking import ARTIFACT, read, record
from e2e.client.traffic import spans

SIZES = (0, 1_000_000, 300_000_000)
BLOCK = os.urandom(1_000_000 - 8)


def make(path: Path, size: int) -> None:
    """Write a file in which no block is like another."""
    with path.open("wb") as file:
        for number in range(size // 1_000_000):
            file.write(number.to_bytes(8, "big") + BLOCK)


def digest(path: Path) -> str:
    """Return what tells whether a file is the same."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            found.update(block)
    return found.hexdigest()


def artifacts(run: str) -> dict[str, Any]:
    """Log a file of each size, and say whether it is listed and comes back as it was, and how long that took."""
    client, found = mlflow.MlflowClient(), {}
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, f"{size}.bin")
            make(path, size)
            sent = digest(path)
            started = time.monotonic()
            client.log_artifact(run, str(path), "sizes")
            logged = time.monotonic()
            path.unlink()
            received = Path(client.download_artifacts(run, f"sizes/{path.name}", folder))
            fetched = time.monotonic()
            # Of an empty file MLflow tells no size.
            listed = {item.path: item.file_size or 0 for item in client.list_artifacts(run, "sizes")}
            found[str(size)] = {
                "same": digest(received) == sent,
                "listed": listed.get(f"sizes/{path.name}"),
                "seconds": [round(logged - started, 1), round(fetched - logged, 1)],
            }
    return found


def prompt(name: str) -> str:
    """Register a prompt of two versions and return the first one, filled in."""
    for template in ("Say {{word}}.", "Shout {{word}}!"):
        mlflow.genai.register_prompt(name=name, template=template)
    return str(mlflow.genai.load_prompt(f"prompts:/{name}/1").format(word="hello"))


def send_spans(uri: str, experiment: str) -> int:
    """Send a trace as any program of OpenTelemetry does, and return the status."""
    headers = {"Content-Type": "application/x-protobuf", "x-mlflow-experiment-id": experiment}
    login = None
    if token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    elif name := os.environ.get("MLFLOW_TRACKING_USERNAME"):
        login = (name, os.environ["MLFLOW_TRACKING_PASSWORD"])
    return int(requests.post(f"{uri}/v1/traces", data=spans(), headers=headers, auth=login, timeout=60).status_code)


def main(uri: str) -> dict[str, Any]:
    """Log one of everything and read it."""
    mlflow.set_tracking_uri(uri)
    where = record()
    found = read(**where) | {"artifacts of sizes": artifacts(where["run"]), "prompt": prompt(f"{where['model']}-ask")}
    found["otlp"] = send_spans(uri, where["experiment"])
    traces = mlflow.search_traces(locations=[where["experiment"]], return_type="list")
    found["traces"] = sorted(trace.data.spans[0].name for trace in traces)
    trace = next(trace.info.trace_id for trace in traces if trace.data.spans[0].name == "question")
    return {"where": where | {"trace": trace, "artifact": ARTIFACT}, "found": found}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))  # noqa: T201 - the answer
