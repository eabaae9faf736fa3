"""What is reported when no working server can be made of the props."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")


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


def repeated(items: Sequence[T]) -> list[T]:
    """Return what stands in a list more than once, each once."""
    return [item for item in dict.fromkeys(items) if items.count(item) > 1]
