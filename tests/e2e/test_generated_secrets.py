"""The Job that makes the encryption keys, once."""

from __future__ import annotations

import pytest

from .environments import Environment
from .kubectl import apply, attempt, get, kubectl

pytestmark = pytest.mark.e2e

GENERATED = ("mlflow-crypto-kek-passphrase", "mlflow-webhook-encryption-key")


@pytest.fixture(params=["development", "staging"])
def generating(request: pytest.FixtureRequest, running: dict[str, Environment]) -> Environment:
    """Give each environment whose keys are generated."""
    return running[request.param]


def generated(environment: Environment) -> dict[str, dict[str, str]]:
    """Return the values of the generated Secrets."""
    secrets = environment.secrets()
    return {name: secrets[name] for name in GENERATED}


def run_again(environment: Environment) -> str:
    """Delete the Job, apply the file once more, and return what the new Job says."""
    name, namespace = environment.one("Job")["metadata"]["name"], environment.namespace
    kubectl("-n", namespace, "delete", "job", name)
    apply(environment.file)
    kubectl("-n", namespace, "wait", "--for=condition=Complete", "--timeout=120s", f"job/{name}", timeout=130)
    return kubectl("-n", namespace, "logs", f"job/{name}")


def test_each_environment_has_its_own_keys(running: dict[str, Environment]) -> None:
    """Keys are random: none is in the files, and no two are alike."""
    values = [
        value
        for name in ("development", "staging")
        for entries in generated(running[name]).values()
        for value in entries.values()
    ]
    assert len(values) == len(set(values)) == 4
    assert all(len(value) >= 43 for value in values)


def test_job_succeeds_at_the_first_try(generating: Environment) -> None:
    """Its image, its rights and its network policy are right together."""
    status = get("job", generating.one("Job")["metadata"]["name"], generating.namespace)["status"]
    assert (status.get("succeeded"), status.get("failed", 0)) == (1, 0)


def test_applying_again_keeps_the_keys(generating: Environment) -> None:
    """Whatever MLflow encrypted stays readable."""
    before = generated(generating)
    apply(generating.file)
    assert generated(generating) == before


def test_another_job_keeps_the_keys(generating: Environment) -> None:
    """A Job that finds the Secrets there leaves them alone and says so."""
    before = generated(generating)
    log = run_again(generating)
    assert log.count("is there already") == len(GENERATED), log
    assert generated(generating) == before


def test_another_job_makes_only_the_missing_key(development: Environment) -> None:
    """A lost Secret is made anew and the other one kept; the server goes on with the old value until it restarts."""
    before = generated(development)
    kubectl("-n", development.namespace, "delete", "secret", GENERATED[1])
    log = run_again(development)
    after = generated(development)
    assert after[GENERATED[0]] == before[GENERATED[0]]
    assert after[GENERATED[1]] != before[GENERATED[1]]
    assert [line.split()[-1] for line in log.splitlines()] == ["already", "created"]


@pytest.mark.parametrize(
    ("verb", "resource", "allowed"),
    [
        ("create", "secrets", True),
        ("get", "secrets", False),
        ("list", "secrets", False),
        ("watch", "secrets", False),
        ("update", "secrets", False),
        ("patch", "secrets", False),
        ("delete", "secrets", False),
        ("create", "pods", False),
        ("get", "configmaps", False),
    ],
)
def test_job_may_create_secrets_and_nothing_else(
    verb: str, resource: str, allowed: bool, development: Environment
) -> None:
    """Whoever takes the Job's token over reads no Secret with it."""
    assert can(development, "mlflow-secrets", development.namespace, verb, resource) is allowed


def test_job_may_create_secrets_in_its_own_namespace_only(development: Environment, production: Environment) -> None:
    """The right ends at the namespace."""
    assert not can(development, "mlflow-secrets", production.namespace, "create", "secrets")


def test_server_account_may_nothing(environment: Environment) -> None:
    """The server's ServiceAccount has no right that is not everybody's."""
    rules = kubectl(
        *("-n", environment.namespace, "auth", "can-i", "--list", "--no-headers"),
        *identity(environment, "mlflow"),
    )
    resources = {line.split()[0] for line in rules.splitlines() if not line.startswith(" ")}
    assert resources <= {
        "selfsubjectreviews.authentication.k8s.io",
        "selfsubjectaccessreviews.authorization.k8s.io",
        "selfsubjectrulesreviews.authorization.k8s.io",
    }


def can(environment: Environment, account: str, namespace: str, verb: str, resource: str) -> bool:
    """Ask whether a ServiceAccount may do something."""
    done = attempt("-n", namespace, "auth", "can-i", verb, resource, *identity(environment, account))
    assert done.stdout.strip() in {"yes", "no"}, done.stderr
    return done.stdout.strip() == "yes"


def identity(environment: Environment, account: str) -> list[str]:
    """Return the flags that speak for a ServiceAccount, in its groups."""
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{environment.namespace}", "system:authenticated")
    return [
        f"--as=system:serviceaccount:{environment.namespace}:{account}",
        *(f"--as-group={group}" for group in groups),
    ]
