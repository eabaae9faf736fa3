"""YAML as Helm and kubectl read it: Go's parser, which is neither YAML 1.1 nor 1.2."""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any

import yaml


class UnreadableYaml(ValueError):
    """A text that is not the YAML that was wanted."""


_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_OCTAL = re.compile(r"([-+]?)0([0-7]+)")
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*|0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+)")


def scalar(text: str) -> Any:
    """Return what a plain scalar means.

    Every spelling of yes and no is a truth value, a leading 0 makes an octal number, ``1e3`` is a number, and a time
    such as ``1:20`` is text. A date stays as it is written.
    """
    if text in _WORDS:
        return _WORDS[text]
    plain = text.replace("_", "")
    if octal := _OCTAL.fullmatch(plain):
        return int(octal[1] + octal[2], 8)
    if _INTEGER.fullmatch(plain):
        return int(plain, 0)
    if _FLOAT.fullmatch(plain):
        number = float(plain)
        # Between its parser and its templates Helm passes numbers through JSON, where 1e3 is 1000.
        return int(number) if number.is_integer() and abs(number) < 10**21 else number
    return text


class _Loader(yaml.SafeLoader):
    """PyYAML's loader with Go's plain scalars; a key that stands twice is an error."""

    def resolve(self, kind: type[yaml.Node], value: str | None, implicit: Any) -> str:
        if kind is yaml.ScalarNode and implicit[0] and value != "<<":
            return _PLAIN
        return str(super().resolve(kind, value, implicit))  # type: ignore[no-untyped-call]

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        own = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"]
        twice = next((key for key in own if own.count(key) > 1), None)
        if twice is not None:
            raise UnreadableYaml(f"line {node.start_mark.line + 1}: the key {twice!r} stands there twice; keep one")
        return {_key(key): value for key, value in super().construct_mapping(node, deep=deep).items()}


_PLAIN = "!plain"
_Loader.add_constructor(_PLAIN, lambda _loader, node: scalar(node.value))
# As a key it merges; as a value it is text.
_Loader.add_constructor("tag:yaml.org,2002:merge", lambda _loader, node: node.value)


def _key(key: Hashable) -> str:
    """Return a key as JSON has it."""
    return (
        {"True": "true", "False": "false", "None": "null"}.get(str(key), str(key)) if not isinstance(key, str) else key
    )


def documents(text: str, name: str) -> list[Any]:
    """Return the documents of a text; ``name`` says whose they are.

    :raises UnreadableYaml: if it is no YAML.
    """
    try:
        return [document for document in yaml.load_all(text, _Loader) if document is not None]
    except yaml.MarkedYAMLError as error:
        place = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise UnreadableYaml(f"{name}: {place}{error.problem or error.context}; mend it") from None
    except (yaml.YAMLError, UnreadableYaml) as error:
        raise UnreadableYaml(f"{name}: {error}") from None


def mapping(text: str, name: str) -> dict[str, Any]:
    """Return the one mapping that a text holds; an empty one if it is empty."""
    found = documents(text, name)
    if len(found) > 1 or not all(isinstance(item, dict) for item in found):
        raise UnreadableYaml(f"{name}: must be one mapping (got {len(found)} documents); keep the keys at the top")
    result: dict[str, Any] = found[0] if found else {}
    return result
