"""Kubernetes' own autoscaler."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.kubernetes import ScalingBehavior
from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.values import PositiveInt, Quantity, canonical_quantity


@frozen(kw_only=True)
class Autoscaling:
    """As many pods as their use of CPU asks for: a HorizontalPodAutoscaler (``autoscaling/v2``).

    The cluster needs metrics-server. The Deployment then says no number of replicas, so that applying it again does
    not undo what the autoscaler has decided. It needs a database and an artifact store that pods can share.
    """

    min_replicas: PositiveInt = 2
    """The fewest pods: two, since one alone is missed at every eviction until another has started."""
    max_replicas: PositiveInt = 5
    """The most pods. The pools of connections are sized for them."""
    average_cpu: Quantity | None = "500m"
    """What a pod should use on average: half of what one worker can use at most; None looks at memory alone.

    An amount, not a percentage of the request: a request says what a pod is promised, and MLflow's (250m) lies far
    below what it can use.
    """
    average_memory: Quantity | None = None
    """The memory that a pod should use on average: not looked at, if left out.

    A poor signal for MLflow: its processes keep what a peak once made them take, so a server that was busy once never
    scales down again, and one that is slow because its CPU is busy shows nothing.
    """
    behavior: ScalingBehavior = attrs.field(factory=ScalingBehavior)
    """How fast, in Kubernetes' own shape. Left out, it scales up at once, and down after 5 minutes."""

    @property
    def least(self) -> int:
        """The fewest pods that run."""
        return self.min_replicas

    @property
    def most(self) -> int:
        """The most pods that run, but for the one more of a rollout."""
        return self.max_replicas

    def failures(self) -> Iterator[str]:
        """Yield what is wrong with the fields together."""
        yield from order_failures(self.min_replicas, self.max_replicas)
        if self.average_cpu is None and self.average_memory is None:
            yield 'average_cpu and average_memory are both None, and nothing would scale; write average_cpu="500m"'

    def scaler(self, deployment: str) -> Manifest:
        """Return the autoscaler of the Deployment, which has its name."""
        wanted = {"cpu": self.average_cpu, "memory": self.average_memory}
        return {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": deployment},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment},
                "minReplicas": self.min_replicas,
                "maxReplicas": self.max_replicas,
                "metrics": [_metric(name, amount) for name, amount in wanted.items() if amount is not None],
                **behavior_of(self.behavior),
            },
        }


def _metric(name: str, amount: str) -> Manifest:
    target = {"type": "AverageValue", "averageValue": canonical_quantity(amount)}
    return {"type": "Resource", "resource": {"name": name, "target": target}}


def behavior_of(behavior: ScalingBehavior) -> dict[str, Any]:
    """Return the field with the behaviour, if there is one."""
    return {"behavior": dict(behavior)} if behavior else {}


def order_failures(least: int, most: int) -> Iterator[str]:
    """Yield what is wrong with the bounds."""
    if least > most:
        yield f"min_replicas is above max_replicas (got {least} and {most}); lower it, or raise max_replicas"
