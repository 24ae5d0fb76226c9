"""How long answers in known threads wait and what watching takes: the policy, played for a week.

People answer at human times, most within hours of the last word and some after days; beside what
was played stands the formula of docs/how-it-decides.md.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from statistics import fmean

from bench.table import Line
from daemon.domain.records import Place
from daemon.sweep.conversation.watch import (
    KEPT_PART,
    LONGEST_BARE,
    LONGEST_TOLD,
    choose,
    interval,
    make_sure,
)


START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# What watching took before it went by likelihood: the whole budget in every sweep.
TODAY = 5760
# Before the week begins, looks have settled.
BEFORE, WEEK = 2 * DAY, 7 * DAY

# When somebody writes next in a thread, and whether that is an answer.
Comes = dict[int, tuple[datetime, bool]]


@dataclass(frozen=True)
class Workspace:
    """Watched pages with so many open threads and other blocks each, and the settings."""

    pages: int
    threads: int
    blocks: int
    budget: int = 240
    every: timedelta = HOUR
    told: bool = False


@dataclass(frozen=True)
class Watched:
    """What a week gave: waits in known threads and elsewhere, in intervals, and requests a day.

    `computed` and `computed_a_day` are the mean wait and the requests by the formula.
    """

    waits: list[float]
    others: list[float]
    a_day: float
    most: int
    computed: float
    computed_a_day: float

    def share(self, part: float) -> float:
        """Return the wait that so large a part of the answers does not exceed."""
        return sorted(self.waits)[math.ceil(part * len(self.waits)) - 1]


def gap(dice: random.Random) -> tuple[timedelta, bool]:
    """Draw how long after a word the next one comes, and whether it is an answer.

    Where nobody answers, the next word is the reviewer's, weeks later.
    """
    kind = dice.random()
    if kind < 0.4:
        return dice.lognormvariate(1.1, 1.0) * HOUR, True
    if kind < 0.5:
        return dice.uniform(0.5, 4) * DAY, True
    return dice.uniform(10, 40) * DAY, False


def watch(at: Workspace, seed: int = 1) -> Watched:
    """Play sweeps over a week."""
    dice = random.Random(seed)
    places, comes = _begun(at, dice)
    now, end = START - BEFORE, START + WEEK
    open_: dict[int, datetime] = {}
    waits, others, spent, most = [], [], 0, 0
    while now < end:
        now += at.every
        while came := [one for one in comes.items() if one[1][0] <= now]:
            for number, (when, answers) in came:
                if answers:
                    open_[number] = comes.pop(number)[0]
                else:  # the page is reviewed anew, and listed
                    places[number] = replace(places[number], looked_at=when, stirred_at=when)
                    comes[number] = _after(when, dice)
        kinds = ([one for one in places if one.known is known] for known in (True, False))
        chosen = (make_sure if at.told else choose)(*kinds, at.budget, now, at.every)
        looked = [int(place.place) for page in chosen for place in page]
        if now > START:
            spent, most = spent + len(looked), max(most, len(looked))
        for number in looked:
            places[number] = replace(places[number], looked_at=now)
            if since := open_.pop(number, None):
                found = waits if places[number].known else others
                found += [(now - since) / at.every] if since > START else []
                places[number] = replace(places[number], stirred_at=now, talked=True)
                comes[number] = _after(now, dice)
    return Watched(waits, others, spent / (WEEK / DAY), most, *formula(at))


def _after(word: datetime, dice: random.Random) -> tuple[datetime, bool]:
    length, answers = gap(dice)
    return word + length, answers


def _begun(at: Workspace, dice: random.Random) -> tuple[list[Place], Comes]:
    """Return the places as they stand, and when somebody writes next in each thread."""
    begin = START - BEFORE
    places, comes = list[Place](), Comes()
    for page in range(at.pages):
        for number in range(1 + at.threads + at.blocks):
            known, talked = number <= at.threads, 0 < number <= at.threads
            last, next_ = begin - 99 * DAY, (begin - 60 * DAY * dice.random(), True)
            while talked and next_[0] < begin:
                last, next_ = next_[0], _after(next_[0], dice)
            if talked:
                comes[len(places)] = next_
            looked, name = max(begin - dice.random() * DAY, last), str(len(places))
            places.append(Place(f"page {page}", name, known, talked, looked, last))
    others = [number for number, one in enumerate(places) if not one.known]
    for number in dice.sample(others, min(20, len(others))):
        comes[number] = START + dice.random() * (WEEK - DAY), True
    return places, comes


def formula(at: Workspace) -> tuple[float, float]:
    """Return the mean wait in intervals, and the requests a day, as docs/how-it-decides.md says."""
    others, known = at.pages * at.blocks, at.pages * (at.threads + 1)
    if at.told:
        half, bare = math.ceil(at.budget / 2), others * (DAY / LONGEST_TOLD)
        days = (known + others) / half if known > half else max(1, known / (half - bare))
        return days * (DAY / at.every) / 2, min(half, known + bare)
    hours = max(at.every, HOUR)
    bare = min(others * (hours / LONGEST_BARE), at.budget / KEPT_PART)
    fits = known + bare <= at.budget

    def looks_again(silence: timedelta) -> timedelta:
        """Return how long after a look the next one comes: the interval grows meanwhile."""
        step = at.every
        while not (fits and step >= hours):
            place = Place("", "", True, True, START, START - silence)  # noqa: FBT003
            if step >= interval(place, START + step):
                break
            step += at.every
        return step

    dice, waits, looks, length = random.Random(2), [], 0, timedelta()
    for _ in range(1000):
        silence, answers = gap(dice)
        length, passed = length + silence, timedelta()
        while (passed := passed + looks_again(passed)) < silence:
            looks += 1
        waits += [(passed - silence) / at.every] if answers else []
    a_thread, a_page = looks / (length / DAY), DAY / (hours if fits else DAY)
    of_known, of_others = at.pages * (at.threads * a_thread + a_page), others * (DAY / LONGEST_BARE)
    left = math.inf if fits else max(at.budget / 2 * (DAY / hours) - of_known, 0)
    return fmean(waits), of_known + min(of_others, left)


def lines() -> Iterator[Line]:
    minutes = timedelta(minutes=5)
    for what, at, part in (
        ("20 pages with a thread each", Workspace(20, 1, 12), 0.25),
        ("20 pages with five threads each", Workspace(20, 5, 12), 0.6),
        ("the same, every 5 minutes", Workspace(20, 5, 12, every=minutes), 0.6),
        (
            "the same where events come, for an answer without one",
            Workspace(20, 5, 12, told=True),
            0.025,
        ),
        ("200 pages with five threads each", Workspace(200, 5, 4), 0.5),
        (
            "the same where events come, for an answer without one",
            Workspace(200, 5, 4, told=True),
            0.025,
        ),
    ):
        found = watch(at)
        median, most = found.share(0.5), found.share(0.95)
        yield Line(
            f"4. a week of watching {what}",
            f"{found.a_day:,.0f} requests a day (formula: {found.computed_a_day:,.0f}); an answer"
            f" waits {fmean(found.waits):.1f} intervals (formula: {found.computed:.1f}),"
            f" half of them up to {median:.1f}, 95 % up to {most:.1f}",
            f"at most {part * TODAY:,.0f} requests a day",
            found.a_day <= part * TODAY,
            f"{TODAY:,} requests a day",
            {"a_day": round(found.a_day), "median": round(median, 2), "95": round(most, 2)},
        )
