"""A state as large as a company makes it in two years, made by the store's own functions."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from daemon.domain.findings import Event
from daemon.domain.records import (
    DeliveryState,
    MessageKind,
    OutboxMessage,
    PageRow,
    PageState,
    SourceRow,
)
from daemon.domain.values import Finding, Outcome, Prompt, Review, ReviewKind, Severity, Usage
from daemon.store import findings, outbox, pages, prompts, reviews, sweeps
from daemon.store.reviews import ReviewedLine, ReviewedText


EVENTS = (Event.SPOKEN, Event.TURNED_DOWN, Event.CLOSED, Event.FIXED, None, None)
SOURCE = "00000000-0000-4000-8000-000000000001"


def fill(db, now: datetime, *, pages_: int, findings_: int, days: int = 730, blocks: int = 40):
    """Make `pages_` pages with `findings_` findings each, over the last `days`."""
    chance = Random(7)
    with db.atomic():
        pages.save_source(
            db,
            SourceRow(SOURCE, "database", "RFCs", now - timedelta(days), now, pages_, now, now),
        )
        for number, version in enumerate(("p1", "p2")):
            said = Prompt("How we review RFCs", f"Ask about risks.\nBe short: {number}.", "prompt")
            prompts.save_version(db, version, said, now - timedelta(days=days - number))
        for number in range(pages_):
            _page(
                db, chance, number, now - timedelta(days=days) * chance.random(), findings_, blocks
            )
        for hour in range(24 * min(days, 90)):
            at = now - timedelta(hours=24 * min(days, 90) - hour)
            sweeps.end_sweep(db, sweeps.begin_sweep(db, at), _result(chance, at), at)


def page_id(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-00000000000a"


def _page(db, chance, number, at, count, blocks):
    id_ = page_id(number)
    title = f"{chance.choice(['Move', 'Split', 'Retire', 'Cache', 'Sign'])} the service {number}"
    state = chance.choices([PageState.DONE, PageState.DUE, PageState.PARKED], [90, 8, 2])[0]
    pages.save(
        db,
        [
            PageRow(
                id_,
                SOURCE,
                title,
                f"https://app.notion.com/p/{number}",
                at,
                state,
                due_at=at if state is PageState.DUE else None,
                dirty_since=at,
                attempts=int(state is PageState.PARKED) * 10,
                error="Notion did not answer" if state is PageState.PARKED else None,
                reviewed_at=at,
            )
        ],
    )
    lines = [
        ReviewedLine(
            f"{number:08x}-0000-4000-8000-{n:012x}", "paragraph", 0, f"Line {n} of {title}. " * 5
        )
        for n in range(blocks)
    ]
    prompt = "p1" if at.toordinal() % 3 else "p2"
    usage = Usage(2, chance.randrange(3000, 30000), 1000, chance.randrange(200, 2000), 0.02)
    review = Review(Outcome.DONE, (), (), {}, "Say more.", (), "anthropic:claude", usage)
    held = reviews.add(
        db,
        id_,
        review,
        kind=ReviewKind.REVIEW,
        prompt=prompt,
        content_hash="abc",
        sweep_id=None,
        at=at,
    )
    reviews.save_text(db, held, id_, ReviewedText(title, (), tuple(lines)), at)
    for n in range(count):
        _finding(db, chance, held, id_, lines[n % blocks], n, at)
    for _ in range(5):
        sweeps.record_decision(db, id_, at, "nominated", "edited, read at once")


def _finding(db, chance, held, id_, line, n, at):
    severity = chance.choice(list(Severity))
    found = Finding(line.id, f"Line {n}", f"What happens then, {n}?", severity)
    number = findings.add(db, held, id_, found, at)
    thread = f"t-{id_}-{n}"
    message = OutboxMessage(
        f"finding:{id_}:{n}",
        id_,
        MessageKind.FINDING,
        line.id,
        line.id,
        f"*Line {n}*\nWhat then?",
        "RFC reviewer",
        at,
        review_id=held,
        finding_id=number,
    )
    outbox.add(db, [message])
    outbox.mark_posted(db, message, f"c-{id_}-{n}", thread, at)
    event = chance.choice(EVENTS)
    if event is None:
        return
    findings.apply_event(db, number, event, at + timedelta(hours=chance.randrange(1, 200)))
    if event is Event.SPOKEN:
        reply = OutboxMessage(
            f"reply:{id_}:{n}",
            id_,
            MessageKind.REPLY,
            thread,
            line.id,
            "Because of the load.",
            "RFC reviewer",
            at,
            review_id=held,
            state=DeliveryState.INTENT,
            asked_at=at,
        )
        outbox.add(db, [reply])
        wait = timedelta(minutes=chance.randrange(1, 180))
        outbox.mark_posted(db, reply, f"r-{id_}-{n}", thread, at + wait)


def _result(chance, at):
    return {
        "outcome": chance.choices(["ok", "partial", "failed"], [94, 5, 1])[0],
        "started": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "finished": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "seconds": round(chance.random() * 60, 3),
        "pages_seen": chance.randrange(40),
        "pages_changed": 5,
        "pages_reviewed": chance.randrange(5),
        "pages_waiting": 3,
        "pages_failed": 0,
        "comments_posted": chance.randrange(20),
        "replies_posted": 2,
        "summaries_posted": 1,
        "notion_requests": chance.randrange(10, 400),
        "model_requests": 4,
        "input_tokens": 40000,
        "output_tokens": 3000,
        "cost_usd": 0.21,
    }
