"""Containers beside the server that its connections go through: one class per proxy.

They are native sidecars (init containers that keep running), so that the migration reaches its database
through them too. Kubernetes has those by default from 1.29 on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import attrs

from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.needs import Needs, Sidecar
from cdk8s_mlflow.peers import CidrPeer, Endpoint, Peer, endpoint
from cdk8s_mlflow.values import DnsLabel, EnvName, PlainText, Quantity, canonical_quantity, sequences


@runtime_checkable
class Proxy(Protocol):
    """What every proxy answers."""

    def sidecar(self, port: int) -> Sidecar:
        """Return the container that listens on the port of the pod's own localhost."""


def way_to(host: str, port: int, peer: Peer | None, proxy: Proxy | None) -> Needs:
    """Return what a connection needs: the way to the host, or the proxy and its own way."""
    if proxy is None:
        return Needs(egress=(endpoint(host, port, peer),))
    sidecar = proxy.sidecar(port)
    return Needs(sidecars=(sidecar,), egress=sidecar.egress, kubernetes="1.29")


@frozen(kw_only=True)
class CloudSqlProxy:
    """Google's Cloud SQL Auth Proxy: encrypted, and authorized by the pod's workload identity.

    Write ``host="127.0.0.1"`` in the store that goes through it.
    """

    instance: PlainText
    """The instance connection name, ``project:region:instance``."""
    private_ip: bool = False
    """Whether to reach the instance by its private address."""
    auto_iam_authn: bool = False
    """Whether to log in to the database as the workload identity too, without any password."""
    image: PlainText = "gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.18.2"

    def sidecar(self, port: int) -> Sidecar:
        """Return the proxy's container."""
        flags = {"--private-ip": self.private_ip, "--auto-iam-authn": self.auto_iam_authn}
        return Sidecar(
            name="cloud-sql-proxy",
            image=self.image,
            args=(
                "--structured-logs",
                "--address=127.0.0.1",
                f"--port={port}",
                "--health-check",
                "--http-address=0.0.0.0",
                "--http-port=9801",
                *(flag for flag, given in flags.items() if given),
                self.instance,
            ),
            startup_path="/startup",
            startup_port=9801,
            memory="128Mi",
            egress=(
                Endpoint(port=443),
                Endpoint(port=3307),
                Endpoint(port=80, peer=CidrPeer("169.254.169.254/32")),
                Endpoint(port=988, peer=CidrPeer("169.254.169.252/32")),
            ),
        )


@frozen(kw_only=True, field_transformer=sequences)
class SidecarProxy:
    """Any container that listens on the pod's own localhost and passes connections on.

    Write ``host="127.0.0.1"`` in the store that goes through it, and the port on which it listens.
    """

    name: DnsLabel
    image: PlainText
    command: Sequence[str] = ()
    """The image's own entrypoint if left out."""
    args: Sequence[str] = ()
    env: Mapping[EnvName, str] = attrs.field(factory=dict)
    memory: Quantity = "128Mi"
    """Requested, and the limit."""
    egress: Sequence[Endpoint] = ()
    """Where it connects to, for the network policy."""

    def sidecar(self, port: int) -> Sidecar:  # noqa: ARG002 - the arguments say it
        """Return the container."""
        return Sidecar(
            name=self.name,
            image=self.image,
            command=tuple(self.command),
            args=tuple(self.args),
            env=tuple(self.env.items()),
            memory=canonical_quantity(self.memory),
            egress=tuple(self.egress),
        )
