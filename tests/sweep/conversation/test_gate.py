"""Who gets an answer: the table of the reply gate, and what no sequence of comments can bring."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.values import AuthorKind
from daemon.sweep.conversation.gate import ClaimCheck, Gate, GateInput, gate


PERSON, BOT, OWN, UNKNOWN = AuthorKind.PERSON, AuthorKind.BOT, AuthorKind.OWN, AuthorKind.UNKNOWN
QUESTION, THANKS, CLAIM = (
    "Why not Postgres?",
    "thanks!",
    "thanks - fixed in section 3, please check",
)
PLAIN = GateInput(
    PERSON, QUESTION, in_thread=False, addressed=False, replies=0, handed_over=False, old=False
)
OPEN_POINT = {
    "text": "No, one region is enough.",
    "finding": True,
    "in_thread": True,
    "claim": ClaimCheck.FOR_MODEL,
}
MENDED = {**OPEN_POINT, "claim": None, "settled": True}
SETTINGS = ("any", "ours", "mentioned", "none")
LIMIT = 5


@pytest.mark.parametrize(
    ("change", "setting", "verdict"),
    [
        ({}, "any", Gate.REPLY),
        ({"text": CLAIM}, "any", Gate.REPLY),
        ({"text": THANKS}, "any", Gate.SILENT),
        ({"text": "👍"}, "any", Gate.SILENT),
        ({"text": THANKS, "addressed": True, "in_thread": True}, "any", Gate.SILENT),
        ({"author": BOT}, "any", Gate.SILENT),
        ({"author": OWN}, "any", Gate.SILENT),
        ({"author": BOT, "addressed": True, "in_thread": True}, "any", Gate.SILENT),
        ({"old": True}, "any", Gate.SILENT),
        ({"answered": True}, "any", Gate.SILENT),
        ({}, "ours", Gate.SILENT),
        ({"in_thread": True}, "ours", Gate.REPLY),
        ({"addressed": True}, "ours", Gate.REPLY),
        ({"in_thread": True}, "mentioned", Gate.SILENT),
        ({"addressed": True}, "mentioned", Gate.REPLY),
        ({"addressed": True, "in_thread": True}, "none", Gate.SILENT),
        ({"replies": LIMIT - 1}, "any", Gate.REPLY),
        ({"replies": LIMIT}, "any", Gate.HAND_OVER),
        ({"replies": LIMIT + 3}, "any", Gate.HAND_OVER),
        ({"replies": LIMIT, "handed_over": True}, "any", Gate.SILENT),
        ({"replies": LIMIT, "text": THANKS}, "any", Gate.SILENT),
        ({"replies": LIMIT, "author": BOT}, "any", Gate.SILENT),
        ({"replies": LIMIT}, "none", Gate.SILENT),
        (OPEN_POINT, "any", Gate.JUDGE),
        ({**OPEN_POINT, "text": "No, won't do."}, "any", Gate.DISMISS),
        ({**OPEN_POINT, "claim": None}, "any", Gate.DISMISS),
        ({**OPEN_POINT, "replies": LIMIT}, "any", Gate.DISMISS),
        ({**OPEN_POINT, "handed_over": True}, "any", Gate.DISMISS),
        (OPEN_POINT, "mentioned", Gate.DISMISS),
        (OPEN_POINT, "none", Gate.DISMISS),
        ({**OPEN_POINT, "finding": False}, "any", Gate.REPLY),
        # After a question of ours a no is an answer, and what refuses more is judged.
        ({**OPEN_POINT, "asked": True}, "any", Gate.REPLY),
        ({**OPEN_POINT, "asked": True, "text": "No."}, "any", Gate.REPLY),
        ({**OPEN_POINT, "asked": True, "text": "No.", "again": True}, "any", Gate.REPLY),
        ({**OPEN_POINT, "asked": True, "text": "No.", "replies": LIMIT}, "any", Gate.HAND_OVER),
        ({**OPEN_POINT, "asked": True, "text": "No."}, "none", Gate.SILENT),
        ({**OPEN_POINT, "asked": True, "text": "Won't fix."}, "any", Gate.JUDGE),
        ({**OPEN_POINT, "asked": True, "text": "Won't fix."}, "none", Gate.DISMISS),
        ({**OPEN_POINT, "asked": True, "text": "No.", "claim": None}, "any", Gate.DISMISS),
        # Of a no after which its author writes more, the model says what it means.
        (
            {**OPEN_POINT, "text": "No.", "later": ("I take that back: it is 18.",)},
            "any",
            Gate.REPLY,
        ),
        ({**OPEN_POINT, "later": ("Won't fix.", "Which number?")}, "any", Gate.REPLY),
        ({**OPEN_POINT, "text": "No.", "later": ("Sorry, my bad.",)}, "any", Gate.JUDGE),
        ({**OPEN_POINT, "text": "No.", "later": ("Agreed.",)}, "any", Gate.REPLY),
        ({**OPEN_POINT, "text": "No.", "later": ("Agreed, will do.",)}, "any", Gate.REPLY),
        ({**OPEN_POINT, "text": "No.", "later": ("Thanks!",)}, "any", Gate.JUDGE),
        ({**OPEN_POINT, "text": "No.", "later": ("Won't fix.",)}, "any", Gate.DISMISS),
        ({**OPEN_POINT, "text": "No.", "later": ("I take it back.",)}, "none", Gate.DISMISS),
        ({"text": "No.", "in_thread": True}, "any", Gate.SILENT),
        ({"text": "No.", "in_thread": True, "asked": True}, "any", Gate.REPLY),
        ({"text": "Yes.", "in_thread": True, "asked": True}, "any", Gate.REPLY),
        ({"text": "Ja", "in_thread": True, "asked": True, "replies": 9}, "any", Gate.HAND_OVER),
        ({"text": "Thanks!", "in_thread": True, "asked": True}, "any", Gate.SILENT),
        ({"text": "Yes.", "in_thread": True}, "any", Gate.SILENT),
        ({**OPEN_POINT, "asked": True, "text": "Yes."}, "any", Gate.REPLY),
        ({**OPEN_POINT, "to_person": True}, "any", Gate.REPLY),
        # Where something else than the person's own no closed the point, a no is one to that.
        (MENDED, "any", Gate.REPLY),
        ({**MENDED, "text": "No."}, "any", Gate.REPLY),
        ({**MENDED, "text": "No, won't do."}, "any", Gate.REPLY),
        ({**MENDED, "text": "👎"}, "any", Gate.REPLY),
        ({**MENDED, "text": "No.", "asked": True}, "any", Gate.REPLY),
        ({**MENDED, "text": "No.", "again": True}, "any", Gate.REPLY),
        ({**MENDED, "text": "No.", "to_person": True}, "any", Gate.SILENT),
        ({**MENDED, "text": THANKS}, "any", Gate.SILENT),
        ({**MENDED, "text": "No.", "replies": LIMIT}, "any", Gate.HAND_OVER),
        ({**MENDED, "text": "No.", "handed_over": True}, "any", Gate.SILENT),
        ({**MENDED, "text": "No."}, "mentioned", Gate.SILENT),
        ({**MENDED, "text": "No."}, "none", Gate.SILENT),
    ],
)
def test_the_table_of_the_gate(change: dict[str, object], setting: str, verdict: Gate) -> None:
    decided, reason = gate(replace(PLAIN, **change), setting, LIMIT)
    assert decided is verdict
    assert reason


def test_f1_only_a_person_who_is_new_wanted_and_within_the_limit_is_answered() -> None:
    """Every combination of what the gate looks at."""
    flags = (False, True)
    for author, text, in_thread, addressed, replies, handed_over, old, setting in product(
        AuthorKind, (QUESTION, THANKS), flags, flags, (0, LIMIT), flags, flags, SETTINGS
    ):
        asked = GateInput(author, text, in_thread, addressed, replies, handed_over, old)
        wanted = {
            "any": True,
            "ours": in_thread or addressed,
            "mentioned": addressed,
            "none": False,
        }[setting]
        open_ = author is PERSON and text == QUESTION and wanted and not (old or handed_over)
        verdict, _ = gate(asked, setting, LIMIT)
        assert (verdict is Gate.REPLY) is (open_ and replies < LIMIT)
        assert (verdict is Gate.HAND_OVER) is (open_ and replies >= LIMIT)


def _own_comments(sequence: list[tuple[AuthorKind, str]], setting: str) -> list[Gate]:
    """Let the gate decide on one comment after the other of a thread; return what we wrote."""
    written: list[Gate] = []
    for author, text in sequence:
        handed_over = Gate.HAND_OVER in written
        asked = GateInput(
            author, text, bool(written), "bot" in text, len(written), handed_over, old=False
        )
        verdict, _ = gate(asked, setting, LIMIT)
        if verdict in (Gate.REPLY, Gate.HAND_OVER):
            written.append(verdict)
    return written


TEXTS = st.sampled_from([QUESTION, THANKS, CLAIM, "bot, please", "why?", "no", "pause", ""])


@given(
    st.lists(st.tuples(st.sampled_from([BOT, OWN, UNKNOWN]), st.one_of(TEXTS, st.text()))),
    st.sampled_from(SETTINGS),
)
def test_f1_no_sequence_of_comments_by_bots_brings_a_reply(
    sequence: list[tuple[AuthorKind, str]], setting: str
) -> None:
    assert _own_comments(sequence, setting) == []


@given(
    st.lists(st.tuples(st.sampled_from(AuthorKind), TEXTS), max_size=40),
    st.sampled_from(SETTINGS),
)
def test_f9_a_thread_is_handed_over_once_and_then_left(
    sequence: list[tuple[AuthorKind, str]], setting: str
) -> None:
    """Also for a bot that passes for a person: the limit knows no authors."""
    written = _own_comments(sequence, setting)
    assert written[:LIMIT] == [Gate.REPLY] * min(len(written), LIMIT)
    assert written[LIMIT:] in ([], [Gate.HAND_OVER])


def test_f9_the_sixth_question_hands_over_and_the_seventh_finds_silence() -> None:
    written = _own_comments([(PERSON, QUESTION)] * 7, "any")
    assert written == [Gate.REPLY] * LIMIT + [Gate.HAND_OVER]
