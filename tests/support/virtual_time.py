"""An event loop whose time is virtual: when nothing is ready, it jumps to the next timer.

A run that would wait for hours ends in milliseconds, and every wait takes exactly as long as was
asked for. `loop.time()`, `asyncio.sleep`, `asyncio.timeout` and everything built on them live in
this time; `time.monotonic` and `datetime.now` do not. `Loop.now` gives the same time as a date,
for clocks that are passed in, such as the sandbox's.

    def test_something():
        async def go(): ...
        run(go())

Only for what happens inside the process: with a peer in another thread or process behind a real
socket, time would run away while that peer still thinks. Where no timer is left and nothing can
ever become ready, the loop raises `Stuck` instead of hanging.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar


T = TypeVar("T")

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
# A thread of an executor may still call back; nobody else can after that long.
THREAD_SECONDS = 5.0


class Stuck(RuntimeError):
    """Every task waits for something that nothing will bring about."""


class _Jumping(selectors.DefaultSelector):
    """Polls; what the loop would have waited is added to its time instead."""

    jumped = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            ready = super().select(THREAD_SECONDS)
            if not ready:
                raise Stuck("nothing is left to happen, and a task still waits")
            return ready
        self.jumped += max(timeout, 0)
        return ready


class Loop(asyncio.SelectorEventLoop):
    """A selector loop in virtual time that begins at 0, which is `start` as a date."""

    def __init__(self, start: datetime = START) -> None:
        self._jumping = _Jumping()
        self._start = start
        super().__init__(self._jumping)

    def time(self) -> float:
        """Give the seconds since the loop began."""
        return self._jumping.jumped

    def now(self) -> datetime:
        """Give the time as a date."""
        return self._start + timedelta(seconds=self.time())


def run(main: Coroutine[Any, Any, T], start: datetime = START) -> T:
    """Run a coroutine to its end in virtual time."""
    with asyncio.Runner(loop_factory=lambda: Loop(start)) as runner:
        return runner.run(main)


def now() -> datetime:
    """Give the running loop's time as a date."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, Loop):
        raise TypeError("this code runs in real time")
    return loop.now()
