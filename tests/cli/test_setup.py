"""The help, the manual page made from it, and completion in shells."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from daemon.cli.main import cli
from daemon.cli.setup import SHELLS
from support.places import ROOT


MACROS = {"TH", "SH", "SS", "PP", "TP", "B", "nf", "fi"}
PROGRAM = f"#!{sys.executable}\nfrom daemon.__main__ import main\nmain()\n"
# What each shell is asked for: that which begins with these words.
ASKING = {
    "bash": (
        "COMP_WORDS=(notion-review drafts ap); COMP_CWORD=2; "
        "_notion_review_completion notion-review; echo ${COMPREPLY[@]}"
    ),
    # The functions of zsh's own completion run in its line editor alone.
    "zsh": (
        "compadd() { echo ${(P)2}; }; _describe() { echo ${(P)3}; }; "
        "words=(notion-review drafts ap); CURRENT=3; _notion_review_completion"
    ),
    "fish": 'complete -C "notion-review drafts ap"',
}
LOADED = {
    "bash": 'eval "$(notion-review completion bash)"',
    "zsh": 'autoload -U compinit; compinit -D; eval "$(notion-review completion zsh)"',
    "fish": "notion-review completion fish | source",
}


def everything() -> list[click.Context]:
    """The program, its commands, and theirs."""
    found = [click.Context(cli, info_name="notion-review")]
    for at in found:
        if isinstance(at.command, click.Group):
            inner = at.command.commands.items()
            found += [click.Context(one, info_name=name, parent=at) for name, one in inner]
    return found


def run(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(cli, words, prog_name="notion-review")
    assert done.exit_code == code
    return done.output


def test_help_of_a_command_is_what_its_own_option_shows() -> None:
    for words in ([], ["eval"], ["drafts", "edit"]):
        assert run("help", *words) == run(*words, "--help")
    assert "nope is no command of notion-review drafts" in run("help", "drafts", "nope", code=2)


def test_the_manual_page_has_every_command_with_every_option() -> None:
    page = run("help", "--man")
    plain = page.replace("\\-", "-")
    sections = dict(re.findall(r"(?ms)^\.S[HS] ([^\n]+)\n(.*?)(?=^\.S|\Z)", plain))
    assert set(re.findall(r"(?m)^[.'](\S+)", page)) == MACROS
    for at in everything():
        is_program = at.parent is None
        section = sections["OPTIONS" if is_program else at.command_path]
        for option in at.command.get_params(at):
            if isinstance(option, click.Option):
                [term, _] = option.get_help_record(at)
                assert f".B {term}\n" in section, at.command_path
    assert "  78  config.yaml invalid" in sections["EXIT STATUS"]


@pytest.mark.skipif(shutil.which("man") is None, reason="there is no man")
def test_man_takes_the_page_without_a_warning(tmp_path: Path) -> None:
    page = tmp_path / "notion-review.1"
    page.write_text(run("help", "--man"), "utf-8")
    done = subprocess.run(
        ["man", "--warnings", "-l", page], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert "notion-review drafts approve [OPTIONS] ID" in " ".join(done.stdout.split())


@pytest.mark.real
@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_completes_a_command_of_a_command(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}")
    program = tmp_path / "notion-review"
    program.write_text(PROGRAM, "utf-8")
    program.chmod(0o755)
    done = subprocess.run(
        [shell, "-c", f"{LOADED[shell]}\n{ASKING[shell]}"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("approve"), done.stderr


@pytest.mark.parametrize("act", ["install", "uninstall"])
def test_who_does_not_agree_to_a_change_of_the_machine_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True, raising=False)
    monkeypatch.setattr(f"daemon.service.install.{act}", lambda _: pytest.fail("it went on"))
    places = [f"--prefix={tmp_path}/opt", f"--confdir={tmp_path}/etc", f"--bindir={tmp_path}/bin"]
    done = CliRunner().invoke(cli, ["service", act, *places], input="n\n")
    assert done.exit_code == 0
    assert done.output.endswith("Nothing was changed.\n")
    assert [*tmp_path.iterdir()] == []
