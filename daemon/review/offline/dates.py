"""Dates that have passed, told as plans."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from datetime import date

from daemon.review.offline.document import (
    Document,
    Hit,
    Kind,
    Passage,
    alternatives,
    any_of,
    sentences,
)


_MONTHS = [name.lower() for name in calendar.month_abbr]
_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?"
    r"|Sep(?:t(?:ember)?)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\.?"
)
_YEAR = r"(?:19|20)\d\d"
_DATE = re.compile(
    rf"\b(?:{_YEAR}-[01]\d-[0-3]\d|{_MONTH}\s+[0-3]?\d(?:st|nd|rd|th)?,?\s+{_YEAR}"
    rf"|[0-3]?\d(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH},?\s+{_YEAR}|{_MONTH},?\s+{_YEAR}"
    rf"|[QH][1-4][\s/-]?{_YEAR}|{_YEAR}[\s/-]?[QH][1-4]|(?P<year>{_YEAR}))\b(?![/-]?\d|-\w)",
    re.IGNORECASE,
)
# "By the end of", "in early", "until Friday,": what stands between a preposition and its date.
_AROUND = (
    r"(?:(?:the|end|start|beginning|middle|of|early|mid|late|around|about|roughly|week|sometime|in"
    r"|\w+day,?)[\s-]+)*$"
)
_ON = r"\b(?:in|by|on|before|until|during|at|no later than|starting|as of)\s+"
_IN = r"\b(?:in|by|before|until)\s+"
_PLANNED = "planned|scheduled|expected|slated|due|targeted"
_WILL = (
    rf"\b(?:will|won't|shall|(?:is|are|am)\s+(?:going|set|supposed|{_PLANNED})(?:\s+to)?"
    r"|(?:we|they|I)'ll|(?:we|I|they)\s+(?:plan|expect|aim|intend|hope|want)\s+to"
    rf"|(?:plans|aims|intends)\s+to|{_PLANNED})\b"
)
_DOING = alternatives(
    """announce | arrive | be | begin | complete | cut | decide | decommission | delete | deliver
    | deploy | deprecate | disable | drop | enable | end | expire | finali[sz]e | finish | freeze
    | go | happen | have | introduce | land | launch | merge | migrate | move | open | pilot
    | publish | ramp | reach | release | remove | replace | retire | review | revisit | roll | ship
    | shut | start | stop | sunset | switch | take | test | turn | upgrade"""
)
# A second clause may own the date: "will replace what we built in 2019".
_OTHER_CLAUSE = alternatives(
    """that | which | who | whose | where | when | what | after | since | because | if | as | was
    | were | had | has | did | used | but | although | while | unlike | than | from"""
)
_GAP = rf"(?:(?!\b(?:{_OTHER_CLAUSE})\b)[^.;:!?\n\ufffc]){{0,60}}?"
_BEFORE_DATE = re.compile(
    rf"{_WILL}\s+(?:\w+\s+)?(?:be\s+\w+ed|(?:be\s+)?(?:{_DOING})\w*)\b(?P<gap>{_GAP}){_ON}{_AROUND}"
    rf"|\b(?:{_PLANNED})\s+(?:for|in|by|on)\s+{_AROUND}"
    r"|^\W*(?:ETA|(?:target|planned|expected|estimated|projected)(?:\s+(?:launch|release|start|GA"
    r"|completion|delivery|rollout|ship|go-live))?(?:\s+date)?)\s*[:-]\s*$",
    re.IGNORECASE,
)
_BEFORE_YEAR = re.compile(rf"{_IN}{_AROUND}", re.IGNORECASE)
_OPENS = re.compile(
    rf"^\W*(?:In|By|On|From|Starting|Before|Until|During|At)\s+{_AROUND}", re.IGNORECASE
)
_THEN_PLAN = re.compile(
    r"\s*,?\s+(?:we|it|they|the|this|our|all|every|each|an?)\b(?:\s+(?!\w+ed\b)[\w'-]+){0,5}?"
    rf"(?:\s+{_WILL}|'ll\b)",
    re.IGNORECASE,
)
# "The endpoints deprecated in March": the date is that of the participle, unless it is "be"'s.
_PARTICIPLE = re.compile(r"\w+(?:ed|built|made|written|begun|sent|taken|given|signed)\s*$")
_REPORTED = any_of(
    r"""said\b | announced\b | wrote\b | decided\b | agreed\b | promised\b | originally\b
    | at the time\b | back then\b | used to\b | was\b | were\b | had\b | tells?\b | someone\b
    | suppose\b | imagine\b | e\.g | example\b | would\b"""
)
_DONE = re.compile(
    r"\s*(?:done|shipped|implemented|completed?|closed|superseded|rejected|withdrawn|archived"
    r"|abandoned|obsolete|cancell?ed|deprecated|live|launched|released|declined)\b",
    re.IGNORECASE,
)
_HISTORY = any_of(
    r"""history | change.?log | revisions?\b | log\b | minutes\b | previous | earlier | old\b
    | archive | past\b | background | decision record | quotes?\b"""
)
_LONG = 160
_REACH = 200
_NEAR = 60
_QUARTER, _HALF, _YEAR_MONTHS = 3, 6, 12


def past_plans(document: Document, today: date) -> Iterator[Hit]:
    """Find plans whose date lies before `today`; silent where the page's work is over."""
    page = document.snapshot.page
    # A page about a period, "Goals 2024", may plan in it for ever.
    if re.search(rf"(?<!\d){_YEAR}(?!\d)", page.title) or any(
        _DONE.match(text) for _, text in page.properties
    ):
        return
    for passage in document.passages:
        if passage.is_prose and re.search(_YEAR, passage.own):
            heading = document.heading_of(passage)
            if heading is None or not _HISTORY.search(heading.text):
                yield from _past_plan(passage, today)


def _past_plan(passage: Passage, today: date) -> Iterator[Hit]:
    """Yield the first plan of a passage that is over."""
    for start, end in sentences(passage.own):
        sentence = passage.own[start:end]
        dates = [(found, last) for found in _DATE.finditer(sentence) if (last := _last_day(found))]
        if not dates or max(last for _, last in dates) >= today or _REPORTED.search(sentence):
            continue
        planned = next((found for found, _ in dates if _is_planned(sentence, found)), None)
        if planned:
            says = f"{planned[0]} is over, but this reads as a plan. Please say what came of it."
            begin, stop = start, end
            if end - start > _LONG:
                # Of a long sentence, only the part that leads to the date is quoted.
                stop = start + planned.end()
                near = passage.block.plain.rfind(" ", start, max(start, stop - _NEAR)) + 1
                begin = max(start, near)
            yield Hit(Kind.DATE, passage, begin, stop, says)
            return


def _is_planned(sentence: str, found: re.Match[str]) -> bool:
    before = sentence[: found.start()]
    if len(before) > _REACH:
        # A word in front, so that nothing takes the cut for the sentence's beginning.
        before = f"cut {before[-_REACH:]}"
    if found["year"] and not _BEFORE_YEAR.search(before):
        return False
    if _OPENS.match(before) and _THEN_PLAN.match(sentence, found.end()):
        return True
    plan = _BEFORE_DATE.search(before)
    return plan is not None and not _PARTICIPLE.search(plan["gap"] or "")


def _last_day(found: re.Match[str]) -> date | None:
    """Return the last day of a date as people write it; None where there is no such day."""
    text = found[0].lower()
    year = int(re.search(_YEAR, text)[0])  # type: ignore[index]  # every date has a year
    rest = text.replace(str(year), " ", 1)
    part = re.search(r"([qh])([1-4])", rest)
    month = re.search(r"[a-z]{3,}", rest)
    numbers = [int(number) for number in re.findall(r"\d+", rest)]
    try:
        if part:
            return _month_end(year, int(part[2]) * (_QUARTER if part[1] == "q" else _HALF))
        if month:
            number = _MONTHS.index(month[0][:3])
            return date(year, number, numbers[0]) if numbers else _month_end(year, number)
        return date(year, *numbers) if numbers else _month_end(year, _YEAR_MONTHS)
    except ValueError:
        return None


def _month_end(year: int, month: int) -> date:
    """Return the last day of a month; raises ValueError where there is no such month."""
    if month > _YEAR_MONTHS:
        raise ValueError(month)
    return date(year, month, calendar.monthrange(year, month)[1])
