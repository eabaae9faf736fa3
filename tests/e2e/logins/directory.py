"""An LDAP directory of these tests: OpenLDAP with people, groups, and names made to break what handles them."""

from __future__ import annotations

import base64
from collections.abc import Mapping

import attrs
from e2e.databases.certificates import Certificates
from e2e.kubectl import Manifest, apply_manifests, kubectl, wait_for_pods
from e2e.manifests import pod, secret, service

IMAGE = "localhost/slapd:12"
ROOT = "dc=example,dc=com"
PEOPLE, GROUPS = f"ou=people,{ROOT}", f"ou=groups,{ROOT}"
SEARCHER = f"cn=mlflow,ou=services,{ROOT}"
SEARCHER_PASSWORD = "se{arch}er's $(PASSWORD) %s ä"
ML, OPS = f"cn=ml,{GROUPS}", f"cn=ops,{GROUPS}"
PASSWORDS = {
    "alice": "alice's password",
    "bob": "bøb: päss wörd €*)(",
    "carol": "carol's password",
    "o'neil (x)*, +=<b>": "neil's password",
    "admin": "the directory's admin",
    "twin": "twin's password",
    "double": "double's password",
}
"""By user name. ``admin`` is no friend of MLflow's administrator, ``twin`` is there twice, ``double`` has two names."""
MEMBERS = {ML: ("alice", "bob", "o'neil (x)*, +=<b>", "admin", "twin", "double"), OPS: ("alice",)}

_CONFIGURATION = f"""
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
TLSCertificateFile /tls/tls.crt
TLSCertificateKeyFile /tls/tls.key
pidfile /tmp/slapd.pid
# As on Active Directory: a name and no password is a success that proves nothing.
allow bind_anon_cred bind_anon_dn
database mdb
suffix "{ROOT}"
rootdn "cn=root,{ROOT}"
rootpw root
directory /tmp/data
maxsize 10485760
overlay memberof
access to attrs=userPassword by self write by anonymous auth by * none
access to * by users read by * none
"""
_FILLED = "/tmp/filled"  # noqa: S108 - in the pod
_START = (
    "mkdir -p /tmp/data && slapd -f /directory/slapd.conf -h 'ldap://0.0.0.0:3389 ldaps://0.0.0.0:3636' -d stats & "
    f"until ldapadd -c -x -H ldap://127.0.0.1:3389 -D cn=root,{ROOT} -w root -f /directory/entries.ldif; "
    f"do sleep 0.3; done; touch {_FILLED}; wait"
)


@attrs.frozen
class Directory:
    """The directory's pod and Service, called ``ldap``."""

    namespace: str

    @property
    def url(self) -> str:
        """Where StartTLS is."""
        return f"ldap://ldap.{self.namespace}:3389"

    @property
    def tls_url(self) -> str:
        """Where TLS is from the start."""
        return f"ldaps://ldap.{self.namespace}:3636"

    def change(self, ldif: str) -> None:
        """Change entries."""
        command = ("ldapmodify", "-x", "-H", "ldap://127.0.0.1:3389", "-D", f"cn=root,{ROOT}", "-w", "root")
        kubectl("-n", self.namespace, "exec", "-i", "ldap", "--", *command, stdin=ldif)


def dn_of(name: str) -> str:
    """Return the entry of a person: characters that mean something are written by their number."""
    written = "".join(char if char.isalnum() else f"\\{ord(char):02x}" for char in name)
    return f"uid={written},{PEOPLE}"


def start_directory(namespace: str, certificates: Certificates) -> Directory:
    """Start the directory; its certificate is signed by the authority ``ca``."""
    certificate = certificates.signed("ldap", [f"ldap.{namespace}"])
    container = {
        "image": IMAGE,
        "command": ["sh", "-c", _START],
        "readinessProbe": {"exec": {"command": ["test", "-e", _FILLED]}, "periodSeconds": 1},
        "volumeMounts": [
            {"name": "directory", "mountPath": "/directory"},
            {"name": "tls", "mountPath": "/tls"},
        ],
    }
    volumes: Mapping[str, Manifest] = {
        "directory": {"secret": {"secretName": "ldap-directory"}},
        "tls": {"secret": {"secretName": "ldap-tls"}},
    }
    both_ports = service(namespace, "ldap", 3389)
    both_ports["spec"]["ports"] = [{"name": "ldap", "port": 3389}, {"name": "ldaps", "port": 3636}]
    apply_manifests(
        [
            secret(namespace, "ldap-directory", {"slapd.conf": _CONFIGURATION, "entries.ldif": _entries()}),
            secret(namespace, "ldap-tls", certificate, "kubernetes.io/tls"),
            secret(namespace, "ldap-searcher", {"password": SEARCHER_PASSWORD}),
            pod(namespace, "ldap", container, volumes),
            both_ports,
        ]
    )
    wait_for_pods(namespace, "ldap")
    return Directory(namespace)


def _entries() -> str:
    people = [_person(dn_of(name), [name]) for name in PASSWORDS if name not in {"twin", "double"}]
    people += [_person(f"uid=twin,ou={place},{PEOPLE}", ["twin"]) for place in ("here", "there")]
    people.append(_person(dn_of("double"), ["double", "admin"]))
    units = [
        (ROOT, {"objectClass": ["dcObject", "organization"], "o": ["Example"], "dc": ["example"]}),
        *((f"ou={name},{ROOT}", _unit(name)) for name in ("people", "groups", "services")),
        *((f"ou={name},{PEOPLE}", _unit(name)) for name in ("here", "there")),
    ]
    searcher = {
        "objectClass": ["simpleSecurityObject", "organizationalRole"],
        "cn": ["mlflow"],
        "userPassword": [SEARCHER_PASSWORD],
    }
    groups = [
        (
            group,
            {"objectClass": ["groupOfNames"], "member": [_dn_of_member(name) for name in members]},
        )
        for group, members in MEMBERS.items()
    ]
    return "\n".join(_ldif(dn, values) for dn, values in [*units, (SEARCHER, searcher), *people, *groups])


def _dn_of_member(name: str) -> str:
    return f"uid=twin,ou=here,{PEOPLE}" if name == "twin" else dn_of(name)


def _unit(name: str) -> dict[str, list[str]]:
    return {"objectClass": ["organizationalUnit"], "ou": [name]}


def _person(dn: str, names: list[str]) -> tuple[str, dict[str, list[str]]]:
    values = {"objectClass": ["inetOrgPerson"], "uid": names, "cn": [names[0]], "sn": [names[0]]}
    return dn, values | {"userPassword": [PASSWORDS[names[0]]]}


def _ldif(dn: str, values: Mapping[str, list[str]]) -> str:
    """Return an entry; every value in base64, which holds anything."""
    lines = [f"dn:: {_base64(dn)}"]
    lines += [f"{name}:: {_base64(value)}" for name, found in values.items() for value in found]
    return "\n".join([*lines, ""])


def _base64(value: str) -> str:
    return base64.b64encode(value.encode()).decode()
