"""A database made and filled by a plain MLflow 2.22, taken over by ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from e2e.installation import USED, applied, release, use
from e2e.kubectl import Manifest, Pod, apply_manifests, kubectl, wait_for_pods
from e2e.manifests import secret
from e2e.servers import MariaDBServer, PostgreSQLServer

from cdk8s_mlflow import ArtifactVolume, ExistingSecret, ExistingVolumeClaim, MlflowProps, MySQL, PostgreSQL
from cdk8s_mlflow.backend_store import BackendStore

from .old import old_pod, old_server

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PASSWORD = "since-2022"
PROGRAM = Path(__file__).parent.joinpath("client", "old.py").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def old_client(main: str) -> Iterator[Pod]:
    """Start a pod with the client of 2.22."""
    apply_manifests([old_pod(main, "old-client", "sleep", "infinity", env={"USER": "client"})])
    wait_for_pods(main, "old-client")
    yield Pod(main, "old-client")
    kubectl("-n", main, "delete", "pod", "old-client", "--wait=false")


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_runs_metrics_models_and_artifacts_are_intact(
    *, engine: str, main: str, old_client: Pod, client: Pod, postgres: PostgreSQLServer, maria: MariaDBServer
) -> None:
    """What 2.22 answered about its data before, the new server answers after the migration; and it takes new data."""
    database, claim = "since_2_22", f"since-2-22-{engine}"
    store: BackendStore
    if engine == "postgresql":
        postgres.make_database(database, database, PASSWORD)
        store = PostgreSQL(host=engine, database=database, user=database, password=ExistingSecret("old", "password"))
        uri = f"postgresql+psycopg2://{database}:{PASSWORD}@{engine}/{database}"
    else:
        maria.make_database(database, database, PASSWORD)
        store = MySQL(host=engine, database=database, user=database, password=ExistingSecret("old", "password"))
        uri = f"mysql+pymysql://{database}:{PASSWORD}@{engine}/{database}"
    apply_manifests([secret(main, "old", {"password": PASSWORD}), volume_claim(main, claim)])

    name = f"old-{engine}"
    apply_manifests(old_server(main, name, uri, claim))
    wait_for_pods(main, name, timeout=600)
    where = run(old_client, f"http://{name}:5000")
    before = run(old_client, f"http://{name}:5000", where)
    kubectl("-n", main, "delete", "pod,service", name, "--grace-period=1")

    volume = ArtifactVolume(volume=ExistingVolumeClaim(claim_name=claim))
    ours = release(main, f"new-{engine}", MlflowProps(backend_store=store, artifact_store=volume))
    with applied(ours):
        ours.wait()
        ours.assert_calm()
        assert "migrate: backend-store: from revision " in ours.logs("migrate")
        assert run(client, ours.uri, where) == before
        assert len(before["runs"]) == 20
        assert use(client, ours)[ours.name] == USED


def run(client: Pod, uri: str, *where: Any) -> Any:
    """Fill a server, or read what was filled."""
    output = client.execute("python", "-c", PROGRAM, uri, *(json.dumps(item) for item in where), timeout=600)
    return json.loads(output.splitlines()[-1])


def volume_claim(namespace: str, name: str) -> Manifest:
    """Return a claim."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
