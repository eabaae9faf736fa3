"""CronJobs."""

from __future__ import annotations

from cdk8s_mlflow.maintenance import CronJobPlan
from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.plan import Plan
from cdk8s_mlflow.resources.metadata import define_metadata
from cdk8s_mlflow.resources.pod import define_pod_template


def define_cron_job(plan: Plan, job: CronJobPlan) -> Manifest:
    """Return a CronJob. One without a schedule is suspended, and a template for ``kubectl create job --from``."""
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": define_metadata(plan, job.name, job.pod.component),
        "spec": {
            # It must have one: New Year's night, if nothing held it back.
            "schedule": job.schedule or "0 0 1 1 *",
            "suspend": job.schedule is None,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": 3600,
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {
                "metadata": {"labels": job.pod.labels},
                "spec": {
                    "backoffLimit": job.retries,
                    "activeDeadlineSeconds": job.time_limit_seconds,
                    "template": define_pod_template(job.pod),
                },
            },
        },
    }
