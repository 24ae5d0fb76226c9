"""The tables, as migrations: released ones are never edited, only followed by new ones.

Times are text, `2026-11-20T10:41:00Z`, so that they sort; ids have dashes.
"""

from __future__ import annotations

from sqlite_utils import Database, Migrations

from daemon.domain.findings import title_of


migrations = Migrations("notion-review")

_FIRST = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- One row for each data source of a configured database.
CREATE TABLE sources (
    id TEXT PRIMARY KEY, database_id TEXT NOT NULL, title TEXT NOT NULL,
    checkpoint TEXT,           -- every edit before it is queued; NULL before the first sweep
    baseline TEXT NOT NULL,    -- comments made before it are never new
    pages INTEGER NOT NULL DEFAULT 0, census_at TEXT, last_ok TEXT,
    trouble TEXT               -- why it could not be swept, NULL when it could
) WITHOUT ROWID;
CREATE INDEX sources_by_database ON sources (database_id);

CREATE TABLE pages (
    id TEXT PRIMARY KEY, source_id TEXT NOT NULL REFERENCES sources (id),
    title TEXT NOT NULL, url TEXT NOT NULL,
    edited TEXT NOT NULL,      -- the last edit that was seen
    state TEXT NOT NULL CHECK (state IN ('baselined', 'due', 'done', 'parked', 'left', 'gone')),
    due_at TEXT,               -- when to read it; also a recheck of a page that is done
    dirty_since TEXT,          -- the first edit that is not handled yet
    paused INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0, error TEXT,
    hash TEXT, form INTEGER, prompt TEXT,
    read_at TEXT, reviewed_at TEXT,
    snapshot BLOB              -- what was last reviewed, see pages.py
) WITHOUT ROWID;
CREATE INDEX pages_due ON pages (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX pages_by_source ON pages (source_id, state, edited);
CREATE INDEX pages_by_state ON pages (state, paused, attempts, due_at);
CREATE INDEX pages_reviewed ON pages (reviewed_at) WHERE reviewed_at IS NOT NULL;
-- All that a list is chosen by: its rows alone are read.
CREATE INDEX pages_listed ON pages (edited, id, title, state, source_id, paused, attempts);

CREATE TABLE reviews (
    id INTEGER PRIMARY KEY, page_id TEXT NOT NULL REFERENCES pages (id),
    sweep_id INTEGER, at TEXT NOT NULL, kind TEXT NOT NULL CHECK (kind IN ('review', 'reply')),
    outcome TEXT NOT NULL, model TEXT NOT NULL, prompt TEXT NOT NULL, hash TEXT NOT NULL,
    summary TEXT NOT NULL, refusals TEXT NOT NULL, requests INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, cost_usd REAL NOT NULL,
    cached_tokens INTEGER NOT NULL   -- of the input
);
CREATE INDEX reviews_by_page ON reviews (page_id, id);
CREATE INDEX reviews_by_time ON reviews (at);
CREATE INDEX reviews_by_sweep ON reviews (sweep_id) WHERE sweep_id IS NOT NULL;

-- What a review read, for people who look back; the last one of a page is always kept.
CREATE TABLE texts (
    review_id INTEGER PRIMARY KEY REFERENCES reviews (id),
    page_id TEXT NOT NULL, at TEXT NOT NULL, body BLOB NOT NULL
);
CREATE INDEX texts_by_page ON texts (page_id, review_id);
CREATE INDEX texts_by_time ON texts (at);

CREATE TABLE findings (
    id INTEGER PRIMARY KEY, review_id INTEGER NOT NULL REFERENCES reviews (id),
    page_id TEXT NOT NULL, block_id TEXT NOT NULL, quote TEXT NOT NULL, text TEXT NOT NULL,
    severity TEXT NOT NULL,
    source TEXT NOT NULL CHECK (source IN ('model', 'check')),
    state TEXT NOT NULL CHECK (state IN ('held', 'open', 'answered', 'dismissed', 'resolved',
        'addressed', 'stale', 'retracted', 'refused', 'unsaid')),
    discussion_id TEXT, at TEXT NOT NULL,
    section TEXT NOT NULL DEFAULT ''   -- the heading above its block
);
CREATE INDEX findings_by_page ON findings (page_id);
CREATE INDEX findings_by_review ON findings (review_id, severity, state);
CREATE INDEX findings_open ON findings (page_id, state) WHERE state = 'open';
CREATE INDEX findings_by_discussion ON findings (discussion_id) WHERE discussion_id IS NOT NULL;

-- Every state that a finding was in, the first one included.
CREATE TABLE finding_history (
    id INTEGER PRIMARY KEY, finding_id INTEGER NOT NULL REFERENCES findings (id),
    at TEXT NOT NULL, state TEXT NOT NULL, why TEXT NOT NULL
);
CREATE INDEX finding_history_by_finding ON finding_history (finding_id);
-- How people settled findings, by when.
CREATE INDEX finding_history_settled ON finding_history (at, finding_id, state)
    WHERE state IN ('addressed', 'dismissed', 'resolved');

-- Every write to Notion is a row here before it is a request.
CREATE TABLE outbox (
    key TEXT PRIMARY KEY, page_id TEXT NOT NULL, review_id INTEGER, finding_id INTEGER,
    kind TEXT NOT NULL CHECK (kind IN ('finding', 'reply', 'summary', 'edit', 'notice')),
    target TEXT NOT NULL,      -- a block, page, discussion or comment id, by kind
    place TEXT NOT NULL,       -- the block or page whose listing shows the comment
    body TEXT NOT NULL, name TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN
        ('intent', 'held', 'sending', 'unclear', 'posted', 'dropped')),
    comment_id TEXT, note TEXT, created_at TEXT NOT NULL, posted_at TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    sent_at TEXT,              -- when its last POST began
    asked_at TEXT,             -- of a reply: when the person wrote
    last_seen TEXT             -- and the last comment of its thread when it was written
) WITHOUT ROWID;
CREATE INDEX outbox_open ON outbox (created_at) WHERE state IN ('intent', 'sending', 'unclear');
CREATE INDEX outbox_by_page ON outbox (page_id);
CREATE INDEX outbox_by_review ON outbox (review_id, state) WHERE review_id IS NOT NULL;
CREATE INDEX outbox_posted ON outbox (posted_at, kind, asked_at) WHERE posted_at IS NOT NULL;
CREATE INDEX outbox_by_comment ON outbox (comment_id) WHERE comment_id IS NOT NULL;

-- What of a review waits for a person's approval, and what became of it.
CREATE TABLE drafts (
    review_id INTEGER PRIMARY KEY REFERENCES reviews (id), page_id TEXT NOT NULL,
    reason TEXT NOT NULL,      -- why it waits
    state TEXT NOT NULL CHECK (state IN
        ('waiting', 'approved', 'refused', 'expired', 'superseded')),
    held_at TEXT NOT NULL, settled_at TEXT, note TEXT,
    before BLOB                -- the snapshot that was last said something about, as in pages
);
CREATE INDEX drafts_waiting ON drafts (held_at) WHERE state = 'waiting';
CREATE INDEX drafts_by_page ON drafts (page_id);

-- What each review had to say and cost: what the brake measures the next one by.
CREATE TABLE loads (
    review_id INTEGER PRIMARY KEY REFERENCES reviews (id), database_id TEXT NOT NULL,
    kind TEXT NOT NULL, prompt TEXT NOT NULL, comments INTEGER NOT NULL, replies INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    passed INTEGER NOT NULL    -- whether it went out, at once or approved
);
CREATE INDEX loads_by_database ON loads (database_id, kind, review_id) WHERE passed;
CREATE INDEX loads_by_prompt ON loads (database_id, prompt) WHERE passed AND kind = 'review';

CREATE TABLE comments (
    id TEXT PRIMARY KEY, page_id TEXT NOT NULL, discussion_id TEXT NOT NULL,
    kind TEXT NOT NULL, edited TEXT NOT NULL, state TEXT NOT NULL, text TEXT NOT NULL,
    author TEXT NOT NULL DEFAULT ''  -- a person's name, for reading only
) WITHOUT ROWID;
CREATE INDEX comments_by_page ON comments (page_id);
CREATE INDEX comments_by_discussion ON comments (discussion_id);

CREATE TABLE threads (
    id TEXT PRIMARY KEY, page_id TEXT NOT NULL, block_id TEXT,
    replies INTEGER NOT NULL DEFAULT 0, handed_over INTEGER NOT NULL DEFAULT 0,
    gone_at TEXT               -- it left the list of open ones
) WITHOUT ROWID;
CREATE INDEX threads_by_page ON threads (page_id);

-- When the comments of a place were last listed: of a block, or of the page under its own id.
CREATE TABLE looks (
    page_id TEXT NOT NULL, place TEXT NOT NULL, looked_at TEXT NOT NULL,
    known INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (page_id, place)
) WITHOUT ROWID;
CREATE INDEX looks_oldest ON looks (known, looked_at);

CREATE TABLE users (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL, seen_at TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE prompts (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, text TEXT NOT NULL, knowledge TEXT NOT NULL,
    edited TEXT NOT NULL, read_at TEXT NOT NULL,
    rules TEXT NOT NULL        -- what it sets besides its prose, as JSON
) WITHOUT ROWID;

-- What is wrong with a prompt page; '' where it is mended and its comment not taken back yet.
CREATE TABLE notices (page_id TEXT PRIMARY KEY, mistakes TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE sweeps (
    id INTEGER PRIMARY KEY, started TEXT NOT NULL, finished TEXT, result TEXT
);
CREATE INDEX sweeps_by_time ON sweeps (started);

CREATE TABLE spending (
    day TEXT NOT NULL,
    page_id TEXT NOT NULL,     -- '' for what belongs to no page, or to one of long ago
    model TEXT NOT NULL, requests INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL, cost_usd REAL NOT NULL,
    PRIMARY KEY (day, page_id, model)
) WITHOUT ROWID;

-- What a request may cost at worst, from before it is sent until its answer tells. A row that no
-- request under way stands behind is one whose answer never told: it counts as spent.
CREATE TABLE reservations (
    id INTEGER PRIMARY KEY, day TEXT NOT NULL, page_id TEXT NOT NULL, model TEXT NOT NULL,
    input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, cost_usd REAL NOT NULL
);
CREATE INDEX reservations_by_day ON reservations (day);

CREATE TABLE alerts (
    name TEXT PRIMARY KEY, text TEXT NOT NULL, since TEXT NOT NULL
) WITHOUT ROWID;

-- What was decided about a page, for `explain`.
CREATE TABLE decisions (
    id INTEGER PRIMARY KEY, page_id TEXT NOT NULL, at TEXT NOT NULL, what TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX decisions_by_page ON decisions (page_id, id);
CREATE INDEX decisions_by_time ON decisions (at);
"""


@migrations()
def v1(db: Database) -> None:
    """Create the first schema."""
    _run(db, _FIRST)


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
# Mark letters that are taken back while they are sent, and those that may be saved late.
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
-- When Notion refused what a letter says.
ALTER TABLE outbox ADD COLUMN refused_at TEXT;
CREATE INDEX outbox_refused ON outbox (page_id) WHERE refused_at IS NOT NULL;
"""
# Keep what each version of a prompt says, and which letters Notion refused.
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
