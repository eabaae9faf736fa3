"""What an upload of 400 MB costs the server below a prefix, with the prefix taken off on its way and without."""

from __future__ import annotations

import uuid
from functools import partial

import pytest
from e2e.kubectl import Pod
from e2e.uploads import HELD_MIB, STREAMED_MIB, growth

from .releases import ARTIFACTS, PREFIX, PREFIXED_HOST, SECURE_HOST, Server, run_with_login

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def growth_of(server: Server, client: Pod, url: str) -> int:
    """Upload a file from a pod, logged in."""
    return growth([server.pod], url, partial(run_with_login, client))


def file() -> str:
    """Return a new path for an artifact."""
    return f"{ARTIFACTS}/uploads/{uuid.uuid4().hex}.bin"


def test_a_route_streams_uploads(below_prefix: Server, visitor: Pod) -> None:
    """Its filter takes the prefix off: the server passes the file on as it comes."""
    assert growth_of(below_prefix, visitor, f"https://{PREFIXED_HOST}{PREFIX}{file()}") < STREAMED_MIB


def test_an_ingress_of_traefik_streams_uploads(with_tls: Server, tls_visitor: Pod) -> None:
    """Its middleware does the same."""
    assert growth_of(with_tls, tls_visitor, f"https://{SECURE_HOST}{PREFIX}{file()}") < STREAMED_MIB


def test_the_service_alone_holds_uploads(below_prefix: Server, client: Pod) -> None:
    """Why all this is done: below the prefix, MLflow keeps the file in memory. Without it, it does not."""
    origin = f"http://{below_prefix.host}:5000"
    assert growth_of(below_prefix, client, f"{origin}{PREFIX}{file()}") > HELD_MIB
    assert growth_of(below_prefix, client, f"{origin}{file()}") < STREAMED_MIB
