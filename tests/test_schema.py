"""Every object of every variant and environment against the strict schemas of every supported Kubernetes."""

from __future__ import annotations

import functools
import json

import kubernetes_validate
import pytest
from main import ENVIRONMENTS
from releases import Manifest, render
from schemas import VERSIONS, schema_errors
from variants import VARIANTS

CASES = VARIANTS | {environment.name: environment.mlflow for environment in ENVIRONMENTS}


def minor(version: str) -> int:
    """Return the number of a version that counts."""
    return int(version.split(".")[1])


@functools.cache
def objects() -> dict[str, tuple[str, Manifest]]:
    """Return every object of every case with the oldest Kubernetes that it is for; equal ones once."""
    found: dict[str, tuple[str, Manifest]] = {}
    for props in CASES.values():
        release = render(props)
        for item in release.objects:
            found.setdefault(json.dumps([release.kubernetes, item], sort_keys=True), (release.kubernetes, item))
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_passes_the_strict_schema(version: str) -> None:
    """No field is unknown, misplaced or of another type, from the version on that the plan asks for."""
    checked = [item for oldest, item in objects().values() if minor(oldest) <= minor(version)]
    assert [error for item in checked for error in schema_errors(item, version)] == []
    assert {item["kind"] for item in checked} >= {"Deployment", "Service", "Ingress", "Job", "ExternalSecret"}


def test_only_sidecars_need_a_newer_kubernetes_than_the_oldest() -> None:
    """What needs more than 1.27 says so, and is checked from there."""
    newer = {name for name, props in CASES.items() if render(props).kubernetes != "1.27"}
    proxies = {"cloud-sql-proxy", "sidecar-proxy", "oauth2-proxy", "oauth2-proxy-below-a-prefix"}
    assert newer == proxies | {"extra-containers", "image-registry"}
    assert {oldest for oldest, _ in objects().values()} == {"1.27", "1.29"}


def test_the_fast_validator_agrees_with_the_package() -> None:
    """Our validators, made once per kind, are those of kubernetes-validate."""
    for item in render().objects:
        assert kubernetes_validate.validate(item, "1.34", strict=True) == "1.34"


@pytest.mark.parametrize(
    ("kind", "field"),
    [("Deployment", "replica"), ("Service", "externalTraficPolicy"), ("ExternalSecret", "refreshIntervall")],
)
@pytest.mark.parametrize("version", [VERSIONS[0], VERSIONS[-1]])
def test_rejects_an_unknown_field(version: str, kind: str, field: str) -> None:
    """The schemas are strict: a misspelt field would not pass."""
    item = next(item for _, item in objects().values() if item["kind"] == kind)
    assert schema_errors(item | {"spec": item["spec"] | {field: "1h"}}, version) != []
