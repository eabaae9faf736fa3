"""An app with one chart per environment, from a table: what ``main.py`` calls."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from typing import NoReturn

import attrs

from cdk8s_mlflow import helm_templates, summary
from cdk8s_mlflow.failures import InvalidProps, repeated
from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.manifests import define_manifests
from cdk8s_mlflow.node import UnusableNode, use_node
from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.plan import plan
from cdk8s_mlflow.props import MlflowProps
from cdk8s_mlflow.value_checks import check_values
from cdk8s_mlflow.values import AnnotationKey, DnsLabel, LabelValue, ObjectName

_DEFAULT_PROPS = MlflowProps()


@frozen(kw_only=True)
class Namespace:
    """A namespace that is rendered with the environment; without it, it must exist."""

    name: DnsLabel
    labels: Mapping[AnnotationKey, LabelValue] = {"pod-security.kubernetes.io/enforce": "restricted"}
    """Its labels: by default the cluster refuses every pod that is not "restricted", as all of ours are."""


@frozen(kw_only=True)
class Environment:
    """One chart, written to ``dist/<name>.k8s.yaml``."""

    name: DnsLabel
    """The chart's id and the file's name."""
    namespace: DnsLabel | Namespace
    """Where it is applied: a name, or a :class:`Namespace` to be rendered as well."""
    mlflow: MlflowProps = _DEFAULT_PROPS
    """The server."""
    id: ObjectName = "mlflow"
    """The construct's id: the base of all object names, unless the props say another."""


@frozen(kw_only=True)
class PlannedEnvironment:
    """An environment that was found to be right: all that its chart is made of."""

    name: str
    id: str
    namespace_name: str
    namespace: Manifest | None
    """The Namespace object, if it is rendered."""
    manifests: list[Manifest]
    """The server's."""
    notices: tuple[str, ...]

    @property
    def objects(self) -> list[Manifest]:
        """Return everything that is written."""
        return [*([] if self.namespace is None else [self.namespace]), *self.manifests]


def synthesize(environments: Iterable[Environment]) -> None:
    """Write one chart per environment to ``dist/``, or to where ``cdk8s synth`` says.

    Every environment is checked before the first file is written. Wrong props and an unusable Node end the
    program with status 1 and one message on standard error. Otherwise a short table says what was written; with
    ``--quiet``, with ``CDK8S_MLFLOW_QUIET`` or in CI it does not. ``CDK8S_MLFLOW_ENVIRONMENT`` names the one
    environment that is written; ``cdk8s synth --format helm`` needs it where there are several.
    """
    try:
        planned = _chosen(_plan_all(tuple(environments)))
        use_node()
    except (InvalidProps, UnusableNode) as error:
        _fail(str(error))
    from cdk8s_mlflow.charts import write_charts  # noqa: PLC0415 - loads cdk8s and starts Node

    write_charts(planned)
    for item in planned:
        for notice in item.notices:
            print(f"{item.name}: {notice}", file=sys.stderr)  # noqa: T201 - a command's output
    if planned and not _is_quiet():
        objects = {item.name: item.objects for item in planned}
        print(summary.table(objects, colour=on_terminal()), file=sys.stderr, end="")  # noqa: T201 - likewise


def _is_quiet() -> bool:
    asked = os.environ.get("CDK8S_MLFLOW_QUIET") or os.environ.get("CI", "").lower() not in {"", "0", "false"}
    return bool(asked) or "--quiet" in sys.argv[1:]


def on_terminal() -> bool:
    """Whether somebody reads standard error who likes colours."""
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR")


def _chosen(planned: list[PlannedEnvironment]) -> list[PlannedEnvironment]:
    """Return the environments that are to be written, or raise: a Helm chart is one environment."""
    names = [item.name for item in planned]
    name = os.environ.get("CDK8S_MLFLOW_ENVIRONMENT")
    if name and name not in names:
        failure = f"must name an environment of the table (got {name!r}); write one of {', '.join(names)}"
        raise InvalidProps("synthesize()", [f"CDK8S_MLFLOW_ENVIRONMENT: {failure}"])
    if not name and len(names) > 1 and helm_templates.are_written():
        failure = f"a Helm chart holds one environment (got {', '.join(names)}); name it in this variable"
        raise InvalidProps("synthesize()", [f"CDK8S_MLFLOW_ENVIRONMENT: {failure}"])
    return [item for item in planned if not name or item.name == name]


def _plan_all(table: tuple[object, ...]) -> list[PlannedEnvironment]:
    """Return what is to be written of each environment, or raise with everything that is wrong."""
    planned: list[PlannedEnvironment] = []
    failures = [failure for environment in table for failure in _plan_one(environment, planned)]
    names = [environment.name for environment in table if isinstance(environment, Environment) and not failures]
    failures += [
        f"Environment.name: stands in the table more than once (got {name!r}); name one of them otherwise"
        for name in repeated(names)
    ]
    releases = [
        (namespace_name(environment), environment.mlflow.name or environment.id)
        for environment in table
        if not failures and isinstance(environment, Environment)
    ]
    failures += [
        f"Environment.namespace: two environments would overwrite each other (got {release!r} in {namespace!r} twice); "
        "give one of them another namespace or id"
        for namespace, release in repeated(releases)
    ]
    if failures:
        subject = "synthesize()"
        raise InvalidProps(subject, failures)
    return planned


def _plan_one(environment: object, planned: list[PlannedEnvironment]) -> list[str]:
    """Add what is to be written of an environment, or return what is wrong with it."""
    if not isinstance(environment, Environment):
        return [
            f"synthesize(): the table holds environments (got {type(environment).__name__}); write Environment(...)"
        ]
    label = str(environment.name)
    # The plan checks the props.
    of_itself = check_values(attrs.evolve(environment, mlflow=_DEFAULT_PROPS), Environment, label)
    if of_itself or not isinstance(environment.mlflow, MlflowProps):
        return of_itself or check_values(environment.mlflow, MlflowProps, f"{label}.mlflow")
    try:
        release = plan(environment.mlflow, name=environment.id, namespace=namespace_name(environment))
        namespace = environment.namespace
        planned.append(
            PlannedEnvironment(
                name=environment.name,
                id=environment.id,
                namespace_name=namespace_name(environment),
                namespace=define_namespace(namespace) if isinstance(namespace, Namespace) else None,
                manifests=define_manifests(release),
                notices=release.notices,
            )
        )
    except InvalidProps as error:
        return [f"{label}: {failure}" for failure in error.failures]
    return []


def namespace_name(environment: Environment) -> str:
    """Return the name of an environment's namespace."""
    namespace = environment.namespace
    return namespace.name if isinstance(namespace, Namespace) else namespace


def define_namespace(namespace: Namespace) -> Manifest:
    """Return the Namespace object."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": namespace.name, "labels": dict(namespace.labels)},
    }


def _fail(message: str) -> NoReturn:
    print(message, file=sys.stderr)  # noqa: T201 - a command's output
    raise SystemExit(1)
