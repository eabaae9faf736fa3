"""A small project around a ``main.py``: what ``cdk8s-mlflow new`` writes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml

from cdk8s_mlflow._version import __version__
from cdk8s_mlflow.artifact_store.s3 import S3
from cdk8s_mlflow.backend_store.postgresql import PostgreSQL
from cdk8s_mlflow.environments import Environment, namespace_name
from cdk8s_mlflow.exposure import Ingress, IngressTls
from cdk8s_mlflow.manifests import define_manifests
from cdk8s_mlflow.peers import NamespacePeer
from cdk8s_mlflow.plan import plan
from cdk8s_mlflow.props import MlflowProps, NetworkPolicy
from cdk8s_mlflow.scaling import FixedReplicas
from cdk8s_mlflow.secrets import ExistingSecret
from cdk8s_mlflow.source import Comment, app

DEVELOPMENT = Environment(name="development", namespace="mlflow-development")
PRODUCTION = Environment(
    name="production",
    namespace="mlflow",
    mlflow=MlflowProps(
        backend_store=PostgreSQL(
            host="postgresql.example.com",
            user=ExistingSecret("mlflow-postgresql", "username"),
            password=ExistingSecret("mlflow-postgresql", "password"),
        ),
        artifact_store=S3(bucket="mlflow-artifacts", region="eu-central-1"),
        scaling=FixedReplicas(2),
        exposure=Ingress(
            hosts=["mlflow.example.com"],
            tls=[IngressTls(secret_name="mlflow-tls")],  # noqa: S106 - the name of a Secret
            # The server has no login: whoever passes the Ingress may write.
            allowed_from=[NamespacePeer("ingress-nginx")],
        ),
        network_policy=NetworkPolicy(clients=[NamespacePeer("training")]),
    ),
)
_ENTRIES = (
    Comment(DEVELOPMENT, ("Everything on one volume: nothing to prepare.",)),
    Comment(PRODUCTION, ("A database, a bucket and a door: write your own names, and create the Secrets first.",)),
)

_CDK8S = "language: python\napp: python main.py\n"
_REQUIREMENTS = f"""\
# [node] brings the Node that cdk8s needs; leave it out where Node 22 or newer is installed.
cdk8s-mlflow[node]=={__version__}
pytest>=8,<10
"""
_IGNORED = ".venv/\ndist/\n__pycache__/\n.pytest_cache/\n"
_README = """\
# MLflow

One chart per environment, from the table in `main.py`.

    python3 -m venv .venv && .venv/bin/pip install -r requirements.txt
    .venv/bin/python main.py                          # writes dist/, and says what it amounts to
    .venv/bin/python -m pytest                        # compares dist/ with tests/golden/
    REGENERATE=1 .venv/bin/python -m pytest           # accepts what has changed: read the diff, then commit it
    .venv/bin/cdk8s-mlflow explain tests/golden dist  # the same in words
    kubectl apply -f dist/development.k8s.yaml
"""
_TEST = '''\
"""The synthesized objects are those that were reviewed: a change of main.py shows its consequences in tests/golden/."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="session")
def dist(tmp_path_factory):
    """Run main.py and return the folder that it writes."""
    folder = tmp_path_factory.mktemp("dist")
    environment = os.environ | {"CDK8S_OUTDIR": str(folder)}
    subprocess.run([sys.executable, "main.py", "--quiet"], cwd=ROOT, env=environment, check=True)
    if os.environ.get("REGENERATE"):
        for old in GOLDEN.glob("*.yaml"):
            old.unlink()
        for file in folder.glob("*.yaml"):
            (GOLDEN / file.name).write_bytes(file.read_bytes())
    return folder


def objects(file):
    """Return the objects of a file."""
    return list(yaml.safe_load_all(file.read_text(encoding="utf-8")))


def test_there_is_a_golden_file_for_each_environment(dist):
    """An environment that comes or goes is reviewed, too."""
    assert {file.name for file in dist.iterdir()} == {file.name for file in GOLDEN.iterdir()}


@pytest.mark.parametrize("golden", sorted(GOLDEN.glob("*.yaml")), ids=lambda file: file.name)
def test_the_objects_are_the_reviewed_ones(dist, golden):
    """REGENERATE=1 accepts a change."""
    assert objects(dist / golden.name) == objects(golden)
'''
_WORKFLOW = """\
# A pull request is synthesized and tested, and a comment says what it would change. On the main branch each environment
# is written to a folder of the branch `manifests`, from which Argo CD or Flux applies it.
name: mlflow
on:
  pull_request:
  push:
    branches: [main]
permissions:
  contents: read
jobs:
  review:
    if: github.event_name == 'pull_request'
    runs-on: ubuntu-latest
    permissions:
      contents: read
      pull-requests: write
    steps:
      - uses: actions/checkout@v5
      - uses: actions/setup-python@v6
        with:
          python-version: "3.12"
      - run: pip install -r requirements.txt
      - run: python -m pytest
      - run: python main.py
      - name: Say what changes
        env:
          BASE: ${{ github.event.pull_request.base.sha }}
        run: |
          git fetch --quiet --depth 1 origin "$BASE"
          git worktree add --quiet --detach ../base "$BASE"
          (cd ../base && python main.py --quiet)
          {
            printf '### What would change\\n\\n```text\\n'
            cdk8s-mlflow explain ../base/dist dist
            printf '```\\n\\n<details><summary>Line by line</summary>\\n\\n````diff\\n'
            diff -ruN ../base/dist dist | head -c 50000 || true
            printf '\\n````\\n\\n</details>\\n'
          } > ../changes.md
          cat ../changes.md >> "$GITHUB_STEP_SUMMARY"
      - name: Say it in a comment
        # A fork's token may not write one.
        if: github.event.pull_request.head.repo.full_name == github.repository
        env:
          GH_TOKEN: ${{ github.token }}
          NUMBER: ${{ github.event.number }}
        run: gh pr comment "$NUMBER" --body-file ../changes.md --edit-last --create-if-none
  write:
    if: github.event_name == 'push'
    runs-on: ubuntu-latest
    permissions:
      contents: write
    concurrency: manifests
    steps:
      - uses: actions/checkout@v5
      - uses: actions/setup-python@v6
        with:
          python-version: "3.12"
      - run: pip install -r requirements.txt
      - run: python -m pytest
      - run: python main.py
      - name: Write each environment to its folder of the branch manifests
        run: |
          dist=$PWD/dist
          git worktree add --quiet --detach ../manifests
          cd ../manifests
          if git fetch --quiet --depth 1 origin manifests; then
            git checkout --quiet -B manifests FETCH_HEAD
          else
            git checkout --quiet --orphan manifests
          fi
          git rm -rfq --ignore-unmatch .
          for file in "$dist"/*.k8s.yaml; do
            folder=$(basename "$file" .k8s.yaml)
            mkdir -p "$folder"
            cp "$file" "$folder/mlflow.yaml"
          done
          git add --all
          if git diff --cached --quiet; then
            exit 0
          fi
          git config user.name 'github-actions[bot]'
          git config user.email '41898282+github-actions[bot]@users.noreply.github.com'
          git commit --quiet --message "Synthesized from $GITHUB_SHA"
          git push --quiet origin manifests
"""


def write_project(directory: Path) -> None:
    """Write the project into a directory that is new or empty.

    :raises ValueError: if something is there already.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise ValueError(f"{directory}: must be a new or an empty directory (something is there); choose another")
    for name, text in project_files():
        file = directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def project_files() -> Iterator[tuple[str, str]]:
    """Yield the path and the text of each file."""
    yield "main.py", app("One chart per environment: ``python main.py`` writes ``dist/``.", _ENTRIES)
    yield "cdk8s.yaml", _CDK8S
    yield "requirements.txt", _REQUIREMENTS
    yield "README.md", _README
    yield ".gitignore", _IGNORED
    yield ".github/workflows/mlflow.yaml", _WORKFLOW
    yield "tests/test_golden.py", _TEST
    for environment in (DEVELOPMENT, PRODUCTION):
        yield f"tests/golden/{environment.name}.k8s.yaml", _golden(environment)


def _golden(environment: Environment) -> str:
    """Return what cdk8s will write of an environment, without starting it."""
    namespace = namespace_name(environment)
    objects = define_manifests(plan(environment.mlflow, name=environment.id, namespace=namespace))
    placed = [{**item, "metadata": {**item["metadata"], "namespace": namespace}} for item in objects]
    plain = [yaml.safe_load(yaml.dump(item, Dumper=_Dumper)) for item in placed]
    return yaml.safe_dump_all(plain, sort_keys=False)


class _Dumper(yaml.SafeDumper):
    """Writes what is like a mapping or a text as one."""


_Dumper.add_multi_representer(dict, lambda dumper, data: dumper.represent_dict(dict(data)))
_Dumper.add_multi_representer(str, lambda dumper, data: dumper.represent_str(str(data)))
