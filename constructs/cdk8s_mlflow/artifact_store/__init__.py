"""Where MLflow keeps artifacts, one class per store, and how clients reach them.

A store says what its container needs (:meth:`ArtifactStore.needs`), its :attr:`ArtifactStore.uri` and what
MLflow can do with it. A class of your own with these works as well.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from cdk8s_mlflow.needs import Needs


@runtime_checkable
class ArtifactStore(Protocol):
    """What every artifact store answers."""

    @property
    def uri(self) -> str:
        """The place of the artifacts, in MLflow's words."""

    @property
    def reachable_by_clients(self) -> bool:
        """Whether a client outside the pod can use the URI."""

    @property
    def spools(self) -> bool:
        """Whether MLflow keeps each file in ``/tmp`` while it passes through (all but local folders)."""

    @property
    def signs(self) -> bool:
        """Whether MLflow's server offers clients URLs by which they reach the store without credentials."""

    @property
    def presigns(self) -> bool:
        """Whether these URLs work as the store is configured, so that :class:`Presigned` may be chosen."""

    def needs(self) -> Needs:
        """Return what a container needs to use the store."""
