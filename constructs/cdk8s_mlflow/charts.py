"""The cdk8s app of a table of environments. Importing this loads cdk8s."""

from __future__ import annotations

from collections.abc import Iterable

import cdk8s
from constructs import Construct

from cdk8s_mlflow.environments import PlannedEnvironment
from cdk8s_mlflow.resources.emit import emit


def write_charts(environments: Iterable[PlannedEnvironment]) -> None:
    """Write every environment's chart."""
    app = cdk8s.App()
    for environment in environments:
        _add_chart(app, environment)
    app.synth()


def _add_chart(app: cdk8s.App, environment: PlannedEnvironment) -> None:
    chart = cdk8s.Chart(app, environment.name, namespace=environment.namespace_name)
    if environment.namespace is not None:
        namespace = emit(chart, environment.namespace)
        # The chart gives every object its namespace, and a Namespace has none.
        namespace.add_json_patch(cdk8s.JsonPatch.remove("/metadata/namespace"))
    server = Construct(chart, environment.id)
    for manifest in environment.manifests:
        emit(server, manifest)
