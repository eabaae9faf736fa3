"""Any place that MLflow has a scheme for."""

from __future__ import annotations

from collections.abc import Sequence

from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.needs import Needs
from cdk8s_mlflow.peers import Endpoint
from cdk8s_mlflow.values import ArtifactLocation, sequences


@frozen(kw_only=True, field_transformer=sequences)
class ArtifactUri:
    """Any place that MLflow has a scheme for: the larribas chart's ``defaultArtifactRoot``.

    What the place's client needs beyond the URI goes into ``MlflowProps.extra_env``.
    """

    uri: ArtifactLocation
    egress: Sequence[Endpoint] = (Endpoint(port=443),)
    """The ports that the server must reach, for the network policy: HTTPS anywhere if left out."""

    reachable_by_clients = True
    spools = True

    @property
    def signs(self) -> bool:
        """Only for the stores that MLflow knows to sign for."""
        return self.uri.startswith(("s3://", "gs://", "wasbs://"))

    @property
    def presigns(self) -> bool:
        """As :attr:`signs`."""
        return self.signs

    def needs(self) -> Needs:
        """Return the way to the store."""
        return Needs(egress=tuple(self.egress))
