"""Ends kept connections in order before the server stops: uvicorn loads this by its logging configuration.

It is loaded in each of uvicorn's processes, which no other option of uvicorn lets code of ours be. Once the kubelet's
hook before the stop has left its notice, every answer says ``Connection: close``, so a client or proxy opens its next
connection elsewhere. Without it a request could be on its way in the moment in which uvicorn closes the connection.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

CLOSE = (b"connection", b"close")


def announced_by(notice: str) -> logging.Filter:
    """Make uvicorn's servers in this process heed a file; return a filter that filters nothing.

    A uvicorn that is built otherwise starts all the same, and stops as it would without this.
    """
    try:
        server: Any = importlib.import_module("uvicorn.server").Server
        server.on_tick = _heeding(server.on_tick, Path(notice))
    except Exception as error:  # noqa: BLE001 - nothing here is worth a server that does not start
        text = "kept connections are not ended in order before a stop: this uvicorn is another (%r)"
        logging.getLogger("uvicorn.error").warning(text, error)
    return logging.Filter()


def _heeding(tick: Callable[..., Awaitable[bool]], notice: Path) -> Callable[..., Awaitable[bool]]:
    """Return what uvicorn does every tenth of a second, and a look for the notice."""
    if not inspect.iscoroutinefunction(tick):
        raise TypeError(tick)
    started = time.time()

    async def on_tick(self: Any, *arguments: Any) -> bool:
        ends = await tick(self, *arguments)
        # What lies there from before is of a container that the kubelet has started anew in the same pod.
        if _last_change(notice) > started:
            with contextlib.suppress(AttributeError):
                _close_from_now_on(self.server_state)
        return ends

    return on_tick


def _last_change(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0


def _close_from_now_on(state: Any) -> None:
    """Add the header to those of every answer, which uvicorn lists anew every second."""
    if CLOSE not in state.default_headers:
        state.default_headers = [*state.default_headers, CLOSE]
