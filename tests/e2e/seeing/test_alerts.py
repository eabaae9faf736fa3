"""Every alert over series that should make it fire, and over those that should not, by Prometheus' own tool."""

from __future__ import annotations

from pathlib import Path

import alert_cases
import promtool
import pytest

pytestmark = pytest.mark.e2e


def test_alerts_fire_when_they_should(tmp_path: Path) -> None:
    """The same cases as in `make test`, which passes over them where the tool is missing; here it is compiled."""
    done = alert_cases.check(promtool.compiled(), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
