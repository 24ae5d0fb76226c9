"""Outages as a server of somebody else's making plays them, with its verdict on the client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest
from llmock.pytest_plugin import LLMock
from stamina.instrumentation import set_on_retry_hooks

from daemon.domain.errors import TokenRefused, Unavailable
from daemon.domain.values import Outcome
from daemon.review.agent import ContextWindow, Conversation, ModelInput, ReviewLimits
from daemon.review.models import chain as models
from daemon.review.models.access import ModelAccess
from support.model_fakes import OpenPurse
from support.tool_fakes import FakeTools


SONNET, LOCAL = "anthropic:claude-sonnet-5-5", "openai:gpt-6.1-sol"
ANY = "llmock-test-key"


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Wait half as long; collect the waits that were chosen, in seconds."""
    monkeypatch.setattr(models, "WAIT_SECONDS", models.WAIT_SECONDS / 2)
    monkeypatch.setattr(models, "JITTER_SECONDS", models.JITTER_SECONDS / 50)
    chosen: list[float] = []
    set_on_retry_hooks([lambda details: chosen.append(details.wait_for)])
    yield chosen
    set_on_retry_hooks(None)


def assert_resilient(llmock: LLMock) -> None:
    """Fail on every finding but `no_backoff`: it goes by the clock, which a busy machine blurs."""
    assert [one for one in llmock.verdict().findings if one.code != "no_backoff"] == []


def review(llmock: LLMock, *names: str) -> Conversation:
    return asyncio.run(_review(llmock, names or (SONNET, LOCAL)))


async def _review(llmock: LLMock, names: tuple[str, ...]) -> Conversation:
    access = ModelAccess(
        keys={"anthropic": ANY, "openai": ANY},
        urls={vendor: llmock.base_url(vendor) for vendor in ("anthropic", "openai")},
    )
    chain = models.Chain(
        access,
        monotonic=time.monotonic,
        spending_limiter=OpenPurse(),
    )

    def make(_: ContextWindow | None) -> tuple[ModelInput, FakeTools]:
        return ModelInput("How to review.", "[B1] Comment on this.", "page-1"), FakeTools()

    try:
        return await chain.converse(names, make, lambda _: None, ReviewLimits(4, 30))
    finally:
        await chain.aclose()


def asked(llmock: LLMock) -> list[str]:
    return [record.provider for record in llmock.requests]


def test_a_review_ends_with_a_summary(llmock: LLMock) -> None:
    llmock.call_tool("comment", {"block": "B1", "text": "Why?"}).reply("All in all: good.")
    conversation = review(llmock)
    assert conversation.outcome is Outcome.DONE
    assert conversation.text == "All in all: good."
    assert_resilient(llmock)


@pytest.mark.parametrize("status", [500, 503, 529])
def test_a13_with_anthropic_down_openai_reviews(llmock: LLMock, status: int) -> None:
    llmock.outage(status=status, provider="anthropic")
    conversation = review(llmock)
    assert conversation.model == LOCAL
    assert asked(llmock)[:4] == ["anthropic"] * 3 + ["openai"]
    assert_resilient(llmock)


def test_a13_the_second_wait_is_longer_where_none_is_asked_for(
    llmock: LLMock, waits: list[float]
) -> None:
    llmock.outage(status=500, provider="anthropic")
    review(llmock)
    first, second = waits
    assert second > 1.5 * first > 0


def test_a13_with_everything_down_each_is_named(llmock: LLMock) -> None:
    llmock.outage()
    with pytest.raises(Unavailable, match=f"{SONNET}: 503 .*; {LOCAL}: 503 "):
        review(llmock)
    # A tiny request to each shows at the end that it is not the document; it is sent once.
    assert asked(llmock) == ["anthropic"] * 3 + ["openai"] * 3 + ["anthropic", "openai"]
    assert {one.code for one in llmock.verdict().findings} <= {"no_backoff", "gave_up"}


def test_a13_a_wait_that_is_asked_for_is_kept(llmock: LLMock) -> None:
    llmock.rate_limit(times=2, retry_after=0.3, provider="anthropic")
    assert review(llmock).model == SONNET
    assert_resilient(llmock)


def test_a13_a_wait_that_does_not_fit_is_left_to_the_next_model(llmock: LLMock) -> None:
    llmock.rate_limit(times=1, retry_after=3600, provider="anthropic")
    assert review(llmock).model == LOCAL
    llmock.assert_resilient()


@pytest.mark.parametrize("status", [401, 403])
def test_a13_a_refused_key_is_not_tried_again(llmock: LLMock, status: int) -> None:
    llmock.fail(status, times=None)
    with pytest.raises(TokenRefused, match="ANTHROPIC_API_KEY"):
        review(llmock)
    assert asked(llmock) == ["anthropic", "openai"]
    assert_resilient(llmock)


@pytest.mark.parametrize("name", [SONNET, LOCAL])
@pytest.mark.parametrize("fault", ["malformed_arguments", "unknown_tool"])
def test_a11_a_broken_call_does_not_end_the_review(llmock: LLMock, fault: str, name: str) -> None:
    llmock.break_tool_call(fault)
    conversation = review(llmock, name)
    assert conversation.outcome in {Outcome.DONE, Outcome.NOTHING_TO_ADD}
    assert conversation.usage.requests >= 2
    assert_resilient(llmock)


@pytest.mark.parametrize("name", [SONNET, LOCAL])
def test_f12_a_prompt_that_is_too_long_is_asked_for_again(llmock: LLMock, name: str) -> None:
    llmock.context_overflow()
    assert review(llmock, name).model == name
