"""PersistentVolumeClaims."""

from __future__ import annotations

from releases import render
from variants import on_postgresql

from cdk8s_mlflow import ArtifactVolume, ExistingVolumeClaim, MlflowProps, SQLite, VolumeClaim


def test_the_default_is_one_claim_of_the_clusters_default_class() -> None:
    """10Gi, one writer."""
    assert render().one("PersistentVolumeClaim")["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "10Gi"}},
    }


def test_a_claim_is_kept_when_a_tool_removes_the_release() -> None:
    """Argo CD, Flux and Helm ask its annotations."""
    assert render().one("PersistentVolumeClaim")["metadata"]["annotations"] == {
        "argocd.argoproj.io/sync-options": "Delete=false,Prune=false",
        "helm.sh/resource-policy": "keep",
        "kustomize.toolkit.fluxcd.io/prune": "disabled",
    }


def test_a_claim_is_what_its_words_say() -> None:
    """With the amount as the API server writes it."""
    claim = VolumeClaim(
        name="runs", size="0.5Ti", storage_class_name="nfs", access_modes=["ReadWriteMany"], annotations={}
    )
    found = render(MlflowProps(backend_store=SQLite(volume=claim))).one("PersistentVolumeClaim")
    assert found["metadata"]["name"] == "mlflow-runs"
    assert "annotations" not in found["metadata"]
    assert found["spec"] == {
        "accessModes": ["ReadWriteMany"],
        "storageClassName": "nfs",
        "resources": {"requests": {"storage": "512Gi"}},
    }


def test_equal_claims_are_one() -> None:
    """The embedded default says it twice, and gets one volume."""
    release = render(MlflowProps(backend_store=SQLite(), artifact_store=ArtifactVolume()))
    assert len(release.all("PersistentVolumeClaim")) == 1


def test_claims_of_two_names_are_two() -> None:
    """Each with its own size."""
    release = render(MlflowProps(artifact_store=ArtifactVolume(volume=VolumeClaim(name="artifacts", size="1Ti"))))
    sizes = {
        item["metadata"]["name"]: item["spec"]["resources"]["requests"]["storage"]
        for item in release.all("PersistentVolumeClaim")
    }
    assert sizes == {"mlflow-data": "10Gi", "mlflow-artifacts": "1Ti"}


def test_an_existing_claim_is_mounted_and_not_made() -> None:
    """Under its own name."""
    release = render(MlflowProps(backend_store=SQLite(volume=ExistingVolumeClaim(claim_name="old"))))
    assert release.all("PersistentVolumeClaim") == []
    assert {"claimName": "old"} in [item.get("persistentVolumeClaim") for item in release.pod["volumes"]]


def test_no_claim_is_made_for_stores_elsewhere() -> None:
    """PostgreSQL and S3 need no volume."""
    assert render(on_postgresql()).all("PersistentVolumeClaim") == []
