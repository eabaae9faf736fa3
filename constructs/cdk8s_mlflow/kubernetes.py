"""Kubernetes' own shapes, for the knobs that go into the manifest as they are.

They are written as in every Kubernetes document (``{"key": "gpu", "operator": "Exists"}``). A type checker
knows their keys, and :mod:`value_checks` refuses unknown ones at synth time.
"""

from __future__ import annotations

from typing import Literal, TypedDict

from cdk8s_mlflow.values import AnnotationKey, DnsName, EnvName, NotNegativeInt, PositiveInt, Quantity, SecretKeyName


class Toleration(TypedDict, total=False):
    """A taint that the pod tolerates (core/v1 Toleration)."""

    key: str
    operator: Literal["Exists", "Equal"]
    value: str
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]
    tolerationSeconds: int


class NodeSelectorRequirement(TypedDict, total=False):
    """A condition on a node's labels."""

    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]
    values: list[str]


class LabelSelectorRequirement(TypedDict, total=False):
    """A condition on a pod's labels."""

    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: list[str]


class LabelSelector(TypedDict, total=False):
    """A choice of objects by their labels."""

    matchLabels: dict[str, str]
    matchExpressions: list[LabelSelectorRequirement]


class NodeSelectorTerm(TypedDict, total=False):
    """Conditions that must hold together."""

    matchExpressions: list[NodeSelectorRequirement]
    matchFields: list[NodeSelectorRequirement]


class NodeSelector(TypedDict):
    """Terms of which one must hold."""

    nodeSelectorTerms: list[NodeSelectorTerm]


class PreferredSchedulingTerm(TypedDict):
    """A term that is preferred, from 1 to 100."""

    weight: int
    preference: NodeSelectorTerm


class NodeAffinity(TypedDict, total=False):
    """On which nodes the pod may or should run."""

    requiredDuringSchedulingIgnoredDuringExecution: NodeSelector
    preferredDuringSchedulingIgnoredDuringExecution: list[PreferredSchedulingTerm]


class PodAffinityTerm(TypedDict, total=False):
    """Pods to be near to, or away from."""

    labelSelector: LabelSelector
    topologyKey: str
    namespaces: list[str]
    namespaceSelector: LabelSelector


class WeightedPodAffinityTerm(TypedDict):
    """A term that is preferred, from 1 to 100."""

    weight: int
    podAffinityTerm: PodAffinityTerm


class PodAffinity(TypedDict, total=False):
    """Near to, or away from, which pods the pod must or should run."""

    requiredDuringSchedulingIgnoredDuringExecution: list[PodAffinityTerm]
    preferredDuringSchedulingIgnoredDuringExecution: list[WeightedPodAffinityTerm]


class Affinity(TypedDict, total=False):
    """Where the scheduler puts the pod (core/v1 Affinity)."""

    nodeAffinity: NodeAffinity
    podAffinity: PodAffinity
    podAntiAffinity: PodAffinity


class _Spread(TypedDict):
    maxSkew: PositiveInt
    topologyKey: AnnotationKey
    whenUnsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"]


class TopologySpreadConstraint(_Spread, total=False):
    """How evenly the server's pods stand over a topology; their selector is filled in if left out."""

    labelSelector: LabelSelector
    minDomains: int
    nodeAffinityPolicy: Literal["Honor", "Ignore"]
    nodeTaintsPolicy: Literal["Honor", "Ignore"]
    matchLabelKeys: list[str]


class ScalingPolicy(TypedDict):
    """How many pods may come or go within a time."""

    type: Literal["Pods", "Percent"]
    value: PositiveInt
    periodSeconds: PositiveInt


class ScalingRules(TypedDict, total=False):
    """How fast an autoscaler goes in one direction."""

    stabilizationWindowSeconds: NotNegativeInt
    selectPolicy: Literal["Max", "Min", "Disabled"]
    policies: list[ScalingPolicy]


class ScalingBehavior(TypedDict, total=False):
    """How fast an autoscaler goes up and down (autoscaling/v2 HorizontalPodAutoscalerBehavior)."""

    scaleUp: ScalingRules
    scaleDown: ScalingRules


class SeccompProfile(TypedDict, total=False):
    """Which system calls are allowed."""

    type: Literal["RuntimeDefault", "Localhost", "Unconfined"]
    localhostProfile: str


class Capabilities(TypedDict, total=False):
    """Rights of root, one by one."""

    add: list[str]
    drop: list[str]


class SELinuxOptions(TypedDict, total=False):
    """The SELinux context."""

    user: str
    role: str
    type: str
    level: str


class Sysctl(TypedDict):
    """A kernel parameter."""

    name: str
    value: str


class PodSecurityContext(TypedDict, total=False):
    """Security settings of the pod (core/v1 PodSecurityContext)."""

    runAsUser: int
    runAsGroup: int
    runAsNonRoot: bool
    fsGroup: int
    fsGroupChangePolicy: Literal["OnRootMismatch", "Always"]
    supplementalGroups: list[int]
    seccompProfile: SeccompProfile
    seLinuxOptions: SELinuxOptions
    sysctls: list[Sysctl]


class SecurityContext(TypedDict, total=False):
    """Security settings of a container (core/v1 SecurityContext)."""

    runAsUser: int
    runAsGroup: int
    runAsNonRoot: bool
    readOnlyRootFilesystem: bool
    allowPrivilegeEscalation: bool
    privileged: bool
    capabilities: Capabilities
    seccompProfile: SeccompProfile
    seLinuxOptions: SELinuxOptions
    procMount: str


class ResourceRequirements(TypedDict, total=False):
    """What a container asks for and may not exceed, as quantities by resource name."""

    requests: dict[str, Quantity]
    limits: dict[str, Quantity]


class _Name(TypedDict):
    name: DnsName


class NamedReference(_Name, total=False):
    """A ConfigMap or Secret of the release's namespace."""

    optional: bool


class _Key(TypedDict):
    name: DnsName
    key: SecretKeyName


class KeySelector(_Key, total=False):
    """A key of a ConfigMap or Secret of the release's namespace."""

    optional: bool


class _FieldPath(TypedDict):
    fieldPath: str


class FieldSelector(_FieldPath, total=False):
    """A field of the pod."""

    apiVersion: str


class _Resource(TypedDict):
    resource: str


class ResourceSelector(_Resource, total=False):
    """A request or limit of a container."""

    containerName: str
    divisor: Quantity


class ValueSource(TypedDict, total=False):
    """Where a variable's value comes from: one of these."""

    secretKeyRef: KeySelector
    configMapKeyRef: KeySelector
    fieldRef: FieldSelector
    resourceFieldRef: ResourceSelector


class _EnvName(TypedDict):
    name: EnvName


class EnvironmentVariable(_EnvName, total=False):
    """An environment variable (core/v1 EnvVar): a value, or where to take it from."""

    value: str
    valueFrom: ValueSource


class EnvironmentSource(TypedDict, total=False):
    """All keys of a ConfigMap or Secret as variables (core/v1 EnvFromSource)."""

    prefix: EnvName
    configMapRef: NamedReference
    secretRef: NamedReference
