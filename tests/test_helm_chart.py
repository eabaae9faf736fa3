"""One environment as a Helm chart: what Helm makes of it is what the plain synth writes."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from programs_of_users import ROOT, synth

from cdk8s_mlflow import helm_templates

PROGRAM = """
from cdk8s import App, Chart
from cdk8s_mlflow import Alerts, Dashboard, Environment, Metrics, Mlflow, MlflowProps, SmokeTest, synthesize

HARD = {"example.com/a": "{{ .Values.a }}", "example.com/b": "{{{ \\"b\\": 'c' }}}", "example.com/c": "d\\n{{- e\\n}}"}
WATCHED = MlflowProps(
    metrics=Metrics(alerts=Alerts(), dashboard=Dashboard()),
    smoke_test=SmokeTest(),
    pod_annotations=HARD | {"example.com/d": "word " * 30 + "{{ word }} " + "word " * 30, "example.com/e": "{{`f`}}"},
)
"""
TABLE = """
synthesize([
    Environment(name="watched", namespace="helm-chart", mlflow=WATCHED),
    Environment(name="other", namespace="other"),
])
"""
OWN = """
app = App()
Mlflow(Chart(app, "watched", namespace="helm-chart"), "mlflow", WATCHED)
app.synth()
"""
FORMAT = ("--format", "helm", "--chart-version", "1.2.3")


def app(folder: Path, table: str = TABLE) -> Path:
    """Write an app with this repository's cdk8s.yaml."""
    folder.mkdir()
    (folder / "main.py").write_text(PROGRAM + table, encoding="utf-8")
    shutil.copy(ROOT / "cdk8s.yaml", folder / "cdk8s.yaml")
    return folder


@pytest.fixture(scope="module", params=["table", "own"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with ``plain/`` and ``chart/``, of an app with a table and of one with a chart of its own."""
    written = app(tmp_path_factory.mktemp("helm") / "mlflow", TABLE if request.param == "table" else OWN)
    for flags in (("-o", "plain"), ("-o", "chart", *FORMAT)):
        done = synth(written, *flags, CDK8S_MLFLOW_ENVIRONMENT="watched")
        assert done.returncode == 0, done.stdout + done.stderr
    return written


def objects(text: str) -> dict[tuple[str, str], object]:
    """Return objects by kind and name: Helm has an order of its own."""
    found = [item for item in yaml.safe_load_all(text) if item]
    return {(item["kind"], item["metadata"]["name"]): item for item in found}


def plain(folder: Path) -> dict[tuple[str, str], object]:
    """Return what the plain synth wrote."""
    [file] = (folder / "plain").iterdir()
    return objects(file.read_text(encoding="utf-8"))


def helm(*arguments: str | Path) -> str:
    """Run Helm, which must succeed."""
    found = os.environ.get("HELM") or shutil.which("helm")
    if not found:
        pytest.skip("there is no helm; go install helm.sh/helm/v3/cmd/helm@v3.19.5, and say HELM=.../helm")
    done = subprocess.run([found, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_chart_holds_one_environment_and_no_definition(folder: Path) -> None:
    """Our reduced schemas in ``crds/`` would be installed in place of the real ones."""
    files = {str(file.relative_to(folder / "chart")) for file in (folder / "chart").rglob("*") if file.is_file()}
    assert files == {"Chart.yaml", "README.md", "templates/watched.k8s.yaml"}


def test_the_template_is_the_plain_file_but_for_braces(folder: Path) -> None:
    """Dashboard, alerts and annotations have the braces that Helm would read."""
    text = (folder / "chart" / "templates" / "watched.k8s.yaml").read_text(encoding="utf-8")
    assert text.count("{{`{{`}}") > 10
    assert objects(text.replace("{{`{{`}}", "{{")) == plain(folder)


def test_helm_writes_the_plain_objects(folder: Path) -> None:
    """With Helm itself."""
    helm("lint", "--strict", folder / "chart")
    assert objects(helm("template", "mlflow", folder / "chart", "--namespace", "helm-chart")) == plain(folder)


@given(st.text(alphabet="{}`\" \n-'a"))
def test_braces_are_the_only_thing_that_changes(text: str) -> None:
    """Nothing of a text is left for Helm to read but what we wrote around its braces."""
    written = helm_templates.literal({"a": [text]})["a"][0]
    assert written.replace("{{`{{`}}", "{{") == text
    assert written.count("{{") == 2 * text.count("{{")


def test_the_variable_chooses_in_a_plain_synth_too(tmp_path: Path) -> None:
    """One file is written."""
    folder = app(tmp_path / "app")
    assert synth(folder, CDK8S_MLFLOW_ENVIRONMENT="other").returncode == 0
    assert [file.name for file in (folder / "dist").iterdir()] == ["other.k8s.yaml"]


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ("", "a Helm chart holds one environment (got watched, other); name it in this variable"),
        ("watch", "must name an environment of the table (got 'watch'); write one of watched, other"),
    ],
)
def test_rejects_a_chart_of_no_environment(tmp_path: Path, chosen: str, message: str) -> None:
    """It would install one over the other."""
    done = synth(app(tmp_path / "app"), *FORMAT, CDK8S_MLFLOW_ENVIRONMENT=chosen)
    assert done.returncode == 1
    assert f"CDK8S_MLFLOW_ENVIRONMENT: {message}" in done.stderr
    assert "Traceback" not in done.stderr
