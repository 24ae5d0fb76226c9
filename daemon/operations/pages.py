"""What an operator does to a page or a prompt: pause, resume, retry, forget; at any time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from daemon.domain import due
from daemon.domain.due import Pause
from daemon.domain.errors import UnknownItem
from daemon.domain.notation import counted, iso, joined, some
from daemon.domain.records import PageRow, PageState
from daemon.store import database, memory, outbox, pages, prompts, recordings, sweeps
from daemon.store.database import State
from daemon.store.lock import reachable


Act = Callable[[State, PageRow], str]


def do(act: Act, path: Path, page_id: str) -> str:
    """Do something to a page in the state at `path`; return what was done.

    A prompt page, or database, can be paused and resumed: with it all that is reviewed under it.

    Raises:
        UnknownItem: The state does not know the page.
        StateDamaged, StateForeign, StateUnwritable: The state cannot be used.
    """
    if not path.exists():
        raise UnknownItem(
            f"page {page_id}: no sweep has seen it, no state is at {path}; run notion-review --once"
        )
    with database.translated(path), closing(database.open_state(path)) as state:
        folder, recorded = recordings.folder_of(path), 0
        if act is forget:
            with reachable(folder):
                recorded = recordings.forget(folder, page_id)
        with state.atomic():
            row = pages.page(state, page_id)
            given = prompts.given_for(state, page_id) if row is None else None
            if given and (done := _on_prompt(state, given, act)):
                return done
            if row is None and (recorded or (act is forget and memory.known(state, [page_id]))):
                # No sweep reviews it: other reviews are, or were, told of it.
                row = PageRow(page_id, "", "", "", datetime.now(UTC), PageState.BASELINED)
            if row is None:
                raise UnknownItem(
                    f"page {page_id}: no sweep has seen it; "
                    f"notion-review review {page_id} does it now"
                )
            done = act(state, row)
        if act is forget:
            database.empty_log(state)
            done += f"; {counted(recorded, 'recording')} deleted" if recorded else ""
        return done


def _on_prompt(state: State, given: str, act: Act) -> str:
    """Pause or resume all that is reviewed under a prompt; "" for what only pages know."""
    what = act.func if isinstance(act, partial) else act
    title, now = prompts.title(state, given), datetime.now(UTC)
    if what is pause:
        lasts = act.keywords.get("lasts") if isinstance(act, partial) else None
        until = now + lasts if lasts else None
        prompts.pause(state, given, Pause(now, until, ""))
        sweeps.record_decision(state, given, now, "paused", "by command")
        return f"everything under {title}: paused{f' until {iso(until)}' if until else ''}"
    if what is resume:
        was = "resumed" if prompts.resume(state, given) else "was not paused"
        sweeps.record_decision(state, given, now, was, "by command")
        return f"everything under {title}: {was}"
    return ""


def pause(state: State, row: PageRow, lasts: timedelta | None = None) -> str:
    """Leave a page alone until it is resumed, or for a time."""
    now = datetime.now(UTC)
    until = now + lasts if lasts else None
    pages.pause(state, row.id, now, until)
    end = f" until {iso(until)}" if until else ""
    _note(state, row, f"paused{end}")
    return f"{row.title}: paused{end}"


def resume(state: State, row: PageRow) -> str:
    """Take a page up again."""
    pages.resume(state, row.id)
    _note(state, row, "resumed")
    return f"{row.title}: resumed"


def retry(state: State, row: PageRow) -> str:
    """Make a failed or parked page due now, and ask again for what Notion refused of it."""
    refused = pages.forget_refusals(state, row.id)
    refused |= outbox.try_again(state, row.id)
    if not refused and row.state not in (PageState.PARKED, PageState.DUE):
        return f"{row.title}: has not failed ({row.state.value}); nothing to retry"
    # Due since its last edit: whatever this machine's clock says, that has passed for Notion.
    pages.save(state, [due.asked_for(row, row.edited)])
    _note(state, row, "retried")
    return f"{row.title}: due at the next sweep"


def forget(state: State, row: PageRow) -> str:
    """Delete what is kept of a page; say what that was."""
    pages.forget_refusals(state, row.id)
    count = pages.forget(state, row.id)
    told = joined(
        [
            some(count["reviews"], "review"),
            some(count["findings"], "point"),
            some(count["outbox"], "own comment"),
            some(count["comments"], "comment", "by people"),
            some(count["texts"], "text"),
            some(count["remembered_passages"], "remembered passage"),
        ]
    )
    title = row.title or row.id
    return f"{title}: forgotten ({told or 'nothing was kept'}); what stands in Notion stays there"


def _note(state: State, row: PageRow, what: str) -> None:
    sweeps.record_decision(state, row.id, datetime.now(UTC), what, "by command")
