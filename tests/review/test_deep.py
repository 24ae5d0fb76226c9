"""Reading in sections: what each pass shows, what is noted, and what is read again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.change import Change, Reviewed
from daemon.domain.values import Block, Finding, Severity, Thread
from daemon.review.cleaning import links_in
from daemon.review.deep import SectionTools, Shown
from daemon.review.digest import DIGEST_TOKENS, LEAST_LINE, LEAST_NOTE, levelled, notes_near, size
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
    kept: Sequence[Finding] = (),
) -> tuple[SectionTools, Shown]:
    read = snapshot(blocks, threads)
    own = {one.thread_id: one for one in points}
    context = ToolContext(Handles.of(read), (), links_in(""), 8, 2, points=own, kept=kept)
    tools = SectionTools(context)
    return tools, tools.begin(replace(task(read, change), points=own, kept=kept), room, noted)


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


LONG = "With a content hash, writing the lock forces a rebuild"


def test_a_title_that_was_cut_beside_the_notes_can_be_said_anew_in_a_later_pass() -> None:
    tools, _ = begun(page(3, words=900))
    said = {"block": "B2", "quote": "Text 0", "text": "Why is it?", "severity": "minor"}
    assert tools.call("comment", {**said, "title": LONG}).accepted
    tools.call("note", {"digest": ""})
    second = tools.next_pass()
    assert second is not None
    assert (
        "P1 on B2 (minor): “With a content hash, writing the lock forces…” (so cut: a title has at "
        "most 8 words; for another, comment again with the quote “Text 0”)"
    ) in second.document
    whole = "Writing the lock forces a rebuild"
    assert tools.call("comment", {**said, "title": whole}).text == "noted as P1"
    tools.call("note", {"digest": ""})
    third = tools.next_pass()
    assert third is not None
    assert f"P1 on B2 (minor): “{whole}”\n" in third.document
    assert [one.title for one in tools.findings] == [whole]


def test_a_window_without_room_for_a_section_is_told() -> None:
    with pytest.raises(WindowTooSmall, match="no room for the document"):
        begun(page(2), room=150)


def test_notes_are_bounded_keep_their_handle_and_stand_where_their_section_is_not_shown() -> None:
    tools, first = begun(page(3, words=2_000), room=5_000)
    wall = "\n".join(f"B2: fact {number} " + "word " * 30 for number in range(400))
    told = re.search(r"room for notes here: (\d+) bytes with line ends", first.document)
    assert told is not None
    assert int(told[1]) < DIGEST_TOKENS
    said = tools.call("note", {"digest": f"- [B2]: sessions last 30 days\nB9: not here\n\n{wall}"})
    cut = re.fullmatch(r"noted; of your notes (those .* left out, for want of room)", said.text)
    assert tools.finished
    second = tools.next_pass()
    assert second is not None
    head, _ = second.document.split("Document:\n")
    assert cut is not None
    assert f"; of your last notes {cut[1]}; " in second.document
    assert head.splitlines()[1] == "  B1: B9: not here"
    assert head.splitlines()[2] == "  B2: sessions last 30 days"
    assert estimated_tokens(head) < DIGEST_TOKENS // 3 + 50
    assert not tools.finished


@pytest.mark.parametrize(
    ("over", "digest", "kept", "told"),
    [
        (0, "{0}\nB2: it ends", "{0}\nB2: it ends", ""),
        (1, "{0}\nB2: it ends on a day", "{0}\nB2: it ends on a…", "those on B2 were cut"),
        (9, "{0}\nB2: ends\nB1: so be it", "{0}\nB2: ends", "those on B1 left out"),
        (12, "{0}\nB2: 語語語語語語語語語", "{0}\nB2: 語語語…", "those on B2 were cut"),
    ],
)
def test_notes_that_take_more_than_there_is_room_for_lose_their_end_at_once_and_it_is_told(
    over: int, digest: str, kept: str, told: str
) -> None:
    tools, first = begun(page(3, words=900))
    room = int(re.findall(r"room for notes here: (\d+)", first.document)[0])
    rest = sum(map(size, digest.splitlines()[1:]))
    head = "B1: ".ljust(room - rest + over - 1, "x")
    said = tools.call("note", {"digest": digest.format(head)}).text
    assert tools.finished
    assert said == (f"noted; of your notes {told}, for want of room" if told else "noted")
    second = tools.next_pass()
    assert second is not None
    ids = {"B1": "h0", "B2": "p0"}
    lines = [line.split(": ", 1) for line in kept.format(head).splitlines()]
    assert [one for one in tools.digest if one[1]] == [(ids[at], words) for at, words in lines]
    assert (f"; of your last notes {told}, for want" in second.document) is bool(told)
    tools.call("note", {"digest": "B4: short"})
    third = tools.next_pass()
    assert third is not None
    assert "of your last notes" not in third.document


def test_a_note_that_is_too_long_alone_is_cut_at_a_word_and_said_again_it_counts_once() -> None:
    wall = "B2: " + "word " * 900
    failed = {"block": "B2", "quote": "no such words", "text": "Why?", "severity": "minor"}
    tools, _ = begun(page(3, words=900))
    assert not tools.call("comment", failed).accepted
    assert "1 call of this turn failed" in tools.call("note", {"digest": wall}, refused=1).text
    told = "those on B2 were cut, for want of room"
    assert tools.call("note", {"digest": wall}).text == f"noted; of your notes {told}"
    second = tools.next_pass()
    assert second is not None
    [noted] = [words for _, words in tools.digest if words]
    assert re.fullmatch(r"(word )+word…", noted)
    assert f"of your last notes {told}" in second.document


def test_what_ends_a_section_hears_of_refused_calls_and_finish_ends_it_too() -> None:
    tools, first = begun(page(2, words=1_500))
    assert not tools.call("note", {"digest": "B2: kept"}, refused=1).accepted
    assert not tools.finished
    assert tools.call("finish", {"summary": "B2: said"}).accepted
    assert tools.finished
    late = {"summary": "Done.\nB2: late", "question": "Who pays?"}
    assert tools.call("finish", late).text == "noted; the section has ended"
    assert (tools.summary, tools.question) == ("", "")
    second = tools.next_pass()
    assert second is not None
    told = ["B1: Open question: Who pays?", "B2: kept", "B2: said", "B2: late"]
    assert second.document.startswith(
        "What you noted of the sections that are not shown:\n  " + "\n  ".join(told) + "\nDocument:"
    )
    last = [*read_on(tools, second)][-1]
    assert last.document.startswith("What you noted")
    assert first.document.startswith("Document:")


def test_words_that_end_a_section_in_place_of_a_call_are_its_notes() -> None:
    tools, _ = begun(page(2, words=1_500))
    second = tools.next_pass("B2: sessions end after 30 days\nNothing else.")
    assert second is not None
    assert "  B1: Nothing else.\n  B2: sessions end after 30 days\n" in second.document
    read_on(tools, second)
    assert tools.next_pass("Settle it.") is None  # the words of the last pass are the summary


def test_once_note_waited_for_a_correction_what_corrects_ends_the_section() -> None:
    tools, _ = begun(page(2, words=1_500))
    refused = remark(0, "Text 9", "Nobody owns it")
    assert not tools.call("comment", refused).accepted
    told = tools.call("note", {"digest": "B2: kept"}, refused=1).text
    assert "correct what failed, and what comes next follows" in told
    assert not tools.call("comment", refused).accepted
    assert not tools.finished
    assert tools.call("comment", {**refused, "quote": "Text 0"}).accepted
    assert tools.finished
    assert tools.call("note", {"digest": "B1: more"}).accepted
    second = tools.next_pass()
    assert second is not None
    assert not tools.finished
    assert "  B1: more\n  B2: kept\n" in second.document
    assert not tools.call("comment", {**refused, "quote": "Text 9"}).accepted
    assert tools.call("comment", remark(1, "Text 1", "Which queue")).accepted
    assert not tools.finished


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


def test_points_are_shown_in_later_passes_keep_their_numbers_and_can_be_taken_back() -> None:
    tools, _ = begun(page(3, words=1_000))
    for title, quote in (("Nobody owns it", "Text 0"), ("No way back", "words words")):
        assert tools.call("comment", remark(0, quote, title)).accepted
    tools.call("note", {"digest": ""})
    second = tools.next_pass()
    assert second is not None
    assert "  P2 on B2 (important): “No way back”\n" in second.document
    assert tools.call("comment", remark(1, "Text 1", "Which queue")).accepted
    for wrong in ("P9", "", "P1 and P2"):
        assert tools.call("take_back", {"point": wrong}).text.endswith("they are P1, P2, P3")
    assert tools.call("take_back", {"point": "P1"}).text == "P1 is taken back"
    assert not tools.call("take_back", {"point": "P1"}).accepted
    assert [one.title for one in tools.findings] == ["No way back", "Which queue"]
    assert tools.refusals[-2].reason == "the model took “Nobody owns it” back later"
    last = read_on(tools, second)[-1].document
    assert "  P3 on B4 (important): “Which queue”: Which queue, so what?" in last
    assert "Nobody owns it" not in last


def test_threads_stand_beside_their_section_and_what_is_left_of_them_in_the_last_pass() -> None:
    point = finding("p1", "Text 1", title="Too few")
    begun_by = OwnPoint(1, point, "t1", before=("Text 1.",))
    threads = [
        thread("t0", "p0", comment("1", "why here?", new=True)),
        thread("t1", "p1", comment("2", "look again")),
        thread("t2", "p1", comment("3", "just talk")),
        thread("t3", None, comment("4", "on the page")),
    ]
    tools, first = begun(page(2, words=1_000), threads, points=[begun_by])
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
    assert names == ["comment", "reply", "leave", "follow_up", "take_back", "note", "finish"]
    assert [spec.name for spec in begun(page(1))[0].specs] == [
        *("comment", "take_back", "note", "finish")
    ]


def test_threads_that_do_not_fit_whole_stand_by_their_titles_the_gravest_first() -> None:
    ranks = (Severity.MINOR, Severity.IMPORTANT, Severity.BLOCKING)
    points = [
        OwnPoint(
            number,
            finding("p0", "Text 0", severity=ranks[number % 3], title=f"Point {number} here"),
            f"t{number}",
            before=("Text 0.",),
        )
        for number in range(30)
    ]
    threads = [thread(f"t{one.id}", "p0", comment(f"c{one.id}", "look " * 90)) for one in points]
    for room, is_whole, is_all in ((40_000, True, True), (4_000, False, True), (350, False, False)):
        tools, first = begun(page(2, words=1_000), threads, points=points, room=room)
        last = read_on(tools, first)[-1].document
        assert estimated_tokens(last) <= room
        whole = re.findall(r"begun by your (\w+) point “Point (\d+) here”", last)
        alone = re.findall(r"^  \[T\d+ on B2\] (\w+): “Point (\d+) here”", last, re.MULTILINE)
        left = sum(map(int, re.findall(r"\((\d+) more open threads? left out\)", last)))
        shown = [*whole, *alone]
        assert len({number for _, number in shown}) == len(shown) == 30 - left
        assert (alone == []) is is_whole
        assert (left == 0) is is_all
        assert whole if is_all else alone
        order = [Severity(one).rank for one, _ in alone]
        assert order == sorted(order)
        graver = max((Severity(one).rank for one, _ in whole), default=0)
        assert graver <= min(order, default=2)


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


def test_a_section_whose_open_point_names_what_changed_is_read_again_before_others() -> None:
    grades = (Severity.MINOR, Severity.BLOCKING, Severity.IMPORTANT, Severity.IMPORTANT)
    points = [
        OwnPoint(
            at,
            finding(f"p{at}", f"Text {at}", severity=grade, title=f"Point {at} here"),
            f"t{at}",
            beside={"p7": "changed since"} if at != 3 else {"p6": ""},
            closed="fixed" if at == 4 else "",
        )
        for at, grade in enumerate((*grades, Severity.BLOCKING))
    ]
    threads = [thread(f"t{one.id}", f"p{one.id}", comment(f"c{one.id}", "look")) for one in points]
    noted = (*NOTES, ("p7", "sessions end after 30 days"))
    changes = (
        (Change(first=False, changed={"p7": "old"}), ["8", "2", "3"]),
        (Change(first=False, changed={"p6": "old"}), ["7", "1", "4"]),
        (Change(first=False, changed={"p5": "old"}), ["6", "1", "8"]),
    )
    for change, read in changes:
        tools, first = begun(page(8), threads, change=change, noted=noted, points=points)
        note = f"B{int(read[0]) * 2}: sessions end after 90 days"
        *sections, last = read_on(tools, first, [note])
        numbers = re.findall(
            r"\(parts? (\d+)(?: to (\d+))?", "".join(one.document for one in sections)
        )
        assert [one for pair in numbers for one in pair if one] == read
        if read[0] == "8":
            again = sections[1].document
            assert (
                "shown again since a point or note of yours on it names what changed; room" in again
            )
            assert (
                "important point “Point 2 here”, about: Text 2; B16, which it names, changed since"
                in again
            )
            assert "  B16 was: old; it is: Text 7." in again
            ranked = re.findall(r"point “Point (\d) here”", last.document)
            assert ranked == ["0", "1", "2", "3"]
            said = "minor point “Point 0 here”, about: Text 0; B16, which it names, changed since"
            assert said in last.document
        why = "".join(one.document for one in sections[1:])
        assert ("names what changed" in why) is (read[0] != "6")
        assert ("share words with what" in why) is (read[0] != "8")


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


def test_notes_are_kept_as_written_and_their_handles_are_those_of_the_blocks_now() -> None:
    written = [
        "B2-B4: “criteria” of B6",
        'B1: "Plan": see B4…B6 and T1',
        "B3 and B5: both say (B2)",
    ]
    threads = [thread("t0", "p0", comment("1", "why?"))]
    tools, first = begun(page(4), threads)
    last = read_on(tools, first, ["\n".join(written)])[-1]
    assert last.document.splitlines()[1:4] == [f"  {written[at]}" for at in (1, 0, 2)]
    kept = tools.digest
    assert dict(kept)["p0"] == "{B:p0}-{B:p1}: “criteria” of {B:p2}"
    # Whoever sees no threads has words for them.
    assert dict(tools.noted) == dict(kept) | {
        "h0": '"Plan": see {B:p1}…{B:p2} and “Ana Costa: why?”'
    }
    now = [block("new", "Above all."), *page(4)[:4]]
    change = Change(first=False, new=frozenset({"new"}))
    tools, first = begun(now, change=change, noted=kept)
    assert first.document.splitlines()[:4] == [
        "What you noted of the sections that are not shown:",
        '  B2: "Plan": see B5…a block that is gone and a thread that is gone',
        "  B3-B5: “criteria” of a block that is gone",
        "  B4 and a block that is gone: both say (B3)",
    ]
    tools.call("note", {"digest": ""})
    assert tools.digest != kept
    assert dict(tools.digest)["p0"] == "{B:p0}-{B:p1}: “criteria” of a block that is gone"


@given(
    st.lists(st.text("aé語 ", min_size=1, max_size=200), max_size=30),
    st.integers(0, 3_000),
)
def test_lines_that_do_not_fit_are_cut_the_longest_first(lines: list[str], most: int) -> None:
    kept = levelled(lines, most)
    assert sum(map(size, kept)) <= most
    assert kept == lines or sum(map(size, lines)) > most
    pairs = [*zip(lines, kept, strict=False)]
    whole = [size(one) for one, less in pairs if one == less]
    cut = [size(one) for one, less in pairs if one != less]
    assert not whole or not cut or max(whole) <= max(min(cut), LEAST_LINE + 1)
    if sum(min(size(one), LEAST_LINE + 1) for one in lines) <= most:
        assert len(kept) == len(lines)


@given(
    st.lists(st.text("abcd 12語", min_size=1, max_size=300), max_size=20),
    st.text("abcd 12語", max_size=60),
    st.integers(0, 2_000),
)
def test_of_notes_that_do_not_all_fit_the_nearest_are_shown_in_order_and_the_others_counted(
    lines: list[str], text: str, most: int
) -> None:
    shown = notes_near(lines, [text], most)
    assert sum(map(size, shown)) <= most
    whole = [f"  {one}" for one in lines]
    if shown[1:] == whole:
        return
    *kept, last = shown or [""]
    left = re.fullmatch(r"  \((\d+) more notes? left out\)", last)
    rest = iter(whole)
    for one in [*kept[1:], *([] if left else shown[-1:])]:
        head = one.removesuffix("…") if one not in whole else one
        assert any(line.startswith(head) for line in rest)
    if left:
        assert len(kept) - 1 + int(left[1]) == len(lines)


def test_what_is_noted_far_above_is_shown_where_a_section_speaks_of_it() -> None:
    room, count = 900, 50
    blocks = page(count, words=200)
    blocks[-1] = block("last", "Sessions end after 90 days in Kafka. " + "words " * 200)
    tools, first = begun(blocks, room=room)
    rooms, shown = list[int](), [first]
    while (now := shown[-1]) and "room for notes here" in now.document:
        rooms += map(int, re.findall(r"room for notes here: (\d+)", now.document))
        at = int(re.findall(r"parts? (\d+)", now.document)[0]) * 2
        said = "Kafka keeps sessions 30 days" if at == 50 else "values are stored in a queue"
        assert tools.call("note", {"digest": f"B{at}: {said} {'x' * 40}"}).text == "noted"
        following = tools.next_pass()
        assert following is not None
        shown.append(following)
    assert len(rooms) >= count
    assert min(rooms) > LEAST_NOTE
    by_notes = {"  B50: Kafka keeps" in one.document for one in shown if "left out" in one.document}
    assert by_notes == {True, False}
    [speaks] = [one.document for one in shown if "days in Kafka." in one.document]
    assert "  B50: Kafka keeps sessions 30 days xxx" in speaks


def test_a_short_pass_has_room_for_a_line_of_notes_however_full_the_others_are() -> None:
    blocks = list[Block]()
    for number in range(40):
        words = 5 if number % 5 == 4 else 210
        blocks += [heading(f"h{number}", f"Part {number}")]
        blocks += [block(f"p{number}", f"Text {number}. " + "words " * words)]
    tools, shown = begun(blocks, room=900)
    passes = list[tuple[int, int]]()
    while found := re.search(r"room for notes here: (\d+)", shown.document):
        passes.append((int(found[1]), len(re.findall("words", shown.document))))
        line = f"{re.findall(r'^.(B[0-9]+)', shown.document, re.MULTILINE)[0]}: a"
        tools.call("note", {"digest": line.ljust(int(found[1]) - 1, "x")})
        following = tools.next_pass()
        assert following is not None
        shown = following
    assert min(words for _, words in passes) < 20
    assert sum(len(said) for _, said in tools.digest) < DIGEST_TOKENS * 3
    assert min(room for room, _ in passes) > LEAST_NOTE


def test_what_was_kept_back_is_not_listed_once_it_is_made_again() -> None:
    kept = [finding(f"p{at}", f"Text {at}", title=f"Kept {at}") for at in (0, 1)]
    change = Change(first=False, changed={"p0": "old", "p1": "old"})
    tools, first = begun(page(8), change=change, noted=NOTES, kept=kept)
    assert "“Kept 0”" in first.document
    assert tools.call("comment", remark(0, "Text 0", "Nobody owns it")).accepted
    last = read_on(tools, first)[-1]
    assert "“Kept 1”" in last.document
    assert "“Kept 0”" not in last.document


def test_what_is_read_again_has_room_for_notes_in_place_of_the_old_round_after_round() -> None:
    blocks = page(12, words=900)
    tools, first = begun(blocks)
    full = [f"B{2 * n + 2}: value {n} is 10{n}, as " + "words " * 400 for n in range(12)]
    read_on(tools, first, full)
    digest = tools.digest
    for edit in range(4):
        at = 3 * edit
        change = Change(first=False, changed={f"p{at}": f"Text {at}. words old"})
        tools, first = begun(blocks, change=change, noted=digest)
        told = re.search(r"room for notes here: (\d+) bytes", first.document)
        assert told is not None
        was = sum(size(f"B{2 * at + 2}: {said}") for key, said in digest if key == f"p{at}")
        assert int(told[1]) >= was > 0
        line = f"B{2 * at + 2}: value {at} is now {edit} "
        line += "x" * (int(told[1]) - len(line) - 1)
        assert tools.call("note", {"digest": line}).text == "noted"
        *_, last = takewhile(bool, iter(tools.next_pass, object()))
        assert last is not None
        assert f"value {at} is now {edit} " in last.document
        digest = tools.digest
        assert f"is now {edit} " in dict(digest)[f"p{at}"]


def test_in_a_later_review_each_pass_says_what_changed_elsewhere_and_why_it_is_shown() -> None:
    change = Change(
        first=False,
        new=frozenset({"p5"}),
        changed={"p0": "Text 0. Sessions end after 30 days."},
        removed=("Gone.",),
    )
    tools, first = begun(page(8), change=change, noted=NOTES)
    assert "part 1 of 8; after it: Part 1; shown since it changed; room" in first.document
    head = first.document.split("What you noted")[0].splitlines()
    assert head[0] == "What changed since the last review in sections that are not shown:"
    assert head[1].startswith("  B12 is new: Text 5. words")
    assert head[2:] == ["  removed: Gone."]
    _, second, again, last = read_on(tools, first, ["B2: sessions end after 90 days"])
    was = "  B2 was: Text 0. Sessions end after 30 days.; it is: Text 0. words"
    assert was in second.document
    assert was in again.document
    assert "; shown again since your notes on it share words with what changed" in again.document
    assert was in last.document
    assert "What changed since" not in begun(page(8))[1].document


def test_what_was_moved_is_read_again_and_told_where_it_is_not_shown() -> None:
    was = page(8)
    now = [*was[:4], was[11], *was[4:11], *was[12:]]
    change = Change.between(Reviewed.of(snapshot(was)), snapshot(now))
    tools, first = begun(now, change=change, noted=NOTES)
    assert first.document.endswith("\n  moved: stood under B12 “Part 5”")
    second = read_on(tools, first)[1]
    assert "] ## Part 5" in second.document
    assert "  B5 was moved, it stood under B12 “Part 5”: Text 5. words" in second.document


def test_where_a_pass_ends_without_a_word_on_notes_the_old_ones_stay() -> None:
    change = Change(first=False, changed={"p0": "old"})
    tools, first = begun(page(8), change=change, noted=NOTES)
    assert NOTES[0][1] not in first.document
    last = tools.next_pass()
    assert last is not None
    assert f"  B2: {NOTES[0][1]}" in last.document


def test_where_nothing_is_noted_of_a_section_that_did_not_change_its_old_notes_stay() -> None:
    change = Change(first=False, changed={"p0": "old"})
    tools, first = begun(page(8), change=change, noted=NOTES)
    first, again, last = read_on(tools, first, ["B2: sessions end after 90 days"])
    assert NOTES[1][1] not in again.document
    assert f"  B8: {NOTES[1][1]}" in last.document
    tools, first = begun(page(8), change=change, noted=NOTES)
    assert NOTES[0][1] not in read_on(tools, first)[-1].document
