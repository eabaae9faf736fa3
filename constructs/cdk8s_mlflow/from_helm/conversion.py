"""What every chart's converter uses: props under construction, and the Secrets that they will need."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from cdk8s_mlflow.from_helm.values import Outcome, Values
from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.needs import SecretSource
from cdk8s_mlflow.secrets import ExistingSecret, InlineSecret
from cdk8s_mlflow.volumes import Claim


@frozen
class MountedClaim:
    """A volume that the chart mounts into the server's pod."""

    path: str
    claim: Claim

    def relative(self, path: str) -> str | None:
        """Return a path of the pod as one of the volume; None if it is elsewhere."""
        root = f"{self.path.rstrip('/')}/"
        return path.removeprefix(root).strip("/") or None if path.startswith(root) else None


@attrs.define
class Conversion:
    """The props of one release, while they are made of its values."""

    values: Values
    name: str
    """The base of the object names: the chart's ``fullname``."""
    release: str | None
    """The running release that is taken over; None makes a server of its own."""
    inline_secrets: bool = False
    props: dict[str, Any] = attrs.field(factory=dict)
    """Arguments of MlflowProps."""
    secrets: dict[str, dict[str, str]] = attrs.field(factory=dict)
    """By Secret to be created: its keys, each with the shell's word for its value."""
    claims: list[MountedClaim] = attrs.field(factory=list)
    environment: dict[str, tuple[str, dict[str, Any]]] = attrs.field(factory=dict)
    """Variables of the chart's server by name: the key that sets one, and Kubernetes' shape."""

    @property
    def takes_over(self) -> bool:
        """Whether a running release goes on under another master."""
        return self.release is not None

    def note(self, path: str, outcome: Outcome, text: str) -> None:
        """Say what becomes of a key."""
        self.values.note(path, outcome, text)

    def secret(
        self, path: str, value: str, purpose: str, key: str, made: tuple[str, str] | None = None
    ) -> SecretSource:
        """Return the source of a secret that stands in the values.

        :param purpose: ends the name of the Secret to create.
        :param made: the Secret and the key in which the chart keeps it; it is there after a take-over.
        """
        if self.inline_secrets:
            self.props["allow_inline_secrets"] = True
            self.note(path, "carried over", "InlineSecret, readable in the program and in dist/, as asked")
            return InlineSecret(value)
        if made is not None and self.takes_over:
            self.note(path, "changed", f"a reference to the Secret {made[0]!r} that the chart has made; keep it")
            return ExistingSecret(*made)
        name = f"{self.name}-{purpose}"
        self.need(name, key, f'"${shell_name(path)}"')
        self.note(path, "changed", f"a reference to the Secret {name!r}, key {key!r}, which must be created: see below")
        return ExistingSecret(name, key)

    def need(self, name: str, key: str, word: str) -> None:
        """Remember a Secret to be created."""
        self.secrets.setdefault(name, {})[key] = word

    def commands(self, namespace: str) -> list[str]:
        """Return the command that creates each Secret."""
        return [
            " ".join(
                [
                    f"kubectl create secret generic {name} --namespace {namespace}",
                    *(f"--from-file={key}=<(printf %s {word})" for key, word in keys.items()),
                ]
            )
            for name, keys in self.secrets.items()
        ]

    def at(self, path: str) -> MountedClaim | None:
        """Return the volume that holds a path of the pod."""
        return next((claim for claim in self.claims if claim.relative(path)), None)

    # --- Variables

    def add_environment(self, path: str, entries: Sequence[Mapping[str, Any]]) -> None:
        """Take the variables that a key of the values sets; the last one of a name wins, as in a pod."""
        for entry in entries:
            value = {"value": _printed(entry["value"])} if entry.get("value") is not None else {}
            self.environment[str(entry.get("name"))] = (path, {**entry, **value})

    def take(self, name: str, outcome: Outcome = "carried over", text: str = "") -> str | None:
        """Take out a variable that stands in the values with its value; None if there is none."""
        path, entry = self.environment.get(name, ("", {}))
        if "value" not in entry:
            return None
        del self.environment[name]
        if text:
            self.note(f"{path}.{name}", outcome, text)
        return str(entry["value"])

    def take_secret(self, name: str, purpose: str, key: str) -> SecretSource | None:
        """Take out a variable that holds a secret, by reference or by value; None if there is none."""
        path, entry = self.environment.get(name, ("", {}))
        reference = entry.get("valueFrom", {}).get("secretKeyRef")
        if reference:
            del self.environment[name]
            return ExistingSecret(str(reference.get("name")), str(reference.get("key")))
        if entry.get("value"):
            del self.environment[name]
            return self.secret(f"{path}.{name}", str(entry["value"]), purpose, key)
        return None


def _printed(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def shell_name(path: str) -> str:
    """Return the shell variable that stands for the value of a key."""
    return re.sub(r"[^A-Z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", path).upper()).strip("_")
