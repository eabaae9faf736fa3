"""What a pod gets from an address: a status and a text, or nothing."""

from __future__ import annotations

import json
from typing import Any

from e2e.installation import Installation
from e2e.kubectl import Pod, attempt, get, kubectl

_ASK = """
import json, ssl, sys, urllib.error, urllib.request
answers = []
for url in sys.argv[1:]:
    try:
        with urllib.request.urlopen(url, timeout=5, context=ssl._create_unverified_context()) as answer:
            answers.append([answer.status, answer.read().decode()])
    except urllib.error.HTTPError as error:
        answers.append([error.code, ""])
    except OSError as error:
        answers.append([0, str(error)])
print(json.dumps(answers))
"""


def ask(pod: Pod, *urls: str) -> list[tuple[int, str]]:
    """Return the answers to a pod; status 0 means that it was not let in."""
    found: list[Any] = json.loads(pod.execute("python", "-c", _ASK, *urls))
    return [(status, text) for status, text in found]


def address(installation: Installation) -> str:
    """Return the address of the only server pod."""
    [pod] = installation.pods()
    ip: str = get("pod", pod.name, pod.namespace)["status"]["podIP"]
    return ip


def samples(text: str) -> dict[str, float]:
    """Return what Prometheus would read, by the series."""
    lines = (line.rpartition(" ") for line in text.splitlines() if line and line[0] != "#")
    return {name: float(value) for name, _, value in lines}


def run_job(installation: Installation, cron_job: str, name: str, *, passes: bool, timeout: int = 240) -> str:
    """Start a CronJob by hand, as the docs say, wait for its end, and return what it says."""
    namespace = ("-n", installation.namespace)
    attempt(*namespace, "delete", "job", name, "--ignore-not-found")
    kubectl(*namespace, "create", "job", f"--from=cronjob/{installation.name}-{cron_job}", name)
    condition = "complete" if passes else "failed"
    done = attempt(
        *namespace,
        "wait",
        f"--for=condition={condition}",
        f"job/{name}",
        f"--timeout={timeout}s",
        timeout=timeout + 10,
    )
    logs = attempt(*namespace, "logs", f"job/{name}", "--all-containers", "--tail=-1").stdout
    assert done.returncode == 0, f"{name} is not {condition}: {logs}\n{installation.diagnosis()}"
    return logs
