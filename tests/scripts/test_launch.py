"""The launcher that gives a process URIs with secrets, for drivers that take them nowhere else."""

from __future__ import annotations

import base64
import json
import os
import string
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import attrs
import pytest

from cdk8s_mlflow.scripts import launch

SETTINGS = {
    "URI": {
        "text": "mssql+pymssql://${user}:${password}@db:1433/mlflow",
        "variables": {"user": "CREDENTIAL_0", "password": "CREDENTIAL_1"},
    }
}


@pytest.mark.parametrize(
    "password", [string.printable.strip(), "p@s/s#w%41:?d&$x", "pässwörd 🔑", "${user}", " "], ids=list("abcde")
)
def test_any_password_comes_out_of_the_uri_as_it_was(password: str) -> None:
    """Every character that means something in a URI is encoded, and a blank is no plus."""
    environment = {"CREDENTIAL_0": "alice", "CREDENTIAL_1": password}
    parts = urlsplit(launch.complete(SETTINGS, environment)["URI"])
    assert (parts.hostname, parts.port, parts.path) == ("db", 1433, "/mlflow")
    assert unquote(parts.username or "") == "alice"
    assert unquote(parts.password or "") == password


def test_the_process_does_not_get_the_parts() -> None:
    """The URI is enough; everything else stays."""
    environment = {"CREDENTIAL_0": "alice", "CREDENTIAL_1": "x", "HOME": "/tmp"}  # noqa: S108
    assert set(launch.complete(SETTINGS, environment)) == {"URI", "HOME"}


def test_the_launcher_becomes_the_program(tmp_path: Path) -> None:
    """It has the same process id, so it gets every signal; the status is the program's."""
    settings = tmp_path / "launch.json"
    settings.write_text(json.dumps(SETTINGS), encoding="utf-8")
    program = "import os, sys; print(os.getpid(), os.environ['URI'], *sys.argv[1:]); sys.exit(7)"
    with subprocess.Popen(
        [sys.executable, launch.__file__, str(settings), sys.executable, "-c", program, "--port", "5000"],
        env={"PATH": os.environ["PATH"], "CREDENTIAL_0": "alice", "CREDENTIAL_1": "a b"},
        stdout=subprocess.PIPE,
        text=True,
    ) as started:
        output, _ = started.communicate()
    assert output == f"{started.pid} mssql+pymssql://alice:a%20b@db:1433/mlflow --port 5000\n"
    assert started.returncode == 7


# --- Access tokens -----------------------------------------------------------------------------------------


@attrs.define
class Provider:
    """An OAuth provider's two answers, and what it was asked."""

    url: str
    methods: list[str] | None
    status: int = 200
    failures: int = 0
    """How many requests it refuses at first, as a provider that starts."""
    asked: list[dict[str, str]] = attrs.field(factory=list)

    def answer(self, path: str, header: str | None, body: str) -> tuple[int, dict[str, Any]]:
        """Return a status and a document."""
        if self.failures:
            self.failures -= 1
            return 503, {}
        if path == "/discovery":
            methods = {} if self.methods is None else {"token_endpoint_auth_methods_supported": self.methods}
            return 200, {"token_endpoint": f"{self.url}/token", **methods}
        self.asked.append({key: values[0] for key, values in parse_qs(body).items()} | {"header": header or ""})
        return self.status, {"access_token": "a.b.c"} if self.status == 200 else {"error": "invalid_client"}


@contextmanager
def running(methods: list[str] | None = None, status: int = 200, failures: int = 0) -> Iterator[Provider]:
    """Start a provider."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            status, document = provider.answer(self.path, self.headers.get("Authorization"), body)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(document).encode())

        do_POST = do_GET  # noqa: N815 - the name that the base class looks for

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = Provider(f"http://127.0.0.1:{server.server_port}", methods, status, failures)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()


def fetched(provider: Provider) -> dict[str, str]:
    """Return the environment with a token."""
    token = {
        "discovery_url": f"{provider.url}/discovery",
        "client_id": "ml:flow",
        "parameters": {"audience": "api"},
        "variables": {"client_secret": "CREDENTIAL_0"},
    }
    return launch.complete({"MLFLOW_TRACKING_TOKEN": token}, {"CREDENTIAL_0": "p%s:w", "HOME": "/"})


def test_a_token_is_fetched_and_the_secret_is_not_passed_on() -> None:
    """The form has what the provider asks for, and the program gets the token alone."""
    with running(["client_secret_basic", "client_secret_post"]) as provider:
        assert fetched(provider) == {"HOME": "/", "MLFLOW_TRACKING_TOKEN": "a.b.c"}
    assert provider.asked == [
        {
            "grant_type": "client_credentials",
            "client_id": "ml:flow",
            "client_secret": "p%s:w",
            "audience": "api",
            "header": "",
        }
    ]


@pytest.mark.parametrize("methods", [None, ["client_secret_basic", "private_key_jwt"]], ids=["silent", "basic"])
def test_the_secret_goes_where_the_provider_wants_it(methods: list[str] | None) -> None:
    """A provider that takes no secret in the form gets it in the header, each part encoded."""
    with running(methods) as provider:
        assert fetched(provider)["MLFLOW_TRACKING_TOKEN"] == "a.b.c"
    [asked] = provider.asked
    assert "client_secret" not in asked
    assert base64.b64decode(asked["header"].removeprefix("Basic ")).decode() == "ml%3Aflow:p%25s%3Aw"


def test_a_provider_that_starts_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may come with the same rollout."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    with running(["client_secret_post"], failures=3) as provider:
        assert fetched(provider)["MLFLOW_TRACKING_TOKEN"] == "a.b.c"


def test_rejects_to_go_on_without_a_token() -> None:
    """A provider that refuses is not asked again, and its reason is the last line, without the secret."""
    with running(["client_secret_post"], status=401) as provider, pytest.raises(SystemExit) as failed:
        fetched(provider)
    assert str(failed.value) == 'launch: the provider refuses a token (401): {"error": "invalid_client"}'
