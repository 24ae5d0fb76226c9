"""The command `eval`: how good a reviewer is, measured on documents of which something is known."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from daemon.cli.options import (
    Options,
    common,
    complain,
    json_option,
    json_text,
    page_id,
    say,
    temporary_folder,
)
from daemon.domain.errors import ConfigError, PromptUnusable, ReviewError, UnknownItem
from daemon.domain.providers import OFFLINE


if TYPE_CHECKING:
    from daemon.config import Config, Database, Settings
    from daemon.domain.values import Prompt, Snapshot
    from daemon.operations.evaluation import Case, Document, Reviewer, Run
    from daemon.operations.measures import Result
    from daemon.store.database import State
    from daemon.sweep.context import Target

NOT_ALL_DONE = 3
DRAFT, FINAL = ".draft", ".final"
# Of the measures, those of which more is better; with a dot one of their parts.
MORE_IS_BETTER = (
    "recall",
    "right_place",
    "clean",
    "sameness",
    "hindsight",
    "lift",
    "again.addressed",
)


def _floors(_: click.Context, __: click.Parameter, given: Sequence[str]) -> dict[str, float]:
    """Read `recall=0.4`, each once.

    Raises:
        BadParameter: It names no measure of which more is better, or no number.
    """
    floors = {}
    for one in given:
        name, _sign, value = one.partition("=")
        if name not in MORE_IS_BETTER and name.partition(".")[0] != "recall":
            raise click.BadParameter(f"{name}: give one of {', '.join(MORE_IS_BETTER)}")
        try:
            floors[name] = float(value)
        except ValueError:
            raise click.BadParameter(f"{one}: write it as {name}=0.4") from None
    return floors


@dataclass(frozen=True, slots=True)
class Asked:
    """What the options say."""

    folder: Path | None
    last: int | None
    database: str | None
    model: str | None
    prompt: str | None
    budget: float | None
    repeat: int
    seed: int
    out: Path | None
    against: Path | None
    fail_below: Mapping[str, float]
    as_json: bool


_file = click.Path(dir_okay=False, path_type=Path)


@click.command("eval")
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Markdown files; NAME.draft.md and NAME.final.md are a pair. Default: built-in ones.",
)
@click.option(
    "--last",
    metavar="N",
    type=click.IntRange(min=1),
    help="So many texts from the state, the last that reviews read.",
)
@click.option("--database", metavar="NAME", help="Whose settings count; default: the first one's.")
@click.option("--model", metavar="MODEL", help="Measure this model instead of the configured ones.")
@click.option("--prompt", metavar="PAGE|FILE", help="Review under another prompt.")
@click.option(
    "--budget",
    metavar="USD",
    type=click.FloatRange(min=0),
    help="Spend at most so many US dollars.",
)
@click.option(
    "--repeat",
    metavar="N",
    type=click.IntRange(min=1),
    default=1,
    help="Review untouched documents N times.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Which defects are planted.")
@click.option(
    "--out", type=_file, help="Keep the single reviews there; a later run skips what is kept."
)
@click.option("--against", type=_file, help="Compare with an earlier run's --json.")
@click.option(
    "--fail-below",
    metavar="NAME=VALUE",
    multiple=True,
    callback=_floors,
    help="End with 3 where a measure is less, such as recall=0.4.",
)
@json_option
@common
@click.pass_obj
def evaluation(options: Options, /, **given: Any) -> None:
    """Measure the reviewer on documents of which something is known.

    Posts nothing. Plants defects, and looks at what authors changed later and at how points were
    settled. Without a config.yaml it measures the offline rules.
    """
    from daemon.operations import measures
    from daemon.service.system import until_signal

    asked = Asked(**given)
    if asked.folder and asked.last:
        raise click.UsageError("--folder and --last name different documents; give one of them")
    before = _results_in(asked.against) if asked.against else None
    with ExitStack() as held:
        settings = _settings(options, asked, held)
        run, reviewer = until_signal(_run(settings, asked))
    if not run.results and (run.stopped or run.failed):
        raise run.stopped or ReviewError(run.failed[0][1])
    compared = measures.compare(run.results, before) if before is not None else None
    found = measures.as_json(run.results, compared)
    if asked.as_json:
        say(json_text(run.as_json(reviewer) | found, sys.stdout), folds=False)
    else:
        say([*run.in_words(reviewer), *measures.in_words(run.results, compared)])
    complaints = [*run.troubles, *_below(found["measures"], asked.fail_below)]
    for one in complaints:
        complain(options, one)
    raise click.exceptions.Exit(NOT_ALL_DONE if complaints else 0)


def _results_in(path: Path) -> list[Result]:
    """Read the reviews of an earlier run.

    Raises:
        UsageError: The file holds none.
    """
    from daemon.operations.measures import result_from

    try:
        return [result_from(one) for one in json.loads(path.read_text("utf-8"))["results"]]
    except OSError as error:
        raise click.UsageError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError):
        raise click.UsageError(f"{path}: is not what eval --json printed; make it anew") from None


def _below(measured: Mapping[str, Mapping[str, Any]], floors: Mapping[str, float]) -> Iterator[str]:
    for name, floor in floors.items():
        value = measured[name]["value"] if name in measured else None
        if value is None:
            yield f"--fail-below {name}={floor:g}: there was nothing to measure it by"
        elif value < floor:
            yield f"--fail-below {name}={floor:g}: it is {value:.3f}"


@contextmanager
def _progress() -> Iterator[Callable[[Run, Case], None]]:
    """Show on a terminal how far it is."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.markup import escape

    with Console(stderr=True).status("Starting") as status:

        def tell(run: Run, case: Case) -> None:
            defect = f", {case.planted.kind} planted" if case.planted else ""
            spent = sum(one.cost_usd for one in run.results)
            words = f"{case.document.name}{defect}"
            share = f"[dim]{len(run.results)}/{run.planned} ${spent:.2f}[/]"
            status.update(f"{share} Reviewing [bold]{escape(words)}[/]")

        yield tell


_WITHOUT_CONFIG = f"databases: [{{id: '{'1' * 32}'}}]\nmodels: [{OFFLINE}]\n"


def _settings(options: Options, asked: Asked, held: ExitStack) -> Settings:
    """Return the settings of one database, with what the options put in their place.

    Raises:
        ConfigError: They cannot be used, or a price is unknown that a budget needs.
    """
    from daemon import config
    from daemon.review.models.cost import price_problems
    from daemon.sweep.connections import model_access

    try:
        path = options.found()
    except ConfigError:
        if options.path or asked.last:
            raise
        path = held.enter_context(temporary_folder()) / "config.yaml"
        path.write_text(_WITHOUT_CONFIG, "utf-8")

    def adapted(whole: Config) -> Config:
        base = _database(whole, asked)
        models = {"models": (asked.model,)} if asked.model else {}
        return whole.model_copy(update={**models, "databases": (base,)})

    wanted = adapted(config.parse(path))
    base = wanted.databases[0]
    # Notion is asked for a prompt page alone, and the rules need no prompt.
    needs_notion = base.prompt is not None and {*(base.models or wanted.models)} != {OFFLINE}
    env = dict(os.environ) if needs_notion else {"NOTION_TOKEN": "not-needed", **os.environ}
    settings = config.load(path, env, adapted)
    options.hide(settings.secrets.values)
    if asked.model:
        settings = replace(settings, chains={base.id: (asked.model,)})
    names = settings.chains[base.id]
    if asked.budget is not None and (problems := price_problems(names, model_access(settings))):
        raise ConfigError(*problems)
    return settings


def _database(config: Config, asked: Asked) -> Database:
    """Return the database that is meant, under the models and the prompt that are asked for."""
    named = [
        one
        for one in config.databases
        if asked.database is None or asked.database in (one.name, one.id)
    ]
    if not named:
        raise click.UsageError(f"--database {asked.database}: config.yaml has no such database")
    update: dict[str, Any] = {"models": None} if asked.model else {}
    if asked.prompt is not None:
        file = Path(asked.prompt)
        update |= (
            {"prompt": None, "file": file}
            if file.is_file()
            else {
                "prompt": page_id(asked.prompt),
                "file": None,
            }
        )
    return named[0].model_copy(update=update)


async def _run(settings: Settings, asked: Asked) -> tuple[Run, Reviewer]:
    from daemon.operations import evaluation
    from daemon.store import database, pages
    from daemon.sweep.budget import Meter, RunBudget
    from daemon.sweep.connections import review_context
    from daemon.sweep.context import Target

    path, base = settings.config.state, settings.config.databases[0]
    now = datetime.now(UTC)
    with database.translated(path), closing(database.copy_in_memory(path)) as known:
        titles = (source.title for source in pages.sources_of(known, base.id))
        target = Target(base, base.called(*titles), settings.chains[base.id])
        is_free = set(target.models) == {OFFLINE}
        prompt = await _prompt(settings, target, known)
        wanted = list(
            evaluation.cases(await _documents(asked, target, known), asked.seed, asked.repeat)
        )
        # The rules cost nothing; what a model costs counts like that of any review.
        state = known if is_free else database.open_state(path)
        out = asked.out or (None if is_free else path.with_name("evaluations.jsonl"))
        meter = Meter(state, settings.config.limits, lambda: datetime.now(UTC))
        budget = RunBudget(meter, asked.budget)
        async with review_context(settings, budget, now.date()) as context:
            reviewer = evaluation.Reviewer(context, target, prompt)
            with closing(state), _progress() as tell:
                run = await evaluation.evaluate(reviewer, wanted, evaluation.KeptResults(out), tell)
    return run, reviewer


async def _prompt(settings: Settings, target: Target, known: State) -> Prompt:
    """Return the prompt as a sweep would read it now.

    Raises:
        PromptUnusable: Its page was never in order.
    """
    from daemon.domain.values import Page
    from daemon.review.prompt import built_in_prompt
    from daemon.store import prompts, sweeps
    from daemon.sweep.connections import connected
    from daemon.sweep.prompts.current import NoneFits, current

    page = target.settings.prompt
    if page is not None and set(target.models) == {OFFLINE}:
        kept = prompts.prompt(known, page)
        return kept[0] if kept else built_in_prompt()

    async def post_nothing(*_: Any) -> None: ...

    async with connected(settings, known, preview=post_nothing) as connections:
        # Documents in a folder have no options: of a prompt database the rows for all fit them.
        no_options = Page("", "", "", "", datetime.now(UTC), datetime.now(UTC))
        try:
            prompt = await current(connections.context(lambda *_, **__: None), target, no_options)
        except NoneFits as error:
            why = "a row without “Applies to” is needed to measure the reviewer"
            raise PromptUnusable(f"{error}; {why}") from None
    if prompt is None:
        texts = [alert["text"] for alert in sweeps.alerts(known)]
        raise PromptUnusable(texts[0] if texts else f"{target.name} has no prompt")
    return prompt


async def _documents(asked: Asked, target: Target, known: State) -> list[Document]:
    from daemon.operations.evaluation import kept_documents

    if asked.last is None:
        built_in = Path(str(files("daemon.operations") / "documents"))
        return await in_folder(asked.folder or built_in, target.settings.properties)
    if found := kept_documents(known, target.settings, asked.last):
        return found
    raise UnknownItem(f"the state keeps no text of {target.name}; sweep first, or give --folder")


async def in_folder(folder: Path, properties: Sequence[str]) -> list[Document]:
    """Return the Markdown files of a folder as Notion would give them.

    Raises:
        UsageError: There is none, or half of a pair.
    """
    from daemon.operations.evaluation import Document

    read = await _snapshots(folder, properties)
    for name in read:
        stem = name.removesuffix(DRAFT).removesuffix(FINAL)
        if stem != name and not {f"{stem}{DRAFT}", f"{stem}{FINAL}"} <= read.keys():
            raise click.UsageError(f"{folder}: {name}.md has no other half of its pair")
    return [
        Document(
            name.removesuffix(DRAFT),
            snapshot,
            read[f"{name.removesuffix(DRAFT)}{FINAL}"] if name.endswith(DRAFT) else None,
        )
        for name, snapshot in read.items()
        if not name.endswith(FINAL)
    ]


async def _snapshots(folder: Path, properties: Sequence[str]) -> dict[str, Snapshot]:
    """Import a folder into an embedded Notion and read its pages; each by its file's name."""
    from daemon.domain.values import Snapshot
    from daemon.notion import reading
    from daemon.notion.gateway import Gateway
    from daemon.notion.properties import read_page
    from daemon.sandbox import Sandbox

    names = [one.stem for one in sorted(folder.glob("*.md"))]  # noqa: ASYNC240 - nothing else runs
    try:
        box = Sandbox.importing(folder)
    except FileNotFoundError as error:
        raise click.UsageError(str(error)) from None
    rows = [one for one in box.world.state.pages.values() if one.parent.kind == "data_source_id"]
    found = {}
    async with Gateway(
        box.token, base_url="http://sandbox", transport=box.transport(), requests_per_minute=_FREELY
    ) as notion:
        for name, row in zip(names, rows, strict=True):
            raw = await reading.page_properties(notion, await notion.page(row.id), properties)
            page = read_page(raw, row.parent.id, properties)
            found[name] = Snapshot(page, await reading.blocks(notion, row.id), (), notion.now)
    return found


# The embedded Notion has no limit of requests.
_FREELY = 10**6
