"""No answers for names: a server whose resolver is away for a minute, and then back."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.installation import Installation, applied, release
from e2e.kubectl import Pod, get
from e2e.manifests import python_pod

from cdk8s_mlflow import MlflowProps

from .conftest import Around, Ready, bucket
from .writing import NOTHING, writing

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

RESOLVER = Path(__file__).parent.joinpath("client", "resolver.py").read_text(encoding="utf-8")
PORT = 5353
"""One of those at which network policies let pods ask for names."""


@pytest.fixture
def resolver(place: str, client: Pod) -> Around:
    """Start a resolver of our own, which asks the cluster's."""
    [upstream] = re.findall(r"^nameserver (\S+)", client.execute("cat", "/etc/resolv.conf"), re.MULTILINE)
    door = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "resolver", "namespace": place},
        "spec": {"selector": {"app": "resolver"}, "ports": [{"port": 53, "targetPort": PORT, "protocol": "UDP"}]},
    }
    found = Around(
        place, "resolver", (python_pod(place, "resolver", "python", "-c", RESOLVER, str(PORT), upstream), door)
    )
    found.start()
    return found


@pytest.fixture
def named(place: str, ready: Ready, objects: Around, resolver: Around) -> Iterator[Installation]:
    """Start a server that asks nobody else for names."""
    assert objects.name
    address = get("service", resolver.name, place)["spec"]["clusterIP"]
    searches = [f"{place}.svc.cluster.local", "svc.cluster.local", "cluster.local"]
    props = MlflowProps(
        backend_store=ready.store("named"),
        artifact_store=bucket(),
        dns_policy="None",
        dns_config={"nameservers": [address], "searches": searches, "options": [{"name": "ndots", "value": "2"}]},
    )
    server = release(place, "named", props)
    with applied(server):
        server.wait(600)
        yield server


def test_no_names_for_a_minute(named: Installation, client: Pod, resolver: Around, ready: Ready) -> None:
    """Connections that are open stay; new ones wait for the names to come back."""
    [pod] = named.pods()
    ask = ("python", "-c", "import socket; socket.getaddrinfo('postgresql', 5432)")
    with writing(client, named) as found:
        resolver.stop()
        time.sleep(20)
        assert "failure in name resolution" in pod.attempt(*ask, container="mlflow").stderr
        # So that the server has to ask.
        ready.server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'named'")
        time.sleep(40)
        resolver.start()
    assert found.lost == NOTHING
    named.assert_calm()
    found.keep("no names are resolved for 60 s; after 20 s the database ends all connections")
