"""What every command shares: its options, how it prints, and how it complains."""

from __future__ import annotations

import codecs
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import get_terminal_size, which
from typing import TYPE_CHECKING, Any, TypeVar

import click

from daemon.domain.errors import ReviewError
from daemon.domain.secrets import Redact, redactor


if TYPE_CHECKING:
    from daemon.config import Config, Settings
    from daemon.domain.events import Emit


from collections.abc import Mapping
from enum import StrEnum
from importlib import import_module
from typing import TextIO

from daemon.domain.events import Emit


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

    def config_for_state(self) -> Config:
        """Read where the state is and what it is about; a mistake beside that is told only."""
        from daemon import config

        found, problems = config.parse_for_state(self.found())
        if problems:
            more = f" (and {len(problems) - 1} more: notion-review check)" if problems[1:] else ""
            complain(self, f"{problems[0]}{more}")
        return found

    def settings(self) -> Settings:
        """Read config.yaml and the environment; from then on no message shows a secret."""
        from daemon import config

        settings = config.load(self.found(), os.environ)
        self.hide(settings.secrets.values)
        return settings

    def log(self, settings: Settings) -> Emit:
        """Send events where a run without a terminal sends them, and return where they go in.

        httpx and structlog load rich for output that is not used here; without it they are quicker.
        """
        hidden = "rich" not in sys.modules
        if hidden:
            sys.modules["rich"] = None  # type: ignore[assignment] # documented: its import fails
        try:
            import_module("structlog")
            import_module("httpx")
        finally:
            if hidden:
                del sys.modules["rich"]
        from daemon.cli import logs

        return logs.configure(settings.secrets.values, verbose=self.verbose)

    def hide(self, secrets: Iterable[str]) -> None:
        """Keep secrets out of every message from now on."""
        self.redact = redactor(secrets)


def _take(context: click.Context, option: click.Parameter, value: Any) -> None:
    """Keep what an option says; one that is not given changes nothing."""
    options = context.ensure_object(Options)
    if option.name == "config":
        options.path = value or options.path
    else:
        options.verbose |= value


def common(command: F) -> F:
    """Add what every command takes, so that it may stand before or after the command's name."""
    verbose = click.option(
        "--verbose",
        is_flag=True,
        expose_value=False,
        callback=_take,
        help="More log lines, and tracebacks.",
    )
    config = click.option(
        "--config",
        metavar="FILE",
        type=click.Path(path_type=Path),
        expose_value=False,
        callback=_take,
        help="Default: ./config.local.yaml, ./config.yaml, /etc/notion-review/config.yaml.",
    )
    return config(verbose(command))


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def program() -> str:
    """Return how the program is called here."""
    name = "notion-review"
    return sys.argv[0] if not which(name) and sys.argv[0].endswith(name) else name


PORT = 8765
port_option = click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=PORT,
    show_default=True,
    help="Port of the console; 0 takes any free one.",
)
dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Show what would be posted; write nothing."
)


def page_id(page: str) -> str:
    """Return the id that an argument names.

    Raises:
        UsageError: It names none.
    """
    from daemon.domain.notation import notion_id

    try:
        return notion_id(page)
    except ValueError as error:
        raise click.UsageError(f"page {page}: {error}") from error


def duration(_: click.Context, __: click.Parameter, value: str | None) -> timedelta | None:
    """Read the duration that an option gives.

    Raises:
        BadParameter: It is none.
    """
    from daemon.config.values import as_interval

    try:
        lasts: timedelta | None = as_interval(value) if value is not None else None
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return lasts


def model_name(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Read the model that an option names.

    Raises:
        BadParameter: It is none.
    """
    from daemon.config.values import as_model

    try:
        name: str | None = as_model(value) if value is not None else None
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return name


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


def say(lines: str | Iterable[str], *, folds: bool = True) -> None:
    """Print data; on a terminal in its width, unless it is for a program.

    When the reader closes the pipe, as `head` does, the program ends with 0.
    """
    given = [lines] if isinstance(lines, str) else lines
    try:
        for line in folded(given, sys.stdout) if folds else given:
            click.echo(line)
    except OSError as error:
        hush(sys.stdout)
        if isinstance(error, BrokenPipeError):
            raise click.exceptions.Exit(0) from None
        raise NotPrinted(f"standard output: cannot be written ({error.strerror})") from error


def hush(stream: TextIO) -> None:
    """Drop what is written from now on: what is left in the buffer must not fail at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


_COLUMNS = re.compile(r"(?<=\S) {2,}(?=\S)")
_LABEL = re.compile(r" *\S(?:\S| (?! ))* {2,}(?=\S)")
_LONGEST_LABEL = 16


def folded(lines: Iterable[str], stream: TextIO) -> Iterator[str]:
    """Yield lines as a terminal shows them whole: cut at words, columns moved together.

    Where the stream is no terminal they stay as they are, for other programs.
    """
    if not stream.isatty():
        yield from lines
        return
    from textwrap import wrap

    width = get_terminal_size().columns
    for line in (line for one in lines for line in one.split("\n")):
        if len(line) <= width:
            yield line
            continue
        label, words = _LABEL.match(line), line.lstrip()
        hang, lead = len(label[0]) if label else width, len(line) - len(words)
        if hang > _LONGEST_LABEL or len(_COLUMNS.findall(line)) > 1:
            lead = min(lead, _LONGEST_LABEL // 2)
            hang, words = lead + 2, _COLUMNS.sub("  ", words)
        yield from wrap(
            " " * lead + words,
            width,
            subsequent_indent=" " * hang,
            break_long_words=False,
            break_on_hyphens=False,
        )


class NotPrinted(ReviewError):
    """The data that was asked for could not be written."""

    exit_code = 74


class NoTemporaryFolder(ReviewError):
    """There is no place for what is only needed for a while."""

    exit_code = 74


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a folder that is gone afterwards.

    Raises:
        NoTemporaryFolder: None can be made.
    """
    from tempfile import TemporaryDirectory

    try:
        folder = TemporaryDirectory()
    except OSError as error:
        raise NoTemporaryFolder(
            f"no temporary folder can be made ({error.strerror}); name one in TMPDIR"
        ) from error
    with folder as path:
        yield Path(path)


def json_text(value: Any, stream: TextIO) -> str:
    """Return JSON that the encoding of a stream can hold."""
    is_unicode = codecs.lookup(stream.encoding or "utf-8").name == "utf-8"
    return json.dumps(value, ensure_ascii=not is_unicode)


def complain(options: Options, message: str) -> None:
    """Print a message to a person, one line for each thing that is wrong."""
    # <3> is an error: https://www.freedesktop.org/software/systemd/man/sd-daemon.html
    lead = "<3>" if form(sys.stderr, os.environ) is Form.JOURNAL else ""
    for line in message.splitlines():
        note(f"{lead}notion-review: {options.redact(line)}")


def note(words: str) -> None:
    """Tell people something beside the data."""
    for line in folded([words], sys.stderr):
        click.echo(line, err=True)


def crash(options: Options, error: Exception) -> None:
    """Tell of a bug in one line; with --verbose, where it is."""
    if options.verbose:
        from traceback import format_exception

        click.echo(options.redact("".join(format_exception(error))), err=True)
    complain(options, f"internal error: {error!r}; run again with --verbose and report it")


class Form(StrEnum):
    """How lines are written."""

    CONSOLE = "console"
    JOURNAL = "journal"
    JSON = "json"


def form(stream: TextIO, env: Mapping[str, str]) -> Form:
    """Return the form that suits a stream.

    The journal is recognised by the stream itself, so that a pipe in a unit stays plain:
    https://www.freedesktop.org/software/systemd/man/systemd.exec.html#$JOURNAL_STREAM
    """
    if stream.isatty():
        return Form.CONSOLE
    try:
        about = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return Form.JSON
    own = f"{about.st_dev}:{about.st_ino}"
    return Form.JOURNAL if env.get("JOURNAL_STREAM") == own else Form.JSON
