"""What a values file may say, and what is said of it."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cdk8s_mlflow import ClusterIP, FixedReplicas, InlineSecret, MlflowProps, NodePort, PostgreSQL, Workspaces
from cdk8s_mlflow.command_line import main
from cdk8s_mlflow.from_helm import CHARTS, Converted, InvalidValues, convert_values
from cdk8s_mlflow.from_helm.values import Values
from cdk8s_mlflow.yaml_text import UnreadableYaml, mapping

POSTGRES = {"username": "u", "password": "p@ss", "host": "db", "port": 5432, "database": "d"}


def convert(chart: str, values: dict[str, Any], **options: Any) -> Converted:
    """Return what values become, for a new server unless a release is named."""
    return convert_values(chart, values, **({"release": None, "namespace": "ml"} | options))


def props(chart: str, values: dict[str, Any], **options: Any) -> MlflowProps:
    """Return the props that values become."""
    return convert(chart, values, **options).environment.mlflow


def finding(converted: Converted, key: str) -> tuple[str, str]:
    """Return what became of a key."""
    (found,) = [item for item in converted.findings if item.key == key]
    return found.outcome, found.text


# --- YAML --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True),
        ("off", False),
        ("n", False),
        ("~", None),
        ("", None),
        ("1e3", 1000),
        ("0777", 511),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b11", 3),
        ("1_000", 1000),
        ("08", 8),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1:20", "1:20"),
        ("2026-11-27", "2026-11-27"),
        ("=", "="),
        ("500m", "500m"),
        ("3.10", 3.1),
        ('"3.10"', "3.10"),
        ("'no'", "no"),
        ("!!str 5", "5"),
    ],
)
def test_scalars_are_what_helm_takes_them_for(text: str, value: object) -> None:
    """Go's parser: neither YAML 1.1 (1:20 is no number of minutes) nor 1.2 (yes is true)."""
    found = mapping(f"key: {text}", "values.yaml")["key"]
    assert found == value
    assert type(found) is type(value)


def test_keys_are_texts_and_anchors_work() -> None:
    """As JSON has them, which Helm goes through."""
    assert mapping("80: a\non: b\nx: &x {a: 1}\nz: {<<: *x, b: 2}", "v") == {
        "80": "a",
        "true": "b",
        "x": {"a": 1},
        "z": {"a": 1, "b": 2},
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2", "stands there twice"),
        ("a: [", "values.yaml: line 1"),
        ("- a", "must be one mapping"),
        ("a: 1\n---\nb: 1", "must be one mapping"),
        ("a: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
    ],
)
def test_rejects_what_is_no_values_file(text: str, message: str) -> None:
    """With the file's name and the line."""
    with pytest.raises(UnreadableYaml, match=message):
        mapping(text, "values.yaml")


# --- Keys --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chart", "values", "message"),
    [
        ("larribas", {"replicas": 2}, "replicas: the chart has no such key; did you mean replicaCount?"),
        ("community", {"artifactRoot": {"s3": {"awsRegion": "x"}}}, "artifactRoot.s3.awsRegion: .* artifactRoot.s3"),
        ("community", {"backendstore": {"postgres": {}}}, "did you mean backendStore?"),
        ("official", {"backendStoreUri": "x"}, "did you mean mlflow.backendStoreUri?"),
        ("bitnami", {"tracking": {"replicas": 2}}, "tracking.replicas: .* did you mean tracking.replicaCount?"),
        ("larribas", {"service": "NodePort"}, "service: must be a mapping"),
        (
            "community",
            {"backendStore": {"postgres": {"enabled": True, "host": {"valueFrom": {}}}}},
            "backendStore.postgres.host: must be a single value",
        ),
        ("larribas", {"service": {"type": "ExternalName"}}, "service.type: must be a kind of Service that we render"),
        ("larribas", {"replicaCount": "many"}, "replicaCount: must be a whole number"),
        (
            "larribas",
            {"ingress": {"enabled": True, "hosts": [{"host": "a.b", "path": "/"}]}},
            r"ingress.hosts\[\].path: the chart has no such key",
        ),
        ("larribas", {"backendStore": {"postgres": {"host": "db"}}}, "backendStore.postgres.password: must be given"),
        ("official", {"replicaCount": 2}, "mlflow.backendStoreUri: must be given"),
    ],
)
def test_rejects_values_that_the_chart_does_not_take(chart: str, values: dict[str, Any], message: str) -> None:
    """An unknown key comes with the nearest known one; nothing is ignored, as Helm does."""
    with pytest.raises(InvalidValues, match=message):
        convert(chart, values)


def test_rejects_every_unknown_key_at_once() -> None:
    """Not one run per key."""
    with pytest.raises(InvalidValues) as caught:
        convert("larribas", {"a": 1, "service": {"b": 2}})
    assert len(caught.value.failures) == 2


@pytest.mark.parametrize("chart", CHARTS)
def test_every_key_of_a_chart_can_be_given_with_its_default(chart: str) -> None:
    """As people do who copy the whole file: nothing then needs a word, but for what the chart cannot do either."""
    given: dict[str, Any] = {}
    for key in CHARTS[chart].keys:
        *parents, last = key.path.split(".")
        place = given
        for name in parents:
            place = place.setdefault(name, {})
        place[last] = key.default
    if chart == "official":
        given["mlflow"]["backendStoreUri"] = "sqlite:///mlflow.db"
    if chart == "larribas":
        del given["backendStore"]["postgres"]
    converted = convert(chart, given)
    assert converted.failures == ()
    assert {item.key for item in converted.findings} >= {
        key.path for key in CHARTS[chart].keys if not key.path.startswith("backendStore.postgres")
    }


def test_null_takes_a_default_away_as_in_helm() -> None:
    """And mappings are merged, lists replaced."""
    keys = CHARTS["official"].keys
    values = Values({"podSecurityContext": {"runAsUser": None, "runAsGroup": 5}, "env": [{"name": "a"}]}, keys)
    assert values.get("podSecurityContext") == {
        "runAsNonRoot": True,
        "fsGroup": 1000,
        "seccompProfile": {"type": "RuntimeDefault"},
        "runAsGroup": 5,
    }
    assert values.items("env") == [{"name": "a"}]


# --- What becomes of it ------------------------------------------------------------------------------------


def test_a_secret_is_a_reference_and_a_command() -> None:
    """Whoever reads the program reads no password."""
    converted = convert("larribas", {"backendStore": {"postgres": POSTGRES}})
    (command,) = converted.commands
    assert command == (
        "kubectl create secret generic mlflow-postgres --namespace ml "
        '--from-file=password=<(printf %s "$BACKEND_STORE_POSTGRES_PASSWORD")'
    )
    assert "p@ss" not in repr(converted)


def test_a_running_release_has_its_secret_already() -> None:
    """The chart has made it; nothing is to be created."""
    converted = convert("larribas", {"backendStore": {"postgres": POSTGRES}}, release="old")
    assert converted.commands == ()
    store = converted.environment.mlflow.backend_store
    assert isinstance(store, PostgreSQL)
    assert repr(store.password) == "ExistingSecret(name='old-mlflow-postgres', key='password')"


def test_secrets_stand_in_the_program_if_asked() -> None:
    """For a try on a laptop."""
    made = props("larribas", {"backendStore": {"postgres": POSTGRES}}, inline_secrets=True)
    assert made.allow_inline_secrets
    assert isinstance(made.backend_store, PostgreSQL)
    assert made.backend_store.password == InlineSecret("p@ss")


@pytest.mark.parametrize(
    ("chart", "release", "service"),
    [
        ("larribas", None, ClusterIP()),
        ("larribas", "mlflow", NodePort()),
        ("community", None, ClusterIP(port=80)),
    ],
)
def test_the_service_is_where_clients_look_for_it(chart: str, release: str | None, service: object) -> None:
    """The chart's own port; a port of every node only where somebody may use it already."""
    assert props(chart, {}, release=release).service == service


def test_one_pod_where_the_chart_let_several_write_one_file() -> None:
    """Three replicas of community's SQLite had three databases."""
    converted = convert("community", {"replicaCount": 3})
    assert converted.environment.mlflow.scaling == FixedReplicas(1)
    assert finding(converted, "replicaCount")[0] == "changed"


def test_a_memory_limit_that_kills_mlflow_3_is_left_out() -> None:
    """It was enough for MLflow 1.7."""
    converted = convert("larribas", {"resources": {"limits": {"memory": "256Mi"}}})
    assert converted.environment.mlflow.resources is None
    assert "killed at 256Mi" in finding(converted, "resources")[1]


@pytest.mark.parametrize(
    ("uri", "source"),
    [
        ("postgresql://u@db/d?application_name=x", "application_name"),
        ("postgresql+asyncpg://u:p@db/d", "psycopg2 instead of 'asyncpg'"),
        ("sqlite:///mlflow.db", "on a volume"),
    ],
)
def test_what_a_uri_says_and_we_do_not_is_said(uri: str, source: str) -> None:
    """Options, drivers, files outside any volume."""
    converted = convert("official", {"mlflow": {"backendStoreUri": uri}})
    assert source in " ".join(item.text for item in converted.findings)


def test_a_flag_without_a_prop_is_kept() -> None:
    """Under the chart's own name for it, as MLflow has it."""
    made = props("community", {"extraArgs": {"xFrameOptions": "DENY"}, "extraFlags": ["enableWorkspaces", "newFlag"]})
    assert made.extra_args == {"x-frame-options": "DENY", "new-flag": True}
    assert made.workspaces == Workspaces()


# --- The command -------------------------------------------------------------------------------------------


def test_the_command_says_what_is_wrong_in_one_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On standard error, with status 1 and nothing on standard output."""
    file = tmp_path / "values.yaml"
    file.write_text("service: {port: 80, typ: ClusterIP}", encoding="utf-8")
    assert main(["from-helm", "--chart", "larribas", str(file)]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "service.typ: the chart has no such key; did you mean service.type?" in printed.err


def test_rejects_a_file_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    """In the system's words."""
    assert main(["from-helm", "--chart", "larribas", "nowhere.yaml"]) == 1
    assert "No such file" in capsys.readouterr().err


def test_props_that_make_no_server_are_printed_with_their_failures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The program is there to be mended."""
    file = tmp_path / "values.yaml"
    file.write_text("defaultArtifactRoot: s3://BAD_NAME", encoding="utf-8")
    assert main(["from-helm", "--chart", "larribas", str(file)]) == 1
    printed = capsys.readouterr()
    assert "S3(bucket=" in printed.out
    assert "The program makes no server yet" in printed.err


REFERENCE = (sys.executable, "-c", "import asyncio, unittest.mock, email.message, http.server, decimal")
REFERENCE_SECONDS = 0.136
"""What the reference takes of a processor on the machine on which half a second was promised, when it has peace."""


def processor_seconds(command: Sequence[str]) -> float:
    """Return what a command takes of the processors."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_a_whole_conversion_takes_less_than_half_a_second() -> None:
    """No jsii, no Node: it answers at once.

    Of processor time, and of such seconds as the machine has at this moment: two programs that share a core take
    more of it than each alone, and so does the reference.
    """
    file = Path(__file__).parent / "values" / "community_minio.yaml"
    command = [sys.executable, "-m", "cdk8s_mlflow.command_line", "from-helm", "--chart", "community", str(file)]
    times = [1.0]
    while min(times) >= 0.5 and len(times) < 10:
        slowness = max(1.0, processor_seconds(REFERENCE) / REFERENCE_SECONDS)
        times.append(processor_seconds(command) / slowness)
    assert min(times) < 0.5
