"""Print the names that the artifact API lists in a folder: ``listing.py URI FOLDER``."""

import json
import sys

import requests

if __name__ == "__main__":
    api = f"{sys.argv[1]}/api/2.0/mlflow-artifacts/artifacts"
    answer = requests.get(api, params={"path": sys.argv[2]}, timeout=30)
    answer.raise_for_status()
    print(json.dumps([item["path"] for item in answer.json().get("files", [])]))  # noqa: T201 - the answer
