"""What MLflow's pages ask a server for, as its user interface of 3.17 does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias
from urllib.parse import urlencode

Request: TypeAlias = tuple[str, str, Any]
"""Method, path without the prefix, and what is sent."""
SEARCH: Request = ("POST", "/ajax-api/2.0/mlflow/experiments/search", {"max_results": 25, "order_by": ["name ASC"]})

_RUN_QUERY = {
    "operationName": "GetRun",
    "query": """query GetRun($data: MlflowGetRunInput!) {
        mlflowGetRun(input: $data) { apiError { code message } run { info { runUuid status artifactUri } } }
    }""",
}


def requests_of_pages(where: Mapping[str, str]) -> dict[str, list[Request]]:
    """Return the requests of each page, about what was logged; the last pages change something."""
    experiment, run, model = where["experiment"], where["run"], where["model"]
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}
    two = "/ajax-api/2.0/mlflow"
    three = "/ajax-api/3.0/mlflow"
    return {
        "experiments": [("GET", f"{three}/server-info", None), SEARCH],
        "experiment": [
            _get(f"{two}/experiments/get", experiment_id=experiment),
            ("POST", f"{two}/runs/search", {"experiment_ids": [experiment], "run_view_type": "ACTIVE_ONLY"}),
            ("POST", f"{two}/logged-models/search", {"experiment_ids": [experiment]}),
            ("POST", f"{three}/traces/search", {"locations": [place], "max_results": 10}),
            _get(f"{three}/scorers/list", experiment_id=experiment),
        ],
        "run": [
            _get(f"{two}/runs/get", run_id=run),
            ("POST", "/graphql", _RUN_QUERY | {"variables": {"data": {"runId": run}}}),
            _get(f"{two}/metrics/get-history-bulk-interval", run_ids=run, metric_key="loss", max_results="320"),
        ],
        "artifacts": [
            _get(f"{two}/artifacts/list", run_id=run, path="sizes"),
            _get("/get-artifact", run_uuid=run, path=where["artifact"]),
        ],
        "trace": [
            _get(f"{three}/traces/get", trace_id=where["trace"]),
            _get(f"{two}/get-trace-artifact", request_id=where["trace"]),
        ],
        "models": [
            _get(f"{two}/registered-models/search", max_results="25"),
            _get(f"{two}/registered-models/get", name=model),
            _get(f"{two}/model-versions/search", filter=f"name='{model}'"),
            _get("/model-versions/get-artifact", name=model, version="1", path="MLmodel"),
        ],
        "prompts": [_get(f"{two}/registered-models/search", filter="tags.`mlflow.prompt.is_prompt` = 'true'")],
        "a note": [
            ("POST", f"{two}/runs/set-tag", {"run_id": run, "key": "mlflow.note.content", "value": "größer"}),
            ("POST", f"{two}/upload-artifact?{urlencode({'run_uuid': run, 'path': 'images/note.txt'})}", "a picture"),
        ],
        "a new experiment": [("POST", f"{two}/experiments/create", {"name": f"of a page, {model}"})],
    }


def _get(path: str, /, **query: str) -> Request:
    return "GET", f"{path}?{urlencode(query)}", None
