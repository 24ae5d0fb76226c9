"""The program: one group of commands, the sweep as its default, and how every run ends."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import click

from daemon.cli.commands import COMMANDS
from daemon.cli.options import (
    Options,
    common,
    complain,
    crash,
    dry_run_option,
    json_option,
    json_text,
    note,
    page_id,
    say,
)
from daemon.cli.setup import completion, config, help_, init, service
from daemon.domain.errors import ReviewError


if TYPE_CHECKING:
    from rich.console import Console

    from daemon.config import Settings
    from daemon.domain.events import Emit
    from daemon.domain.records import OutboxMessage
    from daemon.sweep.context import Context

NAME = "notion-review"
INTERRUPTED = 130
USAGE = 2


# A line with a backspace alone keeps the lines of its paragraph apart: click's own convention.
HELP = """\
Review the edited pages of Notion databases: once, or for ever on the schedule.

\b
notion-review --once     one sweep
notion-review demo       see it work, without any key
notion-review init       write a config.yaml
notion-review doctor     find out what is missing
"""
# The table of docs/handbook.md in short; `errors` has the classes.
EXIT_CODES = """\
\b
Exit codes:
  0   done, also with nothing to do
  1   a bug
  2   command line
  3   finished, but some pages or checks failed
  65  the state is damaged, or from a newer version
  69  Notion or every model unreachable, nothing done
  74  disk full, or state unwritable
  75  another instance holds the lock
  77  token refused, database not shared, or state of another user
  78  config.yaml invalid, or a secret missing
"""


async def preview(context: Context, page_id: str | None = None) -> None:
    """Print what would be posted, one JSON object a line, in place of posting it.

    What would wait for approval says so in `held`. Where the reader closes the pipe, the process
    ends as it stands: an exception would be a failure of the page.
    """
    from daemon.service.system import end_now

    for message in _unposted(context, page_id):
        place = {"page": message.page_id, "kind": message.kind.value, "target": message.target}
        words = {"reviewer": message.name, "text": message.body}
        held = {"held": message.note} if message.state == "held" else {}
        try:
            say(json_text(place | words | held, sys.stdout), folds=False)
        except click.exceptions.Exit as closed:
            end_now(closed.exit_code)


async def drawn_preview(console: Console, context: Context, page_id: str | None = None) -> None:
    """Draw what would be posted, document by document, in place of posting it."""
    from daemon.cli import terminal

    terminal.draw_proposed(console, context.state, _unposted(context, page_id))


def _unposted(context: Context, page_id: str | None) -> list[OutboxMessage]:
    """Return what is to be posted, or waits for approval; from now on it counts as posted."""
    from daemon.domain.records import DeliveryState
    from daemon.store import outbox

    messages = outbox.undelivered(context.state, page_id)
    if page_id is not None:
        on_page = outbox.messages_of(context.state, page_id=page_id)
        messages += [message for message in on_page if message.state is DeliveryState.HELD]
    for message in messages:
        outbox.mark_shown(context.state, message.key, context.notion.now)
        context.tally.posted[message.counts_as] += 1
    return messages


def sweep_once(
    options: Options, *, dry_run: bool = False, as_json: bool = False, only: str | None = None
) -> NoReturn:
    """Sweep once, or review one page, and end with the exit code that tells how it went."""
    settings = options.settings()
    commented: dict[str, None] = {}
    show: Callable[..., Awaitable[None]] = preview
    console = None
    if dry_run and not as_json and sys.stdout.isatty():
        from rich.console import Console

        console = Console()
        show = partial(drawn_preview, console)
    with emitting(options, settings, console=console, is_dry=dry_run) as emit:
        from daemon.service.runner import once
        from daemon.sweep.sweep import exit_code

        def noting(event: str, /, **facts: Any) -> None:
            if event == "comment.posted":
                commented[facts["page"]] = None
            emit(event, **facts)

        with named_waiting(is_dry=dry_run):
            result, errors = once(settings, noting, preview=show if dry_run else None, only=only)
    if as_json:
        say(json.dumps(asdict(result)), folds=False)
    if commented and sys.stderr.isatty() and not options.verbose:
        from daemon.store import database, pages

        state = database.read_state(settings.config.state)
        for row in pages.by_ids(state, [*commented]).values() if state else ():
            click.echo(f"  {row.title or '(no title)'}\n    {row.url}", err=True)
    if dry_run and sys.stderr.isatty():
        note("A dry run: nothing was written to Notion or to the state.")
    for words in dict.fromkeys(map(str, errors)):  # several pages may have met the same
        complain(options, words)
    raise click.exceptions.Exit(exit_code(result, errors))


@contextmanager
def named_waiting(*, is_dry: bool) -> Iterator[None]:
    """Say of an interrupted sweep what becomes of the rest."""
    from daemon.service.system import Interrupted

    try:
        yield
    except Interrupted as stopped:
        if is_dry:
            raise
        words = "interrupted; what is not posted yet waits for the next sweep"
        raise Interrupted(stopped.number, words) from None


@contextmanager
def emitting(
    options: Options,
    settings: Settings,
    *,
    console: Console | None,
    is_dry: bool,
) -> Iterator[Emit]:
    """Show progress on a terminal; elsewhere, and where asked for, log lines.

    A live line only where a dry run prints no data besides, but by its own `console`: they would
    be written into its middle.
    """
    emit = options.log(settings)
    if options.verbose or not sys.stderr.isatty():
        yield emit
        return
    from rich.console import Console

    from daemon.cli import terminal

    if is_dry and console is None:
        yield terminal.in_words(Console(stderr=True), is_dry=is_dry)
        return
    console = console or Console(stderr=True)
    with terminal.on_terminal(console, is_dry=is_dry) as shown:
        yield shown


@click.group(
    help=HELP,
    epilog=EXIT_CODES,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@common
@click.option("--once", is_flag=True, help="Sweep once and end.")
@dry_run_option
@json_option
@click.version_option(package_name=NAME)
@click.pass_context
def cli(context: click.Context, *, once: bool, dry_run: bool, as_json: bool) -> None:
    """Sweep, unless a command follows."""
    if context.invoked_subcommand is not None:
        if once or dry_run or as_json:
            raise click.UsageError(
                f"--once, --dry-run and --json before {context.invoked_subcommand} mean nothing; "
                "write them after it, or leave them out"
            )
        return
    if once or dry_run:
        sweep_once(context.obj, dry_run=dry_run, as_json=as_json)
    if as_json:
        raise click.UsageError("--json needs --once")
    options: Options = context.obj
    settings = options.settings()
    emit = options.log(settings)
    from daemon.service import service as life
    from daemon.service.system import Systemd

    def again() -> Settings:
        read = options.settings()
        options.log(read)
        return read

    life.serve(settings, again, emit, Systemd.of(os.environ, os.getpid()))


@click.command()
@click.argument("page")
@dry_run_option
@json_option
@common
@click.pass_obj
def review(options: Options, page: str, *, dry_run: bool, as_json: bool) -> None:
    """Review one page now, edited or not, settled or not.

    PAGE is its URL or its id.
    """
    sweep_once(options, dry_run=dry_run, as_json=as_json, only=page_id(page))


for command in (*COMMANDS, review, completion, config, help_, init, service):
    cli.add_command(command)


def main() -> NoReturn:
    """Run the program; every failure ends in one line and a documented exit code."""
    options = Options()
    try:
        done = cli.main(prog_name=NAME, standalone_mode=False, obj=options)
        sys.exit(done if isinstance(done, int) else 0)
    except click.ClickException as error:
        words = " ".join(error.format_message().split()).rstrip(".?").replace(". Did", "; did")
        context = getattr(error, "ctx", None)
        name = context.command_path if context else NAME
        # A sentence begins with a small letter here, the name of a variable does not.
        words = words if words[:2].isupper() else words[:1].lower() + words[1:]
        complain(options, f"{words}; see {name} --help")
        sys.exit(USAGE)
    except (click.Abort, KeyboardInterrupt):
        _below_the_key()
        complain(options, "interrupted")
        sys.exit(INTERRUPTED)
    except ReviewError as error:
        if error.exit_code == INTERRUPTED:
            _below_the_key()
        complain(options, str(error))
        sys.exit(error.exit_code)
    except Exception as error:  # noqa: BLE001 - the last line before a traceback
        crash(options, error)
        sys.exit(1)


def _below_the_key() -> None:
    """Begin a line below the ^C that the terminal shows, with the cursor shown again."""
    from daemon.service.system import show_cursor

    show_cursor()
    if sys.stderr.isatty():
        click.echo(err=True)
