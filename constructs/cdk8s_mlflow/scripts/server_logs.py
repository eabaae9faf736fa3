"""What the server writes to its log: uvicorn loads this by its logging configuration, in each of its processes."""

from __future__ import annotations

import json
import logging
import sys
import threading
from datetime import datetime, timezone
from typing import Any

_FIELDS = 5
"""Of a request, in uvicorn's access log: client, method, path, version of HTTP, status."""
_ANSWERED = 400
"""Below it a status says that all is well."""


class AccessFilter(logging.Filter):
    """Leaves out health checks that were answered, and what follows a ``?``: it may hold names, codes and keys."""

    def __init__(self, health_path: str) -> None:
        super().__init__()
        self._health_path = health_path

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the request is a line."""
        if not isinstance(record.args, tuple) or len(record.args) != _FIELDS:
            return True
        client, method, path, version, status = record.args
        path = str(path).partition("?")[0]
        record.args = (client, method, path, version, status)
        return path != self._health_path or not isinstance(status, int) or status >= _ANSWERED


class JsonFormatter(logging.Formatter):
    """One object per line, whatever a message holds."""

    def __init__(self) -> None:
        super().__init__()
        # What Python itself would write to the log as it comes.
        logging.captureWarnings(capture=True)
        sys.excepthook = _log_failure
        threading.excepthook = lambda failed: _log_failure(failed.exc_type, failed.exc_value, failed.exc_traceback)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        moment = datetime.fromtimestamp(record.created, timezone.utc)
        line = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_request(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def _request(record: logging.LogRecord) -> dict[str, Any]:
    if record.name != "uvicorn.access" or not isinstance(record.args, tuple) or len(record.args) != _FIELDS:
        return {}
    client, method, path, _, status = record.args
    return {"client": client, "method": method, "path": path, "status": status}


def _log_failure(kind: Any, error: Any, trace: Any) -> None:
    logging.getLogger("uvicorn.error").critical("uncaught %s", kind.__name__, exc_info=(kind, error, trace))
