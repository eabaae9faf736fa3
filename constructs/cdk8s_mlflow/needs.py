"""What a part of the props needs in the container that uses it, as plain data.

A store, a secret or an exposure answers with :class:`Needs`; the plan merges the answers of all parts
(:func:`merge`) and never asks a part what it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Literal, Protocol, runtime_checkable

import attrs

from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.peers import Endpoint, Manifest
from cdk8s_mlflow.volumes import ConfigMapKey, ExistingVolumeClaim, Mount, SecretKey, VolumeClaim

KeyKind = Literal["password", "passphrase", "fernet"]
"""What a secret value is for: a password that something outside knows too, or a key that MLflow alone uses."""


# --- Secrets -----------------------------------------------------------------------------------------------


@frozen
class GeneratedKey:
    """A Secret that the generating Job creates in the cluster, unless it is there already."""

    name: str
    key: str
    kind: KeyKind


@frozen(kw_only=True)
class SuppliedSecret:
    """Where a secret value will be found, and what must be rendered for it to be there."""

    reference: SecretKey
    objects: tuple[Manifest, ...] = ()
    """Objects of the chart, in the API's shape, without metadata labels: the plan adds them."""
    generated: GeneratedKey | None = None
    inline: bool = False
    """Whether the value itself stands in the synthesized file."""


@runtime_checkable
class SecretSource(Protocol):
    """Where a secret value comes from."""

    def supply(self, name: str, kind: KeyKind) -> SuppliedSecret:
        """Return where the value is found; ``name`` is the Secret's name if this source makes one."""


@frozen
class SecretUse:
    """A secret value that a container needs."""

    purpose: str
    """Ends the name of the Secret, if its source makes one: ``<release>-<purpose>``."""
    source: SecretSource
    kind: KeyKind = "password"


# --- Environment, files and volumes ------------------------------------------------------------------------


@frozen
class PodField:
    """A field of the running pod, by the downward API."""

    path: str


@frozen
class Template:
    """Text into which Kubernetes puts the variables that it names as ``$(NAME)``; in a plain string it does not."""

    text: str


@frozen
class EnvVar:
    """One environment variable of a container."""

    name: str
    value: str | Template | SecretUse | SecretKey | PodField


@frozen
class ConfigFile:
    """A file without secrets, mounted into the containers that need it under :data:`FILES_DIRECTORY`."""

    name: str
    content: str


FILES_DIRECTORY = "/etc/mlflow"
CREDENTIALS_DIRECTORY = "/run/mlflow/credentials"
TRUST_FILE = f"{CREDENTIALS_DIRECTORY}/ca-bundle.crt"


# --- Credentials -------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class CredentialFile:
    """A file with secrets, written by the preparing init container into memory with mode 0600.

    For drivers that read no environment variables, or would have to share one set of them. Files of one name
    are joined in the order of their parts.
    """

    name: str
    text: str
    """The content; ``${NAME}`` stands for the value of that secret."""
    secrets: Mapping[str, SecretUse] = attrs.field(factory=dict)
    url_encoded: tuple[str, ...] = ()
    """Secrets that stand in a URI in the file."""
    escapes: Mapping[str, str] = attrs.field(factory=dict)
    """Characters of the values that the file's format wants written otherwise."""
    latin1: tuple[str, ...] = ()
    """Secrets that the driver will encode as Latin-1 although the server expects UTF-8: their bytes are kept."""


@frozen(kw_only=True)
class LaunchedVariable:
    """A variable that only the started process knows: our launcher puts URL-encoded secrets into its value."""

    name: str
    text: str
    """The value; ``${NAME}`` stands for the value of that secret, URL-encoded."""
    secrets: Mapping[str, SecretUse]


@frozen(kw_only=True)
class AccessToken:
    """A bearer token that the launcher fetches when the container starts, by OAuth 2.0 client credentials."""

    variable: str
    """The variable that will hold it."""
    discovery_url: str
    client_id: str
    client_secret: SecretUse
    parameters: Mapping[str, str] = attrs.field(factory=dict)
    """Further parameters of the request, such as ``scope`` and ``audience``."""


# --- Needs -------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class Sidecar:
    """A container that runs beside the others from before the first of them to after the last."""

    name: str
    image: str
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    startup_path: str | None = None
    """What to ask before the next container starts; None waits for nothing."""
    startup_port: int | None = None
    memory: str
    egress: tuple[Endpoint, ...] = ()


@frozen(kw_only=True)
class Needs:
    """Everything that a part needs in its container."""

    env: tuple[EnvVar, ...] = ()
    files: tuple[ConfigFile, ...] = ()
    mounts: tuple[Mount, ...] = ()
    credential_files: tuple[CredentialFile, ...] = ()
    launched: tuple[LaunchedVariable, ...] = ()
    tokens: tuple[AccessToken, ...] = ()
    authorities: tuple[SecretKey | ConfigMapKey, ...] = ()
    """Certificates that every client in the container must trust, beside those that the image trusts."""
    trust_file: bool = False
    """Whether a client wants all trusted certificates as a file, :data:`TRUST_FILE`."""
    sidecars: tuple[Sidecar, ...] = ()
    objects: tuple[Manifest, ...] = ()
    """Objects that must exist beside the pod, in the API's shape, without metadata labels."""
    egress: tuple[Endpoint, ...] = ()
    unproxied: tuple[str, ...] = ()
    """Hosts in the cluster that are reached by HTTP, and whose domain does not say that they are there."""
    pod_labels: tuple[tuple[str, str], ...] = ()
    """Labels that something in the cluster looks for on the pod, such as a workload identity's webhook."""
    shadowed_annotations: tuple[str, ...] = ()
    """Annotations of a ServiceAccount whose role the static keys of this part would shadow."""
    single_writers: tuple[str, ...] = ()
    """Why only one pod may run, each as the subject of a sentence; empty if many may."""
    single_processes: tuple[str, ...] = ()
    """Why even that pod may have one server process only, likewise."""
    missing_packages: tuple[str, ...] = ()
    """Python packages that MLflow's own images lack."""
    kubernetes: str = "1.27"
    """The oldest Kubernetes that has all that this part uses."""


def merge(*parts: Needs) -> Needs:
    """Return the needs of all parts together, equal ones once."""
    merged: dict[str, Any] = {}
    for field in attrs.fields(Needs):
        values = [value for part in parts if (value := getattr(part, field.name))]
        if field.name == "kubernetes":
            merged[field.name] = max(values, key=version_number, default=Needs().kubernetes)
        elif isinstance(field.default, bool):
            merged[field.name] = bool(values)
        elif values:
            merged[field.name] = unique(item for value in values for item in value)
    return Needs(**merged)


def claims_of(needs: Needs) -> tuple[VolumeClaim | ExistingVolumeClaim, ...]:
    """Return the claims that are mounted, each once."""
    sources = [mount.source for mount in needs.mounts]
    return unique(source for source in sources if isinstance(source, VolumeClaim | ExistingVolumeClaim))


def version_number(version: str) -> int:
    """Return the minor number of a Kubernetes version: 34 for ``1.34``."""
    return int(version.split(".")[1])


def unique(items: Iterable[Any]) -> tuple[Any, ...]:
    """Return the items in their order, equal ones once; they need not be hashable."""
    all_items = tuple(items)
    try:
        return tuple(dict.fromkeys(all_items))
    except TypeError:  # an item with a mapping in it
        return tuple(item for index, item in enumerate(all_items) if item not in all_items[:index])


@frozen(kw_only=True)
class Certificate:
    """The certificate with which the server's pods speak TLS."""

    secret_name: str
    """A Secret of type ``kubernetes.io/tls``."""
    ca: SecretKey | ConfigMapKey | None
    """What its callers must trust; None if they do already."""
    objects: tuple[Manifest, ...] = ()
    """What must be rendered for the Secret to be there."""
    renew_before: timedelta | None = None
    """How long before its end cert-manager renews it; None if somebody else does."""


# --- Databases ---------------------------------------------------------------------------------------------


@frozen
class EncodedUri:
    """A URI with secrets in it, for drivers that take them nowhere else; ``${NAME}`` stands for a secret."""

    text: str
    secrets: Mapping[str, SecretUse]


DatabaseAddress = str | SecretUse | EncodedUri
"""A database's URI: one without secrets, one that a Secret holds, or one that is put together in the pod."""


@frozen(kw_only=True)
class DatabaseAccess:
    """How a container reaches a database without a secret in its arguments or in a file of the chart."""

    uri: DatabaseAddress
    needs: Needs = Needs()


def uri_needs(variable: str, uri: DatabaseAddress) -> Needs:
    """Return what a container needs to find a database's URI in a variable."""
    if isinstance(uri, EncodedUri):
        return Needs(launched=(LaunchedVariable(name=variable, text=uri.text, secrets=uri.secrets),))
    return Needs(env=(EnvVar(variable, uri),))


@frozen(kw_only=True)
class Schema:
    """Tables of a database whose revisions come with the image."""

    revisions: str
    """The folder of the revisions, below the image's Python packages."""
    version_table: str
    """Where the database keeps its revision."""
    command: str
    """The click command that migrates, as ``module:attribute``."""
    arguments: tuple[str, ...]
    """Its arguments; ``{uri}`` stands for the database."""
    environment: Mapping[str, str] = attrs.field(factory=dict)
    """Variables that the command reads."""
    repeated_keys: tuple[str, ...] = ()
    """Foreign keys of one name in several tables, which MySQL does not take: there they get names of its own."""


MLFLOW_SCHEMA = Schema(
    revisions="mlflow/store/db_migrations/versions",
    version_table="alembic_version",
    command="mlflow.cli:cli",
    arguments=("db", "upgrade", "{uri}"),
)


@frozen(kw_only=True)
class Archive:
    """How a database is written to one file, and read back into an empty one, by its own tools."""

    tools: Literal["postgresql", "mysql"] | None
    """Whose image has the tools; None for the release's own."""
    suffix: str
    """Ends the file's name; a file that ends in ``gz`` is kept compressed, and is not when the tools see it."""
    dump: tuple[str, ...]
    """The command that writes ``{file}``, of one moment, while the server works."""
    load: tuple[str, ...]
    """The command that reads ``{file}``, and fails rather than changes a table that is there."""
    needs: Needs
    """Of the container that runs either."""


@frozen(kw_only=True)
class Precondition:
    """What must hold before a migration: it would fail halfway, and leave the schema between two revisions."""

    query: str
    """SQL that returns one value."""
    expected: str
    failure: str
    """What is wrong and what to do if it returns something else; ``{found}`` stands for that."""


@frozen(kw_only=True)
class MigrationDialect:
    """What the migrating init container must know of a database engine."""

    try_lock: str | None
    """SQL that tries to take a lock for this connection and returns whether it has; None if one pod writes."""
    causes: Mapping[str, str] = attrs.field(factory=dict)
    """Pattern of the driver's message -> what is wrong and the prop to mend, for the log; the first that fits."""
    preconditions: tuple[Precondition, ...] = ()
    transactional_ddl: bool = True
    """Whether the engine takes half an upgrade back by itself; without it, a first creation is marked."""
