"""Which documents are open and why, whose they are, and who has acted: for the digest."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from daemon.domain.times import iso, when


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
