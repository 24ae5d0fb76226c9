from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable


# Notion counts in fixed windows of 60 s whose start we do not know. At most N requests in any
# 60 s also means at most N in each of its windows; a leaky bucket would let a full burst and a
# minute's refill fall into one window. https://developers.notion.com/reference/request-limits
WINDOW_SECONDS = 60.0
# A request is counted when it arrives, not when it is sent.
MARGIN_SECONDS = 1.0


class Limiter:
    """Lets at most `per_minute` requests start in any minute, in the order in which they came."""

    def __init__(self, per_minute: int, clock: Callable[[], float] | None = None) -> None:
        self._clock = clock
        self._starts: deque[float] = deque(maxlen=per_minute)
        self._resume_at = 0.0
        self._turn = asyncio.Lock()

    async def turn(self) -> None:
        """Wait until one more request may start, and count it."""
        async with self._turn:
            while (wait := self._wait()) > 0:  # noqa: ASYNC110 - `pause` may lengthen the wait
                await asyncio.sleep(wait)
            self._starts.append(self._now())

    def pause(self, seconds: float) -> None:
        """Hold every request back: the server asked for it."""
        self._resume_at = max(self._resume_at, self._now() + seconds)

    def _wait(self) -> float:
        earliest = self._resume_at
        if len(self._starts) == self._starts.maxlen:
            earliest = max(earliest, self._starts[0] + WINDOW_SECONDS + MARGIN_SECONDS)
        return earliest - self._now()

    def _now(self) -> float:
        return self._clock() if self._clock else asyncio.get_running_loop().time()
