"""A wording that a comment offers: shown, and known to be taken without asking a model."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from daemon.sandbox import Sandbox, blocks
from daemon.store.database import open_state
from daemon.store.views import browse
from support.program import (
    NOW,
    Program,
    ScriptedModel,
    begun_by,
    comment,
    finish,
    follow_up,
    plain,
    posted,
)


HOUR = timedelta(hours=1)
LINE = "The worker retries for ever, so an order may wait for three days."
OFFER = "The worker retries for three days"


@pytest.fixture
def page(box: Sandbox, rfcs: str) -> str:
    lines = (LINE, "Nobody reads this line.")
    return box.world.page(rfcs, "Queues", map(blocks.paragraph, lines), at=NOW - HOUR).id


def offer(words: str, quote: str = "The worker retries for ever") -> tuple[str, dict[str, Any]]:
    name, call = comment("B1", quote, "Bound it.", title="The retries have no end")
    return name, {**call, "instead": words}


def point(box: Sandbox, page: str) -> str:
    (found,) = [one for one in posted(box) if one.parent_id != page]
    return plain(found)


def sweep(box: Sandbox, program: Program, page: str, text: str) -> Any:
    box.clock.advance(HOUR)
    box.world.edit_block(box.world.blocks(page)[0], text)
    box.clock.advance(HOUR)
    return program.sweep().json


def test_a_wording_that_is_taken_is_seen_without_a_model(
    box: Sandbox, program: Program, model: ScriptedModel, page: str
) -> None:
    model.think = lambda _, turn: (
        [finish("Bound the retries.")]
        if turn
        else [offer("The worker retries for nine days"), offer(OFFER)]
    )
    program.sweep()
    assert (
        "refused: instead is left out: neither the document nor the prompt has nine; the comment "
        "itself stands without it: noted as P1; to say it otherwise, make the call again with the "
        "same quote"
    ) in model.answers[0]
    assert point(box, page).endswith(f"Bound it.\nInstead: “{OFFER}”")

    model.think = lambda _, __: [finish()]
    sweep(box, program, page, f"As Ben says, {OFFER.lower()}; then it is parked.")
    taken = f"the offered wording was taken: “{OFFER}”"
    assert point(box, page).startswith(f"✓ Settled: “The retries have no end” · {taken}\n")
    assert "Instead:" not in point(box, page)
    assert "begun by your" in model.documents[-1]
    assert "(closed: its block says what you offered instead)" in model.documents[-1]
    summary = next(one for one in posted(box) if one.parent_id == page)
    assert "Settled: “The retries have no end”" in plain(summary)
    told = program.run("explain", page).out
    assert "adopted, important: The retries have no end" in told
    assert f"adopted: “The retries have no end”: “{OFFER}”" in told
    until = (box.clock() + HOUR).isoformat()
    week = program.run("report", "--json", "--until", until).json["now"]
    assert (week["settled"]["adopted"], week["addressed_of_settled"]["part"]) == (1, 1)
    assert sum("✓" in plain(one) for one in posted(box)) == 1

    sweep(box, program, page, LINE)
    assert "✓" not in point(box, page)
    assert f"Instead: “{OFFER}”" in point(box, page)
    assert "adopted" not in program.run("explain", page).out.partition("decisions")[0]


def test_a_comment_is_posted_without_a_wording_that_may_not_be_offered(
    box: Sandbox, program: Program, model: ScriptedModel, page: str
) -> None:
    model.think = lambda _, turn: [*[offer("The worker retries for nine days")][turn:], finish()]
    assert program.sweep().json["model_requests"] == 2
    assert "1 call of this turn failed; what was noted stands" in model.answers[1]
    assert point(box, page).endswith("Bound it.")
    told = "instead is left out: neither the document nor the prompt has nine"
    assert told in program.run("explain", page).out


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("The worker retries for a while.", 0),
        (f"{LINE} Some want: {OFFER}.", 0),
        (f"{OFFER}, so an order may wait.", 1),
    ],
)
def test_only_words_that_took_the_place_of_the_quote_are_taken(
    box: Sandbox, program: Program, model: ScriptedModel, page: str, text: str, taken: int
) -> None:
    model.think = lambda _, turn: [offer(OFFER)] if not turn else [finish()]
    program.sweep()
    model.think = lambda _, __: [finish()]
    sweep(box, program, page, text)
    assert sum(plain(one).startswith("✓") for one in posted(box)) == taken


def test_who_says_done_to_a_wording_that_is_taken_waits_for_nothing(
    box: Sandbox, program: Program, model: ScriptedModel, page: str
) -> None:
    model.think = lambda _, turn: [offer(OFFER)] if not turn else [finish()]
    program.sweep()
    box.world.comment(posted(box)[0], "Done.")
    model.think = lambda _, __: [finish("It ends now.")]
    sweep(box, program, page, f"{OFFER}.")
    assert point(box, page).startswith("✓ Settled")
    assert "Done." in model.documents[-1]
    assert ", new: " not in model.documents[-1]
    assert not any("someone waits" in one for one in model.answers)


def test_a_wording_that_is_taken_settles_nothing_where_the_comment_names_another_block(
    box: Sandbox, program: Program, model: ScriptedModel, page: str
) -> None:
    name, call = offer(OFFER)
    both = (name, {**call, "text": "Change both: this block and [B2]."})
    model.think = lambda _, turn: [both] if not turn else [finish("Bound the retries.")]
    program.sweep()
    model.think = lambda _, __: [finish()]
    sweep(box, program, page, f"{OFFER}.")
    assert (
        "took your wording; B2, which it names, is unchanged; rule whether they"
        in model.documents[-1]
    )
    sweep(box, program, page, f"{OFFER}, at most.")
    assert (
        "took your wording; B2, which it names, is unchanged; rule whether they"
        in model.documents[-1]
    )
    line = box.world.blocks(page)[1]
    box.world.edit_block(line, "Somebody reads this line.")
    sweep(box, program, page, f"{OFFER}, no more.")
    assert (
        "took your wording; B2, which it names, changed since; rule whether they"
        in model.documents[-1]
    )
    box.world.delete_block(line)
    model.think = lambda document, turn: (
        [follow_up(begun_by("The retries have no end", document), "fixed", quote=OFFER)]
        if not turn
        else [finish()]
    )
    sweep(box, program, page, f"{OFFER}, at the most.")
    gone = "took your wording; a block, which it names, is gone: “Somebody reads this line.”; rule"
    assert gone in model.documents[-1]
    assert point(box, page).startswith("✓ Settled: “The retries have no end”")
    assert "\n      adopted" not in program.run("explain", page).out


@pytest.mark.parametrize("names_another", [True, False])
def test_a_wording_that_stands_elsewhere_too_settles_the_point_while_its_block_says_it(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    page: str,
    names_another: bool,  # noqa: FBT001 - ruled by the model, and by code
) -> None:
    box.world.edit_block(box.world.blocks(page)[1], f"Elsewhere too: {OFFER}.")
    box.clock.advance(HOUR)
    name, call = offer(OFFER)
    text = "Change both: this block and [B2]." if names_another else "Bound it."
    model.think = lambda _, turn: [(name, {**call, "text": text}), finish()] if not turn else []
    program.sweep()
    model.think = lambda document, _: [
        *[follow_up(begun_by("The retries have no end", document), "fixed", quote=OFFER)]
        * names_another,
        finish(),
    ]
    sweep(box, program, page, f"{OFFER}.")
    how = "its block says " if names_another else "the offered wording was taken: "
    assert point(box, page).startswith(f"✓ Settled: “The retries have no end” · {how}“{OFFER}”")
    model.think = lambda _, __: [finish()]
    sweep(box, program, page, LINE)
    assert "✓" not in point(box, page)
    assert f"“{OFFER}” is gone from its block" in program.run("explain", page).out


@pytest.mark.parametrize(
    ("text", "other", "stands"),
    [
        ("The worker retries for ever.", "", True),
        ("The worker retries for a while.", "", False),
        (f"{OFFER}.", "", False),
        ("The worker retries for ever.", "Somebody reads this line.", True),
    ],
)
def test_a_wording_that_the_text_went_past_is_taken_back_where_the_point_stays_open(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    page: str,
    text: str,
    other: str,
    stands: bool,  # noqa: FBT001 - a table
) -> None:
    name, call = offer(OFFER)
    both = (name, {**call, "text": "Change both, here and [B2]."})
    model.think = lambda _, turn: [both] if not turn else [finish("Bound the retries.")]
    program.sweep()
    box.world.comment(posted(box)[0], "Is that so?")
    if other:
        box.world.edit_block(box.world.blocks(page)[1], other)

    def think(document: str, turn: int) -> list[Any]:
        thread = begun_by("The retries have no end", document)
        return [follow_up(thread, "not_yet", "Still not.")] * (not turn) + [finish("Bound them.")]

    model.think = think
    sweep(box, program, page, text)
    reads = next(plain(one) for one in posted(box) if "The retries have no end ·" in plain(one))
    assert reads.startswith("The retries have no end · important\n")
    assert ("Instead:" in reads) == stands
    model.think = lambda _, __: [finish()]
    sweep(box, program, page, f"{OFFER}, I say.")
    reads = next(plain(one) for one in posted(box) if "The retries have no end ·" in plain(one))
    assert ("Instead:" in reads) == stands
    assert program.run("explain", page).out.count("open again") == 0


def test_a_person_sees_the_wording_before_it_is_posted(
    box: Sandbox, program: Program, model: ScriptedModel, page: str
) -> None:
    program.config["databases"][0]["approve"] = "all"
    model.think = lambda _, turn: [offer(OFFER)] if not turn else [finish()]
    program.sweep()
    assert posted(box) == []
    (draft,) = program.run("drafts", "--json").json["drafts"]
    assert draft["parts"][0]["instead"] == OFFER
    assert f"Instead: “{OFFER}”" in program.run("drafts", "show", str(draft["id"])).out
    program.run("drafts", "edit", str(draft["id"]), "1", "Say when it ends.")
    program.run("drafts", "approve", str(draft["id"]))
    assert f"Say when it ends.\nInstead: “{OFFER}”" in plain(posted(box)[0])


def test_what_is_kept_shows_its_wording_and_is_posted_with_it(
    box: Sandbox, program: Program, model: ScriptedModel, page: str
) -> None:
    program.config["limits"] = {"comments_per_review": 1}
    first = comment("B2", "Nobody reads this line.", "Drop it.", "blocking", "A line for nobody")
    model.think = lambda _, turn: [first, offer(OFFER)] if not turn else [finish("Two things.")]
    program.sweep()
    with closing(open_state(program.folder / "state" / "notion-review.db")) as state:
        (kept,) = [one for one in browse.findings_of(state, page) if one.state == "kept"]
    assert kept.body.endswith(f"Bound it.\n**Instead:** “{OFFER}”")
    summary = next(one for one in posted(box) if one.parent_id == page)
    box.world.comment(summary, "more", by=box.world.person("Ana Costa"))
    box.clock.advance(HOUR)
    program.sweep()
    assert any(plain(one).endswith(f"Instead: “{OFFER}”") for one in posted(box))
