"""What every command shares: its options, how it prints, and how it complains."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from daemon.domain.secrets import Redact, redactor
from daemon.cli.streams import Form, form


if TYPE_CHECKING:
    from daemon.config import Config, Settings

F = TypeVar("F", bound=Callable[..., Any])


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
        self.hide(settings.secrets.values)
        return settings

    def hide(self, secrets: Iterable[str]) -> None:
        """Keep secrets out of every message from now on."""
        self.redact = redactor(secrets)


def _take_config(context: click.Context, _: object, value: Path | None) -> None:
    if value is not None:
        context.ensure_object(Options).path = value


def _take_verbose(context: click.Context, _: object, *, value: bool) -> None:
    context.ensure_object(Options).verbose |= value


def common(command: F) -> F:
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
        metavar="FILE",
        type=click.Path(path_type=Path),
        expose_value=False,
        callback=_take_config,
        help="Default: ./config.yaml, then /etc/notion-review/config.yaml.",
    )
    return config(verbose(command))


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
port_option = click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8765,
    show_default=True,
    help="Of the console; 0 takes any free one.",
)
dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Print what would be posted; write nothing."
)


def page_id(page: str) -> str:
    """Return the id that an argument names.

    Raises:
        UsageError: It names none.
    """
    from daemon.domain.ids import notion_id

    try:
        return notion_id(page)
    except ValueError as error:
        raise click.UsageError(f"page {page}: {error}") from error


def moment(_: click.Context, __: click.Parameter, value: str | None) -> datetime | None:
    """Read the time that an option gives; without an offset it is UTC.

    Raises:
        BadParameter: It is none.
    """
    if value is None:
        return None
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no time such as 2026-11-20T12:00") from None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def say(lines: str | Iterable[str]) -> None:
    """Print data; a reader that has had enough, such as `head`, ends the program in peace."""
    try:
        for line in [lines] if isinstance(lines, str) else lines:
            click.echo(line)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise click.exceptions.Exit(0) from None


def complain(options: Options, message: str) -> None:
    """Print a message to a person, one line for each thing that is wrong."""
    # <3> is an error: https://www.freedesktop.org/software/systemd/man/sd-daemon.html
    lead = "<3>" if form(sys.stderr, os.environ) is Form.JOURNAL else ""
    for line in message.splitlines():
        click.echo(f"{lead}notion-review: {options.redact(line)}", err=True)


def crash(options: Options, error: Exception) -> None:
    """Tell of a bug in one line; with --verbose, where it is."""
    if options.verbose:
        from traceback import format_exception

        click.echo(options.redact("".join(format_exception(error))), err=True)
    complain(options, f"internal error: {error!r}; run again with --verbose and report it")
