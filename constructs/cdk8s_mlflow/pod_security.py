"""The hardening of every pod: it passes Pod Security "restricted", and says where the user loosens it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cdk8s_mlflow.peers import Manifest

# The user that every container runs as; nothing depends on the number, but volumes keep its group.
USER_ID = 10001

POD_SECURITY: Manifest = {
    "runAsNonRoot": True,
    "runAsUser": USER_ID,
    "runAsGroup": USER_ID,
    "fsGroup": USER_ID,
    # Without this the kubelet walks through a whole artifact volume at each start.
    "fsGroupChangePolicy": "OnRootMismatch",
    "seccompProfile": {"type": "RuntimeDefault"},
}
CONTAINER_SECURITY: Manifest = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
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


def loosened_fields(pod_override: Mapping[str, Any], container_override: Mapping[str, Any]) -> list[str]:
    """Return the fields in which the overrides leave Pod Security "restricted"."""
    pod: Manifest = POD_SECURITY | dict(pod_override)
    container: Manifest = CONTAINER_SECURITY | dict(container_override)
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
