"""One environment as a Helm chart of ours: installed, upgraded and uninstalled by Helm."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from e2e.kubectl import Manifest, attempt, get, kubectl, objects, wait_until
from e2e.room import own_namespace
from programs_of_users import ROOT, synth

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

NAMESPACE = "helm-chart"
PROGRAM = """
from cdk8s_mlflow import Alerts, Dashboard, Environment, Metrics, MlflowProps, synthesize

WATCHED = MlflowProps(
    metrics=Metrics({monitored}dashboard=Dashboard()),
    resources={{"requests": {{"cpu": "20m", "memory": "256Mi"}}}},
    pod_annotations={{"example.com/braces": "{{{{ .Values.{value} }}}}"}},
)
synthesize([
    Environment(name="watched", namespace="helm-chart", mlflow=WATCHED),
    Environment(name="other", namespace="other"),
])
"""
FORMAT = ("--format", "helm", "--chart-version")


@pytest.fixture(scope="module")
def room(request: pytest.FixtureRequest) -> Iterator[str]:
    """Make the namespace of the release."""
    yield from own_namespace(NAMESPACE, request)


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """Return the folder of an app; alerts are in it where the cluster knows them."""
    folder = tmp_path / "mlflow"
    folder.mkdir()
    shutil.copy(ROOT / "cdk8s.yaml", folder / "cdk8s.yaml")
    return folder


def chart(app: Path, version: str, value: str) -> dict[tuple[str, str], Manifest]:
    """Synthesize a chart, and return what a plain synth writes."""
    known = attempt("get", "crd", "prometheusrules.monitoring.coreos.com").returncode == 0
    program = PROGRAM.format(monitored="alerts=Alerts(), " if known else "", value=value)
    (app / "main.py").write_text(program, encoding="utf-8")
    for flags in (("-o", "plain"), ("-o", "chart", *FORMAT, version)):
        done = synth(app, *flags, CDK8S_MLFLOW_ENVIRONMENT="watched")
        assert done.returncode == 0, done.stdout + done.stderr
    text = (app / "plain" / "watched.k8s.yaml").read_text(encoding="utf-8")
    return {(item["kind"], item["metadata"]["name"]): item for item in yaml.safe_load_all(text)}


def helm(*arguments: str | Path) -> str:
    """Run Helm in the namespace; it must succeed."""
    found = os.environ.get("HELM") or shutil.which("helm")
    if not found:
        pytest.skip("there is no helm; go install helm.sh/helm/v3/cmd/helm@v3.19.5, and say HELM=.../helm")
    done = subprocess.run([found, *arguments, "-n", NAMESPACE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def texts(manifests: dict[tuple[str, str], Manifest]) -> dict[tuple[str, str], object]:
    """Return what has braces in it: texts of ConfigMaps, rules, and the annotations of the server's pods."""
    found: dict[tuple[str, str], object] = {}
    for (kind, name), item in manifests.items():
        if kind == "ConfigMap":
            found[kind, name] = item["data"]
        elif kind == "PrometheusRule":
            found[kind, name] = item["spec"]
        elif kind == "Deployment":
            found[kind, name] = item["spec"]["template"]["metadata"]["annotations"]
    return found


def test_helm_installs_upgrades_and_uninstalls(room: str, app: Path) -> None:
    """The cluster holds the plain texts, and what holds data outlives the release."""
    plain = chart(app, "1.0.0", "first")
    helm("install", "mlflow", app / "chart", "--wait", "--wait-for-jobs", "--timeout", "8m")
    assert "{{" in json.dumps(list(texts(plain).values()))
    assert texts({key: get(*key, room) for key in plain}) == texts(plain)
    keys = secrets(room)
    assert set(keys) >= {"mlflow-crypto-kek-passphrase", "mlflow-webhook-encryption-key"}

    changed = chart(app, "1.1.0", "second")
    helm("upgrade", "mlflow", app / "chart", "--wait", "--wait-for-jobs", "--timeout", "8m")
    kubectl("-n", room, "rollout", "status", "deployment/mlflow", "--timeout=1s")
    assert texts({key: get(*key, room) for key in changed}) == texts(changed)
    assert secrets(room) == keys

    helm("uninstall", "mlflow", "--wait")
    wait_until("no pod is left", lambda: not objects("pods", room))
    assert secrets(room) == keys
    assert [claim["metadata"]["name"] for claim in objects("persistentvolumeclaims", room)] == ["mlflow-data"]


def secrets(room: str) -> dict[str, Manifest]:
    """Return what the Secrets hold that Helm does not keep for itself."""
    found = objects("secrets", room)
    return {item["metadata"]["name"]: item["data"] for item in found if not item["type"].startswith("helm.sh/")}
