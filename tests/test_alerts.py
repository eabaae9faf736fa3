"""The alerts, judged by Prometheus' own tool where it is installed; `make e2e` always has it."""

from __future__ import annotations

from pathlib import Path

import alert_cases
import promtool
import pytest


def test_every_alert_is_seen_to_fire_and_not_to_fire() -> None:
    """An alert that never fires is none, and one that always does soon is none either."""
    rules = {rule["alert"] for rule in alert_cases.rules()["groups"][0]["rules"]}
    assert {case.alert for case in alert_cases.CASES.values() if case.labels is not None} == rules
    assert {case.alert for case in alert_cases.CASES.values() if case.labels is None} == rules


def test_alerts_fire_when_they_should(tmp_path: Path) -> None:
    """Each case of the table, in Prometheus' own evaluation."""
    found = promtool.find()
    if found is None:
        pytest.skip("promtool is not installed; `make e2e` compiles it")
    done = alert_cases.check(found, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
