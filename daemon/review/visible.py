"""What nobody sees in a text: dropped, so that the model reads what people read."""

from __future__ import annotations

import re


_BREAKS = re.compile("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
# The only flags that are spelled in tags: England, Scotland, Wales.
# https://www.unicode.org/reports/tr51/#valid-emoji-tag-sequences
_FLAGS = "|".join(
    "".join(chr(0xE0000 + ord(letter)) for letter in region) + "\U000e007f"
    for region in ("gbeng", "gbsct", "gbwls")
)
# What does not print but steers a terminal, a renderer, a reader's eye or a model: controls,
# directions, fillers, tags, halves of characters.
_HIDDEN = re.compile(
    f"(?P<flag>(?<=\U0001f3f4)(?:{_FLAGS}))|"
    "[\x00-\x08\x0e-\x1b\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e"
    "\u200f\u202a-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb"
    "\ufffe\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# Scripts and emoji need them, one at a time: a row of them is a hidden message.
_JOINERS = re.compile("[\u180b-\u180d\u180f\u200c\u200d\ufe00-\ufe0f]+")
_ZERO_WIDTH = "\u200c\u200d"
_KEYCAPS = "0123456789#*"


def visible(text: str) -> str:
    """Drop control and invisible characters; every line break becomes a newline.

    Dropped and not spelled out: `⟨U+E0041⟩` would still tell a model what nobody sees.
    """
    shown = _HIDDEN.sub(lambda found: found["flag"] or "", _BREAKS.sub("\n", text))
    return _JOINERS.sub(_joined, shown)


def _joined(found: re.Match[str]) -> str:
    """Keep one variant and one joiner where they can have a meaning."""
    before, after = found.string[: found.start()][-1:], found.string[found.end() :][:1]
    joiner = next((char for char in found[0] if char in _ZERO_WIDTH), "")
    variant = next((char for char in found[0] if char not in _ZERO_WIDTH), "")
    if not _takes_joiner(before):
        return variant if before and before in _KEYCAPS else ""
    return variant + (joiner if _takes_joiner(after) else "")


def _takes_joiner(char: str) -> bool:
    return bool(char) and not char.isascii() and not char.isspace()
