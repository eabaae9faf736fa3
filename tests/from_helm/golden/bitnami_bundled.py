"""MLflow as bitnami/mlflow ran it: ``python main.py`` writes ``dist/``."""

from cdk8s_mlflow import (
    S3,
    BasicAuth,
    ClusterIP,
    Environment,
    ExistingSecret,
    MlflowProps,
    PostgreSQL,
    S3Credentials,
    synthesize,
)

ENVIRONMENTS = (
    # Decide: postgresql: the database of the subchart goes on as it is: keep its objects, or move to CloudNativePG()
    # Decide: minio.enabled: the MinIO of the subchart goes on as it is: keep its objects, or move its bucket
    # Decide: tracking.service.type: ClusterIP: the chart took a load balancer of the cloud; write
    #   service=LoadBalancer(port=80) for one
    Environment(
        name="mlflow",
        namespace="mlflow",
        mlflow=MlflowProps(
            backend_store=PostgreSQL(
                host="mlflow-postgresql",
                database="bitnami_mlflow",
                user="bn_mlflow",
                password=ExistingSecret("mlflow-postgresql", "password"),
            ),
            artifact_store=S3(
                bucket="mlflow",
                endpoint_url="http://mlflow-minio:80",
                credentials=S3Credentials(
                    access_key_id=ExistingSecret("mlflow-minio", "root-user"),
                    secret_access_key=ExistingSecret("mlflow-minio", "root-password"),
                ),
            ),
            authentication=BasicAuth(admin_username="user"),
            service=ClusterIP(port=80),
        ),
    ),
)

if __name__ == "__main__":
    synthesize(ENVIRONMENTS)
