"""When a CronJob runs."""

from __future__ import annotations

import functools
from datetime import date, timedelta
from itertools import pairwise

from cdk8s_mlflow.values import CRON_NAMES, CRON_RANGES

_YEARS = (date(2024, 1, 1).toordinal(), date(2032, 1, 1).toordinal())
"""Eight years of days, with every kind of leap year that will be seen."""


@functools.cache
def longest_gap(schedule: str) -> timedelta:
    """Return the longest time between two runs of a valid schedule.

    >>> longest_gap("17 3 * * *"), longest_gap("0 6 * * MON-FRI")
    (datetime.timedelta(days=1), datetime.timedelta(days=3))
    """
    fields = schedule.split(" ")
    minutes, hours, days, months, weekdays = (_numbers(field, index) for index, field in enumerate(fields))
    # As cron has it: either day fits, where both are narrowed down.
    fits = any if fields[2] != "*" and fields[4] != "*" else all
    times = [hour * 60 + minute for hour in sorted(hours) for minute in sorted(minutes)]
    runs = [
        day
        for day in map(date.fromordinal, range(*_YEARS))
        if day.month in months and fits([day.day in days, (day.weekday() + 1) % 7 in weekdays])
    ]
    within = [later - sooner for sooner, later in pairwise(times)]
    between = [(later - sooner).days * 24 * 60 + times[0] - times[-1] for sooner, later in pairwise(runs)]
    return timedelta(minutes=max([*within, *between])) if between else timedelta(days=_YEARS[1] - _YEARS[0])


def _numbers(field: str, index: int) -> set[int]:
    return {number for item in field.split(",") for number in _item(item, index)}


def _item(item: str, index: int) -> range:
    low, high = CRON_RANGES[index]
    names = {name: number for number, name in enumerate(CRON_NAMES.get(index, ()), start=low)}
    span, _, step = item.upper().partition("/")
    if span == "*":
        return range(low, high + 1, int(step or 1))
    numbers = [names[end] if end in names else int(end) for end in span.split("-")]
    last = numbers[-1] if len(numbers) > 1 or not step else high
    return range(numbers[0], last + 1, int(step or 1))
