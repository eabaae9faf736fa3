"""Ask an LDAP directory who somebody is, and keep MLflow's users as the directory has them.

:mod:`mlflow_login` calls :func:`authenticate`. ``ldap_login.json`` beside this file says how to ask; the password of
the account that searches comes by the environment. A doubt is a refusal: a directory that is away lets nobody in.
"""

from __future__ import annotations

import hmac
import json
import os
import re
import secrets
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import mlflow_login

SETTINGS = json.loads(Path(__file__).with_name("ldap_login.json").read_text(encoding="utf-8"))
PAUSE = 10.0
"""How many seconds a server that let us wait is left alone: MLflow stands still while it is asked."""
SOON = 1.0
"""Within how many seconds a failure costs nobody anything: such a server is asked again at once."""
REMEMBERED = 10_000
"""How many answers of the directory are remembered at most."""
PERMISSIONS = ("READ", "USE", "EDIT", "MANAGE")
ROLE = "ldap:"
"""Begins the names of the roles that follow from groups."""

_KEY = secrets.token_bytes(32)
_ASKING = threading.Lock()
_answers: dict[bytes, tuple[float, str | None]] = {}
_away: dict[str, float] = {}


class Unavailable(Exception):
    """The directory gives no answer, or none that can be used."""


class Person(NamedTuple):
    """Somebody whose password was right."""

    name: str
    groups: frozenset[tuple[tuple[str, str], ...]]


def authenticate() -> Any:
    """Return who asks as ``Authorization``, or the response that refuses."""
    from flask import make_response, request
    from werkzeug.datastructures import Authorization

    given = request.authorization
    if given is None or given.type != "basic" or not is_usable(given.username or "", given.password or ""):
        return mlflow_login.refusal()
    username, password = str(given.username), str(given.password)
    try:
        name = _remembered(username, password)
    except Unavailable as error:
        print(f"ldap: nobody can log in: {error}", flush=True)
        return make_response("The directory of users does not answer; try again later.", 503)
    return mlflow_login.refusal() if name is None else Authorization("basic", {"username": name, "password": ""})


def is_usable(username: str, password: str) -> bool:
    """Whether it makes sense to ask: many directories take an empty password for no login at all, and succeed."""
    return bool(password) and 0 < len(username) <= mlflow_login.LONGEST_NAME and username.isprintable()


# --- Answers are remembered ----------------------------------------------------------------------------------


def _remembered(username: str, password: str) -> str | None:
    """Return the name of a user of MLflow's, or None; the directory is asked once in a while only.

    Refusals are remembered too: a program with an old password would soon have the account locked.
    """
    key = hmac.digest(_KEY, f"{username}\0{password}".encode(), "sha256")
    now = time.monotonic()
    if key in _answers and (known := _answers[key])[0] > now:
        return known[1]
    # One at a time: a browser's first page asks ten times at once.
    with _ASKING:
        expiry, name = _answers.get(key, (0.0, None))
        if expiry > now:
            return name
        person = _allowed(look_up(username, password))
        name = person.name if person is not None and keep(person) else None
        _answers.pop(key, None)
        while len(_answers) >= REMEMBERED:
            del _answers[next(iter(_answers))]
        _answers[key] = (time.monotonic() + SETTINGS["cache_seconds"], name)
        return name


def _allowed(person: Person | None) -> Person | None:
    wanted = {canonical(group) for group in SETTINGS["allowed_groups"]}
    if person is not None and wanted and not wanted & person.groups:
        print(f"ldap: {person.name!r} is in none of the allowed groups; refused", flush=True)
        return None
    return person


# --- The directory -------------------------------------------------------------------------------------------


def look_up(username: str, password: str) -> Person | None:
    """Return who has this name and password; the first server that answers decides."""
    from ldap3.core import exceptions

    no_answer = (
        exceptions.LDAPBindError,  # ldap3's word for a connection that ends meanwhile
        exceptions.LDAPCommunicationError,
        exceptions.LDAPResponseTimeoutError,
        exceptions.LDAPStartTLSError,
        exceptions.LDAPCertificateError,
        OSError,
    )
    reasons = []
    for url in SETTINGS["urls"]:
        if _away.get(url, 0.0) > time.monotonic():
            reasons.append(f"{url} did not answer a moment ago")
            continue
        started = time.monotonic()
        try:
            return _ask(url, username, password)
        except no_answer as error:
            if time.monotonic() - started > SOON:
                _away[url] = time.monotonic() + PAUSE
            reasons.append(f"{url}: {error or type(error).__name__}")
        except (
            exceptions.LDAPException
        ) as error:  # the request itself is at fault; no other server would like it better
            print(f"ldap: {url} cannot be asked for {username!r} ({error}); refused", flush=True)
            return None
    raise Unavailable("; ".join(reasons))


def _ask(url: str, username: str, password: str) -> Person | None:
    users = SETTINGS["users"]
    if "template" in users:
        dn = fill(users["template"], escape_in_dn, username=username)
        with _connection(url) as connection:
            if not _binds(connection, dn, password):
                return None
            entry = _only(_search(connection, dn, "(objectClass=*)", "BASE"), username)
            return None if entry is None else _person(connection, entry)
    with _connection(url) as connection:
        if not _binds(connection, users["bind_dn"], os.environ["MLFLOW_LDAP_BIND_PASSWORD"]):
            raise Unavailable(f"{url} refuses {users['bind_dn']}, the account that searches; check its password")
        found = _search(connection, users["base"], fill(users["filter"], escape_in_filter, username=username))
        entry = _only(found, username)
        person = None if entry is None else _person(connection, entry)
        if entry is None or person is None or not _binds(connection, entry["dn"], password):
            return None
        return person


@contextmanager
def _connection(url: str) -> Iterator[Any]:
    """Open a connection, protected before anything is said on it."""
    import certifi
    from ldap3 import NONE, Connection, Server, Tls
    from ldap3.core.exceptions import LDAPException, LDAPStartTLSError

    # A bundle of the chart's, or the authorities that the image trusts.
    trusted = os.environ.get("SSL_CERT_FILE") or certifi.where()
    tls = Tls(validate=ssl.CERT_REQUIRED, version=ssl.PROTOCOL_TLS_CLIENT, ca_certs_file=trusted)
    seconds = SETTINGS["timeout_seconds"]
    server = Server(url, tls=tls, get_info=NONE, connect_timeout=seconds)
    connection = Connection(server, receive_timeout=seconds, auto_referrals=False, check_names=False)
    connection.open(read_server_info=False)
    try:
        if SETTINGS["tls"] and not server.ssl and not connection.start_tls(read_server_info=False):
            raise LDAPStartTLSError("the server does not start TLS")
        yield connection
    finally:
        with suppress(LDAPException, OSError):  # it may be broken already, and that is the news
            connection.unbind()


def _binds(connection: Any, dn: str, password: str) -> bool:
    """Whether the directory takes the password for the entry."""
    from ldap3 import SIMPLE

    if connection.rebind(user=dn, password=password, authentication=SIMPLE, read_server_info=False):
        return True
    result = connection.result
    if result["description"] in {"busy", "unavailable"}:
        raise OSError(result["description"])
    if result["description"] != "invalidCredentials":
        print(f"ldap: {dn} is refused: {result['description']} {result['message']}".rstrip(), flush=True)
    return False


def _search(connection: Any, base: str, filter_: str, scope: str = "SUBTREE") -> list[Any]:
    """Return the entries with the attributes that matter. Half an answer is none."""
    attributes = [SETTINGS["username_attribute"]]
    if "attribute" in SETTINGS["groups"]:
        attributes.append(SETTINGS["groups"]["attribute"])
    connection.search(base, filter_, search_scope=scope, attributes=attributes)
    if connection.result["description"] != "success":
        raise Unavailable(f"the search below {base} ended with {connection.result['description']}")
    return [item for item in connection.response if item["type"] == "searchResEntry"]


def _only(entries: list[Any], username: str) -> Any:
    if len(entries) > 1:
        print(f"ldap: {username!r} is {len(entries)} entries of the directory; refused", flush=True)
    return entries[0] if len(entries) == 1 else None


def _person(connection: Any, entry: Any) -> Person | None:
    """Return the name and the groups of an entry."""
    names = _values(entry, SETTINGS["username_attribute"])
    if len(names) != 1:
        print(f"ldap: {entry['dn']} has {len(names)} values of {SETTINGS['username_attribute']}; refused", flush=True)
        return None
    groups = SETTINGS["groups"]
    if "attribute" in groups:
        found = _values(entry, groups["attribute"])
    else:
        condition = fill(groups["filter"], escape_in_filter, dn=entry["dn"], username=names[0])
        found = [item["dn"] for item in _search(connection, groups["base"], condition)]
    return Person(names[0], frozenset(canonical(group) for group in found))


def _values(entry: Any, attribute: str) -> list[str]:
    return [value.decode() for value in entry["raw_attributes"].get(attribute, [])]


def fill(template: str, escape: Any, **values: str) -> str:
    """Return the template with each ``{name}`` replaced by its escaped value, all at once."""
    return re.sub(r"\{(\w+)\}", lambda found: escape(values[found[1]]), template)


def escape_in_filter(value: str) -> str:
    """Return a value as a filter takes it (RFC 4515): every byte that is not plain, by its number."""
    return "".join(
        chr(byte) if chr(byte).isascii() and chr(byte).isalnum() else f"\\{byte:02x}" for byte in value.encode()
    )


def escape_in_dn(value: str) -> str:
    """Return a value as a distinguished name takes it (RFC 4514): every byte that is not plain, by its number."""
    return escape_in_filter(value)


def canonical(dn: str) -> tuple[tuple[str, str], ...]:
    """Return a distinguished name in a form that can be compared: case and blanks do not count."""
    from ldap3.core.exceptions import LDAPInvalidDnError
    from ldap3.utils.dn import parse_dn

    try:
        parts = parse_dn(dn, strip=True)
    except LDAPInvalidDnError:
        return (("", dn),)
    return tuple((kind.casefold(), " ".join(value.split()).casefold()) for kind, value, _ in parts)


# --- MLflow's users ------------------------------------------------------------------------------------------


def keep(person: Person) -> bool:
    """Bring MLflow's user to what the directory says; return whether there can be such a user."""
    from mlflow.server.auth import store

    if mlflow_login.is_administrator(person.name):
        print(f"ldap: {person.name!r} is the name of MLflow's own administrator; refused", flush=True)
        return False
    user = mlflow_login.user_called(person.name)
    if user is None:
        return False
    if SETTINGS["admin_groups"]:
        is_admin = any(canonical(group) in person.groups for group in SETTINGS["admin_groups"])
        if user.is_admin is not is_admin:
            store.update_user(person.name, is_admin=is_admin)
    granted = [level for group, level in SETTINGS["group_permissions"].items() if canonical(group) in person.groups]
    _keep_role(user.id, max(granted, key=PERMISSIONS.index, default=None))
    return True


def _keep_role(user_id: int, permission: str | None) -> None:
    """Give the user the role of the permission, and take those of others."""
    from mlflow.exceptions import MlflowException
    from mlflow.server.auth import store
    from mlflow.utils.workspace_utils import DEFAULT_WORKSPACE_NAME

    names = {f"{ROLE}{level}" for level in PERMISSIONS}
    held = {
        role.name: role.id
        for role in store.list_user_roles(user_id)
        if role.name in names and role.workspace == DEFAULT_WORKSPACE_NAME
    }
    wanted = None if permission is None else f"{ROLE}{permission}"
    for name, role_id in held.items():
        if name != wanted:
            store.unassign_role_from_user(user_id, role_id)
    if wanted is not None and permission is not None and wanted not in held:
        role_id = _role(wanted, permission, DEFAULT_WORKSPACE_NAME)
        try:
            store.assign_role_to_user(user_id, role_id)
        except MlflowException:
            if role_id not in {role.id for role in store.list_user_roles(user_id)}:  # nor was another process faster
                raise


def _role(name: str, permission: str, workspace: str) -> int:
    """Return the role with this permission on everything that can be shared, made if it is not there."""
    from mlflow.exceptions import MlflowException
    from mlflow.server.auth import store
    from mlflow.server.auth.permissions import TYPE, PatternKind

    try:
        role = store.create_role(name, workspace, "Follows the directory's groups; changes here are not kept.")
    except MlflowException:  # it is there
        role = store.get_role_by_name(workspace, name)
    # Membership of the workspace, where there are workspaces; and all that can be shared.
    wanted = {"workspace": "USE"} | {kind: permission for kind, grains in TYPE.items() if PatternKind.ID in grains}
    for kind in wanted.keys() - _granted(role.id):
        _grant(role.id, kind, wanted[kind])
    return int(role.id)


def _grant(role_id: int, kind: str, permission: str) -> None:
    from mlflow.exceptions import MlflowException
    from mlflow.server.auth import store

    try:
        store.add_role_permission(role_id, kind, "*", permission)
    except MlflowException:
        if kind not in _granted(role_id):  # nor was another process faster
            raise


def _granted(role_id: int) -> set[str]:
    from mlflow.server.auth import store

    return {item.resource_type for item in store.list_role_permissions(role_id) if item.resource_pattern == "*"}
