"""Submit jobs to a server, wait for their end, and say where each ran: ``jobs.py URI COUNT SECONDS [NO_WAIT]``."""

import json
import os
import sys
import time
import uuid

import mlflow  # type: ignore[import-not-found, unused-ignore]
import requests

if __name__ == "__main__":
    uri, count, seconds, *no_wait = sys.argv[1:]
    login = (os.environ["MLFLOW_TRACKING_USERNAME"], os.environ["MLFLOW_TRACKING_PASSWORD"])
    client = mlflow.MlflowClient(uri)
    experiment = client.create_experiment(f"jobs-{uuid.uuid4().hex[:8]}")
    submitted = {}
    for number in range(int(count)):
        params = {"experiment": experiment, "note": str(number), "seconds": float(seconds)}
        answer = requests.post(
            f"{uri}/ajax-api/3.0/jobs/", json={"job_name": "wait", "params": params}, auth=login, timeout=120
        )
        answer.raise_for_status()
        submitted[str(number)] = answer.json()["job_id"]
    deadline = time.monotonic() + (0 if no_wait else 900)
    while True:
        found = {
            note: requests.get(f"{uri}/ajax-api/3.0/jobs/{job}", auth=login, timeout=120).json()
            for note, job in submitted.items()
        }
        if time.monotonic() > deadline or all(job["status"] not in {"PENDING", "RUNNING"} for job in found.values()):
            break
        time.sleep(2)
    runs = [run.data.tags for run in client.search_runs([experiment])]
    print(  # noqa: T201 - the answer
        json.dumps(
            {
                "experiment": experiment,
                "jobs": submitted,
                "statuses": sorted(job["status"] for job in found.values()),
                "notes": sorted(tags["note"] for tags in runs),
                "pods": sorted(tags["pod"] for tags in runs),
            }
        )
    )
