"""Every object name, the labels and the selectors: a contract, since selectors are immutable in Kubernetes.

Changing anything here is a breaking change, with a line under "Changed manifests" in CHANGELOG.md.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Literal

from cdk8s_mlflow.frozen import frozen

Component = Literal["server", "secrets", "gc", "backup", "restore", "smoke-test", "periodic", "redis"]
"""The kinds of pod; each has a selector of its own, so that no Job's pod answers for the Service."""


@frozen(kw_only=True)
class Naming:
    """Names, labels and selectors of one release."""

    release: str
    """The base of every object's name, and the value of ``app.kubernetes.io/instance``."""
    app: str = "mlflow"
    """The value of ``app.kubernetes.io/name``."""
    version: str = ""
    """The image's tag, for ``app.kubernetes.io/version``; never part of a selector."""
    adopted: Mapping[str, str] | None = None
    """The selector of a server that ran before under another master; it knows no component."""

    def object(self, suffix: str | None = None) -> str:
        """Return an object's name: the release's, or the release's with a suffix."""
        return self.release if suffix is None else f"{self.release}-{suffix}"

    def workload(self, component: Component) -> dict[str, str]:
        """Return the selector of a Deployment, of its Service and its budget: an adopted server's is what it was."""
        if component == "server" and self.adopted is not None:
            return dict(self.adopted)
        return self.selector(component)

    def selector(self, component: Component) -> dict[str, str]:
        """Return the labels that tell the pods of one kind from all others."""
        labels = {
            "app.kubernetes.io/name": self.app,
            "app.kubernetes.io/instance": self.release,
            "app.kubernetes.io/component": component,
        }
        if self.adopted is None:
            return labels
        if component == "server":
            return labels | dict(self.adopted)
        # An adopted selector knows no component, so the other pods must differ in what it knows.
        instance = self.adopted["app.kubernetes.io/instance"]
        return labels | {"app.kubernetes.io/name": f"{self.app}-{component}", "app.kubernetes.io/instance": instance}

    def labels(self, component: Component) -> dict[str, str]:
        """Return the recommended labels of an object."""
        return self.selector(component) | {
            # A tag may be longer than a label, and end in what no label ends in.
            "app.kubernetes.io/version": self.version[:63].strip("-_."),
            "app.kubernetes.io/part-of": "mlflow",
            "app.kubernetes.io/managed-by": "cdk8s-mlflow",
        }


def hashed_name(name: str, template: object) -> str:
    """Return the name of an object whose template cannot change: another template is another object."""
    text = json.dumps(template, sort_keys=True)
    return f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def construct_id(kind: str, name: str) -> str:
    """Return the id of an object's construct below the Mlflow construct."""
    return f"{kind.lower()}-{name}"
