"""The first config.yaml: from a database and a prompt page that were seen to work."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from daemon.sweep import connections as wiring
from daemon.config import Config, Secrets, Settings, environment, reference
from daemon.config.chains import chains
from daemon.config.environment import KEYS, NOTION_TOKEN, Environment
from daemon.config.loading import SYSTEM
from daemon.domain.errors import ConfigError, Forbidden, Missing, ReviewError, TokenRefused
from daemon.domain.ids import database_id, notion_id
from daemon.notion import reading, canonical as text
from daemon.notion.gateway import Gateway
from daemon.store import database
from daemon.sweep.connections import Connections


# The service's secrets lie beside its config; systemd hands them over, nobody else reads them.
SECRET_MODE = 0o600
CONFIG_MODE = 0o644
# What an empty answer means.
_WITHOUT = {
    KEYS["anthropic"]: "empty for none",
    KEYS["openai"]: "empty: rules alone review, no model",
}
_RULES_ALONE = "offline: rules alone; for a model set its key, and `models` in config.yaml"
SHARE = "open it in Notion, ••• > Connections, and add the connection"


class Mistaken(ReviewError):
    """What was given cannot be used."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Ask:
    """How questions are put: `plainly`, or so that the answer is not shown."""

    plainly: Callable[[str], str]
    secretly: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was given as options; None is asked for, "" as a prompt means the built-in one."""

    database: str | None = None
    prompt: str | None = None
    offline: bool = False


@dataclass(frozen=True, slots=True)
class Answers:
    """What a config.yaml is written from.

    Attributes:
        database: An id or URL.
        prompt: An id or URL, "" for the built-in one.
        typed: The variables whose secrets were typed in.
        around: The environment with what was typed.
        offline: Whether rules alone review, without a model.
    """

    database: str
    prompt: str
    typed: tuple[str, ...]
    around: Environment
    offline: bool = False


def refuse_standing(path: Path, *, force: bool) -> None:
    """Refuse to overwrite a config that somebody has worked on.

    Raises:
        Mistaken: There is one.
    """
    with suppress(FileNotFoundError):
        if not force and path.read_text("utf-8") != reference.example():
            raise Mistaken(f"{path}: is there already; --force overwrites it")


def asked(wishes: Wishes, env: Mapping[str, str], ask: Ask) -> Answers:
    """Return what is needed; what is not given is asked for.

    Args:
        wishes: What was given.
        env: The environment, for secrets.
        ask: Puts the questions.

    Raises:
        ConfigError: The environment, or what was typed, cannot be used.
        Mistaken: A URL is none.
    """
    typed = dict(_secrets(env, ask, offline=wishes.offline))
    around = environment.read({**env, **typed})
    if around.problems:
        raise ConfigError(*around.problems)
    base = _url("--database", database_id, wishes.database or ask.plainly("Database URL"))
    prompt = wishes.prompt
    if prompt is None:
        prompt = ask.plainly("Prompt page URL (empty for the built-in prompt)")
    if prompt := prompt.strip():
        _url("--prompt", notion_id, prompt)
    return Answers(base, prompt, tuple(typed), around, wishes.offline or not around.given)


def _secrets(env: Mapping[str, str], ask: Ask, *, offline: bool) -> Iterator[tuple[str, str]]:
    """Ask for the token, and for a model's key, where the environment has none."""
    known = environment.read(env)
    if any(problem.startswith(f"{NOTION_TOKEN}: is not set") for problem in known.problems):
        yield NOTION_TOKEN, ask.secretly("Notion token (ntn_…)").strip()
    for name, without in () if known.given or offline else _WITHOUT.items():
        if key := ask.secretly(f"{name} ({without})").strip():
            yield name, key
            return


def _url(option: str, read: Callable[[str], str], given: str) -> str:
    try:
        read(given)
    except ValueError as error:
        raise Mistaken(f"{option}: {error}") from None
    return given.strip()


async def seen(answers: Answers) -> list[str]:
    """Look at the database and the prompt page; return a line for each.

    Raises:
        Mistaken: A URL leads nowhere, or the prompt page is empty.
        TokenRefused, Unavailable: Notion does not answer as it should.
    """
    settings = _settings(answers)
    nothing = database.copy_in_memory(settings.config.state)
    async with wiring.connected(settings, nothing) as connections:
        notion = connections.notion
        lines = [f"token      {(await notion.me()).get('name') or 'accepted'}"]
        lines.append(f"database   {await _database(notion, answers.database)}")
        if answers.prompt:
            lines.append(f"prompt     {await _prompt(notion, answers.prompt)}")
        if answers.offline:
            return [*lines, f"model      {_RULES_ALONE}"]
        models = settings.chains[database_id(answers.database)]
        return [*lines, *[f"model      {await _model(connections, name)}" for name in models]]


def _settings(answers: Answers) -> Settings:
    """Return what the config leads to, with a state that is not there."""
    around = answers.around
    config = Config.model_validate(
        {"databases": [{"id": answers.database}], "state": Path("/nowhere/notion-review.db")}
    )
    models = chains(config, around).models
    return Settings(Path(), config, around.secrets, around.addresses, models)


async def _model(connections: Connections, name: str) -> str:
    """Ask a model for a word.

    Raises:
        TokenRefused: Its key was refused; what else is wrong may be mended later, and is said.
    """
    try:
        return f"{name}: {await connections.models.ping(name)}"
    except TokenRefused:
        raise
    except ReviewError as error:
        return f"{name}: {error}"


async def _database(notion: Gateway, given: str) -> str:
    id_ = database_id(given)
    try:
        found = await notion.database(id_)
    except Missing:
        found = await _shown("--database", notion.data_source(id_))
    return text.database_title(found) or id_


async def _prompt(notion: Gateway, given: str) -> str:
    id_ = notion_id(given)
    raw = await _shown("--prompt", notion.page(id_))
    if not any(block.line for block in await reading.blocks(notion, id_)):
        raise Mistaken("--prompt: the page is empty; write the prompt into it")
    return text.page(raw, "", ()).title or id_


async def _shown(option: str, asking: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    try:
        return await asking
    except (Missing, Forbidden) as error:
        raise Mistaken(f"{option}: Notion does not show it ({error}); {SHARE}") from error


def write(path: Path, answers: Answers, *, system: Path = SYSTEM.parent) -> list[str]:
    """Write config.yaml, and for a service the secrets beside it; return a line for each file.

    Raises:
        Mistaken: The folder cannot be written.
    """
    name = _instance(path, system)
    state = None if name is None else f"/var/lib/{name}/notion-review.db"
    models = "[offline]" if answers.offline else None
    words = reference.example(answers.database, answers.prompt or None, state, models)
    files = [(path, words, CONFIG_MODE)]
    if name is not None:
        files += _secret_files(path, answers.around.secrets)
    try:
        for file, content, mode in files:
            _put(file, content, mode)
    except OSError as error:
        raise Mistaken(f"{path.parent}: cannot be written ({error.strerror})") from error
    return [f"written    {file}" for file, _, _ in files] + _left(answers, name)


def _secret_files(path: Path, secrets: Secrets) -> Iterator[tuple[Path, str, int]]:
    """Yield the files that the unit loads as credentials."""
    named = {
        "notion-token": secrets.notion,
        "anthropic-api-key": secrets.anthropic,
        "openai-api-key": secrets.openai,
        "ping-url": secrets.ping,
    }
    for name, secret in named.items():
        if secret:
            yield path.with_name(name), f"{secret}\n", SECRET_MODE


def _instance(path: Path, system: Path) -> str | None:
    """Return the name of the service whose config this is, None for one in a folder of one's own.

    `/etc/notion-review/config.yaml` is of notion-review.service, and
    `/etc/notion-review/NAME/config.yaml` of notion-review@NAME.service.
    """
    folder = path.absolute().parent
    if folder == system:
        return "notion-review"
    return f"notion-review-{folder.name}" if folder.parent == system else None


def _put(path: Path, content: str, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as file:
        os.fchmod(file.fileno(), mode)
        file.write(content)
    Path(file.name).replace(path)


def _left(answers: Answers, name: str | None) -> list[str]:
    """Say what is still to be done."""
    if name is not None:
        service = name.replace("notion-review-", "notion-review@", 1)
        return [f"to do      systemctl enable --now {service}"]
    return [f"to do      export {variable}=…, it is kept nowhere" for variable in answers.typed]
