"""No statement on the sweep's path reads a whole table, and a state of 10,000 pages stays small."""

from __future__ import annotations

import inspect
import re
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from states import NOW, SOURCE, page_row

from daemon.domain.change import Reviewed
from daemon.domain.values import (
    AuthorKind,
    Finding,
    Load,
    Outcome,
    Prompt,
    Review,
    Severity,
    Thread,
    Usage,
)
from daemon.domain.findings import Event
from daemon.store.views import browse, reporting
from daemon.store import (
    database,
    drafts,
    findings,
    sweeps as ledger,
    origins,
    pages,
    reviews,
    spending,
    texts,
    threads,
)
from daemon.store.views.browse import Key, Only, Wish
from daemon.store.database import copy_in_memory, open_state
from daemon.store.drafts import DraftState, Weighed
from daemon.store.pages import Standing
from daemon.store.reviews import Kind, Letter, Sending
from daemon.store.texts import Line, Text


PAGE = page_row(1)
REVIEW = Review(Outcome.DONE, (), (), (), "", (), "offline", Usage())
FINDING = Finding("block", "quote", "text", Severity.MINOR)
LETTER = Letter("key", PAGE.id, Kind.FINDING, "block", "block", "body", "RFC reviewer", NOW)
THREAD = Thread("thread", "block", ())
PROMPT = Prompt("RFC reviewer", "Be kind.", "prompt")
TEXT = Text("RFC", (), (Line("block", "paragraph", 0, "line"),))
REVIEWED = Reviewed("RFC", (), (("block", "line"),))
WEIGHED = Weighed(1, "database", "review", "p1", Load(2, 1, 500))
NAMED = {"prompt": "p1", "content_hash": "abc", "sweep_id": 1, "at": NOW}

# What a sweep asks of the state, and from where.
ON_THE_PATH = {
    "begin": lambda db: drafts.begin(db, 1, PAGE.id, "approve: all", NOW),
    "last_said": lambda db: drafts.last_said(db, PAGE.id),
    "draft": lambda db: drafts.draft(db, 1),
    "drafts waiting": drafts.waiting,
    "drafts waiting on a page": lambda db: drafts.waiting(db, PAGE.id),
    "settle a draft": lambda db: drafts.settle(db, 1, DraftState.APPROVED, NOW),
    "release": lambda db: drafts.release(db, 1, "approved"),
    "drop": lambda db: drafts.drop(db, LETTER.key, "refused"),
    "rewrite": lambda db: drafts.rewrite(db, LETTER.key, "body"),
    "reword": lambda db: drafts.reword(db, 1, "text"),
    "weigh": lambda db: drafts.weigh(db, WEIGHED, passed=True),
    "let_pass": lambda db: drafts.let_pass(db, 1, 2, 1),
    "passed": lambda db: drafts.passed(db, "database", "review", 100),
    "passed_under": lambda db: drafts.passed_under(db, "database", "p1"),
    "fact": lambda db: database.fact(db, "name"),
    "remember": lambda db: database.remember(db, "name", "value"),
    "save_source": lambda db: pages.save_source(db, SOURCE),
    "source": lambda db: pages.source(db, SOURCE.id),
    "sources_of": lambda db: pages.sources_of(db, "database"),
    "save": lambda db: pages.save(db, [PAGE]),
    "set_paused": lambda db: pages.set_paused(db, PAGE.id, paused=True),
    "page": lambda db: pages.page(db, PAGE.id),
    "known": lambda db: pages.known(db, [PAGE.id, "page-00002"]),
    "due": lambda db: pages.due(db, NOW, [SOURCE.id]),
    "longest_unread": lambda db: pages.longest_unread(db, SOURCE.id, 10),
    "reviewed_under_another": lambda db: pages.reviewed_under_another(db, SOURCE.id, "p2"),
    "ids_of": lambda db: pages.ids_of(db, SOURCE.id),
    "counts": lambda db: pages.counts(db, NOW),
    "failed": pages.failed,
    "reviewed": lambda db: pages.reviewed(db, PAGE.id),
    "save_reviewed": lambda db: pages.save_reviewed(db, PAGE.id, REVIEWED),
    "add": lambda db: reviews.add(db, PAGE.id, REVIEW, kind="review", **NAMED),
    "record": lambda db: findings.record(db, 1, PAGE.id, FINDING, NOW),
    "one": lambda db: findings.one(db, 1),
    "of_page": lambda db: findings.of_page(db, PAGE.id),
    "happened": lambda db: findings.happened(db, 1, Event.UNPOSTED, NOW),
    "ledger": lambda db: findings.ledger(db, PAGE.id),
    "move": lambda db: findings.move(db, PAGE.id, {"new": "block"}),
    "history": lambda db: findings.history(db, 1),
    "intend": lambda db: reviews.intend(db, [LETTER]),
    "undelivered": reviews.undelivered,
    "undelivered of a page": lambda db: reviews.undelivered(db, PAGE.id),
    "sending": lambda db: reviews.sending(db, LETTER),
    "begins": lambda db: reviews.begins(db, LETTER, NOW),
    "mark": lambda db: reviews.mark(db, LETTER.key, Sending.UNCLEAR, "note"),
    "take_up": lambda db: reviews.take_up(db, PAGE.id, ["thread"]),
    "posted": lambda db: reviews.posted(db, LETTER, "comment", "thread", NOW),
    "own_comments": lambda db: reviews.own_comments(db, PAGE.id),
    "summary_comment": lambda db: reviews.summary_comment(db, PAGE.id),
    "outbox_counts": reviews.outbox_counts,
    "save_thread": lambda db: threads.save_thread(db, PAGE.id, THREAD, {}),
    "comments": lambda db: threads.comments(db, PAGE.id),
    "threads": lambda db: threads.threads(db, PAGE.id),
    "replied": lambda db: threads.replied(db, "thread"),
    "gone": lambda db: threads.gone(db, ["thread"], NOW),
    "looked": lambda db: threads.looked(db, PAGE.id, ["block"], NOW),
    "keep_places": lambda db: threads.keep_places(db, PAGE.id, ["block", "other"], NOW),
    "mark_known": lambda db: threads.mark_known(db, PAGE.id),
    "adopt": lambda db: threads.adopt(db, PAGE.id),
    "looks": lambda db: threads.looks(db, PAGE.id),
    "forget_places": lambda db: threads.forget_places(db, PAGE.id, ["block"]),
    "oldest_looks": lambda db: threads.oldest_looks(db, [SOURCE.id], NOW, 10, known=True),
    "of_thread": lambda db: origins.of_thread(db, PAGE.id, "thread"),
    "raised": lambda db: origins.raised(db, PAGE.id),
    "link": lambda db: origins.link(db, PAGE.id, {"comment": "thread"}),
    "oldest_places": lambda db: threads.oldest_places(db, PAGE.id, 10),
    "save_user": lambda db: threads.save_user(db, "user", "Ana", AuthorKind.PERSON, NOW),
    "begin_sweep": lambda db: ledger.begin_sweep(db, NOW),
    "end_sweep": lambda db: ledger.end_sweep(db, 1, {}, NOW),
    "reserve": lambda db: spending.reserve(db, NOW.date(), PAGE.id, "offline", Usage()),
    "settle": lambda db: spending.settle(db, 1, Usage()),
    "spend": lambda db: spending.spend(db, NOW.date(), "offline", Usage()),
    "spent": lambda db: spending.spent(db, NOW.date()),
    "spent on a page": lambda db: spending.spent(db, NOW.date(), page_id=PAGE.id),
    "fold": lambda db: spending.fold(db, NOW.date()),
    "raise_alert": lambda db: ledger.raise_alert(db, "models", "down", NOW),
    "clear_alert": lambda db: ledger.clear_alert(db, "models"),
    "prompt": lambda db: ledger.prompt(db, "prompt"),
    "save_prompt": lambda db: ledger.save_prompt(db, PROMPT, NOW, NOW),
    "decide": lambda db: ledger.decide(db, PAGE.id, NOW, "nominated"),
    "decisions": lambda db: ledger.decisions(db, PAGE.id),
    "prune": lambda db: ledger.prune(db, NOW),
    "keep": lambda db: texts.keep(db, 1, PAGE.id, TEXT, NOW),
    "text": lambda db: texts.text(db, 1),
    "before": lambda db: texts.before(db, PAGE.id, 2),
    "steps": lambda db: texts.steps(db, PAGE.id, 10),
    "forget": lambda db: texts.forget(db, NOW),
    "letters_of a page": lambda db: reviews.letters_of(db, page_id=PAGE.id),
    "letters_of a review": lambda db: reviews.letters_of(db, review_id=1),
    "sweeps": lambda db: browse.sweeps(db, 10),
    "reviewed_in": lambda db: browse.reviewed_in(db, 1),
    "listed": lambda db: browse.listed(db, Wish(), 10),
    "listed on": lambda db: browse.listed(db, Wish(after=Key(NOW, PAGE.id)), 10),
    "listed by words": lambda db: browse.listed(db, Wish(Only.OPEN, "Rfc 7", SOURCE.id), 10),
    "counted": browse.counted,
    "waiting": lambda db: browse.waiting(db, 10),
    "raised in the margin": lambda db: browse.raised(db, PAGE.id),
    "histories": lambda db: browse.histories(db, PAGE.id),
    "people_said": lambda db: browse.people_said(db, PAGE.id, 500),
    "we_replied": lambda db: browse.we_replied(db, PAGE.id),
    "first_review": reporting.first_review,
    "held": lambda db: reporting.held(db, NOW, NOW),
    "made": lambda db: reporting.made(db, NOW, NOW),
    "settled": lambda db: reporting.settled(db, NOW, NOW),
    "waits": lambda db: reporting.waits(db, NOW, NOW),
    "points": lambda db: reporting.points(db, NOW, NOW),
}
# A list that was passed in, an index instead of its table, the few letters that wait.
# What was just chosen and is read at once has no table of its own.
HARMLESS = re.compile(
    r"SCAN json_each|USING COVERING INDEX|USING INDEX (outbox_open|drafts_waiting)"
    r"|SCAN \(subquery|CONSTANT ROW"
)
# Read whole on purpose: a handful of rows, or off the sweep's path.
READ_WHOLE = {"users", "alerts", "last_sweep", "oldest_looks", "letters_of", "sources"}


@pytest.fixture
def db():
    with closing(copy_in_memory(Path("there is none"))) as db:
        pages.save_source(db, SOURCE)
        pages.save(db, [page_row(number) for number in range(50)])
        reviews.add(db, PAGE.id, REVIEW, kind="review", **NAMED)
        findings.record(db, 1, PAGE.id, FINDING, NOW)
        yield db


@pytest.mark.parametrize("ask", ON_THE_PATH.values(), ids=ON_THE_PATH)
def test_no_statement_of_a_sweep_reads_a_whole_table(db, ask):
    for statement in statements_of(db, ask):
        for step in plan(db, statement):
            assert not re.match(r"SCAN ", step) or HARMLESS.search(step), f"{step}: {statement}"


def test_the_oldest_looks_of_a_page_are_found_by_the_page(db):
    """Not by going through the looks of all pages from the oldest on."""
    [statement] = statements_of(db, ON_THE_PATH["oldest_places"])
    assert any("page_id=?" in step for step in plan(db, statement))


def statements_of(db, ask):
    found = []
    db.conn.set_trace_callback(found.append)
    ask(db)
    db.conn.set_trace_callback(None)
    asked = [one for one in found if re.match(r"(SELECT|UPDATE|DELETE|INSERT)\b", one.lstrip())]
    assert asked
    return asked


def plan(db, statement):
    return [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()]


def test_every_function_with_sql_is_looked_at():
    """A new one is added above, or to those that may read a whole table."""
    made = {
        name
        for module in (
            *(pages, reviews, findings, drafts, ledger, threads, origins),
            *(texts, browse, reporting, spending),
        )
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__
        and not name.startswith("_")
        and "db" in inspect.signature(function).parameters
    }
    assert made <= ON_THE_PATH.keys() | READ_WHOLE


def test_d6_a_reviewed_page_of_a_hundred_blocks_takes_42_kilobytes(tmp_path):
    """So 10,000 of them take 420 MB; two thirds of it is when each block was last looked at."""
    path, count = tmp_path / "notion-review.db", 200
    with closing(open_state(path)) as db:
        pages.save_source(db, SOURCE)
        empty = size(db)
        for number in range(count):
            with db.atomic():
                fill(db, number)
        grown = size(db) - empty
    assert grown / count < 42_000


def size(db):
    return db.execute("PRAGMA page_count").fetchone()[0] * 4096


def fill(db, number):
    row = page_row(number, id=uuid(number, 0), state=Standing.DONE, reviewed_at=NOW)
    pages.save(db, [row])
    lines = [f"{n}. The {n * number} words of a line, " * 4 for n in range(100)]
    blocks = [(uuid(number, n + 1), line) for n, line in enumerate(lines)]
    pages.save_reviewed(db, row.id, Reviewed(row.title, (), tuple(blocks)))
    review = reviews.add(db, row.id, REVIEW, kind="review", **NAMED)
    kept = (Line(id_, "paragraph", 0, line) for id_, line in blocks)
    texts.keep(db, review, row.id, Text(row.title, (), tuple(kept)), NOW)
    for n in range(5):
        finding = replace(FINDING, block_id=blocks[n][0], text="What happens then? " * 5)
        finding_id = findings.record(db, review, row.id, finding, NOW)
        letter = replace(LETTER, key=f"{row.id} {n}", page_id=row.id, body=finding.text)
        reviews.intend(db, [replace(letter, finding_id=finding_id)])
    threads.keep_places(db, row.id, [block_id for block_id, _ in blocks], NOW)
    for _ in range(20):
        ledger.decide(db, row.id, NOW, "nominated", "edited 2026-11-20T12:00:00Z, read at once")


def uuid(number, part):
    return f"{number:08x}-0000-4000-8000-{part * 7919 + number:012x}"
