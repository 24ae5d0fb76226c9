"""How a document is kept for the reviews of others."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.values import Block
from daemon.review.excerpt import PASSAGE_CHARS
from daemon.sweep.memory import passages
from support.review_values import block, heading


WORDS = st.text("ab é\n\u2028", max_size=40).map(lambda text: text * 60)
TEXTS = st.one_of(
    st.builds(lambda text: block("b", text), WORDS),
    st.builds(lambda text: block("c", text, kind="code"), st.text("x;", max_size=4000)),
)
HEADINGS = st.builds(lambda text: heading("h", text), st.text("Tt ", max_size=2000))


@given(st.lists(TEXTS, max_size=8))
def test_every_word_of_a_document_stands_in_its_passages_once_and_in_order(
    blocks: list[Block],
) -> None:
    kept = "".join(text for _, text in passages(blocks))
    assert bare(kept) == bare("".join(one.plain for one in blocks))


@given(st.lists(st.one_of(TEXTS, HEADINGS), max_size=8))
def test_no_passage_is_longer_than_what_is_shown_of_one(blocks: list[Block]) -> None:
    assert all(0 < len(text) <= PASSAGE_CHARS for _, text in passages(blocks))


def bare(text: str) -> str:
    return "".join(text.split())


def test_a_passage_holds_blocks_in_a_row_below_their_heading() -> None:
    long = "word " * 200
    blocks = [
        block("1", "Before."),
        heading("2", "Rejected"),
        *(block(str(number), f"{number} {long.strip()}") for number in range(3, 6)),
        heading("6", "Decided"),
        block("7", "We do it."),
    ]
    first, second, third = passages(blocks)
    assert first == ("1", f"Before.\n## Rejected\n3 {long.strip()}")
    assert second == ("4", f"## Rejected\n4 {long.strip()}")
    assert third == ("5", f"## Rejected\n5 {long.strip()}\n## Decided\nWe do it.")


def test_what_is_longer_than_a_passage_is_cut_between_words() -> None:
    text = " ".join(f"word{number}" for number in range(600))
    kept = [text for _, text in passages([heading("1", "Long"), block("2", text)])]
    assert len(kept) > 1
    assert " ".join(re.findall(r"word\d+", "\n".join(kept))) == text
