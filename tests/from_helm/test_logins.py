"""The logins of community-charts' chart become ours, without any secret."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from releases import render

from cdk8s_mlflow import (
    ExistingSecret,
    GroupSearch,
    Image,
    LdapAuth,
    LdapTls,
    Logs,
    Metrics,
    NamespacePeer,
    OAuth2Proxy,
    OidcAuth,
    SecretKey,
    ServiceMonitor,
    UserDn,
)
from cdk8s_mlflow.from_helm import Converted, convert_values

BASE: dict[str, Any] = {
    "backendStore": {
        "postgres": {"enabled": True, "host": "db", "database": "mlflow"},
        "existingDatabaseSecret": {"name": "db"},
    },
    "artifactRoot": {"proxiedArtifactStorage": True, "s3": {"enabled": True, "bucket": "mlflow"}},
    "ingress": {
        "enabled": True,
        "hosts": [{"host": "mlflow.example.com", "paths": [{"path": "/"}]}],
        "tls": [{"secretName": "tls"}],
    },
}
LDAP = {
    "enabled": True,
    "uri": "ldaps://ldap.example.com",
    "lookupBind": "uid=%s,ou=people,dc=example,dc=com",
    "searchBaseDistinguishedName": "ou=groups,dc=example,dc=com",
    "adminGroupDistinguishedName": "cn=admins,ou=groups,dc=example,dc=com",
    "userGroupDistinguishedName": "cn=users,ou=groups,dc=example,dc=com",
    "externalSecretForTrustedCACertificate": "ldap-ca",
}
OIDC = {
    "enabled": True,
    "discoveryUrl": "https://login.example.com/.well-known/openid-configuration",
    "clientId": "mlflow",
    "clientSecret": "not-to-be-seen",
    "groupName": ["ml"],
    "adminGroupName": ["ml-admins"],
}
PROXY = {
    "enabled": True,
    "provider": {"issuerURL": "https://login.example.com", "clientID": "mlflow", "clientSecret": "not-to-be-seen"},
}


def convert(**values: Any) -> Converted:
    """Return what values become, beside a database, a bucket and a door."""
    return convert_values("community", BASE | values, release=None, namespace="ml")


def test_a_directory_is_asked_by_the_same_words() -> None:
    """Where users are, which groups may come, and whose certificate is believed."""
    converted = convert(ldapAuth=LDAP)
    login = converted.environment.mlflow.authentication
    assert isinstance(login, LdapAuth)
    assert login.users == UserDn("uid={username},ou=people,dc=example,dc=com")
    assert login.groups == GroupSearch(
        base="ou=groups,dc=example,dc=com", filter="(&(objectclass=groupOfUniqueNames)(uniquemember={dn}))"
    )
    assert login.admin_groups == ("cn=admins,ou=groups,dc=example,dc=com",)
    assert set(login.admin_groups) < set(login.allowed_groups)
    assert login.tls == LdapTls(ca=SecretKey("ldap-ca", "ca.crt"))


def test_openid_connect_keeps_its_client_and_its_groups() -> None:
    """The secret of the client is a reference."""
    converted = convert(oidcAuth=OIDC)
    login = converted.environment.mlflow.authentication
    assert isinstance(login, OidcAuth)
    assert login.client_secret == ExistingSecret("mlflow-oidc", "client-secret")
    assert (login.allowed_groups, login.admin_groups) == (("ml",), ("ml-admins",))
    assert login.default_permission == "MANAGE"
    assert "not-to-be-seen" not in repr(converted)


def test_the_proxy_keeps_its_client() -> None:
    """It cannot be passed by any more."""
    converted = convert(oauth2Proxy=PROXY)
    login = converted.environment.mlflow.authentication
    assert isinstance(login, OAuth2Proxy)
    assert login.client_secret == ExistingSecret("mlflow-oauth2-proxy", "client-secret")
    assert "not-to-be-seen" not in repr(converted)


def test_the_monitor_is_where_prometheus_looks() -> None:
    """With the labels by which it is found, and let in by the policy."""
    props = convert(serviceMonitor={"enabled": True, "labels": {"release": "prom"}}).environment.mlflow
    assert isinstance(props.metrics, Metrics)
    assert isinstance(props.metrics.monitor, ServiceMonitor)
    assert props.metrics.monitor.labels == {"release": "prom"}
    assert props.metrics.allowed_from == (NamespacePeer("monitoring"),)


def test_the_level_of_the_log_is_kept() -> None:
    """In our own words."""
    assert convert(log={"level": "debug"}).environment.mlflow.logs == Logs(level="DEBUG")


@pytest.mark.parametrize(
    ("values", "package"),
    [({"ldapAuth": LDAP}, "ldap3"), ({"oidcAuth": OIDC}, "mlflow-oidc-auth"), ({"oauth2Proxy": PROXY}, None)],
    ids=["ldap", "oidc", "proxy"],
)
def test_the_logins_make_servers_once_the_image_is_named(values: dict[str, Any], package: str | None) -> None:
    """MLflow's own image lacks what two of them need: that is said, and nothing else is missing."""
    converted = convert(**values)
    assert [package in failure for failure in converted.failures if package] == [True] * bool(package)
    props = converted.environment.mlflow
    if package:
        props = attrs.evolve(props, image=Image(repository="registry.example.com/mlflow"))
    assert render(props, namespace="ml").one("Deployment", "mlflow")
