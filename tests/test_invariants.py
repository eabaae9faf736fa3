"""What holds for every release: over all variants and environments, and proved to notice what it is for."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
from invariants import INVARIANTS, broken_invariants
from main import ENVIRONMENTS
from releases import Manifest, Release, container_of, env_of, render
from variants import LOOSENED, VARIANTS

CASES = VARIANTS | {environment.name: environment.mlflow for environment in ENVIRONMENTS}


@functools.cache
def released(case: str, namespace: str | None = "ml") -> Release:
    """Return the release of a case, rendered once."""
    return render(CASES[case], namespace=namespace)


@pytest.mark.parametrize("namespace", ["ml", None], ids=["namespace", "namespace-from-kubectl"])
@pytest.mark.parametrize("case", CASES)
def test_every_release_keeps_every_invariant(case: str, namespace: str | None) -> None:
    """No variant and no environment breaks a rule, whether the namespace is known at synth time or not."""
    assert broken_invariants(released(case, namespace)) == {}


@pytest.mark.parametrize("case", CASES)
def test_only_a_loosened_release_has_a_notice_about_pod_security(case: str) -> None:
    """Pods that pass "restricted" are the rule, and nobody is told of it."""
    assert any("restricted" in notice for notice in released(case).notices) == (case in LOOSENED)


@pytest.mark.parametrize("case", CASES)
def test_the_same_props_give_the_same_objects(case: str) -> None:
    """A second synth writes what the first one wrote, in the same order."""
    assert repr(render(CASES[case]).objects) == repr(released(case).objects)


# --- Each rule notices what it is for ----------------------------------------------------------------------


def _gc(release: Release) -> Manifest:
    spec = release.one("CronJob", f"{release.name}-gc")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return container_of(spec, "gc")


def _env_of_gc(release: Release, name: str) -> Manifest:
    """Return a variable of the garbage collection."""
    found: Manifest = next(item for item in _gc(release)["env"] if item["name"] == name)
    return found


def _named(release: Release, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(item for item in release.server["env"] if item["name"] == name)
    return found


def _rules(release: Release, direction: str) -> list[dict[str, Any]]:
    (policy,) = [item for item in release.all("NetworkPolicy") if item["metadata"]["name"].endswith("-server")]
    rules: list[dict[str, Any]] = policy["spec"][direction]
    return rules


def _proxy(release: Release) -> dict[str, Any]:
    found: dict[str, Any] = next(item for item in release.pod["initContainers"] if item["name"] == "oauth2-proxy")
    return found


def _option(release: Release, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(item for item in _proxy(release)["env"] if item["name"] == f"OAUTH2_PROXY_{name}")
    return found


_COUNTS = "MLFLOW_EXPOSE_PROMETHEUS"


def _alert(release: Release, name: str) -> dict[str, Any]:
    rules = release.one("PrometheusRule")["spec"]["groups"][0]["rules"]
    found: dict[str, Any] = next(item for item in rules if item["alert"] == name)
    return found


SPOILS: dict[str, tuple[str, str, Callable[[Release], object]]] = {
    "two objects of one name": ("names", "default", lambda r: r.objects.append(r.one("Service"))),
    "a server beside its proxy": ("fronts", "oauth2-proxy", lambda r: r.server.update(ports=[{"containerPort": 5000}])),
    "a proxy that ends early": ("fronts", "oauth2-proxy", lambda r: _proxy(r).pop("restartPolicy")),
    "a proxy of another server": (
        "fronts",
        "oauth2-proxy",
        lambda r: _option(r, "UPSTREAMS").update(value="http://mlflow:5000/"),
    ),
    "a path without a login": (
        "fronts",
        "oauth2-proxy",
        lambda r: _option(r, "SKIP_AUTH_ROUTES").update(value="GET=^/health"),
    ),
    "a proxy that believes headers": (
        "fronts",
        "oauth2-proxy",
        lambda r: _option(r, "REVERSE_PROXY").update(value="true"),
    ),
    "a name in capitals": ("names", "default", lambda r: r.one("Service")["metadata"].update(name="MLflow")),
    "no labels": ("labels", "default", lambda r: r.one("Service")["metadata"].pop("labels")),
    "another instance": (
        "labels",
        "default",
        lambda r: r.one("Service")["metadata"]["labels"].update({"app.kubernetes.io/instance": "x"}),
    ),
    "another namespace": ("namespaces", "default", lambda r: r.one("Service")["metadata"].update(namespace="x")),
    "a selector that misses": ("selectors", "default", lambda r: r.one("Service")["spec"]["selector"].update(x="y")),
    "a Service for Job pods too": (
        "selectors",
        "default",
        lambda r: r.one("Service")["spec"]["selector"].pop("app.kubernetes.io/component"),
    ),
    "a key that is not there": (
        "secret_references",
        "default",
        lambda r: _named(r, "MLFLOW_CRYPTO_KEK_PASSPHRASE")["valueFrom"]["secretKeyRef"].update(key="x"),
    ),
    "a Secret that nobody reads": (
        "secret_references",
        "inline-secrets",
        lambda r: r.objects.append({"kind": "Secret", "metadata": {"name": "x"}, "stringData": {"x": "y"}}),
    ),
    "a probe without TLS": (
        "probes",
        "tls-in-the-pod",
        lambda r: r.server["livenessProbe"]["httpGet"].pop("scheme"),
    ),
    "a Service that says nothing of TLS": (
        "certificates",
        "tls-in-the-pod",
        lambda r: r.one("Service")["spec"]["ports"][0].pop("appProtocol"),
    ),
    "a controller that takes any certificate": (
        "certificates",
        "tls-in-the-pod",
        lambda r: r.one("ServersTransport")["spec"].update(insecureSkipVerify=True),
    ),
    "artifacts by a door without the user's middleware": (
        "unprefixed_artifacts",
        "traefik-below-a-prefix",
        lambda r: r.one("Ingress", "mlflow-artifacts")["metadata"]["annotations"].update(
            {"traefik.ingress.kubernetes.io/router.middlewares": "ml-mlflow-artifacts@kubernetescrd"}
        ),
    ),
    "a route that rewrites more": (
        "unprefixed_artifacts",
        "http-routes-below-a-prefix",
        lambda r: r.one("HTTPRoute", "mlflow")["spec"]["rules"][0]["matches"][0]["path"].update(value="/tools/mlflow"),
    ),
    "a route to another port": (
        "routes",
        "http-route",
        lambda r: r.one("HTTPRoute")["spec"]["rules"][0]["backendRefs"][0].update(port=80),
    ),
    "no room for an upload": (
        "memory",
        "traefik-below-a-prefix",
        lambda r: r.server["resources"]["limits"].update(memory="1Gi"),
    ),
    "an unknown account": ("accounts", "default", lambda r: r.pod.update(serviceAccountName="x")),
    "a right too many": ("accounts", "default", lambda r: r.one("Role")["rules"][0]["verbs"].append("get")),
    "a token in the server": ("tokens", "default", lambda r: r.pod.update(automountServiceAccountToken=True)),
    "a mount without volume": ("volumes", "default", lambda r: r.pod["volumes"].pop()),
    "an unknown claim": (
        "volumes",
        "default",
        lambda r: r.objects.remove(r.one("PersistentVolumeClaim")),
    ),
    "scratch space without end": (
        "volumes",
        "default",
        lambda r: [item["emptyDir"].clear() for item in r.pod["volumes"] if "emptyDir" in item],
    ),
    "a path mounted twice": (
        "mounts",
        "default",
        lambda r: r.server["volumeMounts"].append({"name": "tmp", "mountPath": "/mlflow/data"}),
    ),
    "a script that is not there": ("mounts", "default", lambda r: r.one("ConfigMap", "mlflow-files")["data"].clear()),
    "a huge ConfigMap": (
        "config_maps",
        "default",
        lambda r: r.one("ConfigMap", "mlflow-files")["data"].update(x="x" * 2**20),
    ),
    "a variable used too early": (
        "environment",
        "default",
        lambda r: r.server["env"].insert(0, {"name": "A", "value": "$(MLFLOW_WORKERS)"}),
    ),
    "a variable set twice": ("environment", "default", lambda r: r.server["env"].append(r.server["env"][0])),
    "a password in a variable": (
        "secrets_by_reference",
        "postgresql-s3",
        lambda r: (item := _named(r, "PGPASSWORD"), item.pop("valueFrom"), item.update(value="x")),
    ),
    "a password in an argument": (
        "secrets_by_reference",
        "inline-secrets",
        lambda r: r.server["args"].append("postgresql://u:p@s/s#w%41:?d&$x@h"),
    ),
    "a caller without a password": (
        "callers",
        "basic-auth",
        lambda r: _env_of_gc(r, "MLFLOW_TRACKING_PASSWORD").update(name="x"),
    ),
    "a caller with another password": (
        "callers",
        "ldap",
        lambda r: _env_of_gc(r, "MLFLOW_TRACKING_PASSWORD")["valueFrom"]["secretKeyRef"].update(name="other"),
    ),
    "a caller that nobody knows": (
        "callers",
        "basic-auth",
        lambda r: _env_of_gc(r, "MLFLOW_TRACKING_URI").update(name="x"),
    ),
    "a caller that trusts nobody": (
        "trust",
        "oidc-auth",
        lambda r: _env_of_gc(r, "SSL_CERT_FILE").update(name="x"),
    ),
    "credentials for nothing": (
        "callers",
        "gc-on-postgresql",
        lambda r: r.server["env"].append({"name": "MLFLOW_TRACKING_TOKEN", "value": "x"}),
    ),
    "a collection of one workspace": (
        "workspaces",
        "basic-auth-with-workspaces",
        lambda r: _gc(r)["args"].remove("--all-workspaces"),
    ),
    "a server with a workspace": (
        "workspaces",
        "default",
        lambda r: r.server["env"].append({"name": "MLFLOW_WORKSPACE", "value": "x"}),
    ),
    "service links": ("service_links", "default", lambda r: r.pod.pop("enableServiceLinks")),
    "two leaders": (
        "periodic_tasks",
        "jobs-on-redis",
        lambda r: _named(r, "MLFLOW_SERVER_JOB_ENABLE_PERIODIC_TASKS").update(value="true"),
    ),
    "a leader beside its successor": (
        "periodic_tasks",
        "jobs-beside-sqlite",
        lambda r: r.one("Deployment")["spec"]["strategy"].update(type="RollingUpdate"),
    ),
    "a server that refuses its own jobs": (
        "periodic_tasks",
        "jobs-beside-sqlite",
        lambda r: _named(r, "MLFLOW_SERVER_ALLOWED_HOSTS").update(value="localhost"),
    ),
    "no port in the arguments": ("server_arguments", "default", lambda r: r.server.update(args=[])),
    "a URI in the arguments": (
        "server_arguments",
        "default",
        lambda r: r.server["args"].append("--backend-store-uri=sqlite:////mlflow.db"),
    ),
    "telemetry": (
        "server_arguments",
        "default",
        lambda r: _named(r, "MLFLOW_DISABLE_TELEMETRY").update(value="false"),
    ),
    "prices from GitHub": (
        "server_arguments",
        "default",
        lambda r: _named(r, "MLFLOW_MODEL_CATALOG_URI").update(value="https://github.com/mlflow/mlflow"),
    ),
    "a probe of a closed port": (
        "ports",
        "default",
        lambda r: r.server["livenessProbe"]["httpGet"].update(port="admin"),
    ),
    "a Service of a closed port": (
        "ports",
        "default",
        lambda r: r.one("Service")["spec"]["ports"][0].update(targetPort=80),
    ),
    "an Ingress to nowhere": (
        "ports",
        "ingress",
        lambda r: r.one("Service")["spec"]["ports"][0].update(port=80),
    ),
    "a probe without the prefix": (
        "probes",
        "static-prefix",
        lambda r: r.server["readinessProbe"]["httpGet"].update(path="/health"),
    ),
    "a short start": ("probes", "default", lambda r: r.server["startupProbe"].update(failureThreshold=20)),
    "a hard stop": ("stops", "default", lambda r: r.pod.update(terminationGracePeriodSeconds=30)),
    "no delay before the stop": ("stops", "default", lambda r: r.server.pop("lifecycle")),
    "short connections": (
        "stops",
        "default",
        lambda r: _named(r, "MLFLOW_UVICORN_OPTS").update(value="--timeout-graceful-shutdown 60 --log-config x"),
    ),
    "a stop that nobody is told of": (
        "stops",
        "default",
        lambda r: r.server["lifecycle"]["preStop"]["exec"].update(command=["sh", "-c", "touch /tmp/other\nsleep 10"]),
    ),
    "two writers": ("single_writers", "default", lambda r: r.one("Deployment")["spec"].update(replicas=2)),
    "an overlap of writers": (
        "single_writers",
        "postgresql-artifact-volume",
        lambda r: r.one("Deployment")["spec"].update(strategy={"type": "RollingUpdate"}),
    ),
    "a gap in a rollout": (
        "single_writers",
        "postgresql-s3",
        lambda r: r.one("Deployment")["spec"].update(strategy={"type": "Recreate"}),
    ),
    "impatience": (
        "single_writers",
        "default",
        lambda r: r.one("Deployment")["spec"].update(progressDeadlineSeconds=600),
    ),
    "a label that is not everywhere": (
        "metadata",
        "labels-everywhere",
        lambda r: r.one("Service")["metadata"]["labels"].pop("team"),
    ),
    "a label of the server on a Job's pod": (
        "metadata",
        "labels-everywhere",
        lambda r: [template["metadata"]["labels"].update(mesh="in") for _, template in r.templates()],
    ),
    "a Job elsewhere": (
        "placing",
        "placing",
        lambda r: r.one("CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"].pop("runtimeClassName"),
    ),
    "an anti-affinity to nobody": (
        "placing",
        "placing",
        lambda r: r.pod["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0].pop(
            "labelSelector"
        ),
    ),
    "a user on OpenShift": ("placing", "assigned-user", lambda r: r.pod["securityContext"].update(runAsUser=10001)),
    "a store asked by the proxy": (
        "proxies",
        "http-proxy",
        lambda r: [_named(r, name).update(value="localhost") for name in ("NO_PROXY", "no_proxy")],
    ),
    "an image from elsewhere": ("images", "image-registry", lambda r: r.server.update(image="ghcr.io/mlflow/mlflow")),
    "an autoscaler undone by each apply": (
        "scalers",
        "autoscaling",
        lambda r: r.one("Deployment")["spec"].update(replicas=2),
    ),
    "an autoscaler of something else": (
        "scalers",
        "keda",
        lambda r: r.one("ScaledObject")["spec"]["scaleTargetRef"].update(name="other"),
    ),
    "a budget that blocks": (
        "disruptions",
        "ingress-tls",
        lambda r: r.one("PodDisruptionBudget")["spec"].update(maxUnavailable=0),
    ),
    "no budget": ("disruptions", "ingress-tls", lambda r: r.objects.remove(r.one("PodDisruptionBudget"))),
    "a Job that vanishes": ("jobs", "default", lambda r: r.one("Job")["spec"].update(ttlSecondsAfterFinished=1)),
    "a Job with a fixed name": ("jobs", "default", lambda r: r.one("Job")["metadata"].update(name="secrets")),
    "a host refused": (
        "hosts",
        "ingress",
        lambda r: _named(r, "MLFLOW_SERVER_ALLOWED_HOSTS").update(value="mlflow,mlflow:*"),
    ),
    "every host accepted": (
        "hosts",
        "default",
        lambda r: _named(r, "MLFLOW_SERVER_ALLOWED_HOSTS").update(value="*"),
    ),
    "an origin refused": (
        "origins",
        "ingress-tls",
        lambda r: _named(r, "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS").update(value="http://mlflow.example.com"),
    ),
    "every origin accepted": (
        "origins",
        "ingress",
        lambda r: _named(r, "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS").update(value="*"),
    ),
    "a way out too many": (
        "egress",
        "default",
        lambda r: _rules(r, "egress").append({"ports": [{"port": 443, "protocol": "TCP"}]}),
    ),
    "a way out too wide": ("egress", "network-peers", lambda r: [rule.pop("to", 0) for rule in _rules(r, "egress")]),
    "a way out too few": ("egress", "postgresql-s3", lambda r: _rules(r, "egress").pop()),
    "a policy that is not there": ("egress", "default", lambda r: r.objects.remove(r.all("NetworkPolicy")[0])),
    "a port open to all": ("ingress_rules", "default", lambda r: _rules(r, "ingress")[0].pop("from")),
    "a client kept out": ("ingress_rules", "network-peers", lambda r: _rules(r, "ingress")[0]["from"].pop()),
    "a privileged container": (
        "restricted",
        "default",
        lambda r: r.server["securityContext"].update(privileged=True),
    ),
    "a notice that is not true": (
        "restricted",
        "loosened-security",
        lambda r: [template["spec"].update(released("postgresql-s3").pod) for _, template in r.templates()],
    ),
    "a root that can be written": (
        "read_only_roots",
        "default",
        lambda r: r.server["securityContext"].update(readOnlyRootFilesystem=False),
    ),
    "another image": ("images", "default", lambda r: r.server.update(image="mlflow")),
    "an empty list": ("emptiness", "default", lambda r: r.pod.update(tolerations=[])),
    "a null": ("emptiness", "default", lambda r: r.pod.update(priorityClassName=None)),
    "an amount in another form": (
        "quantities",
        "default",
        lambda r: r.server["resources"]["requests"].update(cpu="1000m"),
    ),
    "a request above its limit": (
        "quantities",
        "default",
        lambda r: r.server["resources"]["requests"].update(memory="8Gi"),
    ),
    "memory for one worker": (
        "memory",
        "workers",
        lambda r: r.server["resources"]["requests"].update(memory="768Mi"),
    ),
    "more connections than the database has": (
        "connections",
        "many-processes",
        lambda r: _named(r, "MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW").update(value="10"),
    ),
    "a Secret that nobody makes, as a file": (
        "secret_references",
        "gcs-key-file",
        lambda r: next(v for v in r.pod["volumes"] if "secret" in v)["secret"]["items"][0].update(key="x"),
    ),
    "the pods first": ("order", "default", lambda r: r.objects.reverse()),
    # --- watching
    "metrics for everybody": ("readers", "watched", lambda r: _rules(r, "ingress")[1].pop("from")),
    "a third port": (
        "readers",
        "default",
        lambda r: _rules(r, "ingress").append({"ports": [{"port": 22, "protocol": "TCP"}]}),
    ),
    "a password for the metrics": (
        "metrics_are_harmless",
        "metrics",
        lambda r: container_of(r.pod, "metrics").update(env=r.server["env"]),
    ),
    "metrics that may write": (
        "metrics_are_harmless",
        "metrics",
        lambda r: [mount.pop("readOnly") for mount in container_of(r.pod, "metrics")["volumeMounts"]],
    ),
    "metrics that decide on readiness": (
        "metrics_are_harmless",
        "metrics",
        lambda r: container_of(r.pod, "metrics").update(readinessProbe={"tcpSocket": {"port": 9464}}),
    ),
    "metrics from nowhere": ("metrics_are_harmless", "metrics", lambda r: _named(r, _COUNTS).update(value="/tmp")),  # noqa: S108
    "no logging configuration": (
        "logs",
        "default",
        lambda r: _named(r, "MLFLOW_UVICORN_OPTS").update(value="--timeout-graceful-shutdown 60"),
    ),
    "another health path in the log": (
        "logs",
        "static-prefix",
        lambda r: r.server["readinessProbe"]["httpGet"].update(path="/health"),
    ),
    "an alert about another release": (
        "alerts",
        "watched",
        lambda r: _alert(r, "MlflowNotReady").update(expr='kube_x{namespace="ml", deployment="other"} > 0'),
    ),
    "an alert without runbook": (
        "alerts",
        "watched",
        lambda r: _alert(r, "MlflowDown")["annotations"].update(runbook_url="https://example.com"),
    ),
    "a monitor that asks clients' port": (
        "selectors",
        "watched",
        lambda r: r.one("ServiceMonitor")["spec"]["selector"].update(matchLabels={"app.kubernetes.io/name": "mlflow"}),
    ),
    "a metrics Service that leads to the server": (
        "ports",
        "watched",
        lambda r: r.one("Service", "mlflow-metrics")["spec"]["ports"][0].update(targetPort="http"),
    ),
}


@pytest.mark.parametrize("spoil", SPOILS)
def test_an_invariant_notices_what_it_is_for(spoil: str) -> None:
    """A release that was spoiled on purpose breaks the rule that watches it."""
    invariant, case, change = SPOILS[spoil]
    release = released(case).copy()
    change(release)
    assert list(INVARIANTS[invariant](release)) != []


def test_every_invariant_is_proved_to_notice_something() -> None:
    """A rule that nothing can break would watch nothing."""
    assert {invariant for invariant, _, _ in SPOILS.values()} == set(INVARIANTS)


def test_variables_hold_what_the_server_reads() -> None:
    """The helper that all rules read variables with tells values from references to Secrets."""
    env = env_of(released("default").server)
    assert env["MLFLOW_WORKERS"] == "1"
    assert env["MLFLOW_CRYPTO_KEK_PASSPHRASE"] == ("mlflow-crypto-kek-passphrase", "passphrase")
