"""Values files say what props say: every value can be written, read back, and is known to the schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from jsonschema import Draft202012Validator
from test_properties import SETTINGS, combinations
from variants import VARIANTS

from cdk8s_mlflow import (
    Environment,
    ExistingSecret,
    FixedReplicas,
    Ingress,
    InvalidProps,
    MlflowProps,
    Namespace,
    PostgreSQL,
    SQLite,
    read_environments,
)
from cdk8s_mlflow.command_line import main
from cdk8s_mlflow.values_files import environments_from, json_schema, mapping_of, props_from
from cdk8s_mlflow.yaml_text import mapping

VALIDATOR = Draft202012Validator(json_schema())


def written(props: MlflowProps) -> dict[str, Any]:
    """Return props as a values file has them, through the text of a file."""
    found: dict[str, Any] = mapping(yaml.safe_dump(mapping_of(props)), "values.yaml")
    return found


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_can_be_written_and_read_back(name: str) -> None:
    """And the schema accepts it."""
    said = written(VARIANTS[name])
    assert props_from(said) == VARIANTS[name]
    document = {"environments": [{"name": "a", "namespace": "a", "mlflow": said}]}
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []


@SETTINGS
@given(props=combinations())
def test_any_combination_can_be_written_and_read_back(props: MlflowProps) -> None:
    """Nothing is lost between props and text."""
    assert props_from(written(props)) == props


FILE = """
environments:
  - name: production
    namespace: {kind: Namespace, name: mlflow}
    mlflow:
      backend_store:
        kind: PostgreSQL
        host: db.example.com
        password: {kind: ExistingSecret, name: mlflow-db, key: password}
        connect_timeout: 5s
      artifact_store: {kind: S3, bucket: mlflow}
      scaling: {kind: FixedReplicas, replicas: 3}
      exposure:
        kind: Ingress
        hosts: [mlflow.example.com]
"""


def test_a_file_reads_as_it_is_meant(tmp_path: Path) -> None:
    """Short forms are those of Python: one door without a list, a host by its name."""
    file = tmp_path / "values.yaml"
    file.write_text(FILE, encoding="utf-8")
    (environment,) = read_environments(file)
    assert isinstance(environment, Environment)
    assert environment.namespace == Namespace(name="mlflow")
    props = environment.mlflow
    assert props.scaling == FixedReplicas(3)
    assert props.exposure == (Ingress(hosts=["mlflow.example.com"]),)
    assert isinstance(props.backend_store, PostgreSQL)
    assert props.backend_store.password == ExistingSecret("mlflow-db", "password")
    assert props.backend_store.connect_timeout.total_seconds() == 5
    assert [error.message for error in VALIDATOR.iter_errors(yaml.safe_load(FILE))] == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"backend_stor": {}}, "backend_stor: unknown key; did you mean 'backend_store'?"),
        (
            {"backend_store": {"kind": "Postgres", "host": "db"}},
            "backend_store.kind: must say which it is (got 'Postgres'); did you mean PostgreSQL?",
        ),
        ({"backend_store": {"host": "db"}}, "backend_store.kind: must say which it is (got None); write one of"),
        ({"backend_store": {"kind": "PostgreSQL"}}, "backend_store: the key 'host' is missing; add it"),
        (
            {"backend_store": {"kind": "PostgreSQL", "host": "db", "hots": 1}},
            "backend_store.hots: unknown key; did you mean 'host'?",
        ),
        ({"pre_stop_delay": "soon"}, "pre_stop_delay: must be a time (got 'soon'); write one such as '30s'"),
        (
            {"network_policy": {"clients": [{"kind": "NamespacePeer"}]}},
            "network_policy.clients[0]: the key 'name' is missing; add it",
        ),
    ],
)
def test_rejects_what_the_props_do_not_have(values: dict[str, Any], message: str) -> None:
    """By the path in the file."""
    with pytest.raises(InvalidProps) as caught:
        props_from(values)
    assert message in str(caught.value)


def test_rejects_a_file_without_environments() -> None:
    """The one key that it must have."""
    with pytest.raises(InvalidProps, match="the key 'environments' is missing"):
        environments_from({}, "values.yaml")


def test_what_is_of_the_wrong_type_is_named_by_the_check_of_values() -> None:
    """Reading says what is unknown; whether a port is a number is the props' own business."""
    props = props_from({"workers": "many", "backend_store": {"kind": "SQLite", "volume": 5}})
    assert isinstance(props.backend_store, SQLite)
    assert str(props.workers) == "many"


@pytest.mark.parametrize(
    "document",
    [
        {"environments": []},
        {"environments": [{"name": "a"}]},
        {"environments": [{"name": "a", "namespace": "a", "mlflow": {"workers": "two"}}]},
        {"environments": [{"name": "a", "namespace": "a", "mlflow": {"backend_store": {"kind": "Oracle"}}}]},
        {"environments": [{"name": "a", "namespace": "a", "mlflow": {"tolerations": [{"keys": "a"}]}}]},
    ],
    ids=["none", "no-namespace", "type", "kind", "shape"],
)
def test_the_schema_rejects_what_an_editor_should_mark(document: dict[str, Any]) -> None:
    """While it is typed."""
    assert list(VALIDATOR.iter_errors(document))


def test_the_schema_tells_what_each_field_does(capsys: pytest.CaptureFixture[str]) -> None:
    """The docstrings, in the editor."""
    assert main(["schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    Draft202012Validator.check_schema(schema)
    assert (
        "Probes and the public URL follow"
        in schema["$defs"]["MlflowProps"]["properties"]["static_prefix"]["description"]
    )
    assert schema["$defs"]["PostgreSQL"]["required"] == ["host"]
