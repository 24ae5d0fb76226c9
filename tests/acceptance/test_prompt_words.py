"""What the owner of a prompt says on its page: pause, resume, report, help; and who may."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from daemon.domain.notation import when
from daemon.sandbox import Sandbox, blocks
from daemon.sandbox.faults import Fault, FaultKind
from daemon.sandbox.state import Doing
from daemon.store import sweeps
from daemon.store.database import open_state
from support.owner import DAY, HOUR, STRICT, Owner, by_prompt
from support.program import Program, ScriptedModel, finish, plain, posted, reply
from support.vendor_server import Reply


SCHEMA = {"Applies to": "multi_select", "Active": "checkbox"}


@pytest.fixture
def owner(box: Sandbox, program: Program, rfcs: str, model: ScriptedModel) -> Owner:
    """An owner whose prompt page bears its status comment."""
    by_prompt(model, {"Be ": STRICT})
    found = Owner(box, program, rfcs)
    found.sweeps()
    return found


@pytest.fixture
def ana(box: Sandbox) -> Any:
    return box.world.person("Ana Costa")


def says(owner: Owner, words: str, by: Any, *, sweep: bool = True) -> str:
    """Let somebody write on the prompt page; return what is answered, "" for nothing."""
    before = len(owner.said)
    owner.box.world.comment(owner.page, words, by=by)
    if sweep:
        owner.sweeps()
    return "\n---\n".join(owner.said[before:])


def on_documents(owner: Owner) -> list[Any]:
    return [one for one in posted(owner.box) if one.parent_id != owner.page]


def test_an_owner_without_a_terminal_edits_reads_the_week_pauses_resumes_and_asks_for_help(
    owner: Owner, ana: Any
) -> None:
    owner.writes("Queues")
    owner.edits("Be stricter.")
    owner.sweeps()
    assert owner.said[0].startswith("In use since 2026-11-20 15:00 UTC: version ")
    assert owner.said[0].endswith(
        "To steer me, write only pause, resume, report or help in this thread."
    )
    told = says(owner, "help", ana).splitlines()
    assert [line.partition(":")[0] for line in told[1:5]] == [
        "• pause",
        "• resume",
        "• report",
        "• help",
    ]
    report = says(owner, "Report", ana).splitlines()
    assert report[0].startswith("The last seven days: 1 review, 2 points; $")
    assert report[1:] == [
        "The seven days before: nothing was reviewed.",
        "Waiting for people: 2 open points, since 2026-11-20.",
    ]
    paused = says(owner, "RFC reviewer, pause!", ana)
    assert paused.startswith("Paused: I leave everything that is reviewed under this page alone")
    assert "\n\nPaused since 2026-11-20 18:00 UTC by Ana Costa, until resume.\n" in owner.said[0]
    written = len(on_documents(owner))
    owner.writes("Logs")
    owner.sweeps()
    assert len(on_documents(owner)) == written
    assert says(owner, "resume", ana).startswith("Resumed: I review again")
    assert "Paused" not in owner.said[0]
    assert len(on_documents(owner)) == written + 2
    assert says(owner, "resume", ana) == "I was not paused; I go on as before."


def test_while_all_is_paused_nobody_is_answered_and_nothing_is_lost(
    owner: Owner, ana: Any, model: ScriptedModel
) -> None:
    owner.writes("Queues")
    owner.sweeps()
    first, second = on_documents(owner)[:2]
    says(owner, "pause", ana, sweep=False)
    owner.box.world.comment(first, "Which queue is meant?", by=ana)
    owner.box.world.comment(second, "resume", by=ana)
    asked = len(model.sent)
    for _ in range(3):
        owner.sweeps()
    assert len(model.sent) == asked
    assert plain(on_documents(owner)[-1]) == (
        "I was not paused on this page; I go on as before. Besides, everything that is reviewed "
        "under my prompt is paused until somebody writes resume on the prompt's page."
    )
    model.think = lambda _document, turn: [finish()] if turn else [reply("T2", "The first one.")]
    says(owner, "resume", ana)
    assert plain(on_documents(owner)[-1]) == "The first one."


def test_a_pause_shows_everywhere_survives_and_can_be_ended_in_the_terminal(
    owner: Owner, ana: Any, program: Program
) -> None:
    (page,) = owner.writes("Queues")
    owner.sweeps()
    says(owner, "pause", ana)
    (one,) = program.run("status", "--json").json["paused_prompts"]
    assert one == {
        "id": owner.page,
        "title": "RFC reviewer",
        "by": "Ana Costa",
        "since": "2026-11-20T16:00:30Z",
        "days": one["days"],
        "until": None,
    }
    line = "everything under RFC reviewer: since "
    assert f"paused       {line}" in program.run("status").out
    why = "why: all under its prompt is paused, since 2026-11-20T16:00:30Z by Ana Costa"
    assert why in program.run("explain", page).out
    assert "pause: Ana Costa" in program.run("explain", owner.page).out
    assert "note     prompt RFC reviewer: all that is reviewed under it is paused since" in (
        program.run("doctor").out
    )
    metrics = (program.folder / "state/notion-review.prom").read_text("utf-8")
    assert "notion_review_prompts_paused 1\n" in metrics
    assert "Ana Costa" not in (program.folder / "state/status.json").read_text("utf-8")
    owner.writes("Logs")
    written = len(on_documents(owner))
    assert "alert.raised" not in owner.sweeps(after=2 * DAY).err, "nobody waits for it"
    assert len(on_documents(owner)) == written
    assert program.run("resume", owner.page).out == "everything under RFC reviewer: resumed\n"
    owner.sweeps()
    assert len(on_documents(owner)) == written + 2
    assert "Paused" not in owner.said[0]
    assert "resumed: by command" in program.run("explain", owner.page).out
    assert program.run("pause", "--for", "2h", owner.page).code == 0
    owner.sweeps()
    assert "Paused since " in owner.said[0]
    assert program.run("retry", owner.page).code != 0


def test_a_page_in_a_paused_database_is_reviewed_by_name(
    owner: Owner, ana: Any, program: Program
) -> None:
    says(owner, "pause", ana)
    (page,) = owner.writes("Queues")
    owner.sweeps()
    assert not on_documents(owner)
    assert program.run("review", page).code == 0
    assert len(on_documents(owner)) == 2
    owner.writes("Logs")
    owner.sweeps()
    assert len(on_documents(owner)) == 2


def test_a_pause_for_a_time_ends_by_itself(owner: Owner, ana: Any) -> None:
    told = says(owner, "pause 5h", ana)
    assert "alone until 2026-11-20 19:00 UTC, or until somebody writes" in told
    owner.writes("Queues")
    owner.sweeps()
    assert not on_documents(owner)
    assert ", until 2026-11-20 19:00 UTC or until resume." in owner.said[0]
    owner.sweeps(after=3 * HOUR)
    assert len(on_documents(owner)) == 2
    assert "Paused" not in owner.said[0]


def test_who_may_not_edit_the_prompt_is_declined_once_and_may_ask_for_help(
    owner: Owner, ana: Any, program: Program
) -> None:
    owner.settings["prompt_editors"] = ["Ana Costa"]
    ben = owner.box.world.person("Ben Okri")
    declined = says(owner, "pause", ben)
    assert declined.startswith("Thank you, but here I follow only those who may edit this prompt")
    assert says(owner, "report", ben) == ""
    assert says(owner, "help", ben).startswith("Each of these words alone")
    assert program.run("status", "--json").json["paused_prompts"] == []
    assert "declined to pause: Ben Okri" in program.run("explain", owner.page).out
    # In one sweep, what a stranger says changes nothing for an editor.
    says(owner, "pause", ben, sweep=False)
    assert says(owner, "pause", ana).startswith("Paused: ")


def test_only_words_to_the_reviewer_are_heard(owner: Owner, ana: Any, box: Sandbox) -> None:
    bot = box.world.bot("Build bot")
    assert says(owner, "pause", bot) == ""
    for words in ("I would pause it for a week.", "Ben, can you help?", "thanks, RFC reviewer"):
        assert says(owner, words, ana) == ""
    assert says(owner, "RFC reviewer, why are you so strict?", ana).startswith("Each of these")
    assert says(owner, "please pause this page", ana).startswith("Each of these")


@pytest.mark.parametrize(
    "kind",
    [
        *(FaultKind.CONFLICT, FaultKind.RATE_LIMITED, FaultKind.UNAVAILABLE, FaultKind.DROP),
        *(FaultKind.SAVED, FaultKind.DROP_SAVED, FaultKind.SLOW_SAVED),
    ],
    ids=str,
)
def test_whatever_happens_to_an_answer_it_is_given_once(
    owner: Owner, ana: Any, box: Sandbox, program: Program, kind: FaultKind
) -> None:
    box.faults.plant(Fault(kind, "POST", "/v1/comments", times=1))
    says(owner, "pause", ana, sweep=False)
    owner.box.clock.advance(HOUR)
    program.run("--once")
    box.faults.clear()
    for _ in range(2):
        owner.box.clock.advance(HOUR)
        program.run("--once")
    status, told = owner.said
    assert told.startswith("Paused: ")
    assert "Paused since 2026-11-20 14:00 UTC by Ana Costa" in status


def test_a_page_where_nobody_may_comment_any_more_raises_no_alert(
    owner: Owner, ana: Any, box: Sandbox, program: Program
) -> None:
    box.world.refuse(owner.page, Doing.COMMENT)
    done = owner.sweeps()
    assert says(owner, "pause", ana) == ""
    assert "alert.raised" not in done.err
    assert program.run("status", "--json").json["alerts"] == []
    assert len(program.run("status", "--json").json["paused_prompts"]) == 1


def test_a_page_whose_comments_cannot_be_read_costs_a_request_a_sweep_at_most(
    owner: Owner, ana: Any, box: Sandbox
) -> None:
    box.world.refuse(owner.page, Doing.LIST_COMMENTS)
    for _ in range(3):
        done = owner.sweeps()
        assert done.json["outcome"] == "ok"
        assert done.json["notion_requests"] == 2
        assert "alert.raised" not in done.err
    box.world.allow(owner.page)
    assert says(owner, "help", ana)


def test_without_the_comment_or_without_watching_nobody_listens(
    owner: Owner, ana: Any, program: Program
) -> None:
    owner.settings["status_comment"] = False
    assert says(owner, "pause", ana) == ""
    assert owner.sweeps().json["notion_requests"] == 1
    owner.settings["status_comment"] = True
    program.config["watch_requests"] = 0
    assert says(owner, "pause", ana) == ""
    program.config["watch_requests"] = 1
    owner.sweeps()
    assert owner.said[-1].startswith("Paused: ")


def test_frequent_sweeps_look_after_a_word_and_then_more_seldom(
    owner: Owner, ana: Any, program: Program
) -> None:
    program.config["schedule"] = {"every": "5m"}
    says(owner, "help", ana)
    looked = [owner.sweeps(timedelta(minutes=5)).json["notion_requests"] - 1 for _ in range(24)]
    assert sum(looked) < 16
    assert looked[0] == 1


def test_a_word_is_not_carried_out_again_where_the_state_was_lost(
    owner: Owner, ana: Any, program: Program
) -> None:
    says(owner, "pause", ana)
    says(owner, "resume", ana)
    says(owner, "pause", ana)
    said = owner.said
    shutil.rmtree(program.folder / "state")
    for _ in range(3):
        owner.sweeps()
    assert owner.said[1:] == said[1:]
    assert program.run("status", "--json").json["paused_prompts"] == []
    assert says(owner, "pause", ana).startswith("Paused: ")


def test_a_dry_run_answers_nobody_and_pauses_nothing(
    owner: Owner, ana: Any, program: Program
) -> None:
    says(owner, "pause", ana, sweep=False)
    owner.box.clock.advance(HOUR)
    said = owner.said
    printed = [json.loads(line) for line in program.run("--once", "--dry-run").out.splitlines()]
    assert any(one["text"].startswith("Paused: ") for one in printed)
    assert owner.said == said
    assert program.run("status", "--json").json["paused_prompts"] == []


def test_an_event_may_name_a_place_on_a_prompt_page(owner: Owner, program: Program) -> None:
    at = when("2026-11-20T13:00:00Z")
    with closing(open_state(program.folder / "state/notion-review.db")) as db:
        named = [sweeps.Nomination(owner.page, place, at) for place in (owner.page, "")]
        assert [sweeps.nominate(db, [one]) for one in named] == [1, 0]


def test_a_pause_on_a_row_of_a_prompt_database_holds_for_all_of_them(
    owner: Owner, ana: Any, box: Sandbox
) -> None:
    database = box.world.database("Prompts", SCHEMA)
    rows = [
        box.world.page(database, title, [blocks.paragraph("Be kind.")], Active=True).id
        for title in ("For all", "For none")
    ]
    owner.settings["prompt"] = database.id
    owner.writes("Queues")
    owner.sweeps()
    owner.sweeps()
    written = len(on_documents(owner))
    box.world.comment(rows[0], "pause", by=ana)
    owner.sweeps()
    owner.writes("Logs")
    owner.sweeps()
    assert len([one for one in posted(box) if one.parent_id not in rows]) <= written
    box.world.comment(rows[1], "resume", by=ana)
    owner.sweeps()
    told = [plain(one) for one in posted(box) if one.parent_id == rows[1]]
    assert told[-1].startswith("Resumed: ")


def on_page(owner: Owner, page: str) -> list[str]:
    return [plain(one) for one in posted(owner.box) if one.parent_id == page]


def test_who_asks_in_the_summarys_thread_why_a_page_waits_hears_it(
    owner: Owner, ana: Any, model: ScriptedModel, program: Program
) -> None:
    by_prompt(model, {"Be ": [*STRICT[:-1], finish("Two points.")]})
    (page,) = owner.writes("Queues")
    owner.sweeps()
    (summary,) = (one for one in posted(owner.box) if one.parent_id == page)
    owner.box.clock.advance(HOUR)
    owner.box.world.edit_block(owner.box.world.blocks(page)[0], "Edited.", by=ana)
    owner.box.world.comment(summary, "When?", by=ana)
    asked = len(model.sent)
    owner.sweeps(timedelta(minutes=2))
    assert on_page(owner, page)[-1] == (
        "This page waits: it was edited 16:00 UTC; it is read from 2026-11-20 16:10 UTC on, later "
        "if edits follow."
    )
    owner.box.world.comment(summary, "why", by=ana)
    owner.sweeps(timedelta(minutes=2))
    told, _, waits = on_page(owner, page)[-1].partition("\n\n")
    assert "under the prompt “RFC reviewer”, in the version first used on 2026-11-20" in told
    assert waits.startswith("This page waits: it was edited")
    says(owner, "pause", ana)
    owner.box.world.comment(summary, "Why is this page still waiting?", by=ana)
    owner.sweeps()
    assert on_page(owner, page)[-1].startswith(
        "This page waits: all that is reviewed under my prompt is paused since 2026-11-20 17:0"
    )
    assert len(model.sent) == asked
    says(owner, "resume", ana)
    model.think = lambda document, turn: (
        [finish()] if turn or "When?" not in document else [reply("T1", "On Friday.")]
    )
    owner.box.world.comment(summary, "When?", by=ana)
    owner.sweeps(after=2 * HOUR)
    assert len(model.sent) > asked, "nothing waits: the model is asked"


def test_the_summary_says_who_reviewed_where_it_was_not_the_first_choice(
    owner: Owner, model: ScriptedModel, program: Program
) -> None:
    by_prompt(model, {"Be ": [*STRICT[:-1], finish("Two points.")]})
    (first,) = owner.writes("Queues")
    owner.settings["models"] = ["anthropic:claude-sonnet-5-5", "offline"]
    owner.sweeps()
    assert "first choice" not in "".join(on_page(owner, first))
    model.think = lambda _document, _turn: Reply({"error": {"message": "no"}}, 400)
    text = [blocks.paragraph("TODO: name it.")]
    page = owner.box.world.page(owner.rfcs, "Names", text, at=owner.box.clock()).id
    owner.box.clock.advance(HOUR)
    program.run("--once")
    said = "".join(on_page(owner, page))
    assert (
        "Reviewed by my own checks alone, without a model, under the prompt “RFC reviewer”." in said
    )


def test_help_in_any_thread_lists_what_can_be_said_there(owner: Owner, ana: Any) -> None:
    owner.writes("Queues")
    owner.sweeps()
    owner.box.world.comment(on_documents(owner)[0], "help", by=ana)
    owner.sweeps()
    told = plain(on_documents(owner)[-1])
    assert all(word in told for word in ("why", "review again", "more", "pause 7d", "resume"))
    assert told.endswith("What I look for in all documents, the owner of my prompt can change.")
