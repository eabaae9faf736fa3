"""MLflow as community-charts/mlflow ran it: ``python main.py`` writes ``dist/``."""

from cdk8s_mlflow import (
    S3,
    BasicAuth,
    CertManagerIssuer,
    ClusterIP,
    ConnectionPool,
    Environment,
    ExistingSecret,
    Image,
    Ingress,
    IngressTls,
    Logs,
    MlflowProps,
    PostgreSQL,
    S3Credentials,
    synthesize,
)

ENVIRONMENTS = (
    # Decide: serverAllowedHosts: * would switch MLflow's protection off: write the names in allowed_hosts
    # Decide: (no network policy): the chart let every pod of the cluster in; ours the pods of the release's
    #   namespace: name the others by network_policy=NetworkPolicy(clients=[NamespacePeer('training')])
    Environment(
        name="mlflow",
        namespace="ml-platform",
        mlflow=MlflowProps(
            image=Image(pull_policy="Always"),
            backend_store=PostgreSQL(
                host="postgresql.postgresql.svc.cluster.local",
                password=ExistingSecret("mlflow-database", "password"),
            ),
            artifact_store=S3(
                bucket="mlflow",
                prefix="artifacts",
                region="us-east-1",
                endpoint_url="http://minio.minio.svc.cluster.local:9000",
                credentials=S3Credentials(
                    access_key_id=ExistingSecret("mlflow-s3", "access-key-id"),
                    secret_access_key=ExistingSecret("mlflow-s3", "secret-access-key"),
                ),
            ),
            connection_pool=ConnectionPool(size=3),
            authentication=BasicAuth(admin_username="root"),
            resources={"limits": {"memory": "4Gi"}},
            service=ClusterIP(port=80),
            exposure=Ingress(
                hosts=["mlflow.acme.example"],
                ingress_class_name="nginx",
                tls=[IngressTls(secret_name="mlflow-tls")],
                issuer=CertManagerIssuer("letsencrypt"),
                annotations={"nginx.ingress.kubernetes.io/proxy-body-size": "0"},
            ),
            logs=Logs(level="DEBUG"),
            extra_env=[
                {"name": "MLFLOW_S3_IGNORE_TLS", "value": "true"},
                {
                    "name": "OPENAI_API_KEY",
                    "valueFrom": {"secretKeyRef": {"name": "mlflow-environment", "key": "OPENAI_API_KEY"}},
                },
            ],
        ),
    ),
)

if __name__ == "__main__":
    synthesize(ENVIRONMENTS)
