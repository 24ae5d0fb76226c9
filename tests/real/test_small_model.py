"""Whole reviews by a real model. It talks nonsense: tested is everything around it."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from model_fakes import OpenPurse
from small_model import CONTEXT, NotThereError, model_file, served

from daemon.domain.values import Outcome, Usage
from daemon.domain.errors import Unavailable
from daemon.review.models import access as access_module
from daemon.review.models.access import ModelAccess
from daemon.review.agent import Answer, Brief, Conversation, Limits, ToolSpec, Window
from daemon.review.models.chain import Chain


pytestmark = pytest.mark.real

MESSAGES, CHAT, RESPONSES = "anthropic:smollm2", "openai:smollm2", "openai:responses"
APIS = [MESSAGES, CHAT, RESPONSES]
LIMITS = Limits(rounds=3, seconds=300, output_tokens=120)
BRIEF = Brief(
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

    def __init__(self, verdict: Answer) -> None:
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self._verdict = verdict

    def call(self, name: str, arguments: Mapping[str, Any]) -> Answer:
        self.calls.append((name, arguments))
        return self._verdict


NOTED = Answer("Noted.", accepted=True)
REFUSED = Answer("Refused: there is no such block.", accepted=False)


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
    purse: OpenPurse
    tools: list[Tools]
    windows: list[Window | None]

    def review(
        self,
        name: str,
        verdict: Answer = NOTED,
        limits: Limits = LIMITS,
        document: Callable[[Window | None], str] = lambda _: BRIEF.document,
    ) -> Conversation:
        def make(window: Window | None) -> tuple[Brief, Tools]:
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
        own = dataclasses.replace(access_module.VENDORS["openai"], url=f"{address}/v1")
        monkeypatch.setitem(access_module.VENDORS, "openai", own)
    access = ModelAccess(
        keys={"anthropic": "none", "openai": "none"},
        urls={"anthropic": address, "openai": f"{address}/v1"},
        prices={name: Price()},
    )
    purse = OpenPurse()
    chain = Chain(
        access,
        monotonic=time.monotonic,
        purse=purse,
    )
    return Rig(chain, purse, [], [])


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
    assert conversation.usage == sum((usage for _, usage in rig.purse.spent), Usage())
    for _, usage in rig.purse.spent:
        assert usage.requests == 1
        assert usage.input_tokens > 100
        assert 0 < usage.output_tokens <= LIMITS.output_tokens
        dollars = (usage.input_tokens + 2 * usage.output_tokens) / 1e6
        assert usage.cost_usd == pytest.approx(dollars)


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
    conversation = rig.review(name, limits=dataclasses.replace(LIMITS, output_tokens=12))
    assert rig.tools[-1].calls == []
    if name != RESPONSES:  # llama.cpp calls an answer complete there, wherever it ends
        assert conversation.outcome is Outcome.TRUNCATED


def test_the_time_limit_holds(rig: Rig) -> None:
    with pytest.raises(Unavailable, match=r"no answer within 0\.05 s"):
        rig.review(CHAT, limits=dataclasses.replace(LIMITS, seconds=0.05))


def test_a_document_that_overflows_is_cut_to_the_window_that_the_server_tells(
    each_api: tuple[str, Rig],
) -> None:
    name, rig = each_api

    def document(window: Window | None) -> str:
        return BRIEF.document if window else "[B1] far too long " * CONTEXT

    one = dataclasses.replace(LIMITS, rounds=1)
    conversation = rig.review(name, limits=one, document=document)
    assert conversation.outcome is Outcome.ROUNDS
    assert rig.windows == [None, Window(CONTEXT)]


def test_a_ping_says_ok(each_api: tuple[str, Rig]) -> None:
    name, rig = each_api
    assert rig.run(lambda: rig.chain.ping(name)).startswith("ok (")
