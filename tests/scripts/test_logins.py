"""The functions that say who asks: what needs neither MLflow nor a directory. The rest is tried on a cluster."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from releases import render
from variants import VARIANTS

NAMES = ("mlflow_login", "ldap_login")


@pytest.fixture(scope="module")
def login(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """Import the functions as the server's pod has them, with the settings beside them that a release renders."""
    folder = tmp_path_factory.mktemp("files")
    files = render(VARIANTS["ldap"]).one("ConfigMap", "mlflow-files")["data"]
    for name, text in files.items():
        Path(folder, name).write_text(text, encoding="utf-8")
    sys.path.insert(0, str(folder))
    try:
        yield importlib.import_module("ldap_login")
    finally:
        sys.path.remove(str(folder))
        for name in NAMES:
            sys.modules.pop(name, None)


@pytest.mark.parametrize("name", ["admin", "ADMIN", "Admin", " admin", "admin ", "aDmIn\t"])
def test_the_administrator_is_known_in_any_form(name: str, login: ModuleType) -> None:
    """A database that tells no difference would take each of these for him."""
    assert login.mlflow_login.is_administrator(name)


@pytest.mark.parametrize("name", ["", "administrator", "adm", "root", "a dmin"])
def test_nobody_else_is_the_administrator(name: str, login: ModuleType) -> None:
    """Others are the function's business."""
    assert not login.mlflow_login.is_administrator(name)


@pytest.mark.parametrize(
    ("username", "password"),
    [("", "x"), ("ada", ""), ("a\0da", "x"), ("a\nda", "x"), ("ada\u202e", "x"), ("a" * 256, "x"), ("\x7f", "x")],
)
def test_rejects_what_no_directory_should_be_asked(username: str, password: str, login: ModuleType) -> None:
    """An empty password is a success to many; control characters end or hide names."""
    assert not login.is_usable(username, password)


def test_odd_but_honest_names_are_asked(login: ModuleType) -> None:
    """People have such names."""
    honest = ["o'neil", "Jürgen Groß", "a@b.example", "x" * 255, "*", ")("]
    assert [name for name in honest if not login.is_usable(name, " ")] == []


def unescaped(value: str) -> str:
    """Return what a directory reads in an escaped value (RFC 4514 and 4515)."""
    read = re.sub(rb"\\([0-9a-f]{2})", lambda found: bytes.fromhex(found[1].decode()), value.encode())
    return read.decode()


@given(name=st.text(st.characters(exclude_categories=["Cs"])))
def test_whatever_is_typed_is_one_value_of_a_filter(name: str, login: ModuleType) -> None:
    """It comes out as it went in, and nothing in it means anything to a filter or a distinguished name."""
    for escape in (login.escape_in_filter, login.escape_in_dn):
        escaped = escape(name)
        assert unescaped(escaped) == name
        assert re.fullmatch(r"([0-9A-Za-z]|\\[0-9a-f]{2})*", escaped)


def test_values_that_look_like_places_are_left_alone(login: ModuleType) -> None:
    """All places are filled at once."""
    filled = login.fill("(&(uid={username})(member={dn}))", str, username="{dn}", dn="{username}")
    assert filled == "(&(uid={dn})(member={username}))"


def test_the_settings_are_what_the_props_say(login: ModuleType) -> None:
    """Spelled out once, since both sides must agree on every name."""
    assert login.SETTINGS == {
        "urls": ["ldaps://ldap.example.com", "ldap://192.0.2.9:3389"],
        "tls": True,
        "timeout_seconds": 3,
        "cache_seconds": 60,
        "users": {
            "base": "ou=people,dc=example,dc=com",
            "bind_dn": "cn=mlflow,ou=services,dc=example,dc=com",
            "filter": "(&(objectClass=person)(|(uid={username})(mail={username})))",
        },
        "username_attribute": "uid",
        "groups": {"base": "ou=groups,dc=example,dc=com", "filter": "(member={dn})"},
        "allowed_groups": ["cn=ml,ou=groups,dc=example,dc=com"],
        "admin_groups": ["cn=ops,ou=groups,dc=example,dc=com"],
        "group_permissions": {"cn=ml,ou=groups,dc=example,dc=com": "EDIT"},
    }
    assert login.mlflow_login.SETTINGS == {
        "administrator": "admin",
        "function": "ldap_login:authenticate",
        "directories": [],
        "static_prefix": "",
    }


def test_the_ini_names_the_bridge_and_no_secret() -> None:
    """MLflow reads the function's name, the permission and the database there."""
    ini = render(VARIANTS["ldap"]).one("ConfigMap", "mlflow-files")["data"]["basic_auth.ini"]
    assert ini.splitlines() == [
        "[mlflow]",
        "default_permission = READ",
        "grant_default_workspace_access = false",
        "auth_cache_ttl_seconds = 60",
        "authorization_function = mlflow_login:authenticate",
        "database_uri = postgresql+psycopg2://",
    ]


def test_modules_of_a_config_map_are_found() -> None:
    """A text is beside ours, a key of a ConfigMap in a folder of its own, which the bridge adds to the path."""
    release = render(VARIANTS["custom-auth"])
    files = release.one("ConfigMap", "mlflow-files")["data"]
    assert files["company_login.py"].startswith("from company_names import NAMES")
    settings = json.loads(files["mlflow_login.json"])
    [directory] = settings["directories"]
    mounts = {mount["mountPath"]: mount["name"] for mount in release.server["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in release.pod["volumes"]}
    assert volumes[mounts[directory]]["configMap"]["items"] == [{"key": "names.py", "path": "company_names.py"}]
    assert settings["function"] == "company_login:authenticate"


def test_a_directory_without_tls_is_told() -> None:
    """It works, and everybody on the way reads passwords."""
    told = [notice for notice in render(VARIANTS["ldap-by-template"]).notices if "LdapAuth" in notice]
    assert told == ["LdapAuth: passwords go to ldap://ldap.directory.svc in plain text; leave tls=None out"]
    assert not [notice for notice in render(VARIANTS["ldap"]).notices if "LdapAuth" in notice]
