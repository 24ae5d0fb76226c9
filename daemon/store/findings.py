"""The ledger of findings: what was raised where, what became of it, and when."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlite_utils import Database

from daemon.domain.findings import MENDED, UNPUBLISHED, Event, FindingState, LedgerEntry, next_state
from daemon.domain.notation import iso, when
from daemon.domain.records import FindingRow, StateChange
from daemon.domain.values import Finding, Severity, Source
from daemon.store.database import get_json, set_value


_SELECT = (
    "SELECT block_id, quote, text, severity, source, title, lens, instead, id, state,"
    " discussion_id, at, review_id, (SELECT why FROM finding_history WHERE finding_id = findings.id"
    " ORDER BY id DESC LIMIT 1)"
)


def _finding(row: Sequence[Any]) -> FindingRow:
    block, quote, text, severity, source, title, lens, instead, *rest = row
    number, state, thread, at, review, why = rest
    finding = Finding(block, quote, text, Severity(severity), Source(source), title, lens, instead)
    return FindingRow(number, finding, FindingState(state), thread, when(at), review, why or "")


def add(
    db: Database,
    review_id: int,
    page_id: str,
    finding: Finding,
    at: datetime,
    why: str = "made",
    *,
    section: str = "",
    state: FindingState = FindingState.OPEN,
) -> int:
    """Store a finding in its first state; return its number. `section` is the heading above it.

    `why` is the first line of its history.
    """
    with db.atomic():
        row = db.execute(
            "INSERT INTO findings"
            " (review_id, page_id, block_id, quote, text, severity, source, state, at, section,"
            " title, lens, instead) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
            [
                review_id,
                page_id,
                finding.block_id,
                finding.quote,
                finding.text,
                finding.severity.value,
                finding.source.value,
                state.value,
                iso(at),
                section,
                finding.title,
                finding.lens,
                finding.instead,
            ],
        ).fetchone()
        _note(db, row[0], state, why, at)
    return int(row[0])


def apply_event(
    db: Database, finding_id: int, event: Event, at: datetime, why: str = ""
) -> FindingState:
    """Apply an event to a finding and return the state after it.

    The state and its line in the history change in one transaction. `why` takes the place of the
    event's own words.
    """
    with db.atomic():
        row = db.execute("SELECT state FROM findings WHERE id = ?", [finding_id]).fetchone()
        before = FindingState(row[0])
        state = next_state(before, event)
        if state is not before:
            db.execute("UPDATE findings SET state = ? WHERE id = ?", [state.value, finding_id])
            _note(db, finding_id, state, why or event.value, at)
    return state


def _note(db: Database, finding_id: int, state: FindingState, why: str, at: datetime) -> None:
    db.execute(
        "INSERT INTO finding_history (finding_id, at, state, why) VALUES (?, ?, ?, ?)",
        [finding_id, iso(at), state.value, why],
    )


def get(db: Database, finding_id: int) -> FindingRow | None:
    """Return a finding, or None."""
    row = db.execute(f"{_SELECT} FROM findings WHERE id = ?", [finding_id]).fetchone()
    return _finding(row) if row else None


def of_page(db: Database, page_id: str) -> list[FindingRow]:
    """Return every finding of a page, the oldest first."""
    rows = db.execute(f"{_SELECT} FROM findings WHERE page_id = ? ORDER BY id", [page_id])
    return [_finding(row) for row in rows.fetchall()]


def ledger(known: Iterable[FindingRow]) -> list[LedgerEntry]:
    """Return those of a page's findings that were published or will be: none is raised again."""
    told = (one for one in known if one.state not in UNPUBLISHED)
    return [LedgerEntry(one.finding, one.state, one.why) for one in told]


def kept(db: Database, page_id: str, known: Iterable[FindingRow]) -> list[FindingRow]:
    """Return those of a page's findings that may be posted when a person asks for more.

    The gravest come first, of equals the earliest. What waits for approval with its review is
    not among them.
    """
    found = [one for one in known if one.state is FindingState.KEPT]
    if not found:
        return []
    waiting = db.execute(
        "SELECT review_id FROM drafts WHERE page_id = ? AND state = 'waiting'", [page_id]
    )
    held = {row[0] for row in waiting.fetchall()}
    told = [one for one in found if one.review_id not in held]
    return sorted(told, key=lambda one: one.finding.severity.rank)


def settled(
    db: Database,
    source_ids: Sequence[str],
    states: Sequence[FindingState],
    page_id: str,
    limit: int,
) -> list[FindingRow]:
    """Return the last findings of some data sources that a model made and people settled so.

    They are of other pages than this one, and the text that each was made on is kept.
    """
    rows = db.execute(
        f"{_SELECT} FROM findings WHERE page_id IN (SELECT id FROM pages"  # noqa: S608 - own names
        " WHERE source_id IN (SELECT value FROM json_each(?))) AND source = 'model'"
        " AND state IN (SELECT value FROM json_each(?))"
        " AND EXISTS (SELECT 1 FROM texts WHERE texts.review_id = findings.review_id)"
        " AND page_id != ? ORDER BY id DESC LIMIT ?",
        [json.dumps(list(source_ids)), json.dumps([one.value for one in states]), page_id, limit],
    )
    return [_finding(row) for row in rows.fetchall()]


def kept_of_review(db: Database, review_id: int) -> list[int]:
    """Return the numbers of the findings that a review keeps back."""
    rows = db.execute(
        "SELECT id FROM findings WHERE review_id = ? AND state = 'kept' ORDER BY id", [review_id]
    )
    return [row[0] for row in rows.fetchall()]


def set_text(db: Database, finding_id: int, text: str) -> None:
    """Give a finding another text; its quote stays."""
    db.execute("UPDATE findings SET text = ? WHERE id = ?", [text, finding_id])


def replace_block_ids(db: Database, page_id: str, moved: Mapping[str, str]) -> None:
    """Move findings to the new ids of their blocks; `moved` maps a new id to the old one."""
    with db.atomic():
        db.conn.executemany(
            "UPDATE findings SET block_id = ? WHERE page_id = ? AND block_id = ?",
            [[new, page_id, old] for new, old in moved.items()],
        )


def set_place(db: Database, finding_id: int, finding: Finding) -> None:
    """Give a finding the block, the quote, the text and the offer that it has now."""
    db.execute(
        "UPDATE findings SET block_id = ?, quote = ?, text = ?, instead = ? WHERE id = ?",
        [finding.block_id, finding.quote, finding.text, finding.instead, finding_id],
    )


def unlink_thread(db: Database, finding_id: int) -> None:
    """Make the thread of a finding an earlier one: it went, and the finding begins another."""
    with db.atomic():
        db.execute(
            "UPDATE threads SET finding_id = ?1"
            " WHERE id = (SELECT discussion_id FROM findings WHERE id = ?1)",
            [finding_id],
        )
        db.execute("UPDATE findings SET discussion_id = NULL WHERE id = ?", [finding_id])


def earlier_threads(db: Database, page_id: str) -> dict[str, int]:
    """Return the threads that went with their blocks: which finding of a page began each."""
    rows = db.execute(
        "SELECT id, finding_id FROM threads WHERE page_id = ? AND finding_id IS NOT NULL",
        [page_id],
    )
    return {row[0]: row[1] for row in rows.fetchall()}


def standing_no(db: Database, finding_id: int) -> str:
    """Return how a person turned a finding down that was not opened again since; "" for no no."""
    told = (FindingState.OPEN, FindingState.DISMISSED)
    last = next((one for one in reversed(history(db, finding_id)) if one.state in told), None)
    return last.why if last and last.state is FindingState.DISMISSED else ""


def open_again(
    db: Database, finding_id: int, event: Event, at: datetime, why: str = ""
) -> FindingState:
    """Take back what settled a finding and return the state after it.

    One that a person had turned down before it was ruled fixed is turned down then, and not open.
    """
    row = get(db, finding_id)
    no = standing_no(db, finding_id) if row and row.state in MENDED else ""
    event, why = (Event.NO_HOLDS, no) if no else (event, why)
    return apply_event(db, finding_id, event, at, why)


def last_times(db: Database, page_id: str) -> dict[tuple[int, FindingState], datetime]:
    """Return when each finding of a page last came into each state that it was ever in."""
    rows = db.execute(
        "SELECT finding_id, finding_history.state, max(finding_history.at) FROM findings"
        " JOIN finding_history ON finding_id = findings.id WHERE page_id = ?"
        " GROUP BY finding_id, finding_history.state",
        [page_id],
    )
    return {(row[0], FindingState(row[1])): when(row[2]) for row in rows.fetchall()}


def closed_since_review(db: Database, page_id: str, before: int = 0) -> list[FindingRow]:
    """Return the findings of a page that a ruling or people closed after its last review.

    `before` is how many reviews further back: 1 for the one before the last.
    """
    rows = db.execute(
        f"{_SELECT} FROM findings"  # noqa: S608 - own names
        " WHERE page_id = ?1"
        " AND state IN ('addressed', 'adopted', 'withdrawn', 'dismissed', 'resolved')"
        " AND EXISTS (SELECT 1 FROM finding_history"
        " WHERE finding_id = findings.id AND state = findings.state"
        " AND at > coalesce((SELECT at FROM reviews WHERE page_id = ?1 AND kind = 'review'"
        "  ORDER BY id DESC LIMIT 1 OFFSET ?2), ''))"
        " ORDER BY id",
        [page_id, before],
    )
    return [_finding(row) for row in rows.fetchall()]


def opened_since_review(db: Database, page_id: str) -> dict[int, str]:
    """Return why each open finding of a page that was closed is open again since its last review.

    A person may have spoken to it meanwhile.
    """
    rows = db.execute(
        "SELECT findings.id, why FROM findings JOIN finding_history AS last"
        " ON last.id = (SELECT max(id) FROM finding_history"
        "  WHERE finding_id = findings.id AND state = 'open')"
        " WHERE page_id = ?1 AND findings.state IN ('open', 'answered')"
        " AND last.at > (SELECT max(at) FROM reviews WHERE page_id = ?1 AND kind = 'review')"
        " AND EXISTS (SELECT 1 FROM finding_history WHERE finding_id = findings.id"
        "  AND id < last.id"
        "  AND state IN ('addressed', 'adopted', 'withdrawn', 'dismissed', 'resolved'))",
        [page_id],
    )
    return dict(rows.fetchall())


def last_change(db: Database) -> int:
    """Return the number of the last change of any finding's state; 0 where there was none."""
    row = db.execute("SELECT max(id) FROM finding_history").fetchone()
    return int(row[0] or 0)


# Up to which change of a point the summaries followed their points.
_FOLLOWED = "summaries follow up to"


def followed(db: Database) -> int | None:
    """Return up to which change the summaries followed; None where that is not known."""
    return cast("int | None", get_json(db, _FOLLOWED))


def set_followed(db: Database, change: int) -> None:
    """Record up to which change the summaries followed."""
    set_value(db, _FOLLOWED, str(change))


def follow_again(db: Database, since: datetime) -> None:
    """Have the summaries follow again what changed from a time on."""
    before = "SELECT id FROM finding_history WHERE at < ? ORDER BY id DESC LIMIT 1"
    row = db.execute(before, [iso(since)]).fetchone()
    if (so_far := followed(db)) is not None:
        set_followed(db, min(row[0] if row else 0, so_far))


def changed_since(db: Database, change: int) -> dict[str, list[int]]:
    """Return the numbers of the findings that changed after a change, by their pages."""
    rows = db.execute(
        "SELECT DISTINCT page_id, findings.id FROM finding_history"
        " JOIN findings ON findings.id = finding_id WHERE finding_history.id > ?",
        [change],
    )
    found: dict[str, list[int]] = {}
    for page_id, number in rows.fetchall():
        found.setdefault(page_id, []).append(number)
    return found


def history(db: Database, finding_id: int) -> list[StateChange]:
    """Return every state that a finding was in, the oldest first."""
    rows = db.execute(
        "SELECT at, state, why FROM finding_history WHERE finding_id = ? ORDER BY id",
        [finding_id],
    )
    return [StateChange(when(row[0]), FindingState(row[1]), row[2]) for row in rows.fetchall()]


@dataclass(frozen=True, slots=True)
class Origin:
    """The review that a finding comes from: what the command `why` answers with.

    Attributes:
        at: When it was made.
        model: The model that made it, such as `anthropic:claude-sonnet-5-5`.
        prompt: The prompt's version.
        outcome: How the review ended.
        section: The heading above the finding's block then; "" where a whole review is meant.
    """

    at: datetime
    model: str
    prompt: str
    outcome: str
    section: str = ""


_REVIEW = "reviews.at, reviews.model, reviews.prompt, reviews.outcome"


def origin_of_thread(db: Database, page_id: str, thread_id: str) -> Origin | None:
    """Return the origin of a thread's finding, else the page's last review; None for neither."""
    row = db.execute(
        f"SELECT {_REVIEW}, findings.section FROM findings"  # noqa: S608 - own names
        " JOIN reviews ON reviews.id = findings.review_id WHERE findings.discussion_id = ?",
        [thread_id],
    ).fetchone()
    if row is not None:
        return Origin(when(row[0]), *row[1:])
    row = db.execute(
        f"SELECT {_REVIEW} FROM reviews WHERE page_id = ? AND kind = 'review'"  # noqa: S608 - own names
        " ORDER BY id DESC LIMIT 1",
        [page_id],
    ).fetchone()
    return Origin(when(row[0]), row[1], row[2], row[3]) if row else None


def by_thread(known: Iterable[FindingRow]) -> dict[str, Finding]:
    """Return those of a page's findings that began threads, by the threads' ids."""
    return {one.discussion_id: one.finding for one in known if one.discussion_id}


def link_threads(db: Database, page_id: str, threads: Mapping[str, str]) -> None:
    """Store the threads of findings that have none yet; `threads` maps comment id to thread id."""
    with db.atomic():
        db.conn.executemany(
            "UPDATE findings SET discussion_id = ?1 WHERE page_id = ?2 AND discussion_id IS NULL"
            " AND id = (SELECT finding_id FROM outbox WHERE comment_id = ?3 AND kind = 'finding')",
            [[thread_id, page_id, comment_id] for comment_id, thread_id in threads.items()],
        )
