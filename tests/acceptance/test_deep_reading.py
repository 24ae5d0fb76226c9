"""A document that does not fit is read in sections, with a digest of what was read before."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from itertools import takewhile
from typing import Any

import pytest

from daemon.sandbox import Sandbox
from daemon.sandbox import blocks as made
from support.program import (
    NOW,
    Call,
    Program,
    Reply,
    ScriptedModel,
    comment,
    finish,
    follow_up,
    plain,
    posted,
    reply,
    said,
)
from support.vendor_server import anthropic_message, tool_use


HOUR = timedelta(hours=1)
MODEL = "anthropic:claude-sonnet-5-5"
SECTIONS, DISTANCE, PLANTED = 20, 10, 4
FACT = re.compile(r"\[(B\d+)(?: new| changed)?\] The (\w+) limit is (\d+) letters\.")
NOTED = re.compile(r"^  (B\d+): (\w+) limit (\d+)$", re.MULTILINE)
PLACE = re.compile(r"\(parts? (\d+)(?: to (\d+))? of (\d+)")


def names() -> list[str]:
    return [f"carrier{chr(97 + number)}" for number in range(SECTIONS)]


def document(words: int = 60) -> list[Any]:
    """Twenty sections with a fact each; the last four contradict four that stand far above."""
    content = []
    for number, name in enumerate(names()):
        again = number >= SECTIONS - PLANTED
        subject, value = (names()[number - DISTANCE], 7) if again else (name, 100 + number)
        content.append(made.heading(2, f"Section {number}"))
        content.append(made.paragraph(f"The {subject} limit is {value} letters."))
        content += [
            made.paragraph(
                f"Sentence {number}.{n} fills this page. " + "Letters wait here. " * words
            )
            for n in range(2)
        ]
    return content


class Reader:
    """Sees the first tokens of what it is shown, finds limits that differ, and notes limits."""

    def __init__(self, tokens: int, *, notes: bool = True) -> None:
        self.characters = tokens * 4
        self.notes = notes
        self.read: list[tuple[int, int]] = []
        self.written = 0

    def __call__(self, shown: str, turn: int) -> list[Call]:
        said = self.says(shown, turn)
        self.written += len(json.dumps(said))
        return said

    def says(self, shown: str, turn: int) -> list[Call]:
        text = shown[: self.characters]
        place = PLACE.search(text)
        known = {name: (at, value) for at, name, value in NOTED.findall(text)}
        calls, lines = [], []
        for at, name, value in FACT.findall(text):
            other = known.setdefault(name, (at, value))
            if other[1] != value:
                title = f"The limit of {name} is {value} or {other[1]}"
                words = f"{at} says {value}, and {other[0]} says {other[1]}."
                calls.append(comment(at, f"The {name} limit is {value}", words, title=title))
            lines.append(f"{at}: {name} limit {value}")
        if turn:
            return [finish("Done.")]
        if not place:
            calls += self.again(text)
            order = {"summary": "Settle the limits.", "question": "", "order": "P2, P1"}
            return [*calls, ("finish", order)]
        self.read.append((int(place[1]), int(place[2] or place[1])))
        return [*calls, ("note", {"digest": "\n".join(lines) if self.notes else ""})]

    def again(self, text: str) -> list[Call]:
        """Say in the last pass what the notes show, without a look at the points that were made."""
        notes: dict[str, dict[str, str]] = {}
        for at, name, value in NOTED.findall(text):
            notes.setdefault(name, {})[value] = at
        return [
            comment(at, f"The {name} limit is {value}", "Which one?", title=f"Two limits: {name}")
            for name, found in notes.items()
            for value, at in [*found.items()][1:]
        ]

    @property
    def parts(self) -> list[int]:
        return [part for first, last in self.read for part in range(first, last + 1)]


@pytest.fixture
def page(box: Sandbox, rfcs: str) -> Any:
    return box.world.page(rfcs, "Long", document(), at=NOW - HOUR)


def on_blocks(box: Sandbox, page: Any) -> list[str]:
    return [plain(one) for one in posted(box) if one.parent_id != page.id]


def edit(box: Sandbox, page: Any, section: int, text: str) -> None:
    box.clock.advance(HOUR)
    box.world.edit_block(box.world.blocks(page.id)[section * 4 + 1], text)
    box.clock.advance(HOUR)


@pytest.mark.parametrize("notes", [True, False])
def test_a_weak_reader_finds_what_contradicts_far_sections_by_its_notes_alone_and_once(
    box: Sandbox, program: Program, model: ScriptedModel, page: Any, *, notes: bool
) -> None:
    reader = model.think = Reader(4_000, notes=notes)
    program.config["windows"] = {MODEL: 8_000}
    done = program.sweep().json
    assert reader.parts == [*range(1, SECTIONS + 1)]
    # One a pass, one for the last, and one more where it hears that all was said before.
    assert done["model_requests"] == len(model.sent) == len(reader.read) + 1 + notes
    found = on_blocks(box, page)
    assert len(found) == (PLANTED if notes else 0)
    assert len({one.splitlines()[0] for one in found}) == len(found)
    assert tuple(tool["name"] for tool in model.sent[0].body["tools"][-2:]) == ("note", "finish")
    fixed = [(sent.body["system"], sent.body["tools"]) for sent in model.sent]
    assert all(one == fixed[0] for one in fixed)
    last = model.documents[-1]
    assert all(f"## Section {number}" in last for number in range(SECTIONS))
    assert "Sentence" not in last
    assert last.count(" limit ") >= (SECTIONS if notes else 0)
    assert last.count("  P") == len(found)


def test_of_the_points_of_one_severity_the_last_pass_says_which_are_posted(
    box: Sandbox, program: Program, model: ScriptedModel, page: Any
) -> None:
    model.think = Reader(6_000)
    program.config |= {"deep": "always", "limits": {"comments_per_review": 1}}
    program.sweep()
    [found] = on_blocks(box, page)
    assert found.startswith("The limit of carrierh is 7 or 107")  # the second that was made
    [summary] = [one for one in posted(box) if one.parent_id == page.id]
    assert "carrierg" in plain(summary)


def test_a_point_keeps_its_handle_when_it_is_made_anew_and_what_an_order_names_in_vain_is_told(
    box: Sandbox, program: Program, model: ScriptedModel, page: Any
) -> None:
    reader, orders = Reader(6_000), ("P9, P2", "P2, P9")

    def thinks(shown: str, turn: int) -> list[Call]:
        if PLACE.search(shown):
            return reader(shown, turn)
        last = ("finish", {"summary": "Settle it.", "question": "", "order": orders[turn]})
        again = re.search(r"P2 on (B\d+)", shown)
        assert again
        anew = comment(again[1], "The carrierh limit is 7", "Which holds?", title="Two limits")
        return [last] if turn else [("take_back", {"point": "P2"}), anew, last]

    model.think = thinks
    program.config |= {"deep": "always", "limits": {"comments_per_review": 1}}
    program.sweep()
    heard = str(model.sent[-1].body["messages"])
    assert "noted as P2" in heard
    assert "refused: order names P9; they are P1, P2, P3" in heard
    assert on_blocks(box, page)[0].startswith("Two limits")


def test_after_an_edit_what_changed_is_read_again_and_what_the_notes_tie_to_it(
    box: Sandbox, program: Program, model: ScriptedModel, page: Any
) -> None:
    reader = model.think = Reader(4_000)
    program.config["windows"] = {MODEL: 8_000}
    program.sweep()
    for section, value, again in ((3, 333, [4]), (2, 102, []), (1, 111, [2, 12]), (6, 7, [7, 17])):
        reader.read.clear()
        edit(box, page, section, f"The {names()[section]} limit is {value} letters.")
        program.sweep()
        assert reader.parts == again, section
        assert f": {names()[section]} limit {value}" in model.documents[-1]
    reader.read.clear()
    program.run("review", page.id)
    assert reader.parts == [*range(1, SECTIONS + 1)]


# Of each section: its heading, a fact, another fact, and what is noted of the two.
TIED = (
    (
        "Summary",
        "A job is one file.",
        "It is run twice.",
        "a job is one file",
        "twice in 90 minutes",
    ),
    (
        *("Commands", "Settings are read in SETTINGS_HOME.", "Old folders are kept."),
        *("settings from SETTINGS_HOME, not the folder", ""),
    ),
    (
        *("Guidelines", "Groups of jobs are found by themselves.", "A header is optional."),
        *("", "no release can be required"),
    ),
    (
        "Releases",
        "A release may be required.",
        "It ages.",
        "release required (B11: it isn't)",
        "",
    ),
    ("Costs", "A job costs 40 cents.", "It is paid.", "a job costs 40 cents", ""),
    ("Groups", "A group is joined by hand.", "It ends.", "group: joined by hand", ""),
    ("Mail", "Mail is sent for each job.", "It is short.", "mail for each job, see B18", ""),
    ("Limits", "Jobs end after 90 minutes.", "They restart.", "jobs end after 90 minutes", ""),
    (
        "Queue",
        "The queue has room for 70 jobs.",
        "It is kept.",
        "a queue of 70 jobs",
        "zebra queue",
    ),
)


class Noting:
    """Notes of each block what it is told, and keeps which parts it read."""

    def __init__(self, notes: dict[str, str]) -> None:
        self.notes, self.read, self.why = notes, list[int](), list[str]()

    def __call__(self, shown: str, turn: int) -> list[Call]:
        if turn or not (place := PLACE.search(shown)):
            return [finish("Done.")]
        self.read += range(int(place[1]), int(place[2] or place[1]) + 1)
        self.why += re.findall(r"; (shown again since [^;]*);", shown)
        text = shown.split("Document:\n")[1]
        found = re.findall(r"^\[(B\d+)[^\]]*\] (.*)$", text, re.MULTILINE)
        lines = [f"{at}: {self.notes[said]}" for at, said in found if self.notes.get(said)]
        return [("note", {"digest": "\n".join(lines)})]


@pytest.mark.parametrize(
    ("section", "now", "note", "again", "why"),
    [
        # What is noted of an unchanged block of the section ties nothing: not Releases.
        (
            *(2, "Groups are joined by hand; `run` reads SETTINGS_HOME too."),
            *("group joined by hand; run: settings from SETTINGS_HOME", [3, 2, 6], "share words"),
        ),
        # What the note leaves out is in the words that changed.
        (2, "Groups of jobs are found in SETTINGS_HOME.", "groups are found", [3, 2], "share"),
        # What went counts as what came does.
        (7, "Jobs never end.", "jobs never end", [8, 1], "share words"),
        (7, "Jobs end after 70 minutes.", "jobs end after 70 minutes", [8, 1, 9], "share words"),
        (7, None, "", [8, 1], "share words"),
        (8, None, "", [9], ""),
        # A note that names the block comes first; a word that most sections have ties nothing.
        (4, "A job costs 90 cents.", "a job costs 90 cents", [5, 1, 7], "note of yours"),
        (4, "A job costs 30 cents.", "a job costs 30 cents", [5, 7], "note of yours"),
        (6, "Mail is sent for a job.", "mail for a job", [7], ""),
    ],
)
def test_after_an_edit_those_sections_are_read_again_that_the_words_and_names_tie_to_it(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    rfcs: str,
    *,
    section: int,
    now: str | None,
    note: str,
    again: list[int],
    why: str,
) -> None:
    content, notes = list[Any](), dict[str, str]()
    for title, fact, other, *noted in TIED:
        content += [made.heading(2, title), made.paragraph(fact), made.paragraph(other)]
        content.append(made.paragraph("Letters wait for jobs here. " * 90))
        notes |= dict(zip((fact, other), noted, strict=True))
    page = box.world.page(rfcs, "Tied", content, at=NOW - HOUR)
    reader = model.think = Noting(notes)
    program.config["windows"] = {MODEL: 8_000}
    program.sweep()
    assert reader.read == [*range(1, len(TIED) + 1)]
    reader.read.clear()
    notes["A header is optional."] = "header optional, so no release can be required"
    if now:
        notes[now] = note
        edit(box, page, section, now)
    else:
        box.world.delete_block(box.world.blocks(page.id)[section * 4 + 1])
        box.clock.advance(HOUR)
    program.sweep()
    assert reader.read == again
    assert why in "".join(reader.why)
    assert bool(reader.why) is bool(why)


def test_what_a_budget_forbids_is_named_and_read_at_the_next_review(
    box: Sandbox, program: Program, model: ScriptedModel, page: Any
) -> None:
    reader = Reader(4_000)

    def dear(shown: str, turn: int) -> Reply:
        content = [tool_use(name, **arguments) for name, arguments in reader(shown, turn)]
        return Reply(anthropic_message(*content, stop="tool_use", input_tokens=9_000))

    model.think = dear
    program.config |= {"windows": {MODEL: 8_000}, "limits": {"tokens_per_review": 60_000}}
    program.sweep()
    unread = [*range(len(reader.parts), SECTIONS)]
    assert 0 < len(unread) < SECTIONS
    [summary] = [plain(one) for one in posted(box) if one.parent_id == page.id]
    assert f"Not read: Section {unread[0]}, Section {unread[1]}" in summary
    assert "not complete: stopped by the budget" in summary
    program.config["limits"] = {}
    reader.read.clear()
    edit(box, page, 0, "The carriera limit is 99 letters.")
    program.sweep()
    wanted = [1, *(number + 1 for number in unread)]
    assert reader.parts[: len(wanted)] == wanted
    assert len(reader.parts) <= len(wanted) + 2  # and what the new notes are tied to


def test_a_pass_that_fails_fails_the_page_and_not_half_of_it(
    box: Sandbox, program: Program, model: ScriptedModel, page: Any
) -> None:
    reader = Reader(4_000)
    down = Reply({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}, 529)
    model.think = lambda shown, turn: down if "Sentence 18" in shown else reader(shown, turn)
    program.config["windows"] = {MODEL: 8_000}
    assert program.run("--once").code == 69
    assert posted(box) == []
    assert program.run("explain", page.id).out.count("reviewed") == 0
    model.think = reader
    reader.read.clear()
    program.sweep()
    assert reader.parts == [*range(1, SECTIONS + 1)]
    assert len(on_blocks(box, page)) == PLANTED


def test_what_a_weak_model_says_in_place_of_calls_ends_a_section_and_is_noted(
    box: Sandbox, program: Program, model: ScriptedModel, page: Any
) -> None:
    reader, notes = Reader(4_000), list[str]()
    thought = Reply(anthropic_message({"type": "thinking", "thinking": "…", "signature": "s"}))

    def talks(shown: str, turn: int) -> list[Call] | str | Reply:
        if not PLACE.search(shown):
            return "Settle the limits." if turn else reader(shown, turn)[:-1]
        if not turn:
            *calls, (_, noted) = reader(shown, turn)
            notes.append(noted["digest"])
            if "Sentence 5.0" in shown:
                return thought
            if calls:
                return calls
        return notes[-1]

    model.think = talks
    program.config["windows"] = {MODEL: 8_000}
    assert program.sweep().json["pages_reviewed"] == 1
    assert reader.parts == [*range(1, SECTIONS + 1)]
    assert len(on_blocks(box, page)) == PLANTED
    [summary] = [plain(one) for one in posted(box) if one.parent_id == page.id]
    assert "Settle the limits." in summary
    assert "not complete" not in summary


def test_a_pass_that_was_cut_off_before_a_word_fails_the_page(
    box: Sandbox, program: Program, model: ScriptedModel, page: Any
) -> None:
    reader = Reader(4_000)
    cut = Reply(anthropic_message(tool_use("note", digest="B1: al"), stop="max_tokens"))
    model.think = lambda shown, turn: cut if "Sentence 18.0" in shown else reader(shown, turn)
    program.config["windows"] = {MODEL: 8_000}
    assert program.run("--once", "--json").json["pages_failed"] == 1
    assert posted(box) == []
    assert "cut off before a word of use" in program.run("explain", page.id).out
    model.think = lambda shown, turn: (
        cut if "Sentence 18.0" in shown and not turn else reader(shown, max(0, turn - 1))
    )
    assert program.run("review", page.id).code == 0
    assert len(on_blocks(box, page)) == PLANTED


def test_a_point_that_a_later_section_answers_is_taken_back_and_not_posted(
    box: Sandbox, program: Program, model: ScriptedModel, page: Any
) -> None:
    def thinks(shown: str, turn: int) -> list[Call]:
        if turn or not PLACE.search(shown):
            return [finish("Settle it.")]
        made = list[Call]()
        for section, title in ((1, "Nobody owns it"), (2, "No way back")):
            if at := re.search(rf"\[(B\d+)\] Sentence {section}\.0 ", shown):
                made.append(comment(at[1], f"Sentence {section}.0", f"{title}?", title=title))
        if "Sentence 12.0" in shown:
            [point] = re.findall(r"(P\d+) on B\d+ \(important\): “Nobody owns it”", shown)
            made.append(("take_back", {"point": point}))
        return [*made, ("note", {"digest": ""})]

    model.think = thinks
    program.config["windows"] = {MODEL: 8_000}
    program.sweep()
    assert "Nobody owns it" not in model.documents[-1]
    assert [one.splitlines()[0] for one in on_blocks(box, page)] == ["No way back · important"]
    told = program.run("explain", page.id).out
    assert "the model took “Nobody owns it” back later" in told


def test_where_there_is_no_room_it_is_told_whether_of_the_window_or_of_a_budget(
    box: Sandbox, program: Program, model: ScriptedModel, page: Any
) -> None:
    program.config["windows"] = {MODEL: 2_000}
    assert program.run("--once", "--json").json["pages_failed"] == 1
    assert "its window has no room for the document" in program.run("explain", page.id).out
    program.config |= {"windows": {MODEL: 8_000}, "limits": {"tokens_per_review": 3_000}}
    program.run("review", page.id)
    told = program.run("explain", page.id).out
    assert "limits.tokens_per_review: 0 of 3000 tokens are spent" in told
    assert model.sent == []


def test_a_thread_stands_beside_its_section_until_it_is_dealt_with_and_answers_see_an_excerpt(
    box: Sandbox, program: Program, model: ScriptedModel, page: Any
) -> None:
    reader = model.think = Reader(4_000)
    program.config["windows"] = {MODEL: 8_000}
    program.sweep()
    begun = next(one for one in posted(box) if plain(one).startswith("The limit of carrierg"))
    box.world.comment(begun, "Which of them holds?")

    def answers(shown: str, _turn: int) -> list[Call]:
        [thread] = re.findall(r"\[(T\d+) on B66\]", shown)
        return [reply(thread, "That is for you to say."), finish()]

    model.think = answers
    box.clock.advance(HOUR)
    program.sweep()
    assert "read" in {tool["name"] for tool in model.sent[-1].body["tools"]}
    told, notes = model.documents[-1].split("What you noted of the sections that are not shown:")
    assert "blocks left out here" in told
    assert f"\n  B26: {names()[6]} limit 106\n" in notes
    assert "B66: " not in notes  # it is shown
    assert program.run("replay", "2", "--json").json["same"]
    edit(box, page, 16, "The carrierg limit is 106 letters. It is that of above.")

    def settles(shown: str, turn: int) -> list[Call]:
        if PLACE.search(shown) and "Sentence 16.0" in shown and not turn:
            [thread] = re.findall(r"\[(T\d+) on B66\]", shown)
            quote = "It is that of above"
            return [follow_up(thread, "fixed", quote=quote), ("note", {"digest": ""})]
        return reader(shown, turn)

    model.think = settles
    program.sweep()
    assert " on B66]" not in model.documents[-1]
    assert " on B70]" in model.documents[-1]
    assert "✓" in plain(next(one for one in posted(box) if one.id == begun.id))


def test_where_threads_are_answered_a_thread_whose_own_block_changed_says_so_if_that_is_not_shown(
    box: Sandbox, program: Program, model: ScriptedModel, page: Any
) -> None:
    model.think = Reader(4_000)
    program.config["windows"] = {MODEL: 8_000}
    program.sweep()
    begun = next(one for one in posted(box) if plain(one).startswith("The limit of carrierg"))
    box.world.comment(begun, "Which of them holds?")
    for section in (17, 8):  # the block of the second point, and the one that the third names
        box.world.edit_block(box.world.blocks(page.id)[section * 4 + 1], "It has no limit.")
    box.clock.advance(HOUR / 60)
    model.think, count = (lambda _shown, _turn: [finish()]), len(model.sent)
    program.sweep()
    told, beside = model.documents[count].split(
        "What changed since the last review in sections that are not shown:"
    )
    assert "Only threads are answered now" in told
    assert "It has no limit." not in told
    assert "limit is 7; B70, its block, changed since\n" in told
    assert "limit is 7; B34, which it names, changed since\n" in told
    assert told.count("changed since\n") == 2
    changed, notes = beside.split("What you noted of the sections that are not shown:")
    assert re.findall(r"(B\d+) was: .*; it is: It has no limit\.\n", changed) == ["B34", "B70"]
    noted = {at for at, _, _ in NOTED.findall(notes)}
    assert {"B30", "B38"} <= noted
    assert noted.isdisjoint({"B34", "B70"})  # that was noted of the earlier text


def test_in_a_window_of_4000_there_is_room_beside_points_and_a_person_who_waits(
    box: Sandbox, program: Program, model: ScriptedModel, page: Any
) -> None:
    reader = model.think = Reader(2_000)
    program.config["windows"] = {MODEL: 4_000}
    program.sweep()
    first, second = [one for one in posted(box) if one.parent_id != page.id][:2]
    box.world.comment(first, "No, we will not do this.")
    box.clock.advance(HOUR)
    program.sweep()
    box.world.comment(second, "Which of them holds?")
    [summary] = [one for one in posted(box) if one.parent_id == page.id]
    box.world.comment(summary, "Is the limit of carrierb sound? " + "Say it at length. " * 60)

    def answers(shown: str, turn: int) -> list[Call]:
        threads = re.findall(r"^\[(T\d+) on ", shown, re.MULTILINE)
        return [finish()] if turn else [reply(one, "It is.") for one in threads]

    model.think, count = answers, len(model.sent)
    box.clock.advance(HOUR)
    program.sweep()
    asked = model.documents[count]
    assert "new: Which of them holds?" in asked
    assert "new: Is the limit of carrierb sound? " in asked
    assert "] The carrierg limit is 7 letters." in asked  # the block that the question stands on
    system = "".join(part["text"] for part in model.sent[count].body["system"])
    assert "\nExamples\n" not in system
    assert "\nIn sections\n" not in system
    model.think = reader
    box.world.comment(second, "Which of them holds?")
    edit(box, page, 3, "The carrierd limit is 333 letters.")
    reader.read.clear()
    count = len(model.sent)
    assert program.run("review", page.id).code == 0
    assert reader.parts == [*range(1, int(PLACE.search(model.documents[count])[3]) + 1)]
    told = model.sent[count].body
    assert {"reply", "follow_up"} <= {tool["name"] for tool in told["tools"]}
    headings = ("Closed points", "Answers to people", "Examples", "At once")
    system = "".join(part["text"] for part in told["system"])
    assert [f"\n{one}\n" in system for one in headings] == [True, True, False, False]


def test_a_point_is_ruled_on_where_the_block_that_it_names_changes_in_a_far_section(
    box: Sandbox, program: Program, model: ScriptedModel, page: Any
) -> None:
    shown = list[str]()

    def thinks(document: str, turn: int) -> list[Call]:
        if turn or not PLACE.search(document):
            return [finish("Settle it.")]
        shown.append(document)
        calls = list[Call]()
        if "] Sentence 2.0" in document and "[T" not in document:
            told = "It needs a limit, and B58 gives none."
            calls = [comment("B11", "Sentence 2.0", told, title="No limit for the pages")]
        elif "; B58, which it names, changed since" in document:
            [thread] = re.findall(r"\[(T\d+) on B11\]", document)
            calls = [follow_up(thread, "fixed", quote="Pages have a limit of 30")]
        return [*calls, ("note", {"digest": ""})]

    model.think = thinks
    program.config["windows"] = {MODEL: 8_000}
    program.sweep()
    [begun] = [one for one in posted(box) if one.parent_id != page.id]
    shown.clear()
    edit(box, page, 14, "Pages have a limit of 30 lines.")
    program.sweep()
    assert [PLACE.search(one)[1] for one in shown] == ["15", "3"]
    assert "; it is: Pages have a limit of 30 lines." in shown[1]
    assert "✓" in plain(next(one for one in posted(box) if one.id == begun.id))


OUTPUT = 5  # how many times as dear as input what a model writes is


def alike(one: str, other: str) -> int:
    """The length of the common beginning of two texts."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def price(sent: list[Any]) -> float:
    """What requests cost where a request's beginning that was sent before costs a tenth."""
    total, before = 0.0, list[str]()
    for one in sent:
        body = one.body
        text = json.dumps(body["tools"]) + json.dumps(body["system"]) + said(body["messages"][0])
        shared = max((alike(text, other) for other in before), default=0)
        total += len(text) - 0.9 * shared
        before.append(text)
    return total


def test_a_first_deep_reading_costs_at_most_half_more_than_one_plain_request(
    box: Sandbox, program: Program, model: ScriptedModel, page: Any
) -> None:
    reader = model.think = Reader(6_000)
    program.sweep()
    plain_price, count = price(model.sent) + OUTPUT * reader.written, len(model.sent)
    assert reader.read == []
    reader.written = 0
    program.config["deep"] = "always"
    program.run("review", page.id)
    assert reader.parts == [*range(1, SECTIONS + 1)]
    deep_price = price(model.sent[count:]) + OUTPUT * reader.written
    assert plain_price < deep_price <= 1.5 * plain_price, deep_price / plain_price


def test_a_deep_reading_is_replayed_as_it_was_and_a_dry_run_prints_its_points(
    box: Sandbox, program: Program, model: ScriptedModel, page: Any
) -> None:
    model.think = Reader(4_000)
    program.config["windows"] = {MODEL: 8_000}
    lines = program.run("--once", "--dry-run").out.splitlines()
    assert sum("7 or 10" in json.loads(line).get("text", "") for line in lines) >= PLANTED
    assert posted(box) == []
    program.sweep()
    edit(box, page, 1, "The carrierb limit is 111 letters.")
    program.sweep()
    for review in (1, 2):
        assert program.run("replay", str(review), "--json").json["same"]
