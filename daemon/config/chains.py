"""Which models can really be asked: the lists of the config against the keys at hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from daemon.config.environment import KEYS, OPENAI_MODEL, Environment
from daemon.config.file import Mistake
from daemon.config.schema import Config, Database
from daemon.config.values import OFFLINE


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
    notes = [f"{name} is left out: {KEYS[_provider(name)]} is not set" for name in left_out]
    if around.openai_model and _names_openai(config):
        notes.append(f"{OPENAI_MODEL} is not used: the config names an OpenAI model")
    elif around.openai_model and {OFFLINE} == {name for names in wanted.values() for name in names}:
        notes.append(f"{OPENAI_MODEL} is not used: the config asks for offline alone")
    return Chains(models, tuple(notes), tuple(_without_model(config, wanted, models)))


def _provider(name: str) -> str:
    return name.partition(":")[0]


def _written(config: Config) -> tuple[str, ...]:
    """The names that somebody wrote down: the default list does not count as a wish."""
    lists = [base.models or () for base in config.databases]
    if "models" in config.model_fields_set:
        lists.append(config.models)
    return tuple(name for names in lists for name in names)


def _names_openai(config: Config) -> bool:
    return any(_provider(name) == "openai" for name in _written(config))


def _wanted(config: Config, base: Database, openai_model: str | None) -> tuple[str, ...]:
    names = base.models or config.models
    if openai_model is None or _names_openai(config) or set(names) == {OFFLINE}:
        return names
    added = f"openai:{openai_model}"
    others = [name for name in names if _provider(name) != "openai"]
    # The rule-based reviewer never fails: what stands behind it is never asked.
    at = others.index(OFFLINE) if OFFLINE in others else len(others)
    return (*others[:at], added, *others[at:])


def _without_model(
    config: Config,
    wanted: Mapping[str, tuple[str, ...]],
    models: Mapping[str, tuple[str, ...]],
) -> Iterator[Mistake]:
    for index, base in enumerate(config.databases):
        if models[base.id]:
            continue
        variables = dict.fromkeys(KEYS[_provider(name)] for name in wanted[base.id])
        text = (
            f"no key for any of {', '.join(wanted[base.id])}; "
            f"set {' or '.join(variables)}, or list offline"
        )
        yield Mistake(("databases", index, "models") if base.models else ("models",), text)
