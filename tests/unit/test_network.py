"""Which names the server answers to, and who may connect where."""

from __future__ import annotations

import attrs
import pytest
from invariants import host_is_allowed, origin_is_allowed
from releases import Manifest, env_of, render

from cdk8s_mlflow import (
    S3,
    CidrPeer,
    ClusterIP,
    Endpoint,
    ExistingSecret,
    Ingress,
    IngressHost,
    IngressTls,
    LoadBalancer,
    MlflowProps,
    NamespacePeer,
    NetworkPolicy,
    NodePort,
    PodPeer,
    PostgreSQL,
    S3Credentials,
)

TLS = IngressTls(secret_name="mlflow-tls")
POD: Manifest = {"podSelector": {}}
TRAINING = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "training"}}}
NGINX = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}}
RANGE = {"ipBlock": {"cidr": "192.0.2.0/24"}}
DNS = {
    "ports": [
        {"port": 53, "protocol": "UDP"},
        {"port": 53, "protocol": "TCP"},
        {"port": 5353, "protocol": "UDP"},
        {"port": 5353, "protocol": "TCP"},
    ]
}


def allowed_hosts(props: MlflowProps | None = None, namespace: str | None = "ml") -> str:
    """Return the variable that MLflow reads."""
    return str(env_of(render(props, namespace=namespace).server)["MLFLOW_SERVER_ALLOWED_HOSTS"])


def allowed_origins(props: MlflowProps) -> str | None:
    """Return the variable that MLflow reads; None if it is not set."""
    found: str | None = env_of(render(props).server).get("MLFLOW_SERVER_CORS_ALLOWED_ORIGINS")
    return found


def ingress(*hosts: str | IngressHost, **changes: object) -> MlflowProps:
    """Return props of a server behind an Ingress."""
    return MlflowProps(exposure=Ingress(hosts=list(hosts), **changes))  # type: ignore[arg-type]


def test_the_default_answers_to_its_service_its_address_and_localhost() -> None:
    """Setting the list replaces MLflow's own, so everything legitimate is in it, with and without port."""
    assert allowed_hosts().split(",") == [
        "mlflow",
        "mlflow:*",
        "mlflow.ml",
        "mlflow.ml:*",
        "mlflow.ml.svc",
        "mlflow.ml.svc:*",
        "mlflow.ml.svc.cluster.local",
        "mlflow.ml.svc.cluster.local:*",
        "localhost",
        "localhost:*",
        "127.0.0.1",
        "127.0.0.1:*",
        "$(POD_IP)",
        "$(POD_IP):5000",
        "[$(POD_IP)]:5000",
    ]


def test_a_namespace_that_kubectl_tells_comes_from_the_pod() -> None:
    """Without a namespace at synth time the kubelet fills it in."""
    keys = ExistingSecret("keys", "kek")
    props = MlflowProps(crypto_kek_passphrase=keys, webhook_secret_encryption_key=keys)
    assert "mlflow.$(POD_NAMESPACE).svc:*" in allowed_hosts(props, namespace=None).split(",")


@pytest.mark.parametrize("service", [NodePort(), LoadBalancer()], ids=["NodePort", "LoadBalancer"])
def test_a_door_on_the_nodes_answers_to_their_address(service: NodePort | LoadBalancer) -> None:
    """A node's address is known to its pod alone."""
    assert "$(HOST_IP):*" in allowed_hosts(MlflowProps(service=service)).split(",")


def test_a_service_inside_does_not_answer_to_the_nodes() -> None:
    """Nobody reaches it by a node's address."""
    assert "HOST_IP" not in allowed_hosts(MlflowProps(service=ClusterIP()))


def test_own_hosts_come_last_and_as_they_are() -> None:
    """The user's words are MLflow's words."""
    assert allowed_hosts(MlflowProps(allowed_hosts=["proxy", "proxy:8080"])).endswith(",proxy,proxy:8080")


@pytest.mark.parametrize(
    ("props", "origins"),
    [
        (MlflowProps(), None),
        (ingress("mlflow.example.com"), "http://mlflow.example.com"),
        (ingress("mlflow.example.com", tls=[TLS]), "https://mlflow.example.com"),
        (
            ingress("a.example.com", "b.example.com", tls=[IngressTls(secret_name="b", hosts=["b.example.com"])]),
            "http://a.example.com,https://b.example.com",
        ),
        (
            ingress("a.example.com", tls=[IngressTls(secret_name="b", hosts=["*.example.com"])]),
            "https://a.example.com",
        ),
        (
            MlflowProps(public_url="https://mlflow.example.com:8443/tools", static_prefix="/tools"),
            "https://mlflow.example.com:8443",
        ),
        (MlflowProps(public_url="https://mlflow.example.com:443"), "https://mlflow.example.com"),
        (MlflowProps(public_url="http://mlflow.example.com:80/"), "http://mlflow.example.com"),
        (MlflowProps(public_url="https://MLflow.Example.com"), "https://mlflow.example.com"),
        (MlflowProps(cors_allowed_origins=["https://Notebooks.example.com:443"]), "https://notebooks.example.com"),
        (
            attrs.evolve(ingress("mlflow.example.com"), public_url="https://mlflow.example.com"),
            "https://mlflow.example.com,http://mlflow.example.com",
        ),
    ],
    ids=[
        "inside-only",
        "ingress",
        "tls-for-all",
        "tls-for-one",
        "tls-by-wildcard",
        "port-and-path",
        "default-https-port",
        "default-http-port",
        "capitals",
        "own-origin-in-another-form",
        "tls-ends-elsewhere",
    ],
)
def test_the_origins_are_those_that_browsers_send(props: MlflowProps, origins: str | None) -> None:
    """Browsers write scheme and host in lower case, and no default port; MLflow compares letter by letter."""
    assert allowed_origins(props) == origins


@pytest.mark.parametrize(
    ("props", "url"),
    [
        (MlflowProps(), None),
        (ingress("mlflow.example.com"), "http://mlflow.example.com"),
        (ingress("mlflow.example.com", tls=[TLS]), "https://mlflow.example.com"),
        (attrs.evolve(ingress("example.com", tls=[TLS]), static_prefix="/mlflow"), "https://example.com/mlflow"),
        (ingress("*.example.com", "mlflow.example.com"), "http://mlflow.example.com"),
        (ingress("*.example.com"), None),
        (MlflowProps(public_url="https://mlflow.example.com/"), "https://mlflow.example.com"),
        (
            attrs.evolve(ingress("a.example.com"), public_url="https://b.example.com/mlflow"),
            "https://b.example.com/mlflow",
        ),
    ],
    ids=["inside-only", "ingress", "tls", "prefix", "wildcard-first", "wildcard", "own", "own-wins"],
)
def test_the_public_url_is_the_first_door_or_what_the_user_says(props: MlflowProps, url: str | None) -> None:
    """People open the UI there, so it has the prefix and no slash at its end."""
    assert render(props).public_url == url


@pytest.mark.parametrize(
    ("props", "namespace", "uri"),
    [
        (MlflowProps(), "ml", "http://mlflow.ml.svc.cluster.local:5000"),
        (MlflowProps(service=ClusterIP(port=80)), "ml", "http://mlflow.ml.svc.cluster.local:80"),
        (
            MlflowProps(static_prefix="/tools/mlflow", cluster_domain="example.internal", name="tracking"),
            "ml",
            "http://tracking.ml.svc.example.internal:5000/tools/mlflow",
        ),
        (
            MlflowProps(
                crypto_kek_passphrase=ExistingSecret("keys", "kek"),
                webhook_secret_encryption_key=ExistingSecret("keys", "hook"),
            ),
            None,
            "http://mlflow:5000",
        ),
    ],
    ids=["default", "port", "prefix-domain-name", "namespace-from-kubectl"],
)
def test_clients_inside_reach_the_service_by_name(props: MlflowProps, namespace: str | None, uri: str) -> None:
    """The URI's host is among the allowed ones, whatever its port."""
    release = render(props, namespace=namespace)
    assert release.tracking_uri == uri
    allowed = str(env_of(release.server)["MLFLOW_SERVER_ALLOWED_HOSTS"])
    assert host_is_allowed(allowed, uri.removeprefix("http://").partition("/")[0])


@pytest.mark.parametrize(
    ("props", "sources"),
    [
        (MlflowProps(), [POD]),
        (MlflowProps(network_policy=NetworkPolicy(clients=[NamespacePeer("training")])), [POD, TRAINING]),
        (
            MlflowProps(network_policy=NetworkPolicy(clients=[PodPeer(match_labels={"a": "b"}, namespace="training")])),
            [POD, TRAINING | {"podSelector": {"matchLabels": {"a": "b"}}}],
        ),
        (ingress("mlflow.example.com"), None),
        (ingress("mlflow.example.com", allowed_from=[NamespacePeer("ingress-nginx")]), [POD, NGINX]),
        (MlflowProps(service=NodePort()), None),
        (MlflowProps(service=NodePort(source_ranges=["192.0.2.0/24"])), [POD, RANGE]),
        (MlflowProps(service=LoadBalancer()), None),
        (MlflowProps(service=LoadBalancer(source_ranges=["192.0.2.0/24"])), [POD, RANGE]),
        (
            attrs.evolve(
                ingress("mlflow.example.com", allowed_from=[NamespacePeer("ingress-nginx")]),
                service=LoadBalancer(source_ranges=["192.0.2.0/24"]),
                network_policy=NetworkPolicy(clients=[CidrPeer("10.0.0.0/8", ["10.1.0.0/16"])]),
            ),
            [POD, NGINX, RANGE, {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}],
        ),
        (
            attrs.evolve(
                ingress("mlflow.example.com", allowed_from=[NamespacePeer("ingress-nginx")]), service=NodePort()
            ),
            None,
        ),
        (MlflowProps(public_url="https://mlflow.example.com"), [POD]),
    ],
    ids=[
        "own-namespace-alone",
        "client-namespace",
        "client-pods",
        "ingress-anywhere",
        "ingress-controller",
        "node-port-anywhere",
        "node-port-ranges",
        "load-balancer-anywhere",
        "load-balancer-ranges",
        "all-doors-narrowed",
        "one-door-open-to-all",
        "public-url-opens-nothing",
    ],
)
def test_the_port_is_open_to_those_whom_the_props_name(props: MlflowProps, sources: list[Manifest] | None) -> None:
    """None is everybody: a door without a source is open to all, and nothing else opens the port so far."""
    rule: Manifest = {} if sources is None else {"from": sources}
    policy = render(props).one("NetworkPolicy", "mlflow-server")["spec"]
    assert policy["ingress"] == [rule | {"ports": [{"port": 5000, "protocol": "TCP"}]}]


def tcp(port: int, *to: Manifest) -> Manifest:
    """Return a rule for one port."""
    rule: Manifest = {"to": list(to)} if to else {}
    return rule | {"ports": [{"port": port, "protocol": "TCP"}]}


PASSWORD = ExistingSecret("db", "password")
KEY = S3Credentials(access_key_id=ExistingSecret("s3", "id"), secret_access_key=ExistingSecret("s3", "key"))
POD_IDENTITY = tcp(80, {"ipBlock": {"cidr": "169.254.170.23/32"}})


def s3(**changes: object) -> S3:
    """Return a bucket that is reached with a static key."""
    return S3(**({"bucket": "mlflow", "credentials": KEY} | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("props", "rules"),
    [
        (MlflowProps(), []),
        (MlflowProps(artifact_store=s3()), [tcp(443)]),
        (MlflowProps(artifact_store=s3(endpoint_url="http://minio.minio.svc:9000")), [tcp(9000)]),
        (MlflowProps(artifact_store=s3(endpoint_url="http://minio")), [tcp(80)]),
        (MlflowProps(artifact_store=s3(endpoint_url="https://minio")), [tcp(443)]),
        (
            MlflowProps(artifact_store=s3(endpoint_url="https://192.0.2.1:9000")),
            [tcp(9000, {"ipBlock": {"cidr": "192.0.2.1/32"}})],
        ),
        (MlflowProps(artifact_store=s3(credentials=None)), [tcp(443), POD_IDENTITY]),
        (
            MlflowProps(artifact_store=s3(credentials=None, network_peer=CidrPeer("192.0.2.0/24"))),
            [tcp(443, RANGE), POD_IDENTITY],
        ),
        (
            MlflowProps(
                backend_store=PostgreSQL(
                    host="db", port=6432, password=PASSWORD, network_peer=NamespacePeer("training")
                ),
                artifact_store=s3(network_peer=CidrPeer("192.0.2.0/24")),
            ),
            [tcp(6432, TRAINING), tcp(443, RANGE)],
        ),
        (
            MlflowProps(backend_store=PostgreSQL(host="2001:db8::1", password=PASSWORD), artifact_store=s3()),
            [tcp(5432, {"ipBlock": {"cidr": "2001:db8::1/128"}}), tcp(443)],
        ),
        (
            MlflowProps(network_policy=NetworkPolicy(egress=[Endpoint(port=4317, peer=NamespacePeer("training"))])),
            [tcp(4317, TRAINING)],
        ),
    ],
    ids=[
        "embedded",
        "s3",
        "s3-endpoint",
        "s3-http",
        "s3-https",
        "s3-address",
        "s3-role",
        "s3-role-narrowed",
        "peers",
        "database-address",
        "own-egress",
    ],
)
def test_the_pod_may_reach_dns_and_its_stores_alone(props: MlflowProps, rules: list[Manifest]) -> None:
    """A store known by name opens its port to any address: policies know no DNS names."""
    assert render(props).one("NetworkPolicy", "mlflow-server")["spec"]["egress"] == [DNS, *rules]


def test_the_generating_job_may_reach_the_api_server_and_nobody_reaches_it() -> None:
    """The API server's port is 443 before the Service's translation and 6443 after it."""
    spec = render().one("NetworkPolicy", "mlflow-secrets")["spec"]
    assert spec["egress"] == [DNS, tcp(443), tcp(6443)]
    assert "ingress" not in spec
    assert spec["policyTypes"] == ["Ingress", "Egress"]


def test_no_policy_is_rendered_if_none_is_wanted_and_the_user_is_told() -> None:
    """Then everybody may connect, and MLflow has no login."""
    release = render(MlflowProps(network_policy=None))
    assert release.all("NetworkPolicy") == []
    assert any("no network policy" in notice for notice in release.notices)


@pytest.mark.parametrize(
    ("host", "allowed"),
    [("mlflow", True), ("mlflow:5000", False), ("any.example.com", True), ("example.com", False)],
)
def test_hosts_are_compared_as_mlflow_compares_them(host: str, allowed: bool) -> None:
    """Letter by letter, unless the entry has a star."""
    assert host_is_allowed("mlflow, *.example.com", host) is allowed


@pytest.mark.parametrize(
    "props",
    [
        ingress("mlflow.example.com"),
        MlflowProps(service=NodePort(), allowed_hosts=["mlflow.example.com"]),
        MlflowProps(service=LoadBalancer(), public_url="https://mlflow.example.com"),
    ],
    ids=["ingress", "NodePort", "LoadBalancer"],
)
def test_the_user_is_told_that_a_door_is_open_to_all(props: MlflowProps) -> None:
    """MLflow has no login."""
    assert [notice for notice in render(props).notices if "which has no login" in notice] != []


@pytest.mark.parametrize(
    "props",
    [
        MlflowProps(),
        ingress("mlflow.example.com", allowed_from=[NamespacePeer("ingress-nginx")]),
        MlflowProps(service=LoadBalancer(source_ranges=["192.0.2.0/24"]), public_url="https://mlflow.example.com"),
    ],
    ids=["inside-only", "ingress", "LoadBalancer"],
)
def test_nobody_is_told_of_a_narrow_door(props: MlflowProps) -> None:
    """Silence means that all is well."""
    assert render(props).notices == ()


def test_localhost_may_always_write() -> None:
    """A port-forward works without any origin of its own."""
    assert origin_is_allowed("", "http://localhost:8080")
    assert not origin_is_allowed("", "https://mlflow.example.com")
