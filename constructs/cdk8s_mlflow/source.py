"""Values as Python source: what somebody would write by hand, without defaults, in the style of this repository."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import attrs

from cdk8s_mlflow.exposure import IngressHost
from cdk8s_mlflow.frozen import frozen

_WIDTH = 120


@frozen
class Comment:
    """A value with lines of comment above it."""

    value: object
    lines: tuple[str, ...]


def source(value: object, indent: int = 0, before: int = 0) -> str:
    """Return an expression for a value; ``before`` characters stand on its first line already."""
    flat = _flat(value)
    # one more for the comma that follows
    if flat is not None and indent + before + len(flat) + 1 <= _WIDTH:
        return flat
    opening, items, closing = _parts(value)
    if not closing:
        return opening
    lines = "".join(_line(name, item, indent + 4) for name, item in items)
    return f"{opening}\n{lines}{' ' * indent}{closing}"


def _line(name: str, item: object, indent: int) -> str:
    if isinstance(item, Comment):
        above = "".join(f"{' ' * indent}# {line}\n" for line in item.lines)
        return above + _line(name, item.value, indent)
    return f"{' ' * indent}{name}{source(item, indent, len(name))},\n"


def _flat(value: object) -> str | None:
    """Return an expression on one line; None if a comment stands in it."""
    opening, items, closing = _parts(value)
    if not closing:
        return opening
    texts = []
    for name, item in items:
        text = None if isinstance(item, Comment) else _flat(item)
        if text is None:
            return None
        texts.append(f"{name}{text}")
    alone = "," if opening == "(" and len(texts) == 1 else ""
    return f"{opening}{', '.join(texts)}{alone}{closing}"


def _parts(value: object) -> tuple[str, list[tuple[str, object]], str]:
    """Return how an expression begins, what it holds under which names, and how it ends; or just how it is."""
    kind: Any = type(value)
    if attrs.has(kind):
        return f"{kind.__name__}(", list(_arguments(value)), ")"
    if isinstance(value, Mapping):
        return "{", [(f"{string(key)}: ", item) for key, item in value.items()], "}"
    if isinstance(value, Table):
        return "(", [("", item) for item in value], ")"
    if isinstance(value, list | tuple):
        return "[", [("", item) for item in value], "]"
    if isinstance(value, timedelta):
        return f"timedelta({_duration(value)})", [], ""
    return string(value) if isinstance(value, str) else repr(value), [], ""


class Table(tuple[object, ...]):
    """A tuple that stays one in the source; others are written as lists, which props take as well."""

    __slots__ = ()


def _arguments(value: Any) -> Iterable[tuple[str, object]]:
    """Yield the arguments that are not the default, by position where the class takes them so."""
    for field in attrs.fields(type(value)):
        given = getattr(value, field.name)
        if given != _default(field) or _is_required(field):
            yield ("" if not field.kw_only else f"{field.alias}=", _shorter(given, field.name))
        elif not field.kw_only and any(
            getattr(value, later.name) != _default(later)
            for later in attrs.fields(type(value))[attrs.fields(type(value)).index(field) + 1 :]
            if not later.kw_only
        ):
            yield "", given


def _shorter(given: Any, name: str) -> object:
    """Return what a class takes for the same: a name for a host without paths of its own, one door without its list."""
    if name == "hosts" and isinstance(given, tuple):
        return [_host(item) for item in given]
    return given[0] if name == "exposure" and len(given) == 1 else given


def _host(item: object) -> object:
    return item.host if isinstance(item, IngressHost) and item.host and item == IngressHost(item.host) else item


def _is_required(field: attrs.Attribute[Any]) -> bool:
    return field.default is attrs.NOTHING


def _default(field: attrs.Attribute[Any]) -> object:
    factory = isinstance(field.default, attrs.Factory)  # type: ignore[arg-type]
    return field.default.factory() if factory else field.default  # type: ignore[union-attr]


def string(text: str) -> str:
    """Return a text in double quotes, or in single ones where it holds double ones, as the formatter writes it."""
    plain = repr(text)
    if plain.startswith('"') or text.count('"') > text.count("'"):
        return plain
    body = plain[1:-1].replace("\\'", "'").replace('"', '\\"')
    return f'"{body}"'


def _duration(time: timedelta) -> str:
    total = int(time.total_seconds())
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if total and total % size == 0:
            return f"{unit}={total // size}"
    return f"seconds={total}" if time == timedelta(seconds=total) else f"seconds={time.total_seconds()}"


def app(title: str, entries: Iterable[object]) -> str:
    """Return the source of a ``main.py`` with a table of environments."""
    table = Table(entries)
    used = classes(table)
    names = sorted({*used, "synthesize"} - {"timedelta"}, key=_rank)
    times = "from datetime import timedelta\n\n" if "timedelta" in used else ""
    imported = "".join(f"    {name},\n" for name in names)
    return (
        f'"""{title}"""\n\n{times}from cdk8s_mlflow import (\n{imported})\n\n'
        f"ENVIRONMENTS = {source(table, before=len('ENVIRONMENTS = '))}\n\n"
        'if __name__ == "__main__":\n    synthesize(ENVIRONMENTS)\n'
    )


def _rank(name: str) -> tuple[int, str]:
    return (0 if name.isupper() else 1, name)


def classes(value: object) -> set[str]:
    """Return the names of the classes that an expression uses."""
    kind: Any = type(value)
    if isinstance(value, timedelta):
        return {"timedelta"}
    if isinstance(value, Comment):
        return classes(value.value)
    if attrs.has(kind):
        return {kind.__name__}.union(*(classes(item) for _, item in _arguments(value)))
    if isinstance(value, Mapping):
        return set().union(*(classes(item) for item in value.values()))
    return set().union(*(classes(item) for item in value)) if isinstance(value, list | tuple) else set()
