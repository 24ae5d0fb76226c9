"""Checks of everything that the service depends on, each with what to do about a problem."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from daemon.config import Database as Configured
from daemon.config import Settings, covered_twice, schedule
from daemon.config.environment import PING_URL
from daemon.config.limits import verifiers
from daemon.domain import notation
from daemon.domain.errors import (
    Forbidden,
    LockHeld,
    Missing,
    NotionError,
    ReviewError,
    Unavailable,
)
from daemon.domain.events import Alert, Emit
from daemon.domain.providers import OFFLINE, split
from daemon.domain.records import NO_COMMENT_THERE, PromptDatabase
from daemon.notion import properties
from daemon.operations import check, notify
from daemon.operations.check import Check, CheckStatus, ok, problem
from daemon.review.models import endpoints
from daemon.review.models.chain import Chain
from daemon.store import database, pages, prompts, sweeps
from daemon.store.lock import kept_token, lock, mark_of, token_file
from daemon.store.views import reporting
from daemon.sweep import snapshot
from daemon.sweep.connections import connected, model_access
from daemon.sweep.context import Context, Target
from daemon.sweep.delivery.status import last_status
from daemon.sweep.prompts import current, page


# Notion's own clock decides, but a machine that is further off breaks TLS and the schedule.
CLOCK = timedelta(minutes=2)
MISSED_SWEEPS = 3
# An edit that no event told of within this time was not told of.
UNTOLD = timedelta(hours=1)
# Documents that are named; the rest are counted.
NAMED = 3
# How long a model may take for a tiny request.
ANSWER_SECONDS = 30.0
SLOW_MODEL = "if its server is only loading it, ask again; else see what the server is doing"


def local(settings: Settings) -> Iterator[Check]:
    """Look at what is on this machine: config, state, lock, last success."""
    yield ok("config", str(settings.path))
    yield from (Check("models", CheckStatus.NOTE, note) for note in settings.notes)
    path = settings.config.state
    try:
        yield ok("state", check.state(path))
        if path.with_name(path.name + ".lock").exists():
            try:
                with lock(path):
                    yield ok("lock", "free")
            except LockHeld as error:
                held = str(error).partition("; ")[0]
                yield Check("lock", CheckStatus.NOTE, held, "stop that process before a --once")
        yield _last_success(settings)
        yield from _prompt_pages(settings)
        yield from _events(settings)
    except ReviewError as error:
        yield problem("state", error)


def _last_success(settings: Settings) -> Check:
    name, state = "last success", database.read_state(settings.config.state)
    since = reporting.last_success(state) if state else None
    began = reporting.first_sweep(state) if state else None
    if began is None:
        return Check(name, CheckStatus.NOTE, "no sweep yet", "notion-review --once")
    now = datetime.now(UTC)
    every = schedule.interval(settings.config.schedule, now)
    limit = max(MISSED_SWEEPS * every, schedule.LONGEST_REST)
    words = notation.iso(since) if since else "never"
    if (since or began) > now - limit:
        return ok(name, words)
    remedy = "see whether the service runs (systemctl status notion-review) and what its log says"
    return problem(name, f"{words}, though a sweep is due every {every}", remedy)


def _prompt_pages(settings: Settings) -> Iterator[Check]:
    """Name the prompts that are paused, and the pages that took no status comment."""
    state = database.read_state(settings.config.state)
    if state is None:
        return
    for given, pause in prompts.paused(state).items():
        words = f"all that is reviewed under it is paused since {notation.iso(pause.at)}"
        remedy = f"`resume` in a comment there, or notion-review resume {given}"
        yield Check(f"prompt {prompts.title(state, given)}", CheckStatus.NOTE, words, remedy)
    wanted = (one.prompt for one in settings.config.databases if one.status_comment and one.prompt)
    for page_id in dict.fromkeys(id_ for given in wanted for id_ in prompts.pages_of(state, given)):
        told, kept = last_status(state, page_id), prompts.prompt(state, page_id)
        if told and told.note and told.note.startswith(NO_COMMENT_THERE):
            name = f"prompt page {kept[0].name if kept else page_id}"
            remedy = "allow comments there, or do without the comment on what is in use"
            yield Check(name, CheckStatus.NOTE, told.note, remedy)


def _events(settings: Settings) -> Iterator[Check]:
    """Tell whether Notion's events come, and the token that its form asks for."""
    config, name = settings.config, "events"
    if config.events.port is None:
        return
    yield from (problem(name, words) for words in check.port_taken(config))
    state = database.read_state(config.state)
    seen = sweeps.events_seen(state) if state else sweeps.EventsSeen()
    token, kept = kept_token(config.state), token_file(config.state)
    if not token:
        todo = "let the service run, and make a subscription in Notion: see the handbook"
        yield Check(name, CheckStatus.NOTE, "Notion has sent no token yet", todo)
    elif seen.token != mark_of(token):
        todo = "paste it in Notion's form; if Notion does not take it, have it resent there"
        yield Check(name, CheckStatus.NOTE, f"Notion's verification token stands in {kept}", todo)
    else:
        more = f", {notation.counted(seen.refused, 'request')} refused" if seen.refused else ""
        if missed := sweeps.event_missed(state) if state else "":
            more += f"; a comment was found without one at {missed}"
        known = [pages.sources_of(state, one.id) for one in config.databases] if state else []
        ids = [row.id for rows in known for row in rows]
        edited = reporting.newest_edit(state, ids) if state else None
        if edited and edited > notation.when(seen.last) + UNTOLD:
            words = f"the last came at {seen.last}, and a page was edited at {notation.iso(edited)}"
            todo = "see whether the subscription is active in Notion, and what your proxy says"
            yield Check(name, CheckStatus.NOTE, words + more, todo)
        else:
            yield ok(name, f"the last came at {seen.last}{more}")


async def examine(
    settings: Settings,
    emit: Emit,
    found: Callable[[Check], None],
    asking: Callable[[str], None],
) -> None:
    """Look at everything, and hand each finding over as it comes; changes nothing anywhere.

    Args:
        settings: What to look at.
        emit: Where events go.
        found: Gets each finding.
        asking: Gets a line before each question that may take a while.
    """
    for one in local(settings):
        found(one)
    async for one in _alerts(settings, asking):
        found(one)
    # What sweeps remember, such as a prompt, must not hide what is wrong now.
    nothing = settings.config.state / "nothing"
    async with connected(settings, database.copy_in_memory(nothing)) as connections:
        context = connections.context(emit)
        async for one in _notion(context):
            found(one)

        async def ask(name: str) -> Check:
            try:
                words = await answer(context.models, name, asking)
            except ReviewError as error:
                return problem("model", error)
            if retires := await endpoints.retirement(name, model_access(settings)):
                remedy = "choose another under `models` in config.yaml"
                return problem("model", f"{name}: answers, but {retires}", remedy)
            return ok("model", f"{name}: {words}")

        chained = {name for chain in context.chains.values() for name in chain}
        names = sorted(chained | verifiers(settings.config.second_look))
        for one in await asyncio.gather(*map(ask, names)):
            found(one)


async def _alerts(settings: Settings, asking: Callable[[str], None]) -> AsyncIterator[Check]:
    """Send a test message to people, and look whether the monitor of signs of life answers."""
    proxies, ping = settings.addresses.proxies, settings.secrets.ping
    ways = notify.ways(settings.config.alerts, proxies)
    now = notation.iso(datetime.now(UTC))
    test = notify.Notification("doctor", "a test of the alerts; nothing is wrong", now, "test")
    if not ways:
        remedy = "set alerts.command or alerts.url in config.yaml"
        yield Check(
            "alerts", CheckStatus.NOTE, "nobody is told when something needs a person", remedy
        )
    for name, way in ways.items():
        asking(f"sending a test message to {name} …")
        try:
            await way(test)
            form = f" in the format {notify.format_of(settings.config.alerts)}"
            yield ok(name, f"took a test message{form if name == 'alerts.url' else ''}")
        except notify.NotTold as error:
            words = str(error).removeprefix(f"{name}: ")
            yield problem(name, words, "mend it: alerts reach nobody this way")
    if ping:
        try:
            await notify.try_ping(ping, proxies)
            yield ok(PING_URL, "answers")
        except notify.NotTold as error:
            yield problem(PING_URL, error, "mend it, or unset it")


async def answer(models: Chain, name: str, asking: Callable[[str], None]) -> str:
    """Ask a model for two calls, after telling so; return what it showed.

    Raises:
        Unavailable: It did not answer in time, or not as it should.
        TokenRefused, ConfigError: Its key or its name is wrong.
    """
    if name != OFFLINE:
        asking(f"asking {name}, for at most {ANSWER_SECONDS:.0f} s …")
        # It takes seconds of processor time, which are not the model's.
        await asyncio.to_thread(endpoints.load, split(name)[0])
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await models.ping(name)
    except TimeoutError:
        words = f"{name}: no answer within {ANSWER_SECONDS:.0f} s; {SLOW_MODEL}"
        raise Unavailable(words) from None


async def _notion(context: Context) -> AsyncIterator[Check]:
    """Look at the token, the clock, each database with its prompt, and the right to comment."""
    try:
        me = await context.notion.me()
    except ReviewError as error:
        yield problem("token", error)
        return
    workspace = (me.get("bot") or {}).get("workspace_name") or "unknown"
    yield ok("token", f"{me.get('name') or 'a bot'} in the workspace {workspace}")
    apart = datetime.now(UTC) - context.notion.now
    seconds = round(apart.total_seconds())
    if abs(apart) < CLOCK:
        yield ok("clock", f"{abs(seconds)} s from Notion's")
    else:
        words = f"{abs(seconds)} s {'ahead of' if seconds > 0 else 'behind'} Notion's"
        yield problem("clock", words, "let the machine keep time: timedatectl set-ntp true")
    looked = [await _database(context, one) for one in context.config.databases]
    for one in (one for found in looked for one in found.checks):
        yield one
    for words in covered_twice((one.settings, one.sources) for one in looked):
        yield problem("config", words)
    yield await reading(context, next((str(one.rows[0]["id"]) for one in looked if one.rows), None))
    yield await posting(context)
    async for one in _prompts(context, looked):
        yield one


@dataclass(frozen=True, slots=True)
class DatabaseChecks:
    """The checks of a database; its name, data sources and some pages serve further checks."""

    settings: Configured
    checks: list[Check]
    name: str
    rows: Sequence[dict[str, Any]] = ()
    schemas: Sequence[dict[str, Any]] = ()

    @property
    def sources(self) -> dict[str, str]:
        """The titles of its data sources, by id."""
        return {str(one["id"]): properties.database_title(one) or one["id"] for one in self.schemas}


async def _database(context: Context, settings: Configured) -> DatabaseChecks:
    called = settings.called()
    name = f"database {called}"
    try:
        schemas, rows = await schemas_of(context, settings.id)
    except Missing as error:
        share = "open it in Notion, ••• > Connections, and add the connection"
        found = problem(name, f"Notion does not show it ({error})", share)
        return DatabaseChecks(settings, [found], called)
    except Forbidden as error:
        found = problem(name, error, "turn on Read content in the connection's settings")
        return DatabaseChecks(settings, [found], called)
    except (NotionError, Unavailable) as error:
        return DatabaseChecks(settings, [problem(name, error)], called)
    looked = DatabaseChecks(settings, [], called, rows, schemas)
    titles = list(looked.sources.values())
    if len(titles) == 1:
        called = settings.called(*titles)
    name = f"database {called}"
    checks = [
        problem(name, words, f"known are {', '.join(known)}")
        for words, known in properties.unknown_names(
            schemas, settings.where_words, settings.properties
        )
    ]
    checks.append(ok(name, f"readable: {', '.join(titles) or 'no data source'}"))
    return replace(looked, checks=checks, name=called)


async def schemas_of(
    context: Context, given: str
) -> tuple[list[dict[str, Any]], Sequence[dict[str, Any]]]:
    """Return the data sources of a database, given by its id or a source's, and pages of it."""
    try:
        found = await context.notion.database(given)
        ids = [str(one["id"]) for one in found.get("data_sources") or []]
    except Missing:
        ids = [str((await context.notion.data_source(given))["id"])]
    schemas = [await context.notion.data_source(one) for one in ids]
    for source_id in ids:
        rows = await anext(aiter(context.notion.query(source_id)), None)
        if rows and rows.rows:
            return schemas, rows.rows
    return schemas, ()


async def reading(context: Context, page_id: str | None) -> Check:
    """Look whether comments may be read; without a page it is not tried."""
    name = "reading comments"
    if page_id is None:
        return Check(name, CheckStatus.NOTE, "not tried: there is no page yet")
    try:
        await context.notion.comments(page_id)
    except Forbidden as error:
        return problem(name, error, "turn on Read comments in the connection's settings")
    except (NotionError, Unavailable) as error:
        return problem(name, error)
    return ok(name, "allowed")


async def posting(context: Context) -> Check:
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


async def _prompts(context: Context, looked: list[DatabaseChecks]) -> AsyncIterator[Check]:
    for one in looked:
        settings = one.settings
        if settings.prompt is None and settings.file is None:
            continue
        target = Target(settings, one.name, context.chains[settings.id])
        name = f"prompt of {target.name}"
        try:
            found = await current.current(context, target)
        except ReviewError as error:
            yield problem(name, error)
            continue
        if found is None:
            remedy = "write it, and share the page"
            texts = {alert["name"]: alert["text"] for alert in sweeps.alerts(context.state)}
            yield problem(name, texts.get(Alert.PROMPT.of(settings.id), "cannot be read"), remedy)
        elif kept := prompts.database(context.state, settings.prompt or ""):
            for found_wrong in _prompt_rows(one, kept):
                yield replace(found_wrong, name=name)
            schemas, _ = await schemas_of(context, str(settings.prompt))
            if wrong := page.lacking(column for each in schemas for column in each["properties"]):
                yield Check(name, CheckStatus.NOTE, wrong, "add “Applies to”, or name a page")
        else:
            yield ok(name, f"{found.name}, {len(found.text)} characters")


def _prompt_rows(found: DatabaseChecks, kept: PromptDatabase) -> Iterator[Check]:
    """Compare the rows of a prompt database with the documents that they are to review."""
    yield ok("", f"{kept.title}: {', '.join(map(str, kept.rows)) or 'no row is active'}")
    known = {one.casefold() for one in properties.every_option(found.schemas)}
    for row in kept.rows:
        for word in row.applies_to:
            if word.casefold() not in known:
                what = f"the row {row.title} applies to {word!r}, an option that no document has"
                yield problem("", what, "mend it, or the property of the documents")
    documents = [
        properties.read_page(raw, "", ())
        for raw in found.rows
        if snapshot.selected(found.settings.where, raw)
    ]
    fit_none = [page.title for page in documents if not any(row.fits(page) for row in kept.rows)]
    if fit_none:
        verb = "fits" if len(fit_none) == 1 else "fit"
        what = f"{notation.few(fit_none, NAMED)} {verb} none of them"
        yield Check("", CheckStatus.NOTE, what, "add a row, or one without “Applies to” for all")
