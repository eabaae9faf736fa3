"""Applying what ``cdk8s synth`` wrote: the pods come up at once, and applying again changes nothing."""

from __future__ import annotations

import re

import pytest

from .environments import Environment, Start
from .kubectl import Manifest, apply, attempt, get

pytestmark = pytest.mark.e2e


def test_becomes_ready_without_a_restart(environment: Environment, started: dict[str, Start]) -> None:
    """All environments start together on empty stores, and no container, init container or Job needs a second try."""
    statuses = started[environment.name].statuses
    generating = len(environment.all("Job"))
    assert len(statuses) == environment.one("Deployment")["spec"]["replicas"] + generating
    restarts = {pod: sum(state["restartCount"] for state in states) for pod, states in statuses.items()}
    assert not any(restarts.values()), restarts


def test_one_pod_migrates_and_the_others_wait(environment: Environment, started: dict[str, Start]) -> None:
    """Of the replicas that meet an empty database, one alone creates the tables."""
    logs = [log for log in started[environment.name].logs.values() if "migrate: backend-store" in log]
    assert len(logs) == environment.one("Deployment")["spec"]["replicas"]
    # Where there is a login, its tables are a database of their own to the migration, which another pod may take.
    creations = [re.findall(r"migrate: ([\w-]+): from revision none \(empty\) to", log) for log in logs]
    made = [name for names in creations for name in names]
    assert "backend-store" in made, logs
    assert len(made) == len(set(made)), logs


def test_apply_again_changes_nothing(environment: Environment) -> None:
    """A second ``kubectl apply`` finds every object unchanged.

    Of a disruption budget it says "configured" always, since that API wants selectors replaced as a whole.
    """
    budgets = environment.all("PodDisruptionBudget")
    before = generations(budgets)
    lines = apply(environment.file)
    assert len(lines) == len(environment.manifests)
    changed = [line for line in lines if not line.endswith(" unchanged")]
    assert changed == [f"poddisruptionbudget.policy/{budget['metadata']['name']} configured" for budget in budgets]
    assert generations(budgets) == before


def test_diff_after_apply_is_empty(environment: Environment) -> None:
    """Nothing that the API server defaults or rewrites differs from the manifests."""
    done = attempt("diff", "-f", str(environment.file))
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def generations(manifests: list[Manifest]) -> list[int]:
    """Return how often each object's specification changed."""
    return [
        get(m["kind"], m["metadata"]["name"], m["metadata"]["namespace"])["metadata"]["generation"] for m in manifests
    ]
