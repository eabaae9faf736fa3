"""Text that would be code if it reached a shell, an ini, a query or a template: refused, or only ever a value."""

from __future__ import annotations

import configparser
import contextlib
import functools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import cdk8s
import pytest
import yaml
from e2e.results import record
from invariants import expand, leaves
from releases import Release, env_of, render
from test_properties import places, replaced
from variants import VARIANTS

from cdk8s_mlflow import InvalidProps, Mlflow, MlflowProps
from cdk8s_mlflow.command_line import main
from cdk8s_mlflow.kubernetes import EnvironmentVariable
from cdk8s_mlflow.yaml_text import documents

MARK = "zq7"
"""Stands in every nasty text, and in nothing else."""
NASTY = {
    "command in $()": "zq7$(touch /tmp/zq7)",
    "command in backticks": "zq7`id`",
    "end of a command": "zq7; reboot #",
    "pipe": "zq7 | sh",
    "end of double quotes": 'zq7" && id && "',
    "end of single quotes": "zq7' || id || '",
    "variable": "zq7${HOME}",
    "Kubernetes' own variable": "zq7$(PGPASSWORD)",
    "option": "--zq7=1",
    "SQL": "zq7'; DROP TABLE runs; --",
    "SQL in double quotes": 'zq7"; DROP TABLE runs; --',
    "backslash at the end": "zq7\\",
    "line of an ini": "zq7\n[mlflow]\nadmin_password = x",
    "carriage return": "zq7\rx = y",
    "interpolation of an ini": "zq7%(admin_password)s",
    "percent": "zq7%41%",
    "template of Prometheus": "zq7{{ $labels.instance }}",
    "template of Go": '{{ printf "zq7" }}',
    "end of a matcher": 'zq7"} or vector(1) #',
    "format of Python": "zq7{0.__class__}",
    "mapping of YAML": "zq7: {a: b}",
    "item of YAML": "- zq7",
    "comment of YAML": "zq7 # rest",
    "document of YAML": "zq7\n---\nkind: Pod",
    "tag of YAML": "!!python/object:zq7",
    "HTML": "<script>zq7</script>",
    "LDAP filter": "zq7)(uid=*",
    "path upwards": "../zq7/../../etc/passwd",
    "URL of somebody else": "zq7@evil.example.com/",
    "line separator": "zq7\u2028x",
    "from right to left": "zq7\u202ex",
    "letters of others": "zq7ünï😀",
    "NUL": "zq7\x00",
    "escape of a terminal": "zq7\x1b[2J",
}


def _below(owner: Any, step: Any) -> Any:
    return owner[step] if isinstance(owner, dict | list | tuple) else getattr(owner, step)


def _kind_of(props: object, path: tuple[str | int, ...]) -> tuple[str, ...]:
    """Return which field of which class a place is in: equal ones need to be tried once."""
    owner, names = props, ["MlflowProps"]
    for step in path:
        if attrs.has(type(owner)):
            names = [type(owner).__name__]
        if isinstance(owner, dict) or isinstance(step, str):
            names.append(str(step))
        owner = _below(owner, step)
    return tuple(names)


def _texts() -> Iterator[tuple[tuple[str, ...], str, tuple[str | int, ...]]]:
    for name, props in VARIANTS.items():
        for path in places(props):
            owner: Any = props
            for step in path:
                owner = _below(owner, step)
            if isinstance(owner, str):
                yield _kind_of(props, path), name, path


PLACES = {kind: (name, path) for kind, name, path in reversed(list(_texts()))}
"""Every field that takes text, once: the variant and the place in it."""
CHART_VALUES = Path(__file__).parent / "from_helm" / "values"
SECRET_VALUE = re.compile(r"(?im)^(\s*(?:- )?\w*(?:password|secret_?key|access_key(?:_id)?|api_key|token): ).+$")
STRIDE = 1 if "FUZZ_EXAMPLES" in os.environ else 16
"""Each text is tried in every sixteenth field, another one each; `make fuzz` tries all of them in all."""
CODE = {("PrometheusTrigger", "query"), ("CustomAuth", "modules", "company_login")}
"""The user's own query and Python module: they are code, and meant to be."""


def some_places(nasty: str) -> list[tuple[str, ...]]:
    """Return the fields in which a text is tried."""
    return [place for place in list(PLACES)[list(NASTY).index(nasty) % STRIDE :: STRIDE] if place not in CODE]


@functools.cache
def answer(place: tuple[str, ...], nasty: str) -> Release | tuple[str, ...]:
    """Return the release with a nasty text in a place, or why it is refused."""
    name, path = PLACES[place]
    try:
        return render(replaced(VARIANTS[name], path, NASTY[nasty]))
    except InvalidProps as refused:
        return tuple(refused.failures)


# --- Where text becomes code ------------------------------------------------------------------------------


def _strings(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    for place, leaf in leaves(value, path):
        if isinstance(leaf, str) and MARK in leaf:
            yield place, leaf


def _in_shells(release: Release) -> Iterator[str]:
    """Yield scripts of shells that hold the text: it may only come as an argument or a variable."""
    for owner, container in release.containers():
        words = [*container.get("command", []), *container.get("args", [])]
        for index, word in enumerate(words[:-2]):
            if re.search(r"(^|/)(ba|da|)sh$", str(word)) and words[index + 1] == "-c" and MARK in words[index + 2]:
                yield f"{owner}: {words[index + 2]}"


def _in_programs(release: Release) -> Iterator[str]:
    for item in release.all("ConfigMap"):
        for name, text in item["data"].items():
            if MARK not in text:
                continue
            if name.endswith(".json"):
                yield from _in_statements(name, json.loads(text))
            elif name.endswith(".ini"):
                yield from _in_ini(name, text)
            else:
                yield f"{name}: {text[:200]}"


def _in_statements(name: str, settings: Any) -> Iterator[str]:
    """Yield texts that the scripts take for SQL: the rest of it stands in their own source."""
    for path, text in _strings(settings):
        if re.search(r"\.(try_lock|query|version_table)$", path):
            yield f"{name}: {path}: {text}"


def _in_ini(name: str, text: str) -> Iterator[str]:
    """Yield where an ini has other sections or keys than that of any release."""
    parser = configparser.ConfigParser()
    parser.read_string(text)
    if parser.sections() != ["mlflow"]:
        yield f"{name}: sections {parser.sections()}"
    for key, value in parser.items("mlflow"):  # interpolates
        if MARK in key:
            yield f"{name}: key {key}"
        if "admin_password" in key and MARK in value and "${" not in value:
            yield f"{name}: {key} = {value}"


def _in_expressions(release: Release) -> Iterator[str]:
    """Yield PromQL with the text outside of quotes, and templates of Prometheus with the text in them."""
    for item in [*release.all("PrometheusRule"), *release.all("ScaledObject")]:
        for path, text in _strings(item["spec"]):
            if path.endswith((".expr", ".query")):
                if MARK in re.sub(r'"(?:[^"\\\n]|\\.)*"', '""', text):
                    yield f"{path}: {text}"
            elif "{{" in text and item["kind"] == "PrometheusRule":
                templates = re.findall(r"\{\{.*?\}\}", text)
                if any(MARK in found for found in templates) or "zq7{{" in text:
                    yield f"{path}: {text}"


def _expanded(release: Release, nasty: str) -> Iterator[str]:
    """Yield arguments in which Kubernetes would expand the text's ``$(NAME)``."""
    if "$(" not in nasty:
        return
    for owner, container in release.containers():
        for text in (*container.get("command", []), *container.get("args", [])):
            if (
                MARK in text
                and expand(text, {"PGPASSWORD": "expanded"}) == text.replace("$(PGPASSWORD)", "expanded") != text
            ):
                yield f"{owner}: {text}"


def _unescaped(release: Release, nasty: str) -> list[str]:
    return [
        *_in_shells(release),
        *_in_programs(release),
        *_in_expressions(release),
        *_expanded(release, nasty),
    ]


def test_there_are_hundreds_of_places_and_texts() -> None:
    """The corpus is what it is called."""
    assert len(PLACES) > 100
    assert sum(len(some_places(nasty)) for nasty in NASTY) > 600
    assert {place for nasty in NASTY for place in some_places(nasty)} == set(PLACES) - CODE


@pytest.mark.parametrize("nasty", NASTY)
def test_a_nasty_text_is_refused_or_only_a_value(nasty: str) -> None:
    """In every field that takes text."""
    found: list[str] = []
    for place in some_places(nasty):
        given = answer(place, nasty)
        where = ".".join(place)
        if isinstance(given, Release):
            found += [f"{where}: {text}" for text in _unescaped(given, NASTY[nasty])]
        else:
            found += [f"{where}: {text}" for text in given if not re.match(r"[A-Z]\w+(\.\w+|\[|: )", text)]
    assert found == []


def test_most_nasty_texts_are_refused_and_some_are_taken() -> None:
    """Or the test above would say little."""
    given = [isinstance(answer(place, nasty), Release) for nasty in NASTY for place in some_places(nasty)]
    assert 0.02 < sum(given) / len(given) < 0.5
    if "FUZZ_EXAMPLES" in os.environ:
        taken = sum(given)
        counts = {"tried": len(given), "refused": len(given) - taken, "taken": taken}
        record("inputs", f"{len(NASTY)} nasty texts in {len(PLACES)} fields", counts)


# --- Where text becomes something else ---------------------------------------------------------------------

TRAPS = [
    *(
        "no",
        "NO",
        "yes",
        "on",
        "off",
        "y",
        "n",
        "true",
        "False",
        "null",
        "Null",
        "~",
        "",
        " ",
        "=",
        "<<",
        ".",
        "-",
        "?",
    ),
    *("1e3", "1E+3", "017", "0x1F", "0b11", "1_000", "1.", ".5", ".inf", "-.INF", ".nan", "+1", "-0", "1:20"),
    *(
        "2001-01-01",
        "2001-12-14t21:59:43.10-05:00",
        "190:20:30",
        "!!str x",
        "!x",
        "&x",
        "*x",
        "|",
        ">",
        "|-",
        "%x",
        "@x",
    ),
    *(
        "`x`",
        "# x",
        "x # y",
        "x: y",
        "x:",
        "- x",
        "? x",
        "[x",
        "]",
        "{x",
        "}",
        ",",
        "'x",
        '"x',
        "x'y",
        'x"y',
        "\\n",
        "\t",
    ),
    *("a\nb", "a\n", "\na", "a\n\nb\n", " a", "a ", "---", "...", "--- x", "a\n---\nb", "a\n...\nb", "ünï😀", "\u00a0"),
    *("\ufeff", "x" * 2000, "a b " * 400, "$(HOME)", "{{ x }}", "\u202e"),
]


class _OldRules(yaml.SafeLoader):
    """YAML 1.1 but for ``=`` and ``<<`` as values, which mean nothing there and stop PyYAML."""


for _tag in ("value", "merge"):
    _OldRules.add_constructor(f"tag:yaml.org,2002:{_tag}", lambda _, node: node.value)


def test_yaml_reads_back_what_was_written(tmp_path: Path) -> None:
    """By its old rules and by Go's: ``no`` stays text, and so does everything that looks like something else."""
    annotations = {f"example.com/t{index}": trap for index, trap in enumerate(TRAPS)}
    env: list[EnvironmentVariable] = [{"name": f"T{index}", "value": trap} for index, trap in enumerate(TRAPS)]
    props = MlflowProps(common_annotations=annotations, extra_env=env)
    app = cdk8s.App(outdir=str(tmp_path))
    Mlflow(cdk8s.Chart(app, "traps", namespace="ml"), "mlflow", props)
    app.synth()
    text = next(tmp_path.iterdir()).read_text(encoding="utf-8")
    wanted = [item["metadata"].get("annotations") for item in render(props).objects]
    for read in (list(yaml.load_all(text, _OldRules)), documents(text, "traps")):
        assert [item["metadata"].get("annotations") for item in read] == wanted
        (deployment,) = [item for item in read if item["kind"] == "Deployment"]
        (server,) = deployment["spec"]["template"]["spec"]["containers"]
        assert {key: value for key, value in env_of(server).items() if re.fullmatch(r"T\d+", key)} == {
            item["name"]: item["value"] for item in env
        }


@pytest.mark.parametrize("trap", ["0o17", "+0O17", "0o1_7", "0B11", "0X1F", "1e_3", "a\u2028b", "\u0085", "\u2029"])
def test_rejects_what_cdk8s_would_write_as_something_else(trap: str) -> None:
    """It leaves them without quotes; kubectl would read a number, or a line that ends."""
    with pytest.raises(InvalidProps, match=r"ConfigMap/mlflow-files\.metadata\.annotations\.example\.com/t: "):
        render(MlflowProps(common_annotations={"example.com/t": trap}))


# --- What nobody may see -----------------------------------------------------------------------------------

PASSWORDS = [
    "p@s/s#w%41:?d&$x zq7",
    "zq7'; DROP TABLE users; --",
    'zq7"\\"; exit',
    "zq7$(id)`id`${HOME}",
    "zq7%(x)s {{ x }}",
    "no: zq7 # - x",
]


PROGRAM = """
import sys
from cdk8s_mlflow import *
source = InlineSecret(sys.stdin.read())
synthesize([Environment(name="production", namespace="ml", mlflow=MlflowProps(
    backend_store=PostgreSQL(host="db.example.com", password=source),
    artifact_store=S3(bucket="mlflow", credentials=S3Credentials(access_key_id=source, secret_access_key=source)),
    authentication=BasicAuth(admin_password=source),
    crypto_kek_passphrase=source,
    allow_inline_secrets=True,
))])
"""


@pytest.mark.parametrize("password", PASSWORDS)
def test_no_password_is_in_anything_that_is_printed(
    password: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither in a file beside the Secret, nor in what a synth says, nor in what `explain` says."""
    variables = {key: value for key, value in os.environ.items() if key not in {"CI", "CDK8S_MLFLOW_QUIET"}}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env=variables | {"CDK8S_OUTDIR": str(tmp_path / "dist")},
        input=password,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "production" in done.stdout + done.stderr) == (0, True), done.stderr
    assert main(["explain", str(tmp_path / "dist")]) == 0
    explained = capsys.readouterr()
    assert MARK not in done.stdout + done.stderr + explained.out + explained.err
    (file,) = (tmp_path / "dist").iterdir()
    objects = documents(file.read_text(encoding="utf-8"), file.name)
    for item in objects:
        shown = [path for path, _ in _strings(item)]
        assert all(item["kind"] == "Secret" and path.startswith(".stringData.") for path in shown), shown
    values = {value for item in objects if item["kind"] == "Secret" for value in item["stringData"].values()}
    assert values == {password}


@pytest.mark.parametrize("file", sorted(CHART_VALUES.glob("*.yaml")), ids=lambda file: file.stem)
def test_no_secret_of_real_values_is_in_anything_that_from_helm_prints(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every password, key and token of the values, whatever the chart calls it, and the one in a URI."""
    text, planted = SECRET_VALUE.subn(r"\g<1>zq7-hunter2-and-longer", file.read_text(encoding="utf-8"))
    text, in_uris = re.subn(r"(://[^:/\s]+:)[^@\s]+@", r"\g<1>zq7-hunter2@", text)
    assert planted + in_uris > 0 or file.stem in {"community_sqlite", "larribas_folder", "official_sqlite"}
    written = tmp_path / "values.yaml"
    written.write_text(text, encoding="utf-8")
    main(["from-helm", "--chart", file.stem.partition("_")[0], str(written), "--report", str(tmp_path / "report.json")])
    printed = capsys.readouterr()
    assert "synthesize(" in printed.out
    assert MARK not in printed.out + printed.err + (tmp_path / "report.json").read_text(encoding="utf-8")


def test_no_password_of_a_chart_is_in_anything_that_from_helm_prints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor in an error: here a key stands twice, and a value is of another type."""
    files = {
        "good": "backendStore:\n  postgres: {enabled: true, host: db, user: u, password: zq7-hunter2}\n",
        "twice": "backendStore:\n  postgres: {enabled: true, password: zq7-hunter2, password: zq7-hunter2}\n",
        "odd": "backendStore:\n  postgres: {enabled: true, host: 5, password: [zq7-hunter2]}\n",
    }
    for name, text in files.items():
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
        with contextlib.suppress(SystemExit):
            main(["from-helm", "--chart", "community", str(tmp_path / f"{name}.yaml")])
        printed = capsys.readouterr()
        assert "usage:" not in printed.err
        assert printed.out + printed.err != ""
        assert MARK not in printed.out + printed.err
