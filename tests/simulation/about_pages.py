"""What must hold of pages, each as a function that says what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from daemon.domain import notation
from daemon.domain.notation import iso
from daemon.store import pages, prompts
from simulation.final import Final, is_selected, there
from simulation.history import Ended


LOOKBACK = timedelta(minutes=10)
# Notion's `Date` and the state hold whole seconds.
ROUNDED = timedelta(seconds=2)


def checkpoint_not_ahead(so_far: Ended) -> Iterator[str]:
    """The checkpoint is behind every edit that is not queued, and never in the future."""
    record, box, company, state = so_far.record, so_far.box, so_far.company, so_far.state
    own = [company.database.source_id]
    row = state.execute("SELECT checkpoint FROM sources WHERE id = ?", own).fetchone()
    if row is None or row[0] is None:
        return
    checkpoint = notation.when(row[0])
    if checkpoint > box.clock():
        yield f"checkpoint {checkpoint} lies in the future"
    known = dict(state.execute("SELECT id, edited FROM pages").fetchall())
    for page in there(box, company):
        edited = box.world.state.pages[page].edited
        if edited >= checkpoint - LOOKBACK or record.visible_since[page] > edited:
            continue
        if not is_selected(so_far, page):
            continue
        floored = edited.replace(second=0, microsecond=0)
        if page not in known or notation.when(known[page]) < floored:
            yield f"checkpoint {checkpoint} is ahead of page {page[:8]}, edited {edited}"


def no_edit_hides(so_far: Ended) -> Iterator[str]:
    """A page that was edited after it was read, in the same minute, will be read once more."""
    rows = so_far.state.execute(
        "SELECT id, edited, read_at FROM pages"
        " WHERE state = 'done' AND due_at IS NULL AND read_at IS NOT NULL"
    )
    for page, edited, read_at in rows.fetchall():
        last = so_far.box.world.state.pages[page].edited
        floored = last.replace(second=0, microsecond=0)
        if floored <= notation.when(edited) and last > notation.when(read_at) + ROUNDED:
            yield f"page {page[:8]}, edited {last} and read {read_at}, is not read again"


def a_read_is_whole(so_far: Ended) -> Iterator[str]:
    """Every block of a page that was not edited since it was read is known from that reading.

    A block that is deleted while a listing goes on may hide its neighbour; the deletion moves the
    page's time, so such a reading is not the last.
    """
    state = so_far.box.world.state
    read = so_far.state.execute(
        "SELECT id, read_at FROM pages WHERE read_at IS NOT NULL AND snapshot IS NOT NULL"
    )
    for page, read_at in read.fetchall():
        if state.pages[page].edited > notation.when(read_at):
            continue
        seen = pages.last_reviewed(so_far.state, page)
        known = {block for block, _ in seen.blocks} if seen else set()
        for block, history in so_far.record.texts.items():
            stands = state.blocks[block].page_id == page and not state.in_trash(block)
            if stands and history[0][0] < notation.when(read_at) and block not in known:
                yield f"page {page[:8]} was read without its block {block[:8]}"


def a_paused_page_is_left_alone(so_far: Ended) -> Iterator[str]:
    """On a page that is paused since the last look nothing was said but answers to words.

    So too on all pages, where all that is reviewed under the prompt is paused since then.

    An operator may ask for its review by name. What was said at the very time of the look came
    before it: a sweep without any wait takes no time.
    """
    record, state, now = so_far.record, so_far.state, so_far.box.clock()
    paused = dict(state.execute("SELECT id, paused_at FROM pages WHERE paused").fetchall())
    for one in prompts.paused(state).values():
        paused |= dict.fromkeys(so_far.company.pages, f"all since {iso(one.at)}")
    keys = dict(state.execute("SELECT comment_id, key FROM outbox WHERE comment_id IS NOT NULL"))
    for own in record.own:
        page = own.page_id
        still = page in paused and record.paused.get(page) == paused[page]
        if not still or record.looked_at is None or own.sent <= record.looked_at:
            continue
        by_name = record.asked[page] > record.asked_before.get(page, 0)
        if not by_name and not keys.get(own.id, "word:").startswith("word:"):
            yield f"“{own.text}” was posted on page {page[:8]}, which is paused"
    record.paused, record.looked_at, record.asked_before = paused, now, dict(record.asked)


def every_pause_ends(final: Final) -> Iterator[str]:
    """A page that is paused until a time is taken up again when that has come."""
    now = iso(final.ended.box.clock())
    for page, until in final.rows("SELECT id, paused_until FROM pages WHERE paused_until < ?", now):
        yield f"page {page[:8]} is still paused, until {until}"
    for one in prompts.paused(final.state).values():
        if one.until and iso(one.until) < now:
            yield f"all under the prompt is still paused, until {one.until}"


def every_state_is_handled(final: Final) -> Iterator[str]:
    """What each page says at the end was reviewed, or it is listed as failed with its reason."""
    for page, content in final.hashes.items():
        found = final.rows("SELECT state, hash, error, paused FROM pages WHERE id = ?", page)
        if not found:
            # One that `where` never selected while a query listed it is none of ours.
            if is_selected(final.ended, page):
                yield f"page {page[:8]} is not known"
            continue
        state, seen, error, paused = found[0]
        if state == "done" and not paused:
            if seen != content:
                yield f"page {page[:8]} says something that was never read"
            yield from _is_reviewed(final, page, content)
        elif not paused and not _may_rest(final, page, state, error):
            yield f"page {page[:8]} is still {state} ({error})"


def _may_rest(final: Final, page: str, state: str, error: str | None) -> bool:
    """Tell whether a page may stay unread: failed for a reason, not for us, or older than us."""
    if state == "baselined":
        target, edited = final.rows(
            "SELECT baseline, edited FROM sources JOIN pages ON source_id = sources.id"
            " WHERE pages.id = ?",
            page,
        )[0]
        return bool(edited < target)
    if state == "left":
        return not is_selected(final.ended, page)
    return state == "parked" and bool(error)


def _is_reviewed(final: Final, page: str, content: str) -> Iterator[str]:
    last = final.rows(
        "SELECT hash FROM reviews WHERE page_id = ? AND kind = 'review' ORDER BY id DESC LIMIT 1",
        page,
    )
    unsaid = final.rows(
        "SELECT detail FROM decisions WHERE page_id = ? AND what = 'not reviewed'"
        " ORDER BY id DESC LIMIT 1",
        page,
    )
    if last and last[0][0] == content:
        return
    reason = unsaid[0][0] if unsaid else "none"
    if reason not in ("no words changed or moved", "the page is empty", "the text is the same"):
        yield f"page {page[:8]} was read and not reviewed: {reason}"
    if reason == "the page is empty" and page not in final.empty:
        yield f"page {page[:8]} was taken for empty"


def every_page_knows_the_prompt(final: Final) -> Iterator[str]:
    """Where the config asks for it, all pages were reviewed under the same prompt at the end."""
    if not final.ended.settings.config.review_on_prompt_change:
        return
    prompts = final.rows(
        "SELECT prompt, count(*) FROM pages WHERE state = 'done' AND NOT paused"
        " AND prompt IS NOT NULL GROUP BY prompt"
    )
    if len(prompts) > 1:
        yield f"pages were reviewed under several prompts: {prompts}"


def no_state_is_reviewed_twice(final: Final) -> Iterator[str]:
    """No two reviews in a row are of the same text, unless somebody asked, or the prompt changed.

    The last only where the config asks for reviews then. A page that was moved away and came back
    is reviewed anew where its comments could not be posted.
    """
    both = final.ended.settings.config.review_on_prompt_change
    again = Counter(
        row[0] for row in final.rows("SELECT page_id FROM decisions WHERE what = 'review again'")
    )
    last: dict[str, tuple[str, str]] = {}
    twice: Counter[str] = Counter()
    for page, content, prompt in final.rows(
        "SELECT page_id, hash, prompt FROM reviews WHERE kind = 'review' ORDER BY id"
    ):
        reviewed = (content, prompt if both else "")
        twice[page] += last.get(page) == reviewed
        last[page] = reviewed
    for page, count in twice.items():
        if count > final.record.asked[page] + again[page] + len(final.record.away[page]):
            yield f"page {page[:8]} was reviewed {count} times more than it changed"
