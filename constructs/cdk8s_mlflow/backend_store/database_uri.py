"""Any database, by its whole URI."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from cdk8s_mlflow.backend_store import mysql, postgresql, sql_server
from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.needs import DatabaseAccess, MigrationDialect, Needs, SecretSource, SecretUse
from cdk8s_mlflow.peers import Endpoint
from cdk8s_mlflow.values import sequences

_MIGRATIONS = {"postgresql": postgresql.MIGRATION, "mysql": mysql.MIGRATION, "mssql": sql_server.MIGRATION}
_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}


@frozen(kw_only=True, field_transformer=sequences)
class DatabaseUri:
    """A database by a whole URI that a Secret holds, such as ``postgresql://user:password@host/database``.

    For teams whose secret manager keeps URIs. Whoever writes it must URL-encode the password (``@`` is
    ``%40``); the engines' own classes need no encoding.
    """

    uri: SecretSource
    engine: Literal["postgresql", "mysql", "mssql"]
    """What the URI starts with: the migration's lock depends on it."""
    egress: Sequence[Endpoint] | None = None
    """The ports that the server must reach, for the network policy: the engine's usual one if left out."""

    @property
    def migration(self) -> MigrationDialect:
        """The engine's."""
        return _MIGRATIONS[self.engine]

    def access(self, role: str, *, alone: bool) -> DatabaseAccess:  # noqa: ARG002 - all is in the URI
        """Return the Secret's key."""
        egress = (Endpoint(port=_PORTS[self.engine]),) if self.egress is None else tuple(self.egress)
        return DatabaseAccess(uri=SecretUse(f"{role}-uri", self.uri), needs=Needs(egress=egress))
