"""Every door of every variant is one that the API server takes, by the real definitions of its kind."""

from __future__ import annotations

import json

import pytest
from e2e.kubectl import attempt
from releases import Manifest, render
from variants import VARIANTS

pytestmark = pytest.mark.e2e

KINDS = {
    "HTTPRoute": "httproutes.gateway.networking.k8s.io",
    "Middleware": "middlewares.traefik.io",
    "ServersTransport": "serverstransports.traefik.io",
    "Certificate": "certificates.cert-manager.io",
}
"""Kinds whose definitions a cluster may lack."""
ALWAYS = {"Service", "Ingress", "NetworkPolicy"}


def doors(namespace: str, kinds: set[str]) -> list[Manifest]:
    """Return the doors of every variant, each under names of its own."""
    found: list[Manifest] = []
    for number, props in enumerate(VARIANTS.values()):
        name = f"v{number}"
        made = render(props, name=name, namespace=namespace).objects
        found += [item for item in made if item["kind"] in kinds and item["metadata"]["name"].startswith(name)]
    for item in found:
        item["metadata"]["namespace"] = namespace
    return found


def test_the_api_server_takes_every_door(room: str) -> None:
    """Without a warning; the Gateway API's own definition judges routes."""
    known = attempt("get", "customresourcedefinitions", "-o", "name").stdout
    kinds = ALWAYS | {kind for kind, name in KINDS.items() if name in known}
    assert "HTTPRoute" in kinds
    items = doors(room, kinds)
    assert len(items) > len(VARIANTS)
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    done = attempt("create", "--dry-run=server", "-f", "-", stdin=listed)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
