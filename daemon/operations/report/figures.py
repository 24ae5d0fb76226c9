"""The numbers of one period, out of the state; a series of them for charts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median

from sqlite_utils import Database

from daemon.domain.values import Severity
from daemon.domain.findings import FindingState
from daemon.store.views import reporting
from daemon.store.views.reporting import Counted, Held


# How people settle a finding: the text changes, they say no, or they close its thread.
SETTLED = (FindingState.ADDRESSED, FindingState.DISMISSED, FindingState.RESOLVED)


class Span(StrEnum):
    """How long a period is."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"

    @property
    def length(self) -> timedelta:
        """The length; a day has 24 hours, whatever clocks on walls do."""
        return {
            Span.HOUR: timedelta(hours=1),
            Span.DAY: timedelta(days=1),
            Span.WEEK: timedelta(weeks=1),
        }[self]


@dataclass(frozen=True, slots=True)
class Waits:
    """How long people waited for replies, in seconds; None for both where `known` is 0.

    Attributes:
        replies: Replies that were posted.
        known: Of these, for how many it is known since when somebody waited.
        median: Of the known ones.
        ninetieth: The shortest wait that nine of ten replies do not exceed.
    """

    replies: int
    known: int
    median: float | None
    ninetieth: float | None

    @classmethod
    def of(cls, waits: Sequence[float | None]) -> Waits:
        """Measure."""
        known = sorted(wait for wait in waits if wait is not None)
        if not known:
            return cls(len(waits), 0, None, None)
        rank = math.ceil(len(known) * 9 / 10) - 1
        return cls(len(waits), len(known), median(known), known[rank])


@dataclass(frozen=True, slots=True)
class Work:
    """What was done, in all or under one prompt or by one model.

    Attributes:
        reviews: Reviews of pages.
        silent: Of these, how many posted nothing.
        outcomes: The reviews by how they ended.
        answers: Times that a model only answered people.
        findings: Findings that were made.
        by_state: These findings by the state that they are in now.
        by_severity: These findings by severity.
        settled: Findings, whenever made, that people settled in the period, by how:
            addressed, dismissed or resolved.
        input_tokens: Tokens that models read, cached ones included.
        cached_tokens: Of these, the cached ones.
        output_tokens: Tokens that they wrote.
        cost_usd: What reviews and answers cost, in US dollars.
    """

    reviews: int
    silent: int
    outcomes: Mapping[str, int]
    answers: int
    findings: int
    by_state: Mapping[str, int]
    by_severity: Mapping[str, int]
    settled: Mapping[str, int]
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost_usd: float

    @property
    def tokens(self) -> int:
        """Tokens in both directions."""
        return self.input_tokens + self.output_tokens

    @property
    def settled_in_all(self) -> int:
        """How many findings people settled."""
        return sum(self.settled.values())

    @property
    def addressed(self) -> int:
        """How many of these by changing the text."""
        return self.settled[FindingState.ADDRESSED]

    @property
    def cost_per_addressed(self) -> float | None:
        """The period's cost for each finding addressed in it; None where none was."""
        return self.cost_usd / self.addressed if self.addressed else None


@dataclass(frozen=True, slots=True)
class Figures:
    """One period: `since` is part of it, `until` is not."""

    since: datetime
    until: datetime
    work: Work
    waits: Waits
    by_prompt: Mapping[str, Work]
    by_model: Mapping[str, Work]

    @property
    def is_empty(self) -> bool:
        """Whether nothing happened."""
        work = self.work
        return not (
            work.reviews + work.answers + work.findings + work.settled_in_all + self.waits.replies
        )


def figures(db: Database | None, since: datetime, until: datetime) -> Figures:
    """Count one period; without a state nothing happened."""
    held = reporting.held(db, since, until) if db else []
    made = reporting.made(db, since, until) if db else []
    settled = reporting.settled(db, since, until) if db else []
    waits = reporting.waits(db, since, until) if db else []
    return Figures(
        since=since,
        until=until,
        work=_work(held, made, settled),
        waits=Waits.of(waits),
        by_prompt=_split(lambda one: one.prompt, held, made, settled),
        by_model=_split(lambda one: one.model, held, made, settled),
    )


def series(db: Database, span: Span, count: int, until: datetime) -> list[Figures]:
    """Count the last `count` periods before `until`, the oldest first."""
    begins = [until - span.length * number for number in range(count, 0, -1)]
    return [figures(db, since, since + span.length) for since in begins]


def _split(
    key: Callable[[Held | Counted], str],
    held: Sequence[Held],
    made: Sequence[Counted],
    settled: Sequence[Counted],
) -> dict[str, Work]:
    names = {key(one) for one in held} | {key(one) for one in (*made, *settled)}
    return {
        name: _work(
            [one for one in held if key(one) == name],
            [one for one in made if key(one) == name],
            [one for one in settled if key(one) == name],
        )
        for name in sorted(names)
    }


def _work(held: Sequence[Held], made: Sequence[Counted], became: Iterable[Counted]) -> Work:
    reviews = [one for one in held if one.kind == "review"]
    settled = _by(became, lambda one: one.state)
    return Work(
        reviews=sum(one.count for one in reviews),
        silent=sum(one.silent for one in reviews),
        outcomes=dict(sorted(_by(reviews, lambda one: one.outcome).items())),
        answers=sum(one.count for one in held if one.kind == "reply"),
        findings=sum(one.count for one in made),
        by_state=_all(FindingState, _by(made, lambda one: one.state)),
        by_severity=_all(Severity, _by(made, lambda one: one.severity)),
        settled={state.value: settled[state.value] for state in SETTLED},
        input_tokens=sum(one.input_tokens for one in held),
        cached_tokens=sum(one.cached_tokens for one in held),
        output_tokens=sum(one.output_tokens for one in held),
        cost_usd=sum(one.cost_usd for one in held),
    )


def _by(counted: Iterable[Held | Counted], key: Callable[..., str]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for one in counted:
        counts[key(one)] += one.count
    return counts


def _all(kind: type[StrEnum], counts: Counter[str]) -> dict[str, int]:
    return {member.value: counts[member.value] for member in kind}
