"""A login by the company's directory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Literal
from urllib.parse import urlsplit

import attrs

from cdk8s_mlflow.authentication.basic_app import Asked, BasicApp
from cdk8s_mlflow.container import config_file, script, seconds
from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.guards import Guard, Premises
from cdk8s_mlflow.needs import EnvVar, Needs, SecretSource, SecretUse
from cdk8s_mlflow.peers import Endpoint, Manifest, Peer, endpoint
from cdk8s_mlflow.values import (
    DistinguishedName,
    GroupFilter,
    LdapAttribute,
    LdapUrl,
    UserDnTemplate,
    UserFilter,
    sequences,
)
from cdk8s_mlflow.volumes import ConfigMapKey, SecretKey

GroupPermission = Literal["READ", "USE", "EDIT", "MANAGE"]


@frozen(kw_only=True)
class LdapTls:
    """How the connection is protected. Its certificate is always checked, with the server's name in it."""

    ca: SecretKey | ConfigMapKey | None = None
    """The authority that signed the directory's certificate: a public one, or ``MlflowProps.ca_bundle``, if left
    out."""


@frozen(kw_only=True)
class UserSearch:
    """Find the user's entry with an account that may search, then ask the directory for the user's password."""

    base: DistinguishedName
    """Below which entry users are: ``ou=people,dc=example,dc=com``."""
    bind_dn: DistinguishedName
    """The account that searches. It needs no right but to read users and groups."""
    bind_password: SecretSource
    """Its password."""
    filter: UserFilter = "(uid={username})"
    """Finds exactly one entry; ``{username}`` stands for what was typed, escaped. Active Directory:
    ``(&(objectClass=user)(sAMAccountName={username}))``."""


@frozen
class UserDn:
    """The user's entry is where a template says; everything is read with the user's own rights."""

    template: UserDnTemplate
    """``{username}`` stands for what was typed, escaped: ``uid={username},ou=people,dc=example,dc=com``."""


@frozen
class MemberOf:
    """The user's entry names the user's groups, as in Active Directory and with OpenLDAP's memberof overlay."""

    attribute: LdapAttribute = "memberOf"


@frozen(kw_only=True)
class GroupSearch:
    """Groups name their members: they are searched."""

    base: DistinguishedName
    filter: GroupFilter = "(member={dn})"
    """Finds the groups of a user: ``{dn}`` stands for the user's entry, ``{username}`` for the name. For
    ``posixGroup`` write ``(memberUid={username})``."""


@frozen(kw_only=True, field_transformer=sequences)
class LdapAuth(BasicApp):
    """Users of an LDAP directory log in with their password there, to MLflow's own app (``basic-auth``).

    A function of this package asks the directory (ldap3, which the image must have: ``image/Containerfile``). Users
    are made in MLflow when they first come, with a local password that nobody knows; what they may do follows from
    their groups, from :attr:`default_permission`, and from what is shared with them in MLflow.

    Only the administrator is MLflow's own: pods of this chart log in as that one, and so can you when the directory
    is away. A user of the directory with that name is refused.
    """

    urls: Sequence[LdapUrl]
    """Servers of the directory, asked in this order until one answers: ``ldaps://ldap.example.com``, or
    ``ldap://...``, which StartTLS protects."""
    users: UserSearch | UserDn
    """How a name becomes an entry of the directory."""
    username_attribute: LdapAttribute = "uid"
    """The attribute that holds the name by which MLflow knows the user, whatever the case in which it was typed.
    Active Directory: ``sAMAccountName``."""
    groups: MemberOf | GroupSearch = MemberOf()
    """Where the groups of a user are read."""
    allowed_groups: Sequence[DistinguishedName] = ()
    """The groups whose members may log in: everybody with a right password, if left out."""
    admin_groups: Sequence[DistinguishedName] = ()
    """The groups whose members are administrators of MLflow, at each login anew. Left out, administrators are made
    in MLflow."""
    group_permissions: Mapping[DistinguishedName, GroupPermission] = attrs.field(factory=dict)
    """What members of a group may do with all experiments, models, prompts and endpoints, instead of
    :attr:`default_permission`; the highest counts. A role of MLflow's, called ``ldap:EDIT`` and so on, in the default
    workspace."""
    tls: LdapTls | None = LdapTls()
    """How the connection is protected. None sends passwords in plain text over ``ldap://``: only for a directory
    behind a tunnel."""
    timeout: timedelta = timedelta(seconds=3)
    """How long to wait for a connection, and for each answer. A server that does not answer is left alone for 10
    seconds; as long as none answers, nobody but the administrator gets in. Other requests wait meanwhile."""
    network_peer: Peer | None = None
    """Where the directory is, for the network policy: any address on its port if left out."""

    def failures(self) -> Iterator[str]:
        """Yield what is wrong with the fields together."""
        yield from super().failures()
        if not self.urls:
            yield "urls must not be empty (got ()); write ['ldaps://ldap.example.com']"
        secure = [url for url in self.urls if urlsplit(url).scheme == "ldaps"]
        if self.tls is None and secure:
            yield f"tls: {secure[0]} speaks TLS (got None); leave tls out, or write ldap://"
        if seconds(self.timeout) < 1:
            yield f"timeout must be 1 second or more (got {self.timeout.total_seconds():g} s); write 3 seconds"

    def guard(self, premises: Premises) -> Guard:
        """Return MLflow's app with our function in it, and the administrator's credentials for its callers."""
        files = (script("ldap_login.py"), config_file("ldap_login.json", self._settings()))
        ca = self.tls.ca if self.tls else None
        needs = Needs(
            files=files,
            env=tuple(self._bind_password()),
            authorities=() if ca is None else (ca,),
            egress=tuple(_endpoint(url, self.network_peer) for url in self.urls),
            missing_packages=("ldap3",),
        )
        guard = self.app(premises, Asked(function="ldap_login:authenticate", needs=needs))
        return attrs.evolve(guard, notices=() if self.tls else (self._in_the_open(),))

    def _in_the_open(self) -> str:
        return f"LdapAuth: passwords go to {', '.join(self.urls)} in plain text; leave tls=None out"

    def _settings(self) -> Manifest:
        return {
            "urls": list(self.urls),
            "tls": self.tls is not None,
            "timeout_seconds": seconds(self.timeout),
            "cache_seconds": seconds(self.auth_cache_ttl),
            "users": _users(self.users),
            "username_attribute": self.username_attribute,
            "groups": attrs.asdict(self.groups),
            "allowed_groups": list(self.allowed_groups),
            "admin_groups": list(self.admin_groups),
            "group_permissions": dict(self.group_permissions),
        }

    def _bind_password(self) -> Iterator[EnvVar]:
        if isinstance(self.users, UserSearch):
            yield EnvVar("MLFLOW_LDAP_BIND_PASSWORD", SecretUse("ldap-bind-password", self.users.bind_password))


def _users(users: UserSearch | UserDn) -> Manifest:
    if isinstance(users, UserDn):
        return {"template": users.template}
    return {"base": users.base, "bind_dn": users.bind_dn, "filter": users.filter}


def _endpoint(url: str, peer: Peer | None) -> Endpoint:
    parts = urlsplit(url)
    return endpoint(parts.hostname or "", parts.port or {"ldap": 389, "ldaps": 636}[parts.scheme], peer)
