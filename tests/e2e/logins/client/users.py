"""As the administrator, make a user and share an experiment by MLflow's own clients; print what the user may then do.

``users.py URI NAME``; the administrator's credentials come by the environment, as MLflow's clients read them.
"""

import json
import os
import secrets
import sys
from collections.abc import Callable

import mlflow  # type: ignore[import-not-found, unused-ignore]
from mlflow.exceptions import MlflowException  # type: ignore[import-not-found, unused-ignore]
from mlflow.server import get_app_client  # type: ignore[import-not-found, unused-ignore]


def outcome(client: mlflow.MlflowClient, experiment: str) -> list[str]:
    """Return how reading and writing ends."""
    return [end_of(lambda: client.get_experiment(experiment)), end_of(lambda: client.create_run(experiment))]


def end_of(action: Callable[[], object]) -> str:
    """Do something and return how it ends."""
    try:
        action()
    except MlflowException as error:
        return str(error.error_code)
    return "done"


def main(uri: str, name: str) -> dict[str, object]:
    """Return what the new user may do before and after the experiment is shared, and the other users."""
    auth = get_app_client("basic-auth", tracking_uri=uri)
    client = mlflow.MlflowClient(uri)
    experiment = client.create_experiment(f"of the administrator, for {name}")
    password = secrets.token_urlsafe(12)
    auth.create_user(name, password)
    administrator = dict(os.environ)
    os.environ.update(MLFLOW_TRACKING_USERNAME=name, MLFLOW_TRACKING_PASSWORD=password)
    before = outcome(client, experiment)
    os.environ.update(administrator)
    auth.grant_user_permission(name, "experiment", experiment, "EDIT")
    os.environ.update(MLFLOW_TRACKING_USERNAME=name, MLFLOW_TRACKING_PASSWORD=password)
    after = outcome(client, experiment)
    makes_users = end_of(lambda: auth.create_user(f"{name}-of-{name}", password))
    return {"before": before, "after": after, "makes users": makes_users, "password": password}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))  # noqa: T201 - the answer
