"""What a team is told each week, as it arrives and as the command prints it."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from daemon.cli import console
from daemon.operations import notify
from daemon.operations.digest import NOTHING
from daemon.sandbox import Sandbox, blocks
from daemon.sandbox.faults import FaultKind
from daemon.sandbox.state import Doing
from daemon.store import database
from support.dying import MOMENTS, Killed, die
from support.program import NOW, Program, ScriptedModel, comment, finish, plain, posted


HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
# NOW is a Friday; in Berlin it is nine on Monday.
MONDAY = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
Told = Callable[[], list[dict[str, str]]]


@pytest.fixture
def told(box: Sandbox, program: Program, rfcs: str, monkeypatch: pytest.MonkeyPatch) -> Told:
    """The digests that the team got so far; the command goes by the clock of the box."""

    class Clock(datetime):
        @classmethod
        def now(cls, *_: object) -> datetime:
            return box.clock()

    monkeypatch.setattr(console, "datetime", Clock)
    kept = program.folder / "told"
    kept.touch()
    (program.folder / "tell").write_text(f"#!/bin/sh\ncat >>{kept}\n")
    (program.folder / "tell").chmod(0o700)
    program.config["databases"][0]["properties"] = ["Status", "Owner"]
    program.config |= {
        "alerts": {"command": ["./tell"]},
        "digest": {"every": "week", "on": "Mon 09:00"},
        "schedule": {"every": "1h", "timezone": "Europe/Berlin"},
    }

    def digests() -> list[dict[str, str]]:
        messages = [json.loads(line) for line in kept.read_text().splitlines()]
        return [one for one in messages if one["alert"] == "digest"]

    return digests


@pytest.fixture
def queues(box: Sandbox, model: ScriptedModel, rfcs: str) -> Any:
    """A document with two owners, a blocking point and a question."""
    model.think = lambda document, _turn: (
        [comment("B1", "need queues", "Which ones?", "blocking"), finish("x", "Who pays?")]
        if "queues" in document
        else [finish()]
    )
    owners = [one.id for one in box.world.state.people.values()]
    text = [blocks.paragraph("We need queues.")]
    return box.world.page(rfcs, "Queues", text, at=NOW - HOUR, Status="In review", Owner=owners)


def at(box: Sandbox, program: Program, time: datetime) -> None:
    box.clock.set(time)
    program.sweep()


def lines(program: Program) -> list[str]:
    return program.run("digest").out.splitlines()


def test_the_team_is_told_once_a_week_what_is_open_and_for_whom(
    box: Sandbox, program: Program, queues: Any, told: Told
) -> None:
    program.sweep()
    at(box, program, MONDAY - timedelta(minutes=1))
    assert told() == []
    at(box, program, MONDAY + timedelta(minutes=4))
    [digest] = told()
    assert (digest["alert"], digest["state"]) == ("digest", "digest")
    assert digest["since"] == "2026-11-23T08:00:00Z"
    first, title, point, question = digest["text"].splitlines()
    assert first == "notion-review: 1 document is open:"
    assert title == f"Queues {queues.url.replace('Queues-', '')}"
    assert point == (
        "  1 blocking point has stood since 2026-11-20: “Which ones?”; "
        "waiting for Ana Costa, Ben Ode"
    )
    assert question == (
        "  a question has waited since 2026-11-20: “Who pays?”; waiting for Ana Costa, Ben Ode"
    )
    # Nothing changed: no second one, this week or later.
    for time in (MONDAY + HOUR, MONDAY + WEEK + HOUR):
        at(box, program, time)
    assert told() == [digest]
    assert lines(program) == digest["text"].removeprefix("notion-review: ").splitlines()


def test_who_has_acted_is_not_named_and_what_is_settled_is_gone(
    box: Sandbox, program: Program, queues: Any, told: Told, model: ScriptedModel
) -> None:
    program.sweep()
    ana, ben = box.world.state.people.values()
    box.clock.set(MONDAY - DAY)
    [point, _] = posted(box)
    box.world.comment(point, "We do not know yet.", by=ben)
    at(box, program, MONDAY)
    assert "Ben Ode" not in told()[-1]["text"]
    assert told()[-1]["text"].count("waiting for Ana Costa") == 2
    # An answer on the page is one to the question; an edit is an act, too.
    box.clock.set(MONDAY + DAY)
    box.world.comment(queues, "Platform pays.", by=ben)
    box.world.edit_block(box.world.blocks(queues)[0], "We need queues of Redis.", by=ana)
    model.think = lambda _document, _turn: [finish()]
    at(box, program, MONDAY + DAY + 2 * HOUR)
    at(box, program, MONDAY + WEEK)
    assert len(told()) == 2
    _, title, *reasons = told()[-1]["text"].splitlines()
    assert title.startswith("Queues ")
    assert reasons == ["  1 blocking point has stood since 2026-11-20: “Which ones?”"]
    box.clock.set(MONDAY + WEEK + DAY)
    box.world.resolve(point)
    for time in (MONDAY + WEEK + DAY + HOUR, MONDAY + 2 * WEEK):
        at(box, program, time)
    assert len(told()) == 2
    assert lines(program) == [NOTHING]


def test_who_edited_a_block_before_somebody_else_edited_another_has_acted(
    box: Sandbox, program: Program, queues: Any, told: Told
) -> None:
    ana, ben = box.world.state.people.values()
    more = box.world.add_block(queues, blocks.paragraph("They are fast."), by=ben)
    at(box, program, NOW + HOUR)
    assert lines(program)[2].endswith("waiting for Ana Costa, Ben Ode")
    box.clock.set(NOW + 2 * HOUR)
    box.world.edit_block(more, "They are fast enough.", by=ana)
    box.clock.advance(timedelta(minutes=5))
    box.world.edit_block(box.world.blocks(queues)[0], "We need queues of Redis.", by=ben)
    at(box, program, NOW + 3 * HOUR)
    assert lines(program)[2] == "  1 blocking point has stood since 2026-11-20: “Which ones?”"


def test_silent_drafts_and_accepted_documents_that_were_edited_are_named(
    box: Sandbox, program: Program, rfcs: str, told: Told, model: ScriptedModel
) -> None:
    ana, ben = box.world.state.people.values()
    _, exported, _ = [
        box.world.page(
            rfcs, title, [blocks.paragraph("A text.")], at=NOW - HOUR, by=ben, Status=status
        )
        for title, status in (("Replicas", "Draft"), ("Export", "In review"), ("Old", "Rejected"))
    ]
    program.sweep()
    box.clock.set(NOW + DAY)
    box.world.edit_property(exported, "Status", "Accepted", by=ben)
    for days in (2, 9, 17):
        at(box, program, NOW + days * DAY)
    assert [one["text"].splitlines()[1:] for one in told()] == [
        [
            told()[0]["text"].splitlines()[1],
            "  a draft, untouched since 2026-11-20; waiting for Ben Ode",
        ]
    ]
    assert told()[0]["since"] == "2026-12-07T08:00:00Z"
    box.clock.set(NOW + 20 * DAY)
    box.world.edit_block(box.world.blocks(exported)[0], "Another text.", by=ana)
    at(box, program, NOW + 20 * DAY + HOUR)
    assert lines(program)[0] == "2 documents are open:"
    assert lines(program)[2] == "  accepted by 2026-11-21, and edited since; waiting for Ben Ode"
    found = program.run("digest", "--json").json
    assert found["open"] == 2
    assert [one["title"] for one in found["documents"]] == ["Export", "Replicas"]
    assert found["documents"][0]["reasons"] == [
        {"why": "accepted", "since": "2026-11-21T12:00:00Z", "words": [], "people": ["Ben Ode"]}
    ]
    # Accepted anew is accepted as it reads now.
    box.clock.set(NOW + 21 * DAY)
    for status in ("In review", "Accepted"):
        box.world.edit_property(exported, "Status", status, by=ana)
        at(box, program, box.clock() + HOUR)
    assert [line.split()[0] for line in lines(program)[1::2]] == ["Replicas"]


def test_a_paused_document_and_one_that_left_are_not_open(
    box: Sandbox, program: Program, queues: Any, told: Told
) -> None:
    program.sweep()
    assert len(lines(program)) == 4
    program.run("pause", queues.id)
    assert lines(program) == [NOTHING]
    program.run("resume", queues.id)
    assert len(lines(program)) == 4
    box.world.trash(queues)
    at(box, program, NOW + 2 * DAY)
    assert lines(program) == [NOTHING]


@pytest.mark.parametrize("arrived", [False, True])
def test_a_digest_that_surely_did_not_arrive_is_sent_later_and_a_doubted_one_is_not(
    box: Sandbox,
    program: Program,
    queues: Any,
    told: Told,
    monkeypatch: pytest.MonkeyPatch,
    *,
    arrived: bool,
) -> None:
    program.sweep()
    (program.folder / "tell").write_text(
        "#!/bin/sh\nsleep 60\n" if arrived else "#!/bin/sh\nexit 1\n"
    )
    monkeypatch.setattr(notify, "SECONDS", 0.2)
    at(box, program, MONDAY)
    (program.folder / "tell").write_text(f"#!/bin/sh\ncat >>{program.folder}/told\n")
    for hours in (1, 2):
        at(box, program, MONDAY + hours * HOUR)
    assert len(told()) == (0 if arrived else 1)


def test_a_process_that_dies_while_the_digest_is_sent_sends_it_to_nobody_a_second_time(
    box: Sandbox, program: Program, queues: Any, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    program.sweep()

    class Death(BaseException):
        pass

    async def dies(*_: Any, **__: Any) -> bool:
        raise Death

    with monkeypatch.context() as patched:
        patched.setattr(notify, "tell", dies)
        box.clock.set(MONDAY)
        with pytest.raises(Death):
            program.run("--once")
    at(box, program, MONDAY + HOUR)
    assert told() == []


def test_a_long_digest_is_cut_and_counts_what_is_beyond(
    box: Sandbox, program: Program, queues: Any, rfcs: str, told: Told
) -> None:
    for number in range(12):
        text = [blocks.paragraph("We need queues.")]
        box.world.page(rfcs, f"A long title of page {number:02} " * 3, text, at=NOW - HOUR)
    for hours in range(2):
        at(box, program, NOW + hours * HOUR)
    at(box, program, MONDAY)
    text = told()[0]["text"]
    shown = sum(not line.startswith(" ") for line in text.splitlines()[1:])
    assert text.startswith(f"notion-review: 13 documents are open, the first {shown} here:")
    assert 1_000 < len(text) < 1_600
    assert lines(program)[0] == "13 documents are open:"
    assert program.run("digest", "--json").json["open"] == 13


def test_without_a_state_nothing_is_open(program: Program, rfcs: str) -> None:
    assert lines(program) == [NOTHING]
    assert program.run("digest", "--json").json == {"open": 0, "documents": []}


def test_nothing_is_sent_where_nobody_asked_for_it(
    box: Sandbox, program: Program, queues: Any, told: Told
) -> None:
    del program.config["digest"]
    program.sweep()
    at(box, program, MONDAY)
    assert told() == []
    with closing(database.open_state(program.folder / "state/notion-review.db")) as db:
        assert database.get_value(db, "digest") is None


@pytest.fixture
def prompt(box: Sandbox, program: Program, queues: Any, told: Told) -> Any:
    """A prompt page with its status comment; the digest goes there alone."""
    text = [blocks.paragraph("Be strict.")]
    made = box.world.page(None, "RFC reviewer", text, at=NOW - 3 * HOUR)
    program.config["databases"][0]["prompt"] = made.id
    program.config["digest"]["to"] = ["notion"]
    program.sweep()
    return made


def thread(box: Sandbox, prompt: Any) -> list[str]:
    """What was said below the status comment, the page's only open thread."""
    [status, *replies] = box.world.comments(prompt)
    assert plain(status).startswith("In use since")
    assert {one.discussion_id for one in replies} <= {status.discussion_id}
    return [plain(one) for one in replies]


def test_a_prompt_page_is_told_below_its_status_comment(
    box: Sandbox, program: Program, prompt: Any, queues: Any, told: Told
) -> None:
    at(box, program, MONDAY)
    for time in (MONDAY + HOUR, MONDAY + WEEK):
        at(box, program, time)
    both = "waiting for Ana Costa, Ben Ode"
    [said] = thread(box, prompt)
    assert said.splitlines() == [
        "1 document is open:",
        "• Queues",
        f"◦ 1 blocking point has stood since 2026-11-20: “Which ones?”; {both}",
        f"◦ a question has waited since 2026-11-20: “Who pays?”; {both}",
    ]
    [reply] = box.world.comments(prompt)[1:]
    assert [one["text"]["link"]["url"] for one in reply.rich_text if one["text"].get("link")] == [
        queues.url
    ]
    assert told() == []
    box.world.comment(queues, "Platform pays.")
    at(box, program, MONDAY + WEEK + DAY)
    at(box, program, MONDAY + 2 * WEEK)
    assert len(thread(box, prompt)) == 2
    # It is no answer to anybody.
    week = program.run("report", "--json", "--until", (box.clock() + HOUR).isoformat()).json
    assert week["now"]["replies"] == week["before"]["replies"] == 0


def test_what_is_paused_by_its_prompt_is_not_open(
    box: Sandbox, program: Program, prompt: Any, told: Told
) -> None:
    assert len(lines(program)) == 4
    box.world.comment(box.world.comments(prompt)[0], "pause")
    at(box, program, NOW + 2 * HOUR)
    assert lines(program) == [NOTHING]
    before = len(thread(box, prompt))
    at(box, program, MONDAY)
    assert len(thread(box, prompt)) == before
    box.world.comment(box.world.comments(prompt)[0], "resume")
    for time in (MONDAY + HOUR, MONDAY + WEEK):
        at(box, program, time)
    assert thread(box, prompt)[-1].startswith("1 document is open:")


def test_what_a_document_says_is_no_mark_on_the_prompt_page(
    box: Sandbox, program: Program, prompt: Any, queues: Any, told: Told
) -> None:
    hostile = "**Queues** [now](https://evil.example) @Ana `x` <b>"
    box.world.rename(queues, [{"type": "text", "text": {"content": hostile}}])
    for time in (NOW + 2 * HOUR, MONDAY):
        at(box, program, time)
    title = thread(box, prompt)[0].splitlines()[1]
    assert title == f"• {hostile}"
    [reply] = box.world.comments(prompt)[1:]
    links = {one["text"]["link"]["url"] for one in reply.rich_text if one["text"].get("link")}
    assert [link.rpartition("-")[2] for link in links] == [queues.id.replace("-", "")]
    assert {one["type"] for one in reply.rich_text} == {"text"}


@pytest.mark.parametrize("kind", [FaultKind.SAVED, FaultKind.DROP_SAVED, FaultKind.CONFLICT])
def test_a_prompt_page_is_told_once_whatever_notion_answers(
    box: Sandbox, program: Program, prompt: Any, told: Told, kind: FaultKind
) -> None:
    box.clock.set(MONDAY)
    box.faults.plant(kind, "POST", "/v1/comments", times=2)
    for hours in range(4):
        box.clock.set(MONDAY + hours * HOUR)
        program.run("--once")
    assert len(thread(box, prompt)) == 1


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_prompt_page_is_told_once_wherever_the_process_is_killed(
    box: Sandbox,
    program: Program,
    prompt: Any,
    told: Told,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    box.clock.set(MONDAY)
    with monkeypatch.context() as patched:
        die(patched, moment, "daemon.operations.digest.outbox.add")
        with pytest.raises((Killed, BaseExceptionGroup)):
            program.run("--once")
    for hours in (1, 2):
        at(box, program, MONDAY + hours * HOUR)
    assert len(thread(box, prompt)) == 1


@pytest.mark.parametrize("why", ["forbidden", "resolved", "no comment"])
def test_a_prompt_page_that_takes_no_digest_costs_nothing(
    box: Sandbox, program: Program, prompt: Any, told: Told, why: str
) -> None:
    if why == "forbidden":
        box.world.refuse(prompt, Doing.COMMENT)
    elif why == "resolved":
        box.world.resolve(box.world.comments(prompt)[0])
    else:
        box.world.refuse(prompt, Doing.LIST_COMMENTS)
    for hours in range(3):
        at(box, program, MONDAY + hours * HOUR)
    assert len(box.world.comments(prompt)) == 1
    found = program.run("status", "--json").json
    assert found["alerts"] == []
    assert found["failed_pages"] == []


def test_each_prompt_page_is_told_of_its_own_documents(
    box: Sandbox, program: Program, prompt: Any, told: Told
) -> None:
    other = box.world.database("Decisions")
    text = [blocks.paragraph("We need queues.")]
    box.world.page(other.id, "Cups", text, at=NOW - HOUR)
    second = box.world.page(
        None, "Kind reviewer", [blocks.paragraph("Be kind.")], at=NOW - 3 * HOUR
    )
    program.config["databases"].append({"id": other.id, "prompt": second.id})
    program.config["digest"]["to"] = ["notion", "alerts"]
    at(box, program, NOW + HOUR)
    at(box, program, MONDAY)
    assert [one.splitlines()[1] for one in thread(box, prompt)] == ["• Queues"]
    assert [one.splitlines()[1] for one in thread(box, second)] == ["• Cups"]
    assert told()[0]["text"].startswith("notion-review: 2 documents are open:")
