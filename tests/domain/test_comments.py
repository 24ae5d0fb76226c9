"""What is decided about a comment: how often it is offered and answered, and how that is stored."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.comments import (
    MOST_ANSWERS,
    MOST_TRIES,
    NEW,
    CommentState,
    Decision,
)


STORED = ("seen", "left", "answered", "answered twice", "tried 1", "tried 2", "tried 1 again")
LEFT_BEFORE = ("left, left 2", "seen, left 1", "answered, left 3", "tried 1 again, left 2")
STEPS = {
    "answer": CommentState.after_answer,
    "pass over": CommentState.after_passing_over,
    "leave": lambda state: state.without_answer(Decision.LEFT),
    "see": lambda state: state.without_answer(Decision.SEEN),
}


def after(*steps):
    state = NEW
    for step in steps:
        state = STEPS[step](state)
    return state


@pytest.mark.parametrize("stored", STORED + LEFT_BEFORE)
def test_what_a_state_holds_is_read_and_written_alike(stored):
    """These forms stand in the states of every version so far."""
    assert str(CommentState.parse(stored)) == stored


@pytest.mark.parametrize("stored", ["", "new", "tried", "tried often", "answered thrice", "gone"])
def test_another_form_is_no_state(stored):
    with pytest.raises(ValueError, match=r"state of a comment|invalid literal"):
        CommentState.parse(stored)


@given(st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=6))
def test_whatever_happens_to_a_comment_comes_back_as_it_was_stored(steps):
    assert CommentState.parse(str(after(*steps))) == after(*steps)


@pytest.mark.parametrize(
    ("steps", "stored"),
    [
        (["see"], "seen"),
        (["answer"], "answered"),
        (["answer", "answer"], "answered twice"),
        (["leave"], "left"),
        (["pass over"], "tried 1"),
        (["pass over", "pass over"], "tried 2"),
        (["pass over", "pass over", "pass over"], "left"),
        (["pass over", "answer"], "answered"),
        # Edited after an answer: that there was one is kept.
        (["answer", "see"], "answered"),
        (["answer", "leave"], "answered, left 1"),
        (["leave", "leave"], "left, left 2"),
        (["leave", "see"], "seen, left 1"),
        (["leave", "pass over"], "tried 1, left 1"),
        (["leave", "pass over", "pass over", "pass over"], "left, left 2"),
        (["answer", "pass over"], "tried 1 again"),
        (["answer", "pass over", "pass over", "pass over"], "answered, left 1"),
        (["answer", "pass over", "answer"], "answered twice"),
        (["answer", "answer", "pass over"], "answered twice, left 1"),
    ],
)
def test_each_step_leads_to_one_state(steps, stored):
    assert str(after(*steps)) == stored


@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=40))
def test_an_edited_comment_reaches_the_model_a_bounded_number_of_times(steps):
    """However often its author edits it, and whatever stands in it then."""
    state, asked = NEW, 0
    for step in steps:
        if state is NEW or state.waits or state.reopens_on_edit:
            asked += step != "see"
            state = STEPS[step](state)
    assert asked <= (MOST_TRIES + MOST_ANSWERS) * MOST_TRIES


def test_what_waits_is_decided_again_and_what_was_answered_twice_never():
    waiting = {one for one in STORED if CommentState.parse(one).waits}
    assert waiting == {"tried 1", "tried 2", "tried 1 again"}
    assert NEW.waits
    assert [one for one in STORED if not CommentState.parse(one).reopens_on_edit] == [
        "answered twice"
    ]
