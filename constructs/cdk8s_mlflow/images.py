"""Names of images, and where they are pulled from."""

from __future__ import annotations


def pulled_from(image: str, registry: str | None) -> str:
    """Return an image as it is called in a registry that mirrors all others: its path, tag and digest stay.

    >>> pulled_from("ghcr.io/mlflow/mlflow:v3", "registry.example.com/mirror")
    'registry.example.com/mirror/mlflow/mlflow:v3'
    >>> pulled_from("busybox", "registry.example.com")
    'registry.example.com/library/busybox'
    """
    if registry is None:
        return image
    host, slash, path = image.partition("/")
    named = slash and ("." in host or ":" in host or host == "localhost")
    rest = path if named else image
    # Docker Hub's own images have a folder that nobody writes.
    of_docker_hub = "/" not in rest and (not named or host == "docker.io")
    return f"{registry}/library/{rest}" if of_docker_hub else f"{registry}/{rest}"
