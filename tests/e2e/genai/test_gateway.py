"""The AI gateway: whom the server asks, what it refuses, and what replicas spend together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from e2e.installation import Installation, applied, release
from e2e.kubectl import Pod, wait_until
from e2e.servers import PostgreSQLServer

from cdk8s_mlflow import (
    AiGateway,
    Endpoint,
    ExistingSecret,
    FixedReplicas,
    Image,
    MlflowProps,
    PodPeer,
    PostgreSQL,
    Redis,
)

from .conftest import MODEL_PORT, PASSWORD, source

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
PASSWORDS = ExistingSecret("passwords", "any")
IMAGE = Image(repository="localhost/cdk8s-mlflow", tag="v3.17.2", pull_policy="Never")
"""With the ``redis`` package."""
TO_MODEL = Endpoint(port=MODEL_PORT, peer=PodPeer(match_labels={"app": "model"}))
COST = 2.5
"""What a million tokens of GPT-4o cost, in dollars."""


@contextmanager
def serving(
    genai: str, name: str, postgres: PostgreSQLServer, gateway: AiGateway | None, replicas: int = 1
) -> Iterator[Installation]:
    """Start a server on an empty database."""
    postgres.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"DROP ROLE IF EXISTS {name}")
    postgres.make_database(name, name, PASSWORD)
    props = MlflowProps(
        image=IMAGE,
        backend_store=PostgreSQL(host="postgresql", database=name, user=name, password=PASSWORDS),
        scaling=FixedReplicas(replicas),
        ai_gateway=gateway,
    )
    server = release(genai, name, props)
    with applied(server):
        server.wait(900)
        yield server


def make(client: Pod, *arguments: str) -> str:
    """Make an endpoint or a budget; return why it was refused."""
    refused: str = json.loads(client.execute("python", "-c", source("gateway"), *arguments).splitlines()[-1])
    return refused


def ask(client: Pod, uri: str, name: str) -> tuple[int, str]:
    """Ask a model; return status and text of the answer."""
    status, text = json.loads(client.execute("python", "-c", source("ask_model"), uri, name).splitlines()[-1])
    return status, text


def test_without_the_prop_nothing_of_it_answers(genai: str, client: Pod, postgres: PostgreSQLServer) -> None:
    """Neither its keys nor its models."""
    with serving(genai, "plain", postgres, None) as server:
        assert "disabled" in make(client, "make", server.uri, "any", "https://model.example.com")
        assert ask(client, server.uri, "any")[0] == 501


def test_private_addresses_and_other_providers_are_refused(
    genai: str, client: Pod, postgres: PostgreSQLServer, model: str
) -> None:
    """By address, by name and by scheme; the props of the next test allow them one by one."""
    gateway = AiGateway(allowed_providers=["openai"], egress=[Endpoint(port=443), TO_MODEL])
    with serving(genai, "strict", postgres, gateway) as server:
        for number, base in enumerate((f"https://{model}.{genai}.svc:{MODEL_PORT}/v1", "https://169.254.169.254/v1")):
            assert "public IP" in make(client, "make", server.uri, f"private-{number}", base)
        assert "scheme" in make(client, "make", server.uri, "plain", "http://93.184.216.34/v1")
        # That it is not allowed is said to whoever asks it.
        assert make(client, "make", server.uri, "other", "https://93.184.216.34/v1", "anthropic") == ""
        assert "not allowed" in ask(client, server.uri, "other")[1]


def test_replicas_that_share_a_redis_spend_a_budget_once(
    genai: str, client: Pod, postgres: PostgreSQLServer, redis: str, model: str
) -> None:
    """A model at a private address of the cluster answers both, until they have spent the budget together."""
    gateway = AiGateway(
        allowed_providers=["openai"],
        api_base_schemes=["http"],
        allow_private_addresses=True,
        egress=[TO_MODEL],
        budget_store=Redis(host=redis, password=PASSWORDS),
    )
    with serving(genai, "together", postgres, gateway, replicas=2) as server:
        assert make(client, "make", server.uri, "in", f"http://{model}:{MODEL_PORT}/v1") == ""
        make(client, "budget", server.uri, str(2.4 * COST))
        first, second = (f"http://{pod.status()['podIP']}:5000" for pod in server.pods())
        for uri in (first, second, first):
            status, text = ask(client, uri, "in")
            assert (status, "key of in" in text) == (200, True), text
        wait_until("the budget to be spent", lambda: ask(client, first, "in")[0] == 429, 5)
        assert ask(client, second, "in")[0] == 429
