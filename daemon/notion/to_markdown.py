"""Runs of text -> Markdown that a CommonMark parser reads back as the same runs.

Marks end at each line break and begin again after it. Spaces at the edge of a mark are moved out
of it. A literal character is escaped only where a parser would read it as a mark. Where a mark
cannot begin or end because of the letter beside it, as in `a**(b)**c`, that letter is written as a
character reference, which a parser takes for punctuation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daemon.notion.escapes import (
    ANOTHER_RUN,
    LEAF,
    SPACES,
    address,
    can_close,
    can_open,
    escaped,
    is_bare,
    is_punctuation,
    is_space,
    signs_to_escape,
)
from daemon.notion.rich_text import BOLD, CODE, ITALIC, LINK, MATH, STRIKE, Run, runs


_BACKTICKS = re.compile("`+")
# Of marks that reach equally far, the first is the outermost; links come before all.
_ORDER = (BOLD, ITALIC, STRIKE)
_AUTOLINK = re.compile(r"https?://(?!xn--)[\w\-.~:/?#\[\]@!$&'()*+,;=]+", re.ASCII)


@dataclass(slots=True)
class _MarkdownPart:
    """A part of a line of Markdown.

    Attributes:
        kind: "text", "math", "solid" for what is never changed, "open" or "close" for a mark.
        text: What is written.
        partner: The index of the "close" that belongs to an "open", and the other way round.
    """

    kind: str
    text: str
    partner: int = -1


def markdown(rich: Sequence[Mapping[str, Any]]) -> str:
    """Return rich text as Markdown with bold, italic, strikethrough, code, links and `$equations$`.

    Markdown has no underline and no colour, so such text has no mark.

    Raises:
        Incomplete: an item is malformed.
    """
    return _markdown(runs(rich))


def plain(rich: Sequence[Mapping[str, Any]]) -> str:
    """Return rich text without marks, except for the dollar signs of an equation.

    Raises:
        Incomplete: an item is malformed.
    """
    return _plain(runs(rich))


def both(rich: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Return rich text as `markdown` and as `plain`."""
    found = runs(rich)
    if len(found) == 1 and not found[0].marks and is_bare(found[0].text):
        return found[0].text, found[0].text
    return _markdown(found), _plain(found)


def _plain(found: Iterable[Run]) -> str:
    return "".join(f"${run.text}$" if MATH in run.marks else run.text for run in found)


def _markdown(found: Iterable[Run]) -> str:
    broken: list[list[Run]] = [[]]
    for run in found:
        first, *rest = run.text.split("\n")
        broken[-1].append(Run(first, run.marks))
        broken += [[Run(text, run.marks)] for text in rest]
    lines = [_settled(line) for line in broken]
    signs = signs_to_escape(lines)
    return "\n".join(_written(line, signs) for line in lines)


def _settled(line: Iterable[Run]) -> list[Run]:
    """Move spaces out of the marks that they border on, and join runs whose marks are equal."""
    out: list[Run] = []
    gap = ""
    for run in line:
        core = run.text.strip(SPACES)
        if not core:
            gap += run.text
            continue
        start = run.text.index(core)
        shared = (out[-1].marks & run.marks) - LEAF if out else frozenset[str]()
        _join(out, Run(gap + run.text[:start], shared))
        _join(out, Run(core, run.marks))
        gap = run.text[start + len(core) :]
    _join(out, Run(gap, frozenset()))
    return out


def _join(out: list[Run], run: Run) -> None:
    if not run.text:
        return
    if out and out[-1].marks == run.marks:
        between = " " if MATH in run.marks else ""
        run = Run(out.pop().text + between + run.text, run.marks)
    out.append(run)


def _written(line: list[Run], signs: frozenset[str]) -> str:
    if len(line) == 1 and not line[0].marks:
        return escaped(line[0].text, signs, before="\n", after="\n", in_link=False)
    pieces: list[_MarkdownPart] = []
    _nest(line, frozenset(), signs, pieces)
    for first, piece in enumerate(pieces):
        # A `*` would run together with the `**` of bold.
        if piece.kind == "open" and piece.text == ITALIC and _is_entangled(pieces, first):
            piece.text = pieces[piece.partner].text = "_"
    while _mend(pieces):
        pass
    return "".join(piece.text for piece in pieces)


def _nest(
    line: Sequence[Run],
    outer: frozenset[str],
    signs: frozenset[str],
    pieces: list[_MarkdownPart],
) -> None:
    """Write runs as nested marks; `outer` are those that are open already."""
    line, start = list(line), 0
    while start < len(line):
        run = line[start]
        core = run.text.lstrip(SPACES)
        if core != run.text and run.marks != outer:
            # Here a mark goes on that was cut short: the space before it is no part of the mark.
            space = Run(run.text[: len(run.text) - len(core)], outer)
            line[start : start + 1] = [space, Run(core, run.marks)] if core else [space]
        mark, end = _outermost(line, start, outer)
        if mark:
            end = _without_space(line, end, outer)
        part = line[start:end]
        if not mark:
            pieces.append(_leaf(line, start, outer, signs))
        elif mark.startswith(LINK):
            _link(part, outer, mark, signs, pieces)
        else:
            first = len(pieces)
            pieces.append(_MarkdownPart("open", mark))
            _nest(part, outer | {mark}, signs, pieces)
            pieces[first].partner = len(pieces)
            pieces.append(_MarkdownPart("close", mark, first))
        start = end


def _outermost(line: Sequence[Run], start: int, outer: frozenset[str]) -> tuple[str, int]:
    """Return the mark that reaches farthest from here, and where it ends; "" for none."""
    marks = line[start].marks - outer - LEAF
    if not marks:
        return "", start + 1
    ends = {mark: _end(line, start, mark, outer) for mark in marks}
    return max(ends.items(), key=lambda item: (item[1], item[0] not in _ORDER, item[0]))


def _end(line: Sequence[Run], start: int, mark: str, outer: frozenset[str]) -> int:
    end = start
    while end < len(line) and mark in line[end].marks:
        end += 1
    if mark.startswith(LINK) or end == len(line):
        return end
    # A mark that would end within a link ends before it: a link is written in one piece.
    cut = [mark for mark in line[end].marks & line[end - 1].marks if mark.startswith(LINK)]
    before = end
    while cut and cut[0] not in outer and before > start and cut[0] in line[before - 1].marks:
        before -= 1
    return before if before > start else end


def _without_space(line: list[Run], end: int, outer: frozenset[str]) -> int:
    """Move the space before `end`, where a mark was cut short, out of that mark."""
    run = line[end - 1]
    core = run.text.rstrip(SPACES)
    if core == run.text:
        return end
    space = Run(run.text[len(core) :], outer)
    if core:
        line[end - 1 : end] = [Run(core, run.marks), space]
        return end
    line[end - 1] = space
    return _without_space(line, end - 1, outer)


def _leaf(
    line: Sequence[Run], at: int, outer: frozenset[str], signs: frozenset[str]
) -> _MarkdownPart:
    """Return the run at `at` as code, an equation, or text with escapes."""
    run = line[at]
    if CODE in run.marks:
        text = run.text
        fence = "`" * (1 + max(map(len, _BACKTICKS.findall(text)), default=0))
        pad = " " if text.startswith("`") or text.endswith("`") else ""
        return _MarkdownPart("solid", fence + pad + text + pad + fence)
    if MATH in run.marks:
        return _MarkdownPart("math", f"${run.text}$")
    before = ANOTHER_RUN if outer or at else "\n"
    after = ANOTHER_RUN if outer or at + 1 < len(line) else "\n"
    in_link = any(mark.startswith(LINK) for mark in outer)
    text = escaped(run.text, signs, before=before, after=after, in_link=in_link)
    return _MarkdownPart("text", text)


def _link(
    part: Sequence[Run],
    outer: frozenset[str],
    mark: str,
    signs: frozenset[str],
    pieces: list[_MarkdownPart],
) -> None:
    url = mark.removeprefix(LINK)
    if part[0].marks - outer == {mark} and part[0].text == url and _AUTOLINK.fullmatch(url):
        pieces.append(_MarkdownPart("solid", f"<{url}>"))
        return
    if pieces and pieces[-1].text.endswith("!"):
        # Else it would be an image.
        pieces[-1].text = pieces[-1].text[:-1] + "\\!"
    pieces.append(_MarkdownPart("solid", "["))
    _nest(part, outer | {mark}, signs, pieces)
    pieces.append(_MarkdownPart("solid", f"]({address(url)})"))


def _is_entangled(pieces: Sequence[_MarkdownPart], first: int) -> bool:
    last = pieces[first].partner
    beside = {first - 1, first + 1, last - 1, last + 1} - {-1, len(pieces)}
    bold = sorted(at for at in beside if pieces[at].text == BOLD and pieces[at].kind != "text")
    match bold:
        case []:
            return False
        case [end]:
            # Two marks that end together: `**bold *both***`.
            return end < last - 1 or pieces[end].kind != "close"
        case [begin, end]:
            # From one place to another, `***both***` works within words too.
            return pieces[begin].partner != end
        case _:
            return True


def _mend(pieces: list[_MarkdownPart]) -> bool:
    """Write as references the letters that keep a mark from opening or closing.

    Returns whether there was one.
    """
    mended = False
    border = _MarkdownPart("text", "\n")
    for before, piece, after in zip([border, *pieces], pieces, [*pieces[1:], border], strict=False):
        left, right = before.text[-1], after.text[0]
        if piece.kind == "open" and _is_letter(left) and not can_open(piece.text, left, right):
            text = before.text
            rest = text[:-1]
            if _is_bare(rest, "\\"):
                rest += "\\"
            elif _is_bare(rest, "_"):
                bare = len(rest) - len(rest.rstrip("_"))
                rest = rest[:-bare] + "\\_" * bare
            reference_last = f"{rest}&#{ord(text[-1])};"
            before.text, mended = reference_last, True
        if piece.kind == "close" and _is_letter(right) and not can_close(piece.text, left, right):
            after.text, mended = _reference_first(after.text), True
        if piece.kind == "math" and right.isdecimal():
            after.text, mended = _reference_first(after.text), True
    return mended


def _is_letter(char: str) -> bool:
    return not is_space(char) and not is_punctuation(char)


def _reference_first(text: str) -> str:
    rest = text[1:]
    bare = len(rest) - len(rest.lstrip("_"))
    return f"&#{ord(text[0])};" + "\\_" * bare + rest[bare:]


def _is_bare(text: str, sign: str) -> bool:
    """Return whether a text ends in a sign that no backslash escapes."""
    bare = text.rstrip(sign) if sign != "\\" else text
    backslashes = len(bare) - len(bare.rstrip("\\"))
    return text.endswith(sign) and backslashes % 2 == (sign == "\\")
