"""G9: a recorded review comes out again byte for byte; what is recorded, and how it goes."""

from __future__ import annotations

import errno
import json
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.domain.notation import counted
from daemon.review import prompt
from daemon.sandbox import Sandbox, blocks
from daemon.store import recordings
from support.program import (
    ANTHROPIC_KEY,
    NOW,
    OPENAI_KEY,
    Call,
    Program,
    ScriptedModel,
    begun_by,
    comment,
    finish,
    follow_up,
    posted,
    reply,
)
from support.vendor_server import Reply, Sent, VendorServer, chat_completion, serving


HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TEXTS = ("Zanzibar queues are slow.", "Ten workers read them.", "Nobody watches the length.")
POINT = comment("B1", "queues", "Which queues are meant?", title="Which queues")


def recorded(program: Program) -> Path:
    return program.folder / "state" / "notion-review.recordings"


def every_byte(program: Program) -> bytes:
    """All that is recorded, as it stands on the disk and as it is read."""
    files = [path.read_bytes() for path in recorded(program).iterdir()]
    return b"\n".join([*files, *map(zlib.decompress, files)])


def is_same(program: Program, review: int, requests: int, comments: int) -> None:
    """Hold a review again and find no difference."""
    done = program.run("replay", str(review))
    count = f"{counted(requests, 'request')}, {counted(comments, 'comment')}"
    assert done.out == f"the same, {count}\n", done.out + done.err
    assert done.code == 0


@pytest.fixture
def one(box: Sandbox, rfcs: str) -> Any:
    content = [blocks.paragraph(text) for text in TEXTS]
    return box.world.page(rfcs, "Seychelles", content, at=NOW - HOUR)


@pytest.fixture
def local(program: Program) -> Iterator[VendorServer]:
    """A server of one's own that speaks Chat Completions."""
    with serving(VendorServer()) as vendor:
        program.env |= {"OPENAI_API_KEY": OPENAI_KEY, "OPENAI_BASE_URL": f"{vendor.url}/v1"}
        program.config["models"] = ["openai:local"]
        yield vendor


def asks(*calls: Call, finish: str = "tool_calls") -> Reply:
    told = [(name, json.dumps(arguments)) for name, arguments in calls]
    return Reply(chat_completion(None, *told, finish=finish))


def overloaded(status: int = 529, **headers: str) -> Reply:
    error = {"type": "overloaded_error", "message": "Overloaded"}
    return Reply({"type": "error", "error": error}, status, headers)


def test_g9_a_review_with_refusals_comes_out_again(
    box: Sandbox, program: Program, model: ScriptedModel, one: Any
) -> None:
    wrong = [comment("B9", "no", "Which?"), comment("B2", "no such words", "Which?")]
    model.think = lambda _, turn: [finish("Say which.")] if turn else [POINT, *wrong]
    program.sweep()
    sent, stood = len(model.sent), len(posted(box))
    is_same(program, 1, 2, 2)
    assert (len(model.sent), len(posted(box))) == (sent, stood)
    found = program.run("replay", "1", "--json").json
    assert found == {
        "review": 1,
        "same": True,
        "requests": 2,
        "comments": 2,
        "difference": None,
        "notice": None,
    }


@pytest.mark.parametrize(
    "first",
    [
        overloaded(),
        overloaded(503, **{"retry-after": "2"}),
        Reply("<html>busy</html>", 502, {"Content-Type": "text/html"}),
        Reply("not json"),
        Reply({}, drop=True),
        Reply({"id": "x"}, missing=10),
    ],
    ids=["busy", "later", "proxy", "garbage", "dropped", "cut"],
)
def test_g9_a_review_after_a_failed_request_comes_out_again(
    program: Program, model: ScriptedModel, one: Any, first: Reply
) -> None:
    def think(_document: str, _turn: int) -> Any:
        return first if len(model.sent) == 1 else [POINT, finish("Say which.")]

    model.think = think
    program.sweep()
    is_same(program, 1, 2, 2)


@pytest.mark.parametrize("why", [overloaded(), overloaded(401), overloaded(400)])
def test_g9_a_review_by_the_second_model_comes_out_again(
    program: Program, model: ScriptedModel, local: VendorServer, one: Any, why: Reply
) -> None:
    program.config["models"] = ["anthropic:claude-sonnet-5-5", "openai:local"]
    model.think = lambda _document, _turn: why
    local.script = [asks(POINT), asks(finish("Say which."))]
    program.run("--once")
    failed = 3 if why.status == 529 else 1
    is_same(program, 1, failed + 3, 2)  # the server is asked for its window first


def test_g9_a_review_with_a_small_window_comes_out_again(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    lines = [f"Step {n}: the worker of number {n} reads the queue. " * 40 for n in range(20)]
    content = [blocks.paragraph(line) for line in lines]
    box.world.page(rfcs, "Long", content, at=NOW - HOUR)
    told = {"type": "invalid_request_error", "message": "prompt is too long: 9000 tokens > 8000"}

    def think(_document: str, _turn: int) -> Any:
        if len(model.sent) == 1:
            return Reply({"type": "error", "error": {**told}}, 400)
        return [finish("Say which.")]

    model.think = think
    program.sweep()
    assert len(model.sent) > 3  # the refused one, the sections, and the last look
    is_same(program, 1, len(model.sent), 1)


def test_g9_what_a_server_does_not_take_and_makes_up_comes_out_again(
    program: Program, local: VendorServer, one: Any
) -> None:
    """A refused parameter, calls without ids, calls written as text."""
    nameless = chat_completion(None, ("comment", json.dumps(POINT[1])), finish="tool_calls")
    del nameless["choices"][0]["message"]["tool_calls"][0]["id"]
    second = {"block": "B2", "quote": "workers", "text": "Whose?", "severity": "minor"}
    call = json.dumps({"name": "comment", "arguments": {**second, "title": "Whose"}})
    written = chat_completion(f"<tool_call>{call}</tool_call>")
    refused = {"error": {"message": "Unsupported parameter: 'strict'", "type": "invalid"}}
    local.script = [Reply(refused, 400), Reply(nameless), Reply(written), asks(finish("Say."))]
    program.sweep()
    is_same(program, 1, 5, 3)  # the server is asked for its window first


class Picky(VendorServer):
    """Refuses a parameter whenever it is sent, tells its window, and answers each page alike."""

    def take(self, sent: Sent) -> Reply:
        with self._lock:
            self.sent.append(sent)
        if '"strict"' in json.dumps(sent.body):
            told = {"message": "Unsupported parameter: 'strict'", "type": "invalid"}
            return Reply({"error": told}, 400)
        is_first = len(sent.body["messages"]) < 4
        return asks(comment("B1", "worker", "Whose?")) if is_first else asks(finish("Say."))


def test_g9_reviews_at_the_same_time_come_out_again_each_for_itself(
    box: Sandbox, program: Program, rfcs: str
) -> None:
    """What one review learns of a server, another one knows from the middle on."""
    lines = [f"Step {n}: the worker of number {n} reads the queue. " * 20 for n in range(12)]
    content = [blocks.paragraph(line) for line in lines]
    for title in ("Comoros", "Madagascar", "Mauritius", "Mayotte"):
        box.world.page(rfcs, title, content, at=NOW - HOUR)
    with serving(Picky()) as vendor:
        vendor.models = Reply({"data": [{"id": "local", "max_model_len": 12_000}]})
        program.env |= {"OPENAI_API_KEY": OPENAI_KEY, "OPENAI_BASE_URL": f"{vendor.url}/v1"}
        program.config["models"] = ["openai:local"]
        program.sweep()
    assert vendor.asked
    refused = sum('"strict"' in json.dumps(sent.body) for sent in vendor.sent)
    assert 1 <= refused <= 4
    made = [program.run("replay", str(review), "--json").json for review in (1, 2, 3, 4)]
    assert [(one["difference"], one["comments"]) for one in made] == [(None, 2)] * 4
    assert sum(one["requests"] for one in made) == len(vendor.sent) + len(vendor.asked)


def test_g9_a_follow_up_with_rulings_and_an_answer_alone_come_out_again(
    box: Sandbox, program: Program, model: ScriptedModel, one: Any
) -> None:
    model.think = lambda _document, _turn: [POINT, finish("Say which.")]
    program.sweep()
    first = box.world.blocks(one)[0]
    box.clock.advance(HOUR)
    box.world.edit_block(first, "Zanzibar queues of payments are slow.")
    box.clock.advance(HOUR)

    def think(document: str, _turn: int) -> list[Call]:
        ruled = follow_up(begun_by("Which queues", document), "fixed", quote="of payments")
        return [ruled, finish("Good.")]

    model.think = think
    program.sweep()
    box.world.comment(box.world.blocks(one)[1], "Who owns the workers?")
    box.clock.advance(HOUR)

    def answer(document: str, _turn: int) -> list[Call]:
        waits = [line[1:].split()[0] for line in document.splitlines() if line.startswith("[T")]
        return [*(reply(handle, "Payments.") for handle in waits[-1:]), finish()]

    model.think = answer
    program.sweep()
    assert "answers by anthropic" in program.run("explain", one.id).out
    is_same(program, 1, 1, 2)
    is_same(program, 2, 1, 0)
    is_same(program, 3, 1, 1)


def test_g9_a_review_by_rules_comes_out_again(program: Program, box: Sandbox, rfcs: str) -> None:
    program.config["models"] = ["offline"]
    words = ["There are three reasons:", "TODO: say who owns it."]
    content = [blocks.paragraph(text) for text in words]
    box.world.page(rfcs, "Madagascar", content, at=NOW - HOUR)
    program.sweep()
    is_same(program, 1, 0, len(posted(box)))


def test_g9_a_byte_that_changed_is_named(
    program: Program, model: ScriptedModel, one: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.think = lambda _, turn: [finish("Say which.")] if turn else [POINT]
    program.sweep()
    said = prompt.document_text

    def edited(*arguments: Any) -> str:
        return said(*arguments).replace("Ten workers", "Six workers")

    with monkeypatch.context() as patch:
        patch.setattr(prompt, "document_text", edited)
        done = program.run("replay", "1")
    assert done.code == 3
    assert done.out.startswith("it differs: request 1 of 2: $.messages[0].content[0].text: then '")
    assert "Ten workers" in done.out.partition(", now ")[0]
    assert "Six workers" in done.out.partition(", now ")[2]


def test_g9_another_refusal_is_named(
    program: Program, model: ScriptedModel, one: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.think = lambda _document, _turn: [POINT, finish("Say which.")]
    program.sweep()
    program.config["limits"] = {"comments_per_review": 1}  # of now: the recording has its own
    is_same(program, 1, 1, 2)
    monkeypatch.setattr("daemon.review.wording.locate_in_blocks", lambda *_: None)
    done = program.run("replay", "1")
    assert done.code == 3
    assert "it differs: request 1" not in done.out
    assert "it differs" in done.out


def test_g9_a_version_that_asks_otherwise_says_so_first(
    program: Program, model: ScriptedModel, one: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    program.sweep()
    before = prompt.instructions()
    monkeypatch.setattr(prompt, "instructions", lambda *_: f"{before}\nBe brief.")
    done = program.run("replay", "1")
    assert done.code == 3
    first, second = done.out.splitlines()
    assert first.startswith("this version asks otherwise than the one that held the review (")
    assert first.endswith("): the instructions differ")
    assert second.startswith("it differs: request 1 of 1: $.system")
    assert program.run("replay", "1", "--json").json["notice"] == first


def test_what_is_not_recorded_cannot_be_held_again(
    program: Program, model: ScriptedModel, one: Any
) -> None:
    program.config["record"] = 0
    program.sweep()
    assert not recorded(program).exists()
    done = program.run("replay", "1")
    assert done.code == 2
    assert "review 1: nothing is recorded of it; `record` in config.yaml says" in done.err
    done = program.run("replay", "7")
    assert done.code == 2
    assert "review 7: the state has none; notion-review explain PAGE lists" in done.err


def test_a_damaged_recording_says_so(program: Program, model: ScriptedModel, one: Any) -> None:
    program.sweep()
    for path in recorded(program).glob("[0-9a-f]*"):
        path.write_bytes(b"")
    done = program.run("replay", "1")
    assert done.code == 2
    assert "review 1: its recording cannot be read (" in done.err


def test_a1_no_key_is_recorded(
    box: Sandbox, program: Program, model: ScriptedModel, one: Any
) -> None:
    """Not those of the requests, nor one that a document, a thread or an answer holds."""
    box.world.add_block(one, blocks.paragraph(f"The key is {ANTHROPIC_KEY}, {box.token}."))
    box.world.comment(one, f"Try {box.token}!")
    stolen = comment("B1", "queues", f"Use {ANTHROPIC_KEY} there.")
    model.think = lambda _, turn: [finish("Say which.")] if turn else [POINT, stolen]
    box.clock.advance(HOUR)
    program.sweep()
    kept = every_byte(program)
    for secret in (ANTHROPIC_KEY, box.token):
        assert secret.encode() not in kept
    assert b"[secret]" in kept
    assert b"Zanzibar" in kept
    is_same(program, 1, 3, len(posted(box)))


def test_d6_recordings_go_when_they_are_old_and_when_record_is_0(
    box: Sandbox, program: Program, model: ScriptedModel, one: Any
) -> None:
    program.sweep()
    box.clock.advance(13 * DAY)
    program.run("--once")
    assert program.run("replay", "1").code == 0
    box.clock.advance(2 * DAY)
    program.run("--once")
    assert list(recorded(program).iterdir()) == []
    box.world.add_block(one, blocks.paragraph("More."))
    box.clock.advance(HOUR)
    program.sweep()
    assert program.run("replay", "2").code == 0
    program.config["record"] = 0
    program.sweep()
    assert not recorded(program).exists()


def test_forget_deletes_the_recordings_of_a_page(
    box: Sandbox, program: Program, model: ScriptedModel, one: Any, rfcs: str
) -> None:
    box.world.page(rfcs, "Other", [blocks.paragraph("Else.")], at=NOW - HOUR)
    program.sweep()
    assert b"Zanzibar" in every_byte(program)
    done = program.run("forget", one.id)
    assert done.out.endswith("; 1 recording deleted\n")
    kept = every_byte(program)
    assert b"Zanzibar" not in kept
    assert b"Else." in kept


def fails_with(error: OSError) -> Callable[..., None]:
    def fail(*_: Any) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    "trouble", [OSError(errno.ENOSPC, "No space left on device"), PermissionError(errno.EACCES, "")]
)
def test_d2_what_cannot_be_recorded_costs_no_review_and_is_said_once(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    one: Any,
    monkeypatch: pytest.MonkeyPatch,
    trouble: OSError,
) -> None:
    model.think = lambda _document, _turn: [POINT, finish("Say which.")]
    said = ""
    with monkeypatch.context() as patch:
        patch.setattr(recordings, "_write", fails_with(trouble))
        said += program.sweep().err
        assert len(posted(box)) == 2
        for text in ("More.", "And more."):
            box.world.add_block(one, blocks.paragraph(text))
            box.clock.advance(HOUR)
            said += program.sweep().err
    assert said.count("recording.failed") == 1
    assert program.run("replay", "1").code == 2
    box.world.add_block(one, blocks.paragraph("At last."))
    box.clock.advance(HOUR)
    program.sweep()
    assert program.run("replay", "4").code == 0


def test_a_dry_run_records_nothing(program: Program, model: ScriptedModel, one: Any) -> None:
    assert program.run("--once", "--dry-run").code == 0
    assert not recorded(program).exists()


def spent(program: Program) -> int:
    with closing(sqlite3.connect(program.folder / "state" / "notion-review.db")) as state:
        row = state.execute("SELECT sum(input_tokens + output_tokens) FROM spending").fetchone()
    return int(row[0])


def test_another_model_reviews_the_same_text_side_by_side(
    box: Sandbox, program: Program, model: ScriptedModel, one: Any
) -> None:
    other = comment("B3", "Nobody watches", "Who should?", title="Nobody watches")
    third = comment("B2", "Ten workers", "Why ten?", "minor", title="Why ten")
    model.think = lambda _document, _turn: [POINT, other, finish("Say which.")]
    program.sweep()
    box.world.rewrite(one, [blocks.paragraph("Quite another text.")])
    graver = comment("B1", "Zanzibar queues", "Name the queues.", "blocking", title="Which ones")
    model.think = lambda _document, _turn: [graver, third, finish("Say which.")]
    stood, first = len(posted(box)), model.documents[0]
    before = spent(program)
    program.config["limits"] = {"comments_per_review": 1}
    done = program.run("replay", "1", "--model", "anthropic:claude-opus-5-5")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].startswith("then: anthropic:claude-sonnet-5-5, prompt ")
    assert lines[1].startswith("now:  anthropic:claude-opus-5-5, prompt ")
    assert ": done, 2 points, 0 replies; 15 tokens, $" in lines[1]
    assert lines[2:] == [
        "1 point the same",
        "  moved from important to blocking: Which ones",
        "1 point new",
        "  minor: Why ten",
        "1 point lost",
        "  important: Nobody watches",
    ]
    assert model.sent[-1].body["model"] == "claude-opus-5-5"
    assert model.documents[-1] == first
    assert len(posted(box)) == stood
    assert spent(program) == before + 15
    found = program.run("replay", "1", "--model", "offline", "--json").json
    assert found["now"] | {"prompt": ""} == {
        "model": "offline",
        "prompt": "",
        "outcome": "nothing to add",
        "points": 0,
        "replies": 0,
        "input_tokens": 0,
        "output_tokens": 0,
        "cost_usd": 0.0,
    }
    assert [one["title"] for one in found["lost"]] == ["Which queues", "Nobody watches"]


@pytest.mark.parametrize("kind", ["page", "file"])
def test_another_prompt_reviews_the_same_text_side_by_side(
    box: Sandbox, program: Program, model: ScriptedModel, one: Any, kind: str
) -> None:
    model.think = lambda _document, _turn: [POINT, finish("Say which.")]
    program.sweep()
    (program.folder / "other.md").write_text("Ask for owners alone.")
    prompt_page = box.world.page(None, "Owners", [blocks.paragraph("Ask for owners alone.")])
    named = prompt_page.url if kind == "page" else "other.md"
    stood = len(box.world.comments())
    done = program.run("replay", "1", "--prompt", named)
    assert done.code == 0, done.err
    versions = [line.partition(", prompt ")[2][:12] for line in done.out.splitlines()[:2]]
    assert versions[0] != versions[1]
    assert "Ask for owners alone." in str(model.sent[-1].body["system"])
    assert model.sent[-1].body["model"] == model.sent[0].body["model"]
    assert len(box.world.comments()) == stood


def test_what_cannot_be_asked_is_said(
    box: Sandbox, program: Program, model: ScriptedModel, one: Any
) -> None:
    program.sweep()
    done = program.run("replay", "1", "--model", "claude-opus")
    assert (done.code, "did you mean anthropic:claude-opus;" in done.err) == (2, True)
    done = program.run("replay", "1", "--model", "openai:gpt-6.1-sol")
    assert (done.code, "OPENAI_API_KEY" in done.err) == (78, True)
    done = program.run("replay", "1", "--prompt", "nowhere.md")
    assert done.code == 2
    assert "prompt nowhere.md: is no file; as a page it " in done.err
    (program.folder / "blank.md").write_text(" \n")
    done = program.run("replay", "1", "--prompt", "blank.md")
    assert (done.code, "blank.md: is empty; write the prompt into it" in done.err) == (3, True)
    empty = box.world.page(None, "Empty", [])
    done = program.run("replay", "1", "--prompt", empty.id)
    assert done.code == 3
    assert f"prompt page {empty.id}: it is empty; write the prompt into it" in done.err
    program.config["limits"] = {"cost_per_day": 0.01}
    done = program.run("replay", "1", "--model", "anthropic:claude-opus-5-5")
    assert (done.code, "limits.cost_per_day" in done.err) == (3, True)
