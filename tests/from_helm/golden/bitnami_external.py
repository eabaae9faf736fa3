"""MLflow as bitnami/mlflow ran it: ``python main.py`` writes ``dist/``."""

from cdk8s_mlflow import (
    S3,
    BasicAuth,
    Environment,
    ExistingSecret,
    FixedReplicas,
    Ingress,
    IngressTls,
    Metrics,
    MlflowProps,
    MySQL,
    S3Credentials,
    synthesize,
)

ENVIRONMENTS = (
    Environment(
        name="mlflow",
        namespace="ml",
        mlflow=MlflowProps(
            name="mlflow",
            backend_store=MySQL(host="mysql.databases.svc", password=ExistingSecret("mlflow-database", "password")),
            artifact_store=S3(
                bucket="mlflow",
                endpoint_url="http://minio.minio.svc:9000",
                credentials=S3Credentials(
                    access_key_id=ExistingSecret("minio-credentials", "root-user"),
                    secret_access_key=ExistingSecret("minio-credentials", "root-password"),
                ),
            ),
            authentication=BasicAuth(
                admin_password=ExistingSecret("mlflow-admin", "password"),
                user_store=MySQL(
                    host="mysql.databases.svc",
                    database="mlflow_auth",
                    password=ExistingSecret("mlflow-database", "password"),
                ),
            ),
            workers=2,
            scaling=FixedReplicas(2),
            exposure=Ingress(
                hosts=["mlflow.acme.example"],
                ingress_class_name="nginx",
                tls=[IngressTls(secret_name="mlflow.acme.example-tls")],
            ),
            metrics=Metrics(),
        ),
    ),
)

if __name__ == "__main__":
    synthesize(ENVIRONMENTS)
