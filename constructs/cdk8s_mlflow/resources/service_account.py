"""ServiceAccounts: an identity whose token is in no pod that does not ask for it."""

from __future__ import annotations

from collections.abc import Mapping

from cdk8s_mlflow.naming import Component
from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.plan import Plan
from cdk8s_mlflow.resources.metadata import define_metadata


def define_service_account(
    plan: Plan, name: str, component: Component = "server", annotations: Mapping[str, str] = {}
) -> Manifest:
    """Return the ServiceAccount of one kind of pod."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": define_metadata(plan, name, component, annotations),
        "automountServiceAccountToken": False,
    }
