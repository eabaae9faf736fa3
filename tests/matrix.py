"""The matrix: every way to run a server, tried with every other one; each pair of choices is in one cell at least.

Which choices go together is asked of the package: what it refuses is no cell.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from itertools import combinations, product
from typing import TypeAlias

import attrs

from cdk8s_mlflow import (
    S3,
    ArtifactVolume,
    BasicAuth,
    ClientCredentials,
    ConfigMapKey,
    Direct,
    ExistingSecret,
    FixedReplicas,
    GroupSearch,
    HttpRoute,
    Image,
    Ingress,
    IngressTls,
    InvalidProps,
    LdapAuth,
    LdapTls,
    MlflowProps,
    MySQL,
    NamespacePeer,
    NetworkPolicy,
    OAuth2Proxy,
    OidcAuth,
    ParentReference,
    PostgreSQL,
    PostgreSQLTls,
    Presigned,
    Proxied,
    S3Credentials,
    SQLite,
    TlsSecret,
    UserSearch,
    VolumeClaim,
)
from cdk8s_mlflow.artifact_store import ArtifactStore
from cdk8s_mlflow.artifact_store.access import ArtifactAccess
from cdk8s_mlflow.authentication import Authentication
from cdk8s_mlflow.backend_store import BackendStore
from cdk8s_mlflow.exposure import Door
from cdk8s_mlflow.plan import plan

NAME = "mlflow"
"""Of each cell's release, in a namespace of its own."""
ROOM = "matrix"
"""The namespace of the servers that all cells share, and of their clients."""
LOGIN_IMAGE = Image(repository="localhost/cdk8s-mlflow", tag="v3.17.2")
"""MLflow's own with what some logins need: image/Containerfile."""
AUTHORITY = ConfigMapKey("ca", "ca.crt")
"""Whose certificates the shared servers have."""
SHARED = NamespacePeer(ROOM)
PREFIX = "/team/mlflow"
AUDIENCE = "urn:mlflow"

DIMENSIONS: dict[str, tuple[str, ...]] = {
    "backend": ("sqlite", "postgresql", "postgresql-tls", "mariadb"),
    "artifacts": ("volume", "proxied", "direct", "presigned"),
    "login": ("none", "basic", "oidc", "oauth2-proxy", "ldap"),
    "door": ("service", "ingress", "route", "prefix", "tls"),
    "replicas": ("1", "3"),
}
"""What a cell chooses from; a network policy is everywhere. ``prefix`` is a route below a static prefix, ``tls`` the
Service of pods that speak TLS themselves."""

Pair: TypeAlias = tuple[tuple[str, str], tuple[str, str]]
"""Two choices, each with the name of its dimension."""


@attrs.frozen
class Cell:
    """One choice of each dimension."""

    backend: str
    artifacts: str
    login: str
    door: str
    replicas: str

    @property
    def title(self) -> str:
        """The cell in words."""
        return "-".join(attrs.astuple(self))

    @property
    def name(self) -> str:
        """The name of its namespace, its database, its bucket and its public host."""
        return f"{ROOM}-{self.title}"

    @property
    def host(self) -> str:
        """Where people find it, if it has a door to the outside."""
        return f"{self.name}.example.com"

    @property
    def prefix(self) -> str:
        """The path below which it answers."""
        return PREFIX if self.door == "prefix" else ""

    @property
    def url(self) -> str:
        """The address that people and programs use."""
        inside = f"{NAME}.{self.name}:5000"
        origins = {"service": f"http://{inside}", "tls": f"https://{inside}"}
        return origins.get(self.door, f"https://{self.host}") + self.prefix

    def pairs(self) -> Iterator[Pair]:
        """Return every two of its choices."""
        yield from combinations(attrs.asdict(self).items(), 2)

    def props(self) -> MlflowProps:
        """Return the props of its server."""
        return MlflowProps(
            kubernetes_version="1.29",
            image=LOGIN_IMAGE if self.login in {"oidc", "ldap"} else Image(),
            backend_store=self._backend(),
            artifact_store=self._artifacts(),
            artifact_access=self._access(),
            authentication=self._login(),
            ca_bundle=AUTHORITY if self.login in {"oidc", "oauth2-proxy"} else None,
            scaling=FixedReplicas(int(self.replicas)),
            exposure=self._doors(),
            tls=TlsSecret(secret_name="server", ca=AUTHORITY) if self.door == "tls" else None,
            static_prefix=self.prefix or None,
            # Browsers use the Service itself where there is no other door.
            public_url=self.url if self.door in {"service", "tls"} else None,
            network_policy=NetworkPolicy(clients=[SHARED] if self.door in {"service", "tls"} else []),
        )

    def _backend(self) -> BackendStore:
        password = ExistingSecret("database", "password")
        postgresql = PostgreSQL(
            host=f"postgresql.{ROOM}", database=self.name, user=self.name, password=password, network_peer=SHARED
        )
        stores: dict[str, BackendStore] = {
            "sqlite": SQLite(),
            "postgresql": postgresql,
            "postgresql-tls": attrs.evolve(postgresql, host=f"postgresql-tls.{ROOM}", tls=PostgreSQLTls(ca=AUTHORITY)),
            "mariadb": MySQL(
                host=f"mariadb.{ROOM}", database=self.name, user=self.name, password=password, network_peer=SHARED
            ),
        }
        return stores[self.backend]

    def _artifacts(self) -> ArtifactStore:
        if self.artifacts == "volume" and self.backend == "sqlite":
            return ArtifactVolume(volume=SQLite().volume)
        if self.artifacts == "volume":
            alone = self.replicas == "1"
            return ArtifactVolume(
                volume=VolumeClaim(name="artifacts", access_modes=["ReadWriteOnce" if alone else "ReadWriteMany"])
            )
        return S3(
            bucket=self.name,
            endpoint_url=f"http://minio.{ROOM}:9000",
            credentials=S3Credentials(
                access_key_id=ExistingSecret("s3", "id"), secret_access_key=ExistingSecret("s3", "key")
            ),
            network_peer=SHARED,
        )

    def _access(self) -> ArtifactAccess:
        ways: dict[str, ArtifactAccess] = {"direct": Direct(), "presigned": Presigned()}
        return ways.get(self.artifacts, Proxied())

    def _login(self) -> Authentication | None:
        issuer, secret = f"https://provider.{ROOM}:9000", ExistingSecret("provider", "client-secret")
        scopes = ["openid", "email", "profile", "groups"]
        callers = ClientCredentials(parameters={"resource": AUDIENCE})
        logins: dict[str, Authentication] = {
            "basic": BasicAuth(),
            "oidc": OidcAuth(
                discovery_url=f"{issuer}/.well-known/openid-configuration",
                client_id="mlflow",
                client_secret=secret,
                audience=AUDIENCE,
                scopes=scopes,
                callers=callers,
                network_peer=SHARED,
            ),
            "oauth2-proxy": OAuth2Proxy(
                issuer_url=issuer,
                client_id="mlflow",
                client_secret=secret,
                scopes=scopes,
                allowed_groups=["mlflow"],
                extra_audiences=[AUDIENCE],
                callers=callers,
                network_peer=SHARED,
            ),
            "ldap": LdapAuth(
                urls=[f"ldap://ldap.{ROOM}:3389"],
                tls=LdapTls(ca=AUTHORITY),
                users=UserSearch(
                    base="ou=people,dc=example,dc=com",
                    bind_dn="cn=mlflow,ou=services,dc=example,dc=com",
                    bind_password=ExistingSecret("ldap-searcher", "password"),
                ),
                groups=GroupSearch(base="ou=groups,dc=example,dc=com"),
                admin_groups=["cn=ops,ou=groups,dc=example,dc=com"],
                network_peer=SHARED,
            ),
        }
        return logins.get(self.login)

    def _doors(self) -> list[Door]:
        controller = [NamespacePeer("ingress")]
        if self.door == "ingress":
            tls = IngressTls(secret_name="public")
            return [Ingress(hosts=[self.host], ingress_class_name="traefik", tls=[tls], allowed_from=controller)]
        if self.door in {"route", "prefix"}:
            gateway = ParentReference(name="public", namespace="ingress", section_name="https")
            return [HttpRoute(hostnames=[self.host], parents=[gateway], allowed_from=controller)]
        return []


def is_allowed(cell: Cell) -> bool:
    """Return whether the package takes the cell's props."""
    try:
        plan(cell.props(), name=NAME, namespace=cell.name)
    except InvalidProps:
        return False
    return True


EVERY_CELL = tuple(Cell(*choices) for choices in product(*DIMENSIONS.values()))
CORE = (
    Cell("postgresql-tls", "presigned", "basic", "prefix", "1"),
    Cell("mariadb", "volume", "none", "tls", "1"),
)
"""The cells that every run has; the others are for the night. Their largest artifacts do not pass the controller: one
that does not say otherwise (Traefik's ``readTimeout``) cuts off what takes longer than a minute, as on a busy node."""


@functools.cache
def covering_cells() -> tuple[Cell, ...]:
    """Return cells, the core first, in which each pair of choices is that the package allows in any cell.

    Each cell is the first of those that bring the most pairs which no earlier one has.
    """
    found = list(CORE)
    missing = {pair for cell in EVERY_CELL for pair in cell.pairs()} - {pair for cell in CORE for pair in cell.pairs()}
    candidates = {cell: set(cell.pairs()) for cell in EVERY_CELL}
    while candidates:
        best = max(candidates, key=lambda cell: len(candidates[cell] & missing))
        new = candidates.pop(best) & missing
        if not new:
            break
        if is_allowed(best):
            found.append(best)
            missing -= new
    return tuple(found)
