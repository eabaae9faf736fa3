"""Volumes without room: that of SQLite and the artifacts, scratch space, and what a backup needs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
from e2e.installation import KEYS, Installation, applied, release
from e2e.keeping.programs import ended_job, start_job
from e2e.kubectl import Manifest, Pod, apply_manifests, get, kubectl, wait_until
from e2e.results import record

from cdk8s_mlflow import ArtifactVolume, Backup, ExistingSecret, MlflowProps, Proxied, VolumeClaim

from .conftest import Ready
from .writing import NOTHING, writing

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def little(size: str) -> Manifest:
    """Return a volume that ends: the kit's claims have as much room as the machine."""
    return {"emptyDir": {"medium": "Memory", "sizeLimit": size}}


class Cramped(Installation):
    """A release whose claims have little room."""

    def manifests(self) -> list[Manifest]:
        """Return its objects."""
        found = super().manifests()
        [deployment] = [item for item in found if item["kind"] == "Deployment"]
        volumes = deployment["spec"]["template"]["spec"]["volumes"]
        volumes[:] = [
            {"name": item["name"], **little("96Mi")} if "persistentVolumeClaim" in item else item for item in volumes
        ]
        return [item for item in found if item["kind"] != "PersistentVolumeClaim"]


@pytest.fixture
def cramped(place: str) -> Iterator[Installation]:
    """Start a server with SQLite and artifacts on one volume."""
    props = MlflowProps(
        crypto_kek_passphrase=ExistingSecret(KEYS, "kek"),
        webhook_secret_encryption_key=ExistingSecret(KEYS, "webhook"),
    )
    server = Cramped(place, "cramped", props)
    with applied(server):
        server.wait(600)
        yield server


def test_the_volume_is_full(cramped: Installation, client: Pod) -> None:
    """Writers are refused until there is room again; what was acknowledged before stays."""
    [pod] = cramped.pods()
    with writing(client, cramped) as found:
        pod.attempt("sh", "-c", "head -c 1G /dev/zero > /mlflow/data/filled", container="mlflow")
        kubectl("-n", pod.namespace, "exec", pod.name, "-c", "mlflow", "--", "sleep", "40")
        pod.attempt("rm", "/mlflow/data/filled", container="mlflow")
    assert found.lost == NOTHING
    assert found.failed["API"], "it was not full"
    assert found.failed["artifacts"], "it was not full"
    cramped.assert_calm()
    found.keep("the volume of SQLite and artifacts is full for 40 s", "by itself, once there is room")


@pytest.fixture
def scratched(place: str, ready: Ready) -> Iterator[Installation]:
    """Start a server with a claim for artifacts and little scratch space."""
    props = MlflowProps(
        backend_store=ready.store("scratched"),
        artifact_store=ArtifactVolume(volume=VolumeClaim(name="artifacts", size="1Gi")),
        artifact_access=Proxied(largest_artifact="50Mi", concurrent_transfers=1),
    )
    server = release(place, "scratched", props)
    with applied(server):
        server.wait(600)
        yield server


def test_scratch_space_is_full(scratched: Installation, client: Pod) -> None:
    """The node evicts the pod that takes more of its disk than it may, and another one takes its place."""
    [pod] = scratched.pods()
    with writing(client, scratched) as found:
        pod.attempt("sh", "-c", "head -c 700M /dev/zero > /tmp/filled", container="mlflow")
        wait_until("the eviction", lambda: pod not in scratched.pods() or phase(pod) == "Failed", 240)
        wait_until("another pod", lambda: any(phase(item) == "Running" for item in scratched.pods()), 120)
        scratched.wait(300)
    assert found.lost == NOTHING
    found.keep("one server pod fills `/tmp` and is evicted by its node; it was the only one")


def phase(pod: Pod) -> str:
    """Return the phase of a pod."""
    found: str = pod.status()["phase"]
    return found


# --- Backups -----------------------------------------------------------------------------------------------


@attrs.frozen
class Copied:
    """A release with backups on a volume."""

    server: Installation

    def back_up(self, name: str, **volumes: Manifest) -> tuple[bool, str]:
        """Run a backup with other volumes in the place of its own; return whether it worked, and its last line."""
        namespace = self.server.namespace
        if volumes:
            start_job_with(namespace, f"{self.server.name}-backup", name, volumes)
        else:
            start_job(namespace, f"{self.server.name}-backup", name)
        worked, said = ended_job(namespace, name)
        return worked, said


def start_job_with(namespace: str, cron_job: str, name: str, volumes: dict[str, Manifest]) -> None:
    """Start a CronJob by hand, with other volumes."""
    create = ("-n", namespace, "create", "job", name, f"--from=cronjob/{cron_job}")
    job: dict[str, Any] = json.loads(kubectl(*create, "--dry-run=client", "-o", "json"))
    spec = job["spec"]["template"]["spec"]
    spec["volumes"] = [
        {"name": item["name"], **volumes[item["name"]]} if item["name"] in volumes else item for item in spec["volumes"]
    ]
    job["spec"]["backoffLimit"] = 0
    apply_manifests([job])


@pytest.fixture
def copied(place: str, ready: Ready) -> Iterator[Copied]:
    """Start a server with backups."""
    props = MlflowProps(
        backend_store=ready.store("copied"),
        backup=Backup(destination=ArtifactVolume(volume=VolumeClaim(name="backup", size="1Gi"))),
    )
    server = release(place, "copied", props)
    with applied(server):
        server.wait(600)
        yield Copied(server)


def test_a_backup_finds_no_room(copied: Copied, place: str) -> None:
    """It fails and says so, where the dump waits and where it goes; the next one that has room is complete."""
    for name, volume in {"no-scratch": "scratch", "no-room": "claim-backup"}.items():
        worked, said = copied.back_up(name, **{volume: little("64Ki")})
        assert not worked
        assert "No space left on device" in said, said
    assert get("job", "no-room", place)["status"]["failed"] == 1
    worked, said = copied.back_up("room")
    assert worked, said
    assert "is complete; removed none" in said
    record(
        "faults",
        "the volume of a backup is full, or its scratch space",
        {"lost": "the backup of that night; older ones stay", "healed": "the next one that has room"},
    )
