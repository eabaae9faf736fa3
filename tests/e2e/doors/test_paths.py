"""Paths that are written otherwise than they are meant: none leads past the login."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from e2e.kubectl import Pod
from e2e.visitors import Door

from .releases import ARTIFACTS, AUTHORIZATION, PREFIX, PREFIXED_HOST, SECURE_HOST, Server, ask, program

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

JEWELS = "the crown jewels"
FILE = "crown/jewels.txt"
PROTECTED = (
    "/",
    "/version",
    "/metrics",
    "/graphql",
    "/get-artifact?path=jewels.txt&run_uuid=0",
    "/ajax-api/2.0/mlflow/experiments/search?max_results=5",
    "/api/2.0/mlflow/experiments/get?experiment_id=0",
    f"{ARTIFACTS}/{FILE}",
    f"/ajax{ARTIFACTS}/{FILE}".replace("/ajax/", "/ajax-"),
    f"{ARTIFACTS}?path=crown",
    "/api/2.0/mlflow/users/get?username=admin",
    "/v1/traces",
)
OPEN = {
    "/health": "says that the server works",
    "/static-files/": "the user interface's own scripts, of the public package",
    "/favicon.ico": "an icon",
    "/api/2.0/mlflow/server-info": "what a client may expect, without a secret, by MLflow's own words",
}
"""What MLflow shows everybody, below its prefix, and why that may be."""


def tricks(path: str) -> Iterator[str]:
    """Return ways to write a path below the prefix."""
    inside = path.lstrip("/")
    yield f"{PREFIX}{path}"
    yield path
    for start in ("", PREFIX):
        for opened in ("static-files", "health", "favicon.ico", "api/2.0/mlflow/server-info"):
            for up in ("..", "%2e%2e", "%2E.", "..%2f..", "..;", "%252e%252e", "..%5c", "..%00"):
                yield f"{start}/{opened}/{up}/{inside}"
                yield f"{start}/{opened}/{up}{PREFIX}/{inside}"
            yield f"{start}/{opened}%2f..%2f{inside}"
            yield f"{start}/{opened}//{inside}"
            yield f"{start}/{opened};/../{inside}"
            yield f"{start}/{opened}%3f/{inside}"
            yield f"{start}/{opened}%23/{inside}"
        yield f"/{start}/{path}"
        yield f"{start}//{inside}"
        yield f"//{start.lstrip('/')}/{inside}"
        yield f"{start}/./{inside}"
        yield f"{start}/%2e/{inside}"
        yield f"{start}%2f{inside}"
        yield f"{start}/;/{inside}"
        yield f"{start}/{inside.replace('/', '%2f')}"
        yield f"{start}/{inside.replace('/', '//')}"
        yield f"{start}/{inside.replace('/', '/./')}"
        yield f"{start}/{inside}/."
        yield f"{start}/{inside}/.."
        yield f"{start}/{inside}."
        yield f"{start}/{inside}%20"
        yield f"{start}/{inside}%00"
        yield f"{start}/{inside}/static-files"
        yield f"{start}/{inside}/api/2.0/mlflow/server-info"
    for prefix in (PREFIX.upper(), PREFIX.title(), PREFIX + PREFIX, f"{PREFIX}x", "/tools%2fmlflow", "/tools//mlflow"):
        yield f"{prefix}/{inside}"
    yield f"{PREFIX}/{inside.upper()}"
    yield f"{PREFIX}/{inside.title()}"
    yield f"{PREFIX}/static-files/../..{PREFIX}/{inside}"


def put_jewels(pod: Pod, url: str, **door: str) -> None:
    """Store what nobody may see, and see it with the login."""
    file = f"{url}{ARTIFACTS}/{FILE}"
    stored, seen = ask(
        pod,
        {"url": file, "method": "PUT", "headers": AUTHORIZATION, "body": JEWELS, **door},
        {"url": file, "headers": AUTHORIZATION, **door},
    )
    assert stored["status"] == 200, stored
    assert JEWELS in seen["text"]


def shown(pod: Pod, host: str, *door: str) -> list[str]:
    """Return what is answered without a login and is neither a refusal nor open to all."""
    paths = sorted({trick for path in PROTECTED for trick in tricks(path)})
    found, refused = [], 0
    for start in range(0, len(paths), 600):
        some = paths[start : start + 600]
        output = pod.execute("python", "-c", program("paths"), json.dumps(some), host, *door, timeout=300)
        for path, (status, text) in zip(some, json.loads(output), strict=True):
            refused += status in {401, 403}
            if JEWELS in text or "lifecycle_stage" in text or (status < 300 and not _is_open(path, text)):
                found.append(f"{path}: {status} {text[:80]}")
    assert refused > 100, "nobody was asked for a login"
    return found


def _is_open(path: str, text: str) -> bool:
    """Return whether this is one of the answers that everybody may have: the health, or the script of the interface."""
    return text == "OK" and "health" in path


def test_no_path_at_the_service_leads_past_the_login(below_prefix: Server, client: Pod) -> None:
    """The server itself, which sees each path as it was sent."""
    origin = f"http://{below_prefix.host}:5000"
    put_jewels(client, origin + PREFIX)
    assert shown(client, f"{below_prefix.host}:5000") == []


def test_no_path_at_the_gateway_leads_past_the_login(below_prefix: Server, client: Pod, gateway: Door) -> None:
    """The Gateway compares, cleans and rewrites paths before the server sees them."""
    put_jewels(client, f"http://{below_prefix.host}:5000{PREFIX}")
    assert shown(client, PREFIXED_HOST, gateway.address, gateway.certificate) == []


def test_no_path_at_an_ingress_leads_past_the_login(with_tls: Server, client: Pod, traefik: Door) -> None:
    """Likewise a controller whose middleware takes the prefix off."""
    door = {"via": traefik.address, "certificate": traefik.certificate}
    put_jewels(client, f"https://{SECURE_HOST}{with_tls.prefix}", **door)
    assert shown(client, SECURE_HOST, traefik.address, traefik.certificate) == []


def test_what_is_open_is_open(below_prefix: Server, client: Pod) -> None:
    """Or the list of exceptions would be too long."""
    origin = f"http://{below_prefix.host}:5000{PREFIX}"
    paths = {path.replace("/static-files/", "/static-files/static/nothing.js"): path for path in OPEN}
    answers = ask(client, *({"url": origin + path} for path in paths))
    assert {answer["status"] for answer in answers} <= {200, 404}
