"""What a server's container holds in memory at work, below the limit that its props make.

Each test prints a row of the table of docs/scaling.md (``pytest -s``): MiB that the kernel could not take back,
processes of the container together, the highest of a phase.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest
from e2e.installation import Installation, applied, release
from e2e.kubectl import Pod
from e2e.logins.provider import Provider
from e2e.servers import PostgreSQLServer

from cdk8s_mlflow import (
    S3,
    BasicAuth,
    ClientCredentials,
    ExistingSecret,
    Image,
    JobExecution,
    Metrics,
    MlflowProps,
    OidcAuth,
    PodPeer,
    PostgreSQL,
    Proxied,
    S3Credentials,
)
from cdk8s_mlflow.values import quantity_bytes

from .conftest import PASSWORD
from .watch import memory, peak

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

STORED = ExistingSecret("passwords", "password")
SECONDS, PER_SECOND, MEBIBYTES = 40, 100, 1024
PROGRAM = Path(__file__).parent.joinpath("client", "work.py").read_text(encoding="utf-8")


@attrs.frozen
class Variant:
    """A feature that changes how much memory a server takes."""

    changes: Mapping[str, Any] = attrs.field(factory=dict)
    login: Callable[[pytest.FixtureRequest], Mapping[str, Any]] = lambda _: {}
    """Props that need something which the tests start."""
    caller: Callable[[pytest.FixtureRequest], Mapping[str, str]] = lambda _: {}
    """The variables of a client that may do everything."""


def oidc(request: pytest.FixtureRequest) -> Mapping[str, Any]:
    """Return a login at the tests' own provider, by the image that has the plugin."""
    provider: Provider = request.getfixturevalue("provider")
    login = OidcAuth(
        discovery_url=provider.discovery_url,
        client_id="mlflow",
        client_secret=provider.client_secret,
        audience="urn:mlflow",
        scopes=["openid", "email", "profile", "groups"],
        callers=ClientCredentials(parameters={"resource": "urn:mlflow"}),
    )
    image = Image(repository="localhost/cdk8s-mlflow", tag="v3.17.2")
    return {"authentication": login, "image": image, "ca_bundle": provider.ca, "public_url": "http://oidc.memory:5000"}


def token(request: pytest.FixtureRequest) -> Mapping[str, str]:
    """Return the variables of a program that the provider knows."""
    provider: Provider = request.getfixturevalue("provider")
    return {"MLFLOW_TRACKING_TOKEN": provider.token(request.getfixturevalue("client"))}


def administrator(_: pytest.FixtureRequest) -> Mapping[str, str]:
    """Return the variables of the administrator."""
    return {"MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": PASSWORD}


BASIC = BasicAuth(admin_password=STORED, flask_secret_key=STORED)
VARIANTS = {
    "plain": Variant(),
    "two-workers": Variant({"workers": 2}),
    "four-workers": Variant({"workers": 4}),
    "basic-auth": Variant({"authentication": BASIC}, caller=administrator),
    "oidc": Variant(login=oidc, caller=token),
    "metrics": Variant({"metrics": Metrics()}),
    "prefix": Variant({"static_prefix": "/mlflow", "artifact_access": Proxied(largest_artifact="1Gi")}),
    "jobs": Variant({"job_execution": JobExecution()}),
}


def props(name: str, bucket: str, changes: Mapping[str, Any]) -> MlflowProps:
    """Return a server on PostgreSQL and S3, which every artifact passes."""
    return MlflowProps(
        backend_store=PostgreSQL(host="postgresql", database=name, user=name, password=STORED),
        artifact_store=S3(
            bucket="artifacts",
            endpoint_url=bucket,
            credentials=S3Credentials(
                access_key_id=ExistingSecret("passwords", "id"),
                secret_access_key=ExistingSecret("passwords", "password"),
            ),
            network_peer=PodPeer(match_labels={"app": "minio"}),
        ),
        **changes,
    )


def limit(server: Installation) -> int:
    """Return the MiB that the server's container may take."""
    [deployment] = [item for item in server.manifests() if item["kind"] == "Deployment"]
    [container] = [item for item in deployment["spec"]["template"]["spec"]["containers"] if item["name"] == "mlflow"]
    return int(quantity_bytes(container["resources"]["limits"]["memory"])) // 2**20


def settled(pod: Pod) -> int:
    """Wait until the container grows no more, and return the MiB that it then holds."""
    held, deadline = [memory(pod, "mlflow")[0]], time.monotonic() + 180
    while len(held) < 5 or held[-1] > held[-5] * 1.01:
        assert time.monotonic() < deadline, held
        time.sleep(4)
        held.append(memory(pod, "mlflow")[0])
    return held[-1]


def work(client: Pod, caller: Mapping[str, str], *arguments: str) -> dict[str, Any]:
    """Make the server work, and return what came of it."""
    settings = [f"{name}={value}" for name, value in caller.items()]
    output = client.execute("env", *settings, "python", "-c", PROGRAM, *arguments, timeout=700)
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    return found


@pytest.mark.parametrize("name", VARIANTS)
def test_a_server_at_work_stays_below_its_limit(
    name: str, client: Pod, bucket: str, postgres: PostgreSQLServer, request: pytest.FixtureRequest
) -> None:
    """Idle, at a hundred requests a second (or as many as it answers), and while 1 GiB passes each way."""
    variant = VARIANTS[name]
    postgres.make_database(name, name, PASSWORD)
    changes = {**variant.changes, **variant.login(request)}
    server = release(client.namespace, name, props(name, bucket, changes))
    uri = server.uri + changes.get("static_prefix", "")
    file = f"{uri}/api/2.0/mlflow-artifacts/artifacts/memory/{name}.bin"
    with applied(server):
        server.wait(600)
        [pod] = server.pods()
        row = {"idle": settled(pod)}
        caller = variant.caller(request)
        with peak(pod, "mlflow") as found:
            load = work(client, caller, "requests", uri, str(SECONDS), str(PER_SECOND))
        row["requests"] = found.mebibytes
        with peak(pod, "mlflow") as found:
            sent = work(client, caller, "up", file, str(MEBIBYTES))
        row["up"] = found.mebibytes
        with peak(pod, "mlflow") as found:
            received = work(client, caller, "down", file)
        row["down"] = found.mebibytes
        _, kills = memory(pod, "mlflow")
        beside = f", container metrics {memory(pod, 'metrics')[0]} MiB" if "metrics" in changes else ""
        most = limit(server)
        print(f"\n| {name} | {' | '.join(map(str, row.values()))} | {most} | {load['per second']}/s{beside}")  # noqa: T201
        server.assert_calm()
    assert load["failures"] == []
    assert load["answered"] > SECONDS
    assert (sent["status"], sent["bytes"]) == (200, MEBIBYTES * 2**20), sent
    assert received == sent
    assert kills == 0
    assert max(row.values()) < most, (row, most)
