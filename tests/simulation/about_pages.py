"""What must hold of pages, each as a function that says what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from final import Final, is_selected, there
from history import Ended

from daemon.store import database, pages


LOOKBACK = timedelta(minutes=10)
# Notion's `Date` and the state hold whole seconds.
ROUNDED = timedelta(seconds=2)


def checkpoint_not_ahead(so_far: Ended) -> Iterator[str]:
    """The checkpoint is behind every edit that is not queued, and never in the future."""
    record, box, company, state = so_far.record, so_far.box, so_far.company, so_far.state
    row = state.execute("SELECT checkpoint FROM sources").fetchone()
    if row is None or row[0] is None:
        return
    checkpoint = database.when(row[0])
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
        if page not in known or database.when(known[page]) < floored:
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
        if floored <= database.when(edited) and last > database.when(read_at) + ROUNDED:
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
        if state.pages[page].edited > database.when(read_at):
            continue
        seen = pages.reviewed(so_far.state, page)
        known = {block for block, _ in seen.blocks} if seen else set()
        for block, history in so_far.record.texts.items():
            stands = state.blocks[block].page_id == page and not state.in_trash(block)
            if stands and history[0][0] < database.when(read_at) and block not in known:
                yield f"page {page[:8]} was read without its block {block[:8]}"


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
        base, edited = final.rows(
            "SELECT baseline, edited FROM sources JOIN pages ON source_id = sources.id"
            " WHERE pages.id = ?",
            page,
        )[0]
        return bool(edited < base)
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
    if reason not in ("blocks only moved", "the page is empty", "the text is the same"):
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

    The last only where the config asks for reviews then.
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
        if count > final.record.asked[page] + again[page]:
            yield f"page {page[:8]} was reviewed {count} times more than it changed"
