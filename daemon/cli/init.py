"""`notion-review init`: a first config.yaml from a database and a prompt page that were tried."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, TypeVar

from daemon.cli.options import program
from daemon.config import Addresses, Config, Settings, environment, reference
from daemon.config.environment import (
    NOTION_BASE_URL,
    NOTION_TOKEN,
    PING_URL,
    SYSTEM,
    Environment,
    credential,
)
from daemon.config.loading import LOCAL, NAME, chains
from daemon.config.values import duration_text
from daemon.domain.errors import ConfigError, NotionError, ReviewError, TokenRefused
from daemon.domain.ids import database_id, notion_id
from daemon.domain.providers import OFFLINE, PROVIDERS
from daemon.domain.times import counted
from daemon.notion import properties, reading
from daemon.notion.gateway import Gateway
from daemon.operations import doctor
from daemon.operations.doctor import NAMED, answer
from daemon.store import database
from daemon.sweep.connections import connected
from daemon.sweep.context import Context


# The service's secrets lie beside its config; systemd hands them over, nobody else reads them.
SECRET_MODE = 0o600
CONFIG_MODE = 0o644
# What a server of one's own gets for a review: on a CPU it reads a long document for minutes.
OWN_SERVER_SECONDS = 1800
_RULES_ALONE = "offline: rules alone; for a model set its key, and `models` in config.yaml"
SHARE = "open it in Notion, ••• > Connections, and add the connection"


T = TypeVar("T")


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
        is_possible: Whether somebody is there to answer; else what is needed must be given.
    """

    plainly: Callable[[str], str]
    secretly: Callable[[str], str]
    complain: Callable[[str], None]
    is_possible: bool

    def until(
        self,
        put: Callable[[str], str],
        question: str,
        check: Callable[[str], None],
        given: str | None,
    ) -> str:
        """Return `given`, or else an answer to a question, as soon as `check` takes one.

        Raises:
            ReviewError: What `check` raised, where nobody is there to answer.
        """
        while True:
            answer = (put(question) if given is None else given).strip()
            try:
                check(answer)
            except ReviewError as error:
                if not self.is_possible:
                    raise
                self.complain(str(error))
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
    ask.complain(words)
    if words.startswith("--database"):
        return replace(answers, database=_database_url(ask))
    if variable is None:
        return replace(answers, prompt=_prompt_url(ask))
    env = {**answers.env, variable: _secret(variable, answers.env, ask)}
    return replace(answers, env=env, around=environment.read(env))


def _secret(variable: str, env: Mapping[str, str], ask: Ask) -> str:
    def check(given: str) -> None:
        found = environment.read({**env, variable: given}).problems
        if problems := [one for one in found if one.startswith(variable)]:
            raise ConfigError(*problems)

    question = "Notion token (ntn_…)" if variable == NOTION_TOKEN else variable
    return ask.until(ask.secretly, question, check, None)


def _database_url(ask: Ask, given: str | None = None) -> str:
    return ask.until(
        ask.plainly, "Database URL", partial(_check_url, "--database", database_id), given
    )


def _prompt_url(ask: Ask, given: str | None = None) -> str:
    def check(url: str) -> None:
        if url:
            _check_url("--prompt", notion_id, url)

    return ask.until(ask.plainly, "Prompt page URL (empty for the built-in prompt)", check, given)


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


async def seen(answers: Answers, asking: Callable[[str], None]) -> list[str]:
    """Look at the database, the prompt page and the models; return a line for each.

    `asking` gets a line before each question that may take a while.

    Raises:
        InvalidAnswer: A URL leads nowhere, or the prompt page is empty.
        TokenRefused: Notion or a model refused its key.
        Unavailable: Notion does not answer as it should.
    """
    settings = answers.settings
    nothing = database.copy_in_memory(settings.config.state)
    async with connected(settings, nothing) as connections:
        notion, context = connections.notion, connections.context(lambda *_, **__: None)
        lines = [f"token      {(await notion.me()).get('name') or 'accepted'}"]
        id_ = database_id(answers.database)
        schemas, rows = await _shown("--database", doctor.schemas_of(context, id_))
        names = (properties.database_title(one) for one in schemas)
        lines.append(f"database   {', '.join(filter(None, names)) or id_}")
        if answers.prompt:
            lines.append(f"prompt     {await _prompt(notion, answers.prompt)}")
        page = str(rows[0]["id"]) if rows else None
        for one in (await doctor.reading(context, page), await doctor.posting(context)):
            remedy = f"; {one.remedy}" if one.remedy else ""
            lines.append(f"{'comments':<11}{one.name.split()[0]}: {one.words}{remedy}")
        for name, options in properties.fixed_options(schemas).items():
            lines.append(f"options    {name}: {', '.join(options)}; `where` selects by them")
        now = await _reviewed_now(context, schemas)
        if answers.offline:
            return [*lines, f"model      {_RULES_ALONE}", now]
        for name in settings.chains[id_]:
            try:
                words = await answer(connections.models, name, asking)
            except TokenRefused:
                raise
            except ReviewError as error:
                words = str(error)  # it may be mended later
            lines.append(f"model      {name}: {words.removeprefix(f'{name}: ')}")
        return [*lines, now]


async def _reviewed_now(context: Context, schemas: Sequence[dict[str, Any]]) -> str:
    """Return what the first sweep would review."""
    lookback, titles = context.config.lookback, list[str]()
    latest = [{"timestamp": "last_edited_time", "direction": "descending"}]
    for schema in schemas:
        async for found in context.notion.query(str(schema["id"]), sorts=latest):
            rows = [
                one
                for one in found.rows
                if properties.moment(one["last_edited_time"]) >= context.notion.now - lookback
            ]
            titles += [properties.title(one) or "(no title)" for one in rows]
            if len(rows) < len(found.rows):
                break
    span = duration_text(lookback)
    if not titles:
        return f"now        nothing: no page was edited in the last {span} (`lookback`)"
    more = f" and {len(titles) - NAMED} more" if len(titles) > NAMED else ""
    named = ", ".join(titles[:NAMED])
    return f"now        {counted(len(titles), 'page')} of the last {span}: {named}{more}"


async def _prompt(notion: Gateway, given: str) -> str:
    id_ = notion_id(given)
    with suppress(NotionError):
        (_, title, _), *_ = await reading.data_sources(notion, id_)
        return f"{title or id_}, a database of prompts"
    raw = await _shown("--prompt", notion.page(id_))
    if not any(block.line for block in await reading.blocks(notion, id_)):
        raise InvalidAnswer("--prompt: the page is empty; write the prompt into it")
    return properties.read_page(raw, "", ()).title or id_


async def _shown(option: str, asking: Awaitable[T]) -> T:
    try:
        return await asking
    except NotionError as error:
        raise InvalidAnswer(f"{option}: Notion does not show it ({error}); {SHARE}") from error


def write(path: Path, answers: Answers, *, system: Path = SYSTEM.parent) -> list[str]:
    """Write config.yaml, and for a service the secrets beside it; return a line for each file.

    `/etc/notion-review/config.yaml` is of notion-review.service, and
    `/etc/notion-review/NAME/config.yaml` of notion-review@NAME.service.

    Raises:
        InvalidAnswer: The folder cannot be written.
    """
    folder = path.absolute().parent
    name = None
    if system in (folder, folder.parent):
        name = "notion-review" if folder == system else f"notion-review-{folder.name}"
    lines = []
    try:
        for target, content, mode in _files(path, answers, name):
            target.parent.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile("w", encoding="utf-8", dir=target.parent, delete=False) as file:
                os.fchmod(file.fileno(), mode)
                file.write(content)
            Path(file.name).replace(target)
            lines.append(f"written    {target}")
    except OSError as error:
        raise InvalidAnswer(
            f"{path.parent}: cannot be written ({error.strerror}); mend its permissions"
        ) from error
    if name is not None:
        service = name.replace("notion-review-", "notion-review@", 1)
        return [*lines, f"to do      systemctl enable --now {service}"]
    exports = [f"to do      export {name}=…; it is stored nowhere" for name in answers.typed]
    return [*lines, *exports, f"next       {program()} --once --dry-run   shows what it would post"]


def _files(path: Path, answers: Answers, service: str | None) -> Iterator[tuple[Path, str, int]]:
    """Yield path, content and mode of each file; of a service, also what only it needs."""
    around = answers.around
    seconds = OWN_SERVER_SECONDS if answers.asks_own_server else None
    state = None if service is None else f"/var/lib/{service}/notion-review.db"
    words = reference.example(
        answers.database,
        answers.prompt or None,
        state,
        answers.models,
        seconds,
        str(reference.SCHEMA),
    )
    yield path, words, CONFIG_MODE
    if service is not None:
        named = {
            NOTION_TOKEN: around.secrets.notion,
            **{PROVIDERS[name].key_variable: key for name, key in around.secrets.keys.items()},
            PING_URL: around.secrets.ping,
        }
        for variable, secret in named.items():
            if secret:
                yield path.with_name(credential(variable)), f"{secret}\n", SECRET_MODE
        yield from _environment_file(path.with_name("environment"), around.addresses)


def _environment_file(path: Path, addresses: Addresses) -> Iterator[tuple[Path, str, int]]:
    """Yield the file of addresses, with those that it lacks: the service knows no other ones."""
    named = {NOTION_BASE_URL: addresses.notion}
    named |= {PROVIDERS[name].url_variable: url for name, url in addresses.urls.items()}
    is_there = path.exists()
    before = path.read_text("utf-8").rstrip("\n") + "\n" if is_there else ""
    known = {line.partition("=")[0].strip() for line in before.splitlines()}
    missing = [f"{name}={url}\n" for name, url in named.items() if url and name not in known]
    if missing:
        # A proxy's password may stand in it, hidden from others.
        mode = path.stat().st_mode & 0o777 if is_there else CONFIG_MODE
        yield path, before + "".join(missing), mode
