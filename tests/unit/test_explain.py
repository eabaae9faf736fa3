"""The command that explains files of a synth."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from releases import render
from variants import on_postgresql

from cdk8s_mlflow import FixedReplicas, MlflowProps
from cdk8s_mlflow.command_line import main


def write(folder: Path, **environments: MlflowProps) -> Path:
    """Write the objects of environments as a synth does."""
    folder.mkdir()
    for name, props in environments.items():
        text = yaml.safe_dump_all(render(props).objects)
        (folder / f"{name}.k8s.yaml").write_text(text, encoding="utf-8")
    return folder


def test_a_folder_is_explained_in_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line per file, and the Secrets that each wants."""
    dist = write(tmp_path / "dist", staging=MlflowProps(), production=on_postgresql(scaling=FixedReplicas(3)))
    assert main(["explain", str(dist)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed[1:3]] == ["production", "staging"]
    assert printed[3].startswith("production needs these Secrets first: mlflow-postgresql (password, username)")


def test_two_folders_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the environments' names; one that is new or gone says so by its objects."""
    old = write(tmp_path / "old", a=on_postgresql(), b=MlflowProps())
    new = write(tmp_path / "new", a=on_postgresql(scaling=FixedReplicas(3)), b=MlflowProps())
    assert main(["explain", str(old), str(new)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert "a: replicas 1 -> 3" in printed
    assert "b: nothing changes" in printed


def test_two_files_are_compared_whatever_they_are_called(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Staging and production, say."""
    dist = write(tmp_path / "dist", staging=on_postgresql(), production=on_postgresql(scaling=FixedReplicas(3)))
    assert main(["explain", str(dist / "staging.k8s.yaml"), str(dist / "production.k8s.yaml")]) == 0
    assert "production: replicas 1 -> 3" in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "holds no *.yaml file"), ("a: 1", "holds what is no Kubernetes object"), ("a: [", "line 1")],
    ids=["empty", "other", "broken"],
)
def test_rejects_what_is_no_synth(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, message: str
) -> None:
    """With the file, and what to name instead."""
    if text is not None:
        (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    assert main(["explain", str(tmp_path)]) == 1
    assert message in capsys.readouterr().err
