"""The Job that generates keys, and its identity."""

from __future__ import annotations

import re

from releases import Manifest, render

from cdk8s_mlflow import Image, MlflowProps


def job(props: MlflowProps | None = None) -> Manifest:
    """Return the Job."""
    return render(props).one("Job")


def test_another_template_is_another_job() -> None:
    """A Job's template cannot be changed, and the same one must keep its name."""
    assert re.fullmatch(r"mlflow-secrets-[0-9a-f]{8}", job()["metadata"]["name"])
    assert job()["metadata"]["name"] == job()["metadata"]["name"]
    assert job(MlflowProps(image=Image(tag="v4")))["metadata"]["name"] != job()["metadata"]["name"]


def test_what_is_not_in_the_template_does_not_change_the_name() -> None:
    """Another replica or host of the server is no reason to run the Job again."""
    assert job(MlflowProps(workers=2, static_prefix="/x"))["metadata"]["name"] == job()["metadata"]["name"]


def test_the_job_stays_when_it_is_done() -> None:
    """With a time to live a GitOps tool would make it again for ever."""
    assert set(job()["spec"]) == {"backoffLimit", "template"}


def test_its_pod_alone_has_a_token() -> None:
    """Its ServiceAccount mounts none by itself."""
    spec = job()["spec"]["template"]["spec"]
    assert spec["automountServiceAccountToken"] is True
    assert spec["serviceAccountName"] == "mlflow-secrets"
    assert spec["restartPolicy"] == "Never"
    assert render().one("ServiceAccount", "mlflow-secrets")["automountServiceAccountToken"] is False


def test_the_role_is_bound_to_its_account_alone() -> None:
    """In the release's namespace."""
    binding = render(namespace="ml").one("RoleBinding")
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "mlflow-secrets", "namespace": "ml"}]
    assert binding["roleRef"] == {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "mlflow-secrets"}


def test_a_namespace_that_nobody_names_is_the_default_one() -> None:
    """A RoleBinding must name its subject's, and kubectl fills nothing in."""
    release = render(namespace=None)
    assert release.one("RoleBinding")["subjects"][0]["namespace"] == "default"
    assert release.one("Deployment")["metadata"]["namespace"] == "default"
