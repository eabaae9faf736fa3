"""The PodDisruptionBudget."""

from __future__ import annotations

from releases import render
from variants import on_postgresql

from cdk8s_mlflow import DisruptionBudget, FixedReplicas


def test_one_pod_has_no_budget() -> None:
    """It would block every drain of its node."""
    assert render(on_postgresql(disruption_budget=DisruptionBudget())).all("PodDisruptionBudget") == []


def test_two_pods_have_one() -> None:
    """One may go at a time; one that is not ready may always go, so a broken release holds no node."""
    spec = render(on_postgresql(scaling=FixedReplicas(2))).one("PodDisruptionBudget")["spec"]
    assert spec["maxUnavailable"] == 1
    assert spec["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_more_may_go_at_once_if_the_props_say_so() -> None:
    """For many replicas."""
    props = on_postgresql(scaling=FixedReplicas(6), disruption_budget=DisruptionBudget(max_unavailable=2))
    assert render(props).one("PodDisruptionBudget")["spec"]["maxUnavailable"] == 2


def test_none_is_rendered_if_none_is_wanted() -> None:
    """Somebody else's tool may decide."""
    props = on_postgresql(scaling=FixedReplicas(2), disruption_budget=None)
    assert render(props).all("PodDisruptionBudget") == []
