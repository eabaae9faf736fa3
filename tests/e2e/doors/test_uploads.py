"""What an upload of 400 MB costs the server below a prefix, with the prefix taken off on its way and without."""

from __future__ import annotations

import json
import uuid

import pytest
from e2e.kubectl import Pod

from .releases import ARTIFACTS, PREFIX, PREFIXED_HOST, SECURE_HOST, Server, program, run_with_login

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

MEGABYTES = 400
STREAMED_MIB, HELD_MIB = 100, 350


def growth(server: Server, client: Pod, url: str) -> int:
    """Upload a file and return by how many MiB the server's memory rose meanwhile."""
    end = f"/tmp/{uuid.uuid4().hex}"  # noqa: S108 - in the pod
    watch = server.pod.start("python", "-c", program("anonymous_memory"), end)
    assert watch.stdout is not None
    assert watch.stdout.readline() == "watching\n"
    try:
        done = run_with_login(client, "upload", url, str(MEGABYTES))
    finally:
        server.pod.execute("touch", end)
        output, errors = watch.communicate(timeout=60)
    assert (done["status"], done["received"]) == (200, MEGABYTES * 1_000_000), done
    assert output, errors
    seen = json.loads(output.splitlines()[-1])
    print(f"\n{url}: {seen['before']} MiB before, {seen['highest']} MiB at most")  # noqa: T201 - for the documentation
    found: int = seen["highest"] - seen["before"]
    return found


def file() -> str:
    """Return a new path for an artifact."""
    return f"{ARTIFACTS}/uploads/{uuid.uuid4().hex}.bin"


def test_a_route_streams_uploads(below_prefix: Server, visitor: Pod) -> None:
    """Its filter takes the prefix off: the server passes the file on as it comes."""
    assert growth(below_prefix, visitor, f"https://{PREFIXED_HOST}{PREFIX}{file()}") < STREAMED_MIB


def test_an_ingress_of_traefik_streams_uploads(with_tls: Server, tls_visitor: Pod) -> None:
    """Its middleware does the same."""
    assert growth(with_tls, tls_visitor, f"https://{SECURE_HOST}{PREFIX}{file()}") < STREAMED_MIB


def test_the_service_alone_holds_uploads(below_prefix: Server, client: Pod) -> None:
    """Why all this is done: below the prefix, MLflow keeps the file in memory. Without it, it does not."""
    origin = f"http://{below_prefix.host}:5000"
    assert growth(below_prefix, client, f"{origin}{PREFIX}{file()}") > HELD_MIB
    assert growth(below_prefix, client, f"{origin}{file()}") < STREAMED_MIB
