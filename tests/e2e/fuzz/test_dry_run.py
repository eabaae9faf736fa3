"""Random props against the real API server: what it would not take is our error, not its own."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterator

import pytest
from e2e.kubectl import Manifest, attempt, kubectl
from e2e.results import record
from e2e.room import own_namespace
from hypothesis import HealthCheck, Phase, given, seed, settings
from pod_security import restricted_violations
from releases import Release, render
from test_properties import combinations, doors
from variants import VARIANTS

from cdk8s_mlflow import InvalidProps, MlflowProps

pytestmark = pytest.mark.e2e

PLACE = f"fuzz-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
AT_ONCE = 100


@pytest.fixture(scope="session")
def place(request: pytest.FixtureRequest) -> Iterator[str]:
    """Make a "restricted" namespace, in which nothing is ever created."""
    yield from own_namespace(PLACE, request)


def drawn(count: int) -> list[Release]:
    """Return the releases of random props that are not refused."""
    found: list[Release] = []

    @seed(20261128)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(props=combinations() | doors())
    def draw(props: MlflowProps) -> None:
        try:
            found.append(render(props, namespace=PLACE))
        except InvalidProps:
            return

    draw()
    return found


@functools.cache
def known() -> set[tuple[str, str]]:
    """Return the kinds that this cluster serves: an operator's definitions may not be installed."""
    lines = kubectl("api-resources", "--no-headers").splitlines()
    return {(words[-3], words[-1]) for words in (line.split() for line in lines)}


def distinct(releases: list[Release], *, restricted: bool) -> list[Manifest]:
    """Return the objects whose pods are restricted, or those whose pods are not; equal ones once."""
    found: dict[str, Manifest] = {}
    for release in releases:
        loose = {
            owner
            for owner, template in release.templates()
            if restricted_violations(template["spec"], template["metadata"].get("annotations"))
        }
        for item in release.objects:
            served = (item["apiVersion"], item["kind"]) in known()
            if served and (f"{item['kind']}/{item['metadata']['name']}" in loose) != restricted:
                # Dashboards and monitors may be meant for a namespace of others.
                moved = item | {"metadata": item["metadata"] | {"namespace": PLACE}}
                found.setdefault(json.dumps(moved, sort_keys=True), moved)
    return list(found.values())


def complaints(objects: list[Manifest]) -> list[str]:
    """Return what the API server says against objects: errors, and warnings."""
    found: list[str] = []
    for start in range(0, len(objects), AT_ONCE):
        chunk = {"apiVersion": "v1", "kind": "List", "items": objects[start : start + AT_ONCE]}
        done = attempt("apply", "--dry-run=server", "-o", "name", "-f", "-", stdin=json.dumps(chunk), timeout=300)
        said = [line for line in done.stderr.splitlines() if line.strip()]
        found += said
        # kubectl says so of each object that was taken.
        assert len(done.stdout.split()) == len(chunk["items"]) or said, (done.returncode, done.stdout)
    return found


def test_every_variant_is_taken(place: str) -> None:
    """Custom resources too, by the operators' own definitions; pods by Pod Security's own judge."""
    assert place == PLACE
    releases = [render(props, namespace=PLACE) for props in VARIANTS.values()]
    objects = distinct(releases, restricted=True)
    assert {item["kind"] for item in objects} >= {"Deployment", "CronJob", "Job", "NetworkPolicy", "Ingress", "Role"}
    assert complaints(objects) == []
    refused = complaints(distinct(releases, restricted=False))
    assert refused != []
    assert [line for line in refused if "would violate PodSecurity" not in line] == []


@pytest.mark.parametrize("count", [200, pytest.param(2000, marks=pytest.mark.slow)])
def test_whatever_random_props_become_is_taken(place: str, count: int) -> None:
    """Or they are refused before, by us."""
    assert place == PLACE
    releases = drawn(count)
    assert len(releases) > count / 10
    objects = distinct(releases, restricted=True)
    assert complaints(objects) == []
    if count > 1000:
        counts = {"tried": count, "refused": count - len(releases), "taken": len(releases), "objects": len(objects)}
        record("inputs", "random props, their objects asked of the API server", counts)
