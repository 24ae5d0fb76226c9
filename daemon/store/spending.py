"""What the models cost: the most is reserved before a request, the real cost recorded after."""

from __future__ import annotations

from datetime import date

from sqlite_utils import Database

from daemon.domain.values import Usage


def reserve(db: Database, day: date, page_id: str, model: str, worst: Usage) -> int:
    """Reserve the most that a request may use; return the reservation's number."""
    row = db.execute(
        "INSERT INTO reservations (day, page_id, model, input_tokens, output_tokens, cost_usd)"
        " VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
        [
            day.isoformat(),
            page_id,
            model,
            worst.input_tokens,
            worst.output_tokens,
            worst.cost_usd,
        ],
    ).fetchone()
    return int(row[0])


def record(db: Database, number: int, usage: Usage | None) -> None:
    """Replace a reservation by what was used, on the day of the reservation; None for nothing."""
    with db.atomic():
        row = db.execute(
            "DELETE FROM reservations WHERE id = ? RETURNING day, page_id, model", [number]
        ).fetchone()
        if row and usage:
            _add(db, row[0], row[1], row[2], usage)


def _add(db: Database, day: str, page_id: str, model: str, usage: Usage) -> None:
    db.execute(
        "INSERT INTO spending VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " requests = requests + excluded.requests,"
        " input_tokens = input_tokens + excluded.input_tokens,"
        " cached_tokens = cached_tokens + excluded.cached_tokens,"
        " output_tokens = output_tokens + excluded.output_tokens,"
        " cost_usd = cost_usd + excluded.cost_usd",
        [
            day,
            page_id,
            model,
            usage.requests,
            usage.input_tokens,
            usage.cached_tokens,
            usage.output_tokens,
            usage.cost_usd,
        ],
    )


def spent(db: Database, first: date, last: date | None = None, page_id: str | None = None) -> Usage:
    """Return what was used from one day to another, reservations without a record included.

    Args:
        db: The state.
        first: The first day.
        last: The last day; None for the first alone.
        page_id: Of this page only.
    """
    values = [first.isoformat(), (last or first).isoformat(), page_id]
    row = db.execute(
        "SELECT coalesce(sum(requests), 0), coalesce(sum(input_tokens), 0),"
        " coalesce(sum(cached_tokens), 0), coalesce(sum(output_tokens), 0),"
        " coalesce(sum(cost_usd), 0.0) FROM spending"
        " WHERE day BETWEEN ?1 AND ?2 AND (?3 IS NULL OR page_id = ?3)",
        values,
    ).fetchone()
    reserved = db.execute(
        "SELECT count(*), coalesce(sum(input_tokens), 0), 0, coalesce(sum(output_tokens), 0),"
        " coalesce(sum(cost_usd), 0.0) FROM reservations"
        " WHERE day BETWEEN ?1 AND ?2 AND (?3 IS NULL OR page_id = ?3)",
        values,
    ).fetchone()
    return Usage(*row) + Usage(*reserved)


def merge_pages(db: Database, before: date) -> None:
    """Add up the pages of each day before one: what each model cost a day stays."""
    with db.atomic():
        old = db.execute(
            "DELETE FROM spending WHERE day < ? AND page_id != '' RETURNING *", [before.isoformat()]
        ).fetchall()
        for day, _, model, *numbers in old:
            _add(db, day, "", model, Usage(*numbers))
        db.execute("DELETE FROM reservations WHERE day < ?", [before.isoformat()])


def merge_page(db: Database, page_id: str) -> None:
    """Count what a page cost without naming it."""
    with db.atomic():
        old = db.execute("DELETE FROM spending WHERE page_id = ? RETURNING *", [page_id]).fetchall()
        for day, _, model, *numbers in old:
            _add(db, day, "", model, Usage(*numbers))
        db.execute("UPDATE reservations SET page_id = '' WHERE page_id = ?", [page_id])
