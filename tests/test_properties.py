"""Any combination of props gives objects that are valid and keep every invariant, or our own error; nothing else."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Literal

import attrs
import pytest
from e2e.results import record
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from invariants import broken_invariants
from releases import render
from schemas import schema_errors
from variants import INLINE_VALUE, VARIANTS, on_postgresql

from cdk8s_mlflow import (
    AwsLoadBalancer,
    BasicAuth,
    CertManagerIssuer,
    CertManagerTls,
    CidrPeer,
    ClusterIP,
    ConfigMapKey,
    ExistingSecret,
    FixedReplicas,
    GarbageCollection,
    Headless,
    HttpRoute,
    Ingress,
    IngressNginx,
    IngressTls,
    InlineSecret,
    InvalidProps,
    LoadBalancer,
    MlflowProps,
    NamespacePeer,
    NetworkPolicy,
    NodePort,
    ParentReference,
    PodPeer,
    SecretKey,
    SQLite,
    TlsSecret,
    Traefik,
    VolumeClaim,
)

SECRET = "hunter2"
SCHEMA = "1.34"
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "150"))
"""Of each test; `make fuzz` asks for thousands."""
SETTINGS = settings(
    deadline=None,
    max_examples=EXAMPLES,
    derandomize=bool(os.environ.get("CI")) and "FUZZ_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

# --- Combinations of what is right by itself ---------------------------------------------------------------

FIELDS = {field.name: field for field in attrs.fields(MlflowProps)}


def _words(name: str) -> list[Any]:
    """Return every value that a variant gives to a field of the props."""
    found: list[Any] = []
    for props in VARIANTS.values():
        value = getattr(props, name)
        if value not in found:
            found.append(value)
    return found


WORDS = {name: _words(name) for name in FIELDS}


@st.composite
def combinations(draw: st.DrawFn) -> MlflowProps:
    """Return props of which each part was taken from some variant."""
    names = draw(st.lists(st.sampled_from(sorted(WORDS)), max_size=12, unique=True))
    return MlflowProps(**{name: draw(st.sampled_from(WORDS[name])) for name in names})


# --- Doors of every kind, one beside the other -------------------------------------------------------------

NAMES = st.sampled_from(["mlflow.example.com", "ml.example.com", "*.ml.example.com"])
Peers = list[NamespacePeer | PodPeer | CidrPeer]
KNOWN: Peers = [NamespacePeer("ingress"), PodPeer(match_labels={"app": "proxy"}), CidrPeer("10.1.0.0/16")]
PEERS: st.SearchStrategy[Peers] = st.lists(st.sampled_from(KNOWN), max_size=2, unique_by=repr)
SERVICES = st.sampled_from(
    [
        ClusterIP(),
        ClusterIP(port=443, port_name="https"),
        Headless(),
        NodePort(),
        NodePort(source_ranges=["192.0.2.0/24"]),
        LoadBalancer(source_ranges=["192.0.2.0/24"], load_balancer_class="example.com/inner"),
    ]
)
CERTIFICATES = st.sampled_from(
    [
        TlsSecret(secret_name="server"),
        TlsSecret(secret_name="server", ca=SecretKey("company", "ca.crt")),
        TlsSecret(secret_name="server", ca=ConfigMapKey("company", "ca.crt")),
        CertManagerTls(issuer_name="inner", dns_names=["mlflow.example.com"]),
    ]
)


@st.composite
def ingresses(draw: st.DrawFn, name: str | None) -> Ingress:
    """Return an Ingress of any controller."""
    hosts = draw(st.lists(NAMES, min_size=1, max_size=2, unique=True))
    secret = draw(st.none() | st.just("public"))
    return Ingress(
        hosts=hosts,
        controller=draw(st.sampled_from([None, IngressNginx(), Traefik(), AwsLoadBalancer(group_name="tools")])),
        ingress_class_name=draw(st.none() | st.just("outer")),
        tls=[IngressTls(secret_name=secret)] if secret else [],
        issuer=CertManagerIssuer("inner") if secret and draw(st.booleans()) else None,
        annotations=draw(st.sampled_from([{}, {"traefik.ingress.kubernetes.io/router.middlewares": "a-b@file"}])),
        allowed_from=draw(PEERS),
        name=name,
    )


@st.composite
def http_routes(draw: st.DrawFn, name: str | None) -> HttpRoute:
    """Return a route with whatever a route can have."""
    scheme: Literal["http", "https"] = draw(st.sampled_from(["http", "https"]))
    redirects = scheme == "https" and draw(st.booleans())
    header = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["X-Forwarded-User"]}}
    return HttpRoute(
        hostnames=draw(st.lists(NAMES, min_size=1, max_size=2, unique=True)),
        parents=[ParentReference(name="public", namespace="ingress", section_name="https")],
        redirected=[ParentReference(name="public", namespace="ingress", section_name="http")] if redirects else [],
        scheme=scheme,
        filters=draw(st.sampled_from([[], [header]])),
        request_timeout=draw(st.sampled_from([None, timedelta(0), timedelta(hours=30)])),
        allowed_from=draw(PEERS),
        name=name,
    )


@st.composite
def doors(draw: st.DrawFn) -> MlflowProps:
    """Return props with several doors, with or without TLS in the pods, a login and a prefix."""
    kinds = draw(st.lists(st.sampled_from([ingresses, http_routes]), max_size=3))
    return on_postgresql(
        exposure=[draw(kind(f"door-{index}" if index else None)) for index, kind in enumerate(kinds)],
        service=draw(SERVICES),
        tls=draw(st.none() | CERTIFICATES),
        static_prefix=draw(st.none() | st.just("/tools/mlflow")),
        authentication=draw(st.none() | st.just(BasicAuth())),
        garbage_collection=draw(st.none() | st.just(GarbageCollection())),
        network_policy=draw(st.sampled_from([None, NetworkPolicy(), NetworkPolicy(clients=[NamespacePeer("a")])])),
    )


# --- What is wrong, or odd, in any place -------------------------------------------------------------------

ODD: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    1,
    65536,
    1.5,
    float("nan"),
    "",
    " ",
    "x",
    "X",
    "ünï",
    "a\nb",
    "a\u2028b",
    "$(HOME)",
    "$$",
    "*",
    "**",
    ".",
    "/",
    "-",
    "a" * 64,
    "1e3",
    "1Gi",
    "10.0.0.0/8",
    "::/0",
    "http://x",
    "https://[::1]:5000",
    f"https://u:{SECRET}@h",
    f"postgresql://u:{SECRET}@h/d",
    b"x",
    [],
    (),
    ["x"],
    ("x", "x"),
    [None],
    {},
    {"a": "b"},
    {"name": "A"},
    {"a": None},
    {1: 2},
    {"x"},
    object(),
    timedelta(0),
    timedelta(days=-1),
    timedelta(days=10**6),
    timedelta(microseconds=1),
    SQLite,
    SQLite(),
    VolumeClaim(),
    FixedReplicas(2),
    ExistingSecret("a", "b"),
    InlineSecret(SECRET),
    MlflowProps(),
]

Path = tuple[str | int, ...]


def places(value: object, path: Path = ()) -> Iterator[Path]:
    """Return the place of every field and item below some props."""
    if path:
        yield path
    kind: Any = type(value)
    if attrs.has(kind):
        for field in attrs.fields(kind):
            yield from places(getattr(value, field.name), (*path, field.name))
    elif isinstance(value, tuple | list):
        for index, item in enumerate(value):
            yield from places(item, (*path, index))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*path, key))


def replaced(value: Any, path: Path, new: object) -> Any:
    """Return the value with another one in its place."""
    if not path:
        return new
    first, rest = path[0], path[1:]
    if isinstance(value, tuple | list):
        return tuple(replaced(item, rest, new) if index == first else item for index, item in enumerate(value))
    if isinstance(value, dict):
        return {key: replaced(item, rest, new) if key == first else item for key, item in value.items()}
    return attrs.evolve(value, **{str(first): replaced(getattr(value, str(first)), rest, new)})


PLACES = {name: list(places(props)) for name, props in VARIANTS.items()}


@st.composite
def spoiled(draw: st.DrawFn) -> MlflowProps:
    """Return the props of a variant with something odd in one or two places."""
    name = draw(st.sampled_from(sorted(VARIANTS)))
    props: MlflowProps = VARIANTS[name]
    for _ in range(draw(st.integers(1, 2))):
        path = draw(st.sampled_from(PLACES[name]))
        try:
            props = replaced(props, path, draw(st.sampled_from(ODD)))
        except (TypeError, AttributeError, KeyError, IndexError):
            # The first oddity left no such place for the second.
            break
    return props


# --- The promise -------------------------------------------------------------------------------------------


def refusal(props: MlflowProps) -> str | None:
    """Return why the props are refused; None if they are not."""
    try:
        render(props)
    except InvalidProps as error:
        return str(error)
    return None


TRIED: Counter[str] = Counter()
"""What became of the props of the running test."""


@pytest.fixture(autouse=True)
def _counted(request: pytest.FixtureRequest) -> Iterator[None]:
    """Record how many props kept the promise, if it was thousands that were asked for."""
    TRIED.clear()
    yield
    if "FUZZ_EXAMPLES" in os.environ and TRIED["tried"] and TRIED["tried"] == TRIED["taken"] + TRIED["refused"]:
        record("inputs", request.node.name.removeprefix("test_").replace("_", " "), TRIED)


def keeps_the_promise(props: MlflowProps) -> None:
    """Check that props become valid objects or our own error, which shows no secret."""
    TRIED["tried"] += 1
    message = refusal(props)
    if message is not None:
        event("refused")
        assert SECRET not in message
        assert INLINE_VALUE not in message
        TRIED["refused"] += 1
        return
    event("rendered")
    release = render(props)
    assert broken_invariants(release) == {}
    assert [found for item in release.objects for found in schema_errors(item, SCHEMA)] == []
    TRIED["taken"] += 1


@SETTINGS
@given(props=combinations())
def test_any_combination_becomes_valid_objects_or_our_own_error(props: MlflowProps) -> None:
    """Parts that are right by themselves."""
    keeps_the_promise(props)


@settings(SETTINGS, max_examples=EXAMPLES * 2 // 5)
@given(props=doors())
def test_any_doors_beside_one_another_become_valid_objects_or_our_own_error(props: MlflowProps) -> None:
    """Services, Ingresses, routes, certificates and logins, whatever their number."""
    keeps_the_promise(props)


@SETTINGS
@given(props=spoiled())
def test_anything_odd_anywhere_becomes_valid_objects_or_our_own_error(props: MlflowProps) -> None:
    """Never a traceback of ours or of jsii, and never an object that the API server would refuse."""
    keeps_the_promise(props)


def test_rejects_most_of_what_is_odd() -> None:
    """The odd values are odd: the test above would say little if everything were taken."""
    taken = [value for value in ODD if refusal(MlflowProps(static_prefix=value, workers=value)) is None]
    assert taken == []
