"""Signals, heard in a thread of its own: also while the main thread is stuck in a call."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from threading import Thread, Timer
from typing import Any, TypeVar

from daemon.domain.errors import ReviewError


T = TypeVar("T")

STOPPING = (signal.SIGTERM, signal.SIGINT)
KILLED = 128  # plus the signal's number: what a shell reports for a process that one ended
# What an interrupted run may still do in an orderly way; the state is safe at every moment.
GRACE_SECONDS = 2.0
_END = b"\0"


class Interrupted(ReviewError):
    """A person or the system ended the run."""

    def __init__(self, number: int) -> None:
        super().__init__("interrupted; what is not posted yet waits for the next sweep")
        self.exit_code = KILLED + number


@contextmanager
def heard(numbers: Iterable[int], act: Callable[[int], None]) -> Iterator[None]:
    """Call `act` with the number of each signal that comes while the block runs.

    Only in the main thread. Handlers of Python run between two of its instructions, which a stuck
    call never reaches; the wake-up pipe is written at once. Children inherit nothing of it.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = {number: signal.signal(number, _nothing) for number in numbers}
    before_pipe = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    thread = Thread(target=_listen, args=(reading, set(before), act), name="signals", daemon=True)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before_pipe)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.write(writing, _END)
        thread.join()
        os.close(reading)
        os.close(writing)


@contextmanager
def raised() -> Iterator[None]:
    """Let Ctrl-C raise KeyboardInterrupt while the block runs: a prompt then mends its terminal."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _nothing(_: int, __: object) -> None:
    """Stand in for the default action, which would end the process."""


def _listen(reading: int, numbers: set[int], act: Callable[[int], None]) -> None:
    while (byte := os.read(reading, 1)) != _END:
        if byte[0] in numbers:
            act(byte[0])


def until_signal(doing: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, or until a signal cancels it.

    Raises:
        Interrupted: A signal came. A second one, or two seconds, end the process as it stands.
    """
    came: list[int] = []
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        task = loop.create_task(doing)

        def stop(number: int) -> None:
            if came:
                end_now(KILLED + number)
            came.append(number)
            end_later(GRACE_SECONDS, KILLED + number)
            loop.call_soon_threadsafe(task.cancel)

        with heard(STOPPING, stop):
            try:
                return loop.run_until_complete(task)
            except asyncio.CancelledError:
                if came:
                    raise Interrupted(came[0]) from None
                raise


def end_later(seconds: float, code: int) -> None:
    """End the process after a while, whatever it does then."""
    timer = Timer(seconds, end_now, (code,))
    timer.daemon = True
    timer.start()


def end_now(code: int) -> None:
    """End the process as it stands: no cleaning up that could wait for anything."""
    os._exit(code)
