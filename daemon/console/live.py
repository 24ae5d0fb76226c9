"""Tells open pages that the state changed, as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path


LOOK_SECONDS = 0.4
# A proxy, such as an SSH tunnel's, and the browser see that the line is alive.
BEAT_SECONDS = 15.0
_RETRY = b"retry: 2000\n\n"
_BEAT = b": \n\n"

Stamp = tuple[tuple[int, int], ...]


def stamp(state: Path) -> Stamp:
    """Return what changes whenever something is committed to the state.

    The write-ahead log grows, or is written over, with every commit; looking at the files opens
    nothing, so it works also while there is no state yet.
    """
    files = (state, state.with_name(state.name + "-wal"))
    return tuple(_mark(path) for path in files)


def _mark(path: Path) -> tuple[int, int]:
    try:
        about = path.stat()
    except OSError:
        return 0, 0
    return about.st_mtime_ns, about.st_size


async def changes(state: Path, is_ending: Callable[[], bool]) -> AsyncIterator[bytes]:
    """Yield an event each time the state changed, until the server ends."""
    yield _RETRY
    last, quiet = stamp(state), 0.0
    while not is_ending():
        await asyncio.sleep(LOOK_SECONDS)
        seen, quiet = stamp(state), quiet + LOOK_SECONDS
        if seen != last:
            last, quiet = seen, 0.0
            yield b"event: changed\ndata: state\n\n"
        elif quiet >= BEAT_SECONDS:
            quiet = 0.0
            yield _BEAT
