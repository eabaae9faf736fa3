"""The release on which a bad day falls, and what must be there when it is over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import attrs
from e2e.installation import Installation, release
from e2e.keeping.programs import run
from e2e.kubectl import Pod

from cdk8s_mlflow import (
    ArtifactVolume,
    Backup,
    MlflowProps,
    NamespacePeer,
    NetworkPolicy,
    SmokeTest,
    SQLite,
    VolumeClaim,
)

from .page import FIRST, Reader

BACKUP = Backup(destination=ArtifactVolume(volume=VolumeClaim(name="backup", size="1Gi")), keep=2)


def mlflow(reader: Reader, client: Pod, **changes: Any) -> Installation:
    """Return the release ``mlflow``: everything on volumes, with a smoke test, and what else the day needs."""
    props = MlflowProps(
        backend_store=SQLite(volume=VolumeClaim(size="1Gi")),
        artifact_store=ArtifactVolume(volume=VolumeClaim(size="1Gi")),
        smoke_test=SmokeTest(),
        network_policy=NetworkPolicy(clients=[NamespacePeer(client.namespace)]),
    )
    return release(reader.namespace, "mlflow", attrs.evolve(props, **changes))


def changed(server: Installation, **changes: Any) -> Installation:
    """Return the release with other props."""
    return Installation(server.namespace, server.name, attrs.evolve(server.props, **changes))


@contextmanager
def bad_day(reader: Reader, client: Pod, server: Installation, *, collects: bool = False) -> Iterator[None]:
    """Fill a server that works; after the day, it works again, and everything is as it was.

    Where that day collects garbage, a run that was deleted before is gone with it.
    """
    server.apply()
    server.wait(600)
    assert run(client, "everything", "fill", server.uri) == {"runs": 3}
    before = run(client, "everything", "read", server.uri)
    if collects:
        before["runs"] = {key: item for key, item in before["runs"].items() if "deleted" not in item["info"]}
    yield
    server.wait(600)
    verify(reader)
    assert run(client, "everything", "read", server.uri) == before


def verify(reader: Reader) -> None:
    """Run the smoke test as the page says."""
    assert "smoke-test: passed in " in reader.follow(FIRST, "create job --from=cronjob/mlflow-smoke-test")


def answers(client: Pod, server: Installation) -> bool:
    """Return whether a search of runs is answered."""
    search = (
        "import sys, requests; requests.post(sys.argv[1] + '/api/2.0/mlflow/experiments/search',"
        " json={'max_results': 1}, timeout=60).raise_for_status()"
    )
    return client.attempt("python", "-c", search, server.uri).returncode == 0
