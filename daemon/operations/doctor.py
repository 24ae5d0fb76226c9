"""What keeps the service from working, asked of everything it depends on, and how to mend it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlite_utils import Database

from daemon.operations import check
from daemon.sweep.prompts import current as prompts
from daemon.config import schedule as timetable
from daemon.sweep import connections as wiring
from daemon.config import Database as Configured
from daemon.config import Settings
from daemon.sweep.context import Base, Context, Tell
from daemon.domain.errors import (
    Forbidden,
    LockHeld,
    Missing,
    NotionError,
    ReviewError,
    Unavailable,
)
from daemon.notion import canonical as text
from daemon.review.models import lifecycle
from daemon.store import database, sweeps as ledger
from daemon.store.views import overview
from daemon.sweep.connections import Connections, model_access


# Notion's own clock decides, but a machine that is further off breaks TLS and the schedule.
CLOCK = timedelta(minutes=2)
MISSED_SWEEPS = 3


class Standing(StrEnum):
    """How one thing stands; a note is worth knowing and no fault."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Check:
    """What was found about one thing, and what to do about it ("" for nothing)."""

    name: str
    standing: Standing
    words: str
    remedy: str = ""

    def line(self) -> str:
        """Return it as a line for a person."""
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{self.standing:<8} {self.name}: {self.words}{remedy}"


def ok(name: str, words: str) -> Check:
    """Return what is as it should be."""
    return Check(name, Standing.OK, words)


def problem(name: str, error: object, remedy: str = "") -> Check:
    """Return what has to be mended."""
    return Check(name, Standing.PROBLEM, str(error), remedy)


def as_json(checks: list[Check]) -> dict[str, Any]:
    """Return the object of `doctor --json`."""
    fine = all(one.standing is not Standing.PROBLEM for one in checks)
    return {"ok": fine, "checks": [asdict(one) for one in checks]}


def local(settings: Settings) -> Iterator[Check]:
    """Look at what is on this machine: config, state, lock, last success."""
    yield ok("config", str(settings.path))
    yield from (Check("models", Standing.NOTE, note) for note in settings.notes)
    path = settings.config.state
    try:
        yield ok("state", check.state(path))
        yield from _lock(path)
        yield from _last_success(settings, path)
    except ReviewError as error:
        yield problem("state", error)


def _lock(path: Path) -> Iterator[Check]:
    if not path.with_name(path.name + ".lock").exists():
        return
    try:
        with database.lock(path):
            yield ok("lock", "free")
    except LockHeld as error:
        held = str(error).partition("; ")[0]
        yield Check("lock", Standing.NOTE, held, "stop that process before a --once")


def _last_success(settings: Settings, path: Path) -> Iterator[Check]:
    state = database.read_state(path)
    since = overview.last_success(state) if state else None
    began = overview.first_sweep(state) if state else None
    if state is None or began is None:
        yield Check("last success", Standing.NOTE, "no sweep yet", "notion-review --once")
        return
    now = datetime.now(UTC)
    every = timetable.interval(timetable.trigger(settings.config.schedule), now)
    limit = max(MISSED_SWEEPS * every, timetable.LONGEST_REST)
    words = database.iso(since) if since else "never"
    if (since or began) > now - limit:
        yield ok("last success", words)
        return
    remedy = "see whether the service runs (systemctl status notion-review) and what its log says"
    yield problem("last success", f"{words}, though a sweep is due every {every}", remedy)


async def examine(settings: Settings, tell: Tell, found: Callable[[Check], None]) -> None:
    """Look at everything, and hand each finding over as it comes; changes nothing anywhere."""
    for one in local(settings):
        found(one)
    # What sweeps remember, such as a prompt, must not hide what is wrong now.
    nothing = settings.config.state / "nothing"
    async with wiring.connected(settings, database.copy_in_memory(nothing)) as connections:
        async for one in _online(connections, connections.context(tell)):
            found(one)


async def _online(connections: Connections, context: Context) -> AsyncIterator[Check]:
    token = await _token(context)
    yield token
    if token.standing is Standing.OK:
        yield _clock(context)
        looked = [await _database(context, one) for one in context.config.databases]
        for one in (one for found in looked for one in found.checks):
            yield one
        page_id = next((found.page_id for found in looked if found.page_id), None)
        for one in await _comments(context, page_id):
            yield one
        async for one in _prompts(context, looked):
            yield one
    names = sorted({name for chain in context.chains.values() for name in chain})
    for one in await asyncio.gather(*(_model(connections, context, name) for name in names)):
        yield one


async def _token(context: Context) -> Check:
    try:
        me = await context.notion.me()
    except ReviewError as error:
        return problem("token", error)
    workspace = (me.get("bot") or {}).get("workspace_name") or "unknown"
    return ok("token", f"{me.get('name') or 'a bot'} in the workspace {workspace}")


def _clock(context: Context) -> Check:
    apart = datetime.now(UTC) - context.notion.now
    seconds = round(apart.total_seconds())
    if abs(apart) < CLOCK:
        return ok("clock", f"{abs(seconds)} s from Notion's")
    side = "ahead of" if seconds > 0 else "behind"
    return problem(
        "clock",
        f"{abs(seconds)} s {side} Notion's",
        "let the machine keep time: timedatectl set-ntp true",
    )


@dataclass(frozen=True, slots=True)
class Looked:
    """What is to be said of a database, its name, and a page of it to try comments on."""

    settings: Configured
    checks: list[Check]
    name: str
    page_id: str | None = None


async def _database(context: Context, settings: Configured) -> Looked:
    """Look at a database."""
    called = settings.name or settings.id
    name = f"database {called}"
    share = "open it in Notion, ••• > Connections, and add the connection"
    try:
        sources = await _sources(context, settings.id)
        schemas = [await context.notion.data_source(one) for one in sources]
        pages = [await _first_page(context, one) for one in sources]
    except Missing as error:
        found = problem(name, f"Notion does not show it ({error})", share)
        return Looked(settings, [found], called)
    except Forbidden as error:
        found = problem(name, error, "turn on Read content in the connection's settings")
        return Looked(settings, [found], called)
    except (NotionError, Unavailable) as error:
        return Looked(settings, [problem(name, error)], called)
    return _readable(settings, schemas, next(filter(None, pages), None))


def _readable(settings: Configured, schemas: list[dict[str, Any]], page_id: str | None) -> Looked:
    titles = [text.database_title(one) or one["id"] for one in schemas]
    called = settings.name or (titles[0] if len(titles) == 1 else settings.id)
    name = f"database {called}"
    unknown = [problem(name, words, remedy) for words, remedy in _unknown(settings, schemas)]
    checks = [*unknown, ok(name, f"readable: {', '.join(titles) or 'no data source'}")]
    return Looked(settings, checks, called, page_id)


async def _sources(context: Context, given: str) -> list[str]:
    try:
        found = await context.notion.database(given)
    except Missing:
        return [str((await context.notion.data_source(given))["id"])]
    return [str(one["id"]) for one in found.get("data_sources") or []]


async def _first_page(context: Context, source_id: str) -> str | None:
    page = await anext(aiter(context.notion.query(source_id)), None)
    return str(page.rows[0]["id"]) if page and page.rows else None


def _unknown(settings: Configured, schemas: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield properties that the config names and no data source has: they select nothing."""
    known = {name for schema in schemas for name in schema.get("properties") or {}}
    for name in dict.fromkeys([*settings.where, *settings.properties]):
        if name not in known:
            yield f"has no property {name!r}", f"known are {', '.join(sorted(known))}"


async def _comments(context: Context, page_id: str | None) -> list[Check]:
    if page_id is None:
        reading = Check("reading comments", Standing.NOTE, "not tried: there is no page yet")
    else:
        reading = await _reading(context, page_id)
    return [reading, await _posting(context)]


async def _reading(context: Context, page_id: str) -> Check:
    name = "reading comments"
    try:
        await context.notion.comments(page_id)
    except Forbidden as error:
        return problem(name, error, "turn on Read comments in the connection's settings")
    except (NotionError, Unavailable) as error:
        return problem(name, error)
    return ok(name, "allowed")


async def _posting(context: Context) -> Check:
    """Try to comment on a page that does not exist: refused either way, and for which reason."""
    name = "posting comments"
    nowhere = {"parent": {"page_id": str(uuid4())}}
    try:
        await context.notion.post_comment(nowhere, [{"text": {"content": "?"}}], "doctor")
    except Forbidden as error:
        return problem(name, error, "turn on Insert comments in the connection's settings")
    except Unavailable as error:
        return problem(name, error)
    except NotionError:
        pass  # there is no such page, as was to be shown
    return ok(name, "allowed, as far as Notion tells without posting")


async def _prompts(context: Context, looked: list[Looked]) -> AsyncIterator[Check]:
    for one in looked:
        settings = one.settings
        if settings.prompt is None and settings.file is None:
            continue
        base = Base(settings, one.name, context.chains[settings.id])
        name = f"prompt of {base.name}"
        try:
            found = await prompts.current(context, base)
        except ReviewError as error:
            yield problem(name, error)
            continue
        if found is None:
            remedy = "write it, and share the page"
            yield problem(name, _why_unusable(context.state, settings.id), remedy)
        else:
            yield ok(name, f"{found.name}, {len(found.text)} characters")


def _why_unusable(state: Database, database_id: str) -> str:
    told = {alert["name"]: alert["text"] for alert in ledger.alerts(state)}
    return told.get(f"prompt {database_id}", "cannot be read")


async def _model(connections: Connections, context: Context, name: str) -> Check:
    try:
        words = await context.models.ping(name)
    except ReviewError as error:
        return problem("model", error)
    if retires := await lifecycle.retirement(name, model_access(connections.settings)):
        remedy = "choose another under `models` in config.yaml"
        return problem("model", f"{name}: answers, but {retires}", remedy)
    return ok("model", f"{name}: {words}")
