"""MLflow's own app with a login, on which three methods build."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Literal

from cdk8s_mlflow.backend_store import BackendStore
from cdk8s_mlflow.container import config_file, script, seconds
from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.guards import Guard, Premises
from cdk8s_mlflow.needs import (
    CREDENTIALS_DIRECTORY,
    FILES_DIRECTORY,
    ConfigFile,
    CredentialFile,
    DatabaseAddress,
    EncodedUri,
    EnvVar,
    Needs,
    Schema,
    SecretSource,
    SecretUse,
    merge,
)
from cdk8s_mlflow.secrets import GeneratedSecret, InlineSecret
from cdk8s_mlflow.values import LoginName

Permission = Literal["READ", "USE", "EDIT", "MANAGE", "NO_PERMISSIONS"]

BASIC_SCHEMA = Schema(
    revisions="mlflow/server/auth/db/migrations/versions",
    version_table="alembic_version_auth",
    command="mlflow.server.auth.cli:commands",
    arguments=("db", "upgrade", "--url", "{uri}"),
    repeated_keys=("fk_user_id",),
)
_FILE = "basic_auth.ini"
_SHORTEST_PASSWORD = 12


@frozen(kw_only=True)
class Asked:
    """A function that decides about everybody but the administrator."""

    function: str
    """``module:function``."""
    needs: Needs
    """What its module needs, and the module itself below :data:`FILES_DIRECTORY`, or in one of :attr:`directories`."""
    directories: tuple[str, ...] = ()


@frozen(kw_only=True)
class BasicApp:
    """What every method on that app has: an administrator of its own, and MLflow's tables of users."""

    admin_username: LoginName = "admin"
    """The first user, who may do everything. Pods of this chart that call the server log in as this one."""
    admin_password: SecretSource = GeneratedSecret()
    """The administrator's password, of 12 characters or more. Generated, it is in the Secret
    ``<release>-admin-password``.

    MLflow reads it once, when it makes the administrator. To change it later, first change it in MLflow
    (``update_user_password``), then in the Secret, and restart the pods.
    """
    default_permission: Permission = "READ"
    """What a user may do with what nobody has shared with him. ``default_permission``."""
    grant_default_workspace_access: bool = False
    """Whether every user has that permission in the default workspace. For servers with
    ``MlflowProps.workspaces``; without it, whoever has no role in a workspace sees nothing of it."""
    user_store: BackendStore | None = None
    """The database of the users: the backend store's, in tables of their own, if left out."""
    auth_cache_ttl: timedelta = timedelta(minutes=1)
    """How long a server process remembers that a password was right: checking takes 0.3 s of CPU each time.

    A changed password or a deleted user is still let in for that long. 0 checks each request.
    ``auth_cache_ttl_seconds``.
    """
    flask_secret_key: SecretSource = GeneratedSecret()
    """Signs the forms of the sign-up page, the same in all replicas. ``MLFLOW_FLASK_SERVER_SECRET_KEY``."""

    def failures(self) -> Iterator[str]:
        """Yield what is wrong with the fields together."""
        password = self.admin_password
        if isinstance(password, InlineSecret) and len(password.value) < _SHORTEST_PASSWORD:
            yield (
                f"admin_password is too short for MLflow (its {len(password.value)} characters are not shown); "
                f"write {_SHORTEST_PASSWORD} or more"
            )
        if isinstance(password, InlineSecret) and not password.value.isascii():
            yield (
                "admin_password has characters that are not ASCII (they are not shown), which MLflow's artifact routes "
                "refuse; write others"
            )
        if isinstance(password, InlineSecret) and password.value == "password1234":
            yield "admin_password is the one that MLflow used to ship, and refuses; write another one"

    @property
    def schema(self) -> Schema:
        """The tables of users, roles and permissions."""
        return BASIC_SCHEMA

    def app(self, premises: Premises, asked: Asked | None = None) -> Guard:
        """Return MLflow's app, and the administrator's credentials for its callers."""
        settings = {
            "default_permission": self.default_permission,
            "grant_default_workspace_access": str(self.grant_default_workspace_access).lower(),
            "auth_cache_ttl_seconds": str(seconds(self.auth_cache_ttl)),
        }
        asking = Needs()
        if asked is not None:
            settings["authorization_function"] = "mlflow_login:authenticate"
            asking = merge(self._asking(asked, premises.static_prefix), asked.needs)
        password = SecretUse("admin-password", self.admin_password, "passphrase")
        administrator = (
            EnvVar("MLFLOW_AUTH_ADMIN_USERNAME", self.admin_username),
            EnvVar("MLFLOW_AUTH_ADMIN_PASSWORD", password),
        )
        credentials = (
            EnvVar("MLFLOW_TRACKING_USERNAME", self.admin_username),
            EnvVar("MLFLOW_TRACKING_PASSWORD", password),
        )
        return Guard(
            app_name="basic-auth",
            server=merge(_app_needs(settings, premises.users, self.flask_secret_key), Needs(env=administrator), asking),
            callers=Needs(env=credentials),
        )

    def _asking(self, asked: Asked, static_prefix: str) -> Needs:
        """Return what lets a function of ours or of the user's decide."""
        settings = {
            "administrator": self.admin_username,
            "function": asked.function,
            "directories": list(asked.directories),
            "static_prefix": static_prefix,
        }
        return Needs(files=(script("mlflow_login.py"), config_file("mlflow_login.json", settings)))


def _app_needs(settings: Mapping[str, str], users: DatabaseAddress | None, flask_secret_key: SecretSource) -> Needs:
    """Return what the app needs: its settings with the database of users, and the key that signs its forms."""
    key = SecretUse("flask-secret-key", flask_secret_key, "passphrase")
    folder, ini = _ini(settings, "" if users is None else users)
    env = (EnvVar("MLFLOW_AUTH_CONFIG_PATH", f"{folder}/{_FILE}"), EnvVar("MLFLOW_FLASK_SERVER_SECRET_KEY", key))
    if isinstance(ini, ConfigFile):
        return Needs(env=env, files=(ini,))
    return Needs(env=env, credential_files=(ini,))


def _ini(settings: Mapping[str, str], users: DatabaseAddress) -> tuple[str, ConfigFile | CredentialFile]:
    """Return the file and its folder. MLflow takes the database's URI from nowhere else, and a URI may be secret."""
    lines = [f"{name} = {_escaped(value)}" for name, value in settings.items()]
    if isinstance(users, str):
        return FILES_DIRECTORY, ConfigFile(_FILE, _section([*lines, f"database_uri = {_escaped(users)}"]))
    if isinstance(users, EncodedUri):
        text, secrets, encoded = _escaped(users.text), users.secrets, tuple(users.secrets)
    else:
        text, secrets, encoded = "${uri}", {"uri": users}, ()
    file = CredentialFile(
        name=_FILE,
        text=_section([*lines, f"database_uri = {text}"]),
        secrets=secrets,
        url_encoded=encoded,
        escapes={"%": "%%"},
    )
    return CREDENTIALS_DIRECTORY, file


def _section(lines: list[str]) -> str:
    return "\n".join(["[mlflow]", *lines, ""])


def _escaped(value: str) -> str:
    """Return a value as configparser wants it."""
    return value.replace("%", "%%")
