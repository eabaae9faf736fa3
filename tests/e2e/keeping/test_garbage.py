"""Garbage collection: what was deleted long ago is gone from the database and from the store; all else stays."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from e2e.installation import Installation, applied, release
from e2e.kubectl import Pod, apply_manifests
from e2e.manifests import secret
from e2e.servers import S3_KEY, PostgreSQLServer

from cdk8s_mlflow import (
    ArtifactVolume,
    BasicAuth,
    Direct,
    ExistingSecret,
    GarbageCollection,
    MlflowProps,
    PostgreSQL,
    Proxied,
    SQLite,
)

from .programs import ended_job, source, start_job
from .test_backup import store_of

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PASSWORD = "p@s/s#w%41:?d&$x"
MONTH = 31 * 24 * 3600 * 1000
"""A little more than ``older_than``, in milliseconds."""


def ask(client: Pod, variables: Mapping[str, str], *arguments: str) -> object:
    """Run the program that makes garbage, with the variables of a client."""
    settings = [f"{name}={value}" for name, value in variables.items()]
    output = client.execute("env", *settings, "python", "-c", source("garbage"), *arguments, timeout=600)
    return json.loads(output.splitlines()[-1])


def age(made: Mapping[str, str]) -> list[str]:
    """Return SQL by which a run and an experiment were deleted a month ago."""
    runs = f"run_uuid IN ('{made['old']}', '{made['with experiment']}')"
    return [
        f"UPDATE runs SET deleted_time = deleted_time - {MONTH} WHERE {runs}",  # noqa: S608 - of this test
        # The experiment has no other time.
        f"UPDATE experiments SET last_update_time = last_update_time - {MONTH} WHERE lifecycle_stage = 'deleted'",  # noqa: S608 - of this test
    ]


def collect(server: Installation) -> None:
    """Run the garbage collection by hand."""
    start_job(server.namespace, f"{server.name}-gc", f"{server.name}-gc-now")
    worked, said = ended_job(server.namespace, f"{server.name}-gc-now")
    assert worked, said


@pytest.mark.parametrize("way", ["proxied", "direct"])
def test_garbage_of_a_database_and_a_bucket(
    way: str, main: str, client: Pod, bucket: str, postgres: PostgreSQLServer
) -> None:
    """With a login and below a prefix where the server removes artifacts, with the bucket's keys where clients do."""
    name = f"garbage-{way}"
    apply_manifests(
        [
            secret(main, name, {"database": PASSWORD, "admin": "of the administrator"}),
            secret(main, "s3", S3_KEY),
        ]
    )
    postgres.make_database(name, name, PASSWORD)
    proxied = way == "proxied"
    server = release(
        main,
        name,
        MlflowProps(
            backend_store=PostgreSQL(
                host="postgresql", database=name, user=name, password=ExistingSecret(name, "database")
            ),
            artifact_store=store_of(bucket, "artifacts"),
            artifact_access=Proxied() if proxied else Direct(),
            authentication=BasicAuth(admin_password=ExistingSecret(name, "admin")) if proxied else None,
            static_prefix="/tools" if proxied else None,
            garbage_collection=GarbageCollection(),
        ),
    )
    login = {"MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": "of the administrator"}
    keys = {
        "AWS_ACCESS_KEY_ID": S3_KEY["id"],
        "AWS_SECRET_ACCESS_KEY": S3_KEY["key"],
        "MLFLOW_S3_ENDPOINT_URL": bucket,
    }
    variables = login if proxied else keys
    uri = server.uri + ("/tools" if proxied else "")
    with applied(server):
        server.wait(600)
        made = ask(client, variables, "make", uri)
        assert isinstance(made, dict)
        postgres.sql(*age(made), database=name)
        collect(server)
        assert ask(client, variables, "look", uri, json.dumps(made)) == ["living", "young"]
    listed = client.execute("python", "-c", source("objects"), bucket, S3_KEY["id"], S3_KEY["key"], "artifacts")
    kept = {name for name, run in made.items() for key in json.loads(listed) if run in key.split("/")}
    assert kept & {"living", "young", "old", "with experiment"} == {"living", "young"}


def test_garbage_of_a_file_and_a_volume(main: str, client: Pod) -> None:
    """The pod mounts the server's own claim."""
    server = release(
        main,
        "garbage-file",
        MlflowProps(backend_store=SQLite(), artifact_store=ArtifactVolume(), garbage_collection=GarbageCollection()),
    )
    with applied(server):
        server.wait(600)
        made = ask(client, {}, "make", server.uri)
        assert isinstance(made, dict)
        [pod] = server.pods()
        script = (
            "import sqlite3; c = sqlite3.connect('/mlflow/data/mlflow.db', timeout=60); "
            f"[c.execute(statement) for statement in {age(made)!r}]; c.commit()"
        )
        pod.execute("python", "-c", script)
        collect(server)
        assert ask(client, {}, "look", server.uri, json.dumps(made)) == ["living", "young"]
        kept = pod.execute("find", "/mlflow/data/artifacts", "-name", "note.txt")
        assert {name for name in ("living", "young", "old", "with experiment") if made[name] in kept} == {
            "living",
            "young",
        }
