from __future__ import annotations

import asyncio
from collections import deque

from daemon.domain.errors import Unavailable


# Notion counts in fixed windows of 60 s whose start we do not know. At most N requests in any
# 60 s also means at most N in each of its windows; a leaky bucket would let a full burst and a
# minute's refill fall into one window. https://developers.notion.com/reference/request-limits
WINDOW_SECONDS = 60.0
# A request is counted when it arrives, not when it is sent.
MARGIN_SECONDS = 1.0


class Limiter:
    """Lets at most `per_minute` requests start in any minute, in the order in which they came.

    Args:
        per_minute: How many.
        patience: The longest pause, in seconds, that a request waits for.
    """

    def __init__(self, per_minute: int, patience: float) -> None:
        self._starts: deque[float] = deque(maxlen=per_minute)
        self._patience = patience
        self._resume_at = 0.0
        self._turn = asyncio.Lock()

    async def turn(self) -> None:
        """Wait until one more request may start, and count it.

        Raises:
            Unavailable: The server asked for a pause that is longer than our patience.
        """
        async with self._turn:
            while (wait := self._wait()) > 0:  # noqa: ASYNC110 - `pause` may lengthen the wait
                await asyncio.sleep(wait)
            self._starts.append(_now())

    def pause(self, seconds: float) -> None:
        """Hold every request back: the server asked for it."""
        self._resume_at = max(self._resume_at, _now() + seconds)

    def _wait(self) -> float:
        pause = self._resume_at - _now()
        if pause > self._patience:
            raise Unavailable(f"Notion asks for {pause:.0f} seconds without requests; try later")
        if len(self._starts) < (self._starts.maxlen or 0):
            return pause
        return max(pause, self._starts[0] + WINDOW_SECONDS + MARGIN_SECONDS - _now())


def _now() -> float:
    return asyncio.get_running_loop().time()
