"""A sweep that does nothing any more: how long it has been still, and where it waits."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from daemon.domain.errors import ReviewError


FRAMES = 8


class Hung(ReviewError):
    """A sweep does nothing any more; a new process does better."""

    exit_code = 1


class Watch:
    """Looks at a sweep from time to time: for how long has it shown nothing new?"""

    def __init__(self, progress: object) -> None:
        self._seen = progress
        self._since = asyncio.get_running_loop().time()

    def still(self, progress: object) -> float:
        """Return for how many seconds `progress` has been the same."""
        now = asyncio.get_running_loop().time()
        if progress != self._seen:
            self._seen, self._since = progress, now
        return now - self._since


def stacks() -> list[str]:
    """Say where every task waits: a thread's stack would show the event loop alone."""
    return [f"{task.get_name()}: {' > '.join(_waits(task))}" for task in asyncio.all_tasks()]


def _waits(task: asyncio.Task[Any]) -> list[str]:
    """Follow what a task awaits, down to what does not return."""
    places: list[str] = []
    inner: Any = task.get_coro()
    while (frame := getattr(inner, "cr_frame", None)) is not None:
        places.append(f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}")
        inner = getattr(inner, "cr_await", None)
    return places[-FRAMES:]
