"""Which characters of a text a parser would read as Markdown, and their escapes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from daemon.notion.rich_text import BOLD, CODE, ITALIC, MATH, STRIKE, Run


# What a parser takes for white space; Python's own idea is wider.
SPACES = "\t\n\x0b\x0c\r \xa0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
LEAF = frozenset({CODE, MATH})
# Stands for the next or the last run beside a run: a mark may be written between them.
ANOTHER_RUN = "\0"

_PUNCTUATION = r"!-/:-@\[-`{-~"
_SPECIAL = re.compile(r"[\\`*_~$<&\]\[]")
# What may need an escape where nothing pairs up.
_ALWAYS = re.compile(r"[\\&]|\]\(")
_DELIMITERS = re.compile(r"\*+|_+|~~+")
_TAG = re.compile(r"<[A-Za-z/!?][^<>]*>")
# A dollar sign opens before a character and closes after one, but not before a digit: money.
_EQUATION = re.compile(r"\$(?=\S)[^$]*(?<=\S)\$(?!\d)")
_LITERAL = re.compile(
    rf"\\(?=[{_PUNCTUATION}\n{ANOTHER_RUN}])"
    r"|&(?=#\d{1,7};|#[xX][\da-fA-F]{1,6};|[A-Za-z][A-Za-z\d]{1,31};)"
    r"|<(?=[A-Za-z/!?])|[\[\]`$]|\*+|_+|~+"
)
_UNSAFE = re.compile(r"[\s<>\x00-\x20\x7f]")
_IN_ADDRESS = re.compile(r"[\\()]|&(?=#?\w+;)")


def is_space(char: str) -> bool:
    """Return whether a Markdown parser takes `char` for white space; "" counts as such."""
    return char in SPACES


def is_punctuation(char: str) -> bool:
    """Return whether a Markdown parser takes `char` for punctuation, as it does most emoji."""
    return bool(char) and unicodedata.category(char)[0] in "PS"


def can_open(sign: str, before: str, after: str) -> bool:
    """Return whether a run of `sign` between two characters may begin a mark."""
    return _flanks(sign, before, after)


def can_close(sign: str, before: str, after: str) -> bool:
    """Return whether a run of `sign` between two characters may end a mark."""
    return _flanks(sign, after, before)


def _flanks(sign: str, outside: str, inside: str) -> bool:
    # https://spec.commonmark.org/0.31.2/#left-flanking-delimiter-run
    if is_space(inside):
        return False
    free = is_space(outside) or is_punctuation(outside)
    # Within a word an underscore is a letter.
    return free if sign == "_" or is_punctuation(inside) else True


def is_bare(text: str) -> bool:
    """Return whether a text without marks needs no escape in Markdown."""
    return not _SPECIAL.search(text)


def signs_to_escape(lines: Sequence[Sequence[Run]]) -> frozenset[str]:
    """Return the signs, of `*_~`$<`, that could pair up with each other or with a written mark."""
    texts = [["" if run.marks & LEAF else run.text for run in line] for line in lines]
    marks = frozenset[str]().union(*(run.marks for line in lines for run in line))
    text = "\n".join("".join(parts) for parts in texts)
    if not marks and not _SPECIAL.search(text):
        return frozenset()
    # Code and addresses are written too, so their dollar signs count.
    written = [part for line in lines for run in line for part in (run.text, *run.marks)]
    signs = _paired("\n".join(ANOTHER_RUN.join(parts) for parts in texts))
    if marks & {BOLD, ITALIC}:
        signs |= {"*", "_"}
    if STRIKE in marks:
        signs.add("~")
    if text.count("`") > (CODE not in marks):
        signs.add("`")
    if MATH in marks or _EQUATION.search(text) or (marks and "".join(written).count("$") > 1):
        signs.add("$")
    if _TAG.search(text):
        signs.add("<")
    return frozenset(signs)


def _paired(text: str) -> set[str]:
    """Return the signs of which one may open a mark and a later one may close it."""
    opened: set[str] = set()
    paired: set[str] = set()
    for match in _DELIMITERS.finditer(text):
        sign = match[0][0]
        before, after = _around(text, match)
        # Any mark may be written beside another run.
        is_free = ANOTHER_RUN in (before, after)
        if sign in opened and (is_free or can_close(sign, before, after)):
            paired.add(sign)
        if is_free or can_open(sign, before, after):
            opened.add(sign)
    return paired


def _around(text: str, match: re.Match[str]) -> tuple[str, str]:
    return text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]


def escaped(text: str, signs: frozenset[str], *, before: str, after: str, in_link: bool) -> str:
    """Return the text of one run with escapes where a parser would read a mark.

    Args:
        text: The run's text.
        signs: The signs to escape, of `signs_to_escape`.
        before: A newline at the beginning of a line, else ANOTHER_RUN.
        after: The same for the end.
        in_link: Whether the run is part of a link's text.
    """
    if not (_SPECIAL if signs or in_link else _ALWAYS).search(text):
        return text
    whole = before + text + after

    def escape(match: re.Match[str]) -> str:
        is_mark = _is_mark(match[0], _around(whole, match), signs, in_link=in_link)
        return "".join("\\" + char for char in match[0]) if is_mark else match[0]

    return _LITERAL.sub(escape, whole)[1:-1]


def _is_mark(found: str, around: tuple[str, str], signs: frozenset[str], *, in_link: bool) -> bool:
    sign = found[0]
    if sign in "\\&":
        return True
    if sign in "[]":
        return in_link or (sign == "]" and around[1] == "(")
    if sign not in signs:
        return False
    if sign == "~":
        return len(found) > 1 or ANOTHER_RUN in around
    if sign in "*_":
        return ANOTHER_RUN in around or can_open(sign, *around) or can_close(sign, *around)
    return True


def address(url: str) -> str:
    """Return a link's address with escapes for what would end it too early."""
    encoded = _UNSAFE.sub(lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), url)
    return _IN_ADDRESS.sub(lambda match: "\\" + match[0], encoded)
