"""Which literal characters of a text would be read as Markdown, and their escapes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from daemon.notion.rich_text import BOLD, CODE, ITALIC, MATH, STRIKE, Run


# The signs that must be escaped in this text, of `*_~`$<`.
Hot = frozenset[str]

# What a parser takes for white space; Python's own idea is wider.
SPACES = "\t\n\x0b\x0c\r \xa0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
LEAF = frozenset({CODE, MATH})
# Stands where a run borders on another one: any mark may come there.
SEAM = "\0"

_PUNCTUATION = r"!-/:-@\[-`{-~"
_SPECIAL = re.compile(r"[\\`*_~$<&\]\[]")
# What may need an escape where nothing pairs up.
_ALWAYS = re.compile(r"[\\&]|\]\(")
_DELIMITERS = re.compile(r"\*+|_+|~~+")
_TAG = re.compile(r"<[A-Za-z/!?][^<>]*>")
# A dollar sign opens before a character and closes after one, but not before a digit: money.
_EQUATION = re.compile(r"\$(?=\S)[^$]*(?<=\S)\$(?!\d)")
_LITERAL = re.compile(
    rf"\\(?=[{_PUNCTUATION}\n{SEAM}])"
    r"|&(?=#\d{1,7};|#[xX][\da-fA-F]{1,6};|[A-Za-z][A-Za-z\d]{1,31};)"
    r"|<(?=[A-Za-z/!?])|[\[\]`$]|\*+|_+|~+"
)
_UNSAFE = re.compile(r"[\s<>\x00-\x20\x7f]")
_IN_ADDRESS = re.compile(r"[\\()]|&(?=#?\w+;)")


def is_space(char: str) -> bool:
    """Tell white space as a Markdown parser does; nothing at all counts as space."""
    return char in SPACES


def is_punctuation(char: str) -> bool:
    """Tell punctuation as a Markdown parser does: with symbols, so with most emoji."""
    return bool(char) and unicodedata.category(char)[0] in "PS"


def can_open(sign: str, before: str, after: str) -> bool:
    """Tell whether a run of `sign` between two characters may begin a mark."""
    return _flanks(sign, before, after)


def can_close(sign: str, before: str, after: str) -> bool:
    """Tell whether a run of `sign` between two characters may end a mark."""
    return _flanks(sign, after, before)


def _flanks(sign: str, outside: str, inside: str) -> bool:
    # https://spec.commonmark.org/0.31.2/#left-flanking-delimiter-run
    if is_space(inside):
        return False
    free = is_space(outside) or is_punctuation(outside)
    # Within a word an underscore is a letter.
    return free if sign == "_" or is_punctuation(inside) else True


def is_bare(text: str) -> bool:
    """Tell whether a text by itself holds no sign of Markdown's, so that it is written as it is."""
    return not _SPECIAL.search(text)


def hot(lines: Sequence[Sequence[Run]]) -> Hot:
    """Find the signs that could pair up, with each other or with a mark that will be written."""
    texts = [["" if run.marks & LEAF else run.text for run in line] for line in lines]
    marks = frozenset[str]().union(*(run.marks for line in lines for run in line))
    text = "\n".join("".join(parts) for parts in texts)
    if not marks and not _SPECIAL.search(text):
        return frozenset()
    signs = _paired("\n".join(SEAM.join(parts) for parts in texts))
    if marks & {BOLD, ITALIC}:
        signs |= {"*", "_"}
    if STRIKE in marks:
        signs.add("~")
    if text.count("`") > (CODE not in marks):
        signs.add("`")
    if MATH in marks or _EQUATION.search(text) or (marks and _count(lines, "$") > 1):
        signs.add("$")
    if _TAG.search(text):
        signs.add("<")
    return frozenset(signs)


def _count(lines: Sequence[Sequence[Run]], sign: str) -> int:
    """Count a sign in all that will be written, code and addresses too."""
    return sum(
        part.count(sign) for line in lines for run in line for part in (run.text, *run.marks)
    )


def _paired(text: str) -> set[str]:
    """Find the signs of which one may open a mark and a later one may close it."""
    opened: set[str] = set()
    paired: set[str] = set()
    for match in _DELIMITERS.finditer(text):
        sign = match[0][0]
        before, after = _around(text, match)
        seam = SEAM in (before, after)
        if sign in opened and (seam or can_close(sign, before, after)):
            paired.add(sign)
        if seam or can_open(sign, before, after):
            opened.add(sign)
    return paired


def _around(text: str, match: re.Match[str]) -> tuple[str, str]:
    return text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]


def escaped(text: str, signs: Hot, *, before: str, after: str, in_link: bool) -> str:
    """Escape what would be read as a mark in one run of text.

    Args:
        text: The run's text.
        signs: What must be escaped, as `hot` found it.
        before: What borders on the left: a newline, or SEAM for another run.
        after: The same on the right.
        in_link: Whether the run is part of a link's text.
    """
    if not (_SPECIAL if signs or in_link else _ALWAYS).search(text):
        return text
    whole = before + text + after

    def escape(match: re.Match[str]) -> str:
        is_mark = _is_mark(match[0], _around(whole, match), signs, in_link=in_link)
        return "".join("\\" + char for char in match[0]) if is_mark else match[0]

    return _LITERAL.sub(escape, whole)[1:-1]


def _is_mark(found: str, around: tuple[str, str], signs: Hot, *, in_link: bool) -> bool:
    sign = found[0]
    if sign in "\\&":
        return True
    if sign in "[]":
        return in_link or (sign == "]" and around[1] == "(")
    if sign not in signs:
        return False
    if sign == "~":
        return len(found) > 1 or SEAM in around
    if sign in "*_":
        return SEAM in around or can_open(sign, *around) or can_close(sign, *around)
    return True


def address(url: str) -> str:
    """Write a link's address so that it ends where it should."""
    encoded = _UNSAFE.sub(lambda match: _percent(match[0]), url)
    return _IN_ADDRESS.sub(lambda match: "\\" + match[0], encoded)


def _percent(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode())
