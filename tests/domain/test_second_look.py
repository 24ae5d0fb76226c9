"""Who looks at points a second time is watched: a table of cases, and chance from seeds."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta

import pytest

from daemon.domain.second_look import (
    ENOUGH_FALSE,
    FIRST_LOOKS,
    LEFT_ALONE,
    RECENT,
    TESTED,
    Look,
    Seen,
    Watch,
    doubt,
)
from daemon.sweep.second_look import TRUE_POINTS


NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
GOOD = Seen(5, 2, true=1, false=1, refused_false=1)


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        ([], ""),
        ([GOOD] * 20, ""),
        # It refuses everything, with settled points and without.
        ([Seen(2, 2)] * 3, "every one of the last 6 points"),
        ([Seen(1, 1)] * 3, ""),
        ([Seen(9, 9)] * 2, ""),
        ([Seen(3, 3, 1, 1, 1, 1)] * 3, "every one of the last 9"),
        # It refuses nothing, not even what was withdrawn; without such a point that may be right.
        ([Seen(3, 0, true=1, false=1)] * 6, "refused no point in 6 looks"),
        ([Seen(3, 0)] * 9, ""),
        ([Seen(3, 0, true=1, false=1)] * 5 + [Seen(3)], ""),
        ([Seen(3, 0, true=1, false=1)] * 9 + [Seen(3, 1)], ""),
        # It refuses what authors acted on; a mistake now and then is none.
        ([Seen(4, 1, 1, 1)] * 2 + [GOOD], "2 of 3 points that authors acted on"),
        ([Seen(4, 1, 1, 1)] + [GOOD] * 2, ""),
        ([Seen(8, 2, 4, 1)] * 3, ""),
        ([Seen(8, 2, 4, 1)] * 2 + [Seen(8, 1, 4, 2)], "4 of 12 points that authors acted on"),
        ([Seen(8, 2, 4, 2), Seen(4, 0, 3)], ""),
        # It tells true points from false ones no better than chance.
        (
            [Seen(6, 3, 1, n % 5 == 0, 1, n % 3 == 1) for n in range(TESTED)],
            "of 10 points that authors acted on it refused 2, of 10 that were withdrawn 3",
        ),
    ],
)
def test_a_verifier_is_doubted_where_what_it_refused_tells_nothing(
    seen: list[Seen], why: str
) -> None:
    assert why in doubt(seen)
    assert bool(why) == bool(doubt(seen))


def looks(
    seed: int, refuses_true: float, refuses_false: float, known: int = TRUE_POINTS
) -> int | None:
    """Return after how many looks a verifier is doubted; None for never in forty.

    So many points that authors acted on are `known`, for one that was withdrawn.
    """
    chance, watch = random.Random(seed), Watch("same")
    for number in range(1, 41):
        goes_along = watch.takes_along(chance.random())
        true, false = (known, 1) if goes_along else (0, 0)
        wrong = sum(chance.random() < refuses_true for _ in range(true))
        right = sum(chance.random() < refuses_false for _ in range(false))
        rates = [refuses_true] * 3 + [refuses_false] * 2
        refused = sum(chance.random() < rate for rate in rates) + wrong + right
        seen = Seen(len(rates) + true + false, refused, true, wrong, false, right)
        watch = watch.after(Look("a", seen=seen), NOW)
        if watch.doubted:
            return number
    return None


def test_chance_is_found_and_a_good_verifier_keeps_its_place() -> None:
    random_ = [looks(seed, 0.5, 0.5) for seed in range(200)]
    good = [looks(seed, 0.05, 0.7) for seed in range(200)]
    fair = [looks(seed, 0.05, 0.4) for seed in range(200)]
    assert [looks(seed, 1, 1) for seed in range(20)] == [1] * 20
    assert [looks(seed, 1, 1, known=0) for seed in range(20)] == [RECENT] * 20
    assert [looks(seed, 0, 0) for seed in range(20)] == [ENOUGH_FALSE] * 20
    assert sum(found is not None and found <= RECENT for found in random_) > 180
    assert sum(found is not None and found <= TESTED for found in random_) > 195
    assert sum(found is None for found in good) > 190
    assert sum(found is None for found in fair) > 160
    for known in range(1, TRUE_POINTS + 1):
        assert [looks(seed, 0, 1, known) for seed in range(200)] == [None] * 200
        few = [looks(seed, 0.5, 0.5, known) for seed in range(200)]
        assert sum(found is not None and found <= RECENT for found in few) > 85
        assert sum(found is not None and found <= TESTED for found in few) > 180


def test_what_is_known_is_kept_as_long_as_the_setting_holds() -> None:
    watch = Watch("same").after(Look("a", seen=GOOD), NOW).after(Look("b", "it is down"), NOW)
    assert Watch.read(watch.written(), "same") == watch
    assert Watch.read(watch.written(), "auto") == Watch("auto")
    assert Watch.read(None, "same") == Watch("same")
    assert watch.number == 1
    assert watch.left_out(NOW + timedelta(minutes=1)) == {"b": "it failed a moment ago"}
    older = {"rulings": 5, "refused": 2, "refused_true": False, "refused_false": True}
    none = {**older, "refused_true": None, "refused_false": None}
    told = {**json.loads(watch.written()), "seen": {"a": [older, none]}}
    assert Watch.read(json.dumps(told), "same").seen["a"] == (GOOD, Seen(5, 2))
    assert watch.left_out(NOW + LEFT_ALONE) == {}
    assert watch.after(Look("b", seen=GOOD), NOW).left_out(NOW) == {}


def test_only_so_many_looks_are_kept_and_those_with_settled_points_longer() -> None:
    watch = Watch("same")
    for _ in range(30):
        watch = watch.after(Look("a", seen=GOOD), NOW)
    for _ in range(30):
        watch = watch.after(Look("a", seen=Seen(4, 1)), NOW)
    assert watch.seen["a"] == (GOOD,) * TESTED + (Seen(4, 1),) * RECENT
    assert not watch.takes_along(0.9)
    assert watch.takes_along(0.1)
    assert Watch("same", FIRST_LOOKS - 1).takes_along(0.9)
