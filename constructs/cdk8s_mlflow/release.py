"""What is known of a release before its pods are planned."""

from __future__ import annotations

import attrs

from cdk8s_mlflow.guards import Guard
from cdk8s_mlflow.naming import Naming
from cdk8s_mlflow.props import MlflowProps
from cdk8s_mlflow.stores import Stores


@attrs.frozen(kw_only=True)
class Release:
    """The props of one installation, with its names, its place and its stores."""

    props: MlflowProps
    naming: Naming
    namespace: str | None
    """Where it will be applied; None if only ``kubectl apply -n`` will tell."""
    stores: Stores
    guard: Guard
    """What its login does to it."""

    @property
    def tracking_uri(self) -> str:
        """Where clients inside the cluster reach the server."""
        props, name = self.props, self.naming.object()
        host = f"{name}.{self.namespace}.svc.{props.cluster_domain}" if self.namespace else name
        return f"http://{host}:{props.service.port}{props.static_prefix or ''}"
