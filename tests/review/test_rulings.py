"""What a ruling on an own point must be borne out by, and which one of several stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from daemon.domain.change import Change
from daemon.domain.values import Author, AuthorKind, Comment, Reply, Ruling, Verdict
from daemon.review.agent import ToolResult
from daemon.review.deep import SectionTools
from daemon.review.noes import turning_down
from daemon.review.points import OwnPoint
from daemon.review.rulings import evidence
from daemon.review.tool_specs import ToolRefusal
from daemon.review.tools import ReviewTools
from support.review_values import (
    BOT,
    NOW,
    OWN,
    block,
    comment,
    finding,
    heading,
    review_tools,
    snapshot,
    task,
    thread,
)


NEIN = "Nein, **das** bleibt so."


@pytest.mark.parametrize(
    ("said", "quote", "heard"),
    [
        (comment("c", NEIN, minutes=5), "Nein, das bleibt so.", True),
        (comment("c", NEIN, minutes=5), "das bleibt", True),
        (comment("c", NEIN, minutes=5), "Nein, das ist so.", False),
        (comment("c", NEIN, minutes=5), "", False),
        (comment("c", "It is not so.", minutes=5), "no", False),
        (comment("c", NEIN, BOT, minutes=5), "das bleibt", False),
        (comment("c", NEIN, OWN, minutes=5), "das bleibt", False),
        (comment("c", NEIN, AuthorKind.UNKNOWN, minutes=5, new=True), "das bleibt", False),
        (comment("c", NEIN, minutes=-5), "das bleibt", False),
        (comment("c", NEIN, minutes=-5, new=True), "das bleibt", True),
        (comment("c", "Muss das wirklich sein?", minutes=5), "Muss das wirklich sein?", False),
        (comment("c", "Muss das “wirklich sein”?", minutes=5), "wirklich sein", False),
        (comment("c", "Nein. Wozu auch?", minutes=5), "Nein.", True),
    ],
)
def test_who_turns_a_point_down_is_a_person_with_these_words_since_it_is_open(said, quote, heard):
    point = OwnPoint(1, finding("b", "10"), "T", opened=NOW)
    if not heard:
        with pytest.raises(ToolRefusal):
            turning_down(quote, thread("T", "b", comment("a", "Why?", OWN), said), point, set())
        return
    own = comment("a", "Why?", OWN)
    assert turning_down(quote, thread("T", "b", own, said), point, set()) is said


def test_a_no_below_which_somebody_wrote_otherwise_is_asked_once_whether_it_turns_down() -> None:
    no = comment("b", "Das bleibt so", new=True)
    ben = Author("ben", "Ben", AuthorKind.PERSON)
    other = replace(
        comment("c", "I disagree with Ana.", new=True),
        author=ben,
    )
    point, asked = OwnPoint(1, finding("b", "10"), "T", opened=NOW), set[str]()
    its = thread("T", "b", comment("a", "Why?", OWN), no, other)
    with pytest.raises(ToolRefusal, match="Ben wrote after that, and may see it otherwise"):
        turning_down("bleibt so", its, point, asked)
    assert turning_down("bleibt so", its, point, asked) is no
    sorry = comment("c", "Sorry, yes, you are right.", new=True)
    its = thread("T", "b", comment("a", "Why?", OWN), no, sorry)
    with pytest.raises(ToolRefusal, match="wrote after that, and may see it otherwise"):
        turning_down("bleibt so", its, point, set())
    agreed = thread("T", "b", comment("a", "Why?", OWN), no, replace(other, no=True))
    assert turning_down("bleibt so", agreed, point, set()) is no


@pytest.mark.parametrize(
    ("text", "quote"),
    [("No, not yet.", "not yet"), ("Nein, noch nicht", "Nein"), ("Pas encore.", "Pas encore")],
)
def test_what_only_puts_off_is_asked_once_whether_it_turns_down(text: str, quote: str) -> None:
    said, asked = comment("b", text, new=True), set[str]()
    its = thread("T", "b", comment("a", "Why?", OWN), said)
    point = OwnPoint(1, finding("b", "10"), "T", opened=NOW)
    with pytest.raises(ToolRefusal, match="this only puts off, and turns nothing down: not_yet"):
        turning_down(quote, its, point, asked)
    assert turning_down(quote, its, point, asked) is said


@pytest.mark.parametrize(
    ("quote", "before", "now", "shown"),
    [
        ("Rollback", ["Rollback: N/A"], ["Rollback: N/A", "Rollback"], "Rollback"),
        ("[B3 new] ## rollback", ["Rollback: N/A"], ["Rollback: N/A", "Rollback"], "Rollback"),
        ("Rollback", ["Rollback", "x"], ["Rollback", "x", "Rollback"], "Rollback"),
        ("Rollback", ["Rollback", "x"], ["x", "Rollback"], ""),
        ("Rollback", ["Rollback: N/A"], ["Rollback: N/A", "Rollback and back"], ""),
        ("Rollback", ["Rollback: N/A"], ["Rollback: N/A"], ""),
    ],
)
def test_a_whole_block_that_came_shows_it_though_its_words_stood_elsewhere(
    quote: str, before: list[str], now: list[str], shown: str
) -> None:
    point = OwnPoint(1, finding("b", "10"), "T", before=tuple(before), last=tuple(before))
    if shown:
        assert evidence(quote, point, now, {}) == shown
        return
    with pytest.raises(ToolRefusal, match="stand there still"):
        evidence(quote, point, now, {})


@pytest.mark.parametrize(
    ("quote", "since", "shown"),
    [
        ("about 40 requests", ["It is 120.", "about 120 requests"], True),
        ("about 120 requests", ["It is 120.", "about 120 requests"], True),
        ("about 40 requests", ["It is 120.", "about 40 requests"], False),
        ("about 40 requests", [], False),
    ],
)
def test_words_that_are_back_since_a_point_is_open_again_show_that_it_is_fixed(
    quote: str,
    since: list[str],
    shown: bool,  # noqa: FBT001 - a table
) -> None:
    before = ("It is 120.", "about 40 requests")
    point = OwnPoint(1, finding("b", "10"), "T", before=before, last=before, since=tuple(since))
    if shown:
        assert evidence(quote, point, ["It is 40.", "about 40 requests"], {}) == quote
        return
    with pytest.raises(ToolRefusal, match="stand there still"):
        evidence(quote, point, ["It is 40.", "about 40 requests"], {})


@pytest.mark.parametrize(
    ("quote", "own", "was", "shown"),
    [
        ("at night", "Rollback at night.", ["Rollback: N/A."], "at night"),
        ("[B2] **At night**", "Rollback at night.", ["Rollback: N/A."], "at night"),
        ("at night", "Rollback at night.", ["Rollback at night?"], ""),
        ("at night", "At night, rollback.", ["Rollback at night."], ""),
        ("at night", "Rollback at night.", ["It is at night.", "Rollback: N/A."], "at night"),
        ("at night", "Rollback: N/A.", ["Rollback: no."], ""),
        ("at night", "Rollback at nights.", ["Rollback: N/A."], ""),
        ("at night", "Rollback at night.", [], ""),
        ("at night", None, ["Rollback: N/A."], ""),
        ("at night", "At night.", [""], "At night"),
    ],
)
def test_words_that_came_into_the_points_block_show_it_wherever_else_they_stand(
    quote: str, own: str | None, was: list[str], shown: str
) -> None:
    before = ("We sleep at night.", *was)
    point = OwnPoint(
        1, finding("b", "10"), "T", before=before, last=before, own=own, was=tuple(was)
    )
    now = ["We sleep at night.", *[own] * bool(own)]
    if shown:
        assert evidence(quote, point, now, {}) == shown
        return
    with pytest.raises(ToolRefusal, match="stand there still"):
        evidence(quote, point, now, {})


@pytest.mark.parametrize(("was", "where"), [("No flag.", "B1, B2"), ("N/A", "B2")])
def test_a_refusal_names_the_blocks_where_the_words_stood(was: str, where: str) -> None:
    point = OwnPoint(1, finding("b", "N/A"), "T", before=(was, "A flag."), own="Flags.", was=(was,))
    blocks = {
        "B1": block("b", "Flags."),
        "B2": block("c", "A flag."),
        "B3": block("d", "A flagon."),
    }
    with pytest.raises(ToolRefusal, match=f"^these words stood in {where} when you made the point"):
        evidence("flag", point, [one.plain for one in blocks.values()], blocks)


BLOCKS = (
    heading("h", "Rollout"),
    block("p", "Phase 1 goes to 10% of users, and phase 2 to all of them."),
    heading("i", "Costs"),
    block("r", "The queue costs 200 euros a month."),
)
POINT = OwnPoint(
    7,
    finding("p", "10% of users", "Say why it is ten.", title="No reason for ten percent"),
    "own",
    before=("Phase 1 goes to 10% of users.",),
    opened=NOW,
)
SAID, ASKS = comment("1", "Say why it is ten.", OWN), comment("2", "Why is that?", new=True)
A_NO = comment("2", "No, we keep it at ten.", new=True)
CAME = "and phase 2 to all of them"
RULINGS: Mapping[str, dict[str, str]] = {
    "fixed": {"verdict": "fixed", "quote": CAME},
    "fixed, with words": {"verdict": "fixed", "quote": CAME, "text": "Yes, it is said now."},
    "not_yet": {"verdict": "not_yet", "text": "The reason is still missing."},
    "withdrawn": {"verdict": "withdrawn", "text": "You are right, ten is said elsewhere."},
    "turned_down": {"verdict": "turned_down", "quote": "we keep it at ten"},
}


def ruling_tools(*said: Comment, point: OwnPoint = POINT, **options: Any) -> ReviewTools:
    options.setdefault("earlier", [point.finding])
    return review_tools(BLOCKS, [thread("own", "p", SAID, *said)], points=[point], **options)


def rule(tools: ReviewTools, how: str, **more: str) -> str:
    said = {"thread": "T1", "text": "", "quote": "", **RULINGS[how], **more}
    result = tools.call("follow_up", said)
    assert result.accepted, result.text
    return result.text


def remark(tools: ReviewTools, on: str, quote: str, title: str) -> bool:
    said = {"block": on, "quote": quote, "title": title, "text": f"{title}, in words?"}
    return tools.call("comment", {**said, "severity": "important"}).accepted


def kept(tools: ReviewTools) -> tuple[object, ...]:
    """Return all that a review says of the points and to people."""
    return tools.rulings, tools.replies, tools.left, tools.findings


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        (first, last, said)
        for first, last in product(RULINGS, RULINGS)
        for said in [(), (ASKS,), (A_NO,)]
        if A_NO in said or "turned_down" not in (first, last)
    ],
)
def test_the_last_ruling_stands_as_if_no_other_had_been_made(
    first: str, last: str, said: tuple[Comment, ...]
) -> None:
    tools, alone = ruling_tools(*said), ruling_tools(*said)
    rule(tools, first)
    assert rule(tools, last) == rule(alone, last)
    assert kept(tools) == kept(alone)
    assert len(tools.rulings) == 1
    assert len(tools.replies) + len(tools.left) == bool(said)


def test_a_ruling_that_is_refused_leaves_the_one_before_in_place() -> None:
    tools = ruling_tools(ASKS)
    rule(tools, "not_yet")
    before = [*tools.rulings], [*tools.replies]
    refused = {"thread": "T1", "verdict": "fixed", "text": "", "quote": "a canary on one host"}
    assert not tools.call("follow_up", refused).accepted
    assert (tools.rulings, tools.replies) == before


def test_an_answer_that_was_given_before_the_ruling_stays() -> None:
    tools = ruling_tools(ASKS)
    assert tools.call("reply", {"thread": "T1", "text": "Since nobody measured it."}).accepted
    rule(tools, "not_yet")
    rule(tools, "fixed")
    assert [one.verdict for one in tools.rulings] == [Verdict.FIXED]
    assert tools.replies == [Reply("own", "Since nobody measured it.")]
    assert tools.left == {}


READS_AS_NO = replace(A_NO, no=True)


def silent(tools: ReviewTools) -> ToolResult:
    return tools.call("leave", {"thread": "T1", "reason": "She works on it."})


@pytest.mark.parametrize("more", [(), (comment("3", "I would keep it.", new=True),)])
def test_what_reads_as_a_no_is_left_only_by_who_knows_that_the_point_goes(
    more: tuple[Comment, ...],
) -> None:
    tools = ruling_tools(READS_AS_NO, *more)
    told = silent(tools)
    assert not told.accepted
    assert told.text == (
        "refused: what Ana Costa wrote in T1 reads as a no, and closes the point unless you rule: "
        "call leave again where it turns the point down; follow_up with not_yet where it only puts "
        "off, asks for a reason, sets a condition or is none: the point stays open then"
    )
    assert tools.left == {}
    told = silent(tools)
    assert (told.text, told.accepted) == ("noted; the point is dropped: Ana Costa said no", True)


@pytest.mark.parametrize("how", RULINGS)
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("said", [READS_AS_NO, A_NO])
def test_a_ruling_stands_in_the_place_of_the_silence_before_it(
    how: str, times: int, said: Comment
) -> None:
    tools, alone = ruling_tools(said), ruling_tools(said)
    for _ in range(times):
        silent(tools)
    if how == "not_yet" and said.no:
        assert not alone.call("follow_up", {"thread": "T1", "quote": "", **RULINGS[how]}).accepted
    assert rule(tools, how) == rule(alone, how)
    assert kept(tools) == kept(alone)
    assert silent(tools).text == "noted; your ruling is all that is said there"


@pytest.mark.parametrize("said", [ASKS, A_NO])
def test_where_nothing_reads_as_a_no_a_thread_is_left_at_once(said: Comment) -> None:
    assert silent(ruling_tools(said)).text == "noted"


@pytest.mark.parametrize("last", ["withdrawn", "fixed"])
def test_a_closed_point_that_was_opened_again_stays_closed_after_all(last: str) -> None:
    tools = ruling_tools(ASKS, point=replace(POINT, closed="you withdrew it"))
    rule(tools, "not_yet")
    assert rule(tools, last) == "noted; its point stays closed: you withdrew it"
    assert (tools.rulings, tools.replies, tools.left) == ([], [], {})
    assert "someone waits in T1" in tools.call("finish", {"summary": ""}).text


@pytest.mark.parametrize("first", ["fixed", "withdrawn"])
def test_a_comment_that_stands_on_a_ruling_goes_with_it(first: str) -> None:
    tools = ruling_tools()
    rule(tools, first)
    assert remark(tools, "B4", "200 euros", POINT.finding.title)
    assert remark(tools, "B4", "a month", "Who is billed for it")
    told = rule(tools, "not_yet")
    assert told == (
        f"noted; with that your comment “{POINT.finding.title}” is one too many, and is dropped"
    )
    assert [one.title for one in tools.findings] == ["Who is billed for it"]
    assert [one.tool for one in tools.refusals] == ["comment"]


def test_the_limit_of_a_block_holds_after_another_ruling() -> None:
    tools = ruling_tools(per_block=1)
    rule(tools, "withdrawn")
    assert remark(tools, "B2", "phase 2", "What is all")
    rule(tools, "not_yet")
    assert tools.findings == ()


def test_a_later_section_can_change_a_ruling_of_an_earlier_one() -> None:
    tools = SectionTools(ruling_tools(change=Change(first=True))._context)
    read = replace(task(snapshot(BLOCKS, [thread("own", "p", SAID)])), points={"own": POINT})
    tools.begin(read, 4_000, None)
    rule(tools, "not_yet")
    tools.call("note", {"digest": ""})
    shown = tools.next_pass()
    assert shown
    told = "Your rulings so far; a later one on the same point takes its place:\n"
    told += "  T1 “No reason for ten percent”: not_yet: The reason is still missing."
    assert told in shown.document
    rule(tools, "fixed")
    assert tools.rulings == [Ruling(7, Verdict.FIXED, "", CAME)]
