"""Reading in sections: what each pass shows, what is noted, and what is read again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.change import Change
from daemon.domain.values import Block, Severity, Thread
from daemon.review.cleaning import links_in
from daemon.review.deep import DIGEST_TOKENS, SectionTools, Shown
from daemon.review.handles import Handles
from daemon.review.models.failures import WindowTooSmall
from daemon.review.points import OwnPoint
from daemon.review.prompt import estimated_tokens
from daemon.review.tool_specs import ToolContext
from support.review_values import block, comment, finding, heading, snapshot, task, thread


ROOM = 4_000


def page(sections: int, words: int = 300) -> list[Block]:
    found = []
    for number in range(sections):
        found += [heading(f"h{number}", f"Part {number}")]
        found += [block(f"p{number}", f"Text {number}. " + "words " * words)]
    return found


def begun(
    blocks: Iterable[Block],
    threads: Iterable[Thread] = (),
    *,
    room: int = ROOM,
    change: Change | None = None,
    noted: tuple[tuple[str, str], ...] | None = None,
    points: Iterable[OwnPoint] = (),
) -> tuple[SectionTools, Shown]:
    read = snapshot(blocks, threads)
    own = {one.thread_id: one for one in points}
    context = ToolContext(Handles.of(read), (), links_in(""), 8, 2, points=own)
    tools = SectionTools(context)
    return tools, tools.begin(replace(task(read, change), points=own), room, noted)


def read_on(tools: SectionTools, first: Shown, notes: Sequence[str] = ()) -> list[Shown]:
    """Read to the end; note one text in each pass."""
    shown, left = [first], [*notes]
    while True:
        tools.call("note", {"digest": left.pop(0) if left else ""})
        following = tools.next_pass()
        if following is None:
            return shown
        shown.append(following)


def places(shown: Iterable[Shown]) -> list[str]:
    return [re.findall(r"\((parts? .*?) of", one.document)[0] for one in shown]


def test_small_sections_are_read_together_and_each_text_once_in_order() -> None:
    tools, first = begun(page(12, words=100), room=40_000)
    *sections, last = read_on(tools, first)
    text = "".join(one.document for one in sections)
    assert re.findall(r"Text (\d+)\.", text) == [str(number) for number in range(12)]
    assert places(sections) == ["parts 1 to 9", "parts 10 to 12"]
    assert "before it: Part 8; room" in sections[1].document
    assert first.later == tuple(f"Part {number}" for number in range(9, 12))
    assert last.later == ()
    assert "words" not in last.document
    assert tools.digest == ()


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.text("aé語 \n", max_size=900)), min_size=1, max_size=9
    ),
    st.integers(250, 900),
)
def test_whatever_the_texts_and_the_room_each_pass_fits_and_nothing_is_lost(
    texts: list[tuple[int, str]], room: int
) -> None:
    blocks = [
        heading(str(n), text[:40]) if kind == 0 else block(str(n), text)
        for n, (kind, text) in enumerate(texts)
        if text.strip()
    ] or [block("x", "x")]
    tools, first = begun(blocks, room=room)
    shown = read_on(tools, first, ["\n".join(f"fact {n}" for n in range(40))] * 3)
    wanted = "".join(one.line for one in blocks)
    marks = r"(?m)^\[B\d+\]|^  \(.*\)$|… (?=\S|\s)"
    said = "".join(re.sub(marks, "", one.document.split("Document:\n")[1]) for one in shown[:-1])
    assert "".join(said.split()) == "".join(wanted.split())
    assert all(estimated_tokens(one.document) <= room for one in shown)


def test_a_window_without_room_for_a_section_is_told() -> None:
    with pytest.raises(WindowTooSmall, match="no room for the document"):
        begun(page(2), room=150)


def test_notes_are_bounded_keep_their_handle_and_stand_where_their_section_is_not_shown() -> None:
    tools, first = begun(page(3, words=2_000), room=5_000)
    wall = "\n".join(f"B2: fact {number} " + "word " * 30 for number in range(400))
    told = re.search(r"room for notes here: (\d+) characters", first.document)
    assert told is not None
    assert int(told[1]) < DIGEST_TOKENS
    said = tools.call("note", {"digest": f"- [B2]: sessions last 30 days\nB9: not here\n\n{wall}"})
    assert re.fullmatch(r"noted, without \d+ lines: there is no more room", said.text)
    assert tools.finished
    second = tools.next_pass()
    assert second is not None
    head, _ = second.document.split("Document:\n")
    assert head.splitlines()[1] == "  B1: B9: not here"
    assert head.splitlines()[2] == "  B2: sessions last 30 days"
    assert estimated_tokens(head) < DIGEST_TOKENS // 3 + 50
    assert not tools.finished


def test_what_ends_a_section_hears_of_refused_calls_and_finish_ends_it_too() -> None:
    tools, first = begun(page(2, words=1_500))
    assert not tools.call("note", {"digest": "B2: kept"}, refused=1).accepted
    assert not tools.finished
    assert tools.call("finish", {"summary": "B2: said"}).accepted
    assert tools.finished
    assert tools.call("finish", {"summary": "late"}).text == "the section has ended"
    assert tools.summary == ""
    second = tools.next_pass()
    assert second is not None
    assert "  B2: kept\n  B2: said\n" in second.document
    last = [*read_on(tools, second)][-1]
    assert last.document.startswith("What you noted")
    assert first.document.startswith("Document:")


def test_in_the_last_pass_a_note_does_not_end_the_review_and_finish_does() -> None:
    tools, _ = begun(page(1))
    tools.call("note", {"digest": ""})
    assert tools.next_pass() is not None
    assert tools.call("note", {"digest": "x"}).text == "noted; all is read: call finish"
    assert not tools.finished
    tools.call("finish", {"summary": "Settle it.", "question": "", "order": ""})
    assert tools.finished
    assert tools.summary == "Settle it."


def remark(on: int, quote: str, title: str, severity: str = "important") -> dict[str, str]:
    words = {"block": f"B{on * 2 + 2}", "quote": quote, "text": f"{title}, so what?"}
    return {**words, "title": title, "severity": severity}


def test_the_last_pass_ranks_within_a_severity() -> None:
    tools, first = begun(page(4))
    titles = ("Nobody owns it", "No way back", "Which queue", "Costs are missing")
    grades = ("minor", "important", "important", "blocking")
    for number, (title, grade) in enumerate(zip(titles, grades, strict=True)):
        assert tools.call("comment", remark(number, f"Text {number}", title, grade)).accepted
    last = read_on(tools, first)[-1]
    assert "  P3 on B6 (important): “Which queue”" in last.document
    tools.call("finish", {"summary": "", "question": "", "order": "P1, P3 and P9"})
    assert [one.title for one in tools.findings] == [titles[3], titles[2], titles[1], titles[0]]
    assert tools.findings[0].severity is Severity.BLOCKING
    tools.amend({tools.findings[1]: None})
    assert [one.title for one in tools.findings] == [titles[3], titles[1], titles[0]]


def test_threads_stand_beside_their_section_and_what_is_left_of_them_in_the_last_pass() -> None:
    point = finding("p1", "Text 1", title="Too few")
    begun_by = OwnPoint(1, point, "t1", before=("Text 1.",))
    threads = [
        thread("t0", "p0", comment("1", "why here?", new=True)),
        thread("t1", "p1", comment("2", "look again")),
        thread("t2", "p1", comment("3", "just talk")),
        thread("t3", None, comment("4", "on the page")),
    ]
    tools, first = begun(page(2, words=1_200), threads, points=[begun_by])
    assert "why here?" in first.document
    assert "look again" not in first.document
    tools.call("reply", {"thread": "T1", "text": "Since it is late."})
    tools.call("note", {"digest": ""})
    second = tools.next_pass()
    assert second is not None
    assert "why here?" not in second.document
    assert all(words in second.document for words in ("look again", "just talk"))
    last = read_on(tools, second)[-1].document
    assert [words in last for words in ("why here?", "look again", "just talk", "on the page")] == [
        *(False, True, False, True)
    ]
    names = [spec.name for spec in tools.specs]
    assert names == ["comment", "reply", "leave", "follow_up", "note", "finish"]
    assert [spec.name for spec in begun(page(1))[0].specs] == ["comment", "note", "finish"]


NOTES = (
    ("p0", "sessions end after 30 days"),
    ("p3", "backups keep sessions 30 days"),
    ("p5", "the queue is Kafka"),
    ("h6", "the owner is Ana"),
)


@pytest.mark.parametrize(
    ("change", "note", "read", "gone"),
    [
        (Change(first=False, fields=("title",)), "", [], []),
        (Change(first=False, changed={"p0": "old"}), "B2: sessions end after 30 days", ["1"], []),
        (
            Change(first=False, changed={"p0": "old"}),
            "B2: sessions end after 90 days",
            ["1", "4"],
            [],
        ),
        (Change(first=False, changed={"p5": "old"}), "B12: the owner is Ana", ["6", "7"], []),
        (Change(first=False, stirred=frozenset({"h6"}), removed=("x",)), "", ["7"], ["h6"]),
    ],
)
def test_after_an_edit_what_changed_is_read_and_what_shares_notes_with_it(
    change: Change, note: str, read: list[str], gone: list[str]
) -> None:
    tools, first = begun(page(8), change=change, noted=NOTES)
    *sections, last = read_on(tools, first, [note])
    assert [one.removeprefix("part ") for one in places(sections)] == read
    digest = tools.digest
    assert all(said for _, said in digest)
    again = {f"{kind}{int(number) - 1}" for number in read for kind in "hp"} | {*gone}
    kept = [one for one in NOTES if one[1] and one[0] not in again]
    assert {one for one in digest if one[1]} >= {*kept}
    assert all(said in last.document for _, said in kept)


def test_what_was_not_read_before_is_read_and_a_note_on_a_block_that_is_gone_counts() -> None:
    noted = (("h4", ""), ("p5", ""), *NOTES, ("gone", "the owner is Ben"))
    tools, first = begun(page(8), change=Change(first=False), noted=noted)
    *sections, _ = read_on(tools, first)
    assert places(sections) == ["parts 5 to 6", "part 7"]


def test_of_a_section_that_is_cut_the_part_that_changed_is_read_again() -> None:
    blocks = [
        heading("h", "Plan"),
        *(block(f"p{n}", f"Step {n}. " + "words " * 600) for n in range(9)),
    ]
    change = Change(first=False, changed={"p6": "old"}, stirred=frozenset({"h"}))
    tools, first = begun(blocks, change=change, noted=())
    [section, _] = read_on(tools, first)
    assert "Step 6." in section.document
    assert "Step 0." not in section.document
    assert begun(blocks)[1].later == ("part of Plan",)
