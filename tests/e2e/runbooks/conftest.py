"""A namespace for each bad day, and a client that survives all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from e2e.kubectl import Pod
from e2e.room import client_in, own_namespace

from .page import Reader

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
FOLLOWED: set[str] = set()


@pytest.fixture(scope="session")
def client(request: pytest.FixtureRequest) -> Iterator[Pod]:
    """Start a pod with MLflow's client, whose namespace the releases let in."""
    for name in own_namespace(f"runbooks-client-{WORKER}", request):
        yield client_in(name)


@pytest.fixture
def reader(request: pytest.FixtureRequest) -> Iterator[Reader]:
    """Make the namespace of a release for one bad day, and somebody who follows the page there."""
    for name in own_namespace(f"runbooks-{WORKER}", request):
        yield Reader(name, FOLLOWED)
