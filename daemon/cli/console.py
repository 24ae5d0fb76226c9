"""`notion-review console`: the pages of this machine, at the command line."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial

import click

from daemon.cli.options import Options, common, crash, port_option, say


@click.command()
@port_option
@common
@click.pass_obj
def console(options: Options, *, port: int) -> None:
    """Show what was done, why, and what waits, in a browser.

    Prints an address that opens it once. It listens on 127.0.0.1 alone and ends with Ctrl-C.
    """
    from daemon import loopback
    from daemon.console import serving
    from daemon.console.access import Door
    from daemon.console.app import application
    from daemon.console.context import Desk
    from daemon.store.database import read_state, told

    config = options.config()
    with told(config.state):
        if (state := read_state(config.state)) is not None:
            state.close()
    listening = serving.listen(port)
    door = Door(loopback.port_of(listening))
    desk = Desk(config, door, partial(crash, options), partial(_deliver, options))
    server = serving.Server(lambda is_ending: application(desk, is_ending))
    say([f"Open {door.address()}", "This address works once; Ctrl-C ends the console."])
    serving.serve(server, listening)


def _deliver(options: Options, page_id: str) -> None:
    """Post at once what waits of a page; where a service is at work, or no token, that comes later.

    Raises:
        ReviewError: Notion refused or is out of reach.
    """
    from daemon.service import runner as run
    from daemon.domain.errors import ConfigError, LockHeld

    with suppress(ConfigError, LockHeld):
        run.deliver(options.settings(), lambda *_, **__: None, page_id, to_end=asyncio.run)
