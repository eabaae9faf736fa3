"""MLflow as larribas/mlflow ran it: ``python main.py`` writes ``dist/``."""

from cdk8s_mlflow import (
    GCS,
    Direct,
    Environment,
    ExistingSecret,
    ExistingServiceAccount,
    Image,
    LoadBalancer,
    Metrics,
    MlflowProps,
    PostgreSQL,
    synthesize,
)

ENVIRONMENTS = (
    # Decide: image.repository: it must hold what MLflow's own -full image holds, as 3.17 does
    # Decide: (no network policy): the chart let every pod of the cluster in; ours the pods of the release's
    #   namespace: name the others by network_policy=NetworkPolicy(clients=[NamespacePeer('training')])
    Environment(
        name="mlflow",
        namespace="tracking",
        mlflow=MlflowProps(
            image=Image(repository="europe-docker.pkg.dev/acme/ml/mlflow", tag="3.6", pull_secrets=["registry"]),
            backend_store=PostgreSQL(
                host="10.23.0.3",
                database="mlflow_prod",
                password=ExistingSecret("mlflow-postgres", "password"),
            ),
            artifact_store=GCS(bucket="acme-mlflow", prefix="artifacts"),
            artifact_access=Direct(),
            workers=2,
            resources={"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "2Gi"}},
            service=LoadBalancer(),
            metrics=Metrics(),
            service_account=ExistingServiceAccount("mlflow-workload"),
            node_selector={"cloud.google.com/gke-nodepool": "tools"},
        ),
    ),
)

if __name__ == "__main__":
    synthesize(ENVIRONMENTS)
