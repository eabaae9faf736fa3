"""Who connects to a server and whom it connects to: NodePort, policy, and every port of pod and Service."""

from __future__ import annotations

import pytest
from e2e.environments import run
from e2e.kubectl import Pod, get

from .releases import Server, program

pytestmark = pytest.mark.e2e

API_SERVER = "kubernetes.default.svc.cluster.local:443"


def connections(pod: Pod, *targets: str) -> set[bool]:
    """Return what came of connections from a pod to each target."""
    return set(run(pod, "connect", *targets).values())


def node_port(server: Server) -> int:
    """Return the nodes' port."""
    found: int = get("service", server.name, server.namespace)["spec"]["ports"][0]["nodePort"]
    return found


def test_a_node_port_is_open_to_its_ranges_alone(at_root: Server, guest: Pod, stranger: Pod) -> None:
    """Behind externalTrafficPolicy Local the policy sees the caller's own address."""
    assert get("service", at_root.name, at_root.namespace)["spec"]["externalTrafficPolicy"] == "Local"
    address = f"{at_root.pod.status()['hostIP']}:{node_port(at_root)}"
    assert connections(guest, address) == {True}
    assert connections(stranger, address) == {False}


def test_neighbours_and_ranges_connect_and_strangers_do_not(
    at_root: Server, below_prefix: Server, client: Pod, guest: Pod, stranger: Pod
) -> None:
    """To the Service and to the pod; a server without a NodePort knows no range."""
    at = [f"{at_root.host}:5000", f"{at_root.address}:5000"]
    below = [f"{below_prefix.host}:5000", f"{below_prefix.address}:5000"]
    assert connections(client, *at, *below) == {True}
    assert connections(guest, *at) == {True}
    assert connections(guest, *below) == {False}
    assert connections(stranger, *at, *below) == {False}


def test_a_server_reaches_nobody(at_root: Server, below_prefix: Server, client: Pod, stranger: Pod) -> None:
    """One on a volume needs DNS and nothing else: not a pod that listens, not its neighbour, not the API server."""
    targets = [
        f"{stranger.status()['podIP']}:8080",
        f"stranger.{stranger.namespace}.svc.cluster.local:8080",
        f"{below_prefix.host}:5000",
        API_SERVER,
    ]
    assert connections(client, *targets) == {True}, "the targets do not listen"
    assert connections(at_root.pod, *targets) == {False}


@pytest.mark.slow
def test_a_pod_has_one_open_port(at_root: Server, client: Pod, stranger: Pod) -> None:
    """Of all 65535, for whom the policy lets in; for anybody else none."""
    for pod, expected in ((client, "[5000]"), (stranger, "[]")):
        found = pod.execute("python", "-c", program("open_ports"), at_root.address, "1", "65535", timeout=600)
        assert found.strip() == expected


@pytest.mark.slow
def test_a_service_has_one_open_port(at_root: Server, client: Pod) -> None:
    """Among those that servers use.

    A port that no Service has is taken to the world outside, where something may answer: not MLflow.
    """
    address = get("service", at_root.name, at_root.namespace)["spec"]["clusterIP"]
    ports = ["22", "80", "443", "4180", "8000", "8080", "8443", "9090", "10250", *map(str, range(4990, 5011))]
    found = client.execute("python", "-c", program("healthy_ports"), address, *ports, timeout=600)
    assert found.strip() == "[5000]"
