"""Pods that come from outside: they find public names at a door, and trust the certificate that it shows."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Sequence

import attrs

from .kubectl import Pod, apply_manifests, get, wait_for_pods
from .manifests import python_pod

TRUSTED = "/tmp/ca.crt"  # noqa: S108 - in the pod


@attrs.frozen
class Door:
    """Where a controller answers, and which certificate it shows."""

    address: str
    certificate: str


def find_gateway() -> Door:
    """Return the address of the Gateway ``public`` in namespace ``ingress``, and the certificate of its listener.

    MLFLOW_E2E_INGRESS gives another address of the controller, as for all these tests.
    """
    address = os.environ.get("MLFLOW_E2E_INGRESS") or get("service", "traefik", "ingress")["spec"]["clusterIP"]
    held = get("secret", "example-com", "ingress")["data"]["tls.crt"]
    return Door(address, base64.b64decode(held).decode())


def start_visitor(namespace: str, name: str, door: Door, hosts: Sequence[str], cpu: str = "5m") -> Pod:
    """Start a pod that finds hosts at a door, and keeps the door's certificate in a file."""
    manifest = python_pod(namespace, name)
    manifest["spec"]["hostAliases"] = [{"ip": door.address, "hostnames": list(hosts)}]
    manifest["spec"]["containers"][0]["resources"]["requests"]["cpu"] = cpu
    apply_manifests([manifest])
    wait_for_pods(namespace, name)
    pod = Pod(namespace, name)
    pod.execute("python", "-c", f"open({TRUSTED!r}, 'w').write({door.certificate!r})")
    return pod


def scripts(page: str) -> list[str]:
    """Return the scripts and styles that a page loads."""
    return re.findall(r'(?:src|href)="([^"]+\.(?:js|css))"', page)
