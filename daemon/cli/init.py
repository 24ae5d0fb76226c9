"""`notion-review init`: a first config.yaml from a database and a prompt page that were tried."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from daemon.config import Config, Settings, environment, reference
from daemon.config.environment import (
    NOTION_TOKEN,
    Environment,
)
from daemon.config.loading import LOCAL, NAME, chains
from daemon.config.values import duration_text
from daemon.domain.errors import ConfigError, NotionError, ReviewError, TokenRefused
from daemon.domain.notation import counted, database_id, few, notion_id
from daemon.domain.providers import OFFLINE, PROVIDERS
from daemon.notion import properties, reading
from daemon.notion.gateway import HOST, Gateway
from daemon.operations import doctor
from daemon.operations.doctor import NAMED
from daemon.review.models.chain import Chain
from daemon.store import database
from daemon.sweep.connections import connected
from daemon.sweep.context import Context
from daemon.sweep.prompts.page import lacking


_RULES_ALONE = "offline: rules alone; for a model set its key, and `models` in config.yaml"
SHARE = "open it in Notion, ••• > Connections, and add the connection"
_QUESTIONS = {"--database": "Database URL", "--prompt": "Prompt page URL"}


class InvalidAnswer(ReviewError):
    """What was given cannot be used; its words begin with the option, where it is one."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Ask:
    """How questions are put: `plainly`, or so that the answer is not shown.

    Attributes:
        plainly: Puts a question.
        secretly: Puts one whose answer is not shown.
        complain: Says what is wrong with an answer, before the question is put again.
        try_token: Asks Notion whether it takes a token.
        is_possible: Whether somebody is there to answer; else what is needed must be given.
    """

    plainly: Callable[[str], str]
    secretly: Callable[[str], str]
    complain: Callable[[str], None]
    try_token: Callable[[Environment], None]
    is_possible: bool

    def reject(self, error: ReviewError) -> None:
        """Say what is wrong with an answer, by the question that it was given to."""
        option, separator, rest = str(error).partition(": ")
        self.complain(f"{_QUESTIONS.get(option, option)}{separator}{rest}")

    def until(
        self,
        put: Callable[[str], str],
        question: str,
        check: Callable[[str], None],
        given: str | None,
    ) -> str:
        """Return `given`, or else an answer to a question, as soon as `check` takes one.

        Raises:
            ReviewError: What `check` raised, where nobody is there to answer, or it is no mistake.
        """
        while True:
            answer = (put(question) if given is None else given).strip()
            try:
                check(answer)
            except (InvalidAnswer, ConfigError, TokenRefused) as error:
                if not self.is_possible:
                    raise
                self.reject(error)
                given = None
            else:
                return answer


@dataclass(frozen=True, slots=True)
class Answers:
    """What a config.yaml is written from.

    Attributes:
        database: An id or URL.
        prompt: An id or URL, "" for the built-in one.
        typed: The variables whose secrets were typed in.
        around: The environment with what was typed.
        offline: Whether rules alone review, without a model.
        env: What `around` was read from.
    """

    database: str
    prompt: str
    typed: tuple[str, ...]
    around: Environment
    offline: bool = False
    env: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def settings(self) -> Settings:
        """What a run with these answers works with; its state is nowhere."""
        base = {"id": self.database}
        config = Config.model_validate(
            {"databases": [base], "state": Path("/nowhere/notion-review.db")}
        )
        around = self.around
        models = chains(config, around).models
        return Settings(Path(), config, around.secrets, around.addresses, models)

    @property
    def models(self) -> tuple[str, ...]:
        """The models that config.yaml has to name; none where its default is meant."""
        if self.offline:
            return (OFFLINE,)
        if self.around.openai_model is None:
            return ()
        return self.settings.chains[database_id(self.database)]

    @property
    def asks_own_server(self) -> bool:
        """Whether a model of one's own server is among them."""
        names = {name.partition(":")[0] for name in self.models}
        return bool(names & self.around.addresses.urls.keys())


def place(folder: Path) -> Path:
    """Return where a config.yaml is written: in a clone beside the one that git looks after."""
    return folder / (LOCAL if (folder / ".git").exists() else NAME)


def refuse_existing(path: Path, *, force: bool) -> None:
    """Refuse to overwrite a config that somebody has worked on.

    Raises:
        InvalidAnswer: There is one.
    """
    with suppress(FileNotFoundError):
        if not force and path.read_text("utf-8") != reference.example():
            raise InvalidAnswer(f"{path}: exists already; --force overwrites it")


def asked(
    database: str | None, prompt: str | None, env: Mapping[str, str], ask: Ask, *, offline: bool
) -> Answers:
    """Return what is needed; an id or URL that is None, and a secret not in `env`, is asked for.

    Raises:
        ConfigError: The environment, or what was typed, cannot be used.
        InvalidAnswer: A URL is none.
    """
    typed: dict[str, str] = {}
    known = environment.read(env)
    if any(problem.startswith(f"{NOTION_TOKEN}: is not set") for problem in known.problems):
        typed[NOTION_TOKEN] = _secret(NOTION_TOKEN, env, ask)
    elif ask.is_possible:
        ask.try_token(known)
    # One key is enough where nobody can be asked; the second one makes the fallback.
    if not offline and (ask.is_possible or not known.given):
        typed |= _keys(known, ask)
    env = {**env, **typed}
    around = environment.read(env)
    if around.problems:
        raise ConfigError(*around.problems)
    urls = _database_url(ask, database), _prompt_url(ask, prompt)
    return Answers(*urls, tuple(typed), around, offline or not around.given, env)


def corrected(answers: Answers, error: ReviewError, ask: Ask) -> Answers:
    """Ask again for what an error is about; all else stays as it was given.

    Raises:
        ReviewError: The error, where nobody can answer or it is about nothing that was asked for.
    """
    words = str(error)
    variable = next((name for name in answers.typed if name in words), None)
    if not ask.is_possible or not (variable or words.startswith("--")):
        raise error
    ask.reject(error)
    if words.startswith("--database"):
        return replace(answers, database=_database_url(ask))
    if variable is None:
        return replace(answers, prompt=_prompt_url(ask))
    env = {**answers.env, variable: _secret(variable, answers.env, ask)}
    return replace(answers, env=env, around=environment.read(env))


def _secret(variable: str, env: Mapping[str, str], ask: Ask) -> str:
    def check(given: str) -> None:
        around = environment.read({**env, variable: given})
        if problems := [one for one in around.problems if one.startswith(variable)]:
            raise ConfigError(*problems)
        if variable == NOTION_TOKEN:
            ask.try_token(around)

    shown_at = " (ntn_…; Settings > Connections > Develop or manage integrations shows it)"
    question = f"Notion token{shown_at}" if variable == NOTION_TOKEN else variable
    return ask.until(ask.secretly, question, check, None)


def _database_url(ask: Ask, given: str | None = None) -> str:
    option = "--database"
    check = partial(_check_url, option, database_id)
    return ask.until(ask.plainly, _QUESTIONS[option], check, given)


def _prompt_url(ask: Ask, given: str | None = None) -> str:
    def check(url: str) -> None:
        if url:
            _check_url("--prompt", notion_id, url)

    question = f"{_QUESTIONS['--prompt']} (empty for the built-in prompt)"
    return ask.until(ask.plainly, question, check, given)


def _check_url(option: str, read: Callable[[str], str], url: str) -> None:
    try:
        read(url)
    except ValueError as error:
        raise InvalidAnswer(f"{option}: {error}") from None


def _keys(known: Environment, ask: Ask) -> dict[str, str]:
    """Ask for the keys that the environment does not hold; return them by their variables."""
    typed: dict[str, str] = {}
    missing = [one for one in PROVIDERS.values() if one.name not in known.given]
    for provider in missing:
        is_last_chance = provider is missing[-1] and not (known.given or typed)
        without = "empty: rules alone review, no model" if is_last_chance else "empty for none"
        if url := known.addresses.urls.get(provider.name):
            without = f"for {url}, which may take any word; {without}"
        if key := ask.secretly(f"{provider.key_variable} ({without})").strip():
            typed[provider.key_variable] = key
    return typed


async def try_token(around: Environment) -> None:
    """Ask Notion whether it takes the token.

    Raises:
        TokenRefused: It does not.
        Unavailable: It does not answer as it should.
    """
    async with Gateway(
        around.secrets.notion,
        base_url=around.addresses.notion or HOST,
        proxy=around.addresses.proxy("notion"),
        token_place=around.secrets.places[NOTION_TOKEN],
    ) as notion:
        await notion.me()


class Seen(NamedTuple):
    """A line for each thing that was looked at, and the models that did not answer."""

    lines: Sequence[str]
    silent: Sequence[str]


async def seen(answers: Answers, asking: Callable[[str], None]) -> Seen:
    """Look at the database, the prompt page and the models.

    `asking` gets a line before each question that may take a while.

    Raises:
        InvalidAnswer: A URL leads nowhere, or to something else, or the prompt page is empty.
        TokenRefused: Notion or a model refused its key.
        Unavailable: Notion does not answer as it should.
    """
    settings = answers.settings
    nothing = database.copy_in_memory(settings.config.state)
    async with connected(settings, nothing) as connections:
        notion, context = connections.notion, connections.context(lambda *_, **__: None)
        lines = [f"token      {(await notion.me()).get('name') or 'accepted'}"]
        id_ = database_id(answers.database)
        try:
            schemas, rows = await doctor.schemas_of(context, id_)
        except NotionError as error:
            raise await _not_shown(notion, "--database", id_, error) from error
        names = (properties.database_title(one) for one in schemas)
        lines.append(f"database   {', '.join(filter(None, names)) or id_}")
        if answers.prompt:
            own = {id_, *(one["id"] for one in schemas)}
            lines.append(f"prompt     {await _prompt(notion, answers.prompt, own)}")
        page = str(rows[0]["id"]) if rows else None
        for one in (await doctor.reading(context, page), await doctor.posting(context)):
            remedy = f"; {one.remedy}" if one.remedy else ""
            lines.append(f"{'comments':<11}{one.name.split()[0]}: {one.words}{remedy}")
        for name, options in properties.fixed_options(schemas).items():
            lines.append(f"options    {name}: {', '.join(options)}; `where` selects by them")
        found = [
            (name, *await _answer(connections.models, name, asking))
            for name in (() if answers.offline else settings.chains[id_])
        ]
        lines += [f"model      {name}: {words}" for name, words, _ in found]
        lines += [f"model      {_RULES_ALONE}"] * answers.offline
        silent = [name for name, _, is_there in found if not is_there]
        return Seen([*lines, await _reviewed_now(context, schemas)], silent)


async def _answer(models: Chain, name: str, asking: Callable[[str], None]) -> tuple[str, bool]:
    """Ask a model; return what it showed, and whether it answered."""
    try:
        return (await doctor.answer(models, name, asking)).removeprefix(f"{name}: "), True
    except TokenRefused:
        raise
    except ReviewError as error:  # it may be mended later
        return f"DID NOT ANSWER: {str(error).removeprefix(f'{name}: ')}", False


async def _reviewed_now(context: Context, schemas: Sequence[dict[str, Any]]) -> str:
    """Return what the first sweep would review."""
    lookback = context.config.lookback
    since = context.notion.now - lookback
    titles = [
        properties.title(raw) or "(no title)"
        for schema in schemas
        async for raw in reading.edited(context.notion, str(schema["id"]), since)
    ]
    span = duration_text(lookback)
    if not titles:
        return f"now        nothing: no page was edited in the last {span} (`lookback`)"
    named = few(titles, NAMED)
    return f"now        {counted(len(titles), 'page')} of the last {span}: {named}"


async def _prompt(notion: Gateway, given: str, reviewed: set[str]) -> str:
    id_ = notion_id(given)
    with suppress(NotionError):
        (source, title, found), *_ = await reading.data_sources(notion, id_)
        if reviewed & {id_, source, found}:
            raise InvalidAnswer(
                "--prompt: this is the database to review; give a page with a prompt"
            )
        wrong = lacking((await notion.data_source(source))["properties"])
        return f"{title or id_}, a database of prompts" + (f"; {wrong}" if wrong else "")
    try:
        raw = await notion.page(id_)
    except NotionError as error:
        raise await _not_shown(notion, "--prompt", id_, error) from error
    if not any(block.line for block in await reading.blocks(notion, id_)):
        raise InvalidAnswer("--prompt: the page is empty; write the prompt into it")
    return properties.read_page(raw, "", ()).title or id_


async def _not_shown(notion: Gateway, option: str, id_: str, error: NotionError) -> InvalidAnswer:
    """Return what is wrong with an id: often it is that of a page, as its link looks the same."""
    with suppress(NotionError):
        if option == "--database":
            title = properties.read_page(await notion.page(id_), "", ()).title or id_
            words = (
                f"this is a page, not a database ({title}); copy the link of the database itself"
            )
            return InvalidAnswer(f"{option}: {words}")
    return InvalidAnswer(f"{option}: Notion does not show it ({error}); {SHARE}")
