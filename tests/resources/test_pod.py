"""The pods: the server's and the generating Job's."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from releases import Manifest, container_of, env_of, render
from variants import KEYS, on_postgresql

from cdk8s_mlflow import (
    ArtifactUri,
    Direct,
    ExistingServiceAccount,
    FileStore,
    FixedReplicas,
    Image,
    Metrics,
    MlflowProps,
    PostgreSQL,
    Proxied,
    SQLite,
    VolumeClaim,
)
from cdk8s_mlflow.kubernetes import Affinity


def pod(props: MlflowProps | None = None) -> Manifest:
    """Return the spec of the server's pod."""
    return render(props).pod


def server(props: MlflowProps | None = None) -> Manifest:
    """Return the server's container."""
    return render(props).server


def tmp_size(props: MlflowProps) -> str:
    """Return the size of the volume at /tmp."""
    (name,) = [item["name"] for item in server(props)["volumeMounts"] if item["mountPath"] == "/tmp"]  # noqa: S108
    size: str = next(item for item in pod(props)["volumes"] if item["name"] == name)["emptyDir"]["sizeLimit"]
    return size


def test_the_image_is_started_as_a_server_on_an_explicit_port() -> None:
    """The image has no entrypoint, and a Service called mlflow would set MLFLOW_PORT."""
    found = server()
    assert found["command"] == ["mlflow", "server"]
    assert found["args"] == ["--host", "0.0.0.0", "--port", "5000"]  # noqa: S104 - it is a server
    assert found["ports"] == [{"name": "http", "containerPort": 5000, "protocol": "TCP"}]


@pytest.mark.parametrize("prefix", [None, "/mlflow", "/tools/mlflow"])
def test_the_probes_follow_the_static_prefix(prefix: str | None) -> None:
    """MLflow answers 404 to /health below a prefix."""
    found = server(MlflowProps(static_prefix=prefix))
    paths = {found[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert paths == {f"{prefix or ''}/health"}
    assert env_of(found).get("MLFLOW_STATIC_PREFIX") == prefix


def test_the_start_may_take_longer_than_mlflow_waits_for_its_database() -> None:
    """MLflow gives up after 106 s by itself, and an overloaded node needs minutes; the kubelet must not begin anew."""
    probe = server()["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] == 600


def test_a_slow_answer_under_load_kills_nobody() -> None:
    """A minute without an answer restarts the server, and 15 s take it out of the Service."""
    live, ready = server()["livenessProbe"], server()["readinessProbe"]
    assert live["periodSeconds"] * live["failureThreshold"] == 60
    assert ready["periodSeconds"] * ready["failureThreshold"] == 15


@pytest.mark.parametrize(
    ("props", "delay", "graceful", "grace"),
    [
        (MlflowProps(), "10", "60", 80),
        (
            MlflowProps(pre_stop_delay=timedelta(0), graceful_shutdown_timeout=timedelta(minutes=10)),
            "0",
            "600",
            610,
        ),
    ],
    ids=["default", "own"],
)
def test_the_delay_and_the_requests_fit_into_the_grace_period(
    props: MlflowProps, delay: str, graceful: str, grace: int
) -> None:
    """With ten seconds to spare, for MLflow to end."""
    found = server(props)
    assert found["lifecycle"] == {"preStop": {"exec": {"command": ["sh", "-c", f"touch /tmp/stopping\nsleep {delay}"]}}}
    options = f"--timeout-graceful-shutdown {graceful} --timeout-keep-alive 120 "
    assert env_of(found)["MLFLOW_UVICORN_OPTS"].startswith(options)
    assert pod(props)["terminationGracePeriodSeconds"] == grace


@pytest.mark.parametrize(
    ("workers", "request_", "limit"), [(1, "768Mi", "1Gi"), (2, "1Gi", "1280Mi"), (4, "1536Mi", "1792Mi")]
)
def test_memory_follows_from_the_workers(workers: int, request_: str, limit: str) -> None:
    """One was measured at 480 MiB under load, each further one at 190; there is no CPU limit to slow the start."""
    found = server(on_postgresql(workers=workers))
    assert found["resources"] == {"requests": {"cpu": "250m", "memory": request_}, "limits": {"memory": limit}}
    assert env_of(found)["MLFLOW_WORKERS"] == str(workers)


def test_own_resources_replace_the_computed_ones() -> None:
    """In the API server's way of writing amounts."""
    found = server(MlflowProps(resources={"limits": {"memory": "2048Mi", "nvidia.com/gpu": "1"}}))
    assert found["resources"] == {"limits": {"memory": "2Gi", "nvidia.com/gpu": "1"}}


def test_no_resources_is_an_own_word_too() -> None:
    """An empty mapping asks for nothing, as the larribas chart did by default."""
    assert "resources" not in server(MlflowProps(resources={}))


@pytest.mark.parametrize(
    ("props", "size"),
    [
        (MlflowProps(), "512Mi"),
        (on_postgresql(), "8704Mi"),
        (on_postgresql(artifact_access=Proxied(largest_artifact="20Gi", concurrent_transfers=8)), "164352Mi"),
        (on_postgresql(artifact_access=Proxied(largest_artifact="1G", concurrent_transfers=1)), "1466Mi"),
        (on_postgresql(artifact_access=Direct()), "512Mi"),
    ],
    ids=["volume", "s3", "large-files", "decimal-size", "direct"],
)
def test_tmp_holds_the_files_that_pass_through_at_once(props: MlflowProps, size: str) -> None:
    """Object stores make MLflow keep each file whole; a volume does not, and direct clients pass nothing."""
    assert tmp_size(props) == size


def test_a_read_only_root_has_one_place_to_write() -> None:
    """Libraries look for a home as well."""
    found = server()
    assert found["securityContext"]["readOnlyRootFilesystem"] is True
    assert env_of(found)["HOME"] == "/tmp"  # noqa: S108 - the pod's own /tmp


def test_telemetry_and_jobs_are_off() -> None:
    """Jobs are nine processes and 1.6 GiB that most installations never use."""
    env = env_of(server())
    assert env["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert env["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"


@pytest.mark.parametrize(
    ("props", "artifacts"),
    [
        (MlflowProps(), {"MLFLOW_SERVE_ARTIFACTS": "true", "MLFLOW_ARTIFACTS_DESTINATION": "/mlflow/data/artifacts"}),
        (
            on_postgresql(artifact_store=ArtifactUri(uri="gs://bucket/a")),
            {"MLFLOW_SERVE_ARTIFACTS": "true", "MLFLOW_ARTIFACTS_DESTINATION": "gs://bucket/a"},
        ),
        (
            on_postgresql(artifact_store=ArtifactUri(uri="gs://bucket/a"), artifact_access=Direct()),
            {"MLFLOW_SERVE_ARTIFACTS": "false", "MLFLOW_DEFAULT_ARTIFACT_ROOT": "gs://bucket/a"},
        ),
    ],
    ids=["embedded", "proxied", "direct"],
)
def test_artifacts_are_either_proxied_or_direct(props: MlflowProps, artifacts: dict[str, str]) -> None:
    """The three variables never contradict each other."""
    env = env_of(server(props))
    names = ("MLFLOW_SERVE_ARTIFACTS", "MLFLOW_ARTIFACTS_DESTINATION", "MLFLOW_DEFAULT_ARTIFACT_ROOT")
    assert {name: env[name] for name in names if name in env} == artifacts


def test_the_embedded_store_is_one_file_on_one_volume() -> None:
    """Artifacts lie beside it."""
    found = pod()
    assert env_of(server())["MLFLOW_BACKEND_STORE_URI"] == "sqlite:////mlflow/data/mlflow.db"
    claims = [item["persistentVolumeClaim"] for item in found["volumes"] if "persistentVolumeClaim" in item]
    assert claims == [{"claimName": "mlflow-data"}]


def test_one_postgresql_is_reached_by_the_variables_of_its_driver() -> None:
    """No URL holds a name or a password, so any character works."""
    database = PostgreSQL(
        host="db", port=6432, database="$(HOME) $$", user="a@b", password=KEYS["crypto_kek_passphrase"]
    )
    env = env_of(server(on_postgresql(backend_store=database)))
    assert (
        env.items()
        >= {
            "PGHOST": "db",
            "PGPORT": "6432",
            # Kubernetes would expand the one and halve the other.
            "PGDATABASE": "$$(HOME) $$$$",
            "PGUSER": "a@b",
            "PGPASSWORD": ("mlflow-keys", "kek-passphrase"),
        }.items()
    )
    assert env["MLFLOW_BACKEND_STORE_URI"] == "postgresql+psycopg2://"


def test_the_migration_has_the_variables_of_its_database_and_no_keys() -> None:
    """What it does not need it does not get."""
    release = render(on_postgresql())
    env = env_of(container_of(release.pod, "migrate"))
    assert {"MLFLOW_BACKEND_STORE_URI", "PGHOST", "PGPASSWORD", "HOME"} <= set(env)
    assert not [name for name in env if "KEK" in name or "WEBHOOK" in name or name.startswith("AWS")]


def test_several_databases_are_reached_by_files_in_memory() -> None:
    """One set of variables cannot hold two passwords; the server may read the files and not write them."""
    release = render(on_postgresql(registry_store=PostgreSQL(host="two", password=KEYS["crypto_kek_passphrase"])))
    names = [item["name"] for item in release.pod["initContainers"]]
    assert names == ["prepare", "migrate"]
    volumes = {item["name"]: item for item in release.pod["volumes"]}
    mounts = [item for item in release.server["volumeMounts"] if item["mountPath"] == "/run/mlflow/credentials"]
    assert [item["readOnly"] for item in mounts] == [True]
    assert volumes[mounts[0]["name"]]["emptyDir"]["medium"] == "Memory"


def test_a_file_store_has_no_migration() -> None:
    """There is no schema."""
    assert "initContainers" not in pod(MlflowProps(backend_store=FileStore()))


def test_volumes_of_one_name_in_the_props_cannot_meet_ours() -> None:
    """A claim may be called tmp, files or credentials."""
    for name in ("tmp", "files", "credentials"):
        found = pod(MlflowProps(backend_store=SQLite(volume=VolumeClaim(name=name))))
        names = [item["name"] for item in found["volumes"]]
        assert len(set(names)) == len(names)
        assert {"persistentVolumeClaim": {"claimName": f"mlflow-{name}"}}.items() <= next(
            item for item in found["volumes"] if "persistentVolumeClaim" in item
        ).items()


def test_metrics_are_counted_where_their_own_container_reads_them() -> None:
    """The folder is the flag; what serves it may only read, and knows nothing else."""
    found = pod(MlflowProps(metrics=Metrics()))
    folder = env_of(container_of(found, "mlflow"))["MLFLOW_EXPOSE_PROMETHEUS"]
    mounts = {name: container_of(found, name)["volumeMounts"] for name in ("mlflow", "metrics")}
    assert {"name": "metrics", "mountPath": folder} in mounts["mlflow"]
    assert {"name": "metrics", "mountPath": folder, "readOnly": True} in mounts["metrics"]
    assert "env" not in container_of(found, "metrics")
    assert "MLFLOW_EXPOSE_PROMETHEUS" not in env_of(server())


def test_extra_arguments_come_after_ours_and_are_not_expanded() -> None:
    """True is a bare flag, everything else has a value."""
    args = server(MlflowProps(extra_args={"x-frame-options": "$(HOME)", "trace-rollups": True, "ttl": 5}))["args"]
    assert args[4:] == ["--x-frame-options=$$(HOME)", "--trace-rollups", "--ttl=5"]


def test_extra_variables_come_last_in_the_shape_of_the_api() -> None:
    """They may refer to ours."""
    found = server(
        MlflowProps(extra_env=[{"name": "A", "value": "$(MLFLOW_WORKERS)"}], env_from=[{"secretRef": {"name": "team"}}])
    )
    assert found["env"][-1] == {"name": "A", "value": "$(MLFLOW_WORKERS)"}
    assert found["envFrom"] == [{"secretRef": {"name": "team"}}]


def test_annotations_and_labels_reach_the_pod() -> None:
    """Beside ours."""
    template = render(MlflowProps(pod_annotations={"a/b": "c"}, pod_labels={"team": "ml"})).one("Deployment")["spec"][
        "template"
    ]
    assert template["metadata"]["annotations"]["a/b"] == "c"
    assert template["metadata"]["labels"]["team"] == "ml"
    assert "app.kubernetes.io/component" in template["metadata"]["labels"]


def test_a_change_of_a_file_rolls_the_pods() -> None:
    """Files of a ConfigMap change in place, and restart nobody."""

    def checksum(props: MlflowProps) -> str:
        metadata = render(props).one("Deployment")["spec"]["template"]["metadata"]
        found: str = metadata["annotations"]["checksum/config"]
        return found

    changed = MlflowProps(migration=None)
    assert checksum(MlflowProps()) != checksum(changed)
    assert checksum(MlflowProps(pod_annotations={"checksum/config": "mine"})) == checksum(MlflowProps())


@pytest.mark.parametrize(
    ("props", "field", "value"),
    [
        (MlflowProps(node_selector={"a": "b"}), "nodeSelector", {"a": "b"}),
        (MlflowProps(tolerations=[{"key": "a"}]), "tolerations", [{"key": "a"}]),
        (MlflowProps(image=Image(pull_secrets=["r"])), "imagePullSecrets", [{"name": "r"}]),
        (MlflowProps(priority_class_name="high"), "priorityClassName", "high"),
    ],
    ids=["node-selector", "tolerations", "pull-secrets", "priority"],
)
def test_every_pod_of_the_release_is_placed_and_pulled_alike(props: MlflowProps, field: str, value: object) -> None:
    """The generating Job must find a node and an image too."""
    assert [template["spec"][field] for _, template in render(props).templates()] == [value, value]


def test_affinity_is_the_servers_alone() -> None:
    """Its rules are about the server's place."""
    affinity: Affinity = {
        "podAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {"topologyKey": "zone", "labelSelector": {"matchLabels": {"a": "b"}}}
            ]
        }
    }
    props = MlflowProps(affinity=affinity)
    assert pod(props)["affinity"] == affinity
    assert "affinity" not in render(props).one("Job")["spec"]["template"]["spec"]


def test_a_digest_pins_the_image() -> None:
    """The tag stays for the reader."""
    digest = "sha256:" + "0" * 64
    props = MlflowProps(image=Image(repository="r", tag="t", digest=digest))
    assert server(props)["image"] == f"r:t@{digest}"


def test_an_existing_account_is_used_without_its_token() -> None:
    """MLflow never asks the Kubernetes API."""
    found = pod(MlflowProps(service_account=ExistingServiceAccount("team")))
    assert found["serviceAccountName"] == "team"
    assert found["automountServiceAccountToken"] is False


def test_large_volumes_are_not_walked_through_at_each_start() -> None:
    """The kubelet changes the group of a volume only if its root has another one."""
    assert pod()["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch"
    assert pod()["securityContext"]["fsGroup"] == pod()["securityContext"]["runAsUser"]


def test_own_security_settings_are_merged_over_the_default() -> None:
    """One word does not take the others away."""
    found = pod(MlflowProps(pod_security_context={"fsGroup": 5}, security_context={"runAsUser": 7}))
    assert found["securityContext"]["fsGroup"] == 5
    assert found["securityContext"]["runAsNonRoot"] is True
    for container in (*found["initContainers"], *found["containers"]):
        assert container["securityContext"]["runAsUser"] == 7
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_the_settings_of_the_migration_name_every_database() -> None:
    """By the variable that holds its URI, and never by the URI."""
    props = on_postgresql(
        registry_store=PostgreSQL(host="two", password=KEYS["crypto_kek_passphrase"]), scaling=FixedReplicas(2)
    )
    settings = json.loads(render(props).one("ConfigMap", "mlflow-files")["data"]["migrate.json"])
    assert settings["mode"] == "migrate"
    assert (settings["wait_seconds"], settings["limit_seconds"]) == (600, 1800)
    assert [(item["name"], item["variable"]) for item in settings["databases"]] == [
        ("backend-store", "MLFLOW_BACKEND_STORE_URI"),
        ("registry-store", "MLFLOW_REGISTRY_STORE_URI"),
    ]
    assert all("pg_try_advisory_lock" in item["try_lock"] for item in settings["databases"])


def test_one_database_in_two_roles_is_migrated_once() -> None:
    """It is one database."""
    release = render(on_postgresql(registry_store=on_postgresql().backend_store))
    settings = json.loads(release.one("ConfigMap", "mlflow-files")["data"]["migrate.json"])
    assert [item["name"] for item in settings["databases"]] == ["backend-store"]
    assert "MLFLOW_REGISTRY_STORE_URI" not in env_of(release.server)


def test_without_migration_the_pods_only_verify() -> None:
    """The init container stays, and changes nothing."""
    data = render(on_postgresql(migration=None)).one("ConfigMap", "mlflow-files")["data"]
    assert json.loads(data["migrate.json"])["mode"] == "verify"
