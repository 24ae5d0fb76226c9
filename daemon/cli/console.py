"""`notion-review console`: the pages of this machine, at the command line."""

from __future__ import annotations

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
    import asyncio

    from daemon import loopback
    from daemon.console import serving
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

    listening = serving.listen(port)
    door = Door(loopback.port_of(listening))
    context = ConsoleContext(config, door, partial(crash, options), deliver)
    server = serving.Server(lambda is_ending: application(context, is_ending))
    say([f"Open {door.address()}", "This address works once; Ctrl-C ends the console."])
    serving.serve(server, listening)
