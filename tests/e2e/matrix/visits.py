"""A running cell, and how programs and people come to it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import attrs
from e2e.installation import Installation, all_objects
from e2e.kubectl import Pod, objects, secret_value
from e2e.logins.directory import PASSWORDS
from e2e.logins.guarded import basic_header
from e2e.logins.provider import Provider, cookie_header
from e2e.matrix.pages import Request
from e2e.matrix.programs import run_module
from e2e.servers import S3_KEY
from matrix import Cell

from cdk8s_mlflow.plan import plan

Variables = dict[str, str]
AWS = {"AWS_ACCESS_KEY_ID": S3_KEY["id"], "AWS_SECRET_ACCESS_KEY": S3_KEY["key"]}


@attrs.frozen
class Running:
    """A cell that runs."""

    cell: Cell
    installation: Installation
    client: Pod
    provider: Provider | None
    """The provider, where people log in there."""
    before: frozenset[str]
    """What was in the namespace before the release."""
    ready_seconds: float
    failed_before: int
    """How many tests had failed when it started."""

    def variables(self) -> Variables:
        """Return the variables of MLflow's client: the login, and what the construct says about artifacts."""
        planned = plan(self.cell.props(), name=self.installation.name, namespace=self.installation.namespace)
        told = {name: value for name, value in planned.client_environment.items() if name != "MLFLOW_TRACKING_URI"}
        ways = {
            # A client with the store's own key.
            "direct": {"MLFLOW_S3_ENDPOINT_URL": "http://minio.matrix:9000", **AWS},
            # The large file shall go past the server both ways.
            "presigned": {"MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": "100000000"},
        }
        return told | ways.get(self.cell.artifacts, {}) | self._login()

    def _login(self) -> Variables:
        if self.provider is not None:
            return {"MLFLOW_TRACKING_TOKEN": self.provider.token(self.client)}
        if self.cell.login == "none":
            return {}
        name, password = self._account()
        return {"MLFLOW_TRACKING_USERNAME": name, "MLFLOW_TRACKING_PASSWORD": password}

    def _account(self) -> tuple[str, str]:
        if self.cell.login == "ldap":
            return "alice", PASSWORDS["alice"]
        return "admin", secret_value(self.installation.namespace, "mlflow-admin-password", "passphrase")

    def headers_of_a_person(self) -> dict[str, str]:
        """Log somebody in with a browser's means, who may see everything; return what the browser then sends."""
        if self.provider is not None:
            start = "/login" if self.cell.login == "oidc" else "/"
            page = self.provider.log_in(self.client, self.cell.url, "root", start)
            assert page["status"] == 200, page
            return cookie_header(page["cookies"])
        return {} if self.cell.login == "none" else basic_header(*self._account())

    @property
    def origin(self) -> str:
        """What a browser says about the page that asks."""
        parts = urlsplit(self.cell.url)
        return f"{parts.scheme}://{parts.netloc}"

    def ask(self, requests: Iterable[Request], headers: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        """Send requests to the door and return the answers."""
        sent = [
            {"url": self.cell.url + path, "method": method, "body": body, "headers": dict(headers or {})}
            for method, path, body in requests
        ]
        answers: list[dict[str, Any]] = run_module(self.client, "e2e.client.ask", json.dumps(sent))
        return answers


# What others make and unmake at any time.
_PASSING = {"Event", "Endpoints", "EndpointSlice", "Lease"}


def names_in(namespace: str) -> frozenset[str]:
    """Return kind and name of every object of a namespace."""
    every = [*all_objects(namespace), *objects("secrets", namespace)]
    return frozenset(f"{item['kind']}/{item['metadata']['name']}" for item in every if item["kind"] not in _PASSING)
