"""The construct: make the plan, then emit its objects."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import cdk8s
from constructs import Construct

from cdk8s_mlflow.failures import InvalidProps
from cdk8s_mlflow.manifests import define_manifests
from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.plan import plan
from cdk8s_mlflow.props import MlflowProps
from cdk8s_mlflow.resources.emit import emit

if TYPE_CHECKING:
    import cdk8s_plus_27


class Mlflow(Construct):
    """Every Kubernetes object of an MLflow tracking server.

    Without props it is a server that runs on any cluster with a default storage class: SQLite and artifacts on
    one volume, generated keys, reachable inside the cluster as ``http://<id>:5000``.
    """

    def __init__(self, scope: Construct, id: str, props: MlflowProps | None = None) -> None:  # noqa: A002 - constructs' word
        """Plan and emit the objects into the chart of ``scope``.

        :raises InvalidProps: with every failure of the props, before any object exists.
        """
        chart = _chart_of(scope, id)
        self._plan = plan(MlflowProps() if props is None else props, name=id, namespace=chart.namespace)
        manifests = define_manifests(self._plan)
        _claim_names(chart, id, manifests)
        try:
            super().__init__(scope, id)
        except RuntimeError as error:  # jsii's words, in a traceback of its own
            raise InvalidProps(f"Mlflow {id!r}", [f"id: {error}; choose another id"]) from None
        self._objects = [emit(self, manifest) for manifest in manifests]

    @property
    def api_objects(self) -> list[cdk8s.ApiObject]:
        """Every object, in the order of application; for dependencies and JSON patches."""
        return list(self._objects)

    @property
    def tracking_uri(self) -> str:
        """Where clients inside the cluster reach the server."""
        return self._plan.tracking_uri

    @property
    def public_url(self) -> str | None:
        """Where people open the UI; None if there is no door from outside."""
        return self._plan.public_url

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user should know although it works, such as a loosened default."""
        return self._plan.notices

    def client_environment(self) -> dict[str, str]:
        """Return the variables that an MLflow client in another pod of the cluster needs."""
        return dict(self._plan.client_environment)

    def env_values(self) -> dict[str, cdk8s_plus_27.EnvValue]:
        """Return :meth:`client_environment` for a container of cdk8s-plus: ``env_variables=mlflow.env_values()``."""
        import cdk8s_plus_27  # noqa: PLC0415 - takes 0.2 s to load, and few charts need it

        return {name: cdk8s_plus_27.EnvValue.from_value(value) for name, value in self.client_environment().items()}


def _chart_of(scope: Construct, id: str) -> cdk8s.Chart:  # noqa: A002 - constructs' word
    try:
        return cdk8s.Chart.of(scope)
    except RuntimeError:
        failure = f"scope: must be a Chart, or stand in one (got {type(scope).__name__}); write Mlflow(chart, {id!r})"
        raise InvalidProps(f"Mlflow {id!r}", [failure]) from None


_names: WeakKeyDictionary[cdk8s.Chart, set[tuple[str, str]]] = WeakKeyDictionary()


def _claim_names(chart: cdk8s.Chart, id: str, manifests: list[Manifest]) -> None:  # noqa: A002 - constructs' word
    """Refuse two releases of one chart that would overwrite each other in the cluster."""
    taken = _names.setdefault(chart, set())
    names = {(manifest["kind"], manifest["metadata"]["name"]) for manifest in manifests}
    if taken & names:
        twice = ", ".join(f"{kind}/{name}" for kind, name in sorted(taken & names)[:3])
        failure = f"MlflowProps.name: another Mlflow of this chart has {twice} and more; give one of them another name"
        raise InvalidProps(f"Mlflow {id!r}", [failure])
    taken |= names
