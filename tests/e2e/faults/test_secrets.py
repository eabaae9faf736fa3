"""Secrets that come late, and certificates that are replaced."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.databases.certificates import Certificates
from e2e.installation import USED, Installation, applied, release, use
from e2e.kubectl import Pod, apply_manifests, attempt, kubectl
from e2e.manifests import config_map, secret
from e2e.results import record

from cdk8s_mlflow import ConfigMapKey, ExistingSecret, FixedReplicas, MlflowProps, PostgreSQL, TlsSecret

from .conftest import PASSWORD, Around, Ready, bucket
from .writing import NOTHING, writing

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def test_the_secret_comes_late(place: str, client: Pod, ready: Ready) -> None:
    """The pods wait without a restart, say for what, and go on by themselves."""
    ready.store("late")
    password = ExistingSecret("comes-late", "password")
    store = PostgreSQL(host="postgresql", database="late", user="late", password=password)
    server = release(place, "late", MlflowProps(backend_store=store))
    with applied(server):
        time.sleep(60)
        [pod] = server.pods()
        assert 'secret "comes-late" not found' in attempt("-n", place, "describe", "pod", pod.name).stdout
        server.assert_calm()
        apply_manifests([secret(place, "comes-late", {"password": PASSWORD})])
        arrived = time.monotonic()
        server.wait(600)
        seconds = time.monotonic() - arrived
        server.assert_calm()
        assert use(client, server)["late"] == USED
    name = "a Secret is missing at the start and comes later (time from there to ready)"
    record("faults", name, {"lost": "nothing", "API unavailable, s": round(seconds, 1), "healed": "by itself"})


@pytest.fixture
def authorities(place: str, tmp_path: Path) -> Certificates:
    """Make an authority, and a first certificate for the server."""
    found = Certificates(tmp_path)
    apply_manifests([config_map(place, "authority", {"ca.crt": found.authority()}), certificate(place, found, "first")])
    return found


def certificate(namespace: str, authority: Certificates, name: str) -> dict[str, object]:
    """Return the Secret with a new certificate."""
    host = f"certified.{namespace}"
    return secret(namespace, "certified-tls", authority.signed(name, [host]), kind="kubernetes.io/tls")


class Certified(Installation):
    """A release that speaks TLS."""

    @property
    def uri(self) -> str:
        """The tracking URI in the cluster."""
        return super().uri.replace("http:", "https:")


@pytest.fixture
def certified(place: str, ready: Ready, objects: Around, authorities: Certificates) -> Iterator[Installation]:
    """Start a server of two replicas with TLS in the pods."""
    assert authorities.folder.is_dir()
    assert objects.name
    authority = ConfigMapKey("authority", "ca.crt")
    props = MlflowProps(
        backend_store=ready.store("certified"),
        artifact_store=bucket(),
        tls=TlsSecret(secret_name="certified-tls", ca=authority),
        scaling=FixedReplicas(2),
    )
    plain = release(place, "certified", props)
    server = Certified(plain.namespace, plain.name, plain.props)
    with applied(server):
        server.wait(600)
        yield server


def test_its_certificate_is_rotated(
    certified: Installation, client: Pod, authorities: Certificates, place: str, tmp_path: Path
) -> None:
    """A new one in the Secret and a restart, as the runbook says; every client checks it throughout."""
    trusted = "/tmp/authority.crt"  # noqa: S108 - in the pod
    text = tmp_path.joinpath("ca.crt").read_text(encoding="utf-8")
    kubectl("-n", place, "exec", "-i", client.name, "--", "sh", "-c", f"cat > {trusted}", stdin=text)
    with writing(client, certified, authority=trusted) as found:
        before = served(client, place, trusted)
        apply_manifests([certificate(place, authorities, "second")])
        kubectl("-n", place, "rollout", "restart", "deployment/certified")
        certified.wait(600)
        time.sleep(20)  # until the old pods are gone
    assert served(client, place, trusted) != before
    assert found.lost == NOTHING
    certified.assert_calm()
    found.keep("the certificate of two server pods is rotated", "`kubectl rollout restart`, or the Reloader")


def served(client: Pod, place: str, trusted: str) -> str:
    """Return the certificate that is served."""
    ask = f"import ssl; print(ssl.get_server_certificate(('certified.{place}', 5000), ca_certs={trusted!r}))"
    return client.execute("python", "-c", ask)
