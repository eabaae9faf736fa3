"""ServiceAccounts: an identity without any right, and without a token in the pod."""

from __future__ import annotations

from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.plan import AccountPlan, JobPlan, Plan
from cdk8s_mlflow.resources.metadata import define_metadata


def define_service_account(plan: Plan, account: AccountPlan) -> Manifest:
    """Return the server's ServiceAccount."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": define_metadata(plan, account.name, annotations=account.annotations),
        "automountServiceAccountToken": False,
    }


def define_generator_account(plan: Plan, job: JobPlan) -> Manifest:
    """Return the ServiceAccount of the Job that generates secrets."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": define_metadata(plan, job.pod.service_account_name, job.pod.component),
        "automountServiceAccountToken": False,
    }
