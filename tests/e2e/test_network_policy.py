"""Who may connect to the servers, and where they may connect to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .environments import Environment, run
from .kubectl import Manifest, Pod, apply_manifests, kubectl, wait_for_pods
from .manifests import python_pod

pytestmark = pytest.mark.e2e

API_SERVER = "kubernetes.default.svc.cluster.local:443"
STORES = ("postgresql.databases.svc.cluster.local:5432", "minio.databases.svc.cluster.local:9000")


def addresses(environment: Environment) -> list[str]:
    """Return the Service's name and each server pod's address, with their ports."""
    return [f"{environment.hosts[-1]}:5000", *(f"{pod.status()['podIP']}:5000" for pod in environment.servers())]


def listener(stranger: Pod) -> str:
    """Return where the stranger listens."""
    return f"{stranger.status()['podIP']}:8080"


def connections(pod: Pod, *targets: str) -> set[bool]:
    """Return what came of connections from a pod to each target."""
    return set(run(pod, "connect", *targets).values())


def guest(environment: Environment, manifest: Manifest) -> Iterator[Pod]:
    """Start a pod in the environment's namespace for the time of a test."""
    pod = Pod(environment.namespace, manifest["metadata"]["name"])
    apply_manifests([manifest])
    wait_for_pods(pod.namespace, pod.name)
    yield pod
    kubectl("-n", pod.namespace, "delete", "pod", pod.name)


@pytest.fixture
def neighbour(environment: Environment) -> Iterator[Pod]:
    """Start a pod of nobody's beside the server."""
    yield from guest(environment, python_pod(environment.namespace, "neighbour"))


@pytest.fixture
def generator(development: Environment) -> Iterator[Pod]:
    """Start a pod with the labels of the Job that generates Secrets: the Job itself is over too soon."""
    labels = development.one("Job")["spec"]["template"]["metadata"]["labels"]
    manifest = python_pod(development.namespace, "generator", "python", "-m", "http.server", "5000")
    manifest["metadata"]["labels"] = labels
    yield from guest(development, manifest)


def test_clients_connect(environment: Environment, client: Pod) -> None:
    """The namespace that the props name reaches the server."""
    assert connections(client, *addresses(environment)) == {True}


def test_the_own_namespace_connects(environment: Environment, neighbour: Pod) -> None:
    """Pods beside the server reach it."""
    assert connections(neighbour, *addresses(environment)) == {True}


@pytest.mark.parametrize(("name", "allowed"), [("development", False), ("staging", True), ("production", False)])
def test_strangers_connect_only_where_an_ingress_opens_the_port(
    name: str, allowed: bool, stranger: Pod, running: dict[str, Environment]
) -> None:
    """Only staging's Ingress is open to all sources; production's names the controller's namespace."""
    assert connections(stranger, *addresses(running[name])) == {allowed}


def test_server_reaches_its_stores_only(environment: Environment, client: Pod, stranger: Pod) -> None:
    """Another port, an address outside the stores, and the API server are closed to the server."""
    server = environment.servers()[0]
    assert connections(client, listener(stranger), *STORES) == {True}, "the targets do not listen"
    assert connections(server, listener(stranger), API_SERVER) == {False}
    assert connections(server, *STORES) == {environment.variable("PGHOST") is not None}


def test_generating_job_reaches_the_api_server_only(client: Pod, stranger: Pod, generator: Pod) -> None:
    """The pod that may create Secrets talks to the API server, and nobody talks to it."""
    assert connections(generator, API_SERVER) == {True}
    assert connections(generator, listener(stranger), *STORES) == {False}
    assert connections(client, f"{generator.status()['podIP']}:5000") == {False}
