"""A release that Helm has installed is taken over by `kubectl apply`, as docs/from-helm.md says."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from e2e.installation import Installation
from e2e.kubectl import Manifest, Pod, attempt, get, kubectl, objects, wait_until

from cdk8s_mlflow.from_helm import convert_values
from cdk8s_mlflow.yaml_text import mapping

from .conftest import PASSWORDS, Helm, served

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

HERE = Path(__file__).parent
PROGRAM = HERE.joinpath("client", "data.py").read_text(encoding="utf-8")
LOAD = HERE.parent.joinpath("client", "load.py").read_text(encoding="utf-8")
STOP = "/tmp/stop"  # noqa: S108 - in the pod


@attrs.frozen(kw_only=True)
class Case:
    """A chart, and what a take-over of it may cost."""

    chart: str
    port: int
    artifacts: str
    gap: bool
    """Whether requests fail while one writer gives its volume to the next."""

    @property
    def name(self) -> str:
        """The base of the object names."""
        return f"{self.chart}-mlflow"


CASES = [
    Case(chart="larribas", port=5000, artifacts="direct", gap=False),
    Case(chart="community", port=80, artifacts="direct", gap=False),
    Case(chart="official", port=5000, artifacts="proxied", gap=True),
]


@pytest.fixture(params=CASES, ids=lambda case: case.chart)
def case(request: pytest.FixtureRequest) -> Case:
    """Give each chart in turn."""
    found: Case = request.param
    return found


def values(case: Case, room: str, tmp_path: Path) -> Path:
    """Write the values of a release."""
    text = HERE.joinpath("values", f"{case.chart}.yaml").read_text(encoding="utf-8").replace("NAMESPACE", room)
    file = tmp_path / "values.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def kubectl_apply(*arguments: str, stdin: str) -> str:
    """Run `kubectl apply` on what is given; return what it says."""
    return kubectl("apply", *arguments, "-f", "-", stdin=stdin)


KINDS = "deployment,service,job,cronjob,pvc,serviceaccount,configmap,secret,networkpolicy,role,rolebinding"


def empty_database(room: str, name: str) -> None:
    """Make a database anew: an older image starts on no tables that an earlier take-over has migrated."""
    statements = (f'DROP DATABASE "{name}" WITH (FORCE)', f'CREATE DATABASE "{name}" OWNER "{name}"')
    words = [word for statement in statements for word in ("-c", statement)]
    kubectl("-n", room, "exec", "postgresql", "--", "psql", "postgresql://postgres:superuser@127.0.0.1", *words)


@pytest.fixture
def release(case: Case, room: str, helm: Helm, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Install a release, and take everything away afterwards."""
    if case.chart in PASSWORDS:
        request.getfixturevalue("databases")
        empty_database(room, case.chart)
    file = values(case, room, tmp_path)
    helm.install(case.chart, file)
    yield file
    label = f"app.kubernetes.io/instance={case.chart}"
    attempt("-n", room, "delete", KINDS, "-l", label)
    attempt("-n", room, "delete", "secret", "-l", f"owner=helm,name={case.chart}")


def ask(client: Pod, what: str, case: Case, room: str) -> Any:
    """Fill the server, or read it."""
    uri = f"http://{case.name}.{room}:{case.port}"
    return json.loads(client.execute("python", "-c", PROGRAM, what, uri, case.artifacts, timeout=300))


def ours(case: Case, room: str, file: Path) -> Installation:
    """Return what the values become."""
    given = mapping(file.read_text(encoding="utf-8"), "values.yaml")
    converted = convert_values(case.chart, given, release=case.chart, namespace=room)
    assert converted.failures == ()
    assert converted.commands == ()
    return Installation(room, case.name, converted.environment.mlflow)


def take_over(helm: Helm, case: Case, room: str, installation: Installation) -> str:
    """Do what docs/from-helm.md says; return what kubectl said."""
    manifest = helm.run("get", "manifest", case.chart)
    kubectl_apply("set-last-applied", "--create-annotation", "-n", room, stdin=manifest)
    return kubectl_apply(stdin=items_of(installation))


def items_of(installation: Installation) -> str:
    """Return the objects as one document."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": served(installation.manifests())})


def identities(case: Case, room: str) -> dict[str, str]:
    """Return the identity of what must not be made anew."""
    kinds = {"deployment": case.name, "service": case.name, "serviceaccount": case.name}
    found = {kind: str(get(kind, name, room)["metadata"]["uid"]) for kind, name in kinds.items()}
    claims = objects("persistentvolumeclaims", room, f"app.kubernetes.io/instance={case.chart}")
    return found | {item["metadata"]["name"]: item["metadata"]["uid"] for item in claims}


def server_pods(room: str, service: Manifest) -> list[Manifest]:
    """Return the pods that the Service finds."""
    return objects("pods", room, ",".join(f"{key}={value}" for key, value in service["spec"]["selector"].items()))


def components(room: str, service: Manifest) -> set[str | None]:
    """Return what the pods behind the Service call themselves; those of the charts call themselves nothing."""
    return {pod["metadata"]["labels"].get("app.kubernetes.io/component") for pod in server_pods(room, service)}


def test_a_release_goes_on_under_our_objects(case: Case, room: str, helm: Helm, client: Pod, release: Path) -> None:
    """All data, the same objects, no request that fails for our pods' sake; then Helm forgets, and nothing goes."""
    before, same = ask(client, "fill", case, room), identities(case, room)
    address = get("service", case.name, room)["spec"]["clusterIP"]
    installation = ours(case, room, release)
    client.execute("rm", "-f", STOP)
    load = client.start("python", "-c", LOAD, f"http://{case.name}.{room}:{case.port}", STOP)
    try:
        said = take_over(helm, case, room, installation)
        installation.wait(600)
    finally:
        client.execute("touch", STOP)
        output, problems = load.communicate(timeout=120)
    outcome = json.loads(output.splitlines()[-1]) if output else {"problems": problems}
    shown = {key: value if key != "failures" else value[:5] for key, value in outcome.items()}
    logging.getLogger(__name__).warning("%s: %s\n%s", case.chart, shown, said)

    assert ask(client, "read", case, room) == before
    assert identities(case, room).items() >= same.items()
    service = get("service", case.name, room)
    assert service["spec"]["clusterIP"] == address
    # The old pod still ends, with the grace that its chart gave it.
    wait_until("only our pods are behind the Service", lambda: components(room, service) == {"server"}, 120)
    [container] = get("deployment", case.name, room)["spec"]["template"]["spec"]["containers"]
    assert [port["containerPort"] for port in container["ports"]] == [5000]
    assert not {item["name"] for item in container["env"]} & {"SECRET_PASSWORD"}
    if not case.gap:
        assert [
            text for text in outcome["failures"] if "refused" in text or "timed out" in text or "reset" in text
        ] == []
    # Helm still believes that the release is its own; its memory is one Secret for each revision.
    assert case.chart in helm.releases()
    kubectl("-n", room, "delete", "secret", "-l", f"owner=helm,name={case.chart}")
    assert case.chart not in helm.releases()
    assert identities(case, room).items() >= same.items()
    assert ask(client, "read", case, room) == before


def test_no_second_apply_changes_anything(case: Case, room: str, helm: Helm, client: Pod, release: Path) -> None:
    """What Helm wrote and we do not is gone: `kubectl diff` finds nothing after the take-over."""
    del client
    installation = ours(case, room, release)
    take_over(helm, case, room, installation)
    installation.wait(600)
    difference = attempt("diff", "-f", "-", stdin=items_of(installation))
    assert difference.stdout == ""
    kubectl("-n", room, "delete", "secret", "-l", f"owner=helm,name={case.chart}")
