"""What the console and the digest show of the state; a query reads rows by an index alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlite_utils import Database

from daemon.domain.findings import FindingState
from daemon.domain.notation import iso, when
from daemon.domain.records import KEPT_CHARS, StateChange


@dataclass(frozen=True, slots=True)
class SweepRow:
    """One sweep; `result` is what `--once --json` prints, None where the sweep did not end."""

    id: int
    started: datetime
    result: dict[str, Any] | None


class PageFilter(StrEnum):
    """Which pages a list shows."""

    ALL = "all"
    OPEN = "open"  # with a finding that nobody has answered
    WAITING = "waiting"
    FAILED = "failed"
    PAUSED = "paused"
    REVIEWED = "reviewed"


@dataclass(frozen=True, slots=True)
class PageCursor:
    """The last page that a list showed; the next part begins after it."""

    edited: datetime
    id: str


@dataclass(frozen=True, slots=True)
class PageQuery:
    """Which pages to list; `words` must stand in the title, a `source_id` of "" is any."""

    only: PageFilter = PageFilter.ALL
    words: str = ""
    source_id: str = ""
    after: PageCursor | None = None


@dataclass(frozen=True, slots=True)
class ListedPage:
    """One page in a list."""

    id: str
    title: str
    state: str
    paused: bool
    attempts: int
    edited: datetime
    due_at: datetime | None
    reviewed_at: datetime | None
    source: str
    open: int
    findings: int

    @property
    def key(self) -> PageCursor:
        """The cursor after which the list goes on."""
        return PageCursor(self.edited, self.id)


def sweeps(db: Database, limit: int) -> list[SweepRow]:
    """Return the last sweeps, the newest first."""
    rows = db.execute("SELECT id, started, result FROM sweeps ORDER BY id DESC LIMIT ?", [limit])
    return [
        SweepRow(row[0], when(row[1]), json.loads(row[2]) if row[2] else None)
        for row in rows.fetchall()
    ]


def reviewed_in(db: Database, sweep_id: int) -> int:
    """Return how many reviews a sweep has stored so far."""
    row = db.execute(
        "SELECT count(*) FROM reviews WHERE sweep_id = ? AND kind = 'review'", [sweep_id]
    ).fetchone()
    return int(row[0])


_ONLY = {
    PageFilter.ALL: "1",
    PageFilter.OPEN: "EXISTS (SELECT 1 FROM findings WHERE page_id = pages.id AND state = 'open')",
    PageFilter.WAITING: "state IN ('due', 'parked') AND NOT paused",
    PageFilter.FAILED: "(state = 'parked' OR state = 'due' AND attempts) AND NOT paused",
    PageFilter.PAUSED: "paused",
    PageFilter.REVIEWED: "state = 'done'",
}


# Later than every edit.
_TOP = ("9999", "")


def list_pages(db: Database, query: PageQuery, limit: int) -> list[ListedPage]:
    """Return pages, the last edited first.

    Pages are chosen in an index that holds every column needed; only the rows shown are read.
    """
    db.conn.create_function(
        "holds", 2, lambda title, words: words in title.casefold(), deterministic=True
    )
    edited, page_id = (iso(query.after.edited), query.after.id) if query.after else _TOP
    rows = db.execute(
        "SELECT pages.id, pages.title, pages.state, paused, attempts, edited, due_at, reviewed_at,"  # noqa: S608 - own words
        " coalesce((SELECT title FROM sources WHERE id = source_id), ''),"
        " (SELECT count(*) FROM findings WHERE page_id = pages.id AND state = 'open'),"
        " (SELECT count(*) FROM findings WHERE page_id = pages.id)"
        " FROM (SELECT id AS chosen FROM pages INDEXED BY pages_listed"
        " WHERE (edited, id) < (?1, ?2) AND (?3 = '' OR source_id = ?3)"
        f" AND (?4 = '' OR holds(title, ?4)) AND {_ONLY[query.only]}"
        " ORDER BY edited DESC, id DESC LIMIT ?5)"
        " JOIN pages ON pages.id = chosen ORDER BY edited DESC, pages.id DESC",
        [edited, page_id, query.source_id, query.words.strip().casefold(), limit],
    )
    return [_listed(row) for row in rows.fetchall()]


def _listed(row: Sequence[Any]) -> ListedPage:
    id_, title, state, paused, attempts, edited, due_at, reviewed_at, source, opened, all_ = row
    return ListedPage(
        id=id_,
        title=title,
        state=state,
        paused=bool(paused),
        attempts=attempts,
        edited=when(edited),
        due_at=when(due_at) if due_at else None,
        reviewed_at=when(reviewed_at) if reviewed_at else None,
        source=source,
        open=opened,
        findings=all_,
    )


def count_pages(db: Database) -> dict[PageFilter, int]:
    """Return how many pages each filter shows."""
    row = db.execute(
        """SELECT count(*),
            count(*) FILTER (WHERE state IN ('due', 'parked') AND NOT paused),
            count(*) FILTER (WHERE (state = 'parked' OR state = 'due' AND attempts) AND NOT paused),
            count(*) FILTER (WHERE paused),
            count(*) FILTER (WHERE state = 'done')
        FROM pages""",
    ).fetchone()
    names = (
        PageFilter.ALL,
        PageFilter.WAITING,
        PageFilter.FAILED,
        PageFilter.PAUSED,
        PageFilter.REVIEWED,
    )
    opened = db.execute("SELECT count(DISTINCT page_id) FROM findings WHERE state = 'open'")
    return dict(zip(names, row, strict=True)) | {PageFilter.OPEN: opened.fetchone()[0]}


def waiting_pages(db: Database, limit: int) -> list[str]:
    """Return the ids of waiting pages: up to half of `limit` are parked, then those due first."""
    parked = db.execute(
        "SELECT id FROM pages WHERE state = 'parked' ORDER BY id LIMIT ?", [limit // 2]
    ).fetchall()
    due = db.execute(
        "SELECT id FROM pages INDEXED BY pages_due WHERE due_at IS NOT NULL AND state = 'due'"
        " ORDER BY due_at, id LIMIT ?",
        [limit - len(parked)],
    )
    return [row[0] for row in (*parked, *due.fetchall())]


def sources(db: Database) -> list[tuple[str, str]]:
    """Return (id, title) of every data source."""
    return db.execute("SELECT id, title FROM sources ORDER BY title, id").fetchall()


@dataclass(frozen=True, slots=True)
class FindingView:
    """A finding with its comment, as the console shows it beside the block.

    Attributes:
        source: Who raised it: `model` or `check`.
        body: The text that is posted, as Markdown.
        sent: The delivery state of its comment, such as `posted`; "" where it has none.
        note: Why its comment was not posted, or waits.
    """

    id: int
    review_id: int
    block_id: str
    quote: str
    severity: str
    state: str
    thread_id: str
    source: str
    body: str
    sent: str
    note: str


def findings_of(db: Database, page_id: str) -> list[FindingView]:
    """Return the findings of a page with their comments, the oldest first."""
    rows = db.execute(
        "SELECT findings.id, findings.review_id, findings.block_id, quote, severity,"
        " findings.state, coalesce(discussion_id, ''), source,"
        " coalesce(outbox.body, '**' || title || '**' || char(10) || findings.text"
        " || iif(instead = '', '', char(10) || '**Instead:** “' || instead || '”')),"
        " coalesce(outbox.state, ''),"
        " coalesce(outbox.note, '')"
        " FROM findings LEFT JOIN outbox ON outbox.page_id = findings.page_id"
        " AND outbox.finding_id = findings.id AND outbox.kind = 'finding'"
        " WHERE findings.page_id = ? GROUP BY findings.id ORDER BY findings.id",
        [page_id],
    )
    return [FindingView(*row) for row in rows.fetchall()]


def finding_histories(db: Database, page_id: str) -> dict[int, list[StateChange]]:
    """Return every state of each finding of a page, by the finding's number."""
    rows = db.execute(
        "SELECT finding_id, finding_history.at, finding_history.state, why FROM findings"
        " JOIN finding_history ON finding_id = findings.id WHERE page_id = ?"
        " ORDER BY finding_history.id",
        [page_id],
    )
    found: dict[int, list[StateChange]] = {}
    for number, at, state, why in rows.fetchall():
        found.setdefault(number, []).append(StateChange(when(at), FindingState(state), why))
    return found


@dataclass(frozen=True, slots=True)
class ThreadComment:
    """A comment in a thread; `block_id` is None for the page's own discussion.

    `author` is "" for our own ones; `is_whole` is False where the text was cut.
    """

    thread_id: str
    block_id: str | None
    author: str
    at: datetime
    text: str
    is_whole: bool = True


def comments_of_people(db: Database, page_id: str) -> list[ThreadComment]:
    """Return the comments of people on a page, as far as they are kept."""
    rows = db.execute(
        "SELECT discussion_id, threads.block_id, author, edited, text"
        " FROM comments LEFT JOIN threads ON threads.id = discussion_id"
        " WHERE comments.page_id = ? AND kind = 'person' ORDER BY edited, comments.id",
        [page_id],
    )
    return [
        ThreadComment(
            thread_id, block_id, author or "Someone", when(at), text, len(text) < KEPT_CHARS
        )
        for thread_id, block_id, author, at, text in rows.fetchall()
    ]


def own_replies(db: Database, page_id: str) -> list[ThreadComment]:
    """Return our replies in the threads of a page, those not sent yet included."""
    rows = db.execute(
        "SELECT target, threads.block_id, coalesce(posted_at, created_at), body"
        " FROM outbox LEFT JOIN threads ON threads.id = target"
        " WHERE outbox.page_id = ? AND kind = 'reply' AND state != 'dropped'"
        " ORDER BY created_at, key",
        [page_id],
    )
    return [ThreadComment(row[0], row[1], "", when(row[2]), row[3]) for row in rows.fetchall()]


@dataclass(frozen=True, slots=True)
class OpenItem:
    """One reason for which a document is open.

    Attributes:
        page_id: The document.
        kind: `blocking`, `question`, `draft` or `accepted`.
        since: When the point was made, the question asked, the draft last touched, the document
            accepted.
        words: The point's title, or the question; else "".
    """

    page_id: str
    kind: str
    since: datetime
    words: str


@dataclass(frozen=True, slots=True)
class OpenDocument:
    """A document that is open: whose it is, by id and name, and when each person last acted."""

    id: str
    title: str
    url: str
    people: tuple[tuple[str, str], ...]
    acted: Mapping[str, datetime]


# Comments' times are floored to the minute: an answer within the minute of a review counts.
_OPEN_ITEMS = """
WITH ours AS (
    SELECT * FROM pages WHERE reviewed_at IS NOT NULL AND state IN ('done', 'due', 'parked')
        AND NOT paused AND source_id IN (SELECT value FROM json_each(?1))
), asked AS (
    SELECT reviews.* FROM ours JOIN reviews ON reviews.id = (SELECT max(id) FROM reviews
        WHERE page_id = ours.id AND kind = 'review')
    WHERE question != '' AND ours.state = 'done'
        AND EXISTS (SELECT 1 FROM outbox WHERE page_id = ours.id AND kind = 'summary'
            AND state = 'posted')
        AND NOT EXISTS (SELECT 1 FROM drafts WHERE review_id = reviews.id AND state != 'approved')
)
SELECT page_id, 'blocking', findings.at, findings.title, findings.id
    FROM findings JOIN ours ON ours.id = page_id
    WHERE severity = 'blocking' AND findings.state IN ('open', 'answered') AND EXISTS
        (SELECT 1 FROM outbox WHERE page_id = ours.id AND finding_id = findings.id
            AND kind = 'finding' AND state = 'posted')
UNION ALL SELECT page_id, 'question', at, question, asked.id FROM asked
    WHERE NOT EXISTS (SELECT 1 FROM comments JOIN threads ON threads.id = discussion_id
        WHERE comments.page_id = asked.page_id AND threads.block_id IS NULL
            AND kind = 'person' AND edited >= substr(asked.at, 1, 16))
UNION ALL SELECT id, 'draft', max(edited, coalesce(spoken_at, '')), '', 0
    FROM ours JOIN standings ON page_id = id WHERE standing = 'draft'
        AND max(edited, coalesce(spoken_at, '')) <= ?2
UNION ALL SELECT id, 'accepted', since, '', 0
    FROM ours JOIN standings ON page_id = id WHERE standing = 'accepted' AND edited > since
ORDER BY 1, 2, 3, 5
"""


def open_items(db: Database, source_ids: Sequence[str], silent_since: datetime) -> list[OpenItem]:
    """Return why documents of some data sources are open, those of a document side by side.

    Documents that were reviewed count; none that is paused, none that left. `silent_since` is from
    when on a draft must not have been touched.
    """
    rows = db.execute(_OPEN_ITEMS, [json.dumps(list(source_ids)), iso(silent_since)])
    return [OpenItem(row[0], row[1], when(row[2]), row[3]) for row in rows.fetchall()]


def open_documents(db: Database, page_ids: Sequence[str]) -> dict[str, OpenDocument]:
    """Return some documents by id; people whose names no property tells are known as users."""
    ids = [json.dumps(list(page_ids))]
    acted: dict[str, dict[str, datetime]] = {}
    acts = "SELECT * FROM acts WHERE page_id IN (SELECT value FROM json_each(?))"
    for page_id, person, at in db.execute(acts, ids).fetchall():
        acted.setdefault(page_id, {})[person] = when(at)
    rows = db.execute(
        "SELECT id, title, url, coalesce(people, '[]') FROM pages LEFT JOIN standings"
        " ON page_id = id WHERE id IN (SELECT value FROM json_each(?))",
        ids,
    )
    return {
        id_: OpenDocument(
            id_,
            title,
            url,
            tuple((one, name) for one, name in json.loads(people)),
            acted.get(id_, {}),
        )
        for id_, title, url, people in rows.fetchall()
    }
