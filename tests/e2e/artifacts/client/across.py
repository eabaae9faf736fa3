"""Put a file through one server and fetch it through another, both ways: ``across.py URI URI`` prints what came."""

import json
import sys

import requests

if __name__ == "__main__":
    found = {}
    for writer, reader in (sys.argv[1:], sys.argv[:0:-1]):
        path = f"api/2.0/mlflow-artifacts/artifacts/across/{abs(hash(writer))}.txt"
        requests.put(f"{writer}/{path}", data=writer.encode(), timeout=30).raise_for_status()
        answer = requests.get(f"{reader}/{path}", timeout=30)
        found[f"{writer} {reader}"] = answer.text
    print(json.dumps(found))  # noqa: T201 - the answer
