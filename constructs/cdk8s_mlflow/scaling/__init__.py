"""How many server pods run: one class per way. The plan asks each for its bounds, and never which it is."""

from __future__ import annotations

from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.scaling.autoscaling import Autoscaling
from cdk8s_mlflow.scaling.fixed_replicas import FixedReplicas
from cdk8s_mlflow.scaling.keda import CpuTrigger, CronTrigger, KedaScaling, PrometheusTrigger
from cdk8s_mlflow.values import PositiveInt

Scaling = FixedReplicas | Autoscaling | KedaScaling


@frozen(kw_only=True)
class DisruptionBudget:
    """How many pods a drain of nodes may take at once.

    Rendered where two replicas or more may run: a single one could not be drained without a pause anyway. Pods that
    are not ready may always be evicted (``AlwaysAllow``), so a broken release does not hold nodes.
    """

    max_unavailable: PositiveInt = 1


__all__ = [
    "Autoscaling",
    "CpuTrigger",
    "CronTrigger",
    "DisruptionBudget",
    "FixedReplicas",
    "KedaScaling",
    "PrometheusTrigger",
    "Scaling",
]
