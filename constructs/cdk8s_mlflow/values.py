"""The kinds of single values that props hold, each with the rule that it must follow.

A kind is an ``Annotated`` type: to a type checker a ``Port`` is an ``int``; at synth time :mod:`value_checks`
applies its :class:`Rule`, so that every wrong value is reported at once, before anything is written.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable
from itertools import accumulate
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import attrs

from cdk8s_mlflow.frozen import frozen


def sequences(_owner: type, fields: list[attrs.Attribute[Any]]) -> list[attrs.Attribute[Any]]:
    """Make a frozen class keep every list that is given to a ``Sequence`` field as a tuple."""
    return [field.evolve(converter=_as_tuple) if "Sequence[" in str(field.type) else field for field in fields]


def _as_tuple(values: object) -> object:
    """Convert a list; anything else stays as it is, for :mod:`value_checks` to name."""
    return tuple(values) if isinstance(values, list) else values


@frozen
class Rule:
    """What a value must be, and what to write if it is not."""

    holds: Callable[[object], bool]
    must: str
    """What is required, as the end of a sentence that starts with "must"."""
    instead: str
    """What to write instead."""


@frozen
class Hidden:
    """Marks a value that no message may show."""


HIDDEN = Hidden()

_QUANTITY = r"[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?"
_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_LABEL_VALUE = r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?"
_QUALIFIED_NAME = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_DATA_KEY = r"[-._a-zA-Z0-9]{1,253}"
_ENV_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_FLAG = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"
_PATH = r"(/[A-Za-z0-9._-]+)+"
_PREFIX = r"(/[A-Za-z0-9._~-]+)+"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = r"sha256:[0-9a-f]{64}"
_REPOSITORY = r"[a-z0-9]+([._-][a-z0-9]+)*(:[0-9]+)?(/[a-z0-9]+((\.|_{1,2}|-+)[a-z0-9]+)*)*"
_BUCKET = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
_VERSION = r"1\.[0-9]{2}"
_NO_CONTROL = r"[^\x00-\x1f\x7f]+"


_DN = r"[A-Za-z][A-Za-z0-9-]*=[^,=]+([,+][ ]*[A-Za-z][A-Za-z0-9-]*=[^,=]+)*"


def _is_distinguished_name(value: object) -> bool:
    text = str(value).replace("\\,", "").replace("\\=", "")
    return re.fullmatch(_DN, text) is not None and _full(_NO_CONTROL)(text) and "{" not in text


def _is_user_dn(value: object) -> bool:
    text = str(value)
    return text.count("{username}") == 1 and _is_distinguished_name(text.replace("{username}", "x"))


def _is_filter(value: object, *places: str) -> bool:
    """Whether this is an LDAP filter in brackets, with one of the places for values in it and no other."""
    text = str(value)
    depths = list(accumulate({"(": 1, ")": -1}.get(character, 0) for character in text))
    whole = bool(depths) and depths[-1] == 0 and all(depth > 0 for depth in depths[:-1])
    found = set(re.findall(r"\{([^}]*)\}", text))
    return whole and bool(found) and found <= set(places) and _full(_NO_CONTROL)(text)


def _is_ldap_url(value: object) -> bool:
    parts = str(value).partition("://")
    return parts[0] in {"ldap", "ldaps"} and _is_origin(f"http://{parts[2]}") and not parts[2].endswith("/")


_SYSTEM = r"bin|boot|dev|etc|lib(32|64)?|opt|proc|root|run|sbin|sys|tmp|usr|var"


def _full(pattern: str) -> Callable[[object], bool]:
    """Return whether a value is all of a pattern, which is compiled when the first value is asked about."""
    return lambda value: re.fullmatch(pattern, str(value)) is not None


def is_dns_subdomain(value: object) -> bool:
    """Whether this is a name as Kubernetes wants it for most objects (RFC 1123, at most 253 characters)."""
    text = str(value)
    return len(text) <= 253 and all(re.fullmatch(_LABEL, part) for part in text.split("."))


CRON_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
CRON_NAMES = {
    3: ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"),
    4: ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"),
}


def is_cron_schedule(value: object) -> bool:
    """Whether a CronJob would take it: five fields of numbers, names, ranges, steps and lists."""
    fields = str(value).split(" ")
    return len(fields) == 5 and all(
        _is_cron_item(item, index) for index, field in enumerate(fields) for item in field.split(",")
    )


def _is_cron_item(item: str, index: int) -> bool:
    low, high = CRON_RANGES[index]
    names = {name: str(number) for number, name in enumerate(CRON_NAMES.get(index, ()), start=low)}
    numbers = [names.get(part, part) for part in item.upper().replace("/", "-").split("-")]
    if re.fullmatch(r"\*(/0*[1-9][0-9]{0,3})?", item):
        return True
    if not re.fullmatch(r"[0-9A-Za-z]+(-[0-9A-Za-z]+)?(/[0-9]+)?", item) or not all(map(str.isdecimal, numbers)):
        return False
    ends = [int(number) for number in numbers[: 1 + item.partition("/")[0].count("-")]]
    steps = [int(number) for number in numbers[len(ends) :]]
    return all(low <= end <= high for end in ends) and ends == sorted(ends) and 0 not in steps


def _is_host(value: object) -> bool:
    text = str(value)
    if not text.isascii():
        return False
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return is_dns_subdomain(text.lower().removesuffix(".")) and not re.fullmatch(r"[0-9.]+", text)
    return True


def _is_ip_address(value: object) -> bool:
    try:
        ipaddress.ip_address(str(value))
    except ValueError:
        return False
    return "%" not in str(value)


def _is_ingress_host(value: object) -> bool:
    text = str(value)
    return is_dns_subdomain(text.removeprefix("*.")) and "." in text and not re.fullmatch(r"[0-9.]+", text)


def _is_host_pattern(value: object) -> bool:
    text = str(value)
    host = re.sub(r":[0-9*?]+$", "", text)
    return re.fullmatch(r"[A-Za-z0-9*?.\[\]:_-]+", text) is not None and re.search(r"[A-Za-z0-9]", host) is not None


def _is_cidr(value: object) -> bool:
    try:
        ipaddress.ip_network(str(value))
    except ValueError:
        return False
    return re.fullmatch(r"[0-9a-fA-F.:]+/[0-9]+", str(value)) is not None


def _is_url(value: object) -> bool:
    text = str(value)
    try:
        parts = urlsplit(text)
        port_holds = parts.port is None or 0 < parts.port < 65536
    except ValueError:
        return False
    bare = not re.search(r"[@?#\\]", text)
    return (
        parts.scheme in {"http", "https"}
        and port_holds
        and bare
        and _is_host(parts.hostname or "")
        and _full(_NO_CONTROL)(text)
        and " " not in text
    )


def _is_origin(value: object) -> bool:
    return _is_url(value) and urlsplit(str(value)).path == ""


def _is_artifact_uri(value: object) -> bool:
    return re.fullmatch(r"[a-z][a-z0-9+.-]*://(?![^/]*:[^/]*@)[^\s\x00-\x1f]+", str(value)) is not None


def is_annotation_key(value: object) -> bool:
    """Whether this is a label or annotation key: a name, with or without a DNS prefix and a slash."""
    prefix, slash, name = str(value).rpartition("/")
    return re.fullmatch(_QUALIFIED_NAME, name) is not None and (not slash or is_dns_subdomain(prefix))


def quantity_bytes(quantity: str) -> float:
    """Return the number that a Kubernetes quantity such as ``1.5Gi`` stands for (bytes, for memory)."""
    factors = {"m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "": 1.0}
    factors |= {"Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50}
    unit = quantity.lstrip("0123456789.")
    if unit not in factors:
        raise ValueError(f"not a quantity: {quantity!r}")
    return float(quantity.removesuffix(unit)) * factors[unit]


def canonical_quantity(quantity: str) -> str:
    """Return a quantity as the API server writes it back, so that ``kubectl diff`` stays empty.

    >>> canonical_quantity("1000m"), canonical_quantity("1024Mi"), canonical_quantity("0.5Gi")
    ('1', '1Gi', '512Mi')
    """
    unit = quantity.lstrip("0123456789.")
    value = quantity_bytes(quantity)
    if unit.endswith("i"):
        powers = {"Pi": 2**50, "Ti": 2**40, "Gi": 2**30, "Mi": 2**20, "Ki": 2**10, "": 1}
    else:
        powers = {"P": 10**15, "T": 10**12, "G": 10**9, "M": 10**6, "k": 10**3, "": 1}
    for name, factor in powers.items():
        if value >= factor and value % factor == 0:
            return f"{int(value // factor)}{name}"
    return f"{round(value * 1000)}m"


ObjectKind = Literal[
    "Certificate",
    "Cluster",
    "ConfigMap",
    "CronJob",
    "Deployment",
    "ExternalSecret",
    "HorizontalPodAutoscaler",
    "HTTPRoute",
    "Ingress",
    "Job",
    "Middleware",
    "NetworkPolicy",
    "PersistentVolumeClaim",
    "PodDisruptionBudget",
    "PrometheusRule",
    "Role",
    "RoleBinding",
    "ScaledObject",
    "Secret",
    "ServersTransport",
    "Service",
    "ServiceAccount",
    "ServiceMonitor",
]
"""The kinds of objects that a release may have."""
Port = Annotated[int, Rule(lambda v: 0 < int(str(v)) < 65536, "be a port number", "write one from 1 to 65535")]
NodePortNumber = Annotated[
    int,
    Rule(lambda v: 30000 <= int(str(v)) < 32768, "be a node port", "write one from 30000 to 32767, or None"),
]
PositiveInt = Annotated[int, Rule(lambda v: int(str(v)) > 0, "be positive", "write 1 or more")]
NotNegativeInt = Annotated[int, Rule(lambda v: int(str(v)) >= 0, "not be negative", "write 0 or more")]
PositiveNumber = Annotated[
    float, Rule(lambda v: 0 < float(str(v)) < math.inf, "be a number above zero", "write one such as 10 or 0.5")
]
NotNegativeNumber = Annotated[
    float, Rule(lambda v: 0 <= float(str(v)) < math.inf, "be a number, and not negative", "write 0 or more")
]
Ratio = Annotated[
    float, Rule(lambda v: 0 < float(str(v)) < 1, "be a share between 0 and 1", "write one such as 0.05, for 5 %")
]
Quantity = Annotated[
    str,
    Rule(
        lambda v: _full(_QUANTITY)(v) and quantity_bytes(str(v)) > 0,
        "be a Kubernetes quantity above zero",
        'write one such as "10Gi", "512Mi" or "250m"',
    ),
]
ObjectName = Annotated[
    str,
    Rule(
        lambda v: re.fullmatch(_LABEL, str(v)) is not None and len(str(v)) <= 40 and str(v)[0].isalpha(),
        "be a DNS label that starts with a letter, at most 40 characters long",
        'write lower-case letters, digits and "-", such as "mlflow" (suffixes are added to it)',
    ),
]
NameSuffix = Annotated[
    str,
    Rule(
        lambda v: re.fullmatch(_LABEL, str(v)) is not None and len(str(v)) <= 20,
        "be a DNS label of at most 20 characters",
        'write lower-case letters, digits and "-", such as "data"',
    ),
]
DnsName = Annotated[
    str,
    Rule(is_dns_subdomain, "be a Kubernetes object name", 'write lower-case letters, digits, "-" and "."'),
]
DnsLabel = Annotated[str, Rule(_full(_LABEL), "be a DNS label", 'write lower-case letters, digits and "-"')]
ServiceName = Annotated[
    str,
    Rule(
        lambda v: re.fullmatch(_LABEL, str(v)) is not None and str(v)[0].isalpha(),
        "be the name of a Service",
        'write lower-case letters, digits and "-", with a letter at the start',
    ),
]
PortName = Annotated[
    str,
    Rule(
        lambda v: re.fullmatch(r"(?=.*[a-z])[a-z0-9]([a-z0-9]|-(?!-)){0,13}[a-z0-9]|[a-z]", str(v)) is not None,
        "be the name of a port, at most 15 characters long",
        'write lower-case letters, digits and "-", such as "http"',
    ),
]
LabelValue = Annotated[
    str,
    Rule(
        _full(_LABEL_VALUE),
        "be a label value",
        'write at most 63 letters, digits, "-", "_" and ".", with a letter or digit at both ends',
    ),
]
AnnotationKey = Annotated[
    str, Rule(is_annotation_key, "be a label or annotation key", 'write one such as "example.com/name"')
]
SecretKeyName = Annotated[
    str, Rule(_full(_DATA_KEY), "be a key of a Secret", 'write letters, digits, "-", "_" and "."')
]
SqlName = Annotated[
    str,
    Rule(
        lambda v: re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", str(v)) is not None,
        "be a name that SQL needs no quotes for",
        'write lower-case letters, digits and "_", such as "mlflow"',
    ),
]
EnvName = Annotated[
    str, Rule(_full(_ENV_NAME), "be the name of an environment variable", 'write letters, digits and "_"')
]
FlagName = Annotated[
    str,
    Rule(_full(_FLAG), "be a flag of `mlflow server` without its dashes", 'write one such as "x-frame-options"'),
]
Host = Annotated[
    str,
    Rule(
        _is_host,
        "be a host name or an IP address",
        'write it without scheme and port, such as "db.example.com"',
    ),
]
IngressHostName = Annotated[
    str,
    Rule(
        _is_ingress_host,
        "be a DNS name",
        'write one such as "mlflow.example.com", without scheme, port and path',
    ),
]
HostPattern = Annotated[
    str,
    Rule(
        _is_host_pattern,
        "be a value of the Host header, or a pattern narrower than *",
        'write one such as "mlflow.example.com:*"; "*" would switch MLflow\'s DNS rebinding protection off',
    ),
]
IpAddress = Annotated[str, Rule(_is_ip_address, "be an IP address", 'write one such as "192.0.2.1" or "2001:db8::1"')]
ProxyException = Annotated[
    str,
    Rule(
        _full(r"[A-Za-z0-9.*:/_-]+"),
        "be a host, a domain, an address or a network",
        'write one such as "db.example.com", ".example.com" or "10.0.0.0/8"',
    ),
]
UserId = Annotated[
    int,
    Rule(lambda v: 0 < int(str(v)) < 2**31, "be the number of a user that is not root", "write one such as 10001"),
]
Cidr = Annotated[
    str,
    Rule(_is_cidr, "be a network in CIDR notation", 'write one such as "10.0.0.0/8", with no host bits set'),
]
Url = Annotated[
    str,
    Rule(
        _is_url,
        "be an http or https URL without credentials",
        'write one such as "https://mlflow.example.com"',
    ),
]
Origin = Annotated[
    str,
    Rule(
        _is_origin,
        "be an origin: scheme, host and port only",
        'write one such as "https://mlflow.example.com"',
    ),
]
DataPath = Annotated[
    str,
    Rule(
        lambda v: (
            _full(_PATH)(v)
            and not {".", ".."} & set(str(v).split("/"))
            and not re.fullmatch(_SYSTEM, str(v).split("/")[1])
        ),
        "be an absolute path outside the system's own folders",
        'write one such as "/mnt/mlflow", of letters, digits, ".", "_" and "-"',
    ),
]
RelativePath = Annotated[
    str,
    Rule(
        lambda v: _full(_PATH)(f"/{v}") and not {".", ".."} & set(str(v).split("/")),
        "be a path inside the volume",
        'write one such as "mlflow.db" or "team/artifacts", with no "/" at either end',
    ),
]
UrlPath = Annotated[
    str,
    Rule(
        lambda v: str(v).startswith("/") and "//" not in str(v) and re.fullmatch(r"[!-~]+", str(v)) is not None,
        "be a URL path",
        'write one that starts with "/"',
    ),
]
StaticPrefix = Annotated[
    str,
    Rule(
        lambda v: _full(_PREFIX)(v) and not {".", ".."} & set(str(v).split("/")),
        "be a URL prefix",
        'write one such as "/mlflow": "/" at the start and none at the end',
    ),
]
ArtifactLocation = Annotated[
    str,
    Rule(
        _is_artifact_uri,
        "be a URI with a scheme and without credentials",
        'write one such as "gs://bucket/path"; for a path in the pod use ArtifactVolume',
    ),
]
Bucket = Annotated[
    str,
    Rule(
        lambda v: _full(_BUCKET)(v) and ".." not in str(v),
        "be a bucket name",
        'write its bare name, such as "mlflow-artifacts", without "s3://"',
    ),
]
KeyPrefix = Annotated[
    str,
    Rule(
        lambda v: re.fullmatch(r"[A-Za-z0-9!_.*'()-]+(/[A-Za-z0-9!_.*'()-]+)*", str(v)) is not None,
        "be a key prefix in the bucket",
        'write one such as "mlflow/artifacts", with no "/" at either end',
    ),
]
Repository = Annotated[
    str,
    Rule(_full(_REPOSITORY), "be an image repository", 'write one such as "ghcr.io/mlflow/mlflow", without tag'),
]
Tag = Annotated[str, Rule(_full(_TAG), "be an image tag", 'write one such as "v3.17.2-full"')]
Digest = Annotated[
    str, Rule(_full(_DIGEST), "be an image digest", 'write "sha256:" and 64 lower-case hexadecimal digits')
]
ImageName = Annotated[
    str,
    Rule(
        _full(f"(?:{_REPOSITORY})(?::{_TAG})?(?:@{_DIGEST})?"),
        "be an image",
        'write repository and tag, such as "docker.io/library/postgres:15"',
    ),
]
PlainText = Annotated[
    str,
    Rule(
        _full(_NO_CONTROL),
        "be one line of text, and not empty",
        "leave out line breaks and control characters",
    ),
]
CredentialText = Annotated[
    str,
    Rule(
        lambda v: _full(_NO_CONTROL)(v) and str(v) == str(v).strip() and "${" not in str(v),
        "be a name without blanks around it, line breaks and ${",
        "write the bare name, or keep it in a Secret",
    ),
]
CronSchedule = Annotated[
    str,
    Rule(
        is_cron_schedule,
        "be five fields as cron has them",
        'write minute, hour, day of month, month, day of week, such as "17 3 * * *"',
    ),
]
ProviderName = Annotated[
    str,
    Rule(
        _full(r"[a-z0-9]+([_.-][a-z0-9]+)*"),
        "be the name of a provider",
        'write one such as "openai" or "bedrock", in small letters',
    ),
]
TimeZone = Annotated[
    str,
    Rule(
        _full(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*"),
        "be the name of a time zone",
        'write one such as "Europe/Berlin" or "UTC"',
    ),
]
WorkspaceStoreUri = Annotated[
    str,
    Rule(
        lambda v: re.fullmatch(r"[a-z][a-z0-9+.-]*://[^\s@\x00-\x1f]*", str(v)) is not None,
        "be a URI with a scheme and without credentials",
        'write one such as "kubernetes://"',
    ),
]
DistinguishedName = Annotated[
    str,
    Rule(
        _is_distinguished_name,
        "be a distinguished name",
        'write one such as "ou=people,dc=example,dc=com"',
    ),
]
UserDnTemplate = Annotated[
    str,
    Rule(
        _is_user_dn,
        "be a distinguished name with {username} in it once",
        'write one such as "uid={username},ou=people,dc=example,dc=com"',
    ),
]
UserFilter = Annotated[
    str,
    Rule(
        lambda v: _is_filter(v, "username"),
        "be an LDAP filter in brackets with {username} in it",
        'write one such as "(uid={username})"',
    ),
]
GroupFilter = Annotated[
    str,
    Rule(
        lambda v: _is_filter(v, "username", "dn"),
        "be an LDAP filter in brackets with {dn} or {username} in it",
        'write one such as "(member={dn})"',
    ),
]
LdapAttribute = Annotated[
    str,
    Rule(
        _full(r"[A-Za-z][A-Za-z0-9-]*"),
        "be the name of an attribute",
        'write letters, digits and "-", such as "uid"',
    ),
]
LdapUrl = Annotated[
    str,
    Rule(
        _is_ldap_url,
        "be the URL of an LDAP server, without credentials and path",
        'write one such as "ldaps://ldap.example.com"',
    ),
]
ModuleName = Annotated[
    str,
    Rule(
        _full(r"[A-Za-z_][A-Za-z0-9_]*"),
        "be the name of a Python module",
        'write letters, digits and "_", such as "company_login"',
    ),
]
FunctionPath = Annotated[
    str,
    Rule(
        _full(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*"),
        "be a function by its module",
        'write one such as "company_login:authenticate"',
    ),
]
LoginName = Annotated[
    str,
    Rule(
        _full(r"[\x21-\x39\x3b-\x7e]+"),
        "be a user name of ASCII characters without blanks and colons",
        'write one such as "admin"',
    ),
]
KubernetesVersion = Annotated[
    str,
    Rule(
        lambda v: _full(_VERSION)(v) and int(str(v)[2:]) >= 27,
        "be a Kubernetes version from 1.27 on",
        'write it as "1.34"',
    ),
]
