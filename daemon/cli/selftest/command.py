"""The command; what it runs is read when it runs."""

from __future__ import annotations

import json

import click

from daemon.cli.options import json_option, say


SOMETHING_GOT_THROUGH = 3


@click.command()
@click.option("--redteam", is_flag=True, help="Hostile documents, and a model that obeys them.")
@json_option
def selftest(*, redteam: bool, as_json: bool) -> None:
    """Try the defences on an embedded Notion; needs no key.

    Ends with 3 where something got through.
    """
    if not redteam:
        raise click.UsageError("selftest needs to know what to try; give --redteam")
    from daemon.cli.selftest import report
    from daemon.cli.selftest.cases import cases

    verdicts = report.run(cases())
    found = report.as_json(verdicts)
    say(json.dumps(found, ensure_ascii=False) if as_json else report.in_words(verdicts))
    raise click.exceptions.Exit(0 if found["ok"] else SOMETHING_GOT_THROUGH)
