"""Fill a tracking server, write to it for a while, and read everything: ``everything.py fill|write|read URI``.

``write`` logs runs until there is a file /tmp/enough, and prints how many it has logged.
"""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import mlflow  # type: ignore[import-not-found, unused-ignore]

NAME = "kept"


def answer(model_input: list[str]) -> list[str]:
    """Be the model."""
    return [question.upper() for question in model_input]


def fill() -> dict[str, int]:
    """Log some of everything."""
    client = mlflow.MlflowClient()
    mlflow.set_experiment(NAME)
    client.set_experiment_tag(client.get_experiment_by_name(NAME).experiment_id, "größe", "漢 % '\" \\ \n 🚀")
    for number in range(2):
        with mlflow.start_run(run_name=f"run {number}"):
            mlflow.log_params({"number": number, "note": "a/b c%d \\ ' \" 漢字 🚀"})
            mlflow.log_metrics({f"metric {index}": index / 3 for index in range(20)})
            losses = [float("nan"), float("inf"), *(1 / step for step in range(1, 100))]
            points = [mlflow.entities.Metric("loss", loss, step * 1000, step) for step, loss in enumerate(losses)]
            client.log_batch(mlflow.active_run().info.run_id, points)
            mlflow.set_tags({"team": "e2e", "empty": ""})
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "größe.txt")
                path.write_text(f"{number}\n", encoding="utf-8")
                mlflow.log_artifact(str(path), "notes")
    with mlflow.start_run(run_name="model"):
        mlflow.pyfunc.log_model(name="model", python_model=answer, pip_requirements=[], registered_model_name=NAME)
        mlflow.log_input(mlflow.data.from_numpy(__import__("numpy").arange(6), name="six"))
    client.set_registered_model_alias(NAME, "champion", "1")
    client.set_model_version_tag(NAME, "1", "checked", "yes")
    client.delete_run(client.create_run(client.get_experiment_by_name(NAME).experiment_id).info.run_id)
    with mlflow.start_span("question") as span:
        span.set_inputs({"question": "6 * 7"})
        span.set_outputs({"answer": 42})
    mlflow.flush_trace_async_logging()
    return {"runs": len(client.search_runs([client.get_experiment_by_name(NAME).experiment_id]))}


def write() -> dict[str, int]:
    """Log runs until it is enough."""
    mlflow.set_experiment("noise")
    written, enough = 0, Path("/tmp/enough")  # noqa: S108 - in the pod
    enough.unlink(missing_ok=True)
    while not enough.exists():
        with mlflow.start_run():
            mlflow.log_params({"number": written})
            mlflow.log_metrics({f"metric {index}": index for index in range(20)})
        written += 1
    return {"written": written}


def read() -> dict[str, Any]:
    """Return everything in the experiment."""
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name(NAME)
    [trace] = mlflow.search_traces(locations=[experiment.experiment_id], return_type="list")
    runs = client.search_runs([experiment.experiment_id], run_view_type=mlflow.entities.ViewType.ALL)
    return {
        "experiment": [experiment.experiment_id, experiment.tags, experiment.artifact_location],
        "runs": {
            run.info.run_id: {
                "info": [run.info.run_name, run.info.status, run.info.lifecycle_stage, run.info.artifact_uri],
                "times": [run.info.start_time, run.info.end_time],
                "params": run.data.params,
                "tags": run.data.tags,
                "metrics": {
                    name: [
                        [point.step, str(point.value), point.timestamp]
                        for point in client.get_metric_history(run.info.run_id, name)
                    ]
                    for name in sorted(run.data.metrics)
                },
                "artifacts": [item.path for item in client.list_artifacts(run.info.run_id, "notes")],
                "inputs": [item.dataset.name for item in run.inputs.dataset_inputs],
            }
            for run in runs
        },
        "models": [
            [model.name, model.aliases, [str(version.version) for version in model.latest_versions]]
            for model in client.search_registered_models()
        ],
        "versions": [
            [version.version, version.source, version.run_id, version.tags]
            for version in client.search_model_versions(f"name = '{NAME}'")
        ],
        "logged models": [
            [model.model_id, model.artifact_location, str(model.status)]
            for model in client.search_logged_models([experiment.experiment_id])
        ],
        "trace": [[span.name, span.inputs, span.outputs] for span in trace.data.spans],
        "artifact": [
            mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/notes/größe.txt")
            for run in runs
            if run.info.run_name.startswith("run ")
        ],
        "prediction": mlflow.pyfunc.load_model(f"models:/{NAME}@champion").predict(["hello"]),
    }


if __name__ == "__main__":
    action, uri = sys.argv[1:]
    mlflow.set_tracking_uri(uri)
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
    found = {"fill": fill, "write": write, "read": read}[action]()
    print(json.dumps(found, sort_keys=True))  # noqa: T201 - the answer
