"""A container before its pod is planned: what it runs, and what it needs."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Literal

import attrs

from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.kubernetes import ResourceRequirements
from cdk8s_mlflow.needs import ConfigFile, Needs
from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.values import canonical_quantity


@frozen(kw_only=True)
class Health:
    """What the kubelet asks, to learn whether a container works."""

    path: str | None
    """None asks only whether it takes connections."""
    port: int | str = "http"
    """A number where the port belongs to another container."""
    scheme: Literal["HTTPS"] | None = None


@frozen(kw_only=True)
class Container:
    """A container before its pod is planned: what it runs and what it needs."""

    name: str
    image: str | None = None
    """The release's image if left out."""
    is_sidecar: bool = False
    """Whether it is an init container that keeps running."""
    command: tuple[str, ...]
    args: tuple[str, ...] = ()
    needs: Needs
    extra_env: tuple[Manifest, ...] = ()
    env_from: tuple[Manifest, ...] = ()
    extra_mounts: tuple[Manifest, ...] = ()
    resources: Manifest
    ports: Mapping[str, int] = attrs.field(factory=dict)
    """By name."""
    health: Health | None = None
    startup_probe: Manifest | None = None
    pre_stop: tuple[str, ...] | None = None
    """What the kubelet runs in it, and waits for, before it tells it to stop."""
    stays_inside: bool = False
    """Whether it asks nobody outside of its pod: then it is told of no proxy."""


def seconds(time: timedelta) -> int:
    """Return whole seconds, as Kubernetes counts."""
    return int(time.total_seconds())


def config_file(name: str, content: object) -> ConfigFile:
    """Return a JSON file."""
    return ConfigFile(name, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


SCRIPTS = Path(__file__).with_name("scripts")
"""The programs that run inside pods."""


@functools.cache
def script(name: str) -> ConfigFile:
    """Return one of the programs of :mod:`cdk8s_mlflow.scripts`."""
    return ConfigFile(name, (SCRIPTS / name).read_text(encoding="utf-8"))


def canonical_resources(resources: ResourceRequirements | None) -> Manifest:
    """Return requests and limits as the API server writes them back; nothing for None."""
    parts = {"requests": resources.get("requests"), "limits": resources.get("limits")} if resources else {}
    return {
        part: {name: canonical_quantity(amount) for name, amount in amounts.items()}
        for part, amounts in parts.items()
        if amounts
    }


def helper_resources(request: str, limit: str) -> Manifest:
    """Return requests and limits of a container that works for seconds; ``request`` and ``limit`` are of memory."""
    return {"requests": {"cpu": "100m", "memory": request}, "limits": {"memory": limit}}
