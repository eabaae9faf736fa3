"""MLflow's own login."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import attrs

from cdk8s_mlflow.authentication.basic_app import APP_NAME, BASIC_SCHEMA, Permission, app_needs
from cdk8s_mlflow.backend_store import BackendStore
from cdk8s_mlflow.container import seconds
from cdk8s_mlflow.guards import Guard, Premises
from cdk8s_mlflow.needs import EnvVar, Needs, Schema, SecretSource, SecretUse, merge
from cdk8s_mlflow.secrets import GeneratedSecret, InlineSecret
from cdk8s_mlflow.values import LoginName

_SHORTEST_PASSWORD = 12


@attrs.frozen(kw_only=True)
class BasicAuth:
    """User names and passwords that MLflow keeps itself (``--app-name basic-auth``). The simplest login.

    The first start makes the administrator; further users are made by ``/signup``, or by MLflow's
    ``AuthServiceClient``. Needs an image with Flask-WTF: every ``-full`` one has it.
    """

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
    """Whether every user has that permission in the default workspace, where there are workspaces."""
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

    def guard(self, premises: Premises) -> Guard:
        """Return MLflow's app, and the administrator's credentials for its callers."""
        password = SecretUse("admin-password", self.admin_password, "passphrase")
        settings = {
            "default_permission": self.default_permission,
            "grant_default_workspace_access": str(self.grant_default_workspace_access).lower(),
            "auth_cache_ttl_seconds": str(seconds(self.auth_cache_ttl)),
        }
        administrator = (
            EnvVar("MLFLOW_AUTH_ADMIN_USERNAME", self.admin_username),
            EnvVar("MLFLOW_AUTH_ADMIN_PASSWORD", password),
        )
        credentials = (
            EnvVar("MLFLOW_TRACKING_USERNAME", self.admin_username),
            EnvVar("MLFLOW_TRACKING_PASSWORD", password),
        )
        return Guard(
            app_name=APP_NAME,
            server=merge(app_needs(settings, premises.users, self.flask_secret_key), Needs(env=administrator)),
            callers=Needs(env=credentials),
        )
