"""The shortest way from a server to a backup and into another release: a SQLite file, by a volume."""

from __future__ import annotations

import pytest
from e2e.installation import applied, release
from e2e.kubectl import Pod

from cdk8s_mlflow import ArtifactVolume, Backup, ExistingVolumeClaim, FixedReplicas, MlflowProps, SQLite, VolumeClaim

from .programs import ended_job, start_job

pytestmark = pytest.mark.e2e

LOG = """
import sys, requests
for number in range(7):
    body = {"experiment_id": "0", "start_time": number, "tags": [{"key": "number", "value": str(number)}]}
    requests.post(f"{sys.argv[1]}/api/2.0/mlflow/runs/create", json=body, timeout=60).raise_for_status()
"""
"""As MLflow's client does, which takes seconds to load."""


def test_a_file_comes_back_from_a_volume(main: str, client: Pod) -> None:
    """Copied while the server runs, and restored by a release of another name, which says what it has now."""
    volume = ArtifactVolume(volume=VolumeClaim(name="backup", size="1Gi"))
    server = release(main, "quick", MlflowProps(backend_store=SQLite(), backup=Backup(destination=volume)))
    same = Backup(destination=ArtifactVolume(volume=ExistingVolumeClaim(claim_name="quick-backup", name="backup")))
    other = MlflowProps(backend_store=SQLite(), backup=same, scaling=FixedReplicas(0))
    successor = release(main, "quick-again", other)
    with applied(server, successor):
        server.wait()
        client.execute("python", "-c", LOG, server.uri)
        start_job(main, "quick-backup", "quick-copy")
        worked, said = ended_job(main, "quick-copy")
        assert worked, said
        start_job(main, "quick-again-restore", "quick-back", RELEASE="quick")
        worked, said = ended_job(main, "quick-back")
        assert worked, said
        assert "7 runs" in said
        server.assert_calm()
