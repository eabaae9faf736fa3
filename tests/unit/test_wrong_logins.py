"""Every kind of wrong login and wrong workspaces, and the exact message that it gives to a person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from releases import render
from variants import LOGIN_IMAGE, on_postgresql

from cdk8s_mlflow import (
    ArtifactVolume,
    BasicAuth,
    ConfigMapKey,
    CustomAuth,
    ExistingSecret,
    FileStore,
    GroupSearch,
    InlineSecret,
    InvalidProps,
    LdapAuth,
    MlflowProps,
    UserDn,
    UserSearch,
    VolumeClaim,
    Workspaces,
)

PEOPLE = "ou=people,dc=example,dc=com"


def ldap(**changes: Any) -> MlflowProps:
    """Return props with a directory that is right but for the changes."""
    right: dict[str, Any] = {"urls": ["ldaps://ldap.example.com"], "users": UserDn(f"uid={{username}},{PEOPLE}")}
    return on_postgresql(image=LOGIN_IMAGE, authentication=LdapAuth(**(right | changes)))


def search(**changes: Any) -> UserSearch:
    """Return a search that is right but for the changes."""
    right: dict[str, Any] = {
        "base": PEOPLE,
        "bind_dn": f"cn=mlflow,{PEOPLE}",
        "bind_password": ExistingSecret("ldap", "password"),
    }
    return UserSearch(**(right | changes))


def custom(**changes: Any) -> MlflowProps:
    """Return props with a function that is right but for the changes."""
    right: dict[str, Any] = {"function": "login_of_ours:authenticate"}
    return on_postgresql(authentication=CustomAuth(**(right | changes)))


WRONG: dict[str, tuple[Callable[[], MlflowProps], str]] = {
    # --- MLflow's own app
    "a short password": (
        lambda: MlflowProps(
            authentication=BasicAuth(admin_password=InlineSecret("hunter2")), allow_inline_secrets=True
        ),
        (
            "MlflowProps.authentication: admin_password is too short for MLflow (its 7 characters are not shown); "
            "write 12 or more"
        ),
    ),
    "a password that is not ASCII": (
        lambda: MlflowProps(
            authentication=BasicAuth(admin_password=InlineSecret("hunter2-hunter2-ö")), allow_inline_secrets=True
        ),
        (
            "MlflowProps.authentication: admin_password has characters that are not ASCII (they are not shown), which "
            "MLflow's artifact routes refuse; write others"
        ),
    ),
    "the password that MLflow shipped": (
        lambda: MlflowProps(
            authentication=BasicAuth(admin_password=InlineSecret("password1234")), allow_inline_secrets=True
        ),
        (
            "MlflowProps.authentication: admin_password is the one that MLflow used to ship, and refuses; "
            "write another one"
        ),
    ),
    "a password for all to read": (
        lambda: MlflowProps(authentication=BasicAuth(admin_password=InlineSecret("hunter2-hunter2"))),
        (
            "InlineSecret: the admin-password would stand in the synthesized file for all to read (its value is not "
            "shown); use ExistingSecret(name, key), or say MlflowProps.allow_inline_secrets=True"
        ),
    ),
    "an administrator with a colon": (
        lambda: MlflowProps(authentication=BasicAuth(admin_username="ad:min")),
        (
            "MlflowProps.authentication.admin_username: must be a user name of ASCII characters without blanks and "
            "colons (got 'ad:min'); write one such as \"admin\""
        ),
    ),
    "an unknown permission": (
        lambda: MlflowProps(authentication=BasicAuth(default_permission="WRITE")),  # type: ignore[arg-type]
        (
            "MlflowProps.authentication.default_permission: must be 'READ' or 'USE' or 'EDIT' or 'MANAGE' or "
            "'NO_PERMISSIONS' (got 'WRITE'); write 'READ'"
        ),
    ),
    "users in files": (
        lambda: MlflowProps(backend_store=FileStore(), authentication=BasicAuth()),
        (
            "BasicAuth.user_store: FileStore has no tables for users (got None); write user_store=PostgreSQL(...) or "
            "user_store=SQLite()"
        ),
    ),
    "another app beside the login": (
        lambda: MlflowProps(authentication=BasicAuth(), extra_args={"app-name": "x"}),
        "MlflowProps.extra_args: BasicAuth says which app runs (got app-name='x'); leave one of them out",
    ),
    "a prefix that is open": (
        lambda: MlflowProps(authentication=BasicAuth(), static_prefix="/static-things"),
        (
            "MlflowProps.static_prefix: MLflow lets everybody in whose path begins with /static or /favicon.ico or "
            "/health (got '/static-things'); choose another one"
        ),
    ),
    # --- the directory
    "a directory without servers": (
        lambda: ldap(urls=[]),
        "MlflowProps.authentication: urls must not be empty (got ()); write ['ldaps://ldap.example.com']",
    ),
    "a directory by http": (
        lambda: ldap(urls=["https://ldap.example.com"]),
        (
            "MlflowProps.authentication.urls[0]: must be the URL of an LDAP server, without credentials and path (got "
            "'https://ldap.example.com'); write one such as \"ldaps://ldap.example.com\""
        ),
    ),
    "a directory with a password in its URL": (
        lambda: ldap(urls=["ldaps://u:p@ldap.example.com"]),
        (
            "MlflowProps.authentication.urls[0]: must be the URL of an LDAP server, without credentials and path (got "
            "'ldaps://***@ldap.example.com'); write one such as \"ldaps://ldap.example.com\""
        ),
    ),
    "a directory with a path": (
        lambda: ldap(urls=["ldaps://ldap.example.com/dc=example"]),
        (
            "MlflowProps.authentication.urls[0]: must be the URL of an LDAP server, without credentials and path (got "
            "'ldaps://ldap.example.com/dc=example'); write one such as \"ldaps://ldap.example.com\""
        ),
    ),
    "plain text to a port of TLS": (
        lambda: ldap(tls=None),
        (
            "MlflowProps.authentication: tls: ldaps://ldap.example.com speaks TLS (got None); leave tls out, or write "
            "ldap://"
        ),
    ),
    "no time for the directory": (
        lambda: ldap(timeout=timedelta(milliseconds=500)),
        "MlflowProps.authentication: timeout must be 1 second or more (got 0.5 s); write 3 seconds",
    ),
    "a template without the user": (
        lambda: ldap(users=UserDn(f"uid=all,{PEOPLE}")),
        (
            "MlflowProps.authentication.users.template: must be a distinguished name with {username} in it once (got "
            "'uid=all,ou=people,dc=example,dc=com'); write one such as \"uid={username},ou=people,dc=example,dc=com\""
        ),
    ),
    "a filter without brackets": (
        lambda: ldap(users=search(filter="uid={username}")),
        (
            "MlflowProps.authentication.users.filter: must be an LDAP filter in brackets with {username} in it (got "
            "'uid={username}'); write one such as \"(uid={username})\""
        ),
    ),
    "a filter that ends too early": (
        lambda: ldap(users=search(filter="(uid={username})(cn=*)")),
        (
            "MlflowProps.authentication.users.filter: must be an LDAP filter in brackets with {username} in it (got "
            "'(uid={username})(cn=*)'); write one such as \"(uid={username})\""
        ),
    ),
    "a filter with an unknown place": (
        lambda: ldap(users=search(filter="(|(uid={username})(mail={mail}))")),
        (
            "MlflowProps.authentication.users.filter: must be an LDAP filter in brackets with {username} in it (got "
            "'(|(uid={username})(mail={mail}))'); write one such as \"(uid={username})\""
        ),
    ),
    "a base that is no name": (
        lambda: ldap(users=search(base="example.com")),
        (
            "MlflowProps.authentication.users.base: must be a distinguished name (got 'example.com'); write one such "
            'as "ou=people,dc=example,dc=com"'
        ),
    ),
    "groups of everybody": (
        lambda: ldap(groups=GroupSearch(base="ou=groups,dc=example,dc=com", filter="(cn=ml)")),
        (
            "MlflowProps.authentication.groups.filter: must be an LDAP filter in brackets with {dn} or {username} in "
            "it (got '(cn=ml)'); write one such as \"(member={dn})\""
        ),
    ),
    "a group by its short name": (
        lambda: ldap(admin_groups=["ops"]),
        (
            "MlflowProps.authentication.admin_groups[0]: must be a distinguished name (got 'ops'); write one such as "
            '"ou=people,dc=example,dc=com"'
        ),
    ),
    "a group without permissions": (
        lambda: ldap(group_permissions={"cn=ml,dc=example,dc=com": "NO_PERMISSIONS"}),
        (
            "MlflowProps.authentication.group_permissions['cn=ml,dc=example,dc=com']: must be 'READ' or 'USE' or "
            "'EDIT' or 'MANAGE' (got 'NO_PERMISSIONS'); write 'READ'"
        ),
    ),
    "a directory that has made up its password": (
        lambda: MlflowProps(
            image=LOGIN_IMAGE,
            authentication=LdapAuth(
                urls=["ldaps://ldap.example.com"], users=search(bind_password=MlflowProps().crypto_kek_passphrase)
            ),
        ),
        (
            "GeneratedSecret: whoever checks the ldap-bind-password would not know a generated one (got "
            "GeneratedSecret()); use ExistingSecret(name, key)"
        ),
    ),
    "a directory for MLflow's own image": (
        lambda: MlflowProps(
            authentication=LdapAuth(urls=["ldaps://ldap.example.com"], users=UserDn(f"uid={{username}},{PEOPLE}"))
        ),
        (
            "MlflowProps.image: LdapAuth needs the Python package ldap3, which no image of MLflow's has (got "
            "'ghcr.io/mlflow/mlflow:v3.17.2-full'); build one from image/Containerfile"
        ),
    ),
    # --- a function of one's own
    "a function without a module": (
        lambda: custom(function="authenticate"),
        (
            "MlflowProps.authentication.function: must be a function by its module (got 'authenticate'); write one "
            'such as "company_login:authenticate"'
        ),
    ),
    "a function of another module": (
        lambda: custom(modules={"names": "NAMES = ()"}),
        (
            "MlflowProps.authentication: function is in none of the modules (got 'login_of_ours:authenticate' and "
            "'names'); add its module, or leave modules out if the image has it"
        ),
    ),
    "a module over one of Python's": (
        lambda: custom(function="json:loads", modules={"json": ConfigMapKey("a", "b")}),
        (
            "MlflowProps.authentication: modules: the pod has another module of that name (got 'json'); "
            "choose another one"
        ),
    ),
    "a module over one of ours": (
        lambda: custom(function="mlflow_login:authenticate", modules={"mlflow_login": "x = 1"}),
        (
            "MlflowProps.authentication: modules: the pod has another module of that name (got 'mlflow_login'); "
            "choose another one"
        ),
    ),
    "a module by its file name": (
        lambda: custom(function="a:b", modules={"a.py": "x = 1"}),
        (
            "MlflowProps.authentication.modules key: must be the name of a Python module (got 'a.py'); "
            'write letters, digits and "_", such as "company_login"'
        ),
    ),
    "a module that is no Python": (
        lambda: custom(function="a:b", modules={"a": "def b(:\n    pass\n"}),
        "MlflowProps.authentication: modules['a'] is no Python (invalid syntax (<module>, line 1)); mend it",
    ),
    # --- workspaces
    "access to workspaces that are not there": (
        lambda: MlflowProps(authentication=BasicAuth(grant_default_workspace_access=True)),
        (
            "BasicAuth.grant_default_workspace_access: there are no workspaces (got True and "
            "MlflowProps.workspaces=None); leave it out, or write workspaces=Workspaces()"
        ),
    ),
    "a server in one workspace": (
        lambda: MlflowProps(extra_env=[{"name": "MLFLOW_WORKSPACE", "value": "a"}]),
        (
            "MlflowProps.extra_env: a server with MLFLOW_WORKSPACE does not start (its value is not shown); "
            "leave it to clients"
        ),
    ),
    "workspaces by the back door": (
        lambda: MlflowProps(extra_env=[{"name": "MLFLOW_ENABLE_WORKSPACES", "value": "true"}]),
        (
            "MlflowProps.extra_env: the garbage collection must know it too (got MLFLOW_ENABLE_WORKSPACES); "
            "use MlflowProps.workspaces"
        ),
    ),
    "workspaces by a flag": (
        lambda: MlflowProps(extra_args={"enable-workspaces": True}),
        (
            "MlflowProps.extra_args: the construct writes --enable-workspaces itself (got 'enable-workspaces'); "
            "use workspaces instead"
        ),
    ),
    "workspaces in files": (
        lambda: MlflowProps(backend_store=FileStore(), workspaces=Workspaces()),
        (
            "MlflowProps.workspaces: FileStore has no tables for them (got Workspaces()); use a database as "
            "backend_store, or name a plugin's store_uri"
        ),
    ),
    "workspaces of artifacts only": (
        lambda: MlflowProps(
            backend_store=None, artifact_store=ArtifactVolume(volume=VolumeClaim()), workspaces=Workspaces()
        ),
        (
            "MlflowProps.workspaces: a server of artifacts only has no tables for them (got Workspaces()); use a "
            "database as backend_store, or name a plugin's store_uri"
        ),
    ),
    "workspaces at a URI with a password": (
        lambda: MlflowProps(workspaces=Workspaces(store_uri="postgresql://u:p@h/d")),
        (
            "MlflowProps.workspaces.store_uri: must be a URI with a scheme and without credentials (got "
            "'postgresql://***@h/d'); write one such as \"kubernetes://\""
        ),
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_rejects_a_wrong_input_with_exactly_this_message(wrong: str) -> None:
    """What is wrong, what was found, and what to write instead; never a secret."""
    make, failures = WRONG[wrong]
    with pytest.raises(InvalidProps) as refused:
        render(make())
    assert "\n".join(refused.value.failures) == failures
    assert "hunter2" not in str(refused.value)
