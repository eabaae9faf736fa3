"""Through which doors the server is reached: its Service, and what stands before that."""

from __future__ import annotations

from cdk8s_mlflow.exposure.controllers import (
    ArtifactWay,
    AwsLoadBalancer,
    Behind,
    IngressController,
    IngressNginx,
    Traefik,
)
from cdk8s_mlflow.exposure.http_route import HttpRoute, ParentReference
from cdk8s_mlflow.exposure.ingress import CertManagerIssuer, Ingress, IngressHost, IngressPath, IngressTls
from cdk8s_mlflow.exposure.services import ClusterIP, Headless, LoadBalancer, NodePort, Service

__all__ = [
    "ArtifactWay",
    "AwsLoadBalancer",
    "Behind",
    "CertManagerIssuer",
    "ClusterIP",
    "Door",
    "Headless",
    "HttpRoute",
    "Ingress",
    "IngressController",
    "IngressHost",
    "IngressNginx",
    "IngressPath",
    "IngressTls",
    "LoadBalancer",
    "NodePort",
    "ParentReference",
    "Service",
    "Traefik",
    "doors",
]

Door = Ingress | HttpRoute


def doors(given: Door | list[Door] | tuple[Door, ...] | None) -> tuple[Door, ...]:
    """Return the doors as a tuple: one may be written by itself."""
    if given is None:
        return ()
    if isinstance(given, list | tuple):
        return tuple(given)
    return (given,)
