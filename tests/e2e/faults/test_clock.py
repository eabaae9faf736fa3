"""A server whose clock jumps: by an hour, and back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from e2e.built import need_image
from e2e.installation import Installation, applied, release
from e2e.kubectl import Pod

from cdk8s_mlflow import Image, MlflowProps

from .conftest import Around, Ready, bucket
from .writing import NOTHING, writing

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

IMAGE = Image(repository="localhost/faketime", tag="v3.17.2", pull_policy="Never")
OFFSET = "/tmp/faketime"  # noqa: S108 - in the pod


@pytest.fixture(scope="module")
def timed(place: str, ready: Ready, objects: Around) -> Iterator[Installation]:
    """Start a server whose clock shows what a file says."""
    need_image(IMAGE.reference)
    assert objects.name
    variables = {
        "LD_PRELOAD": "/usr/$LIB/faketime/libfaketime.so.1",
        "FAKETIME_TIMESTAMP_FILE": OFFSET,
        "FAKETIME_CACHE_DURATION": "1",
        # A clock that is set jumps; what counts seconds does not.
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    env: list[Any] = [{"name": name, "value": value} for name, value in variables.items()]
    props = MlflowProps(image=IMAGE, backend_store=ready.store("timed"), artifact_store=bucket(), extra_env=env)
    server = release(place, "timed", props)
    with applied(server):
        server.wait(600)
        yield server


@pytest.mark.parametrize("offset", ["+3600", "-3600"])
def test_the_clock_jumps_by_an_hour(offset: str, timed: Installation, client: Pod) -> None:
    """The API goes on; S3 refuses signatures that are older or younger than 15 minutes, until the clock is right."""
    [pod] = timed.pods()
    assert abs(clock(pod) - time.time()) < 60
    with writing(client, timed) as found:
        pod.attempt("sh", "-c", f"echo {offset} > {OFFSET}", container="mlflow")
        time.sleep(30)
        assert abs(clock(pod) - time.time() - int(offset)) < 60
        pod.attempt("sh", "-c", f"echo +0 > {OFFSET}", container="mlflow")
    assert found.lost == NOTHING
    assert found.failed["API"] == {}
    timed.assert_calm()
    found.keep(f"a server's clock is wrong by {offset} s for 30 s", "by itself, once the clock is right")


def clock(pod: Pod) -> float:
    """Return the time that the server sees."""
    done = pod.attempt("python", "-c", "import time; print(time.time())", container="mlflow")
    return float(done.stdout)
