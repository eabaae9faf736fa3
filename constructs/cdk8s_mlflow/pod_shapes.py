"""Kubernetes' own shapes of what a pod is made of: containers, volumes, names of hosts.

Written as in every Kubernetes document, known to a type checker, checked at synth time. They know what Pod Security
"restricted" allows, so neither volumes of the node nor ports of it.
"""

from __future__ import annotations

from typing import Literal, TypedDict

from cdk8s_mlflow.kubernetes import EnvironmentSource, EnvironmentVariable, ResourceRequirements, SecurityContext
from cdk8s_mlflow.values import (
    DnsLabel,
    DnsName,
    IpAddress,
    NotNegativeInt,
    PlainText,
    Port,
    PortName,
    PositiveInt,
    Quantity,
    SecretKeyName,
)

# --- Hosts -------------------------------------------------------------------------------------------------


class HostAlias(TypedDict):
    """Names that the pod's ``/etc/hosts`` gives to an address (core/v1 HostAlias)."""

    ip: IpAddress
    hostnames: list[DnsName]


class _DnsOption(TypedDict):
    name: PlainText


class DnsOption(_DnsOption, total=False):
    """An option of the resolver, such as ``ndots``."""

    value: str


class Resolver(TypedDict, total=False):
    """What the pod's resolver does beyond its policy (core/v1 PodDNSConfig)."""

    nameservers: list[IpAddress]
    searches: list[DnsName]
    options: list[DnsOption]


# --- Volumes -----------------------------------------------------------------------------------------------


class _KeyToPath(TypedDict):
    key: SecretKeyName
    path: PlainText


class KeyToPath(_KeyToPath, total=False):
    """A key as a file."""

    mode: NotNegativeInt


class ConfigMapSource(TypedDict, total=False):
    """A ConfigMap as files."""

    name: DnsName
    items: list[KeyToPath]
    defaultMode: NotNegativeInt
    optional: bool


class SecretSourceOfFiles(TypedDict, total=False):
    """A Secret as files."""

    secretName: DnsName
    items: list[KeyToPath]
    defaultMode: NotNegativeInt
    optional: bool


class _ClaimName(TypedDict):
    claimName: DnsName


class ClaimSource(_ClaimName, total=False):
    """A PersistentVolumeClaim that exists."""

    readOnly: bool


class EmptyDirSource(TypedDict, total=False):
    """Scratch space of the pod."""

    medium: Literal["", "Memory"]
    sizeLimit: Quantity


class ProjectedSecret(TypedDict, total=False):
    """A Secret in a projected volume."""

    name: DnsName
    items: list[KeyToPath]
    optional: bool


class _TokenPath(TypedDict):
    path: PlainText


class ServiceAccountToken(_TokenPath, total=False):
    """A token of the pod's ServiceAccount for somebody else than the Kubernetes API."""

    audience: PlainText
    expirationSeconds: PositiveInt


class ProjectedItem(TypedDict, total=False):
    """One source of a projected volume."""

    secret: ProjectedSecret
    configMap: ProjectedSecret
    serviceAccountToken: ServiceAccountToken


class ProjectedSource(TypedDict, total=False):
    """Several sources in one folder."""

    sources: list[ProjectedItem]
    defaultMode: NotNegativeInt


class _Driver(TypedDict):
    driver: DnsName


class _SecretName(TypedDict):
    name: DnsName


class CsiSource(_Driver, total=False):
    """A volume that a driver makes for the pod, such as the Secrets Store's."""

    readOnly: bool
    fsType: PlainText
    volumeAttributes: dict[str, str]
    nodePublishSecretRef: _SecretName


class _VolumeName(TypedDict):
    name: DnsLabel


class Volume(_VolumeName, total=False):
    """A volume of the pod (core/v1 Volume): its name and one source, of those that "restricted" allows."""

    configMap: ConfigMapSource
    secret: SecretSourceOfFiles
    persistentVolumeClaim: ClaimSource
    emptyDir: EmptyDirSource
    projected: ProjectedSource
    csi: CsiSource


class _Mount(TypedDict):
    name: DnsLabel
    mountPath: PlainText


class VolumeMount(_Mount, total=False):
    """Where a container finds a volume (core/v1 VolumeMount)."""

    readOnly: bool
    subPath: PlainText


# --- Containers --------------------------------------------------------------------------------------------


class ExecAction(TypedDict):
    """A command in the container."""

    command: list[str]


class _HttpPort(TypedDict):
    port: Port | PortName


class HttpHeader(TypedDict):
    """A header of a request."""

    name: PlainText
    value: str


class HttpGetAction(_HttpPort, total=False):
    """A request to the container."""

    path: PlainText
    host: PlainText
    scheme: Literal["HTTP", "HTTPS"]
    httpHeaders: list[HttpHeader]


class TcpSocketAction(_HttpPort, total=False):
    """A connection to the container."""

    host: PlainText


class _GrpcPort(TypedDict):
    port: Port


class GrpcAction(_GrpcPort, total=False):
    """A question by gRPC's health protocol."""

    service: PlainText


class Probe(TypedDict, total=False):
    """What the kubelet asks (core/v1 Probe)."""

    exec: ExecAction
    httpGet: HttpGetAction
    tcpSocket: TcpSocketAction
    grpc: GrpcAction
    initialDelaySeconds: NotNegativeInt
    periodSeconds: PositiveInt
    timeoutSeconds: PositiveInt
    successThreshold: PositiveInt
    failureThreshold: PositiveInt
    terminationGracePeriodSeconds: PositiveInt


class LifecycleHandler(TypedDict, total=False):
    """What happens at the start or before the stop."""

    exec: ExecAction
    httpGet: HttpGetAction


class Lifecycle(TypedDict, total=False):
    """What happens at the start and before the stop (core/v1 Lifecycle)."""

    postStart: LifecycleHandler
    preStop: LifecycleHandler


class _Port(TypedDict):
    containerPort: Port


class ContainerPort(_Port, total=False):
    """A port of the container."""

    name: PortName
    protocol: Literal["TCP", "UDP", "SCTP"]


class _NameAndImage(TypedDict):
    name: DnsLabel
    image: PlainText


class ContainerShape(_NameAndImage, total=False):
    """A container (core/v1 Container)."""

    imagePullPolicy: Literal["IfNotPresent", "Always", "Never"]
    command: list[str]
    args: list[str]
    workingDir: PlainText
    ports: list[ContainerPort]
    envFrom: list[EnvironmentSource]
    env: list[EnvironmentVariable]
    resources: ResourceRequirements
    volumeMounts: list[VolumeMount]
    startupProbe: Probe
    livenessProbe: Probe
    readinessProbe: Probe
    lifecycle: Lifecycle
    securityContext: SecurityContext
    terminationMessagePolicy: Literal["File", "FallbackToLogsOnError"]


class InitContainerShape(ContainerShape, total=False):
    """An init container (core/v1 Container): one that ends, or one that keeps running."""

    restartPolicy: Literal["Always"]
