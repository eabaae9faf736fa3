"""MLflow as larribas/mlflow ran it: ``python main.py`` writes ``dist/``."""

from cdk8s_mlflow import (
    Environment,
    FileStore,
    Metrics,
    MlflowProps,
    synthesize,
)

ENVIRONMENTS = (
    # Decide: service.type: ClusterIP: the chart opened a port of every node; write service=NodePort() if somebody
    #   comes that way
    # Decide: (no network policy): the chart let every pod of the cluster in; ours the pods of the release's
    #   namespace: name the others by network_policy=NetworkPolicy(clients=[NamespacePeer('training')])
    Environment(
        name="mlflow",
        namespace="mlflow",
        mlflow=MlflowProps(backend_store=FileStore(path="/mnt/mlruns"), metrics=Metrics()),
    ),
)

if __name__ == "__main__":
    synthesize(ENVIRONMENTS)
