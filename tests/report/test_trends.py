"""What stands out: tables of what is named, and what is not."""

from __future__ import annotations

from itertools import product

import pytest

from daemon.domain.values import Finding, Severity
from daemon.operations.report.trends import (
    Share,
    Surge,
    Topic,
    chance,
    has_fallen,
    surges,
    topic_of,
    topics,
)


@pytest.mark.parametrize(
    ("now", "before", "falls"),
    [
        ((2, 20), (12, 20), True),
        ((0, 10), (6, 10), True),
        ((0, 9), (9, 9), False),  # too few settled
        ((0, 10), (9, 9), False),
        ((12, 20), (2, 20), False),  # rises
        ((10, 20), (10, 20), False),
        ((8, 20), (11, 20), False),  # 15 points, but chance alone often does that
        ((450, 1000), (550, 1000), False),  # beyond chance, but only ten points
        ((400, 1000), (550, 1000), True),
        ((401, 1000), (550, 1000), False),  # 14.9 points
        ((0, 20), (0, 20), False),
        ((0, 0), (0, 0), False),
    ],
)
def test_a_share_that_falls_is_named(now, before, falls):
    assert has_fallen(Share(*now), Share(*before)) is falls


def test_chance_is_that_of_drawing_balls_from_an_urn():
    """Of 3 red and 3 black balls three are drawn: all red in 1 of 20 ways."""
    assert chance(Share(3, 3), Share(0, 3)) == pytest.approx(1 / 20)
    assert chance(Share(0, 3), Share(3, 3)) == pytest.approx(1)
    assert chance(Share(2, 3), Share(1, 3)) == pytest.approx(10 / 20)


def test_chance_is_never_more_than_certain_and_falls_with_the_part():
    for whole, before in product(range(1, 8), range(1, 8)):
        for both in range(whole + before + 1):
            parts = range(max(0, both - before), min(whole, both) + 1)
            found = [chance(Share(part, whole), Share(both - part, before)) for part in parts]
            assert found[0] == pytest.approx(1)
            assert found == sorted(found, reverse=True)


OTHERS = {"other": Topic(20, 9)}


@pytest.mark.parametrize(
    ("now", "before", "surged"),
    [
        (Topic(12, 4), 2, True),
        (Topic(12, 4), 0, True),
        (Topic(12, 2), 0, False),  # on too few pages: one document, not a trend
        (Topic(4, 4), 0, False),  # too few findings
        (Topic(12, 4), 6, False),  # less than doubled
        (Topic(5, 5), 1, False),  # chance
        (Topic(2, 4), 12, False),  # falls
    ],
)
def test_a_topic_that_surges_is_named(now, before, surged):
    earlier = {"rollout": Topic(before, before)} if before else {}
    found = surges({**OTHERS, "rollout": now}, {"other": Topic(40, 9), **earlier})
    share, share_before = Share(now.findings, 20 + now.findings), Share(before, 40 + before)
    assert found == ([Surge("rollout", now.pages, share, share_before)] if surged else [])


def test_nothing_surges_against_a_period_with_hardly_a_finding():
    assert surges({"rollout": Topic(50, 9)}, {"other": Topic(9, 9)}) == []
    assert surges({"rollout": Topic(50, 9)}, {}) == []
    assert surges({}, {"other": Topic(90, 9)}) == []


@pytest.mark.parametrize(
    ("text", "section", "topic"),
    [
        ("Left open: a TODO", "Rollout", "Left open"),  # the rule, wherever it stands
        ("Which region?", "4.2 Rollout plan", "rollout"),
        ("Which region?", "Motivation", "the problem"),
        ("Which region?", "DRAWBACKS", "risks"),
        ("Which region?", "3.1  Naming of  Buckets", "naming of buckets"),
        ("Which region?", "", "before the first heading"),
        ("Which region?", "42", "before the first heading"),
    ],
)
def test_a_topic_is_the_rule_or_what_the_heading_speaks_of(text, section, topic):
    assert topic_of(Finding("b", "q", text, Severity.MINOR), section) == topic


def test_topics_count_findings_and_pages_the_most_frequent_first():
    point = Finding("b", "q", "Which?", Severity.MINOR)
    raised = [("p1", point, "Risks"), ("p1", point, "Costs"), ("p2", point, "Names")]
    assert list(topics(raised).items()) == [("risks", Topic(2, 1)), ("names", Topic(1, 1))]
