"""A chart's values: what the file says over the chart's defaults, and what becomes of each key."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import attrs

from cdk8s_mlflow.frozen import frozen

Outcome = Literal["carried over", "changed", "decide", "no counterpart"]
"""What becomes of a key: as it was; otherwise, and why; the user must say something; and what replaces it."""


@frozen
class Key:
    """A key that a chart knows."""

    path: str
    default: Any
    """The chart's own value; a mapping or a list may hold anything."""
    text: str
    """The prop that it becomes; or why otherwise, what to write, what replaces it."""
    outcome: Outcome = "carried over"


def changed(path: str, default: Any, text: str) -> Key:
    """Return a key that is carried over with a change."""
    return Key(path, default, text, "changed")


def decide(path: str, default: Any, text: str) -> Key:
    """Return a key after which the user must say something."""
    return Key(path, default, text, "decide")


def gone(path: str, default: Any, text: str) -> Key:
    """Return a key that has no counterpart."""
    return Key(path, default, text, "no counterpart")


def below(prefix: str, *keys: Key) -> tuple[Key, ...]:
    """Return keys with their paths below another one."""
    return tuple(attrs.evolve(key, path=f"{prefix}.{key.path}") for key in keys)


@frozen
class Finding:
    """What became of one key."""

    key: str
    outcome: Outcome
    text: str
    of_chart: bool = False
    """Whether the file says nothing of it: a default of the chart that is not ours."""


class InvalidValues(ValueError):
    """A values file that the chart would not take, or that nothing can be made of."""

    def __init__(self, failures: Sequence[str]) -> None:
        """Report every failure."""
        self.failures = tuple(dict.fromkeys(failures))
        super().__init__("\n".join(self.failures))


_NOTHING = object()
_WEIGHTS: tuple[Outcome, ...] = ("carried over", "no counterpart", "changed", "decide")


class Values:
    """The values of one release."""

    def __init__(self, given: Mapping[str, Any], keys: Sequence[Key]) -> None:
        """Merge what the file gives over the chart's defaults."""
        self._given = given
        self._keys = {key.path: key for key in keys}
        self._notes: dict[str, Finding] = {}
        self.failures: list[str] = list(self._check_shape(given, ""))

    @property
    def known(self) -> frozenset[str]:
        """The paths of every key of the chart."""
        return frozenset(self._keys)

    # --- Reading

    def get(self, path: str) -> Any:
        """Return a value as the chart's templates see it; None if it is not there."""
        given = _at(self._given, path)
        default = self._keys[path].default
        if given is _NOTHING:
            return default
        return _merged(default, given)

    def is_given(self, path: str) -> bool:
        """Whether the file says something of a key, or of one below it."""
        return _at(self._given, path) is not _NOTHING

    def removes(self, path: str) -> bool:
        """Whether the file takes a default away by null."""
        return _at(self._given, path) is None

    def text(self, path: str) -> str:
        """Return a value as a template prints it; nothing is an empty text."""
        return self.printed(self.get(path), path)

    def printed(self, value: Any, path: str) -> str:
        """Return a single value as a template prints it."""
        if isinstance(value, dict | list):
            self.fail(path, "must be a single value", "a mapping" if isinstance(value, dict) else "a list", "write it")
            return ""
        return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)

    def number(self, path: str) -> int:
        """Return a whole number; the chart's default if it is not one."""
        value = self.get(path)
        if isinstance(value, int | str) and str(value).isdecimal():
            return int(value)
        self.fail(path, "must be a whole number", repr(value), "write one")
        return int(self._keys[path].default or 1)

    def flag(self, path: str) -> bool:
        """Return whether a template takes a value for true: everything but nothing, zero and false is."""
        return bool(self.get(path))

    def mapping(self, path: str) -> dict[str, Any]:
        """Return a mapping; an empty one for nothing."""
        value = self.get(path)
        if isinstance(value, dict):
            return value
        if value:
            self.fail(path, "must be a mapping", repr(value), "write {...}")
        return {}

    def items(self, path: str) -> list[Any]:
        """Return a list; an empty one for nothing."""
        value = self.get(path)
        if isinstance(value, list):
            return value
        if value:
            self.fail(path, "must be a list", repr(value), "write [...]")
        return []

    def mappings(self, path: str) -> list[dict[str, Any]]:
        """Return a list of mappings."""
        found = self.items(path)
        for index, item in enumerate(found):
            if not isinstance(item, dict):
                self.fail(f"{path}[{index}]", "must be a mapping", repr(item), "write {...}")
        return [item for item in found if isinstance(item, dict)]

    # --- What becomes of it

    def fail(self, path: str, must: str, got: str, instead: str) -> None:
        """Note that a value is wrong."""
        self.failures.append(f"{path}: {must} (got {got}); {instead}")

    def note(self, path: str, outcome: Outcome, text: str) -> None:
        """Say what becomes of a key, instead of what is usual; also where the chart's default decides.

        What is said of one key twice stands together, under the outcome that asks more of the reader.
        """
        old = self._notes.get(path)
        if old is not None and text not in old.text:
            outcome, text = max(outcome, old.outcome, key=_WEIGHTS.index), f"{old.text}; {text}"
        given = self.is_given(path) or isinstance(_at(self._given, path.rpartition(".")[0]), list)
        self._notes[path] = Finding(path, outcome, text, of_chart=not given)

    def unused(self, prefix: str, because: str) -> None:
        """Say that the chart does not read what is below a key."""
        if self.is_given(prefix):
            self.note(prefix, "carried over", f"nothing: the chart does not read it, {because}")

    def findings(self) -> list[Finding]:
        """Return what becomes of every key of the file, then of the chart's defaults that matter."""
        found: list[Finding] = []
        for path in self._paths(self._given, ""):
            found += [self._finding(path), *(self._notes[key] for key in self._notes if key.startswith(f"{path}."))]
        seen = {finding.key for finding in found}
        return [*found, *(note for note in self._notes.values() if note.of_chart and note.key not in seen)]

    def _finding(self, path: str) -> Finding:
        notes = [key for key in self._notes if path == key or path.startswith(f"{key}.")]
        if notes:
            return attrs.evolve(self._notes[max(notes, key=len)], key=path, of_chart=False)
        key = self._keys.get(path)
        if key is None:
            return Finding(path, "carried over", "nothing: it is empty")
        given = _at(self._given, path)
        if key.outcome != "carried over" and (given == key.default or _is_empty(given)):
            return Finding(path, "carried over", "nothing: it is as the chart has it")
        return Finding(path, key.outcome, key.text)

    def _paths(self, given: Mapping[str, Any], prefix: str) -> Iterator[str]:
        for name, value in given.items():
            path = f"{prefix}{name}"
            if path in self._keys or not isinstance(value, dict) or not value:
                yield path
            else:
                yield from self._paths(value, f"{path}.")

    def _check_shape(self, given: Mapping[str, Any], prefix: str) -> Iterator[str]:
        for name, value in given.items():
            path = f"{prefix}{name}"
            if path in self._keys:
                if isinstance(value, dict | list) and isinstance(self._keys[path].default, str | int | bool):
                    what = "a mapping" if isinstance(value, dict) else "a list"
                    yield f"{path}: must be a single value (got {what}); the chart would print it as it is"
            elif not any(key.startswith(f"{path}.") for key in self._keys):
                yield f"{path}: the chart has no such key; did you mean {self._nearest(path)}?"
            elif isinstance(value, dict):
                yield from self._check_shape(value, f"{path}.")
            elif value is not None:
                yield f"{path}: must be a mapping (got {value!r}); write the keys below it"

    def _nearest(self, path: str) -> str:
        groups = {key.rsplit(".", depth)[0] for key in self._keys for depth in range(1, key.count(".") + 1)}
        known = sorted({*self._keys, *groups})
        parent, _, last = path.rpartition(".")
        same = [key for key in known if key.rpartition(".")[2].lower() == last.lower()]
        siblings = [key for key in known if key.rpartition(".")[0] == parent]
        near = difflib.get_close_matches(path, siblings, n=1, cutoff=0.8) or difflib.get_close_matches(path, same, n=1)
        return (near or same or difflib.get_close_matches(path, known, n=1, cutoff=0))[0]


def _at(values: Any, path: str) -> Any:
    """Return what stands at a path, or a mark for nothing."""
    for name in path.split("."):
        if not isinstance(values, dict) or name not in values:
            return _NOTHING
        values = values[name]
    return values


def _is_empty(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_empty(item) for item in value.values())
    return value is None or value is False or value in ("", [])


def _merged(default: Any, given: Any) -> Any:
    """Return what Helm makes of both: mappings are merged, null removes, everything else replaces."""
    if isinstance(default, dict) and isinstance(given, dict):
        merged = {key: _merged(default.get(key), value) for key, value in given.items() if value is not None}
        return {key: value for key, value in default.items() if key not in given} | merged
    return given
