"""How the needs of several parts become those of one container."""

from __future__ import annotations

import pytest

from cdk8s_mlflow import CidrPeer, Endpoint, NamespacePeer, PodPeer, VolumeClaim
from cdk8s_mlflow.needs import EnvVar, Needs, merge, version_number


def test_equal_needs_are_one() -> None:
    """Two parts that want the same variable and the same port get it once."""
    part = Needs(env=(EnvVar("A", "1"),), egress=(Endpoint(port=443),))
    assert merge(part, part) == part


def test_unequal_needs_all_stay() -> None:
    """Never the last one wins: the plan reports both."""
    merged = merge(Needs(env=(EnvVar("A", "1"),)), Needs(env=(EnvVar("A", "2"),)))
    assert merged.env == (EnvVar("A", "1"), EnvVar("A", "2"))


def test_the_order_of_the_parts_is_kept() -> None:
    """A variable that others refer to stays before them."""
    merged = merge(Needs(env=(EnvVar("B", "1"),)), Needs(env=(EnvVar("A", "$(B)"),)))
    assert [item.name for item in merged.env] == ["B", "A"]


def test_the_newest_kubernetes_that_a_part_needs_is_needed() -> None:
    """Versions are compared as numbers: 1.9 would come before 1.27."""
    assert merge(Needs(kubernetes="1.29"), Needs(), Needs(kubernetes="1.31")).kubernetes == "1.31"
    assert version_number("1.9") < version_number("1.27")


def test_nothing_needs_nothing() -> None:
    """The needs of no parts are those of a container with nothing to do."""
    assert merge() == Needs()


@pytest.mark.parametrize(
    ("peer", "written"),
    [
        (
            NamespacePeer("training"),
            {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "training"}}},
        ),
        (PodPeer(match_labels={"app": "x"}), {"podSelector": {"matchLabels": {"app": "x"}}}),
        (
            PodPeer(match_labels={"app": "x"}, namespace="training"),
            {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "training"}},
                "podSelector": {"matchLabels": {"app": "x"}},
            },
        ),
        (
            CidrPeer("10.0.0.0/8", ["10.1.0.0/16"]),
            {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
        ),
    ],
    ids=["namespace", "pods", "pods-of-a-namespace", "network"],
)
def test_a_peer_is_written_as_a_network_policy_writes_it(
    peer: NamespacePeer | PodPeer | CidrPeer, written: dict[str, object]
) -> None:
    """Pods of a namespace are one peer with both selectors, not two peers."""
    assert peer.selector() == written


def test_lists_are_kept_as_tuples() -> None:
    """Frozen props compare and hash by value, whatever sequence they were given."""
    assert VolumeClaim(access_modes=["ReadWriteMany"]) == VolumeClaim(access_modes=("ReadWriteMany",))
