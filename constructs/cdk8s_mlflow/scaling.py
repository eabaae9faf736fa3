"""How many server pods run, and how many may be missing."""

from __future__ import annotations

import attrs

from cdk8s_mlflow.values import PositiveInt


@attrs.frozen
class FixedReplicas:
    """Always the same number of pods. More than one needs a database and an artifact store that pods can share."""

    replicas: PositiveInt = 1


@attrs.frozen(kw_only=True)
class DisruptionBudget:
    """How many pods a drain of nodes may take at once.

    Rendered from two replicas on: for a single one it would block every drain. Pods that are not ready
    may always be evicted (``AlwaysAllow``), so a broken release does not hold nodes.
    """

    max_unavailable: PositiveInt = 1
