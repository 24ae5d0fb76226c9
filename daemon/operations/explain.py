"""Why a page was or was not commented on, from the state alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from daemon.domain.due import Pause
from daemon.domain.errors import UnknownItem
from daemon.domain.events import HOLDING, split_alert
from daemon.domain.findings import FindingState
from daemon.domain.notation import counted, iso
from daemon.domain.records import (
    DeliveryState,
    FindingRow,
    MessageKind,
    OutboxMessage,
    PageRow,
    PageState,
)
from daemon.domain.values import Outcome, ReviewKind
from daemon.notion.from_markdown import plain_text, rich_text
from daemon.store import findings, outbox, pages, prompts, reviews, sweeps, threads
from daemon.store.database import State
from daemon.store.reviews import ReviewRow


_NO_PROMPTS: Mapping[str, str] = {}
_STANDS = {PageState.BASELINED: "not reviewed yet"}
_ON_ITS_WAY = (DeliveryState.INTENT, DeliveryState.SENDING, DeliveryState.UNCLEAR)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the state knows of a page.

    Attributes:
        row: The page.
        trouble: Why its data source cannot be swept, "" where it can.
        alerts: The alerts that stand: name to text.
        reviews: Its reviews, the oldest first.
        messages: What was to be posted on it, the oldest first.
        unread: Why its text was last looked at and not reviewed, "" where it was.
        left: Why it last left its database, "" where that is not known.
        refuted: The reviews that made the points that second looks dropped.
        foreign: How many threads have words of ours that another state posted.
        pause: The pause of all that is reviewed under its prompt; None for none.
        now: The time.
    """

    row: PageRow
    trouble: str
    alerts: Mapping[str, str]
    reviews: Sequence[ReviewRow]
    messages: Sequence[OutboxMessage]
    unread: str
    left: str
    refuted: Sequence[int]
    foreign: int
    pause: Pause | None
    now: datetime


# How a person does something about a page or a draft, such as (`retry`, the page's id).
Remedy = Callable[[str, str], str]


def command(act: str, subject: str) -> str:
    """Return the command that does it."""
    return f"notion-review {act} {subject}"


def verdict(facts: Facts, remedy: Remedy = command) -> str:
    """Return why the page has, or has not, been commented on."""
    row = facts.row
    reasons = []
    if row.paused:
        until = f" until {iso(row.paused_until)}" if row.paused_until else ""
        reasons.append(f"it is paused{until} (to end that: {remedy('resume', row.id)})")
    if facts.pause:
        until = f" until {iso(facts.pause.until)}" if facts.pause.until else ""
        by = f" by {facts.pause.by}" if facts.pause.by else ""
        reasons.append(
            f"all under its prompt is paused{until}, since {iso(facts.pause.at)}{by} (to end that: "
            "`resume` in a comment on the prompt page, or notion-review resume with its address)"
        )
    if facts.trouble and row.state not in (PageState.GONE, PageState.LEFT):
        reasons.append(f"its database cannot be swept: {facts.trouble}")
    match row.state:
        case PageState.GONE:
            reasons.append(
                "it is not listed any more: trashed, moved, or not shared with the connection"
            )
        case PageState.LEFT:
            reasons.append(facts.left or "it left the database")
        case PageState.BASELINED:
            reasons.append(
                "it is older than the first sweep looks back (`lookback`), so it waits for its "
                "next edit; to review it now: "
                f"{remedy('review', row.id)}"
            )
        case PageState.PARKED:
            reasons.append(
                f"{_failed(row)} and waits for its next edit, or for {remedy('retry', row.id)}"
            )
        case PageState.DUE:
            reasons.append(_why_due(facts))
        case PageState.DONE:
            reasons += _why_done(facts, remedy)
    return "; ".join(reasons)


def _why_due(facts: Facts) -> str:
    row = facts.row
    when = iso(row.due_at) if row.due_at else "now"
    if row.attempts:
        return f"{_failed(row)} and is tried again from {when} on"
    if row.due_at and row.due_at > facts.now:
        if row.error:
            return f"it waits: {row.error}"
        return f"it was edited {iso(row.edited)}, and is read from {when} on if no edit follows"
    held = {name: text for name, text in facts.alerts.items() if split_alert(name)[0] in HOLDING}
    # A prompt page whose last good version stays in use holds nothing up.
    if held_up := "; ".join(text for text in held.values() if "stays in use" not in text):
        return f"it is due, and waits: {held_up}"
    return "it is due at the next sweep"


def _failed(row: PageRow) -> str:
    return f"it failed {counted(row.attempts, 'time')} ({row.error})"


def _why_done(facts: Facts, remedy: Remedy) -> Iterator[str]:
    last = next((one for one in reversed(facts.reviews) if one.kind is ReviewKind.REVIEW), None)
    if facts.unread:
        yield f"its last edit was read and not reviewed: {facts.unread}"
    elif last is None:
        yield "it was read, and never reviewed"
    if last is None:
        return
    messages = [one for one in facts.messages if one.review_id == last.id]
    parts = list(_deliveries(messages, remedy))
    refused = [reason for tool, reason in last.refusals if tool == "comment"]
    if refused:
        parts.append(f"{counted(len(refused), 'comment')} refused")
    if last.summary and not any(
        one.kind in (MessageKind.SUMMARY, MessageKind.EDIT) for one in messages
    ):
        parts.append("its summary was kept back: `page_comment` is off, or it said nothing new")
    if refuted := facts.refuted.count(last.id):
        parts.append(f"{counted(refuted, 'point')} dropped by a second look")
    if not parts and not last.summary:
        complete = Outcome(last.outcome).is_complete
        old = f" to {counted(facts.foreign, 'thread')} of ours from before this state"
        added = f"it had nothing to add{old if facts.foreign else ''}"
        parts.append(added if complete else "nothing came of it")
    ended = "" if last.outcome == Outcome.NOTHING_TO_ADD else f" ({last.outcome})"
    yield f"reviewed {iso(last.at)}{ended}: {', '.join(parts)}"


def _deliveries(messages: Sequence[OutboxMessage], remedy: Remedy) -> Iterator[str]:
    """Yield how many messages were posted, held, are on their way, or were dropped."""
    posted = [one for one in messages if one.state is DeliveryState.POSTED]
    for kind in MessageKind:
        if number := sum(one.kind is kind for one in posted):
            verb = "edited" if kind is MessageKind.EDIT else "posted"
            yield f"{counted(number, _NOUNS[kind])} {verb}"
    if held := [one for one in messages if one.state is DeliveryState.HELD]:
        show = remedy("drafts show", str(held[0].review_id))
        yield f"{len(held)} held for approval ({held[0].note}): {show}"
    if waiting := [one for one in messages if one.state in _ON_ITS_WAY]:
        why = next((one.note for one in waiting if one.note), None)
        yield f"{len(waiting)} on their way" + (f" ({why})" if why else "")
    if dropped := [one for one in messages if one.state is DeliveryState.DROPPED]:
        yield f"{len(dropped)} dropped ({dropped[0].note or 'no reason known'})"


_NOUNS = {
    MessageKind.FINDING: "comment",
    MessageKind.REPLY: "reply",
    MessageKind.SUMMARY: "summary",
    MessageKind.EDIT: "comment",
    MessageKind.NOTICE: "notice",
}


# Quotation marks within others, such as those of a title that quotes.
_NESTED = re.compile("“([^“”]*)“([^“”]*)”([^“”]*)”")
LONGEST = 100  # characters of a comment in the list; the whole text stands in Notion


def explain(
    state: State | None,
    page_id: str,
    given: Mapping[str, str] = _NO_PROMPTS,
    *,
    with_prompts: bool = False,
) -> list[str]:
    """Return the answer in one sentence, then everything that it rests on.

    With `with_prompts` the texts of its prompts, too. `given`: the prompt of each database.

    Raises:
        UnknownItem: The state does not know the page.
    """
    row = pages.page(state, page_id) if state else None
    if state and row is None and (told := prompts.prompt(state, page_id)):
        return [told[0].name, "  a prompt page", *_section("decisions", _decisions(state, page_id))]
    if state is None or row is None:
        raise UnknownItem(
            f"page {page_id}: no sweep has seen it; check that its database is in config.yaml and "
            "shared with the connection, and that `where` selects it"
        )
    facts = _facts(state, row, given)
    paused = ", paused" if row.paused or facts.pause else ""
    stands = f"  {_STANDS.get(row.state, row.state.value)}{paused}, last edited {iso(row.edited)}"
    head = [row.title or "(no title)", f"  {row.url}", stands]
    if row.due_at:
        head.append(f"  to be read from {iso(row.due_at)} on")
    if row.hash:
        read = f", read {iso(row.read_at)}" if row.read_at else ""
        prompt = f"{row.prompt or 'none'}, settings {row.settings or 'unknown'}"
        head.append(f"  hash {row.hash[:12]}, prompt {prompt}{read}")
    return [
        *head,
        f"  why: {verdict(facts)}",
        *_section("reviews", _reviews(facts, prompts.version_names(state))),
        *_section("comments", _comments(facts, findings.of_page(state, page_id))),
        *_section("decisions", _decisions(state, page_id)),
        *(_section("prompts", _prompts(state, facts)) if with_prompts else ()),
    ]


def _decisions(state: State, page_id: str) -> Iterator[str]:
    for at, what, detail in sweeps.decisions(state, page_id):
        said = _NESTED.sub("“\\1\u2018\\2\u2019\\3”", detail)
        yield f"{at}  {what}: {said}" if said else f"{at}  {what}"


def _prompts(state: State, facts: Facts) -> Iterator[str]:
    for version in dict.fromkeys(one.prompt for one in facts.reviews):
        found = prompts.version(state, version)
        if found is None:
            yield f"{version}: its text is not kept"
            continue
        prompt, since = found
        yield f"{version}: {prompt.name}, from {prompt.origin}, in use since {iso(since)}"
        for title, text in (("", prompt.text), *prompt.knowledge):
            if title:
                yield f"  background page: {title}"
            yield from (f"    {line}" for line in text.splitlines())


def why(state: State, row: PageRow, given: Mapping[str, str], remedy: Remedy) -> str:
    """Return the answer alone: why the page has, or has not, been commented on."""
    return verdict(_facts(state, row, given), remedy)


def _facts(state: State, row: PageRow, given: Mapping[str, str]) -> Facts:
    source = pages.source(state, row.source_id)
    # Alerts that name another database or page say nothing of this one.
    subjects = {"", *source.config_ids} if source else {""}
    alerts = {
        alert["name"]: alert["text"]
        for alert in sweeps.alerts(state)
        if split_alert(alert["name"])[1] in subjects
    }
    messages = outbox.messages_of(state, page_id=row.id)
    # Of a point that was posted anew where its text was pasted, the comment that stands.
    raising = {one.raises: one for one in messages}
    decided = [(what, detail) for _, what, detail in sweeps.decisions(state, row.id)]
    looks = [one for one in decided if one[0] in ("reviewed", "not reviewed")]
    return Facts(
        row=row,
        trouble=(source.trouble if source else None) or "",
        alerts=alerts,
        reviews=reviews.reviews_of(state, row.id),
        messages=[one for one in messages if one.raises is None or raising[one.raises] is one],
        unread=looks[-1][1] if looks and looks[-1][0] == "not reviewed" else "",
        left=next((detail for what, detail in reversed(decided) if what == "left"), ""),
        refuted=[
            one.review_id
            for one in findings.of_page(state, row.id)
            if one.state is FindingState.REFUTED
        ],
        foreign=threads.of_another_state(state, row.id),
        pause=pages.asleep(state, given).get(row.source_id),
        now=datetime.now(UTC),
    )


def _section(name: str, lines: Iterable[str]) -> list[str]:
    found = list(lines)
    return [name, *(f"  {line}" for line in found)] if found else [f"no {name}"]


def _reviews(facts: Facts, names: Mapping[str, str]) -> Iterator[str]:
    for one in facts.reviews:
        prompt = f"{names[one.prompt]} ({one.prompt})" if one.prompt in names else one.prompt
        kind = "review" if one.kind is ReviewKind.REVIEW else "answers"
        ended = f"{one.outcome}, ${one.cost_usd:.4f}, prompt {prompt or 'none'}"
        yield f"{one.id}  {iso(one.at)}  {kind} by {one.model}: {ended}"
        if one.summary:
            yield f"    summary: {_short(plain_text(rich_text(one.summary)))}"
        for tool, reason in one.refusals:
            yield f"    refused {tool}: {_short(reason)}"


def _comments(facts: Facts, raised: Sequence[FindingRow]) -> Iterator[str]:
    """Yield what was to be posted, in order of time: of a review its points, then the rest."""
    by_id = {one.id: one for one in raised}
    by_thread = {one.discussion_id: one for one in raised}
    found = list[tuple[datetime, int, int, list[str]]]()
    for message in facts.messages:
        of_review = f" of review {message.review_id}" if message.review_id else ""
        note = f" ({message.note})" if message.note else ""
        lines = [f"{message.kind.value}{of_review}: {message.state.value}{note}"]
        point = by_id.get(message.finding_id or 0) or by_thread.get(message.target)
        rank, said_there = 2, plain_text(rich_text(message.body))
        if message.kind is MessageKind.FINDING and point is not None:
            rank, said = 0, f"{point.state.value}, {point.finding.severity.value}"
            lines.append(f"    {said}: {point.finding.title}")
            said_there = point.finding.text
        elif point is not None:
            lines.append(f"    about: {point.finding.title}")
        lines.append(f"    {_short(said_there)}")
        found.append((message.created_at, message.review_id or 0, rank, lines))
    for one in raised:
        if one.state in (FindingState.KEPT, FindingState.REFUTED):
            line = f"{one.state.value} by review {one.review_id}, {one.finding.severity.value}"
            why = [f"    {_short(one.why)}"] if one.state is FindingState.REFUTED else []
            found.append((one.at, one.review_id, 1, [f"{line}: {one.finding.title}", *why]))
    for at, _, _, (first, *more) in sorted(found, key=lambda one: one[:3]):
        yield f"{iso(at)}  {first}"
        yield from more


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
