"""No order of calls, retries and crashes spends more than is allowed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from math import inf
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlite_utils import Database

from daemon.config import Limits
from daemon.domain.errors import BudgetEmpty, PageSpent
from daemon.domain.values import Usage
from daemon.review.models.access import ModelAccess
from daemon.review.models.cost import (
    ConversationCost,
    Overdrawn,
    Spender,
    SpendingLimit,
    Tokens,
    worst_case,
)
from daemon.store import reviews
from daemon.store.database import copy_in_memory
from daemon.sweep.budget import Meter
from support import virtual_time
from support.model_fakes import Price


MODEL = "openai:m"
ACCESS = ModelAccess(prices={MODEL: Price(input=2.0, output=10.0, cached=0.2)})
# So tight that a few requests together break each of them where it is not kept.
LIMITS = Limits(
    tokens_per_review=40_000,
    cost_per_review=0.2,
    tokens_per_page=42_000,
    cost_per_page=0.21,
    tokens_per_day=65_000,
    cost_per_day=0.35,
    tokens_per_month=100_000,
    cost_per_month=0.55,
)
ROOMY = Limits(
    tokens_per_review=60_000,
    cost_per_review=0.5,
    tokens_per_page=60_000,
    cost_per_page=0.5,
    tokens_per_day=90_000,
    cost_per_day=0.5,
)
LATE = datetime(2026, 11, 29, 23, 30, tzinfo=UTC)


@pytest.fixture
def state() -> Iterator[Database]:
    with closing(copy_in_memory(Path("there is none"))) as db:
        yield db


def spender(page: str, limits: Limits = ROOMY) -> Spender:
    return Spender(
        page,
        SpendingLimit("review", limits.tokens_per_review, limits.cost_per_review),
        SpendingLimit("page", limits.tokens_per_page, limits.cost_per_page),
    )


@dataclass(frozen=True)
class Request:
    """What becomes of one request: how long it takes, what it really uses, what is heard of it."""

    wire_bytes: int
    output_tokens: int
    share: float
    seconds: float
    heard: str


@dataclass(frozen=True)
class Story:
    """Reviews that begin at some time, each a page and its requests; the process dies at times."""

    reviews: list[tuple[float, str, list[Request]]]
    deaths: list[float]


HOUR = 3600.0
requests = st.builds(
    Request,
    wire_bytes=st.integers(2_000, 15_000),
    output_tokens=st.integers(500, 6_000),
    share=st.sampled_from([0.0, 0.2, 1.0, 1.0]),
    seconds=st.sampled_from([0.0, 1.0, 600.0, 2 * HOUR]),
    heard=st.sampled_from(["told", "told", "told", "free", "nothing"]),
)
stories = st.builds(
    Story,
    reviews=st.lists(
        st.tuples(
            st.sampled_from([0.0, 0.2, 1.0, 2.0, 20.0, 47.9]).map(HOUR.__mul__),
            st.sampled_from(["page-1", "page-2", "page-3"]),
            st.lists(requests, min_size=2, max_size=6),
        ),
        min_size=3,
        max_size=14,
    ),
    deaths=st.lists(st.floats(0, 60 * HOUR), max_size=3),
)


class Truth:
    """What the providers would bill, whatever the program knows of it."""

    def __init__(self) -> None:
        self.by_day: dict[tuple[date, str], Usage] = {}
        self.by_review: Counter[str] = Counter()
        self.reviews: dict[int, Usage] = {}

    def bill(self, day: date, page: str, review: int, usage: Usage) -> None:
        self.by_day[day, page] = self.by_day.get((day, page), Usage()) + usage
        self.reviews[review] = self.reviews.get(review, Usage()) + usage

    def of(self, page: str | None = None, day: date | None = None, month: int = 0) -> Usage:
        return sum(
            (
                usage
                for (on, of), usage in self.by_day.items()
                if page in (None, of) and day in (None, on) and month in (0, on.month)
            ),
            Usage(),
        )


def tokens_of(request: Request) -> Tokens:
    """What a request really uses: a share of the most it may."""
    most = worst_case(MODEL, request.wire_bytes, request.output_tokens, ACCESS)
    return Tokens(
        input_tokens=int(most.input_tokens * request.share),
        output_tokens=int(most.output_tokens * request.share),
    )


async def review(meter: Meter, truth: Truth, number: int, page: str, calls: list[Request]) -> None:
    bill = ConversationCost(meter, ACCESS, spender(page, LIMITS))
    for one in calls:
        with suppress(Overdrawn):
            reservation = await bill.reserve(MODEL, one.wire_bytes, one.output_tokens)
            with closing(reservation):
                used = tokens_of(one)
                if one.heard != "free":
                    # Billed as soon as it is sent, on the day on which it is sent.
                    told = replace_cost(used)
                    truth.bill(virtual_time.now().date(), page, number, told)
                await asyncio.sleep(one.seconds)
                if one.heard == "told":
                    reservation.settle(used)
                elif one.heard == "free":
                    reservation.release()


def replace_cost(used: Tokens) -> Usage:
    dollars = (used.input_tokens * 2.0 + used.output_tokens * 10.0) / 1e6
    return Usage(1, used.input_tokens, 0, used.output_tokens, dollars)


async def live(state: Database, story: Story, truth: Truth) -> None:
    """Run a story; every death leaves the state as it is, and a new process goes on."""
    began = asyncio.get_running_loop().time()
    waiting = sorted(enumerate(story.reviews), key=lambda pair: pair[1][0])
    for death in [*sorted(story.deaths), inf]:
        meter = Meter(state, LIMITS, virtual_time.now)
        mine = [pair for pair in waiting if pair[1][0] < death]
        waiting = [pair for pair in waiting if pair not in mine]

        async def one(at: float, number: int, page: str, calls: list[Request]) -> None:
            await asyncio.sleep(max(began + at - asyncio.get_running_loop().time(), 0))
            with suppress(BudgetEmpty, PageSpent):
                await review(meter, truth, number, page, calls)  # noqa: B023 - awaited below

        tasks = [asyncio.create_task(one(at, n, page, calls)) for n, (at, page, calls) in mine]
        left = began + death - asyncio.get_running_loop().time()
        _, cut = await asyncio.wait(tasks, timeout=left) if tasks else (None, ())
        for task in cut:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in tasks:
            if not task.cancelled():
                task.result()


def assert_within(truth: Truth) -> None:
    cents = 1e-9
    for day, page in truth.by_day:
        of_page, of_day = truth.of(page, day), truth.of(day=day)
        of_month = truth.of(month=day.month)
        assert of_page.tokens <= LIMITS.tokens_per_page
        assert of_page.cost_usd <= LIMITS.cost_per_page + cents
        assert of_day.tokens <= LIMITS.tokens_per_day
        assert of_day.cost_usd <= LIMITS.cost_per_day + cents
        assert of_month.tokens <= LIMITS.tokens_per_month
        assert of_month.cost_usd <= LIMITS.cost_per_month + cents
    for usage in truth.reviews.values():
        assert usage.tokens <= LIMITS.tokens_per_review
        assert usage.cost_usd <= LIMITS.cost_per_review + cents


@given(stories)
def test_no_order_of_calls_retries_and_crashes_spends_more_than_allowed(story: Story) -> None:
    truth = Truth()
    with closing(copy_in_memory(Path("there is none"))) as db:
        virtual_time.run(live(db, story, truth), LATE)
    assert_within(truth)


# One thing at a time


def reserve(meter: Meter, page: str, most: Usage) -> int:
    return virtual_time.run(meter.reserve(spender(page), MODEL, most))


def at(day: int, month: int = 11) -> datetime:
    return datetime(2026, month, day, 12, tzinfo=UTC)


HALF = Usage(1, 40_000, 0, 5_000, 0.25)


def test_what_a_crash_leaves_reserved_counts_until_its_day_and_its_month_are_over(
    state: Database,
) -> None:
    limits = ROOMY.model_copy(update={"tokens_per_month": 140_000})
    for page in ("a", "b"):
        reserve(Meter(state, limits, lambda: at(20)), page, HALF)
    with pytest.raises(BudgetEmpty, match="tokens_per_day") as today:
        reserve(Meter(state, limits, lambda: at(20)), "c", HALF)
    assert today.value.until == datetime(2026, 11, 21, tzinfo=UTC)
    reserve(Meter(state, limits, lambda: at(21)), "c", replace(HALF, input_tokens=30_000))
    with pytest.raises(BudgetEmpty, match="tokens_per_month") as this_month:
        reserve(Meter(state, limits, lambda: at(21)), "d", HALF)
    assert this_month.value.until == datetime(2026, 12, 1, tzinfo=UTC)
    assert reserve(Meter(state, limits, lambda: at(1, month=12)), "d", HALF)


def test_a_page_that_has_spent_its_share_leaves_the_rest_to_others(state: Database) -> None:
    meter = Meter(state, ROOMY, lambda: at(20))
    meter.settle(reserve(meter, "a", HALF), HALF)
    with pytest.raises(PageSpent, match=r"tokens_per_page: 45000 of 60000") as spent:
        reserve(meter, "a", HALF)
    assert spent.value.until == datetime(2026, 11, 21, tzinfo=UTC)
    assert reserve(meter, "b", HALF)


def test_a_request_waits_for_others_under_way_rather_than_give_up(state: Database) -> None:
    async def story() -> list[str]:
        meter, told = Meter(state, ROOMY, virtual_time.now), []

        async def one(page: str, really: Usage) -> None:
            number = await meter.reserve(spender(page), MODEL, HALF)
            told.append(f"{page} sent")
            await asyncio.sleep(10)
            meter.settle(number, really)

        little = Usage(1, 100, 0, 10, 0.001)
        await asyncio.gather(*(one(page, little) for page in "abc"))
        return told

    assert virtual_time.run(story()) == ["a sent", "b sent", "c sent"]
    assert reviews.spent(state, virtual_time.START.date()) == Usage(3, 300, 0, 30, 0.003)


def test_an_answer_that_tells_no_usage_counts_at_worst(state: Database) -> None:
    async def story() -> Usage:
        bill = ConversationCost(Meter(state, ROOMY, lambda: at(20)), ACCESS, spender("a"))
        reservation = await bill.reserve(MODEL, 1_000, 500)
        reservation.settle(Tokens())
        return bill.total

    assert virtual_time.run(story()) == worst_case(MODEL, 1_000, 500, ACCESS)


@given(st.integers(0, 300_000), st.integers(0, 200_000), st.floats(0, 1), st.floats(0, 1))
def test_no_way_to_use_a_cache_costs_more_than_the_worst(
    size: int, output: int, read: float, written: float
) -> None:
    name = "anthropic:claude-haiku-5-5"  # dearer above 100,000 tokens
    most = worst_case(name, size, output, ModelAccess())
    fresh = most.input_tokens
    tokens = Tokens(fresh, int(fresh * read * (1 - written)), int(fresh * written * read), output)
    from daemon.review.models.cost import cost

    assert cost(name, tokens, ModelAccess()) <= most.cost_usd + 1e-9
