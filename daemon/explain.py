"""Why a page was or was not commented on, from the state alone."""

from __future__ import annotations

from collections.abc import Iterator

from sqlite_utils import Database

from daemon.errors import ReviewError
from daemon.store import ledger, pages, reviews
from daemon.store.database import iso


class Unknown(ReviewError):
    """The page is not in the state."""

    exit_code = 2


def explain(state: Database | None, page_id: str) -> Iterator[str]:
    """Yield the page's standing, then every decision, then every finding.

    Raises:
        Unknown: The state does not know the page.
    """
    row = pages.page(state, page_id) if state else None
    if state is None or row is None:
        raise Unknown(
            f"page {page_id}: no sweep has seen it; it may not be in a configured database, "
            "or not be shared"
        )
    yield f"{row.title}"
    yield f"  {row.url}"
    paused = ", paused" if row.paused else ""
    yield f"  {row.state.value}{paused}, last edited {iso(row.edited)}"
    if row.due_at:
        yield f"  to be read from {iso(row.due_at)} on"
    if row.error:
        yield f"  {row.attempts} failed attempts, the last: {row.error}"
    if row.hash:
        reviewed = f", reviewed {iso(row.reviewed_at)}" if row.reviewed_at else ""
        yield f"  hash {row.hash[:12]} (form {row.form}), prompt {row.prompt or 'none'}{reviewed}"
    yield "decisions"
    for at, what, detail in ledger.decisions(state, page_id):
        yield f"  {at}  {what}: {detail}" if detail else f"  {at}  {what}"
    findings = reviews.findings(state, page_id)
    yield "findings" if findings else "no findings"
    for one in findings:
        yield f"  #{one.id} {one.state.value}, {one.finding.severity.value}: {one.finding.quote!r}"
        yield f"     {one.finding.text}"
