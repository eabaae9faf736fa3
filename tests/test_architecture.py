"""How the code is laid out: who may import whom, and that a new store or source is one class in one place."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from invariants import broken_invariants
from releases import env_of, render
from schemas import schema_errors
from variants import KEYS, MINIO, POSTGRESQL

import cdk8s_mlflow
from cdk8s_mlflow import Endpoint, MlflowProps
from cdk8s_mlflow.needs import (
    DatabaseAccess,
    EnvVar,
    KeyKind,
    MigrationDialect,
    Needs,
    SecretSource,
    SecretUse,
    SuppliedSecret,
)
from cdk8s_mlflow.volumes import SecretKey

PACKAGE = Path(cdk8s_mlflow.__file__).parent
ROOT = PACKAGE.parents[1]

LAYERS: tuple[tuple[str, ...], ...] = (
    # what a value may be, and what a part answers with
    ("frozen",),
    ("values", "_version", "failures"),
    ("schedules",),
    ("peers", "volumes", "kubernetes", "images"),
    ("pod_shapes",),
    ("needs",),
    ("container",),
    ("guards",),
    # what the user chooses from
    ("secrets", "sidecars", "redis", "http_proxy"),
    ("ai_gateway",),
    ("exposure", "scaling", "connections", "observability", "workspaces", "adoption"),
    ("backend_store", "artifact_store", "job_queue"),
    ("operations", "authentication", "server_tls"),
    ("props",),
    # what is decided
    ("naming", "pod_security", "value_checks"),
    ("stores", "network", "credentials", "checks"),
    ("release", "doors"),
    ("jobs", "logs"),
    ("pods", "programs", "notices"),
    ("callers",),
    ("maintenance",),
    ("watched",),
    ("alerts", "dashboard"),
    ("watching",),
    ("plan",),
    # what is written
    ("helm_templates",),
    ("resources",),
    ("manifests", "node", "summary"),
    ("mlflow", "environments"),
    ("charts",),
    # the command line, which reads and writes all of it as text
    ("yaml_text", "table", "source"),
    ("from_helm", "project", "values_files"),
    ("command_line",),
)
"""Every module or folder; it may import those of earlier lines and of its own."""

LAZILY = {("environments.py", "charts")}
"""Imports inside a function, which run only once everything was checked."""

JSII = {"cdk8s", "constructs", "cdk8s_plus_27", "cdk8s_mlflow_crds", "jsii"}
MAY_LOAD_JSII = {"mlflow.py", "charts.py", "resources/emit.py"}


def sources() -> Iterator[tuple[str, ast.Module]]:
    """Return every module of the package, but for the scripts of the pods."""
    for file in sorted(PACKAGE.rglob("*.py")):
        name = file.relative_to(PACKAGE).as_posix()
        if not name.startswith("scripts/") and name != "__init__.py":
            yield name, ast.parse(file.read_text(encoding="utf-8"))


def imports(tree: ast.Module) -> Iterator[str]:
    """Return every module that a module imports, anywhere in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield f"{node.module}.{node.names[0].name}" if node.module == "cdk8s_mlflow" else str(node.module)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def layer_of(part: str) -> int:
    """Return the line of a module or folder."""
    return next(index for index, layer in enumerate(LAYERS) if part in layer)


def part_of(name: str) -> str:
    """Return the module or folder of a file: ``plan``, ``resources``."""
    return name.partition("/")[0].removesuffix(".py")


def test_every_module_has_its_place() -> None:
    """A new one is put into a line on purpose."""
    found = {part_of(name) for name, _ in sources()}
    placed = {part for layer in LAYERS for part in layer}
    assert found == placed


@pytest.mark.parametrize(("name", "tree"), list(sources()), ids=[name for name, _ in sources()])
def test_a_module_imports_only_what_comes_before_it(name: str, tree: ast.Module) -> None:
    """Props know no plan, plans know no builder, builders know no construct."""
    own = [item.split(".")[1] for item in imports(tree) if item.startswith("cdk8s_mlflow.")]
    later = {(name, item) for item in own if layer_of(item) > layer_of(part_of(name))}
    assert later <= LAZILY


@pytest.mark.parametrize(("name", "tree"), list(sources()), ids=[name for name, _ in sources()])
def test_only_the_construct_the_app_and_emit_know_cdk8s(name: str, tree: ast.Module) -> None:
    """Everything else is plain Python, and needs no Node."""
    used = {item.partition(".")[0] for item in imports(tree)} & JSII
    assert not used or name in MAY_LOAD_JSII


@pytest.mark.parametrize(
    "name",
    [
        "backup",
        "generate_secrets",
        "launch",
        "ldap_login",
        "migrate",
        "mlflow_login",
        "prepare",
        "serve_metrics",
        "server_logs",
        "server_stop",
        "smoke_test",
    ],
)
def test_a_script_of_the_pods_needs_nothing_of_ours(name: str) -> None:
    """It runs alone, with the standard library and what MLflow's image has."""
    tree = ast.parse((PACKAGE / "scripts" / f"{name}.py").read_text(encoding="utf-8"))
    assert not [item for item in imports(tree) if item.startswith("cdk8s_mlflow")]
    at_the_top = {
        item.partition(".")[0]
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for item in imports(ast.Module(body=[node], type_ignores=[]))
    }
    assert not at_the_top & {"sqlalchemy", "mlflow", "certifi", "flask", "ldap3", "prometheus_client", "uvicorn"}


def test_the_source_roots_are_no_packages() -> None:
    """An __init__.py in constructs/ would shadow the PyPI package of that name."""
    assert not (ROOT / "constructs" / "__init__.py").exists()
    assert not (ROOT / "imports" / "__init__.py").exists()


def test_no_module_has_a_name_that_says_nothing() -> None:
    """Nobody would know what belongs into it."""
    stems = {Path(name).stem for name, _ in sources()}
    assert not stems & {"utils", "util", "helpers", "helper", "common", "misc", "config", "manager", "base", "core"}
    classes = re.findall(
        r"^class (\w*(?:Manager|Helper|Utils?|Config|Configuration))\b",
        "\n".join(file.read_text(encoding="utf-8") for file in PACKAGE.rglob("*.py")),
        re.MULTILINE,
    )
    assert classes == []


def test_no_builder_asks_for_types_props_or_defaults() -> None:
    """It writes the plan down: what is absent was decided before."""
    for name, tree in sources():
        if name.startswith("resources/"):
            names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
            assert not names & {"props", "MlflowProps", "getattr", "hasattr"}, name


# --- From outside the package ------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class CockroachDB:
    """A database engine that the package does not know."""

    host: str
    password: SecretSource

    @property
    def migration(self) -> MigrationDialect:
        """Its lock, and what its errors mean."""
        return MigrationDialect(try_lock="SELECT true", causes={"oops": "try again"})

    def access(self, role: str, *, alone: bool) -> DatabaseAccess:
        """Return a URI and what goes with it."""
        del alone
        return DatabaseAccess(
            uri="cockroachdb://",
            needs=Needs(
                env=(EnvVar("COCKROACH_PASSWORD", SecretUse(f"{role}-password", self.password)),),
                egress=(Endpoint(port=26257),),
            ),
        )


@attrs.frozen(kw_only=True)
class Ceph:
    """An artifact store that the package does not know."""

    pool: str
    reachable_by_clients = False
    spools = True
    signs = False
    presigns = False

    @property
    def uri(self) -> str:
        """Where artifacts are."""
        return f"rados://{self.pool}"

    def needs(self) -> Needs:
        """Return a variable and a port."""
        return Needs(env=(EnvVar("CEPH_POOL", self.pool),), egress=(Endpoint(port=6789),))

    @property
    def egress(self) -> tuple[Endpoint, ...]:
        """The same port, for the invariants."""
        return (Endpoint(port=6789),)


@attrs.frozen
class SealedSecret:
    """A secret source that the package does not know: it brings an object along."""

    encrypted: str

    def supply(self, name: str, kind: KeyKind) -> SuppliedSecret:
        """Return an object of an operator that makes the Secret."""
        sealed = {
            "apiVersion": "bitnami.com/v1alpha1",
            "kind": "SealedSecret",
            "metadata": {"name": name},
            "spec": {"encryptedData": {kind: self.encrypted}},
        }
        return SuppliedSecret(reference=SecretKey(name, kind), objects=(sealed,))


def test_a_backend_store_from_outside_works_end_to_end() -> None:
    """One class: variables, migration and network policy follow."""
    store = CockroachDB(host="db", password=KEYS["crypto_kek_passphrase"])
    release = render(MlflowProps(backend_store=store, artifact_store=MINIO))
    env = env_of(release.server)
    assert env["MLFLOW_BACKEND_STORE_URI"] == "cockroachdb://"
    assert env["COCKROACH_PASSWORD"] == ("mlflow-keys", "kek-passphrase")
    assert '"try_lock": "SELECT true"' in release.one("ConfigMap", "mlflow-files")["data"]["migrate.json"]
    ports = [rule["ports"][0]["port"] for rule in release.one("NetworkPolicy", "mlflow-server")["spec"]["egress"]]
    assert 26257 in ports
    assert release.one("Deployment")["spec"]["strategy"]["type"] == "RollingUpdate"
    assert set(broken_invariants(release)) <= {"egress"}


def test_an_artifact_store_from_outside_works_end_to_end() -> None:
    """One class: destination, scratch space and network policy follow."""
    release = render(MlflowProps(backend_store=POSTGRESQL, artifact_store=Ceph(pool="mlflow")))
    env = env_of(release.server)
    assert env["MLFLOW_ARTIFACTS_DESTINATION"] == "rados://mlflow"
    assert env["CEPH_POOL"] == "mlflow"
    assert {"name": "tmp", "emptyDir": {"sizeLimit": "8704Mi"}} in release.pod["volumes"]
    assert broken_invariants(release) == {}
    assert [error for item in release.objects for error in schema_errors(item, "1.27")] == []


def test_a_secret_source_from_outside_works_end_to_end() -> None:
    """One class: the object is rendered with our labels, and the container reads its Secret."""
    release = render(MlflowProps(crypto_kek_passphrase=SealedSecret("x")))
    sealed = release.one("SealedSecret")
    assert sealed["metadata"]["name"] == "mlflow-crypto-kek-passphrase"
    assert sealed["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "cdk8s-mlflow"
    assert env_of(release.server)["MLFLOW_CRYPTO_KEK_PASSPHRASE"] == ("mlflow-crypto-kek-passphrase", "passphrase")


def test_rejects_a_value_of_a_store_from_outside_in_our_own_way() -> None:
    """Its ValueError is among the failures."""

    @attrs.frozen
    class Broken(Ceph):
        def needs(self) -> Needs:
            message = "Ceph.pool: must not be called broken (got 'broken'); choose another name"
            raise ValueError(message)

    with pytest.raises(cdk8s_mlflow.InvalidProps, match="must not be called broken"):
        render(MlflowProps(backend_store=POSTGRESQL, artifact_store=Broken(pool="broken")))
