from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from daemon.config import environment, file
from daemon.config.environment import OPENAI_MODEL, SYSTEM, Addresses, Environment, Secrets
from daemon.config.file import Mistake, Tree
from daemon.config.limits import verifiers
from daemon.config.schema import SECTION_KEYS, Config, Database
from daemon.config.values import as_database
from daemon.domain.errors import ConfigError
from daemon.domain.providers import OFFLINE, split
from daemon.domain.secrets import Place


@dataclass(frozen=True, slots=True)
class Chains:
    """The models by database id in order of preference, what to note, and what is wrong."""

    models: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...]
    mistakes: tuple[Mistake, ...]


def chains(config: Config, around: Environment) -> Chains:
    """Return the models of every database whose key is there."""
    usable = {OFFLINE, *around.given}
    wanted = {base.id: _wanted(config, base, around.openai_model) for base in config.databases}
    models = {
        id_: tuple(name for name in names if _provider(name) in usable)
        for id_, names in wanted.items()
    }
    left_out = dict.fromkeys(
        name for names in wanted.values() for name in names if _provider(name) not in usable
    )
    left_out |= dict.fromkeys(
        name for name in verifiers(config.second_look) if _provider(name) not in usable
    )
    places = around.secrets.places
    notes = [
        f"{name} is left out: {places[split(name)[0].key_variable].absent}" for name in left_out
    ]
    named = {name for names in wanted.values() for name in names}
    if around.openai_model is None or f"openai:{around.openai_model}" in named:
        pass
    elif _names_openai(config):
        notes.append(f"{OPENAI_MODEL} is not used: the config names an OpenAI model")
    elif named == {OFFLINE}:
        notes.append(f"{OPENAI_MODEL} is not used: the config asks for offline alone")
    mistakes = tuple(_without_model(config, wanted, models, places))
    return Chains(models, tuple(notes), mistakes)


def _provider(name: str) -> str:
    return name.partition(":")[0]


def _names_openai(config: Config) -> bool:
    """Return whether the file names an OpenAI model; the default list does not count."""
    lists = [base.models or () for base in config.databases]
    if "models" in config.model_fields_set:
        lists.append(config.models)
    return any(_provider(name) == "openai" for names in lists for name in names)


def _wanted(config: Config, base: Database, openai_model: str | None) -> tuple[str, ...]:
    names = base.models or config.models
    if openai_model is None or _names_openai(config) or set(names) == {OFFLINE}:
        return names
    added = f"openai:{openai_model}"
    others = [name for name in names if _provider(name) != "openai"]
    # The rule-based reviewer never fails, so a model after it would never be asked.
    at = others.index(OFFLINE) if OFFLINE in others else len(others)
    return (*others[:at], added, *others[at:])


def _without_model(
    config: Config,
    wanted: Mapping[str, tuple[str, ...]],
    models: Mapping[str, tuple[str, ...]],
    places: Mapping[str, Place],
) -> Iterator[Mistake]:
    for index, base in enumerate(config.databases):
        if models[base.id]:
            continue
        keys = dict.fromkeys(places[split(name)[0].key_variable] for name in wanted[base.id])
        verb = "write one into" if any(place.is_file for place in keys) else "set"
        text = (
            f"no key for any of {', '.join(wanted[base.id])}; "
            f"{verb} {' or '.join(place.name for place in keys)}, or list offline"
            f"{next(iter(keys)).then}"
        )
        yield Mistake(("databases", index, "models") if base.models else ("models",), text)


NAME = "config.yaml"
# In a clone, beside the one that git looks after; git does not see it.
LOCAL = "config.local.yaml"
OF_EXAMPLE = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Settings:
    """All that a run needs.

    Attributes:
        path: The file the config came from.
        config: The config as written.
        secrets: The keys of the environment.
        addresses: Base URLs of the environment.
        chains: The models that can be asked, by the database's id, in order of preference.
        notes: What `check` should say though nothing is wrong, one line each.
        runtime: The folder for what a running service shows; None: beside the state.
    """

    path: Path
    config: Config
    secrets: Secrets
    addresses: Addresses
    chains: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...] = ()
    runtime: Path | None = None


def find(path: Path | None, cwd: Path) -> Path:
    """Return the config file to use: `path`, else one in `cwd`, else the system's.

    Raises:
        ConfigError: There is none.
    """
    if path is None:
        with suppress(PermissionError):  # the other one tells it
            if (cwd / LOCAL).exists():
                return cwd / LOCAL
    places = [path] if path else [cwd / NAME, SYSTEM]
    for place in places:
        try:
            if place.exists():
                return place
        except PermissionError:
            # Reading it gives the reason.
            return place
    if path:
        raise ConfigError(f"{path}: no such file; mend --config, or run notion-review init")
    looked = " nor ".join(str(place) for place in (cwd / LOCAL, *places))
    raise ConfigError(f"neither {looked} exists; run notion-review init, or name one with --config")


def parse(path: Path) -> Config:
    """Read a config without looking at the environment.

    Raises:
        ConfigError: Holds every mistake of the file, one line each, in the file's order.
    """
    tree = file.read(path)
    config, mistakes = _validated(tree)
    if config is None or mistakes:
        raise ConfigError(*tree.messages(mistakes))
    return config


def _of_example(tree: Tree, config: Config) -> tuple[str, ...]:
    """Return what is wrong with a config that is still the example."""
    if all(one.id != OF_EXAMPLE for one in config.databases):
        return ()
    text = "is that of the example; run notion-review init, or put your database's link there"
    return tuple(tree.messages([Mistake(("databases", 0, "id"), text)]))


def parse_for_state(path: Path) -> tuple[Config, tuple[str, ...]]:
    """Read what those need who only look into the state, whatever else is wrong with a config.

    Returns:
        The config with the databases that can be read, and the problems; of these none is about
        the path of the state.

    Raises:
        ConfigError: That path cannot be read.
    """
    try:
        config = parse(path)
    except ConfigError as error:
        fault = error
    else:
        return config, _of_example(file.read(path), config)
    data = _data_despite_mistakes(path)
    context = {"folder": path.absolute().parent}
    anything = {"databases": [{"id": "0" * 32}]}
    try:
        config = Config.model_validate(
            anything | {key: data[key] for key in ("state",) if key in data}, context=context
        )
    except ValidationError:
        raise fault from None
    databases = []
    entries = data.get("databases")
    for entry in entries if isinstance(entries, list) else ():
        with suppress(ValidationError):
            databases.append(Database.model_validate(entry, context=context))
    return config.model_copy(update={"databases": tuple(databases)}), fault.problems


def _data_despite_mistakes(path: Path) -> Mapping[str, Any]:
    """Return the tree of a config; of one that is no YAML, the one line that names the state."""
    try:
        return file.read(path).data
    except ConfigError:
        text = path.read_text("utf-8", errors="replace") if os.access(path, os.R_OK) else ""
        line = re.search(r"^state:.*$", text, re.MULTILINE)
    try:
        return file.parsed(line[0], path).data if line else {}
    except ConfigError:
        return {}


def load(
    path: Path, env: Mapping[str, str], adapted: Callable[[Config], Config] | None = None
) -> Settings:
    """Read a config with the secrets and addresses of `env`.

    Args:
        path: The file.
        env: The environment.
        adapted: Changes what the file says before models and prompts are looked at, as for an
            evaluation of another model.

    Raises:
        ConfigError: Holds every mistake of the file, then every mistake of the environment.
    """
    tree = file.read(path)
    config, mistakes = _validated(tree)
    around = environment.read(env, path)
    if config is None or mistakes:
        raise ConfigError(*tree.messages(mistakes), *around.problems)
    if adapted is None and (problems := _of_example(tree, config)):
        raise ConfigError(*problems)
    config = adapted(config) if adapted else config
    found = chains(config, around)
    mistakes = [*_unreadable_prompts(config), *found.mistakes]
    if mistakes or around.problems:
        raise ConfigError(*tree.messages(mistakes), *around.problems)
    notes = (*around.notes, *found.notes)
    return Settings(
        path, config, around.secrets, around.addresses, found.models, notes, around.runtime
    )


def _validated(tree: Tree) -> tuple[Config | None, list[Mistake]]:
    secrets = list(file.secrets_in(tree.data))
    mistakes = [*secrets, *tree.mistakes, *_listed_twice(tree.data)]
    folder = tree.path.absolute().parent
    try:
        return Config.model_validate(tree.data, context={"folder": folder}), mistakes
    except ValidationError as error:
        reported = {mistake.place for mistake in secrets}
        found = file.mistakes_of(error.errors(include_url=False), SECTION_KEYS)
        return None, [*mistakes, *(mistake for mistake in found if mistake.place not in reported)]


def _listed_twice(data: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yield a mistake for every database that is in the list again, in whatever form."""
    entries = data.get("databases")
    first: dict[str, int] = {}
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        if not isinstance(entry, dict) or "id" not in entry:
            continue
        try:
            id_ = str(as_database(entry["id"]))
        except ValueError:
            continue
        if first.setdefault(id_, index) != index:
            text = f"is the same database as databases[{first[id_]}]; keep one"
            yield Mistake(("databases", index, "id"), text)


def covered_twice(covered: Iterable[tuple[Database, Mapping[str, str]]]) -> Iterator[str]:
    """Yield a line for each data source that two entries cover: two settings would hold for it.

    Args:
        covered: Each entry with the titles of the data sources that it covers, by their ids.
    """
    first: dict[str, Database] = {}
    for entry, titles in covered:
        for source_id, title in titles.items():
            other = first.setdefault(source_id, entry)
            if other.id != entry.id:
                one, two = (f"{it.name} ({it.id})" if it.name else it.id for it in (other, entry))
                yield (
                    f"databases: the entries {one} and {two} both cover the data source {title!r}; "
                    "keep one of them"
                )


def _unreadable_prompts(config: Config) -> Iterator[Mistake]:
    for index, base in enumerate(config.databases):
        if base.file is None:
            continue
        try:
            if base.file.read_text(encoding="utf-8").strip():
                continue
            problem = "is empty; write the prompt into it, or delete the key"
        except UnicodeDecodeError:
            problem = "is not UTF-8; save it as UTF-8 text"
        except OSError as error:
            reason = (error.strerror or "unreadable").lower()
            problem = f"cannot be read ({reason}); paths start at the folder of the config"
        yield Mistake(("databases", index, "file"), f"{base.file} {problem}")
