"""Login by OpenID Connect in front of MLflow, with a proxy in each pod."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Literal

import attrs

from cdk8s_mlflow.authentication.client_credentials import ClientCredentials
from cdk8s_mlflow.authentication.oidc_auth import WELL_KNOWN, ListItem, Scope
from cdk8s_mlflow.backend_store import BackendStore
from cdk8s_mlflow.container import Container, Health, canonical_resources, helper_resources, seconds
from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.guards import SERVER_PORT, TLS_DIRECTORY, Guard, Premises, certificate_mount
from cdk8s_mlflow.kubernetes import ResourceRequirements
from cdk8s_mlflow.needs import EnvVar, Needs, SecretSource, SecretUse
from cdk8s_mlflow.peers import Endpoint, Peer, endpoint_of
from cdk8s_mlflow.redis import Redis
from cdk8s_mlflow.secrets import GeneratedSecret, InlineSecret
from cdk8s_mlflow.values import EnvName, PlainText, Rule, Url, sequences

_PORT = 4180
_PREFIX = "OAUTH2_PROXY_"
_AES_KEY_LENGTHS = {16, 24, 32}
# Whoever asks for one of these is a program, and is answered with 401 rather than with a login page.
_PROGRAMS = "(ajax-api|api|v1|gateway|graphql|get-artifact|model-versions/get-artifact|metrics|version)"
# Options that would open a way around the login, or that the construct decides.
_REFUSED = re.compile(
    r"(API_ROUTES|COOKIE_(NAME|SECRET|SECURE)|CLIENT_.*|HTPASSWD_.*|HTTPS?_ADDRESS|INSECURE_OIDC_SKIP_.*|OIDC_ISSUER_URL|"
    r"PASS_HOST_HEADER|PING_.*|PROVIDER|PROXY_PREFIX|REDIRECT_URL|REDIS_.*|RELATIVE_REDIRECT_URL|REVERSE_PROXY|"
    r"SESSION_STORE_TYPE|SKIP_AUTH_.*|SKIP_JWT_BEARER_TOKENS|SSL_.*|TLS_.*|TRUSTED_IPS?|UPSTREAMS?|UPSTREAM_TIMEOUT)"
)

OptionName = Annotated[
    EnvName,
    Rule(
        lambda v: not str(v).startswith(_PREFIX) and not _REFUSED.fullmatch(str(v)),
        "be an option that opens no way around the login, and that no field stands for",
        f'write the name of a variable of oauth2-proxy without {_PREFIX}, such as "PROMPT"',
    ),
]


@frozen(kw_only=True, field_transformer=sequences)
class OAuth2Proxy:
    """Login with the company's accounts by OpenID Connect, in a proxy in front of MLflow in the same pod.

    Whoever is logged in may do everything: MLflow itself knows no users. Choose it for one team, and where MLflow's
    own image should run as it is; choose OidcAuth for permissions. MLflow listens on the pod's own localhost, so there
    is no way around the proxy. Programs bring an access token of the provider.

    The proxy is a native sidecar, which ends after MLflow: it needs Kubernetes 1.29.
    """

    issuer_url: Url
    """The provider, as its discovery document calls it. ``--oidc-issuer-url``. It must return people to
    ``<public URL>/oauth2/callback``."""
    client_id: PlainText
    """The client that the provider knows the proxy as. ``--client-id``."""
    client_secret: SecretSource
    """The secret of that client."""
    provider: Literal["oidc", "keycloak-oidc", "entra-id"] = "oidc"
    """Whose ways beyond the standard to follow. ``--provider``."""
    image: PlainText = "quay.io/oauth2-proxy/oauth2-proxy:v7.8.1"
    scopes: Sequence[Scope] = ("openid", "email", "profile")
    """What to ask the provider for. ``--scope``."""
    allowed_groups: Sequence[ListItem] = ()
    """Only members of one of these may pass; with none, ``email_domains`` alone decides. ``--allowed-group``."""
    email_domains: Sequence[ListItem] = ()
    """Only addresses of these domains may pass, ``*`` for all. ``--email-domain``. All, if left out and there are
    ``allowed_groups``. Holds for programs too: their tokens need an ``email`` then."""
    groups_claim: PlainText = "groups"
    """The claim with a user's groups. ``--oidc-groups-claim``."""
    email_claim: PlainText = "email"
    """The claim with a user's address. ``--oidc-email-claim``."""
    extra_audiences: Sequence[ListItem] = ()
    """For whom a bearer token may be, besides ``client_id``. ``--oidc-extra-audience``."""
    extra_jwt_issuers: Mapping[Url, ListItem] = attrs.field(factory=dict)
    """Further providers whose bearer tokens may pass, and the audience of these. ``--extra-jwt-issuers``."""
    cookie_secret: SecretSource = GeneratedSecret()
    """Encrypts the sessions, the same in all replicas: 16, 24 or 32 bytes, as they are or in URL-safe base64."""
    session_lifetime: timedelta = timedelta(days=7)
    """How long people stay logged in, whatever happens to their accounts. ``--cookie-expire``."""
    session_refresh: timedelta | None = None
    """How often to ask the provider whether a session still holds, by its refresh token: never, if left out.
    ``--cookie-refresh``. Most providers want ``offline_access`` among the scopes."""
    redis: Redis | None = None
    """Where sessions are kept: in the browsers' cookies if left out, which replicas share as well."""
    skip_provider_button: bool = True
    """Whether to go to the provider without a page of the proxy. ``--skip-provider-button``."""
    request_timeout: timedelta = timedelta(hours=1)
    """How long MLflow may take until it answers: after an upload, it stores the file first. ``--upstream-timeout``."""
    options: Mapping[OptionName, str] = attrs.field(factory=dict)
    """Further options, by their variables without ``OAUTH2_PROXY_``: ``{"PROMPT": "login"}``. Never a secret."""
    resources: ResourceRequirements | None = None
    """Of the proxy: 100m CPU, 64Mi of memory requested and 256Mi as limit, if left out."""
    callers: ClientCredentials = ClientCredentials()
    """How pods of this chart that call the server log in."""
    network_peer: Peer | None = None
    """Where the provider is, for the network policy: any address, if left out and ``issuer_url`` has a name."""
    egress: Sequence[Endpoint] = ()
    """Further ports of the provider, where its token endpoint or keys are on another."""

    def failures(self) -> Iterator[str]:
        """Yield what is wrong with the fields together."""
        if not (self.allowed_groups or self.email_domains):
            yield (
                "allowed_groups or email_domains must say who may pass (got () and ()); "
                'write email_domains=["*"] if it is everybody whom the provider knows'
            )
        if "openid" not in self.scopes:
            yield f"scopes must have openid, or there is no login (got {self.scopes!r}); add it"
        if isinstance(self.cookie_secret, InlineSecret) and not _is_aes_key(self.cookie_secret.value):
            yield (
                "cookie_secret must be 16, 24 or 32 bytes, as they are or in URL-safe base64 (its value is not shown); "
                "write the output of: openssl rand -base64 32 | tr '+/' '-_'"
            )

    @property
    def schema(self) -> None:
        """No tables: MLflow knows no users."""
        return

    @property
    def user_store(self) -> BackendStore | None:
        """No database of users."""
        return None

    def guard(self, premises: Premises) -> Guard:
        """Return the proxy, and a token for its callers."""
        if premises.public_url is None:
            raise ValueError(
                "OAuth2Proxy: the provider returns people to the server's public URL, and there is none "
                "(got no MlflowProps.public_url and no exposure with a host); write public_url"
            )
        secret = SecretUse("oauth2-proxy-client-secret", self.client_secret)
        ways = (endpoint_of(self.issuer_url, self.network_peer), *self.egress)
        discovery_url = self.issuer_url.rstrip("/") + WELL_KNOWN
        return Guard(
            front=self._proxy(premises, premises.public_url, secret, ways),
            callers=self.callers.caller_needs(discovery_url, self.client_id, secret, ways),
        )

    def _proxy(
        self, premises: Premises, public_url: str, client_secret: SecretUse, ways: tuple[Endpoint, ...]
    ) -> Container:
        certificate, redis = premises.certificate, self.redis
        settings = self._settings(premises, public_url) | dict(self.options)
        secrets = {
            "CLIENT_SECRET": client_secret,
            # 32 bytes in URL-safe base64, which the proxy takes as well.
            "COOKIE_SECRET": SecretUse("oauth2-proxy-cookie-secret", self.cookie_secret, "fernet"),
            "REDIS_PASSWORD": redis.use("oauth2-proxy") if redis else None,
        }
        return Container(
            name="oauth2-proxy",
            image=self.image,
            is_sidecar=True,
            command=("/bin/oauth2-proxy",),
            needs=Needs(
                env=(
                    *(EnvVar(f"{_PREFIX}{name}", value) for name, value in settings.items()),
                    *(EnvVar(f"{_PREFIX}{name}", use) for name, use in secrets.items() if use is not None),
                ),
                mounts=() if certificate is None else (certificate_mount(certificate),),
                objects=() if certificate is None else certificate.objects,
                authorities=() if premises.ca_bundle is None else (premises.ca_bundle,),
                egress=(*ways, *([redis.endpoint()] if redis else [])),
                kubernetes="1.29",
            ),
            resources=canonical_resources(self.resources) or helper_resources("64Mi", "256Mi"),
            ports={"http": _PORT},
            health=Health(path="/ping", scheme="HTTPS" if certificate else None),
        )

    def _settings(self, premises: Premises, public_url: str) -> dict[str, str]:
        prefix = premises.static_prefix
        health, below = re.escape(f"{prefix}/health"), f"({re.escape(prefix)})?" if prefix else ""
        address = f"0.0.0.0:{_PORT}"
        given = {
            "ALLOWED_GROUPS": ",".join(self.allowed_groups),
            "OIDC_EXTRA_AUDIENCES": ",".join(self.extra_audiences),
            "EXTRA_JWT_ISSUERS": ",".join(
                f"{issuer}={audience}" for issuer, audience in self.extra_jwt_issuers.items()
            ),
            "COOKIE_REFRESH": f"{seconds(self.session_refresh)}s" if self.session_refresh else "",
        }
        return {
            "PROVIDER": self.provider,
            "OIDC_ISSUER_URL": self.issuer_url,
            "CLIENT_ID": self.client_id,
            "SCOPE": " ".join(self.scopes),
            "CODE_CHALLENGE_METHOD": "S256",
            # The proxy's default skips what ties an ID token to the login that asked for it.
            "INSECURE_OIDC_SKIP_NONCE": "false",
            "OIDC_GROUPS_CLAIM": self.groups_claim,
            "OIDC_EMAIL_CLAIM": self.email_claim,
            "EMAIL_DOMAINS": ",".join(self.email_domains) or "*",
            **{name: value for name, value in given.items() if value},
            "REDIRECT_URL": f"{public_url}/oauth2/callback",
            "PROXY_PREFIX": f"{prefix}/oauth2",
            "UPSTREAMS": f"http://127.0.0.1:{SERVER_PORT}/",
            "UPSTREAM_TIMEOUT": f"{seconds(self.request_timeout)}s",
            "SKIP_AUTH_ROUTES": f"GET=^{health}$",
            "API_ROUTES": f"^{below}/{_PROGRAMS}([/?]|$)",
            "SKIP_JWT_BEARER_TOKENS": "true",
            "SKIP_PROVIDER_BUTTON": str(self.skip_provider_button).lower(),
            # Off: it would believe X-Forwarded-Uri of anybody, which decides what needs no login.
            "REVERSE_PROXY": "false",
            "COOKIE_SECURE": str(public_url.startswith("https://")).lower(),
            "COOKIE_SAMESITE": "lax",
            "COOKIE_EXPIRE": f"{seconds(self.session_lifetime)}s",
            "COOKIE_CSRF_PER_REQUEST": "true",
            "SILENCE_PING_LOGGING": "true",
            "EXCLUDE_LOGGING_PATHS": f"{prefix}/health",
            **_listening(address, tls=premises.certificate is not None),
            **_session_store(self.redis),
        }


def _listening(address: str, *, tls: bool) -> dict[str, str]:
    if not tls:
        return {"HTTP_ADDRESS": address}
    files = {"TLS_CERT_FILE": f"{TLS_DIRECTORY}/tls.crt", "TLS_KEY_FILE": f"{TLS_DIRECTORY}/tls.key"}
    return {"HTTP_ADDRESS": "-", "HTTPS_ADDRESS": address, **files}


def _session_store(redis: Redis | None) -> dict[str, str]:
    if redis is None:
        return {"SESSION_STORE_TYPE": "cookie"}
    user = {"REDIS_USERNAME": redis.user} if redis.user else {}
    return {"SESSION_STORE_TYPE": "redis", "REDIS_CONNECTION_URL": redis.address, **user}


def _is_aes_key(value: str) -> bool:
    digits = value.rstrip("=")
    try:
        decoded = base64.b64decode(digits + "=" * (-len(digits) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        decoded = b""
    return bool({len(decoded), len(value.encode())} & _AES_KEY_LENGTHS)
