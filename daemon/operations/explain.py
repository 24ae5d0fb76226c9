"""Why a page was or was not commented on, from the state alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from sqlite_utils import Database

from daemon.domain.errors import ReviewError
from daemon.store import findings, history, sweeps as ledger, pages, reviews
from daemon.store.database import iso
from daemon.store.findings import StoredFinding
from daemon.store.history import Held
from daemon.store.pages import PageRow, SourceRow
from daemon.store.reviews import Kind, Letter
from daemon.operations.verdict import Facts, verdict


LONGEST = 100  # characters of a comment in the list; the whole text stands in Notion


class Unknown(ReviewError):
    """The page is not in the state."""

    exit_code = 2


def explain(state: Database | None, page_id: str) -> list[str]:
    """Return the answer in one sentence, then all that it rests on.

    Raises:
        Unknown: The state does not know the page.
    """
    row = pages.page(state, page_id) if state else None
    if state is None or row is None:
        raise Unknown(
            f"page {page_id}: no sweep has seen it; check that its database is in config.yaml and "
            "shared with the connection, and that `where` selects it"
        )
    facts = _facts(state, row)
    return [
        *_head(row),
        f"  why: {verdict(facts)}",
        *_section("reviews", _reviews(facts.reviews)),
        *_section("comments", _letters(facts.letters, findings.of_page(state, page_id))),
        *_section("decisions", _decisions(state, page_id)),
    ]


def why(state: Database, row: PageRow) -> str:
    """Return the answer alone: why the page has, or has not, been commented on."""
    return verdict(_facts(state, row))


def _alerts(state: Database, source: SourceRow | None) -> Iterator[tuple[str, str]]:
    """Yield the alerts of everybody and those of the page's own database."""
    own = {source.id, source.database_id} if source else set()
    for alert in ledger.alerts(state):
        subject = alert["name"].partition(" ")[2]
        if not subject or subject in own:
            yield alert["name"], alert["text"]


def _facts(state: Database, row: PageRow) -> Facts:
    source = pages.source(state, row.source_id)
    return Facts(
        row=row,
        trouble=(source.trouble if source else None) or "",
        alerts=dict(_alerts(state, source)),
        reviews=history.reviews_of(state, row.id),
        letters=reviews.letters_of(state, page_id=row.id),
        unread=_unread(state, row.id),
        now=datetime.now(UTC),
    )


def _unread(state: Database, page_id: str) -> str:
    """Return why the last look at the text led to no review, "" where it led to one."""
    for _, what, detail in reversed(ledger.decisions(state, page_id)):
        if what in ("reviewed", "not reviewed"):
            return detail if what == "not reviewed" else ""
    return ""


def _section(name: str, lines: Iterator[str]) -> list[str]:
    found = list(lines)
    return [name, *(f"  {line}" for line in found)] if found else [f"no {name}"]


def _head(row: PageRow) -> Iterator[str]:
    yield row.title or "(no title)"
    yield f"  {row.url}"
    paused = ", paused" if row.paused else ""
    yield f"  {row.state.value}{paused}, last edited {iso(row.edited)}"
    if row.due_at:
        yield f"  to be read from {iso(row.due_at)} on"
    if row.hash:
        read = f", read {iso(row.read_at)}" if row.read_at else ""
        yield f"  hash {row.hash[:12]} (form {row.form}), prompt {row.prompt or 'none'}{read}"


def _reviews(held: Sequence[Held]) -> Iterator[str]:
    for one in held:
        kind = "review" if one.kind == "review" else "answers"
        yield f"{one.id}  {iso(one.at)}  {kind} by {one.model}: {one.outcome}, ${one.cost_usd:.4f}"
        if one.summary:
            yield f"    summary: {_short(one.summary)}"
        for tool, reason in one.refusals:
            yield f"    refused {tool}: {_short(reason)}"


def _letters(letters: Sequence[Letter], raised: Sequence[StoredFinding]) -> Iterator[str]:
    by_id = {one.id: one for one in raised}
    for letter in letters:
        number = f"review {letter.review_id}" if letter.review_id else "no review"
        note = f" ({letter.note})" if letter.note else ""
        yield f"{letter.kind.value} of {number}: {letter.state.value}{note}"
        finding = by_id.get(letter.finding_id or 0)
        if letter.kind is Kind.FINDING and finding is not None:
            yield f"    {finding.state.value}, {finding.finding.severity.value}"
        yield f"    {_short(letter.body)}"


def _decisions(state: Database, page_id: str) -> Iterator[str]:
    for at, what, detail in ledger.decisions(state, page_id):
        yield f"{at}  {what}: {detail}" if detail else f"{at}  {what}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
