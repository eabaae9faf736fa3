"""Which objects each environment and variant has, spelled out."""

from __future__ import annotations

from typing import get_args

import pytest
from main import ENVIRONMENTS
from releases import render
from variants import VARIANTS

from cdk8s_mlflow import values

SERVER = ["Service/mlflow", "Deployment/mlflow"]
ACCOUNT = ["ServiceAccount/mlflow"]
GENERATOR = ["ServiceAccount/mlflow-secrets", "Role/mlflow-secrets", "RoleBinding/mlflow-secrets"]
FILES = ["ConfigMap/mlflow-files"]
GENERATOR_FILES = ["ConfigMap/mlflow-secrets-files"]
DATA = ["PersistentVolumeClaim/mlflow-data"]
POLICY = ["NetworkPolicy/mlflow-server"]
GENERATOR_POLICY = ["NetworkPolicy/mlflow-secrets"]
JOB = ["Job/mlflow-secrets-HASH"]
BUDGET = ["PodDisruptionBudget/mlflow"]
DOOR = ["Ingress/mlflow"]

ON_POSTGRESQL = [
    *ACCOUNT,
    *GENERATOR,
    *FILES,
    *GENERATOR_FILES,
    *POLICY,
    *GENERATOR_POLICY,
    *JOB,
    *SERVER,
]
EMBEDDED = [
    *ACCOUNT,
    *GENERATOR,
    *FILES,
    *GENERATOR_FILES,
    *DATA,
    *POLICY,
    *GENERATOR_POLICY,
    *JOB,
    *SERVER,
]
WITHOUT_GENERATOR = [item for item in EMBEDDED if "secrets" not in item]


def inserted(base: list[str], before: str, *items: str) -> list[str]:
    """Return a list with more items before one of it."""
    place = base.index(before)
    return [*base[:place], *items, *base[place:]]


EXPECTED: dict[str, list[str]] = {
    # the environments of main.py
    "development": EMBEDDED,
    "staging": [*ON_POSTGRESQL, *DOOR],
    "production": [*ACCOUNT, *FILES, *POLICY, *SERVER, *BUDGET, *DOOR],
    # what differs from the embedded default
    "default": EMBEDDED,
    "sqlite-existing-claim": [item for item in EMBEDDED if item not in DATA],
    "sqlite-and-artifact-volume": inserted(EMBEDDED, POLICY[0], "PersistentVolumeClaim/mlflow-artifacts"),
    "file-store": EMBEDDED,
    "existing-keys": WITHOUT_GENERATOR,
    "one-generated-key": EMBEDDED,
    # what differs from PostgreSQL and S3
    "postgresql-s3": ON_POSTGRESQL,
    "postgresql-artifact-volume": inserted(ON_POSTGRESQL, POLICY[0], "PersistentVolumeClaim/mlflow-artifacts"),
    "shared-volume": [*inserted(ON_POSTGRESQL, POLICY[0], "PersistentVolumeClaim/mlflow-artifacts"), *BUDGET],
    "shared-existing-claim": ON_POSTGRESQL,
    "s3-with-role": ["ServiceAccount/mlflow-s3", *ON_POSTGRESQL[1:]],
    "registry-on-sqlite": inserted(ON_POSTGRESQL, POLICY[0], *DATA),
    "registry-other-credentials": ON_POSTGRESQL,
    "existing-service-account": ON_POSTGRESQL[1:],
    "default-service-account": ON_POSTGRESQL[1:],
    "no-network-policy": [item for item in ON_POSTGRESQL if "NetworkPolicy" not in item],
    "verified-migration": ON_POSTGRESQL,
    "node-port": ON_POSTGRESQL,
    "ingress": [*ON_POSTGRESQL, *DOOR],
    "ingress-tls": [*ON_POSTGRESQL, *BUDGET, *DOOR],
    "inline-secrets": [
        *ACCOUNT,
        "Secret/mlflow-backend-store-user",
        "Secret/mlflow-backend-store-password",
        "Secret/mlflow-s3-access-key-id",
        "Secret/mlflow-s3-secret-access-key",
        "Secret/mlflow-crypto-kek-passphrase",
        "Secret/mlflow-webhook-encryption-key",
        *FILES,
        *POLICY,
        *SERVER,
    ],
    "external-secrets": [
        *ACCOUNT,
        "ExternalSecret/mlflow-backend-store-user",
        "ExternalSecret/mlflow-backend-store-password",
        "ExternalSecret/mlflow-crypto-kek-passphrase",
        "ExternalSecret/mlflow-webhook-encryption-key",
        *FILES,
        *POLICY,
        *SERVER,
    ],
    "http-route": [*ON_POSTGRESQL, "HTTPRoute/mlflow"],
    "http-route-with-a-redirect": [*ON_POSTGRESQL, "HTTPRoute/mlflow", "HTTPRoute/mlflow-redirect"],
    "http-routes-below-a-prefix": [*ON_POSTGRESQL, "HTTPRoute/mlflow", "HTTPRoute/mlflow-inner"],
    "nginx-below-a-prefix": [*ON_POSTGRESQL, *DOOR, "Ingress/mlflow-artifacts"],
    "traefik-below-a-prefix": [
        *inserted(ON_POSTGRESQL, FILES[0], "Middleware/mlflow-artifacts"),
        *DOOR,
        "Ingress/mlflow-artifacts",
    ],
    "aws-below-a-prefix": [*ON_POSTGRESQL, *DOOR],
    "tls-of-a-public-authority": [*inserted(ON_POSTGRESQL, FILES[0], "ServersTransport/mlflow"), *DOOR],
    "tls-below-a-prefix": [
        *inserted(
            inserted(
                inserted(ON_POSTGRESQL, FILES[0], "ServersTransport/mlflow", "Middleware/mlflow-artifacts"),
                GENERATOR_FILES[0],
                "ConfigMap/mlflow-gc-files",
            ),
            GENERATOR_POLICY[0],
            "NetworkPolicy/mlflow-gc",
        ),
        "CronJob/mlflow-gc",
        "Ingress/mlflow-outer",
        "Ingress/mlflow-outer-artifacts",
    ],
    "tls-in-the-pod": [
        *inserted(
            inserted(
                inserted(ON_POSTGRESQL, FILES[0], "Certificate/mlflow-tls", "ServersTransport/mlflow"),
                GENERATOR_FILES[0],
                "ConfigMap/mlflow-gc-files",
            ),
            GENERATOR_POLICY[0],
            "NetworkPolicy/mlflow-gc",
        ),
        "CronJob/mlflow-gc",
        *DOOR,
        "Ingress/mlflow-nginx",
    ],
    "gc-on-postgresql": [
        *inserted(
            inserted(ON_POSTGRESQL, GENERATOR_FILES[0], "ConfigMap/mlflow-gc-files"),
            GENERATOR_POLICY[0],
            "NetworkPolicy/mlflow-gc",
        ),
        "CronJob/mlflow-gc",
    ],
    "autoscaling": [*ON_POSTGRESQL, "HorizontalPodAutoscaler/mlflow", *BUDGET],
    "keda": [*ON_POSTGRESQL, "ScaledObject/mlflow", *BUDGET],
    "keda-to-zero": [*ON_POSTGRESQL, "ScaledObject/mlflow"],
    "oidc-auth-embedded": EMBEDDED,
    "oauth2-proxy": [
        *inserted(
            inserted(ON_POSTGRESQL, GENERATOR_FILES[0], "ConfigMap/mlflow-gc-files"),
            GENERATOR_POLICY[0],
            "NetworkPolicy/mlflow-gc",
        ),
        *BUDGET,
        "CronJob/mlflow-gc",
        *DOOR,
    ],
    "backup-to-a-volume": [
        *inserted(
            inserted(
                inserted(
                    ON_POSTGRESQL,
                    GENERATOR_FILES[0],
                    "ConfigMap/mlflow-gc-files",
                    "ConfigMap/mlflow-backup-files",
                    "ConfigMap/mlflow-restore-files",
                ),
                POLICY[0],
                "PersistentVolumeClaim/mlflow-backup",
            ),
            GENERATOR_POLICY[0],
            "NetworkPolicy/mlflow-gc",
            "NetworkPolicy/mlflow-backup",
            "NetworkPolicy/mlflow-restore",
        ),
        "CronJob/mlflow-gc",
        "CronJob/mlflow-backup",
        "CronJob/mlflow-restore",
    ],
    "jobs-on-a-redis-of-the-chart": [
        *inserted(
            inserted(
                ON_POSTGRESQL,
                GENERATOR_FILES[0],
                "ConfigMap/mlflow-periodic-files",
                "ConfigMap/mlflow-redis-files",
            ),
            GENERATOR_POLICY[0],
            "NetworkPolicy/mlflow-periodic",
            "NetworkPolicy/mlflow-redis",
        )[:-2],
        "Service/mlflow",
        "Service/mlflow-redis",
        "Deployment/mlflow",
        "Deployment/mlflow-periodic",
        "Deployment/mlflow-redis",
        *BUDGET,
    ],
    "watched": [
        *inserted(
            inserted(
                inserted(
                    ON_POSTGRESQL,
                    FILES[0],
                    "Service/mlflow-metrics",
                    "ServiceMonitor/mlflow-metrics",
                    "PrometheusRule/mlflow",
                    "ConfigMap/mlflow-dashboard",
                ),
                GENERATOR_FILES[0],
                "ConfigMap/mlflow-gc-files",
                "ConfigMap/mlflow-smoke-test-files",
            ),
            GENERATOR_POLICY[0],
            "NetworkPolicy/mlflow-gc",
            "NetworkPolicy/mlflow-smoke-test",
        ),
        *BUDGET,
        "CronJob/mlflow-gc",
        "CronJob/mlflow-smoke-test",
    ],
    "scrape-annotations": ON_POSTGRESQL,
    "cloud-native-pg": [*inserted(ON_POSTGRESQL, FILES[0], "Cluster/mlflow-postgresql"), *BUDGET],
}

CASES = VARIANTS | {environment.name: environment.mlflow for environment in ENVIRONMENTS}


def inventory(case: str) -> list[str]:
    """Return kind and name of every object, in the order of application; a hash is no contract."""
    objects = render(CASES[case]).objects
    found = [f"{item['kind']}/{item['metadata']['name']}" for item in objects]
    return ["Job/mlflow-secrets-HASH" if item.startswith("Job/") else item for item in found]


@pytest.mark.parametrize("case", EXPECTED)
def test_a_release_has_these_objects_in_this_order(case: str) -> None:
    """An object more, one fewer or another name is a change for whoever has it installed."""
    assert inventory(case) == EXPECTED[case]


def test_every_kind_can_be_labelled() -> None:
    """``object_labels`` and ``object_annotations`` know each kind of object that a release may have."""
    rendered = {item["kind"] for props in CASES.values() for item in render(props).objects}
    assert rendered == set(get_args(values.ObjectKind))


def test_every_environment_is_in_the_table() -> None:
    """A new environment has an inventory too."""
    assert {environment.name for environment in ENVIRONMENTS} <= set(EXPECTED)


@pytest.mark.parametrize("case", CASES)
def test_no_variant_has_an_object_of_an_unknown_kind_or_name(case: str) -> None:
    """What may appear at all, besides Secrets, claims and what operators make of our objects."""
    known = {item for items in EXPECTED.values() for item in items} - {"Cluster/mlflow-postgresql"}
    old = CASES[case].adopt
    release = old.full_name if old else CASES[case].name or "mlflow"
    account = getattr(CASES[case].service_account, "name", None)
    for item in inventory(case):
        kind, _, name = item.partition("/")
        free = kind in {"Secret", "ExternalSecret", "PersistentVolumeClaim", "Cluster"} or name == account
        assert free or item.replace("/ml-", "/").replace(release, "mlflow", 1) in known, item
