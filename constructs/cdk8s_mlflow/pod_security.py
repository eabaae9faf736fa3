"""The hardening of every pod: it passes Pod Security "restricted", and says where the user loosens it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from cdk8s_mlflow.peers import Manifest

CONTAINER_SECURITY: Manifest = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def pod_security(user_id: int | Literal["assigned"], override: Mapping[str, Any]) -> Manifest:
    """Return the security context of a pod; one user is its user, its group, and the group of its volumes."""
    ids = {} if user_id == "assigned" else {"runAsUser": user_id, "runAsGroup": user_id, "fsGroup": user_id}
    return {
        "runAsNonRoot": True,
        **ids,
        # Without this the kubelet walks through a whole artifact volume at each start.
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
        **override,
    }


# Those that the Pod Security Standards allow.
_SAFE_SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
}
_SAFE_SELINUX_TYPES = {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}


def _is_safe_selinux(options: Mapping[str, str]) -> bool:
    return not options.get("user") and not options.get("role") and options.get("type", "") in _SAFE_SELINUX_TYPES


def loosened_fields(pod_override: Mapping[str, Any], container_overrides: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the fields in which the overrides of the pod, or of any of its containers, leave "restricted"."""
    pod = pod_security("assigned", pod_override)
    found = (_loosened(pod, CONTAINER_SECURITY | dict(override)) for override in container_overrides)
    return list(dict.fromkeys(field for fields in found for field in fields))


def _loosened(pod: Manifest, container: Manifest) -> list[str]:
    capabilities = container["capabilities"]
    strict = {
        "runAsNonRoot": container["runAsNonRoot"] is True and pod["runAsNonRoot"] is True,
        "runAsUser": pod.get("runAsUser") != 0 and container.get("runAsUser") != 0,
        "allowPrivilegeEscalation": container["allowPrivilegeEscalation"] is False,
        "privileged": not container.get("privileged"),
        "capabilities.drop": "ALL" in capabilities.get("drop", ()),
        "capabilities.add": set(capabilities.get("add", ())) <= {"NET_BIND_SERVICE"},
        "seccompProfile": all(
            context["seccompProfile"].get("type") in {"RuntimeDefault", "Localhost"} for context in (pod, container)
        ),
        "procMount": container.get("procMount", "Default") == "Default",
        "sysctls": {sysctl["name"] for sysctl in pod.get("sysctls", ())} <= _SAFE_SYSCTLS,
        "seLinuxOptions": all(_is_safe_selinux(context.get("seLinuxOptions", {})) for context in (pod, container)),
    }
    return [field for field, holds in strict.items() if not holds]
