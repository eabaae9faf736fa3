"""An object store that is away, slow, full, or refuses: artifacts wait, runs and metrics do not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.environments import run
from e2e.installation import Installation, applied, release
from e2e.kubectl import Pod, apply_manifests, wait_for_pods
from e2e.manifests import minio, python_pod, secret, service
from e2e.servers import S3_KEY

from cdk8s_mlflow import MlflowProps

from .conftest import Around, Ready, bucket
from .writing import NOTHING, Writing, writing

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SLOWLY = Path(__file__).parent.joinpath("client", "slowly.py").read_text(encoding="utf-8")
FILL = Path(__file__).parent.joinpath("client", "fill.py").read_text(encoding="utf-8")
DELAY = "/tmp/delay"  # noqa: S108 - in the pod
SMALL = "256Mi"


def assert_only_artifacts_suffered(found: Writing) -> None:
    """Check that nothing was lost, and that the API went on."""
    assert found.lost == NOTHING
    assert sum(found.failed["API"].values()) <= len(found.acknowledged["API"]) / 100, found.failed
    assert found.away["API"] < 15


def test_it_is_away(pair: Installation, client: Pod, objects: Around) -> None:
    """Artifacts are refused meanwhile, and taken as soon as it is back."""
    before = pair.restarts()
    with writing(client, pair) as found:
        objects.stop()
        time.sleep(60)
        objects.start()
    assert_only_artifacts_suffered(found)
    assert pair.restarts() == before
    found.keep("the object store is away for 60 s")


def test_it_refuses(pair: Installation, client: Pod, objects: Around, place: str) -> None:
    """Its keys are others for a while."""
    before = pair.restarts()
    with writing(client, pair) as found:
        objects.stop()
        objects.start(secret(place, "minio-root", {"MINIO_ROOT_USER": "others", "MINIO_ROOT_PASSWORD": "of others"}))
        time.sleep(40)
        objects.stop()
        objects.start()
    assert_only_artifacts_suffered(found)
    assert found.failed["artifacts"], "it did not refuse"
    assert pair.restarts() == before
    found.keep("the object store refuses the key for 40 s, and restarts before and after")


@pytest.fixture(scope="module")
def slow(place: str, ready: Ready, objects: Around) -> Iterator[tuple[Installation, Pod]]:
    """Start a server whose object store answers through a pod that may be slow; give both."""
    command = ("python", "-c", SLOWLY, "9000", f"{objects.name}.{place}", DELAY)
    apply_manifests([python_pod(place, "sluggish", *command), service(place, "sluggish", 9000)])
    wait_for_pods(place, "sluggish")
    store = ready.store("slow")
    server = release(place, "slow", MlflowProps(backend_store=store, artifact_store=bucket(host="sluggish")))
    with applied(server):
        server.wait(600)
        yield server, Pod(place, "sluggish")


def test_it_is_slow(slow: tuple[Installation, Pod], client: Pod) -> None:
    """Two seconds for each piece of an answer: artifacts get through slowly, all else as ever."""
    server, proxy = slow
    with writing(client, server) as found:
        proxy.execute("sh", "-c", f"echo 2 > {DELAY}")
        time.sleep(60)
        proxy.execute("rm", DELAY)
    assert_only_artifacts_suffered(found)
    assert found.away["artifacts"] > 1.5
    server.assert_calm()
    found.keep("the object store takes 2 s for each piece of an answer, for 60 s")


def test_it_hangs(slow: tuple[Installation, Pod], client: Pod) -> None:
    """Requests that wait for it keep no other ones waiting."""
    server, proxy = slow
    with writing(client, server) as found:
        proxy.execute("sh", "-c", f"echo 40 > {DELAY}")
        time.sleep(60)
        proxy.execute("rm", DELAY)
        time.sleep(30)
    assert_only_artifacts_suffered(found)
    server.assert_calm()
    found.keep("the object store does not answer for 60 s")


@pytest.fixture(scope="module")
def full(place: str, client: Pod, ready: Ready) -> Iterator[Installation]:
    """Start a server with an object store that has little room."""
    name = "small"
    root, pod, door = minio(place, S3_KEY["id"], S3_KEY["key"])
    for item in (pod, door):
        item["metadata"]["name"] = name
    pod["metadata"]["labels"] = door["spec"]["selector"] = {"app": name}
    [data] = [volume for volume in pod["spec"]["volumes"] if volume["name"] == "data"]
    data["emptyDir"] = {"medium": "Memory", "sizeLimit": SMALL}
    apply_manifests([root, pod, door, secret(place, "s3", S3_KEY)])
    wait_for_pods(place, name)
    run(client, "buckets", f"http://{name}.{place}:9000", S3_KEY["id"], S3_KEY["key"], "artifacts")
    store = ready.store("full")
    server = release(place, "full", MlflowProps(backend_store=store, artifact_store=bucket(host=name)))
    with applied(server):
        server.wait(600)
        yield server


def test_it_is_full(full: Installation, client: Pod, place: str) -> None:
    """Artifacts are refused until there is room again."""
    store = (f"http://small.{place}:9000", S3_KEY["id"], S3_KEY["key"], "artifacts")
    with writing(client, full) as found:
        assert "Storage" in client.execute("python", "-c", FILL, "fill", *store)
        time.sleep(40)
        client.execute("python", "-c", FILL, "empty", *store)
    assert_only_artifacts_suffered(found)
    assert found.failed["artifacts"], "it was not full"
    full.assert_calm()
    found.keep("the object store is full for 40 s", "by itself, once there is room")
