"""Secret values stay in Secrets and in the environment of the processes that need them."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

import pytest

from .environments import PROCESSES, RELEASE, Environment, Start
from .kubectl import kubectl, pods

pytestmark = pytest.mark.e2e

PUBLIC = {"username", "access-key-id", "tls.crt"}


def found_in(text: str, environment: Environment) -> list[str]:
    """Return the names of the secret values that stand in the text, in any of the forms that programs give them."""
    return [
        f"{name}.{key}"
        for name, values in environment.secrets().items()
        for key, value in values.items()
        if key not in PUBLIC and any(form in text for form in forms(value))
    ]


def forms(value: str) -> set[str]:
    """Return a value as it is, in JSON, in a URL and in base64."""
    encoded = base64.b64encode(value.encode()).decode().rstrip("=")
    return {value, json.dumps(value)[1:-1], quote(value), quote(value, safe=""), quote_plus(value), encoded}


def test_search_finds_a_secret(environment: Environment) -> None:
    """The tests below would find a value, also one that is escaped for a URL."""
    for values in environment.secrets().values():
        for key in values.keys() - PUBLIC:
            assert found_in(f"postgresql://user:{quote(values[key], safe='')}@host", environment) != []


def test_no_secret_in_the_arguments_of_a_server_process(environment: Environment) -> None:
    """Arguments are readable for every process of the pod, and for the node."""
    for server in environment.servers():
        arguments = server.execute("sh", "-c", PROCESSES)
        assert "mlflow.server" in arguments
        assert found_in(arguments, environment) == []


def test_no_secret_in_the_arguments_of_a_migration_process(environment: Environment, started: dict[str, Start]) -> None:
    """The same while the migration ran, and while the upgrade ran as a process of its own."""
    seen = "".join(started[environment.name].migration_processes.values())
    assert "migrate.py --upgrade" in seen
    assert found_in(seen, environment) == []


def test_no_secret_in_any_other_object(environment: Environment) -> None:
    """No object but the Secrets holds a value: not the Job's arguments, not an annotation, not an event."""
    resources = kubectl("api-resources", "--namespaced", "--verbs=list", "-o", "name").split()
    kinds = [name for name in resources if name not in {"secrets", "endpoints"} and "metrics.k8s.io" not in name]
    text = kubectl("-n", environment.namespace, "get", ",".join(kinds), "--ignore-not-found", "-o", "json")
    assert all(kind in text for kind in ("Deployment", "ReplicaSet", "ConfigMap", "NetworkPolicy"))
    assert found_in(json.dumps(json.loads(text), ensure_ascii=False), environment) == []


def test_no_secret_in_any_log(environment: Environment, started: dict[str, Start]) -> None:
    """Neither the migration nor the server nor the generating Job writes a value."""
    now = [pod.logs() for pod in pods(environment.namespace, RELEASE)]
    assert found_in("".join([*now, *started[environment.name].logs.values()]), environment) == []
