"""Releases of ours: their manifests made in process, applied, watched while they start, and removed."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import attrs
from e2e.environments import PROCESSES
from e2e.kubectl import Manifest, Pod, apply_manifests, attempt, container_statuses, diagnosis, kubectl, objects, pods
from e2e.manifests import secret

from cdk8s_mlflow import ArtifactUri, ExistingSecret, MlflowProps
from cdk8s_mlflow.manifests import define_manifests
from cdk8s_mlflow.plan import plan

KEYS = "mlflow-keys"
WORKLOADS = {"Deployment", "Job", "CronJob"}


def keys(namespace: str) -> Manifest:
    """Return a Secret with the encryption keys of all releases, so that no Job has to make them."""
    return secret(namespace, KEYS, {"kek": "a passphrase", "webhook": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="})


def release(namespace: str, name: str, props: MlflowProps) -> Installation:
    """Return a release that has artifacts nowhere, unless the props say where."""
    complete = attrs.evolve(
        props,
        crypto_kek_passphrase=ExistingSecret(KEYS, "kek"),
        webhook_secret_encryption_key=ExistingSecret(KEYS, "webhook"),
        artifact_store=props.artifact_store or ArtifactUri(uri="s3://unused/artifacts", egress=[]),
    )
    return Installation(namespace, name, complete)


@attrs.frozen
class Installation:
    """A release by its name, and the props that it has."""

    namespace: str
    name: str
    props: MlflowProps = attrs.field(repr=False)
    cpu: str = "2m"
    """What each container requests: its share of a busy node."""

    @property
    def uri(self) -> str:
        """The tracking URI in the cluster."""
        return f"http://{self.name}.{self.namespace}:5000"

    @property
    def selector(self) -> str:
        """Finds every object of the release."""
        return f"app.kubernetes.io/instance={self.name}"

    def manifests(self) -> list[Manifest]:
        """Return its objects."""
        found = define_manifests(plan(self.props, name=self.name, namespace=self.namespace))
        for manifest in found:
            manifest["metadata"]["namespace"] = self.namespace
            # A node of two cores is promised away by a few pods; these wait for a database most of the time.
            for container in _containers(manifest):
                container["resources"]["requests"] = {"cpu": self.cpu, "memory": "16Mi"}
        return found

    def apply(self) -> list[str]:
        """Create or change its objects; return what kubectl says of each."""
        return apply_manifests(self.manifests())

    def assert_no_difference(self) -> None:
        """Check that what the API server has kept is what was written."""
        items = json.dumps({"apiVersion": "v1", "kind": "List", "items": self.manifests()})
        done = attempt("diff", "-f", "-", stdin=items)
        assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr

    def delete(self) -> None:
        """Delete its workloads, at once."""
        kubectl(
            "-n",
            self.namespace,
            "delete",
            "deployment,cronjob,job",
            "-l",
            self.selector,
            "--cascade=foreground",
            "--wait=false",
        )
        kubectl("-n", self.namespace, "delete", "pods", "-l", self.selector, "--grace-period=1", "--wait=false")

    def pods(self) -> list[Pod]:
        """Return the server's pods that are not on their way out."""
        return pods(self.namespace, f"{self.selector},app.kubernetes.io/component=server")

    def wait(self, timeout: float = 600) -> None:
        """Wait until every replica is ready."""
        limit = f"--timeout={timeout:.0f}s"
        done = attempt(
            "-n", self.namespace, "rollout", "status", f"deployment/{self.name}", limit, timeout=timeout + 10
        )
        assert done.returncode == 0, f"{self.name} is not ready: {done.stdout}{done.stderr}\n{self.diagnosis()}"

    def restarts(self) -> dict[str, int]:
        """Return how often each container was started again, by pod and container."""
        return {
            f"{pod.name}/{state['name']}": state["restartCount"]
            for pod in self.pods()
            for state in container_statuses(pod)
        }

    def assert_calm(self) -> None:
        """Check that no container was ever started again."""
        assert not any(self.restarts().values()), f"{self.restarts()}\n{self.diagnosis()}"

    def logs(self, container: str | None = None) -> str:
        """Return what the server's pods say, or one of their containers."""
        flags = ["-c", container] if container else ["--all-containers"]
        return "".join(kubectl("-n", self.namespace, "logs", pod.name, "--prefix", *flags) for pod in self.pods())

    def last_words(self, timeout: float = 240) -> list[str]:
        """Wait until the migrating container has failed and return the lines that it wrote."""
        deadline = time.monotonic() + timeout
        while True:
            for pod in self.pods():
                if lines := _lines_of_failure(pod):
                    return lines
            assert time.monotonic() < deadline, f"{self.name}: its migration has not failed\n{self.diagnosis()}"
            time.sleep(0.5)

    def diagnosis(self) -> str:
        """Return the state of its pods, and what they say."""
        shown = attempt("-n", self.namespace, "get", "pods", "-l", self.selector, "-o", "wide").stdout
        for pod in self.pods():
            shown += attempt("-n", self.namespace, "events", "--for", f"pod/{pod.name}").stdout
            for flags in ([], ["--previous", "-c", "migrate"], ["--previous", "-c", "mlflow"]):
                every = flags or ["--all-containers"]
                shown += attempt("-n", self.namespace, "logs", pod.name, "--prefix", "--tail=60", *every).stdout
        return shown


def _containers(manifest: Manifest) -> Iterator[Manifest]:
    owner = manifest["spec"].get("jobTemplate", manifest) if manifest["kind"] in WORKLOADS else {}
    spec = owner.get("spec", {}).get("template", {}).get("spec", {})
    yield from spec.get("initContainers", [])
    yield from spec.get("containers", [])


def _lines_of_failure(pod: Pod) -> list[str]:
    for state in container_statuses(pod):
        ended = state["state"].get("terminated") or state["lastState"].get("terminated")
        if state["name"] == "migrate" and ended and ended["exitCode"]:
            # The container that has ended, by its own identity: the next one may start meanwhile.
            identity = ended["containerID"]
            again = [] if identity == state["containerID"] and "terminated" in state["state"] else ["--previous"]
            lines = kubectl("-n", pod.namespace, "logs", pod.name, "-c", "migrate", *again).splitlines()
            now = next(item for item in container_statuses(pod) if item["name"] == "migrate")
            if now["restartCount"] == state["restartCount"]:
                return lines
    return []


@contextmanager
def applied(*releases: Installation) -> Iterator[None]:
    """Apply releases, and delete their workloads at the end."""
    try:
        for item in releases:
            item.apply()
        yield
    finally:
        for item in releases:
            item.delete()


@contextmanager
def watched(releases: Iterable[Installation]) -> Iterator[Mapping[str, str]]:
    """Look at the arguments of all processes of the releases' migrations until the end of the block.

    Yields what was seen by the release's name, filled at the end.
    """
    ended, seen = Event(), dict[str, str]()
    with ThreadPoolExecutor(16) as pool:
        looks = {item.name: pool.submit(_arguments_of_migrations, item, ended) for item in releases}
        try:
            yield seen
        finally:
            ended.set()
            seen |= {name: look.result() for name, look in looks.items()}


def _arguments_of_migrations(installation: Installation, ended: Event) -> str:
    found = ""
    while not found and not ended.wait(0.3):
        for pod in installation.pods():
            # Ends with the container, or when the container is about to: kubectl would keep the test waiting.
            look = f"for i in $(seq 100); do {PROCESSES}; sleep 0.2; done"
            found += pod.attempt("sh", "-c", look, container="migrate").stdout
    return found


def use(client: Pod, *releases: Installation) -> dict[str, dict[str, Any]]:
    """Log a run and a model to each release and return what it then answers, by the release's name."""
    program = Path(__file__).parent.joinpath("client", "runs.py").read_text(encoding="utf-8")
    output = client.execute("python", "-c", program, *(item.uri for item in releases))
    answers = json.loads(output.splitlines()[-1])
    return {item.name: answers[item.uri] for item in releases}


USED = {
    "status": "FINISHED",
    "params": {"größe": "漢 % '\""},
    "loss": [1, 1 / 2, 1 / 3],
    "models": [{"team": "e2e"}],
    "default experiments": 1,
}
"""What a release that works answers."""


def all_objects(namespace: str) -> list[Manifest]:
    """Return every object of a namespace but Secrets."""
    return objects(",".join(_kinds()), namespace)


@functools.cache
def _kinds() -> list[str]:
    resources = kubectl("api-resources", "--namespaced", "--verbs=list", "-o", "name").split()
    return [name for name in resources if name not in {"secrets", "endpoints"} and "metrics.k8s.io" not in name]


def show(releases: Iterable[Installation]) -> str:
    """Return the state of the pods of releases."""
    return diagnosis({item.namespace for item in releases})
