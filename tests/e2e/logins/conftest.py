"""A namespace with database servers and a client, made once for all tests of this folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta

import pytest
from e2e.databases.certificates import Certificates
from e2e.installation import Installation, applied, release
from e2e.kubectl import Pod, apply_manifests, kubectl, secret_value
from e2e.manifests import config_map, secret
from e2e.room import client_in, own_namespace
from e2e.servers import MariaDBServer, PostgreSQLServer, start_mariadb, start_postgresql

from cdk8s_mlflow import (
    ArtifactVolume,
    BasicAuth,
    ConfigMapKey,
    CustomAuth,
    ExistingSecret,
    FixedReplicas,
    GarbageCollection,
    GroupSearch,
    Image,
    LdapAuth,
    LdapTls,
    Metrics,
    MlflowProps,
    PostgreSQL,
    SQLite,
    UserSearch,
    VolumeClaim,
)

from .directory import GROUPS, ML, OPS, PEOPLE, SEARCHER, Directory, start_directory
from .guarded import Guarded, basic_header
from .provider import Provider, places_of_tests, start_provider

LOGIN_IMAGE = Image(repository="localhost/cdk8s-mlflow", tag="v3.17.2")
"""MLflow's own with ldap3: image/Containerfile."""

MAIN = f"login-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"


@pytest.fixture(scope="session")
def main(request: pytest.FixtureRequest) -> Iterator[str]:
    """Make the namespace of all servers, releases and clients."""
    yield from own_namespace(MAIN, request)


@pytest.fixture(scope="session")
def client(main: str) -> Pod:
    """Start a pod with the MLflow client, which the policies of all releases let in."""
    return client_in(main)


@pytest.fixture(scope="session")
def postgres(main: str) -> PostgreSQLServer:
    """Start PostgreSQL without TLS."""
    return start_postgresql(main)


@pytest.fixture(scope="session")
def maria(main: str) -> MariaDBServer:
    """Start MariaDB without TLS."""
    return start_mariadb(main)


@pytest.fixture(scope="session")
def authority(main: str, tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Make certificates: ConfigMap ``ca`` with the authority, ``other-ca`` with one that signed nothing."""
    certificates = Certificates(tmp_path_factory.mktemp("certificates"))
    for name in ("ca", "other-ca"):
        apply_manifests([config_map(main, name, {"ca.crt": certificates.authority(name)})])
    return certificates


@pytest.fixture(scope="session")
def directory(main: str, authority: Certificates) -> Directory:
    """Start an LDAP directory."""
    return start_directory(main, authority)


@pytest.fixture(scope="session")
def provider(main: str, tmp_path_factory: pytest.TempPathFactory) -> Provider:
    """Start an OpenID Connect provider whose certificate only our own authority vouches for."""
    certificates = Certificates(tmp_path_factory.mktemp("provider"))
    certificates.authority()
    return start_provider(main, certificates, places_of_tests(main))


SHARED = ArtifactVolume(volume=VolumeClaim(name="artifacts", access_modes=["ReadWriteMany"]))
"""Artifacts that replicas share: the garbage collection asks the server to remove them."""

# --- Servers with a login, for the tests of all methods --------------------------------------------------------

ADMIN_PASSWORD = "".join(chr(code) for code in range(0x20, 0x7F))
"""Every printable ASCII character; it begins with a blank."""


@pytest.fixture(scope="session")
def basic(main: str, client: Pod, postgres: PostgreSQLServer) -> Iterator[Guarded]:
    """Start two replicas that keep users beside everything else."""
    postgres.make_database("basic", "basic", "basic's password")
    apply_manifests(
        [
            secret(main, "basic-database", {"password": "basic's password"}),
            secret(main, "basic-admin", {"password": ADMIN_PASSWORD}),
        ]
    )
    props = MlflowProps(
        backend_store=PostgreSQL(
            host="postgresql", user="basic", database="basic", password=ExistingSecret("basic-database", "password")
        ),
        artifact_store=SHARED,
        authentication=BasicAuth(
            admin_password=ExistingSecret("basic-admin", "password"), default_permission="NO_PERMISSIONS"
        ),
        garbage_collection=GarbageCollection(older_than=timedelta(seconds=1)),
        metrics=Metrics(),
        scaling=FixedReplicas(2),
        public_url=f"http://basic.{main}:5000",  # for the browser, whose pages may write from there only
    )
    yield from guarded(client, release(main, "basic", props), ADMIN_PASSWORD)


@pytest.fixture(scope="session")
def prefixed(main: str, client: Pod) -> Iterator[Guarded]:
    """Start a server below a prefix, with artifacts and a generated password."""
    props = MlflowProps(
        artifact_store=ArtifactVolume(volume=SQLite().volume),
        authentication=BasicAuth(),
        metrics=Metrics(),
        static_prefix="/team/mlflow",
    )
    installation = release(main, "prefixed", props)
    with applied(installation):
        kubectl("-n", main, "wait", "--for=create", "secret/prefixed-admin-password", "--timeout=300s", timeout=310)
        yield from guarded(client, installation, secret_value(main, "prefixed-admin-password", "passphrase"))


@pytest.fixture(scope="session")
def ldap(main: str, client: Pod, postgres: PostgreSQLServer, directory: Directory) -> Iterator[Guarded]:
    """Start two replicas that ask the directory: StartTLS, an account that searches, groups that name members."""
    postgres.make_database("ldap", "ldap", "ldap's password")
    apply_manifests(
        [
            secret(main, "ldap-database", {"password": "ldap's password"}),
            secret(main, "ldap-admin", {"password": ADMIN_PASSWORD}),
        ]
    )
    props = MlflowProps(
        image=LOGIN_IMAGE,
        backend_store=PostgreSQL(
            host="postgresql", user="ldap", database="ldap", password=ExistingSecret("ldap-database", "password")
        ),
        artifact_store=SHARED,
        authentication=LdapAuth(
            urls=[directory.url],
            tls=LdapTls(ca=ConfigMapKey("ca", "ca.crt")),
            users=UserSearch(base=PEOPLE, bind_dn=SEARCHER, bind_password=ExistingSecret("ldap-searcher", "password")),
            groups=GroupSearch(base=GROUPS),
            allowed_groups=[ML],
            admin_groups=[OPS],
            group_permissions={ML: "EDIT"},
            default_permission="NO_PERMISSIONS",
            admin_password=ExistingSecret("ldap-admin", "password"),
            auth_cache_ttl=timedelta(seconds=5),
        ),
        garbage_collection=GarbageCollection(older_than=timedelta(seconds=1)),
        metrics=Metrics(),
        scaling=FixedReplicas(2),
        # As MLflow gives it to its own jobs.
        extra_env=[{"name": "_MLFLOW_INTERNAL_GATEWAY_AUTH_TOKEN", "value": JOB_TOKEN}],
    )
    yield from guarded(client, release(main, "ldap-search", props), ADMIN_PASSWORD)


JOB_TOKEN = "the token of a job"


@pytest.fixture(scope="session")
def custom(main: str, client: Pod) -> Iterator[Guarded]:
    """Start a server that asks a function of the user's, in two modules: one as text, one in a ConfigMap."""
    apply_manifests(
        [
            config_map(main, "tokens", {"tokens.py": "TOKENS = {'a-token': 'robot', 'admin-token': 'Admin'}\n"}),
            secret(main, "custom-admin", {"password": ADMIN_PASSWORD}),
        ]
    )
    props = MlflowProps(
        artifact_store=ArtifactVolume(volume=SQLite().volume),
        authentication=CustomAuth(
            function="login_by_token:authenticate",
            modules={"login_by_token": LOGIN_BY_TOKEN, "tokens": ConfigMapKey("tokens", "tokens.py")},
            admin_password=ExistingSecret("custom-admin", "password"),
        ),
        metrics=Metrics(),
    )
    yield from guarded(client, release(main, "custom", props), ADMIN_PASSWORD)


LOGIN_BY_TOKEN = '''
from flask import Response, request
from werkzeug.datastructures import Authorization

from tokens import TOKENS


def authenticate():
    """Let in whoever has a token."""
    given = request.authorization
    name = TOKENS.get(given.token) if given is not None and given.type == "bearer" else None
    if name is None:
        return Response("who are you?", 401, {"WWW-Authenticate": "Bearer"})
    return Authorization("bearer", {"username": name})
'''


def guarded(client: Pod, installation: Installation, password: str) -> Iterator[Guarded]:
    """Start a server with a login for as long as the session lasts."""
    wrong = {
        "nothing": {},
        "another password": basic_header("admin", f"{password}x"),
        "no password": basic_header("admin", ""),
        "nobody": basic_header("", ""),
        "another user": basic_header("nobody", password),
        "no base64": {"Authorization": "Basic ???"},
        "a bearer": {"Authorization": f"Bearer {password.encode().hex()}"},
        "a scheme of nobody": {"Authorization": "Nothing at all"},
        "forged headers": {"X-Forwarded-User": "admin", "X-Auth-Request-User": "admin", "Remote-User": "admin"},
        "a gateway's header": {"X-MLflow-Authorization": basic_header("admin", "x")["Authorization"]},
        "a cookie": {"Cookie": "session=eyJ1c2VybmFtZSI6ImFkbWluIn0.aaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaa"},
    }
    with applied(installation):
        installation.wait(600)
        yield Guarded(client, installation, basic_header("admin", password), wrong)
