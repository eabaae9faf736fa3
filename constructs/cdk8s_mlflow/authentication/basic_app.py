"""MLflow's own app with a login, on which three methods build."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

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
)

Permission = Literal["READ", "USE", "EDIT", "MANAGE", "NO_PERMISSIONS"]

BASIC_SCHEMA = Schema(
    revisions="mlflow/server/auth/db/migrations/versions",
    version_table="alembic_version_auth",
    command="mlflow.server.auth.cli:commands",
    arguments=("db", "upgrade", "--url", "{uri}"),
)
APP_NAME = "basic-auth"
_FILE = "basic_auth.ini"


def app_needs(settings: Mapping[str, str], users: DatabaseAddress | None, flask_secret_key: SecretSource) -> Needs:
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
