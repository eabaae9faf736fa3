"""The Pod Security standard as the tests know it, and the notice to users who leave it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from pod_security import Spec, restricted_violations
from releases import render

from cdk8s_mlflow import MlflowProps
from cdk8s_mlflow.kubernetes import PodSecurityContext, SecurityContext

HARDENED: Spec = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "a",
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
    ],
    "volumes": [{"name": "tmp", "emptyDir": {}}],
}


def _container(change: dict[str, Any]) -> Callable[[Spec], object]:
    return lambda pod: pod["containers"][0].update(change)


def _context(change: dict[str, Any]) -> Callable[[Spec], object]:
    return lambda pod: pod["containers"][0]["securityContext"].update(change)


def _pod(change: dict[str, Any]) -> Callable[[Spec], object]:
    return lambda pod: pod["securityContext"].update(change)


BREAKS: dict[str, tuple[str, Callable[[Spec], object]]] = {
    "host process": ("HostProcess", _pod({"windowsOptions": {"hostProcess": True}})),
    "host network": ("host namespaces", lambda pod: pod.update(hostNetwork=True)),
    "host processes": ("host namespaces", lambda pod: pod.update(hostPID=True)),
    "host memory": ("host namespaces", lambda pod: pod.update(hostIPC=True)),
    "privileged": ("privileged containers", _context({"privileged": True})),
    "capabilities kept": ("capabilities", _context({"capabilities": {"drop": ["NET_RAW"]}})),
    "capability added": ("capabilities", _context({"capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]}})),
    "host path": ("volume types", lambda pod: pod["volumes"].append({"name": "h", "hostPath": {"path": "/"}})),
    "host port": ("host ports", _container({"ports": [{"containerPort": 1, "hostPort": 1}]})),
    "probe of a host": ("host probes", _container({"livenessProbe": {"httpGet": {"host": "192.0.2.1", "port": 1}}})),
    "hook of a host": (
        "host probes",
        _container({"lifecycle": {"preStop": {"tcpSocket": {"host": "192.0.2.1", "port": 1}}}}),
    ),
    "unconfined AppArmor": ("AppArmor", _context({"appArmorProfile": {"type": "Unconfined"}})),
    "SELinux type": ("SELinux", _pod({"seLinuxOptions": {"type": "spc_t"}})),
    "SELinux user": ("SELinux", _context({"seLinuxOptions": {"user": "system_u"}})),
    "unmasked /proc": ("/proc mount type", _context({"procMount": "Unmasked"})),
    "no seccomp": ("seccomp", lambda pod: pod["securityContext"].pop("seccompProfile")),
    "unconfined seccomp": ("seccomp", _context({"seccompProfile": {"type": "Unconfined"}})),
    "unsafe sysctl": ("sysctls", _pod({"sysctls": [{"name": "kernel.msgmax", "value": "1"}]})),
    "escalation": ("privilege escalation", lambda pod: pod["containers"][0]["securityContext"].pop(_ESCALATION)),
    "root allowed": ("running as non-root", lambda pod: pod["securityContext"].pop("runAsNonRoot")),
    "root allowed in one container": ("running as non-root", _context({"runAsNonRoot": False})),
    "root allowed in the pod": ("running as non-root", _pod({"runAsNonRoot": False})),
    "root": ("running as non-root user", _context({"runAsUser": 0})),
}
_ESCALATION = "allowPrivilegeEscalation"


def test_a_hardened_pod_breaks_no_rule() -> None:
    """The smallest pod that passes "restricted" does so here."""
    assert restricted_violations(HARDENED) == []


@pytest.mark.parametrize("breach", BREAKS)
@pytest.mark.parametrize("group", ["containers", "initContainers"])
def test_rejects_what_the_standard_refuses(group: str, breach: str) -> None:
    """Each rule notices its breach, in init containers as well."""
    rule, change = BREAKS[breach]
    pod = copy.deepcopy(HARDENED)
    change(pod)
    if group == "initContainers":
        pod = pod | {"initContainers": pod["containers"], "containers": copy.deepcopy(HARDENED["containers"])}
    assert [found for found in restricted_violations(pod) if found.startswith(f"{rule}:")] != []


def test_rejects_an_annotation_that_switches_apparmor_off() -> None:
    """Before 1.30 AppArmor was said by an annotation."""
    annotation = {"container.apparmor.security.beta.kubernetes.io/a": "unconfined"}
    assert restricted_violations(HARDENED, annotation) != []


CONTAINER_OVERRIDES: dict[str, SecurityContext] = {
    "nothing": {},
    "user": {"runAsUser": 1000},
    "root": {"runAsUser": 0, "runAsNonRoot": False},
    "root that is not allowed": {"runAsUser": 0},
    "escalation": {"allowPrivilegeEscalation": True},
    "privileged": {"privileged": True},
    "not privileged": {"privileged": False},
    "capability of low ports": {"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}},
    "capability of the system": {"capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]}},
    "no capability dropped": {"capabilities": {}},
    "one capability dropped": {"capabilities": {"drop": ["NET_RAW"]}},
    "local seccomp": {"seccompProfile": {"type": "Localhost", "localhostProfile": "mlflow.json"}},
    "no seccomp": {"seccompProfile": {"type": "Unconfined"}},
    "default /proc": {"procMount": "Default"},
    "unmasked /proc": {"procMount": "Unmasked"},
    "SELinux level": {"seLinuxOptions": {"level": "s0:c1,c2"}},
    "SELinux type": {"seLinuxOptions": {"type": "spc_t"}},
    "SELinux user": {"seLinuxOptions": {"user": "system_u"}},
    "a root that can be written": {"readOnlyRootFilesystem": False},
}
POD_OVERRIDES: dict[str, PodSecurityContext] = {
    "group": {"fsGroup": 0, "supplementalGroups": [0]},
    "user": {"runAsUser": 1000, "runAsGroup": 0},
    "root": {"runAsUser": 0},
    "root allowed": {"runAsNonRoot": False},
    "local seccomp": {"seccompProfile": {"type": "Localhost", "localhostProfile": "mlflow.json"}},
    "no seccomp": {"seccompProfile": {"type": "Unconfined"}},
    "safe sysctl": {"sysctls": [{"name": "net.ipv4.tcp_syncookies", "value": "1"}]},
    "unsafe sysctl": {"sysctls": [{"name": "net.core.somaxconn", "value": "1024"}]},
    "SELinux role": {"seLinuxOptions": {"role": "system_r"}},
    "SELinux type": {"seLinuxOptions": {"type": "container_t"}},
}


def _is_told(props: MlflowProps) -> bool:
    return any("restricted" in notice for notice in render(props).notices)


def _is_loose(props: MlflowProps) -> bool:
    return restricted_violations(render(props).pod) != []


@pytest.mark.parametrize("override", CONTAINER_OVERRIDES)
def test_the_user_is_told_when_a_container_leaves_the_standard(override: str) -> None:
    """The notice comes exactly when the standard would refuse the pod."""
    props = MlflowProps(security_context=CONTAINER_OVERRIDES[override])
    assert _is_told(props) == _is_loose(props)


@pytest.mark.parametrize("override", POD_OVERRIDES)
def test_the_user_is_told_when_the_pod_leaves_the_standard(override: str) -> None:
    """The notice comes exactly when the standard would refuse the pod."""
    props = MlflowProps(pod_security_context=POD_OVERRIDES[override])
    assert _is_told(props) == _is_loose(props)


def test_some_overrides_leave_the_standard_and_some_do_not() -> None:
    """The two tests above compare both outcomes."""
    loose = {name for name, item in CONTAINER_OVERRIDES.items() if _is_loose(MlflowProps(security_context=item))}
    assert loose == {
        "root",
        "root that is not allowed",
        "escalation",
        "privileged",
        "capability of the system",
        "no capability dropped",
        "one capability dropped",
        "no seccomp",
        "unmasked /proc",
        "SELinux type",
        "SELinux user",
    }
