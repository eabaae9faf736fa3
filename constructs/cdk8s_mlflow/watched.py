"""What Prometheus knows a release by: the labels of the series that are about it, and nothing guessed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta

from cdk8s_mlflow.frozen import frozen


@frozen(kw_only=True)
class WatchedJob:
    """A CronJob that runs by itself."""

    name: str
    longest_gap: timedelta
    """How long its last success may be ago, if every run succeeds."""


@frozen(kw_only=True)
class Watched:
    """A release, as its series name it."""

    release: str
    namespace: str
    deployments: tuple[str, ...]
    """The server's first."""
    containers: tuple[str, ...]
    """Of the server's pods."""
    claims: tuple[str, ...]
    """The volumes that the release's pods mount."""
    jobs: tuple[WatchedJob, ...]
    certificates: Mapping[str, timedelta]
    """The Certificates of cert-manager, and when each should have been renewed before its end."""

    @property
    def pods(self) -> dict[str, str]:
        """The labels of every series about a server pod: names of a Deployment's pods end in two random parts."""
        return self.place | {"pod": f"~{self.release}-[a-z0-9]+-[a-z0-9]+"}

    @property
    def place(self) -> dict[str, str]:
        """The label of every series about the namespace."""
        return {"namespace": self.namespace}


def series(name: str, labels: Mapping[str, str]) -> str:
    """Return the selector of a metric's series; a value that begins with ``~`` is a pattern."""
    return f"{name}{{{', '.join(_matcher(key, value) for key, value in labels.items())}}}"


def _matcher(key: str, value: str) -> str:
    # Both languages escape alike what a name could hold.
    return f"{key}=~{json.dumps(value[1:])}" if value.startswith("~") else f"{key}={json.dumps(value)}"


def one_of(values: tuple[str, ...]) -> str:
    """Return the pattern of these names and no other: a dot is all that they may hold and a pattern has."""
    return "~" + "|".join(value.replace(".", r"\.") for value in values)
