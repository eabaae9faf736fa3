"""MySQL and MariaDB."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import quote, urlencode

import attrs

from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.needs import (
    CREDENTIALS_DIRECTORY,
    Archive,
    CredentialFile,
    DatabaseAccess,
    MigrationDialect,
    Precondition,
    SecretSource,
    SecretUse,
)
from cdk8s_mlflow.peers import Peer
from cdk8s_mlflow.sidecars import Proxy, way_to
from cdk8s_mlflow.values import CredentialText, Host, Port
from cdk8s_mlflow.volumes import ConfigMapKey, Mount, SecretKey, key_file

_CUT_OFF = "an upgrade was cut off that kept no journal (by hand?); restore the backup from before it"

MIGRATION = MigrationDialect(
    # Named for the database: the lock is the server's, which may hold several of them.
    try_lock="SELECT GET_LOCK(CONCAT('mlflow-migration-', LEFT(MD5(DATABASE()), 32)), 0)",
    causes={
        "Access denied for user": "wrong user or password, or no right on the database; compare MySQL.user, .password",
        "Unknown database": "the database does not exist; create it or compare MySQL.database",
        "command denied": "the user may not create tables; grant ALL on the database, or give Migration a store",
        "read-only option": "the server is read-only (a replica?); MySQL.host must be the primary",
        "is not allowed to connect to this": "the server has no user for this address (CREATE USER name@'%')",
        "(Hostname|IP address) mismatch": (
            "the server's certificate is for another name than MySQL.host (or write MySQLTls.check_hostname=False)"
        ),
        "certificate verify failed": "the server's certificate is not of MySQL.tls.ca",
        "CannotGoOn: ": "an earlier upgrade was cut off and cannot be completed; restore the backup from before it",
        "still at work for an upgrade": "what a pod that is gone had begun has not ended yet; the next start waits",
        # Table, column or key that is there already, or not there to be dropped.
        r"\(1050,": _CUT_OFF,
        r"\(1060,": _CUT_OFF,
        r"\(1061,": _CUT_OFF,
        r"\(1091,": _CUT_OFF,
        "insecure transport": "the server wants TLS; write MySQL.tls",
        "SSL is required but the server": "the server has no TLS, and MySQL.tls wants it",
    },
    transactional_ddl=False,
    preconditions=(
        Precondition(
            query="SELECT @@character_set_database",
            expected="utf8mb4",
            failure=(
                "the database's character set is {found}, with which MLflow's migrations fail halfway; "
                "run: ALTER DATABASE name CHARACTER SET utf8mb4"
            ),
        ),
    ),
)


@frozen(kw_only=True)
class MySQLTls:
    """Encrypt the connection, and know the server by its certificate."""

    ca: SecretKey | ConfigMapKey
    """The authority of the server's certificate."""
    check_hostname: bool = True
    """Whether the certificate must be for ``MySQL.host``. Cloud SQL's are not."""


@frozen(kw_only=True)
class MySQL:
    """A MySQL or MariaDB database, of the character set ``utf8mb4``.

    The password never meets a URL or an argument, so any character in it works: the driver reads it from an
    option file in memory. MySQL cannot take a half-done migration back, so the next start completes it; have a backup
    before an upgrade all the same.
    """

    host: Host
    port: Port = 3306
    database: CredentialText = "mlflow"
    user: CredentialText | SecretSource = "mlflow"
    """The user, or the key of the Secret that names it."""
    password: SecretSource | None = None
    """None where a proxy logs in by itself."""
    connect_timeout: timedelta = timedelta(seconds=10)
    """How long to wait for the server to answer a new connection."""
    tls: MySQLTls | None = None
    """How the connection is encrypted; not at all if left out."""
    network_peer: Peer | None = None
    """Where the database is, for the network policy: any address on its port if left out."""
    proxy: Proxy | None = None
    """A container that the connection goes through; :attr:`host` is then ``127.0.0.1``. Kubernetes 1.29 or newer."""

    def failures(self) -> Iterator[str]:
        """Yield what is wrong with the fields together."""
        if self.password is None and self.proxy is None:
            yield "password must be given (got None); write password=ExistingSecret(name, key), or a proxy that logs in"
        if self.proxy is not None and self.host not in {"127.0.0.1", "localhost"}:
            yield f"the proxy listens in the pod, and host is elsewhere (got {self.host!r}); write host='127.0.0.1'"

    @property
    def migration(self) -> MigrationDialect:
        """A named lock of the server; it belongs to the connection."""
        return MIGRATION

    def access(self, role: str, *, alone: bool) -> DatabaseAccess:  # noqa: ARG002 - an option file in any case
        """Return a URI that names the option file."""
        options = {
            "read_default_file": f"{CREDENTIALS_DIRECTORY}/{role}.cnf",
            "charset": "utf8mb4",
            "connect_timeout": str(max(1, int(self.connect_timeout.total_seconds()))),
        }
        mounts: tuple[Mount, ...] = ()
        if self.tls is not None:
            folder = _ca_folder(role)
            options |= {"ssl_ca": f"{folder}/ca.crt", "ssl_check_hostname": str(self.tls.check_hostname).lower()}
            mounts = (Mount(volume=f"{role}-ca", source=key_file(self.tls.ca, "ca.crt"), path=folder, read_only=True),)
        return DatabaseAccess(
            uri=f"mysql+pymysql:///{quote(self.database, safe='')}?{urlencode(options, safe='/')}",
            needs=attrs.evolve(
                way_to(self.host, self.port, self.network_peer, self.proxy),
                credential_files=(self._option_file(role),),
                mounts=mounts,
            ),
        )

    def archive(self, role: str) -> Archive:
        """Return ``mariadb-dump`` or ``mysqldump``, whichever the image has, in a transaction that sees one moment."""
        access, options = self.access(role, alone=True), f"{CREDENTIALS_DIRECTORY}/{role}-tools.cnf"
        return Archive(
            tools="mysql",
            suffix="sql.gz",
            dump=(
                *("sh", "-c", 'exec "$(command -v mariadb-dump || command -v mysqldump)" "$@"', "dump"),
                f"--defaults-file={options}",
                *("--single-transaction", "--quick", "--hex-blob", "--default-character-set=utf8mb4"),
                # Needs rights of an administrator, and is of no use elsewhere.
                *("--no-tablespaces", "--loose-set-gtid-purged=OFF"),
                # What is there already must stop the restore.
                "--skip-add-drop-table",
                *("--result-file={file}", "--", self.database),
            ),
            load=(
                *("sh", "-c", 'exec "$(command -v mariadb || command -v mysql)" "$1" "$2" "$3" < "$4"', "load"),
                *(f"--defaults-file={options}", "--default-character-set=utf8mb4"),
                *(f"--database={self.database}", "{file}"),
            ),
            needs=attrs.evolve(access.needs, credential_files=(self._tools_file(role),)),
        )

    def _tools_file(self, role: str) -> CredentialFile:
        """Return the option file of the server's own tools: they know backslashes and UTF-8, the driver does not."""
        escapes = {"\\": "\\\\", '"': '\\"', "'": "\\'"}
        user = "${user}"
        secrets = {} if self.password is None else {"password": SecretUse(f"{role}-password", self.password)}
        if isinstance(self.user, str):
            user = "".join(escapes.get(character, character) for character in self.user)
        else:
            secrets["user"] = SecretUse(f"{role}-user", self.user)
        lines = [f"host={self.host}", f"port={self.port}", "protocol=tcp", f'user="{user}"']
        lines += [] if self.password is None else ['password="${password}"']
        if self.tls is not None:
            lines.append(f"ssl-ca={_ca_folder(role)}/ca.crt")
            # MariaDB's word and MySQL's; each warns of the other's.
            lines += ["loose-ssl-verify-server-cert"] if self.tls.check_hostname else []
            lines.append(f"loose-ssl-mode={'VERIFY_IDENTITY' if self.tls.check_hostname else 'VERIFY_CA'}")
        text = "".join(f"{line}\n" for line in ["[client]", *lines])
        return CredentialFile(name=f"{role}-tools.cnf", text=text, secrets=secrets, escapes=escapes)

    def _option_file(self, role: str) -> CredentialFile:
        user = self.user if isinstance(self.user, str) else "${user}"
        secrets = {} if isinstance(self.user, str) else {"user": SecretUse(f"{role}-user", self.user)}
        # In quotes the driver takes a value as it stands, whatever is in it.
        text = f'[client]\nhost={self.host}\nport={self.port}\nuser="{user}"\n'
        if self.password is None:
            return CredentialFile(name=f"{role}.cnf", text=text, secrets=secrets)
        secrets["password"] = SecretUse(f"{role}-password", self.password)
        # PyMySQL encodes passwords, and only them, as Latin-1; the server has hashed UTF-8.
        return CredentialFile(
            name=f"{role}.cnf", text=f'{text}password="${{password}}"\n', secrets=secrets, latin1=("password",)
        )


def _ca_folder(role: str) -> str:
    return f"/run/mlflow/tls/{role}/ca"
