"""Which places are looked at next: likelier ones first, within the budget, and none for ever."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.records import Place
from daemon.sweep.conversation.watch import (
    LONGEST,
    LONGEST_LATELY,
    SHORTEST,
    SHORTEST_BARE,
    choose,
    interval,
    make_sure,
)


NOW = datetime(2026, 11, 20, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HOURS = st.floats(0, 60 * 24)


def place(
    key: int,
    *,
    page: int = 0,
    known: bool = False,
    looked: float = 48,
    silent: float = 500,
    costs: int = 1,
) -> Place:
    """Make a place that was looked at so many hours ago, and is silent for so many."""
    return Place(
        f"page {page}",
        f"{'known' if known else 'other'} {key}",
        known=known,
        talked=known,
        looked_at=NOW - looked * HOUR,
        stirred_at=NOW - silent * HOUR,
        requests=costs,
    )


def many(count: int, *, known: bool, looked: float = 48) -> list[Place]:
    return [place(key, known=known, looked=looked - key) for key in range(count)]


def names(chosen: Iterable[Iterable[Place]]) -> list[str]:
    return [one.place for places in chosen for one in places]


def picked(
    places: Sequence[Place],
    budget: int,
    now: datetime = NOW,
    every: timedelta = HOUR,
    *,
    told: bool = False,
) -> list[Place]:
    known, others = ([one for one in places if one.known is kind] for kind in (True, False))
    chosen = (make_sure if told else choose)(known, others, budget, now, every)
    return [one for page in chosen for one in page]


def looked_at(places: Sequence[Place], chosen: Sequence[Place], now: datetime) -> list[Place]:
    return [replace(one, looked_at=now) if one in chosen else one for one in places]


def lateness(one: Place) -> float:
    return (NOW - one.looked_at) / interval(one, NOW)


PLACES = st.lists(
    st.builds(
        lambda key, page, known, looked, silent: place(
            key, page=page, known=known, looked=looked, silent=silent
        ),
        st.integers(0, 10**9),
        st.integers(0, 5),
        st.booleans(),
        HOURS,
        HOURS,
    ),
    max_size=80,
    unique_by=lambda one: one.place,
)


@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize("every", [HOUR / 12, HOUR, 24 * HOUR])
def test_who_was_passed_over_has_the_next_turn(*, told: bool, every: timedelta) -> None:
    waiting = replace(place(1000, known=True, looked=0.02, silent=90 * 24), waits=True)
    chosen = picked([*many(500, known=True), waiting], 40, every=every, told=told)
    assert waiting in chosen


@given(short=HOURS, long=HOURS, known=st.booleans())
def test_an_interval_grows_with_the_silence_up_to_a_day(
    *, short: float, long: float, known: bool
) -> None:
    short, long = sorted((short, long))
    earlier, later = place(0, known=known, silent=short), place(0, known=known, silent=long)
    assert interval(earlier, NOW) <= interval(later, NOW) <= LONGEST
    least = SHORTEST if known else SHORTEST_BARE
    assert interval(later, NOW) <= max(NOW - later.stirred_at, least)
    if known and long < 4 * 24:
        assert interval(later, NOW) <= LONGEST_LATELY


@given(hours=st.floats(1, 9), known=st.booleans())
def test_an_interval_doubles_with_the_silence(*, hours: float, known: bool) -> None:
    once, twice = (interval(place(0, known=known, silent=n * hours), NOW) for n in (1, 2))
    assert twice / once == pytest.approx(2)


@given(silent=HOURS, known=st.booleans())
def test_an_interval_falls_back_when_something_happens(*, silent: float, known: bool) -> None:
    after = replace(place(0, known=known, silent=silent), stirred_at=NOW)
    assert interval(after, NOW) <= (SHORTEST if known else SHORTEST_BARE)
    assert interval(after, NOW + HOUR) < HOUR


def test_a_bare_place_rests_for_a_minute_and_a_known_one_for_some_seconds() -> None:
    just_now = [place(0, known=True, looked=0, silent=0), place(1, looked=0, silent=0)]
    assert picked(just_now, 60) == []
    assert picked(just_now, 60, now=NOW + SHORTEST) == just_now[:1]
    assert picked(just_now, 60, now=NOW + SHORTEST_BARE) == just_now
    assert len(picked([replace(just_now[0], waits=True)], 60)) == 1


@given(PLACES, st.integers(0, 60), st.floats(1, 600))
def test_what_is_chosen_costs_no_more_than_the_budget(
    places: list[Place], budget: int, minutes: float
) -> None:
    chosen = picked(places, budget, every=timedelta(minutes=minutes))
    assert sum(one.requests for one in chosen) <= budget
    assert len({one.place for one in chosen}) == len(chosen)
    if budget and any(one.known and NOW - one.looked_at >= SHORTEST for one in places):
        assert chosen


@given(PLACES, st.integers(2, 60))
def test_where_all_known_places_fit_all_are_looked_at_and_bare_ones_only_when_due(
    places: list[Place], budget: int
) -> None:
    known, chosen = [one for one in places if one.known], picked(places, budget)
    if len(known) <= budget - max(budget // 16, 1):
        left = [one for one in known if one not in chosen]
        assert all(NOW - one.looked_at < SHORTEST for one in left)
    assert all(one.known or lateness(one) >= 1 for one in chosen)


@given(PLACES, st.integers(3, 60))
def test_no_known_place_is_left_for_one_that_waited_fewer_of_its_intervals(
    places: list[Place], budget: int
) -> None:
    chosen, known = picked(places, budget), [one for one in places if one.known]
    left = [lateness(one) for one in known if one not in chosen and lateness(one) >= 1]
    less_likely = [one for one in chosen if one.known and lateness(one) < max(left, default=0)]
    assert len(less_likely) <= max(budget // 16, 1)  # those are taken in turn


@given(st.integers(1, 30), st.integers(0, 30), st.integers(2, 80), st.data())
def test_every_place_is_looked_at_within_the_documented_number_of_sweeps(
    known: int, others: int, budget: int, data: st.DataObject
) -> None:
    """docs/how-it-decides.md, "How comments are watched": whatever happens meanwhile."""
    places = [
        *(place(key, known=True, looked=1, silent=1 + key) for key in range(known)),
        *(place(key, known=False, looked=1, silent=1 + key) for key in range(others)),
    ]
    turn = kept = max(budget // 16, 1)
    fits = known <= budget - min(others, kept)
    bounds = {True: 1 if fits else ceil(known / turn), False: 24 + ceil(2 * others / kept)}
    busy = data.draw(st.sets(st.sampled_from([one.place for one in places])))
    for hour in range(1, 90):
        now = NOW + hour * HOUR
        places = looked_at(places, picked(places, budget, now), now)
        for one in places:
            assert now - one.looked_at <= (bounds[one.known] + 1) * HOUR
        # Where somebody writes all the time the interval is short, and takes no other place's turn.
        places = [replace(one, stirred_at=now) if one.place in busy else one for one in places]


@given(
    st.lists(st.tuples(st.booleans(), st.integers(1, 9)), min_size=1, max_size=20),
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
        now = NOW + hour * HOUR
        places = looked_at(places, picked(places, budget, now), now)
    assert min(one.looked_at for one in places) > NOW


def test_a_place_that_takes_more_than_its_share_is_looked_at_all_the_same() -> None:
    dear = place(0, known=True, looked=100, costs=500)
    known, others = [dear, *many(9, known=True)[1:]], many(9, known=False)
    assert "known 0" in names(choose(known, others, 12, NOW))


def test_a_page_is_looked_at_in_one_go_and_the_one_with_the_oldest_look_first() -> None:
    known = [place(1, page=1, known=True, looked=40), place(2, page=2, known=True, looked=39)]
    others = [place(1, page=2, looked=42), place(2, page=1, looked=41)]
    assert [[one.place for one in places] for places in choose(known, others, 10, NOW)] == [
        ["known 2", "other 1"],
        ["known 1", "other 2"],
    ]


def test_a_single_request_goes_to_whoever_has_waited_longest() -> None:
    known, other = place(1, known=True, looked=30), place(1, looked=31)
    assert names(choose([known], [other], 1, NOW)) == ["other 1"]
    assert names(choose([known], [replace(other, looked_at=NOW)], 1, NOW)) == ["known 1"]


@pytest.mark.parametrize("minutes", [1, 5, 20])
def test_frequent_sweeps_look_at_what_is_due_and_at_the_rest_once_an_hour(minutes: int) -> None:
    every, places, taken = timedelta(minutes=minutes), many(48, known=True, looked=0), []
    for number in range(1, 60 // minutes + 1):
        now = NOW + number * every
        chosen = picked(places, 240, now, every)
        taken.append(len(chosen))
        places = looked_at(places, chosen, now)
    assert min(one.looked_at for one in places) > NOW
    assert max(taken) <= ceil(48 * minutes / 60)
    # Where an answer is likely it does not wait for the share.
    likely = [place(key, known=True, looked=1, silent=1) for key in range(100)]
    assert len(picked(likely, 240, NOW, every)) == 100


@given(st.integers(0, 30), st.integers(0, 60), st.integers(1, 40), st.sampled_from([60, 180, 1440]))
def test_where_events_tell_every_place_has_its_turn_for_the_half_of_a_sweep_s_budget_in_a_day(
    known: int, others: int, budget: int, minutes: int
) -> None:
    """docs/how-it-decides.md, "How comments are watched": no place waits longer than is said."""
    every, half = timedelta(minutes=minutes), ceil(budget / 2)
    turn = ceil((known + others) / half) + 1
    days = turn + (14 if known <= half else 1)
    places = [place(key, known=key < known, looked=key) for key in range(known + others)]
    spent = []
    for sweep in range(2 * days * (DAY // every)):
        now = NOW + sweep * every
        chosen = picked(places, budget, now, every, told=True)
        spent.append(len(chosen))
        places = looked_at(places, chosen, now)
        assert all(now - one.looked_at <= days * DAY for one in places)
        assert all(now - one.looked_at <= (1 + turn) * DAY for one in places if one.known)
    a_day = DAY // every
    assert all(sum(spent[at : at + a_day]) <= half for at in range(len(spent)))
