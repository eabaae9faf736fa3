"""Fill a server of any age, or read what it has: ``data.py fill|read URI``. REST only: clients are of one age."""

import json
import sys
from typing import Any

import requests  # type: ignore[import-untyped, import-not-found, unused-ignore]

ARTIFACT = "api/2.0/mlflow-artifacts/artifacts/take-over/weights.bin"


def call(uri: str, path: str, body: dict[str, Any]) -> Any:
    """Send a request and return the answer."""
    answer = requests.post(f"{uri}/api/2.0/mlflow/{path}", json=body, timeout=30)
    answer.raise_for_status()
    return answer.json()


def fill(uri: str, *, proxied: bool) -> None:
    """Store one of everything that REST alone can store."""
    experiment = call(uri, "experiments/create", {"name": "take-over"})["experiment_id"]
    for number in range(5):
        run = call(uri, "runs/create", {"experiment_id": experiment, "start_time": 1000 + number})["run"]["info"][
            "run_id"
        ]
        call(uri, "runs/log-parameter", {"run_id": run, "key": "number", "value": str(number)})
        for step in range(10):
            metric = {"key": "loss", "value": 1 / (step + 1), "timestamp": step, "step": step}
            call(uri, "runs/log-metric", {"run_id": run, **metric})
        call(uri, "runs/update", {"run_id": run, "status": "FINISHED", "end_time": 2000})
    call(uri, "registered-models/create", {"name": "model", "tags": [{"key": "team", "value": "e2e"}]})
    if proxied:
        requests.put(f"{uri}/{ARTIFACT}", data=b"w" * 100_000, timeout=30).raise_for_status()


def read(uri: str, *, proxied: bool) -> Any:
    """Return all of it."""
    experiment = requests.get(
        f"{uri}/api/2.0/mlflow/experiments/get-by-name", params={"experiment_name": "take-over"}, timeout=30
    ).json()["experiment"]["experiment_id"]
    found = call(uri, "runs/search", {"experiment_ids": [experiment], "max_results": 100})["runs"]
    runs = [
        {"id": run["info"]["run_id"], "status": run["info"]["status"], "data": run["data"]["params"]} for run in found
    ]
    steps = [
        len(
            requests.get(
                f"{uri}/api/2.0/mlflow/metrics/get-history",
                params={"run_id": run["id"], "metric_key": "loss"},
                timeout=30,
            ).json()["metrics"]
        )
        for run in runs
    ]
    model = requests.get(f"{uri}/api/2.0/mlflow/registered-models/get", params={"name": "model"}, timeout=30).json()
    size = len(requests.get(f"{uri}/{ARTIFACT}", timeout=30).content) if proxied else 0
    return {
        "runs": sorted(runs, key=lambda run: str(run["id"])),
        "steps": steps,
        "tags": model["registered_model"]["tags"],
        "artifact": size,
    }


if __name__ == "__main__":
    what, place, proxy = sys.argv[1:]
    if what == "fill":
        fill(place, proxied=proxy == "proxied")
    print(json.dumps(read(place, proxied=proxy == "proxied")))  # noqa: T201 - the answer
