"""The chain of providers: attempts, fallback, and what it cost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from itertools import count
from threading import Thread
from typing import TYPE_CHECKING

import stamina

from daemon.domain.errors import ConfigError, ReviewError, TokenRefused, Unavailable
from daemon.domain.providers import OFFLINE, split
from daemon.domain.values import Outcome, Usage
from daemon.review.agent import (
    ContextWindow,
    Conversation,
    ModelInput,
    ReviewLimits,
    Talk,
    Toolbox,
    ToolResult,
    ToolSpec,
    Turn,
    converse,
    in_passes,
)
from daemon.review.models.access import TAPE, ModelAccess, taped
from daemon.review.models.answers import IMAGES
from daemon.review.models.cost import (
    NOBODY,
    ConversationCost,
    Overdrawn,
    Spender,
    SpendingLimiter,
)
from daemon.review.models.failures import (
    Down,
    Hiccup,
    Rejected,
    TooLong,
    Unfit,
    WindowTooSmall,
)
from daemon.review.models.trials import PING, PING_LIMITS, PING_TOOL, Trials, abilities


if TYPE_CHECKING:
    from daemon.review.models.endpoints import Endpoint
    from daemon.review.models.wire import Line


ATTEMPTS = 3
PATIENCE_SECONDS = 10.0  # no attempt at a request begins later than this after the first
BREAK_SECONDS = 300.0  # how long a provider that failed is left alone
SHRINKS = 4  # how often a document is cut down for a window before it counts as too long
WAIT_SECONDS = 0.5  # before the second attempt; twice that before the third
JITTER_SECONDS = 0.5
SMALL_TOKENS = 2_000  # fits into every window
CHARACTERS_PER_TOKEN = 4  # of English prose, roughly

Make = Callable[[ContextWindow | None], tuple[ModelInput, Toolbox]]


class Chain:
    """The providers, the next one where one fails. Holds clients and breakers in memory.

    Args:
        access: Keys, addresses, prices and windows.
        monotonic: A clock in seconds that only goes forward.
        spending_limiter: Asked before each request for what it may cost, and told what it did.

    Attributes:
        faults: The mistakes of the configuration that this sweep met, by the model's name.
    """

    def __init__(
        self,
        access: ModelAccess,
        *,
        monotonic: Callable[[], float],
        spending_limiter: SpendingLimiter,
    ) -> None:
        self._access = access
        self._monotonic = monotonic
        self._spending_limiter = spending_limiter
        self._endpoints: dict[str, Endpoint] = {}
        self._failed: dict[str, float] = {}
        self._learned: dict[str, int] = {}
        self._trials = Trials(self._ask_small, monotonic)
        self._imported: asyncio.Event | None = None
        self.faults: dict[str, ReviewError] = {}
        self._asked: set[str] = set()

    def begin_sweep(self) -> None:
        """Forget what the last sweep met at the providers; what they can and take is kept."""
        self._trials.begin()
        self.faults.clear()

    def warm(self, names: Sequence[str]) -> None:
        """Begin to import what the first of `names` needs, beside whatever else goes on.

        An SDK takes seconds of processor time; meanwhile the first page is read.
        """
        if self._imported is not None or not names or names[0] == OFFLINE:
            return
        self._imported, loop = asyncio.Event(), asyncio.get_running_loop()
        thread = Thread(
            target=_import_sdk,
            args=(names[0], loop, self._imported),
            name="import of an SDK",
            daemon=True,
        )
        thread.start()

    async def aclose(self) -> None:
        """Close every connection."""
        endpoints, self._endpoints = self._endpoints, {}
        for endpoint in endpoints.values():
            await endpoint.client.close()

    async def converse(
        self,
        names: Sequence[str],
        make: Make,
        offline: Callable[[Toolbox], None],
        limits: ReviewLimits,
    ) -> Conversation:
        """Hold one conversation with the first model that can hold it whole.

        Args:
            names: The models in order of preference, such as `anthropic:claude-sonnet-5-5`.
            make: Makes the input for a window (None: any size), and tools that nobody used yet.
            offline: Drives the tools without a model.
            limits: What the conversation may take.

        Raises:
            Unavailable: Every provider failed; names each and why.
            TokenRefused, ConfigError: Every model has a key that was refused, a name that is
                unknown, or no price.
            BudgetEmpty, PageSpent: A day, a month or the page has spent its limit.
            PageTooLarge: No provider can take the document, or the rest of the review's budget.
            PageRejected: A model answers, but not about this page.
        """
        bill = ConversationCost(self._spending_limiter, self._access, limits.spender)
        failed: dict[str, Exception] = {}
        for name in self._order(names):
            began = self._monotonic()
            try:
                conversation = await self._hold(name, make, offline, limits, bill)
            except (Unfit, Rejected, Down, TokenRefused, ConfigError) as failure:
                failed[name] = await self._judged(name, failure, began, limits.seconds)
            else:
                self._failed.pop(name, None)
                self.faults.pop(name, None)
                return conversation
        raise await self._trials.ending(failed, limits.seconds)

    def bill(self, spender: Spender, spent: Usage) -> ConversationCost:
        """Return the account of a review that has `spent` something."""
        return ConversationCost(self._spending_limiter, self._access, spender, spent)

    async def ask_one(
        self, name: str, make: Make, limits: ReviewLimits, bill: ConversationCost
    ) -> Conversation:
        """Hold a conversation with one model; whatever comes of it, nobody remembers.

        Raises:
            Unavailable: It did not answer, or not as it should; the message says why.
            TokenRefused, ConfigError, BudgetEmpty, PageSpent: As for `converse`.
        """
        try:
            return await self._hold(name, make, lambda _: None, limits, bill)
        except (Down, Rejected, Unfit) as failure:
            raise Unavailable(str(failure)) from None

    async def ping(self, name: str) -> str:
        """Ask the model `name` for two calls; return "ok", the time it took, and what it can.

        Raises:
            Unavailable: It did not answer; the message says why.
            TokenRefused, ConfigError, BudgetEmpty: As for `converse`.
        """
        if name == OFFLINE:
            return "rules alone, no model"
        began = self._monotonic()
        try:
            turn = await self._ask_small(name)
        except Rejected as failure:
            raise failure.mistake from None
        except (Down, TooLong, Unfit) as failure:
            raise Unavailable(f"{name}: {failure}") from None
        seconds = f"{self._monotonic() - began:.1f} s"
        window = self._learned.get(name) or self._access.windows.get(name)
        shown = abilities(turn, self._endpoint(name).lessons, window)
        return f"ok ({'; '.join((seconds, *shown))})"

    async def _ask_small(self, name: str) -> Turn:
        """Send a tiny request of our own, once, and return the model's turn."""
        line = self._line(name, PING, (PING_TOOL,), PING_LIMITS)
        bill = ConversationCost(self._spending_limiter, self._access, NOBODY)
        tape = TAPE.get()
        with taped(tape.aside() if tape else None):
            turn = await self._once(line, bill)
        self._trials.answered(name)
        return turn

    async def _judged(
        self, name: str, failure: Exception, began: float, seconds: float
    ) -> Exception:
        """Return what a failure means; a model that fails for all pages is left alone a while."""
        if isinstance(failure, Rejected):
            failure = await self._trials.judged(name, failure, seconds)
        if isinstance(failure, Down):
            failure.since = failure.since or began
        if isinstance(failure, ReviewError):
            self.faults[name] = failure
        if not isinstance(failure, Unfit):
            self._failed[name] = self._monotonic()
        return failure

    def _order(self, names: Sequence[str]) -> list[str]:
        """Return `names` with those that failed a moment ago last, as a resort."""
        now = self._monotonic()
        broken = {
            name for name in names if now - self._failed.get(name, -BREAK_SECONDS) < BREAK_SECONDS
        }
        order = sorted(names, key=broken.__contains__)
        if tape := TAPE.get():
            tape.order, tape.urls = tuple(order), self._access.urls
        return order

    async def _hold(
        self,
        name: str,
        make: Make,
        offline: Callable[[Toolbox], None],
        limits: ReviewLimits,
        bill: ConversationCost,
    ) -> Conversation:
        """Hold the conversation with one model, with less of the document where it must be."""
        if name == OFFLINE:
            _, tools = make(None)
            offline(tools)
            outcome = Outcome.DONE if tools.finished else Outcome.NOTHING_TO_ADD
            return Conversation(outcome, "", OFFLINE, bill.total, tools)
        if self._imported is not None:
            # Two threads in the midst of one import may get half of a module.
            await self._imported.wait()
        window, spent = await self._window(name, make), ""
        room = _within(limits, window)
        for _ in range(SHRINKS + 1):
            try:
                brief, tools = make(window)
                talk = self._talk(name, tools, bill)
                outcome, text, omitted = await in_passes(brief, talk, room, self._monotonic)
            except WindowTooSmall as error:
                raise WindowTooSmall(spent or str(error)) from None
            except TooLong as error:
                window = self._smaller(name, window, _estimate(brief, tools), error.tokens)
                room = _within(limits, window)
            except Overdrawn as error:
                # The budget may cover a smaller document; the answer keeps its room.
                window, spent = self._smaller(name, window, _estimate(brief, tools)), str(error)
            else:
                blind = any(one.name == IMAGES for one in self._endpoint(name).lessons)
                return Conversation(outcome, text, name, bill.total, tools, omitted, blind)
        raise WindowTooSmall(spent or "the document does not fit into its window")

    def _talk(self, name: str, tools: Toolbox, bill: ConversationCost) -> Talk:
        async def talk(brief: ModelInput, limits: ReviewLimits) -> tuple[Outcome, str]:
            line = self._line(name, brief, tools.specs, limits)

            async def ask(answers: Sequence[ToolResult]) -> Turn:
                line.answer(answers)
                return await self._attempts(line, bill)

            return await converse(tools, ask, limits)

        return talk

    def _line(
        self, name: str, brief: ModelInput, specs: Sequence[ToolSpec], limits: ReviewLimits
    ) -> Line:
        from daemon.review.models import wire

        return wire.Line(self._endpoint(name), brief, specs, limits)

    def _endpoint(self, name: str) -> Endpoint:
        from daemon.review.models import endpoints

        if name not in self._endpoints:
            self._endpoints[name] = endpoints.endpoint(name, self._access)
        return self._endpoints[name]

    async def _attempts(self, line: Line, bill: ConversationCost) -> Turn:
        """Send what `line` holds, again while that may help.

        No attempt begins later than ten seconds after the first: by then the next provider is the
        better choice.

        Raises:
            Down: It failed; `since` says when the attempts began.
        """
        began = self._monotonic()
        try:
            turn = await self._tries(line, bill)
        except Down as failure:
            failure.since = began
            raise
        self._trials.answered(line.name)
        return turn

    async def _tries(self, line: Line, bill: ConversationCost) -> Turn:
        async for attempt in stamina.retry_context(
            on=_patience(self._monotonic),
            attempts=ATTEMPTS,
            timeout=None,
            wait_initial=WAIT_SECONDS,
            wait_jitter=JITTER_SECONDS,
        ):
            with attempt:
                return await self._once(line, bill)
        raise AssertionError("an attempt returns or raises")

    @staticmethod
    async def _once(line: Line, bill: ConversationCost) -> Turn:
        reservation = await bill.reserve(line.name, line.wire_bytes, line.output_tokens)
        with closing(reservation):
            return await line.send(reservation)

    async def _window(self, name: str, make: Make) -> ContextWindow | None:
        """Return the model's window where it is known; some servers are asked for it, once.

        Raises:
            ConfigError: The model is unknown or has no price.
        """
        from daemon.review.models import endpoints

        at, tape = self._endpoint(name), TAPE.get()
        told = self._learned.get(name) or self._access.windows.get(name)
        known = name in self._asked or told is not None
        if tape and told:
            tape.windows[name] = told
        if at.lists_window and not known and _estimate(*make(None)) >= SMALL_TOKENS:
            self._asked.add(name)
            if listed := await endpoints.ask_window(at, split(name)[1]):
                self._learned.setdefault(name, listed)
        tokens = self._learned.get(name) or self._access.windows.get(name)
        return ContextWindow(tokens) if tokens else None

    def _smaller(
        self, name: str, window: ContextWindow | None, size: int, told: int | None = None
    ) -> ContextWindow:
        """Return a window for less than a prompt of `size` tokens; keeps the one it was `told`."""
        if told and (window is None or told < window.tokens):
            self._learned[name] = told
            return ContextWindow(told)
        return ContextWindow(min(size, window.tokens // 2) if window else size)


def _import_sdk(name: str, loop: asyncio.AbstractEventLoop, imported: asyncio.Event) -> None:
    """Import what asking a model takes; what is wrong there shows when it is asked."""
    with suppress(Exception):
        from daemon.review.models import endpoints, wire  # noqa: F401

        endpoints.load(split(name)[0])
    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(imported.set)


def _patience(monotonic: Callable[[], float]) -> Callable[[Exception], bool | float]:
    """Return the rule that says after a failure whether to try again, or after how many seconds."""
    began = monotonic()
    waits = (WAIT_SECONDS * 2**n + JITTER_SECONDS for n in count())

    def again(error: Exception) -> bool | float:
        longest = next(waits)
        if not isinstance(error, Hiccup):
            return False
        if monotonic() + max(error.after or 0, longest) > began + PATIENCE_SECONDS:
            return False
        return error.after or True

    return again


def _within(limits: ReviewLimits, window: ContextWindow | None) -> ReviewLimits:
    if window is None:
        return limits
    return replace(limits, output_tokens=min(limits.output_tokens, window.answer))


def _estimate(brief: ModelInput, tools: Toolbox) -> int:
    """Return about how many tokens `brief` takes, with the tools."""
    specs = "".join(f"{spec.name}{spec.description}{spec.parameters}" for spec in tools.specs)
    return len(brief.system + brief.opening + brief.document + specs) // CHARACTERS_PER_TOKEN
