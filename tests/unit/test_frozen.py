"""The classes of the package behave as attrs' own frozen classes."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from cdk8s_mlflow.frozen import frozen


def classes(decorate: Any) -> dict[str, Any]:
    """Return classes of some shapes, made by a decorator."""

    @decorate
    class Empty:
        pass

    @decorate(kw_only=True)
    class One:
        name: str

    @decorate
    class Several:
        name: str
        secret: str = attrs.field(default="hunter2", repr=False)
        parts: tuple[str, ...] = ()
        values: dict[str, str] = attrs.field(factory=dict)

    @decorate
    class Derived(Several):
        more: int = 1

    return {found.__name__: found for found in (Empty, One, Several, Derived)}


OURS, THEIRS = classes(frozen), classes(attrs.frozen)
MADE: dict[str, list[dict[str, Any]]] = {
    "Empty": [{}],
    "One": [{"name": "a"}, {"name": "b"}],
    "Several": [{"name": "a"}, {"name": "a", "parts": ("b",)}, {"name": "a", "values": {"b": "c"}}],
    "Derived": [{"name": "a"}, {"name": "a", "more": 2}],
}
CASES = [(kind, arguments) for kind, several in MADE.items() for arguments in several]


@pytest.mark.parametrize(("kind", "arguments"), CASES)
def test_they_are_printed_alike(kind: str, arguments: dict[str, Any]) -> None:
    """Messages show values; what is not to be shown is not."""
    ours, theirs = repr(OURS[kind](**arguments)), repr(THEIRS[kind](**arguments))
    assert ours == theirs.rpartition(">.")[2]
    assert "hunter2" not in ours


@pytest.mark.parametrize(("kind", "arguments"), CASES)
def test_they_are_equal_where_all_fields_are(kind: str, arguments: dict[str, Any]) -> None:
    """And only to values of the same class."""
    value = OURS[kind](**arguments)
    assert [other for other in CASES if OURS[other[0]](**other[1]) == value] == [(kind, arguments)]
    assert value != "a"


@pytest.mark.parametrize("kind", ["Empty", "One", "Several", "Derived"])
def test_they_can_be_hashed_if_their_fields_can(kind: str) -> None:
    """Equal ones alike."""
    arguments = MADE[kind][0]
    if kind in {"Several", "Derived"}:
        with pytest.raises(TypeError, match="unhashable type: 'dict'"):
            hash(OURS[kind](**arguments))
        arguments = arguments | {"values": ()}
    assert hash(OURS[kind](**arguments)) == hash(OURS[kind](**arguments))


def test_they_do_not_change() -> None:
    """Not a field, and no new one."""
    value = OURS["One"](name="a")
    for name in ("name", "other"):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(value, name, "b")


def test_a_method_of_the_class_stays() -> None:
    """Whoever says how his values are printed is heard."""

    @frozen
    class Own:
        name: str

        def __repr__(self) -> str:
            return "mine"

    assert repr(Own("a")) == "mine"
