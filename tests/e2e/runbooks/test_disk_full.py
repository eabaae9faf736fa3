"""The disk is full: a real one of 96 MiB, on which SQLite and artifacts are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from e2e.kubectl import Manifest, Pod, apply_manifests, attempt, kubectl, objects, wait_for_pods
from e2e.manifests import MLFLOW_IMAGE, pod

from cdk8s_mlflow import ArtifactVolume, GarbageCollection, SQLite, VolumeClaim

from .home import bad_day, changed, mlflow
from .page import Reader

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

CLASS = "runbooks-small"
SMALL = SQLite(volume=VolumeClaim(size="96Mi", storage_class_name=CLASS))


@contextmanager
def small_disk(holder: Pod, claimed_by: str) -> Iterator[None]:
    """Offer a volume that is really that small: the memory of a pod that outlives the releases."""
    scratch = {"emptyDir": {"medium": "Memory", "sizeLimit": "96Mi"}}
    container = {
        "image": MLFLOW_IMAGE,
        "command": ["sleep", "infinity"],
        "volumeMounts": [{"name": "small", "mountPath": "/small"}],
    }
    apply_manifests([pod(holder.namespace, "small", container, {"small": scratch})])
    wait_for_pods(holder.namespace, "small")
    apply_manifests([volume(Pod(holder.namespace, "small"), claimed_by)])
    try:
        yield
    finally:
        kubectl("delete", "persistentvolume", CLASS, "--wait=false")
        attempt("patch", "persistentvolume", CLASS, "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
        kubectl("-n", holder.namespace, "delete", "pod", "small", "--wait=false")


def volume(holder: Pod, claimed_by: str) -> Manifest:
    """Return the volume; the node's folder for pods is told by where a pod's file of hosts comes from."""
    [line] = [item for item in holder.execute("cat", "/proc/self/mountinfo").splitlines() if " /etc/hosts " in item]
    folder = line.split()[3].removesuffix("/etc-hosts")
    [node] = [item["spec"]["nodeName"] for item in objects("pods", holder.namespace, "app=small")]
    place = [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": CLASS},
        "spec": {
            "capacity": {"storage": "96Mi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": CLASS,
            "claimRef": {"namespace": claimed_by, "name": "mlflow-data"},
            "local": {"path": f"{folder}/volumes/kubernetes.io~empty-dir/small"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": place}]}},
        },
    }


HEAVY = """
import os, sys, requests
uri, kept = sys.argv[1], requests.Session()
def post(path, body):
    answer = kept.post(f"{uri}/api/2.0/mlflow/{path}", json=body, timeout=120)
    return answer.json() if answer.ok else answer.status_code
made = post("experiments/create", {"name": "heavy"})["experiment_id"]
run = post("runs/create", {"experiment_id": made, "start_time": 1})["run"]["info"]["run_id"]
files = f"{uri}/api/2.0/mlflow-artifacts/artifacts/{made}/{run}/artifacts"
for number in range(30):
    try:
        print(kept.put(f"{files}/{number}.bin", data=os.urandom(4 << 20), timeout=120).status_code)
    except requests.ConnectionError:  # the server answers before it has read everything, and hangs up
        print("cut off")
print(made)
"""
"""Log artifacts until there is no room."""

WRITE = """
import sys, requests
metrics = [{"key": f"metric {key}", "value": 1, "timestamp": 1, "step": 1} for key in range(500)]
api = f"{sys.argv[1]}/api/2.0/mlflow"
runs = requests.post(f"{api}/runs/search", json={"experiment_ids": [sys.argv[2]]}, timeout=60)
body = {"run_id": runs.json()["runs"][0]["info"]["run_id"], "metrics": metrics}
answer = requests.post(f"{api}/runs/log-batch", json=body, timeout=120)
print(runs.status_code, answer.status_code)
"""

DELETE = """
import sys, requests
api = f"{sys.argv[1]}/api/2.0/mlflow"
answer = requests.post(f"{api}/experiments/delete", json={"experiment_id": sys.argv[2]}, timeout=120)
print(answer.status_code)
"""


def said(client: Pod, program: str, *arguments: str) -> list[str]:
    """Run a program in the client's pod, and return the words that it says."""
    return client.execute("python", "-c", program, *arguments).split()


def test_an_experiment_that_nobody_needs_makes_room(reader: Reader, client: Pod) -> None:
    """To the last byte: a file has to go before anybody can delete an experiment, and then its garbage."""
    server = mlflow(
        reader,
        client,
        backend_store=SMALL,
        artifact_store=ArtifactVolume(volume=SMALL.volume),
        garbage_collection=GarbageCollection(),
    )
    with small_disk(client, reader.namespace), bad_day(reader, client, server, collects=True):
        *answers, experiment = said(client, HEAVY, server.uri)
        assert (answers[0], "500" in answers) == ("200", True), answers
        Pod(client.namespace, "small").attempt("sh", "-c", "cat /dev/zero > /small/rest")
        assert said(client, WRITE, server.uri, experiment) == ["200", "503"]
        assert "database or disk is full" in reader.follow("MlflowErrors", "--tail=500")
        assert "100%" in reader.follow("MlflowVolumeFull", "df -h")
        assert said(client, DELETE, server.uri, experiment) == ["503"]
        largest = reader.follow("The disk is full", "find /mlflow/data/artifacts").splitlines()[-1].split()[1]
        assert f"/{experiment}/" in largest
        reader.follow("The disk is full", "rm FILE", names={"FILE": largest})
        assert said(client, DELETE, server.uri, experiment) == ["200"]
        changed(server, garbage_collection=GarbageCollection(older_than=timedelta(0))).apply()
        reader.follow("The disk is full", "gc-now")
        kubectl("-n", client.namespace, "exec", "small", "--", "rm", "/small/rest")
        server.apply()
        [line] = [
            item
            for item in reader.follow("MlflowVolumeFull", "df -h").splitlines()
            if "/mlflow/data" in item and "%" in item
        ]
        assert int(line.split()[4].removesuffix("%")) < 50
        server.assert_calm()
