"""Whether a text goes round in circles, as small models do when they lose the thread. Pure."""

from __future__ import annotations

import zlib


# What people write packs to a third of its size or more; the same sentence ten times, to a tenth.
PACKED = 0.2
# A shorter text is posted as it is, however it is written: no loop of a model ends so soon.
LEAST_CHARS = 12_000


def goes_round(text: str) -> bool:
    """Tell whether a text says the same again and again."""
    said = text.encode(errors="replace")
    return len(text) > LEAST_CHARS and len(zlib.compress(said, 9)) < PACKED * len(said)
