"""Whether a text goes round in circles, as small models do when they lose the thread. Pure."""

from __future__ import annotations

import zlib


# What people write packs to a third of its size or more; the same sentence ten times, to a tenth.
LEAST_BYTES, PACKED = 300, 0.2


def goes_round(text: str) -> bool:
    """Tell whether a text says the same again and again."""
    said = text.encode(errors="replace")
    return len(said) >= LEAST_BYTES and len(zlib.compress(said, 9)) < PACKED * len(said)
