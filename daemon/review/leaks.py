"""Whether a text reveals a secret, the instructions, or too much of background pages.

A secret and the instructions are found plainly or encoded.

Texts are compared by their letters and digits alone, so spaces, marks and capitals hide nothing.
"""

from __future__ import annotations

import base64
import codecs
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache


# This many letters and digits of a secret in a row reveal it. A key made of words, such as
# `sk-no-key-required` for a local server, or a short key is only searched for whole.
SECRET_RUN, SECRET_DIGITS = 12, 4
SHORTEST_SECRET = 8
# Length of the fragments of a key that are searched for, and the share of it that they may reveal.
FRAGMENT_CHARS, MOST_REVEALED = 5, 0.5
# The same for the instructions, whose sentences have 30 to 40 letters, the longest 100. No comment
# needs a whole built-in sentence; one or two rules of the prompt page may be quoted.
BUILT_IN_RUN, PROMPT_RUN = 80, 160

# So many letters and digits in a row are taken from a background page. All that is said on a page
# may hold so many of them, and so many figures that stand nowhere else: not everybody who reads the
# document may read those pages.
PIECE_CHARS, BACKGROUND_CHARS, BACKGROUND_FIGURES = 16, 160, 5

_FIGURE = re.compile(r"\w*\d[\w.,:/%-]*")
_BETWEEN = re.compile(r"[\W_]+")
_BASE64_LETTERS, _BASE32_LETTERS, _HEX_LETTERS = 4 / 3, 8 / 5, 2.0


@dataclass(frozen=True, slots=True)
class ProtectedText:
    """A text of which no `run` letters and digits in a row may be revealed."""

    text: str
    run: int


@dataclass(frozen=True, slots=True)
class LeakGuard:
    """Recognises leaks in the texts of one review.

    Attributes:
        secrets: The configured keys.
        instructions: The model's instructions and prompt page.
        public: The text of the page: words of it are no leak of the instructions.
        background: The pages that the prompt page mentions.
        known: What of them may be told: the page and the prompt page.
        told: What was said on the page before.
    """

    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    instructions: tuple[ProtectedText, ...] = ()
    public: str = field(default="", repr=False)
    background: tuple[str, ...] = field(default=(), repr=False)
    known: str = field(default="", repr=False)
    told: tuple[str, ...] = field(default=(), repr=False)

    def reveals_secret(self, text: str) -> bool:
        """Return whether a text has a configured secret, or a part that reveals it."""
        found = _squeezed(text)
        for secret in self.secrets:
            if len(secret) >= SHORTEST_SECRET and secret in text:
                return True
            private = _private(secret)
            if not _is_random(_squeezed(private)):
                continue
            # A run without a digit may be a word.
            runs = _runs(ProtectedText(private, SECRET_RUN), found)
            if any(any(map(str.isdigit, run)) for run in runs):
                return True
        return False

    def reveal_secret_together(self, texts: Iterable[str]) -> bool:
        """Return whether texts together reveal a secret in fragments."""
        found = _squeezed("\n".join(texts))
        for secret in self.secrets:
            private = _squeezed(_private(secret))
            if not _is_random(private):
                continue
            revealed: set[int] = set()
            for at in range(len(private) - FRAGMENT_CHARS + 1):
                if private[at : at + FRAGMENT_CHARS] in found:
                    revealed.update(range(at, at + FRAGMENT_CHARS))
            if len(revealed) > len(private) * MOST_REVEALED:
                return True
        return False

    def reveals_instructions(self, text: str) -> bool:
        """Return whether a text repeats a long run of the instructions that is not public."""
        found = _squeezed(text)
        runs = (run for kept in self.instructions for run in _runs(kept, found))
        # The page is long, so it is only prepared when a run was found.
        return any(run not in _squeezed(self.public) for run in runs)

    def reveals_background(self, text: str, said: Sequence[str]) -> bool:
        """Return whether a text, with what was said before, tells too much of background pages.

        Args:
            text: The text.
            said: What this review said before it; `told` counts too.
        """
        if not self.background:
            return False
        chars, figures = self._taken(text)
        if not chars and not figures:
            return False
        before = [self._taken(one) for one in (*self.told, *said)]
        chars_before = frozenset[int]().union(*(one for one, _ in before))
        figures_before = frozenset[str]().union(*(one for _, one in before))
        return (bool(chars - chars_before) and len(chars | chars_before) > BACKGROUND_CHARS) or (
            bool(figures - figures_before) and len(figures | figures_before) > BACKGROUND_FIGURES
        )

    def _taken(self, text: str) -> tuple[frozenset[int], frozenset[str]]:
        """Return which characters and figures of the background pages a text tells."""
        pieces, figures = _pieces(self.background)
        found, known = _squeezed(text), _squeezed(self.known)
        chars: set[int] = set()
        for at in range(len(found) - PIECE_CHARS + 1):
            piece = found[at : at + PIECE_CHARS]
            if piece in pieces and piece not in known:
                chars.update(range(pieces[piece], pieces[piece] + PIECE_CHARS))
        return frozenset(chars), (_figures(text) & figures) - _figures(self.known)


NO_GUARD = LeakGuard()


def _private(secret: str) -> str:
    """Return the part of a secret that is not public: of an address, what follows the host."""
    return secret.partition("://")[2].partition("/")[2] or secret


def _is_random(secret: str) -> bool:
    return len(secret) >= SECRET_RUN and sum(map(str.isdigit, secret)) >= SECRET_DIGITS


def _runs(kept: ProtectedText, text: str) -> Iterator[str]:
    """Yield the long runs that a text shares with `kept` in any encoding."""
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
        # The compared part needs no second comparison.
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
def _index(kept: ProtectedText) -> Mapping[str, list[tuple[str, int, int]]]:
    """Return blocks of every form of a text, with form, place and limit.

    A run as long as the limit has at least one whole block.
    """
    size = _block(kept.run)
    index: dict[str, list[tuple[str, int, int]]] = {}
    for form, growth in _forms(kept.text):
        # A key this short is only searched for whole.
        if len(form) < kept.run:
            continue
        for place in range(0, len(form) - size + 1, size):
            entry = (form, place, int(kept.run * growth))
            index.setdefault(form[place : place + size], []).append(entry)
    return index


def _block(run: int) -> int:
    return max(run // 2, 1)


def _forms(text: str) -> Iterator[tuple[str, float]]:
    """Yield a text in each encoding that a model can write, and the factor by which it grows."""
    plain = _squeezed(text)
    yield plain, 1
    yield plain[::-1], 1
    yield codecs.encode(plain, "rot13"), 1
    raw = text.encode()
    yield raw.hex(), _HEX_LETTERS
    # A part may begin at any byte, so every alignment is encoded.
    for shift in range(3):
        yield _squeezed(base64.b64encode(raw[shift:]).decode()), _BASE64_LETTERS
    for shift in range(5):
        yield _squeezed(base64.b32encode(raw[shift:]).decode()), _BASE32_LETTERS


@lru_cache(maxsize=64)
def _squeezed(text: str) -> str:
    """Return the letters and digits of a text without case and width."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    return _BETWEEN.sub("", folded)


@lru_cache(maxsize=4)
def _pieces(texts: tuple[str, ...]) -> tuple[Mapping[str, int], frozenset[str]]:
    """Return where each piece of some texts stands in them, and their figures."""
    pieces: dict[str, int] = {}
    start = 0
    for squeezed in map(_squeezed, texts):
        for at in range(len(squeezed) - PIECE_CHARS + 1):
            pieces.setdefault(squeezed[at : at + PIECE_CHARS], start + at)
        start += len(squeezed)
    return pieces, frozenset().union(*map(_figures, texts))


@lru_cache(maxsize=64)
def _figures(text: str) -> frozenset[str]:
    """Return the numbers of two digits or more that a text tells."""
    found = (_squeezed(match[0]) for match in _FIGURE.finditer(text))
    return frozenset(one for one in found if sum(map(str.isdigit, one)) > 1)


def leak_guard(
    secrets: Iterable[str],
    built_in: str,
    prompt: str,
    public: str,
    background: Iterable[str] = (),
    told: Iterable[str] = (),
) -> LeakGuard:
    """Return the guard of a review.

    Args:
        secrets: The configured keys.
        built_in: The program's own instructions.
        prompt: The text of the prompt page.
        public: The text of the page under review.
        background: The texts of the pages that the prompt page mentions.
        told: What was said on the page under review before.
    """
    pages = tuple(filter(None, background))
    asked = [ProtectedText(text, PROMPT_RUN) for text in (prompt, *pages) if text]
    instructions = (ProtectedText(built_in, BUILT_IN_RUN), *asked)
    return LeakGuard(
        frozenset(secrets), instructions, public, pages, f"{public}\n{prompt}", tuple(told)
    )
