"""A table of environments: checked as a whole before the first file is written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cdk8s_mlflow import Environment, FixedReplicas, MlflowProps, Namespace, synthesize

HEAD = "from cdk8s_mlflow import ClusterIP, Environment, FixedReplicas, MlflowProps, Namespace, synthesize\n"


def run(folder: Path, code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run an app in a folder of its own."""
    return subprocess.run(
        [sys.executable, "-c", HEAD + code],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name not in {"CDK8S_OUTDIR", "CI"}}
        | {"CDK8S_MLFLOW_QUIET": "1"}
        | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def documents(file: Path) -> list[dict[str, object]]:
    """Return the objects of a file."""
    return list(yaml.safe_load_all(file.read_text(encoding="utf-8")))


WRONG = (
    'synthesize([Environment(name="a", namespace="a", mlflow=MlflowProps(scaling=FixedReplicas(2))), '
    'Environment(name="b", namespace="b", mlflow=MlflowProps(service=ClusterIP(port=0), workers=0))])'
)


def test_one_file_is_written_for_each_environment(tmp_path: Path) -> None:
    """It is called like the environment, and its objects are in the environment's namespace."""
    code = 'synthesize([Environment(name="a", namespace="ml-a"), Environment(name="b", namespace="ml-b", id="x")])'
    done = run(tmp_path, code)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(file.name for file in (tmp_path / "dist").iterdir()) == ["a.k8s.yaml", "b.k8s.yaml"]
    metadata = [item["metadata"] for item in documents(tmp_path / "dist" / "b.k8s.yaml")]
    assert {item["namespace"] for item in metadata if isinstance(item, dict)} == {"ml-b"}
    assert {item["name"].split("-")[0] for item in metadata if isinstance(item, dict)} == {"x"}


def test_rejects_all_wrong_props_of_all_environments_at_once(tmp_path: Path) -> None:
    """One message, status 1, no traceback, and nothing is written."""
    done = run(tmp_path, WRONG)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        "synthesize(): 3 problems\n"
        "  a: MlflowProps.scaling: a SQLite file cannot be shared by replicas (got FixedReplicas(replicas=2)); "
        "use PostgreSQL(...) and a shared artifact store, or FixedReplicas(1)\n"
        "  b: MlflowProps.workers: must be positive (got 0); write 1 or more\n"
        "  b: MlflowProps.service.port: must be a port number (got 0); write one from 1 to 65535\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_rejects_wrong_props_without_touching_what_was_there(tmp_path: Path) -> None:
    """The files of the last good synth stay as they are."""
    file = tmp_path / "dist" / "a.k8s.yaml"
    file.parent.mkdir()
    file.write_text("the last good one", encoding="utf-8")
    assert run(tmp_path, WRONG).returncode == 1
    assert file.read_text(encoding="utf-8") == "the last good one"
    assert list(file.parent.iterdir()) == [file]


def test_rejects_a_node_that_is_missing(tmp_path: Path) -> None:
    """The message is the same as that of wrong props: one, with what to install, and no traceback."""
    done = run(tmp_path, 'synthesize([Environment(name="a", namespace="a")])', JSII_NODE="/nothing")
    assert done.returncode == 1
    assert done.stderr.startswith("cdk8s runs on Node 22 or newer")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("table", "failure"),
    [
        (
            [Environment(name="a", namespace="a"), Environment(name="a", namespace="b")],
            "Environment.name: stands in the table more than once (got 'a'); name one of them otherwise",
        ),
        (
            [Environment(name="Prod", namespace="a")],
            "Prod.name: must be a DNS label (got 'Prod'); write lower-case letters, digits and \"-\"",
        ),
        (
            [Environment(name="a", namespace="my ns")],
            "a.namespace: must be a DNS label (got 'my ns'); write lower-case letters, digits and \"-\"",
        ),
        (
            [Environment(name="a", namespace=Namespace(name="a", labels={"a b": "c"}))],
            (
                "a.namespace.labels key: must be a label or annotation key (got 'a b'); "
                'write one such as "example.com/name"'
            ),
        ),
        (
            [Environment(name="a", namespace="a", id="Mlflow")],
            (
                "a.id: must be a DNS label that starts with a letter, at most 40 characters long (got 'Mlflow'); "
                'write lower-case letters, digits and "-", such as "mlflow" (suffixes are added to it)'
            ),
        ),
    ],
    ids=["twice", "name", "namespace", "namespace-labels", "id"],
)
def test_rejects_a_wrong_row(capsys: pytest.CaptureFixture[str], table: list[Environment], failure: str) -> None:
    """What is wrong with a row of the table is said with its name."""
    with pytest.raises(SystemExit) as stopped:
        synthesize(table)
    assert stopped.value.code == 1
    assert capsys.readouterr().err == f"synthesize(): 1 problem\n  {failure}\n"


@pytest.mark.parametrize(
    "table",
    [
        ["production"],
        [MlflowProps()],
        [Environment(name=None, namespace="a")],  # type: ignore[arg-type]
        [Environment(name=["a"], namespace="a")],  # type: ignore[arg-type]
        [Environment(name="a", namespace="a", mlflow=None)],  # type: ignore[arg-type]
        [Environment(name="a", namespace=5)],  # type: ignore[arg-type]
    ],
    ids=["text", "props", "no-name", "name-in-a-list", "no-props", "namespace-as-a-number"],
)
def test_rejects_what_is_no_environment(capsys: pytest.CaptureFixture[str], table: list[Environment]) -> None:
    """Values of a wrong type end in the same way."""
    with pytest.raises(SystemExit) as stopped:
        synthesize(table)
    assert stopped.value.code == 1
    message = capsys.readouterr().err
    assert message.startswith("synthesize(): 1 problem\n")
    assert "(got " in message


def test_rejects_two_environments_that_would_overwrite_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    """One namespace and one name are one release in the cluster."""
    with pytest.raises(SystemExit):
        synthesize([Environment(name="a", namespace="ml"), Environment(name="b", namespace="ml")])
    assert "'ml'" in capsys.readouterr().err


def test_two_releases_may_share_a_namespace_under_two_names(tmp_path: Path) -> None:
    """Another id is enough."""
    code = 'synthesize([Environment(name="a", namespace="ml"), Environment(name="b", namespace="ml", id="two")])'
    assert run(tmp_path, code).returncode == 0


def test_a_namespace_is_rendered_if_it_is_asked_for(tmp_path: Path) -> None:
    """It comes first, has no namespace itself, and enforces Pod Security "restricted"."""
    code = 'synthesize([Environment(name="a", namespace=Namespace(name="ml-a"))])'
    done = run(tmp_path, code)
    assert (done.returncode, done.stderr) == (0, "")
    first, second, *_ = documents(tmp_path / "dist" / "a.k8s.yaml")
    assert first == {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "ml-a", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
    }
    assert isinstance(second["metadata"], dict)
    assert second["metadata"]["namespace"] == "ml-a"


def test_what_the_user_should_know_is_said_after_the_synth(tmp_path: Path) -> None:
    """On standard error, with the environment's name, and with status 0."""
    done = run(tmp_path, 'synthesize([Environment(name="a", namespace="a", mlflow=MlflowProps(network_policy=None))])')
    assert done.returncode == 0
    assert done.stderr == (
        "a: no network policy: every pod of the cluster may connect to the server, which has no login\n"
    )


ONE = 'synthesize([Environment(name="a", namespace="a")])'


def test_a_table_says_what_was_written(tmp_path: Path) -> None:
    """On standard error, plain where nobody's terminal is."""
    done = run(tmp_path, ONE, CDK8S_MLFLOW_QUIET="")
    assert done.stdout == ""
    head, row = done.stderr.splitlines()
    assert head.split() == ["environment", "objects", "replicas", "CPU", "memory", "public", "URL"]
    assert row.split()[0] == "a"
    assert row.split()[2:] == ["1", "250m", "768Mi", "-"]


@pytest.mark.parametrize(
    ("code", "environment"),
    [
        (ONE, {"CDK8S_MLFLOW_QUIET": "1"}),
        (ONE, {"CDK8S_MLFLOW_QUIET": "", "CI": "true"}),
        (f"import sys; sys.argv.append('--quiet'); {ONE}", {"CDK8S_MLFLOW_QUIET": ""}),
    ],
    ids=["asked", "ci", "flag"],
)
def test_no_table_where_nobody_wants_it(tmp_path: Path, code: str, environment: dict[str, str]) -> None:
    """Logs of pipelines hold what matters."""
    assert run(tmp_path, code, **environment).stderr == ""


def test_an_environment_is_the_embedded_default_if_nothing_is_said() -> None:
    """A name and a namespace are enough."""
    environment = Environment(name="a", namespace="a")
    assert environment.mlflow == MlflowProps()
    assert environment.mlflow.scaling == FixedReplicas(1)
    assert environment.id == "mlflow"
