"""What becomes of a finding: one table of states and of what can happen. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from daemon.domain.values import Finding


class FindingState(StrEnum):
    """What became of a finding."""

    HELD = "held"  # its draft waits for approval
    OPEN = "open"
    ANSWERED = "answered"  # a person wrote in its thread
    DISMISSED = "dismissed"  # a person said no
    RESOLVED = "resolved"  # its thread was resolved or deleted
    ADDRESSED = "addressed"  # the reviewer, or its rule, finds it fixed
    ADOPTED = "adopted"  # its block says what was offered instead
    WITHDRAWN = "withdrawn"  # the reviewer dropped it
    REFUTED = "refuted"  # a second look dropped it: not posted
    KEPT = "kept"  # beyond the limit of comments: not posted, to be had by a word
    STALE = "stale"  # its block or quote was gone before it could be posted
    RETRACTED = "retracted"  # taken back by an operator
    REFUSED = "refused"  # a person refused its draft, or dropped it from there
    UNSAID = "unsaid"  # nobody decided on its draft, or it was made again: it may be made again


# Findings that nobody has settled yet.
LIVE = frozenset({FindingState.OPEN, FindingState.ANSWERED})
# Findings that a ruling of the reviewer can open again.
CLOSED = frozenset(
    {
        FindingState.ADDRESSED,
        FindingState.ADOPTED,
        FindingState.WITHDRAWN,
        FindingState.DISMISSED,
    }
)
# Findings that people closed.
BY_PEOPLE = frozenset({FindingState.DISMISSED, FindingState.RESOLVED, FindingState.REFUSED})
# Findings that an edit settled.
MENDED = frozenset({FindingState.ADDRESSED, FindingState.ADOPTED})
# Findings that people never saw: they may be raised again. A newer review replaces a held one.
UNPUBLISHED = frozenset(
    {
        FindingState.HELD,
        FindingState.STALE,
        FindingState.UNSAID,
        FindingState.KEPT,
        FindingState.REFUTED,
    }
)


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A line of a page's ledger: what was raised, what became of it, and why."""

    finding: Finding
    state: FindingState
    why: str = ""


class Event(StrEnum):
    """What can happen to a finding."""

    APPROVED = "its draft was approved"
    REFUSED = "its draft was refused"
    UNDECIDED = "its draft ended without a decision"
    SPOKEN = "a person wrote in its thread"
    TURNED_DOWN = "a person said no"
    CLOSED = "its thread was resolved or deleted"
    REOPENED = "its thread is open again"
    FIXED = "the reviewer ruled that it is fixed"
    ADOPTED = "its block says what was offered instead"
    WITHDRAWN = "the reviewer dropped it"
    UNSETTLED = "the words that settled it are gone, or those that went are back"
    UNRULED = "the review that ruled on it was taken back"
    TAKEN_UP = "the reviewer opened it again"
    NO_HOLDS = "what settled it is gone, and a person had said no"
    ASKED_FOR = "a person asked for more"
    MADE_AGAIN = "a later review made it again"
    UNPOSTED = "it was not posted"
    RETRACTED = "taken back by an operator"


_S = FindingState
_AFTER: Mapping[Event, tuple[frozenset[FindingState], FindingState]] = {
    Event.APPROVED: (frozenset({_S.HELD}), _S.OPEN),
    Event.REFUSED: (frozenset({_S.HELD, _S.KEPT}), _S.REFUSED),
    Event.UNDECIDED: (frozenset({_S.HELD, _S.KEPT}), _S.UNSAID),
    Event.SPOKEN: (frozenset({_S.OPEN}), _S.ANSWERED),
    Event.TURNED_DOWN: (LIVE, _S.DISMISSED),
    Event.CLOSED: (LIVE, _S.RESOLVED),
    Event.REOPENED: (frozenset({_S.RESOLVED}), _S.OPEN),
    # That the text settles it is good news also where a person had turned it down.
    Event.FIXED: (LIVE | {_S.DISMISSED}, _S.ADDRESSED),
    Event.ADOPTED: (LIVE | {_S.DISMISSED}, _S.ADOPTED),
    Event.NO_HOLDS: (MENDED, _S.DISMISSED),
    Event.WITHDRAWN: (LIVE, _S.WITHDRAWN),
    Event.UNSETTLED: (MENDED | {_S.DISMISSED}, _S.OPEN),
    Event.UNRULED: (CLOSED, _S.OPEN),
    Event.TAKEN_UP: (CLOSED, _S.OPEN),
    Event.ASKED_FOR: (frozenset({_S.KEPT}), _S.OPEN),
    Event.MADE_AGAIN: (frozenset({_S.KEPT, _S.REFUTED}), _S.UNSAID),
    # A comment may still wait in the outbox when a later review rules on its point.
    Event.UNPOSTED: (LIVE | MENDED | {_S.HELD, _S.KEPT, _S.WITHDRAWN}, _S.STALE),
    # A finding that was never posted cannot be taken back.
    Event.RETRACTED: (
        frozenset(_S) - {_S.STALE, _S.REFUSED, _S.UNSAID, _S.REFUTED},
        _S.RETRACTED,
    ),
}


def next_state(state: FindingState, event: Event) -> FindingState:
    """Return the state after an event; an event that cannot happen in a state changes nothing."""
    before, becomes = _AFTER[event]
    return becomes if state in before else state


SAID_NO = " said no"
UNREAD = "what was written under the old block since {:%Y-%m-%d %H:%M} UTC could not be read"
KNOWN_UNTIL = (
    "Posted anew, since its block was cut and pasted; "
    "I know the old thread up to {:%Y-%m-%d %H:%M} UTC."
)


def who_said_no(why: str) -> str:
    """Return who turned a finding down, as its history says it in Markdown; "" for nobody known."""
    name = why.removesuffix(SAID_NO)
    return "" if why in (name, Event.TURNED_DOWN) else name


TITLE_WORDS, TITLE_CHARS = 8, 80
# A sentence ends with its mark behind a word, and a blank. Behind another sign it is one of code,
# as in `#!` and `..`, and so is `!` behind a blank, but one that does not break, as in French. Nor
# does an abbreviation end it: what follows is no capital, or the word before is a letter or known.
SENTENCE = re.compile(
    r"(?:(?<=[\w)\]}>\"'”’“»`*%°€$£+\0.!?][.!?])(?<!\s[.!?]{2})(?<!\s[.!?]{3})"  # noqa: RUF001
    r"|(?<=[\xa0\u202f][!?])|(?<=\s\.))"
    r"(?<!\b[^\W\d_]\.)(?<!\b(?:ca|vs|Nr|Dr)\.)(?<!\b(?:bzw|ggf|vgl|Abs|Abb)\.)"
    r"(?<!\b(?:incl|inkl|evtl)\.)\s(?![\da-zß-öø-ÿ])|\n|(?<=[。！？])"  # noqa: RUF001
)
_CODE = re.compile(r"`([^`\n]+)`")
# What stands for code while words are counted, and for a blank in it while a title is cut.
_CODED, _BLANK = "\0", "\1"
_LINK = re.compile(r"\[([^\[\]]*)\]\([^()\s]*\)")
_TRAILING = " .,;:–—([“„«"  # noqa: RUF001 - marks of other alphabets
_MARKS = "\"'“”„‘’«»()[]{}–—-/&+=,;:.!?…"  # noqa: RUF001 - marks of other alphabets
_LEADING = re.compile(r"^(?:\s*(?:[-+*#>]+|\d{1,3}[.)])\s+)+|^\s*(?:```\w*|-{3,})\s*\n")
# Marks stand in pairs around words; a sign that stands alone is a word.
_MARKED = re.compile(r"(?<![\w\\])([*_~]{1,3})(?=[^\s*_~])([^\n]{0,200}?[^\s*_~])\1(?!\w)|`{2,}")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
# Words that lead to others, in the languages that are met most: a title that is cut ends before.
_LEADING_ON = """
    a about after against all also although among an and any are aren't as at be because been
    before between but by can can't cannot could couldn't did didn't do does doesn't don't
    during e.g each even every for from had has have her his how i.e if in into is isn't it its just
    least less may might more most must my no nor not of on only onto or our over per shall
    should since so some still such than that the their then there these this those though
    through to under unless until very via vs was were what when where whether which while who
    whose why will with within without won't would your
    aber alle allen aller als am an auch auf aus bei beim bevor bis bzw ca damit das dass dem
    den der des die dies diese diesem diesen dieser dieses durch ein eine einem einen einer
    eines er es falls für gegen ggf haben hatte ihr ihre ihrem ihren ihrer im in ins ist jede
    jedem jeden jeder jedes kann kein keine keinem keinen keiner können mit muss müssen nach
    nachdem nicht noch nur ob obwohl oder ohne pro sein seine seinem seinen seiner seit sich sie
    sind sobald sofern soll sollen sondern sowie statt trotz um und unter vom von vor wann warum
    was wegen weil welche welchem welchen welcher welches wenn wer werden wie wird wo wurde
    wurden während zu zum zur zwischen über
    au aux avec ce ces cet cette chaque comme dans de des dont du elle en entre est et il la le
    les leur leurs lorsque mais ne ou où par pas peut plus pour qu quand que qui sa sans se ses
    sont sous sur un une être
    al cada como con cuando de debe del desde donde el en entre es hasta la las los más ni o
    para pero por puede que quién se sin sobre son su sus una y
"""
_LEADS_ON = frozenset(_LEADING_ON.split())
_NUMBER = re.compile(r"[\d.,]+|one|two|three|four|five|six|seven|eight|nine|ten|zwei|drei|vier")
_JOINS = re.compile(
    r"although|and|because|but|if|or|since|that|though|unless|when|where|which|while|who"
    r"|aber|dass|obwohl|oder|sondern|und|während|weil|wenn|et|mais|ou|aunque|pero|y"
)
LEAST_WORDS = 3
# Words in German quotation marks, or in such of which the last is typed as on a keyboard.
_TYPED = re.compile(r'„([^„“”"]*)[“”"]|“([^„“”"]*)"')
_CLOSING = {"“": "”", "„": "“", "«": "»", "(": ")", "[": "]", '"': '"'}


def cut_short(words: Sequence[str]) -> str:
    """Return the beginning of a sentence without the words at its end that lead to others."""
    bare = [word.strip(_MARKS).casefold() for word in words]
    end = len(words)
    if end > LEAST_WORDS + 1 and _JOINS.fullmatch(bare[end - 2]):
        end -= 2  # a clause of which one word is left
    while end > LEAST_WORDS and _leads_on(bare[:end]):
        end -= 1
    return " ".join(words[:end]).rstrip(_TRAILING)


def _leads_on(bare: Sequence[str]) -> bool:
    """Tell whether words cannot end here: the last is a sign, leads to others, or counts them.

    A sign that may be the unit of a number, such as %, ends with it.
    """
    *_, before, last = bare
    counts = before in _LEADS_ON and _NUMBER.fullmatch(last)
    is_unit = bool(last) and _NUMBER.fullmatch(before)
    is_sign = not _is_word(last) and not is_unit
    return is_sign or last in _LEADS_ON or bool(counts)


def _is_word(text: str) -> bool:
    return any(char.isalnum() or char == _CODED for char in text)


def _closed(title: str) -> str:
    """Return a title that closes the quotation marks and brackets that it opens."""
    opened, shown = [], _TYPED.sub(r"\1\2", title)
    for sign, end in _CLOSING.items():
        count = shown.count(sign) - (shown.count("„") if sign == "“" else 0)
        if count % 2 if sign == end else count > shown.count(end):
            opened.append(sign)
    return title + "".join(_CLOSING[one] for one in sorted(opened, key=title.rfind, reverse=True))


def _without_article(words: list[str]) -> list[str]:
    """Return the words of an English title without the article at its beginning; else all.

    An A beside another letter that stands alone, or before a word that leads on, is a name.
    """
    article, after, *rest = words
    is_name = article == "A" and any(len(one) == 1 and one.isupper() for one in [after, *rest])
    if article not in ("The", "A", "An") or after.casefold() in _LEADS_ON or is_name:
        return words
    return [after.capitalize() if after.isalpha() and after.islower() else after, *rest]


def title_of(words: str) -> str:
    """Return a title of at most eight words: the beginning of the first sentence of `words`.

    Code counts as one word, however many blanks it has, and a sign alone as none. An article at its
    beginning is left out where that makes it fit; any other title is cut at its end, and reads as
    one: it ends with a word that says something, and what it opens it closes. It is plain text,
    without marks.
    """
    words = re.sub(f"[{_CODED}{_BLANK}]", " ", words)
    text = _LINK.sub(r"\1", _LEADING.sub("", words))
    code = iter([_BLANK.join(one.split()) for one in _CODE.findall(text)])
    text = _CODE.sub(_CODED, text).strip()
    while text != (plain := _MARKED.sub(r"\2", text)):
        text = plain
    text = _ESCAPED.sub(r"\1", text)
    first = " ".join(SENTENCE.split(text, maxsplit=1)[0].split())
    sentence = first.rstrip(".,;:…")
    if sum(map(_is_word, sentence.split())) == TITLE_WORDS + 1 and not first.endswith("…"):
        sentence = " ".join(_without_article(sentence.split()))
    parts = sentence.split()
    over = [at for at, part in enumerate(parts) if _is_word(part)][TITLE_WORDS:]
    kept = " ".join(parts[: over[0]] if over else parts)
    chosen = re.sub(_CODED, lambda _: next(code), kept)
    is_cut = kept != sentence or first.endswith("…")
    if len(chosen) > TITLE_CHARS:
        start = chosen[: TITLE_CHARS - 1]
        chosen, is_cut = start.rsplit(" ", 1)[0], True
    if is_cut:
        chosen = _closed(f"{cut_short(chosen.split(' '))}…")
    elif first != " ".join(text.split()):
        chosen = _closed(chosen)
    return chosen.replace(_BLANK, " ")
