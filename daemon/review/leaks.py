"""Whether a text tells a configured secret, or the instructions, plainly or in an encoding.

Texts are compared by their letters and digits alone, so that spaces, marks and capitals between
them hide nothing.
"""

from __future__ import annotations

import base64
import codecs
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache


# Letters and digits in a row that give a secret away. A key that is made of words, such as
# `sk-no-key-required` for a server of one's own, is looked for as it is, and so is a short one.
SECRET_RUN, SECRET_DIGITS = 12, 4
SHORTEST_SECRET = 8
# A key in crumbs: pieces of so many characters, and the share of the key that they may tell.
CRUMB, MOST_TOLD = 5, 0.5
# The same for the instructions. Their sentences have 30 to 40 letters, the longest 100. Nobody
# needs a whole one of the built-in instructions; a rule of the prompt page may be quoted, and its
# neighbour with it.
BUILT_IN_RUN, PROMPT_RUN = 80, 160

_BETWEEN = re.compile(r"[\W_]+")
_BASE64_LETTERS, _BASE32_LETTERS, _HEX_LETTERS = 4 / 3, 8 / 5, 2.0


@dataclass(frozen=True, slots=True)
class Kept:
    """What a text may not tell: runs of at least so many letters of `text` are too much."""

    text: str
    run: int


@dataclass(frozen=True, slots=True)
class Guard:
    """What the texts of one review may not tell.

    Attributes:
        secrets: The configured keys.
        instructions: What the model works under.
        public: What people read anyway: words of it are no leak of the instructions.
    """

    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    instructions: tuple[Kept, ...] = ()
    public: str = field(default="", repr=False)

    def tells_secret(self, text: str) -> bool:
        """Tell whether a text holds a configured secret or a part that gives it away."""
        found = _squeezed(text)
        return any(
            secret in text or _is_given_away(secret, found)
            for secret in self.secrets
            if len(secret) >= SHORTEST_SECRET
        )

    def adds_up(self, texts: Iterable[str]) -> bool:
        """Tell whether texts tell a secret together, in pieces, whatever stands between."""
        found = _squeezed("\n".join(texts))
        return any(_told_share(secret, found) > MOST_TOLD for secret in self.secrets)

    def tells_instructions(self, text: str) -> bool:
        """Tell whether a text repeats a long run of the instructions that stands nowhere else."""
        found = _squeezed(text)
        runs = (run for kept in self.instructions for run in _runs(kept, found))
        # The page is taken apart only where there is something to look for in it.
        return any(run not in _squeezed(self.public) for run in runs)


NOTHING = Guard()


def _private(secret: str) -> str:
    """Return what nobody can know of a secret: of an address, what follows the host."""
    return secret.partition("://")[2].partition("/")[2] or secret


def _told_share(secret: str, text: str) -> float:
    """Return how much of a secret stands in a text in pieces."""
    private = _squeezed(_private(secret))
    if not _is_random(private):
        return 0
    told: set[int] = set()
    for at in range(len(private) - CRUMB + 1):
        if private[at : at + CRUMB] in text:
            told.update(range(at, at + CRUMB))
    return len(told) / len(private)


def _is_random(secret: str) -> bool:
    return len(secret) >= SECRET_RUN and sum(map(str.isdigit, secret)) >= SECRET_DIGITS


def _is_given_away(secret: str, text: str) -> bool:
    private = _private(secret)
    if not _is_random(_squeezed(private)):
        return False
    runs = _runs(Kept(private, SECRET_RUN), text)
    return any(any(map(str.isdigit, run)) for run in runs)


def _runs(kept: Kept, text: str) -> Iterator[str]:
    """Yield what a text shares with a form of `kept`, where it is long enough."""
    index = _index(kept)
    size = _block(kept.run)
    at = 0
    while at + size <= len(text):
        longest = at
        for form, place, limit in index.get(text[at : at + size], ()):
            begin, end = _extended(form, place, text, at, size)
            longest = max(longest, end)
            if end - begin >= limit:
                yield text[begin:end]
        # What was just compared to its end needs no second look.
        at = max(at + 1, longest - size + 1)


def _extended(form: str, place: int, text: str, at: int, size: int) -> tuple[int, int]:
    begin, end = at, at + size
    while begin and place and text[begin - 1] == form[place - 1]:
        begin, place = begin - 1, place - 1
    last = place + end - begin
    while end < len(text) and last < len(form) and text[end] == form[last]:
        end, last = end + 1, last + 1
    return begin, end


@lru_cache(maxsize=32)
def _index(kept: Kept) -> Mapping[str, list[tuple[str, int, int]]]:
    """Cut every form into blocks; a run of the limit's length holds at least one of them whole."""
    size = _block(kept.run)
    index: dict[str, list[tuple[str, int, int]]] = {}
    for form, growth in _forms(kept.text):
        # A key without letters enough is compared as it is, not by a part.
        if len(form) < kept.run:
            continue
        for place in range(0, len(form) - size + 1, size):
            entry = (form, place, int(kept.run * growth))
            index.setdefault(form[place : place + size], []).append(entry)
    return index


def _block(run: int) -> int:
    return max(run // 2, 1)


def _forms(text: str) -> Iterator[tuple[str, float]]:
    """Yield a text in each encoding that a model writes without tools, and by how much it grows."""
    plain = _squeezed(text)
    yield plain, 1
    yield plain[::-1], 1
    yield codecs.encode(plain, "rot13"), 1
    raw = text.encode()
    yield raw.hex(), _HEX_LETTERS
    # An encoding of a part begins at any byte, so at each alignment.
    for shift in range(3):
        yield _squeezed(base64.b64encode(raw[shift:]).decode()), _BASE64_LETTERS
    for shift in range(5):
        yield _squeezed(base64.b32encode(raw[shift:]).decode()), _BASE32_LETTERS


@lru_cache(maxsize=64)
def _squeezed(text: str) -> str:
    """Return the letters and digits of a text, folded."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    return _BETWEEN.sub("", folded)


def guard(secrets: Iterable[str], built_in: str, prompt: Iterable[str], public: str) -> Guard:
    """Return what guards a review under these instructions.

    Args:
        secrets: The configured keys.
        built_in: The program's own instructions.
        prompt: What the team asks: the prompt page, and the pages that it mentions.
        public: What people read on the page under review.
    """
    asked = tuple(Kept(text, PROMPT_RUN) for text in prompt if text)
    return Guard(frozenset(secrets), (Kept(built_in, BUILT_IN_RUN), *asked), public)
