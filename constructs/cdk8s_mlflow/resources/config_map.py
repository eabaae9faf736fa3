"""ConfigMaps: the scripts and settings of a kind of pod. No secret ever stands in one."""

from __future__ import annotations

from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.plan import Plan
from cdk8s_mlflow.pods import PodPlan
from cdk8s_mlflow.resources.metadata import define_metadata


def define_config_map(plan: Plan, pod: PodPlan) -> Manifest:
    """Return the ConfigMap with the files of a pod."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": define_metadata(plan, pod.files_name, pod.component),
        "data": pod.files,
    }
