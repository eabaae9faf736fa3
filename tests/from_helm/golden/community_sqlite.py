"""MLflow as community-charts/mlflow ran it: ``python main.py`` writes ``dist/``."""

from cdk8s_mlflow import (
    ArtifactVolume,
    ClusterIP,
    Environment,
    ExistingVolumeClaim,
    HelmRelease,
    Ingress,
    IngressHost,
    IngressPath,
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
            adopt=HelmRelease(chart="community", release="mlflow", full_name_override="mlflow"),
            backend_store=SQLite(volume=ExistingVolumeClaim(claim_name="mlflow-pvc", name="mlflow-volume")),
            artifact_store=ArtifactVolume(
                volume=ExistingVolumeClaim(claim_name="mlflow-pvc", name="mlflow-volume"),
                folder="mlartifacts",
            ),
            service=ClusterIP(port=80),
            exposure=Ingress(
                hosts=[IngressHost("tools.acme.example", [IngressPath("/mlflow")])],
                ingress_class_name="traefik",
            ),
            static_prefix="/mlflow",
            network_policy=None,
            pod_security_context={"fsGroup": 1001},
            security_context={"runAsUser": 1001, "runAsGroup": 1001},
        ),
    ),
)

if __name__ == "__main__":
    synthesize(ENVIRONMENTS)
