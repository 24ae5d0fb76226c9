"""D7: a state of every released version opens with its data intact.

A released migration is never edited: `v1.sql` is the schema as it was released, with data, and
only new files are added beside it. `python tests/store/test_schema.py` prints a dump of the
schema of today, filled the same way, to begin such a file with.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from daemon.domain.change import Reviewed
from daemon.domain.comments import CommentState, Decision
from daemon.domain.findings import Event, FindingState
from daemon.domain.records import (
    DeliveryState,
    FindingRow,
    MessageKind,
    OutboxMessage,
    PageRow,
    PageState,
    SourceRow,
    StateChange,
)
from daemon.domain.values import AuthorKind, Finding, Prompt, Severity, Usage
from daemon.store import (
    database,
    findings,
    outbox,
    pages,
    prompts,
    reviews,
    sweeps,
    threads,
)
from daemon.store.database import copy_in_memory, open_state, read_state
from daemon.store.reviews import ReviewedLine, ReviewedText
from daemon.store.schema import migrations
from support.places import FIXTURES


STATES = FIXTURES / "state"
DUMPS = sorted(STATES.glob("v*.sql"), key=lambda dump: int(dump.stem[1:]))
ANSWERED = CommentState(Decision.ANSWERED, answers=1)
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

SOURCE = SourceRow("source-1", "database-1", "RFCs", NOON, checkpoint=NOON, pages=2, last_ok=NOON)
PAGE = PageRow(
    id="page-1",
    source_id="source-1",
    title="Queues, größer",
    url="https://app.notion.com/p/1",
    edited=NOON,
    state=PageState.DONE,
    due_at=NOON,
    paused=True,
    paused_at=NOON,
    hash="abc",
    form=1,
    prompt="p1",
    read_at=NOON,
    reviewed_at=NOON,
)
REVIEWED = Reviewed("Queues, größer", (("Status", "Ready"),), (("b1", "# It's; a\nblock"),))
FINDING = Finding(
    "b1", "a\nblock", "Say which; 'now'.", Severity.BLOCKING, title="Say which; 'now'"
)
LETTER = OutboxMessage(
    key="finding:1",
    page_id="page-1",
    kind=MessageKind.FINDING,
    target="b1",
    place="b1",
    body="*a block*\nSay which.",
    name="RFC reviewer",
    created_at=NOON,
    review_id=1,
    finding_id=1,
    state=DeliveryState.UNCLEAR,
    attempts=1,
    sent_at=NOON,
)


@pytest.fixture(params=DUMPS, ids=[dump.stem for dump in DUMPS])
def path(request, tmp_path):
    """A state as an earlier version left it."""
    path = tmp_path / "notion-review.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(request.param.read_text("utf-8"))
        connection.execute("PRAGMA journal_mode = WAL")
    return path


def test_there_is_a_dump_of_every_version():
    assert [dump.stem for dump in DUMPS] == [one.name for one in migrations._migrations]


@pytest.mark.parametrize("opener", [open_state, copy_in_memory])
def test_d7_a_state_of_an_earlier_version_opens_with_its_data_intact(path, opener):
    with closing(opener(path)) as db:
        assert not migrations.pending(db)
        assert database.check_integrity(db) == "ok"
        assert database.get_value(db, "own bot ids") == '["bot-1"]'
        assert pages.source(db, "source-1") == SOURCE
        assert pages.page(db, "page-1") == PAGE
        assert pages.last_reviewed(db, "page-1") == REVIEWED
        assert findings.of_page(db, "page-1") == [
            FindingRow(
                1,
                FINDING,
                FindingState.ANSWERED,
                "thread-1",
                NOON,
                1,
                "a person wrote in its thread",
            )
        ]
        assert findings.history(db, 1) == [
            StateChange(NOON, FindingState.OPEN, "made"),
            StateChange(NOON, FindingState.ANSWERED, "a person wrote in its thread"),
        ]
        assert outbox.undelivered(db) == [LETTER]
        assert outbox.posted_comment_ids(db, "page-1") == {"comment-1"}
        assert threads.comments(db, "page-1")["comment-2"].state == ANSWERED
        assert threads.threads(db, "page-1")["thread-1"].replies == 2
        assert threads.users(db) == {"user-1": ("Ana Costa", AuthorKind.PERSON)}
        assert prompts.prompt(db, "prompt-1") == (
            Prompt("RFC reviewer", "Be kind.", "prompt-1", (("How we write", "Short."),)),
            NOON,
            NOON,
        )
        assert reviews.spent(db, date(2026, 11, 20)) == Usage(3, 1000, 100, 50, 0.25)
        assert sweeps.alerts(db) == [
            {"name": "models", "text": "down", "since": "2026-11-20T12:00:00Z"}
        ]
        assert sweeps.last_sweep(db) == {"outcome": "ok"}
        assert sweeps.decisions(db, "page-1") == [
            ("2026-11-20T12:00:00Z", "reviewed", "one comment")
        ]


def test_d7_an_earlier_version_can_be_read_before_it_is_migrated(path):
    before = path.read_bytes()
    with closing(read_state(path)) as db:
        assert pages.page(db, "page-1") == PAGE
    assert path.read_bytes() == before


def test_a_released_migration_is_not_edited():
    """What a new state is made of today is what the dumps of its versions say."""
    made = sqlite3.connect(":memory:")
    with closing(copy_in_memory(Path("there is none"))) as today, closing(made):
        made.executescript(DUMPS[-1].read_text("utf-8"))
        assert schema(today.conn) == schema(made)


def schema(connection):
    rows = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
    return [row[0] for row in rows.fetchall()]


def test_a_migration_that_fails_leaves_the_state_as_it_was(path, monkeypatch):
    def fails(db):
        db.execute("CREATE TABLE moods (page_id TEXT)")
        db.execute("INSERT INTO nowhere VALUES (1)")

    added = migrations._Migration("v99", fails)
    with monkeypatch.context() as patched:
        patched.setattr(migrations, "_migrations", [*migrations._migrations, added])
        with pytest.raises(Exception, match="nowhere"):
            open_state(path)
    with closing(open_state(path)) as db:
        assert "moods" not in db.table_names()
        assert pages.page(db, "page-1") == PAGE


def filled() -> Iterator[str]:
    """Write a state of today, filled, as SQL."""
    db = copy_in_memory(Path("there is none"))
    database.set_value(db, "own bot ids", '["bot-1"]')
    pages.save_source(db, SOURCE)
    pages.save(db, [PAGE])
    pages.save_reviewed(db, "page-1", REVIEWED)
    db.execute(
        "INSERT INTO reviews VALUES (1, 'page-1', 1, '2026-11-20T12:00:00Z', 'review', 'done',"
        " 'offline', 'p1', 'abc', 'Name the owner.', '[]', 0, 0, 0, 0.0, 0, 'Who owns it?',"
        " '')"
    )
    reviews.save_text(
        db, 1, "page-1", ReviewedText("RFC", (), (ReviewedLine("b1", "paragraph", 0, "a"),)), NOON
    )
    findings.add(db, 1, "page-1", FINDING, NOON)
    findings.apply_event(db, 1, Event.SPOKEN, NOON)
    posted = {"key": "finding:0", "state": DeliveryState.POSTED, "comment_id": "comment-1"}
    values = {name: getattr(LETTER, name) for name in LETTER.__dataclass_fields__}
    outbox.add(db, [LETTER, OutboxMessage(**values | posted)])
    db.execute("UPDATE findings SET discussion_id = 'thread-1'")
    db.execute("INSERT INTO threads VALUES ('thread-1', 'page-1', 'b1', 2, 0, NULL, NULL, NULL)")
    db.execute(
        "INSERT INTO comments VALUES ('comment-2', 'page-1', 'thread-1', 'person',"
        " '2026-11-20T12:00:00Z', 'answered', 'why?', 'Ana Costa')"
    )
    db.execute("INSERT INTO looks VALUES ('page-1', 'b1', '2026-11-20T12:00:00Z', 1)")
    threads.save_user(db, "user-1", "Ana Costa", AuthorKind.PERSON, NOON)
    prompt = Prompt("RFC reviewer", "Be kind.", "prompt-1", (("How we write", "Short."),))
    prompts.save_prompt(db, prompt, NOON, NOON)
    prompts.save_version(db, "p1", prompt, NOON)
    number = reviews.reserve_spending(db, NOON.date(), "", "offline", Usage())
    reviews.record_spending(db, number, Usage(3, 1000, 100, 50, 0.25))
    sweeps.raise_alert(db, "models", "down", NOON)
    sweeps.nominate(db, [sweeps.Nomination("page-1", "b1", NOON)])
    sweeps.end_sweep(db, sweeps.begin_sweep(db, NOON), {"outcome": "ok"}, NOON)
    sweeps.record_decision(db, "page-1", NOON, "reviewed", "one comment")
    for line in db.conn.iterdump():
        yield re.sub(r"'\d{4}-\d\d-\d\d \d\d:[\d:.]+\+00:00'", "'2026-11-20 12:00:00+00:00'", line)


if __name__ == "__main__":
    print("\n".join(filled()))  # noqa: T201 - it is asked for
