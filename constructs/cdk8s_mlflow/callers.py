"""What a program in the cluster needs to use the server: the address, the way there, and credentials."""

from __future__ import annotations

from cdk8s_mlflow.artifact_store.access import Direct, Presigned
from cdk8s_mlflow.needs import EnvVar, Needs, merge
from cdk8s_mlflow.peers import Endpoint, PodPeer
from cdk8s_mlflow.release import Release


def client_environment(release: Release) -> dict[str, str]:
    """Return the variables of a client. The server offers signed URLs in any case: whether to use them is said here."""
    stores, access = release.stores, release.props.artifact_access
    environment = {"MLFLOW_TRACKING_URI": release.tracking_uri}
    if stores.artifacts is None or not stores.artifacts.signs or isinstance(access, Direct):
        return environment
    presigned = isinstance(access, Presigned)
    # MLflow signs downloads of S3 only; elsewhere a client would ask in vain each time.
    ways = {"UPLOAD": presigned, "DOWNLOAD": presigned and stores.artifacts.uri.startswith("s3://")}
    return environment | {f"MLFLOW_ENABLE_PROXY_MULTIPART_{way}": str(on).lower() for way, on in ways.items()}


def caller_needs(release: Release) -> Needs:
    """Return what a container of our own needs that calls the server as a client."""
    environment = Needs(env=tuple(EnvVar(name, value) for name, value in client_environment(release).items()))
    certificate, bundle = release.certificate, release.props.ca_bundle
    # The company's, which may vouch for the provider of the login or for the store of presigned transfers as well.
    known = (bundle, None if certificate is None else certificate.ca)
    trusted = tuple(dict.fromkeys(item for item in known if item is not None))
    way = Needs(egress=(server_endpoint(release),), authorities=trusted)
    return merge(environment, way, release.guard.callers)


def server_endpoint(release: Release) -> Endpoint:
    """Return where the server is. Policies see a connection behind the Service: at the pod, on the pod's port."""
    return Endpoint(port=release.server_port, peer=PodPeer(match_labels=release.naming.workload("server")))
