"""A store of one writer is away while its pod is replaced; for how long is in docs/rollouts.md."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from e2e.environments import program
from e2e.installation import Installation, applied, release
from e2e.kubectl import Pod, kubectl

from cdk8s_mlflow import ArtifactVolume, MlflowProps, SQLite, VolumeClaim

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
STOP = "/tmp/stop-asking"  # noqa: S108 - in the pod


@pytest.fixture
def single(place: str) -> Iterator[Installation]:
    """Start a server on a file and a volume."""
    stores = MlflowProps(
        backend_store=SQLite(volume=VolumeClaim(size="1Gi")),
        artifact_store=ArtifactVolume(volume=VolumeClaim(name="files", size="1Gi")),
    )
    server = release(place, "single", stores)
    with applied(server):
        server.wait(600)
        yield server


def test_the_old_pod_answers_until_it_stops(single: Installation, client: Pod) -> None:
    """Only the time between its stop and the start of the next one is lost: Services know nobody else meanwhile."""
    client.execute("rm", "-f", STOP)
    process = client.start("python", "-c", program("gap"), single.uri, STOP)
    try:
        time.sleep(5)
        started = time.time()
        kubectl("-n", single.namespace, "rollout", "restart", f"deployment/{single.name}")
        single.wait(600)
        time.sleep(5)
    finally:
        client.execute("touch", STOP)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    [(last, first)] = json.loads(output)
    print(f"answered {last - started:.1f} s longer, then away for {first - last:.1f} s")  # noqa: T201 - for the docs
    assert last - started > 8
    assert first - last < 120
