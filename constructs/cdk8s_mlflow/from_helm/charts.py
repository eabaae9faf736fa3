"""The charts that are known, and the way from values to a program and its report."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import attrs

from cdk8s_mlflow.adoption import HelmRelease
from cdk8s_mlflow.environments import Environment
from cdk8s_mlflow.failures import InvalidProps
from cdk8s_mlflow.from_helm.conversion import Conversion
from cdk8s_mlflow.from_helm.values import Finding, InvalidValues, Key, Values
from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.manifests import define_manifests
from cdk8s_mlflow.plan import plan
from cdk8s_mlflow.props import MlflowProps


@frozen
class Chart:
    """A Helm chart. Its keys are loaded when they are asked for: hundreds, of which a run needs one chart's."""

    name: str
    title: str
    adoptable: bool = True
    """Whether a running release of it can be taken over."""

    @property
    def keys(self) -> tuple[Key, ...]:
        """Every key that the chart knows."""
        own: tuple[Key, ...] = self._module().KEYS
        return own if any(key.path == "global" for key in own) else (*own, _GLOBAL)

    def convert(self, conversion: Conversion) -> None:
        """Set the props of a release."""
        self._module().convert(conversion)

    def _module(self) -> Any:
        return importlib.import_module(f"cdk8s_mlflow.from_helm.{self.name}")


_GLOBAL = Key("global", {}, "nothing: the chart does not read it")

CHARTS: dict[str, Chart] = {
    chart.name: chart
    for chart in (
        Chart("larribas", "larribas/mlflow"),
        Chart("community", "community-charts/mlflow"),
        Chart("official", "MLflow's own chart"),
        Chart("bitnami", "bitnami/mlflow", adoptable=False),
    )
}


@frozen
class Converted:
    """What values become."""

    chart: Chart
    environment: Environment
    findings: tuple[Finding, ...]
    commands: tuple[str, ...]
    """How the Secrets are created that the props refer to."""
    failures: tuple[str, ...]
    """Why the props make no server yet."""


def convert_values(
    chart: str, given: Mapping[str, Any], *, release: str | None, namespace: str, inline_secrets: bool = False
) -> Converted:
    """Return the environment that some values of a chart become.

    :param release: the running release that is taken over; None makes a server of its own.
    :raises InvalidValues: if the chart would not take the values.
    """
    known = CHARTS[chart]
    if release and not known.adoptable:
        failure = f"a running release of {known.title} cannot be taken over; leave --release out for a server beside it"
        raise InvalidValues([failure])
    values = Values(given, known.keys)
    if values.failures:
        raise InvalidValues(values.failures)
    label = values.text("nameOverride") if "nameOverride" in values.known else ""
    override = values.text("fullnameOverride")
    adopt = None if release is None else _adopted(chart, release, label, override)
    name = (override or "mlflow") if adopt is None else adopt.full_name
    conversion = Conversion(values=values, name=name, release=release, inline_secrets=inline_secrets)
    known.convert(conversion)
    if values.failures:
        raise InvalidValues(values.failures)
    names = {"name": override, "label_name": label} if adopt is None else {"adopt": adopt}
    conversion.props |= {prop: value for prop, value in names.items() if value}
    props, failures = _finished(conversion, namespace)
    return Converted(
        chart=known,
        environment=Environment(name=release or "mlflow", namespace=namespace, mlflow=props),
        findings=tuple(values.findings()),
        commands=tuple(conversion.commands(namespace)),
        failures=tuple(failures),
    )


def _adopted(chart: Any, release: str, label: str, override: str) -> HelmRelease:
    return HelmRelease(chart=chart, release=release, name_override=label or None, full_name_override=override or None)


def _finished(conversion: Conversion, namespace: str) -> tuple[MlflowProps, list[str]]:
    """Return the props without variables that the construct sets itself, and why they make no server."""
    props = MlflowProps(**conversion.props)
    extra = conversion.props.pop("extra_env", [])
    try:
        without = plan(MlflowProps(**conversion.props), name="mlflow", namespace=namespace)
        own = {item["name"] for container in without.pods[0].containers for item in container.env}
        for item in extra:
            if item["name"] in own:
                text = f"{item['name']} is left out: the construct sets it itself, by the props"
                conversion.note(f"{conversion.environment[item['name']][0]}.{item['name']}", "changed", text)
        left = [item for item in extra if item["name"] not in own]
        props = attrs.evolve(MlflowProps(**conversion.props), extra_env=left)
        define_manifests(plan(props, name="mlflow", namespace=namespace))
    except InvalidProps as error:
        return props, list(error.failures)
    return props, []
