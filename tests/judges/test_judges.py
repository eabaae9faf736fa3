"""Judges of others on every golden file: no finding without a written reason, and no reason without a finding."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from judges.opinions import Finding, Manifest, checkov, documents, excuses, kube_score, kubeconform
from pod_security import restricted_violations
from releases import render
from schemas import VERSIONS
from variants import VARIANTS

pytestmark = pytest.mark.judge

GOLDEN = Path(__file__).parents[1] / "golden"
DOCS = Path(__file__).parents[2] / "docs" / "judges.md"
FILES = {file.stem: file for file in sorted(GOLDEN.glob("*.yaml"))}
EXCUSES = excuses()
BEGIN, END = "<!-- written by make judge -->\n", "<!-- end -->\n"


@functools.cache
def findings() -> tuple[Finding, ...]:
    """Return what checkov and kube-score say about the golden files."""
    return (*checkov(GOLDEN), *kube_score(FILES.values()))


def unexcused(found: tuple[Finding, ...]) -> list[Finding]:
    """Return the findings that nothing is said to."""
    return [finding for finding in found if not any(excuse.covers(finding) for excuse in EXCUSES)]


@pytest.mark.parametrize("name", FILES)
def test_a_golden_file_has_no_finding_without_a_reason(name: str) -> None:
    """Whoever adds a field that a judge does not like mends it, or writes down why it stays."""
    assert unexcused(tuple(finding for finding in findings() if finding.file == name)) == []


@pytest.mark.parametrize("excuse", EXCUSES, ids=[f"{excuse.judge} {excuse.rule}" for excuse in EXCUSES])
def test_a_reason_has_a_finding_for_each_of_its_objects(excuse: object) -> None:
    """What was mended needs no excuse any more."""
    (own,) = [item for item in EXCUSES if item is excuse]
    for pattern in own.objects:
        narrowed = type(own)(judge=own.judge, rule=own.rule, objects=[pattern], reason=own.reason)
        assert any(narrowed.covers(finding) for finding in findings()), pattern


@functools.cache
def rendered() -> dict[str, tuple[str, list[Manifest]]]:
    """Return every variant's objects with the oldest Kubernetes that they are for."""
    released = {name: render(props) for name, props in VARIANTS.items()}
    return {name: (release.kubernetes, release.objects) for name, release in released.items()}


def cases(version: str) -> dict[str, list[Manifest]]:
    """Return the golden files, and every variant that is for a version of Kubernetes or an older one.

    Variants have most objects in common; equal ones are judged once.
    """
    found = {name: documents(file.read_text(encoding="utf-8")) for name, file in FILES.items()}
    seen: set[str] = set()
    for name, (oldest, objects) in rendered().items():
        if VERSIONS.index(oldest) <= VERSIONS.index(version):
            new = {text: item for item in objects if (text := json.dumps(item, sort_keys=True)) not in seen}
            seen |= set(new)
            found[f"variant {name}"] = list(new.values())
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_kubeconform_takes_every_object(version: str, tmp_path: Path) -> None:
    """Strictly, and custom resources by the definitions of their operators, not by ours."""
    assert list(kubeconform(cases(version), version, tmp_path)) == []


def _misspell(item: Manifest) -> Manifest:
    return item | {"spec": item["spec"] | {"replica": 1}}


def _mistype(item: Manifest) -> Manifest:
    return item | {"spec": 5}


@pytest.mark.parametrize("spoil", [_misspell, _mistype])
@pytest.mark.parametrize("kind", ["Deployment", "ExternalSecret", "HTTPRoute", "ScaledObject", "Certificate"])
def test_kubeconform_would_notice(kind: str, spoil: Callable[[Manifest], Manifest], tmp_path: Path) -> None:
    """A judge that takes everything says nothing."""
    item = next(item for _, objects in rendered().values() for item in objects if item["kind"] == kind)
    assert list(kubeconform({"spoiled": [spoil(item)]}, "1.34", tmp_path)) != []


@pytest.mark.parametrize("name", FILES)
def test_every_pod_of_a_golden_file_is_restricted(name: str) -> None:
    """By the rules of Pod Security, none of which needs an excuse."""
    for item in documents(FILES[name].read_text(encoding="utf-8")):
        if item["kind"] in {"Deployment", "Job"}:
            assert restricted_violations(item["spec"]["template"]["spec"]) == []


# --- The page ----------------------------------------------------------------------------------------------

PEERS = """\
| larribas 1.0.1, production | 12 | 14 | 2 |
| MLflow's own chart, production | 10 | 9 | 1 |
| community-charts 1.11.5, production | 11 | 7 | 1 |
| Bitnami 5.3.0, production | 4 | 3 | 1 |
"""
"""As measured with the same judges on renders of the charts, each with a production set of values."""


def written() -> str:
    """Return the tables of the page."""
    rows = []
    for name in FILES:
        own = [finding for finding in findings() if finding.file == name]
        counts = (
            sum(finding.judge == "checkov" for finding in own),
            sum(finding.judge == "kube-score" and finding.critical for finding in own),
            sum(finding.judge == "kube-score" and not finding.critical for finding in own),
        )
        rows.append(f"| cdk8s-mlflow, {name} | {' | '.join(map(str, counts))} |\n")
    reasons = [f"| {item.judge} | `{item.rule}` | {item.reason} |\n" for item in EXCUSES]
    return (
        "| | checkov: failed | kube-score: critical | kube-score: warning |\n| --- | --- | --- | --- |\n"
        f"{''.join(rows)}{PEERS}\n"
        f"| judge | rule | why it stays |\n| --- | --- | --- |\n{''.join(reasons)}"
    )


def test_the_page_says_what_the_judges_say(regenerate: bool) -> None:
    """`make judge PYTEST_ARGS=--regenerate` writes it anew."""
    before, _, rest = DOCS.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    if regenerate:
        DOCS.write_text(f"{before}{BEGIN}{written()}{END}{after}", encoding="utf-8")
    assert DOCS.read_text(encoding="utf-8") == f"{before}{BEGIN}{written()}{END}{after}"
