"""How programs log in that have no person in front of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs

from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.needs import AccessToken, Needs, SecretSource, SecretUse
from cdk8s_mlflow.peers import Endpoint
from cdk8s_mlflow.values import PlainText


@frozen(kw_only=True)
class ClientCredentials:
    """How pods of this chart that call the server get an access token: by OAuth 2.0 client credentials.

    They fetch one when they start. The provider must be told to issue it: as a JWT, for the audience that the login
    expects, with the groups that the login expects.
    """

    client_id: PlainText | None = None
    """The client that they are: the login's own if left out."""
    client_secret: SecretSource | None = None
    """The secret of that client."""
    parameters: Mapping[PlainText, PlainText] = attrs.field(factory=dict)
    """Further parameters of the request, in the provider's own words: ``{"scope": "..."}``, ``{"audience": "..."}``,
    ``{"resource": "..."}``."""

    def failures(self) -> Iterator[str]:
        """Yield what is wrong with the fields together."""
        if (self.client_id is None) != (self.client_secret is None):
            yield (
                f"client_id and client_secret belong together (got client_id={self.client_id!r} and "
                f"{'no' if self.client_secret is None else 'a'} client_secret); write both or none"
            )

    def caller_needs(
        self, discovery_url: str, client_id: str, client_secret: SecretUse, egress: tuple[Endpoint, ...]
    ) -> Needs:
        """Return what a caller's container needs; client and secret are the login's own."""
        if self.client_secret is not None:
            client_id, client_secret = self.client_id or "", SecretUse("caller-client-secret", self.client_secret)
        token = AccessToken(
            variable="MLFLOW_TRACKING_TOKEN",
            discovery_url=discovery_url,
            client_id=client_id,
            client_secret=client_secret,
            parameters=self.parameters,
        )
        return Needs(tokens=(token,), egress=egress)
