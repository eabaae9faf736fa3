"""Artifacts on volumes: a new claim, a claim of somebody else's, and one that two replicas share."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from e2e.installation import Installation, applied, release
from e2e.kubectl import Manifest, Pod, apply_manifests, get, kubectl

from cdk8s_mlflow import (
    ArtifactVolume,
    ExistingVolumeClaim,
    FixedReplicas,
    MlflowProps,
    PostgreSQL,
    VolumeClaim,
)

from .programs import run

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
FILE = "models/new/größe 1.bin"


def claim(namespace: str, name: str) -> Manifest:
    """Return a claim that somebody else manages."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}


@pytest.fixture(scope="module")
def servers(main: str, database: PostgreSQL) -> Iterator[dict[str, Installation]]:
    """Start one release per kind of volume, all at once."""
    apply_manifests([claim(main, "of-the-team")])
    new = VolumeClaim(name="artifacts", size="2Gi", storage_class_name="standard")
    shared = VolumeClaim(name="shared", access_modes=["ReadWriteMany"])
    existing = ExistingVolumeClaim(claim_name="of-the-team")
    props = {
        "new": MlflowProps(backend_store=database, artifact_store=ArtifactVolume(volume=new)),
        "existing": MlflowProps(backend_store=database, artifact_store=ArtifactVolume(volume=existing)),
        "shared": MlflowProps(
            backend_store=database, artifact_store=ArtifactVolume(volume=shared), scaling=FixedReplicas(2)
        ),
    }
    releases = {name: release(main, name, item) for name, item in props.items()}
    with applied(*releases.values()):
        with ThreadPoolExecutor(len(releases)) as pool:
            list(pool.map(Installation.wait, releases.values()))
        yield releases


@pytest.mark.parametrize("name", ["new", "existing", "shared"])
def test_artifacts_are_files_on_the_volume(name: str, servers: dict[str, Installation], client: Pod) -> None:
    """What the client logs is a file in the claim's folder, and comes back unharmed."""
    server = servers[name]
    result = run(client, "transfer", server.uri, "20")
    assert result["received"] == result["sent"], server.diagnosis()
    folder = {"new": "artifacts", "existing": "data", "shared": "shared"}[name]
    path = f"/mlflow/{folder}/artifacts/{result['root'].removeprefix('mlflow-artifacts:/')}/{FILE}"
    for pod in server.pods():
        assert pod.execute("stat", "-c", "%s", path).split() == ["20000000"], server.diagnosis()
    server.assert_calm()


@pytest.mark.parametrize(("name", "claimed"), [("new", "new-artifacts"), ("existing", "of-the-team")])
def test_artifacts_outlive_the_pod(name: str, claimed: str, servers: dict[str, Installation], client: Pod) -> None:
    """A new pod finds what the old one wrote."""
    server = servers[name]
    assert get("persistentvolumeclaim", claimed, server.namespace)["status"]["phase"] == "Bound"
    other = run(client, "across", server.uri, server.uri)
    [old] = server.pods()
    kubectl("-n", server.namespace, "delete", "pod", old.name, "--grace-period=5")
    server.wait()
    [new] = server.pods()
    assert new.name != old.name
    found = run(client, "listing", server.uri, "across")
    assert len(found) == len(other) == 1, server.diagnosis()


def test_replicas_read_what_the_other_wrote(servers: dict[str, Installation], client: Pod) -> None:
    """Each of two replicas gives out the file that was sent to the other."""
    server = servers["shared"]
    uris = [f"http://{pod.status()['podIP']}:5000" for pod in server.pods()]
    assert len(uris) == 2, server.diagnosis()
    found = run(client, "across", *uris)
    assert found == {f"{writer} {reader}": writer for writer, reader in (uris, uris[::-1])}
