"""Each value of the props by its declared type and rules, and the message for each that is wrong.

Nothing raises where it is written: every failure of all props is found first, and reported together.
"""

from __future__ import annotations

import collections.abc
import difflib
import functools
import inspect
import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, Literal, Union

import attrs

from cdk8s_mlflow.artifact_store import ArtifactStore
from cdk8s_mlflow.authentication import Authentication
from cdk8s_mlflow.backend_store import BackendStore
from cdk8s_mlflow.exposure import IngressController
from cdk8s_mlflow.failures import TypeFailure
from cdk8s_mlflow.needs import SecretSource
from cdk8s_mlflow.server_tls import ServerTls
from cdk8s_mlflow.values import Hidden, Rule


def check_values(value: object, kind: Any, path: str) -> list[str]:
    """Return what is wrong with a value, or with any value below it, by its declared type and rules."""
    return list(_check(value, kind, path, hidden=False))


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
        yield _mistyped(value, hint, path, hidden)
    elif origin in {Union, types.UnionType}:
        yield from _check_union(value, arguments, path, hidden)
    elif origin in {tuple, list, collections.abc.Sequence}:
        for index, item in enumerate(typing.cast("Sequence[object]", value)):
            yield from _check(item, arguments[0], f"{path}[{index}]", hidden=hidden)
    elif origin in {dict, collections.abc.Mapping}:
        for key, item in typing.cast("Mapping[object, object]", value).items():
            yield from _check(key, arguments[0], f"{path} key", hidden=hidden)
            yield from _check(item, arguments[1], f"{path}[{key!r}]", hidden=hidden)
    elif typing.is_typeddict(hint):
        yield from _check_shape(typing.cast("Mapping[str, object]", value), hint, path, hidden)
    elif attrs.has(type(value)):
        yield from _check_fields(value, path, hidden)
    elif isinstance(value, timedelta) and value < timedelta(0):
        yield f"{path}: must not be negative (got {value.total_seconds():g} s); write timedelta(seconds=0) or more"


def _check_fields(value: Any, path: str, hidden: bool) -> Iterator[str]:
    """Check each field of a class of ours, then what the class itself says of them together."""
    owner: Any = type(value)
    hints = _hints(owner)
    failures = [
        failure
        for field in attrs.fields(owner)
        if not ((item := getattr(value, field.name)) is field.default and _default_holds(owner, field.name))
        for failure in _check(item, hints[field.name], f"{path}.{field.name}", hidden=hidden)
    ]
    yield from failures
    if not failures and hasattr(value, "failures"):
        yield from (f"{path}: {failure}" for failure in value.failures())


@functools.cache
def _default_holds(owner: Any, name: str) -> bool:
    """Return whether a field's default is right, which is so for good if it cannot change: most fields have theirs."""
    default = getattr(attrs.fields(owner), name).default
    return _is_hashable(default) and not check_values(default, _hints(owner)[name], name)


def _is_hashable(value: object) -> bool:
    """Return whether neither the value nor what is in it can change."""
    try:
        hash(value)
    except TypeError:
        return False
    return True


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
        yield TypeFailure(f"{path}: the key {key!r} is missing (got {', '.join(map(repr, value)) or 'none'}); add it")


def _accepts(value: object, hint: Any) -> bool:
    """Return whether the value is of the hinted type, without looking into it."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if getattr(hint, "_is_protocol", False):
        return _answers(value, hint)
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


def _answers(value: object, protocol: Any) -> bool:
    """Return whether the value has every member of a protocol, unlike isinstance without running any."""
    members = [name for name in vars(protocol) if not name.startswith("_")]
    return not isinstance(value, type) and all(_has(value, name) for name in members)


def _has(value: object, name: str) -> bool:
    """Return whether the value has an attribute, without running the property that it may be."""
    nothing = object()
    return inspect.getattr_static(value, name, nothing) is not nothing


# --- Messages ----------------------------------------------------------------------------------------------

_NAMES: dict[Any, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    type(None): "None",
    timedelta: "a time",
    SecretSource: "where a secret comes from",
    Authentication: "a way to log in",
    BackendStore: "a backend store",
    ArtifactStore: "an artifact store",
    IngressController: "a controller of Ingresses",
    ServerTls: "where the certificate comes from",
}
_PLURALS = {"text": "texts", "a mapping": "mappings", "a whole number": "whole numbers"}
_CURES: dict[Any, str] = {
    timedelta: "write timedelta(seconds=...)",
    SecretSource: "write ExistingSecret(name, key)",
    Authentication: "write BasicAuth()",
    BackendStore: "write SQLite() or PostgreSQL(...)",
    ArtifactStore: "write S3(bucket=...) or ArtifactVolume()",
    IngressController: "write IngressNginx(), Traefik() or AwsLoadBalancer()",
    ServerTls: "write TlsSecret(secret_name=...)",
    bool: "write True or False",
}


def _mistyped(value: object, hint: Any, path: str, hidden: bool) -> TypeFailure:
    # A secret written where its source belongs is the likeliest mistake of all.
    hidden = hidden or SecretSource in (hint, *typing.get_args(hint))
    return TypeFailure(f"{path}: must be {_name(hint)} {_got(value, hidden)}; {_cure(value, hint)}")


def _name(hint: Any) -> str:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return _name(arguments[0])
    if origin in {Union, types.UnionType}:
        return " or ".join(dict.fromkeys(_name(option) for option in arguments))
    if origin is Literal:
        return " or ".join(repr(option) for option in arguments)
    if origin in {tuple, list, collections.abc.Sequence}:
        item = _name(arguments[0])
        return f"a list of {_PLURALS.get(item, item)}"
    if origin in {dict, collections.abc.Mapping} or typing.is_typeddict(hint):
        return "a mapping"
    return _NAMES.get(hint, getattr(hint, "__name__", str(hint)))


def _cure(value: object, hint: Any) -> str:
    """Return what to write instead of a value of the wrong type."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return _cure(value, arguments[0])
    if origin in {Union, types.UnionType}:
        return _cure(
            value, next((option for option in arguments if attrs.has(option) or option in _CURES), arguments[0])
        )
    if origin is Literal:
        return f"write {arguments[0]!r}"
    if origin in {tuple, list, collections.abc.Sequence}:
        return f"write [{_item(value, arguments[0])}]"
    if origin in {dict, collections.abc.Mapping} or typing.is_typeddict(hint):
        return "write {...}"
    if attrs.has(hint):
        of_number = isinstance(value, int) and len(attrs.fields(hint)) == 1
        return f"write {hint.__name__}({value if of_number else '...'})"
    if hint is int and isinstance(value, str) and value.isdigit():
        return f"write {value}, without quotes"
    if hint is str and isinstance(value, int | float):
        return f'write "{value}", in quotes'
    return _CURES.get(hint, f"write {_name(hint)}")


def _item(value: object, hint: Any) -> str:
    """Return the item of a list that was probably meant by a value that is no list."""
    text = _shown(value) if isinstance(value, str) else "..."
    if _accepts("", hint):
        return text
    fields = attrs.fields(hint) if attrs.has(hint) else ()
    if not fields:
        return "{...}" if typing.is_typeddict(hint) else "..."
    return f"{hint.__name__}({'...' if fields[0].kw_only else text})"


def _broken(value: object, rule: Rule, path: str, hidden: bool) -> str:
    return f"{path}: must {rule.must} {_got(value, hidden)}; {rule.instead}"


def _got(value: object, hidden: bool) -> str:
    return "(its value is not shown)" if hidden and value is not None else f"(got {_shown(value)})"


def _shown(value: object) -> str:
    """Return a value for a message, without what may be the credentials of a URL."""
    return re.sub(r"://\S*@", "://***@", repr(value))
