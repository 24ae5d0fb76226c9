"""What was done and what is open: the console in a browser, the report and the digest."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

import click

from daemon.cli.options import (
    Options,
    common,
    crash,
    json_option,
    json_text,
    moment,
    port_option,
    say,
)


@click.command()
@port_option
@common
@click.pass_obj
def console(options: Options, *, port: int) -> None:
    """Show what was done, why, and what waits, in a browser.

    Prints an address that opens it once. It listens on 127.0.0.1 alone and ends with Ctrl-C.
    """
    import asyncio

    from daemon import loopback
    from daemon.console import app
    from daemon.console.access import Door
    from daemon.console.app import application
    from daemon.console.views import ConsoleContext
    from daemon.domain.errors import ConfigError, LockHeld
    from daemon.service import runner
    from daemon.store.database import read_state, translated

    config = options.config()
    with translated(config.state):
        if (state := read_state(config.state)) is not None:
            state.close()

    def deliver(page_id: str) -> None:
        """Post at once what waits of a page; without a token, or beside a service, later."""
        with suppress(ConfigError, LockHeld):
            runner.deliver(options.settings(), lambda *_, **__: None, page_id, to_end=asyncio.run)

    listening = app.listen(port)
    door = Door(loopback.port_of(listening))
    context = ConsoleContext(config, door, partial(crash, options), deliver)
    server = app.Server(lambda is_ending: application(context, is_ending))
    say([f"Open {door.address()}", "This address works once; Ctrl-C ends the console."])
    app.serve(server, listening)


@click.command()
@click.option("--hourly", "span", flag_value="hour", help="The last hour.")
@click.option("--daily", "span", flag_value="day", help="The last 24 hours.")
@click.option("--weekly", "span", flag_value="week", default=True, help="The last week (default).")
@click.option("--until", metavar="TIME", callback=moment, help="End of the period; default: now.")
@json_option
@common
@click.pass_obj
def report(options: Options, *, span: str, until: datetime | None, as_json: bool) -> None:
    """Compare what the reviews led to with the period before."""
    from daemon.operations import report
    from daemon.operations.figures import Span
    from daemon.store.database import read_state, translated

    config = options.config_for_state()
    with translated(config.state):
        found = report.report(read_state(config.state), Span(span), until or datetime.now(UTC))
    say(json.dumps(report.as_json(found)) if as_json else report.in_words(found))


@click.command()
@json_option
@common
@click.pass_obj
def digest(options: Options, *, as_json: bool) -> None:
    """Show which documents are open, why, and for whom they wait."""
    from daemon.operations import digest
    from daemon.store.database import read_state, translated

    config = options.config_for_state()
    with translated(config.state):
        found = digest.digest(read_state(config.state), config, datetime.now(UTC))
    if as_json:
        say(json_text(digest.as_json(found), sys.stdout))
    else:
        say(digest.in_words(found) or "No document is open.")
