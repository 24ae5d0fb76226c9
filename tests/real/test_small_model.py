"""Whole reviews by a real model. It talks nonsense: tested is everything around it."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from daemon.domain.errors import PageRejected, Unavailable
from daemon.domain.providers import PROVIDERS
from daemon.domain.values import Outcome, Usage
from daemon.review.agent import (
    ContextWindow,
    Conversation,
    ModelInput,
    ReviewLimits,
    ToolResult,
    ToolSpec,
)
from daemon.review.models.access import ModelAccess
from daemon.review.models.chain import Chain
from daemon.sandbox import Sandbox
from support.model_fakes import OpenPurse
from support.places import RFCS
from support.small_model import CONTEXT, NotThereError, model_file, served
from support.vendor_server import Reply, Sent, VendorServer, serving


pytestmark = pytest.mark.real

MESSAGES, CHAT, RESPONSES = "anthropic:smollm2", "openai:smollm2", "openai:responses"
APIS = [MESSAGES, CHAT, RESPONSES]
LIMITS = ReviewLimits(rounds=3, seconds=300, output_tokens=120)
BRIEF = ModelInput(
    "You review documents.",
    "[B1] # Move the shop to new servers\n"
    "[B2] We will move the orders on Friday evening.\n"
    "[B3] Nobody is on call that weekend.",
    "page-1",
)


@dataclasses.dataclass(frozen=True)
class Price:
    input: float = 1.0
    output: float = 2.0
    cached: float | None = None


def spec(name: str, *fields: str) -> ToolSpec:
    schema = {
        "type": "object",
        "properties": {field: {"type": "string"} for field in fields},
        "required": list(fields),
        "additionalProperties": False,
    }
    return ToolSpec(name, f"The tool {name}.", schema)


class Tools:
    """Writes down every call; `verdict` decides what each is answered."""

    specs = (spec("comment", "block", "text"), spec("finish", "summary"))
    finished = False

    def __init__(self, verdict: ToolResult) -> None:
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self._verdict = verdict

    def call(
        self, name: str, arguments: Mapping[str, Any], *, refused: int = 0, is_last: bool = False
    ) -> ToolResult:
        self.calls.append((name, arguments))
        return self._verdict


NOTED = ToolResult("Noted.", accepted=True)
REFUSED = ToolResult("Refused: there is no such block.", accepted=False)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    try:
        with served(model_file()) as url:
            yield url
    except NotThereError as error:
        pytest.skip(f"the small model is not there: {error}")


@dataclasses.dataclass
class Rig:
    chain: Chain
    spending_limiter: OpenPurse
    tools: list[Tools]
    windows: list[ContextWindow | None]

    def review(
        self,
        name: str,
        verdict: ToolResult = NOTED,
        limits: ReviewLimits = LIMITS,
        document: Callable[[ContextWindow | None], str] = lambda _: BRIEF.document,
    ) -> Conversation:
        def make(window: ContextWindow | None) -> tuple[ModelInput, Tools]:
            self.windows.append(window)
            self.tools.append(Tools(verdict))
            return dataclasses.replace(BRIEF, document=document(window)), self.tools[-1]

        return self.run(lambda: self.chain.converse([name], make, lambda _: None, limits))

    def run(self, ask: Callable[[], Any]) -> Any:
        async def asked() -> Any:
            try:
                return await ask()
            finally:
                await self.chain.aclose()

        return asyncio.run(asked())


@pytest.fixture
def rig(address: str, monkeypatch: pytest.MonkeyPatch) -> Rig:
    return _rig(address, monkeypatch, CHAT)


@pytest.fixture(params=APIS)
def each_api(
    request: pytest.FixtureRequest, address: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, Rig]:
    return request.param, _rig(address, monkeypatch, request.param)


def _rig(address: str, monkeypatch: pytest.MonkeyPatch, name: str) -> Rig:
    if name == RESPONSES:  # spoken to OpenAI's own host alone: let the server stand there
        own = dataclasses.replace(PROVIDERS["openai"], url=f"{address}/v1")
        monkeypatch.setitem(PROVIDERS, "openai", own)
    access = ModelAccess(
        keys={"anthropic": "none", "openai": "none"},
        urls={"anthropic": address, "openai": f"{address}/v1"},
        prices={name: Price()},
    )
    spending_limiter = OpenPurse()
    chain = Chain(
        access,
        monotonic=time.monotonic,
        spending_limiter=spending_limiter,
    )
    return Rig(chain, spending_limiter, [], [])


def test_calls_arrive_whole_the_end_is_named_and_all_is_counted(
    each_api: tuple[str, Rig],
) -> None:
    name, rig = each_api
    conversation = rig.review(name)
    assert conversation.model == name
    assert conversation.outcome in set(Outcome) - {Outcome.REFUSED, Outcome.TIME}
    tools = rig.tools[-1]  # the window of a server of one's own is asked for before
    assert tools.calls
    for called, arguments in tools.calls:
        assert called in {"comment", "finish"}
        assert all(isinstance(value, str) for value in arguments.values())
    assert conversation.usage == sum((usage for _, usage in rig.spending_limiter.spent), Usage())
    for _, usage in rig.spending_limiter.spent:
        assert usage.requests == 1
        assert usage.input_tokens > 100
        assert 0 < usage.output_tokens <= LIMITS.output_tokens
        dollars = (usage.input_tokens + 2 * usage.output_tokens) / 1e6
        assert usage.cost_usd == pytest.approx(dollars)


class WithoutParser(VendorServer):
    """Hands requests on to the model's server, and its calls back as the model wrote them: text."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    def take(self, sent: Sent) -> Reply:
        self.sent.append(sent)
        answer = httpx.post(f"{self._address}{sent.path}", json=sent.body, timeout=300)
        body = answer.json()
        for choice in body.get("choices", []):
            message = choice["message"]
            calls = [call["function"] for call in message.pop("tool_calls", None) or []]
            written = [
                f'<tool_call>\n{{"name": "{call["name"]}", "arguments": {call["arguments"]}}}\n'
                "</tool_call>"
                for call in calls
            ]
            message["content"] = "\n".join([message.get("content") or "", *written])
            choice["finish_reason"] = "stop"
        return Reply(body, answer.status_code)


def test_calls_that_the_model_writes_as_text_are_run(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(WithoutParser(address)) as server:
        rig = _rig(server.url, monkeypatch, CHAT)
        conversation = rig.review(CHAT)
    assert rig.tools[-1].calls
    assert {name for name, _ in rig.tools[-1].calls} <= {"comment", "finish"}
    assert "tool_call" not in conversation.text
    # The second request has the call as a call, and its result.
    roles = [one["role"] for one in server.sent[-1].body["messages"]]
    assert "tool" in roles


def test_a_refused_call_is_answered_and_the_model_speaks_again(each_api: tuple[str, Rig]) -> None:
    name, rig = each_api
    conversation = rig.review(name, REFUSED)
    assert conversation.usage.requests >= 2
    assert conversation.outcome is not Outcome.REFUSED


def test_the_round_limit_holds(each_api: tuple[str, Rig]) -> None:
    name, rig = each_api
    one = dataclasses.replace(LIMITS, rounds=1)
    conversation = rig.review(name, limits=one)
    assert conversation.outcome is Outcome.ROUNDS
    assert conversation.usage.requests == 1
    assert conversation.tools is rig.tools[-1]
    assert rig.tools[-1].calls


def test_a_call_that_is_cut_off_is_not_run(each_api: tuple[str, Rig]) -> None:
    name, rig = each_api
    short = dataclasses.replace(LIMITS, output_tokens=12)
    try:
        ended = str(rig.review(name, limits=short).outcome)
    except PageRejected as error:  # it said no word besides
        ended = str(error)
    # llama.cpp calls an answer of the Responses API complete, wherever it ends.
    assert name == RESPONSES or "cut off" in ended
    assert rig.tools[-1].calls == []


def test_the_time_limit_holds(rig: Rig) -> None:
    with pytest.raises(Unavailable, match=r"no answer within 0\.05 s"):
        rig.review(CHAT, limits=dataclasses.replace(LIMITS, seconds=0.05))


def test_a_document_that_overflows_is_cut_to_the_window_that_the_server_tells(
    each_api: tuple[str, Rig],
) -> None:
    name, rig = each_api

    def document(window: ContextWindow | None) -> str:
        return BRIEF.document if window else "[B1] far too long " * CONTEXT

    one = dataclasses.replace(LIMITS, rounds=1)
    conversation = rig.review(name, limits=one, document=document)
    assert conversation.outcome is Outcome.ROUNDS
    assert rig.windows == [None, ContextWindow(CONTEXT)]


def test_a_ping_says_ok(each_api: tuple[str, Rig]) -> None:
    name, rig = each_api
    assert rig.run(lambda: rig.chain.ping(name)).startswith("ok (")


class Terse(VendorServer):
    """Hands requests on to the model's server, and lets it write little: it is slow."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    def take(self, sent: Sent) -> Reply:
        self.sent.append(sent)
        body = {**sent.body, "max_tokens": min(sent.body["max_tokens"], 200)}
        answer = httpx.post(f"{self._address}{sent.path}", json=body, timeout=600)
        return Reply(answer.json(), answer.status_code)


RFC = RFCS / "2457-non-ascii-idents.md"
PLACE = re.compile(r"\(parts? (\d+)(?: to (\d+))? of (\d+)")


def test_a_long_document_is_read_in_sections_to_its_end(address: str, tmp_path: Path) -> None:
    if not RFC.exists():
        pytest.skip(f"{RFC} is not here")
    (tmp_path / "rfcs").mkdir()
    shutil.copy(RFC, tmp_path / "rfcs")
    box = Sandbox.importing(tmp_path / "rfcs")
    config = {
        "databases": [{"id": next(iter(box.world.state.databases))}],
        "models": [CHAT],
        "windows": {CHAT: CONTEXT},
        "prices": {CHAT: {"input": 0.01, "output": 0.01}},
        "limits": {"seconds_per_review": 3_600, "rounds": 3},
        "lookback": "3650d",
        "settle": "0s",
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    with serving(Terse(address)) as server, box.serve(0) as notion:
        env = os.environ | {
            "NOTION_TOKEN": box.token,
            "NOTION_BASE_URL": notion,
            "OPENAI_API_KEY": "none",
            "OPENAI_BASE_URL": f"{server.url}/v1",
        }
        command = [sys.executable, "-m", "daemon", "--once", "--json"]
        done = subprocess.run(
            command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["pages_reviewed"] == 1
    documents = [sent.body["messages"][1]["content"] for sent in server.sent]
    places = [found.groups() for one in dict.fromkeys(documents) if (found := PLACE.search(one))]
    read = [part for first, last, _ in places for part in range(int(first), int(last or first) + 1)]
    assert read == [*range(1, int(places[0][2]) + 1)]
    assert len(places) > 5
    assert "the headings alone" in documents[-1]
