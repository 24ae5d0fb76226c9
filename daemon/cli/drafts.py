"""`notion-review drafts`: the reviews that wait for a person, at the command line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, TypeVar

import click

from daemon.cli.options import Options, common, json_option, json_text, say
from daemon.domain.times import counted, iso


if TYPE_CHECKING:
    from daemon.operations.drafts import Part
    from daemon.store.database import State

T = TypeVar("T")
COLUMNS = 78

number = click.argument("number", metavar="ID", type=int)
part = click.argument("part", metavar="N", type=int)


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
        say(json_text(found, sys.stdout))
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

    grade = f", {part.finding.severity.value}" if part.finding else ""
    yield f"{part.number}  {_kind(part)}{grade}: {_fate(part)}"
    words = [part.finding.title, f"“{part.finding.quote}”"] if part.finding else []
    for paragraph in [*words, *part.text.splitlines()]:
        lead = "    "
        yield from wrap(paragraph, COLUMNS, initial_indent=lead, subsequent_indent=lead) or [""]


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
