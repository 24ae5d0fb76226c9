"""The part of a block that is enough, where it is there for what stands near it. Pure."""

from __future__ import annotations


# Of a longer old text only what differs is shown, with so many characters around it.
WAS_WHOLE, WAS_AROUND = 120, 30
# Of a block that only stands beside another that changed.
BESIDE_CHARS = 80


def beginning(line: str) -> str:
    """Return the first words of a line, with a mark where there are more."""
    return line if len(line) <= BESIDE_CHARS else f"{line[:BESIDE_CHARS].rstrip()} …"


def differing(old: str, now: str) -> str:
    """Return the part of a long old text that is another now, with some words around it."""
    if len(old) <= WAS_WHOLE:
        return old
    begin = _shared(old, now)
    end = _shared(old[begin:][::-1], now[begin:][::-1])
    first = old.rfind(" ", 0, max(begin - WAS_AROUND, 0)) + 1
    last = old.find(" ", len(old) - end + WAS_AROUND)
    part = old[first:] if last < 0 else f"{old[first:last]} …"
    return f"… {part}" if first else part


def _shared(one: str, other: str) -> int:
    """Return how many characters two texts begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))
