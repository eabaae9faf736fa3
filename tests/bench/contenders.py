"""Who is measured: our production props, MLflow's own chart and community-charts', on one PostgreSQL and one MinIO.

The charts run with their defaults. What they cannot guess is said: the image, the stores, and the host that the client
calls. On a machine that others use as well a pod that asks for no CPU gets next to none; so all contenders ask for
the same, whatever they would ask for by themselves.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs
import main as environments
from e2e.kubectl import Manifest, Pod, apply_manifests, attempt, kubectl, pods
from e2e.manifests import MLFLOW_IMAGE
from page import ROOT

from cdk8s_mlflow import S3, FixedReplicas, Image, Ingress, MlflowProps, PostgreSQL
from cdk8s_mlflow.manifests import define_manifests
from cdk8s_mlflow.plan import plan

NAMESPACE = os.environ.get("BENCH_NAMESPACE", "bench-cluster")
REPOSITORY, _, TAG = os.environ.get("BENCH_IMAGE", MLFLOW_IMAGE).rpartition(":")
PEERS = Path(os.environ.get("PEERS", ROOT / ".." / "shared" / "peers"))
HELM = os.environ.get("HELM") or shutil.which("helm")
PASSWORD = "s3cret"
ACCESS_KEY = {"id": "mlflow", "key": "mlflow-secret"}
ENDPOINT = f"http://minio.{NAMESPACE}:9000"
MILLICORES = 48
"""What all pods of a contender ask for together."""


@attrs.frozen
class Contender:
    """A release: how it is installed, and where it then is."""

    name: str
    """Its instance; also of its database, its bucket."""
    deployment: str
    """The Deployment, and the Service."""
    uri: str
    """What a client calls."""

    def create(self, replicas: int, cpu: str) -> None:
        """Write its objects to the cluster."""
        raise NotImplementedError

    def delete(self) -> None:
        """Delete its objects, as whoever has made them does."""
        raise NotImplementedError

    def install(self, replicas: int = 1) -> None:
        """Create it, and wait until it is ready."""
        self.create(replicas, f"{MILLICORES // replicas}m")
        self.wait()

    def scale(self, replicas: int) -> None:
        """Run so many pods, and wait until they are ready."""
        kubectl("-n", NAMESPACE, "scale", f"deployment/{self.deployment}", f"--replicas={replicas}")
        self.wait()

    def restart(self) -> None:
        """Replace all pods, and wait until the new ones are ready."""
        kubectl("-n", NAMESPACE, "rollout", "restart", f"deployment/{self.deployment}")
        self.wait()

    def wait(self) -> None:
        """Wait until every replica is ready."""
        what = ("rollout", "status", f"deployment/{self.deployment}", "--timeout=400s")
        said = attempt("-n", NAMESPACE, *what, timeout=420)
        assert said.returncode == 0, f"{said.stdout}{said.stderr}\n{self.words()}"

    def pods(self) -> list[Pod]:
        """Return the server's pods."""
        return pods(NAMESPACE, f"app.kubernetes.io/instance={self.name}")

    def words(self) -> str:
        """Return what its pods are, and say."""
        shown = attempt("-n", NAMESPACE, "get", "pods", "-o", "wide").stdout
        for pod in self.pods():
            shown += attempt("-n", NAMESPACE, "logs", pod.name, "--all-containers", "--tail=40").stdout
        return shown

    def remove(self) -> None:
        """Delete it, and wait until nothing of it runs."""
        self.delete()
        selector = f"app.kubernetes.io/instance={self.name}"
        kubectl("-n", NAMESPACE, "delete", "pods", "-l", selector, "--grace-period=1", timeout=200)


@attrs.frozen
class Ours(Contender):
    """The production environment of ``main.py``, or what was made of it."""

    props: MlflowProps = attrs.field(repr=False)

    def manifests(self, replicas: int, cpu: str) -> list[Manifest]:
        """Return its objects."""
        props = attrs.evolve(self.props, scaling=FixedReplicas(replicas))
        found = define_manifests(plan(props, name=self.name, namespace=NAMESPACE))
        for manifest in found:
            manifest["metadata"]["namespace"] = NAMESPACE
            if manifest["kind"] == "Deployment":
                spec = manifest["spec"]["template"]["spec"]
                for container in (*spec["initContainers"], *spec["containers"]):
                    container["resources"]["requests"]["cpu"] = cpu
        return found

    def create(self, replicas: int, cpu: str) -> None:
        """Apply them."""
        apply_manifests(self.manifests(replicas, cpu))

    def delete(self) -> None:
        """Delete them."""
        items = {"apiVersion": "v1", "kind": "List", "items": self.manifests(1, "1m")}
        flags = ("--ignore-not-found", "--wait=false")
        kubectl("delete", "-f", "-", *flags, stdin=json.dumps(items))


@attrs.frozen
class Chart(Contender):
    """A chart, with what its defaults leave open."""

    folder: str
    values: dict[str, Any] = attrs.field(repr=False)

    def create(self, replicas: int, cpu: str) -> None:
        """Let Helm install it."""
        given = self.values | {"replicaCount": replicas, "resources": {"requests": {"cpu": cpu}}}
        with TemporaryDirectory() as folder:
            file = Path(folder, "values.json")
            file.write_text(json.dumps(given), encoding="utf-8")
            helm("upgrade", "--install", self.name, str(PEERS / self.folder), "-f", str(file))

    def delete(self) -> None:
        """Let Helm uninstall it."""
        helm("uninstall", self.name, "--ignore-not-found")


def helm(*arguments: str) -> None:
    """Run Helm in the namespace."""
    if HELM is None:
        raise SystemExit("there is no helm; go install helm.sh/helm/v3/cmd/helm@v3.19.5, and say HELM=.../helm")
    done = subprocess.run([HELM, *arguments, "-n", NAMESPACE], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"helm {arguments[:2]}: {done.stdout}{done.stderr}")


def ours(**changes: Any) -> Ours:
    """Return our production environment, on the stores of the benchmark."""
    [production] = [item.mlflow for item in environments.ENVIRONMENTS if item.name == "production"]
    database, bucket, [door] = production.backend_store, production.artifact_store, production.exposure
    assert isinstance(database, PostgreSQL)
    assert isinstance(bucket, S3)
    assert isinstance(door, Ingress)
    props = attrs.evolve(
        production,
        image=Image(repository=REPOSITORY, tag=TAG),
        backend_store=attrs.evolve(database, host="postgresql", database="ours"),
        artifact_store=attrs.evolve(bucket, bucket="ours", endpoint_url=ENDPOINT),
        authentication=None,  # the charts' defaults have no login either, and checking a password takes its time
        exposure=attrs.evolve(door, hosts=["bench-cluster.example.com"], tls=[]),
        **changes,
    )
    return Ours("ours", "ours", f"http://ours.{NAMESPACE}:5000", props)


def official() -> Chart:
    """Return MLflow's own chart."""
    plain = {
        "MLFLOW_S3_ENDPOINT_URL": ENDPOINT,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY["id"],
        "AWS_SECRET_ACCESS_KEY": ACCESS_KEY["key"],
    }
    values = {
        "image": {"repository": REPOSITORY, "tag": TAG},
        "mlflow": {
            "backendStoreUri": f"postgresql://official:{PASSWORD}@postgresql/official",
            "artifactsDestination": "s3://official",
        },
        "env": [{"name": name, "value": value} for name, value in plain.items()],
        "server": {"value_options": {"allowed_hosts": f"official-mlflow.{NAMESPACE}:5000"}},
    }
    uri = f"http://official-mlflow.{NAMESPACE}:5000"
    return Chart("official", "official-mlflow", uri, "official", values)


def community() -> Chart:
    """Return community-charts' chart."""
    values = {
        "image": {"repository": REPOSITORY, "tag": TAG},
        "backendStore": {
            "postgres": {
                "enabled": True,
                "host": "postgresql",
                "database": "community",
                "user": "community",
                "password": PASSWORD,
            }
        },
        "artifactRoot": {
            "proxiedArtifactStorage": True,
            "s3": {
                "enabled": True,
                "bucket": "community",
                "awsAccessKeyId": ACCESS_KEY["id"],
                "awsSecretAccessKey": ACCESS_KEY["key"],
            },
        },
        "extraEnvVars": {"MLFLOW_S3_ENDPOINT_URL": ENDPOINT},
        "serverAllowedHosts": [f"community-mlflow.{NAMESPACE}"],
    }
    uri = f"http://community-mlflow.{NAMESPACE}"
    return Chart("community", "community-mlflow", uri, "community", values)
