"""Which of the reviewer's points may be ruled on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.domain.findings import Event, FindingState
from daemon.domain.records import FindingRow
from daemon.domain.values import Comment, Outcome, Review, ReviewKind, Usage
from daemon.store import findings, pages, reviews
from daemon.store.database import State, copy_in_memory
from daemon.sweep.conversation.dialogue import Dialogue
from daemon.sweep.conversation.points import closed_points
from daemon.sweep.conversation.threads import SortedThreads, ThreadState
from support.review_values import BOT, NOW, OWN, block, comment, finding, snapshot, thread
from support.states import SOURCE, page_row


KNOWN = ThreadState({}, {}, NOW, "any", 3, "RFC reviewer")
RAISED = comment("own", "Say how it is undone.", OWN)
NO, REOPEN = comment("no", "No, won't do."), comment("ask", "Please reopen this.")
ASKED = replace(REOPEN, new=True)
LATER = comment("later", "I meant: there is none yet.", minutes=1)
OURS = RAISED.author


@pytest.fixture
def state() -> Iterator[State]:
    """A state with a review of a page."""
    review = Review(Outcome.DONE, (), (), {}, "", (), "scripted:model", Usage())
    told = {"prompt": "", "content_hash": "", "sweep_id": None, "at": NOW}
    with closing(copy_in_memory(Path("there is none"))) as state:
        pages.save_source(state, SOURCE)
        pages.save(state, [page_row(id="page")])
        reviews.add(state, "page", review, kind=ReviewKind.REVIEW, **told)
        yield state


def closed(state: State, events: list[Event], *said: Comment) -> list[str]:
    """Return why nothing can be said of each closed point; "" where it may be opened again."""
    threads = (thread("T", "block", RAISED, *said),)
    dialogue = Dialogue(SortedThreads(threads, {}, (), ()), KNOWN, "RFC reviewer", NOW)
    raised = finding("block", "N/A")
    number, became = findings.add(state, 1, "page", raised, NOW), FindingState.OPEN
    for event in events:
        became = findings.apply_event(state, number, event, NOW)
    known = [FindingRow(number, raised, became, "T", NOW, 1)]
    points = closed_points(state, known, dialogue, snapshot([block("block", "N/A")]))
    return [one.mute for one in points]


@pytest.mark.parametrize(
    ("said", "opens"),
    [
        ((), False),
        ((NO,), False),
        ((NO, REOPEN), False),
        ((NO, ASKED), True),
        ((NO, ASKED, comment("b", "No, please not.", BOT)), True),
        ((NO, ASKED, comment("c", "Why is that?")), True),
        ((ASKED, NO), False),
        ((NO, ASKED, replace(NO, id="again")), False),
        ((NO, LATER), True),
        ((NO, replace(LATER, plain="Thanks.")), False),
        ((NO, replace(LATER, plain="No.")), False),
        ((NO, LATER, replace(LATER, plain="Thanks.")), True),
        ((NO, LATER, replace(LATER, plain="No, leave it.")), False),
        ((NO, replace(LATER, author=OURS)), False),
    ],
)
def test_what_a_person_turned_down_is_opened_again_only_after_the_last_no(
    state: State,
    said: tuple[Comment, ...],
    opens: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """Also where it was ruled fixed since."""
    for events in ([Event.TURNED_DOWN], [Event.TURNED_DOWN, Event.FIXED]):
        assert [not why for why in closed(state, events, *said)] == [opens]
    opened_between = [Event.TURNED_DOWN, Event.TAKEN_UP, Event.FIXED]
    for events in ([Event.FIXED], opened_between):
        assert closed(state, events, *said) == [""]
