"""The commands besides the sweep; each imports what it needs when it runs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from daemon.cli.console import console
from daemon.cli.drafts import drafts
from daemon.cli.options import (
    Options,
    common,
    complain,
    crash,
    dry_run_option,
    json_option,
    moment,
    page_id,
    port_option,
    say,
)
from daemon.cli.selftest.command import selftest


if TYPE_CHECKING:
    from daemon.config import Settings
    from daemon.sweep.context import Tell
    from daemon.operations.doctor import Check

CHECKS_FAILED = 3


def sweep_once(
    options: Options, *, dry_run: bool = False, as_json: bool = False, only: str | None = None
) -> NoReturn:
    """Sweep once, or review one page, and end with the exit code that tells how it went."""
    settings = options.settings()
    with telling(settings, verbose=options.verbose, live=not dry_run) as tell:
        from daemon.service.runner import once
        from daemon.sweep.sweep import exit_code

        result, errors = once(settings, tell, dry_run=dry_run, only=only)
    if as_json:
        say(json.dumps(asdict(result)))
    if dry_run and sys.stderr.isatty():
        click.echo("A dry run: nothing was written to Notion or to the state.", err=True)
    for error in errors:
        complain(options, str(error))
    raise click.exceptions.Exit(exit_code(result, errors))


@contextmanager
def telling(settings: Settings, *, verbose: bool, live: bool) -> Iterator[Tell]:
    """Show progress on a terminal; elsewhere, and where asked for, log lines.

    A live line only where nothing is printed besides: data would be written into its middle.
    """
    on_terminal = sys.stderr.isatty() and not verbose
    if not on_terminal:
        from daemon.cli import lean

        lean.libraries()
    from daemon.cli import logs

    tell = logs.configure(settings.secrets.values, verbose=verbose)
    if not on_terminal:
        yield tell
        return
    from rich.console import Console

    from daemon.cli import progress

    console = Console(stderr=True)
    with (
        progress.on_terminal(console) if live else nullcontext(progress.in_words(console)) as shown
    ):
        yield shown


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


@click.command()
@json_option
@common
@click.pass_obj
def status(options: Options, *, as_json: bool) -> None:
    """Tell how the service stands, from the state alone."""
    from daemon.operations.status import in_words
    from daemon.operations.status import status as found
    from daemon.store.database import read_state, told

    config = options.config()
    with told(config.state):
        now = found(read_state(config.state), config)
    say(json.dumps(now, ensure_ascii=False) if as_json else in_words(now))


@click.command()
@click.option("--hourly", "span", flag_value="hour", help="The last hour.")
@click.option("--daily", "span", flag_value="day", help="The last 24 hours.")
@click.option("--weekly", "span", flag_value="week", default=True, help="The last week (default).")
@click.option("--until", metavar="TIME", callback=moment, help="End of the period; default: now.")
@json_option
@common
@click.pass_obj
def report(options: Options, *, span: str, until: datetime | None, as_json: bool) -> None:
    """Tell what came of the reviews, against the period before."""
    from daemon.operations import report
    from daemon.store.database import read_state, told

    config = options.config()
    with told(config.state):
        found = report.report(
            read_state(config.state), report.Span(span), until or datetime.now(UTC)
        )
    say(json.dumps(report.as_json(found)) if as_json else report.in_words(found))


@click.command()
@common
@click.pass_obj
def check(options: Options) -> None:
    """Check config, secrets and state without any request."""
    from daemon.operations.check import check as found

    say(found(options.settings()))


@click.command()
@json_option
@common
@click.pass_obj
def doctor(options: Options, *, as_json: bool) -> None:
    """Ask Notion and the models: what is wrong, and what to do."""
    from daemon.cli import lean

    lean.libraries()
    from daemon.operations import doctor
    from daemon.cli import logs
    from daemon.service.signals import until_signal

    settings = options.settings()
    tell = logs.configure(settings.secrets.values, verbose=options.verbose)
    quietly: Tell = tell if options.verbose else lambda *_, **__: None
    checks: list[Check] = []

    def found(one: Check) -> None:
        checks.append(one)
        if not as_json:
            say(options.redact(one.line()))

    until_signal(doctor.examine(settings, quietly, found))
    result = doctor.as_json(checks)
    if as_json:
        say(options.redact(json.dumps(result, ensure_ascii=False)))
    raise click.exceptions.Exit(0 if result["ok"] else CHECKS_FAILED)


@click.command()
@click.argument("page")
@common
@click.pass_obj
def explain(options: Options, page: str) -> None:
    """Tell every decision about a page, from the state alone.

    PAGE is its URL or its id.
    """
    from daemon.operations.explain import explain as explained
    from daemon.store.database import read_state, told

    config = options.config()
    with told(config.state):
        say(explained(read_state(config.state), page_id(page)))


def _page_command(name: str, help_: str) -> click.Command:
    @click.command(name, help=f"{help_}\n\nPAGE is its URL or its id.")
    @click.argument("page")
    @common
    @click.pass_obj
    def command(options: Options, page: str) -> None:
        from daemon.operations import pages as operate

        act = getattr(operate, name)
        say(operate.do(act, options.config().state, page_id(page)))

    return command


@click.command()
@click.argument("review", type=int)
@common
@click.pass_obj
def retract(options: Options, review: int) -> None:
    """Take back what a review posted.

    REVIEW is its number; `notion-review explain PAGE` lists the reviews of a page.
    """
    from daemon.cli import lean

    lean.libraries()
    from daemon.cli import logs
    from daemon.service import runner as run
    from daemon.sweep.delivery.retract import retract as taken_back

    settings = options.settings()
    tell = logs.configure(settings.secrets.values, verbose=options.verbose)
    say(run.on_state(settings, tell, lambda context: taken_back(context, review)))


@click.command()
@click.option("--database", metavar="URL", help="The database to review.")
@click.option("--prompt", metavar="URL", help='The prompt page; "" for the built-in prompt.')
@click.option("--offline", is_flag=True, help="Let rules alone review; needs no model's key.")
@click.option("--force", is_flag=True, help="Overwrite a config.yaml that is there.")
@common
@click.pass_obj
def init(
    options: Options, *, database: str | None, prompt: str | None, offline: bool, force: bool
) -> None:
    """Write a config.yaml, after a look at what it names.

    Asks for what is not given. Secrets come from the environment or are asked for; for
    /etc/notion-review/config.yaml they are written beside it, as the service expects them.
    """
    from daemon.cli import init as first
    from daemon.cli import logs
    from daemon.service.signals import until_signal

    path = options.path or Path.cwd() / "config.yaml"
    first.refuse_standing(path, force=force)
    ask = first.Ask(
        partial(_asked, hidden=False, what="--database and --prompt"),
        partial(
            _asked,
            hidden=True,
            what="NOTION_TOKEN and a model's key in the environment, or --offline",
        ),
    )
    env = {"CREDENTIALS_DIRECTORY": str(path.absolute().parent), **os.environ}
    answers = first.asked(first.Wishes(database, prompt, offline), env, ask)
    options.hide(answers.around.secrets.values)
    logs.configure(answers.around.secrets.values, verbose=options.verbose)
    say(until_signal(first.seen(answers)))
    say(first.write(path, answers))


def _asked(question: str, *, hidden: bool, what: str) -> str:
    """Put a question on the terminal.

    Raises:
        UsageError: There is none.
    """
    if not sys.stdin.isatty():
        raise click.UsageError(f"nobody is here to be asked: {question}; give {what}")
    answer: str = click.prompt(
        question, default="", show_default=False, hide_input=hidden, err=True
    )
    return answer


@click.command()
@click.option("--serve", is_flag=True, help="In a browser, side by side with the console.")
@port_option
@common
@click.pass_obj
def demo(options: Options, *, serve: bool, port: int) -> None:
    """Show the main job on an embedded Notion; needs no key."""
    if serve:
        from daemon.cli import demo_browser as stage

        stage.serve(os.environ, port, partial(crash, options))
        return
    from daemon.cli.demo import demo as shown

    raise click.exceptions.Exit(shown(os.environ))


COMMANDS = (
    check,
    console,
    demo,
    doctor,
    drafts,
    explain,
    init,
    report,
    retract,
    review,
    selftest,
    status,
    _page_command("pause", "Leave a page alone until `resume`."),
    _page_command("resume", "Review a paused page again."),
    _page_command("retry", "Try a failed page again at the next sweep."),
)
