"""Jobs."""

from __future__ import annotations

from cdk8s_mlflow.naming import hashed_name
from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.plan import JobPlan, Plan
from cdk8s_mlflow.resources.emptiness import without_nothing
from cdk8s_mlflow.resources.metadata import define_metadata
from cdk8s_mlflow.resources.pod import define_pod_template


def define_job(plan: Plan, job: JobPlan) -> Manifest:
    """Return a Job that runs once. It has no time to live: a GitOps tool would make it again for ever."""
    # A field that no pod has yet must not give the Job another name.
    template = without_nothing(define_pod_template(job.pod))
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": define_metadata(plan, hashed_name(job.name, template), job.pod.component),
        "spec": {"backoffLimit": 6, "template": template},
    }
