"""Intervals hold what is true, also for few cases and for documents that differ."""

from __future__ import annotations

import random
from itertools import product
from math import comb

import pytest

from daemon.operations.intervals import Share, chance, chance_of, growth, mean, ratio, share


def test_a_share_has_the_exact_interval_where_each_document_counts_once() -> None:
    found = share([(1, 1)] * 8 + [(0, 1)] * 4)

    def at_least(p: float, k: int) -> float:
        return sum(comb(12, i) * p**i * (1 - p) ** (12 - i) for i in range(k, 13))

    assert at_least(found.low, 8) == pytest.approx(0.025, abs=1e-6)
    assert 1 - at_least(found.high, 9) == pytest.approx(0.025, abs=1e-6)
    assert (found.part, found.n) == (8, 12)


def test_nothing_and_all_reach_to_the_end() -> None:
    none, all_ = share([(0, 6)]), share([(6, 6)])
    assert (none.low, all_.high) == (0.0, 1.0)
    assert none.high == pytest.approx(1 - all_.low)
    assert share([]).value is None


def test_documents_that_differ_widen_the_interval() -> None:
    alike, apart = share([(5, 10)] * 8), share([(10, 10), (0, 10)] * 4)
    assert (alike.value, apart.value) == (0.5, 0.5)
    assert apart.high - apart.low > 1.5 * (alike.high - alike.low)


def test_the_mean_of_no_points_is_bounded_by_the_rule_of_three() -> None:
    found = mean([0] * 10)
    assert (found.value, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(0.369, abs=1e-3)


def test_counts_that_differ_more_than_chance_widen_the_interval() -> None:
    alike, apart = mean([2] * 10), mean([20] + [0] * 9)
    assert alike.value == apart.value == 2.0
    assert apart.high > alike.high
    assert apart.low == 0.0


def test_a_ratio_is_measured_document_by_document() -> None:
    found = ratio([(2.0, 1.0), (1.0, 1.0), (3.0, 1.0), (2.0, 1.0)])
    assert found.value == 2.0
    assert 1.0 < found.low < 2.0 < found.high < 4.0
    assert ratio([(1.0, 0.0)]).value is None


@pytest.mark.parametrize(
    ("differences", "chance"),
    [
        ([], 1.0),
        ([1, -1, 0, 0], 1.0),
        ([1] * 5, 2 / 32),
        ([1] * 9 + [-1], 22 / 1024),
        ([3.0, 2.0, 1.0], 2 / 8),
    ],
)
def test_the_chance_of_a_difference_is_exact_for_few(differences, chance: float) -> None:
    assert chance_of(differences) == pytest.approx(chance)


def test_for_many_the_chance_is_near_the_exact_one() -> None:
    rng = random.Random(2)
    sizes = [rng.choice((1.0, 2.0)) for _ in range(12)]
    few, many = chance_of(sizes[:12]), chance_of([*sizes, 1e-12])
    assert many == pytest.approx(few, abs=0.02)


@pytest.mark.parametrize(
    ("share", "interval"),
    [
        (Share(10, 20), (0.2993, 0.7007)),
        (Share(0, 10), (0.0, 0.2775)),
        (Share(10, 10), (0.7225, 1.0)),
        (Share(81, 263), (0.2553, 0.3662)),  # Newcombe 1998, table I
        (Share(15, 148), (0.0624, 0.1605)),
        (Share(0, 20), (0.0, 0.1611)),
        (Share(1, 29), (0.0061, 0.1718)),
    ],
)
def test_the_interval_of_a_share_is_wilsons(share, interval):
    assert share.interval == pytest.approx(interval, abs=5e-5)
    assert Share(0, 0).interval is None


@pytest.mark.parametrize("cases", [10, 20, 60])
def test_the_interval_holds_the_truth_in_95_of_100_cases(cases):
    """Counted out over all outcomes, and averaged over all truths."""
    held = []
    for percent in range(1, 100):
        truth = percent / 100
        held.append(
            sum(
                comb(cases, part) * truth**part * (1 - truth) ** (cases - part)
                for part in range(cases + 1)
                if (found := Share(part, cases).interval) and found[0] <= truth <= found[1]
            )
        )
    assert sum(held) / len(held) >= 0.95


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


@pytest.mark.parametrize(
    ("now", "before", "surely"),
    [
        ([12] * 7, [2] * 28, True),
        ([4] * 7, [2] * 28, False),  # doubled, but it may be less than half as much again
        ([8] * 7, [2] * 28, True),
        ([0, 0, 0, 0, 0, 0, 40], [0, 0, 0, 0, 0, 0, 12] * 4, False),  # one busy day tells little
        ([2] * 7, [2] * 28, False),
        ([3] * 7, [0] * 28, True),
        ([2] * 7, [0] * 28, False),  # fourteen in all
        ([0] * 7, [9] * 28, False),
    ],
)
def test_what_surely_grew_is_told_from_numbers_and_from_what_the_days_differ(now, before, surely):
    grown = growth(now, before, 1.0)
    assert (grown is not None and grown[1] >= 1.5) is surely
    assert growth([day / 50 for day in now], [day / 50 for day in before], 1 / 50) == (
        grown and pytest.approx(grown)
    )


def test_of_a_hundred_weeks_like_those_before_hardly_one_is_a_surge():
    """Days with reviews in bursts, none at weekends: what the weeks differ is chance."""
    rng = random.Random(5)

    def week(busy: float) -> list[float]:
        held = [rng.choice([0, 1, 1, 2, 6]) for _ in range(5)]
        return [*(sum(rng.random() < busy for _ in range(8)) * one / 2 for one in held), 0, 0]

    def surged(times: float) -> int:
        return sum(
            (found := growth(week(0.3 * times), [day for _ in range(4) for day in week(0.3)], 1.0))
            is not None
            and found[1] >= 1.5
            for _ in range(500)
        )

    assert surged(1) <= 5
    assert surged(1.5) <= 10
