"""``attrs.frozen`` for the classes of this package, faster to import.

attrs writes and compiles the methods of a class when the class is made, which was half of what it took to import the
package; a program uses few of the classes, and compares or prints fewer. Those methods that only go through the fields
are the same for all, so all share them. ``__init__`` stays attrs' own.
"""

from __future__ import annotations

import functools
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import attrs

__all__ = ["frozen"]

if TYPE_CHECKING:
    from collections.abc import Callable

    from attrs import frozen
else:

    def frozen(owner: type | None = None, **options: Any) -> Any:
        """Make a class frozen, with keyword arguments as ``attrs.frozen`` has them."""
        if owner is None:
            return functools.partial(frozen, **options)
        for method in (_eq, _hash, _repr):
            if method.__name__ not in vars(owner):
                setattr(owner, method.__name__, method)
        return attrs.frozen(owner, **options)


@functools.cache
def _getter(owner: Any) -> Callable[[object], object]:
    names = [field.name for field in attrs.fields(owner) if field.eq]
    return attrgetter(*names) if names else type


def _values(value: Any) -> Any:
    owner: Any = type(value)
    return _getter(owner)(value)


def _eq(self: Any, other: Any) -> bool:
    if type(other) is not type(self):
        return NotImplemented  # type: ignore[no-any-return]
    return bool(_values(self) == _values(other))


def _hash(self: Any) -> int:
    return hash((type(self), _values(self)))


def _repr(self: Any) -> str:
    shown = (field for field in attrs.fields(type(self)) if field.repr)
    return f"{type(self).__name__}({', '.join(f'{field.name}={getattr(self, field.name)!r}' for field in shown)})"


_eq.__name__, _hash.__name__, _repr.__name__ = "__eq__", "__hash__", "__repr__"
