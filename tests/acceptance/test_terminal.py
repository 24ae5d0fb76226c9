"""What a person at a terminal reads of a sweep."""

from __future__ import annotations

import json
import re
import sys
from datetime import timedelta

import pytest

from daemon.cli.main import EXIT_CODES
from daemon.domain.errors import ReviewError
from daemon.sandbox import Sandbox, blocks
from daemon.sandbox.faults import FaultKind
from support.places import ROOT
from support.program import NOW, Done, Program, ScriptedModel, comment, finish


HOUR = timedelta(hours=1)
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\r")
HANDBOOK = ROOT / "docs/handbook.md"


@pytest.fixture(autouse=True)
def _at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")


def seen(program: Program, monkeypatch: pytest.MonkeyPatch, *words: str) -> Done:
    """Run with standard error on a terminal."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    return program.run(*words)


def read(done: Done) -> str:
    """Give the words without their colours, and without how they were broken into lines."""
    return " ".join(ESCAPES.sub(" ", done.err).split())


def queues(box: Sandbox, rfcs: str, title: str = "Queues") -> str:
    text = blocks.paragraph("We need queues because the poller is slow.")
    return str(box.world.page(rfcs, title, [text], at=NOW - HOUR).id)


@pytest.fixture
def _a_critic(model: ScriptedModel) -> None:
    model.think = lambda _document, _turn: [
        comment("B1", "queues", "Which queues?"),
        finish("Say which queues."),
    ]


@pytest.mark.usefixtures("_a_critic")
def test_a_sweep_ends_with_what_it_came_to(
    box: Sandbox, program: Program, rfcs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = queues(box, rfcs)
    first = read(seen(program, monkeypatch, "--once"))
    assert "✓ Queues : 1 comment " in first
    assert "1 page reviewed; 1 comment, 1 summary posted. " in first
    assert "1 to models, $0.0" in first
    assert first.endswith(f"Queues {box.world.state.pages[page].url}")
    assert "Nothing to do. " in read(seen(program, monkeypatch, "--once"))


def test_pages_that_failed_or_wait_are_counted_in_the_last_sentence(
    box: Sandbox, program: Program, rfcs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    queues(box, rfcs)
    box.world.page(rfcs, "Being typed", [blocks.paragraph("Text.")], at=NOW - HOUR / 60)
    box.faults.plant(FaultKind.NULL_CURSOR, "GET", "/v1/blocks/*/children", times=None)
    done = seen(program, monkeypatch, "--once")
    assert done.code == 3
    assert "1 page failed; 1 page waiting. " in read(done)


@pytest.mark.usefixtures("_a_critic")
@pytest.mark.parametrize("asked", [(), ("--json",)])
def test_a_dry_run_draws_for_people_and_else_prints_lines_of_json(
    box: Sandbox,
    program: Program,
    rfcs: str,
    monkeypatch: pytest.MonkeyPatch,
    asked: tuple[str, ...],
) -> None:
    queues(box, rfcs)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    # Both streams are one terminal: what is written to either must not cut a line of the other.
    done = seen(program, monkeypatch, "--once", "--dry-run", *asked)
    if asked:
        kinds = [json.loads(line).get("kind") for line in done.out.splitlines()]
        assert kinds == ["finding", "summary", None]
    else:
        drawn = ESCAPES.sub("", re.sub(r".*\x1b\[2K", "", done.out))  # the live line is wiped out
        quoted = "We need queues because the poller is slow.\n    💬 RFC reviewer\n"
        assert f"{quoted}       Which queues? · " in drawn
        assert "Say which queues." in drawn
        assert drawn.count("─ Queues ─") == 1
        assert "1 page reviewed; would post 1 comment, 1 summary." in " ".join(drawn.split())
    assert "\x1b[2K" not in done.err
    assert done.err.endswith("A dry run: nothing was written to Notion or to the state.\n")
    assert list(box.world.comments()) == []


@pytest.mark.usefixtures("_a_critic")
def test_a_dry_run_into_a_pipe_prints_whole_lines_of_json(
    box: Sandbox, program: Program, rfcs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    queues(box, rfcs)
    done = seen(program, monkeypatch, "--once", "--dry-run")
    assert [json.loads(line)["kind"] for line in done.out.splitlines()] == ["finding", "summary"]
    assert "\x1b[2K" not in done.err
    assert done.err.endswith("A dry run: nothing was written to Notion or to the state.\n")
    assert list(box.world.comments()) == []


def test_help_and_handbook_name_every_exit_code() -> None:
    in_help = {int(code) for code in re.findall(r"(?m)^  (\d+) ", EXIT_CODES)}
    table = HANDBOOK.read_text("utf-8")
    in_handbook = {int(code) for code in re.findall(r"(?m)^\| (\d+) \|", table)}
    raised = {error.exit_code for error in _errors(ReviewError)} - {2}
    assert in_help == in_handbook
    assert raised <= in_help
    assert {0, 2} <= in_help


def test_the_picture_in_the_handbook_is_what_the_demo_prints(program: Program, rfcs: str) -> None:
    picture = HANDBOOK.read_text("utf-8").partition("```text\n")[2].partition("```")[0]
    del program.env["ANTHROPIC_API_KEY"]
    printed = {line.rstrip() for line in program.run("demo").out.splitlines()}
    shown = [line for line in picture.splitlines() if line]
    assert len(shown) > 15
    assert [line for line in shown if line not in printed] == []
    # The data source, and what people say on the prompt page.
    assert "Nothing to do. 2 requests to Notion, 0 to models." in printed


@pytest.mark.usefixtures("_a_critic")
def test_a_dry_run_says_of_the_prompt_page_what_would_be(
    box: Sandbox, program: Program, rfcs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    queues(box, rfcs)
    text = [blocks.paragraph("Be strict.")]
    prompt = box.world.page(None, "How we review", text, at=NOW - HOUR)
    program.config["databases"][0]["prompt"] = prompt.id
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    done = seen(program, monkeypatch, "--once", "--dry-run")
    drawn = ESCAPES.sub("", re.sub(r".*\x1b\[2K", "", done.out))  # the live line is wiped out
    assert "✓ The prompt How we review would be in use" in drawn
    assert "💬 How we review, once the rest is posted\n       In use since " in drawn
    assert "✓ The prompt How we review is in use (" in read(seen(program, monkeypatch, "--once"))


@pytest.mark.usefixtures("_a_critic")
@pytest.mark.parametrize("columns", [40, 50, 80])
def test_what_is_printed_keeps_to_the_width_of_the_terminal_and_breaks_at_words(
    box: Sandbox, program: Program, rfcs: str, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    page = queues(box, rfcs)
    program.sweep()
    commands = [("status",), ("report",), ("explain", page), ("digest",), ("check",), ("config",)]
    whole = {words: program.run(*words).out.split() for words in commands}
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", str(columns))
    for words in commands:
        shown = program.run(*words).out
        longer = [one for one in shown.splitlines() if len(one) > columns]
        assert [one for one in longer if len(one.split()) > 1] == []
        assert shown.split() == whole[words]
    as_json = program.run("status", "--json").out
    assert len(as_json.splitlines()) == 1


def test_the_paragraphs_of_a_draft_are_broken_once(
    box: Sandbox,
    program: Program,
    rfcs: str,
    model: ScriptedModel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queues(box, rfcs)
    long = (
        "Which queues are meant here, those of the carriers or those that the support team reads?"
    )
    model.think = lambda *_: [comment("B1", "queues", long), finish()]
    program.config["databases"][0]["approve"] = "all"
    program.sweep()
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "50")
    lines = program.run("drafts", "show", "1").out.splitlines()
    begun = lines.index("    Which queues are meant here, those of the")
    assert lines[begun + 1] == "    carriers or those that the support team reads?"


def _errors(kind: type[ReviewError]) -> set[type[ReviewError]]:
    return {kind}.union(*(_errors(one) for one in kind.__subclasses__()))
