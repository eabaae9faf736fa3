"""What a synth amounts to, and what another one would change, in words."""

from __future__ import annotations

import copy
from typing import Any

import attrs
import pytest
from releases import render
from variants import KEYS, VARIANTS, on_postgresql

from cdk8s_mlflow import (
    Autoscaling,
    ExistingSecret,
    ExternalSecret,
    FixedReplicas,
    Image,
    Ingress,
    IngressTls,
    InlineSecret,
    MlflowProps,
)
from cdk8s_mlflow.summary import differences, secrets_needed, summarize, table

PRODUCTION = on_postgresql(
    **KEYS,
    scaling=FixedReplicas(3),
    exposure=Ingress(hosts=["mlflow.example.com"], tls=[IngressTls(secret_name="mlflow-tls")]),
)


def test_an_autoscaler_gives_bounds() -> None:
    """And the requests of the fewest pods."""
    found = summarize(render(on_postgresql(scaling=Autoscaling(min_replicas=2, max_replicas=6))).objects)
    assert (found.replicas, found.cpu) == ("2-6", "500m")


def changed(**changes: Any) -> list[str]:
    """Return what changes in production."""
    new = attrs.evolve(PRODUCTION, **changes)
    return list(differences(render(PRODUCTION).objects, render(new).objects))


def test_a_line_says_what_production_is() -> None:
    """Three pods of 250m and 768Mi, a door, and four Secrets that somebody must create."""
    found = summarize(render(PRODUCTION).objects)
    assert (found.replicas, found.cpu, found.memory, found.url) == ("3", "750m", "2304Mi", "https://mlflow.example.com")
    assert found.secrets == (
        "mlflow-keys (kek-passphrase, webhook-key)",
        "mlflow-postgresql (password, username)",
        "mlflow-s3 (access-key-id, secret-access-key)",
        "mlflow-tls",
    )


def test_the_embedded_default_needs_no_secret() -> None:
    """They are generated."""
    assert list(secrets_needed(render().objects)) == []


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_can_be_summarized_and_differs_from_itself_in_nothing(name: str) -> None:
    """Whatever objects there are."""
    release = render(VARIANTS[name])
    assert summarize(release.objects).objects == len(release.objects)
    assert summarize(release.objects).url == (release.public_url or "").lower()
    assert list(differences(release.objects, copy.deepcopy(release.objects))) == []


def test_secrets_that_the_chart_makes_need_not_be_there() -> None:
    """By the External Secrets Operator, or inline."""
    vault = ExternalSecret(store_name="vault", remote_key="mlflow")
    props = MlflowProps(
        crypto_kek_passphrase=vault, webhook_secret_encryption_key=InlineSecret("x"), allow_inline_secrets=True
    )
    assert list(secrets_needed(render(props).objects)) == []


def test_a_change_is_said_in_the_users_words() -> None:
    """Image, replicas, requests; and that pods are replaced."""
    lines = changed(image=Image(tag="v3.18.0-full"), scaling=FixedReplicas(5))
    assert "replicas 3 -> 5" in lines
    assert any(
        line.startswith("Deployment/mlflow: mlflow: image ghcr.io/mlflow/mlflow:v3.17.2-full -> ") for line in lines
    )
    assert "Deployment/mlflow: the pods are replaced" in lines


def test_a_new_secret_is_named_with_its_keys() -> None:
    """So that it is there before the apply."""
    lines = changed(crypto_kek_passphrase=ExistingSecret("vaulted", "kek"))
    assert "Secret needed: vaulted (kek)" in lines
    change = "MLFLOW_CRYPTO_KEK_PASSPHRASE Secret mlflow-keys/kek-passphrase -> Secret vaulted/kek"
    assert f"Deployment/mlflow: mlflow: {change}" in lines


def test_objects_come_and_go() -> None:
    """``kubectl apply`` leaves behind what is no longer there."""
    lines = changed(exposure=())
    assert "gone: Ingress/mlflow (kubectl apply leaves it behind)" in lines
    assert "public URL https://mlflow.example.com -> none" in lines


def test_no_secret_is_shown() -> None:
    """A changed inline secret is only said to have changed."""
    old, new = (
        render(MlflowProps(crypto_kek_passphrase=InlineSecret(value), allow_inline_secrets=True)).objects
        for value in ("first-secret", "second-secret")
    )
    text = "\n".join(differences(old, new))
    assert "stringData changed" in text
    assert "first-secret" not in text
    assert "second-secret" not in text


def test_the_table_has_a_line_for_each_environment() -> None:
    """And says below which Secrets are wanted; colours only if asked."""
    text = table({"staging": render().objects, "production": render(PRODUCTION).objects})
    assert text.splitlines()[1].split() == ["staging", str(len(render().objects)), "1", "250m", "768Mi", "-"]
    assert "production needs these Secrets first: mlflow-keys (kek-passphrase, webhook-key)" in text
    assert "\033" not in text
    assert "\033" in table({"a": render().objects}, colour=True)
