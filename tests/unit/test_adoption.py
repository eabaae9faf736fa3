"""A running release of Helm goes on under our objects: same names, same selectors, and nothing else answers to them."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from releases import render
from variants import on_postgresql

from cdk8s_mlflow import ClusterIP, GarbageCollection, Headless, HelmRelease, InvalidProps, MlflowProps

# What `helm template` writes: names, selectors, and how the Service finds the port.
CHARTS = {
    "larribas": (
        HelmRelease(chart="larribas", release="tracking"),
        "tracking-mlflow",
        {"app.kubernetes.io/name": "mlflow", "app.kubernetes.io/instance": "tracking"},
        "http",
    ),
    "larribas-contained": (
        HelmRelease(chart="larribas", release="mlflow-prod"),
        "mlflow-prod",
        {"app.kubernetes.io/name": "mlflow", "app.kubernetes.io/instance": "mlflow-prod"},
        "http",
    ),
    "larribas-renamed": (
        HelmRelease(chart="larribas", release="ml", name_override="tracker"),
        "ml-tracker",
        {"app.kubernetes.io/name": "tracker", "app.kubernetes.io/instance": "ml"},
        "http",
    ),
    "community": (
        HelmRelease(chart="community", release="tracking"),
        "tracking-mlflow",
        {"app": "mlflow", "app.kubernetes.io/name": "mlflow", "app.kubernetes.io/instance": "tracking"},
        5000,
    ),
    "official": (
        HelmRelease(chart="official", release="mlflow"),
        "mlflow-mlflow",
        {"app.kubernetes.io/name": "mlflow", "app.kubernetes.io/instance": "mlflow"},
        "http",
    ),
    "official-overridden": (
        HelmRelease(chart="official", release="mlflow", full_name_override="tracking"),
        "tracking",
        {"app.kubernetes.io/name": "mlflow", "app.kubernetes.io/instance": "mlflow"},
        "http",
    ),
}


@pytest.mark.parametrize(("old", "name", "selector", "port"), CHARTS.values(), ids=CHARTS)
def test_names_and_selectors_are_the_charts(
    old: HelmRelease, name: str, selector: dict[str, str], port: str | int
) -> None:
    """A Deployment's selector cannot change, and the Service must find old and new pods by one word."""
    release = render(MlflowProps(adopt=old))
    deployment, service = release.one("Deployment"), release.one("Service")
    assert {item["metadata"]["name"] for item in (deployment, service, release.one("ServiceAccount", name))} == {name}
    assert deployment["spec"]["selector"] == {"matchLabels": selector}
    assert service["spec"]["selector"] == selector
    assert service["spec"]["ports"][0]["targetPort"] == port


@pytest.mark.parametrize(("old", "selector"), [(item[0], item[2]) for item in CHARTS.values()], ids=CHARTS)
def test_no_other_pod_answers_to_the_old_selector(old: HelmRelease, selector: dict[str, str]) -> None:
    """It knows no component: the pods of Jobs differ in their name."""
    release = render(on_postgresql(adopt=old, garbage_collection=GarbageCollection()))
    matching = [
        owner for owner, template in release.templates() if selector.items() <= template["metadata"]["labels"].items()
    ]
    assert matching == [f"Deployment/{old.full_name}"]


def test_the_policy_leaves_the_old_pods_alone() -> None:
    """They listen on another port, and still serve while the new ones start."""
    release = render(MlflowProps(adopt=CHARTS["larribas"][0]))
    selector = release.one("NetworkPolicy", "tracking-mlflow-server")["spec"]["podSelector"]["matchLabels"]
    assert selector["app.kubernetes.io/component"] == "server"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "other"}, "MlflowProps.name: adopt says the name already (got 'other')"),
        ({"label_name": "other"}, "MlflowProps.label_name: adopt says the labels already (got 'other')"),
        (
            {"adopt": HelmRelease(chart="official", release="a", name_override="b")},
            "name_override is nothing that this chart knows (got 'b')",
        ),
        (
            {"adopt": HelmRelease(chart="community", release="a", container_port=8080)},
            "set service.containerPort to 5000 by a `helm upgrade` first",
        ),
        ({"adopt": HelmRelease(chart="larribas", release="A")}, "MlflowProps.adopt.release: must be a DNS label"),
        ({"adopt": HelmRelease(chart="larribas", release="a" * 50)}, "adopt: the names of its objects are too long"),
    ],
    ids=["name", "label", "name-override", "container-port", "release", "length"],
)
def test_rejects_what_cannot_be_taken_over(changes: dict[str, Any], message: str) -> None:
    """Before anything is applied to a server that runs."""
    props = attrs.evolve(MlflowProps(adopt=CHARTS["larribas"][0]), **changes)
    with pytest.raises(InvalidProps) as caught:
        render(props)
    assert message in str(caught.value)


def test_a_headless_service_is_refused() -> None:
    """An address cannot be taken from a Service."""
    with pytest.raises(InvalidProps, match="cannot become headless in place"):
        render(MlflowProps(adopt=CHARTS["larribas"][0], service=Headless()))
    assert render(MlflowProps(adopt=CHARTS["larribas"][0], service=ClusterIP(port=80))).one("Service")
