"""Model servers that answer in ways of their own: one page, one sweep, the service."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest

from daemon.config import loading
from daemon.domain import due
from daemon.operations import doctor
from daemon.sandbox import Sandbox, blocks
from daemon.service.runner import Worker
from daemon.store.database import open_state
from support.places import ROOT
from support.program import NOW, Done, Program, ScriptedModel, comment, finish, plain, posted
from support.rows import some
from support.vendor_server import (
    Json,
    Reply,
    Sent,
    VendorServer,
    anthropic_message,
    chat_completion,
    serving,
    tool_use,
)


POISON = "POISON"
HOUR = timedelta(hours=1)
TRIES = 3


def refusal(status: int, message: str, kind: str = "invalid_request_error") -> Reply:
    return Reply({"type": "error", "error": {"type": kind, "message": message}}, status)


# What servers answer about one document that they do not take.
POISONED = {
    "a router's moderation": refusal(
        403, 'openai/gpt requires moderation. Your input was flagged for "violence"'
    ),
    "a firewall": Reply(
        "<html><head><title>403 Forbidden</title></head></html>",
        403,
        {"Content-Type": "text/html"},
    ),
    "Anthropic's context limit": refusal(
        400, "input length and `max_tokens` exceed context limit: 174167 + 64000 > 200000"
    ),
    "Bedrock, too long": refusal(422, "Input is too long for requested model."),
    "xAI, too long": refusal(
        400, "maximum prompt length is 131072 but the request contains 537812 tokens"
    ),
    "a content filter": refusal(400, "Output blocked by content filtering policy"),
    "tokens a minute": refusal(
        429,
        "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 47000",
        "tokens",
    ),
    "llama.cpp's parser": refusal(
        500, "Failed to parse tool call arguments as JSON: [json.exception.parse_error.101]"
    ),
    "a proxy's 502": Reply("<html>Bad Gateway</html>", 502, {"Content-Type": "text/html"}),
    "a bare 400": refusal(400, "Provider returned error"),
    "a bare 422": Reply({"detail": "Unprocessable"}, 422),
}


def poisoned(answer: Reply) -> Any:
    def think(document: str, _turn: int) -> Any:
        return answer if POISON in document else [finish("Read.")]

    return think


def seven_pages(box: Sandbox, rfcs: str) -> str:
    """Write seven pages, the poison first; return its id."""
    ids = []
    for n in range(7):
        words = f"{POISON} stands in it." if n == 0 else f"Page {n} says what it does."
        at = NOW - 2 * HOUR + timedelta(minutes=n)
        ids.append(box.world.page(rfcs, f"RFC {n}", [blocks.paragraph(words)], at=at).id)
    return str(ids[0])


def numbers(done: Done) -> tuple[int, int, int]:
    return done.code, done.json["pages_reviewed"], done.json["pages_failed"]


@pytest.mark.parametrize(
    "answer", some(POISONED, {"a firewall", "xAI, too long", "tokens a minute", "a bare 400"})
)
def test_one_page_that_a_server_does_not_take_stops_nothing_and_is_parked(
    box: Sandbox,
    program: Program,
    model: ScriptedModel,
    rfcs: str,
    monkeypatch: pytest.MonkeyPatch,
    answer: Reply,
) -> None:
    monkeypatch.setattr(due, "PARKED_AFTER", TRIES)
    poison = seven_pages(box, rfcs)
    model.think = poisoned(answer)
    done = program.run("--once", "--json")
    assert numbers(done) == (3, 6, 1), done.err
    waits = []
    for _ in range(TRIES - 1):
        waits.append(program.run("--once", "--json"))
        box.clock.advance(7 * HOUR)
        waits.append(program.run("--once", "--json"))
    assert [numbers(one) for one in waits] == [(0, 0, 0), (3, 0, 1)] * (TRIES - 1)
    said = program.run("explain", poison).out
    assert "parked" in said
    assert "anthropic:claude-sonnet-5-5" in said


@pytest.mark.parametrize("answer", some(POISONED, {"a content filter", "a proxy's 502"}))
def test_the_service_lives_on_with_a_page_that_a_server_does_not_take(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, answer: Reply
) -> None:
    seven_pages(box, rfcs)
    model.think = poisoned(answer)
    program.write()
    settings = loading.load(program.folder / "config.yaml", program.env)

    async def serve() -> list[bool]:
        state = open_state(settings.config.state)
        worker = Worker(settings, state, lambda _event, /, **_facts: None)
        try:
            await worker.probe()
            went = [await worker.sweep()]
            box.clock.advance(7 * HOUR)
            return [*went, await worker.sweep()]
        finally:
            await worker.aclose()
            state.close()

    assert asyncio.run(serve()) == [True, True]
    pages = program.run("status", "--json").json["pages"]
    assert (pages["done"], pages["failed"]) == (6, 1)


def test_a_document_that_is_too_long_in_any_wording_is_cut_down_and_reviewed(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    words = "Twelve words that fill the page until no window can hold it. " * 30
    box.world.page(rfcs, "Long", [blocks.paragraph(words) for _ in range(60)], at=NOW - HOUR)
    answer = POISONED["tokens a minute"]

    def think(document: str, _turn: int) -> Any:
        return answer if len(document) > 70_000 else [finish("Read in part.")]

    model.think = think
    done = program.run("--once", "--json")
    assert numbers(done) == (0, 1, 0), done.err
    assert "Read in part." in plain(posted(box)[-1])


def test_a_refused_key_of_one_provider_is_told_and_the_next_one_reviews(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    seven_pages(box, rfcs)
    with serving(VendorServer()) as local:
        local.script = [Reply(chat_completion(None, ("finish", '{"summary": "Read."}')))]
        program.env |= {"OPENAI_API_KEY": "any", "OPENAI_BASE_URL": f"{local.url}/v1"}
        program.config["models"] = ["anthropic:claude-sonnet-5-5", "openai:local"]
        program.config["limits"] = {"concurrent_reviews": 1}
        model.think = lambda _document, _turn: refusal(401, "invalid x-api-key")
        done = program.run("--once", "--json")
    assert numbers(done) == (3, 7, 0), done.err
    assert len(model.sent) == 1
    alerts = program.run("status", "--json").json["alerts"]
    assert [one["name"] for one in alerts] == ["token"]
    assert "ANTHROPIC_API_KEY" in alerts[0]["text"]


def test_a_refused_key_is_told_by_the_file_that_holds_it(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    seven_pages(box, rfcs)
    file = program.folder / "anthropic-api-key"
    file.write_text(program.env.pop("ANTHROPIC_API_KEY"), "utf-8")
    program.env["ANTHROPIC_API_KEY_FILE"] = str(file)
    model.think = lambda _document, _turn: refusal(401, "invalid x-api-key")
    done = program.run("--once")
    assert done.code == 77
    assert f"the key in {file} was refused (401)" in done.err
    assert "the key in ANTHROPIC_API_KEY " not in done.err


class LocalModel(VendorServer):
    """Answers the tiny request with a call, and everything else with what it is given."""

    def __init__(self, answer: Json) -> None:
        super().__init__()
        self.answer = answer

    def take(self, sent: Sent) -> Reply:
        with self._lock:
            self.sent.append(sent)
        return Reply(self.answer)


CARRYING_NOTHING = {
    "cut off in its thoughts": chat_completion("<think>Okay, the user", finish="length"),
    "cut off before a word": chat_completion("", finish="length"),
    "a call announced and missing": chat_completion("", finish="tool_calls"),
    "thinking alone": chat_completion("<think>All is well.</think>"),
    "a call nobody can read": chat_completion('<tool_call>{"name": "comment", "argu</tool_call>'),
}


@pytest.mark.parametrize("answer", CARRYING_NOTHING.values(), ids=CARRYING_NOTHING)
def test_answers_that_carry_nothing_are_told_with_a_cure(
    box: Sandbox, program: Program, rfcs: str, answer: Json
) -> None:
    for n in range(6):
        box.world.page(rfcs, f"RFC {n}", [blocks.paragraph(f"Words {n}.")], at=NOW - HOUR)
    with serving(LocalModel(answer)) as local:
        program.env |= {"OPENAI_API_KEY": "any", "OPENAI_BASE_URL": f"{local.url}/v1"}
        program.config["models"] = ["openai:local"]
        done = program.run("--once", "--json")
    assert done.code in (3, 69), done.err
    told = [line for line in done.err.splitlines() if line.startswith("notion-review: ")]
    assert sorted(told) == sorted(set(told))
    assert done.json["pages_reviewed"] == 0
    assert not posted(box)
    [alert] = program.run("status", "--json").json["alerts"]
    assert alert["name"] in ("models", "empty answers")
    assert any(word in alert["text"] for word in ("window", "thinking", "tool calls"))


@pytest.mark.parametrize(
    "words",
    [
        "<think>I write to the author.</think>Say why.",
        "Okay, the user wants a comment.\n</think>\n\nSay why.",
        'Say why.\n<tool_call>{"name": "finish", "arguments": {}}</tool_call>',
        "<|channel|>analysis<|message|>Hm.<|end|><|channel|>final<|message|>Say why.",
    ],
)
def test_thinking_and_protocol_reach_a_page_in_no_field(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, words: str
) -> None:
    page = box.world.page(rfcs, "Queues", [blocks.paragraph("We need queues.")], at=NOW - HOUR)
    ana = next(iter(box.world.state.people.values()))
    box.world.comment(page.id, "Which queues?", by=ana)
    model.think = lambda _document, _turn: [
        comment("B1", "queues", words),
        ("reply", {"thread": "T1", "text": words}),
        finish(words),
    ]
    program.sweep()
    said = [plain(one) for one in posted(box)]
    assert len(said) == 3
    for one in said:
        assert "Say why." in one
        assert not any(sign in one for sign in ("think", "Okay", "tool_call", "channel", "Hm."))


def test_what_a_model_says_around_good_calls_loses_no_finding(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    """An unknown block beside calls, and half a surrogate pair in the arguments of one."""
    box.world.page(rfcs, "UDP", [blocks.paragraph("We use UDP and TCP.")], at=NOW - HOUR)
    odd = anthropic_message(
        {"type": "server_thought", "data": [1, 2]},
        tool_use(
            "comment",
            id="a",
            block="B1",
            quote="UDP",
            text="UDP \ud83d promises nothing.",
            severity="minor",
        ),
        tool_use(
            "comment", id="b", block="B1", quote="TCP", text="Name the port.", severity="minor"
        ),
        stop="tool_use",
    )
    model.think = lambda _document, turn: [finish("")] if turn else Reply(odd)
    program.sweep()
    said = "\n".join(plain(one) for one in posted(box))
    assert "UDP \ufffd promises nothing." in said
    assert "Name the port." in said


def test_an_address_of_anthropic_that_ends_in_its_version_is_taken_as_meant(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    box.world.page(rfcs, "Queues", [blocks.paragraph("We need queues.")], at=NOW - HOUR)
    program.env["ANTHROPIC_BASE_URL"] = f"{model.url}/v1/"
    program.sweep()
    assert {sent.path.partition("?")[0] for sent in model.sent} == {"/v1/messages"}


def test_doctor_says_before_it_asks_and_waits_for_no_silent_server(
    box: Sandbox, program: Program, rfcs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "ANSWER_SECONDS", 0.0)
    with serving(LocalModel(chat_completion("Yes."))) as local:
        program.env |= {"OPENAI_API_KEY": "any", "OPENAI_BASE_URL": f"{local.url}/v1"}
        program.config["models"] = ["openai:local"]
        done = program.run("doctor")
    assert "asking openai:local, for at most 0 s" in done.err
    assert "problem  model: openai:local: no answer within 0 s; if its server" in done.out


@pytest.mark.real
def test_what_a_model_is_asked_with_is_imported_while_its_first_page_is_read(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    """In a process of its own: here the SDK is long imported."""
    box.world.page(rfcs, "Queues", [blocks.paragraph("We need queues.")], at=NOW - HOUR)
    program.write()
    code = (
        "import sys, threading\n"
        "from daemon.notion.gateway import Gateway\n"
        "read, seen = Gateway.children, []\n"
        "def children(self, *given, **more):\n"
        "    seen.append([one.name for one in threading.enumerate()])\n"
        "    return read(self, *given, **more)\n"
        "Gateway.children = children\n"
        "from daemon.cli.main import main\n"
        "sys.argv = ['notion-review', '--once']\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    print(any('import of an SDK' in names for names in seen))\n"
    )
    with box.serve() as url:
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=program.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **program.env, "NOTION_BASE_URL": url},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "True"
    assert len(model.sent) == 1
