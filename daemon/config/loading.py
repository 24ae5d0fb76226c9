from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from daemon.config import environment, file
from daemon.config.chains import chains
from daemon.config.environment import Addresses, Secrets
from daemon.config.file import Mistake, Tree
from daemon.config.schema import SECTION_KEYS, Config
from daemon.config.values import as_database
from daemon.domain.errors import ConfigError


SYSTEM = Path("/etc/notion-review/config.yaml")
NAME = "config.yaml"


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
    """Return the config file to use: `path`, else the one in `cwd`, else the system's.

    Raises:
        ConfigError: There is none.
    """
    places = [path] if path else [cwd / NAME, SYSTEM]
    for place in places:
        if _is_there(place):
            return place
    if path:
        raise ConfigError(f"{path}: no such file; mend --config, or run notion-review init")
    looked = " nor ".join(str(place) for place in places)
    raise ConfigError(f"neither {looked} exists; run notion-review init, or name one with --config")


def _is_there(place: Path) -> bool:
    try:
        return place.exists()
    except PermissionError:
        # Something is there or is not: reading it tells the reason better than silence.
        return True


def parse(path: Path) -> Config:
    """Read a config without looking at the environment.

    Raises:
        ConfigError: Holds every mistake of the file, one line each, in the file's order.
    """
    tree = file.read(path)
    config, mistakes = _validated(tree)
    if config is None or mistakes:
        raise ConfigError(*tree.tell(mistakes))
    return config


def load(path: Path, env: Mapping[str, str]) -> Settings:
    """Read a config with the secrets and addresses of `env`.

    Raises:
        ConfigError: Holds every mistake of the file, then every mistake of the environment.
    """
    tree = file.read(path)
    config, mistakes = _validated(tree)
    around = environment.read(env)
    if config is None or mistakes:
        raise ConfigError(*tree.tell(mistakes), *around.problems)
    found = chains(config, around)
    mistakes = [*_unreadable_prompts(config), *found.mistakes]
    if mistakes or around.problems:
        raise ConfigError(*tree.tell(mistakes), *around.problems)
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
        told = {mistake.place for mistake in secrets}
        found = file.mistakes_of(error.errors(include_url=False), SECTION_KEYS)
        return None, [*mistakes, *(mistake for mistake in found if mistake.place not in told)]


def _listed_twice(data: Mapping[str, Any]) -> Iterator[Mistake]:
    """Databases that stand in the list more than once, in whatever form."""
    entries = data.get("databases")
    first: dict[str, int] = {}
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        id_ = _id_of(entry)
        if id_ is not None and first.setdefault(id_, index) != index:
            text = f"is the same database as databases[{first[id_]}]; keep one"
            yield Mistake(("databases", index, "id"), text)


def _id_of(entry: Any) -> str | None:
    if not isinstance(entry, dict) or "id" not in entry:
        return None
    try:
        return str(as_database(entry["id"]))
    except ValueError:
        return None


def _unreadable_prompts(config: Config) -> Iterator[Mistake]:
    for index, base in enumerate(config.databases):
        if base.file and (reason := _unreadable(base.file)):
            yield Mistake(("databases", index, "file"), f"{base.file} {reason}")


def _unreadable(prompt: Path) -> str | None:
    try:
        text = prompt.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return "is not UTF-8; save it as UTF-8 text"
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        return f"cannot be read ({reason}); paths start at the folder of the config"
    return None if text.strip() else "is empty; write the prompt into it, or delete the key"
