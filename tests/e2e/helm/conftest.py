"""A namespace as releases of Helm have one, a database, and the charts.

The charts are other people's and are not in this repository: MLFLOW_E2E_CHARTS names a folder with ``larribas``,
``community`` and ``official``. Helm is found in PATH, or as HELM says.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from e2e.kubectl import Manifest, Pod, apply_manifests, kubectl, wait_for_pods
from e2e.manifests import OURS, delete_namespaces, postgresql, python_pod
from e2e.room import MADE

NAMESPACE = "helm-take-over"
PASSWORDS = {"larribas": "since-2020", "community": "since-2022"}


def served(manifests: list[Manifest]) -> list[Manifest]:
    """Return manifests whose containers get their turn on a busy node: what is measured here is a take-over."""
    for manifest in manifests:
        spec = manifest.get("spec", {})
        for container in spec.get("template", {}).get("spec", spec).get("containers", []):
            container["resources"] = container.get("resources", {}) | {"requests": {"cpu": "20m"}}
    return manifests


@attrs.frozen
class Helm:
    """Helm, with the charts."""

    binary: str
    charts: Path

    def run(self, *arguments: str) -> str:
        """Run it in the namespace; it must succeed."""
        command = [self.binary, *arguments, "-n", NAMESPACE]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
        assert done.returncode == 0, f"{arguments[:2]}: {done.stdout}{done.stderr}"
        return done.stdout

    def install(self, chart: str, values: Path) -> None:
        """Install a release that is called like its chart, and wait for it."""
        self.run("install", chart, str(self.charts / chart), "-f", str(values), "--wait", "--timeout", "8m")

    def releases(self) -> list[str]:
        """Return the releases that it knows."""
        return self.run("list", "-q").split()


@pytest.fixture(scope="session")
def helm() -> Helm:
    """Find Helm and the charts, which are no part of this repository."""
    found = os.environ.get("HELM") or shutil.which("helm")
    if not found:
        pytest.skip("there is no helm; go install helm.sh/helm/v3/cmd/helm@v3.19.5, and say HELM=.../helm")
    if "MLFLOW_E2E_CHARTS" not in os.environ:
        pytest.skip("MLFLOW_E2E_CHARTS names no folder with the charts")
    return Helm(found, Path(os.environ["MLFLOW_E2E_CHARTS"]))


@pytest.fixture(scope="session")
def room(request: pytest.FixtureRequest) -> Iterator[str]:
    """Make a namespace that lets in what the charts make: larribas' pods are root's."""
    delete_namespaces([NAMESPACE])
    labels = {OURS: "tests-e2e"}
    apply_manifests([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}])
    kubectl("-n", NAMESPACE, "wait", "--for=create", "serviceaccount/default", "--timeout=60s")
    apply_manifests(served([python_pod(NAMESPACE, "client")]))
    MADE.append(NAMESPACE)
    wait_for_pods(NAMESPACE, "client", timeout=300)
    yield NAMESPACE
    if not request.config.getoption("--keep", default=False):
        delete_namespaces([NAMESPACE])


@pytest.fixture(scope="session")
def databases(room: str) -> None:
    """Start a PostgreSQL with a database for each chart that wants one."""
    apply_manifests(served(postgresql(room, PASSWORDS)))
    wait_for_pods(room, "postgresql", timeout=500)


@pytest.fixture(scope="session")
def client(room: str) -> Pod:
    """Give the pod that the requests come from."""
    return Pod(room, "client")
