"""Handles: how blocks and threads are numbered, named by the model, and spelled out for people."""

from __future__ import annotations

import pytest

from daemon.review.handles import OPENING_CHARS, Handles
from support.review_values import block, comment, heading, snapshot, thread


SEEN = snapshot(
    [block("a", "First words."), block("empty", ""), block("b", "Second words.")],
    [
        thread("t", "b", comment("1", "why?")),
        thread("u", None, comment("2", "who?")),
        thread("v", "empty", comment("3", "where?")),
    ],
)
HANDLES = Handles.of(SEEN)


def test_blocks_with_text_and_threads_are_numbered_in_order() -> None:
    assert {handle: one.id for handle, one in HANDLES.blocks.items()} == {"B1": "a", "B2": "b"}
    assert {handle: one.id for handle, one in HANDLES.threads.items()} == {
        "T1": "t",
        "T2": "u",
        "T3": "v",
    }


def test_a_block_that_is_listed_twice_has_its_first_handle() -> None:
    twice = Handles.of(snapshot([block("a", "One."), block("b", "Two."), block("a", "One.")]))
    assert twice.of_block == {"a": "B1", "b": "B2"}


def test_the_threads_on_a_block_are_found() -> None:
    assert HANDLES.threads_on(SEEN.blocks[2]) == ["T1"]
    assert HANDLES.threads_on(SEEN.blocks[0]) == []


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("B3", "B", ["B3"]),
        ("b 3", "B", ["B3"]),
        ("[B3 new]", "B", ["B3"]),
        ("B-03", "B", ["B3"]),
        ("3", "B", ["B3"]),
        ("#3.", "T", ["T3"]),
        ("B1, B2 and B1", "B", ["B1", "B2"]),
        ("T1 on B2", "T", ["T1"]),
        ("T1 on B2", "B", ["B2"]),
        ("T1", "B", []),
        ("B0", "B", []),
        ("AB3", "B", []),
        ("the third", "B", []),
    ],
)
def test_an_argument_names_handles_in_any_plain_way(
    text: str, kind: str, expected: list[str]
) -> None:
    assert HANDLES.parse(text, kind) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("See B1.", "See “First words.”."),
        ("See [b2 changed].", "See “Second words.”."),
        ("See T1.", "See the thread on “Second words.”."),
        ("See T2.", "See the thread on this page."),
        ("See T3.", "See the thread on this page."),
        ("B1/B2", "“First words.” / “Second words.”"),
        ("See B9 and x.B1.", "See B9 and x.B1."),
    ],
)
def test_people_read_words_instead_of_handles(text: str, expected: str) -> None:
    assert HANDLES.spelled_out(text) == expected


SECTIONS = Handles.of(
    snapshot(
        [
            heading("h", "Rollout"),
            block("a", "Phase 1."),
            block("b", "Phase 2."),
            heading("i", "Costs"),
            block("c", "Nothing."),
        ]
    )
)


def test_a_section_is_named_once_and_the_own_block_not_at_all() -> None:
    spelled = SECTIONS.spelled_out("B2 contradicts B3. B3 and B5 agree with B2.", "a")
    assert spelled == (
        "“Phase 1.” contradicts “Phase 2.”. “Phase 2.” and “Nothing.” (“Costs”) agree with"
        " “Phase 1.”."
    )


def test_in_a_title_a_block_is_named_by_a_few_of_its_words() -> None:
    assert SECTIONS.spelled_out("B2 denies B5", briefly=True) == "“Phase 1.” denies “Nothing.”"
    assert SECTIONS.spelled_out("[B4] is empty", briefly=True) == "“Costs” is empty"


def test_code_is_named_by_its_first_line_and_what_has_no_words_by_the_heading_above() -> None:
    code = "{\n  fn drain(queue) {\n    queue.pop()\n}}"
    handles = Handles.of(
        snapshot(
            [
                block("-", "---", plain="", kind="divider"),
                heading("h", "Plan"),
                block("c", f"```\n{code}\n```", plain=code, kind="code"),
                block("i", "![](diagram)", plain="", kind="image"),
                block("n", "—"),
            ]
        )
    )
    assert handles.spelled_out("B3 shows B4, and B3 is B5") == (
        "“fn drain(queue) {” (“Plan”) shows “Plan”, and “fn drain(queue) {” is “Plan”"
    )
    assert handles.spelled_out("See B1") == "See that block"


def test_a_long_block_is_named_by_its_first_words() -> None:
    long = Handles.of(snapshot([block("a", "several words " * 20)]))
    spelled = long.spelled_out("B1")
    assert spelled.startswith("“several words several")
    assert spelled.endswith("…”")
    assert len(spelled) <= OPENING_CHARS + 3


def test_a_handle_that_is_a_word_of_the_document_stays() -> None:
    tiers = Handles.of(snapshot([block("a", "Tier T1 pays.")], [thread("t", "a")]))
    assert tiers.spelled_out("Is T1 right, as B1 says?") == "Is T1 right, as “Tier T1 pays.” says?"
