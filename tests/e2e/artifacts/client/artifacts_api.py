"""Ask a server of artifacts only for everything by its REST API: ``artifacts_api.py URI`` prints the answers."""

import json
import sys
from typing import Any

import requests

FILE = "folder/note%201.txt"


def ask(method: str, path: str, **options: Any) -> requests.Response:
    """Send one request."""
    return requests.request(method, f"{sys.argv[1]}/api/2.0/{path}", timeout=30, **options)


if __name__ == "__main__":
    file, folder = f"mlflow-artifacts/artifacts/{FILE}", {"path": "folder"}
    result = {
        "put": ask("PUT", file, data=b"hello").status_code,
        "list": ask("GET", "mlflow-artifacts/artifacts", params=folder).json(),
        "get": ask("GET", file).text,
        "delete": ask("DELETE", file).status_code,
        "empty": ask("GET", "mlflow-artifacts/artifacts", params=folder).json(),
        "experiments": ask("POST", "mlflow/experiments/search", json={"max_results": 1}).status_code,
        "models": ask("GET", "mlflow/registered-models/search").status_code,
        "default experiment": ask("GET", "mlflow/experiments/get", params={"experiment_id": "0"}).status_code,
    }
    print(json.dumps(result))  # noqa: T201 - the answer
