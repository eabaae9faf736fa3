"""Use a tracking server as a data scientist does.

``tracking.py record URI`` logs one of everything and prints where it is; ``tracking.py read URI WHERE`` prints what
is there now.
"""

import json
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Any

import mlflow  # type: ignore[import-not-found, unused-ignore]

ARTIFACT = "notes/größe.txt"


def shout(model_input: list[str]) -> list[str]:
    """Be the model."""
    return [text.upper() + "!" for text in model_input]


def record() -> dict[str, str]:
    """Log parameters, metrics, a tag, an artifact, a registered model and a trace."""
    name = f"e2e-{uuid.uuid4().hex[:8]}"
    experiment = mlflow.set_experiment(name).experiment_id
    with mlflow.start_run() as run:
        mlflow.log_params({"learning_rate": 0.1, "note": "a/b c%d"})
        for step in range(3):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.set_tag("team", "e2e")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, Path(ARTIFACT).name)
            path.write_text("42\n", encoding="utf-8")
            mlflow.log_artifact(str(path), str(Path(ARTIFACT).parent))
        mlflow.pyfunc.log_model(name="model", python_model=shout, pip_requirements=[], registered_model_name=name)
    with mlflow.start_span("question") as span:
        span.set_inputs({"question": "6 * 7"})
        span.set_outputs({"answer": 42})
    mlflow.flush_trace_async_logging()
    return {"experiment": experiment, "run": run.info.run_id, "model": name}


def read(experiment: str, run: str, model: str) -> dict[str, Any]:
    """Fetch what :func:`record` logged: the model is loaded and asked, the trace found by a search."""
    client = mlflow.MlflowClient()
    data = client.get_run(run).data
    [version] = client.search_model_versions(f"name = '{model}'")
    [trace] = mlflow.search_traces(locations=[experiment], return_type="list")
    return {
        "params": data.params,
        "loss": [[m.step, m.value] for m in client.get_metric_history(run, "loss")],
        "team": data.tags["team"],
        "artifacts": [file.path for file in client.list_artifacts(run, "notes")],
        "artifact": mlflow.artifacts.load_text(f"runs:/{run}/{ARTIFACT}"),
        "version": str(version.version),
        "prediction": mlflow.pyfunc.load_model(f"models:/{model}/1").predict(["hello"]),
        "spans": [[span.name, span.inputs, span.outputs] for span in trace.data.spans],
        "default experiments": len(client.search_experiments(filter_string="name = 'Default'")),
    }


if __name__ == "__main__":
    action, uri, *where = sys.argv[1:]
    mlflow.set_tracking_uri(uri)
    print(json.dumps(record() if action == "record" else read(**json.loads(where[0]))))  # noqa: T201 - the answer
