"""MLflow as larribas/mlflow ran it: ``python main.py`` writes ``dist/``."""

from cdk8s_mlflow import (
    S3,
    Direct,
    Environment,
    ExistingSecret,
    FixedReplicas,
    HelmRelease,
    Ingress,
    IngressHost,
    IngressPath,
    MlflowProps,
    NodePort,
    PostgreSQL,
    ServiceAccount,
    synthesize,
)

ENVIRONMENTS = (
    # Decide: (no network policy): the chart let every pod of the cluster in, and so do we after a take-over: leave
    #   network_policy out once you know the clients, or write NetworkPolicy(clients=[NamespacePeer('training')])
    Environment(
        name="tracking",
        namespace="ml",
        mlflow=MlflowProps(
            adopt=HelmRelease(chart="larribas", release="tracking"),
            backend_store=PostgreSQL(
                host="tracking.cluster-abc.eu-west-1.rds.amazonaws.com",
                user="tracking",
                password=ExistingSecret("tracking-mlflow-postgres", "password"),
            ),
            artifact_store=S3(bucket="acme-ml-artifacts"),
            artifact_access=Direct(),
            scaling=FixedReplicas(2),
            service=NodePort(),
            exposure=Ingress(
                hosts=[
                    IngressHost(
                        "mlflow.acme.example",
                        [IngressPath("/*", "ImplementationSpecific", "ssl-redirect", "use-annotation"), IngressPath()],
                    ),
                ],
                ingress_class_name="alb",
                annotations={
                    "alb.ingress.kubernetes.io/scheme": "internal",
                    "alb.ingress.kubernetes.io/actions.ssl-redirect": '{"Type": "redirect"}',
                },
            ),
            network_policy=None,
            service_account=ServiceAccount(
                annotations={"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/mlflow"},
            ),
            pod_annotations={"prometheus.io/scrape": "true", "prometheus.io/port": "5000"},
            tolerations=[{"key": "dedicated", "operator": "Equal", "value": "ml", "effect": "NoSchedule"}],
        ),
    ),
)

if __name__ == "__main__":
    synthesize(ENVIRONMENTS)
