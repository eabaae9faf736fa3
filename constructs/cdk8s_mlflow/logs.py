"""The logging configuration of the server's processes, in the shape that Python and uvicorn read."""

from __future__ import annotations

from cdk8s_mlflow.observability import Logs
from cdk8s_mlflow.peers import Manifest

LOGGING_FILE = "logging.json"
"""Its ending tells uvicorn how to read it."""
STOP_NOTICE = "/tmp/stopping"  # noqa: S108 - the pod's own /tmp
"""A file that the hook before the stop leaves."""
_TIME = "%Y/%m/%d %H:%M:%S"


def logging_settings(logs: Logs, health_path: str) -> Manifest:
    """Return the configuration; ``server_logs`` and ``server_stop`` are our own scripts of these names."""
    own = logs.level if logs.level in {"ERROR", "CRITICAL"} else "WARNING"
    json_only = {
        "root": {"handlers": ["default"], "level": "WARNING"},
        # As MLflow itself sets them.
        "mlflow": {"handlers": ["default"], "level": logs.level, "propagate": False},
        **{
            name: {"handlers": ["default"], "level": own, "propagate": False}
            for name in ("alembic", "huey", "sqlalchemy.engine")
        },
    }
    loggers = {
        "uvicorn": {"handlers": ["default"], "level": logs.level, "propagate": False},
        "uvicorn.access": {
            "handlers": ["access"] if logs.access_log else [],
            "level": "INFO",
            "propagate": False,
        },
        **(json_only if logs.format == "json" else {}),
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "requests": {"()": "server_logs.AccessFilter", "health_path": health_path},
            # No handler has it: being made is all that it does.
            "stop": {"()": "server_stop.announced_by", "notice": STOP_NOTICE},
        },
        "formatters": _FORMATTERS[logs.format],
        "handlers": {
            "default": {"class": "logging.StreamHandler", "formatter": "default", "stream": "ext://sys.stderr"},
            "access": {
                "class": "logging.StreamHandler",
                "formatter": "access",
                "filters": ["requests"],
                "stream": "ext://sys.stdout",
            },
        },
        "loggers": loggers,
    }


_FORMATTERS = {
    "json": {name: {"()": "server_logs.JsonFormatter"} for name in ("default", "access")},
    # As MLflow's own configuration has them.
    "text": {
        "default": {
            "()": "uvicorn.logging.DefaultFormatter",
            "fmt": "%(asctime)s %(levelprefix)s %(message)s",
            "datefmt": _TIME,
        },
        "access": {
            "()": "uvicorn.logging.AccessFormatter",
            "fmt": '%(asctime)s %(levelprefix)s %(client_addr)s - "%(request_line)s" %(status_code)s',
            "datefmt": _TIME,
        },
    },
}
