"""Commands, options, exit codes, wiring; nothing is decided here."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from daemon.errors import ReviewError
from daemon.redact import Redact, redactor
from daemon.streams import Form, form


if TYPE_CHECKING:
    from daemon.config import Config, Settings
    from daemon.context import Tell

F = TypeVar("F", bound=Callable[..., Any])

INTERRUPTED = 130
USAGE = 2


class Options:
    """What the options say, and what follows from them when it is asked for."""

    def __init__(self) -> None:
        self.path: Path | None = None
        self.verbose = False
        self.redact: Redact = redactor()

    def found(self) -> Path:
        """Return the config file that is meant."""
        from daemon import config

        return config.find(self.path, Path.cwd())

    def config(self) -> Config:
        """Read config.yaml without any secret."""
        from daemon import config

        return config.parse(self.found())

    def settings(self) -> Settings:
        """Read config.yaml and the environment; from then on no message shows a secret."""
        from daemon import config

        settings = config.load(self.found(), os.environ)
        self.redact = redactor(settings.secrets.values)
        return settings


def _take_config(context: click.Context, _: object, value: Path | None) -> None:
    if value is not None:
        context.ensure_object(Options).path = value


def _take_verbose(context: click.Context, _: object, *, value: bool) -> None:
    context.ensure_object(Options).verbose |= value


def _common(command: F) -> F:
    """Add what every command takes, so that it may stand before or after the command's name."""
    verbose = click.option(
        "--verbose",
        is_flag=True,
        expose_value=False,
        callback=lambda context, param, value: _take_verbose(context, param, value=value),
        help="More log lines, and tracebacks.",
    )
    config = click.option(
        "--config",
        type=click.Path(path_type=Path),
        expose_value=False,
        callback=_take_config,
        help="The config file.",
    )
    return config(verbose(command))


_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
_dry_run = click.option(
    "--dry-run", is_flag=True, help="Print what would be posted; write nothing."
)


# A line with a backspace alone keeps the lines of its paragraph apart: click's own convention.
HELP = """\
Review the edited pages of Notion databases: once, or for ever on the schedule.

\b
notion-review --once     one sweep
notion-review demo       see it work, without any key
notion-review init       write a config.yaml
notion-review doctor     find out what is missing
"""


@click.group(
    help=HELP, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]}
)
@_common
@click.option("--once", is_flag=True, help="Sweep once and end.")
@_dry_run
@_json
@click.version_option(package_name="notion-review")
@click.pass_context
def cli(context: click.Context, *, once: bool, dry_run: bool, as_json: bool) -> None:
    """Take what the options say; without a command, sweep."""
    if context.invoked_subcommand is not None:
        if once or dry_run or as_json:
            raise click.UsageError(f"options of a sweep stand before {context.invoked_subcommand}")
        return
    if once or dry_run:
        _sweep_once(context.obj, dry_run=dry_run, as_json=as_json)
    if as_json:
        raise click.UsageError("--json needs --once")
    _serve(context.obj)


def _sweep_once(
    options: Options, *, dry_run: bool = False, as_json: bool = False, only: str | None = None
) -> NoReturn:
    settings = options.settings()
    with _telling(settings, verbose=options.verbose) as tell:
        from daemon.run import once
        from daemon.sweep import exit_code

        result, errors = once(settings, tell, dry_run=dry_run, only=only)
    if as_json:
        _say(json.dumps(asdict(result)))
    for error in errors:
        _complain(options, str(error))
    raise click.exceptions.Exit(exit_code(result, errors))


def _serve(options: Options) -> NoReturn:
    from daemon import lean

    lean.libraries()
    from daemon import logs, service
    from daemon.sdnotify import Systemd

    def settings() -> Settings:
        read = options.settings()
        logs.configure(read.secrets.values, verbose=options.verbose)
        return read

    first = settings()
    tell = logs.configure(first.secrets.values, verbose=options.verbose)
    service.serve(first, settings, tell, Systemd.of(os.environ, os.getpid()))
    raise click.exceptions.Exit(0)


@contextmanager
def _telling(settings: Settings, *, verbose: bool) -> Iterator[Tell]:
    """Show progress on a terminal; elsewhere, and where asked for, log lines."""
    on_terminal = sys.stderr.isatty() and not verbose
    if not on_terminal:
        from daemon import lean

        lean.libraries()
    from daemon import logs

    tell = logs.configure(settings.secrets.values, verbose=verbose)
    if not on_terminal:
        yield tell
        return
    from rich.console import Console

    from daemon import progress

    with progress.on_terminal(Console(stderr=True)) as shown:
        yield shown


@cli.command()
@click.argument("page")
@_dry_run
@_json
@_common
@click.pass_obj
def review(options: Options, page: str, *, dry_run: bool, as_json: bool) -> None:
    """Review one page now, edited or not, settled or not."""
    _sweep_once(options, dry_run=dry_run, as_json=as_json, only=_page_id(page))


@cli.command()
@_json
@_common
@click.pass_obj
def status(options: Options, *, as_json: bool) -> None:
    """Tell how the service stands, from the state alone."""
    from daemon.status import in_words
    from daemon.status import status as found
    from daemon.store.database import read_state, told

    config = options.config()
    with told(config.state):
        now = found(read_state(config.state), config)
    _say(json.dumps(now, ensure_ascii=False) if as_json else in_words(now))


@cli.command()
@_common
@click.pass_obj
def check(options: Options) -> None:
    """Check config, secrets and state without any request."""
    from daemon.check import check as found

    _say(found(options.settings()))


@cli.command()
@click.argument("page")
@_common
@click.pass_obj
def explain(options: Options, page: str) -> None:
    """Tell every decision about a page, from the state alone."""
    from daemon.explain import explain as explained
    from daemon.store.database import read_state, told

    config = options.config()
    with told(config.state):
        _say(explained(read_state(config.state), _page_id(page)))


def _page_command(name: str, help_: str) -> None:
    @cli.command(name, help=help_)
    @click.argument("page")
    @_common
    @click.pass_obj
    def command(options: Options, page: str) -> None:
        from daemon import operate
        from daemon.store.database import open_state, told

        act: Callable[..., str] = getattr(operate, name)
        config = options.config()
        with told(config.state):
            _say(act(open_state(config.state), _page_id(page)))


_page_command("pause", "Leave a page alone until `resume`.")
_page_command("resume", "Review a paused page again.")
_page_command("retry", "Try a failed page again at the next sweep.")


@cli.command()
def demo() -> None:
    """Show the main job on an embedded Notion; needs no key."""
    from daemon.demo import demo as shown

    raise click.exceptions.Exit(shown(os.environ))


def _page_id(page: str) -> str:
    from daemon.ids import notion_id

    try:
        return notion_id(page)
    except ValueError as error:
        raise click.UsageError(f"{page}: {error}") from error


def _say(lines: str | Iterable[str]) -> None:
    """Print data; a reader that has had enough, such as `head`, ends the program in peace."""
    try:
        for line in [lines] if isinstance(lines, str) else lines:
            click.echo(line)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise click.exceptions.Exit(0) from None


def _complain(options: Options, message: str) -> None:
    """Print a message to a person, one line for each thing that is wrong."""
    # <3> is an error: https://www.freedesktop.org/software/systemd/man/sd-daemon.html
    lead = "<3>" if form(sys.stderr, os.environ) is Form.JOURNAL else ""
    for line in message.splitlines():
        click.echo(f"{lead}notion-review: {options.redact(line)}", err=True)


def main() -> NoReturn:
    """Run the program; every failure ends in one line and a documented exit code."""
    options = Options()
    try:
        done = cli.main(standalone_mode=False, obj=options)
        sys.exit(done if isinstance(done, int) else 0)
    except click.ClickException as error:
        _complain(options, _usage(error))
        sys.exit(USAGE)
    except (click.Abort, KeyboardInterrupt):
        _complain(options, "interrupted")
        sys.exit(INTERRUPTED)
    except ReviewError as error:
        _complain(options, str(error))
        sys.exit(error.exit_code)
    except Exception as error:  # noqa: BLE001 - the last line before a traceback
        _crash(options, error)


def _usage(error: click.ClickException) -> str:
    words = " ".join(error.format_message().split()).rstrip(".")
    context = getattr(error, "ctx", None)
    name = context.command_path if context else "notion-review"
    return f"{words[:1].lower()}{words[1:]}; see {name} --help"


def _crash(options: Options, error: Exception) -> NoReturn:
    if options.verbose:
        from traceback import format_exception

        click.echo(options.redact("".join(format_exception(error))), err=True)
    _complain(options, f"internal error: {error!r}; run again with --verbose and report it")
    sys.exit(1)
