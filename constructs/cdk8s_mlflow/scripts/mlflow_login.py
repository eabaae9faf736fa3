"""Who asks, where MLflow lets another function decide: the bridge between MLflow's basic-auth app and that function.

MLflow calls :func:`authenticate` for each request that needs a login. The administrator of ``mlflow_login.json`` is
MLflow's own user, with the password that MLflow keeps; the function of the settings decides about everybody else,
and never makes anybody the administrator.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

SETTINGS = json.loads(Path(__file__).with_name("mlflow_login.json").read_text(encoding="utf-8"))
LONGEST_NAME = 255
"""As MLflow's table has it."""
GATEWAY_HEADER = "X-MLflow-Authorization"


def authenticate() -> Any:
    """Return who asks as ``Authorization``, or the response that refuses."""
    from flask import request
    from mlflow.server.auth import authenticate_request_basic_auth
    from werkzeug.datastructures import Authorization

    gateway = request.path.startswith(f"{SETTINGS['static_prefix']}/gateway/")
    if gateway and (header := request.headers.get(GATEWAY_HEADER)):
        # There, Authorization may hold a key of the provider behind the gateway.
        request.environ["HTTP_AUTHORIZATION"] = header
    given = request.authorization
    if given is not None and given.type == "basic":
        if gateway and _is_own_process(given.password or ""):
            return given
        if is_administrator(given.username or ""):
            return authenticate_request_basic_auth()
    answer = decide()()
    if not isinstance(answer, Authorization):
        return answer
    if not isinstance(answer.username, str) or is_administrator(answer.username):
        print(f"login: {answer.username!r} is no name for a user that is not the administrator; refused", flush=True)
        return refusal()
    return refusal() if user_called(answer.username) is None else answer


def is_administrator(name: str) -> bool:
    """Whether this is the administrator's name, in any case: some databases tell no difference."""
    return name.strip().casefold() == str(SETTINGS["administrator"]).casefold()


@functools.cache
def decide() -> Callable[[], Any]:
    """Return the function of the settings."""
    sys.path[:0] = SETTINGS["directories"]
    module, _, name = SETTINGS["function"].partition(":")
    function: Callable[[], Any] = getattr(importlib.import_module(module), name)
    return function


def user_called(name: str) -> Any:
    """Return MLflow's user of this name, made if it is new; None if there can be none."""
    from mlflow.exceptions import MlflowException
    from mlflow.server.auth import store

    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        print(f"login: {name[:LONGEST_NAME]!r} is no name for a user; refused", flush=True)
        return None
    try:
        user = store.get_user(name)
    except MlflowException:
        try:
            user = store.create_user(name, secrets.token_urlsafe(32))
        except MlflowException:  # another process was faster, or there can be none
            user = store.get_user(name)
    if user.username != name:
        # MySQL finds users by names that differ in case, accents and blanks.
        print(f"login: {name!r} would be the user {user.username!r} to the database; refused", flush=True)
        return None
    return user


def refusal() -> Any:
    """Return the response to somebody who is not known."""
    from mlflow.server.auth import make_basic_auth_response

    return make_basic_auth_response()


def _is_own_process(password: str) -> bool:
    """Whether a job of this very server calls its gateway: MLflow gives such jobs a token of its own."""
    token = os.environ.get("_MLFLOW_INTERNAL_GATEWAY_AUTH_TOKEN", "")
    return bool(token) and secrets.compare_digest(password.encode(), token.encode())
