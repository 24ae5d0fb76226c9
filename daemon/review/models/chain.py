"""The chain of providers: attempts, fallback, and what it cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

import stamina

from daemon.domain.values import Outcome
from daemon.domain.errors import PageTooLarge, Unavailable
from daemon.review.models.access import OFFLINE, ModelAccess, split
from daemon.review.agent import (
    Answer,
    Brief,
    Conversation,
    Limits,
    Toolbox,
    ToolSpec,
    Turn,
    Window,
    converse,
)
from daemon.review.models.failures import Down, Flagged, Hiccup, TooLong, Unfit
from daemon.review.models.purse import NOBODY, Bill, Overdrawn, Purse


if TYPE_CHECKING:
    from daemon.review.models.endpoints import Endpoint
    from daemon.review.models.wire import Line


ATTEMPTS = 3
PATIENCE_SECONDS = 10.0  # no attempt at a request begins later than this after the first
BREAK_SECONDS = 300.0  # how long a provider that failed is left alone
SHRINKS = 4  # how often a document is cut down for a window before it counts as too long
WAIT_SECONDS = 0.5  # before the second attempt; twice that before the third
JITTER_SECONDS = 0.5
SMALL_TOKENS = 2_000  # fits into every window that is worth anything
CHARACTERS_PER_TOKEN = 4  # of English prose, roughly
PING = Brief("Answer in one word.", "Are you there?", key="ping")
PING_TOOL = ToolSpec(
    "finish",
    "Ends the conversation.",
    {"type": "object", "properties": {}, "required": [], "additionalProperties": False},
)
PING_TOKENS = 64

Make = Callable[[Window | None], tuple[Brief, Toolbox]]


class Chain:
    """The providers, the next one where one fails. Holds clients and breakers in memory.

    Args:
        access: Keys, addresses, prices and windows.
        monotonic: A clock in seconds that only goes forward.
        purse: Asked before each request for what it may cost, and told what it did.
    """

    def __init__(
        self,
        access: ModelAccess,
        *,
        monotonic: Callable[[], float],
        purse: Purse,
    ) -> None:
        self._access = access
        self._monotonic = monotonic
        self._purse = purse
        self._endpoints: dict[str, Endpoint] = {}
        self._failed: dict[str, float] = {}
        self._learned: dict[str, int] = {}
        self._asked: set[str] = set()

    def reset(self) -> None:
        """Forget which providers failed: the next request tries them in their order."""
        self._failed.clear()

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
        limits: Limits,
    ) -> Conversation:
        """Hold one conversation with the first model that can hold it whole.

        Args:
            names: The models in order of preference, such as `anthropic:claude-sonnet-5-5`.
            make: Makes the brief for a window (None: any size) and tools that accepted nothing.
                Called anew for every provider, and where the document does not fit.
            offline: Drives the tools without a model.
            limits: What the conversation may take.

        Raises:
            Unavailable: Every provider failed; names each and why.
            TokenRefused: A key was refused.
            ConfigError: A model that is not there or has no price.
            BudgetEmpty, PageSpent: The purse said no.
            PageTooLarge: No provider can take the document, or what is left of the budget.
        """
        bill = Bill(self._purse, self._access, limits.payer)
        reasons: list[str] = []
        unfit = 0
        for name in self._order(names):
            try:
                conversation = await self._hold(name, make, offline, limits, bill)
            except Unfit as failure:
                unfit += 1
                reasons.append(f"{name}: {failure}")
            except Down as failure:
                self._failed[name] = self._monotonic()
                reasons.append(f"{name}: {failure}")
            else:
                self._failed.pop(name, None)
                return conversation
        why = "; ".join(reasons)
        if unfit == len(reasons):
            raise PageTooLarge(f"no model can take this page: {why}")
        raise Unavailable(f"no model could review: {why}; it is tried again later")

    async def ping(self, name: str) -> str:
        """Ask the model `name` for a word, with a tool at hand; return "ok" and the time it took.

        Raises:
            Unavailable: It did not answer; the reason is said.
            TokenRefused, ConfigError, BudgetEmpty: As for `converse`.
        """
        if name == OFFLINE:
            return "ok (no model)"
        began = self._monotonic()
        line = self._line(name, PING, (PING_TOOL,), PING_TOKENS)
        try:
            await self._attempts(line, Bill(self._purse, self._access, NOBODY))
        except (Down, TooLong, Flagged) as failure:
            raise Unavailable(f"{name}: {failure}") from None
        return f"ok ({self._monotonic() - began:.1f} s)"

    def _order(self, names: Sequence[str]) -> list[str]:
        """Return `names` with those that failed a moment ago last, as a resort."""
        now = self._monotonic()
        broken = {
            name for name in names if now - self._failed.get(name, -BREAK_SECONDS) < BREAK_SECONDS
        }
        return sorted(names, key=broken.__contains__)

    async def _hold(
        self,
        name: str,
        make: Make,
        offline: Callable[[Toolbox], None],
        limits: Limits,
        bill: Bill,
    ) -> Conversation:
        """Hold the conversation with one model, with less of the document where it must be."""
        if name == OFFLINE:
            return _offline(make, offline, bill)
        await self._ask_window(name, make)
        window, why = self._window(name), "the document does not fit into its window"
        room = _within(limits, window)
        for _ in range(SHRINKS + 1):
            brief, tools = make(window)
            try:
                outcome, text = await self._talk(name, brief, tools, room, bill)
            except TooLong as error:
                window = self._smaller(name, window, _estimate(brief, tools), error.tokens)
                room = _within(limits, window)
            except Overdrawn as error:
                # A smaller document may be paid for; an answer takes no less room for that.
                window, why = self._smaller(name, window, _estimate(brief, tools)), str(error)
            else:
                return Conversation(outcome, text, name, bill.total, tools, brief.omitted)
        raise Unfit(why)

    async def _talk(
        self, name: str, brief: Brief, tools: Toolbox, limits: Limits, bill: Bill
    ) -> tuple[Outcome, str]:
        line = self._line(name, brief, tools.specs, limits.output_tokens)

        async def ask(answers: Sequence[Answer]) -> Turn:
            line.answer(answers)
            return await self._attempts(line, bill)

        try:
            return await converse(tools, ask, limits)
        except Flagged as reason:
            return Outcome.REFUSED, str(reason)

    def _line(self, name: str, brief: Brief, specs: Sequence[ToolSpec], room: int) -> Line:
        from daemon.review.models import wire

        return wire.Line(self._endpoint(name), brief, specs, room)

    def _endpoint(self, name: str) -> Endpoint:
        from daemon.review.models import endpoints as vendors

        if name not in self._endpoints:
            self._endpoints[name] = vendors.endpoint(name, self._access)
        return self._endpoints[name]

    async def _attempts(self, line: Line, bill: Bill) -> Turn:
        """Send what `line` holds, again while that may help.

        No attempt begins later than ten seconds after the first: who waits longer for one provider
        is better served by the next.
        """
        async for attempt in stamina.retry_context(
            on=_patience(self._monotonic),
            attempts=ATTEMPTS,
            timeout=None,
            wait_initial=WAIT_SECONDS,
            wait_jitter=JITTER_SECONDS,
        ):
            with attempt:
                charge = await bill.reserve(line.name, line.wire_bytes, line.output_tokens)
                with closing(charge):
                    return await line.send(charge)
        raise AssertionError("an attempt returns or raises")

    async def _ask_window(self, name: str, make: Make) -> None:
        """Learn the window of a model on a server of one's own, once, where it may matter.

        Raises:
            ConfigError: A model that is not there or has no price.
        """
        from daemon.review.models import windows

        at, vendor = self._endpoint(name), split(name)[0]
        known = name in self._asked or name in self._learned or name in self._access.windows
        if known or vendor.name != "openai" or not at.origin.own_server:
            return
        if _estimate(*make(None)) < SMALL_TOKENS:
            return
        self._asked.add(name)
        if tokens := await windows.asked(at, split(name)[1]):
            self._learned.setdefault(name, tokens)

    def _window(self, name: str) -> Window | None:
        tokens = self._learned.get(name) or self._access.windows.get(name)
        return Window(tokens) if tokens else None

    def _smaller(
        self, name: str, window: Window | None, size: int, told: int | None = None
    ) -> Window:
        """Return a window that asks for less than a prompt of `size`; keeps one that was `told`."""
        if told and (window is None or told < window.tokens):
            self._learned[name] = told
            return Window(told)
        return Window(min(size, window.tokens // 2) if window else size)


def _offline(make: Make, offline: Callable[[Toolbox], None], bill: Bill) -> Conversation:
    brief, tools = make(None)
    offline(tools)
    outcome = Outcome.DONE if tools.finished else Outcome.NOTHING_TO_ADD
    return Conversation(outcome, "", OFFLINE, bill.total, tools, brief.omitted)


def _patience(monotonic: Callable[[], float]) -> Callable[[Exception], bool | float]:
    """Return what decides, after each failure, whether to try again and after how many seconds."""
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


def _within(limits: Limits, window: Window | None) -> Limits:
    if window is None:
        return limits
    return replace(limits, output_tokens=min(limits.output_tokens, window.answer))


def _estimate(brief: Brief, tools: Toolbox) -> int:
    """Return about how many tokens `brief` takes, with the tools."""
    specs = "".join(f"{spec.name}{spec.description}{spec.parameters}" for spec in tools.specs)
    return len(brief.system + brief.document + specs) // CHARACTERS_PER_TOKEN
