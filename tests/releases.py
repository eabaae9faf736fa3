"""A release as the tests see it: its props, and the objects that they become, without jsii."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import attrs

from cdk8s_mlflow import MlflowProps
from cdk8s_mlflow.manifests import define_manifests
from cdk8s_mlflow.plan import plan

Manifest = dict[str, Any]


@attrs.frozen(kw_only=True)
class Release:
    """The objects of some props."""

    props: MlflowProps
    name: str
    namespace: str | None
    kubernetes: str
    """The oldest Kubernetes that the objects are for."""
    notices: tuple[str, ...]
    tracking_uri: str
    public_url: str | None
    objects: list[Manifest]

    def all(self, kind: str) -> list[Manifest]:
        """Return every object of a kind."""
        return [item for item in self.objects if item["kind"] == kind]

    def one(self, kind: str, name: str | None = None) -> Manifest:
        """Return the only object of a kind, or the one of this name."""
        (found,) = [item for item in self.all(kind) if name is None or item["metadata"]["name"] == name]
        return found

    def templates(self) -> Iterator[tuple[str, Manifest]]:
        """Return every pod template with the name of its owner."""
        for item in self.objects:
            if item["kind"] in {"Deployment", "Job", "CronJob"}:
                spec = item["spec"]["jobTemplate"]["spec"] if item["kind"] == "CronJob" else item["spec"]
                yield f"{item['kind']}/{item['metadata']['name']}", spec["template"]

    def containers(self) -> Iterator[tuple[str, Manifest]]:
        """Return every container of every pod with its name in words."""
        for owner, template in self.templates():
            for container in containers_of(template["spec"]):
                yield f"{owner} container {container['name']}", container

    @property
    def service(self) -> Manifest:
        """The Service by which clients reach the server."""
        return self.one("Service", self.name)

    @property
    def pod(self) -> Manifest:
        """The server's pod spec."""
        spec: Manifest = self.one("Deployment", self.name)["spec"]["template"]["spec"]
        return spec

    @property
    def server(self) -> Manifest:
        """The server's container."""
        return container_of(self.pod, "mlflow")

    def copy(self) -> Release:
        """Return a release whose objects may be spoiled."""
        return attrs.evolve(self, objects=copy.deepcopy(self.objects))


def render(props: MlflowProps | None = None, *, name: str = "mlflow", namespace: str | None = "ml") -> Release:
    """Return what the props become."""
    props = MlflowProps() if props is None else props
    planned = plan(props, name=name, namespace=namespace)
    return Release(
        props=props,
        name=planned.naming.release,
        namespace=planned.namespace,
        kubernetes=planned.kubernetes,
        notices=planned.notices,
        tracking_uri=planned.tracking_uri,
        public_url=planned.public_url,
        objects=define_manifests(planned),
    )


def containers_of(pod: Manifest) -> list[Manifest]:
    """Return every container of a pod spec, init containers first."""
    return [*pod.get("initContainers", []), *pod["containers"]]


def container_of(pod: Manifest, name: str) -> Manifest:
    """Return a container of a pod spec by its name."""
    (found,) = [container for container in containers_of(pod) if container["name"] == name]
    return found


def env_of(container: Manifest) -> dict[str, Any]:
    """Return the variables of a container: the value, or for a Secret ``(name, key)``."""
    found: dict[str, Any] = {}
    for item in container.get("env", []):
        secret = item.get("valueFrom", {}).get("secretKeyRef")
        found[item["name"]] = (
            (secret["name"], secret["key"]) if secret else item.get("valueFrom", item.get("value", ""))
        )
    return found
