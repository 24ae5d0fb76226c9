"""What was done and what is open: the console in a browser, the report, the digest, the drafts."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime
from functools import partial
from shutil import get_terminal_size
from typing import TYPE_CHECKING, TypeVar

import click

from daemon.cli.options import (
    Options,
    common,
    crash,
    json_option,
    json_text,
    moment,
    port_option,
    say,
)
from daemon.domain.notation import counted, iso


if TYPE_CHECKING:
    from daemon.operations.drafts import Part
    from daemon.store.database import State

T = TypeVar("T")
COLUMNS = 78

number = click.argument("number", metavar="ID", type=int)
part = click.argument("part", metavar="N", type=int)


@click.command()
@port_option
@common
@click.pass_obj
def console(options: Options, *, port: int) -> None:
    """Show what was done, why, and what waits, in a browser.

    Prints an address that opens it once. It listens on 127.0.0.1 alone and ends with Ctrl-C.
    """
    import asyncio

    from daemon import loopback
    from daemon.console import app
    from daemon.console.access import Door
    from daemon.console.app import application
    from daemon.console.views import ConsoleContext
    from daemon.domain.errors import ConfigError, LockHeld
    from daemon.service import runner
    from daemon.store.database import read_state, translated

    config = options.config()
    with translated(config.state):
        if (state := read_state(config.state)) is not None:
            state.close()

    def deliver(page_id: str) -> None:
        """Post at once what waits of a page; without a token, or beside a service, later."""
        with suppress(ConfigError, LockHeld):
            runner.deliver(options.settings(), lambda *_, **__: None, page_id, to_end=asyncio.run)

    listening = app.listen(port)
    door = Door(loopback.port_of(listening))
    context = ConsoleContext(config, door, partial(crash, options), deliver)
    server = app.Server(lambda is_ending: application(context, is_ending))
    say([f"Open {door.address()}", "This address works once; Ctrl-C ends the console."])
    app.serve(server, listening)


@click.command()
@click.option("--hourly", "span", flag_value="hour", help="The last hour.")
@click.option("--daily", "span", flag_value="day", help="The last 24 hours.")
@click.option("--weekly", "span", flag_value="week", default=True, help="The last week (default).")
@click.option("--until", metavar="TIME", callback=moment, help="End of the period; default: now.")
@json_option
@common
@click.pass_obj
def report(options: Options, *, span: str, until: datetime | None, as_json: bool) -> None:
    """Compare what the reviews led to with the period before."""
    from daemon.operations import report
    from daemon.operations.figures import Span
    from daemon.store.database import read_state, translated

    config = options.config_for_state()
    with translated(config.state):
        found = report.report(read_state(config.state), Span(span), until or datetime.now(UTC))
    words = json.dumps(report.as_json(found)) if as_json else report.in_words(found)
    say(words, folds=not as_json)


@click.command()
@json_option
@common
@click.pass_obj
def digest(options: Options, *, as_json: bool) -> None:
    """Show which documents are open, why, and for whom they wait."""
    from daemon.operations import digest
    from daemon.store.database import read_state, translated

    config = options.config_for_state()
    with translated(config.state):
        found = digest.digest(read_state(config.state), config, datetime.now(UTC))
    if as_json:
        say(json_text(digest.as_json(found), sys.stdout), folds=False)
    else:
        say(digest.in_words(found) or digest.NOTHING)


@click.group(invoke_without_command=True)
@json_option
@common
@click.pass_context
def drafts(context: click.Context, *, as_json: bool) -> None:
    """List the reviews that wait for approval, and decide on them."""
    if context.invoked_subcommand is not None:
        return
    from daemon.operations import drafts
    from daemon.store.database import read_state, translated

    path = context.obj.config().state
    with translated(path), ExitStack() as held:
        if state := read_state(path):
            held.callback(state.close)
        waiting = drafts.listed(state) if state else []
    if as_json:
        found = {"drafts": [drafts.as_json(draft) for draft in waiting]}
        say(json_text(found, sys.stdout), folds=False)
    elif waiting:
        for draft in waiting:
            kinds = [_kind(part) for part in draft.parts if part.waits]
            counts = ", ".join(counted(kinds.count(kind), kind) for kind in dict.fromkeys(kinds))
            say(f"{draft.number}  {iso(draft.row.held_at)}  {draft.title or '(no title)'}")
            say(f"    {counts}; expires {iso(draft.expires)}")
            say(f"    why: {draft.row.reason}")
    else:
        click.echo("no review waits for approval", err=True)


@drafts.command()
@number
@common
@click.pass_obj
def show(options: Options, number: int) -> None:
    """Show what a draft has to say."""
    from daemon.operations import drafts

    draft = _on_state(options, lambda state: drafts.shown(state, number))
    row = draft.row
    ends = f"expires {iso(draft.expires)}" if row.settled_at is None else iso(row.settled_at)
    note = f" ({row.note})" if row.note else ""
    say([draft.title or "(no title)", f"  {draft.url}"])
    say(f"  held {iso(row.held_at)}; {row.state.value}{note}, {ends}")
    say(f"  why: {row.reason}")
    for part in draft.parts:
        say(["", *_paragraphs(part)])
    say(f"kept back, {one.severity.value}: {one.title}" for one in draft.kept)


@drafts.command()
@number
@common
@click.pass_obj
def approve(options: Options, number: int) -> None:
    """Post a draft, as far as it still has its place on the page."""
    from daemon.domain.errors import ConfigError, LockHeld
    from daemon.operations import drafts
    from daemon.service import runner

    draft = _on_state(options, lambda state: drafts.approve(state, number))
    later = ""
    try:
        settings = options.settings()
        emit = options.log(settings)
        runner.deliver(settings, emit, draft.row.page_id)
    except LockHeld:
        later = "; the running service posts it with its next sweep"
    except ConfigError:
        later = "; there is no token here, so the next sweep posts it"
    draft = _on_state(options, lambda state: drafts.shown(state, number))
    say(f"draft {number}: approved{later}")
    say(f"  {one.number}  {_kind(one)}: {_fate(one)}" for one in draft.parts)


@drafts.command()
@number
@part
@click.argument("text", default="-")
@common
@click.pass_obj
def edit(options: Options, number: int, part: int, text: str) -> None:
    """Give comment N of a draft another TEXT.

    Without one it is read from standard input, or on a terminal written in an editor. The rules
    for the model's texts hold: no mention, no address of elsewhere, the same length.
    """
    from daemon.operations import drafts

    if text == "-" and not sys.stdin.isatty():
        text = sys.stdin.read()
    elif text == "-":
        draft = _on_state(options, lambda state: drafts.shown(state, number))
        before = next((one.text for one in draft.parts if one.number == part), "")
        edited: str | None = click.edit(before)
        if edited is None:
            raise click.UsageError("the text was not saved; nothing is changed")
        text = edited
    draft = _on_state(options, lambda state: drafts.edit(state, number, part, text))
    say(_paragraphs(draft.parts[part - 1]))


@drafts.command()
@number
@part
@common
@click.pass_obj
def drop(options: Options, number: int, part: int) -> None:
    """Drop comment N of a draft; its point is not made again."""
    from daemon.operations import drafts

    draft = _on_state(options, lambda state: drafts.drop(state, number, part))
    left = sum(one.waits for one in draft.parts)
    say(f"draft {number}: comment {part} dropped; {left} left" + ("" if left else ", so refused"))


@drafts.command()
@number
@click.option("--reason", default="", metavar="TEXT", help="Why, for `explain`.")
@common
@click.pass_obj
def refuse(options: Options, number: int, reason: str) -> None:
    """Post nothing of a draft; its points are not made again."""
    from daemon.operations import drafts

    _on_state(options, lambda state: drafts.refuse(state, number, reason))
    say(f"draft {number}: refused")


def _on_state(options: Options, act: Callable[[State], T]) -> T:
    """Do something on the state; works while the service runs."""
    from daemon.domain.errors import UnknownItem
    from daemon.store import database

    path = options.config().state
    if not path.exists():
        raise UnknownItem(f"there is no draft: no sweep has made a state at {path} yet")
    with database.translated(path), closing(database.open_state(path)) as state:
        return act(state)


def _paragraphs(part: Part) -> Iterator[str]:
    from textwrap import wrap

    width = min(COLUMNS, get_terminal_size().columns)
    grade = f", {part.finding.severity.value}" if part.finding else ""
    yield f"{part.number}  {_kind(part)}{grade}: {_fate(part)}"
    words = [part.finding.title, f"“{part.finding.quote}”"] if part.finding else []
    offer = [f"Instead: “{part.finding.instead}”"] if part.finding and part.finding.instead else []
    for paragraph in [*words, *part.text.splitlines(), *offer]:
        lead = "    "
        yield from wrap(paragraph, width, initial_indent=lead, subsequent_indent=lead) or [""]


def _kind(part: Part) -> str:
    if part.message.marks:
        return "mark on a settled comment"
    kind = part.message.kind.value
    return {"finding": "comment", "edit": "edit of the summary"}.get(kind, kind)


def _fate(part: Part) -> str:
    if part.waits:
        return "waits"
    state, note = part.message.state.value, part.message.note
    return f"{state} ({note})" if state != "posted" and note else state
