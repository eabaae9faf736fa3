"""What GitOps tools do all day: they compare what is in Git with what is in the cluster, and apply it again."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from e2e.installation import Installation, applied
from e2e.kubectl import Manifest, apply_manifests, attempt, get, kubectl, objects, wait_for_pods, wait_until
from e2e.manifests import secret
from e2e.room import own_namespace
from e2e.servers import PostgreSQLServer, postgresql
from go_programs import module_folder
from releases import render
from variants import VARIANTS, on_postgresql

from cdk8s_mlflow import (
    ArtifactVolume,
    Autoscaling,
    ExistingSecret,
    FixedReplicas,
    MlflowProps,
    PostgreSQL,
    SmokeTest,
    VolumeClaim,
)

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

NAMESPACE = "gitops"
PAGE = Path(__file__).parents[3] / "docs" / "gitops.md"
DEFINITIONS = {
    "github.com/argoproj/argo-cd/v3@v3.4.5": ("manifests/crds/application-crd.yaml",),
    "github.com/fluxcd/kustomize-controller@v1.9.0": (
        "config/crd/bases/kustomize.toolkit.fluxcd.io_kustomizations.yaml",
    ),
    "github.com/fluxcd/source-controller@v1.9.0": ("config/crd/bases/source.toolkit.fluxcd.io_gitrepositories.yaml",),
}
"""Where the tools' own definitions are published, as Go modules."""


@pytest.fixture(scope="module")
def room(request: pytest.FixtureRequest) -> Iterator[str]:
    """Make the namespace."""
    yield from own_namespace(NAMESPACE, request)


def listed(items: list[Manifest]) -> str:
    """Return objects as one document."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


# --- The tools' own objects --------------------------------------------------------------------------------


def definition(module: str, path: str) -> Manifest:
    """Return a definition out of a Go module."""
    try:
        folder = module_folder(module)
    except AssertionError as error:
        pytest.skip(str(error))
    found: Manifest = yaml.safe_load(folder.joinpath(path).read_text(encoding="utf-8"))
    return found


@pytest.fixture
def definitions() -> Iterator[None]:
    """Add the definitions of Argo CD and Flux that the cluster lacks, for as long as the test lasts."""
    if shutil.which("go") is None:
        pytest.skip("there is no go, which would fetch the definitions")
    with ExitStack() as made:
        for module, paths in DEFINITIONS.items():
            for item in (definition(module, path) for path in paths):
                name = item["metadata"]["name"]
                if attempt("get", "crd", name).returncode != 0:
                    kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(item))
                    made.callback(kubectl, "delete", "crd", name)
                wait_until(f"{name} is served", partial(_is_served, name))
        yield


def _is_served(name: str) -> bool:
    return attempt("get", name).returncode == 0


def examples() -> list[Manifest]:
    """Return the objects of the page's YAML."""
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    found = [item for block in blocks for item in yaml.safe_load_all(block)]
    return [item for item in found if "apiVersion" in item and item["kind"] != "Mlflow"]


def test_the_examples_are_what_argo_cd_and_flux_define(room: str, definitions: None) -> None:  # noqa: ARG001 - asked for its effect
    """No field is unknown, missing or of another type."""
    items = examples()
    assert {item["kind"] for item in items} == {"Application", "GitRepository", "Kustomization"}
    for item in items:
        item["metadata"]["namespace"] = room
    done = attempt("create", "--dry-run=server", "--validate=strict", "-f", "-", stdin=listed(items), timeout=300)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


def test_a_wrong_example_would_be_noticed(room: str, definitions: None) -> None:  # noqa: ARG001 - asked for its effect
    """Or the test above would say nothing."""
    for item in examples():
        item["metadata"]["namespace"] = room
        item["spec"]["prunes"] = True
        done = attempt("create", "--dry-run=server", "--validate=strict", "-f", "-", stdin=json.dumps(item))
        assert done.returncode != 0, item["kind"]


# --- What is in Git, and what is in the cluster ------------------------------------------------------------


def changed(sent: Any, kept: Any, path: str = "") -> Iterator[str]:
    """Yield where the API server keeps something else than it was sent; what it adds is a default."""
    if isinstance(sent, dict) and isinstance(kept, dict):
        for key in sent.keys() - {"stringData"}:  # of a Secret, which keeps it in base64; kubectl and tools know that
            yield from changed(sent[key], kept.get(key), f"{path}.{key}")
    elif isinstance(sent, list) and isinstance(kept, list) and len(sent) == len(kept):
        for index, (mine, theirs) in enumerate(zip(sent, kept, strict=True)):
            yield from changed(mine, theirs, f"{path}[{index}]")
    elif sent != kept:
        yield f"{path}: {sent!r} became {kept!r}"


def answers(text: str) -> Iterator[Manifest]:
    """Yield the objects that kubectl prints one after the other."""
    decoder, text = json.JSONDecoder(), text.strip()
    while text:
        item, end = decoder.raw_decode(text)
        yield from item["items"] if item["kind"] == "List" else [item]
        text = text[end:].strip()


def test_the_api_server_keeps_what_it_is_sent(room: str) -> None:
    """A quantity in other words, or an empty list that is dropped, would be a difference for ever."""
    known = kubectl("api-resources", "--no-headers").splitlines()
    kinds = {line.split()[-1] for line in known}
    sent: list[Manifest] = []
    for number, props in enumerate(VARIANTS.values()):
        made = render(props, name=f"v{number}", namespace=room).objects
        sent += [item for item in made if item["kind"] in kinds and item["metadata"].get("namespace", room) == room]
    for item in sent:
        item["metadata"]["namespace"] = room
    seen: dict[tuple[str, str], Manifest] = {(item["kind"], item["metadata"]["name"]): item for item in sent}
    text = kubectl(
        "create", "--dry-run=server", "-o", "json", "-f", "-", stdin=listed(list(seen.values())), timeout=900
    )
    kept = {(item["kind"], item["metadata"]["name"]): item for item in answers(text)}
    assert kept.keys() == seen.keys()
    assert [f"{key}{line}" for key, item in seen.items() for line in changed(item, kept[key])] == []


@pytest.fixture(scope="module")
def server(room: str) -> Iterator[Installation]:
    """Start a server that scales, on a database, with keys that a Job makes and with a suspended CronJob."""
    apply_manifests([*postgresql(room), secret(room, "database", {"password": "s3cret"})])
    wait_for_pods(room, "postgresql")
    PostgreSQLServer(room).make_database("mlflow", "mlflow", "s3cret")
    props = MlflowProps(
        backend_store=PostgreSQL(host="postgresql", user="mlflow", password=ExistingSecret("database", "password")),
        artifact_store=ArtifactVolume(volume=VolumeClaim(name="shared", access_modes=["ReadWriteMany"])),
        # Whatever a server does is more than that.
        scaling=Autoscaling(min_replicas=1, max_replicas=2, average_cpu="1m"),
        smoke_test=SmokeTest(),
    )
    release = Installation(room, "mlflow", props)
    with applied(release):
        yield release


def replicas(release: Installation) -> int:
    """Return what the Deployment says now."""
    return int(get("deployment", release.name, release.namespace)["spec"]["replicas"])


def test_nothing_differs_after_the_autoscaler_and_the_job_have_worked(server: Installation) -> None:
    """With kubectl's own way of applying, which is Argo CD's, and the server's, which is Flux's."""
    if attempt("get", "--raw", "/apis/metrics.k8s.io/v1beta1").returncode != 0:
        pytest.skip("there is no metrics-server, so nothing scales")
    server.wait()
    wait_until("the autoscaler has made it two", lambda: replicas(server) == 2, timeout=300)
    server.wait()
    [job] = [item["metadata"]["name"] for item in server.manifests() if item["kind"] == "Job"]
    kubectl("-n", server.namespace, "wait", "--for=condition=Complete", f"job/{job}", "--timeout=120s")
    generated = {item["metadata"]["name"]: item["data"] for item in objects("secrets", server.namespace)}
    pods = {pod.name for pod in server.pods()}

    text = listed(server.manifests())
    of_flux = ("--server-side", "--field-manager=kustomize-controller", "--force-conflicts")
    for flags in ((), of_flux):
        differs = attempt("diff", *flags, "-f", "-", stdin=text, timeout=300)
        assert (differs.returncode, differs.stdout) == (0, ""), differs.stdout + differs.stderr
        kubectl("apply", *flags, "-f", "-", stdin=text, timeout=300)
        differs = attempt("diff", *flags, "-f", "-", stdin=text, timeout=300)
        assert (differs.returncode, differs.stdout) == (0, ""), differs.stdout + differs.stderr

    assert replicas(server) == 2
    assert {pod.name for pod in server.pods()} == pods
    server.assert_calm()
    now = {item["metadata"]["name"]: item["data"] for item in objects("secrets", server.namespace)}
    assert now == generated


def test_no_label_of_a_tool_selects_the_generated_secrets(server: Installation) -> None:
    """What a tool does not know it does not prune: neither our labels, nor an owner, nor a tracking annotation."""
    server.wait()
    found = {item["metadata"]["name"]: item["metadata"] for item in objects("secrets", server.namespace)}
    for name in ("mlflow-crypto-kek-passphrase", "mlflow-webhook-encryption-key"):
        assert not {"labels", "ownerReferences"} & set(found[name]), found[name]
        assert set(found[name]["annotations"]) == {"cdk8s-mlflow/generated"}


@pytest.mark.parametrize(("forgotten", "left"), [(True, 2), (False, 1)], ids=["as the page says", "at once"])
def test_from_a_fixed_number_to_an_autoscaler(room: str, forgotten: bool, left: int) -> None:
    """A number that leaves the file falls to one, unless kubectl has forgotten first that it was there."""
    fixed, free = (
        next(item for item in Installation(room, "moved", props).manifests() if item["kind"] == "Deployment")
        for props in (on_postgresql(scaling=FixedReplicas(2)), on_postgresql(scaling=Autoscaling()))
    )
    for item in (fixed, free):
        # The Deployment alone, and no pod of it.
        item["spec"]["paused"] = True
        item["spec"]["template"]["spec"]["serviceAccountName"] = "nobody"
    kubectl("-n", room, "delete", "deployment", "moved", "--ignore-not-found")
    kubectl("apply", "-f", "-", stdin=json.dumps(fixed))
    if forgotten:
        last = json.loads(kubectl("-n", room, "apply", "view-last-applied", "deployment/moved", "-o", "json"))
        del last["spec"]["replicas"]
        kubectl("apply", "set-last-applied", "-f", "-", stdin=json.dumps(last))
    kubectl("apply", "-f", "-", stdin=json.dumps(free))
    assert get("deployment", "moved", room)["spec"]["replicas"] == left
    kubectl("-n", room, "delete", "deployment", "moved")
