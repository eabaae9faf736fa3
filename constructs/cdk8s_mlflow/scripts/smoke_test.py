"""Use the server once as a client does, and say at which step that failed.

What it makes is removed again: experiment and run are marked as deleted, as in MLflow everything is.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

TEXT = "größe: 42 µm\n"
FOLDER, FILE = "smoke-test", "größe.txt"


class StepFailed(Exception):
    """A step of the test did not go well."""


@contextmanager
def step(name: str) -> Iterator[None]:
    """Run one step, and say how long it took."""
    started = time.monotonic()
    try:
        yield
    except Exception as error:
        raise StepFailed(f"failed to {name}: {_words(error)}") from error
    print(f"smoke-test: {name}: {time.monotonic() - started:.1f} s", flush=True)


@contextmanager
def afterwards(name: str, remove: Callable[[], object]) -> Iterator[None]:
    """Remove what was made, at the end of the block; what went wrong in the block is said first."""
    try:
        yield
    except StepFailed:
        with suppress(Exception):
            remove()
        raise
    with step(name):
        remove()


def _words(error: Exception) -> str:
    """Return what is wrong in one line, without what signed URLs hold."""
    text = " ".join(str(error).split()) or "no reason was given"
    return f"{type(error).__name__}: {re.sub(r'[?][^ ]*', '?...', text)[:500]}"


def equal(found: object, expected: object) -> None:
    """Fail unless the server gives back what it was given."""
    if found != expected:
        message = f"the server answered {found!r}, not {expected!r}"
        raise ValueError(message)


def test_artifacts(root: str) -> None:
    """Send a file to a folder, fetch it again, and remove it."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    artifacts = get_artifact_repository(root)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, FILE)
        path.write_text(TEXT, encoding="utf-8")
        with step("upload an artifact"):
            artifacts.log_artifact(str(path), FOLDER)
        with afterwards("remove the artifact", lambda: artifacts.delete_artifacts(FOLDER)):
            with step("list artifacts"):
                equal([item.path for item in artifacts.list_artifacts(FOLDER)], [f"{FOLDER}/{FILE}"])
            with step("download an artifact"):
                fetched = artifacts.download_artifacts(f"{FOLDER}/{FILE}", tempfile.mkdtemp(dir=folder))
                equal(Path(fetched).read_text(encoding="utf-8"), TEXT)


def test_tracking(name: str) -> None:
    """Make an experiment with a run, artifacts, a model and a trace."""
    from mlflow import MlflowClient

    client = MlflowClient()
    with step("make an experiment"):
        experiment = client.create_experiment(name)
    with afterwards("remove the experiment", lambda: client.delete_experiment(experiment)):
        _test_run(client, name, experiment)
        _test_trace(client, experiment)


def _test_run(client: Any, name: str, experiment: str) -> None:
    with step("log a run"):
        run = client.create_run(experiment, run_name=name)
        run_id = run.info.run_id
        client.log_param(run_id, "unit", "µm")
        for number in range(3):
            client.log_metric(run_id, "loss", 1 / (number + 1), step=number)
        client.set_terminated(run_id)
    with step("read the run"):
        data = client.get_run(run_id).data
        equal(dict(data.params), {"unit": "µm"})
        equal([item.value for item in client.get_metric_history(run_id, "loss")], [1, 1 / 2, 1 / 3])
    with step("search for the run"):
        found = client.search_runs([experiment], "metrics.loss < 0.5 and params.unit = 'µm'")
        equal([item.info.run_id for item in found], [run_id])
    test_artifacts(run.info.artifact_uri)
    with step("register a model"):
        client.create_registered_model(name)
    removed = afterwards("remove the model", lambda: client.delete_registered_model(name))
    with removed, step("make and find a version of the model"):
        client.create_model_version(name, f"{run.info.artifact_uri}/{FOLDER}", run_id)
        equal([item.run_id for item in client.search_model_versions(f"name = '{name}'")], [run_id])


def _test_trace(client: Any, experiment: str) -> None:
    import mlflow

    with step("record a trace"):
        mlflow.set_experiment(experiment_id=experiment)
        with mlflow.start_span("smoke-test") as span:
            span.set_outputs({"answer": 42})
        mlflow.flush_trace_async_logging()
        traces = client.search_traces(locations=[experiment])
        equal(len(traces), 1)
    with step("remove the trace"):
        client.delete_traces(experiment, trace_ids=[trace.info.trace_id for trace in traces])


def main(settings: dict[str, Any]) -> int:
    """Test what the server offers; the last line says how it went."""
    started = time.monotonic()
    name = f"smoke-test-{uuid.uuid4().hex[:12]}"
    try:
        if settings["tracks"]:
            test_tracking(name)
        else:
            test_artifacts(f"mlflow-artifacts:/{name}")
    except StepFailed as failure:
        print(f"smoke-test: {failure}", flush=True)
        return 1
    print(f"smoke-test: passed in {time.monotonic() - started:.1f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
