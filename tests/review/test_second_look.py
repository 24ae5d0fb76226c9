"""What is shown to whoever looks a second time, and which of their refusals count."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.values import Finding, Severity
from daemon.review.agent import ContextWindow, ModelInput
from daemon.review.models.failures import WindowTooSmall
from daemon.review.points import SettledPoint
from daemon.review.prompt import built_in_prompt, estimated_tokens
from daemon.review.second_look import (
    REFUSALS,
    STANDS,
    Opinion,
    Opinions,
    brief,
    evidence,
    weighed,
)
from daemon.review.tool_specs import JUDGE
from daemon.sweep.context import SecondLook
from daemon.sweep.second_look import shuffled
from support.review_values import block, heading, snapshot


BLOCKS = (
    heading("h1", "Rollout"),
    block("b1", "Nobody owns the rollout of the queue."),
    block("b2", "[B1] Ana Costa runs the rollout.\n[B9] She said so."),
    heading("h2", "Limits"),
    block("b3", "The timeout is five seconds, the client waits for ten."),
)
OWNER = Finding(
    "b1", "Nobody owns", "Name somebody.", Severity.IMPORTANT, title="Rollout without owner"
)
TIMEOUT = Finding(
    "b3", "five seconds", "Too short.", Severity.BLOCKING, title="Timeout below client's"
)
SMALL = Finding("b3", "waits for ten", "Say ten what.", Severity.MINOR, title="Unit missing")
ELSEWHERE = (heading("9 ", "Caches"), block("9 1", "Old words, and Ana runs the cache."))
THERE = replace(OWNER, block_id="9 1", quote="Old words")
RIGHT = SettledPoint(replace(THERE, title="Known true"), is_true=True, passage=ELSEWHERE)
WRONG = SettledPoint(replace(THERE, title="Known wrong"), is_true=False, passage=ELSEWHERE)
ANSWER = Opinion("answered", "Ana Costa runs the rollout", "she does")


def heard(*opinions: tuple[Any, Opinion], floor: Severity = Severity.MINOR) -> Any:
    points = [point for point, _ in opinions]
    said = {number: one for number, (_, one) in enumerate(opinions, 1)}
    return weighed("m", points, said, BLOCKS, floor)


KEPT = Opinion(STANDS, "", "")


def test_only_a_refusal_with_words_of_the_document_drops_a_point() -> None:
    found = heard((OWNER, ANSWER), (SMALL, KEPT), (TIMEOUT, KEPT))
    assert found.refuted == (OWNER,)
    assert found.look.reasons == (
        "it is answered elsewhere: she does (“Ana Costa runs the rollout”)",
    )
    for quote in ("", "rollout", "Somebody runs it all", "Nobody owns"):
        kept = heard((OWNER, replace(ANSWER, quote=quote)), (SMALL, KEPT))
        assert kept.refuted == kept.lowered == ()
        assert kept.look.seen.refused == 1


def test_a_blocking_point_becomes_important_at_most_and_only_where_that_is_posted() -> None:
    wrong = Opinion("wrong", "the client waits for ten", "")
    assert heard((TIMEOUT, wrong), (OWNER, KEPT)).lowered == (TIMEOUT,)
    assert heard((TIMEOUT, wrong), (OWNER, KEPT)).refuted == ()
    only = heard((TIMEOUT, wrong), (OWNER, KEPT), floor=Severity.BLOCKING)
    assert only.lowered == only.refuted == ()


def test_words_that_are_held_against_two_points_are_held_against_none() -> None:
    longer = replace(ANSWER, quote="Costa runs the rollout")
    assert heard((OWNER, ANSWER), (SMALL, longer), (TIMEOUT, KEPT)).refuted == ()


def test_a_look_that_errs_where_the_answer_is_known_or_refuses_all_is_not_heard() -> None:
    ten = Opinion("wrong", "the client waits for ten", "")
    five = Opinion("idle", "The timeout is five seconds", "")
    assert heard((RIGHT, ANSWER), (OWNER, ANSWER), (SMALL, KEPT)).look.note
    assert heard((WRONG, ANSWER), (RIGHT, KEPT), (OWNER, ANSWER)).refuted == (OWNER,)
    found = heard((OWNER, ANSWER), (SMALL, five), (TIMEOUT, ten))
    assert (found.refuted, found.look.note) == ((), "it refused all 3 points")
    assert heard((OWNER, ANSWER), (SMALL, five)).refuted == (OWNER, SMALL)
    assert weighed("m", [OWNER], {}, BLOCKS, Severity.MINOR).look.seen is None


OPINIONS = st.builds(
    Opinion,
    st.sampled_from([STANDS, *REFUSALS]),
    st.sampled_from(["", *(one.plain for one in BLOCKS), "five seconds", "Ana Costa runs the"]),
    st.text(max_size=20),
)


POINTS = (OWNER, TIMEOUT, SMALL, RIGHT, WRONG)


@given(st.lists(st.tuples(st.sampled_from(POINTS), OPINIONS), unique_by=lambda one: repr(one[0])))
def test_whatever_is_said_no_blocking_point_goes_and_every_reason_quotes_the_document(
    said: list[tuple[Any, Opinion]],
) -> None:
    found = heard(*said)
    assert all(one.severity is not Severity.BLOCKING for one in found.refuted)
    assert {*found.refuted} | {*found.lowered} <= {OWNER, TIMEOUT, SMALL}
    assert len(found.look.reasons) == len(found.refuted)
    for one, why in zip(found.refuted, found.look.reasons, strict=True):
        words = why[why.rindex("(“") + 2 : -2]
        assert evidence(words, one, BLOCKS)


def judged(taken: Opinions, point: str, verdict: str, quote: Any = None) -> str:
    said = {"point": point, "verdict": verdict, "quote": quote, "reason": 7}
    found = taken.call("judge", said)
    assert found.accepted is not found.text.startswith("refused")
    return found.text


def test_a_ruling_that_cannot_be_read_counts_as_none() -> None:
    taken = Opinions([OWNER, SMALL], BLOCKS, "", None)
    for point, verdict, ok in (
        ("P1", "Wrong", True),
        ("[P2]", "stands", True),
        ("P2", "wrong", True),  # the first holds
        ("P3", "wrong", False),
        ("", "wrong", False),
        ("P1", "maybe", False),
    ):
        found = judged(taken, point, verdict, BLOCKS[2].plain[5:30])
        assert found.startswith("refused") is not ok
    assert taken.finished
    assert {number: one.ground for number, one in taken.given.items()} == {1: "wrong", 2: STANDS}


@pytest.mark.parametrize(
    ("quote", "why"),
    [
        (None, "no words are quoted"),
        ("rollout", "12 characters or more"),
        ("Nobody owns the rollout", "the words that the point itself is about"),
        ("Somebody runs it all", "stand not in one block"),
        ("told that Ana decides", "in a note alone"),
        ("the client waits for ten", "held against another point"),
    ],
)
def test_a_refusal_without_evidence_comes_back_once_and_then_tells_why_it_did_not_count(
    quote: str | None, why: str
) -> None:
    owner = replace(OWNER, quote="Nobody owns the rollout")
    points = [TIMEOUT, owner, SMALL]
    for mended in (True, False):
        taken = Opinions(points, BLOCKS, "Notes:\n  B2: it is told that Ana decides", None)
        judged(taken, "P1", "wrong", "client waits for ten")
        judged(taken, "P3", STANDS)
        assert why in judged(taken, "P2", "answered", quote)
        assert not taken.finished
        again = judged(taken, "P2", "answered", ANSWER.quote if mended else quote)
        assert ("stands, since" in again) is not mended
        assert taken.finished
        found = weighed("m", points, taken.given, BLOCKS, Severity.MINOR)
        assert (owner in found.refuted) is mended
        told = dict(found.look.overruled)
        assert (OWNER.title in told) is not mended
        assert mended or "it is answered elsewhere: 7; " in told[OWNER.title]


CONTRADICTED = Finding(
    "b1",
    "Nobody owns",
    "“› \\[B1\\] Ana Costa runs the rollout.” and “the client waits for ten” deny this.",
    Severity.IMPORTANT,
    title="Two owners",
)


@pytest.mark.parametrize("half", ["[B9] She said so.", "Ana Costa runs the", "timeout is five sec"])
@pytest.mark.parametrize(("ground", "again"), [*product(REFUSALS, (True, False))])
def test_the_other_half_of_a_contradiction_settles_nothing_but_that_it_is_misquoted(
    ground: str, *, again: bool, half: str
) -> None:
    points, blocks = [CONTRADICTED, TIMEOUT, SMALL], (*BLOCKS, block("b4", "She does not run it."))
    taken = Opinions(points, blocks, "", None)
    judged(taken, "P2", STANDS)
    judged(taken, "P3", STANDS)
    why = "in a block that the point itself names; judge P1 once more, with words of another block"
    assert why in judged(taken, "P1", ground, half)
    counts = ground == "wrong" and again
    if again:
        told = judged(taken, "P1", ground, half)
        assert told.startswith("noted; the point stands, since") is not counts
    found = weighed("m", points, taken.given, blocks, Severity.MINOR)
    assert (found.refuted == (CONTRADICTED,)) is counts
    # What stands elsewhere too is evidence.
    for elsewhere in ("She does not run it", half):
        more = (*blocks, block("b5", half))
        taken = Opinions(points, more, "", None)
        assert judged(taken, "P1", ground, elsewhere) == "noted"


def test_what_shows_that_a_settled_point_is_wrong_stands_in_its_own_text() -> None:
    assert JUDGE.parameters["properties"]["verdict"]["enum"] == [STANDS, *REFUSALS]
    taken = Opinions([WRONG, OWNER], BLOCKS, "", None)
    assert "stand not in one block" in judged(taken, "P1", "wrong", ANSWER.quote)
    assert judged(taken, "P1", "wrong", "Ana runs the cache") == "noted"
    assert "stand not in one block" in judged(taken, "P2", "wrong", "Ana runs the cache")
    assert judged(taken, "P2", "wrong", ANSWER.quote) == "noted"


def test_what_is_read_has_the_document_and_nothing_of_what_the_author_thinks() -> None:
    page = snapshot(BLOCKS)
    points = shuffled([TIMEOUT, OWNER, SMALL], SecondLook("same", (RIGHT,)), "seed")
    assert points == shuffled([TIMEOUT, OWNER, SMALL], SecondLook("same", (RIGHT,)), "seed")
    read, _ = brief(points, page, built_in_prompt(), 40_000, None)
    lines = read.document.splitlines()
    # A settled point looks as the others do, its text as a part of what is read.
    assert [line for line in lines if line.startswith("[B")][len(BLOCKS) :] == [
        "[B7] ## Caches",
        "[B8] Old words, and Ana runs the cache.",
    ]
    assert len([line for line in lines if re.match(r"\[P\d on B\d\] ", line)]) == 4
    # Points of one text share it, in its order, whichever comes first.
    later = replace(RIGHT, passage=(ELSEWHERE[0], block("9 2", "More words.")))
    both, _ = brief([later, RIGHT, OWNER], page, built_in_prompt(), 40_000, None)
    told = [line.split("] ")[-1] for line in both.document.splitlines() if line.startswith("[B")]
    assert told[len(BLOCKS) :] == ["## Caches", *(one.line for one in ELSEWHERE[1:]), "More words."]
    said = read.document.casefold()
    assert not any(one.value in said for one in Severity)
    assert built_in_prompt().text.splitlines()[0] in read.system


def test_of_a_long_document_the_sections_of_the_points_are_read() -> None:
    page, tight = snapshot(BLOCKS), ContextWindow(3_000)

    def read(
        most: int, window: ContextWindow | None = None, noted: tuple[tuple[str, str], ...] = ()
    ) -> str:
        return brief([SMALL], page, built_in_prompt(), most, window, noted)[0].document

    assert "The timeout is five" in read(10)
    assert "## Rollout" in read(10)
    assert "Ana Costa" not in read(10)
    noted = (("b2", "who runs it"), ("b1", ""))
    assert re.search(
        r"Notes on other sections:\n  B\d+: who runs it\nPoints:", read(10, None, noted)
    )
    assert "who runs it" not in read(40_000, None, noted)
    assert "Ana Costa" in read(40_000, tight)
    with pytest.raises(WindowTooSmall):
        read(40_000, ContextWindow(1_000))


def test_where_a_section_does_not_fit_its_points_are_judged_one_by_one_with_less_around_them() -> (
    None
):
    body = [block(f"b{n}", f"Step {n} says so. " + "words " * 40) for n in range(60)]
    blocks = [heading("h", "Plan"), *body, heading("z", "Costs"), block("c", "They cost ten.")]
    points = [
        Finding(f"b{n}", f"Step {n}", f"Say why {n} does.", Severity.MINOR, title=f"Why {n}")
        for n in (10, 40)
    ]
    noted = [(one.id, f"step {one.id[1:]} is as the others are {'x' * 60}") for one in body]
    for tokens, around in ((4_000, 3), (2_700, 0)):
        window = ContextWindow(tokens)
        asked = brief(points, snapshot(blocks), built_in_prompt(), 40_000, window, noted)
        read: ModelInput | None = asked[0]
        for n in (10, 40):
            assert read is not None
            steps = [*map(int, re.findall(r"^\[B\d+\] Step (\d+) ", read.document, re.MULTILINE))]
            assert set(range(n - around, n + around + 1)) <= {*steps}
            assert estimated_tokens(read.system + read.document) < window.whole
            assert re.findall(r"^\[P(\d) on", read.document, re.MULTILINE) == [
                "1" if n == 10 else "2"
            ]
            assert "more notes left out" in read.document
            read = read.following("")
        assert read is None


@pytest.mark.parametrize("tokens", [12_000, 4_000])
def test_what_a_point_names_is_shown_before_what_stands_around_it(tokens: int) -> None:
    body = [block(f"b{n}", f"Step {n} says so. " + "words " * 60) for n in range(60)]
    costs = [block(f"c{n}", f"Cost {n} is so. " + "money " * 20) for n in range(60)]
    blocks = [heading("h", "Plan"), *body, heading("z", "Costs"), *costs]
    text = "“Costs › Cost 50 is so.” and “Plan › Step 1 says so.” deny “Cost 7 is so. money”."
    point = Finding("b40", "Step 40", text, Severity.MINOR, title="Two plans")
    noted = tuple((one.id, f"step {one.id[1:]} is as the others are {'x' * 60}") for one in body)
    page, window = snapshot(blocks), ContextWindow(tokens)
    read, opinions = brief([point], page, built_in_prompt(), 40_000, window, noted)
    shown = {one.plain for one in blocks if f"] {one.plain}" in read.document}
    around = [n for n in range(60) if body[n].plain in shown and n != 1]
    assert {body[40].plain, body[1].plain, costs[50].plain, costs[7].plain} <= shown
    assert "## Plan" in read.document
    assert "## Costs" in read.document
    # As far as there is room, what is next to it; the rest can be read.
    assert around == [*range(around[0], around[-1] + 1)]
    assert abs((around[0] + around[-1]) / 2 - 40) <= 1
    assert (len(around) > 10) is (tokens > 4_000)
    assert estimated_tokens(read.system + read.document) < window.whole
    assert "Step 10" in opinions.call("read", {"first": "B12", "last": "B12"}).text


def test_where_settled_points_have_no_room_the_others_are_looked_at_without_them() -> None:
    long = replace(RIGHT, passage=(*ELSEWHERE, block("b8", "More old words. " * 500)))
    asked = [long, SMALL, TIMEOUT]
    for tokens, points in ((30_000, asked), (3_000, [SMALL, TIMEOUT])):
        window = ContextWindow(tokens)
        read, taken = brief(asked, snapshot(BLOCKS), built_in_prompt(), 40_000, window)
        assert taken.points == points
        assert ("Old words" in read.document) is (long in points)


LONG = tuple(
    one
    for number in range(40)
    for one in (
        heading(f"h{number}", f"Part {number}"),
        block(f"b{number}", f"In part {number} there is {'nothing else to say ' * 20}of it."),
    )
)
OPENING = "Alternates may be named by the team whenever it likes."


@pytest.mark.parametrize(
    ("words", "text", "noted"),
    [
        (OPENING, "“Alternates may be named by…” \\[“Part 30”\\] allows that.", ()),
        (OPENING, "Nobody says whether alternates exist.", ()),
        ("It is up to them.", "Nobody says whether alternates exist.", (("b30", "of alternates"),)),
    ],
)
def test_the_section_that_a_point_names_or_that_is_nearest_to_it_is_shown_within_the_room(
    words: str, text: str, noted: tuple[tuple[str, str], ...]
) -> None:
    blocks = [block("b30", words) if one.id == "b30" else one for one in LONG]
    point = Finding("b1", "In part 1", text, Severity.MINOR, title="Not said")
    read, opinions = brief([point], snapshot(blocks), built_in_prompt(), 2_000, None, noted)
    assert f"] {words}" in read.document
    assert "In part 35" not in read.document
    assert "of alternates" not in read.document  # what is shown needs no note
    assert "\\" not in read.document
    assert estimated_tokens(read.document) < 2_500
    # The rest can be read, as far as there is room.
    assert [one.name for one in opinions.specs] == ["judge", "read"]
    found = opinions.call("read", {"first": "B40", "last": "B80"})
    assert "In part 20" in found.text
    assert "In part 39" not in found.text
    assert not opinions.call("read", {"first": "B900", "last": ""}).accepted
    whole = brief([point], snapshot(blocks), built_in_prompt(), 40_000, None)[1]
    assert [one.name for one in whole.specs] == ["judge"]


def test_points_that_do_not_fit_together_come_in_batches_and_one_too_long_is_left_out() -> None:
    points = [
        Finding(f"b{number}", "of it", f"Of {number}: {'say it ' * 60}", Severity.MINOR)
        for number in range(8)
    ]
    endless = replace(points[0], text="endless " * 4_000)
    asked: list[Any] = [endless, *points[:3], RIGHT, *points[3:]]
    window = ContextWindow(5_000)
    read, taken = brief(asked, snapshot(LONG), built_in_prompt(), 40_000, window)
    batches, following = [], read
    while following:
        shown = re.findall(r"^\[(P\d+) on B", following.document, re.MULTILINE)
        first, room = len(taken.points) - len(shown), estimated_tokens(following.document)
        assert shown == [f"P{first + at + 1}" for at in range(len(shown))]
        assert room + estimated_tokens(following.system) < window.whole
        assert all(
            f"In part {one.block_id[1:]} there" in following.document
            for one in taken.points[first:]
            if isinstance(one, Finding)
        )
        batches.append(taken.points[first:])
        judged(taken, "P1", STANDS)
        for name in shown:
            judged(taken, name, STANDS)
        assert taken.finished
        following = following.following("")
    assert len(batches) > 1
    assert [one for one in taken.points if one in points] == points
    assert len(taken.given) == len(taken.points) == len(points) + 1
    assert RIGHT in batches[0]
