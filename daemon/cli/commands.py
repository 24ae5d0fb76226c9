"""The commands besides the sweep; each imports what it needs when it runs."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import click

from daemon.cli.console import console, digest, drafts, report
from daemon.cli.evaluation import evaluation
from daemon.cli.options import (
    Options,
    common,
    complain,
    crash,
    duration,
    json_option,
    json_text,
    model_name,
    note,
    page_id,
    port_option,
    say,
)
from daemon.cli.selftest import selftest


if TYPE_CHECKING:
    from daemon.domain.events import Emit
    from daemon.operations.check import Check

CHECKS_FAILED = 3


@click.command()
@click.option(
    "--healthy", is_flag=True, help="End with 3 unless a service runs and sweeps in time."
)
@json_option
@common
@click.pass_obj
def status(options: Options, *, healthy: bool, as_json: bool) -> None:
    """Show the status of the service, from the state alone."""
    from daemon.operations import status
    from daemon.store.database import read_state, translated
    from daemon.store.lock import holder

    config = options.config_for_state()
    with translated(config.state):
        found = status.status(read_state(config.state), config)
    words = json_text(found, sys.stdout) if as_json else status.in_words(found)
    say(words, folds=not as_json)
    if healthy:
        held, now = holder(config.state), datetime.now(UTC)
        if wrong := status.illness(found, config.schedule, held, now):
            complain(options, wrong)
            raise click.exceptions.Exit(CHECKS_FAILED)


@click.command()
@common
@click.pass_obj
def check(options: Options) -> None:
    """Check config, secrets, environment and state, offline."""
    from daemon.operations.check import check as found

    say(found(options.settings()))


@click.command()
@json_option
@common
@click.pass_obj
def doctor(options: Options, *, as_json: bool) -> None:
    """Ask Notion and the models; show what is wrong and what to do."""
    settings = options.settings()
    emit = options.log(settings)
    from daemon.operations import check, doctor
    from daemon.service.system import until_signal

    quietly: Emit = emit if options.verbose else lambda *_, **__: None
    checks: list[Check] = []

    def found(one: Check) -> None:
        checks.append(one)
        if not as_json:
            say(options.redact(one.line()))

    def asking(words: str) -> None:
        note(options.redact(words))

    until_signal(doctor.examine(settings, quietly, found, asking))
    result = check.as_json(checks)
    if as_json:
        say(options.redact(json_text(result, sys.stdout)), folds=False)
    raise click.exceptions.Exit(0 if result["ok"] else CHECKS_FAILED)


@click.command()
@click.argument("page")
@click.option("--prompts", "with_prompts", is_flag=True, help="The prompts' texts, too.")
@common
@click.pass_obj
def explain(options: Options, page: str, *, with_prompts: bool) -> None:
    """Show every decision about a page, from the state alone.

    PAGE is its URL or its id.
    """
    from daemon.operations.explain import explain as explained
    from daemon.store.database import read_state, translated

    config = options.config_for_state()
    with translated(config.state):
        state, id_ = read_state(config.state), page_id(page)
        say(explained(state, id_, config.prompts, with_prompts=with_prompts))


def _page_command(name: str, help_: str) -> click.Command:
    @click.command(name, help=f"{help_}\n\nPAGE is its URL or its id.")
    @click.argument("page")
    @common
    @click.pass_obj
    def command(options: Options, page: str) -> None:
        from daemon.operations import pages

        act = getattr(pages, name)
        say(pages.do(act, options.config().state, page_id(page)))

    return command


@click.command()
@click.argument("page")
@click.option("--for", "lasts", metavar="TIME", callback=duration, help="Such as 12h or 7d.")
@common
@click.pass_obj
def pause(options: Options, page: str, lasts: timedelta | None) -> None:
    """Leave a page, or all under a prompt, alone until `resume`.

    PAGE is its URL or its id; that of a prompt page, or database, pauses all
    that is reviewed under it.
    """
    from daemon.operations import pages

    act = partial(pages.pause, lasts=lasts)
    say(pages.do(act, options.config().state, page_id(page)))


@click.command()
@click.argument("review", type=int)
@common
@click.pass_obj
def retract(options: Options, review: int) -> None:
    """Take back what a review posted.

    REVIEW is its number; `notion-review explain PAGE` lists the reviews of a page.
    """
    settings = options.settings()
    emit = options.log(settings)
    from daemon.service import runner
    from daemon.sweep.delivery.retract import retract as taken_back

    say(runner.on_state(settings, emit, lambda context: taken_back(context, review)))


@click.command()
@click.argument("review", type=int)
@click.option("--model", metavar="MODEL", callback=model_name, help="Ask this model instead.")
@click.option("--prompt", metavar="PAGE|FILE", help="Review under this prompt instead.")
@json_option
@common
@click.pass_obj
def replay(
    options: Options, review: int, *, model: str | None, prompt: str | None, as_json: bool
) -> None:
    """Hold a recorded review again, offline, and compare the two.

    With another model or prompt the same text is reviewed anew, and both reviews are shown side by
    side; it costs what a review costs, and nothing is written to Notion. REVIEW is its number;
    `notion-review explain PAGE` lists the reviews of a page.
    """
    from daemon.operations import replay
    from daemon.sweep.recording import recorded

    if model is None and prompt is None:
        from daemon.cli import logs

        logs.configure((), verbose=options.verbose)
        found = replay.replay(recorded(options.config_for_state().state, review))
        told = json_text(found.as_json(review), sys.stdout) if as_json else found.in_words()
        say(told, folds=not as_json)
        raise click.exceptions.Exit(0 if found.is_same else CHECKS_FAILED)
    named = replay.prompt_named(prompt) if prompt else None
    settings = options.settings()
    emit, then = options.log(settings), recorded(settings.config.state, review)
    from daemon.service import runner

    sides = runner.on_state(
        settings, emit, lambda context: replay.side_by_side(context, then, model, named)
    )
    said = json_text(sides.as_json(), sys.stdout) if as_json else sides.in_words()
    say(said, folds=not as_json)


@click.command()
@click.option("--serve", is_flag=True, help="In a browser, side by side with the console.")
@click.option("--all", "whole", is_flag=True, help="Show the documents whole.")
@port_option
@common
@click.pass_obj
def demo(options: Options, *, serve: bool, whole: bool, port: int) -> None:
    """Show the main job on an embedded Notion; needs no key."""
    # The embedded Notion is on this machine: no proxy stands between, as for a model it may.
    spared = os.environ.get("no_proxy") or os.environ.get("NO_PROXY", "")
    os.environ["no_proxy"] = f"{spared},127.0.0.1"
    if serve:
        from daemon.cli import demo as demo_module

        demo_module.serve(os.environ, port, partial(crash, options))
        return
    from daemon.cli.demo import demo as shown

    try:
        code = shown(os.environ, whole=whole)
    except SystemExit:  # rich ends so where the reader closes the pipe, as `head` does
        code = 0
    raise click.exceptions.Exit(code)


COMMANDS = (
    check,
    console,
    demo,
    digest,
    doctor,
    drafts,
    evaluation,
    explain,
    pause,
    replay,
    report,
    retract,
    selftest,
    status,
    _page_command("resume", "Review a paused page, or all under a prompt, again."),
    _page_command("forget", "Delete what is kept of a page; its comments in Notion stay."),
    _page_command("retry", "Try a failed page again at the next sweep."),
)
