"""The programs of client/, and Jobs made of CronJobs, as a person starts them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from e2e.environments import program
from e2e.kubectl import Manifest, Pod, attempt, get, kubectl, last_answer


def source(name: str) -> str:
    """Return the source of a program of client/."""
    return program(name, Path(__file__).parent)


def run(pod: Pod, name: str, *arguments: str, timeout: float = 900) -> Any:
    """Run a program of client/ in a pod, and return what it printed last, as JSON."""
    output = pod.execute("python", "-c", source(name), *arguments, timeout=timeout)
    return last_answer(f"{name}.py", output)


def start_job(namespace: str, cron_job: str, name: str, **variables: str) -> None:
    """Start a CronJob by hand; with variables as the documentation says."""
    create = ("-n", namespace, "create", "job", name, f"--from=cronjob/{cron_job}")
    if not variables:
        kubectl(*create)
        return
    made = kubectl(*create, "--dry-run=client", "-o", "yaml")
    settings = [f"{key}={value}" for key, value in variables.items()]
    changed = kubectl("set", "env", "--local", "-f", "-", "-o", "yaml", "-c", "fetch", *settings, stdin=made)
    kubectl("-n", namespace, "apply", "-f", "-", stdin=changed)


def ended_job(namespace: str, name: str, timeout: float = 900) -> tuple[bool, str]:
    """Wait until a Job has ended; return whether well, and what its pods have said."""
    deadline = time.monotonic() + timeout
    while True:
        conditions: list[Manifest] = get("job", name, namespace)["status"].get("conditions", [])
        ended = [item["type"] for item in conditions if item["status"] == "True"]
        if {"Complete", "Failed"} & set(ended):
            logs = ("logs", "-l", f"batch.kubernetes.io/job-name={name}", "--all-containers", "--prefix", "--tail=-1")
            said = attempt("-n", namespace, *logs).stdout
            # The node may still be writing what a container has said last.
            if said or time.monotonic() > deadline:
                return "Complete" in ended, said
        assert time.monotonic() < deadline, f"{name} has not ended: {kubectl('-n', namespace, 'get', 'pods')}"
        time.sleep(1)
