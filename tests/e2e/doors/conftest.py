"""Servers behind every kind of door, started once for all tests of this folder.

They need Traefik with the Gateway ``public`` in namespace ``ingress`` (listeners ``http`` and ``https``, the latter
with a certificate for ``*.example.com``). The slow ones also start a Traefik of their own, from the same image, that
knows Traefik's own CRDs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from e2e.databases.certificates import Certificates
from e2e.kubectl import Pod, apply_manifests, get, kubectl, wait_for_pods
from e2e.manifests import python_pod, secret, service
from e2e.room import client_in, own_namespace
from e2e.visitors import Door, find_gateway, start_visitor

from .releases import (
    ADMIN_PASSWORD,
    PLAIN_HOSTS,
    PREFIXED_HOST,
    SECURE_HOST,
    SHARED_HOST,
    Server,
    names_of_service,
    plain,
    prefixed,
    secure,
)
from .traefik import define_traefik, install_definitions

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
ROOM, OUTSIDE, PROXY = f"doors-{WORKER}", f"doors-outside-{WORKER}", f"doors-proxy-{WORKER}"


@pytest.fixture(scope="session")
def room(request: pytest.FixtureRequest) -> Iterator[str]:
    """Make the namespace of the servers, with the administrator's password."""
    for name in own_namespace(ROOM, request):
        values = {"password": ADMIN_PASSWORD, "flask": "a key of these tests"}
        apply_manifests([secret(name, "mlflow-login", values)])
        yield name


@pytest.fixture(scope="session")
def outside(request: pytest.FixtureRequest) -> Iterator[str]:
    """Make a namespace that no policy names."""
    yield from own_namespace(OUTSIDE, request)


@pytest.fixture(scope="session")
def client(room: str) -> Pod:
    """Start a pod beside the servers."""
    return client_in(room)


def listening(namespace: str, name: str) -> Pod:
    """Start a pod that listens on port 8080 and may run programs."""
    listen = "import http.server as h; h.HTTPServer(('', 8080), h.BaseHTTPRequestHandler).serve_forever()"
    apply_manifests([python_pod(namespace, name, "python", "-c", listen), service(namespace, name, 8080)])
    wait_for_pods(namespace, name)
    return Pod(namespace, name)


@pytest.fixture(scope="session")
def guest(outside: str) -> Pod:
    """Start a pod whose address alone the NodePort's ranges name."""
    return listening(outside, "guest")


@pytest.fixture(scope="session")
def stranger(outside: str) -> Pod:
    """Start a pod that nobody names."""
    return listening(outside, "stranger")


@pytest.fixture(scope="session")
def certificates(room: str, tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Make Secrets: ``company`` and ``other-company``, two authorities; ``server`` and ``public``, by the first."""
    made = Certificates(tmp_path_factory.mktemp("certificates"))
    # Not the route's host: Traefik would show this certificate there, too, before the Gateway's own, for any host.
    hosts = {"server": names_of_service("secure", room), "public": [PLAIN_HOSTS[0], SHARED_HOST, SECURE_HOST]}
    apply_manifests([secret(room, "company", {"ca.crt": made.authority("ca")})])
    apply_manifests(
        [secret(room, name, made.signed(name, names), "kubernetes.io/tls") for name, names in hosts.items()]
    )
    apply_manifests([secret(room, "other-company", {"ca.crt": made.authority("other-ca")})])
    return made


@pytest.fixture(scope="session")
def started(room: str, guest: Pod, certificates: Certificates) -> dict[str, Server]:
    """Start the server at the root and the one below a prefix, both at once."""
    assert certificates.folder.exists()
    found = {item.name: item for item in (plain(room, guest.status()["podIP"]), prefixed(room))}
    for item in found.values():
        item.installation.apply()
    for item in found.values():
        item.installation.wait()
    return found


@pytest.fixture(scope="session")
def at_root(started: dict[str, Server]) -> Server:
    """Give the server without a login, at the root, with a NodePort, an Ingress and a route."""
    return started["plain"]


@pytest.fixture(scope="session")
def below_prefix(started: dict[str, Server]) -> Server:
    """Give the server with a login, below a prefix, behind a route."""
    return started["prefixed"]


@pytest.fixture(scope="session")
def gateway() -> Door:
    """Give the Gateway's address, and the certificate of its listener."""
    return find_gateway()


@pytest.fixture(scope="session")
def visitor(room: str, gateway: Door, below_prefix: Server) -> Pod:
    """Start a pod with MLflow's client, whose DNS says that the public names are at the Gateway."""
    assert below_prefix.namespace == room
    return start_visitor(room, "visitor", gateway, [PREFIXED_HOST])


# --- The slow part: TLS in the pod, behind a Traefik that knows its own CRDs ---------------------------------


@pytest.fixture(scope="session")
def traefik(room: str, request: pytest.FixtureRequest, certificates: Certificates) -> Iterator[Door]:
    """Start a Traefik for the Ingresses of the room, in a namespace of its own."""
    install_definitions()
    for namespace in own_namespace(PROXY, request):
        everywhere, inside = define_traefik(namespace, room)
        apply_manifests([*everywhere, *inside])
        kubectl("-n", namespace, "rollout", "status", "deployment/traefik", "--timeout=120s", timeout=130)
        address = get("service", "traefik", namespace)["spec"]["clusterIP"]
        yield Door(address, certificates.folder.joinpath("ca.crt").read_text(encoding="utf-8"))
        if not request.config.getoption("--keep", default=False):
            for item in everywhere:
                kubectl("delete", item["kind"], item["metadata"]["name"], "--ignore-not-found")


@pytest.fixture(scope="session")
def with_tls(room: str, traefik: Door) -> Server:
    """Start the server with a login and a certificate, below a prefix, behind our own Traefik."""
    assert traefik.address
    server = secure(room, PROXY)
    server.installation.apply()
    server.installation.wait()
    return server


@pytest.fixture(scope="session")
def tls_visitor(room: str, traefik: Door, with_tls: Server) -> Pod:
    """Start a pod with MLflow's client, whose DNS says that the public name is at our own Traefik."""
    assert with_tls.namespace == room
    return start_visitor(room, "tls-visitor", traefik, [SECURE_HOST])
