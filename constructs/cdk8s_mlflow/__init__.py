"""MLflow tracking servers on Kubernetes, as a cdk8s construct.

Names are resolved when they are first used (PEP 562): props and plans never load cdk8s or start Node.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cdk8s_mlflow._version import __version__ as __version__
    from cdk8s_mlflow.adoption import HelmRelease
    from cdk8s_mlflow.ai_gateway import AiGateway
    from cdk8s_mlflow.artifact_store.access import Direct, Presigned, Proxied
    from cdk8s_mlflow.artifact_store.artifact_uri import ArtifactUri
    from cdk8s_mlflow.artifact_store.artifact_volume import ArtifactVolume
    from cdk8s_mlflow.artifact_store.azure_blob import AzureAccessKey, AzureBlob, AzureConnectionString
    from cdk8s_mlflow.artifact_store.gcs import GCS
    from cdk8s_mlflow.artifact_store.hdfs import HDFS, Kerberos
    from cdk8s_mlflow.artifact_store.s3 import S3, S3Credentials
    from cdk8s_mlflow.authentication.basic_auth import BasicAuth
    from cdk8s_mlflow.authentication.client_credentials import ClientCredentials
    from cdk8s_mlflow.authentication.custom_auth import CustomAuth
    from cdk8s_mlflow.authentication.ldap_auth import GroupSearch, LdapAuth, LdapTls, MemberOf, UserDn, UserSearch
    from cdk8s_mlflow.authentication.oauth2_proxy import OAuth2Proxy
    from cdk8s_mlflow.authentication.oidc_auth import OidcAuth
    from cdk8s_mlflow.backend_store.cloud_native_pg import CloudNativePG
    from cdk8s_mlflow.backend_store.database_uri import DatabaseUri
    from cdk8s_mlflow.backend_store.file_store import FileStore
    from cdk8s_mlflow.backend_store.mysql import MySQL, MySQLTls
    from cdk8s_mlflow.backend_store.postgresql import PostgreSQL, PostgreSQLTls
    from cdk8s_mlflow.backend_store.sql_server import SQLServer
    from cdk8s_mlflow.backend_store.sqlite import SQLite
    from cdk8s_mlflow.connections import ConnectionPool
    from cdk8s_mlflow.environments import Environment, Namespace, synthesize
    from cdk8s_mlflow.exposure import (
        AwsLoadBalancer,
        CertManagerIssuer,
        ClusterIP,
        Headless,
        HttpRoute,
        Ingress,
        IngressHost,
        IngressNginx,
        IngressPath,
        IngressTls,
        LoadBalancer,
        NodePort,
        ParentReference,
        Traefik,
    )
    from cdk8s_mlflow.failures import InvalidProps
    from cdk8s_mlflow.http_proxy import HttpProxy
    from cdk8s_mlflow.job_queue import InChartRedis
    from cdk8s_mlflow.mlflow import Mlflow
    from cdk8s_mlflow.observability import Alerts, Dashboard, Logs, Metrics, ScrapeAnnotations, ServiceMonitor
    from cdk8s_mlflow.operations import (
        Backup,
        GarbageCollection,
        JobExecution,
        Migration,
        Reloader,
        SmokeTest,
        TraceArchival,
        TraceRollups,
    )
    from cdk8s_mlflow.peers import CidrPeer, Endpoint, NamespacePeer, PodPeer
    from cdk8s_mlflow.props import ExistingServiceAccount, Image, MlflowProps, NetworkPolicy, ServiceAccount
    from cdk8s_mlflow.redis import Redis
    from cdk8s_mlflow.scaling import (
        Autoscaling,
        CpuTrigger,
        CronTrigger,
        DisruptionBudget,
        FixedReplicas,
        KedaScaling,
        PrometheusTrigger,
    )
    from cdk8s_mlflow.secrets import ExistingSecret, ExternalSecret, GeneratedSecret, InlineSecret
    from cdk8s_mlflow.server_tls import CertManagerTls, TlsSecret
    from cdk8s_mlflow.sidecars import CloudSqlProxy, SidecarProxy
    from cdk8s_mlflow.values_files import read_environments
    from cdk8s_mlflow.volumes import ConfigMapKey, ExistingVolumeClaim, SecretKey, VolumeClaim
    from cdk8s_mlflow.workspaces import Workspaces

_MODULES = {
    "adoption": ("HelmRelease",),
    "ai_gateway": ("AiGateway",),
    "artifact_store.access": ("Direct", "Presigned", "Proxied"),
    "artifact_store.artifact_uri": ("ArtifactUri",),
    "artifact_store.artifact_volume": ("ArtifactVolume",),
    "artifact_store.azure_blob": ("AzureAccessKey", "AzureBlob", "AzureConnectionString"),
    "artifact_store.gcs": ("GCS",),
    "artifact_store.hdfs": ("HDFS", "Kerberos"),
    "artifact_store.s3": ("S3", "S3Credentials"),
    "authentication.basic_auth": ("BasicAuth",),
    "authentication.client_credentials": ("ClientCredentials",),
    "authentication.custom_auth": ("CustomAuth",),
    "authentication.ldap_auth": ("GroupSearch", "LdapAuth", "LdapTls", "MemberOf", "UserDn", "UserSearch"),
    "authentication.oauth2_proxy": ("OAuth2Proxy",),
    "authentication.oidc_auth": ("OidcAuth",),
    "backend_store.cloud_native_pg": ("CloudNativePG",),
    "backend_store.database_uri": ("DatabaseUri",),
    "backend_store.file_store": ("FileStore",),
    "backend_store.mysql": ("MySQL", "MySQLTls"),
    "backend_store.postgresql": ("PostgreSQL", "PostgreSQLTls"),
    "backend_store.sql_server": ("SQLServer",),
    "backend_store.sqlite": ("SQLite",),
    "connections": ("ConnectionPool",),
    "environments": (
        "Environment",
        "Namespace",
        "synthesize",
    ),
    "exposure": (
        "AwsLoadBalancer",
        "CertManagerIssuer",
        "ClusterIP",
        "Headless",
        "HttpRoute",
        "Ingress",
        "IngressHost",
        "IngressNginx",
        "IngressPath",
        "IngressTls",
        "LoadBalancer",
        "NodePort",
        "ParentReference",
        "Traefik",
    ),
    "failures": ("InvalidProps",),
    "job_queue": ("InChartRedis",),
    "http_proxy": ("HttpProxy",),
    "mlflow": ("Mlflow",),
    "observability": ("Alerts", "Dashboard", "Logs", "Metrics", "ScrapeAnnotations", "ServiceMonitor"),
    "operations": (
        "Backup",
        "GarbageCollection",
        "JobExecution",
        "Migration",
        "Reloader",
        "SmokeTest",
        "TraceArchival",
        "TraceRollups",
    ),
    "peers": (
        "CidrPeer",
        "Endpoint",
        "NamespacePeer",
        "PodPeer",
    ),
    "props": (
        "ExistingServiceAccount",
        "Image",
        "MlflowProps",
        "NetworkPolicy",
        "ServiceAccount",
    ),
    "redis": ("Redis",),
    "scaling": (
        "Autoscaling",
        "CpuTrigger",
        "CronTrigger",
        "DisruptionBudget",
        "FixedReplicas",
        "KedaScaling",
        "PrometheusTrigger",
    ),
    "secrets": (
        "ExistingSecret",
        "ExternalSecret",
        "GeneratedSecret",
        "InlineSecret",
    ),
    "server_tls": ("CertManagerTls", "TlsSecret"),
    "sidecars": (
        "CloudSqlProxy",
        "SidecarProxy",
    ),
    "values_files": ("read_environments",),
    "volumes": (
        "ConfigMapKey",
        "ExistingVolumeClaim",
        "SecretKey",
        "VolumeClaim",
    ),
    "workspaces": ("Workspaces",),
    "_version": ("__version__",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "GCS",
    "HDFS",
    "S3",
    "AiGateway",
    "Alerts",
    "ArtifactUri",
    "ArtifactVolume",
    "Autoscaling",
    "AwsLoadBalancer",
    "AzureAccessKey",
    "AzureBlob",
    "AzureConnectionString",
    "Backup",
    "BasicAuth",
    "CertManagerIssuer",
    "CertManagerTls",
    "CidrPeer",
    "ClientCredentials",
    "CloudNativePG",
    "CloudSqlProxy",
    "ClusterIP",
    "ConfigMapKey",
    "ConnectionPool",
    "CpuTrigger",
    "CronTrigger",
    "CustomAuth",
    "Dashboard",
    "DatabaseUri",
    "Direct",
    "DisruptionBudget",
    "Endpoint",
    "Environment",
    "ExistingSecret",
    "ExistingServiceAccount",
    "ExistingVolumeClaim",
    "ExternalSecret",
    "FileStore",
    "FixedReplicas",
    "GarbageCollection",
    "GeneratedSecret",
    "GroupSearch",
    "Headless",
    "HelmRelease",
    "HttpProxy",
    "HttpRoute",
    "Image",
    "InChartRedis",
    "Ingress",
    "IngressHost",
    "IngressNginx",
    "IngressPath",
    "IngressTls",
    "InlineSecret",
    "InvalidProps",
    "JobExecution",
    "KedaScaling",
    "Kerberos",
    "LdapAuth",
    "LdapTls",
    "LoadBalancer",
    "Logs",
    "MemberOf",
    "Metrics",
    "Migration",
    "Mlflow",
    "MlflowProps",
    "MySQL",
    "MySQLTls",
    "Namespace",
    "NamespacePeer",
    "NetworkPolicy",
    "NodePort",
    "OAuth2Proxy",
    "OidcAuth",
    "ParentReference",
    "PodPeer",
    "PostgreSQL",
    "PostgreSQLTls",
    "Presigned",
    "PrometheusTrigger",
    "Proxied",
    "Redis",
    "Reloader",
    "S3Credentials",
    "SQLServer",
    "SQLite",
    "ScrapeAnnotations",
    "SecretKey",
    "ServiceAccount",
    "ServiceMonitor",
    "SidecarProxy",
    "SmokeTest",
    "TlsSecret",
    "TraceArchival",
    "TraceRollups",
    "Traefik",
    "UserDn",
    "UserSearch",
    "VolumeClaim",
    "Workspaces",
    "__version__",
    "read_environments",
    "synthesize",
]


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        message = f"module 'cdk8s_mlflow' has no attribute {name!r}"
        raise AttributeError(message)
    if name == "Mlflow":
        importlib.import_module("cdk8s_mlflow.node").use_node()
    return getattr(importlib.import_module(f"cdk8s_mlflow.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return __all__
