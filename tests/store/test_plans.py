"""No statement on the sweep's path reads a whole table, and a state of 10,000 pages stays small."""

from __future__ import annotations

import inspect
import re
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.domain.change import Reviewed
from daemon.domain.due import Pause
from daemon.domain.findings import Event, FindingState
from daemon.domain.passages import RememberedPage
from daemon.domain.records import (
    DeliveryState,
    DraftState,
    MessageKind,
    OutboxMessage,
    PageState,
    PromptDatabase,
    PromptRow,
    PromptStatus,
    Standing,
    Trial,
)
from daemon.domain.scope import Capability
from daemon.domain.values import (
    AuthorKind,
    Finding,
    Outcome,
    Prompt,
    Review,
    ReviewKind,
    Severity,
    Thread,
    Usage,
)
from daemon.store import (
    database,
    drafts,
    findings,
    memory,
    outbox,
    pages,
    prompts,
    reviews,
    sweeps,
    threads,
)
from daemon.store.database import copy_in_memory, open_state
from daemon.store.drafts import RecordedSize, ReviewSize
from daemon.store.reviews import ReviewedLine, ReviewedText
from daemon.store.views import browse, reporting
from daemon.store.views.browse import PageCursor, PageFilter, PageQuery
from support.states import NOW, SOURCE, page_row


PAGE = page_row(1)
REVIEW = Review(Outcome.DONE, (), (), (), "", (), "offline", Usage())
FINDING = Finding("block", "quote", "text", Severity.MINOR)
REMEMBERED = RememberedPage(PAGE.id, SOURCE.id, "RFC", "url", "Accepted", NOW)
MESSAGE = OutboxMessage(
    "key", PAGE.id, MessageKind.FINDING, "block", "block", "body", "RFC reviewer", NOW
)
SUMMARY = replace(MESSAGE, key="summary:1", kind=MessageKind.SUMMARY, comment_id="summary")
THREAD = Thread("thread", "block", ())
PROMPT = Prompt("RFC reviewer", "Be kind.", "prompt")
STATUS = PromptStatus(PROMPT, "p1", NOW, NOW, Trial(PROMPT))
NOMINATED = sweeps.Nomination(PAGE.id, "block", NOW, (SOURCE.id,))
TEXT = ReviewedText("RFC", (), (ReviewedLine("block", "paragraph", 0, "line"),))
REVIEWED = Reviewed("RFC", (), (("block", "line"),))
WEIGHED = RecordedSize(1, "database", ReviewKind.REVIEW, "p1", ReviewSize(2, 1, 500))
NAMED = {"prompt": "p1", "content_hash": "abc", "sweep_id": 1, "at": NOW}

# What a sweep asks of the state, and from where.
ON_THE_PATH = {
    "drafts.add": lambda db: drafts.add(db, 1, PAGE.id, "approve: all", NOW),
    "drafts.last_published": lambda db: drafts.last_published(db, PAGE.id),
    "drafts.draft": lambda db: drafts.draft(db, 1),
    "memory.note": lambda db: memory.note(db, [REMEMBERED]),
    "memory.known": lambda db: memory.known(db, [PAGE.id]),
    "memory.unread": lambda db: memory.unread(db, [SOURCE.id], 60),
    "memory.save_passages": lambda db: memory.save_passages(db, PAGE.id, NOW, [("block", "text")]),
    "memory.drop": lambda db: memory.drop(db, [PAGE.id]),
    "memory.erase": lambda db: memory.erase(db, PAGE.id),
    "drafts.waiting": drafts.waiting,
    "drafts.waiting of a page": lambda db: drafts.waiting(db, PAGE.id),
    "drafts.close": lambda db: drafts.close(db, 1, DraftState.APPROVED, NOW),
    "outbox.release": lambda db: outbox.release(db, 1, "approved"),
    "outbox.drop_held": lambda db: outbox.drop_held(db, MESSAGE.key, "refused"),
    "outbox.set_held_body": lambda db: outbox.set_held_body(db, MESSAGE.key, "body"),
    "findings.standing_no": lambda db: findings.standing_no(db, 1),
    "findings.opened_since_review": lambda db: findings.opened_since_review(db, "p1"),
    "outbox.outdate": lambda db: outbox.outdate(db, PAGE.id, "c", "note", NOW),
    "findings.last_change": findings.last_change,
    "findings.followed": findings.followed,
    "findings.set_followed": lambda db: findings.set_followed(db, 1),
    "findings.changed_since": lambda db: findings.changed_since(db, 1),
    "findings.open_again": lambda db: findings.open_again(db, 1, Event.UNSETTLED, NOW),
    "findings.last_times": lambda db: findings.last_times(db, PAGE.id),
    "findings.closed_since_review": lambda db: findings.closed_since_review(db, PAGE.id),
    "findings.set_text": lambda db: findings.set_text(db, 1, "text"),
    "drafts.record_size": lambda db: drafts.record_size(db, WEIGHED, passed=True),
    "drafts.record_approved_size": lambda db: drafts.record_approved_size(db, 1, 2, 1),
    "drafts.published_sizes": lambda db: drafts.published_sizes(
        db, "database", ReviewKind.REVIEW, 100
    ),
    "drafts.count_published": lambda db: drafts.count_published(db, "database", "p1"),
    "database.get_value": lambda db: database.get_value(db, "name"),
    "database.set_value": lambda db: database.set_value(db, "name", "value"),
    "pages.detach_source": lambda db: pages.detach_source(db, SOURCE.id),
    "pages.refusals": lambda db: pages.refusals(db, Capability.READ_COMMENTS),
    "pages.save_refusals": lambda db: pages.save_refusals(db, Capability.READ_COMMENTS, {}),
    "pages.forget_refusals": lambda db: pages.forget_refusals(db, PAGE.id),
    "pages.save_source": lambda db: pages.save_source(db, SOURCE),
    "pages.source": lambda db: pages.source(db, SOURCE.id),
    "pages.sources_of": lambda db: pages.sources_of(db, "database"),
    "pages.source_ids": lambda db: pages.source_ids(db, [SOURCE.database_id]),
    "pages.save": lambda db: pages.save(db, [PAGE]),
    "pages.reviewed_under_other_settings": lambda db: pages.reviewed_under_other_settings(
        db, SOURCE.id, "s"
    ),
    "pages.pause": lambda db: pages.pause(db, PAGE.id, NOW),
    "pages.resume": lambda db: pages.resume(db, PAGE.id),
    "pages.paused": pages.paused,
    "pages.page": lambda db: pages.page(db, PAGE.id),
    "pages.by_ids": lambda db: pages.by_ids(db, [PAGE.id, "page-00002"]),
    "pages.due": lambda db: pages.due(db, NOW, [SOURCE.id]),
    "pages.longest_unread": lambda db: pages.longest_unread(db, SOURCE.id, 10),
    "pages.reviewed_under_other_prompt": lambda db: pages.reviewed_under_other_prompt(
        db, SOURCE.id, "p2"
    ),
    "pages.last_reviewed_pages": lambda db: pages.last_reviewed_pages(db, [SOURCE.id], 3),
    "pages.ids_of": lambda db: pages.ids_of(db, SOURCE.id),
    "pages.any_selected": lambda db: pages.any_selected(db, [SOURCE.id]),
    "pages.counts": lambda db: pages.counts(db, NOW),
    "pages.failed": pages.failed,
    "pages.save_standing": lambda db: pages.save_standing(
        db, (PAGE.id, NOW), Standing.DRAFT, [("ana", "Ana")], "ana"
    ),
    "threads.save_act": lambda db: threads.save_act(db, PAGE.id, "ana", NOW),
    "browse.open_documents": lambda db: browse.open_documents(db, [PAGE.id]),
    "pages.last_reviewed": lambda db: pages.last_reviewed(db, PAGE.id),
    "pages.save_reviewed": lambda db: pages.save_reviewed(db, PAGE.id, REVIEWED),
    "pages.left_before": lambda db: pages.left_before(db, NOW),
    "threads.pages_with_words": threads.pages_with_words,
    "threads.forget_words": lambda db: threads.forget_words(db, PAGE.id),
    "reviews.merge_spending_of": lambda db: reviews.merge_spending_of(db, PAGE.id),
    "reviews.add": lambda db: reviews.add(db, PAGE.id, REVIEW, kind=ReviewKind.REVIEW, **NAMED),
    "findings.add": lambda db: findings.add(db, 1, PAGE.id, FINDING, NOW),
    "findings.get": lambda db: findings.get(db, 1),
    "findings.of_page": lambda db: findings.of_page(db, PAGE.id),
    "findings.apply_event": lambda db: findings.apply_event(db, 1, Event.UNPOSTED, NOW),
    "findings.kept": lambda db: findings.kept(db, PAGE.id, findings.of_page(db, PAGE.id)),
    "findings.replace_block_ids": lambda db: findings.replace_block_ids(
        db, PAGE.id, {"new": "block"}
    ),
    "findings.history": lambda db: findings.history(db, 1),
    "outbox.add": lambda db: outbox.add(db, [MESSAGE]),
    "outbox.undelivered": outbox.undelivered,
    "outbox.undelivered of a page": lambda db: outbox.undelivered(db, PAGE.id),
    "outbox.try_again": lambda db: outbox.try_again(db, PAGE.id),
    "outbox.claim": lambda db: outbox.claim(db, MESSAGE),
    "outbox.retract": lambda db: outbox.retract(db, MESSAGE.key, "retracted", NOW),
    "outbox.retracted": outbox.retracted,
    "outbox.set_lost": lambda db: outbox.set_lost(db, MESSAGE.key, NOW),
    "outbox.lost": outbox.lost,
    "outbox.comment_of": lambda db: outbox.comment_of(db, MESSAGE.key),
    "outbox.set_refused": lambda db: outbox.set_refused(db, MESSAGE.key, NOW),
    "outbox.refused": outbox.refused,
    "outbox.record_attempt": lambda db: outbox.record_attempt(db, MESSAGE, NOW),
    "outbox.set_state": lambda db: outbox.set_state(db, MESSAGE.key, DeliveryState.UNCLEAR, "note"),
    "outbox.mark_shown": lambda db: outbox.mark_shown(db, MESSAGE.key, NOW),
    "outbox.reopen_replies": lambda db: outbox.reopen_replies(db, PAGE.id, ["thread"]),
    "outbox.mark_posted": lambda db: outbox.mark_posted(db, MESSAGE, "comment", "thread", NOW),
    "outbox.posted_comment_ids": lambda db: outbox.posted_comment_ids(db, PAGE.id),
    "outbox.summaries": lambda db: outbox.summaries(db, PAGE.id),
    "outbox.last_text": lambda db: (
        outbox.add(db, [SUMMARY]),
        outbox.last_text(db, PAGE.id, "summary"),
    ),
    "outbox.awaits_summary": lambda db: outbox.awaits_summary(db, PAGE.id),
    "outbox.message_of": lambda db: outbox.message_of(db, 1, 1),
    "outbox.was_posted": lambda db: outbox.was_posted(db, PAGE.id, 1),
    "findings.unlink_thread": lambda db: findings.unlink_thread(db, 1),
    "findings.earlier_threads": lambda db: findings.earlier_threads(db, PAGE.id),
    "findings.set_place": lambda db: findings.set_place(db, 1, FINDING),
    "outbox.drop_marks": lambda db: outbox.drop_marks(db, PAGE.id, 1, "retracted"),
    "outbox.set_body": lambda db: outbox.set_body(db, MESSAGE.key, "body"),
    "outbox.rewrite": lambda db: outbox.rewrite(db, MESSAGE.key, "body"),
    "outbox.body": lambda db: outbox.body(db, MESSAGE.key),
    "outbox.present": lambda db: outbox.present(db, [MESSAGE.key]),
    "findings.settled": lambda db: findings.settled(
        db, [SOURCE.id], [FindingState.ADDRESSED], PAGE.id, 20
    ),
    "findings.kept_of_review": lambda db: findings.kept_of_review(db, 1),
    "reviews.last_usage": lambda db: reviews.last_usage(db, PAGE.id),
    "reviews.last_question": lambda db: reviews.last_question(db, PAGE.id),
    "outbox.counts": outbox.counts,
    "threads.save_thread": lambda db: threads.save_thread(db, PAGE.id, THREAD, {}),
    "threads.comments": lambda db: threads.comments(db, PAGE.id),
    "threads.of_another_state": lambda db: threads.of_another_state(db, PAGE.id),
    "threads.threads": lambda db: threads.threads(db, PAGE.id),
    "threads.count_reply": lambda db: threads.count_reply(db, "thread"),
    "threads.hand_over": lambda db: threads.hand_over(db, "thread"),
    "threads.mark_gone": lambda db: threads.mark_gone(db, ["thread"], NOW),
    "threads.record_listing": lambda db: threads.record_listing(db, PAGE.id, ["block"], NOW),
    "threads.set_places": lambda db: threads.set_places(db, PAGE.id, ["block", "other"], NOW),
    "threads.mark_places_with_threads": lambda db: threads.mark_places_with_threads(db, PAGE.id),
    "threads.add_from_findings": lambda db: threads.add_from_findings(db, PAGE.id),
    "threads.last_listed": lambda db: threads.last_listed(db, PAGE.id),
    "threads.remove_places": lambda db: threads.remove_places(db, PAGE.id, ["block"]),
    "threads.places_to_list": lambda db: threads.places_to_list(
        db, [SOURCE.id], NOW, 10, known=True
    ),
    "threads.places_to_list where something happened": lambda db: threads.places_to_list(
        db, [SOURCE.id], NOW, 10, known=False, stirred=NOW
    ),
    "outbox.replies_on": lambda db: outbox.replies_on(db, PAGE.id, by_model=True),
    "outbox.answered_since": lambda db: outbox.answered_since(db, "thread", NOW),
    "outbox.answers_to": lambda db: outbox.answers_to(db, "person", NOW),
    "reviews.pages_of": lambda db: reviews.pages_of(db, [1, 2]),
    "reviews.content_hash": lambda db: reviews.content_hash(db, 1),
    "threads.unreviewed_pages": lambda db: threads.unreviewed_pages(db, [SOURCE.id], 10),
    "threads.unreviewed_blocks": lambda db: threads.unreviewed_blocks(db, [SOURCE.id], 10),
    "findings.origin_of_thread": lambda db: findings.origin_of_thread(db, PAGE.id, "thread"),
    "findings.link_threads": lambda db: findings.link_threads(db, PAGE.id, {"comment": "thread"}),
    "threads.blocks_to_list": lambda db: threads.blocks_to_list(db, PAGE.id, 10),
    "threads.save_user": lambda db: threads.save_user(db, "user", "Ana", AuthorKind.PERSON, NOW),
    "sweeps.begin_sweep": lambda db: sweeps.begin_sweep(db, NOW),
    "sweeps.end_sweep": lambda db: sweeps.end_sweep(db, 1, {}, NOW),
    "reviews.reserve_spending": lambda db: reviews.reserve_spending(
        db, NOW.date(), PAGE.id, "offline", Usage()
    ),
    "reviews.record_spending": lambda db: reviews.record_spending(db, 1, Usage()),
    "reviews.spent": lambda db: reviews.spent(db, NOW.date()),
    "reviews.spent of a page": lambda db: reviews.spent(db, NOW.date(), page_id=PAGE.id),
    "reviews.merge_spending": lambda db: reviews.merge_spending(db, NOW.date()),
    "sweeps.events_seen": sweeps.events_seen,
    "sweeps.save_events_seen": lambda db: sweeps.save_events_seen(db, sweeps.EventsSeen()),
    "sweeps.know_events": lambda db: sweeps.know_events(db, ["event"]),
    "sweeps.events_tell": lambda db: sweeps.events_tell(db, NOW),
    "sweeps.event_missed": sweeps.event_missed,
    "sweeps.miss_event": lambda db: sweeps.miss_event(db, NOW),
    "sweeps.nominate": lambda db: sweeps.nominate(db, [NOMINATED]),
    "sweeps.nominations": lambda db: sweeps.nominations(db, NOW, 10, edits=True),
    "sweeps.next_nomination": sweeps.next_nomination,
    "sweeps.count_nominations": sweeps.count_nominations,
    "sweeps.drop_nomination": lambda db: sweeps.drop_nomination(db, NOMINATED),
    "sweeps.put_off_nomination": lambda db: sweeps.put_off_nomination(db, NOMINATED, NOW),
    "threads.named_places": lambda db: threads.named_places(
        db, [SOURCE.id], NOW, [(PAGE.id, "block")]
    ),
    "sweeps.raise_alert": lambda db: sweeps.raise_alert(db, "models", "down", NOW),
    "sweeps.clear_alert": lambda db: sweeps.clear_alert(db, "models"),
    "prompts.prompt": lambda db: prompts.prompt(db, "prompt"),
    "prompts.pages_of": lambda db: prompts.pages_of(db, "prompts"),
    "prompts.title": lambda db: prompts.title(db, "prompts"),
    "prompts.database": lambda db: prompts.database(db, "prompts"),
    "prompts.save_database": lambda db: prompts.save_database(
        db, "prompts", PromptDatabase("Lenses", (PromptRow("prompt", "Security"),))
    ),
    "prompts.save_prompt": lambda db: prompts.save_prompt(db, PROMPT, NOW, NOW),
    "prompts.save_version": lambda db: prompts.save_version(db, "p1", PROMPT, NOW),
    "prompts.version": lambda db: prompts.version(db, "p1"),
    "prompts.prune_versions": prompts.prune_versions,
    "prompts.first_seen": lambda db: prompts.first_seen(db, "prompt", "p1", NOW),
    "prompts.status": lambda db: prompts.status(db, "prompt"),
    "prompts.save_status": lambda db: prompts.save_status(db, "prompt", STATUS),
    "prompts.mistakes": lambda db: prompts.mistakes(db, "prompt"),
    "prompts.save_mistakes": lambda db: prompts.save_mistakes(db, "prompt", "a mistake"),
    "reviews.reviews_of": lambda db: reviews.reviews_of(db, PAGE.id),
    "reviews.review": lambda db: reviews.review(db, 1),
    "sweeps.record_decision": lambda db: sweeps.record_decision(db, PAGE.id, NOW, "nominated"),
    "sweeps.decisions": lambda db: sweeps.decisions(db, PAGE.id),
    "sweeps.prune": lambda db: sweeps.prune(db, NOW),
    "reviews.save_text": lambda db: reviews.save_text(db, 1, PAGE.id, TEXT, NOW),
    "reviews.text": lambda db: reviews.text(db, 1),
    "reviews.latest_texts": lambda db: reviews.latest_texts(db, [SOURCE.id], 10),
    "reviews.text_after": lambda db: reviews.text_after(db, PAGE.id, 1),
    "reviews.text_before": lambda db: reviews.text_before(db, PAGE.id, 2),
    "reviews.read_since": lambda db: reviews.read_since(db, PAGE.id, NOW),
    "reviews.recent": lambda db: reviews.recent(db, PAGE.id, 10),
    "reviews.prune_texts": lambda db: reviews.prune_texts(db, NOW),
    "outbox.messages_of": lambda db: outbox.messages_of(db, page_id=PAGE.id),
    "outbox.messages_of of a review": lambda db: outbox.messages_of(db, review_id=1),
    "browse.reviewed_in": lambda db: browse.reviewed_in(db, 1),
    "browse.list_pages": lambda db: browse.list_pages(db, PageQuery(), 10),
    "browse.list_pages after a page": lambda db: browse.list_pages(
        db, PageQuery(after=PageCursor(NOW, PAGE.id)), 10
    ),
    "browse.list_pages by words": lambda db: browse.list_pages(
        db, PageQuery(PageFilter.OPEN, "Rfc 7", SOURCE.id), 10
    ),
    "browse.count_pages": browse.count_pages,
    "browse.waiting_pages": lambda db: browse.waiting_pages(db, 10),
    "browse.findings_of": lambda db: browse.findings_of(db, PAGE.id),
    "browse.finding_histories": lambda db: browse.finding_histories(db, PAGE.id),
    "browse.comments_of_people": lambda db: browse.comments_of_people(db, PAGE.id),
    "browse.own_replies": lambda db: browse.own_replies(db, PAGE.id),
    "reporting.settled_points": lambda db: reporting.settled_points(db, [SOURCE.id]),
    "reporting.first_review": reporting.first_review,
    "reporting.longest_waiting": lambda db: reporting.longest_waiting(db, [SOURCE.id]),
    "reporting.newest_edit": lambda db: reporting.newest_edit(db, [SOURCE.id]),
    "reporting.first_sweep": reporting.first_sweep,
    "reporting.count_days": lambda db: reporting.count_days(db, NOW.date(), 35),
    "reporting.count_reviews": lambda db: reporting.count_reviews(db, NOW, NOW),
    "reporting.count_findings": lambda db: reporting.count_findings(db, NOW, NOW),
    "reporting.count_settled": lambda db: reporting.count_settled(db, NOW, NOW),
    "reporting.reply_seconds": lambda db: reporting.reply_seconds(db, NOW, NOW),
    "pages.asleep": lambda db: pages.asleep(db, {SOURCE.database_id: PAGE.id}),
    "prompts.pause": lambda db: prompts.pause(db, PAGE.id, Pause(NOW, None, "")),
    "prompts.resume": lambda db: prompts.resume(db, PAGE.id),
    "prompts.paused": prompts.paused,
    "prompts.given_for": lambda db: prompts.given_for(db, PAGE.id),
    "reporting.week": lambda db: reporting.week(db, [SOURCE.id], NOW, NOW),
    "reporting.for_people": lambda db: reporting.for_people(db, [SOURCE.id]),
    "reporting.list_findings": lambda db: reporting.list_findings(db, NOW, NOW),
}
# A list that was passed in, an index instead of its table, the few messages that wait, the comments
# of ninety days.
# What was just chosen and is read at once has no table of its own.
HARMLESS = re.compile(
    r"SCAN json_each|USING COVERING INDEX|USING INDEX (outbox_(open|retracted|lost|refused)"
    r"|drafts_waiting|remembered_unread|pages_paused|comments_with_words)"
    r"|SCAN \(subquery|CONSTANT ROW"
)
# Read whole on purpose: a handful of rows, or off the sweep's path.
READ_WHOLE = {
    "pages.forget",
    "findings.follow_again",
    "threads.users",
    "prompts.all_mistakes",
    "prompts.delete_mistakes",
    "prompts.forget_points",
    "sweeps.alerts",
    "sweeps.events_known",
    "sweeps.last_sweep",
    "sweeps.last_sweep_why",
    "reporting.last_outcomes",
    "reporting.last_success",
    "reporting.spent_ever",
    "reporting.posted_ever",
    "reporting.reviews_ever",
    "prompts.version_names",
    "prompts.version_before",
    "browse.sources",
    "browse.sweeps",
    "browse.open_items",
    "memory.ids_of",
    "memory.ids_elsewhere",
    "memory.nearest",  # a few searches in an index of words
}


@pytest.fixture(scope="module")
def _made():
    with closing(copy_in_memory(Path("there is none"))) as db:
        pages.save_source(db, SOURCE)
        pages.save(db, [page_row(number) for number in range(50)])
        reviews.add(db, PAGE.id, REVIEW, kind=ReviewKind.REVIEW, **NAMED)
        findings.add(db, 1, PAGE.id, FINDING, NOW)
        yield db


@pytest.fixture
def db(_made):
    """The same state for each test: what it changes is taken back."""
    _made.execute("BEGIN")
    yield _made
    _made.execute("ROLLBACK")


@pytest.mark.parametrize("ask", ON_THE_PATH.values(), ids=ON_THE_PATH)
def test_no_statement_of_a_sweep_reads_a_whole_table(db, ask):
    for statement in statements_of(db, ask):
        for step in plan(db, statement):
            assert not re.match(r"SCAN ", step) or HARMLESS.search(step), f"{step}: {statement}"


@pytest.mark.parametrize(
    "name", ["threads.blocks_to_list", "threads.places_to_list where something happened"]
)
def test_the_looks_of_a_page_are_found_by_the_page(db, name):
    """Not by going through the looks of all pages from the oldest on."""
    [statement] = statements_of(db, ON_THE_PATH[name])
    looks = [step for step in plan(db, statement) if "looks" in step]
    assert all("PRIMARY KEY (page_id=?)" in step for step in looks if "SEARCH" in step)
    assert looks


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
        f"{module.__name__.rpartition('.')[2]}.{name}"
        for module in (
            *(pages, reviews, findings, drafts, sweeps, threads, prompts, memory),
            *(outbox, browse, reporting),
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
    row = page_row(number, id=uuid(number, 0), state=PageState.DONE, reviewed_at=NOW)
    pages.save(db, [row])
    lines = [f"{n}. The {n * number} words of a line, " * 4 for n in range(100)]
    blocks = [(uuid(number, n + 1), line) for n, line in enumerate(lines)]
    pages.save_reviewed(db, row.id, Reviewed(row.title, (), tuple(blocks)))
    review = reviews.add(db, row.id, REVIEW, kind=ReviewKind.REVIEW, **NAMED)
    kept = (ReviewedLine(id_, "paragraph", 0, line) for id_, line in blocks)
    reviews.save_text(db, review, row.id, ReviewedText(row.title, (), tuple(kept)), NOW)
    for n in range(5):
        finding = replace(FINDING, block_id=blocks[n][0], text="What happens then? " * 5)
        finding_id = findings.add(db, review, row.id, finding, NOW)
        message = replace(MESSAGE, key=f"{row.id} {n}", page_id=row.id, body=finding.text)
        outbox.add(db, [replace(message, finding_id=finding_id)])
    threads.set_places(db, row.id, [block_id for block_id, _ in blocks], NOW)
    for _ in range(20):
        sweeps.record_decision(
            db, row.id, NOW, "nominated", "edited 2026-11-20T12:00:00Z, read at once"
        )


def uuid(number, part):
    return f"{number:08x}-0000-4000-8000-{part * 7919 + number:012x}"
