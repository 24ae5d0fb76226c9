"""The numbers of one period out of the state, and which of them are worth a sentence."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from operator import itemgetter
from statistics import median

from daemon.domain.findings import FindingState
from daemon.domain.values import Finding, ReviewKind, Severity
from daemon.operations.intervals import Share, chance
from daemon.review.offline.document import kind_of
from daemon.review.offline.sections import TOPICS
from daemon.store.database import State
from daemon.store.views import reporting
from daemon.store.views.reporting import FindingCount, ReviewCount


# How people settle a finding: the text changes, they say no, or they close its thread.
_S = FindingState
SETTLED = (_S.ADDRESSED, _S.ADOPTED, _S.DISMISSED, _S.RESOLVED)


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
            addressed, adopted, dismissed or resolved.
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
        return self.settled[_S.ADDRESSED] + self.settled[_S.ADOPTED]

    @property
    def cost_per_addressed(self) -> float | None:
        """The period's cost for each finding addressed in it; None where none was."""
        return self.cost_usd / self.addressed if self.addressed else None


@dataclass(frozen=True, slots=True)
class Figures:
    """One period: `since` is part of it, `until` is not.

    `by_lens` holds findings alone, by the row of a prompt database that they were made under.
    """

    since: datetime
    until: datetime
    work: Work
    waits: Waits
    by_prompt: Mapping[str, Work]
    by_model: Mapping[str, Work]
    by_lens: Mapping[str, Work]

    @property
    def is_empty(self) -> bool:
        """Whether nothing happened."""
        work = self.work
        return not (
            work.reviews + work.answers + work.findings + work.settled_in_all + self.waits.replies
        )


def figures(db: State | None, since: datetime, until: datetime) -> Figures:
    """Count one period; without a state nothing happened."""
    held = reporting.count_reviews(db, since, until) if db else []
    made = reporting.count_findings(db, since, until) if db else []
    settled = reporting.count_settled(db, since, until) if db else []
    waits = reporting.reply_seconds(db, since, until) if db else []
    return Figures(
        since=since,
        until=until,
        work=_work(held, made, settled),
        waits=Waits.of(waits),
        by_prompt=_split(lambda one: one.prompt, held, made, settled),
        by_model=_split(lambda one: one.model, held, made, settled),
        by_lens={
            lens: _work(
                (),
                [one for one in made if one.lens == lens],
                [one for one in settled if one.lens == lens],
            )
            for lens in sorted({one.lens for one in (*made, *settled)} - {""})
        },
    )


def series(db: State, span: Span, count: int, until: datetime) -> list[Figures]:
    """Count the last `count` periods before `until`, the oldest first."""
    begins = [until - span.length * number for number in range(count, 0, -1)]
    return [figures(db, since, since + span.length) for since in begins]


def _split(
    key: Callable[[ReviewCount | FindingCount], str],
    held: Sequence[ReviewCount],
    made: Sequence[FindingCount],
    settled: Sequence[FindingCount],
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


def _work(
    held: Sequence[ReviewCount], made: Sequence[FindingCount], became: Iterable[FindingCount]
) -> Work:
    reviews = [one for one in held if one.kind is ReviewKind.REVIEW]
    settled = _by(became, lambda one: one.state)
    return Work(
        reviews=sum(one.count for one in reviews),
        silent=sum(one.silent for one in reviews),
        outcomes=dict(sorted(_by(reviews, lambda one: one.outcome).items())),
        answers=sum(one.count for one in held if one.kind is ReviewKind.REPLY),
        findings=sum(one.count for one in made),
        by_state=_all(FindingState, _by(made, lambda one: one.state)),
        by_severity=_all(Severity, _by(made, lambda one: one.severity)),
        settled={state.value: settled[state.value] for state in SETTLED},
        input_tokens=sum(one.input_tokens for one in held),
        cached_tokens=sum(one.cached_tokens for one in held),
        output_tokens=sum(one.output_tokens for one in held),
        cost_usd=sum(one.cost_usd for one in held),
    )


def _by(counted: Iterable[ReviewCount | FindingCount], key: Callable[..., str]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for one in counted:
        counts[key(one)] += one.count
    return counts


def _all(kind: type[StrEnum], counts: Counter[str]) -> dict[str, int]:
    return {member.value: counts[member.value] for member in kind}


# Fewer settled findings in either period tell nothing of a share.
LEAST_SETTLED = 10
# A share falls by so many hundredths, and by chance in fewer than one of twenty periods.
FALL_POINTS = 15
FALL_CHANCE = 0.05
# A topic has so many findings on so many pages, of a period that is compared with so many.
SURGE_FINDINGS = 5
SURGE_PAGES = 3
SURGE_BEFORE = 10
# Its share at least doubled; many topics are looked at, so chance must be further away.
SURGE_TIMES = 2
SURGE_CHANCE = 0.01

NO_HEADING = "before the first heading"
_NUMBERING = re.compile(r"^[\W\d_]+")


@dataclass(frozen=True, slots=True)
class Topic:
    """Findings about one thing: how many, and on how many pages."""

    findings: int
    pages: int


@dataclass(frozen=True, slots=True)
class Surge:
    """A topic that came up more than before: its share of all findings then and now."""

    topic: str
    pages: int
    now: Share
    before: Share


def topic_of(finding: Finding, section: str) -> str:
    """Return what a finding is about, by the rule that raised it or the heading above its block.

    A heading counts as the part of a proposal that its first telling word names (problem,
    proposal, alternatives, risks, rollout), else as itself, without numbering and capitals.
    """
    rule = kind_of(finding)
    if rule is not None:
        return rule.value
    found = [
        (match.start(), topic.name) for topic in TOPICS if (match := topic.label.search(section))
    ]
    named = min(found, key=itemgetter(0))[1] if found else ""
    heading = _NUMBERING.sub("", " ".join(section.split())).casefold()
    return named or heading or NO_HEADING


def topics(raised: Iterable[tuple[str, Finding, str]]) -> dict[str, Topic]:
    """Count topics; `raised` holds (page, finding, section). The most frequent comes first."""
    counts: dict[str, list[str]] = {}
    for page_id, finding, section in raised:
        counts.setdefault(topic_of(finding, section), []).append(page_id)
    order = sorted(counts, key=lambda name: (-len(counts[name]), name))
    return {name: Topic(len(counts[name]), len({*counts[name]})) for name in order}


def has_fallen(now: Share, before: Share, sure: float = FALL_CHANCE) -> bool:
    """Tell whether a share of settled findings fell, further than chance would have it.

    `sure` is how likely chance may be; 1 asks for the fall alone.
    """
    if min(now.whole, before.whole) < LEAST_SETTLED:
        return False
    fell = before.part * now.whole - now.part * before.whole
    if fell * 100 < FALL_POINTS * now.whole * before.whole:
        return False
    rest_now = Share(now.whole - now.part, now.whole)
    rest_before = Share(before.whole - before.part, before.whole)
    return chance(rest_now, rest_before) <= sure


def surges(
    now: Mapping[str, Topic], before: Mapping[str, Topic], sure: float = SURGE_CHANCE
) -> list[Surge]:
    """Return the topics that came up more than before, in the order of `now`.

    `sure` is as in `has_fallen`.
    """
    whole = sum(topic.findings for topic in now.values())
    whole_before = sum(topic.findings for topic in before.values())
    found = []
    for name, topic in now.items():
        share = Share(topic.findings, whole)
        earlier = Share(before[name].findings if name in before else 0, whole_before)
        if (
            topic.findings >= SURGE_FINDINGS
            and topic.pages >= SURGE_PAGES
            and earlier.whole >= SURGE_BEFORE
            and share.part * earlier.whole >= SURGE_TIMES * earlier.part * share.whole
            and chance(share, earlier) <= sure
        ):
            found.append(Surge(name, topic.pages, share, earlier))
    return found
