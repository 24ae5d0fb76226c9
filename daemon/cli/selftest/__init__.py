"""Hostile documents, a model that obeys them, and a judge of what got through.

Nothing here trusts the defences: the judge has rules of its own, and looks at what stands in the
embedded Notion afterwards, at what was asked of it, and at what the model was given to read.
The command stands here; what it runs is imported when it runs.
"""

from __future__ import annotations

import sys

import click

from daemon.cli.options import json_option, json_text, say


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
    from daemon.cli.selftest import judge
    from daemon.cli.selftest.obedient import cases

    verdicts = judge.run(cases())
    found = judge.as_json(verdicts)
    words = json_text(found, sys.stdout) if as_json else judge.in_words(verdicts)
    say(words, folds=not as_json)
    raise click.exceptions.Exit(0 if found["ok"] else SOMETHING_GOT_THROUGH)
