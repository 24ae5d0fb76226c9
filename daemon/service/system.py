"""What a process hears from the system, and what a service says to systemd.

Signals are heard in a thread of its own: also while the main thread is stuck in a call. What is
said: https://www.freedesktop.org/software/systemd/man/sd_notify.html
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
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

    def __init__(self, number: int, words: str = "interrupted") -> None:
        super().__init__(words)
        self.number = number
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
    show_cursor()
    os._exit(code)


def show_cursor() -> None:
    """Show the cursor of the terminal again, which a live line hides.

    https://invisible-island.net/xterm/ctlseqs/ctlseqs.html (DECTCEM)
    """
    for stream in (1, 2):
        if os.isatty(stream):
            with suppress(OSError):
                os.write(stream, b"\x1b[?25h")


MICROSECONDS = 1_000_000
LONGEST_STATUS = 200


@dataclass(frozen=True, slots=True)
class Systemd:
    """The connection to the service manager; without an address every message is dropped.

    Attributes:
        address: The socket, "" where nobody listens.
        watchdog_seconds: How long it waits for a sign of life, 0 where it does not.
    """

    address: str = ""
    watchdog_seconds: float = 0

    @classmethod
    def of(cls, env: Mapping[str, str], pid: int) -> Systemd:
        """Read what systemd passed to this process."""
        usec = env.get("WATCHDOG_USEC", "")
        ours = env.get("WATCHDOG_PID", str(pid)) == str(pid)
        seconds = int(usec) / MICROSECONDS if ours and usec.isascii() and usec.isdigit() else 0
        return cls(env.get("NOTIFY_SOCKET", ""), seconds)

    def ready(self) -> None:
        """Say that work can begin, or goes on after a reload."""
        self._send("READY=1")

    def reloading(self) -> None:
        """Say that the configuration is being read again."""
        usec = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send(f"RELOADING=1\nMONOTONIC_USEC={usec}")

    def stopping(self) -> None:
        """Say that the end has begun."""
        self._send("STOPPING=1")

    def alive(self) -> None:
        """Give the watchdog its sign of life."""
        if self.watchdog_seconds:
            self._send("WATCHDOG=1")

    def status(self, words: str) -> None:
        """Show one line in `systemctl status`."""
        self._send("STATUS=" + " ".join(words.split())[:LONGEST_STATUS])

    def _send(self, words: str) -> None:
        if not self.address:
            return
        # An address that begins with @ is in the abstract namespace.
        place = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        # A service manager that does not listen must not stop the service.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.sendto(words.encode(), place)


FRAMES = 8


class Hung(ReviewError):
    """A sweep makes no progress; the process ends, so that systemd starts a new one."""

    exit_code = 1


class StallDetector:
    """Measures for how long a sweep has made no progress."""

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
