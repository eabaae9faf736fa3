"""The kinds of single values: what each takes, and how quantities are counted and written."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType

import attrs
import pytest
from invariants import amount, is_canonical

from cdk8s_mlflow import values
from cdk8s_mlflow.value_checks import check_values
from cdk8s_mlflow.values import canonical_quantity, quantity_bytes

TAKEN: dict[str, list[object]] = {
    "Port": [1, 5000, 65535],
    "NodePortNumber": [30000, 32767],
    "PositiveInt": [1, 10**6],
    "NotNegativeInt": [0, 1],
    "PositiveNumber": [0.5, 20],
    "NotNegativeNumber": [0, 0.5],
    "SqlName": ["mlflow", "_m1", "n" * 63],
    "Quantity": ["1", "250m", "1.5", "0.5Gi", "10Gi", "1500Mi", "2Ti", "1G", "100k", "3P", "4Pi"],
    "ObjectName": ["m", "mlflow", "mlflow-2", "m" * 40],
    "NameSuffix": ["data", "2024", "d" * 20],
    "DnsName": ["default", "a.b-c.d", "1", "s" * 63],
    "DnsLabel": ["mlflow-production", "1"],
    "LabelValue": ["", "ml", "ML_2.0-a", "l" * 63],
    "ServiceName": ["docs", "ssl-redirect", "s1"],
    "PortName": ["http", "use-annotation", "h2", "a", "p" * 15],
    "AnnotationKey": ["team", "example.com/team", "nginx.ingress.kubernetes.io/proxy-body-size", "a_b.c"],
    "SecretKeyName": ["password", "tls.crt", "PG_PASSWORD", "-"],
    "EnvName": ["A", "_", "aws_1"],
    "FlagName": ["x-frame-options", "dev", "s3-endpoint2"],
    "Host": ["db", "db.example.com", "DB.example.com", "db.example.com.", "192.0.2.1", "2001:db8::1"],
    "IngressHostName": ["mlflow.example.com", "*.example.com", "1.example.com"],
    "HostPattern": ["mlflow", "mlflow:*", "*.example.com", "10.1.2.3:5000", "[::1]:5000"],
    "IpAddress": ["192.0.2.1", "2001:db8::1"],
    "ProxyException": ["db", ".example.com", "*.example.com", "10.0.0.0/8", "fd00::/8", "db.example.com:8443"],
    "UserId": [1, 10001, 1000660000],
    "Cidr": ["10.0.0.0/8", "192.0.2.1/32", "0.0.0.0/0", "fd00::/8"],
    "Url": ["http://minio:9000", "https://s3.example.com/path", "http://[::1]:9000", "https://192.0.2.1"],
    "Origin": ["https://mlflow.example.com", "http://localhost:3000"],
    "DataPath": ["/mnt", "/mnt/mlflow-2/a_b.c", "/mlflow/data/mlruns", "/data/.hidden"],
    "DistinguishedName": ["ou=people,dc=example,dc=com", "cn=admin"],
    "FunctionPath": ["company_login:authenticate", "a.b:c"],
    "GroupFilter": ["(member={dn})", "(memberUid={username})"],
    "ImageName": ["docker.io/library/postgres:15", "postgres:15"],
    "LdapAttribute": ["uid", "sAMAccountName"],
    "LdapUrl": ["ldaps://ldap.example.com", "ldap://10.0.0.1:1389"],
    "ModuleName": ["company_login"],
    "UserDnTemplate": ["uid={username},ou=people,dc=example,dc=com"],
    "UserFilter": ["(uid={username})", "(&(objectClass=user)(sAMAccountName={username}))"],
    "WorkspaceStoreUri": ["kubernetes://", "sqlite:///a.db"],
    "RelativePath": ["mlflow.db", "team/artifacts", "a_b-c.d/.hidden"],
    "UrlPath": ["/", "/mlflow", "/*", "/a/b?c"],
    "StaticPrefix": ["/mlflow", "/tools/mlflow", "/~team"],
    "ArtifactLocation": [
        "gs://bucket/path",
        "hdfs://namenode:8020/mlflow",
        "wasbs://container@account.blob.core.windows.net/path",
        "abfss://container@account.dfs.core.windows.net/path",
    ],
    "Bucket": ["mlflow", "my.bucket-2"],
    "KeyPrefix": ["mlflow", "team/mlflow", "a.b_c-d"],
    "Repository": ["mlflow", "ghcr.io/mlflow/mlflow", "registry.example.com:5000/team/ml_flow", "localhost:5000/a"],
    "Tag": ["v3.17.2-full", "latest", "_", "t" * 128],
    "Digest": ["sha256:" + "0af9" * 16],
    "PlainText": ["p@s/s#w%41:?d&$x", "pässwörd 🔑", " "],
    "CredentialText": ["mlflow", "p@s/s#w%41:?d&$x", "my user"],
    "CronSchedule": [
        "0 0 1 1 *",
        "17 3 * * *",
        "*/30 8-18/2 * * MON-FRI",
        "0,30 * 1,15 jan-Mar *",
        "5 4 * * sun",
        "0 0 * * 0-6/2",
    ],
    "ProviderName": ["openai", "amazon-bedrock", "together_ai"],
    "TimeZone": ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+2"],
    "Ratio": [0.05, 0.5, 0.999],
    "LoginName": ["admin", "root%", "mlflow@example.com"],
    "KubernetesVersion": ["1.27", "1.37", "1.99"],
}


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, found in TAKEN.items() for value in found])
def test_a_good_value_is_taken(kind: str, value: object) -> None:
    """What Kubernetes and MLflow take is not refused."""
    assert check_values(value, getattr(values, kind), "prop") == []


@pytest.mark.parametrize(
    "schedule",
    [
        "",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 7",
        "*/0 * * * *",
        "5-1 * * * *",
        "1-2-3 * * * *",
        "MON * * * *",
        "* * * * ,",
        "* * * * MON-",
        "*  * * * *",
        "@daily",
        "TZ=UTC 0 3 * * *",
        "0 3 * * *\n",
    ],
)
def test_rejects_what_is_no_schedule(schedule: str) -> None:
    """What a CronJob would refuse, or start at other times than it says."""
    assert check_values(schedule, values.CronSchedule, "prop") != []


def test_every_kind_of_value_is_in_the_table() -> None:
    """A new kind needs an example of what it takes."""
    kinds = {name for name, kind in vars(values).items() if hasattr(kind, "__metadata__")}
    assert kinds == set(TAKEN)


@pytest.mark.parametrize(
    ("quantity", "number"),
    [
        ("1", 1),
        ("250m", Fraction(1, 4)),
        ("1.5k", 1500),
        ("2M", 2 * 10**6),
        ("1Ki", 1024),
        ("1.5Gi", 3 * 2**29),
        ("10Ti", 10 * 2**40),
        ("3Pi", 3 * 2**50),
        ("1P", 10**15),
    ],
)
def test_a_quantity_counts_as_kubernetes_counts(quantity: str, number: float) -> None:
    """Decimal and binary units are told apart."""
    assert quantity_bytes(quantity) == number


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("1000m", "1"),
        ("1500m", "1500m"),
        ("0.5", "500m"),
        ("1.5", "1500m"),
        ("2", "2"),
        ("1024Mi", "1Gi"),
        ("1536Mi", "1536Mi"),
        ("0.5Gi", "512Mi"),
        ("1.5Gi", "1536Mi"),
        ("1000", "1k"),
        ("1024", "1024"),
        ("1000000k", "1G"),
        ("1024Ti", "1Pi"),
        ("1.000", "1"),
    ],
)
def test_a_quantity_is_written_as_the_api_server_writes_it(written: str, canonical: str) -> None:
    """Otherwise ``kubectl diff`` would show it for ever."""
    assert canonical_quantity(written) == canonical
    assert is_canonical(canonical)
    assert amount(written) == amount(canonical)


def test_rejects_what_is_no_quantity() -> None:
    """Counting is for values that were checked before."""
    with pytest.raises(ValueError, match="not a quantity"):
        quantity_bytes("1GB")


LABELS = {"team": "ml"}


@attrs.frozen
class Defaults:
    """A class whose defaults are not right."""

    port: values.Port = 0
    labels: Mapping[values.AnnotationKey, str] = MappingProxyType(LABELS)


def test_a_wrong_default_is_found_each_time() -> None:
    """What is known of a right one is remembered, and of this one that it is not right."""
    for _ in range(2):
        assert [failure.partition(":")[0] for failure in check_values(Defaults(), Defaults, "prop")] == ["prop.port"]


def test_a_default_that_has_changed_is_checked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is remembered of what can change."""
    assert len(check_values(Defaults(port=1), Defaults, "prop")) == 0
    monkeypatch.setitem(LABELS, "no key", "")
    assert len(check_values(Defaults(port=1), Defaults, "prop")) == 1
