"""The pod template, for every kind of pod."""

from __future__ import annotations

from cdk8s_mlflow.container import Health
from cdk8s_mlflow.peers import Manifest
from cdk8s_mlflow.pods import STARTUP_SECONDS, ContainerPlan, PodPlan


def define_pod_template(pod: PodPlan) -> Manifest:
    """Return the template of a pod."""
    return {
        "metadata": {"labels": pod.labels, "annotations": pod.annotations},
        "spec": {
            "serviceAccountName": pod.service_account_name,
            "automountServiceAccountToken": pod.mounts_token,
            # A Service called "mlflow" would otherwise set MLFLOW_PORT=tcp://..., which MLflow takes for its port.
            "enableServiceLinks": False,
            "securityContext": pod.security_context,
            "imagePullSecrets": pod.image_pull_secrets,
            "initContainers": [*pod.extra_init_containers, *(define_container(item) for item in pod.init_containers)],
            "containers": [*(define_container(item) for item in pod.containers), *pod.extra_containers],
            "volumes": pod.volumes,
            "restartPolicy": pod.restart_policy,
            "terminationGracePeriodSeconds": pod.termination_grace_seconds,
            "nodeSelector": pod.node_selector,
            "tolerations": pod.tolerations,
            "affinity": pod.affinity,
            "topologySpreadConstraints": pod.topology_spread_constraints,
            "priorityClassName": pod.priority_class_name,
            "runtimeClassName": pod.runtime_class_name,
            "schedulerName": pod.scheduler_name,
            "hostAliases": pod.host_aliases,
            "dnsPolicy": pod.dns_policy,
            "dnsConfig": pod.dns_config,
        },
    }


def define_container(container: ContainerPlan) -> Manifest:
    """Return a container."""
    return {
        "name": container.name,
        "image": container.image,
        "imagePullPolicy": container.image_pull_policy,
        "restartPolicy": container.restart_policy,
        "command": container.command,
        "args": container.args,
        "ports": container.ports,
        "envFrom": container.env_from,
        "env": container.env,
        "resources": container.resources,
        "volumeMounts": container.mounts,
        "startupProbe": container.startup_probe,
        **_probes(container.health),
        **_lifecycle(container.pre_stop),
        "securityContext": container.security_context,
    }


def _probes(health: Health | None) -> Manifest:
    """Return the probes: ``/health`` answers without the database, so a lost database restarts nothing."""
    if health is None:
        return {}
    action = {"path": health.path, "port": health.port, "scheme": health.scheme}
    connect = {"tcpSocket": {"port": health.port}}
    request = {**(connect if health.path is None else {"httpGet": action}), "timeoutSeconds": 5}
    return {
        "startupProbe": {**request, "periodSeconds": 5, "failureThreshold": STARTUP_SECONDS // 5},
        "livenessProbe": {**request, "periodSeconds": 10, "failureThreshold": 6},
        "readinessProbe": {**request, "periodSeconds": 5, "failureThreshold": 3},
    }


def _lifecycle(pre_stop: list[str] | None) -> Manifest:
    return {} if pre_stop is None else {"lifecycle": {"preStop": {"exec": {"command": pre_stop}}}}
