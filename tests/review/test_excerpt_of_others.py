"""The documents that a review is told of: their handles, their quotes, what is looked up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from daemon.domain.passages import Passage, RememberedPage
from daemon.review.excerpt import LOOK_UPS, Recall
from daemon.review.prompt import estimated_tokens
from daemon.review.tool_specs import ToolRefusal


NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
EVENTS = RememberedPage("p1", "s", "RFC 12: [Events]", "https://n.example/p1", "Accepted", NOON)
DRAFT = RememberedPage("p2", "s", "RFC 13", "https://n.example/p2", "", NOON)
KEYS = Passage(EVENTS, "b1", "Every event carries a key.\n[B1] Or not.")
ORDER = Passage(EVENTS, "b2", "Order holds for one key.")
OTHER = Passage(DRAFT, "b3", "Keys are random.")


def recall(told: Sequence[Passage] = (KEYS,), found: Sequence[Passage] = ()) -> Recall:
    return Recall(told, lambda _: found)


def rests_on(against: str, quote: str) -> dict[str, str]:
    return {"against": against, "against_quote": quote, "lens": ""}


def test_a_document_has_one_handle_and_no_text_of_it_begins_a_line() -> None:
    lines = recall([KEYS, OTHER, ORDER]).text.splitlines()[1:]
    assert lines == [
        "[D1 from “RFC 12: [Events]”, Accepted 2026-03-02]",
        "  Every event carries a key.",
        "    [B1] Or not.",
        "  Order holds for one key.",
        "[D2 from “RFC 13”, not decided 2026-03-02]",
        "  Keys are random.",
    ]
    assert recall([]).text == ""


def test_what_is_looked_up_keeps_its_handle_and_is_shown_once() -> None:
    one = recall(found=[ORDER, KEYS, OTHER])
    said = one("order  of\nevents")
    assert said.splitlines()[0].startswith("[D1 from")
    assert "Every event" not in said
    assert "[D2 from" in said
    assert one("order of events") == "nothing else is near to that"
    assert one.looked_up == {"order of events": (ORDER, KEYS, OTHER)}
    for number in range(LOOK_UPS - 1):
        one(f"more {number}")
    with pytest.raises(ToolRefusal, match="limit"):
        one("too much")
    assert one("order of events"), "the same words again are no further look-up"


def test_no_more_is_told_or_quoted_than_there_is_room_for() -> None:
    room = estimated_tokens(KEYS.text) + 1
    one = Recall([KEYS, OTHER], lambda _: [ORDER, OTHER, KEYS], room)
    assert "carries a key" in one.text
    assert "random" not in one.text
    with pytest.raises(ToolRefusal, match="there is no document 'D2': D1"):
        one.contradiction(rests_on("D2", "Keys are random"))
    assert "Order holds" in one("order")


@pytest.mark.parametrize("words", ["", "  \n"])
def test_a_look_up_without_words_is_refused(words: str) -> None:
    with pytest.raises(ToolRefusal, match="words"):
        recall()(words)


def test_a_contradiction_names_and_links_a_decided_document_with_words_that_stand_there() -> None:
    one = recall([KEYS, OTHER])
    assert one.contradiction(rests_on(" [d1] ", "carries a key")) == (
        "\n\n[RFC 12: \\[Events\\]](https://n.example/p1) (Accepted 2026-03-02) says: "
        "*carries a key*"
    )
    assert one.contradiction(rests_on("", " ")) == ""


@pytest.mark.parametrize(
    ("against", "quote", "why"),
    [
        ("D3", "carries a key", "there is no document 'D3': D1, D2"),
        ("", "carries a key", "there is no document"),
        ("D1", "carries no key", "these words do not stand"),
        ("D1", "", "these words do not stand"),
        ("D2", "Keys are random", "not decided"),
    ],
)
def test_an_invented_contradiction_is_refused(against: str, quote: str, why: str) -> None:
    with pytest.raises(ToolRefusal, match=why):
        recall([KEYS, OTHER]).contradiction(rests_on(against, quote))


def test_handles_become_titles_unless_the_document_itself_says_them() -> None:
    one = recall([KEYS, OTHER])
    assert one.spelled_out("D1 and [D2], not D7 or AD1.", ["text"]) == (
        "“RFC 12: [Events]” and “RFC 13”, not D7 or AD1."
    )
    assert one.spelled_out("see D1 and D2", ["vitamin D1 is rare"]) == "see D1 and “RFC 13”"
