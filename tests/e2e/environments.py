"""The environments of ``main.py`` as ``cdk8s synth`` writes them, and how they came up."""

from __future__ import annotations

import base64
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import quote

import attrs
import yaml

from .kubectl import Manifest, Pod, apply, container_statuses, kubectl, last_answer, objects, pods

ROOT = Path(__file__).parents[2]
RELEASE = "app.kubernetes.io/instance=mlflow"
SERVERS = f"{RELEASE},app.kubernetes.io/component=server"
ADMIN_PASSWORD = "a/d@m:i%n?41#&$x"
PROCESSES = "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"
"""Prints the arguments of every process."""


@attrs.frozen
class Environment:
    """One synthesized file."""

    name: str
    file: Path
    manifests: tuple[Manifest, ...] = attrs.field(repr=False)

    @property
    def namespace(self) -> str:
        """The namespace that every object names."""
        [namespace] = {manifest["metadata"]["namespace"] for manifest in self.manifests}
        return str(namespace)

    @property
    def uri(self) -> str:
        """The tracking URI inside the cluster, with the administrator's credentials where there is a login."""
        name = self.variable("MLFLOW_AUTH_ADMIN_USERNAME")
        login = f"{name}:{quote(ADMIN_PASSWORD, safe='')}@" if name else ""
        return f"http://{login}{self.hosts[-1]}:5000"

    @property
    def authorization(self) -> dict[str, str]:
        """The header that a request needs where there is a login."""
        name = self.variable("MLFLOW_AUTH_ADMIN_USERNAME")
        login = base64.b64encode(f"{name}:{ADMIN_PASSWORD}".encode()).decode()
        return {"Authorization": f"Basic {login}"} if name else {}

    @property
    def hosts(self) -> list[str]:
        """The Service's DNS names for a client in another namespace."""
        return [f"mlflow.{self.namespace}{suffix}" for suffix in ("", ".svc", ".svc.cluster.local")]

    @property
    def url(self) -> str:
        """The public URL."""
        spec = self.one("Ingress")["spec"]
        return f"{'https' if 'tls' in spec else 'http'}://{spec['rules'][0]['host']}"

    def all(self, kind: str) -> list[Manifest]:
        """Return the objects of a kind."""
        return [manifest for manifest in self.manifests if manifest["kind"] == kind]

    def one(self, kind: str) -> Manifest:
        """Return the only object of a kind."""
        [manifest] = self.all(kind)
        return manifest

    def variable(self, name: str) -> str | None:
        """Return the value of a variable in the server's environment, if it stands in the manifest."""
        [container] = self.one("Deployment")["spec"]["template"]["spec"]["containers"]
        return next((str(entry["value"]) for entry in container["env"] if entry["name"] == name), None)

    def servers(self) -> list[Pod]:
        """Return the server's pods."""
        return pods(self.namespace, SERVERS)

    def secrets(self) -> dict[str, dict[str, str]]:
        """Return the values of all Secrets in the namespace."""
        return {
            found["metadata"]["name"]: {
                key: base64.b64decode(value).decode() for key, value in found.get("data", {}).items()
            }
            for found in objects("secrets", self.namespace)
        }

    def wait(self, timeout: float = 300) -> None:
        """Wait until the rollout is complete."""
        limit = f"--timeout={timeout:.0f}s"
        kubectl("-n", self.namespace, "rollout", "status", "deployment/mlflow", limit, timeout=timeout + 10)


def synthesize(folder: Path) -> dict[str, Environment]:
    """Run the real ``cdk8s synth`` and read what it wrote."""
    programs = Path(sys.executable).parent
    settings = {"PATH": f"{programs}:{os.environ['PATH']}", "CDK8S_CHECK_UPGRADE": "false"}
    command = ["node", "--no-deprecation", "node_modules/cdk8s-cli/bin/cdk8s", "synth", "--output", str(folder)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={"JSII_NODE": str(programs / "node"), **os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"cdk8s synth: {done.stdout}{done.stderr}"
    files = {file.name.removesuffix(".k8s.yaml"): file for file in sorted(folder.glob("*.k8s.yaml"))}
    return {
        name: Environment(name, file, tuple(yaml.safe_load_all(file.read_text(encoding="utf-8"))))
        for name, file in files.items()
    }


@attrs.frozen
class Start:
    """How an environment's pods came up on empty stores."""

    statuses: dict[str, list[Manifest]]
    """The containers' states by pod, once all were ready."""
    logs: dict[str, str]
    """The logs by pod."""
    migration_processes: dict[str, str]
    """The arguments of the processes seen in each pod's migration."""


def start(environments: Sequence[Environment]) -> dict[str, Start]:
    """Apply all environments at once, watch their migrations, and wait until they are ready."""
    apply(*(environment.file for environment in environments))
    ended = Event()
    with ThreadPoolExecutor(16) as pool:
        try:
            watched = {e.name: _watch(e, pool, ended) for e in environments}
            for environment in environments:
                environment.wait()
        finally:
            ended.set()
    return {
        e.name: Start(
            statuses={pod.name: container_statuses(pod) for pod in pods(e.namespace, RELEASE)},
            logs={pod.name: pod.logs() for pod in pods(e.namespace, RELEASE)},
            migration_processes={pod: seen.result() for pod, seen in watched[e.name].items()},
        )
        for e in environments
    }


def _watch(environment: Environment, pool: ThreadPoolExecutor, ended: Event) -> dict[str, Future[str]]:
    replicas = environment.one("Deployment")["spec"]["replicas"]
    deadline = time.monotonic() + 30
    while len(servers := environment.servers()) < replicas:
        assert time.monotonic() < deadline, f"{environment.name}: no {replicas} pods were made"
        time.sleep(0.2)
    return {pod.name: pool.submit(_migration_processes, pod, ended) for pod in servers}


def _migration_processes(pod: Pod, ended: Event) -> str:
    """Look at the processes of the migration again and again, from its start until it ends and the command with it."""
    seen = ""
    while not seen and not ended.wait(0.3):
        seen = pod.attempt("sh", "-c", f"while {PROCESSES}; do sleep 0.5; done", container="migrate").stdout
    return seen


def program(name: str, folder: Path = Path(__file__).parent) -> str:
    """Return the source of a program of a folder's client/."""
    return folder.joinpath("client", f"{name}.py").read_text(encoding="utf-8")


def deletion_command() -> list[str]:
    """Return what the README gives in place of ``helm delete``, without the namespace."""
    text = ROOT.joinpath("README.md").read_text(encoding="utf-8").replace("\\\n", " ")
    [found] = re.findall(r"^\$ kubectl -n NS (delete +deployment,.*)$", text, re.MULTILINE)
    return shlex.split(found)


def run(pod: Pod, name: str, *arguments: str, timeout: float = 300) -> Any:
    """Run a program of client/ in a pod and return what it printed last, as JSON."""
    output = pod.execute("python", "-c", program(name), *arguments, timeout=timeout)
    return last_answer(f"{name}.py", output)
