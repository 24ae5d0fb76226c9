"""What a terminal shows of a document: the talk, what it is about, and nothing beside it."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from daemon.cli.terminal import Document, Said, draw
from daemon.store.reviews import ReviewedLine


KINDS = ("paragraph", "heading_2", "bulleted_list_item", "to_do", "quote", "code", "table_row")
TALK = [
    [Said("Ana", "Why **two** queues?", is_own=False), Said("Bot", "See *Risks*.", is_own=True)]
]


def drawn(
    document: Document, width: int = 80, *, whole: bool = False, colours: bool = False
) -> str:
    system = "standard" if colours else None
    console = Console(file=io.StringIO(), width=width, force_terminal=colours, color_system=system)
    draw(console, document, whole=whole)
    return console.file.getvalue()


def document(count: int, talked: set[int], kinds: list[str], *, of_page: bool = False) -> Document:
    lines = [
        ReviewedLine(f"b{n}", kinds[n % len(kinds)], n % 3, f"Line{n}x says so much that it wraps")
        for n in range(count)
    ]
    threads = {f"b{n}": TALK for n in talked} | ({"": TALK} if of_page else {})
    return Document("Queues", ["In review"], lines, threads)


@given(
    count=st.integers(1, 12),
    talked=st.sets(st.integers(0, 11)),
    kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=4),
    width=st.integers(24, 120),
    whole=st.booleans(),
)
def test_what_was_talked_about_is_drawn_with_the_line_before_it(
    count: int, talked: set[int], kinds: list[str], width: int, *, whole: bool
) -> None:
    talked = {n for n in talked if n < count}
    found = drawn(document(count, talked, kinds, of_page=True), width, whole=whole)
    wanted = range(count) if whole else {n for t in talked for n in (t - 1, t) if n >= 0}
    assert {n for n in range(count) if f"Line{n}x" in found} == set(wanted)
    assert found.count("💬 Ana") == found.count("↳ Bot") == len(talked) + 1
    assert all(cell_len(line) <= width for line in found.splitlines())
    assert all(line == line.rstrip() for line in found.splitlines() if "─" not in line)
    assert "**" not in found
    assert "\x1b" not in found


def test_colours_say_who_speaks_and_a_document_without_talk_says_so() -> None:
    found = drawn(document(2, {1}, ["paragraph"]), colours=True)
    assert "\x1b[1;36m💬 Ana" in found
    assert "\x1b[1;33m↳ Bot" in found
    assert "no comments" in drawn(document(2, set(), ["paragraph"]))
