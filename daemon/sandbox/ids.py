"""Ids as Notion writes them, from a seed, so that two runs make the same world."""

from __future__ import annotations

import random
import re
from urllib.parse import quote
from uuid import UUID, uuid4


# Notion refuses a string of the right length that is no RFC 9562 id (recorded, June 2026).
_UUID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    r"|00000000-0000-0000-0000-000000000000"
)
_PROPERTY_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_~;:?^}{@<]|`"


class Ids:
    """Makes ids, tokens and property ids. The same seed makes the same ids in the same order."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - ids of an invented world, no secrets

    def __call__(self) -> str:
        """Make an id with dashes."""
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def token(self) -> str:
        """Make a token of a bot."""
        return f"ntn_sandbox{self._random.getrandbits(160):040x}"

    def property(self) -> str:
        """Make a property id: four characters, percent-encoded as in every answer."""
        return quote("".join(self._random.choices(_PROPERTY_LETTERS, k=4)), safe="~")

    def refresh(self) -> None:
        """Go on with ids that no other run has made."""
        self._random = random.Random(uuid4().int)  # noqa: S311 - as above


def dashed(text: str) -> str | None:
    """Write an id, given with or without dashes, with dashes; None where it is none."""
    bare = text.replace("-", "").lower()
    if not re.fullmatch(r"[0-9a-f]{32}", bare):
        return None
    found = str(UUID(bare))
    return found if _UUID.fullmatch(found) else None


def bare(object_id: str) -> str:
    """Write an id without dashes, as addresses carry it."""
    return object_id.replace("-", "")
