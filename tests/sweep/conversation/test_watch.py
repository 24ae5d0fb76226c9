"""Which places are looked at next: within the budget, the oldest look first, and none for ever."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.records import Place
from daemon.sweep.conversation.watch import choose


START = datetime(2026, 11, 20, tzinfo=UTC)


def place(
    key: int, *, page: int = 0, known: bool = False, looked: int = 0, costs: int = 1
) -> Place:
    at = START + timedelta(hours=looked)
    return Place(f"page {page}", f"{'known' if known else 'other'} {key}", known, at, costs)


def many(count: int, *, known: bool, pages: int = 1) -> list[Place]:
    return [place(key, page=key % pages, known=known, looked=key) for key in range(count)]


def names(chosen: Iterable[Iterable[Place]]) -> list[str]:
    return [one.place for places in chosen for one in places]


def oldest_first(places: Iterable[Place], budget: int) -> list[Place]:
    return sorted(places, key=lambda one: (one.looked_at, one.page_id, one.place))[:budget]


def sweep(places: Sequence[Place], budget: int, hour: int) -> list[Place]:
    """Look as a sweep does: the state gives no more of each kind than the budget could reach."""
    known = oldest_first((one for one in places if one.known), budget)
    others = oldest_first((one for one in places if not one.known), budget)
    looked = set(names(choose(known, others, budget)))
    at = START + timedelta(hours=hour)
    return [replace(one, looked_at=at) if one.place in looked else one for one in places]


@pytest.mark.parametrize(
    ("known", "others", "budget", "chosen"),
    [
        (0, 0, 10, (0, 0)),
        (5, 5, 0, (0, 0)),
        (5, 5, 100, (5, 5)),
        (20, 0, 10, (10, 0)),
        (0, 20, 10, (0, 10)),
        (20, 20, 12, (9, 3)),
        (20, 1, 12, (11, 1)),
        (4, 20, 12, (4, 8)),
        (9, 9, 2, (1, 1)),
        (9, 9, 1, (1, 0)),
    ],
)
def test_known_threads_come_first_and_a_quarter_is_kept_for_the_others(
    known: int, others: int, budget: int, chosen: tuple[int, int]
) -> None:
    found = names(choose(many(known, known=True), many(others, known=False), budget))
    assert (
        sum(name.startswith("known") for name in found),
        sum(name.startswith("other") for name in found),
    ) == chosen


def test_a_page_is_looked_at_in_one_go_and_the_one_with_the_oldest_look_first() -> None:
    known = [place(1, page=1, known=True, looked=3), place(2, page=2, known=True, looked=4)]
    others = [place(1, page=2, looked=1), place(2, page=1, looked=2)]
    assert [[one.place for one in places] for places in choose(known, others, 10)] == [
        ["known 2", "other 1"],
        ["known 1", "other 2"],
    ]


def test_a_single_request_goes_to_whoever_has_waited_longest() -> None:
    known, other = place(1, known=True, looked=2), place(1, looked=1)
    assert names(choose([known], [other], 1)) == ["other 1"]
    assert names(choose([known], [replace(other, looked_at=START + timedelta(days=1))], 1)) == [
        "known 1"
    ]


def test_a_place_that_takes_more_than_its_share_is_looked_at_all_the_same() -> None:
    dear = place(0, known=True, costs=500)
    assert "known 0" in names(choose([dear, *many(9, known=True)[1:]], many(9, known=False), 12))


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 50), st.integers(1, 9))
def test_what_is_chosen_costs_no_more_than_the_budget(
    known: int, others: int, budget: int, pages: int
) -> None:
    chosen = choose(
        many(known, known=True, pages=pages), many(others, known=False, pages=pages), budget
    )
    assert sum(one.requests for places in chosen for one in places) <= budget
    assert len(set(names(chosen))) == len(names(chosen))
    assert len(names(chosen)) == min(known + others, budget)


@given(st.integers(0, 40), st.integers(0, 60), st.integers(2, 40), st.integers(1, 9))
def test_every_place_is_looked_at_within_the_documented_number_of_sweeps(
    known: int, others: int, budget: int, pages: int
) -> None:
    """docs/how-it-decides.md, "How comments are watched"."""
    kept = min(others, max(budget // 4, 1))
    of_known = ceil(known / (budget - kept)) if known else 0
    of_others = ceil(others / max(budget - known, budget // 4, 1)) if others else 0
    places = many(known, known=True, pages=pages) + many(others, known=False, pages=pages)
    sweeps = max(of_known, of_others)
    for hour in range(1000, 1000 + 2 * sweeps):
        places = sweep(places, budget, hour)
        for kind, within in ((True, of_known), (False, of_others)):
            looks = [one.looked_at for one in places if one.known is kind]
            if looks and hour - 1000 + 1 >= within:
                assert min(looks) > START + timedelta(hours=hour - within)


@given(
    st.lists(st.tuples(st.booleans(), st.integers(1, 9)), min_size=1, max_size=30),
    st.integers(1, 20),
)
def test_nothing_starves_whatever_the_places_cost(
    made: list[tuple[bool, int]], budget: int
) -> None:
    places = [
        place(key, page=key % 4, known=known, costs=costs)
        for key, (known, costs) in enumerate(made)
    ]
    for hour in range(1, 1 + 4 * len(places)):
        places = sweep(places, budget, hour)
    assert min(one.looked_at for one in places) > START
