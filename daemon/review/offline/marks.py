"""What the Markdown marks of a block's line say of its plain text: code, struck text, links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from daemon.domain import Block


BLANK = "\ufffc"
"""Stands where code stood: no letter, no digit, no space, so that nothing joins across it."""

_CODE = re.compile(r"``(.+?)``|`([^`]+)`", re.DOTALL)
_TARGET = r"\(([^()\s]*(?:\([^()\s]*\)[^()\s]*)*)[^()]*\)"
_LINK = re.compile(rf"\[([^\[\]]*)\]{_TARGET}")
_MARK = re.compile(
    r"\\(?P<escaped>[!-/:-@\[-`{-~])|``(?P<double>.+?)``|`(?P<single>[^`]+)`|~~"
    rf"|\*+|(?<!\w)_+|_+(?!\w)|\[(?=[^\[\]]*\]\()|\]{_TARGET}|</?u>",
    re.DOTALL,
)
# How many code spans are looked for in a text that does not fit its line.
_MOST = 100


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a block: what is shown, without marks, and where it leads."""

    text: str
    target: str


def links(block: Block) -> tuple[Link, ...]:
    """Return the links of a block."""
    if "](" not in block.line or block.type == "code":
        return ()
    bare = _CODE.sub(lambda found: (found[1] or found[2]).replace("[", " "), block.line)
    return tuple(Link(re.sub(r"[*_~\\]", "", found[1]), found[2]) for found in _LINK.finditer(bare))


def without_code(block: Block) -> str:
    """Return the plain text with code and struck text blanked, of the same length."""
    if block.type in ("code", "equation"):
        return BLANK * len(block.plain)
    if "`" not in block.line and "~~" not in block.line:
        return block.plain
    pieces = tuple(_pieces(block.line))
    at = "".join(text for text, _ in pieces).find(block.plain)
    if at < 0:
        return _without_words(block.plain, [text for text, hidden in pieces if hidden])
    masked = "".join(BLANK * len(text) if hidden else text for text, hidden in pieces)
    return masked[at : at + len(block.plain)]


def blanks(found: re.Match[str]) -> str:
    """Return as many blanks as were found characters; for `re.sub`."""
    return BLANK * len(found[0])


def _pieces(line: str) -> Iterator[tuple[str, bool]]:
    """Yield the text of `line` without its marks, each piece with whether it is hidden."""
    struck, end = False, 0
    for mark in _MARK.finditer(line):
        yield line[end : mark.start()], struck
        end = mark.end()
        code = mark["double"] or mark["single"]
        if code is not None:
            is_padded = code[0] == code[-1] == " " and code.strip()
            yield (code[1:-1] if is_padded else code), True
        elif mark["escaped"]:
            yield mark["escaped"], struck
        elif mark[0] == "~~":
            struck = not struck
    yield line[end:], struck


def _without_words(plain: str, hidden: list[str]) -> str:
    """Blank the texts of `hidden` wherever they stand: the line could not be followed."""
    texts = list(dict.fromkeys(text.strip() for text in hidden if text.strip()))[:_MOST]
    any_text = "|".join(map(re.escape, texts))
    return re.sub(rf"(?<!\w)(?:{any_text})(?!\w)", blanks, plain) if texts else plain
