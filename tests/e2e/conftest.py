"""One cluster, one PostgreSQL, one MinIO, and the three environments of ``main.py``, started once for all tests.

The tests need ``kubectl`` and the cluster that KUBECONFIG names: with a default StorageClass, a network plugin that
enforces policies, 2 CPUs, and an Ingress controller in namespace ``ingress``, which ``main.py`` lets in. Images are
named as they are published. MLFLOW_E2E_INGRESS gives the controller's address as pods see it, if its Service is not
to be found.
"""

from __future__ import annotations

import base64
import fcntl
import os
import secrets
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from e2e.room import MADE, client_in

from .environments import ADMIN_PASSWORD, Environment, Start, run, start, synthesize
from .kubectl import Manifest, Pod, apply_manifests, diagnosis, kubectl, objects, wait_for_pods
from .manifests import delete_namespaces, minio, namespace, postgresql, python_pod, secret, service

DATABASES, TRAINING, STRANGER, INGRESS = "databases", "training", "stranger", "ingress"
PASSWORD = "p@s/s#w%41:?d&$x"
"""Everything that breaks a URL, a shell, a percent format or a config parser."""
S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY = "mlflow", "m@i/n#i%4f:?o&$x+="
EVERY = ("development", "staging", "production")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option to look at the cluster after the tests."""
    parser.addoption("--keep", action="store_true", help="leave the namespaces of the end-to-end tests")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failed test what is wrong with the pods."""
    report = yield
    if report.failed and os.environ.get("KUBECONFIG"):
        report.sections.append(("pods", diagnosis(MADE)))
    return report


@pytest.fixture(scope="session", autouse=True)
def kubeconfig() -> Iterator[None]:
    """Skip all tests where there is no cluster, or fail where one was promised.

    Namespaces have fixed names, so a second run on this machine waits here until the first one has deleted its own.
    """
    if not os.environ.get("KUBECONFIG"):
        message = "KUBECONFIG names no cluster"
        pytest.fail(message) if os.environ.get("MLFLOW_E2E") == "1" else pytest.skip(message)
    with Path(tempfile.gettempdir(), "cdk8s-mlflow-e2e.lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Environment]:
    """Synthesize the environments of ``main.py``."""
    environments = synthesize(tmp_path_factory.mktemp("dist"))
    assert set(environments) == set(EVERY)
    return environments


@pytest.fixture(scope="session")
def cluster(table: dict[str, Environment], request: pytest.FixtureRequest) -> Iterator[None]:
    """Make the namespaces, and delete those that an earlier run has left."""
    names = [*(environment.namespace for environment in table.values()), DATABASES, TRAINING, STRANGER]
    delete_namespaces(names)
    MADE.extend(names)
    apply_manifests(namespace(name) for name in names)
    for name in names:  # a pod before its ServiceAccount is refused
        kubectl("-n", name, "wait", "--for=create", "serviceaccount/default", "--timeout=30s")
    yield
    if not request.config.getoption("--keep", default=False):
        delete_namespaces(names)


@pytest.fixture(scope="session")
def client(cluster: None) -> Pod:  # noqa: ARG001 - asked for its effect
    """Start a pod in the namespace that the network policies let in."""
    return client_in(TRAINING)


@pytest.fixture(scope="session")
def stranger(cluster: None) -> Pod:  # noqa: ARG001 - asked for its effect
    """Start a pod in a namespace that no policy knows; it listens on port 8080."""
    listen = "import http.server as h; h.HTTPServer(('', 8080), h.BaseHTTPRequestHandler).serve_forever()"
    apply_manifests([python_pod(STRANGER, "stranger", "python", "-c", listen), service(STRANGER, "stranger", 8080)])
    wait_for_pods(STRANGER, "stranger")
    return Pod(STRANGER, "stranger")


@pytest.fixture(scope="session")
def store_secrets(table: dict[str, Environment], client: Pod) -> list[Manifest]:
    """Start PostgreSQL and MinIO with an empty database and bucket for each environment; return the keys to them."""
    stored = {e.namespace: name for e in table.values() if (name := e.variable("PGDATABASE"))}
    assert len(stored) == len(set(stored.values())), f"two environments share a database: {stored}"
    destinations = [environment.variable("MLFLOW_ARTIFACTS_DESTINATION") or "" for environment in table.values()]
    buckets = [uri.removeprefix("s3://").split("/")[0] for uri in destinations if uri.startswith("s3://")]
    apply_manifests(postgresql(DATABASES, dict.fromkeys(stored.values(), PASSWORD)))
    apply_manifests(minio(DATABASES, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY))
    wait_for_pods(DATABASES, "postgresql", "minio")
    made = run(client, "buckets", "http://minio.databases:9000", S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY, *buckets)
    assert made == sorted(buckets)
    s3 = {"access-key-id": S3_ACCESS_KEY_ID, "secret-access-key": S3_SECRET_ACCESS_KEY}
    return [
        made
        for namespace, user in stored.items()
        for made in (
            secret(namespace, "mlflow-postgresql", {"username": user, "password": PASSWORD}),
            secret(namespace, "mlflow-s3", s3),
        )
    ]


@pytest.fixture(scope="session")
def certificate(table: dict[str, Environment], client: Pod) -> dict[str, str]:
    """Make a self-signed certificate for the public host of production."""
    made: dict[str, str] = run(client, "certificate", table["production"].url.removeprefix("https://"))
    return made


@pytest.fixture(scope="session")
def started(
    table: dict[str, Environment], store_secrets: list[Manifest], certificate: dict[str, str]
) -> dict[str, Start]:
    """Make the Secrets that the environments name, then start all environments at once."""
    namespace = table["production"].namespace
    webhook_key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    keys = {"kek-passphrase": f"k&{PASSWORD}", "webhook-key": webhook_key, "flask-key": secrets.token_hex(32)}
    apply_manifests([*store_secrets, secret(namespace, "mlflow-keys", keys)])
    apply_manifests([secret(namespace, "mlflow-admin", {"password": ADMIN_PASSWORD})])
    apply_manifests([secret(namespace, "mlflow-tls", certificate, "kubernetes.io/tls")])
    return start(list(table.values()))


@pytest.fixture(scope="session")
def running(table: dict[str, Environment], started: dict[str, Start]) -> dict[str, Environment]:
    """Give all environments, started."""
    assert set(started) == set(table)
    return table


@pytest.fixture(params=EVERY)
def environment(request: pytest.FixtureRequest, running: dict[str, Environment]) -> Environment:
    """Give each environment in turn."""
    return running[request.param]


@pytest.fixture
def development(running: dict[str, Environment]) -> Environment:
    """Give the environment that keeps everything on its volume."""
    return running["development"]


@pytest.fixture
def production(running: dict[str, Environment]) -> Environment:
    """Give the environment with three replicas."""
    return running["production"]


@pytest.fixture(scope="session")
def ingress_address() -> str:
    """Find the Ingress controller: the Service for ports 80 and 443 in the namespace that ``main.py`` lets in."""
    if address := os.environ.get("MLFLOW_E2E_INGRESS"):
        return address
    found = [
        f"{item['metadata']['name']}.{INGRESS}"
        for item in objects("services", INGRESS)
        if {80, 443} <= {port["port"] for port in item["spec"]["ports"]}
    ]
    assert len(found) == 1, f"namespace {INGRESS} needs one Service of an Ingress controller (found {found})"
    return found[0]
