"""Login by OpenID Connect inside MLflow, with a plugin."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from cdk8s_mlflow.authentication.basic_app import Permission
from cdk8s_mlflow.authentication.client_credentials import ClientCredentials
from cdk8s_mlflow.backend_store import BackendStore
from cdk8s_mlflow.container import seconds
from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.guards import Guard, Premises
from cdk8s_mlflow.needs import EnvVar, LaunchedVariable, Needs, Schema, SecretSource, SecretUse, merge, uri_needs
from cdk8s_mlflow.peers import Endpoint, Peer, endpoint_of
from cdk8s_mlflow.redis import Redis
from cdk8s_mlflow.secrets import GeneratedSecret
from cdk8s_mlflow.values import PlainText, Rule, Url, sequences

WELL_KNOWN = "/.well-known/openid-configuration"
_VERSION_TABLE = "alembic_version_oidc"
OIDC_SCHEMA = Schema(
    revisions="mlflow_oidc_auth/db/migrations/versions",
    version_table=_VERSION_TABLE,
    command="mlflow_oidc_auth.db.cli:commands",
    arguments=("upgrade", "--url", "{uri}"),
    # It warns of every setting that only the server has.
    environment={"OIDC_ALEMBIC_VERSION_TABLE": _VERSION_TABLE, "LOG_LEVEL": "ERROR"},
)

DiscoveryUrl = Annotated[
    Url,
    Rule(
        lambda v: str(v).endswith(WELL_KNOWN),
        f"end in {WELL_KNOWN}",
        f'write the issuer\'s own, such as "https://login.example.com{WELL_KNOWN}"',
    ),
]
ListItem = Annotated[
    PlainText,
    Rule(
        lambda v: "," not in str(v) and str(v) == str(v).strip(),
        "have no commas, and no blanks around it",
        "write one item for each name",
    ),
]
Scope = Annotated[PlainText, Rule(lambda v: not {" ", ","} & set(str(v)), "be one scope", "write one item for each")]


@frozen(kw_only=True, field_transformer=sequences)
class OidcAuth:
    """Login with the company's accounts by OpenID Connect, and permissions per user and group inside MLflow.

    The plugin mlflow-oidc-auth runs as MLflow's app (``--app-name oidc-auth``). MLflow's own images lack it: name one
    in ``MlflowProps.image`` that has it, such as that of ``image/Containerfile``. The plugin answers one request of an
    API after the other in each server process, so have more replicas or workers rather than fewer.
    """

    discovery_url: DiscoveryUrl
    """The provider's discovery document. ``OIDC_DISCOVERY_URL``. The provider must return people to
    ``<public URL>/callback``."""
    client_id: PlainText
    """The client that the provider knows the server as. ``OIDC_CLIENT_ID``."""
    client_secret: SecretSource
    """The secret of that client. ``OIDC_CLIENT_SECRET``."""
    issuer: Url | None = None
    """Who signs the tokens: the discovery URL without its end, if left out. ``OIDC_ISSUER``."""
    audience: PlainText | None = None
    """For whom a bearer token must be: for ``client_id`` if left out. ``OIDC_AUDIENCE``."""
    scopes: Sequence[Scope] = ("openid", "email", "profile")
    """What to ask the provider for. ``OIDC_SCOPE``."""
    username_claims: Sequence[ListItem] = ("email", "preferred_username")
    """The claims that may name a user, the first that is there. ``OIDC_USERNAME_FIELD``."""
    groups_attribute: PlainText = "groups"
    """The claim with a user's groups. ``OIDC_GROUPS_ATTRIBUTE``."""
    allowed_groups: Sequence[ListItem] = ("mlflow",)
    """Whoever is in none of these, nor in ``admin_groups``, may not log in. ``OIDC_GROUP_NAME``."""
    admin_groups: Sequence[ListItem] = ("mlflow-admin",)
    """Whoever is in one of these may do everything. ``OIDC_ADMIN_GROUP_NAME``."""
    provider_display_name: PlainText = "Login with OIDC"
    """What stands on the button. ``OIDC_PROVIDER_DISPLAY_NAME``."""
    automatic_login_redirect: bool = False
    """Whether to go to the provider without a button. ``AUTOMATIC_LOGIN_REDIRECT``."""
    default_permission: Permission = "NO_PERMISSIONS"
    """What a user may do with what nobody has shared with him or his groups. ``DEFAULT_MLFLOW_PERMISSION``."""
    user_store: BackendStore | None = None
    """The database of users, permissions and sessions: the backend store's, in tables of their own, if left out.

    Its table ``users`` has the name of one of BasicAuth's: after that login, another database is needed.
    """
    session_key: SecretSource = GeneratedSecret()
    """Signs the session cookies, the same in all replicas. ``SECRET_KEY``."""
    session_token_key: SecretSource = GeneratedSecret()
    """Encrypts the provider's tokens in the database: a Fernet key. ``SESSION_TOKEN_ENCRYPTION_KEY``."""
    session_lifetime: timedelta = timedelta(days=14)
    """How long a cookie lives; a session ends earlier if the provider's token does.
    ``SESSION_COOKIE_MAX_AGE_SECONDS``."""
    permission_cache_ttl: timedelta = timedelta(seconds=30)
    """How long a server process remembers what a user may do. ``PERMISSION_CACHE_TTL_SECONDS``."""
    redis: Redis | None = None
    """Where replicas share that memory, so that a change holds in all of them at once. Sessions need none: they are in
    the database. Whoever may write to it may run code in the server. ``CACHE_REDIS_URL``."""
    callers: ClientCredentials = ClientCredentials()
    """How pods of this chart that call the server log in. Their token needs a claim of ``username_claims``, and one
    of ``admin_groups`` among its groups."""
    network_peer: Peer | None = None
    """Where the provider is, for the network policy: any address, if left out and the discovery URL has a name."""
    egress: Sequence[Endpoint] = ()
    """Further ports of the provider, where its token endpoint or keys are on another."""

    def failures(self) -> Iterator[str]:
        """Yield what is wrong with the fields together."""
        if "openid" not in self.scopes:
            yield f"scopes must have openid, or there is no login (got {self.scopes!r}); add it"
        if not self.allowed_groups:
            yield 'allowed_groups must not be empty (got ()); write ["mlflow"]'
        if not self.username_claims:
            yield 'username_claims must not be empty (got ()); write ["email"]'

    @property
    def schema(self) -> Schema:
        """The tables of users, permissions and sessions."""
        return OIDC_SCHEMA

    def guard(self, premises: Premises) -> Guard:
        """Return the plugin's app and its settings, and a token for its callers."""
        if premises.public_url is None:
            raise ValueError(
                "OidcAuth: the provider returns people to the server's public URL, and there is none "
                "(got no MlflowProps.public_url and no exposure with a host); write public_url"
            )
        if premises.static_prefix:
            raise ValueError(
                "MlflowProps.static_prefix: mlflow-oidc-auth answers at /login and /callback, outside of a prefix "
                f"(got {premises.static_prefix!r} and OidcAuth); leave it out and give the server a host of its own"
            )
        secret = SecretUse("oidc-client-secret", self.client_secret)
        provider = Needs(egress=(endpoint_of(self.discovery_url, self.network_peer), *self.egress))
        users = uri_needs("OIDC_USERS_DB_URI", premises.users) if premises.users is not None else Needs()
        env = [EnvVar(name, value) for name, value in self._settings(premises.public_url).items()]
        secrets = (
            EnvVar("OIDC_CLIENT_SECRET", secret),
            EnvVar("SECRET_KEY", SecretUse("oidc-session-key", self.session_key, "passphrase")),
            EnvVar(
                "SESSION_TOKEN_ENCRYPTION_KEY", SecretUse("oidc-session-token-key", self.session_token_key, "fernet")
            ),
        )
        return Guard(
            app_name="oidc-auth",
            spools_uploads=True,
            server=merge(
                Needs(env=(*env, *secrets), missing_packages=("mlflow-oidc-auth",)),
                users,
                provider,
                self._cache(premises.public_url),
            ),
            callers=self.callers.caller_needs(self.discovery_url, self.client_id, secret, provider.egress),
        )

    def _settings(self, public_url: str) -> dict[str, str]:
        # An audience and an issuer always: the plugin would take any token of the provider otherwise, whoever it
        # was made for. Tokens of both are as good as a login, so they also make users, with their groups' rights.
        return {
            "OIDC_DISCOVERY_URL": self.discovery_url,
            "OIDC_CLIENT_ID": self.client_id,
            "OIDC_REDIRECT_URI": f"{public_url}/callback",
            "OIDC_SCOPE": " ".join(self.scopes),
            "OIDC_ISSUER": self.issuer or self.discovery_url.removesuffix(WELL_KNOWN),
            "OIDC_AUDIENCE": self.audience or self.client_id,
            "OIDC_PROVISION_ON_BEARER_AUTH": "true",
            "OIDC_TRUST_BEARER_GROUP_CLAIMS": "true",
            "OIDC_USERNAME_FIELD": ",".join(self.username_claims),
            "OIDC_GROUPS_ATTRIBUTE": self.groups_attribute,
            "OIDC_GROUP_NAME": ",".join(self.allowed_groups),
            "OIDC_ADMIN_GROUP_NAME": ",".join(self.admin_groups),
            "OIDC_PROVIDER_DISPLAY_NAME": self.provider_display_name,
            "OIDC_ALEMBIC_VERSION_TABLE": _VERSION_TABLE,
            "OIDC_DB_POOL_SIZE": "2",
            "OIDC_DB_POOL_MAX_OVERFLOW": "3",
            "AUTOMATIC_LOGIN_REDIRECT": str(self.automatic_login_redirect).lower(),
            "DEFAULT_MLFLOW_PERMISSION": self.default_permission,
            "PERMISSION_CACHE_TTL_SECONDS": str(seconds(self.permission_cache_ttl)),
            "SESSION_COOKIE_MAX_AGE_SECONDS": str(seconds(self.session_lifetime)),
            "SESSION_COOKIE_SECURE": str(public_url.startswith("https://")).lower(),
        }

    def _cache(self, public_url: str) -> Needs:
        if self.redis is None:
            return Needs()
        uri = self.redis.uri("oidc")
        # Several installations may share a Redis.
        prefix = f"mlflow-oidc-auth:{urlsplit(public_url).netloc}:"
        env = (EnvVar("CACHE_BACKEND", "redis"), EnvVar("CACHE_KEY_PREFIX", prefix))
        url = LaunchedVariable(name="CACHE_REDIS_URL", text=uri.text, secrets=uri.secrets)
        return Needs(env=env, launched=(url,), egress=(self.redis.endpoint(),))
