"""The Deployment of the server."""

from __future__ import annotations

from datetime import timedelta

import pytest
from releases import Manifest, render
from variants import POSTGRESQL, on_postgresql

from cdk8s_mlflow import (
    ArtifactVolume,
    ExistingVolumeClaim,
    FileStore,
    FixedReplicas,
    Migration,
    MlflowProps,
    SQLite,
    VolumeClaim,
)

ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


def spec(props: MlflowProps | None = None) -> Manifest:
    """Return the spec of the Deployment."""
    found: Manifest = render(props).one("Deployment")["spec"]
    return found


@pytest.mark.parametrize(
    ("props", "strategy"),
    [
        (MlflowProps(), {"type": "Recreate"}),
        (MlflowProps(backend_store=FileStore()), {"type": "Recreate"}),
        (on_postgresql(), ROLLING),
        (on_postgresql(registry_store=SQLite()), {"type": "Recreate"}),
        (on_postgresql(artifact_store=ArtifactVolume()), {"type": "Recreate"}),
        (on_postgresql(artifact_store=ArtifactVolume(volume=VolumeClaim(access_modes=["ReadWriteMany"]))), ROLLING),
        (
            on_postgresql(artifact_store=ArtifactVolume(volume=ExistingVolumeClaim(claim_name="old"))),
            {"type": "Recreate"},
        ),
    ],
    ids=["sqlite", "file-store", "postgresql", "sqlite-registry", "volume", "shared-volume", "existing-claim"],
)
def test_a_single_writer_ends_before_its_successor_starts(props: MlflowProps, strategy: Manifest) -> None:
    """Everything else rolls without a gap."""
    assert spec(props)["strategy"] == strategy


@pytest.mark.parametrize("replicas", [1, 2, 7])
def test_as_many_pods_run_as_the_props_say(replicas: int) -> None:
    """The larribas chart's replicaCount."""
    assert spec(on_postgresql(scaling=FixedReplicas(replicas)))["replicas"] == replicas


def test_a_rollout_waits_for_the_database_and_its_migration() -> None:
    """10 minutes for the database, 30 for another pod's migration and for the own one, 10 to start, one to spare."""
    assert spec()["progressDeadlineSeconds"] == (10 + 30 + 30 + 10 + 1) * 60
    longer = Migration(database_wait=timedelta(minutes=1), time_limit=timedelta(hours=5))
    assert spec(on_postgresql(migration=longer))["progressDeadlineSeconds"] == (1 + 300 + 300 + 10 + 1) * 60


def test_without_a_database_a_rollout_waits_for_the_start_alone() -> None:
    """There is nothing to migrate."""
    assert spec(MlflowProps(backend_store=FileStore()))["progressDeadlineSeconds"] == (10 + 1) * 60


def spread(props: MlflowProps) -> list[Manifest]:
    """Return the constraints of the pods."""
    found: list[Manifest] = render(props).pod.get("topologySpreadConstraints", [])
    return found


def test_replicas_spread_softly_over_nodes_and_zones() -> None:
    """Softly: a small cluster runs them all the same."""
    selector = {
        "matchLabels": {
            "app.kubernetes.io/name": "mlflow",
            "app.kubernetes.io/instance": "mlflow",
            "app.kubernetes.io/component": "server",
        }
    }
    assert spread(on_postgresql(scaling=FixedReplicas(2))) == [
        {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": selector}
        for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
    ]


def test_one_pod_spreads_over_nothing() -> None:
    """There is nothing to keep apart."""
    assert spread(on_postgresql()) == []


def test_replicas_do_not_spread_if_nothing_is_wanted() -> None:
    """An empty list is not the default."""
    assert spread(on_postgresql(scaling=FixedReplicas(2), topology_spread_constraints=())) == []


def test_an_own_constraint_gets_the_selector_of_the_pods() -> None:
    """Unless it has one."""
    own = {"maxSkew": 2, "topologyKey": "rack", "whenUnsatisfiable": "DoNotSchedule"}
    selector = {"matchLabels": {"team": "ml"}}
    props = on_postgresql(topology_spread_constraints=[own, own | {"labelSelector": selector}])
    first, second = spread(props)
    assert first["labelSelector"]["matchLabels"]["app.kubernetes.io/component"] == "server"
    assert second == own | {"labelSelector": selector}


def test_the_deployment_and_its_pods_have_the_same_selector_labels() -> None:
    """Or Kubernetes refuses it."""
    found = spec(MlflowProps(backend_store=POSTGRESQL, artifact_store=ArtifactVolume()))
    assert found["selector"]["matchLabels"].items() <= found["template"]["metadata"]["labels"].items()
