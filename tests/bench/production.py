"""As many production environments as the argument says: what the benchmark measures, and what CI counts."""

from __future__ import annotations

import sys

from cdk8s_mlflow import (
    S3,
    Autoscaling,
    BasicAuth,
    Environment,
    ExistingSecret,
    GarbageCollection,
    Ingress,
    IngressTls,
    Metrics,
    MlflowProps,
    PostgreSQL,
    S3Credentials,
    ServiceMonitor,
    synthesize,
)


def _database(name: str, secret: str) -> PostgreSQL:
    return PostgreSQL(
        host="postgres.data.svc",
        database=name,
        user=ExistingSecret(secret, "username"),
        password=ExistingSecret(secret, "password"),
    )


def production(number: int) -> Environment:
    """Return an environment of 19 objects: what the community chart's production values ask for, and what it lacks."""
    return Environment(
        name=f"production-{number}",
        namespace=f"mlflow-{number}",
        mlflow=MlflowProps(
            backend_store=_database(f"mlflow_{number}", "mlflow-db"),
            artifact_store=S3(
                bucket=f"mlflow-artifacts-{number}",
                prefix="prod",
                region="eu-west-1",
                credentials=S3Credentials(
                    access_key_id=ExistingSecret("mlflow-s3", "access-key-id"),
                    secret_access_key=ExistingSecret("mlflow-s3", "secret-access-key"),
                ),
            ),
            authentication=BasicAuth(
                user_store=_database(f"mlflow_auth_{number}", "mlflow-auth-db"),
                admin_password=ExistingSecret("mlflow-admin", "password"),
            ),
            scaling=Autoscaling(min_replicas=3, max_replicas=10),
            exposure=Ingress(
                ingress_class_name="nginx",
                hosts=[f"mlflow-{number}.example.com"],
                tls=[IngressTls(secret_name="mlflow-tls")],
            ),
            metrics=Metrics(monitor=ServiceMonitor()),
            garbage_collection=GarbageCollection(),
            resources={"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"cpu": "2", "memory": "2Gi"}},
        ),
    )


if __name__ == "__main__":
    synthesize(production(number) for number in range(int(sys.argv[1])))
