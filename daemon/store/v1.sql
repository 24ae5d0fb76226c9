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
