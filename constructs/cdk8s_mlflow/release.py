"""What is known of a release before its pods are planned."""

from __future__ import annotations

from typing import Literal

from cdk8s_mlflow import network
from cdk8s_mlflow.exposure import Behind
from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.guards import NO_GUARD, SERVER_PORT, Guard, Premises
from cdk8s_mlflow.naming import Naming
from cdk8s_mlflow.needs import Certificate
from cdk8s_mlflow.props import MlflowProps
from cdk8s_mlflow.stores import Stores


@frozen(kw_only=True)
class Release:
    """The props of one installation, with its names, its place and its stores."""

    props: MlflowProps
    naming: Naming
    namespace: str | None
    """Where it will be applied; None if only ``kubectl apply -n`` will tell."""
    stores: Stores
    guard: Guard
    """What its login does to it."""
    server_port: int
    """The port of the pods on which they are reached."""
    certificate: Certificate | None
    """With which they speak TLS; None if they speak plain HTTP."""

    @staticmethod
    def of(props: MlflowProps, naming: Naming, namespace: str | None) -> Release:
        """Return the release of some props."""
        stores = Stores.of(props)
        names = network.service_names(naming.object(), namespace, props.cluster_domain)
        certificate = props.tls.certificate(naming.release, names) if props.tls else None
        guard = _guard(props, stores, certificate)
        return Release(
            props=props,
            naming=naming,
            namespace=namespace,
            stores=stores,
            guard=guard,
            server_port=guard.front.ports["http"] if guard.front else SERVER_PORT,
            certificate=certificate,
        )

    @property
    def scheme(self) -> Literal["http", "https"]:
        """How the pods speak."""
        return "https" if self.certificate else "http"

    @property
    def health_path(self) -> str:
        """What answers as long as the server works."""
        return f"{self.props.static_prefix or ''}/health"

    @property
    def service_port(self) -> int:
        """The port of the Service."""
        return self.props.service.port or self.server_port

    @property
    def service_host(self) -> str:
        """The longest name of the Service that is known."""
        return network.service_names(self.naming.object(), self.namespace, self.props.cluster_domain)[-1]

    @property
    def behind(self) -> Behind:
        """What the controllers in front may know."""
        return Behind(
            release=self.naming.release,
            namespace=self.namespace or "default",
            scheme=self.scheme,
            host=self.service_host,
            ca=self.certificate.ca if self.certificate else None,
            health_path=self.health_path,
            static_prefix=self.props.static_prefix or "",
        )

    @property
    def tracking_uri(self) -> str:
        """Where clients inside the cluster reach the server."""
        return f"{self.scheme}://{self.service_host}:{self.service_port}{self.props.static_prefix or ''}"


def _guard(props: MlflowProps, stores: Stores, certificate: Certificate | None) -> Guard:
    """Return what the login does, if there is one."""
    if props.authentication is None:
        return NO_GUARD
    premises = Premises(
        users=stores.users,
        public_url=network.public_url(props),
        static_prefix=props.static_prefix or "",
        certificate=certificate,
        ca_bundle=props.ca_bundle,
        trusted_proxies=tuple(props.trusted_proxies),
    )
    return props.authentication.guard(premises)
