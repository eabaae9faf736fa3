"""MLflow's own login: the administrator, further users, the sign-up page over replicas, and our own callers."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import attrs
import pytest
from e2e.databases.secrecy import forms
from e2e.installation import USED, Installation, all_objects, applied, release
from e2e.kubectl import Pod, apply_manifests, attempt, get, kubectl, secret_value
from e2e.manifests import secret
from e2e.servers import MariaDBServer, PostgreSQLServer

from cdk8s_mlflow import (
    BasicAuth,
    ExistingSecret,
    FixedReplicas,
    GarbageCollection,
    Migration,
    MlflowProps,
    MySQL,
    PostgreSQL,
)

from .conftest import ADMIN_PASSWORD, SHARED
from .guarded import CLIENT, EXPERIMENTS, Guarded, ask, ask_once, basic_header, status

pytestmark = pytest.mark.e2e


def logged_in(client: Pod, user: str, password: str, program: str, *arguments: str) -> Any:
    """Run a program of MLflow's client with a user's credentials, and return what it prints."""
    variables = (f"MLFLOW_TRACKING_USERNAME={user}", f"MLFLOW_TRACKING_PASSWORD={password}")
    output = client.execute("env", *variables, "python", "-c", program, *arguments, timeout=240)
    return json.loads(output.splitlines()[-1])


def program(name: str) -> str:
    """Return a program of the client pod."""
    folder = CLIENT if CLIENT.joinpath(name).exists() else CLIENT.parents[1] / "client"
    return folder.joinpath(name).read_text(encoding="utf-8")


def test_clients_log_in_by_the_environment(basic: Guarded) -> None:
    """MLflow's client logs a run and a model with a password of every printable character."""
    uri = basic.installation.uri
    assert logged_in(basic.client, "admin", ADMIN_PASSWORD, program("runs.py"), uri)[uri] == USED


def test_users_may_what_is_shared_with_them(basic: Guarded) -> None:
    """A further user sees nothing by default, what was shared afterwards, and makes no users."""
    found = logged_in(basic.client, "admin", ADMIN_PASSWORD, program("users.py"), basic.installation.uri, "reader")
    assert found["before"] == ["PERMISSION_DENIED", "PERMISSION_DENIED"]
    assert found["after"] == ["done", "done"]
    assert found["makes users"] == "PERMISSION_DENIED"


def test_replicas_take_turns_with_the_tables_of_users(basic: Guarded) -> None:
    """The first start on an empty database is the last, and there is one administrator."""
    basic.installation.assert_calm()
    users = ask_once(basic.client, basic.installation.uri, "GET", "/api/2.0/mlflow/users/list", basic.right).said
    assert [user["username"] for user in users["users"]].count("admin") == 1


def test_a_form_of_one_replica_is_taken_by_another(basic: Guarded) -> None:
    """The sign-up page's token is signed with a key that all replicas have."""
    one, other = (f"http://{pod.status()['podIP']}:5000" for pod in basic.installation.pods())
    page = ask_once(basic.client, one, "GET", "/signup", basic.right)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert token is not None, page
    cookie = page.headers["set-cookie"].partition(";")[0]
    path, kind = "/api/2.0/mlflow/users/create-ui", {"Content-Type": "application/x-www-form-urlencoded"}
    form = urlencode({"csrf_token": token[1], "username": "signed-up", "password": "signed up password"})
    forged = ask_once(basic.client, other, "POST", path, {**basic.right, **kind}, form)
    assert forged.status == 400, forged
    made = ask_once(basic.client, other, "POST", path, {**basic.right, **kind, "Cookie": cookie}, form)
    assert made.status == 200, made
    assert status(basic.client, one, basic_header("signed-up", "signed up password")) == 200


@pytest.mark.slow
def test_a_form_of_another_installation_is_refused(basic: Guarded, prefixed: Guarded) -> None:
    """Its cookie and token are signed with another key."""
    page = ask_once(prefixed.client, prefixed.installation.uri, "GET", "/signup", prefixed.right)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert token is not None, page
    cookie = {"Cookie": page.headers["set-cookie"].partition(";")[0]}
    form = urlencode({"csrf_token": token[1], "username": "from-elsewhere", "password": "signed up password"})
    headers = {**basic.right, **cookie, "Content-Type": "application/x-www-form-urlencoded"}
    path = "/api/2.0/mlflow/users/create-ui"
    assert ask_once(basic.client, basic.installation.uri, "POST", path, headers, form).status == 400


def test_garbage_collection_logs_in(basic: Guarded) -> None:
    """What was deleted is gone after the CronJob's pod has run, which asks the server with the same Secret."""
    collect(basic)


def collect(guarded: Guarded) -> None:
    """Delete a run, run the garbage collection, and see that it is gone."""
    client, uri, right = guarded.client, guarded.installation.uri, guarded.right
    new = {"name": f"to be collected {uuid.uuid4().hex}"}
    made = ask_once(client, uri, "POST", f"{EXPERIMENTS}/create", right, new)
    assert made.status == 200, made
    experiment = made.said["experiment_id"]
    run = ask_once(client, uri, "POST", "/api/2.0/mlflow/runs/create", right, {"experiment_id": experiment}).said
    run_id = run["run"]["info"]["run_id"]
    deleted = ask_once(client, uri, "POST", "/api/2.0/mlflow/runs/delete", right, {"run_id": run_id})
    assert deleted.status == 200, deleted
    namespace, name = guarded.installation.namespace, guarded.installation.name
    job = f"{name}-collect"
    kubectl("-n", namespace, "delete", "job", "--ignore-not-found", job)
    kubectl("-n", namespace, "create", "job", job, f"--from=cronjob/{name}-gc")
    done = attempt("-n", namespace, "wait", "--for=condition=Complete", f"job/{job}", "--timeout=300s", timeout=310)
    logs = attempt("-n", namespace, "logs", f"job/{job}", "--all-containers").stdout
    assert done.returncode == 0, logs
    gone = ask_once(client, uri, "GET", f"/api/2.0/mlflow/runs/get?run_id={run_id}", right)
    assert (gone.status, gone.said["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST"), (gone, logs)


def test_no_object_process_or_log_holds_the_password(basic: Guarded) -> None:
    """It is in its Secret, and in the environment of those who need it."""
    installation = basic.installation
    mine = [item for item in all_objects(installation.namespace) if installation.name in item["metadata"]["name"]]
    ini = [item for item in mine if "basic_auth.ini" in item.get("data", {})]
    assert ini, "there is no ini, or it is not in a ConfigMap"
    seen = json.dumps(mine, ensure_ascii=False) + installation.logs()
    for pod in installation.pods():
        seen += pod.execute("sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    assert "mlflow.server.auth" in seen
    assert not [form for form in forms(ADMIN_PASSWORD) if form in seen]


@pytest.mark.slow
def test_a_changed_secret_changes_nothing_until_mlflow_is_told(basic: Guarded) -> None:
    """As the docs say: first in MLflow, then in the Secret, then a restart; the other way round our callers fail."""
    client, installation = basic.client, basic.installation
    new = f"new {ADMIN_PASSWORD}"
    apply_manifests([secret(installation.namespace, "basic-admin", {"password": new})])
    restart(installation)
    assert status(client, installation.uri, basic.right) == 200
    assert status(client, installation.uri, basic_header("admin", new)) == 401
    told = {"username": "admin", "password": new, "current_password": ADMIN_PASSWORD}
    path = "/api/2.0/mlflow/users/update-password"
    assert ask_once(client, installation.uri, "PATCH", path, basic.right, told).status == 200
    new_right = attrs.evolve(basic, right=basic_header("admin", new))
    collect(new_right)
    # And back, for the tests that follow.
    told = {"username": "admin", "password": ADMIN_PASSWORD, "current_password": new}
    assert ask_once(client, installation.uri, "PATCH", path, new_right.right, told).status == 200
    apply_manifests([secret(installation.namespace, "basic-admin", {"password": ADMIN_PASSWORD})])
    restart(installation)
    assert status(client, installation.uri, basic.right) == 200


def restart(installation: Installation) -> None:
    """Roll all pods."""
    kubectl("-n", installation.namespace, "rollout", "restart", f"deployment/{installation.name}")
    installation.wait(600)


# --- Other databases -----------------------------------------------------------------------------------------


@attrs.frozen
class Others:
    """Servers on other databases, by name."""

    client: Pod
    releases: dict[str, Installation]
    passwords: dict[str, str]


OTHERS = ("own-users", "on-mariadb")


@pytest.fixture(scope="module")
def others(main: str, client: Pod, postgres: PostgreSQLServer, maria: MariaDBServer) -> Iterator[Others]:
    """Start three replicas with users in a database of their own, and one server on MariaDB."""
    odd = f"{ADMIN_PASSWORD}äß€漢"
    for database, user in (("tracking", "tracker"), ("people", "keeper")):
        postgres.make_database(database, user, f"{odd} of {user}")
        apply_manifests([secret(main, user, {"password": f"{odd} of {user}"})])
    postgres.make_user("servant", f"{odd} of servant")
    postgres.sql(
        "GRANT USAGE ON SCHEMA public TO servant",
        "ALTER DEFAULT PRIVILEGES FOR ROLE keeper IN SCHEMA public GRANT ALL ON TABLES TO servant",
        "ALTER DEFAULT PRIVILEGES FOR ROLE keeper IN SCHEMA public GRANT ALL ON SEQUENCES TO servant",
        database="people",
    )
    maria.make_database("mlflow", "mlflow", f"{odd} of mlflow")
    apply_manifests(
        [
            secret(main, "servant", {"password": f"{odd} of servant"}),
            secret(main, "maria", {"password": f"{odd} of mlflow"}),
        ]
    )
    people = PostgreSQL(
        host="postgresql", database="people", user="servant", password=ExistingSecret("servant", "password")
    )
    owner = attrs.evolve(people, user="keeper", password=ExistingSecret("keeper", "password"))
    releases = {
        "own-users": release(
            main,
            "own-users",
            MlflowProps(
                backend_store=PostgreSQL(
                    host="postgresql",
                    database="tracking",
                    user="tracker",
                    password=ExistingSecret("tracker", "password"),
                ),
                authentication=BasicAuth(user_store=people, admin_username="root%1", auth_cache_ttl=timedelta(0)),
                migration=Migration(user_store=owner),
                artifact_store=SHARED,
                scaling=FixedReplicas(3),
                garbage_collection=GarbageCollection(older_than=timedelta(seconds=1)),
            ),
        ),
        "on-mariadb": release(
            main,
            "on-mariadb",
            MlflowProps(
                backend_store=MySQL(host="mariadb", password=ExistingSecret("maria", "password")),
                artifact_store=SHARED,
                authentication=BasicAuth(),
                garbage_collection=GarbageCollection(older_than=timedelta(seconds=1)),
            ),
        ),
    }
    with applied(*releases.values()):
        for item in releases.values():
            item.wait(900)
        passwords = {name: secret_value(main, f"{name}-admin-password", "passphrase") for name in releases}
        yield Others(client, releases, passwords)


def guarded_by(others: Others, name: str) -> Guarded:
    """Return one of the servers, with its generated password."""
    installation = others.releases[name]
    user = installation.props.authentication.admin_username  # type: ignore[union-attr]
    return Guarded(others.client, installation, basic_header(user, others.passwords[name]), {})


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_other_databases_keep_users_too(name: str, others: Others) -> None:
    """The generated password is right, another one is wrong, and no container restarts."""
    guarded = guarded_by(others, name)
    guarded.installation.assert_calm()
    answers = ask(
        guarded.client,
        guarded.installation.uri,
        [
            ("GET", f"{EXPERIMENTS}/search?max_results=1", headers)
            for headers in (guarded.right, {}, basic_header("admin", "another password"))
        ],
    )
    assert [answer.status for answer in answers] == [200, 401, 401]


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_garbage_collection_logs_in_with_a_generated_password(name: str, others: Others) -> None:
    """The Job that makes the password, the server and the caller speak of one Secret."""
    collect(guarded_by(others, name))


@pytest.mark.slow
def test_users_are_in_their_own_database(others: Others, postgres: PostgreSQLServer) -> None:
    """With a role that may not change tables, after a migration by one that may."""
    assert "own-users" in others.releases
    assert postgres.sql("SELECT username FROM users", database="people") == ["root%1"]
    there = "SELECT count(*) FROM information_schema.tables WHERE table_name = 'users'"
    assert postgres.sql(there, database="tracking") == ["0"]


@pytest.mark.slow
def test_uris_with_secrets_are_in_no_config_map(others: Others) -> None:
    """MariaDB's password would stand in the ini's URI: that ini is written in the pod, into memory."""
    installation = others.releases["on-mariadb"]
    found = get("configmap", "on-mariadb-files", installation.namespace)["data"]
    assert "mlflow" in json.dumps(found)
    assert "ßß" not in json.dumps(found, ensure_ascii=False)
    assert not [form for form in forms(f"{ADMIN_PASSWORD}äß€漢 of mlflow") if form in json.dumps(found)]
