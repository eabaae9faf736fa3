"""Names, labels and selectors are a contract: they are spelled out here, and a change breaks installed releases."""

from __future__ import annotations

import pytest
from releases import render

from cdk8s_mlflow import MlflowProps
from cdk8s_mlflow.naming import Naming, construct_id


def test_the_selector_of_the_server_is_fixed() -> None:
    """Selectors are immutable in Kubernetes: another one means delete and re-create."""
    assert render().one("Deployment")["spec"]["selector"] == {
        "matchLabels": {
            "app.kubernetes.io/name": "mlflow",
            "app.kubernetes.io/instance": "mlflow",
            "app.kubernetes.io/component": "server",
        }
    }


def test_the_selector_of_the_service_is_fixed() -> None:
    """No Job's pod carries all three labels, so none answers for the Service."""
    assert render(name="team-a").one("Service")["spec"]["selector"] == {
        "app.kubernetes.io/name": "mlflow",
        "app.kubernetes.io/instance": "team-a",
        "app.kubernetes.io/component": "server",
    }


def test_labels_are_the_recommended_ones() -> None:
    """Every object says what it is, whose it is, and who made it."""
    assert render().one("Deployment")["metadata"]["labels"] == {
        "app.kubernetes.io/name": "mlflow",
        "app.kubernetes.io/instance": "mlflow",
        "app.kubernetes.io/component": "server",
        "app.kubernetes.io/version": "v3.17.2-full",
        "app.kubernetes.io/part-of": "mlflow",
        "app.kubernetes.io/managed-by": "cdk8s-mlflow",
    }


def test_the_version_is_in_no_selector() -> None:
    """Another image tag must not need another Deployment."""
    assert "app.kubernetes.io/version" not in Naming(release="mlflow", version="v4").selector("server")


@pytest.mark.parametrize(
    ("tag", "label"),
    [("v3.17.2-full", "v3.17.2-full"), ("t" * 128, "t" * 63), ("t" * 62 + "-x", "t" * 62), ("_a_", "a")],
    ids=["short", "long", "cut-at-a-dash", "underscores"],
)
def test_the_version_label_is_valid_for_every_tag(tag: str, label: str) -> None:
    """A tag may be longer than a label, and end in what no label ends in."""
    assert Naming(release="mlflow", version=tag).labels("server")["app.kubernetes.io/version"] == label


def test_the_name_of_the_props_wins_over_the_id() -> None:
    """The larribas chart's fullnameOverride; the instance label follows."""
    release = render(MlflowProps(name="tracking"), name="mlflow")
    assert release.one("Service")["metadata"]["name"] == "tracking"
    assert release.one("Service")["metadata"]["labels"]["app.kubernetes.io/instance"] == "tracking"


def test_the_label_name_is_the_nameoverride_of_the_chart() -> None:
    """It is in labels and selectors, and in no object's name."""
    release = render(MlflowProps(label_name="tracking"))
    assert release.one("Service")["metadata"]["name"] == "mlflow"
    assert release.one("Service")["spec"]["selector"]["app.kubernetes.io/name"] == "tracking"


def test_construct_ids_follow_kind_and_name() -> None:
    """JSON patches and dependencies of users find objects by them."""
    assert construct_id("ConfigMap", "mlflow-files") == "configmap-mlflow-files"
