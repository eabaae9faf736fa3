"""The Pod Security standard "restricted" with all its rules, those of "baseline" among them.

Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/ (Linux pods). User namespaces
(``hostUsers: false``), which relax some rules from Kubernetes 1.30 on, relax nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Spec = dict[str, Any]

SAFE_SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    # 1.27
    "net.ipv4.ip_local_reserved_ports",
    # 1.29
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    # 1.32
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_wmem",
}
SELINUX_TYPES = {None, "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
VOLUME_KINDS = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


def restricted_violations(pod: Spec, annotations: dict[str, str] | None = None) -> list[str]:
    """Return every rule of "restricted" that a pod spec breaks, with the field."""
    return [*_annotations(annotations or {}), *(found for rule in RULES for found in rule(pod))]


def _containers(pod: Spec) -> list[tuple[str, Spec]]:
    return [
        (f"{group}[{item['name']}]", item)
        for group in ("initContainers", "containers", "ephemeralContainers")
        for item in pod.get(group, [])
    ]


def _contexts(pod: Spec) -> list[tuple[str, Spec]]:
    """Return the pod's security context and each container's."""
    own = [(f"{path}.securityContext", item.get("securityContext") or {}) for path, item in _containers(pod)]
    return [("securityContext", pod.get("securityContext") or {}), *own]


def _host_process(pod: Spec) -> Iterator[str]:
    for path, context in _contexts(pod):
        if (context.get("windowsOptions") or {}).get("hostProcess"):
            yield f"HostProcess: {path}.windowsOptions.hostProcess"


def _host_namespaces(pod: Spec) -> Iterator[str]:
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(field):
            yield f"host namespaces: {field}"


def _privileged(pod: Spec) -> Iterator[str]:
    for path, context in _contexts(pod):
        if context.get("privileged"):
            yield f"privileged containers: {path}.privileged"


def _capabilities(pod: Spec) -> Iterator[str]:
    for path, container in _containers(pod):
        capabilities = (container.get("securityContext") or {}).get("capabilities") or {}
        if "ALL" not in capabilities.get("drop", []):
            yield f"capabilities: {path} does not drop ALL"
        for name in capabilities.get("add", []):
            if name != "NET_BIND_SERVICE":
                yield f"capabilities: {path} adds {name}"


def _volumes(pod: Spec) -> Iterator[str]:
    for volume in pod.get("volumes", []):
        kinds = set(volume) - {"name"}
        if not kinds <= VOLUME_KINDS or len(kinds) != 1:
            yield f"volume types: volumes[{volume['name']}] is {sorted(kinds)}"


def _host_ports(pod: Spec) -> Iterator[str]:
    for path, container in _containers(pod):
        for port in container.get("ports", []):
            if port.get("hostPort"):
                yield f"host ports: {path}.ports hostPort {port['hostPort']}"


def _host_probes(pod: Spec) -> Iterator[str]:
    for path, container in _containers(pod):
        lifecycle = container.get("lifecycle") or {}
        handlers = {f"lifecycle.{name}": lifecycle.get(name) for name in ("postStart", "preStop")}
        handlers |= {name: container.get(name) for name in ("livenessProbe", "readinessProbe", "startupProbe")}
        for name, handler in handlers.items():
            for action in ("httpGet", "tcpSocket"):
                if ((handler or {}).get(action) or {}).get("host"):
                    yield f"host probes: {path}.{name}.{action}.host"


def _app_armor(pod: Spec) -> Iterator[str]:
    for path, context in _contexts(pod):
        if (context.get("appArmorProfile") or {}).get("type") not in {None, "RuntimeDefault", "Localhost"}:
            yield f"AppArmor: {path}.appArmorProfile.type"


def _annotations(annotations: dict[str, str]) -> Iterator[str]:
    for key, value in annotations.items():
        allowed = value in {"", "runtime/default"} or value.startswith("localhost/")
        if key.startswith("container.apparmor.security.beta.kubernetes.io/") and not allowed:
            yield f"AppArmor: annotation {key}"


def _selinux(pod: Spec) -> Iterator[str]:
    for path, context in _contexts(pod):
        options = context.get("seLinuxOptions") or {}
        if options.get("type") not in SELINUX_TYPES:
            yield f"SELinux: {path}.seLinuxOptions.type"
        for field in ("user", "role"):
            if options.get(field):
                yield f"SELinux: {path}.seLinuxOptions.{field}"


def _proc_mount(pod: Spec) -> Iterator[str]:
    for path, context in _contexts(pod):
        if context.get("procMount") not in {None, "Default"}:
            yield f"/proc mount type: {path}.procMount"


def _seccomp(pod: Spec) -> Iterator[str]:
    of_pod = ((pod.get("securityContext") or {}).get("seccompProfile") or {}).get("type")
    for path, context in _contexts(pod):
        own = (context.get("seccompProfile") or {}).get("type")
        effective = own if path == "securityContext" else own or of_pod
        required = path != "securityContext"
        if effective not in {"RuntimeDefault", "Localhost"} and (required or effective is not None):
            yield f"seccomp: {path}.seccompProfile.type"


def _sysctls(pod: Spec) -> Iterator[str]:
    for item in (pod.get("securityContext") or {}).get("sysctls", []):
        if item["name"] not in SAFE_SYSCTLS:
            yield f"sysctls: {item['name']}"


def _privilege_escalation(pod: Spec) -> Iterator[str]:
    for path, container in _containers(pod):
        if (container.get("securityContext") or {}).get("allowPrivilegeEscalation") is not False:
            yield f"privilege escalation: {path}.securityContext.allowPrivilegeEscalation"


def _run_as_non_root(pod: Spec) -> Iterator[str]:
    of_pod = (pod.get("securityContext") or {}).get("runAsNonRoot")
    if of_pod is False:
        yield "running as non-root: securityContext.runAsNonRoot"
    for path, container in _containers(pod):
        own = (container.get("securityContext") or {}).get("runAsNonRoot")
        if (of_pod if own is None else own) is not True:
            yield f"running as non-root: {path}.securityContext.runAsNonRoot"


def _run_as_user(pod: Spec) -> Iterator[str]:
    for path, context in _contexts(pod):
        if context.get("runAsUser") == 0:
            yield f"running as non-root user: {path}.runAsUser"


RULES: tuple[Callable[[Spec], Iterator[str]], ...] = (
    _host_process,
    _host_namespaces,
    _privileged,
    _capabilities,
    _volumes,
    _host_ports,
    _host_probes,
    _app_armor,
    _selinux,
    _proc_mount,
    _seccomp,
    _sysctls,
    _privilege_escalation,
    _run_as_non_root,
    _run_as_user,
)
