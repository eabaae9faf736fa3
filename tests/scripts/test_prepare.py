"""The init container that writes credential files for libpq and other drivers."""

from __future__ import annotations

import json
import os
import shutil
import stat
import string
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from releases import container_of, env_of, render
from variants import on_postgresql

from cdk8s_mlflow import ExistingSecret, PostgreSQL
from cdk8s_mlflow.scripts import prepare

PASSFILE_ESCAPES = {"\\": "\\\\", ":": "\\:"}


def file(path: Path, text: str, **changes: Any) -> dict[str, Any]:
    """Return the settings of one file with a password."""
    variables = {"password": "CREDENTIAL_0"}
    settings = {"path": str(path), "text": text, "variables": variables, "url_encoded": [], "escapes": {}, "latin1": []}
    return settings | changes


def read_pgpass(line: str) -> list[str]:
    """Return the fields of a line as libpq reads them: a backslash takes the next character as it is."""
    fields, characters = [""], iter(line)
    for character in characters:
        if character == "\\":
            fields[-1] += next(characters)
        elif character == ":" and len(fields) < 5:
            fields.append("")
        else:
            fields[-1] += character
    return fields


def test_a_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Libpq ignores a password file that others may read, whatever the umask."""
    before = os.umask(0)
    try:
        prepare.write_files([file(tmp_path / "a", "${password}")], {"CREDENTIAL_0": "x"})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600


def test_a_file_that_is_there_already_is_written_anew(tmp_path: Path) -> None:
    """An init container may run again in the same pod, with another password and over another mode."""
    path = tmp_path / "a"
    path.write_text("old and longer", encoding="utf-8")
    path.chmod(0o644)
    prepare.write_files([file(path, "${password}")], {"CREDENTIAL_0": "new"})
    assert path.read_text(encoding="utf-8") == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_files_of_one_path_are_joined_in_their_order(tmp_path: Path) -> None:
    """Each database writes its section of libpq's service file."""
    path = tmp_path / "pg_service.conf"
    prepare.write_files(
        [file(path, "[a]\nuser=${password}\n"), file(path, "[b]\nuser=b\n", variables={})], {"CREDENTIAL_0": "x"}
    )
    assert path.read_text(encoding="utf-8") == "[a]\nuser=x\n[b]\nuser=b\n"


@settings(deadline=None, derandomize=True, max_examples=200)
@given(
    password=st.text(st.characters(exclude_characters="\r\n\0", categories=("L", "M", "N", "P", "S", "Z")), min_size=1)
)
def test_libpq_reads_any_password_back(password: str) -> None:
    """Colons and backslashes are escaped, and nothing else."""
    line = prepare.render("*:*:*:*:${password}\n", {"password": password}, PASSFILE_ESCAPES)
    assert read_pgpass(line.removesuffix("\n")) == ["*", "*", "*", "*", password]


def test_every_printable_ascii_character_works(tmp_path: Path) -> None:
    """Percent and dollar signs, quotes and blanks are as they were."""
    password = string.digits + string.ascii_letters + string.punctuation + " "
    prepare.write_files([file(tmp_path / "a", "${password}")], {"CREDENTIAL_0": password})
    assert (tmp_path / "a").read_text(encoding="utf-8") == password


def test_a_secret_that_looks_like_a_placeholder_stays_as_it_is() -> None:
    """No secret is looked into for the name of another one."""
    text = prepare.render("${user}:${password}", {"user": "${password}", "password": "${user}"}, {})
    assert text == "${password}:${user}"


@pytest.mark.parametrize("line_break", ["\n", "\r", "\r\n"], ids=["LF", "CR", "CRLF"])
def test_rejects_a_line_break(line_break: str) -> None:
    """It would end the line of the file; most often it comes from `echo password | base64`."""
    with pytest.raises(ValueError, match="'password' has a line break") as refused:
        prepare.render("${password}", {"password": f"hunter2{line_break}"}, {})
    assert "hunter2" not in str(refused.value)


def start(folder: Path, files: list[dict[str, Any]], **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the script as the pod does: beside its settings, with nothing of ours installed."""
    shutil.copy(prepare.__file__, folder / "prepare.py")
    settings = {"files": files, "bundles": [], "authorities": []}
    (folder / "credentials.json").write_text(json.dumps(settings), encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-I", str(folder / "prepare.py")], env=environment, capture_output=True, text=True, check=False
    )


def test_the_log_says_how_many_files_and_no_secret(tmp_path: Path) -> None:
    """Status 0, and one line."""
    done = start(tmp_path, [file(tmp_path / "a", "${password}"), file(tmp_path / "b", "")], CREDENTIAL_0="hunter2")
    assert (done.returncode, done.stdout, done.stderr) == (0, "prepare: wrote 2 credential files\n", "")


def test_rejects_a_line_break_in_one_line_of_the_log(tmp_path: Path) -> None:
    """Status 1, what to do, no traceback, no secret, and no file."""
    done = start(tmp_path, [file(tmp_path / "a", "${password}")], CREDENTIAL_0="hunter2\n")
    assert done.returncode == 1
    assert done.stdout.startswith("prepare: the secret 'password' has a line break")
    assert "hunter2" not in done.stdout + done.stderr
    assert done.stderr == ""
    assert not (tmp_path / "a").exists()


def test_the_rendered_settings_give_libpq_two_databases(tmp_path: Path) -> None:
    """What the plan writes into the ConfigMap, the script turns into files that libpq reads."""
    release = render(
        on_postgresql(
            backend_store=PostgreSQL(host="one", user="alice", password=ExistingSecret("one", "p")),
            registry_store=PostgreSQL(
                host="two",
                port=6432,
                database="models",
                user=ExistingSecret("two", "u"),
                password=ExistingSecret("two", "p"),
            ),
        )
    )
    values = {("one", "p"): "a:b\\c", ("two", "u"): "bob", ("two", "p"): "p@s/s#w%41:?d&$x"}
    environment = {name: values[reference] for name, reference in env_of(container_of(release.pod, "prepare")).items()}
    files = json.loads(release.one("ConfigMap", "mlflow-files")["data"]["credentials.json"])["files"]
    mounts = container_of(release.pod, "prepare")["volumeMounts"]
    (place,) = [item["mountPath"] for item in mounts if item["name"] == "credentials-mlflow"]
    for_server = [item | {"path": str(tmp_path / Path(item["path"]).name)} for item in files if place in item["path"]]
    prepare.write_files(for_server, environment)
    written = {item.name: item.read_text(encoding="utf-8") for item in tmp_path.iterdir()}
    (read,) = [item["mountPath"] for item in release.server["volumeMounts"] if item["name"] == "credentials-mlflow"]
    sections = written.pop("pg_service.conf")
    assert "host=one\nport=5432\ndbname=mlflow\nuser=alice\n" in sections
    assert "host=two\nport=6432\ndbname=models\nuser=bob\n" in sections
    assert sorted(read_pgpass(text.strip())[-1] for text in written.values()) == ["a:b\\c", "p@s/s#w%41:?d&$x"]
    assert all(f"passfile={read}/{name}\n" in sections for name in written)


def test_a_password_that_the_driver_encodes_as_latin_1_keeps_its_bytes(tmp_path: Path) -> None:
    """PyMySQL does so; the server expects UTF-8."""
    prepare.write_files([file(tmp_path / "a", "${password}", latin1=["password"])], {"CREDENTIAL_0": "pä€"})
    assert (tmp_path / "a").read_text(encoding="utf-8").encode("latin-1") == "pä€".encode()


def test_a_bundle_holds_what_the_image_trusts_and_the_own_authorities(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clients that are told of a bundle forget what they trusted before, so it is in it."""
    public, own, bundle = tmp_path / "public.pem", tmp_path / "own.pem", tmp_path / "ca-bundle.crt"
    public.write_text("PUBLIC\n", encoding="utf-8")
    own.write_text("\nOWN", encoding="utf-8")
    monkeypatch.setitem(sys.modules, "certifi", SimpleNamespace(where=lambda: str(public)))
    prepare.write_bundles([str(bundle)], [str(own)])
    assert bundle.read_text(encoding="utf-8").split() == ["PUBLIC", "OWN"]
