"""Where secret values come from, and what is rendered for each source."""

from __future__ import annotations

import json

import pytest
from releases import Release, env_of, render
from variants import INLINE_VALUE, KEYS, MINIO, POSTGRESQL, on_postgresql

from cdk8s_mlflow import (
    S3,
    ExistingSecret,
    ExternalSecret,
    GeneratedSecret,
    InlineSecret,
    MlflowProps,
    PostgreSQL,
    S3Credentials,
)


def generated(release: Release) -> list[dict[str, str]]:
    """Return what the generating Job is told to create."""
    text = release.one("ConfigMap", "mlflow-secrets-files")["data"]["secrets.json"]
    found: list[dict[str, str]] = json.loads(text)["secrets"]
    return found


def test_an_existing_secret_is_read_and_nothing_is_rendered() -> None:
    """Somebody else puts it there."""
    release = render(on_postgresql(**KEYS))
    assert env_of(release.server)["PGPASSWORD"] == ("mlflow-postgresql", "password")
    assert release.all("Secret") == []


def test_both_keys_are_generated_by_default_each_in_a_secret_of_its_own() -> None:
    """One Secret per key: a key that is there already is never touched by another one that is not."""
    assert generated(render()) == [
        {"name": "mlflow-crypto-kek-passphrase", "key": "passphrase", "kind": "passphrase"},
        {"name": "mlflow-webhook-encryption-key", "key": "fernet", "kind": "fernet"},
    ]


def test_a_key_of_the_users_own_is_not_generated() -> None:
    """The Job makes only what is left."""
    release = render(MlflowProps(crypto_kek_passphrase=KEYS["crypto_kek_passphrase"]))
    assert [item["name"] for item in generated(release)] == ["mlflow-webhook-encryption-key"]


def test_without_generated_keys_there_is_no_right_and_no_job() -> None:
    """For teams that may not create RBAC objects."""
    kinds = {item["kind"] for item in render(MlflowProps(**KEYS)).objects}
    assert not kinds & {"Job", "Role", "RoleBinding"}


def test_the_generating_job_may_create_secrets_and_nothing_else() -> None:
    """It cannot read what it has made, nor change it."""
    assert render().one("Role")["rules"] == [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]}]


def test_no_secret_is_rendered_for_a_generated_key() -> None:
    """Applying again would otherwise replace the key."""
    assert render().all("Secret") == []


def test_an_inline_secret_is_rendered_where_it_is_allowed() -> None:
    """The value stands in the Secret as it is, whatever its characters."""
    release = render(on_postgresql(crypto_kek_passphrase=InlineSecret(INLINE_VALUE), allow_inline_secrets=True))
    secret = release.one("Secret")
    assert secret["metadata"]["name"] == "mlflow-crypto-kek-passphrase"
    assert secret["type"] == "Opaque"
    assert secret["stringData"] == {"passphrase": INLINE_VALUE}
    assert env_of(release.server)["MLFLOW_CRYPTO_KEK_PASSPHRASE"] == ("mlflow-crypto-kek-passphrase", "passphrase")


def test_another_inline_value_rolls_the_pods() -> None:
    """A pod keeps the value that it started with."""

    def annotations(value: str) -> dict[str, str]:
        release = render(MlflowProps(crypto_kek_passphrase=InlineSecret(value), allow_inline_secrets=True))
        found: dict[str, str] = release.one("Deployment")["spec"]["template"]["metadata"]["annotations"]
        return found

    assert annotations("one") != annotations("two")
    assert annotations("one") == annotations("one")


def test_the_repr_of_an_inline_secret_does_not_show_it() -> None:
    """Tracebacks and logs print reprs."""
    assert "hunter2" not in repr(MlflowProps(crypto_kek_passphrase=InlineSecret("hunter2")))


def test_an_external_secret_asks_the_operator_for_the_value() -> None:
    """Its target is the Secret that the pods read."""
    source = ExternalSecret(store_name="vault", remote_key="ml/mlflow", property="kek", refresh_interval="15m")
    release = render(MlflowProps(crypto_kek_passphrase=source))
    assert release.one("ExternalSecret")["spec"] == {
        "refreshInterval": "15m",
        "secretStoreRef": {"kind": "ClusterSecretStore", "name": "vault"},
        "target": {"name": "mlflow-crypto-kek-passphrase", "creationPolicy": "Owner"},
        "data": [{"secretKey": "passphrase", "remoteRef": {"key": "ml/mlflow", "property": "kek"}}],
    }
    assert env_of(release.server)["MLFLOW_CRYPTO_KEK_PASSPHRASE"] == ("mlflow-crypto-kek-passphrase", "passphrase")


def test_an_entry_of_one_value_has_no_property() -> None:
    """What is left out stays out."""
    release = render(MlflowProps(crypto_kek_passphrase=ExternalSecret(store_name="vault", remote_key="kek")))
    assert release.one("ExternalSecret")["spec"]["data"][0]["remoteRef"] == {"key": "kek"}


@pytest.mark.parametrize(
    "props",
    [
        on_postgresql(backend_store=PostgreSQL(host="db", user=InlineSecret("a"), password=InlineSecret("b"))),
        on_postgresql(registry_store=PostgreSQL(host="two", password=InlineSecret("a"))),
        on_postgresql(
            artifact_store=S3(
                bucket="mlflow",
                credentials=S3Credentials(access_key_id=InlineSecret("a"), secret_access_key=InlineSecret("b")),
            )
        ),
        MlflowProps(webhook_secret_encryption_key=InlineSecret("a")),
    ],
    ids=["database", "registry", "s3", "key"],
)
def test_rejects_an_inline_secret_that_the_props_do_not_allow(props: MlflowProps) -> None:
    """Wherever it stands."""
    with pytest.raises(ValueError, match="allow_inline_secrets"):
        render(props)


@pytest.mark.parametrize(
    "props",
    [
        on_postgresql(backend_store=PostgreSQL(host="db", user=GeneratedSecret(), password=POSTGRESQL.password)),
        on_postgresql(registry_store=PostgreSQL(host="two", password=GeneratedSecret())),
        on_postgresql(
            artifact_store=S3(
                bucket="mlflow",
                credentials=S3Credentials(access_key_id=GeneratedSecret(), secret_access_key=GeneratedSecret()),
            )
        ),
    ],
    ids=["database", "registry", "s3"],
)
def test_rejects_a_generated_secret_that_somebody_else_must_know(props: MlflowProps) -> None:
    """No database would let in whoever shows a password that was made up here."""
    with pytest.raises(ValueError, match="GeneratedSecret"):
        render(props)


def test_a_secret_of_several_containers_is_rendered_once() -> None:
    """The migration and the server read the same Secret."""
    database = PostgreSQL(host="db", user=InlineSecret("a"), password=InlineSecret("b"))
    props = MlflowProps(backend_store=database, artifact_store=MINIO, allow_inline_secrets=True, **KEYS)
    assert [item["metadata"]["name"] for item in render(props).all("Secret")] == [
        "mlflow-backend-store-user",
        "mlflow-backend-store-password",
    ]


def test_databases_of_one_container_have_secrets_of_their_own() -> None:
    """Two databases may have the same user with two passwords."""
    props = on_postgresql(
        backend_store=PostgreSQL(host="one", password=ExistingSecret("one", "password")),
        registry_store=PostgreSQL(host="two", password=ExistingSecret("two", "password")),
    )
    pod = render(props).pod
    prepare = next(item for item in pod["initContainers"] if item["name"] == "prepare")
    assert set(env_of(prepare).values()) == {("one", "password"), ("two", "password")}
    assert not {"PGPASSWORD", "PGUSER"} & set(env_of(render(props).server))
