"""Microsoft SQL Server."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal
from urllib.parse import quote

from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.needs import DatabaseAccess, EncodedUri, MigrationDialect, Needs, SecretSource, SecretUse
from cdk8s_mlflow.peers import Peer, authority, endpoint
from cdk8s_mlflow.values import CredentialText, Host, Port

MIGRATION = MigrationDialect(
    try_lock=(
        "DECLARE @taken int; EXEC @taken = sp_getapplock @Resource = 'mlflow-migration', @LockMode = 'Exclusive', "
        "@LockOwner = 'Session', @LockTimeout = 0; SELECT CASE WHEN @taken >= 0 THEN 1 ELSE 0 END"
    ),
    causes={
        r"Login failed|^\(18456,": "wrong user or password; compare SQLServer.user and .password",
        r"Cannot open database|^\(4060,": "the database does not exist; create it or compare SQLServer.database",
        r"permission was denied|^\(262,": "the user may not create tables; make it db_owner, or give Migration a store",
    },
)


@frozen(kw_only=True)
class SQLServer:
    """A Microsoft SQL Server or Azure SQL database, by the driver pymssql of MLflow's full image.

    The driver takes credentials in its URI only. A launcher of ours encodes them (any character works) and
    puts the URI into the environment of the server's process: it is in no file and no argument.
    """

    host: Host
    port: Port = 1433
    database: CredentialText = "mlflow"
    user: CredentialText | SecretSource = "mlflow"
    """The user, or the key of the Secret that names it."""
    password: SecretSource
    connect_timeout: timedelta = timedelta(seconds=10)
    """How long to wait for the server to answer a new connection."""
    encryption: Literal["off", "request", "require"] = "require"
    """FreeTDS' word for TLS; Azure SQL wants ``require``."""
    network_peer: Peer | None = None
    """Where the database is, for the network policy: any address on its port if left out."""

    @property
    def migration(self) -> MigrationDialect:
        """An application lock of the session."""
        return MIGRATION

    def access(self, role: str, *, alone: bool) -> DatabaseAccess:  # noqa: ARG002 - encoded in any case
        """Return the URI for the launcher to complete."""
        secrets = {"password": SecretUse(f"{role}-password", self.password)}
        user = "${user}"
        if isinstance(self.user, str):
            user = quote(self.user, safe="")
        else:
            secrets["user"] = SecretUse(f"{role}-user", self.user)
        place = f"{authority(self.host, self.port)}/{quote(self.database, safe='')}"
        options = f"encryption={self.encryption}&login_timeout={max(1, int(self.connect_timeout.total_seconds()))}"
        return DatabaseAccess(
            uri=EncodedUri(f"mssql+pymssql://{user}:${{password}}@{place}?{options}", secrets),
            needs=Needs(egress=(endpoint(self.host, self.port, self.network_peer),)),
        )
