"""Environments from YAML, for teams who keep values beside programs; and the JSON Schema by which editors know them.

The keys are the fields of the props, and nothing is said here of any of them: everything follows from their types.
Where a field takes one of several classes, ``kind`` says which.
"""

from __future__ import annotations

import ast
import collections.abc
import difflib
import functools
import inspect
import itertools
import re
import textwrap
import types
import typing
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Union

import attrs

import cdk8s_mlflow
from cdk8s_mlflow.environments import Environment
from cdk8s_mlflow.failures import InvalidProps
from cdk8s_mlflow.props import MlflowProps
from cdk8s_mlflow.yaml_text import mapping

KIND = "kind"
_LISTS = (tuple, list, collections.abc.Sequence)
_MAPPINGS = (dict, collections.abc.Mapping)
_TIME = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?")


# --- Reading -----------------------------------------------------------------------------------------------


def read_environments(path: str | Path) -> tuple[Environment, ...]:
    """Return the environments of a YAML file, for :func:`synthesize`.

    :raises InvalidProps: with the path of everything that is wrong.
    """
    return environments_from(mapping(Path(path).read_text(encoding="utf-8"), str(path)), str(path))


def environments_from(values: Mapping[str, Any], subject: str) -> tuple[Environment, ...]:
    """Return the environments of a mapping with the key ``environments``."""
    found: list[Environment] = _structured(values, {"environments": tuple[Environment, ...]}, subject)["environments"]
    return tuple(found)


def props_from(values: Mapping[str, Any], subject: str = "MlflowProps") -> MlflowProps:
    """Return the props of a mapping.

    :raises InvalidProps: with the path of everything that is wrong.
    """
    found: MlflowProps = _structured({"": values}, {"": MlflowProps}, subject)[""]
    return found


def _structured(values: Mapping[str, Any], hints: Mapping[str, Any], subject: str) -> dict[str, Any]:
    failures: list[str] = []
    failures += _unknown("", values, hints)
    failures += [f"the key {name!r} is missing; add it" for name in hints if name not in values]
    found = {name: _value(values[name], hint, name, failures) for name, hint in hints.items() if name in values}
    if failures:
        raise InvalidProps(subject, failures)
    return found


def _value(data: Any, hint: Any, path: str, failures: list[str]) -> Any:
    """Return a value of a type; what does not fit stays as it is, for :mod:`value_checks` to name."""
    items, entries = _inside(hint, _LISTS, 0), _inside(hint, _MAPPINGS, 1)
    if isinstance(data, dict) and (classes := classes_of(hint)):
        return _instance(data, classes, path, failures)
    if isinstance(data, dict) and entries is not None:
        return {key: _value(item, entries, f"{path}.{key}", failures) for key, item in data.items()}
    if items is not None and isinstance(data, list | dict):
        each = data if isinstance(data, list) else [data]
        return [_value(item, items, f"{path}[{index}]", failures) for index, item in enumerate(each)]
    if timedelta in _options(hint) and isinstance(data, str | int | float) and not isinstance(data, bool):
        return _time(data, path, failures)
    return data


def _inside(hint: Any, origins: tuple[Any, ...], position: int) -> Any:
    """Return the type of what a list or a mapping holds, where a field takes one; else None."""
    found = (typing.get_args(option)[position] for option in _options(hint) if typing.get_origin(option) in origins)
    return next(found, None)


def _instance(data: Mapping[str, Any], classes: Mapping[str, Any], path: str, failures: list[str]) -> Any:
    kind = data.get(KIND, next(iter(classes)) if len(classes) == 1 else None)
    if kind not in classes:
        known = ", ".join(classes)
        near = difflib.get_close_matches(str(kind), classes, n=1, cutoff=0.3)
        hint = f"did you mean {near[0]}? known are {known}" if kind is not None and near else f"write one of {known}"
        failures.append(f"{path}.{KIND}: must say which it is (got {kind!r}); {hint}")
        return None
    owner = classes[kind]
    hints, fields = _hints(owner), {_key(field): field for field in attrs.fields(owner)}
    given = {key: item for key, item in data.items() if key != KIND}
    failures += _unknown(path, given, fields)
    missing = [key for key, field in fields.items() if field.default is attrs.NOTHING and key not in given]
    failures += [f"{path}: the key {key!r} is missing; add it" for key in missing]
    arguments = {
        fields[key].alias: _value(item, hints[fields[key].name], f"{path}.{key}".lstrip("."), failures)
        for key, item in given.items()
        if key in fields
    }
    return None if missing else owner(**arguments)


def _unknown(path: str, given: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[str]:
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1, cutoff=0)
            where = f"{path}.{key}".lstrip(".")
            yield f"{where}: unknown key; did you mean {near[0]!r}?" if near else f"{where}: unknown key; leave it out"


def _time(data: str | float, path: str, failures: list[str]) -> timedelta | None:
    found = _TIME.fullmatch(str(data) if isinstance(data, str) else f"{data:f}s")
    if not found or not any(found.groups()):
        failures.append(f"{path}: must be a time (got {data!r}); write one such as '30s', '10m' or '1h30m'")
        return None
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


# --- Types -------------------------------------------------------------------------------------------------


def _options(hint: Any) -> tuple[Any, ...]:
    """Return the types of a union, without what is noted of them; a type by itself is one."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return _options(arguments[0])
    if origin in {Union, types.UnionType}:
        return tuple(option for argument in arguments for option in _options(argument))
    return (hint,)


@functools.cache
def classes_of(hint: Any) -> dict[str, Any]:
    """Return the classes that a field takes, by name: those of the union, or those that answer a protocol."""
    found: dict[str, Any] = {}
    for option in _options(hint):
        if getattr(option, "_is_protocol", False):
            members = [name for name in vars(option) if not name.startswith("_")]
            found |= {item.__name__: item for item in _public() if all(hasattr(item, name) for name in members)}
        elif attrs.has(option):
            found[option.__name__] = option
    return found


@functools.cache
def _public() -> tuple[Any, ...]:
    # Mlflow alone loads cdk8s, and is no value.
    named = (getattr(cdk8s_mlflow, name) for name in cdk8s_mlflow.__all__ if name != "Mlflow")
    return tuple(item for item in named if isinstance(item, type) and attrs.has(item))


@functools.cache
def _hints(owner: Any) -> dict[str, Any]:
    return typing.get_type_hints(owner, include_extras=True)


def _key(field: attrs.Attribute[Any]) -> str:
    """Return the key of a field: its name, without what Python's own words ask for."""
    return field.name.rstrip("_")


# --- Writing -----------------------------------------------------------------------------------------------


def mapping_of(value: Any, hint: Any = None) -> Any:
    """Return what a values file says for a value: without defaults, with ``kind`` where there is a choice."""
    kind: Any = type(value)
    if attrs.has(kind):
        hints = _hints(kind)
        said = {
            _key(field): mapping_of(getattr(value, field.name), hints[field.name])
            for field in attrs.fields(kind)
            if getattr(value, field.name) != _default(field)
        }
        return ({KIND: kind.__name__} if hint is not None and len(classes_of(hint)) > 1 else {}) | said
    if isinstance(value, timedelta):
        return f"{value.total_seconds():f}".rstrip("0").rstrip(".") + "s"
    if isinstance(value, Mapping):
        entries = _inside(hint, _MAPPINGS, 1)
        return {key: mapping_of(entry, entries) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [mapping_of(entry, _inside(hint, _LISTS, 0)) for entry in value]
    return value


def _default(field: attrs.Attribute[Any]) -> object:
    factory = isinstance(field.default, attrs.Factory)  # type: ignore[arg-type]
    return field.default.factory() if factory else field.default  # type: ignore[union-attr]


# --- Schema ------------------------------------------------------------------------------------------------

_PLAIN: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


def json_schema() -> dict[str, Any]:
    """Return the schema of a values file, for editors (JSON Schema 2020-12)."""
    definitions: dict[str, Any] = {}
    environments = {"type": "array", "items": _schema(Environment, definitions), "minItems": 1}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Environments of cdk8s-mlflow",
        "type": "object",
        "properties": {"environments": environments},
        "required": ["environments"],
        "additionalProperties": False,
        "$defs": dict(sorted(definitions.items())),
    }


def _schema(hint: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return _schema(arguments[0], definitions)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in _LISTS:
        item = _schema(arguments[0], definitions)
        # One mapping, and the short forms of hosts, are taken by themselves: see _value.
        return (
            {"anyOf": [{"type": "array", "items": {"anyOf": [item, {"type": "string"}]}}, item]}
            if classes_of(arguments[0])
            else {"type": "array", "items": item}
        )
    if origin in _MAPPINGS:
        return {"type": "object", "additionalProperties": _schema(arguments[1], definitions)}
    if typing.is_typeddict(hint):
        return _shape(hint, definitions)
    choices = [*_plain(hint), *_of_classes(classes_of(hint), definitions)]
    others = [
        option for option in _options(hint) if typing.get_origin(option) is not None or typing.is_typeddict(option)
    ]
    choices += [_schema(option, definitions) for option in others if option is not hint]
    return choices[0] if len(choices) == 1 else {"anyOf": choices} if choices else {}


def _plain(hint: Any) -> list[dict[str, Any]]:
    found = [{"type": _PLAIN[option]} for option in _options(hint) if option in _PLAIN]
    return [*found, {"type": ["string", "number"]}] if timedelta in _options(hint) else found


def _of_classes(classes: Mapping[str, Any], definitions: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name, owner in classes.items():
        if name not in definitions:
            definitions[name] = {}
            definitions[name] = _of_class(owner, definitions)
        reference = {"$ref": f"#/$defs/{name}"}
        yield reference if len(classes) == 1 else {**reference, "required": [KIND]}


def _of_class(owner: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    hints, documented = _hints(owner), field_docs(owner)
    properties: dict[str, Any] = {KIND: {"const": owner.__name__}}
    required = []
    for field in attrs.fields(owner):
        text = documented.get(field.name)
        properties[_key(field)] = _schema(hints[field.name], definitions) | ({"description": text} if text else {})
        required += [_key(field)] if field.default is attrs.NOTHING else []
    return {
        "type": "object",
        "description": inspect.cleandoc(owner.__doc__ or ""),
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _shape(hint: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    if hint.__name__ not in definitions:
        definitions[hint.__name__] = {}
        definitions[hint.__name__] = {
            "type": "object",
            "properties": {name: _schema(item, definitions) for name, item in _hints(hint).items()},
            "required": sorted(hint.__required_keys__),
            "additionalProperties": False,
        }
    return {"$ref": f"#/$defs/{hint.__name__}"}


@functools.cache
def field_docs(owner: Any) -> dict[str, str]:
    """Return what stands under each field of a class, and of those that it builds on."""
    found: dict[str, str] = {}
    for base in reversed([item for item in owner.__mro__ if attrs.has(item)]):
        body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0]
        statements = body.body if isinstance(body, ast.ClassDef) else []
        for field, text in itertools.pairwise(statements):
            if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
                found[ast.unparse(field.target)] = inspect.cleandoc(str(text.value.value))
    return found
