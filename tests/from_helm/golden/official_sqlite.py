"""MLflow as MLflow's own chart ran it: ``python main.py`` writes ``dist/``."""

from datetime import timedelta

from cdk8s_mlflow import (
    ArtifactVolume,
    Environment,
    ExistingVolumeClaim,
    GarbageCollection,
    HelmRelease,
    Image,
    MlflowProps,
    SQLite,
    synthesize,
)

ENVIRONMENTS = (
    # Decide: (no network policy): the chart let every pod of the cluster in, and so do we after a take-over: leave
    #   network_policy out once you know the clients, or write NetworkPolicy(clients=[NamespacePeer('training')])
    Environment(
        name="mlflow",
        namespace="mlflow",
        mlflow=MlflowProps(
            adopt=HelmRelease(chart="official", release="mlflow"),
            image=Image(tag="v3.12.0-full"),
            backend_store=SQLite(volume=ExistingVolumeClaim(claim_name="mlflow-mlflow")),
            artifact_store=ArtifactVolume(volume=ExistingVolumeClaim(claim_name="mlflow-mlflow"), folder="mlartifacts"),
            garbage_collection=GarbageCollection(schedule="30 1 * * 1-5", older_than=timedelta(hours=180)),
            workers=2,
            allowed_hosts=["mlflow.acme.example", "mlflow.acme.example:*"],
            cors_allowed_origins=["https://mlflow.acme.example"],
            network_policy=None,
            pod_security_context={"runAsUser": 1000, "fsGroup": 1000},
        ),
    ),
)

if __name__ == "__main__":
    synthesize(ENVIRONMENTS)
