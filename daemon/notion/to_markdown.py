"""Runs of text -> Markdown that a CommonMark parser reads back as the same runs.

Every line stands for itself: marks end at a line break and begin anew after it. Spaces at the
border of a mark belong to the outside. A literal character is escaped only where it would be read
as a mark. A mark that could not begin or end where it stands, as in `a**(b)**c`, gets the letter
outside of it written as a character reference, which counts as punctuation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daemon.notion.escapes import (
    LEAF,
    SEAM,
    SPACES,
    Hot,
    address,
    can_close,
    can_open,
    escaped,
    hot,
    is_bare,
    is_punctuation,
    is_space,
)
from daemon.notion.rich_text import BOLD, CODE, ITALIC, LINK, MATH, STRIKE, Run, runs


_BACKTICKS = re.compile("`+")
# Of marks that reach equally far, the first is the outermost; links come before all.
_ORDER = (BOLD, ITALIC, STRIKE)
_AUTOLINK = re.compile(r"https?://(?!xn--)[\w\-.~:/?#\[\]@!$&'()*+,;=]+", re.ASCII)


@dataclass(slots=True)
class _Piece:
    """A part of the written line: "text", "math", "solid" (written as it is), "open", "close"."""

    kind: str
    text: str
    partner: int = -1


def markdown(rich: Sequence[Mapping[str, Any]]) -> str:
    """Write rich text as Markdown with bold, italic, strikethrough, code, links and `$equations$`.

    Underline and colour have no Markdown; their text stands bare.

    Raises:
        Incomplete: an item is malformed.
    """
    return _markdown(runs(rich))


def plain(rich: Sequence[Mapping[str, Any]]) -> str:
    """Write rich text without marks; an equation keeps its dollar signs, as a reader quotes it.

    Raises:
        Incomplete: an item is malformed.
    """
    return _plain(runs(rich))


def both(rich: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Write rich text as `markdown` and as `plain`."""
    found = runs(rich)
    if len(found) == 1 and not found[0].marks and is_bare(found[0].text):
        return found[0].text, found[0].text
    return _markdown(found), _plain(found)


def _plain(found: Iterable[Run]) -> str:
    return "".join(f"${run.text}$" if MATH in run.marks else run.text for run in found)


def _markdown(found: Iterable[Run]) -> str:
    lines = [_settled(line) for line in _lines(found)]
    signs = hot(lines)
    return "\n".join(_written(line, signs) for line in lines)


def _lines(found: Iterable[Run]) -> Iterator[list[Run]]:
    line: list[Run] = []
    for run in found:
        first, *rest = run.text.split("\n")
        line.append(Run(first, run.marks))
        for text in rest:
            yield line
            line = [Run(text, run.marks)]
    yield line


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


def _written(line: list[Run], signs: Hot) -> str:
    if len(line) == 1 and not line[0].marks:
        return escaped(line[0].text, signs, before="\n", after="\n", in_link=False)
    pieces: list[_Piece] = []
    _nest(line, frozenset(), signs, pieces)
    _choose_italics(pieces)
    while _mend(pieces):
        pass
    return "".join(piece.text for piece in pieces)


def _nest(line: Sequence[Run], outer: frozenset[str], signs: Hot, pieces: list[_Piece]) -> None:
    """Write runs as nested marks; `outer` are those that are open already."""
    line, start = list(line), 0
    while start < len(line):
        _free_space(line, start, outer)
        mark, end = _outermost(line, start, outer)
        if mark:
            end = _without_space(line, end, outer)
        part = line[start:end]
        if not mark:
            before = SEAM if outer or start else "\n"
            after = SEAM if outer or end < len(line) else "\n"
            in_link = any(mark.startswith(LINK) for mark in outer)
            pieces.append(_leaf(part[0], signs, before, after, in_link=in_link))
        elif mark.startswith(LINK):
            _link(part, outer, mark, signs, pieces)
        else:
            first = len(pieces)
            pieces.append(_Piece("open", mark))
            _nest(part, outer | {mark}, signs, pieces)
            pieces[first].partner = len(pieces)
            pieces.append(_Piece("close", mark, first))
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


def _free_space(line: list[Run], start: int, outer: frozenset[str]) -> None:
    """Move the space at `start`, where a mark goes on that was cut short, out of that mark."""
    run = line[start]
    core = run.text.lstrip(SPACES)
    if core != run.text and run.marks != outer:
        space = Run(run.text[: len(run.text) - len(core)], outer)
        line[start : start + 1] = [space, Run(core, run.marks)] if core else [space]


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


def _leaf(run: Run, signs: Hot, before: str, after: str, *, in_link: bool) -> _Piece:
    if CODE in run.marks:
        return _Piece("solid", _code(run.text))
    if MATH in run.marks:
        return _Piece("math", f"${run.text}$")
    text = escaped(run.text, signs, before=before, after=after, in_link=in_link)
    return _Piece("text", text)


def _code(text: str) -> str:
    fence = "`" * (1 + max(map(len, _BACKTICKS.findall(text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return fence + pad + text + pad + fence


def _link(
    part: Sequence[Run], outer: frozenset[str], mark: str, signs: Hot, pieces: list[_Piece]
) -> None:
    url = mark.removeprefix(LINK)
    if part[0].marks - outer == {mark} and part[0].text == url and _AUTOLINK.fullmatch(url):
        pieces.append(_Piece("solid", f"<{url}>"))
        return
    if pieces and pieces[-1].text.endswith("!"):
        # Else it would be an image.
        pieces[-1].text = pieces[-1].text[:-1] + "\\!"
    pieces.append(_Piece("solid", "["))
    _nest(part, outer | {mark}, signs, pieces)
    pieces.append(_Piece("solid", f"]({address(url)})"))


def _choose_italics(pieces: list[_Piece]) -> None:
    """Write italics with `_` where a `*` would run together with the `**` of bold."""
    for first, piece in enumerate(pieces):
        if piece.kind == "open" and piece.text == ITALIC and _is_entangled(pieces, first):
            piece.text = pieces[piece.partner].text = "_"


def _is_entangled(pieces: Sequence[_Piece], first: int) -> bool:
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


def _mend(pieces: list[_Piece]) -> bool:
    """Rewrite the letters that keep a mark from opening or closing; tell whether any was."""
    mended = False
    border = _Piece("text", "\n")
    for before, piece, after in zip([border, *pieces], pieces, [*pieces[1:], border], strict=False):
        left, right = before.text[-1], after.text[0]
        if piece.kind == "open" and _is_letter(left) and not can_open(piece.text, left, right):
            before.text, mended = _reference_last(before.text), True
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


def _reference_last(text: str) -> str:
    rest = text[:-1]
    if _is_bare(rest, "\\"):
        rest += "\\"
    elif _is_bare(rest, "_"):
        bare = len(rest) - len(rest.rstrip("_"))
        rest = rest[:-bare] + "\\_" * bare
    return f"{rest}&#{ord(text[-1])};"


def _is_bare(text: str, sign: str) -> bool:
    """Tell whether a text ends in a sign that no backslash escapes."""
    bare = text.rstrip(sign) if sign != "\\" else text
    backslashes = len(bare) - len(bare.rstrip("\\"))
    return text.endswith(sign) and backslashes % 2 == (sign == "\\")
