"""The settings on a prompt page: one code block in YAML, checked like config.yaml. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError

from daemon.config import Limits, file
from daemon.config.choices import word_of
from daemon.config.file import Mistake, Tree
from daemon.config.limits import Section
from daemon.config.values import Scalar, Text
from daemon.domain.values import Severity
from daemon.domain.errors import ConfigError
from daemon.domain.ruleset import Rules


# Longer lists are no settings any more; each item costs tokens in every review.
ITEMS, ITEM_CHARS = 20, 200
# Limits of the whole service: a page cannot set them.
OPERATORS = frozenset(
    {"concurrent_reviews", "tokens_per_day", "cost_per_day", "tokens_per_month", "cost_per_month"}
)
_PLACE = Path("YAML block")


class Mistaken(Exception):
    """The settings cannot be used; the text has a line for each mistake."""


def _absent(value: Any) -> Any:
    return {} if isinstance(value, Scalar) and value.is_null else value


def _few(value: Any) -> Any:
    if isinstance(value, list) and len(value) > ITEMS:
        raise ValueError(f"has {len(value)} entries; {ITEMS} are the most")
    return value


def _short(value: Any) -> Any:
    if isinstance(value, Scalar) and len(value.text) > ITEM_CHARS:
        raise ValueError(f"has {len(value.text)} characters; {ITEM_CHARS} are the most")
    return value


Items = Annotated[tuple[Annotated[Text, BeforeValidator(_short)], ...], BeforeValidator(_few)]


class Settings(Section):
    """What the block may set."""

    limits: Annotated[Limits, BeforeValidator(_absent)] = Limits()
    report: Annotated[Severity | None, BeforeValidator(word_of(Severity))] = Field(
        default=None, validate_default=False
    )
    sections: Items = ()
    checklist: Items = ()


_KEYS = {
    "": tuple(Settings.model_fields),
    "limits": tuple(key for key in Limits.model_fields if key not in OPERATORS),
}


def read(source: str, items: Sequence[str], allowed: Limits) -> Rules:
    """Return what a page sets.

    Args:
        source: The YAML block's text, "" for none.
        items: The to-do items of the checklist.
        allowed: What the config allows; nothing on a page can go beyond.

    Raises:
        Mistaken: Names every mistake, with its line.
    """
    lines = (line.strip() for line in source.splitlines())
    says_something = any(line and not line.startswith("#") for line in lines)
    settings = _validated(source, allowed) if says_something else Settings()
    checklist = tuple(dict.fromkeys([*settings.checklist, *items]))
    if len(checklist) > ITEMS:
        raise Mistaken(f"the checklist has {len(checklist)} items; {ITEMS} are the most")
    if long := next((item for item in checklist if len(item) > ITEM_CHARS), None):
        raise Mistaken(f"the checklist item “{long[:40]}…” is longer than {ITEM_CHARS} characters")
    given = sorted(settings.limits.model_fields_set)
    limits = tuple((key, getattr(settings.limits, key)) for key in given)
    return Rules(limits, settings.report, settings.sections, checklist)


def _validated(source: str, allowed: Limits) -> Settings:
    try:
        tree = file.parsed(source, _PLACE)
    except ConfigError as error:
        raise Mistaken(str(error)) from None
    mistakes = [*file.secrets_in(tree.data), *tree.mistakes]
    settings = Settings()
    try:
        settings = Settings.model_validate(tree.data)
    except ValidationError as error:
        told = {mistake.place for mistake in mistakes}
        found = file.mistakes_of(error.errors(include_url=False), _KEYS)
        mistakes += [mistake for mistake in found if mistake.place not in told]
    mistakes += _beyond(tree, settings.limits, allowed)
    if mistakes:
        raise Mistaken("\n".join(tree.tell(mistakes)))
    return settings


def _beyond(tree: Tree, limits: Limits, allowed: Limits) -> Iterator[Mistake]:
    """Yield the limits that a page cannot set, or not so high."""
    given = tree.data.get("limits")
    for key in given if isinstance(given, dict) else ():
        if key in OPERATORS:
            yield Mistake(("limits", key), "holds for all databases; only config.yaml sets it")
        elif key in limits.model_fields_set and getattr(limits, key) > getattr(allowed, key):
            most = getattr(allowed, key)
            yield Mistake(("limits", key), f"is more than config.yaml allows; {most} is the most")
