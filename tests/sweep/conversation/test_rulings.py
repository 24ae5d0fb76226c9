"""Which of the reviewer's points may be ruled on, and what the rulings bring."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daemon.domain.findings import FindingState
from daemon.domain.records import FindingRow
from daemon.domain.values import Comment
from daemon.sweep.conversation.dialogue import Dialogue
from daemon.sweep.conversation.rulings import closed_points
from daemon.sweep.conversation.threads import SortedThreads, ThreadState
from support.review_values import BOT, NOW, OWN, block, comment, finding, snapshot, thread


KNOWN = ThreadState({}, {}, NOW, "any", 3, "RFC reviewer")
RAISED = comment("own", "Say how it is undone.", OWN)
NO, REOPEN = comment("no", "No, won't do."), comment("ask", "Please reopen this.")
ASKED = replace(REOPEN, new=True)


def closed(state: FindingState, *said: Comment) -> list[str]:
    """Return why nothing can be said of each closed point; "" where it may be opened again."""
    threads = (thread("T", "block", RAISED, *said),)
    heard = SortedThreads(threads, {}, (), ())
    row = FindingRow(1, finding("block", "N/A"), state, "T", NOW, 1)
    dialogue = Dialogue(heard, KNOWN, "RFC reviewer", NOW)
    return [one.mute for one in closed_points([row], dialogue, snapshot([block("block", "N/A")]))]


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
    ],
)
def test_what_a_person_turned_down_is_opened_again_only_after_the_last_no(
    said: tuple[Comment, ...],
    opens: bool,  # noqa: FBT001 - a column of the table
) -> None:
    assert [not why for why in closed(FindingState.DISMISSED, *said)] == [opens]
    assert closed(FindingState.ADDRESSED, *said) == [""]
