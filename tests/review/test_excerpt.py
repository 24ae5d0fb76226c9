"""Which part of a document the model is shown: for changes, threads, and small windows."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.change import Change
from daemon.domain.values import Block
from daemon.review.excerpt import (
    Reader,
    excerpts_for_threads,
    fit_to_window,
)
from daemon.review.handles import Handles
from daemon.review.prompt import (
    WHOLE,
    Excerpt,
    ReviewInput,
    document_text,
    estimated_tokens,
)
from daemon.review.tool_specs import ToolRefusal
from support.review_values import (
    block,
    comment,
    heading,
    snapshot,
    task,
    thread,
)


LONG = "words " * 60


def long_page() -> list[Block]:
    blocks = [block("opening", LONG)]
    for section in ("Problem", "Proposal", "Rollout"):
        blocks.append(heading(section, section))
        blocks.append(block(f"{section} sub", "### Deeper", kind="heading_3", plain="Deeper"))
        blocks += [block(f"{section} {number}", f"{number}. {LONG}") for number in range(6)]
    return blocks


def told(blocks: list[Block], change: Change) -> str:
    seen = task(snapshot(blocks), change)
    return document_text(seen, Handles.of(seen.snapshot))


def test_of_a_long_old_text_the_part_that_differs_is_shown() -> None:
    sentence = "Every carrier has a queue of its own, and no queue waits for another one. "
    now = f"{sentence * 3}It holds 500 letters. {sentence * 3}"
    change = Change(first=False, changed={"a": now.replace("500", "20")})
    [_, was] = told([block("a", now)], change).splitlines()[-2:]
    assert was.startswith("  was: … ")
    assert "It holds 20 letters. Every" in was
    assert was.endswith(" …")
    assert len(was) < 110
    for old, part in (
        (f"{now} Or so.", "Or so."),
        (now[5:], "carrier has a"),
        ("No. " * 50, "No."),
    ):
        said = told([block("a", now)], Change(first=False, changed={"a": old}))
        assert part in said.splitlines()[-1]


LONG_AGO = Change(first=False)


def read(seen: ReviewInput, excerpt: Excerpt = WHOLE) -> str:
    return document_text(seen, Handles.of(seen.snapshot), excerpt)


def sections(count: int, size: int = 300) -> list[Block]:
    out = []
    for number in range(count):
        out.append(heading(f"h{number}", f"Part {number}"))
        out += [
            block(f"p{number}.{n}", f"({number}.{n}) " + "words " * (size // 6)) for n in range(3)
        ]
    return out


def fitted(seen: ReviewInput, room: int, shown: Excerpt = WHOLE) -> tuple[Excerpt, str]:
    handles = Handles.of(seen.snapshot)
    excerpt = fit_to_window(seen, handles, room, shown)
    assert excerpt is not None
    return excerpt, document_text(seen, handles, excerpt)


def test_what_fits_is_shown_whole() -> None:
    seen = task(snapshot(sections(3)))
    excerpt, text = fitted(seen, estimated_tokens(read(seen)))
    assert excerpt == WHOLE
    assert text == read(seen)


def test_f12_sections_are_left_out_whole_from_the_end_and_named_while_headings_stay() -> None:
    seen = task(snapshot(sections(6)))
    excerpt, text = fitted(seen, estimated_tokens(read(seen)) // 2)
    shown = {number for number in range(6) if f"({number}." in text}
    assert shown == set(range(len(shown)))
    assert 0 < len(shown) < 6
    assert excerpt.sections == tuple(f"Part {number}" for number in range(len(shown), 6))
    assert all(f"## Part {number}" in text for number in range(6))
    assert all(f"({number}.{n})" in text for number in shown for n in range(3))
    assert text.count("(3 blocks left out here)") == 6 - len(shown)


def test_f12_of_a_document_without_headings_the_end_is_left_out() -> None:
    blocks = [block(str(n), f"<{n}> " + "words " * 50) for n in range(20)]
    excerpt, text = fitted(task(snapshot(blocks)), 600)
    shown = [int(number) for number in re.findall(r"<(\d+)>", text)]
    assert shown == list(range(len(shown)))
    assert len(shown) > 2
    assert excerpt.sections == ("part of the document",)


def test_f12_of_one_giant_block_the_beginning_is_shown() -> None:
    excerpt, text = fitted(task(snapshot([block("a", "words " * 20_000)])), 2_000)
    assert "[B1] words words" in text
    assert "characters left out)" in text
    assert excerpt.sections == ("part of the document",)
    assert estimated_tokens(text) > 900


def test_a_giant_block_does_not_push_out_the_sections_beside_it() -> None:
    blocks = [*sections(2), heading("h", "Dump"), block("d", "words " * 20_000)]
    excerpt, text = fitted(task(snapshot(blocks)), 6_000)
    assert "(0.0)" in text
    assert "(1.2)" in text
    assert excerpt.sections == ("part of Dump",)


def test_who_waits_stays_longest() -> None:
    asked = thread("t", "p5.1", comment("1", "why?", new=True))
    told = thread("u", "p3.1", comment("2", "fyi"))
    seen = task(snapshot(sections(6), [asked, told]))
    _, text = fitted(seen, 600)
    for kept in ("(5.1)", "why?"):
        assert kept in text
    assert "(5.0)" not in text
    assert "fyi" not in text
    assert "(1 thread on blocks that are left out)" in text


def test_nothing_fits_where_not_even_one_block_does() -> None:
    seen = task(snapshot(sections(3)))
    handles = Handles.of(seen.snapshot)
    assert fit_to_window(seen, handles, 0) is None
    assert fit_to_window(seen, handles, -500) is None
    assert fit_to_window(seen, handles, 60) is None


def test_a_page_of_headings_alone_loses_its_last_ones() -> None:
    seen = task(snapshot([heading(str(n), f"Part {n}") for n in range(100)]))
    _, text = fitted(seen, 300)
    assert "Part 0" in text
    assert "Part 99" not in text
    assert fit_to_window(seen, Handles.of(seen.snapshot), 0) is None


@given(
    st.lists(st.tuples(st.booleans(), st.integers(1, 400), st.sampled_from("a日é")), max_size=25),
    st.integers(0, 3_000),
    st.sets(st.integers(0, 24)),
)
def test_whatever_the_window_the_document_fits_or_is_refused(
    drawn: list[tuple[bool, int, str]], room: int, new: set[int]
) -> None:
    blocks = [
        heading(str(n), char * size) if head else block(str(n), char * size)
        for n, (head, size, char) in enumerate(drawn)
    ]
    seen = task(snapshot(blocks), Change(first=False, new=frozenset(map(str, new))))
    handles = Handles.of(seen.snapshot)
    excerpt = fit_to_window(seen, handles, room)
    bodies = {one.id for one in blocks if one.type == "paragraph"}
    if excerpt is None:
        return
    assert estimated_tokens(document_text(seen, handles, excerpt)) <= room
    assert not bodies or bodies - excerpt.left_out
    assert bool(excerpt.sections) is bool(excerpt.left_out or excerpt.longest)


def test_a_page_of_two_thousand_blocks_is_cut_in_no_time() -> None:
    seen = task(snapshot(sections(500)))
    excerpt, text = fitted(seen, 20_000)
    assert excerpt.left_out
    assert estimated_tokens(text) <= 20_000


def test_around_a_waiting_thread_its_block_the_neighbours_and_the_outline_are_shown() -> None:
    blocks = sections(6)
    seen = task(snapshot(blocks, [thread("t", "p3.1", comment("1", "why?", new=True))]), LONG_AGO)
    around, _, cut, least = excerpts_for_threads(seen, Handles.of(seen.snapshot))
    shown = {one.id for one in blocks} - around.left_out
    near = {"p2.2", "h3", "p3.0", "p3.1", "p3.2", "h4", "p4.0"}
    assert shown == near | {f"h{number}" for number in range(6)}
    assert cut.left_out == around.left_out
    assert {one.id for one in blocks} - least.left_out == {"h3", "p3.1"}


def test_a_question_about_the_page_may_be_about_any_of_it() -> None:
    seen = task(snapshot(sections(3), [thread("t", None, comment("1", "why?", new=True))]))
    whole, asked, _, least = excerpts_for_threads(seen, Handles.of(seen.snapshot))
    assert whole == WHOLE
    assert asked == replace(WHOLE, threads=frozenset({"t"}))
    # Where nothing else fits, what stands under the headings is to be read.
    assert {one.id for one in sections(3)} - least.left_out == {"h0", "h1", "h2"}


def test_where_the_block_of_a_thread_says_nothing_the_outline_stays() -> None:
    waits = thread("t", "gone", comment("1", "why?", new=True))
    seen = task(snapshot(sections(2), [waits]))
    excerpt, *_ = excerpts_for_threads(seen, Handles.of(seen.snapshot))
    text = read(seen, excerpt)
    assert "[T1 on a block that is gone]" in text
    assert "## Part 1" in text
    assert "(1.0)" not in text


def test_a_reply_in_a_small_window_still_sees_its_thread() -> None:
    blocks = sections(6)
    seen = task(snapshot(blocks, [thread("t", "p3.1", comment("1", "why?", new=True))]))
    around, *_ = excerpts_for_threads(seen, Handles.of(seen.snapshot))
    excerpt, text = fitted(seen, 350, around)
    assert around.left_out < excerpt.left_out
    assert "(3.1)" in text
    assert "why?" in text


def reader(room: int, seen: ReviewInput | None = None) -> Reader:
    seen = seen or task(snapshot(sections(6)))
    handles = Handles.of(seen.snapshot)
    return Reader(seen, handles, fitted(seen, estimated_tokens(read(seen)) // 2)[0], room)


def test_what_was_left_out_is_read_as_it_would_have_been_shown() -> None:
    change = Change(first=False, changed={"p4.2": "old words"})
    seen = task(snapshot(sections(6)), change)
    found = reader(10_000, seen)
    assert found.unread == ("Part 2", "Part 3", "Part 4", "Part 5")
    said = found("B17", "B20")
    assert said in read(seen)
    assert "  was: old words" in said
    assert found.unread == ("Part 2", "Part 3", "Part 5")
    assert found("[B24]", "B21") == found("B21", "B24")
    assert found.unread == ("Part 2", "Part 3")


def test_what_is_read_ends_where_the_room_ends() -> None:
    found = reader(500)
    said = found("B1", "B24")
    assert 400 < estimated_tokens(said) < 520
    following = re.findall(r"\[(B\d+)", said)[-1].replace("B", "")
    assert said.endswith(f"(no room for B{int(following) + 1} and what follows)")
    with pytest.raises(ToolRefusal, match="no room to read B10"):
        found("B10", "B10")


@pytest.mark.parametrize("handle", ["", "B0", "B99", "T1", "B1 B2", "all"])
def test_only_a_handle_of_the_document_is_read(handle: str) -> None:
    with pytest.raises(ToolRefusal, match="one handle each, from B1 to B24"):
        reader(500)(handle, "B2")
