"""The logins of community-charts/mlflow that are no part of MLflow: a directory, OpenID Connect, oauth2-proxy."""

from __future__ import annotations

from typing import Any

from cdk8s_mlflow.authentication.ldap_auth import GroupSearch, LdapAuth, LdapTls, MemberOf, UserDn
from cdk8s_mlflow.authentication.oauth2_proxy import OAuth2Proxy
from cdk8s_mlflow.authentication.oidc_auth import OidcAuth
from cdk8s_mlflow.from_helm.conversion import Conversion
from cdk8s_mlflow.needs import SecretSource
from cdk8s_mlflow.secrets import ExistingSecret
from cdk8s_mlflow.volumes import SecretKey

_IMAGE = "the login needs what MLflow's own image lacks: build image/Containerfile, and write image=Image(...)"


def _secret(conversion: Conversion, path: str, existing: tuple[str, str], purpose: str, key: str) -> SecretSource:
    """Return a secret of the values, or of the Secret that they name."""
    name, of_existing = existing
    if name:
        return ExistingSecret(name, of_existing)
    return conversion.secret(path, conversion.values.text(path), purpose, key)


def put_oidc(conversion: Conversion) -> None:
    """Set the login inside MLflow by OpenID Connect."""
    values, path = conversion.values, "oidcAuth"
    existing = values.mapping(f"{path}.existingSecret")
    given: dict[str, Any] = {
        "discovery_url": values.text(f"{path}.discoveryUrl"),
        "client_id": values.text(f"{path}.clientId"),
        "client_secret": _secret(
            conversion,
            f"{path}.clientSecret",
            (str(existing.get("name") or ""), str(existing.get("clientSecretKey") or "OIDC_CLIENT_SECRET")),
            "oidc",
            "client-secret",
        ),
        "groups_attribute": values.text(f"{path}.groupsAttribute"),
        "default_permission": values.text(f"{path}.defaultPermission"),
        "provider_display_name": values.text(f"{path}.providerDisplayName"),
        "scopes": [item.strip() for item in values.text(f"{path}.scope").split(",") if item.strip()],
        "audience": values.text(f"{path}.audience") or None,
    }
    for key, field in (("groupName", "allowed_groups"), ("adminGroupName", "admin_groups")):
        if found := [str(item) for item in values.items(f"{path}.{key}")]:
            given[field] = found
    conversion.props["authentication"] = OidcAuth(**given)
    _carried(conversion, path, "OidcAuth", ("discoveryUrl", "clientId", "scope", "audience", "providerDisplayName"))
    _carried(conversion, path, "OidcAuth", ("groupsAttribute", "groupName", "adminGroupName", "defaultPermission"))
    conversion.note(f"{path}.enabled", "decide", f"authentication=OidcAuth(...); {_IMAGE}")
    derived = "follows from the exposure"
    for key in ("redirectUri", "sessionCookieSecure", "sessionCookieSamesite", "trustedProxies"):
        conversion.note(f"{path}.{key}", "changed", derived)


def put_ldap(conversion: Conversion) -> None:
    """Set the login by a directory."""
    values, path = conversion.values, "ldapAuth"
    bind = values.text(f"{path}.lookupBind")
    base = values.text(f"{path}.searchBaseDistinguishedName")
    member_of = values.text(f"{path}.groupAttributeKey")
    secret = values.text(f"{path}.externalSecretForTrustedCACertificate")
    given: dict[str, Any] = {
        "urls": [values.text(f"{path}.uri")],
        "users": UserDn(bind.replace("%s", "{username}")),
        "groups": MemberOf(member_of) if member_of else GroupSearch(base=base, filter=_filter(conversion, path)),
    }
    for key, field in (
        ("adminGroupDistinguishedName", "admin_groups"),
        ("userGroupDistinguishedName", "allowed_groups"),
    ):
        if name := values.text(f"{path}.{key}"):
            given[field] = [name]
    if given.get("allowed_groups"):
        given["allowed_groups"] += given.get("admin_groups", [])
    if secret:
        given["tls"] = LdapTls(ca=SecretKey(secret, "ca.crt"))
    elif values.text(f"{path}.encodedTrustedCACertificate"):
        text = "write tls=LdapTls(ca=SecretKey(name, 'ca.crt')), with the certificate in that Secret"
        conversion.note(f"{path}.encodedTrustedCACertificate", "decide", text)
    conversion.props["authentication"] = LdapAuth(**given)
    names = ("uri", "lookupBind", "searchBaseDistinguishedName", "searchFilter", "adminGroupDistinguishedName")
    _carried(
        conversion, path, "LdapAuth", (*names, "userGroupDistinguishedName", "groupAttributeKey", "groupAttribute")
    )
    _carried(conversion, path, "LdapTls", ("externalSecretForTrustedCACertificate",))
    conversion.note(f"{path}.tlsVerification", "changed", "certificates are always verified")
    conversion.note(f"{path}.enabled", "decide", f"authentication=LdapAuth(...); {_IMAGE}")


def _filter(conversion: Conversion, path: str) -> str:
    """Return the chart's filter for groups with the word for what stood there as %s."""
    by_entry = conversion.values.text(f"{path}.groupAttribute") == "dn"
    return conversion.values.text(f"{path}.searchFilter").replace("%s", "{dn}" if by_entry else "{username}")


def put_proxy(conversion: Conversion) -> None:
    """Set the login in front of MLflow."""
    values, path = conversion.values, "oauth2Proxy"
    existing, provider = values.mapping(f"{path}.existingSecret"), values.mapping(f"{path}.provider")
    name = str(existing.get("name") or "")
    if name:
        secret: SecretSource = ExistingSecret(name, str(existing.get("clientSecretKey") or "client-secret"))
        client = "the client is in the Secret, and we must know it: write client_id"
        conversion.note(f"{path}.existingSecret", "decide", client)
    else:
        text = str(provider.get("clientSecret") or "")
        secret = conversion.secret(f"{path}.provider.clientSecret", text, "oauth2-proxy", "client-secret")
    conversion.props["authentication"] = OAuth2Proxy(
        issuer_url=str(provider.get("issuerURL") or ""),
        client_id=str(provider.get("clientID") or "mlflow"),
        client_secret=secret,
        email_domains=_domains([str(item) for item in values.items(f"{path}.extraArgs")]),
    )
    conversion.props["kubernetes_version"] = "1.29"
    text = "authentication=OAuth2Proxy(...): it cannot be passed by, as the chart's could through its Service"
    conversion.note(f"{path}.enabled", "changed", text)
    conversion.note(
        f"{path}.provider", "changed", "issuer_url, client_id, client_secret; the redirect follows from the exposure"
    )
    conversion.note(f"{path}.extraArgs", "decide", "OAuth2Proxy.options, for what it has no field for")
    for key in ("listenPort", "cookieSecret", "createSecret"):
        conversion.note(f"{path}.{key}", "changed", "ours, generated where it is a secret")


def _domains(arguments: list[str]) -> list[str]:
    """Return whose addresses may pass: everybody's, where the chart's arguments say nothing."""
    found = [item.partition("=")[2] for item in arguments if item.startswith("--email-domain=")]
    return found or ["*"]


def _carried(conversion: Conversion, path: str, name: str, keys: tuple[str, ...]) -> None:
    for key in keys:
        if conversion.values.is_given(f"{path}.{key}"):
            conversion.note(f"{path}.{key}", "carried over", name)
