"""When to sweep, how long to rest after failures, and when the team is told what is open. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from math import floor
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from daemon.config.limits import Channel, Period, Section, filled, word_of
from daemon.config.values import (
    Condition,
    Interval,
    Moment,
    Where,
    Zone,
    read_with,
    shown,
)


# So many failed sweeps in a row are an outage: from then on each wait is twice the last.
FAILURES = 3
_TO_SUNDAY = re.compile("-sun", re.IGNORECASE)  # cronsim counts `sun` as 0 also at a range's end
# The fields of a crontab line: the longest step, and what may stand there.
_CRON_FIELDS = {
    "minute": (59, "numbers from 0 to 59, a range such as 0-30, or a step such as */10"),
    "hour": (23, "numbers from 0 to 23, a range such as 8-18, or a step such as */2"),
    "day of month": (31, "numbers from 1 to 31, days that the months have"),
    "month": (12, "numbers from 1 to 12, names such as jan, or a range such as jan-mar"),
    "day of week": (7, "numbers from 0 to 7, names such as mon, or a range such as mon-fri"),
}
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LONGEST_REST = timedelta(hours=1)


def as_cron(value: Any) -> Any:
    """Return a crontab line of five fields."""
    return read_with(crontab, value)


def crontab(text: str) -> str:
    """Return `text` in a form that cronsim runs.

    Raises:
        ValueError: Says which of the five fields is wrong, and what may stand there.
    """
    from cronsim import CronSim, CronSimError

    words = text.split()
    if len(words) != len(_CRON_FIELDS):
        raise ValueError(f"has {len(words)} fields instead of 5 (minute hour day month weekday)")
    if "*" not in (words[2][0], words[4][0]):
        raise ValueError("sets a day of the month and a weekday; set one, since crons differ")
    for word, (name, (longest, _)) in zip(words, _CRON_FIELDS.items(), strict=True):
        for step in re.findall(r"/(\d+)", word):
            if int(step) > longest:
                raise ValueError(f"has a step of {step} as {name}; {longest} is the longest")
    line = " ".join((*words[:4], _TO_SUNDAY.sub("-7", words[4])))
    try:
        CronSim(line, datetime.fromtimestamp(0, UTC))
    except CronSimError as error:
        name = str(error).removeprefix("Bad ").replace("-", " ")
        word = dict(zip(_CRON_FIELDS, words, strict=True))[name]
        raise ValueError(f"has {word!r} as {name}; write {_CRON_FIELDS[name][1]}") from None
    return line


Cron = Annotated[str, BeforeValidator(as_cron)]


class Schedule(Section):
    """When to sweep: `every`, or `cron` in a time zone."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["every"]}, {"required": ["cron"]}]}
    )
    every: Interval | None = Field(default=None, description="time from sweep to sweep")
    cron: Cron | None = Field(
        default=None,
        description="instead of `every`: minute hour day month weekday",
        examples=['"0 * * * *"'],
    )
    timezone: Zone = Field(
        default="UTC", description="time zone of `cron` and of `digest`", examples=["Europe/Berlin"]
    )


def one_of(value: Any) -> Any:
    """Refuse both or neither of every and cron; other mistakes of the section go first."""
    if not isinstance(value, dict) or not value.keys() <= Schedule.model_fields.keys():
        return value
    if "every" in value and "cron" in value:
        raise ValueError("has both every and cron; keep one")
    if not value.keys() & {"every", "cron"}:
        raise ValueError('is empty; write {every: 1h} or {cron: "0 * * * *"}')
    return value


class Digest(Section):
    """A message to the team, each day or week: which documents are open, and for whom they wait."""

    every: Annotated[Period, BeforeValidator(word_of(Period))] | None = Field(
        default=None, description="how often the team is told what is open", examples=["week"]
    )
    on: Moment = Field(default="Mon 09:00", description="when, in `schedule.timezone`")
    to: Annotated[tuple[Annotated[Channel, BeforeValidator(word_of(Channel))], ...], filled] = (
        Field(
            default=(Channel.ALERTS,),
            description="where it goes: notion (to the prompt page), alerts",
        )
    )
    drafts: Where = Field(
        default={"Status": Condition(("Draft", "In review"))},
        description="what a draft says; silent for two weeks it is told",
    )
    accepted: Where = Field(
        default={"Status": Condition(("Accepted", "Approved"))},
        description="what an accepted document says; edited since it is told",
    )

    @field_validator("on")
    @classmethod
    def _fits_every(cls, on: str, info: ValidationInfo) -> str:
        every = info.data.get("every")
        if every is not None and (every is Period.WEEK) != (" " in on):
            form = "Mon 09:00" if every is Period.WEEK else "09:00"
            raise ValueError(f"{shown(on)} does not fit `every: {every}`; write {form}")
        return on


def next_run(schedule: Schedule, after: datetime) -> datetime:
    """Return the first time later than `after` at which the schedule asks for a sweep, in UTC.

    In the hour that comes twice in autumn cronsim goes by Debian's cron: a line that names its
    hours and minutes runs once, one that runs every hour or every so many minutes goes on.
    """
    if schedule.every is not None:
        return (after + schedule.every).astimezone(UTC)
    if schedule.cron is None:
        raise TypeError("a schedule has every or cron")
    from cronsim import CronSim

    runs = CronSim(schedule.cron, after.astimezone(ZoneInfo(schedule.timezone)))
    # From within the second of the two hours, cronsim begins with the first, which is over.
    return next(run for local in runs if (run := local.astimezone(UTC)) > after)


def last_digest(digest: Digest, timezone: str, now: datetime) -> datetime:
    """Return when a digest was last due, in UTC.

    Of an hour that comes twice the first counts; one that is left out counts as if it were there.
    """
    *day, clock = digest.on.split()
    zone = ZoneInfo(timezone)
    today = now.astimezone(zone).date()
    for back in range(9):
        date = today - timedelta(days=back)
        due = datetime.combine(date, time.fromisoformat(clock), zone).astimezone(UTC)
        if due <= now and (not day or day == [_DAYS[date.weekday()]]):
            return due
    raise AssertionError("every weekday comes within a week")


def interval(schedule: Schedule, after: datetime) -> timedelta:
    """Return the time between the next two runs."""
    first = next_run(schedule, after)
    return next_run(schedule, first) - first


def turns(a_day: int, every: timedelta, now: datetime) -> int:
    """Return how many of so many turns a day have come since the last run."""
    midnight, day = now.replace(hour=0, minute=0, second=0, microsecond=0), timedelta(days=1)
    before, after = (floor(a_day * ((at - midnight) / day)) for at in (now - every, now))
    return after - before


def rest(failures: int, every: timedelta) -> timedelta:
    """Return how long after a failed sweep the next one may come.

    Nothing for the first failures; then twice the schedule's interval, four times and so on, up
    to an hour, or twice the interval where that is longer.
    """
    if failures < FAILURES:
        return timedelta()
    longest = max(LONGEST_REST, 2 * every)
    # The shortest interval is a minute: six times doubled it is longer than an hour.
    doublings = min(failures - FAILURES + 1, 6)
    return min(every * (1 << doublings), longest)
