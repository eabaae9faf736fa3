"""A namespace for a folder of tests: made for its session, shown when a test fails, deleted at the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .installation import keys
from .kubectl import Pod, apply_manifests, kubectl, wait_for_pods
from .manifests import delete_namespaces, namespace, python_pod

MADE: list[str] = []
"""The namespaces of this session that are shown when a test fails."""


def own_namespace(name: str, request: pytest.FixtureRequest, *, waits: bool = True) -> Iterator[str]:
    """Make an empty "restricted" namespace with the keys of all releases, for as long as the session lasts.

    Its end is not waited for where others of the same kind follow.
    """
    delete_namespaces([name])
    apply_manifests([namespace(name)])
    kubectl("-n", name, "wait", "--for=create", "serviceaccount/default", "--timeout=30s")
    apply_manifests([keys(name)])
    MADE.append(name)
    yield name
    if not request.config.getoption("--keep", default=False):
        delete_namespaces([name], waits=waits)
        MADE.remove(name)


def client_in(name: str) -> Pod:
    """Start a pod with MLflow's client and those of all stores."""
    apply_manifests([python_pod(name, "client")])
    wait_for_pods(name, "client")
    return Pod(name, "client")
