"""A rolling update from MLflow 3.16 to 3.17, whose schemas differ: what the old pods do meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import quote

import attrs
import pytest
from e2e.installation import USED, Installation, applied, release, use
from e2e.kubectl import CommandFailed, Pod, apply_manifests, attempt, container_statuses, get, kubectl, pods, wait_until
from e2e.manifests import secret
from e2e.results import record
from e2e.servers import PostgreSQLServer

from cdk8s_mlflow import DatabaseUri, ExistingSecret, FixedReplicas, Image, MlflowProps

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PASSWORD = "p@s/s%41"
OLD_TAG = "v3.16.1-full"
"""From the cluster kit: `MLFLOW_VERSION=3.16.1 ../shared/cluster/images mlflow`."""


@attrs.frozen
class Update:
    """A rolling update that was stopped once the first new pod was ready, beside two old ones."""

    old: Installation
    new: Installation
    old_pods: list[Pod]


@pytest.fixture(scope="module")
def update(main: str, client: Pod, postgres: PostgreSQLServer) -> Iterator[Update]:
    """Start 3.16, use the first of its pods, update to 3.17, and hold that in the middle."""
    uri = f"postgresql+psycopg2://versions:{quote(PASSWORD, safe='')}@postgresql/versions"
    apply_manifests([secret(main, "versions", {"uri": uri})])
    postgres.make_database("versions", "versions", PASSWORD)
    store = DatabaseUri(uri=ExistingSecret("versions", "uri"), engine="postgresql")
    props = MlflowProps(backend_store=store, scaling=FixedReplicas(2))
    new = release(main, "versions", props)
    old = release(main, "versions", attrs.evolve(props, image=Image(tag=OLD_TAG)))
    with applied(old):
        old.wait()
        before = old.pods()
        assert use_at(client, before[0]) == USED
        new.apply()
        kubectl("-n", main, "rollout", "pause", "deployment/versions")
        wait_until("a ready pod of 3.17", lambda: len(old.pods()) == 3 and ready(newcomer(old, before)), 180)
        yield Update(old, new, before)


def newcomer(release: Installation, before: list[Pod]) -> Pod:
    """Return the pod that was not there before."""
    [found] = [pod for pod in release.pods() if pod not in before]
    return found


def ready(pod: Pod) -> bool:
    """Say whether a pod is ready."""
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod.status().get("conditions", []))


def test_an_old_pod_in_use_serves_on_after_the_migration(
    update: Update, client: Pod, postgres: PostgreSQLServer
) -> None:
    """The schema is the new one already; a run that is logged to the old pod is read back from it."""
    [revision] = postgres.sql("SELECT version_num FROM alembic_version", database="versions")
    assert revision in update.new.logs("migrate")
    assert use_at(client, update.old_pods[0]) == USED


def test_an_old_pod_not_yet_in_use_answers_500(update: Update, client: Pod) -> None:
    """MLflow opens its store at a process' first request, and refuses a newer schema then: known, and documented."""
    with pytest.raises(CommandFailed, match="too many 500 error responses"):
        use_at(client, update.old_pods[1])


def use_at(client: Pod, pod: Pod) -> object:
    """Log to one pod and read back."""
    return next(iter(use(client, attrs.evolve(PLACE, name=pod.status()["podIP"])).values()))


@attrs.frozen
class Address(Installation):
    """A pod as if it were a release, by its address."""

    @property
    def uri(self) -> str:
        """The tracking URI of the pod."""
        return f"http://{self.name}:5000"


PLACE = Address("", "", MlflowProps())


def test_an_old_container_that_restarts_refuses_and_says_why(update: Update) -> None:
    """MLflow itself refuses the newer schema; the pod leaves the Service and the others serve on."""
    pod = update.old_pods[0]
    pod.attempt("sh", "-c", "kill 1", container="mlflow")
    wait_until("the restarted container to end", lambda: ended(pod), 180)
    said = attempt("-n", pod.namespace, "logs", pod.name, "-c", "mlflow", "--previous").stdout
    now = attempt("-n", pod.namespace, "logs", pod.name, "-c", "mlflow").stdout
    print(said, now)  # noqa: T201 - for the page on upgrades
    assert "out-of-date database schema" in said + now
    assert not ready(pod)


def ended(pod: Pod) -> bool:
    """Say whether the server's container has ended twice: once killed, once by itself."""
    [state] = [state for state in container_statuses(pod) if state["name"] == "mlflow"]
    return bool(state["restartCount"] >= 1 and "running" not in state["state"] and state["lastState"]) and (
        state["restartCount"] >= 2 or state["state"].get("waiting", {}).get("reason") == "CrashLoopBackOff"
    )


def test_an_old_pod_that_is_made_anew_says_what_to_do(update: Update, main: str) -> None:
    """Its migration knows that there is no way back, and says which image to deploy."""
    known = update.old.pods()
    kubectl("-n", main, "delete", "pod", update.old_pods[1].name, "--grace-period=1")
    wait_until("another old pod", lambda: any(pod not in known for pod in update.old.pods()))
    made = next(pod for pod in update.old.pods() if pod not in known)
    assert get("pod", made.name, main)["spec"]["containers"][0]["image"].endswith(OLD_TAG)
    last = attrs.evolve(update.old, name=update.old.name).last_words(120)[-1]
    print(last)  # noqa: T201 - for the page on upgrades
    assert "a newer MLflow has migrated it, and there is no way back" in last
    healed = "never: refuses to start, and says to deploy the newer image or to restore the backup"
    record("faults", "the image is rolled back after a migration", {"lost": "nothing", "healed": healed})


def test_the_update_completes(update: Update, client: Pod, main: str) -> None:
    """With 3.17 everywhere all is well, and whatever was logged is there."""
    kubectl("-n", main, "rollout", "resume", "deployment/versions")
    update.new.wait()
    update.new.assert_calm()
    assert use(client, update.new)["versions"] == USED
    images = [get("pod", pod.name, main)["spec"]["containers"][0]["image"] for pod in pods(main, update.new.selector)]
    assert json.dumps(images).count("v3.17.2") == 2
    healed = "the update completes; meanwhile an old pod that was not in use yet answers 500"
    record("faults", "two versions at once, 3.16 and 3.17", {"lost": "nothing", "healed": healed})
