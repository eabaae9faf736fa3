"""Import the package and plan one production environment, without cdk8s."""

from __future__ import annotations

from production import production

from cdk8s_mlflow.plan import plan

environment = production(0)
plan(environment.mlflow, name=environment.id, namespace="mlflow")
