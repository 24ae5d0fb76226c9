"""A virtual event loop whose time the wall clock of freezegun follows.

`suspend` moves the wall alone, as a machine that sleeps does: its timers stand still meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any, TypeVar
from unittest.mock import patch

import freezegun.api
from freezegun import freeze_time
from freezegun.api import FrozenDateTimeFactory

from daemon.sweep import recording
from support.virtual_time import Loop


T = TypeVar("T")


class WallLoop(Loop):
    """Moves the frozen clock on by what it jumps."""

    def __init__(self, start: datetime, wall: FrozenDateTimeFactory) -> None:
        super().__init__(start)
        self._wall = wall
        self._apart = timedelta()
        self._shown = start
        select = self._jumping.select

        def moving(timeout: float | None = None) -> Any:
            ready = select(timeout)
            self._follow()
            return ready

        self._jumping.select = moving  # type: ignore[method-assign]

    def suspend(self, by: timedelta) -> None:
        """Let the wall clock go on (or back) while the loop stands still."""
        self._apart += by
        self._follow()

    def _follow(self) -> None:
        # Always from the start: what is rounded off to microseconds must not add up.
        now = self.now() + self._apart
        if now != self._shown:  # most rounds of the loop take no time
            self._shown = now
            self._wall.move_to(now)


_faked = freezegun.api.datetime_to_fakedatetime


def _with_fold(real: datetime) -> datetime:
    """Keep what freezegun drops: which of autumn's two hours a time is in."""
    return _faked(real).replace(fold=real.fold)


def run(main: Coroutine[Any, Any, T], start: datetime) -> T:
    """Run a coroutine to its end in virtual time, on the wall too."""
    for make in (recording._sessions, recording._reviews):
        make()  # pydantic cannot while the clock is frozen
    keeping = patch.object(freezegun.api, "datetime_to_fakedatetime", _with_fold)
    with keeping, freeze_time(start) as wall:
        factory = lambda: WallLoop(start, wall)  # noqa: E731 - an argument
        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(main)


def suspend(by: timedelta) -> None:
    """Suspend the machine under the running loop."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, WallLoop):
        raise TypeError("this machine cannot be suspended")
    loop.suspend(by)
