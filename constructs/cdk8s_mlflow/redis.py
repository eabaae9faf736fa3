"""Redis, where replicas share what each of them would otherwise remember for itself."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.needs import EncodedUri, SecretSource, SecretUse
from cdk8s_mlflow.peers import Endpoint, Peer, authority, endpoint
from cdk8s_mlflow.values import CredentialText, Host, Port, Rule

DatabaseNumber = Annotated[
    int, Rule(lambda v: int(str(v)) >= 0, "be the number of a Redis database", "write 0 or more")
]


@frozen(kw_only=True)
class Redis:
    """A Redis server that somebody else runs."""

    host: Host
    port: Port = 6379
    database: DatabaseNumber = 0
    user: CredentialText | None = None
    """Redis' default user if left out."""
    password: SecretSource | None = None
    """No password if left out."""
    tls: bool = False
    """Whether to encrypt, and to verify the certificate by the public authorities and ``MlflowProps.ca_bundle``."""
    network_peer: Peer | None = None
    """Where it is, for the network policy: any address if left out and ``host`` is a name."""

    def endpoint(self) -> Endpoint:
        """Return where it listens."""
        return endpoint(self.host, self.port, self.network_peer)

    @property
    def address(self) -> str:
        """Its URI without user and password."""
        return f"{'rediss' if self.tls else 'redis'}://{authority(self.host, self.port)}/{self.database}"

    def uri(self, purpose: str) -> EncodedUri:
        """Return its URI with user and password."""
        password = self.use(purpose)
        login = f"{quote(self.user or '', safe='')}{':${password}' if password else ''}"
        scheme, _, address = self.address.partition("://")
        return EncodedUri(
            f"{scheme}://{login}@{address}" if login else self.address, {"password": password} if password else {}
        )

    def use(self, purpose: str) -> SecretUse | None:
        """Return the password as a container's secret."""
        return None if self.password is None else SecretUse(f"{purpose}-redis-password", self.password)
