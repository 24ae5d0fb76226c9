"""The ledger of findings, seen through the program: a point is made once, and closed honestly."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest

from daemon.sandbox import Sandbox, blocks
from support.dying import MOMENTS, Killed, die
from support.program import (
    NOW,
    Program,
    ScriptedModel,
    comment,
    finish,
    follow_up,
    plain,
    posted,
    words,
)


HOUR = timedelta(hours=1)
POINTS = (
    "We need queues because the poller is slow.",
    "They are fast enough for every carrier we know.",
    "Rollout happens in one step next week.",
)
OTHERS = ("Nobody reads this line.", "Nor does anybody read this one.")
WORDS = "vague unclear say more why how much who decides what if it fails name a number"


def rfc(box: Sandbox, rfcs: str, *lines: str) -> str:
    content = [blocks.paragraph(line) for line in lines or POINTS + OTHERS]
    return box.world.page(rfcs, "Queues", content, at=NOW - HOUR).id


def handles(document: str) -> dict[str, str]:
    """Handle by the text of its line."""
    lines = re.findall(r"^\[(B\d+)[^\]]*\] (.*)", document, re.MULTILINE)
    return {text: handle for handle, text in lines}


def in_new_words(rng: random.Random) -> Callable[[str, int], object]:
    """Raise the same three points on whatever words of them, said anew each time."""

    def think(document: str, turn: int) -> object:
        if turn:
            return [finish()]
        calls = []
        for line in POINTS:
            words, handle = line.split(), handles(document).get(line, "B1")
            start = rng.randrange(len(words) - 3)
            quote = " ".join(words[start : rng.randrange(start + 3, len(words) + 1)])
            said, own = rng.sample(WORDS.split(), 8), words[3:6]
            calls.append(comment(handle, quote, " ".join(said), title=" ".join(said[:2] + own)))
        return calls

    return think


def block_of(box: Sandbox, page: str, text: str) -> object:
    return next(one for one in box.world.blocks(page) if told(one) == text)


def told(block: object) -> str:
    return "".join(item["text"]["content"] for item in block.content["rich_text"])  # type: ignore[attr-defined]


def unrelated(box: Sandbox, page: str, rng: random.Random, sweep: int) -> None:
    """Edit the page somewhere else: add, change, move, or cut and paste what has its comment."""
    world = box.world
    target = block_of(box, page, rng.choice(POINTS))
    match sweep % 5:
        case 0:
            world.add_block(page, blocks.paragraph(f"Unrelated {sweep}."))
        case 1:
            world.edit_block(world.blocks(page)[-1], f"Unrelated, in other words: {sweep}.")
        case 2:
            world.move_block(target, to=page)
            world.add_block(page, blocks.paragraph(f"Below {sweep}."))
        case 3:
            world.add_block(page, blocks.paragraph(told(target)))
            world.delete_block(target)
            world.add_block(page, blocks.paragraph(f"Pasted {sweep}."))
        case _:
            world.rename(page, f"Queues {sweep}")


@pytest.mark.parametrize("sweeps", [10, pytest.param(25, marks=pytest.mark.real)])
def test_f2_three_points_in_new_words_with_unrelated_edits_stand_once_each(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, sweeps: int
) -> None:
    page, rng = rfc(box, rfcs), random.Random(1)
    model.think = in_new_words(rng)  # type: ignore[assignment]
    made: Counter[str] = Counter()
    for sweep in range(sweeps):
        done = program.sweep()
        made["comments"] += done.json["comments_posted"]
        made["reviews"] += done.json["pages_reviewed"]
        box.clock.advance(HOUR)
        unrelated(box, page, rng, sweep)
        box.clock.advance(HOUR)
    # In every fifth a block was cut and pasted: its comment went with it, and is posted anew.
    assert made == {"comments": 3 + sweeps // 5, "reviews": sweeps}
    there = {block.id for block in box.world.blocks(page)}
    assert len([one for one in posted(box) if one.parent_id in there]) == 3


def test_f2_a_review_that_is_asked_for_repeats_no_point_either(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    model.think = in_new_words(random.Random(3))  # type: ignore[assignment]
    program.sweep()
    for _ in range(4):
        assert program.run("review", page).code == 0
    assert len(posted(box)) == 3


@pytest.mark.parametrize("at", MOMENTS)
def test_f2_a_death_at_any_moment_repeats_no_point_in_other_words(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    rfcs: str,
    at: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page, rng = rfc(box, rfcs), random.Random(4)
    model.think = in_new_words(rng)  # type: ignore[assignment]
    with monkeypatch.context() as patched:
        die(patched, at, "daemon.sweep.page.record_review")
        with pytest.raises((Killed, BaseExceptionGroup)):
            program.run("--once")
    for sweep in range(2):
        box.clock.advance(HOUR)
        unrelated(box, page, rng, sweep)
        box.clock.advance(HOUR)
        program.sweep()
    assert len(posted(box)) == 3


def test_f4_a_model_that_forgets_at_random_closes_nothing_on_untouched_blocks(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page, rng = rfc(box, rfcs), random.Random(11)
    says = in_new_words(rng)
    model.think = lambda document, turn: (  # type: ignore[assignment]
        [one for one in says(document, turn) if one[0] == "finish" or rng.random() < 0.4]  # type: ignore[attr-defined]
        or [finish()]
    )
    for sweep in range(6):
        program.sweep()
        box.clock.advance(HOUR)
        box.world.edit_block(box.world.blocks(page)[-1], f"Version {sweep}.")
        box.clock.advance(HOUR)
    explained = program.run("explain", page).out
    assert explained.count("    open, important") == len(posted(box)) > 0
    assert "addressed" not in explained


def test_f4_a_changed_block_and_silence_close_nothing(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    model.think = lambda _document, _turn: [
        comment("B1", "slow", "How slow?"),
        comment("B2", "fast enough", "How fast?"),
        finish(),
    ]
    program.sweep()
    first, second, *_ = box.world.blocks(page)
    box.clock.advance(HOUR)
    box.world.edit_block(first, "We need queues because the poller takes 40 s.")
    box.world.delete_block(second)
    box.clock.advance(HOUR)
    model.think = lambda _document, _turn: [finish()]
    program.sweep()
    assert program.run("explain", page).out.count("    open, important") == 2


def test_f4_a_model_that_is_cut_short_addresses_nothing(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    model.think = lambda _document, _turn: [comment("B1", "slow", "How slow?"), finish()]
    program.sweep()
    box.clock.advance(HOUR)
    box.world.edit_block(box.world.blocks(page)[0], "We need queues.")
    box.clock.advance(HOUR)
    program.config["limits"] = {"rounds": 1}
    model.think = lambda _document, _turn: [comment("B1", "no such words", "What?")]
    program.sweep()
    assert "stopped at the round limit" in program.run("explain", page).out
    assert "    open, important" in program.run("explain", page).out


def test_what_did_not_change_invites_no_comment_and_the_refusal_says_what_does(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    program.sweep()
    box.clock.advance(HOUR)
    box.world.add_block(page, blocks.paragraph("Added later."))
    box.clock.advance(HOUR)
    model.think = lambda document, turn: [
        comment("B1", "slow", "How slow?"),
        comment(handles(document)["Added later."], "Added", "By whom?"),
        *([finish()] if turn else []),
    ]
    program.sweep()
    assert [words(one) for one in posted(box)] == ["Added\nBy whom?"]
    assert (
        "refused: B1 and its section say what they said at the last review; comment on what is "
        "new, changed or moved, or name in the text the one of these that makes it wrong: B6"
    ) in model.answers


def test_where_something_was_only_taken_out_any_block_may_be_commented_on(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    program.sweep()
    box.clock.advance(HOUR)
    box.world.delete_block(box.world.blocks(page)[2])
    box.clock.advance(HOUR)
    model.think = lambda _document, _turn: [comment("B1", "slow", "And the rollout?"), finish()]
    program.sweep()
    assert [words(one) for one in posted(box)] == ["slow\nAnd the rollout?"]


@pytest.mark.parametrize("said", ["No", "resolve", "delete"])
def test_f3_what_people_settled_is_not_raised_again_and_the_model_is_told_how_it_ended(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, said: str
) -> None:
    page = rfc(box, rfcs)
    model.think = lambda _document, _turn: [comment("B1", "slow", "Say how slow."), finish()]
    program.sweep()
    [finding] = posted(box)
    box.clock.advance(HOUR)
    if said == "resolve":
        box.world.resolve(finding.discussion_id)
    elif said == "delete":
        box.world.delete_comment(finding)
    else:
        box.world.comment(finding, said)
    # The block changes, and the words that the point was made on stand.
    box.world.edit_block(box.world.blocks(page)[0], f"{POINTS[0]} It really is.")
    box.clock.advance(HOUR)
    model.think = lambda _document, _turn: [
        comment("B1", "poller is slow", "By which measure, and who says so?"),
        finish(),
    ]
    program.sweep()
    expected = "dismissed" if said == "No" else "resolved"
    assert f"    {expected}, important" in program.run("explain", page).out
    assert len(posted(box)) == (0 if said == "delete" else 1)
    if said != "No":  # else the thread shows it
        told_so = (
            "Already turned down or resolved, do not raise again, whatever became of the words:\n"
            "  B1 (resolved: its thread was resolved or deleted): “Say how slow”, about: slow: Say"
        )
        assert told_so in model.documents[-1]


def test_f3_a_resolved_point_is_told_whose_words_settled_another_point_of_its_block(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = rfc(box, rfcs)
    model.think = lambda _document, _turn: [comment("B1", "slow", "Say how slow."), finish()]
    program.sweep()
    box.clock.advance(HOUR)
    first = box.world.blocks(page)[0]
    box.world.edit_block(first, "We need queues because the poller takes 9 seconds.")
    box.clock.advance(HOUR)
    model.think = lambda _document, _turn: [
        follow_up("T1", "fixed", quote="because the poller takes 9 seconds"),
        comment("B1", "9 seconds", "Say why 9 are too many."),
        finish(),
    ]
    program.sweep()
    [second] = [one for one in posted(box) if plain(one).startswith("Say why")]
    box.world.resolve(second.discussion_id)
    box.world.edit_block(box.world.blocks(page)[1], "Carriers take 9 seconds themselves.")
    box.clock.advance(HOUR)
    model.think = lambda _document, _turn: [comment("B2", "themselves", "By which log?"), finish()]
    program.sweep()
    how = "its thread was resolved or deleted"
    told_so = f"  B1 (resolved: {how}): “Say why 9 are too many”, about: 9 seconds"
    assert told_so in model.documents[-1].split("whatever became of the words:")[1]
    compared = f"people turned down or resolved\nB1 “Say why 9 are too many” ({how})\n"
    assert any(compared in one for one in model.answers)


TITLE = "Slowness without a number"


@pytest.mark.parametrize("now", ["Queues come first.", ""])
@pytest.mark.parametrize("said", ["No", "resolve", "delete"])
def test_f3_what_people_settled_does_not_come_back_when_its_words_are_edited_or_go(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, said: str, now: str
) -> None:
    """Its title is refused wherever it stands, and in other words it is compared once."""
    page = rfc(box, rfcs)
    model.think = lambda _document, _turn: [
        comment("B1", "slow", "Say how slow.", title=TITLE),
        finish(),
    ]
    program.sweep()
    [finding] = posted(box)
    box.clock.advance(HOUR)
    if said == "resolve":
        box.world.resolve(finding.discussion_id)
    elif said == "delete":
        box.world.delete_comment(finding)
    else:
        box.world.comment(finding, said)
    box.clock.advance(HOUR)
    program.sweep()  # hears the no
    first, second, *_ = box.world.blocks(page)
    if now:
        box.world.edit_block(first, now)
    else:
        box.world.delete_block(first)
    box.world.edit_block(second, "They are fast enough, and the poller is not.")
    box.clock.advance(HOUR)
    before = len(posted(box))

    def think(document: str, turn: int) -> object:
        on = handles(document)["They are fast enough, and the poller is not."]
        if turn:
            return [("take_back", {"point": "P1"}), finish()]
        again = comment(on, "fast enough", "How slow is it?", title="Without a number: slowness")
        return [again, comment(on, "the poller is not", "By which log?", title="No log"), finish()]

    model.think = think  # type: ignore[assignment]
    program.sweep()
    assert len(posted(box)) == before
    assert f"“{TITLE}”" in model.documents[-1]
    how = "said no" if said == "No" else "its thread was resolved or deleted"
    heard, on = "\n".join(model.answers), "B1" if now else "a block that is gone"
    assert re.search(f"refused: “{TITLE}” is closed \\(.*{how}.*\\); do not raise it again", heard)
    assert re.search(f"\npeople turned down or resolved\n.*{on} “{TITLE}” \\(.*{how}", heard)


def with_many_settled(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, more: str = ""
) -> str:
    """Make a page of sixty lines, each with a point that people resolved."""
    lines = [f"Carrier {n} is asked every {n} seconds by the poller.{more}" for n in range(60)]
    page = rfc(box, rfcs, *lines)
    program.config["limits"] = {"comments_per_review": 60}
    model.think = lambda document, _turn: [
        *(
            comment(
                handle,
                f"every {n} seconds",
                f"Say what becomes of the orders of the {n} seconds in which carrier {n} is not "
                "asked, who would see that one of them is late, and by which log.",
                title=f"Orders of {n} s",
            )
            for handle, n in re.findall(r"^\[(B\d+)[^\]]*\] Carrier (\d+)", document, re.MULTILINE)
        ),
        finish(),
    ]
    program.sweep()
    assert len(posted(box)) == 60
    for one in posted(box):
        box.world.resolve(one.discussion_id)
    box.clock.advance(HOUR)
    program.sweep()
    assert program.run("explain", page).out.count("    resolved, important") == 60
    return page


def test_f3_of_many_points_that_people_settled_forty_are_told_and_compared(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = with_many_settled(box, program, model, rfcs)
    box.world.add_block(page, blocks.paragraph("The poller goes."))
    for one in box.world.blocks(page)[:60]:
        box.world.delete_block(one)
    box.clock.advance(HOUR)
    model.think = lambda document, turn: [
        *[comment(handles(document)["The poller goes."], "goes", "When?")] * (not turn),
        finish(),
    ]
    program.sweep()
    assert len(posted(box)) == 61
    told = model.documents[-1].partition("whatever became of the words:")[2]
    assert told.count("\n  a block that is gone (resolved: ") == 40
    assert told.endswith("\n  (20 more)")
    [compared] = {one for one in model.answers if "people turned down or resolved\n" in one}
    assert compared.count("\na block that is gone “") == 40
    assert "\n(20 more)\nand your comments are\nP1 on " in compared


def test_f3_many_points_that_people_settled_crowd_no_text_out_of_a_small_window(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    """They are compared at the end; in a part of a document stand those of its blocks alone."""
    page = with_many_settled(box, program, model, rfcs, " It waits." * 40)
    there = box.world.blocks(page)
    for one in there[:30]:
        box.world.delete_block(one)
    box.world.edit_block(there[40], "Carrier 40 is asked no more.")
    box.clock.advance(HOUR)
    program.config["windows"] = {"anthropic:claude-sonnet-5-5": 8_000}
    seen = len(model.documents)
    model.think = lambda document, turn: [
        *(
            comment(handle, "no more", "Since when?", title="No date")
            for handle in re.findall(r"^\[(B\d+) changed\] Carrier 40", document, re.MULTILINE)
            if not turn
        ),
        finish(),
    ]
    program.sweep()
    assert [words(one) for one in posted(box)[60:]] == ["no more\nSince when?"]
    assert all("a block that is gone (" not in one for one in model.documents[seen:])
    assert any("\na block that is gone “Orders of" in one for one in model.answers)
