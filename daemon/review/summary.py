"""The summary on the page, and the checklist that the prompt page requires. Pure."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce
from typing import Any

from daemon.domain.findings import FindingState, LedgerEntry, who_said_no
from daemon.domain.notation import few, first_of
from daemon.domain.values import Finding, Outcome, Severity
from daemon.notion.from_markdown import INNER, link, quoted
from daemon.review.cleaning import cleaned
from daemon.review.points import words_of
from daemon.review.quotes import WEIGHTY_CHARS, contains_words


# The most sections that a summary names as not read, and points in one of its lists.
OMITTED_NAMED, POINTS_NAMED = 8, 10
# Of points that are closed without a change of the text, the most that are named besides the
# blocking ones.
DROPPED_NAMED = 5
REMARK_CHARS = 1_000
SHRUNK = "*A newer summary follows below.*"
NOTHING_OPEN = "None of my points is open."
FOR_AUTHORS = (
    "*To drop a point, answer no with a reason in its thread. Write “review again” here for "
    "another look, “pause” to be left alone, “help” for all words.*"
)

SINCE, NO_LONGER, _QUESTION = "Since last time", "No longer open: ", "**Question"
_ASKED = re.compile(r"\*\*Question(?: of [^*\n]+)?:\*\* ")
# Before the model's words, once they may tell of points that stand otherwise since.
_AS_OF = re.compile(r"\*As of \d[^*\n]+:\*\n")
_KEPT, _MORE = "**Kept back:** ", ". Write `more` here and I post the next ones."
STANDS, OPEN_AGAIN, SEE_MY_ANSWER = "still open", "open again", "see my answer"
_DROPPED = {
    FindingState.DISMISSED: "dropped by {person}",
    FindingState.RESOLVED: "resolved",
    FindingState.WITHDRAWN: "withdrawn",
}
_HEADS = {
    Severity.BLOCKING: "Settle first",
    Severity.IMPORTANT: "Important",
    Severity.MINOR: "Worth a look",
}


@dataclass(frozen=True, slots=True)
class SummaryParts:
    """What a summary is put together from.

    Attributes:
        url: The page's address; a point's link leads to its block there.
        blocks: Ids of the page's blocks.
        words: What the model, or the prompt page, wants to be said.
        posted: The findings of this review, the most severe first.
        still_open: Earlier findings that are still open, each with whose word is the last about it.
        settled: Earlier findings that this review ruled fixed.
        dropped: Those that were closed otherwise, with how.
        question: The question to the author; "" for none.
        kept: Findings beyond the limit of comments, the most severe first.
        remarks: Sentences about the review itself.
        is_first: Whether it is the first one on its page.
    """

    url: str
    blocks: Collection[str]
    words: str
    posted: Sequence[Finding] = ()
    still_open: Mapping[Finding, str] = field(default_factory=dict)
    settled: Sequence[Finding] = ()
    dropped: Sequence[LedgerEntry] = ()
    question: str = ""
    kept: Sequence[Finding] = ()
    remarks: Sequence[str] = ()
    is_first: bool = False

    def named(self, one: Finding) -> str:
        """Return a point's title, linked to its block where that is on the page."""
        if one.block_id not in self.blocks or not self.url.startswith("http"):
            return quoted(one.title)
        return link(one.title, f"{self.url}#{one.block_id.replace('-', '')}")

    def settles(self, one: Finding) -> str:
        """Return the line that says that the text settled a point."""
        return f"Settled: “{self.named(_inner(one))}”"

    def to_do(self) -> Iterator[str]:
        """Yield a list for each severity, the gravest first: its new points, then the earlier ones.

        Of an earlier one it is said how it stands.
        """
        for severity, head in _HEADS.items():
            lines = [self.named(one) for one in self.posted if one.severity is severity]
            for one, stands in self.still_open.items():
                if one.severity is severity:
                    said = stands if stands.startswith(OPEN_AGAIN) else f"{STANDS}; {stands}"
                    lines.append(f"{self.named(one)} ({said.removesuffix('; ')})")
            if lines:
                yield _listed(head, lines)


def assembled(parts: SummaryParts) -> str:
    """Return a summary as Markdown."""
    remarks = " ".join(filter(None, parts.remarks))
    dropped = _dropped_note(parts)
    paragraphs = (
        "\n".join(parts.to_do()),
        parts.words,
        _listed(SINCE, [parts.settles(one) for one in parts.settled]),
        dropped,
        "" if parts.still_open or parts.posted or not (parts.settled or dropped) else NOTHING_OPEN,
        f"{_QUESTION}:** {parts.question}" if parts.question else "",
        _kept_note(parts),
        cleaned(remarks, frozenset(), REMARK_CHARS),
        FOR_AUTHORS if parts.is_first else "",
    )
    return "\n\n".join(filter(None, paragraphs))


def _dropped_note(parts: SummaryParts) -> str:
    """Return which points are closed without a change of the text, and how; "" for none.

    All blocking ones are named, of the others a few; each person with what that person dropped.
    """
    dropped = [one for state in _DROPPED for one in parts.dropped if one.state is state]
    dropped.sort(key=lambda one: one.finding.severity.rank)
    grave = sum(one.finding.severity is Severity.BLOCKING for one in dropped)
    shown, more = first_of(dropped, grave + DROPPED_NAMED)
    named = defaultdict[str, list[str]](list)
    for state, how in _DROPPED.items():
        for one in shown:
            if one.state is state:
                is_grave = one.finding.severity is Severity.BLOCKING
                name = f"“{quoted(_inner(one.finding).title)}”{' (blocking)' * is_grave}"
                named[how.format(person=who_said_no(one.why) or "people")].append(name)
    told = [f"{_and(names)} {how}" for how, names in named.items()]
    told += [f"and {more} others"] * bool(more)
    return f"{NO_LONGER}{'; '.join(told)}." if told else ""


def _inner(one: Finding) -> Finding:
    """Return a point with the title as it stands between quotation marks."""
    return replace(one, title=one.title.translate(INNER))


def _and(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _listed(head: str, lines: Sequence[str]) -> str:
    if not lines:
        return ""
    shown, more = first_of(lines, POINTS_NAMED)
    last = [f"• and {more} more"] * bool(more)
    # No Markdown list: it would stand apart from its head.
    return "\n".join([f"**{head}:**", *(f"• {line}" for line in shown), *last])


def without_point(summary: str, finding: Finding) -> str:
    """Return a summary that does not name a finding, and without a head left alone."""
    left = (_without(paragraph, finding) for paragraph in summary.split("\n\n"))
    return "\n\n".join(filter(None, left))


def _without(paragraph: str, finding: Finding) -> str:
    if paragraph.startswith(_KEPT):
        said = paragraph.removeprefix(_KEPT).removesuffix(_MORE)
        said = re.sub(rf"(?:^|; ){_name(finding)} \(\w+\)", "", said).removeprefix("; ")
        return f"{_KEPT}{said.removeprefix(', and ')}{_MORE}" if said else ""
    named = re.compile(rf"{_to_do_line(finding)}|• Settled: “{_name(_inner(finding))}”")
    kept = [line for line in paragraph.split("\n") if not named.fullmatch(line)]
    heads = {f"**{head}:**" for head in (*_HEADS.values(), SINCE)}
    pairs = zip(kept, [*kept[1:], ""], strict=True)
    return "\n".join(line for line, after in pairs if line not in heads or after.startswith("• "))


def _name(finding: Finding) -> str:
    """Return the pattern of a title, alone or linked to its block."""
    title, block = re.escape(quoted(finding.title)), finding.block_id.replace("-", "")
    return rf"(?:{title}|\[{title}\]\(\S*#{block}\))"


def _to_do_line(finding: Finding) -> str:
    return rf"• {_name(finding)}(?: \(.+\))?"


def relinked(summary: str, points: Collection[Finding]) -> str:
    """Return a summary whose links to blocks without points lead to where their points stand now.

    A link stays as it is where more than one point that it may mean has its title.
    """
    homes = [(one.block_id.replace("-", ""), one) for one in points]
    unlinked = [(home, one) for home, one in homes if home not in summary]
    times = Counter(one.title for _, one in unlinked)
    for home, one in unlinked:
        for named in (one, _inner(one)) if times[one.title] == 1 else ():
            others = "|".join(home for home, _ in homes)
            lost = rf"(\[{re.escape(quoted(named.title))}\]\(\S*#)(?!{others})\w+\)"
            summary = re.sub(lost, rf"\g<1>{home})", summary)
    return summary


def followed(summary: str, now: SummaryParts, gone: Collection[Finding], written: datetime) -> str:
    """Return a summary that stands as it reads now that some of its points stand otherwise.

    The model's words tell of the points as they stood, so their date is put before them; a question
    about a point that is closed goes.

    Args:
        summary: What it says.
        now: Of these points, those that are open again or posted since, and those that the text
            settled; and which points of the page are closed otherwise.
        gone: Those of these points that are closed otherwise, or taken back.
        written: When its words were written.
    """
    lines = summary.split("\n")

    def is_to_do(finding: Finding) -> bool:
        return any(re.fullmatch(_to_do_line(finding), line) for line in lines)

    settled = [one for one in now.settled if is_to_do(one)]
    gone = [one for one in gone if without_point(summary, one) != summary]
    opened = {one: how for one, how in now.still_open.items() if not is_to_do(one)}
    if summary.startswith(SHRUNK) or not (settled or gone or opened):
        return summary
    text = reduce(without_point, [*settled, *gone, *opened], summary)
    for one, how in opened.items():
        text = _with_line(text, _HEADS[one.severity], now.named(one) + (f" ({how})" if how else ""))
    for one in settled:
        text = _with_line(text, SINCE, now.settles(one))
    paragraphs = [
        one for one in text.split("\n\n") if not one.startswith((NO_LONGER, NOTHING_OPEN))
    ]
    lists = tuple(f"**{head}:**" for head in _HEADS.values())
    dropped, is_open = _dropped_note(now), paragraphs[:1] and paragraphs[0].startswith(lists)
    is_done = not is_open and (dropped or any(f"**{SINCE}:**" in one for one in paragraphs))
    at = _tail(paragraphs)
    paragraphs[at:at] = filter(None, [dropped, NOTHING_OPEN if is_done else ""])
    closed = [*settled, *gone]
    if closed or any(opened.values()):
        paragraphs = _dated([one for one in paragraphs if not _asks_of(one, closed)], written)
    return "\n\n".join(paragraphs)


def _dated(paragraphs: Sequence[str], written: datetime) -> list[str]:
    """Put the time before the model's words, and into the head of its question; once."""
    at = f"{written:%Y-%m-%d %H:%M} UTC"
    paragraphs = [_ASKED.sub(f"{_QUESTION} of {at}:** ", one, count=1) for one in paragraphs]
    ours = tuple(f"**{head}:**" for head in (*_HEADS.values(), SINCE))
    ours += (NO_LONGER, NOTHING_OPEN, _QUESTION, _KEPT, FOR_AUTHORS)
    said = [place for place, one in enumerate(paragraphs) if not one.startswith(ours)]
    if said and not any(map(_AS_OF.match, paragraphs)):
        paragraphs[said[0]] = f"*As of {at}:*\n{paragraphs[said[0]]}"
    return paragraphs


def _asks_of(paragraph: str, points: Iterable[Finding]) -> bool:
    """Tell whether a paragraph is the question, and that is about one of some points."""
    asked = question_of(paragraph)
    return asked != "" and any(tells_of(asked, one.title, one.quote) for one in points)


def question_of(summary: str) -> str:
    """Return what a summary asks; "" for nothing."""
    paragraphs = summary.split("\n\n")
    asked = (one[head.end() :] for one in paragraphs if (head := _ASKED.match(one)))
    return next(asked, "")


def shrunk(summary: str, *, answered: bool) -> str:
    """Return the line that is left of a summary; it has the question that a person answered."""
    asked = question_of(summary) if answered else ""
    return summary if summary.startswith(SHRUNK) else SHRUNK + f" It asked: {asked}" * bool(asked)


def without_question(summary: str) -> str:
    """Return a summary that asks nothing."""
    paragraphs = summary.split("\n\n")
    return "\n\n".join(one for one in paragraphs if not _ASKED.match(one))


def _with_line(text: str, head: str, line: str) -> str:
    """Add a line to the list with a head; a list that is not there yet is put where it belongs."""
    heads = [f"**{one}:**" for one in (*_HEADS.values(), SINCE)]
    lines, mine = text.split("\n"), f"**{head}:**"
    if mine in lines:
        at = lines.index(mine) + 1
        while at < len(lines) and re.match(r"• (?!and \d+ more$)", lines[at]):
            at += 1
        lines.insert(at, f"• {line}")
        return "\n".join(lines)
    paragraphs, made = text.split("\n\n"), f"{mine}\n• {line}"
    if head == SINCE or not paragraphs[0].startswith(tuple(heads[:-1])):
        paragraphs.insert(_tail(paragraphs) if head == SINCE else 0, made)
        return "\n\n".join(filter(None, paragraphs))
    first = paragraphs[0].split("\n")
    later = [first.index(one) for one in heads[heads.index(mine) :] if one in first]
    at = min(later, default=len(first))
    paragraphs[0] = "\n".join([*first[:at], made, *first[at:]])
    return "\n\n".join(paragraphs)


def _tail(paragraphs: Sequence[str]) -> int:
    """Return where what a summary says of points ends, and what it asks and offers begins."""
    ends = (_QUESTION, _KEPT, FOR_AUTHORS)
    return next((at for at, one in enumerate(paragraphs) if one.startswith(ends)), len(paragraphs))


def _kept_note(parts: SummaryParts) -> str:
    """Return what was kept, and how to get it; "" for nothing."""
    if not parts.kept:
        return ""
    shown, others = first_of(parts.kept, POINTS_NAMED)
    named = "; ".join(f"{parts.named(one)} ({one.severity.value})" for one in shown)
    return f"{_KEPT}{named}{f', and {others} more' * bool(others)}{_MORE}"


def left_out_note(below_floor: Sequence[Finding]) -> str:
    """Return how many points are too small to be posted, by severity; "" for none."""
    counts = Counter(one.severity for one in below_floor)
    if len(below_floor) <= 1:
        return "One smaller point was left out." if below_floor else ""
    by_grade = ", ".join(f"{counts[one]} {one.value}" for one in Severity if counts[one])
    said = f"{len(below_floor)} smaller points were left out"
    return f"{said}: {by_grade}." if len(counts) > 1 else f"{said}."


def unread_note(omitted: Sequence[str]) -> str:
    """Return the names of the sections that the model was not shown; "" for none."""
    if not omitted:
        return ""
    return f"Not read: {few(omitted, OMITTED_NAMED)}."


def incomplete_note(outcome: Outcome) -> str:
    """Return a sentence that the review is not complete; "" when it is."""
    return "" if outcome.is_complete else f"This review is not complete: {outcome.value}."


CHECKLIST_SCHEMA = {
    "type": "array",
    "description": "An answer to each point of the checklist",
    "items": {
        "type": "object",
        "properties": {
            "item": {"type": "integer", "description": "The point's number"},
            "answer": {"type": "string", "description": "One sentence, from the document alone"},
        },
        "required": ["item", "answer"],
        "additionalProperties": False,
    },
}


def checklist_instructions(items: Sequence[str]) -> str:
    """Return the instructions for answering the checklist."""
    lines = [f"{number}. {item}" for number, item in enumerate(items, 1)]
    return "\n".join(
        ["Answer each point in `finish`, under `checklist`, by its number:", "", *lines]
    )


def checklist_answers(given: Any, count: int) -> dict[int, str]:
    """Return the answers by item number; whatever has another shape is left out.

    Args:
        given: The model's `checklist` argument, of any shape.
        count: How many items the checklist has.
    """
    found: dict[int, str] = {}
    for one in given if isinstance(given, list | tuple) else ():
        number, words = (one.get("item"), one.get("answer")) if isinstance(one, Mapping) else (0, 0)
        item = str(number).strip()
        if not (item.isascii() and item.isdecimal() and isinstance(words, str)):
            continue
        if 1 <= int(item) <= count and words.strip():
            found[int(item)] = words.strip()
    return found


# Who says such a share of the words of weight in a title speaks of the point.
TITLE_SHARE = 0.5


def tells_of(sentence: str, title: str, words: str) -> bool:
    """Tell whether a sentence speaks of a point.

    It has words of the point's block, or half of those of weight in the point's title.
    """
    if words and contains_words(words, sentence):
        return True
    heavy = {word for word in words_of(title) if len(word) >= WEIGHTY_CHARS}
    return bool(heavy) and len(heavy & words_of(sentence)) >= len(heavy) * TITLE_SHARE
