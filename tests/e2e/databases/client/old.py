"""Fill a store as a team fills it over the years, with MLflow 2.22: ``old.py URI`` prints what it has logged.

Also read by the MLflow of today: ``old.py URI WHERE`` prints what is there now.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import mlflow  # type: ignore[import-not-found, unused-ignore]

MANY = 20


class Shout(mlflow.pyfunc.PythonModel):  # type: ignore[misc, unused-ignore]
    """Be the model."""

    def predict(self, context: Any, model_input: Any) -> Any:  # noqa: ARG002 - MLflow's signature
        """Answer louder."""
        return [text.upper() + "!" for text in model_input]


def fill(with_artifacts: bool) -> dict[str, Any]:
    """Log runs with parameters, metrics and tags, and a registered model with a stage and an alias."""
    client = mlflow.MlflowClient()
    mlflow.set_experiment("über-years")
    runs = []
    for number in range(MANY):
        with mlflow.start_run(run_name=f"run-{number}") as run:
            mlflow.log_params({"number": number, "note": "a/b c%d " + "ä" * 100})
            mlflow.log_metrics({"loss": 1 / (number + 1), "nothing": float("nan")}, step=number)
            mlflow.set_tag("team", "old")
            runs.append(run.info.run_id)
    client.create_registered_model("old model", tags={"kept": "yes"}, description="since 2.22")
    source = "mlflow-artifacts:/x"
    if with_artifacts:
        with mlflow.start_run(run_id=runs[0]), tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "größe.txt")
            path.write_text("42\n", encoding="utf-8")
            mlflow.log_artifact(str(path), "notes")
            mlflow.pyfunc.log_model("model", python_model=Shout(), pip_requirements=[])
        source = f"runs:/{runs[0]}/model"
    version = client.create_model_version("old model", source, runs[0] if with_artifacts else None)
    client.set_registered_model_alias("old model", "champion", version.version)
    client.delete_run(runs[-1])
    return {"runs": runs, "with_artifacts": with_artifacts}


def read(runs: list[str], with_artifacts: bool) -> dict[str, Any]:
    """Return what is there."""
    client = mlflow.MlflowClient()
    champion = client.get_model_version_by_alias("old model", "champion")
    found = {
        "runs": {run: described(client, run) for run in runs},
        "model": [client.get_registered_model("old model").tags, str(champion.version), champion.run_id],
        "experiments": sorted(experiment.name for experiment in client.search_experiments()),
    }
    if with_artifacts:
        found["artifact"] = mlflow.artifacts.load_text(f"runs:/{runs[0]}/notes/größe.txt")
        files = client.list_artifacts(runs[0], "model")
        found["files"] = sorted(Path(file.path).name for file in files if file.path.endswith(("MLmodel", ".pkl")))
    return found


def described(client: Any, run: str) -> list[Any]:
    """Return what a run holds."""
    got = client.get_run(run)
    history = [[metric.step, metric.value] for metric in client.get_metric_history(run, "loss")]
    return [got.info.run_name, got.info.lifecycle_stage, got.data.params, history, got.data.tags["team"]]


if __name__ == "__main__":
    uri, *where = sys.argv[1:]
    mlflow.set_tracking_uri(uri)
    answer = read(**json.loads(where[0])) if where and where[0] != "no-artifacts" else fill(not where)
    print(json.dumps(answer))  # noqa: T201 - the answer
