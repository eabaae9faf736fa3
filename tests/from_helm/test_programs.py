"""Values of real installations become the programs in golden/, and each of them makes a server."""

from __future__ import annotations

import json
import runpy
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from invariants import broken_invariants
from releases import Release, render
from schemas import schema_errors

from cdk8s_mlflow import Environment
from cdk8s_mlflow.command_line import main

HERE = Path(__file__).parent
CASES = sorted((HERE / "values").glob("*.yaml"))
OUTCOMES = {"carried over", "changed", "decide", "no counterpart"}


def arguments(file: Path) -> list[str]:
    """Return the command that the first line of a values file asks for."""
    words = shlex.split(file.read_text(encoding="utf-8").splitlines()[0].removeprefix("# cdk8s-mlflow "))
    return [*words, str(file)]


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Return every single value of a file, with its path."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list) and value:
        for item in value:
            yield from leaves(item, path)
    else:
        yield path, value


@pytest.fixture(params=CASES, ids=lambda file: file.stem)
def case(request: pytest.FixtureRequest) -> Path:
    """Return a values file."""
    file: Path = request.param
    return file


def environment_of(file: Path) -> Environment:
    """Return the environment of a golden program."""
    (environment,) = runpy.run_path(str(HERE / "golden" / f"{file.stem}.py"))["ENVIRONMENTS"]
    assert isinstance(environment, Environment)
    return environment


def rendered(file: Path) -> Release:
    """Return the objects of a golden program."""
    environment = environment_of(file)
    namespace = environment.namespace
    assert isinstance(namespace, str)
    return render(environment.mlflow, name=environment.id, namespace=namespace)


def test_the_program_and_its_report_are_the_golden_ones(
    case: Path, regenerate: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Byte by byte; they are read like code, and the checks of this repository hold for the programs too."""
    monkeypatch.setenv("COLUMNS", "120")
    assert main(arguments(case)) == 0
    printed = capsys.readouterr()
    for suffix, text in ((".py", printed.out), (".txt", printed.err)):
        golden = HERE / "golden" / f"{case.stem}{suffix}"
        if regenerate:
            golden.write_text(text, encoding="utf-8")
        assert golden.read_text(encoding="utf-8") == text


def test_there_is_a_golden_program_for_each_values_file_and_no_other() -> None:
    """A removed case leaves nothing behind."""
    assert {file.stem for file in (HERE / "golden").iterdir()} == {file.stem for file in CASES}


def test_the_program_makes_valid_objects_that_keep_every_invariant(case: Path) -> None:
    """What was made of values is held to no less than what was written by hand."""
    release = rendered(case)
    assert broken_invariants(release) == {}
    assert [error for item in release.objects for error in schema_errors(item, "1.34")] == []


def test_the_program_runs_as_a_main_py(tmp_path: Path) -> None:
    """As its first line says; one is enough, since all have the same end."""
    program = HERE / "golden" / "official_sqlite.py"
    (tmp_path / "main.py").write_bytes(program.read_bytes())
    subprocess.run([sys.executable, "main.py"], cwd=tmp_path, check=True, timeout=60)
    documents = yaml.safe_load_all((tmp_path / "dist" / "mlflow.k8s.yaml").read_text(encoding="utf-8"))
    assert [item["kind"] for item in documents].count("Deployment") == 1


def test_every_key_of_the_file_has_its_line_in_the_report(case: Path, tmp_path: Path) -> None:
    """No key is dropped silently."""
    report = tmp_path / "report.json"
    main([*arguments(case), "--report", str(report)])
    found = json.loads(report.read_text(encoding="utf-8"))["findings"]
    assert {item["outcome"] for item in found} <= OUTCOMES
    assert all(item["text"] for item in found)
    keys = {item["key"] for item in found if not item["of_chart"]}
    for path, _ in leaves(yaml.safe_load(case.read_text(encoding="utf-8"))):
        assert any(path == key or path.startswith(f"{key}.") for key in keys), path
    assert len(keys) == len([item for item in found if not item["of_chart"]])


SECRETS = {
    "bitnami_bundled": ["also-short"],
    "bitnami_external": ["also@odd%", "long-enough-for-mlflow"],
    "community_irsa": ["also-not-in-the-program"],
    "community_minio": ["hunter2/with#odd@characters", "minio-password", "sk-not-in-the-program", "S3cr3t"],
    "larribas_alb": ["not-in-the-program"],
    "larribas_gke": ["b%40d:p@ss"],
    "official_postgresql": ["p%40ss%2Fword", "p@ss/word"],
}


@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_of_the_values_is_in_any_output(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Not in the program, not in the report, not in the commands."""
    case = HERE / "values" / f"{name}.yaml"
    main(arguments(case))
    printed = capsys.readouterr()
    assert SECRETS[name][0] in case.read_text(encoding="utf-8")
    assert [secret for secret in SECRETS[name] if secret in printed.out + printed.err] == []
