"""A number of pods that a person has chosen."""

from __future__ import annotations

from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.values import NotNegativeInt


@frozen
class FixedReplicas:
    """Always the same number of pods. More than one needs a database and an artifact store that pods can share."""

    replicas: NotNegativeInt = 1
    """0 stops the server and keeps everything else: for a restore, or while a database moves."""

    @property
    def least(self) -> int:
        """The fewest pods that run."""
        return self.replicas

    @property
    def most(self) -> int:
        """The most pods that run, but for the one more of a rollout."""
        return self.replicas

    def scaler(self, deployment: str) -> None:
        """Return no object: the Deployment says the number itself."""
        del deployment
