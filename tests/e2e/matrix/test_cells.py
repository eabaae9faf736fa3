"""Each cell of the matrix: it starts calmly, does all that MLflow does, stays as it was written, and goes."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import attrs
import pytest
from e2e.environments import deletion_command, run
from e2e.kubectl import Pod, kubectl, objects, wait_until
from e2e.matrix.pages import SEARCH, requests_of_pages
from e2e.matrix.programs import run_module
from e2e.matrix.visits import Running, names_in
from e2e.recorded import RECORDED
from e2e.results import record
from e2e.visitors import scripts

pytestmark = pytest.mark.e2e


@attrs.frozen
class Logged:
    """What the client logged and read back."""

    where: Mapping[str, str]
    found: Mapping[str, Any]
    seconds: float
    """How long all of it took."""


@pytest.fixture(scope="module")
def person(running: Running) -> dict[str, str]:
    """Log somebody in, and give what a browser then sends."""
    return running.headers_of_a_person()


@pytest.fixture(scope="module")
def logged(running: Running) -> Logged:
    """Use the server by MLflow's own client, through its door."""
    wait_until(f"{running.cell.url} is routed", lambda: running.ask([("GET", "/health", None)])[0]["status"] == 200)
    started = time.monotonic()
    url, variables = running.cell.url, running.variables()
    said = run_module(running.client, "e2e.matrix.client.round_trip", url, variables=variables)
    return Logged(said["where"], said["found"], time.monotonic() - started)


def test_a_client_reads_back_all_that_it_logs(logged: Logged) -> None:
    """Experiments, runs, metrics, artifacts of 0 B, 1 MB and 300 MB, a model, a prompt, traces, OTLP."""
    sizes = logged.found["artifacts of sizes"]
    assert {size: (item["same"], item["listed"]) for size, item in sizes.items()} == {
        "0": (True, 0),
        "1000000": (True, 1_000_000),
        "300000000": (True, 300_000_000),
    }
    assert {name: value for name, value in logged.found.items() if name != "artifacts of sizes"} == {
        **RECORDED,
        "prompt": "Say hello.",
        "otlp": 200,
        "traces": ["load", "question"],
    }


def test_the_pages_get_what_they_ask_for(running: Running, logged: Logged, person: dict[str, str]) -> None:
    """The page, its scripts and styles, and what they ask for and write as a page of this origin."""
    [page] = running.ask([("GET", "/", None)], person)
    assert (page["status"], "<title>MLflow</title>" in page["text"]) == (200, True), page
    files = [("GET", f"/{path}", None) for path in scripts(page["text"])]
    assert files
    pages = {"files": files, **requests_of_pages(logged.where)}
    asked = [(name, request) for name, requests in pages.items() for request in requests]
    answers = running.ask((request for _, request in asked), person | {"Origin": running.origin})
    failed = {
        f"{name}: {request[0]} {request[1]}": (answer["status"], answer["text"][:300])
        for (name, request), answer in zip(asked, answers, strict=True)
        if answer["status"] != 200 or '"errors":[' in answer["text"]
    }
    assert failed == {}


def test_nobody_else_gets_in(running: Running, logged: Logged, person: dict[str, str], stranger: Pod) -> None:
    """No page of another origin writes, nobody passes without a login, and no door stands open beside the right one."""
    assert logged.where
    assert running.ask([SEARCH], person | {"Origin": "https://attacker.example"})[0]["status"] == 403
    if running.cell.login != "none":
        assert running.ask([SEARCH], {"Origin": running.origin})[0]["status"] == 401
    # Behind a controller even a neighbour of the other cells must come through it.
    others = [stranger, *([] if running.cell.door in {"service", "tls"} else [running.client])]
    ports = [f"{pod.status()['podIP']}:{port}" for pod in running.installation.pods() for port in (5000, 4180)]
    for pod in others:
        assert run(pod, "connect", *ports) == dict.fromkeys(ports, False)


def test_nothing_differs_from_what_was_written(running: Running) -> None:
    """The API server has changed nothing, and would change nothing if it were all applied again."""
    running.installation.assert_no_difference()


def test_applied_again_nothing_changes(running: Running) -> None:
    """No object gets another generation, no pod is replaced, and none of them was ever started again."""
    before = state_of(running)
    lines = running.installation.apply()
    # Of a disruption budget kubectl says so always, since that API wants selectors replaced as a whole.
    changed = [line for line in lines if not line.endswith(" unchanged") and not line.startswith("poddisruptionbudget")]
    assert changed == []
    assert state_of(running) == before
    running.installation.assert_calm()


def state_of(running: Running) -> dict[str, tuple[Any, ...]]:
    """Return identity and generation of every object, and of the pods' owners which version it is."""
    kinds = {item["kind"] for item in running.installation.manifests()} | OWNERS | {"Pod"}
    return {
        f"{item['kind']}/{item['metadata']['name']}": (
            item["metadata"]["uid"],
            item["metadata"].get("generation"),
            item["metadata"]["resourceVersion"] if item["kind"] in OWNERS else None,
        )
        for item in objects(",".join(sorted(kinds)), running.installation.namespace)
    }


OWNERS = {"Deployment", "ReplicaSet", "Job"}


def test_deleted_it_leaves_what_the_readme_says(
    running: Running, logged: Logged, request: pytest.FixtureRequest
) -> None:
    """By the README's command: volume claims and Secrets stay, everything else is gone."""
    restarts = sum(running.installation.restarts().values())
    namespace, manifests = running.installation.namespace, running.installation.manifests()
    kinds = ",httproute" if running.cell.door in {"route", "prefix"} else ""
    action, named, *selector = deletion_command()
    kubectl("-n", namespace, action, named + kinds, *selector, timeout=180)
    wait_until("the pods are gone", lambda: not objects("pods", namespace), timeout=120)
    claims = {item["metadata"]["name"] for item in manifests if item["kind"] == "PersistentVolumeClaim"}
    keys = {
        key["name"]
        for item in manifests
        if item["kind"] == "ConfigMap" and "secrets.json" in item["data"]
        for key in json.loads(item["data"]["secrets.json"])["secrets"]
    }
    assert keys
    left = names_in(namespace) - running.before
    assert left == {*(f"Secret/{name}" for name in keys), *(f"PersistentVolumeClaim/{name}" for name in claims)}
    if request.session.testsfailed == running.failed_before:
        up, down = logged.found["artifacts of sizes"]["300000000"]["seconds"]
        measured = {
            "ready, s": round(running.ready_seconds),
            "round trip, s": round(logged.seconds),
            "300 MB up, s": up,
            "300 MB down, s": down,
            "restarts": restarts,
        }
        record("matrix", running.cell.title, measured)
