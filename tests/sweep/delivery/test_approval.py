"""The brake: pure, by properties: what is a flood is held, what is usual never."""

from __future__ import annotations

from dataclasses import astuple, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.store.drafts import ReviewSize
from daemon.sweep.delivery.approval import (
    ALWAYS_ALLOWED,
    ENOUGH_REVIEWS,
    FIXED_LIMIT,
    exceeded,
    is_drawn,
    usual_limit,
)


numbers = st.integers(min_value=0, max_value=500_000)
loads = st.builds(ReviewSize, numbers, numbers, numbers)
histories = st.lists(loads, max_size=40)
few = st.lists(loads, max_size=ENOUGH_REVIEWS - 1)
versions = st.integers(min_value=0, max_value=40)


def is_held(load: ReviewSize, history: list[ReviewSize], under_prompt: int) -> bool:
    return bool(exceeded(load, usual_limit(history, under_prompt)))


@given(few, versions)
def test_with_few_reviews_it_neither_holds_everything_nor_nothing(history, under_prompt):
    assert not is_held(ALWAYS_ALLOWED, history, under_prompt)
    assert not is_held(FIXED_LIMIT, history, under_prompt)
    for name in ("comments", "replies", "tokens"):
        over = replace(ReviewSize(), **{name: getattr(FIXED_LIMIT, name) + 1})
        assert list(exceeded(over, usual_limit(history, under_prompt))) == [name]


@given(histories, versions)
def test_what_is_harmless_always_passes(history, under_prompt):
    assert not is_held(ALWAYS_ALLOWED, history, under_prompt)


@given(histories, versions)
def test_there_is_always_something_that_is_held(history, under_prompt):
    flood = ReviewSize(1_000_000, 1_000_000, 1_000_000)
    assert set(exceeded(flood, usual_limit(history, under_prompt))) == {
        "comments",
        "replies",
        "tokens",
    }


@given(histories, versions, loads, loads)
def test_what_is_more_than_something_held_is_held(history, under_prompt, load, more):
    larger = ReviewSize(*(a + b for a, b in zip(astuple(load), astuple(more), strict=True)))
    held = exceeded(load, usual_limit(history, under_prompt))
    assert set(held) <= set(exceeded(larger, usual_limit(history, under_prompt)))


@given(st.lists(st.tuples(loads, loads), max_size=40), versions)
def test_a_history_of_more_never_lets_less_pass(pairs, under_prompt):
    history = [load for load, _ in pairs]
    larger = [
        ReviewSize(*(a + b for a, b in zip(astuple(load), astuple(more), strict=True)))
        for load, more in pairs
    ]
    before, after = usual_limit(history, under_prompt), usual_limit(larger, under_prompt)
    assert all(a <= b for a, b in zip(astuple(before), astuple(after), strict=True))


@given(st.lists(loads, min_size=ENOUGH_REVIEWS, max_size=120))
def test_of_an_old_prompts_reviews_at_most_one_in_a_hundred_was_unusual(history):
    limit = usual_limit(history, ENOUGH_REVIEWS)
    for name in ("comments", "replies", "tokens"):
        over = sum(getattr(load, name) > getattr(limit, name) for load in history)
        assert over <= len(history) // 100


@given(histories, st.integers(min_value=0, max_value=ENOUGH_REVIEWS - 1))
def test_a_new_prompt_begins_with_the_fixed_limit_of_comments(history, under_prompt):
    over = ReviewSize(comments=FIXED_LIMIT.comments + 1)
    assert is_held(over, history, under_prompt)


def test_after_twenty_reviews_a_prompt_is_measured_by_the_history():
    history = [ReviewSize(comments=7)] * 100
    assert not is_held(ReviewSize(comments=7), history, ENOUGH_REVIEWS)
    assert is_held(ReviewSize(comments=7), history, ENOUGH_REVIEWS - 1)
    assert is_held(ReviewSize(comments=8), history, ENOUGH_REVIEWS)


def test_the_hundredth_part_is_left_out():
    history = [ReviewSize(comments=3)] * 198 + [ReviewSize(comments=50)] * 2
    assert usual_limit(history, ENOUGH_REVIEWS).comments == 3
    assert usual_limit([*history, ReviewSize(comments=50)], ENOUGH_REVIEWS).comments == 50


def test_the_reason_names_the_measure_and_both_numbers():
    found = exceeded(ReviewSize(comments=9), replace(FIXED_LIMIT, comments=4))
    assert found == {"comments": "9 comments where at most 4 are usual"}


# --- the share that a person looks at


@given(st.text(), st.text(), st.text(), st.floats(0, 1))
def test_a_draw_depends_on_nothing_else(seed, page, content, share):
    assert is_drawn(seed, page, content, share) == is_drawn(seed, page, content, share)
    assert not is_drawn(seed, page, content, 0.0)
    assert is_drawn(seed, page, content, 1.0)


@given(st.text(), st.text(), st.text(), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_holds_what_a_smaller_one_held(seed, page, content, one, other):
    small, large = sorted((one, other))
    assert is_drawn(seed, page, content, small) <= is_drawn(seed, page, content, large)


@pytest.mark.parametrize("part", ["seed", "page", "content"])
def test_a_tenth_of_the_reviews_is_drawn_whatever_varies(part):
    drawn = sum(
        is_drawn(
            *(f"{name} {number if name == part else 0}" for name in ("seed", "page", "content")),
            0.1,
        )
        for number in range(5000)
    )
    assert 400 < drawn < 600
