"""MLflow as MLflow's own chart ran it: ``python main.py`` writes ``dist/``."""

from cdk8s_mlflow import (
    GCS,
    ClusterIP,
    Endpoint,
    Environment,
    ExistingSecret,
    FixedReplicas,
    MlflowProps,
    NetworkPolicy,
    PostgreSQL,
    PostgreSQLTls,
    ServiceAccount,
    Workspaces,
    synthesize,
)

ENVIRONMENTS = (
    Environment(
        name="mlflow",
        namespace="ml",
        mlflow=MlflowProps(
            name="tracking",
            backend_store=PostgreSQL(
                host="db.acme.example",
                port=6432,
                password=ExistingSecret("tracking-database", "password"),
                tls=PostgreSQLTls(mode="require"),
            ),
            artifact_store=GCS(bucket="acme-mlflow", prefix="runs"),
            crypto_kek_passphrase=ExistingSecret("mlflow-kek", "passphrase"),
            workspaces=Workspaces(),
            workers=4,
            scaling=FixedReplicas(3),
            service=ClusterIP(port=8080),
            static_prefix="/tracking",
            network_policy=NetworkPolicy(egress=[Endpoint(port=3128)]),
            service_account=ServiceAccount(
                annotations={"iam.gke.io/gcp-service-account": "mlflow@acme.iam.gserviceaccount.com"},
            ),
            extra_env=[
                {"name": "MLFLOW_LOGGING_LEVEL", "value": "WARNING"},
                {"name": "HTTPS_PROXY", "value": "http://proxy.acme.example:3128"},
            ],
            env_from=[{"configMapRef": {"name": "mlflow-extra"}}],
        ),
    ),
)

if __name__ == "__main__":
    synthesize(ENVIRONMENTS)
