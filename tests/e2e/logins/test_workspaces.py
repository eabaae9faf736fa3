"""Workspaces: what one team does in its own, who sees it, and that there is no way back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import attrs
import pytest
from e2e.installation import Installation, applied, release
from e2e.kubectl import Pod, apply_manifests, attempt, kubectl, wait_until
from e2e.manifests import secret
from e2e.servers import PostgreSQLServer

from cdk8s_mlflow import BasicAuth, ExistingSecret, GarbageCollection, MlflowProps, PostgreSQL, Workspaces

from .conftest import ADMIN_PASSWORD, SHARED
from .guarded import EXPERIMENTS, Answer, Guarded, Headers, ask_once, basic_header

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SEARCH = f"{EXPERIMENTS}/search?max_results=100"
WORKSPACES = "/api/3.0/mlflow/workspaces"


@pytest.fixture(scope="module")
def teams(main: str, client: Pod, postgres: PostgreSQLServer) -> Iterator[Guarded]:
    """Start a server with workspaces and a login."""
    postgres.make_database("teams", "teams", "teams's password")
    apply_manifests(
        [
            secret(main, "teams-database", {"password": "teams's password"}),
            secret(main, "teams-admin", {"password": ADMIN_PASSWORD}),
        ]
    )
    props = MlflowProps(
        backend_store=PostgreSQL(
            host="postgresql", user="teams", database="teams", password=ExistingSecret("teams-database", "password")
        ),
        authentication=BasicAuth(
            admin_password=ExistingSecret("teams-admin", "password"),
            grant_default_workspace_access=True,
            auth_cache_ttl=timedelta(0),
        ),
        workspaces=Workspaces(),
        artifact_store=SHARED,
        garbage_collection=GarbageCollection(older_than=timedelta(seconds=1)),
    )
    installation = release(main, "teams", props)
    with applied(installation):
        installation.wait(600)
        yield Guarded(client, installation, basic_header("admin", ADMIN_PASSWORD), {})


def asked(teams: Guarded, method: str, path: str, headers: Headers, *sent: object) -> Answer:
    """Ask the server."""
    return ask_once(teams.client, teams.installation.uri, method, path, headers, *sent)


def inside(headers: Headers, workspace: str) -> dict[str, str]:
    """Return headers of a request in a workspace."""
    return {**headers, "X-MLFLOW-WORKSPACE": workspace}


def names(answer: Answer) -> set[str]:
    """Return the names of the experiments that were found."""
    assert answer.status == 200, answer
    return {item["name"] for item in json.loads(answer.text).get("experiments", [])}


def test_a_workspace_holds_what_was_made_in_it(teams: Guarded) -> None:
    """An experiment of one workspace is in no other; whoever has no role in it sees nothing of it."""
    right = teams.right
    made = asked(teams, "POST", WORKSPACES, right, {"name": "team-a"})
    assert made.status in {200, 201}, made
    team = inside(right, "team-a")
    created = asked(teams, "POST", f"{EXPERIMENTS}/create", team, {"name": "of team a"})
    assert created.status == 200, created
    run = asked(teams, "POST", "/api/2.0/mlflow/runs/create", team, {"experiment_id": created.said["experiment_id"]})
    assert run.status == 200, run
    assert "of team a" in names(asked(teams, "GET", SEARCH, team))
    assert "of team a" not in names(asked(teams, "GET", SEARCH, right))
    user = {"username": "outsider", "password": "a long password"}
    assert asked(teams, "POST", "/api/2.0/mlflow/users/create", right, user).status == 200
    outsider = basic_header(*user.values())
    assert "Default" in names(asked(teams, "GET", SEARCH, outsider)), "grant_default_workspace_access"
    other = asked(teams, "GET", SEARCH, inside(outsider, "team-a"))
    assert other.status == 403 or names(other) == set()


def test_nobody_learns_which_workspaces_there_are(teams: Guarded) -> None:
    """Without a login, a workspace that is there and one that is not are refused alike."""
    there, not_there = (asked(teams, "GET", SEARCH, inside({}, name)) for name in ("team-a", "team-z"))
    assert there.status == 401
    assert not_there.status in {401, 404}


def test_garbage_is_collected_in_every_workspace(teams: Guarded) -> None:
    """What a team has deleted in its workspace goes too."""
    team = inside(teams.right, "team-a")
    created = asked(teams, "POST", f"{EXPERIMENTS}/create", team, {"name": "to be collected"})
    run = asked(teams, "POST", "/api/2.0/mlflow/runs/create", team, {"experiment_id": created.said["experiment_id"]})
    run_id = run.said["run"]["info"]["run_id"]
    assert asked(teams, "POST", "/api/2.0/mlflow/runs/delete", team, {"run_id": run_id}).status == 200
    namespace = teams.installation.namespace
    kubectl("-n", namespace, "create", "job", "teams-collect", "--from=cronjob/teams-gc")
    done = attempt(
        "-n", namespace, "wait", "--for=condition=Complete", "job/teams-collect", "--timeout=300s", timeout=310
    )
    assert done.returncode == 0, kubectl("-n", namespace, "logs", "job/teams-collect", "--all-containers")
    assert asked(teams, "GET", f"/api/2.0/mlflow/runs/get?run_id={run_id}", team).status == 404


def test_there_is_no_way_back(teams: Guarded) -> None:
    """Without workspaces the server does not start any more, and MLflow says why; with them it does again."""
    installation = teams.installation
    login = attrs.evolve(installation.props.authentication, grant_default_workspace_access=False)  # type: ignore[misc]
    without = attrs.evolve(installation.props, workspaces=None, authentication=login)
    back: Installation = attrs.evolve(installation, props=without)
    back.apply()
    wait_until(
        "MLflow says why it does not start",
        lambda: (
            "Cannot disable workspaces"
            in attempt(
                "-n",
                back.namespace,
                "logs",
                "-l",
                f"{back.selector},app.kubernetes.io/component=server",
                "-c",
                "mlflow",
                "--tail=-1",
            ).stdout
        ),
        timeout=600,
    )
    installation.apply()
    installation.wait(600)
    assert "of team a" in names(asked(teams, "GET", SEARCH, inside(teams.right, "team-a")))
