"""The program: one group of commands, the sweep as its default, and how every run ends."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

import click

from daemon.cli.commands import COMMANDS, sweep_once
from daemon.cli.options import Options, common, complain, crash, dry_run_option, json_option
from daemon.cli.setup import completion, config, help_, init, service
from daemon.domain.errors import ReviewError


if TYPE_CHECKING:
    from daemon.config import Settings

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


for command in (*COMMANDS, completion, config, help_, init, service):
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
