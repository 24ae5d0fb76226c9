"""What is worth a sentence: a share that falls, a topic that surges. Pure, with its thresholds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import comb
from operator import itemgetter

from daemon.domain.values import Finding
from daemon.review.offline.hits import kind_of
from daemon.review.offline.topics import TOPICS


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
class Share:
    """A part of a whole, both counted."""

    part: int
    whole: int

    def __str__(self) -> str:
        return f"{self.part} of {self.whole}"


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


def chance(now: Share, before: Share) -> float:
    """Return how likely chance alone gives `now` so large a part, were nothing different.

    Fisher's exact test, one-sided.
    """
    drawn, both = now.whole, now.part + before.part
    ways = sum(
        comb(both, part) * comb(now.whole + before.whole - both, drawn - part)
        for part in range(now.part, min(drawn, both) + 1)
    )
    return ways / comb(now.whole + before.whole, drawn)


def has_fallen(now: Share, before: Share) -> bool:
    """Tell whether a share of settled findings fell, further than chance would have it."""
    if min(now.whole, before.whole) < LEAST_SETTLED:
        return False
    fell = before.part * now.whole - now.part * before.whole
    if fell * 100 < FALL_POINTS * now.whole * before.whole:
        return False
    rest_now = Share(now.whole - now.part, now.whole)
    rest_before = Share(before.whole - before.part, before.whole)
    return chance(rest_now, rest_before) < FALL_CHANCE


def surges(now: Mapping[str, Topic], before: Mapping[str, Topic]) -> list[Surge]:
    """Return the topics that came up more than before, in the order of `now`."""
    whole = sum(topic.findings for topic in now.values())
    whole_before = sum(topic.findings for topic in before.values())
    found = []
    for name, topic in now.items():
        share = Share(topic.findings, whole)
        earlier = Share(before[name].findings if name in before else 0, whole_before)
        if _has_surged(topic, share, earlier):
            found.append(Surge(name, topic.pages, share, earlier))
    return found


def _has_surged(topic: Topic, now: Share, before: Share) -> bool:
    return (
        topic.findings >= SURGE_FINDINGS
        and topic.pages >= SURGE_PAGES
        and before.whole >= SURGE_BEFORE
        and now.part * before.whole >= SURGE_TIMES * before.part * now.whole
        and chance(now, before) < SURGE_CHANCE
    )
