"""The comment on a prompt page that tells what is in use, and what a trial of an edit found."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from daemon.sandbox import Sandbox, blocks
from daemon.sandbox.state import Doing
from daemon.store.database import open_state
from support.owner import DAY, HOUR, STRICT, TEXTS, Owner, by_prompt, version
from support.program import Program, ScriptedModel, comment, finish, posted
from support.vendor_server import Reply


@pytest.fixture
def owner(box: Sandbox, program: Program, rfcs: str) -> Owner:
    return Owner(box, program, rfcs)


STRICTER = [
    comment("B1", "poller is slow", "No number says so.", "blocking", "Slowness is not shown"),
    comment("B3", "In one step", "No way back.", "important", "No rollback"),
    finish(),
]


def test_the_first_reading_and_each_edit_are_told_in_one_comment_without_a_document_being_due(
    owner: Owner,
) -> None:
    owner.sweeps()
    (first,) = owner.said
    assert first.startswith("In use since 2026-11-20 13:00 UTC: version ")
    written = owner.writings
    for _ in range(3):
        assert owner.sweeps().json["notion_requests"] == 2  # the data source, the comments here
    assert owner.writings == written
    owner.edits("Be stricter.")
    assert owner.sweeps(after=DAY).json["summaries_posted"] == 0
    (second,) = owner.said
    assert second.startswith("In use since 2026-11-21 16:00 UTC: version ")
    assert version(second) != version(first)
    assert owner.writings == written + 1


@pytest.mark.parametrize("events", [False, True])
def test_where_documents_are_watched_an_edit_is_told_by_the_next_sweep(
    owner: Owner, monkeypatch: pytest.MonkeyPatch, *, events: bool
) -> None:
    """Also where events come, and no place is looked at."""
    owner.writes("Queues")
    owner.sweeps()
    monkeypatch.setattr("daemon.store.sweeps.events_tell", lambda *_: events)
    owner.sweeps()
    before = version(owner.said[0])
    owner.edits("Be stricter.")
    owner.sweeps()
    assert version(owner.said[0]) != before


def test_the_version_is_the_one_that_explain_and_the_report_name(
    owner: Owner, program: Program
) -> None:
    (page,) = owner.writes("Queues")
    owner.sweeps()
    assert f"prompt {version(owner.said[0])}" in program.run("explain", page).out


def test_a_trial_reviews_the_last_documents_under_both_versions_and_tells_the_difference(
    owner: Owner, box: Sandbox, model: ScriptedModel, program: Program
) -> None:
    by_prompt(model, {"Be strict.": STRICT, "Be stricter.": STRICTER})
    owner.settings["trial"] = 2
    for title in ("Oldest", "Older", "Newest"):
        owner.writes(title)
        owner.sweeps()
    on_documents = [one.id for one in posted(box) if one.parent_id != owner.page]
    asked, reviews = len(model.sent), program.run("report", "--json").json["now"]["reviews"]
    owner.edits("Be stricter.")
    done = owner.sweeps()
    (said,) = owner.said
    head, found, *points = said.splitlines()[0], *said.splitlines()[2:]
    assert head.startswith("In use since ")
    assert found.startswith(
        "Tried on the last 2 documents, without posting: 2 new points, 2 gone, 2 graver; $"
    )
    assert [one for one in points if one][:-3] == [
        "• new: “No rollback” (important), in Newest",
        "• new: “No rollback” (important), in Older",
        "• gone: “Ten is not explained” (minor), in Newest",
        "• gone: “Ten is not explained” (minor), in Older",
        "• graver: “Slowness is not shown” (important, now blocking), in Newest",
        "• graver: “Slowness is not shown” (important, now blocking), in Older",
    ]
    assert [one.id for one in posted(box) if one.parent_id != owner.page] == on_documents
    assert program.run("report", "--json").json["now"]["reviews"] == reviews
    assert done.json["model_requests"] == len(model.sent) - asked == 4
    with closing(open_state(program.folder / "state/notion-review.db")) as db:
        spent = db.execute(
            "SELECT sum(requests), sum(cost_usd) FROM spending WHERE page_id = ?", [owner.page]
        ).fetchone()
    assert spent == (4, pytest.approx(done.json["cost_usd"])), "it is paid for by the prompt page"
    assert found.endswith(f"${done.json['cost_usd']:.2f}.")
    # As at a first review: no block is marked, and no thread is shown.
    assert all("[B1] We need queues" in document for document in model.documents[asked:])
    assert not any("[T1" in document for document in model.documents[asked:])
    asked = len(model.sent)
    owner.sweeps()
    assert len(model.sent) == asked, "a version is tried once"


def test_two_versions_that_find_the_same_are_said_to(owner: Owner, model: ScriptedModel) -> None:
    by_prompt(model, {"Be ": STRICT})
    owner.settings["trial"] = 3
    owner.writes("Queues")
    owner.sweeps()
    owner.edits("Be stricter.")
    owner.sweeps()
    assert "Tried on the last 1 document, without posting: the same 2 points; $0." in owner.said[0]


def test_a_prompt_page_that_is_still_edited_waits_and_a_typo_mended_is_one_trial(
    owner: Owner, model: ScriptedModel
) -> None:
    by_prompt(model, {"Be ": STRICT})
    owner.settings["trial"] = 1
    owner.writes("Queues")
    owner.sweeps()
    first, asked = owner.said, len(model.sent)
    owner.edits("Be striktor.")
    owner.sweeps(timedelta(minutes=4))
    owner.edits("Be stricter.")
    owner.sweeps(timedelta(minutes=4))
    assert (owner.said, len(model.sent)) == (first, asked)
    owner.sweeps()
    assert "Tried on the last 1 document" in owner.said[0]
    assert len(model.sent) == asked + 2
    owner.edits("Be strict.")
    owner.sweeps()
    owner.edits("Be stricter.")
    owner.sweeps()
    assert len(model.sent) == asked + 4, "each version once"


def test_without_a_trial_or_a_reviewed_document_an_edit_costs_nothing(
    owner: Owner, model: ScriptedModel
) -> None:
    owner.sweeps()
    owner.settings["trial"] = 3
    owner.edits("Be stricter.")
    owner.sweeps()
    assert "It was not tried: none of its documents was reviewed yet.\n" in owner.said[0]
    owner.settings["trial"] = 0
    owner.writes("Queues")
    owner.sweeps()
    asked = len(model.sent)
    owner.edits("Be kind.")
    owner.sweeps()
    assert "ried" not in owner.said[0]
    assert len(model.sent) == asked


@pytest.mark.parametrize("limit", ["cost_per_page", "cost_per_day", "tokens_per_month"])
def test_a_trial_that_does_not_fit_is_left_and_names_the_limit(
    owner: Owner, model: ScriptedModel, program: Program, limit: str
) -> None:
    by_prompt(model, {"Be ": STRICT})
    owner.settings["trial"] = 3
    owner.writes("Queues", "Logs", "Names")
    done = owner.sweeps()
    asked, dollars = len(model.sent), done.json["cost_usd"]
    tokens = done.json["input_tokens"] + done.json["output_tokens"]
    most = tokens * 2 if limit.startswith("tokens") else round(dollars * 1.5, 2) or 0.01
    program.config["limits"] = {limit: most}
    owner.edits("Be stricter.")
    done = owner.sweeps()
    assert f"It was not tried: limits.{limit} " in owner.said[0]
    assert len(model.sent) == asked
    assert "alert.raised" not in done.err


def test_a_document_whose_review_is_not_whole_is_left_out(
    owner: Owner, model: ScriptedModel, program: Program
) -> None:
    by_prompt(model, {"Be ": STRICT})
    owner.settings["trial"] = 3
    gone, *_ = owner.writes("Queues", "Logs")
    owner.sweeps()
    owner.box.world.trash(gone)
    owner.edits("Be stricter.")
    owner.sweeps()
    assert "Tried on the last 1 document" in owner.said[0]


def test_an_outage_of_the_models_puts_the_trial_off(owner: Owner, model: ScriptedModel) -> None:
    by_prompt(model, {"Be ": STRICT})
    owner.settings["trial"] = 1
    owner.writes("Queues")
    owner.sweeps()
    owner.edits("Be stricter.")
    thought = model.think
    model.think = lambda _document, _turn: Reply({"error": "overloaded"}, 529)
    assert owner.sweeps().json["outcome"] == "ok"
    assert "I am trying it" in owner.said[0]
    model.think = thought
    owner.sweeps()
    assert "Tried on the last 1 document" in owner.said[0]


def test_a_prompt_page_that_takes_no_comment_costs_nothing_but_a_line_in_doctor(
    owner: Owner, box: Sandbox, model: ScriptedModel, program: Program
) -> None:
    by_prompt(model, {"Be ": STRICT})
    box.world.refuse(owner.page, Doing.COMMENT)
    owner.settings["trial"] = 1
    owner.writes("Queues")
    done = owner.sweeps()
    assert "alert.raised" not in done.err
    owner.edits("Be stricter.")
    asked, written = len(model.sent), owner.writings
    owner.sweeps()
    assert (len(model.sent), owner.writings) == (asked, written)
    for _ in range(3):
        assert owner.sweeps().json["outcome"] == "ok"
    assert owner.writings == written, "it is tried again after a day"
    assert program.run("status", "--json").json["failed_pages"] == []
    checks = program.run("doctor").out.splitlines()
    (line,) = [one for one in checks if "prompt page RFC reviewer" in one]
    assert line.startswith("note")
    assert "Notion takes no comment there" in line
    box.world.allow(owner.page)
    owner.sweeps(timedelta(days=1))
    assert len(owner.said) == 1
    assert "prompt page RFC reviewer" not in program.run("doctor").out


def test_a_comment_that_people_deleted_or_resolved_comes_back_with_the_next_edit_alone(
    owner: Owner, box: Sandbox
) -> None:
    owner.sweeps()
    for away in (box.world.delete_comment, box.world.resolve):
        (one,) = owner.comments
        away(one)
        owner.sweeps()
        assert owner.said == []
        owner.edits(f"Be stricter than {away}.")
        for _ in range(2):
            owner.sweeps(after=DAY)
        assert len(owner.said) == 1


def test_the_comment_is_known_again_where_the_state_was_lost(
    owner: Owner, program: Program
) -> None:
    owner.sweeps()
    shutil.rmtree(program.folder / "state")
    owner.sweeps()
    (said,) = owner.said
    assert said.startswith("In use since 2026-11-20 14:00 UTC")


def test_two_databases_under_one_prompt_page_have_one_comment_that_names_both_reviewers(
    owner: Owner, box: Sandbox, program: Program, model: ScriptedModel
) -> None:
    by_prompt(model, {"Be ": STRICT})
    other = box.world.database("Decisions").id
    second = {"id": other, "prompt": owner.page, "name": "ADRs", "trial": 2}
    program.config["databases"].append(second)
    owner.settings["name"] = "RFCs"
    owner.sweeps()
    (said,) = owner.said
    assert "(" not in said
    second["reviewer"] = "Ada"
    owner.edits("Be kind.")
    owner.writes("Queues")
    box.world.page(other, "ADR 1", [blocks.paragraph(one) for one in TEXTS], at=box.clock())
    owner.sweeps()
    (said,) = owner.said
    assert ": versions " in said
    assert "(ADRs)" in said
    assert "(RFCs)" in said
    owner.edits("Be stricter.")
    owner.sweeps()
    assert "Tried on the last 1 document" in owner.said[0], "only where a trial is wanted"


def test_a_dry_run_prints_the_comment(owner: Owner, program: Program) -> None:
    owner.box.clock.advance(HOUR)
    printed = [json.loads(line) for line in program.run("--once", "--dry-run").out.splitlines()]
    (one,) = [one for one in printed if one["kind"] == "notice"]
    assert one["page"] == owner.page
    assert one["text"].startswith("In use since ")
    assert one["text"].endswith(" UTC:** counted when this is posted.")
    assert owner.said == []


def test_while_a_page_is_broken_the_comment_tells_the_version_that_stays_in_use(
    owner: Owner, box: Sandbox, program: Program
) -> None:
    owner.sweeps()
    (before,) = owner.said
    box.world.rewrite(owner.page, [blocks.code("limits: {round: 1}", "yaml")])
    owner.sweeps(after=DAY)
    standing, mistake = owner.said
    assert standing.startswith(before.partition("\n")[0])
    assert (
        "• The prompt page, as it was edited last, cannot be used. Since 2026-11-21 13:00"
        in standing
    )
    assert "the last good version stays in use" in mistake
    owner.edits("Be kind.")
    owner.sweeps()
    (after,) = owner.said
    assert after != before
    assert after.startswith("In use since ")
    assert "Not well" not in after


def test_without_the_right_to_read_comments_the_comment_is_told_all_the_same(
    owner: Owner, box: Sandbox
) -> None:
    box.world.state.bots[box.bot.id] = replace(box.bot, read_comments=False)
    owner.sweeps()
    owner.edits("Be kind.")
    owner.sweeps()
    assert len(owner.said) == 1


def test_what_a_trial_found_on_a_page_is_forgotten_with_it(
    owner: Owner, model: ScriptedModel, program: Program
) -> None:
    by_prompt(model, {"Be strict.": STRICT, "Be stricter.": STRICTER})
    owner.settings["trial"] = 2
    (page, _) = owner.writes("Queues", "Logs")
    owner.sweeps()
    owner.edits("Be stricter.")
    owner.sweeps()
    assert "in Queues" in owner.said[0]
    assert program.run("forget", page).code == 0
    with closing(open_state(program.folder / "state/notion-review.db")) as db:
        assert "Queues" not in "\n".join(db.conn.iterdump())
    owner.sweeps()
    assert "in Queues" not in owner.said[0]
    assert "in Logs" in owner.said[0]


def test_the_week_is_told_in_numbers_and_edited_once_a_day_at_most(
    owner: Owner, model: ScriptedModel
) -> None:
    by_prompt(model, {"Be ": STRICT})
    owner.writes("Queues")
    cost = owner.sweeps().json["cost_usd"]
    (said,), at = owner.said, f"{owner.box.clock():%Y-%m-%d %H:%M} UTC"
    assert said.splitlines()[1:] == [
        "",
        f"The last seven days, as of {at}: 1 review, 2 points; ${cost:.2f}.",
        "Waiting for people: 2 open points, since 2026-11-20.",
        "",
        "To steer me, write only pause, resume, report or help in this thread.",
    ]
    written = owner.writings
    owner.writes("Logs")
    owner.sweeps()
    on_logs = 3  # two points and their summary, if it has one
    assert owner.said == [said]
    assert owner.writings - written <= on_logs
    owner.sweeps(after=DAY)
    assert "2 reviews, 4 points" in owner.said[0]
    written = owner.writings
    for _ in range(5):
        owner.sweeps()
    assert owner.writings == written
    for _ in range(8):
        owner.sweeps(after=DAY)
    assert " UTC: nothing was reviewed.\n" in owner.said[0]
    written = owner.writings
    for _ in range(3):
        owner.sweeps(after=DAY)
    assert owner.writings == written, "nothing changed but the date"


def test_what_people_did_with_the_points_is_told(
    owner: Owner, box: Sandbox, model: ScriptedModel
) -> None:
    by_prompt(model, {"Be ": STRICT})
    owner.writes("Queues")
    owner.sweeps()
    ana = box.world.person("Ana Costa")
    first, second = [one for one in posted(box) if one.parent_id != owner.page][:2]
    box.world.comment(first, "No, that is on purpose.", by=ana)
    box.world.resolve(second)
    owner.sweeps()
    owner.sweeps(after=DAY)
    assert "; 1 point declined, 1 thread closed by people; $" in owner.said[0]
    assert "Waiting for people" not in owner.said[0]


def test_an_alert_that_is_raised_or_over_is_told_at_once_in_plain_words(
    owner: Owner, model: ScriptedModel, program: Program
) -> None:
    by_prompt(model, {"Be ": [finish()]})
    program.config["alerts"] = {"quiet": "12h"}
    owner.writes("Queues")
    owner.sweeps()
    quiet = "I have seen no edit for long; if there were some, I miss them."
    assert quiet not in owner.said[0]
    written = owner.writings
    assert "alert.raised" in owner.sweeps(after=DAY / 2).err
    told = "Something is wrong; ask whoever runs me:\n• " + quiet + " Since 2026-11-21 0"
    assert told in owner.said[0]
    assert owner.writings == written + 1
    owner.sweeps()
    assert owner.writings == written + 1
    owner.writes("Logs")
    assert "alert.over" in owner.sweeps().err
    assert quiet not in owner.said[0]
    assert owner.writings == written + 2


def test_without_the_comment_nothing_is_said_on_the_prompt_page(
    owner: Owner, program: Program
) -> None:
    owner.settings["status_comment"] = False
    owner.sweeps()
    owner.edits("Be kind.")
    owner.sweeps(after=DAY)
    assert owner.said == []
    assert "prompt page" not in program.run("doctor").out
