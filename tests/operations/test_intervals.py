"""Intervals hold what is true, also for few cases and for documents that differ."""

from __future__ import annotations

import random
from math import comb

import pytest

from daemon.operations.intervals import chance_of, mean, ratio, share


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
