"""The cdk8s app of a table of environments. Importing this loads cdk8s."""

from __future__ import annotations

from collections.abc import Iterable

import cdk8s

from cdk8s_mlflow.environments import Environment, Namespace, define_namespace, namespace_name
from cdk8s_mlflow.mlflow import Mlflow
from cdk8s_mlflow.resources.emit import emit


def write_charts(environments: Iterable[Environment]) -> list[tuple[str, tuple[str, ...]]]:
    """Write every environment's chart; return their notices."""
    app = cdk8s.App()
    notices = [(environment.name, _chart(app, environment)) for environment in environments]
    app.synth()
    return notices


def _chart(app: cdk8s.App, environment: Environment) -> tuple[str, ...]:
    chart = cdk8s.Chart(app, environment.name, namespace=namespace_name(environment))
    if isinstance(environment.namespace, Namespace):
        namespace = emit(chart, define_namespace(environment.namespace))
        # The chart gives every object its namespace, and a Namespace has none.
        namespace.add_json_patch(cdk8s.JsonPatch.remove("/metadata/namespace"))
    return Mlflow(chart, environment.id, environment.mlflow).notices
