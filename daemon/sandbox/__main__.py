"""Serve the sandbox by itself: python -m daemon.sandbox [--import DIR] [--port N]."""

from __future__ import annotations

import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Event

import click

from daemon.sandbox import Sandbox


@click.command()
@click.option(
    "--import",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Make a database of this folder's *.md files instead of the sandbox's own documents.",
)
@click.option("--port", default=8787, show_default=True, help="0 takes any free port.")
def main(folder: Path | None, port: int) -> None:
    """Serve an embedded Notion on 127.0.0.1 until interrupted.

    Standard output can be sourced by a shell: lines with # are for people.
    """
    with ExitStack() as stack:
        try:
            box = Sandbox.importing(folder) if folder else Sandbox.with_documents()
            url = stack.enter_context(box.serve(port))
        except FileNotFoundError as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            message = f"port {port}: {error.strerror}; choose another with --port, 0 for any"
            raise click.ClickException(message) from error
        # The pages keep their addresses from run to run; what is made from now on is new.
        box.world.state.ids.refresh()
        click.echo(greeting(box, url))
        sys.stdout.flush()
        with suppress(KeyboardInterrupt):
            Event().wait()


def greeting(box: Sandbox, url: str) -> str:
    """Say where everything is, for a person and for a shell."""
    state = box.world.state
    database = next(iter(state.databases.values()))
    pages = sum(len(rows) for rows in state.rows.values())
    return "\n".join(
        [
            f'# An embedded Notion with the database "{database.title}" of {pages} pages.',
            "# Stop it with Ctrl-C; it keeps nothing.",
            f"NOTION_BASE_URL={url}",
            f"NOTION_TOKEN={box.token}",
            f"DATABASE_URL={database.url}",
            f"PROMPT_URL={box.prompt.url}",
            f"# To act as a person, POST JSON to {url}/_sandbox/comment and its siblings.",
        ]
    )


if __name__ == "__main__":
    main()
