"""Jobs."""

from __future__ import annotations

from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.plan import JobPlan, Plan
from cdk8s_mlflow.resources.metadata import define_metadata
from cdk8s_mlflow.resources.pod import define_pod_template


def define_job(plan: Plan, job: JobPlan) -> Manifest:
    """Return a Job that runs once. It has no time to live: a GitOps tool would make it again for ever."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": define_metadata(plan, job.name, job.pod.component),
        "spec": {"backoffLimit": 6, "template": define_pod_template(job.pod)},
    }
