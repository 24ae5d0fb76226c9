"""G9: whatever a model says, its review comes out again, also where time or a budget ran out."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.config import Config
from daemon.domain.change import Change
from daemon.domain.errors import BudgetEmpty
from daemon.domain.values import Outcome, Prompt, Usage
from daemon.operations import replay
from daemon.operations.replay import Replayed
from daemon.review.models.access import ModelAccess, Recorder
from daemon.review.models.chain import Chain
from daemon.sweep.context import ReviewContext, Session, Target
from daemon.sweep.recording import Recording, asking
from daemon.sweep.reviewing import run_review
from support.model_fakes import Clock
from support.review_values import block, comment, snapshot, thread
from support.vendor_server import (
    anthropic_message,
    chat_completion,
    function_call,
    output_text,
    response,
    text,
    tool_use,
)


AT_HOME = {"anthropic": "http://127.0.0.1:9", "openai": "http://127.0.0.1:9"}
TEXTS = ("Zanzibar queues are slow.", "Ten workers read them.", "Nobody watches the length.")
READ = snapshot(
    [block(f"block-{n}", words) for n, words in enumerate(TEXTS)],
    [thread("thread-1", "block-1", comment("c1", "Who owns them?", new=True))],
)
CONFIG = Config.model_validate(
    {
        "databases": [{"id": "1" * 32}],
        "limits": {"rounds": 4, "seconds_per_review": 30},
        "prices": {"anthropic:m": {"input": 1.0, "output": 2.0}},
    }
)
SESSION = Session(
    Target(CONFIG.databases[0], "RFCs", ("anthropic:m",)),
    READ,
    Change(first=True),
    Prompt("RFC reviewer", "Be strict.", "built in"),
    [],
)


class Purse:
    """Counts nothing; refuses from a request on."""

    def __init__(self, most: int) -> None:
        self._left = most

    async def reserve(self, *_: Any) -> int:
        if not self._left:
            raise BudgetEmpty("the day is spent")
        self._left -= 1
        return 0

    def settle(self, number: int, usage: Usage | None) -> None:
        pass

    def lose(self, number: int) -> None:
        pass


class Scripted(Recorder):
    """A recorder in whose place of the network a script answers, the last answer for ever."""

    def __init__(self, answers: Sequence[Any]) -> None:
        super().__init__()
        self._answers = itertools.chain(answers, itertools.repeat(answers[-1]))

    async def exchange(self, request: httpx2.Request, _: Any) -> httpx2.Response:
        async def send() -> httpx2.Response:
            answer = next(self._answers)
            if isinstance(answer, Exception):
                raise answer
            status, body = answer
            answered = httpx2.Response(status, json=body, request=request)
            answered.elapsed = date.max - date.max
            return answered

        return await super().exchange(request, send)


def held(
    answers: Sequence[Any],
    session: Session = SESSION,
    most: int = 99,
    urls: Mapping[str, str] = AT_HOME,
) -> Recording:
    """Hold a review with a scripted server, and record it."""
    tape, today = Scripted(answers), date(2026, 11, 20)
    access = ModelAccess({"anthropic": "k", "openai": "k"}, urls, CONFIG.prices)

    async def go() -> Any:
        chain = Chain(access, monotonic=Clock(), spending_limiter=Purse(most))
        context = ReviewContext(chain, CONFIG, today, tape=tape)
        try:
            return await run_review(context, session)
        finally:
            await chain.aclose()

    review = asyncio.run(go())
    return Recording(
        review=1,
        at="2026-11-20T12:00:00Z",
        program="0",
        today=today,
        config=CONFIG,
        session=session,
        asking=asking(session),
        order=tape.order,
        windows=tape.windows,
        urls=tape.urls,
        exchanges=tuple(tape.exchanges),
        result=review,
        comments=(),
        is_redacted=False,
    )


def words(*strange: str) -> st.SearchStrategy[str]:
    return st.sampled_from(strange) | st.text(max_size=12)


quotes = words("queues are slow", "Ten workers", "Nobody", "no such words", *TEXTS)
places = words("B1", "B2", "B3", "B9", "T1")
calls = st.one_of(
    st.tuples(
        st.just("comment"),
        st.fixed_dictionaries(
            {
                "block": places,
                "quote": quotes,
                "text": words("Which queues?", "Who watches?", "Say why not."),
                "severity": words("minor", "important", "blocking"),
                "title": words("Which", "Who watches it"),
            }
        ),
    ),
    st.tuples(
        st.just("reply"), st.fixed_dictionaries({"thread": places, "text": words("Payments.")})
    ),
    st.tuples(
        st.just("finish"),
        st.fixed_dictionaries({"summary": words("Say which.", ""), "question": words("", "Why?")}),
    ),
    st.tuples(words("leave", "follow_up", "read", "nonsense"), st.just({"thread": "T1"})),
)
failures = st.sampled_from(
    [
        (529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
        (200, {}),
        (200, {"content": "x"}),
        httpx2.ReadError("cut"),
        httpx2.ConnectTimeout("slow"),
    ]
)
turns = st.one_of(
    st.lists(calls, max_size=4),
    words("Nothing to add.", "<think>hm</think>"),
    failures,
)


def as_anthropic(turn: Any) -> Any:
    if isinstance(turn, str):
        return 200, anthropic_message(text(turn))
    if isinstance(turn, list):
        told = [tool_use(name, id=f"toolu_{n}", **said) for n, (name, said) in enumerate(turn)]
        return 200, anthropic_message(*told, stop="tool_use" if told else "end_turn")
    return turn


def as_chat(turn: Any) -> Any:
    """An answer of Chat Completions whose calls have no ids, or stand in its text."""
    if isinstance(turn, str):
        return 200, chat_completion(turn)
    if not isinstance(turn, list):
        return turn
    if len(turn) == 1:
        name, said = turn[0]
        call = json.dumps({"name": name, "arguments": said})
        return 200, chat_completion(f"<tool_call>{call}</tool_call>")
    body = chat_completion(None, *((name, json.dumps(said)) for name, said in turn))
    for call in body["choices"][0]["message"].get("tool_calls", ()):
        del call["id"]
    return 200, body


def as_responses(turn: Any) -> Any:
    if isinstance(turn, str):
        return 200, response(output_text(turn))
    if not isinstance(turn, list):
        return turn
    told = [
        function_call(name, json.dumps(said), call_id=f"call_{n}")
        for n, (name, said) in enumerate(turn)
    ]
    return 200, response(*told)


LAST = [("finish", {"summary": "Say which.", "question": ""})]


@pytest.mark.parametrize(
    ("model", "urls", "spoken"),
    [
        ("anthropic:m", AT_HOME, as_anthropic),
        ("openai:m", AT_HOME, as_chat),
        ("openai:gpt-6.1-sol", {}, as_responses),
    ],
)
@given(script=st.lists(turns, min_size=1, max_size=4))
@settings(max_examples=settings.default.max_examples // 4)  # each holds two reviews
def test_g9_whatever_a_model_says_comes_out_again(
    model: str, urls: dict[str, str], spoken: Any, script: Any
) -> None:
    # The rules go on where the model gives up.
    session = replace(SESSION, target=replace(SESSION.target, models=(model, "offline")))
    recording = held([spoken(turn) for turn in [*script, LAST]], session, urls=urls)
    assert replay.replay(recording) == Replayed(len(recording.exchanges), 0)


POINT = {"block": "B1", "quote": "queues", "text": "Which?", "severity": "minor", "title": "Which"}
TWO_TURNS = [as_anthropic([("comment", POINT)]), as_anthropic(LAST)]


def test_g9_a_review_that_a_budget_stopped_comes_out_again() -> None:
    recording = held(TWO_TURNS, most=1)
    assert recording.result.outcome is Outcome.BUDGET
    assert replay.replay(recording) == Replayed(1, 0)


QUIET = replace(SESSION, snapshot=snapshot(READ.blocks))


def test_g9_a_review_that_ran_out_of_time_takes_none_to_hold_again() -> None:
    recording = held(TWO_TURNS, QUIET)
    first, second = recording.exchanges
    lost = replace(second, status=0, headers=(), answer=b"", failure=("CancelledError", ""))
    found = replay.replay(replace(recording, exchanges=(replace(first, seconds=29.0), lost)))
    assert found.difference == (
        "the review: $.outcome: then 'done', now 'stopped at the time limit'"
    )


def test_g9_an_answer_that_is_another_changes_the_next_request() -> None:
    recording = held(TWO_TURNS, QUIET)
    first, second = recording.exchanges
    other = replace(first, answer=first.answer.replace(b"Which?", b"Where?"))
    found = replay.replay(replace(recording, exchanges=(other, second)))
    assert found.difference.startswith("request 2 of 2: $.messages[1].content[0].input.text: then ")
    assert found.difference.endswith("then 'Which?', now 'Where?'")


@pytest.mark.parametrize(
    ("keep", "said"),
    [(1, "after 1 request one more is made"), (3, "request 3 of 3 is not made any more")],
)
def test_g9_requests_that_come_or_go_are_named(keep: int, said: str) -> None:
    recording = held(TWO_TURNS, QUIET)
    exchanges = (*recording.exchanges, recording.exchanges[-1])[:keep]
    assert replay.replay(replace(recording, exchanges=exchanges)).difference == said
