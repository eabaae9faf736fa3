"""Names are resolved when they are used: props and plans never load cdk8s or start Node."""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

import cdk8s_mlflow

ROOT = Path(__file__).parents[2]
HEAVY = ("jsii", "cdk8s", "constructs", "cdk8s_plus_27", "cdk8s_mlflow_crds")


def loaded(code: str) -> list[str]:
    """Return which of the heavy packages some code loads, in a Python of its own."""
    program = f"{code}\nimport json, sys\nprint(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize(
    "code",
    [
        "import cdk8s_mlflow",
        "from cdk8s_mlflow import MlflowProps; MlflowProps()",
        "from cdk8s_mlflow import Environment, InvalidProps, synthesize",
        (
            "from cdk8s_mlflow import MlflowProps\nfrom cdk8s_mlflow.plan import plan\n"
            "from cdk8s_mlflow.manifests import define_manifests\n"
            "define_manifests(plan(MlflowProps(), name='mlflow', namespace='ml'))"
        ),
        "import cdk8s_mlflow\nfor name in cdk8s_mlflow.__all__:\n    name == 'Mlflow' or getattr(cdk8s_mlflow, name)",
        "import cdk8s_mlflow.scripts.migrate, cdk8s_mlflow.scripts.prepare, cdk8s_mlflow.scripts.generate_secrets",
    ],
    ids=["package", "props", "environments", "manifests", "all-names-but-one", "scripts"],
)
def test_nothing_but_the_construct_loads_cdk8s(code: str) -> None:
    """Starting Node takes longer than everything else together."""
    assert loaded(code) == []


def test_the_construct_loads_cdk8s_and_not_more() -> None:
    """cdk8s-plus takes 0.2 s more, and the bindings of custom resources are for charts that use them."""
    assert loaded("from cdk8s_mlflow import Mlflow") == ["jsii", "cdk8s", "constructs"]


def test_a_plan_loads_the_stores_and_logins_that_it_uses() -> None:
    """Each class of props takes a part of a millisecond to make, and nobody uses all of them."""
    program = (
        "import json, sys\nfrom main import ENVIRONMENTS\nfrom cdk8s_mlflow.plan import plan\n"
        "for item in ENVIRONMENTS:\n    plan(item.mlflow, name=item.id, namespace=item.name)\n"
        "print(json.dumps([name for name in sys.modules if name.startswith('cdk8s_mlflow.')]))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    found = {name.removeprefix("cdk8s_mlflow.") for name in json.loads(done.stdout)}
    assert {"backend_store.postgresql", "backend_store.sqlite", "artifact_store.s3"} <= found
    assert not {"backend_store.mysql", "artifact_store.gcs", "from_helm", "command_line", "values_files"} & found
    logins = {name for name in found if name.startswith("authentication.")}
    assert logins == {"authentication.basic_app", "authentication.basic_auth"}


def test_the_public_names_are_sorted() -> None:
    """One place to look for a name: constants first, then classes, then the rest, as the linter sorts them."""

    def rank(name: str) -> tuple[int, str]:
        return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)

    assert cdk8s_mlflow.__all__ == sorted(set(cdk8s_mlflow.__all__), key=rank)


@pytest.mark.parametrize("name", cdk8s_mlflow.__all__)
def test_every_public_name_resolves(name: str) -> None:
    """What is exported is there."""
    assert getattr(cdk8s_mlflow, name) is not None


def test_what_a_type_checker_sees_is_what_resolves() -> None:
    """The imports under TYPE_CHECKING and the table of PEP 562 name the same things of the same modules."""
    tree = ast.parse(inspect.getsource(cdk8s_mlflow))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    imported = {
        alias.asname or alias.name: node.module
        for node in ast.walk(block)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    resolved = {name: f"cdk8s_mlflow.{module}" for module, names in cdk8s_mlflow._MODULES.items() for name in names}
    assert imported == resolved
    assert set(imported) == set(cdk8s_mlflow.__all__)


def test_dir_lists_the_public_names() -> None:
    """Completion in an editor's console shows them before they are loaded."""
    assert dir(cdk8s_mlflow) == sorted(cdk8s_mlflow.__all__)


def test_rejects_a_name_that_is_not_there() -> None:
    """In Python's own words."""
    with pytest.raises(AttributeError, match="module 'cdk8s_mlflow' has no attribute 'MLflow'"):
        cdk8s_mlflow.MLflow  # noqa: B018 - the access is the test
