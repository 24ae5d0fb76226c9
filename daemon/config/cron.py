"""Crontab lines: checked without the scheduler, which an idle check does not import."""

from __future__ import annotations

import re
from dataclasses import dataclass


WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_ITEM = re.compile(r"(?:(\*)|(\w+)(?:-(\w+))?)(?:/(\d{1,4}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, MONTHS),
    _Field("day of week", 0, 7, ("sun", *WEEKDAYS[:6])),
)


def crontab(text: str) -> str:
    """Return `text` with the same meaning in the dialect of `CronTrigger.from_crontab`.

    Weekdays become names: APScheduler 3 counts them from Monday, crontab from Sunday
    (https://apscheduler.readthedocs.io/en/3.x/modules/triggers/cron.html).

    Raises:
        ValueError: Says which of the five fields is wrong.
    """
    words = text.lower().split()
    if len(words) != len(_FIELDS):
        raise ValueError(f"has {len(words)} fields instead of 5 (minute hour day month weekday)")
    sets = [_values(field, word) for field, word in zip(_FIELDS, words, strict=True)]
    _, _, days, months, weekdays = sets
    if words[2] != "*" and words[4] != "*":
        raise ValueError(
            "sets both a day of the month and a weekday; crons differ on that, set one"
        )
    if min(days) > max(_LONGEST[month - 1] for month in months):
        raise ValueError("names a day that its months do not have; choose another")
    return " ".join((*words[:3], *_month_and_weekday(words, months, weekdays)))


def _month_and_weekday(words: list[str], months: set[int], weekdays: set[int]) -> tuple[str, str]:
    month = "*" if words[3] == "*" else ",".join(str(value) for value in sorted(months))
    named = sorted({(value - 1) % 7 for value in weekdays})
    return month, "*" if len(named) == len(WEEKDAYS) else ",".join(WEEKDAYS[day] for day in named)


def _values(field: _Field, word: str) -> set[int]:
    values: set[int] = set()
    for item in word.split(","):
        values |= _item_values(field, item)
    return values


def _item_values(field: _Field, item: str) -> set[int]:
    match = _ITEM.fullmatch(item)
    if match is None:
        raise ValueError(f"has {item!r} as {field.name}, which is no number, range or step")
    star, first, last, step = match.groups()
    low = field.low if star else _number(field, first)
    high = field.high if star or (step and not last) else _number(field, last or first)
    if last == "sun":
        high = field.high
    if low > high:
        raise ValueError(f"has {item!r} as {field.name}, which runs backwards")
    return set(range(low, high + 1, _step(field, step, high - low)))


def _number(field: _Field, word: str) -> int:
    if word in field.names:
        return field.names.index(word) + field.low
    if not word.isdigit() or not field.low <= int(word) <= field.high:
        raise ValueError(
            f"has {word!r} as {field.name}, which goes from {field.low} to {field.high}"
        )
    return int(word)


def _step(field: _Field, step: str | None, width: int) -> int:
    if step is None:
        return 1
    if not 0 < int(step) <= width:
        raise ValueError(f"has a step of {step} as {field.name}, which does not fit its range")
    return int(step)
