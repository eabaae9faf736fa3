"""One chart per environment: ``make synth`` writes them to ``dist/``."""

from cdk8s_mlflow import (
    S3,
    BasicAuth,
    Environment,
    ExistingSecret,
    FixedReplicas,
    Ingress,
    IngressTls,
    MlflowProps,
    NamespacePeer,
    NetworkPolicy,
    PostgreSQL,
    S3Credentials,
    synthesize,
)

# Each namespace has Secrets of the same names: README.md shows how to create them.
POSTGRESQL_USER = ExistingSecret("mlflow-postgresql", "username")
POSTGRESQL_PASSWORD = ExistingSecret("mlflow-postgresql", "password")
S3_CREDENTIALS = S3Credentials(
    access_key_id=ExistingSecret("mlflow-s3", "access-key-id"),
    secret_access_key=ExistingSecret("mlflow-s3", "secret-access-key"),
)
# The pods that train models, in every environment.
CLIENTS = NetworkPolicy(clients=[NamespacePeer("training")])

ENVIRONMENTS = (
    # Everything on one volume: nothing to prepare.
    Environment(
        name="development",
        namespace="mlflow-development",
        mlflow=MlflowProps(network_policy=CLIENTS),
    ),
    # A database and a bucket as in production, and the smallest of everything.
    Environment(
        name="staging",
        namespace="mlflow-staging",
        mlflow=MlflowProps(
            backend_store=PostgreSQL(
                host="postgresql.databases.svc",
                database="mlflow_staging",
                user=POSTGRESQL_USER,
                password=POSTGRESQL_PASSWORD,
            ),
            artifact_store=S3(
                bucket="mlflow-staging",
                endpoint_url="http://minio.databases.svc:9000",
                credentials=S3_CREDENTIALS,
            ),
            exposure=Ingress(hosts=["mlflow-staging.example.com"]),
            network_policy=CLIENTS,
        ),
    ),
    # Three replicas over nodes and zones, behind TLS and a login, with keys that the team keeps itself.
    Environment(
        name="production",
        namespace="mlflow-production",
        mlflow=MlflowProps(
            backend_store=PostgreSQL(
                host="postgresql.databases.svc",
                database="mlflow_production",
                user=POSTGRESQL_USER,
                password=POSTGRESQL_PASSWORD,
            ),
            artifact_store=S3(
                bucket="mlflow-production",
                endpoint_url="http://minio.databases.svc:9000",
                credentials=S3_CREDENTIALS,
            ),
            authentication=BasicAuth(
                admin_password=ExistingSecret("mlflow-admin", "password"),
                flask_secret_key=ExistingSecret("mlflow-keys", "flask-key"),
            ),
            crypto_kek_passphrase=ExistingSecret("mlflow-keys", "kek-passphrase"),
            webhook_secret_encryption_key=ExistingSecret("mlflow-keys", "webhook-key"),
            scaling=FixedReplicas(3),
            resources={"requests": {"cpu": "250m", "memory": "1Gi"}, "limits": {"memory": "1536Mi"}},
            exposure=Ingress(
                hosts=["mlflow.example.com"],
                tls=[IngressTls(secret_name="mlflow-tls")],
                allowed_from=[NamespacePeer("ingress")],
            ),
            network_policy=CLIENTS,
        ),
    ),
)

if __name__ == "__main__":
    synthesize(ENVIRONMENTS)
