"""The Job that makes encryption keys: applied again, deleted, twice in a namespace, and killed halfway."""

from __future__ import annotations

import base64

import pytest
from e2e.installation import Installation
from e2e.kubectl import Manifest, apply_manifests, attempt, kubectl, objects, wait_until

from cdk8s_mlflow import MlflowProps

pytestmark = pytest.mark.e2e

CREATED = '    return "created"'
"""Where the program has made a Secret; the killed one waits there, so that there is a halfway."""
KEYS = ("crypto-kek-passphrase", "webhook-encryption-key")


def generator(release: Installation) -> list[Manifest]:
    """Return the objects of the Job, without the server's."""
    return [
        manifest
        for manifest in release.manifests()
        if manifest["kind"] not in {"Deployment", "PersistentVolumeClaim", "Service", "PodDisruptionBudget"}
    ]


def job(release: Installation) -> str:
    """Return the Job's name."""
    [found] = [manifest["metadata"]["name"] for manifest in generator(release) if manifest["kind"] == "Job"]
    return str(found)


def run(release: Installation) -> None:
    """Apply the Job's objects and wait until it is complete."""
    apply_manifests(generator(release))
    wait_for_job(release)


def wait_for_job(release: Installation) -> None:
    """Wait until the Job is complete."""
    done = attempt(
        *("-n", release.namespace, "wait", "--for=condition=Complete", "--timeout=120s", f"job/{job(release)}"),
        timeout=130,
    )
    assert done.returncode == 0, f"{done.stderr}{kubectl('-n', release.namespace, 'logs', f'job/{job(release)}')}"


def keys_of(release: Installation) -> dict[str, str]:
    """Return the keys that are there, by the end of their Secrets' names."""
    found = {item["metadata"]["name"]: item["data"] for item in objects("secrets", release.namespace)}
    return {
        name: base64.b64decode(next(iter(found[f"{release.name}-{name}"].values()))).decode()
        for name in KEYS
        if f"{release.name}-{name}" in found
    }


def test_two_installations_in_one_namespace_have_keys_of_their_own(main: str) -> None:
    """No key is shared, and applying again or deleting the Job changes none."""
    first, second = (Installation(main, name, MlflowProps()) for name in ("keys-a", "keys-b"))
    run(first)
    run(second)
    before = keys_of(first), keys_of(second)
    assert len({value for keys in before for value in keys.values()}) == 4
    run(first)
    kubectl("-n", main, "delete", "job", job(first), job(second))
    run(first)
    run(second)
    assert (keys_of(first), keys_of(second)) == before


def test_job_killed_halfway_keeps_what_it_has_made(main: str) -> None:
    """Its successor makes the second key and leaves the first one alone."""
    release = Installation(main, "keys-killed", MlflowProps())

    manifests = generator(release)
    files = next(item["data"] for item in manifests if CREATED in item.get("data", {}).get("generate_secrets.py", ""))
    files["generate_secrets.py"] = files["generate_secrets.py"].replace(CREATED, f"    time.sleep(8)\n{CREATED}")
    apply_manifests(manifests)
    wait_until("the first key", lambda: keys_of(release), 60)
    half = keys_of(release)
    assert list(half) == [KEYS[0]]
    pods = f"batch.kubernetes.io/job-name={job(release)}"
    kubectl("-n", main, "delete", "pods", "-l", pods, "--grace-period=0", "--force", "--ignore-not-found")
    wait_for_job(release)
    assert keys_of(release).keys() == set(KEYS)
    assert keys_of(release)[KEYS[0]] == half[KEYS[0]]
