"""A login by a function of the user's own: bearer tokens, where MLflow knows passwords only."""

from __future__ import annotations

import pytest

from .guarded import EXPERIMENTS, Guarded, Headers, ask, ask_once, status

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

ROBOT = {"Authorization": "Bearer a-token"}
WRONG: dict[str, Headers] = {
    "another token": {"Authorization": "Bearer another-token"},
    "a token for the administrator, in another case": {"Authorization": "Bearer admin-token"},
    "nothing": {},
}
PATHS = (f"{EXPERIMENTS}/search?max_results=1", "/ajax-api/3.0/jobs/1", "/api/2.0/mlflow-artifacts/artifacts?path=x")
"""Of the older API, and of what FastAPI serves itself."""


def test_the_function_says_who_asks(custom: Guarded) -> None:
    """Its module is in the chart, and imports another one of a ConfigMap; the user is made when he first comes."""
    current = ask_once(custom.client, custom.installation.uri, "GET", "/api/2.0/mlflow/users/current", ROBOT)
    assert current.status == 200, current
    assert current.said["user"] == current.said["user"] | {"username": "robot", "is_admin": False}
    made = ask_once(custom.client, custom.installation.uri, "POST", f"{EXPERIMENTS}/create", ROBOT, {"name": "robots'"})
    assert made.status == 200, made


def test_the_function_says_how_to_refuse(custom: Guarded) -> None:
    """Its own response reaches the client, from every kind of route."""
    answers = ask(custom.client, custom.installation.uri, [("GET", path, {}) for path in PATHS])
    assert [(answer.status, answer.text, answer.headers.get("www-authenticate")) for answer in answers] == [
        (401, "who are you?", "Bearer")
    ] * len(PATHS)


@pytest.mark.parametrize("wrong", WRONG)
def test_nobody_else_gets_in(wrong: str, custom: Guarded) -> None:
    """A function that names the administrator, in whatever case, is not believed."""
    answers = ask(custom.client, custom.installation.uri, [("GET", path, WRONG[wrong]) for path in PATHS])
    assert {answer.status for answer in answers} == {401}


def test_the_administrator_has_a_password_still(custom: Guarded) -> None:
    """With which the pods of the chart log in, whatever the function does."""
    assert status(custom.client, custom.installation.uri, custom.right) == 200
