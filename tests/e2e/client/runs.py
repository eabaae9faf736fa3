"""Log a run and register a model on each of some servers, and print what they answer: ``runs.py URI...``."""

import json
import sys
import uuid
from typing import Any

import mlflow  # type: ignore[import-not-found, unused-ignore]


def use(uri: str) -> dict[str, Any]:
    """Log to a server and read it back."""
    client = mlflow.MlflowClient(uri)
    name = f"e2e-{uuid.uuid4().hex[:8]}"
    run = client.create_run(client.create_experiment(name)).info.run_id
    client.log_param(run, "größe", "漢 % '\"")
    for step in range(3):
        client.log_metric(run, "loss", 1 / (step + 1), step=step)
    client.set_terminated(run)
    client.create_registered_model(name, tags={"team": "e2e"})
    read = client.get_run(run)
    return {
        "status": read.info.status,
        "params": read.data.params,
        "loss": [metric.value for metric in client.get_metric_history(run, "loss")],
        "models": [model.tags for model in client.search_registered_models(f"name = '{name}'")],
        "default experiments": len(client.search_experiments(filter_string="name = 'Default'")),
    }


if __name__ == "__main__":
    print(json.dumps({uri: use(uri) for uri in sys.argv[1:]}))  # noqa: T201 - the answer
