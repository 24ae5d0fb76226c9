"""The tables, as migrations: released ones are never edited, only followed by new ones.

Times are text, `2026-11-20T10:41:00Z`, so that they sort; ids have dashes.
"""

from __future__ import annotations

from importlib.resources import files

from sqlite_utils import Database, Migrations

from daemon.domain.findings import title_of


migrations = Migrations("notion-review")


@migrations()
def v1(db: Database) -> None:
    """Create the first schema."""
    _run(db, files("daemon.store").joinpath("v1.sql").read_text("utf-8"))


def _run(db: Database, statements: str) -> None:
    """Run statements one by one, since `executescript` would commit."""
    for statement in statements.split(";\n"):
        if statement.strip():
            db.execute(statement)


# SQLite cannot change a CHECK: the table is made anew. The history refers to it, so it is moved
# aside meanwhile; both get their indexes back.
_RULINGS = """
ALTER TABLE reviews ADD COLUMN question TEXT NOT NULL DEFAULT '';
CREATE TEMP TABLE kept_history AS SELECT * FROM finding_history;
DROP TABLE finding_history;

CREATE TABLE new_findings (
    id INTEGER PRIMARY KEY, review_id INTEGER NOT NULL REFERENCES reviews (id),
    page_id TEXT NOT NULL, block_id TEXT NOT NULL, quote TEXT NOT NULL, text TEXT NOT NULL,
    severity TEXT NOT NULL,
    source TEXT NOT NULL CHECK (source IN ('model', 'check')),
    state TEXT NOT NULL CHECK (state IN ('held', 'open', 'answered', 'dismissed', 'resolved',
        'addressed', 'withdrawn', 'kept', 'stale', 'retracted', 'refused', 'unsaid')),
    discussion_id TEXT, at TEXT NOT NULL,
    section TEXT NOT NULL DEFAULT '',  -- the heading above its block
    title TEXT NOT NULL DEFAULT ''     -- the point in a few words
);
INSERT INTO new_findings (id, review_id, page_id, block_id, quote, text, severity, source, state,
    discussion_id, at, section) SELECT id, review_id, page_id, block_id, quote, text, severity,
    source, state, discussion_id, at, section FROM findings;
DROP TABLE findings;
ALTER TABLE new_findings RENAME TO findings;
CREATE INDEX findings_by_page ON findings (page_id);
CREATE INDEX findings_by_review ON findings (review_id, severity, state);
CREATE INDEX findings_open ON findings (page_id, state) WHERE state = 'open';
CREATE INDEX findings_by_discussion ON findings (discussion_id) WHERE discussion_id IS NOT NULL;

CREATE TABLE finding_history (
    id INTEGER PRIMARY KEY, finding_id INTEGER NOT NULL REFERENCES findings (id),
    at TEXT NOT NULL, state TEXT NOT NULL, why TEXT NOT NULL
);
INSERT INTO finding_history SELECT * FROM kept_history;
DROP TABLE kept_history;
CREATE INDEX finding_history_by_finding ON finding_history (finding_id);
CREATE INDEX finding_history_settled ON finding_history (at, finding_id, state)
    WHERE state IN ('addressed', 'dismissed', 'resolved');
"""


@migrations()
def v2(db: Database) -> None:
    """Let the reviewer rule on its findings, keep what is beyond the limit, and title each."""
    _run(db, _RULINGS)
    for number, text in db.execute("SELECT id, text FROM findings").fetchall():
        db.execute("UPDATE findings SET title = ? WHERE id = ?", [title_of(text), number])


_DOUBTS = """
-- An operator took it back: whoever sends it, or the next sweep, takes the comment back too.
ALTER TABLE outbox ADD COLUMN retracted_at TEXT;
-- A POST of it was given up and found nowhere: looked for once more, it may be saved late.
ALTER TABLE outbox ADD COLUMN lost_at TEXT;
CREATE INDEX outbox_retracted ON outbox (page_id)
    WHERE retracted_at IS NOT NULL AND state != 'dropped';
CREATE INDEX outbox_lost ON outbox (lost_at) WHERE lost_at IS NOT NULL;
"""
# Mark messages that are taken back while they are sent, and those that may be saved late.
migrations(name="v3")(lambda db: _run(db, _DOUBTS))


_PEOPLE = """
-- Of a reply: the id of the person whom it answers.
ALTER TABLE outbox ADD COLUMN person TEXT NOT NULL DEFAULT '';
CREATE INDEX outbox_by_person ON outbox (person, created_at) WHERE person != '';
-- Since when a page is paused, and until when; NULL until somebody resumes it.
ALTER TABLE pages ADD COLUMN paused_at TEXT;
ALTER TABLE pages ADD COLUMN paused_until TEXT;
-- A short hash of the settings and models that shape a review; of a page: of its last one.
ALTER TABLE reviews ADD COLUMN settings TEXT NOT NULL DEFAULT '';
ALTER TABLE pages ADD COLUMN settings TEXT;
CREATE INDEX pages_paused ON pages (paused_at) WHERE paused;
"""


@migrations()
def v4(db: Database) -> None:
    """Count the answers of each person, let a pause end, and keep what shaped a review."""
    _run(db, _PEOPLE)
    # When a page was paused before this version is not known.
    db.execute("UPDATE pages SET paused_at = coalesce(read_at, edited) WHERE paused")


_RETENTION = """
-- When it left the database or was not listed any more, until it is back.
ALTER TABLE pages ADD COLUMN left_at TEXT;
UPDATE pages SET left_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now') WHERE state IN ('left', 'gone');
CREATE INDEX pages_left ON pages (left_at) WHERE left_at IS NOT NULL;
CREATE INDEX comments_with_words ON comments (page_id) WHERE text != '' OR author != '';
CREATE INDEX spending_by_page ON spending (page_id);
CREATE INDEX reservations_by_page ON reservations (page_id);
"""
# Know since when a page is away, so that what is kept of it is deleted in time.
migrations(name="v5")(lambda db: _run(db, _RETENTION))


_PROMPTS = """
-- What each version of a prompt says, as long as a review names it.
CREATE TABLE prompt_versions (
    version TEXT PRIMARY KEY, name TEXT NOT NULL, origin TEXT NOT NULL,
    since TEXT NOT NULL,       -- when a review was first made under it
    body BLOB NOT NULL         -- its text, background pages and settings, see prompts.py
);
CREATE INDEX reviews_by_prompt ON reviews (prompt);
-- When Notion refused what a message says.
ALTER TABLE outbox ADD COLUMN refused_at TEXT;
CREATE INDEX outbox_refused ON outbox (page_id) WHERE refused_at IS NOT NULL;
"""
# Keep what each version of a prompt says, and which messages Notion refused.
migrations(name="v6")(lambda db: _run(db, _PROMPTS))


_NOMINATIONS = """
-- What Notion's webhooks named, until it is looked at: a comment's place, or '' for an edited page.
CREATE TABLE nominations (
    page_id TEXT NOT NULL, place TEXT NOT NULL,
    at TEXT NOT NULL,          -- the newest event
    due_at TEXT NOT NULL,      -- when to look; '' for now
    PRIMARY KEY (page_id, place)
) WITHOUT ROWID;
CREATE INDEX nominations_due ON nominations (due_at);
"""
# Keep what events name until it is looked at.
migrations(name="v7")(lambda db: _run(db, _NOMINATIONS))


_STIRRED = """
-- When a person or the reviewer last said something there, as far as it was listed.
ALTER TABLE threads ADD COLUMN spoken_at TEXT;
UPDATE threads SET spoken_at = (SELECT max(edited) FROM comments
    WHERE discussion_id = threads.id AND kind IN ('person', 'own'));
ALTER TABLE pages ADD COLUMN spoken_at TEXT;
UPDATE pages SET spoken_at = (SELECT max(edited) FROM comments
    WHERE page_id = pages.id AND kind IN ('person', 'own'));
-- When something last happened on it: how soon its comments are listed again goes by that.
ALTER TABLE pages ADD COLUMN stirred_at TEXT
    AS (max(edited, coalesce(reviewed_at, ''), coalesce(spoken_at, '')));
CREATE INDEX pages_stirred ON pages (stirred_at);
"""
# Know when something last happened on a page, since there people answer.
migrations(name="v8")(lambda db: _run(db, _STIRRED))


_LENS = "ALTER TABLE findings ADD COLUMN lens TEXT NOT NULL DEFAULT ''"
# Know which row of a prompt database a finding was made under; '' for none.
migrations(name="v9")(lambda db: _run(db, _LENS))


_OPEN_DOCUMENTS = """
CREATE TABLE standings (
    page_id TEXT PRIMARY KEY,
    standing TEXT NOT NULL,    -- 'draft', 'accepted' or ''
    since TEXT NOT NULL,       -- the edit with which it came to stand so
    people TEXT NOT NULL       -- (id, name) of each, as JSON
) WITHOUT ROWID;
CREATE TABLE acts (           -- when each person last edited a page or commented on it
    page_id TEXT NOT NULL, person TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (page_id, person)
) WITHOUT ROWID;
"""
# Know which documents are open, whose they are, and who has acted.
migrations(name="v10")(lambda db: _run(db, _OPEN_DOCUMENTS))


_EVENTS = "CREATE TABLE events (id TEXT PRIMARY KEY)"
# Know an event that comes again after a restart.
migrations(name="v11")(lambda db: _run(db, _EVENTS))


_REMEMBERED = """
CREATE TABLE remembered_pages (
    id TEXT PRIMARY KEY, source_id TEXT NOT NULL, title TEXT NOT NULL, url TEXT NOT NULL,
    edited TEXT NOT NULL, read_edited TEXT,  -- the edit as of which its text is known
    standing TEXT NOT NULL     -- what makes it decided, such as Accepted; '' where it is not
) WITHOUT ROWID;
CREATE INDEX remembered_unread ON remembered_pages (edited) WHERE read_edited IS NOT edited;
CREATE TABLE remembered_blocks (id INTEGER PRIMARY KEY, page_id TEXT, block_id TEXT, text TEXT);
CREATE INDEX remembered_blocks_by_page ON remembered_blocks (page_id);
"""
# Remember documents for the reviews of others, see memory.py.
migrations(name="v12")(lambda db: _run(db, _REMEMBERED))


# As in `_RULINGS`. What states there are, `FindingState` says alone: another needs no new table.
_OFFERED = """
CREATE TEMP TABLE kept_history AS SELECT * FROM finding_history;
DROP TABLE finding_history;
CREATE TABLE new_findings (
    id INTEGER PRIMARY KEY, review_id INTEGER NOT NULL REFERENCES reviews (id),
    page_id TEXT NOT NULL, block_id TEXT NOT NULL, quote TEXT NOT NULL, text TEXT NOT NULL,
    severity TEXT NOT NULL, source TEXT NOT NULL, state TEXT NOT NULL, discussion_id TEXT,
    at TEXT NOT NULL, section TEXT NOT NULL DEFAULT '', title TEXT NOT NULL DEFAULT '',
    lens TEXT NOT NULL DEFAULT '',
    instead TEXT NOT NULL DEFAULT ''   -- the wording that is offered in place of the quote
);
INSERT INTO new_findings SELECT id, review_id, page_id, block_id, quote, text, severity, source,
    state, discussion_id, at, section, title, lens, '' FROM findings;
DROP TABLE findings;
ALTER TABLE new_findings RENAME TO findings;
CREATE INDEX findings_by_page ON findings (page_id);
CREATE INDEX findings_by_review ON findings (review_id, severity, state);
CREATE INDEX findings_open ON findings (page_id, state) WHERE state = 'open';
CREATE INDEX findings_by_discussion ON findings (discussion_id) WHERE discussion_id IS NOT NULL;
CREATE TABLE finding_history (
    id INTEGER PRIMARY KEY, finding_id INTEGER NOT NULL REFERENCES findings (id),
    at TEXT NOT NULL, state TEXT NOT NULL, why TEXT NOT NULL
);
INSERT INTO finding_history SELECT * FROM kept_history;
DROP TABLE kept_history;
CREATE INDEX finding_history_by_finding ON finding_history (finding_id);
CREATE INDEX finding_history_settled ON finding_history (at, finding_id, state)
    WHERE state IN ('addressed', 'adopted', 'dismissed', 'resolved');
"""
# Let a finding offer a wording, and know that an author took it.
migrations(name="v13")(lambda db: _run(db, _OFFERED))


_EARLIER = "ALTER TABLE threads ADD COLUMN finding_id INTEGER"  # where it went with its block
# Know what was said of a point before its block was cut and pasted.
migrations(name="v14")(lambda db: _run(db, _EARLIER))


# Read what is remembered once more, to keep it by passage instead of by block.
migrations(name="v15")(lambda db: _run(db, "UPDATE remembered_pages SET read_edited = NULL"))
