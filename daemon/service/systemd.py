"""What a service says to systemd, and a detector of sweeps that make no progress.

https://www.freedesktop.org/software/systemd/man/sd_notify.html
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.domain.errors import ReviewError


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
