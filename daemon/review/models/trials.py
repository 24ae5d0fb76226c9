"""Whether a failure is one page's or everyone's: what a tiny request of our own meets shows it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from math import inf

from daemon.domain.errors import (
    ConfigError,
    PageRejected,
    PageTooLarge,
    ReviewError,
    TokenRefused,
    Unavailable,
)
from daemon.review.agent import ModelInput, ReviewLimits, ToolSpec, Turn, TurnEnding
from daemon.review.models.answers import Lesson
from daemon.review.models.failures import Down, Rejected, TooLong, Unfit, WindowTooSmall


TRIAL_SECONDS = 30.0  # how long a tiny request may take; a server that loads its model is slow
PING = ModelInput(
    "Answer with tool calls alone.",
    "Call `count` with number 1 and, in the same turn, with number 2.",
    key="ping",
)
PING_TOOL = ToolSpec(
    "count",
    "Counts.",
    {
        "type": "object",
        "properties": {"number": {"type": "integer"}},
        "required": ["number"],
        "additionalProperties": False,
    },
)
PING_LIMITS = ReviewLimits(rounds=1, seconds=TRIAL_SECONDS, output_tokens=128)


class Trials:
    """What the models of one sweep answered, and what tiny requests met.

    Args:
        ask: Sends a tiny request to a model.
        monotonic: A clock in seconds that only goes forward.
    """

    def __init__(
        self, ask: Callable[[str], Awaitable[Turn]], monotonic: Callable[[], float]
    ) -> None:
        self._ask = ask
        self._monotonic = monotonic
        self._began = monotonic()
        self._answered: dict[str, float] = {}
        self._tried: dict[str, tuple[float, Exception | None]] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def begin(self) -> None:
        """Begin a sweep: what was seen before it shows nothing."""
        self._began = self._monotonic()

    def answered(self, name: str) -> None:
        """Note that a model answered a request."""
        self._answered[name] = self._monotonic()

    async def judged(self, name: str, failure: Rejected, seconds: float) -> Exception:
        """Return what a rejected request means: the page's fault, the configuration's, an outage.

        A model that answered in this sweep, or answers a tiny request of our own, is in order.
        """
        met = await self._trial(name, self._began, seconds)
        if met is None:
            return Unfit(f"it refuses this document ({failure})")
        return met if isinstance(met, Down) else failure.mistake

    async def _trial(self, name: str, since: float, seconds: float) -> Exception | None:
        """Return what a tiny request meets, None where the model answers.

        Nothing is sent where the model answered anybody since then, or was tried since then.
        """
        async with self._locks[name]:
            if self._answered.get(name, -inf) >= since:
                return None
            at, met = self._tried.get(name, (-inf, None))
            if at < since:
                met = await self._met(name, min(seconds, TRIAL_SECONDS))
                self._tried[name] = self._monotonic(), met
            return met

    async def _met(self, name: str, seconds: float) -> Exception | None:
        try:
            async with asyncio.timeout(seconds):
                await self._ask(name)
        except TimeoutError:
            return Down(f"no answer to a tiny request within {seconds:g} s")
        except (TooLong, Unfit):
            return None
        except (Down, Rejected, TokenRefused, ConfigError) as failure:
            return failure
        return None

    async def ending(self, failed: Mapping[str, Exception], seconds: float) -> ReviewError:
        """Return the error for a page that no model reviewed: its own, or one of all pages."""
        why = "; ".join(
            str(one) if isinstance(one, ReviewError) else f"{name}: {one}"
            for name, one in failed.items()
        )
        if failed and all(isinstance(one, WindowTooSmall) for one in failed.values()):
            return PageTooLarge(f"no model can take this page: {why}")
        outages = {name: one for name, one in failed.items() if isinstance(one, Down)}
        alive = any(isinstance(one, Unfit) for one in failed.values())
        for name, outage in outages.items():
            if not alive and not outage.for_all:
                alive = await self._trial(name, outage.since, seconds) is None
        if alive:
            return PageRejected(f"no model could review this page: {why}; it is tried again later")
        faults = [one for one in failed.values() if isinstance(one, ReviewError)]
        if faults and not outages:
            return faults[0]
        return Unavailable(f"no model could review: {why}; it is tried again later")


def abilities(turn: Turn, lessons: Iterable[Lesson], window: int | None) -> Iterator[str]:
    """Yield what a server showed that it can, or cannot, in words."""
    calls = [call for call in turn.calls if not call.problem]
    if turn.written:
        yield "calls come as text: turn on the tool calls of the server"
    elif len(calls) > 1:
        yield "tools, several calls in a turn"
    elif calls:
        yield "tools, one call in a turn"
    elif turn.ending is TurnEnding.CUT:
        yield "it thinks longer than this question allows, so its tools were not seen"
    else:
        yield "it made no call when it was asked for one: it may not use tools"
    refused = [one.name for one in lessons if one.most is None]
    if refused:
        yield f"does not take {', '.join(refused)}"
    if window:
        yield f"a window of {window} tokens"
