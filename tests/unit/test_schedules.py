"""How long two runs of a schedule may lie apart."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cdk8s_mlflow.schedules import longest_gap

GAPS: dict[str, timedelta] = {
    "* * * * *": timedelta(minutes=1),
    "*/15 * * * *": timedelta(minutes=15),
    "0,10 * * * *": timedelta(minutes=50),
    "17 3 * * *": timedelta(days=1),
    "0 8-16/4 * * *": timedelta(hours=16),
    "0 6 * * MON-FRI": timedelta(days=3),
    "0 6 * * 0": timedelta(days=7),
    "30 1 1 * *": timedelta(days=31),
    "0 0 1 JAN *": timedelta(days=366),
    "0 0 29 2 *": timedelta(days=1461),
    # Either day fits where both are named: the first of a month, and every Monday.
    "0 0 1 * MON": timedelta(days=7),
    "0 0 */2 * *": timedelta(days=2),
    "5/20 0 * * *": timedelta(hours=23, minutes=20),
}


@pytest.mark.parametrize("schedule", GAPS)
def test_the_longest_time_between_two_runs(schedule: str) -> None:
    """Each as cron would run it."""
    assert longest_gap(schedule) == GAPS[schedule]


def test_a_day_that_never_comes() -> None:
    """It is years until then, and no division by nothing."""
    assert longest_gap("0 0 31 2 *") > timedelta(days=2000)
