"""What manifests leave out."""

from __future__ import annotations

from typing import Any

from cdk8s_mlflow.peers import Verbatim

# Here an empty mapping says "all" or "with defaults"; anywhere else the API server would drop it again.
_MEANT_EMPTY = {"emptyDir", "podSelector", "namespaceSelector"}


def without_nothing(value: Any) -> Any:
    """Return a manifest without what builders left None or empty, which ``kubectl diff`` would show for ever."""
    if isinstance(value, Verbatim):
        return value
    if isinstance(value, dict):
        cleaned = {key: without_nothing(item) for key, item in value.items()}
        return {key: item for key, item in cleaned.items() if key in _MEANT_EMPTY or not _is_nothing(item)}
    if isinstance(value, list | tuple):
        return [without_nothing(item) for item in value]
    return value


def _is_nothing(value: object) -> bool:
    return value is None or value in ({}, [])
