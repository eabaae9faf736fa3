"""KEDA's autoscaler, which knows time tables and Prometheus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import attrs

from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.kubernetes import ScalingBehavior
from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.scaling.autoscaling import behavior_of, order_failures
from cdk8s_mlflow.values import (
    CronSchedule,
    DnsName,
    NotNegativeInt,
    NotNegativeNumber,
    PlainText,
    PositiveInt,
    PositiveNumber,
    Quantity,
    TimeZone,
    Url,
    canonical_quantity,
    sequences,
)


@frozen(kw_only=True)
class CronTrigger:
    """A number of pods between two times, again and again: the working day."""

    timezone: TimeZone
    """A name such as ``Europe/Berlin``."""
    start: CronSchedule
    """When the time begins, as cron writes it: ``0 7 * * MON-FRI``."""
    end: CronSchedule
    """When it ends."""
    desired_replicas: PositiveInt
    """The pods between them; at other times as many as other triggers want, or the minimum."""

    wakes = True

    def failures(self) -> Iterator[str]:
        """Yield what is wrong with the fields together."""
        if self.start == self.end:
            yield f"start and end are the same (got {self.start!r}); name a time between two moments"

    def spec(self) -> Manifest:
        """Return the trigger as KEDA writes it."""
        metadata = {
            "timezone": self.timezone,
            "start": self.start,
            "end": self.end,
            "desiredReplicas": str(self.desired_replicas),
        }
        return {"type": "cron", "metadata": metadata}


@frozen(kw_only=True)
class PrometheusTrigger:
    """As many pods as a query of Prometheus asks for."""

    server_address: Url
    """Prometheus, as KEDA reaches it: ``http://prometheus.monitoring.svc:9090``."""
    query: PlainText
    """What to ask: one number, such as ``sum(rate(mlflow_http_request_total[2m]))``."""
    threshold: PositiveNumber
    """How much of it one pod can take."""
    activation_threshold: NotNegativeNumber = 0
    """Above what the first pod is started, where there may be none."""
    authentication: DnsName | None = None
    """A TriggerAuthentication of the release's namespace with what Prometheus wants to see: nothing, if left out."""

    wakes = True

    def spec(self) -> Manifest:
        """Return the trigger as KEDA writes it."""
        metadata = {
            "serverAddress": self.server_address,
            "query": self.query,
            "threshold": f"{self.threshold:g}",
            "activationThreshold": f"{self.activation_threshold:g}",
        }
        reference = {"authenticationRef": {"name": self.authentication}} if self.authentication else {}
        return {"type": "prometheus", "metadata": metadata} | reference


@frozen(kw_only=True)
class CpuTrigger:
    """As many pods as their use of CPU asks for, as :class:`Autoscaling` does it."""

    average_cpu: Quantity = "500m"
    """What a pod should use on average."""

    wakes = False

    def spec(self) -> Manifest:
        """Return the trigger as KEDA writes it."""
        return {
            "type": "cpu",
            "metricType": "AverageValue",
            "metadata": {"value": canonical_quantity(self.average_cpu)},
        }


Trigger = CronTrigger | PrometheusTrigger | CpuTrigger


@frozen(kw_only=True, field_transformer=sequences)
class KedaScaling:
    """As many pods as the busiest of some triggers asks for: a ScaledObject of KEDA, which must be installed.

    For time tables and for what Prometheus knows; for CPU alone :class:`Autoscaling` needs nothing installed.
    It needs a database and an artifact store that pods can share.
    """

    triggers: Sequence[Trigger]
    min_replicas: NotNegativeInt = 2
    """The fewest pods.

    0 is allowed where a :class:`CronTrigger` or :class:`PrometheusTrigger` can start the first pod again (a pod that
    is not there uses no CPU), and where nothing of the release calls the server by itself (no
    ``garbage_collection``). A request starts no pod: while there is none, clients are refused, and MLflow's client
    tries again for some minutes. Whatever the query of a trigger counts must be seen without the server.
    """
    max_replicas: PositiveInt = 5
    """The most pods. The pools of connections are sized for them."""
    polling_interval: timedelta = timedelta(seconds=30)
    """How often KEDA asks the triggers. ``pollingInterval``."""
    cooldown_period: timedelta = timedelta(minutes=5)
    """How long after the last trigger the last pod goes, where there may be none. ``cooldownPeriod``."""
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
        if self.polling_interval < timedelta(seconds=1):
            yield f"polling_interval is below a second (got {self.polling_interval}); write timedelta(seconds=30)"
        if not self.triggers:
            yield "triggers must not be empty (got ()); write [CronTrigger(...)]"
        elif self.min_replicas == 0 and not any(trigger.wakes for trigger in self.triggers):
            yield (
                "min_replicas is 0, and CPU that nobody uses starts no pod "
                "(got no other trigger); write 1 or more, or add a CronTrigger or PrometheusTrigger"
            )
        for trigger in self.triggers:
            if isinstance(trigger, CronTrigger) and trigger.desired_replicas > self.max_replicas:
                yield (
                    "max_replicas is below what a CronTrigger wants "
                    f"(got {self.max_replicas} and {trigger.desired_replicas}); raise it"
                )

    def scaler(self, deployment: str) -> Manifest:
        """Return the ScaledObject of the Deployment, which has its name."""
        return {
            "apiVersion": "keda.sh/v1alpha1",
            "kind": "ScaledObject",
            "metadata": {"name": deployment},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment},
                "pollingInterval": int(self.polling_interval.total_seconds()),
                "cooldownPeriod": int(self.cooldown_period.total_seconds()),
                "minReplicaCount": self.min_replicas,
                "maxReplicaCount": self.max_replicas,
                **self._advanced(),
                "triggers": [trigger.spec() for trigger in self.triggers],
            },
        }

    def _advanced(self) -> dict[str, Any]:
        behavior = behavior_of(self.behavior)
        return {"advanced": {"horizontalPodAutoscalerConfig": behavior}} if behavior else {}
