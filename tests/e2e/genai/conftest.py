"""A namespace with PostgreSQL, Redis, a bucket, a client, and what answers like a provider of language models."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.environments import program
from e2e.kubectl import Manifest, Pod, apply_manifests, wait_for_pods
from e2e.manifests import pod, python_pod, secret, service
from e2e.room import client_in, own_namespace
from e2e.servers import PostgreSQLServer, start_minio, start_postgresql

GENAI = f"genai-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
PASSWORD = "p@s/s#w%41:?d&$x"
MODEL_PORT = 8000


def source(name: str) -> str:
    """Return the source of a program of client/."""
    return program(name, Path(__file__).parent)


@pytest.fixture(scope="session")
def genai(request: pytest.FixtureRequest) -> Iterator[str]:
    """Make the namespace."""
    yield from own_namespace(GENAI, request)


@pytest.fixture(scope="session")
def client(genai: str) -> Pod:
    """Start a pod with MLflow's client."""
    return client_in(genai)


@pytest.fixture(scope="session")
def postgres(genai: str) -> PostgreSQLServer:
    """Start PostgreSQL."""
    apply_manifests([secret(genai, "passwords", {"any": PASSWORD})])
    return start_postgresql(genai)


@pytest.fixture(scope="session")
def redis(genai: str) -> str:
    """Start a Redis with a password, and return its name."""
    container: Manifest = {
        "image": "docker.io/library/redis:7",
        "args": ["redis-server", "--requirepass", PASSWORD, "--save", ""],
        "readinessProbe": {"tcpSocket": {"port": 6379}, "periodSeconds": 1},
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    volumes: dict[str, Manifest] = {"data": {"emptyDir": {}}}
    apply_manifests([pod(genai, "redis", container, volumes, user=999), service(genai, "redis", 6379)])
    wait_for_pods(genai, "redis")
    return "redis"


@pytest.fixture(scope="session")
def model(genai: str) -> str:
    """Start what answers like OpenAI, at two ports, and return its name."""
    ports = (MODEL_PORT, MODEL_PORT + 1)
    other = service(genai, "model", MODEL_PORT + 1)
    other["metadata"]["name"] = "other-model"
    apply_manifests(
        [
            python_pod(genai, "model", "python", "-c", source("model"), *map(str, ports)),
            service(genai, "model", MODEL_PORT),
            other,
        ]
    )
    wait_for_pods(genai, "model")
    return "model"


@pytest.fixture(scope="session")
def bucket(client: Pod) -> str:
    """Start MinIO with an empty bucket, and return its address."""
    return start_minio(client, "artifacts")
