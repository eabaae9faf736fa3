"""Every value of the larribas/mlflow chart 1.0.1: the prop that stands for it, and the change that it makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
from releases import Release, env_of, render
from variants import KEYS, MINIO, on_postgresql

from cdk8s_mlflow import (
    ArtifactUri,
    ClusterIP,
    Direct,
    ExistingServiceAccount,
    FileStore,
    FixedReplicas,
    Image,
    Ingress,
    IngressHost,
    IngressPath,
    IngressTls,
    InlineSecret,
    InvalidProps,
    Metrics,
    MlflowProps,
    NodePort,
    PostgreSQL,
    ServiceAccount,
)
from cdk8s_mlflow.needs import SecretSource

# The key column of seed/larribas-mlflow-README.md, and the two keys that only the chart's repository has.
KEYS_OF_THE_CHART = [
    "affinity",
    "backendStore",
    "backendStore.filepath",
    "backendStore.postgres",
    "defaultArtifactRoot",
    "extraArgs",
    "fullnameOverride",
    "image.pullPolicy",
    "image.repository",
    "image.tag",
    "imagePullSecrets",
    "ingress.annotations",
    "ingress.enabled",
    "ingress.hosts[0].host",
    "ingress.hosts[0].paths",
    "ingress.tls",
    "nameOverride",
    "nodeSelector",
    "podSecurityContext",
    "replicaCount",
    "resources",
    "securityContext",
    "service.port",
    "service.type",
    "serviceAccount.annotations",
    "serviceAccount.create",
    "serviceAccount.name",
    "tolerations",
    "podAnnotations",
    "prometheus.expose",
]


@attrs.frozen(kw_only=True)
class Value:
    """A value of the chart: how it is said here, and what is in the manifests then and by default."""

    props: MlflowProps
    seen: Callable[[Release], object]
    """What the value changes."""
    then: object
    """What it is with the value."""
    before: object
    """What it is without."""


def door(**changes: Any) -> MlflowProps:
    """Return props of a server behind an Ingress, as the chart's values file describes it."""
    paths = [
        IngressPath("/*", "ImplementationSpecific", service_name="ssl-redirect", service_port="use-annotation"),
        IngressPath("/"),
    ]
    return MlflowProps(exposure=Ingress(hosts=[IngressHost("chart-example.local", paths)], **changes))


def postgres(password: SecretSource) -> PostgreSQL:
    """Return the example of the chart's README."""
    return PostgreSQL(
        host="my_host.example.com".replace("_", "-"), port=5342, database="my_db", user="my_user", password=password
    )


def rules(release: Release) -> list[Any]:
    """Return the rules of all Ingresses."""
    return [rule for item in release.all("Ingress") for rule in item["spec"]["rules"]]


def annotations_of(release: Release, kind: str) -> object:
    """Return the annotations of the only object of a kind; None if there is no such object."""
    found = [item for item in release.all(kind) if not item["metadata"]["name"].endswith("secrets")]
    return found[0]["metadata"].get("annotations") if found else None


def arguments(release: Release) -> list[str]:
    """Return the arguments behind host and port."""
    found: list[str] = release.server["args"][4:]
    return found


AFFINITY: Any = {
    "nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchExpressions": [{"key": "pool", "operator": "Exists"}]}]
        }
    }
}

VALUES: dict[str, Value] = {
    "affinity": Value(
        props=MlflowProps(affinity=AFFINITY), seen=lambda r: r.pod.get("affinity"), then=AFFINITY, before=None
    ),
    # The default was a folder in the container, lost at each restart; now it is a file on a volume.
    "backendStore": Value(
        props=MlflowProps(),
        seen=lambda r: (env_of(r.server)["MLFLOW_BACKEND_STORE_URI"], len(r.all("PersistentVolumeClaim"))),
        then=("sqlite:////mlflow/data/mlflow.db", 1),
        before=("sqlite:////mlflow/data/mlflow.db", 1),
    ),
    "backendStore.filepath": Value(
        props=MlflowProps(backend_store=FileStore(path="/mnt/persistent-disk")),
        seen=lambda r: (
            env_of(r.server)["MLFLOW_BACKEND_STORE_URI"],
            [item["name"] for item in r.server["volumeMounts"] if item["mountPath"] == "/mnt/persistent-disk"],
        ),
        then=("/mnt/persistent-disk", ["claim-data"]),
        before=("sqlite:////mlflow/data/mlflow.db", []),
    ),
    # The password has left the arguments; it still may be written into the file, if somebody insists.
    "backendStore.postgres": Value(
        props=on_postgresql(backend_store=postgres(InlineSecret("my_password")), allow_inline_secrets=True, **KEYS),
        seen=lambda r: (
            {name: env_of(r.server).get(name) for name in ("PGHOST", "PGPORT", "PGDATABASE", "PGUSER")},
            [item["stringData"]["password"] for item in r.all("Secret")],
            arguments(r),
        ),
        then=(
            {"PGHOST": "my-host.example.com", "PGPORT": "5342", "PGDATABASE": "my_db", "PGUSER": "my_user"},
            ["my_password"],
            [],
        ),
        before=({"PGHOST": None, "PGPORT": None, "PGDATABASE": None, "PGUSER": None}, [], []),
    ),
    "defaultArtifactRoot": Value(
        props=MlflowProps(artifact_store=ArtifactUri(uri="s3://my-bucket"), artifact_access=Direct()),
        seen=lambda r: env_of(r.server).get("MLFLOW_DEFAULT_ARTIFACT_ROOT"),
        then="s3://my-bucket",
        before=None,
    ),
    "extraArgs": Value(
        props=MlflowProps(extra_args={"x-frame-options": "DENY", "app-name": "basic-auth"}),
        seen=arguments,
        then=["--x-frame-options=DENY", "--app-name=basic-auth"],
        before=[],
    ),
    "fullnameOverride": Value(
        props=MlflowProps(name="tracking"),
        seen=lambda r: (r.one("Deployment")["metadata"]["name"], r.one("Service")["metadata"]["name"]),
        then=("tracking", "tracking"),
        before=("mlflow", "mlflow"),
    ),
    "image.pullPolicy": Value(
        props=MlflowProps(image=Image(pull_policy="Always")),
        seen=lambda r: r.server["imagePullPolicy"],
        then="Always",
        before="IfNotPresent",
    ),
    "image.repository": Value(
        props=MlflowProps(image=Image(repository="registry.example.com/mlflow")),
        seen=lambda r: r.server["image"].rpartition(":")[0],
        then="registry.example.com/mlflow",
        before="ghcr.io/mlflow/mlflow",
    ),
    "image.tag": Value(
        props=MlflowProps(image=Image(tag="v3.18.0-full")),
        seen=lambda r: r.server["image"].rpartition(":")[2],
        then="v3.18.0-full",
        before="v3.17.2-full",
    ),
    "imagePullSecrets": Value(
        props=MlflowProps(image=Image(pull_secrets=["registry"])),
        seen=lambda r: r.pod.get("imagePullSecrets"),
        then=[{"name": "registry"}],
        before=None,
    ),
    "ingress.annotations": Value(
        props=door(annotations={"kubernetes.io/tls-acme": "true"}),
        seen=lambda r: annotations_of(r, "Ingress"),
        then={"kubernetes.io/tls-acme": "true"},
        before=None,
    ),
    "ingress.enabled": Value(
        props=door(),
        seen=lambda r: [item["apiVersion"] for item in r.all("Ingress")],
        then=["networking.k8s.io/v1"],
        before=[],
    ),
    # The chart printed the whole entry where the host belongs.
    "ingress.hosts[0].host": Value(
        props=door(), seen=lambda r: [rule["host"] for rule in rules(r)], then=["chart-example.local"], before=[]
    ),
    "ingress.hosts[0].paths": Value(
        props=door(),
        seen=lambda r: [
            (path["path"], path["backend"]["service"]) for rule in rules(r) for path in rule["http"]["paths"]
        ],
        then=[
            ("/*", {"name": "ssl-redirect", "port": {"name": "use-annotation"}}),
            ("/", {"name": "mlflow", "port": {"number": 5000}}),
        ],
        before=[],
    ),
    "ingress.tls": Value(
        props=door(tls=[IngressTls(secret_name="chart-example-tls", hosts=["chart-example.local"])]),
        seen=lambda r: [tls for item in r.all("Ingress") for tls in item["spec"]["tls"]],
        then=[{"hosts": ["chart-example.local"], "secretName": "chart-example-tls"}],
        before=[],
    ),
    "nameOverride": Value(
        props=MlflowProps(label_name="tracking"),
        seen=lambda r: r.one("Service")["spec"]["selector"]["app.kubernetes.io/name"],
        then="tracking",
        before="mlflow",
    ),
    "nodeSelector": Value(
        props=MlflowProps(node_selector={"pool": "ml"}),
        seen=lambda r: r.pod.get("nodeSelector"),
        then={"pool": "ml"},
        before=None,
    ),
    "podSecurityContext": Value(
        props=MlflowProps(pod_security_context={"fsGroup": 2000}),
        seen=lambda r: r.pod["securityContext"]["fsGroup"],
        then=2000,
        before=10001,
    ),
    "replicaCount": Value(
        props=on_postgresql(scaling=FixedReplicas(3)),
        seen=lambda r: r.one("Deployment")["spec"]["replicas"],
        then=3,
        before=1,
    ),
    "resources": Value(
        props=MlflowProps(resources={"limits": {"cpu": "1", "memory": "2Gi"}}),
        seen=lambda r: r.server["resources"],
        then={"limits": {"cpu": "1", "memory": "2Gi"}},
        before={"requests": {"cpu": "250m", "memory": "768Mi"}, "limits": {"memory": "1Gi"}},
    ),
    "securityContext": Value(
        props=MlflowProps(security_context={"runAsUser": 1000}),
        seen=lambda r: r.server["securityContext"].get("runAsUser"),
        then=1000,
        before=None,
    ),
    "service.port": Value(
        props=MlflowProps(service=ClusterIP(port=80)),
        seen=lambda r: r.one("Service")["spec"]["ports"][0]["port"],
        then=80,
        before=5000,
    ),
    # The chart's own default; here strangers stay out unless a door is asked for.
    "service.type": Value(
        props=MlflowProps(service=NodePort()),
        seen=lambda r: r.one("Service")["spec"]["type"],
        then="NodePort",
        before="ClusterIP",
    ),
    "serviceAccount.annotations": Value(
        props=MlflowProps(service_account=ServiceAccount(annotations={"eks.amazonaws.com/role-arn": "arn"})),
        seen=lambda r: annotations_of(r, "ServiceAccount"),
        then={"eks.amazonaws.com/role-arn": "arn"},
        before=None,
    ),
    "serviceAccount.create": Value(
        props=MlflowProps(service_account=ExistingServiceAccount()),
        seen=lambda r: (
            [item["metadata"]["name"] for item in r.all("ServiceAccount")],
            r.pod["serviceAccountName"],
        ),
        then=(["mlflow-secrets"], "default"),
        before=(["mlflow", "mlflow-secrets"], "mlflow"),
    ),
    "serviceAccount.name": Value(
        props=MlflowProps(service_account=ServiceAccount(name="tracking")),
        seen=lambda r: (r.all("ServiceAccount")[0]["metadata"]["name"], r.pod["serviceAccountName"]),
        then=("tracking", "tracking"),
        before=("mlflow", "mlflow"),
    ),
    "tolerations": Value(
        props=MlflowProps(tolerations=[{"key": "ml", "operator": "Exists"}]),
        seen=lambda r: r.pod.get("tolerations"),
        then=[{"key": "ml", "operator": "Exists"}],
        before=None,
    ),
    "podAnnotations": Value(
        props=MlflowProps(pod_annotations={"team": "ml"}),
        seen=lambda r: r.one("Deployment")["spec"]["template"]["metadata"]["annotations"].get("team"),
        then="ml",
        before=None,
    ),
    "prometheus.expose": Value(
        props=MlflowProps(metrics=Metrics()),
        seen=lambda r: env_of(r.server).get("MLFLOW_EXPOSE_PROMETHEUS"),
        then="/run/mlflow/metrics",
        before=None,
    ),
}


def test_every_value_of_the_chart_is_in_the_table() -> None:
    """None is forgotten, and none is made up."""
    assert list(VALUES) == KEYS_OF_THE_CHART


@pytest.mark.parametrize("key", KEYS_OF_THE_CHART)
def test_a_value_of_the_chart_changes_what_it_changed(key: str) -> None:
    """In the manifest with the prop, and not without."""
    value = VALUES[key]
    assert value.seen(render(value.props)) == value.then
    assert value.seen(render(MlflowProps())) == value.before


# --- Kept --------------------------------------------------------------------------------------------------


def test_an_argument_has_its_value_behind_an_equals_sign() -> None:
    """As the chart wrote it; flags without a value are new."""
    assert arguments(render(MlflowProps(extra_args={"a": "b=c", "d": True}))) == ["--a=b=c", "--d"]


def test_an_existing_account_can_be_named() -> None:
    """The chart's serviceAccount.create=false with a name."""
    release = render(MlflowProps(service_account=ExistingServiceAccount("team")))
    assert release.pod["serviceAccountName"] == "team"


def test_rejects_a_database_without_an_artifact_root() -> None:
    """The chart's README called it mandatory, and its templates did not look; the error says what to write."""
    with pytest.raises(InvalidProps, match=r"needs an artifact root beside it .*; write artifact_store=S3\(bucket"):
        render(MlflowProps(backend_store=postgres(KEYS["crypto_kek_passphrase"])))


# --- Fixed -------------------------------------------------------------------------------------------------


def test_no_password_is_in_an_argument() -> None:
    """The chart expanded it into the command line, for every user of the node to read."""
    release = render(on_postgresql(backend_store=postgres(InlineSecret("my_password")), allow_inline_secrets=True))
    for owner, container in release.containers():
        assert "my_password" not in str(container), owner
        assert "$(" not in " ".join([*container["command"], *container.get("args", [])]), owner


def test_nobody_is_root() -> None:
    """The chart's container was, for port 80."""
    assert render().pod["securityContext"]["runAsNonRoot"] is True
    assert render().server["ports"][0]["containerPort"] == 5000


def test_the_probes_ask_for_health() -> None:
    """The chart asked for the UI."""
    assert render().server["livenessProbe"]["httpGet"]["path"] == "/health"


def test_the_password_may_come_from_a_secret_of_somebody_else() -> None:
    """The chart wanted it in the values file."""
    release = render(MlflowProps(backend_store=postgres(KEYS["crypto_kek_passphrase"]), artifact_store=MINIO))
    assert release.all("Secret") == []
