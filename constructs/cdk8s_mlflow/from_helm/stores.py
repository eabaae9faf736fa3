"""Stores, from the URIs and fields of the charts."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from cdk8s_mlflow.artifact_store import ArtifactStore
from cdk8s_mlflow.artifact_store.access import Direct
from cdk8s_mlflow.artifact_store.artifact_uri import ArtifactUri
from cdk8s_mlflow.artifact_store.artifact_volume import ArtifactVolume
from cdk8s_mlflow.artifact_store.azure_blob import AzureAccessKey, AzureBlob, AzureConnectionString
from cdk8s_mlflow.artifact_store.gcs import GCS
from cdk8s_mlflow.artifact_store.hdfs import HDFS
from cdk8s_mlflow.artifact_store.s3 import S3, S3Credentials
from cdk8s_mlflow.backend_store import BackendStore
from cdk8s_mlflow.backend_store.file_store import FileStore
from cdk8s_mlflow.backend_store.mysql import MySQL
from cdk8s_mlflow.backend_store.postgresql import PostgreSQL, PostgreSQLTls
from cdk8s_mlflow.backend_store.sql_server import SQLServer
from cdk8s_mlflow.backend_store.sqlite import SQLite
from cdk8s_mlflow.from_helm.conversion import Conversion
from cdk8s_mlflow.needs import SecretSource
from cdk8s_mlflow.values import quantity_bytes
from cdk8s_mlflow.volumes import VolumeClaim

_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
LOST = "the chart kept it in the container, where each restart loses it; now it is on a volume"


def database(engine: str, driver: str, fields: dict[str, Any]) -> BackendStore:
    """Return a database by its parts, without those that are the default."""
    given = {name: value for name, value in fields.items() if value is not None and value != ""}
    if engine == "mysql":
        return MySQL(**given)
    if engine == "mssql":
        return SQLServer(**given)
    return PostgreSQL(**given, driver="psycopg" if driver == "psycopg" else "psycopg2")


def check_driver(conversion: Conversion, path: str, engine: str, driver: str) -> None:
    """Say so if SQLAlchemy would take another driver than the image has."""
    known = {"postgresql": ("", "psycopg2", "psycopg"), "mysql": ("", "pymysql"), "mssql": ("", "pymssql")}[engine]
    if driver not in known:
        conversion.note(
            path, "changed", f"{known[1]} instead of {driver!r}: the image has it, and all of it works here"
        )


def backend_store_of(conversion: Conversion, path: str, uri: str, purpose: str) -> BackendStore | None:
    """Return the store that a URI names; its password goes into a Secret."""
    if not uri:
        return None
    parts = urlsplit(uri)
    scheme, _, driver = parts.scheme.partition("+")
    scheme = {"postgres": "postgresql"}.get(scheme, scheme)
    if scheme in _PORTS:
        return _database_of(conversion, path, parts, (scheme, driver), purpose)
    if scheme == "sqlite":
        return sqlite(conversion, path, uri.partition("sqlite:///")[2])
    if scheme in {"", "file"}:
        return _files(conversion, path, parts.path or uri)
    conversion.values.fail(path, "must name a store that MLflow has", repr(parts.scheme), "write another URI")
    return None


def _database_of(
    conversion: Conversion, path: str, parts: SplitResult, kind: tuple[str, str], purpose: str
) -> BackendStore | None:
    engine, driver = kind
    check_driver(conversion, path, engine, driver)
    try:
        port = parts.port
    except ValueError:
        port = None
    password: SecretSource | None = None
    if parts.password:
        password = conversion.secret(path, unquote(parts.password), purpose, "password")
    elif engine != "mssql":
        conversion.note(path, "decide", "the URI has no password: write password=ExistingSecret(name, key)")
    options = {name: values[-1] for name, values in parse_qs(parts.query).items() if name != "charset"}
    mode = options.pop("sslmode", "") if engine == "postgresql" else ""
    if options:
        names = ", ".join(sorted(options))
        conversion.note(path, "decide", f"options of the URI are left out ({names}): write the props for them")
    return database(
        engine,
        driver,
        {
            "host": parts.hostname,
            "port": port or _PORTS[engine],
            "database": unquote(parts.path.lstrip("/")),
            "user": unquote(parts.username or ""),
            "password": password,
            "tls": PostgreSQLTls(mode=mode) if mode in {"require", "verify-full"} else None,  # type: ignore[arg-type]
        },
    )


def sqlite(conversion: Conversion, path: str, file: str) -> SQLite:
    """Return the database file, on the volume that holds it or on a new one."""
    mounted = conversion.at(file)
    if mounted is None:
        outcome = f"SQLite() on a new volume: {LOST}"
        conversion.note(path, "changed", outcome)
        return SQLite()
    name = mounted.relative(file) or ""
    return SQLite(volume=mounted.claim, **({} if name == "mlflow.db" else {"file": name}))


def _files(conversion: Conversion, path: str, folder: str) -> BackendStore:
    usual = re.fullmatch(r"(/[A-Za-z0-9._-]+){2,}|/(mnt|mlflow|mlruns|data)[A-Za-z0-9._-]*", folder)
    conversion.note(
        path,
        "changed",
        "FileStore on a new volume (the chart had none); MLflow 3 has put files into maintenance: "
        "copy the old folder into the volume's mlruns/, or move on with `mlflow migrate-filestore`",
    )
    return FileStore(path=folder) if usual and folder != "/mlflow/data/mlruns" else FileStore()


# --- Artifacts ---------------------------------------------------------------------------------------------


def artifact_store_of(conversion: Conversion, path: str, uri: str) -> ArtifactStore | None:
    """Return the store that a URI names; None for the volume of the backend store."""
    parts = urlsplit(uri)
    prefix = parts.path.strip("/") or None
    if parts.scheme == "s3":
        return s3(conversion, bucket=parts.netloc, prefix=prefix)
    if parts.scheme == "gs":
        return gcs(conversion, bucket=parts.netloc, prefix=prefix)
    if parts.scheme == "wasbs":
        container, _, host = parts.netloc.partition("@")
        account, _, suffix = host.partition(".blob.")
        return azure(conversion, account, container, prefix, suffix)
    if parts.scheme == "hdfs":
        return HDFS(host=parts.hostname or "", port=parts.port or 8020, path=parts.path or "/mlflow")
    if parts.scheme in {"", "file"}:
        return _folder(conversion, path, parts.path or uri)
    return ArtifactUri(uri=uri)


def _folder(conversion: Conversion, path: str, folder: str) -> ArtifactStore | None:
    mounted = conversion.at(folder)
    if mounted is None and any(folder.rstrip("/") == claim.path.rstrip("/") for claim in conversion.claims):
        conversion.note(
            path,
            "decide",
            f"artifacts stood in the root of the volume at {folder}: move them into its folder 'artifacts', "
            "or write ArtifactVolume(folder=...)",
        )
        mounted = next(claim for claim in conversion.claims if folder.rstrip("/") == claim.path.rstrip("/"))
        return ArtifactVolume(volume=mounted.claim)
    if mounted is not None:
        name = mounted.relative(folder) or ""
        return ArtifactVolume(volume=mounted.claim, **({} if name == "artifacts" else {"folder": name}))
    conversion.note(path, "changed", f"ArtifactVolume: {LOST}, and clients reach it through the server")
    return None


def s3(conversion: Conversion, *, bucket: str, prefix: str | None, credentials: S3Credentials | None = None) -> S3:
    """Return a bucket with what the variables of boto3 say of it."""
    given: dict[str, Any] = {
        "endpoint_url": conversion.take("MLFLOW_S3_ENDPOINT_URL", text="S3.endpoint_url"),
        "region": conversion.take("AWS_DEFAULT_REGION", text="S3.region")
        or conversion.take("AWS_REGION", text="S3.region"),
        "credentials": credentials or _s3_credentials(conversion),
        "addressing_style": conversion.take("MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE", text="S3.addressing_style"),
        "expected_bucket_owner": conversion.take("MLFLOW_S3_EXPECTED_BUCKET_OWNER", text="S3.expected_bucket_owner"),
    }
    # Never for Amazon's own: boto3 finds the region's endpoint itself.
    if re.search(r"://s3[.-].*amazonaws\.com/?$", given["endpoint_url"] or ""):
        given["endpoint_url"] = None
    given = {name: value.rstrip("/") if name == "endpoint_url" else value for name, value in given.items() if value}
    return S3(bucket=bucket, prefix=prefix, **given)


def _s3_credentials(conversion: Conversion) -> S3Credentials | None:
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    if not all(name in conversion.environment for name in names):
        return None
    key_id = conversion.take_secret(names[0], "s3", "access-key-id")
    key = conversion.take_secret(names[1], "s3", "secret-access-key")
    return S3Credentials(access_key_id=key_id, secret_access_key=key) if key_id and key else None


def gcs(conversion: Conversion, *, bucket: str, prefix: str | None) -> GCS:
    """Return a bucket; a key file was mounted by hand, and is a Secret's key here."""
    file = conversion.take("GOOGLE_APPLICATION_CREDENTIALS")
    if file is not None:
        conversion.note(
            "GOOGLE_APPLICATION_CREDENTIALS",
            "decide",
            f"the key file {file} was mounted by hand: write GCS(credentials=SecretKey(name, key)) and drop its volume",
        )
    return GCS(bucket=bucket, prefix=prefix)


def azure(conversion: Conversion, account: str, container: str, prefix: str | None, suffix: str = "") -> AzureBlob:
    """Return a container with what the variables of Azure's client say of it."""
    credentials: AzureAccessKey | AzureConnectionString | None = None
    key = conversion.take_secret("AZURE_STORAGE_ACCESS_KEY", "azure", "access-key")
    text = conversion.take_secret("AZURE_STORAGE_CONNECTION_STRING", "azure", "connection-string")
    if text is not None:
        credentials = AzureConnectionString(text)
    elif key is not None:
        credentials = AzureAccessKey(key)
    cloud: dict[str, Any] = {"endpoint_suffix": suffix} if suffix not in {"", "core.windows.net"} else {}
    return AzureBlob(storage_account=account, container=container, prefix=prefix, credentials=credentials, **cloud)


def put_artifacts(conversion: Conversion, path: str, uri: str, *, proxied: bool) -> None:
    """Set the artifact store and how clients reach it, as the chart had it."""
    store = artifact_store_of(conversion, path, uri)
    if store is None:
        if not hasattr(conversion.props.get("backend_store", SQLite()), "volume"):
            conversion.props["artifact_store"] = ArtifactVolume()
        return
    conversion.props["artifact_store"] = store
    if not proxied and store.reachable_by_clients:
        conversion.props["artifact_access"] = Direct()
    elif not proxied:
        conversion.note(path, "changed", "ArtifactVolume: clients reach the pod's folder through the server now")


def new_claim(size: str, storage_class: str, modes: list[str]) -> VolumeClaim:
    """Return a claim by what the charts say of one."""
    given: dict[str, Any] = {"storage_class_name": storage_class or None}
    if size and quantity_bytes(size) != quantity_bytes("10Gi"):
        given["size"] = size
    if modes and modes != ["ReadWriteOnce"]:
        given["access_modes"] = modes
    return VolumeClaim(**given)
