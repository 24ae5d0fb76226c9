"""Bad input ends in one clear line and a documented exit code, and nothing is lost."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest

from daemon.sandbox import Sandbox, blocks, rich
from support.program import NOW, Program, ScriptedModel, comment, finish, posted


HOUR = timedelta(hours=1)


def words(done_err: str) -> list[str]:
    return [line for line in done_err.splitlines() if line.startswith("notion-review: ")]


def test_a_wrong_token_is_77_and_asks_once(box: Sandbox, program: Program, rfcs: str) -> None:
    program.env["NOTION_TOKEN"] = "ntn_wrong000000000000000000000000000000"
    done = program.run("--once")
    assert done.code == 77
    [line] = words(done.err)
    assert "NOTION_TOKEN" in line
    assert "ntn_wrong" not in done.out + done.err
    assert box.requests.count() == 1


def test_a_database_that_is_not_shared_is_77_and_said_once(
    box: Sandbox, program: Program, rfcs: str
) -> None:
    box.world.unshare(rfcs)
    done = program.run("--once")
    assert done.code == 77
    [line] = words(done.err)
    assert "share it with the connection" in line
    assert done.err.count("alert.raised") == 1
    assert "alert.raised" not in program.run("--once").err


def test_f19_one_database_without_access_does_not_stop_the_others(
    box: Sandbox, program: Program, rfcs: str
) -> None:
    other = box.world.database("Other")
    program.config["databases"].append({"id": other.id})
    box.world.page(other, "Page", [blocks.paragraph("Text.")], at=NOW - HOUR)
    box.world.unshare(rfcs)
    done = program.run("--once", "--json")
    assert (done.code, done.json["outcome"], done.json["pages_reviewed"]) == (3, "partial", 1)


def test_an_empty_database_is_done(box: Sandbox, program: Program, rfcs: str) -> None:
    assert program.sweep().json["outcome"] == "ok"


def test_a_page_that_vanishes_half_way_fails_alone_and_is_found_again(
    box: Sandbox, program: Program, rfcs: str
) -> None:
    one = box.world.page(rfcs, "One", [blocks.paragraph("Text.")], at=NOW - HOUR)
    box.world.page(rfcs, "Two", [blocks.paragraph("Text.")], at=NOW - HOUR)

    def vanish(_method: str, path: str) -> None:
        if path.endswith(f"{one.id}/children"):
            box.world.unshare(one)

    box.faults.policy = vanish
    done = program.run("--once", "--json")
    assert (done.code, done.json["pages_reviewed"], done.json["pages_failed"]) == (3, 1, 1)
    assert "One" in program.run("status").out
    box.faults.clear()
    box.world.share(one)
    box.clock.advance(HOUR)
    assert program.sweep().json["pages_reviewed"] == 1


def test_five_mistakes_in_the_config_are_five_lines(program: Program, rfcs: str) -> None:
    program.config |= {"settle": "ten", "watch_days": -1, "colour": "red"}
    program.config["databases"][0] |= {"page_comment": "False", "replies": "sometimes"}
    done = program.run("--once")
    assert done.code == 78
    assert len(words(done.err)) == 5
    assert all("config.yaml:" in line for line in words(done.err))


@pytest.mark.skipif(os.geteuid() != 0, reason="root sees a read-only folder as writable")
def test_a_state_that_cannot_be_made_is_74(program: Program, rfcs: str) -> None:
    blocker = program.folder / "file"
    blocker.write_text("")
    program.config["state"] = "file/state.db"
    done = program.run("--once")
    assert done.code == 74
    assert len(words(done.err)) == 1


def test_a_page_with_nothing_in_it_is_done_without_a_model(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    page = box.world.page(rfcs, "", [], at=NOW - HOUR)
    done = program.sweep().json
    assert (done["pages_waiting"], len(model.sent)) == (0, 0)
    assert "the page is empty" in program.run("explain", page.id).out


@pytest.mark.parametrize("count", [250, pytest.param(2000, marks=pytest.mark.real)])
def test_a_page_of_many_blocks_is_read_whole(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, count: int
) -> None:
    content = [blocks.paragraph(f"Line {number} of many.") for number in range(count)]
    box.world.page(rfcs, "Long", content, at=NOW - HOUR)
    model.think = lambda _document, _turn: [
        comment(f"B{count}", f"Line {count - 1} of many.", "Last one?"),
        finish(),
    ]
    program.sweep()
    assert f"[B{count}] Line {count - 1} of many." in model.documents[0]
    assert len(posted(box)) == 1


@pytest.mark.real
def test_a_page_of_two_megabytes_goes_through(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    words = [rich.text("word " * 400)] * 100  # as much as a block takes
    content = [blocks.paragraph([rich.text(f"{number} "), *words[1:]]) for number in range(11)]
    box.world.page(rfcs, "Huge", content, at=NOW - HOUR)
    tokens = ("review", "page", "day", "month")
    program.config["limits"] = {f"tokens_per_{one}": 90_000_000 for one in tokens}
    program.config["limits"] |= {f"cost_per_{one}": 900.0 for one in tokens}
    assert program.sweep().json["pages_reviewed"] == 1
    assert sum(document.count("word ") for document in model.documents) >= 11 * 99 * 400


def test_right_to_left_text_and_emoji_are_quoted_and_posted_as_they_stand(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    text = "אנחנו צריכים תור 👩‍👩‍👧 لأن النظام بطيء"
    box.world.page(rfcs, "שלום 👋", [blocks.paragraph(text)], at=NOW - HOUR)
    model.think = lambda _document, _turn: [
        comment("B1", "תור 👩‍👩‍👧 لأن", "איזה תור? 🤔"),
        finish(),
    ]
    program.sweep()
    [one] = posted(box)
    told = "".join(item["text"]["content"] for item in one.rich_text)
    assert "תור 👩‍👩‍👧 لأن" in told
    assert "איזה תור? 🤔" in told


def test_a_dry_run_prints_what_it_would_post_and_writes_nothing(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    box.world.page(rfcs, "One", [blocks.paragraph("We need queues.")], at=NOW - HOUR)
    model.think = lambda _document, _turn: [comment("B1", "queues", "Which?"), finish("Say which.")]
    done = program.run("--once", "--dry-run")
    assert done.code == 0
    assert [line.split('"kind": "')[1].split('"')[0] for line in done.out.splitlines()] == [
        "finding",
        "summary",
    ]
    assert posted(box) == []
    assert not list(program.folder.rglob("*.db*"))
    assert program.sweep().json["comments_posted"] == 1
