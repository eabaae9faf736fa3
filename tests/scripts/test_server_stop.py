"""How the server ends kept connections before it stops: a real uvicorn, with the configuration that we render."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path

import attrs
import pytest
import trustme
from uvicorn.server import Server

from cdk8s_mlflow import Logs
from cdk8s_mlflow.logs import STOP_NOTICE, logging_settings
from cdk8s_mlflow.scripts import server_stop

SCRIPTS = Path(server_stop.__file__).parent
APP = """
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
"""


@attrs.frozen
class Running:
    """A server, and where its notice would lie."""

    port: int
    notice: Path
    trust: ssl.SSLContext | None = None

    opened: list[HTTPConnection] = attrs.field(factory=list)

    def connect(self) -> HTTPConnection:
        """Return a connection that stays open if the server wants it."""
        trust = self.trust
        made = (
            HTTPSConnection("127.0.0.1", self.port, timeout=10, context=trust)
            if trust
            else HTTPConnection("127.0.0.1", self.port, timeout=10)
        )
        self.opened.append(made)
        return made

    def close(self) -> None:
        """Close every connection."""
        for connection in self.opened:
            connection.close()


@contextmanager
def uvicorn(folder: Path, *options: str, trust: ssl.SSLContext | None = None) -> Iterator[Running]:
    """Start a server as MLflow does; it ends at SIGTERM with code 0."""
    notice = folder / "stopping"
    settings = json.dumps(logging_settings(Logs(), "/health")).replace(STOP_NOTICE, str(notice))
    (folder / "logging.json").write_text(settings, encoding="utf-8")
    (folder / "app.py").write_text(APP, encoding="utf-8")
    for name in ("server_logs.py", "server_stop.py"):
        (folder / name).write_bytes((SCRIPTS / name).read_bytes())
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [
        *("--port", str(port), "--log-config", str(folder / "logging.json"), "--app-dir", str(folder)),
        *options,
    ]
    log = folder / "log"
    with log.open("w", encoding="utf-8") as told:
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", *words, "app:app"], cwd="/", stderr=told, start_new_session=True
        )
    server = Running(port, notice, trust)
    try:
        wait(process, log, 2 if "--workers" in options else 1)
        yield server
        # A server waits for the end of TLS by its client.
        server.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) in {0, -signal.SIGTERM}, log.read_text(encoding="utf-8")
    except Exception:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    finally:
        process.wait()
        server.close()
    assert "Traceback" not in log.read_text(encoding="utf-8")


def wait(process: subprocess.Popen[bytes], log: Path, processes: int) -> None:
    """Wait until every process serves: a connection goes to any."""
    end = time.monotonic() + 60
    while log.read_text(encoding="utf-8").count("Application startup complete") < processes:
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.1)


def ask(connection: HTTPConnection) -> str:
    """Send a request; return what becomes of the connection."""
    connection.request("GET", "/")
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"ok")
    return "closed" if answer.getheader("connection") == "close" else "kept"


@pytest.mark.parametrize("options", [("--http", "h11"), ("--http", "httptools"), ("--workers", "2")], ids=" ".join)
def test_kept_connections_end_with_an_answer_once_the_stop_is_announced(options: list[str], tmp_path: Path) -> None:
    """All of them, in every process, and for as long as the server still serves; new ones are answered as well."""
    with uvicorn(tmp_path, *options) as server:
        kept = [server.connect() for _ in range(12)]
        assert {ask(connection) for connection in kept} == {"kept"}
        server.notice.touch()
        time.sleep(0.5)
        assert {ask(connection) for connection in kept} == {"closed"}
        time.sleep(1.2)  # uvicorn has listed its headers anew
        assert {ask(server.connect()) for _ in range(12)} == {"closed"}


def test_kept_connections_end_with_an_answer_over_tls(tmp_path: Path) -> None:
    """The answer is the same; so is the end."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "tls.pem"))
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    with uvicorn(tmp_path, "--ssl-certfile", str(tmp_path / "tls.pem"), trust=trust) as server:
        kept = server.connect()
        assert ask(kept) == "kept"
        server.notice.touch()
        time.sleep(0.5)
        assert ask(kept) == "closed"


def test_a_notice_from_before_the_start_says_nothing(tmp_path: Path) -> None:
    """A container that the kubelet starts anew in its pod finds the notice of the one before."""
    (tmp_path / "stopping").touch()
    os.utime(tmp_path / "stopping", (time.time() - 60,) * 2)
    with uvicorn(tmp_path) as server:
        kept = server.connect()
        time.sleep(0.5)
        assert [ask(kept) for _ in range(3)] == ["kept"] * 3


def test_another_uvicorn_starts_all_the_same(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """It says so in its log, and has no hook."""
    before = object()
    monkeypatch.setattr(Server, "on_tick", before)
    assert server_stop.announced_by("/nowhere").filter(logging.makeLogRecord({}))
    assert "kept connections" in caplog.text
    assert Server.on_tick is before
