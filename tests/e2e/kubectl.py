"""``kubectl`` as the tests use it: run it, read objects, wait for them, and say what is wrong with pods."""

from __future__ import annotations

import base64
import json
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import attrs

Manifest: TypeAlias = dict[str, Any]


class CommandFailed(AssertionError):
    """A command that should have succeeded did not; the message holds what it wrote."""


def attempt(*arguments: str, stdin: str | None = None, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Run kubectl and return how it ended, whatever that is."""
    return subprocess.run(
        ["kubectl", *arguments], input=stdin, capture_output=True, text=True, timeout=timeout, check=False
    )


def kubectl(*arguments: str, stdin: str | None = None, timeout: float = 120) -> str:
    """Run kubectl, which must succeed, and return its standard output."""
    return _checked(attempt(*arguments, stdin=stdin, timeout=timeout)).stdout


def apply(*files: Path) -> list[str]:
    """Create or change the objects of files, without a warning of the API server; return what kubectl says of each."""
    return _apply([argument for file in files for argument in ("-f", str(file))], None)


def apply_manifests(manifests: Iterable[Manifest]) -> list[str]:
    """Create or change objects, without a warning of the API server; return what kubectl says of each."""
    return _apply(["-f", "-"], json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)}))


def _apply(files: list[str], stdin: str | None) -> list[str]:
    done = _checked(attempt("apply", *files, stdin=stdin))
    assert done.stderr == "", done.stderr
    return done.stdout.splitlines()


def _checked(done: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    if done.returncode != 0:
        shown = " ".join(argument if len(argument) < 100 else f"{argument[:40]}..." for argument in done.args)
        message = f"{shown}: status {done.returncode}\n{done.stdout}\n{done.stderr}"
        raise CommandFailed(message)
    return done


def objects(kind: str, namespace: str, selector: str = "") -> list[Manifest]:
    """Return all objects of a kind, or of several ("pods,services")."""
    found = kubectl("-n", namespace, "get", kind, "--selector", selector, "--ignore-not-found", "-o", "json")
    items: list[Manifest] = json.loads(found)["items"] if found else []
    return items


def get(kind: str, name: str, namespace: str) -> Manifest:
    """Return one object."""
    found: Manifest = json.loads(kubectl("-n", namespace, "get", kind, name, "-o", "json"))
    return found


def secret_value(namespace: str, name: str, key: str) -> str:
    """Return a value of a Secret."""
    return base64.b64decode(get("secret", name, namespace)["data"][key]).decode()


def wait_until(what: str, condition: Callable[[], object], timeout: float = 60) -> None:
    """Ask again until the condition holds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"after {timeout:.0f} s not yet: {what}"
        time.sleep(0.5)


@attrs.frozen
class Pod:
    """One pod, by name."""

    namespace: str
    name: str

    def execute(self, *command: str, timeout: float = 300) -> str:
        """Run a command in the pod's first container and return its output."""
        return kubectl(*self._exec(), *command, timeout=timeout)

    def attempt(self, *command: str, container: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command in the pod and return how it ended."""
        return attempt(*self._exec(container), *command)

    def start(self, *command: str, container: str = "") -> subprocess.Popen[str]:
        """Start a command in the pod and go on."""
        return subprocess.Popen(
            ["kubectl", *self._exec(container), *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def status(self) -> Manifest:
        """Return what Kubernetes says about the pod."""
        status: Manifest = get("pod", self.name, self.namespace)["status"]
        return status

    def logs(self) -> str:
        """Return the logs of all containers, init containers too."""
        return kubectl("-n", self.namespace, "logs", self.name, "--all-containers", "--prefix")

    def _exec(self, container: str = "") -> list[str]:
        return ["-n", self.namespace, "exec", self.name, *(["-c", container] if container else []), "--"]


def last_answer(name: str, output: str) -> Any:
    """Return what a program printed last, as JSON."""
    try:
        return json.loads(output.splitlines()[-1])
    except (IndexError, ValueError):
        message = f"{name} printed no JSON but: {output}"
        raise CommandFailed(message) from None


def pods(namespace: str, selector: str = "") -> list[Pod]:
    """Return the pods that are not on their way out."""
    found = objects("pods", namespace, selector)
    return [Pod(namespace, pod["metadata"]["name"]) for pod in found if "deletionTimestamp" not in pod["metadata"]]


def wait_for_pods(namespace: str, *names: str, timeout: float = 300) -> None:
    """Wait until pods are ready."""
    kubectl(
        *("-n", namespace, "wait", "--for=condition=Ready", f"--timeout={timeout:.0f}s"),
        *(f"pod/{name}" for name in names),
        timeout=timeout + 10,
    )


def container_statuses(pod: Pod) -> list[Manifest]:
    """Return the state of each container, init containers first."""
    status = pod.status()
    return [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]


def diagnosis(namespaces: Iterable[str]) -> str:
    """Return the state of all pods, and events and logs of those that are not well."""
    return "\n".join(line for namespace in namespaces for line in _diagnosis(namespace))


def _diagnosis(namespace: str) -> Iterator[str]:
    listed = attempt("-n", namespace, "get", "pods", "-o", "json")
    if listed.returncode != 0:
        yield f"--- {namespace}: {listed.stderr.strip()}"
        return
    yield f"--- {namespace}\n{attempt('-n', namespace, 'get', 'pods', '-o', 'wide').stdout}"
    for pod in json.loads(listed.stdout)["items"]:
        if not _is_well(pod):
            name = pod["metadata"]["name"]
            yield f"--- {namespace}/{name}: events"
            yield attempt("-n", namespace, "events", "--for", f"pod/{name}").stdout
            yield f"--- {namespace}/{name}: logs"
            yield attempt("-n", namespace, "logs", name, "--all-containers", "--prefix", "--tail=40").stdout


def _is_well(pod: Manifest) -> bool:
    status = pod["status"]
    states = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    calm = not any(state["restartCount"] for state in states)
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", []))
    return calm and (ready or status["phase"] == "Succeeded")
