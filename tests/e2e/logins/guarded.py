"""A server with a login, what one must say to get in, and how these tests ask it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import attrs
from e2e.installation import Installation
from e2e.kubectl import Pod, kubectl

Headers: TypeAlias = Mapping[str, str]
Request: TypeAlias = tuple[str, str, Headers] | tuple[str, str, Headers, Any]
"""Method, path, headers, and for a request that writes what it sends: JSON, or a text
as it is."""
Route: TypeAlias = tuple[str, str]
"""Method and path."""
CLIENT = Path(__file__).parent / "client"
EXPERIMENTS = "/api/2.0/mlflow/experiments"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"


@attrs.frozen
class Guarded:
    """A server with a login."""

    client: Pod
    """A pod that the server's policy lets in."""
    installation: Installation
    right: Headers
    """With which somebody gets in who may do everything."""
    wrong: Mapping[str, Headers]
    """With which nobody gets in, each with a name."""

    @property
    def prefix(self) -> str:
        """The path below which it answers."""
        return self.installation.props.static_prefix or ""


@attrs.frozen
class Answer:
    """How a server answered."""

    status: int
    text: str
    headers: dict[str, str]

    @property
    def said(self) -> Any:
        """The answer's JSON."""
        return json.loads(self.text)


def every_route(installation: Installation) -> list[Route]:
    """Return every route of the app that runs in the server's own pod, with each of its methods."""
    pod = installation.pods()[0]
    program = CLIENT.joinpath("routes.py").read_text(encoding="utf-8")
    output = kubectl("-n", pod.namespace, "exec", "-i", pod.name, "-c", "mlflow", "--", "python", "-", stdin=program)
    found = [(method, path or "/") for method, path in json.loads(output.splitlines()[-1])]
    # The whole of MLflow: its older API, and what FastAPI serves itself.
    paths = {path.removeprefix(installation.props.static_prefix or "") for _, path in found}
    assert len(paths) > 400
    assert paths >= {
        "/",
        "/graphql",
        "/version",
        "/v1/traces",
        "/gateway/mlflow/v1/chat/completions",
        "/ajax-api/3.0/jobs/1",
        "/ajax-api/3.0/mlflow/assistant/config",
        "/api/2.0/mlflow/experiments/create",
        "/api/2.0/mlflow-artifacts/artifacts/a/b",
    }, sorted(paths)
    return found


def basic_header(user: str, password: str) -> dict[str, str]:
    """Return the header of a user name and a password."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def ask(client: Pod, uri: str, requests: Iterable[Request]) -> list[Answer]:
    """Send requests from a pod to a server, eight at a time, and return the answers in their order."""
    program = CLIENT.joinpath("knock.py").read_text(encoding="utf-8")
    command = ("-n", client.namespace, "exec", "-i", client.name, "--", "python", "-c", program, uri)
    output = kubectl(*command, stdin=json.dumps(list(requests)), timeout=600)
    return [Answer(*answer) for answer in json.loads(output)]


def ask_once(client: Pod, uri: str, *request: Any) -> Answer:
    """Send one request."""
    [answer] = ask(client, uri, [request])
    return answer


def status(client: Pod, uri: str, headers: Headers, path: str = f"{EXPERIMENTS}/search?max_results=1") -> int:
    """Return the status of a request that reads."""
    return ask_once(client, uri, "GET", path, headers).status
