from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from math import inf

import httpx2
import pytest
import stamina
from pydantic_ai.exceptions import ModelConnectionError, ModelTimeoutError, UnexpectedModelBehavior
from pydantic_ai.messages import ModelResponse

from daemon.domain.errors import (
    BudgetEmpty,
    ConfigError,
    PageRejected,
    PageTooLarge,
    ReviewError,
    TokenRefused,
    Unavailable,
)
from daemon.domain.values import Outcome, Usage
from daemon.review.agent import ReviewLimits
from daemon.review.models.access import ModelAccess
from daemon.review.models.chain import (
    ATTEMPTS,
    BREAK_SECONDS,
    PATIENCE_SECONDS,
    SHRINKS,
    _patience,
)
from daemon.review.models.cost import Spender, SpendingLimit
from daemon.review.models.failures import Down, Hiccup
from support.model_fakes import (
    AT_HOME,
    LIMITS,
    SECRET,
    Clock,
    Price,
    Rig,
    ScriptedModel,
    call,
    comment,
    finish,
    http,
    text,
    turn,
)


A, B = "anthropic:m", "openai:m"
USAGE = Usage(requests=1, input_tokens=1000, cached_tokens=400, output_tokens=50)


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=ATTEMPTS, cap=True):
        yield


def down() -> ScriptedModel:
    return ScriptedModel(http(529, "overloaded"))


def well_answered() -> ModelResponse:
    return turn(text("Yes."))


def well() -> ScriptedModel:
    return ScriptedModel(comment(), finish())


def test_the_first_model_that_answers_holds_the_whole_review() -> None:
    first, second = well(), well()
    rig = Rig(anthropic=first, openai=second)
    conversation = asyncio.run(rig.converse(A, B))
    assert (conversation.outcome, conversation.text, conversation.model) == (Outcome.DONE, "", A)
    assert conversation.tools is rig.tools[0]
    assert rig.tools[0].comments == ["Say why."]
    assert conversation.usage == USAGE + USAGE
    assert rig.spent == [(A, USAGE), (A, USAGE)]
    assert (first.requests, second.requests) == (2, 0)
    assert rig.windows == [None]


RETRIED = [
    *(http(status) for status in (408, 409, 429, 500, 502, 503, 504, 529)),
    ModelConnectionError("m", "Connection error."),
    ModelTimeoutError("m", "Request timed out."),
    UnexpectedModelBehavior("no JSON in it"),
    TypeError("'NoneType' object is not iterable"),
    ValueError("Expecting value"),
]


@pytest.mark.parametrize("failure", RETRIED, ids=str)
def test_a13_a_passing_failure_is_tried_again(failure: Exception) -> None:
    model = ScriptedModel(failure, failure, finish())
    rig = Rig(anthropic=model)
    assert asyncio.run(rig.converse(A)).outcome is Outcome.DONE
    assert model.requests == 3


@pytest.mark.parametrize("failure", RETRIED, ids=str)
def test_a13_after_three_attempts_the_next_model_takes_over(failure: Exception) -> None:
    first, second = ScriptedModel(failure), well()
    rig = Rig(anthropic=first, openai=second)
    assert asyncio.run(rig.converse(A, B)).model == B
    assert first.requests == 3


@pytest.mark.parametrize(
    "failure",
    [http(402, "pay first"), http(429, "no credit", code="insufficient_quota")],
    ids=["402", "insufficient quota"],
)
def test_an_empty_account_is_not_tried_again(failure: Exception) -> None:
    first = ScriptedModel(failure)
    rig = Rig(anthropic=first, openai=well())
    assert asyncio.run(rig.converse(A, B)).model == B
    assert first.requests == 1


def test_a13_when_every_model_fails_each_is_named_with_its_reason() -> None:
    first = ScriptedModel(ModelConnectionError("m", "Connection refused."))
    rig = Rig(anthropic=first, openai=ScriptedModel(http(402, "pay first")))
    with pytest.raises(Unavailable) as raised:
        asyncio.run(rig.converse(A, B))
    assert str(raised.value) == (
        "no model could review: anthropic:m: no connection: Connection refused.; "
        "openai:m: 402 pay first; it is tried again later"
    )


def test_a_model_that_fails_midway_is_replaced_from_the_start_with_fresh_tools() -> None:
    first = ScriptedModel(comment("dropped"), http(500))
    second = ScriptedModel(comment("kept"), finish())
    rig = Rig(anthropic=first, openai=second)
    conversation = asyncio.run(rig.converse(A, B))
    assert conversation.model == B
    assert conversation.tools.comments == ["kept"]  # type: ignore[attr-defined]
    assert len(second.heard[0]) == 1, "the second model hears nothing of the first"
    assert conversation.usage.requests == 3, "what the first cost counts"
    assert [name for name, _ in rig.spent] == [A, B, B]


def test_a13_a_model_that_says_nothing_in_time_is_replaced() -> None:
    async def silent() -> ModelResponse:
        await asyncio.Event().wait()
        raise AssertionError

    rig = Rig(anthropic=ScriptedModel(silent), openai=well())
    conversation = asyncio.run(rig.converse(A, B, limits=ReviewLimits(rounds=4, seconds=0.5)))
    assert conversation.model == B


def test_a_model_that_failed_is_left_alone_for_five_minutes() -> None:
    first = ScriptedModel(http(500))
    rig = Rig(anthropic=first, openai=ScriptedModel(finish()))
    asyncio.run(rig.converse(A, B))
    rig.clock.now += BREAK_SECONDS - 1
    assert asyncio.run(rig.converse(A, B)).model == B
    assert first.requests == 3
    rig.clock.now += 1
    asyncio.run(rig.converse(A, B))
    assert first.requests == 6


def test_when_every_model_failed_they_are_tried_in_order() -> None:
    first, second = ScriptedModel(http(402), finish()), ScriptedModel(http(402), finish())
    rig = Rig(anthropic=first, openai=second)
    with pytest.raises(Unavailable):
        asyncio.run(rig.converse(A, B))
    assert asyncio.run(rig.converse(A, B)).model == A


def test_a_model_that_failed_is_the_last_resort() -> None:
    first, second = ScriptedModel(http(402), finish()), ScriptedModel(finish(), http(402))
    rig = Rig(anthropic=first, openai=second)
    assert asyncio.run(rig.converse(A, B)).model == B
    assert asyncio.run(rig.converse(A, B)).model == A


def test_a_model_that_answers_again_is_first_again() -> None:
    first = ScriptedModel(http(402), finish())
    rig = Rig(anthropic=first, openai=ScriptedModel(finish(), http(402), finish()))
    assert [asyncio.run(rig.converse(A, B)).model for _ in range(3)] == [B, A, A]


def test_a_model_that_answered_is_no_longer_held_to_its_failure() -> None:
    rig = Rig(anthropic=ScriptedModel(http(402), finish()), openai=well())
    with pytest.raises(Unavailable):
        asyncio.run(rig.converse(A))
    assert asyncio.run(rig.converse(A)).model == A
    assert asyncio.run(rig.converse(A, B)).model == A, "another database prefers it, too"


@pytest.mark.parametrize(
    ("status", "said", "why", "requests"),
    [
        (401, "bad key sk-pl…4711", "401", 1),
        (403, "your API key may not", "403 your API key may not", 1),
        (403, "country not supported", "403 country not supported", 2),
    ],
)
def test_a13_a_refused_key_is_told_and_the_next_model_goes_on(
    status: int, said: str, why: str, requests: int
) -> None:
    first, second = ScriptedModel(http(status, said)), well()
    rig = Rig(anthropic=first, openai=second)
    assert asyncio.run(rig.converse(A, B)).model == B
    assert str(rig.chain.faults[A]) == (
        f"anthropic:m: the key in ANTHROPIC_API_KEY was refused ({why}); "
        "put a valid one there that may use this model"
    )
    asyncio.run(rig.converse(A, B))
    assert first.requests == requests


def test_a13_a_refused_key_without_a_next_model_is_said_at_once() -> None:
    rig = Rig(anthropic=ScriptedModel(http(401)))
    with pytest.raises(TokenRefused, match="ANTHROPIC_API_KEY"):
        asyncio.run(rig.converse(A))


def test_a_refused_key_beside_a_provider_that_is_down_waits_for_that_provider() -> None:
    rig = Rig(anthropic=ScriptedModel(http(401)), openai=down())
    with pytest.raises(Unavailable, match=r"ANTHROPIC_API_KEY.*openai:m: 529"):
        asyncio.run(rig.converse(A, B))


MISTAKES = [
    (http(404), "openai:m: the provider knows no such model (404 no); correct the name under", 1),
    (http(400, "bad\nschema"), "openai:m: the provider rejects the request (400 bad schema);", 2),
    (http(422, "x" * 999), f"rejects the request (422 {'x' * 199}…); choose another model", 2),
]


@pytest.mark.parametrize(("failure", "message", "requests"), MISTAKES)
def test_a_mistake_in_the_configuration_is_told_and_the_next_model_goes_on(
    failure: Exception, message: str, requests: int
) -> None:
    first = ScriptedModel(failure)
    rig = Rig(openai=first, anthropic=well())
    assert asyncio.run(rig.converse(B, A)).model == A
    assert message in str(rig.chain.faults[B])
    assert first.requests == requests


@pytest.mark.parametrize(("failure", "message", "requests"), MISTAKES)
def test_a_mistake_in_the_configuration_of_the_only_model_is_said_at_once(
    failure: Exception, message: str, requests: int
) -> None:
    first = ScriptedModel(failure)
    with pytest.raises(ConfigError) as raised:
        asyncio.run(Rig(openai=first).converse(B))
    assert message in str(raised.value)
    assert first.requests == requests


@pytest.mark.parametrize("failure", [http(400), http(403), http(422)], ids=str)
def test_what_a_provider_refuses_of_one_page_alone_is_that_pages_failure(
    failure: Exception,
) -> None:
    first = ScriptedModel(failure, well_answered(), failure, failure)
    rig = Rig(anthropic=first)
    for _ in range(3):
        with pytest.raises(PageRejected, match="it refuses this document"):
            asyncio.run(rig.converse(A))
    # One tiny request shows it for the whole sweep.
    assert first.requests == 4
    assert not rig.chain.faults


@pytest.mark.parametrize("failure", [http(500), http(503)], ids=str)
def test_a_provider_that_fails_on_one_page_and_answers_a_tiny_request_is_not_down(
    failure: Exception,
) -> None:
    first = ScriptedModel(failure, failure, failure, well_answered())
    with pytest.raises(PageRejected, match="it is tried again later"):
        asyncio.run(Rig(anthropic=first).converse(A))
    assert first.requests == 4


def test_what_the_models_of_a_sweep_met_is_forgotten_with_the_next() -> None:
    first = ScriptedModel(http(401))
    rig = Rig(anthropic=first, openai=well())
    asyncio.run(rig.converse(A, B))
    rig.chain.begin_sweep()
    assert not rig.chain.faults


@pytest.mark.parametrize("status", [400, 401, 402, 404, 413, 429, 500])
def test_a1_a_key_that_a_server_repeats_is_never_told(status: int) -> None:
    rig = Rig(anthropic=ScriptedModel(http(status, f"your key is {SECRET}, that is bad")))
    with pytest.raises(ReviewError) as raised:
        asyncio.run(rig.converse(A))
    assert SECRET not in str(raised.value)
    assert raised.value.__cause__ is None
    assert SECRET not in repr(rig.chain._endpoints[A].destination)


def test_a22_a_flagged_document_is_neither_a_mistake_nor_an_outage() -> None:
    first = ScriptedModel(http(400, "flagged", code="invalid_prompt"))
    with pytest.raises(PageRejected, match="openai:m: its provider flagged the document"):
        asyncio.run(Rig(openai=first).converse(B))
    assert first.requests == 1


def test_a22_a_refusal_is_not_taken_to_the_next_model() -> None:
    second = well()
    refusal = turn(text("I will not."), finish="content_filter")
    rig = Rig(anthropic=ScriptedModel(refusal), openai=second)
    conversation = asyncio.run(rig.converse(A, B))
    assert (conversation.outcome, conversation.text) == (Outcome.REFUSED, "")
    assert second.requests == 0


def test_a22_an_answer_without_its_end_is_tried_again_and_its_tokens_count() -> None:
    rig = Rig(anthropic=ScriptedModel(turn(text("All is"), finish=None), finish()))
    conversation = asyncio.run(rig.converse(A))
    assert (conversation.outcome, conversation.text) == (Outcome.DONE, "")
    assert conversation.usage.requests == 2


def too_long(message: str) -> Exception:
    return http(400, message)


@pytest.mark.parametrize(
    "message",
    [
        "prompt is too long: 9000 tokens > 8192 maximum",
        "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens.",
        "exceed_context_size_error: {'n_prompt_tokens': 9000, 'n_ctx': 8192}",
    ],
)
def test_f12_a_window_that_the_provider_tells_is_used_and_remembered(message: str) -> None:
    rig = Rig(anthropic=ScriptedModel(too_long(message), finish()))
    rig.document = "word " * 10_000
    conversation = asyncio.run(rig.converse(A))
    assert [window and window.tokens for window in rig.windows] == [None, 8192]
    assert conversation.omitted == ("Rollout",)
    asyncio.run(rig.converse(A))
    assert rig.windows[-1].tokens == 8192


def test_f12_without_a_size_the_document_is_halved_until_it_fits() -> None:
    tight = http(400, "the request exceeds the available context size")
    rig = Rig(anthropic=ScriptedModel(tight, tight, tight, finish()))
    rig.document = "word " * 8_000
    conversation = asyncio.run(rig.converse(A))
    assert conversation.outcome is Outcome.DONE
    sizes = [len(rig.document), *(window.tokens * 2 for window in rig.windows[1:])]
    assert all(later <= earlier / 2 + 200 for earlier, later in pairwise(sizes))


def test_f12_a_document_that_is_longer_than_it_looks_is_cut_further_and_further() -> None:
    rig = Rig(access=replace(AT_HOME, windows={A: 8192}), anthropic=ScriptedModel(http(413)))
    rig.document = "\N{PILE OF POO}" * 100_000  # several tokens each, and `make` does not know
    rig.make = lambda window: (rig.windows.append(window), Rig.make(rig, None))[1]  # type: ignore[method-assign]
    with pytest.raises(PageTooLarge):
        asyncio.run(rig.converse(A))
    assert [window.tokens for window in rig.windows[::2]] == [8192, 4096, 2048, 1024, 512]


def test_f12_a_document_that_never_fits_goes_to_the_next_model_and_breaks_nothing() -> None:
    first = ScriptedModel(http(413, "request_too_large"))
    rig = Rig(anthropic=first, openai=ScriptedModel(finish()))
    rig.document = "word " * 10_000
    assert asyncio.run(rig.converse(A, B)).model == B
    assert first.requests == SHRINKS + 1
    asyncio.run(rig.converse(A, B))
    assert first.requests == 2 * (SHRINKS + 1), "another document may fit"


def test_f12_a_document_that_fits_nowhere_is_named() -> None:
    rig = Rig(anthropic=ScriptedModel(http(413)))
    with pytest.raises(PageTooLarge, match="anthropic:m: the document does not fit"):
        asyncio.run(rig.converse(A))


def test_f12_a_window_of_the_config_is_known_before_the_first_request() -> None:
    model = ScriptedModel(finish())
    rig = Rig(access=replace(AT_HOME, windows={B: 8192}), openai=model)
    asyncio.run(rig.converse(B))
    assert [window.tokens for window in rig.windows] == [8192]
    assert model.settings[0]["max_tokens"] == 1638, "a turn leaves room for the others"


def test_f12_a_window_that_fills_up_midway_starts_the_review_anew() -> None:
    full = "maximum context length is 8192 tokens"
    rig = Rig(
        anthropic=ScriptedModel(comment("dropped"), too_long(full), comment("kept"), finish())
    )
    conversation = asyncio.run(rig.converse(A))
    assert conversation.tools.comments == ["kept"]  # type: ignore[attr-defined]


def test_a_turn_may_say_as_much_as_the_limits_allow() -> None:
    model = ScriptedModel(finish())
    rig = Rig(openai=model)
    asyncio.run(rig.converse(B, limits=ReviewLimits(rounds=1, seconds=60, output_tokens=777)))
    assert model.settings[0]["max_tokens"] == 777


def test_a_spent_budget_stops_before_the_request() -> None:
    model = well()
    rig = Rig(anthropic=model, openai=well())
    rig.spending_limiter.refusal = BudgetEmpty("the day's 2000000 tokens are spent")
    with pytest.raises(BudgetEmpty, match="2000000 tokens") as raised:
        asyncio.run(rig.converse(A, B))
    assert raised.value.exit_code == 3
    assert model.requests == 0


def test_the_budget_is_asked_before_every_attempt() -> None:
    rig = Rig(anthropic=ScriptedModel(http(500), comment(), finish()))
    asyncio.run(rig.converse(A))
    assert rig.spending_limiter.asked == 3


def test_what_a_provider_refused_or_never_heard_costs_nothing() -> None:
    unheard = ModelConnectionError("m", "Connection refused.")
    unheard.__cause__ = httpx2.ConnectError("Connection refused.")
    rig = Rig(anthropic=ScriptedModel(http(500), unheard, finish()))
    asyncio.run(rig.converse(A))
    assert (rig.spending_limiter.asked, len(rig.spent)) == (3, 1)
    assert (rig.spending_limiter.reserved, rig.spending_limiter.lost) == ({}, [])


@pytest.mark.parametrize(
    "failure",
    [ModelTimeoutError("m", "slow"), ModelConnectionError("m", "dropped"), ValueError("no JSON")],
    ids=lambda failure: type(failure).__name__,
)
def test_what_a_lost_answer_may_have_cost_stays_reserved(failure: Exception) -> None:
    rig = Rig(anthropic=ScriptedModel(failure, finish()))
    asyncio.run(rig.converse(A))
    (lost,) = rig.spending_limiter.lost
    assert lost.output_tokens == LIMITS.output_tokens
    assert lost.input_tokens >= len("How to review.The document.")


def test_what_the_time_limit_cuts_off_stays_reserved() -> None:
    async def silent() -> ModelResponse:
        await asyncio.Event().wait()
        raise AssertionError

    rig = Rig(anthropic=ScriptedModel(comment(), silent))
    conversation = asyncio.run(rig.converse(A, limits=ReviewLimits(rounds=4, seconds=0.5)))
    assert conversation.outcome is Outcome.TIME
    assert (len(rig.spending_limiter.lost), rig.spending_limiter.reserved) == (1, {})


def within(tokens: float = inf, dollars: float = inf) -> ReviewLimits:
    return replace(
        LIMITS, spender=Spender("page-1", review=SpendingLimit("review", tokens, dollars))
    )


def test_a_review_that_has_spent_its_budget_ends_with_what_it_found() -> None:
    model = ScriptedModel(comment("one"), comment("two"), comment("three"))
    rig = Rig(anthropic=model)
    conversation = asyncio.run(rig.converse(A, limits=within(tokens=12_000)))
    assert conversation.outcome is Outcome.BUDGET
    assert conversation.tools.comments == ["one", "two"]  # type: ignore[attr-defined]


def test_every_attempt_and_every_provider_shares_the_budget_of_the_review() -> None:
    access = ModelAccess(prices=dict.fromkeys((A, B), Price(input=10.0, output=100.0)))
    first, second = ScriptedModel(ModelTimeoutError("m", "slow")), ScriptedModel(finish())
    rig = Rig(access=access, anthropic=first, openai=second)
    with pytest.raises(PageTooLarge, match=r"limits\.cost_per_review: 0\.\d+ of 1\.00 USD"):
        asyncio.run(rig.converse(A, B, limits=within(dollars=1.0)))
    assert (first.requests, second.requests) == (1, 0)


def test_f12_a_document_that_the_budget_cannot_pay_for_is_cut() -> None:
    rig = Rig(anthropic=ScriptedModel(finish()))
    rig.document = "word " * 10_000
    conversation = asyncio.run(rig.converse(A, limits=within(tokens=40_000)))
    assert conversation.omitted == ("Rollout",)
    assert len(rig.windows) > 3 or rig.windows[-1] is not None


def test_the_price_of_the_config_counts() -> None:
    access = ModelAccess(prices={A: Price(input=10.0, output=100.0, cached=1.0)})
    rig = Rig(access=access, anthropic=ScriptedModel(finish()))
    conversation = asyncio.run(rig.converse(A))
    expected = (600 * 10.0 + 400 * 1.0 + 50 * 100.0) / 1e6
    assert conversation.usage.cost_usd == pytest.approx(expected)


def test_a_model_without_a_key_is_a_mistake_in_the_configuration() -> None:
    rig = Rig()
    with pytest.raises(ConfigError, match="OPENAI_API_KEY is not set"):
        asyncio.run(rig.converse("openai:gpt-6.1-sol"))


def test_a_model_without_a_known_price_is_not_asked() -> None:
    rig = Rig(access=ModelAccess(keys={"openai": SECRET}))
    with pytest.raises(ConfigError, match="the price of this model is not known"):
        asyncio.run(rig.converse("openai:brand-new"))


def test_offline_needs_no_model_and_costs_nothing() -> None:
    rig = Rig()
    conversation = asyncio.run(rig.converse("offline"))
    assert (conversation.model, conversation.outcome) == ("offline", Outcome.DONE)
    assert conversation.usage == Usage()
    assert rig.tools[0].comments == ["By rule."]
    assert rig.spending_limiter.asked == 0


def test_offline_that_ends_nothing_has_nothing_to_add() -> None:
    rig = Rig()
    conversation = asyncio.run(rig.converse("offline", offline=lambda _: None))
    assert conversation.outcome is Outcome.NOTHING_TO_ADD


def test_offline_takes_over_from_models_that_failed() -> None:
    rig = Rig(anthropic=down())
    assert asyncio.run(rig.converse(A, "offline")).model == "offline"
    assert asyncio.run(rig.converse(A, "offline")).model == "offline"


COUNT = call("count", number=1)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (turn(COUNT, call("count", number=2)), "tools, several calls in a turn"),
        (turn(COUNT), "tools, one call in a turn"),
        (turn(text("Yes.")), "it made no call when it was asked for one: it may not use tools"),
        (
            turn(text('<tool_call>{"name": "count", "arguments": {"number": 1}}</tool_call>')),
            "calls come as text: turn on the tool calls of the server",
        ),
        (
            turn(finish="length"),
            "it thinks longer than this question allows, so its tools were not seen",
        ),
    ],
)
def test_a_ping_says_what_the_model_can(answer: ModelResponse, said: str) -> None:
    rig = Rig(anthropic=ScriptedModel(answer))
    assert asyncio.run(rig.chain.ping(A)) == f"ok (0.0 s; {said})"
    assert rig.spent == [(A, USAGE)]


def test_a_ping_needs_no_model_offline() -> None:
    assert asyncio.run(Rig().chain.ping("offline")) == "rules alone, no model"


def test_a_ping_says_what_is_wrong() -> None:
    rig = Rig(anthropic=down(), openai=ScriptedModel(http(401)))
    with pytest.raises(Unavailable, match="anthropic:m: 529 overloaded"):
        asyncio.run(rig.chain.ping(A))
    with pytest.raises(TokenRefused, match="OPENAI_API_KEY"):
        asyncio.run(rig.chain.ping(B))


def test_closing_closes_every_client() -> None:
    rig = Rig(anthropic=well(), openai=well())
    clients = [endpoint.client for endpoint in rig.chain._endpoints.values()]
    asyncio.run(rig.chain.aclose())
    assert [client.closed for client in clients] == [True, True]


def test_a_wrong_use_of_the_library_is_a_bug_and_not_a_failure_of_the_provider() -> None:
    rig = Rig(anthropic=ScriptedModel(NotImplementedError("streaming")), openai=well())
    with pytest.raises(NotImplementedError):
        asyncio.run(rig.converse(A, B))


def test_a_call_is_answered_in_the_message_that_follows_it() -> None:
    model = ScriptedModel(
        turn(call("comment", text=""), call("nope"), finish="tool_call"), finish()
    )
    rig = Rig(anthropic=model)
    asyncio.run(rig.converse(A))
    (*_, made, answered) = model.heard[1]
    assert [part.tool_call_id for part in made.parts] == [
        part.tool_call_id for part in answered.parts
    ]
    assert [part.outcome for part in answered.parts] == ["failed", "failed"]


def patience(*failures: tuple[float, Exception]) -> list[bool | float]:
    """Return what is decided on each failure, given the seconds since the first attempt began."""
    clock = Clock()
    again = _patience(clock)
    decisions = []
    for at, failure in failures:
        clock.now = 1000.0 + at
        decisions.append(again(failure))
    return decisions


def test_a13_no_attempt_begins_later_than_ten_seconds_after_the_first() -> None:
    longest = 1.0  # the longest wait before a second attempt
    assert patience((PATIENCE_SECONDS - longest, Hiccup("x"))) == [True]
    assert patience((PATIENCE_SECONDS - longest + 0.1, Hiccup("x"))) == [False]
    assert patience((0, Hiccup("x")), (8.6, Hiccup("x"))) == [True, False]


@pytest.mark.parametrize(
    ("at", "asked", "decided"),
    [(0, 4.0, 4.0), (0, 10.0, 10.0), (0, 10.5, False), (7, 4.0, False), (0, 0.0, True)],
)
def test_a13_a_wait_that_is_asked_for_is_kept_where_it_fits(
    at: float, asked: float, decided: object
) -> None:
    assert patience((at, Hiccup("429", asked))) == [decided]


@pytest.mark.parametrize("failure", [Down("no credit"), ConfigError("x"), BudgetEmpty("x")])
def test_what_will_not_pass_is_not_tried_again(failure: Exception) -> None:
    assert patience((0, failure)) == [False]
