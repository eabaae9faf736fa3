"""From a Helm chart's values to a program: what each chart's keys become, and why."""

from __future__ import annotations

from cdk8s_mlflow.from_helm.charts import CHARTS, Converted, convert_values
from cdk8s_mlflow.from_helm.values import Finding, InvalidValues

__all__ = ["CHARTS", "Converted", "Finding", "InvalidValues", "convert_values"]
