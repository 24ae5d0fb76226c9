"""Commands, options, exit codes, wiring; nothing is decided here."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from daemon.errors import ReviewError


if TYPE_CHECKING:
    from daemon.config import Config, Settings
    from daemon.context import Tell

INTERRUPTED = 130


class Options:
    """What the options say, and what follows from them when it is asked for."""

    def __init__(self, config: Path | None, *, verbose: bool) -> None:
        self._path = config
        self.verbose = verbose

    def config(self) -> Config:
        """Read config.yaml without any secret."""
        from daemon import config

        return config.parse(config.find(self._path, Path.cwd()))

    def settings(self) -> Settings:
        """Read config.yaml and the environment."""
        from daemon import config

        return config.load(config.find(self._path, Path.cwd()), os.environ)


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", type=click.Path(path_type=Path), help="The config file.")
@click.option("--once", is_flag=True, help="Sweep once and end.")
@click.option("--dry-run", is_flag=True, help="Print what would be posted; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the sweep as JSON.")
@click.option("--verbose", is_flag=True, help="More log lines, and tracebacks.")
@click.version_option(package_name="notion-review")
@click.pass_context
def cli(
    context: click.Context,
    config: Path | None,
    *,
    once: bool,
    dry_run: bool,
    as_json: bool,
    verbose: bool,
) -> None:
    r"""Review the edited pages of Notion databases: once, or for ever on the schedule.

    \b
    notion-review --once     one sweep
    notion-review demo       see it work, without any key
    notion-review check      is everything in place?
    """
    context.obj = Options(config, verbose=verbose)
    if context.invoked_subcommand is not None:
        return
    settings = context.obj.settings()
    if once or dry_run:
        _sweep_once(settings, verbose=verbose, dry_run=dry_run, as_json=as_json)
    else:
        _serve(context.obj, settings)


def _sweep_once(
    settings: Settings,
    *,
    verbose: bool,
    dry_run: bool = False,
    as_json: bool = False,
    only: str | None = None,
) -> NoReturn:
    from daemon.run import once
    from daemon.sweep import exit_code

    with _telling(settings, verbose=verbose) as tell:
        result, errors = once(settings, tell, dry_run=dry_run, only=only)
    if as_json:
        click.echo(json.dumps(asdict(result)))
    for error in errors:
        _complain(str(error))
    sys.exit(exit_code(result, errors))


def _serve(options: Options, settings: Settings) -> NoReturn:
    from daemon import logs, service

    tell = logs.configure(settings.secrets.values, verbose=options.verbose)
    sys.exit(service.serve(settings, options.settings, tell))


@contextmanager
def _telling(settings: Settings, *, verbose: bool) -> Iterator[Tell]:
    from daemon import logs

    tell = logs.configure(settings.secrets.values, verbose=verbose)
    if verbose or not sys.stderr.isatty():
        yield tell
        return
    from rich.console import Console

    from daemon.progress import on_terminal

    with on_terminal(Console(stderr=True)) as shown:
        yield shown


@cli.command()
@click.argument("page")
@click.option("--dry-run", is_flag=True, help="Print what would be posted; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the sweep as JSON.")
@click.pass_obj
def review(options: Options, page: str, *, dry_run: bool, as_json: bool) -> None:
    """Review one page now, edited or not, settled or not."""
    _sweep_once(
        options.settings(),
        verbose=options.verbose,
        dry_run=dry_run,
        as_json=as_json,
        only=_page_id(page),
    )


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@click.pass_obj
def status(options: Options, *, as_json: bool) -> None:
    """Tell how the service stands, from the state alone."""
    from daemon.status import in_words
    from daemon.status import status as found
    from daemon.store.database import read_state

    config = options.config()
    now = found(read_state(config.state), config)
    click.echo(json.dumps(now, ensure_ascii=False) if as_json else "\n".join(in_words(now)))


@cli.command()
@click.pass_obj
def check(options: Options) -> None:
    """Check config, secrets and state without any request."""
    from daemon.check import check as found

    for line in found(options.settings()):
        click.echo(line)


@cli.command()
@click.argument("page")
@click.pass_obj
def explain(options: Options, page: str) -> None:
    """Tell every decision about a page, from the state alone."""
    from daemon.explain import explain as told
    from daemon.store.database import read_state

    for line in told(read_state(options.config().state), _page_id(page)):
        click.echo(line)


def _page_command(name: str, help_: str) -> None:
    @cli.command(name, help=help_)
    @click.argument("page")
    @click.pass_obj
    def command(options: Options, page: str) -> None:
        from daemon import operate
        from daemon.store.database import open_state

        act: Callable[..., str] = getattr(operate, name)
        click.echo(act(open_state(options.config().state), _page_id(page)))


_page_command("pause", "Leave a page alone until `resume`.")
_page_command("resume", "Review a paused page again.")
_page_command("retry", "Try a failed page again at the next sweep.")


@cli.command()
def demo() -> None:
    """Show the main job on an embedded Notion; needs no key."""
    from daemon.demo import demo as shown

    sys.exit(shown(os.environ))


def _page_id(page: str) -> str:
    from daemon.ids import notion_id

    try:
        return notion_id(page)
    except ValueError as error:
        raise click.BadParameter(f"{page!r} {error}") from error


def _complain(message: str) -> None:
    for line in message.splitlines():
        click.echo(f"notion-review: {line}", err=True)


def main() -> NoReturn:
    """Run the program; every failure ends in one line and a documented exit code."""
    try:
        cli.main(standalone_mode=False)
        sys.exit(0)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except ReviewError as error:
        _complain(str(error))
        sys.exit(error.exit_code)
    except Exception as error:  # noqa: BLE001 - the last line before a traceback
        _crash(error)


def _crash(error: Exception) -> NoReturn:
    if "--verbose" in sys.argv:
        raise error
    _complain(f"internal error: {error!r}; run again with --verbose and report it")
    sys.exit(1)
