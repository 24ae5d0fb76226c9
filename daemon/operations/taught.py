"""What people's noes teach: a line is proposed for the prompt page, in the open.

Nothing is left out by habit: until somebody adds the line, the reviewer goes on as before.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from itertools import combinations

from daemon.domain.errors import ReviewError
from daemon.domain.notation import first_of
from daemon.domain.phrases import phrases
from daemon.domain.records import TAUGHT_KEY, DeliveryState, MessageKind, OutboxMessage
from daemon.domain.values import Prompt
from daemon.notion.from_markdown import INNER, link, quoted
from daemon.operations.figures import NO_HEADING, topic_of
from daemon.review.cleaning import beginning, cleaned
from daemon.review.offline.document import kind_of
from daemon.review.prompt import one_line
from daemon.review.quotes import fold
from daemon.store import database, outbox, pages, prompts, sweeps, threads
from daemon.store.views import reporting
from daemon.store.views.reporting import SettledPoint
from daemon.sweep.context import Context, Target
from daemon.sweep.delivery import status


# So many points of a kind are turned down, on so many documents.
LEAST, DOCUMENTS = 3, 2
EVERY = timedelta(days=30)
# A word of a title that tells what a point is about has so many letters, or a digit.
WEIGHTY_CHARS = 4
SHOWN, REASON_CHARS = 5, 120
_COMMON = phrases(
    """about|after|also|another|before|being|between|cannot|could|does|each|enough|even|every|from
    |have|here|into|just|know|less|missing|more|most|must|need|neither|never|nobody|nothing|only
    |other|says|should|such|than|that|their|them|then|there|these|they|this|those|though|unclear
    |under|until|very|want|were|what|when|where|which|while|whose|will|with|within|without|would
    |your"""
)
_TOPIC, _RULE = "under ", "rule "


@lru_cache(maxsize=4_096)  # of a point that was settled they stay the same
def features(point: SettledPoint) -> frozenset[str]:
    """Return what a point is about: its topic and the telling words of its title, or its rule."""
    if rule := kind_of(point.finding):
        return frozenset({f"{_RULE}{rule.value}"})
    topic = topic_of(point.finding, point.section).replace("+", " ")
    words = {
        word.removesuffix("s")
        for word in re.findall(r"\w+", fold(point.finding.title).text)
        if word not in _COMMON and (len(word) >= WEIGHTY_CHARS or any(map(str.isdigit, word)))
    }
    return frozenset(words if topic == NO_HEADING else {*words, f"{_TOPIC}{topic}"})


def _kinds(point: SettledPoint) -> Iterator[frozenset[str]]:
    """Yield the kinds that a point is of: any two things that it is about, or its rule."""
    found = sorted(features(point))
    is_rule = len(found) == 1 and found[0].startswith(_RULE)
    yield from map(frozenset, combinations(found, 1 if is_rule else 2))


@dataclass(frozen=True, slots=True)
class Unwanted:
    """A kind of points that people do not want.

    Attributes:
        kind: What makes the kind.
        declined: Those that people turned down, the oldest first.
        settled: How many of the kind were settled in all.
    """

    kind: frozenset[str]
    declined: tuple[SettledPoint, ...]
    settled: int

    @property
    def line(self) -> str:
        """The line that is proposed, as plain text."""
        shared = frozenset.intersection(*map(features, self.declined))
        title = self.declined[-1].finding.title
        words = [
            one for one in re.findall(r"\w+", title) if fold(one).text.removesuffix("s") in shared
        ]
        topics = [one.removeprefix(_TOPIC) for one in shared if one.startswith(_TOPIC)]
        rules = [one.removeprefix(_RULE) for one in shared if one.startswith(_RULE)]
        named = " and ".join(f"“{one}”" for one in dict.fromkeys(words))
        about = [f"on {named}"] if words else []
        about += [f"under “{topic}”" for topic in topics]
        about += [f"of the rule “{rule}”" for rule in rules]
        return f"Leave out points {' '.join(about)}, such as “{title.translate(INNER)}”."


def unwanted(
    settled: Sequence[SettledPoint], former: Collection[frozenset[str]]
) -> Unwanted | None:
    """Return the kind of points that people turned down most often, and never acted on.

    A point of a `former` kind, for which a line was proposed, counts for no other. None where there
    is no such kind.
    """
    acted_on = {kind for one in settled if one.mended_at for kind in _kinds(one)}
    found: dict[frozenset[str], list[SettledPoint]] = {}
    for one in settled:
        told = features(one)
        for kind in _kinds(one) if not any(said <= told for said in former) else ():
            found.setdefault(kind, []).append(one)
    kinds = list[Unwanted]()
    for kind in sorted(found, key=sorted):
        declined = [one for one in found[kind] if one.declined]
        several = len({one.page_id for one in declined}) >= DOCUMENTS
        if kind not in acted_on and several and len(declined) >= LEAST:
            kinds.append(Unwanted(kind, tuple(declined), len(found[kind])))
    return max(kinds, key=lambda one: len(one.declined), default=None)


_LOOKED = "taught"


async def send(context: Context) -> None:
    """Propose a line on each prompt page where people's noes show one; say where one is over.

    Looked for once a day. A page gets one such comment in thirty days, and none twice: they are
    kept in the outbox, so that a crash neither loses nor doubles one.
    """
    state, today = context.state, context.notion.now.date().isoformat()
    if database.get_value(state, _LOOKED) == today or not context.notion.writes:
        return
    with state.atomic():
        written = [
            one
            for page_id, targets in status.by_prompt_page(context).items()
            for one in _messages(context, page_id, targets)
        ]
        outbox.add(state, written)
        database.set_value(state, _LOOKED, today)
    for one in written:
        with suppress(ReviewError):  # it waits in the outbox
            await context.deliver(context, one.page_id)


def _messages(context: Context, page_id: str, targets: Sequence[Target]) -> Iterator[OutboxMessage]:
    """Yield what is to be said on a prompt page that has a status comment."""
    state, now = context.state, context.notion.now
    comment, kept = status.last_status(state, page_id), prompts.prompt(state, page_id)
    stands = comment is not None and comment.state is DeliveryState.POSTED
    if not (stands and kept and status.is_wanted(targets)) or status.paused(context, targets):
        return
    prompt, prefix = kept[0], f"{TAUGHT_KEY}{page_id}:"
    said = outbox.messages_of(state, page_id=page_id)
    former = {
        frozenset(one.key.removeprefix(prefix).split("+")): one
        for one in said
        if one.key.startswith(prefix)
    }
    sources = pages.source_ids(state, (one.settings.id for one in targets))
    settled = [
        one
        for one in reporting.settled_points(state, sources)
        if one.finding.lens in ("", prompt.name)
    ]
    for kind, one in former.items():
        key = f"{TAUGHT_KEY}over:{one.key.removeprefix(TAUGHT_KEY)}"
        mended = [
            point
            for point in settled
            if point.mended_at and point.mended_at > one.created_at and kind <= features(point)
        ]
        if mended and one.comment_id and key not in (other.key for other in said):
            words = f"{_over(mended[-1])}\n\n{one.body}".strip()
            target, edit = one.comment_id, MessageKind.EDIT
            yield OutboxMessage(key, page_id, edit, target, page_id, words, prompt.name, now)
    last = max((one.created_at for one in former.values()), default=None)
    found = unwanted(settled, former) if last is None or now >= last + EVERY else None
    if found:
        sweeps.record_decision(state, page_id, now, "proposed", found.line)
        yield _message(context, page_id, prompt, found)


def _over(point: SettledPoint) -> str:
    where = link(point.document or "a document", point.url)
    title = quoted(point.finding.title)
    return f"_This is over: since then “{title}” was acted on in {where}._"


def _message(context: Context, page_id: str, prompt: Prompt, found: Unwanted) -> OutboxMessage:
    count = len(found.declined)
    whole = f"All {count}" if count == found.settled else f"{count} of {found.settled}"
    shown, more = first_of(found.declined[::-1], SHOWN)
    lines = [f"• {_evidence(context, one)}" for one in shown]
    lines += [f"• and {more} more"] * bool(more)
    words = (
        f"**A line for this page?** “{quoted(found.line.translate(INNER))}”\n\n"
        f"{whole} such points that people settled were turned down, and none was acted on:\n"
        + "\n".join(lines)
        + "\n\nIf they are not wanted, add a line like this one to the page; I never edit it. "
        "Until then I make such points as before. Answer `adopt` for a reminder of that."
    )
    return OutboxMessage(
        key=f"{TAUGHT_KEY}{page_id}:{'+'.join(sorted(found.kind))}",
        page_id=page_id,
        kind=MessageKind.NOTICE,
        target=page_id,
        place=page_id,
        body=words,
        name=prompt.name,
        created_at=context.notion.now,
    )


def _evidence(context: Context, point: SettledPoint) -> str:
    """Name a point that was turned down, its document, and the last words of a person about it."""
    seen = threads.comments(context.state, point.page_id).values()
    said = [one for one in seen if one.thread_id == point.thread_id and one.text.strip()]
    named = f"“{quoted(point.finding.title)}” in {link(point.document or 'Untitled', point.url)}"
    if not said:
        return named
    words = beginning(cleaned(one_line(said[-1].text), frozenset(), REASON_CHARS * 2), REASON_CHARS)
    return f"{named}; {quoted(said[-1].author or 'somebody')}: “{quoted(words)}”"
