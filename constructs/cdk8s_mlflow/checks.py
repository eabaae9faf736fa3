"""What must hold before a plan is made: each value by its type, then the parts together.

Nothing raises where it is written: every failure of all props is found first, and reported in one
:class:`InvalidProps`.
"""

from __future__ import annotations

import collections.abc
import difflib
import functools
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, Union

import attrs

from cdk8s_mlflow.artifact_store import Direct
from cdk8s_mlflow.exposure import Ingress, LoadBalancer, NodePort
from cdk8s_mlflow.needs import Needs, VolumeClaim, version_number
from cdk8s_mlflow.props import MlflowProps
from cdk8s_mlflow.values import Hidden, Rule


class InvalidProps(ValueError):
    """Props that no working server can be made of; the message lists every failure."""

    def __init__(self, subject: str, failures: Iterable[str]) -> None:
        """Report the failures of one set of props; ``subject`` says whose they are."""
        self.subject = subject
        self.failures = tuple(dict.fromkeys(failures))
        count = f"{len(self.failures)} problem{'s' * (len(self.failures) > 1)}"
        lines = "".join(f"\n  {failure}" for failure in self.failures)
        super().__init__(f"{subject}: {count}{lines}")


class TypeFailure(str):
    """A failure after which the parts cannot be looked at together."""

    __slots__ = ()


# --- Values ------------------------------------------------------------------------------------------------


def check_values(props: object, path: str = "MlflowProps") -> list[str]:
    """Return what is wrong with any value below the props, by its declared type and rules."""
    return list(_check(props, type(props), path, hidden=False))


@functools.cache
def _hints(owner: Any) -> dict[str, Any]:
    return typing.get_type_hints(owner, include_extras=True)


def _check(value: object, hint: Any, path: str, *, hidden: bool) -> Iterator[str]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        hidden = hidden or any(isinstance(note, Hidden) for note in arguments)
        failures = list(_check(value, arguments[0], path, hidden=hidden))
        rules = [note for note in arguments if isinstance(note, Rule)]
        yield from failures or (_broken(value, rule, path, hidden) for rule in rules if not rule.holds(value))
    elif not _accepts(value, hint):
        yield TypeFailure(f"{path}: must be {_name(hint)} {_got(value, hidden)}")
    elif origin in {Union, types.UnionType}:
        yield from _check_union(value, arguments, path, hidden)
    elif origin is collections.abc.Sequence or origin is tuple:
        for index, item in enumerate(typing.cast("tuple[object, ...]", value)):
            yield from _check(item, arguments[0], f"{path}[{index}]", hidden=hidden)
    elif origin is list:
        for index, item in enumerate(typing.cast("list[object]", value)):
            yield from _check(item, arguments[0], f"{path}[{index}]", hidden=hidden)
    elif origin in {dict, collections.abc.Mapping}:
        for key, item in typing.cast("Mapping[object, object]", value).items():
            yield from _check(key, arguments[0], f"{path} key", hidden=hidden)
            yield from _check(item, arguments[1], f"{path}[{key!r}]", hidden=hidden)
    elif typing.is_typeddict(hint):
        yield from _check_shape(typing.cast("Mapping[str, object]", value), hint, path, hidden)
    elif attrs.has(type(value)):
        owner: Any = type(value)
        for field in attrs.fields(owner):
            item = getattr(value, field.name)
            yield from _check(item, _hints(owner)[field.name], f"{path}.{field.name}", hidden=hidden)
    elif isinstance(value, timedelta) and value < timedelta(0):
        yield f"{path}: must not be negative {_got(value, hidden)}"


def _check_union(value: object, options: tuple[Any, ...], path: str, hidden: bool) -> Iterator[str]:
    """Check against the options of the value's type; the one with the fewest failures is what was meant."""
    fitting = [option for option in options if _accepts(value, option)]
    yield from min((list(_check(value, option, path, hidden=hidden)) for option in fitting), key=len)


def _check_shape(value: Mapping[str, object], hint: Any, path: str, hidden: bool) -> Iterator[str]:
    known = _hints(hint)
    for key, item in value.items():
        if key in known:
            yield from _check(item, known[key], f"{path}.{key}", hidden=hidden)
        else:
            near = difflib.get_close_matches(str(key), known, n=1, cutoff=0)
            yield TypeFailure(
                f"{path}: unknown key (got {key!r}); did you mean {near[0]!r}? known are {', '.join(sorted(known))}"
            )
    for key in sorted(hint.__required_keys__ - value.keys()):
        yield TypeFailure(f"{path}: the key {key!r} is missing; add it")


def _accepts(value: object, hint: Any) -> bool:
    """Return whether the value is of the hinted type, without looking into it."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if origin is Annotated:
        return _accepts(value, arguments[0])
    if origin in {Union, types.UnionType}:
        return any(_accepts(value, option) for option in arguments)
    if origin is Literal:
        return any(value == option and type(value) is type(option) for option in arguments)
    if hint is None or hint is type(None):
        return value is None
    if origin in {dict, collections.abc.Mapping} or typing.is_typeddict(hint):
        return isinstance(value, collections.abc.Mapping)
    if origin is collections.abc.Sequence:
        return isinstance(value, tuple)
    if isinstance(value, bool) and (hint is int or hint is float):
        return False
    return isinstance(value, (int, float) if hint is float else origin or hint)


def _name(hint: Any) -> str:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    names = {str: "text", int: "a whole number", float: "a number", bool: "True or False", type(None): "None"}
    if origin is Annotated:
        return _name(arguments[0])
    if origin in {Union, types.UnionType}:
        return " or ".join(dict.fromkeys(_name(option) for option in arguments))
    if origin is Literal:
        return " or ".join(repr(option) for option in arguments)
    if origin in {tuple, list, collections.abc.Sequence}:
        return f"a list of {_name(arguments[0])}"
    if origin in {dict, collections.abc.Mapping} or typing.is_typeddict(hint):
        return "a mapping"
    return names.get(hint, getattr(hint, "__name__", str(hint)))


def _broken(value: object, rule: Rule, path: str, hidden: bool) -> str:
    return f"{path}: must {rule.must} {_got(value, hidden)}; {rule.instead}"


def _got(value: object, hidden: bool) -> str:
    return "(its value is not shown)" if hidden else f"(got {value!r})"


# --- Parts -------------------------------------------------------------------------------------------------


def check_parts(props: MlflowProps, needs: Needs) -> list[str]:
    """Return where parts of the props contradict each other."""
    return [failure for check in _CHECKS for failure in check(props, needs)]


def _check_replicas(props: MlflowProps, needs: Needs) -> Iterator[str]:
    replicas = props.scaling.replicas
    claims = [mount.source for mount in needs.mounts if hasattr(mount.source, "access_modes")]
    if replicas == 1:
        return
    if needs.single_writer:
        yield (
            f"MlflowProps.scaling: {needs.single_writer} cannot be shared by replicas (got {props.scaling}); "
            "use PostgreSQL(...) and a shared artifact store, or FixedReplicas(1)"
        )
        return
    for claim in claims:
        if "ReadWriteMany" not in claim.access_modes:
            yield (
                f"MlflowProps.scaling: a volume with {' and '.join(claim.access_modes)} cannot be shared by replicas "
                f"(got {props.scaling}); use S3(...) or access_modes=('ReadWriteMany',), or FixedReplicas(1)"
            )


def _check_workers(props: MlflowProps, needs: Needs) -> Iterator[str]:
    if needs.single_writer == "a file store" and props.workers > 1:
        yield (
            "MlflowProps.workers: a file store has no locks between processes "
            f"(got workers={props.workers}); use workers=1 or a database"
        )


def _check_artifacts(props: MlflowProps, needs: Needs) -> Iterator[str]:
    store, direct = props.artifact_store, isinstance(props.artifact_access, Direct)
    if store is None and not needs.mounts:
        yield (
            f"MlflowProps.artifact_store: {type(props.backend_store).__name__} needs an artifact root beside it "
            "(got None); write artifact_store=S3(bucket=...), ArtifactUri(...) or ArtifactVolume()"
        )
    elif direct and (store is None or not store.reachable_by_clients):
        yield (
            "MlflowProps.artifact_access: clients cannot reach a volume of the server's pod (got Direct()); "
            "use Proxied(), or S3(...) or ArtifactUri(...) as artifact_store"
        )


def _check_hosts(props: MlflowProps, needs: Needs) -> Iterator[str]:
    if not isinstance(props.exposure, Ingress):
        return
    if not props.exposure.hosts:
        yield 'Ingress.hosts: must not be empty (got ()); write at least one, such as "mlflow.example.com"'
    if any(host.host is None for host in props.exposure.hosts) and not props.allowed_hosts:
        yield (
            "Ingress.hosts: a rule without host answers every name, and MLflow refuses names that it does not know "
            "(got host=None and no allowed_hosts); name the host, or list the names in MlflowProps.allowed_hosts"
        )
    yield from _repeated(
        "Ingress.hosts", [(host.host, path.path) for host in props.exposure.hosts for path in host.paths]
    )
    for index, host in enumerate(props.exposure.hosts):
        if not host.paths:
            yield f"Ingress.hosts[{index}].paths: must not be empty (got ()); write IngressPath() for the root"


def _check_network(props: MlflowProps, needs: Needs) -> Iterator[str]:
    for cidr in props.pod_cidrs:
        if ":" in cidr:
            yield (
                f"MlflowProps.pod_cidrs: MLflow has no pattern for IPv6 networks (got {cidr!r}); "
                "leave it out, and write single addresses as allowed_hosts"
            )
    if (
        isinstance(props.service, NodePort | LoadBalancer)
        and props.network_policy is None
        and props.service.source_ranges
    ):
        service = type(props.service).__name__
        yield (
            f"{service}.source_ranges: nothing would enforce them inside the cluster "
            f"(got {props.service.source_ranges!r} and network_policy=None); keep the network policy"
        )


def _check_claims(props: MlflowProps, needs: Needs) -> Iterator[str]:
    for mount in needs.mounts:
        if isinstance(mount.source, VolumeClaim) and not mount.source.access_modes:
            yield "VolumeClaim.access_modes: must not be empty (got ()); write ('ReadWriteOnce',)"


def _check_kubernetes(props: MlflowProps, needs: Needs) -> Iterator[str]:
    if version_number(needs.kubernetes) > version_number(props.kubernetes_version):
        yield (
            f"MlflowProps.kubernetes_version: a part of these props needs Kubernetes {needs.kubernetes} "
            f"(got {props.kubernetes_version!r}); write kubernetes_version={needs.kubernetes!r} "
            "if no cluster is older"
        )


# Flags that the construct writes itself, as argument or as variable -> the prop that stands for them.
_OWN_FLAGS = {
    "host": "nothing: pods listen on 0.0.0.0",
    "port": "service",
    "backend-store-uri": "backend_store",
    "registry-store-uri": "registry_store",
    "default-artifact-root": "artifact_store and artifact_access=Direct()",
    "artifacts-destination": "artifact_store",
    "serve-artifacts": "artifact_access",
    "no-serve-artifacts": "artifact_access",
    "workers": "workers",
    "static-prefix": "static_prefix",
    "allowed-hosts": "allowed_hosts",
    "cors-allowed-origins": "cors_allowed_origins",
    "expose-prometheus": "metrics",
    "uvicorn-opts": "graceful_shutdown_timeout",
}
_REFUSED_FLAGS = {
    "dev": "it reloads code and is not for a cluster",
    "disable-security-middleware": "it switches off the protection against DNS rebinding; use allowed_hosts",
    "gunicorn-opts": "gunicorn serves neither traces nor the security middleware",
    "waitress-opts": "waitress is for Windows",
}


def _check_extra_args(props: MlflowProps, needs: Needs) -> Iterator[str]:
    for flag, value in props.extra_args.items():
        if flag in _OWN_FLAGS:
            yield (
                f"MlflowProps.extra_args: the construct writes --{flag} itself (got {flag!r}); "
                f"use {_OWN_FLAGS[flag]} instead"
            )
        elif flag in _REFUSED_FLAGS:
            yield f"MlflowProps.extra_args: --{flag} is refused (got {flag!r}); {_REFUSED_FLAGS[flag]}"
        elif value is False:
            yield (f"MlflowProps.extra_args: a flag is there or not (got {flag!r}: False); leave it out")


def _check_extra_env(props: MlflowProps, needs: Needs) -> Iterator[str]:
    yield from _repeated("MlflowProps.extra_env", [item["name"] for item in props.extra_env])
    for item in props.extra_env:
        if "value" in item and "valueFrom" in item:
            yield (f"MlflowProps.extra_env: {item['name']} has both value and valueFrom; keep one of them")


def _check_inputs_of_pods(props: MlflowProps, needs: Needs) -> Iterator[str]:
    for key in props.pod_labels:
        if key.startswith("app.kubernetes.io/"):
            yield (
                f"MlflowProps.pod_labels: {key} is part of the construct's own labels and selectors "
                f"(got {props.pod_labels[key]!r}); choose a label of your own"
            )


def _repeated(path: str, items: list[Any]) -> Iterator[str]:
    for item in dict.fromkeys(item for item in items if items.count(item) > 1):
        yield f"{path}: stands there more than once (got {item!r}); keep one of them"


_CHECKS = (
    _check_replicas,
    _check_workers,
    _check_artifacts,
    _check_hosts,
    _check_network,
    _check_claims,
    _check_kubernetes,
    _check_extra_args,
    _check_extra_env,
    _check_inputs_of_pods,
)
