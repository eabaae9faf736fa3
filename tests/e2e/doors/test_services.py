"""A server behind a Service without an address, and then behind a load balancer's: who gets there, by which name."""

from __future__ import annotations

import json
from collections.abc import Iterator

import attrs
import pytest
from e2e.environments import run
from e2e.installation import Installation, applied, release
from e2e.kubectl import Pod, get, kubectl, wait_until

from cdk8s_mlflow import ArtifactVolume, Headless, LoadBalancer, MlflowProps, SQLite

from .releases import ask

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

OUTER = "198.51.100.7"
"""The address that a cloud would give; the nodes know it like one."""


@pytest.fixture(scope="module")
def headless(room: str) -> Iterator[Installation]:
    """Start a server behind a Service that stands for its pod."""
    props = MlflowProps(service=Headless(), artifact_store=ArtifactVolume(volume=SQLite().volume))
    installation = release(room, "gate", props)
    with applied(installation):
        installation.wait()
        yield installation


def test_the_name_of_a_headless_service_is_the_pod(headless: Installation, client: Pod, stranger: Pod) -> None:
    """Neighbours ask it by its name, at the pod's own port; strangers do not."""
    [pod] = headless.pods()
    name = f"gate.{headless.namespace}.svc.cluster.local"
    assert get("service", "gate", headless.namespace)["spec"]["clusterIP"] == "None"
    found = client.execute("python", "-c", f"import socket; print(socket.gethostbyname({name!r}))").strip()
    assert found == pod.status()["podIP"]
    answers = ask(client, *({"url": f"http://{host}:5000/version"} for host in ("gate", name, found)))
    assert [answer["status"] for answer in answers] == [200] * 3
    assert set(run(stranger, "connect", f"{name}:5000", f"{found}:5000").values()) == {False}


def test_a_load_balancer_is_open_to_its_ranges_alone(
    headless: Installation, client: Pod, guest: Pod, stranger: Pod
) -> None:
    """What the cloud would say of the Service is said here; nodes and policy keep everybody else out."""
    ranges = [f"{guest.status()['podIP']}/32"]
    door = LoadBalancer(port=80, source_ranges=ranges, annotations={"example.com/scheme": "internal"})
    balanced = attrs.evolve(headless, props=attrs.evolve(headless.props, service=door, public_url=f"http://{OUTER}"))
    # The one change of a Service that Kubernetes refuses.
    kubectl("-n", balanced.namespace, "delete", "service", "gate")
    balanced.apply()
    balanced.wait()
    spec = get("service", "gate", balanced.namespace)["spec"]
    assert (spec["externalTrafficPolicy"], spec["loadBalancerSourceRanges"]) == ("Local", ranges)
    told = json.dumps({"status": {"loadBalancer": {"ingress": [{"ip": OUTER, "ipMode": "VIP"}]}}})
    kubectl("-n", balanced.namespace, "patch", "service", "gate", "--subresource=status", "--type=merge", "-p", told)
    url = f"http://{OUTER}/version"
    # Whoever else answers at that address outside is not MLflow.
    version = ask(client, {"url": "http://gate/version"})[0]["text"]
    wait_until("the nodes know the address", lambda: ask(guest, {"url": url})[0]["text"] == version)
    assert not run(stranger, "connect", f"{OUTER}:80")[f"{OUTER}:80"]
    assert not run(stranger, "connect", f"gate.{balanced.namespace}:80")[f"gate.{balanced.namespace}:80"]
