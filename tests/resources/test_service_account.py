"""The ServiceAccount of the server."""

from __future__ import annotations

from releases import render
from variants import KEYS

from cdk8s_mlflow import ExistingServiceAccount, MlflowProps, ServiceAccount


def test_the_server_has_an_account_of_its_own_without_a_token() -> None:
    """As the larribas chart had by default."""
    account = render().one("ServiceAccount", "mlflow")
    assert account["automountServiceAccountToken"] is False
    assert "annotations" not in account["metadata"]
    assert render().pod["serviceAccountName"] == "mlflow"


def test_annotations_give_it_a_role_of_the_cloud() -> None:
    """And its name can be another."""
    account = ServiceAccount(name="s3-writer", annotations={"eks.amazonaws.com/role-arn": "arn"})
    release = render(MlflowProps(service_account=account, **KEYS))
    assert release.one("ServiceAccount")["metadata"]["name"] == "s3-writer"
    assert release.one("ServiceAccount")["metadata"]["annotations"] == {"eks.amazonaws.com/role-arn": "arn"}
    assert release.pod["serviceAccountName"] == "s3-writer"


def test_an_existing_account_is_not_made() -> None:
    """The larribas chart's serviceAccount.create=false."""
    release = render(MlflowProps(service_account=ExistingServiceAccount(), **KEYS))
    assert release.all("ServiceAccount") == []
    assert release.pod["serviceAccountName"] == "default"
