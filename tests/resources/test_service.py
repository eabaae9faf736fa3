"""The Service of the server."""

from __future__ import annotations

import pytest
from releases import Manifest, render

from cdk8s_mlflow import ClusterIP, LoadBalancer, MlflowProps, NodePort

RANGES = ["192.0.2.0/24"]


def service(door: ClusterIP | NodePort | LoadBalancer) -> Manifest:
    """Return the Service of a door."""
    return render(MlflowProps(service=door)).one("Service")


def test_the_default_is_inside_the_cluster_on_the_port_of_mlflow() -> None:
    """The larribas chart's was a port of every node, for all to see."""
    assert service(ClusterIP())["spec"]["type"] == "ClusterIP"
    assert service(ClusterIP())["spec"]["ports"] == [
        {"name": "http", "port": 5000, "targetPort": "http", "protocol": "TCP"}
    ]


@pytest.mark.parametrize(
    ("door", "kind", "node_port"),
    [
        (NodePort(), "NodePort", None),
        (NodePort(node_port=30500), "NodePort", 30500),
        (LoadBalancer(node_port=30501), "LoadBalancer", 30501),
    ],
    ids=["chosen-by-the-cluster", "NodePort", "LoadBalancer"],
)
def test_a_port_of_the_nodes_can_be_named(door: NodePort | LoadBalancer, kind: str, node_port: int | None) -> None:
    """Left out, the cluster chooses one."""
    found = service(door)["spec"]
    assert found["type"] == kind
    assert found["ports"][0].get("nodePort") == node_port


@pytest.mark.parametrize(
    "door",
    [ClusterIP(port=80), NodePort(port=80), LoadBalancer(port=80)],
    ids=["ClusterIP", "NodePort", "LoadBalancer"],
)
def test_the_port_of_the_service_is_not_the_port_of_the_pods(door: ClusterIP | NodePort | LoadBalancer) -> None:
    """Pods listen on 5000 in any case: a port below 1024 would need a right."""
    assert service(door)["spec"]["ports"][0]["port"] == 80
    assert render(MlflowProps(service=door)).server["ports"][0]["containerPort"] == 5000


@pytest.mark.parametrize("door", [NodePort(source_ranges=RANGES), LoadBalancer(source_ranges=RANGES)])
def test_with_ranges_the_callers_address_is_kept(door: NodePort | LoadBalancer) -> None:
    """Or the network policy would see the node's address, and refuse everybody."""
    assert service(door)["spec"]["externalTrafficPolicy"] == "Local"


@pytest.mark.parametrize("door", [ClusterIP(), NodePort(), LoadBalancer()])
def test_without_ranges_kubernetes_decides(door: ClusterIP | NodePort | LoadBalancer) -> None:
    """What is left out stays out."""
    assert not {"externalTrafficPolicy", "loadBalancerSourceRanges"} & set(service(door)["spec"])


def test_a_load_balancer_gets_the_ranges_too() -> None:
    """It refuses strangers before the cluster has to."""
    assert service(LoadBalancer(source_ranges=RANGES))["spec"]["loadBalancerSourceRanges"] == RANGES
    assert "loadBalancerSourceRanges" not in service(NodePort(source_ranges=RANGES))["spec"]


def test_annotations_say_more_to_the_cloud() -> None:
    """Which kind of load balancer, for example."""
    found = service(LoadBalancer(annotations={"example.com/kind": "nlb"}))
    assert found["metadata"]["annotations"] == {"example.com/kind": "nlb"}
    assert "annotations" not in service(LoadBalancer())["metadata"]


def test_a_door_without_a_known_name_is_reported() -> None:
    """MLflow answers 403 to names that it does not know."""
    assert any("403" in notice for notice in render(MlflowProps(service=LoadBalancer())).notices)
    told = render(MlflowProps(service=LoadBalancer(), public_url="https://mlflow.example.com"))
    assert not any("403" in notice for notice in told.notices)
