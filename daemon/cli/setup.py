"""Setting up: a first config.yaml, the help, a manual page, completion, the service."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import get_completion_class

from daemon.cli.options import F, Options, common, folded, json_option, note, program, say
from daemon.domain.errors import TokenRefused
from daemon.service import install
from daemon.service.install import Places


if TYPE_CHECKING:
    from daemon.cli.init import Answers

_PLACES = {
    "prefix": "Its Python environment.",
    "bindir": "The command for operators.",
    "unitdir": "The units of systemd.",
    "confdir": "Its configuration, which is left alone.",
    "sharedir": "The manual page, and what shells complete.",
    "python": "The Python that it runs on, not one in a home folder.",
    "destdir": "For packagers: what all of it is written below; no file names it.",
}
SHELLS = ("bash", "zsh", "fish")


# What a server of one's own gets for a review: on a CPU it reads a long document for minutes.
OWN_SERVER_SECONDS = 1800


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
    """Write a config.yaml, after checking what it names.

    Asks for what is not given, and again for what is wrong. Secrets come from
    the environment or are asked for. In a clone it writes config.local.yaml,
    which is read first and which git leaves alone. For
    /etc/notion-review/config.yaml they are written beside it, as the service expects them.
    """
    from daemon.cli import init as first
    from daemon.cli import logs
    from daemon.service.system import until_signal

    path = options.path or first.place(Path.cwd())
    first.refuse_existing(path, force=force)
    ask = first.Ask(
        partial(_asked, hidden=False, what="--database and --prompt"),
        partial(_asked, hidden=True, what=_SECRETS),
        note,
        lambda around: until_signal(first.try_token(around)),
        is_possible=sys.stdin.isatty(),
    )
    env = {"CREDENTIALS_DIRECTORY": str(path.absolute().parent), **os.environ}
    answers = first.asked(database, prompt, env, ask, offline=offline)

    def asking(words: str) -> None:
        note(options.redact(words))

    while True:
        options.hide(answers.around.secrets.values)
        logs.configure(answers.around.secrets.values, verbose=options.verbose)
        try:
            seen = until_signal(first.seen(answers, asking))
            break
        except (first.InvalidAnswer, TokenRefused) as error:
            answers = first.corrected(answers, error, ask)
    say([*seen.lines, *write(path, answers, seen.silent)])


def write(
    path: Path, answers: Answers, silent: Sequence[str] = (), *, system: Path | None = None
) -> list[str]:
    """Write config.yaml, and for a service the secrets beside it; return a line for each file.

    `/etc/notion-review/config.yaml` is of notion-review.service, and
    `/etc/notion-review/NAME/config.yaml` of notion-review@NAME.service.

    Raises:
        InvalidAnswer: The folder cannot be written.
    """
    from tempfile import NamedTemporaryFile

    from daemon.cli.init import InvalidAnswer
    from daemon.config.environment import SYSTEM

    folder, system = path.absolute().parent, system or SYSTEM.parent
    name = None
    if system in (folder, folder.parent):
        name = "notion-review" if folder == system else f"notion-review-{folder.name}"
    lines = []
    try:
        for target, content, mode in _files(path, answers, name):
            target.parent.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile("w", encoding="utf-8", dir=target.parent, delete=False) as file:
                os.fchmod(file.fileno(), mode)
                file.write(content)
            Path(file.name).replace(target)
            lines.append(f"written    {target}")
    except OSError as error:
        raise InvalidAnswer(
            f"{path.parent}: cannot be written ({error.strerror}); mend its permissions"
        ) from error
    return [*lines, *_to_do(answers, silent, name)]


def _to_do(answers: Answers, silent: Sequence[str], service: str | None) -> Iterator[str]:
    if silent:
        again = f"mend that, then {program()} doctor asks again"
        yield f"to do      {', '.join(silent)} did not answer; {again}"
    if service is not None:
        unit = service.replace("notion-review-", "notion-review@", 1)
        yield f"to do      systemctl enable --now {unit}"
        return
    yield from (f"to do      export {name}=…; it is stored nowhere" for name in answers.typed)
    yield f"next       {program()} --once --dry-run   shows what it would post"


def _files(path: Path, answers: Answers, service: str | None) -> Iterator[tuple[Path, str, int]]:
    """Yield path, content and mode of each file; of a service, also what only it needs."""
    from daemon.config import environment, reference

    around = answers.around
    seconds = OWN_SERVER_SECONDS if answers.asks_own_server else None
    state = None if service is None else f"/var/lib/{service}/notion-review.db"
    words = reference.example(
        answers.database,
        answers.prompt or None,
        state,
        answers.models,
        seconds,
        str(reference.SCHEMA),
    )
    yield path, words, environment.CONFIG_MODE
    if service is not None:
        yield from environment.service_files(path.parent, around)


_SECRETS = "NOTION_TOKEN and a model's key in the environment, or --offline"


def _asked(question: str, *, hidden: bool, what: str) -> str:
    """Put a question on the terminal.

    Raises:
        UsageError: There is none.
    """
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question}: cannot be asked without a terminal; give {what}")
    from daemon.service.system import raised

    words = f"{question}, not shown as you type:" if hidden else f"{question}:"
    with raised():
        answer: str = click.prompt(
            "\n".join(folded([words], sys.stderr)),
            prompt_suffix=" ",
            default="",
            show_default=False,
            hide_input=hidden,
            err=True,
        )
    return answer


@click.command("config")
@json_option
@common
@click.pass_obj
def config(options: Options, *, as_json: bool) -> None:
    """Show each key in effect, and where it comes from.

    Secrets are only said to be there. Offline; `check` finds what is wrong.
    """
    from daemon.config import environment, file, loading, reference

    path = options.found()
    read, around = loading.parse(path), environment.read(os.environ, path)
    chains = loading.chains(read, around)
    rows = [*reference.effective(read, file.read(path)), *reference.surroundings(around)]
    if as_json:
        say(json.dumps([asdict(one) for one in rows], ensure_ascii=False), folds=False)
        return
    wide = max(len(one.key) for one in rows)
    say(f"{one.key:<{wide}}  {one.value}  ({one.origin})" for one in rows)
    for base in read.databases:
        say(f"models for {base.called()}: {', '.join(chains.models[base.id]) or 'no model'}")
    say([*chains.notes, *around.notes])


@click.command("help")
@click.option("--man", is_flag=True, help="Print all of it as a manual page instead, for man -l.")
@click.argument("command", nargs=-1)
@common
@click.pass_context
def help_(context: click.Context, *, man: bool, command: Sequence[str]) -> None:
    """Show the help of the program, or of a COMMAND."""
    at = context.find_root()
    if man:
        say(manual(at), folds=False)
        return
    for word in command:
        inner = at.command.get_command(at, word) if isinstance(at.command, click.Group) else None
        if inner is None:
            raise click.UsageError(f"{word} is no command of {at.command_path}")
        at = click.Context(inner, info_name=word, parent=at)
    say(at.get_help(), folds=False)


_IN_SHELLS = """\
Print what completes commands and options in a SHELL.

\b
bash  eval "$(notion-review completion bash)"   in ~/.bashrc
zsh   eval "$(notion-review completion zsh)"    in ~/.zshrc, after compinit
fish  notion-review completion fish | source    in ~/.config/fish/config.fish
"""


@click.command(help=_IN_SHELLS)
@click.argument("shell", type=click.Choice(SHELLS))
@common
@click.pass_context
def completion(context: click.Context, *, shell: str) -> None:
    """Print the script of click, which asks the program at each TAB."""
    root = context.find_root()
    name = str(root.info_name)
    # The variable that click looks for when a shell asks:
    # https://click.palletsprojects.com/en/stable/shell-completion/
    variable = f"_{name}_COMPLETE".replace("-", "_").upper()
    known = get_completion_class(shell)
    if known is None:
        raise AssertionError("click completes all three")
    say(known(root.command, {}, name, variable).source(), folds=False)


def _places(command: F) -> F:
    """Add the options that say where the service is."""
    for place in reversed(fields(Places)):
        option = click.option(
            f"--{place.name}",
            default=place.default,
            show_default=True,
            type=click.Path(path_type=Path, resolve_path=place.name != "python"),
            help=_PLACES[place.name],
        )
        command = option(command)
    return click.option("--yes", is_flag=True, help="Do not ask on a terminal.")(command)


def _agree(question: str, places: Places) -> None:
    """Show where things are, and ask.

    Raises:
        Exit: The answer is no.
    """
    for place in fields(places):
        click.echo(f"{place.name:<9}{getattr(places, place.name)}", err=True)
    if not click.confirm(question, err=True):
        click.echo("Nothing was changed.", err=True)
        raise click.exceptions.Exit(0)


@click.group()
def service() -> None:
    """Put the service on this machine, or take it away; as root."""


@service.command("install")
@_places
@common
def install_(*, yes: bool, **given: Path) -> None:
    """Install the service, or this version of it over an older one.

    It gets a Python environment of its own with the locked packages; nothing is
    started. On a terminal it asks first.
    """
    places = Places(**given)
    if sys.stdin.isatty() and not yes:
        _agree("Install it there?", places)
    click.echo(f"Installing into {places.staged.prefix}, which takes half a minute.", err=True)
    say(install.install(places))


@service.command("uninstall")
@_places
@common
def uninstall(*, yes: bool, **given: Path) -> None:
    """Take the service away; its configuration and its state stay.

    On a terminal it asks first.
    """
    places = Places(**given)
    if sys.stdin.isatty() and not yes:
        _agree("Take it away from there?", places)
    say(install.uninstall(places))


class _Roff(click.HelpFormatter):
    """Writes what click says of a command in the form of man(7)."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        del prefix
        self.write(f".PP\n.B {_roff(prog)}\n{_roff(args)}\n")

    def write_heading(self, heading: str) -> None:
        self.write(f".PP\n{_roff(heading)}:\n")

    def write_paragraph(self) -> None:
        """Leave it out: what follows begins one itself."""

    def write_text(self, text: str) -> None:
        for paragraph in text.split("\n\n"):
            # Click keeps the lines of a paragraph that begins so.
            kept = paragraph.removeprefix("\b\n")
            words = "\n".join(map(_roff, kept.splitlines()))
            self.write(f".PP\n{words}\n" if kept == paragraph else f".PP\n.nf\n{words}\n.fi\n")

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 0, col_spacing: int = 0
    ) -> None:
        del col_max, col_spacing
        for term, meaning in rows:
            self.write(f".TP\n.B {_roff(term)}\n{_roff(' '.join(meaning.split()))}\n")


def _roff(words: str) -> str:
    """Return a line as plain text of man(7): no escape, no macro at its begin."""
    plain = words.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{plain}" if plain[:1] in (".", "'") else plain


def manual(root: click.Context) -> str:
    """Return the manual page of a program with all its commands.

    https://man7.org/linux/man-pages/man7/man-pages.7.html
    """
    page, program = _Roff(), root.command
    name = str(root.info_name)
    page.write(f".TH {_roff(name.upper())} 1\n.SH NAME\n{_roff(name)} \\- ")
    page.write(_roff(program.get_short_help_str(limit=100)) + "\n.SH SYNOPSIS\n")
    program.format_usage(root, page)
    page.write(".SH DESCRIPTION\n")
    program.format_help_text(root, page)
    page.write(".SH OPTIONS\n")
    records = (option.get_help_record(root) for option in program.get_params(root))
    page.write_dl(record for record in records if record)
    page.write(".SH EXIT STATUS\n")
    program.format_epilog(root, page)
    page.write(".SH COMMANDS\n")
    for inner in _commands(root):
        page.write(f".SS {_roff(inner.command_path)}\n")
        inner.command.format_help(inner, page)
    return page.getvalue()


def _commands(at: click.Context) -> Iterator[click.Context]:
    """Yield each command below one, and those below it."""
    if isinstance(at.command, click.Group):
        for name in at.command.list_commands(at):
            inner = click.Context(at.command.commands[name], info_name=name, parent=at)
            yield inner
            yield from _commands(inner)
