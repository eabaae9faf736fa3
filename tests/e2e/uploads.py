"""What a large upload costs a server in memory."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from e2e.environments import program
from e2e.kubectl import Pod

MEGABYTES = 400
STREAMED_MIB, HELD_MIB = 100, 350
"""By how much the memory rises at most if the server passes the file on, and at least if it keeps the whole of it."""


def growth(servers: Sequence[Pod], url: str, upload: Callable[..., Any]) -> int:
    """Upload a file by ``upload(program, url, megabytes)``; return by how many MiB the memory of a server rose."""
    end = f"/tmp/{uuid.uuid4().hex}"  # noqa: S108 - in the pod
    watches = {server: server.start("python", "-c", program("anonymous_memory"), end) for server in servers}
    for watch in watches.values():
        assert watch.stdout is not None
        assert watch.stdout.readline() == "watching\n"
    ended = {}
    try:
        done = upload("upload", url, str(MEGABYTES))
    finally:
        for server, watch in watches.items():
            server.execute("touch", end)
            ended[server] = watch.communicate(timeout=60)
    assert (done["status"], done["received"]) == (200, MEGABYTES * 1_000_000), done
    return max(_rise(url, *said) for said in ended.values())


def _rise(url: str, output: str, errors: str) -> int:
    assert output, errors
    seen = json.loads(output.splitlines()[-1])
    print(f"\n{url}: {seen['before']} MiB before, {seen['highest']} MiB at most")  # noqa: T201 - for the documentation
    found: int = seen["highest"] - seen["before"]
    return found
