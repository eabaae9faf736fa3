"""What the server's log shows: the classes that uvicorn loads, with the configuration that we render."""

from __future__ import annotations

import json
import logging
import logging.config
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from uvicorn.server import Server

from cdk8s_mlflow import Logs
from cdk8s_mlflow.logs import logging_settings
from cdk8s_mlflow.scripts import server_logs, server_stop

UVICORN = '%s - "%s %s HTTP/%s" %d'
"""How uvicorn writes a request."""


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give every logger and hook back as it was."""
    monkeypatch.setitem(sys.modules, "server_logs", server_logs)
    monkeypatch.setitem(sys.modules, "server_stop", server_stop)
    monkeypatch.setattr(Server, "on_tick", Server.on_tick)
    root, hook, thread_hook = logging.getLogger(), sys.excepthook, threading.excepthook
    handlers, level = list(root.handlers), root.level
    yield
    logging.captureWarnings(capture=False)
    root.handlers, root.level = handlers, level
    sys.excepthook, threading.excepthook = hook, thread_hook
    for name in ("uvicorn", "uvicorn.access", "uvicorn.error", "mlflow"):
        logging.getLogger(name).handlers.clear()


def configure(logs: Logs, health_path: str = "/health") -> None:
    """Do what uvicorn does with the file."""
    settings = json.loads(json.dumps(logging_settings(logs, health_path)))
    for formatter in settings["formatters"].values():
        if formatter["()"].startswith("uvicorn."):  # which is in the pods only
            formatter.clear()
    logging.config.dictConfig(settings)


def ask(path: str, status: int = 200) -> None:
    """Log a request as uvicorn does."""
    logging.getLogger("uvicorn.access").info(UVICORN, "10.0.0.1:50000", "GET", path, "1.1", status)


def lines(text: str) -> list[dict[str, Any]]:
    """Return the lines of a log, each an object."""
    return [json.loads(line) for line in text.splitlines()]


def test_answered_health_checks_are_no_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Eighteen a minute would hide the rest; one that fails is one to see."""
    configure(Logs(), "/mlflow/health")
    for path, status in (
        ("/mlflow/health", 200),
        ("/mlflow/health?x=1", 200),
        ("/health", 200),
        ("/mlflow/health", 503),
    ):
        ask(path, status)
    written = capsys.readouterr().out
    assert [line.split(" ")[3] for line in written.splitlines()] == ["/health", "/mlflow/health"]


@pytest.mark.parametrize("form", ["text", "json"])
def test_nothing_after_a_question_mark_is_logged(form: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A login's code, a signature, a name: they stand there."""
    configure(Logs(format=form))
    ask("/callback?code=sesame&state=1")
    written = capsys.readouterr().out
    assert "/callback" in written
    assert "sesame" not in written


def test_a_request_is_an_object_with_its_parts(capsys: pytest.CaptureFixture[str]) -> None:
    """A log collector finds them without a pattern."""
    configure(Logs(format="json"))
    ask("/api", 404)
    [line] = lines(capsys.readouterr().out)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "INFO",
        "logger": "uvicorn.access",
        "message": '10.0.0.1:50000 - "GET /api HTTP/1.1" 404',
        "client": "10.0.0.1:50000",
        "method": "GET",
        "path": "/api",
        "status": 404,
    }


def test_whatever_is_said_is_one_object_per_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Line breaks, quotes, tracebacks, warnings of Python and uncaught errors too."""
    configure(Logs(format="json"))
    logging.getLogger("mlflow.store").info('a "quoted"\nbreak')
    try:
        Path("/nowhere/at/all").read_text(encoding="utf-8")
    except OSError:
        logging.getLogger("uvicorn.error").exception("oops")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    sys.excepthook(ValueError, ValueError("unforeseen"), None)
    logging.getLogger("some.library").error("told by %s", object)
    found = lines(capsys.readouterr().err)
    assert [line["logger"] for line in found] == [
        "mlflow.store",
        "uvicorn.error",
        "py.warnings",
        "uvicorn.error",
        "some.library",
    ]
    assert found[0]["message"] == 'a "quoted"\nbreak'
    assert "FileNotFoundError" in found[1]["exception"]
    assert "unforeseen" in found[3]["exception"]


def test_a_level_is_that_of_mlflow_and_uvicorn(capsys: pytest.CaptureFixture[str]) -> None:
    """Requests are lines whatever the level is."""
    configure(Logs(level="ERROR", format="json"))
    for name in ("mlflow.server", "uvicorn.error"):
        logging.getLogger(name).warning("not this")
        logging.getLogger(name).error("this")
    ask("/api")
    written = capsys.readouterr()
    assert [line["message"] for line in lines(written.err)] == ["this", "this"]
    assert len(lines(written.out)) == 1


def test_requests_can_be_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    """Uvicorn looks whether somebody listens before it writes one."""
    configure(Logs(access_log=False, format="json"))
    ask("/api")
    written = capsys.readouterr()
    assert (written.out, written.err) == ("", "")
    assert not logging.getLogger("uvicorn.access").hasHandlers()
