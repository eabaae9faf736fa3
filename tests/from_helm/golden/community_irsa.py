"""MLflow as community-charts/mlflow ran it: ``python main.py`` writes ``dist/``."""

from datetime import timedelta

from cdk8s_mlflow import (
    S3,
    Autoscaling,
    BasicAuth,
    ClusterIP,
    Direct,
    Environment,
    ExistingSecret,
    HelmRelease,
    Metrics,
    MlflowProps,
    NamespacePeer,
    PostgreSQL,
    ServiceAccount,
    ServiceMonitor,
    synthesize,
)

ENVIRONMENTS = (
    # Decide: auth.existingAdminSecret.name: the user name is in the Secret 'mlflow-admin', and we must know it: write
    #   admin_username unless it is 'admin'
    # Decide: podSecurityContext: fsGroup was left to the cluster, as OpenShift wants it: ours is 10001, and must be
    #   patched out there
    # Decide: securityContext: runAsUser was left to the cluster, as OpenShift wants it: ours is 10001, and must be
    #   patched out there
    # Decide: (no network policy): the chart let every pod of the cluster in, and so do we after a take-over: leave
    #   network_policy out once you know the clients, or write NetworkPolicy(clients=[NamespacePeer('training')])
    Environment(
        name="tracking",
        namespace="ml",
        mlflow=MlflowProps(
            adopt=HelmRelease(chart="community", release="tracking"),
            backend_store=PostgreSQL(
                host="mlflow.cluster-abc.eu-central-1.rds.amazonaws.com",
                user=ExistingSecret("mlflow-rds", "user"),
                password=ExistingSecret("mlflow-rds", "password"),
            ),
            artifact_store=S3(bucket="acme-mlflow", prefix="production", region="eu-central-1"),
            artifact_access=Direct(),
            authentication=BasicAuth(
                admin_password=ExistingSecret("mlflow-admin", "password"),
                default_permission="NO_PERMISSIONS",
                flask_secret_key=ExistingSecret(
                    "tracking-mlflow-flask-server-secret-key",
                    "MLFLOW_FLASK_SERVER_SECRET_KEY",
                ),
            ),
            scaling=Autoscaling(max_replicas=6),
            service=ClusterIP(port=80, annotations={"service.beta.kubernetes.io/aws-load-balancer-internal": "true"}),
            network_policy=None,
            metrics=Metrics(
                monitor=ServiceMonitor(
                    labels={"release": "kube-prometheus-stack"},
                    interval=timedelta(seconds=30),
                    namespace="monitoring",
                ),
                allowed_from=[NamespacePeer("monitoring")],
            ),
            service_account=ServiceAccount(
                name="mlflow",
                annotations={"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/mlflow"},
            ),
            env_from=[{"secretRef": {"name": "mlflow-gateway"}}],
            affinity={
                "podAntiAffinity": {
                    "preferredDuringSchedulingIgnoredDuringExecution": [
                        {
                            "weight": 100,
                            "podAffinityTerm": {
                                "topologyKey": "kubernetes.io/hostname",
                                "labelSelector": {"matchLabels": {"app": "mlflow"}},
                            },
                        },
                    ],
                },
            },
            priority_class_name="tools",
        ),
    ),
)

if __name__ == "__main__":
    synthesize(ENVIRONMENTS)
