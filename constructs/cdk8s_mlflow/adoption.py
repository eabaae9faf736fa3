"""A server that runs already, under another master, to be taken over in place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.values import DnsLabel, LabelValue

_LONGEST_NAME = 63
_LONGEST_BASE = 40
_PORT = 5000


@frozen(kw_only=True)
class HelmRelease:
    """A running release of a Helm chart: its Deployment, Service and account keep their names and selectors.

    Applying then changes the objects that Helm has made, and the Service never loses its pods. Before the first apply
    ``kubectl`` must learn what Helm had written, and afterwards Helm must forget the release: docs/from-helm.md. Names
    that were made by Helm, such as that of a volume claim, are given to the props that use them
    (``ExistingVolumeClaim``).
    """

    chart: Literal["larribas", "community", "official"]
    """larribas/mlflow, community-charts/mlflow, or MLflow's own."""
    release: DnsLabel
    """The release's name, as ``helm list`` shows it."""
    name_override: LabelValue | None = None
    """The chart's ``nameOverride``, if the values had one."""
    full_name_override: DnsLabel | None = None
    """The chart's ``fullnameOverride``, likewise."""
    container_port: int = 5000
    """community's ``service.containerPort``: the old pods must be found under it until the new ones are ready."""

    def failures(self) -> Iterator[str]:
        """Yield what is wrong with the fields together."""
        if self.chart == "official" and self.name_override is not None:
            yield f"name_override is nothing that this chart knows (got {self.name_override!r}); leave it out"
        if len(self.full_name) > _LONGEST_BASE:
            yield (
                f"the names of its objects are too long for ours to end them (got {self.full_name!r}, more than "
                f"{_LONGEST_BASE} characters); make a server of its own beside it"
            )
        if self.container_port != _PORT:
            yield (
                "container_port must be that of our pods, or the Service would lose the old ones too early "
                f"(got {self.container_port}); set service.containerPort to 5000 by a `helm upgrade` first"
            )

    @property
    def app(self) -> str:
        """The value of ``app.kubernetes.io/name``."""
        return self.name_override or "mlflow"

    @property
    def full_name(self) -> str:
        """The base of the object names, as the chart's templates make it."""
        contained = self.chart != "official" and self.app in self.release
        name = self.full_name_override or (self.release if contained else f"{self.release}-{self.app}")
        return name[:_LONGEST_NAME].rstrip("-")

    @property
    def selector(self) -> dict[str, str]:
        """The labels by which Deployment and Service find their pods; a Deployment's cannot be changed."""
        labels = {"app.kubernetes.io/name": self.app, "app.kubernetes.io/instance": self.release}
        return {"app": self.app, **labels} if self.chart == "community" else labels

    @property
    def target_port(self) -> str | int:
        """Where the Service finds the server in the old pods and in the new ones, as one word for both.

        community calls its port otherwise, with the same number; larribas has another number, with the same name.
        """
        return self.container_port if self.chart == "community" else "http"
