"""Who may use the server: one class per method.

A method says what it does to the server and to its callers (:meth:`Authentication.guard`), and which tables it
keeps (:attr:`Authentication.schema`). A class of your own with these works as well.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from cdk8s_mlflow.backend_store import BackendStore
from cdk8s_mlflow.guards import Guard, Premises
from cdk8s_mlflow.needs import Schema


@runtime_checkable
class Authentication(Protocol):
    """What every method answers."""

    @property
    def schema(self) -> Schema | None:
        """The tables of users that it keeps; None if it keeps none."""

    @property
    def user_store(self) -> BackendStore | None:
        """The database for them; None for the backend store's."""

    def guard(self, premises: Premises) -> Guard:
        """Return what it does to the server and its callers."""
