"""What the clouds' own clients read of a rendered pod, for the stores and identities that cannot run here.

Each pod is the rendered one, but for its command: it sleeps, and programs run in it. What a cloud's webhook injects
into pods is added to their variables.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from e2e.installation import release
from e2e.kubectl import Manifest, Pod, apply_manifests, get, wait_for_pods
from e2e.manifests import secret

from cdk8s_mlflow import (
    GCS,
    HDFS,
    S3,
    AzureAccessKey,
    AzureBlob,
    ConfigMapKey,
    ExistingSecret,
    Kerberos,
    MlflowProps,
    SecretKey,
    ServiceAccount,
)
from cdk8s_mlflow.artifact_store import ArtifactStore

from .programs import run

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
KEYS = ("KEY", "TOKEN", "CREDENTIALS", "CONNECTION_STRING", "PASSWORD")
TOKEN_FILE = "/tmp/token"  # noqa: S108 - in the pod
ROLE = {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/mlflow"}
METADATA_SERVER = dict.fromkeys(("GCE_METADATA_HOST", "GCE_METADATA_IP"), "127.0.0.1:8112")
Asleep = Callable[..., Pod]


@pytest.fixture
def asleep(main: str) -> Asleep:
    """Return a function that starts a rendered pod which sleeps instead of serving."""

    def start(name: str, store: ArtifactStore, annotations: dict[str, str] | None = None) -> Pod:
        account = ServiceAccount(annotations=annotations or {})
        props = MlflowProps(backend_store=None, artifact_store=store, service_account=account)
        found = release(main, name, props).manifests()
        [template] = [item["spec"]["template"] for item in found if item["kind"] == "Deployment"]
        apply_manifests([item for item in found if item["kind"] in {"ServiceAccount", "ConfigMap"}])
        apply_manifests([_sleeping(main, name, template)])
        wait_for_pods(main, name)
        return Pod(main, name)

    return start


def _sleeping(namespace: str, name: str, template: Manifest) -> Manifest:
    [server] = template["spec"]["containers"]
    kept = {key: server[key] for key in ("name", "image", "env", "volumeMounts", "securityContext")}
    spec = {**template["spec"], "terminationGracePeriodSeconds": 1}
    spec["containers"] = [{**kept, "command": ["sleep", "infinity"]}]
    # The selectors of the release are not this pod's.
    labels = {
        key: value for key, value in template["metadata"]["labels"].items() if not key.startswith("app.kubernetes.io")
    }
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def secret_variables(pod: Pod) -> list[str]:
    """Return the variables of the pod that hold a credential of a store, or say where one is."""
    names = [line.partition("=")[0] for line in pod.execute("env").splitlines()]
    return sorted(name for name in names if any(word in name for word in KEYS) and not name.startswith("MLFLOW_"))


def test_s3_role_of_the_service_account(asleep: Asleep) -> None:
    """Boto3 asks the token service for the role, with the token that EKS's webhook mounts; no key is in the pod."""
    pod = asleep("s3-role", S3(bucket="bucket", region="eu-central-1"), ROLE)
    assert secret_variables(pod) == []
    assert get("serviceaccount", "s3-role", pod.namespace)["metadata"]["annotations"].items() >= ROLE.items()
    injected = {"AWS_ROLE_ARN": next(iter(ROLE.values())), "AWS_WEB_IDENTITY_TOKEN_FILE": TOKEN_FILE}
    answer = run(pod, "aws_identity", variables={"AWS_ENDPOINT_URL_STS": "http://127.0.0.1:8111", **injected})
    assert answer == {
        "method": "assume-role-with-web-identity",
        "key": "of-the-role",
        "asked": [f"{injected['AWS_ROLE_ARN']} of the account"],
        "region": "eu-central-1",
        "endpoint": "https://s3.eu-central-1.amazonaws.com",
    }


def test_s3_role_of_eks_pod_identity(asleep: Asleep) -> None:
    """Boto3 asks the node's agent, with the token that EKS mounts; no key is in the pod."""
    pod = asleep("s3-agent", S3(bucket="bucket", region="eu-central-1"))
    assert secret_variables(pod) == []
    injected = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:8111/v1/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": TOKEN_FILE,
    }
    answer = run(pod, "aws_identity", variables=injected)
    assert (answer["method"], answer["key"], answer["asked"]) == ("container-role", "of-the-pod", ["of the account"])


def test_gcs_workload_identity(asleep: Asleep) -> None:
    """Google's client asks the metadata server for a token; no key is in the pod."""
    annotations = {"iam.gke.io/gcp-service-account": "server@tests.iam.gserviceaccount.com"}
    pod = asleep("gcs-identity", GCS(bucket="bucket"), annotations)
    assert secret_variables(pod) == []
    account = get("serviceaccount", "gcs-identity", pod.namespace)
    assert account["metadata"]["annotations"].items() >= annotations.items()
    answer = run(pod, "google_identity", variables=METADATA_SERVER)
    assert answer["credentials"] == "google.auth.compute_engine.credentials.Credentials"
    assert (answer["token"], answer["endpoint"]) == ("of-the-pod", "https://storage.googleapis.com")
    # So Presigned() is of no use with it: MLflow does not ask Google to sign.
    assert not answer["signs"]


def test_gcs_key_file(asleep: Asleep, client: Pod) -> None:
    """Google's client finds the mounted key file, and can sign by it."""
    apply_manifests([secret(client.namespace, "gcs-key", {"key": json.dumps(run(client, "google_key"))})])
    pod = asleep("gcs-key", GCS(bucket="bucket", credentials=SecretKey("gcs-key", "key")))
    assert secret_variables(pod) == ["GOOGLE_APPLICATION_CREDENTIALS"]
    answer = run(pod, "google_identity")
    assert answer["credentials"] == "google.oauth2.service_account.Credentials"
    assert answer["account"] == "server@tests.iam.gserviceaccount.com"
    assert answer["endpoint"] == "https://storage.googleapis.com"
    assert answer["signs"]


AZURE_URI = "wasbs://artifacts@mlflowstore.blob.core.windows.net/team/one"


def test_azure_workload_identity(asleep: Asleep) -> None:
    """The pod has the label that Azure's webhook looks for, and Azure's client reads what that injects."""
    store = AzureBlob(storage_account="mlflowstore", container="artifacts", prefix="team/one")
    assert store.uri == AZURE_URI
    pod = asleep("azure-identity", store, {"azure.workload.identity/client-id": "the-client"})
    assert secret_variables(pod) == []
    labels = get("pod", pod.name, pod.namespace)["metadata"]["labels"]
    assert labels["azure.workload.identity/use"] == "true"
    injected = {
        "AZURE_CLIENT_ID": "the-client",
        "AZURE_TENANT_ID": "the-tenant",
        "AZURE_FEDERATED_TOKEN_FILE": "/var/run/secrets/azure/tokens/azure-identity-token",
        "AZURE_AUTHORITY_HOST": "https://login.microsoftonline.com/",
    }
    answer = run(pod, "azure_identity", store.uri, variables=injected)
    assert answer["account"] == "https://mlflowstore.blob.core.windows.net/"
    assert answer["credentials"] == "DefaultAzureCredential"
    assert "WorkloadIdentityCredential" in answer["chain"], answer


def test_azure_access_key(asleep: Asleep, client: Pod) -> None:
    """Azure's client signs with the account's key."""
    apply_manifests([secret(client.namespace, "azure-key", {"key": "YWNjb3VudCBrZXk="})])
    key = AzureAccessKey(ExistingSecret("azure-key", "key"))
    store = AzureBlob(storage_account="mlflowstore", container="artifacts", credentials=key)
    pod = asleep("azure-access-key", store)
    assert secret_variables(pod) == ["AZURE_STORAGE_ACCESS_KEY"]
    answer = run(pod, "azure_identity", store.uri)
    assert answer["account"] == "https://mlflowstore.blob.core.windows.net/"
    assert answer["credentials"] == "SharedKeyCredentialPolicy"


def test_hdfs_with_kerberos(asleep: Asleep, client: Pod) -> None:
    """MLflow hands the user and the mounted ticket to Hadoop's library, and krb5.conf is where it is said to be."""
    conf = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "krb5", "namespace": client.namespace}}
    ticket = secret(client.namespace, "ticket", {"cache": "the ticket"})
    apply_manifests([conf | {"data": {"conf": "[libdefaults]\ndefault_realm = EXAMPLE.COM\n"}}, ticket])
    kerberos = Kerberos(
        user="mlflow@EXAMPLE.COM", ticket_cache=SecretKey("ticket", "cache"), krb5_conf=ConfigMapKey("krb5", "conf")
    )
    store = HDFS(host="namenode.example.com", path="/team/mlflow", kerberos=kerberos)
    pod = asleep("hdfs", store)
    answer = run(pod, "hdfs_connection", store.uri)
    assert answer["ticket"] == "the ticket"
    assert answer["path"] == "/team/mlflow"
    connection = answer["connects"]
    assert {key: connection[key] for key in ("host", "port", "user")} == {
        "host": "hdfs://namenode.example.com",
        "port": 8020,
        "user": "mlflow@EXAMPLE.COM",
    }
    assert "default_realm = EXAMPLE.COM" in pod.execute("sh", "-c", "cat $KRB5_CONFIG")
    # Hadoop's library runs in a JVM, which does not read KRB5_CONFIG.
    assert pod.execute("sh", "-c", 'test "$LIBHDFS_OPTS" = "-Djava.security.krb5.conf=$KRB5_CONFIG" && echo same')


def test_hdfs_without_kerberos(asleep: Asleep) -> None:
    """Hadoop believes every name: MLflow hands none over."""
    store = HDFS(host="namenode.example.com")
    answer = run(asleep("hdfs-plain", store), "hdfs_connection", store.uri)
    assert (answer["connects"]["user"], answer["path"]) == (None, "/mlflow")
