"""A prompt page as it is read: prose, settings, checklist, and the pages that it mentions.

And a prompt database: which of its rows, each a prompt page, a document is reviewed under.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import inf
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError

from daemon.config import Limits, file
from daemon.config.file import Mistake
from daemon.config.limits import Section, word_of
from daemon.config.values import Scalar, Text
from daemon.domain.errors import ConfigError, NotionError
from daemon.domain.records import PromptRow
from daemon.domain.values import Block, Prompt, PromptSettings, Severity
from daemon.notion import blocks, properties, reading
from daemon.notion.gateway import Gateway
from daemon.sweep.context import Context, Target


KNOWLEDGE_PAGES = 20
KNOWLEDGE_CHARS = 60_000
CHECKLIST = "checklist"


class Unreadable(Exception):
    """The page cannot be used; the text says why, and what to do."""


async def read(context: Context, page_id: str, raw: dict[str, Any]) -> Prompt:
    """Read a prompt page whole.

    Raises:
        Unreadable: It is empty, or its settings have mistakes.
        NotionError: A request failed.
    """
    found = await _read(context, page_id, raw)
    settings = [block for block in found.blocks if block.id in found.yaml]
    checklist = found.checklist()
    # The checklist is told apart, numbered.
    words = found.text(leaving_out={*found.yaml, *checklist})
    if not words:
        raise Unreadable("it is empty; write the prompt into it")
    if len(settings) > 1:
        raise Unreadable("it has several YAML blocks; keep the settings in one")
    source = found.yaml[settings[0].id] if settings else ""
    try:
        said = read_settings(source, list(checklist.values()), context.config.limits)
    except InvalidSettings as mistaken:
        raise Unreadable(str(mistaken)) from None
    knowledge = await _knowledge(context, page_id, found.mentioned)
    return Prompt(found.title or "Reviewer", words, page_id, knowledge, said)


@dataclass(frozen=True, slots=True)
class _Page:
    """A page that was read, without its comments.

    Attributes:
        title: Its title.
        blocks: Its blocks, in order.
        yaml: The text of its code blocks in YAML, by block.
        mentioned: The ids of the pages that it mentions, links to, or holds.
    """

    title: str
    blocks: tuple[Block, ...]
    yaml: Mapping[str, str]
    mentioned: tuple[str, ...]

    def text(self, leaving_out: Container[str] = ()) -> str:
        """Return what it says, a line for each block."""
        lines = [
            "  " * block.depth + block.line
            for block in self.blocks
            if block.line and block.id not in leaving_out
        ]
        return "\n".join(lines).strip()

    def checklist(self) -> dict[str, str]:
        """Return the to-do items under a heading "Checklist", up to the next of its rank.

        By block.
        """
        items, rank = {}, ""
        for block in self.blocks:
            if block.type.startswith("heading_"):
                named = block.plain.strip().rstrip(":").casefold() == CHECKLIST
                if named or not rank or block.type <= rank:
                    rank = block.type if named else ""
            elif rank and block.type == "to_do" and block.plain.strip():
                items[block.id] = " ".join(block.plain.split())
        return items


async def _read(context: Context, page_id: str, raw: dict[str, Any]) -> _Page:
    reader = _RecordingReader(context.notion)
    found = await reading.blocks(reader, page_id)
    yaml = {}
    for block in reader.read_blocks:
        code = blocks.content(block)
        if blocks.kind_of(block) == "code" and (code.get("language") or "").lower() == "yaml":
            # The text as it stands: for YAML every blank counts.
            items = code.get("rich_text") or ()
            yaml[block["id"]] = "".join(item.get("plain_text") or "" for item in items)
    title = properties.read_page(raw, "", ()).title
    return _Page(title, found, yaml, tuple(one for block in found for one in block.pages))


class _RecordingReader:
    """Reads through the gateway and keeps the blocks as Notion sent them."""

    def __init__(self, notion: Gateway) -> None:
        self._notion = notion
        self.read_blocks: list[dict[str, Any]] = []
        self.block = notion.block
        self.comments = notion.comments
        self.property_items = notion.property_items

    @property
    def now(self) -> datetime:
        return self._notion.now

    async def children(self, block_id: str) -> list[dict[str, Any]]:
        found = await self._notion.children(block_id)
        self.read_blocks += found
        return found


async def _knowledge(
    context: Context, page_id: str, mentioned: Iterable[str]
) -> tuple[tuple[str, str], ...]:
    """Read the pages that the prompt page itself mentions, each once, up to the limits.

    What those mention is not read: who may edit one of them is not one who writes the prompt.
    """
    found: list[tuple[str, str]] = []
    room = KNOWLEDGE_CHARS
    for following in dict.fromkeys(mentioned):
        if len(found) == KNOWLEDGE_PAGES or room <= 0:
            break
        if following == page_id:
            continue
        try:
            raw = await context.notion.page(following)
            read = await _read(context, following, raw)
        except NotionError as error:
            context.emit("prompt.page_not_read", page=following, why=str(error))
            continue
        words = read.text()
        found.append((read.title, words[:room]))
        room -= len(words)
    return tuple(found)


async def refuse_stranger(context: Context, target: Target, raw: dict[str, Any]) -> None:
    """Refuse what was written by somebody who may not edit the prompt.

    Notion tells the last editor alone, and times by the minute.

    Raises:
        Unreadable: It was not one of `prompt_editors`.
    """
    if not target.settings.prompt_editors:
        return
    editor = str((raw.get("last_edited_by") or {}).get("id") or "")
    known = await context.people.user(editor) if editor else None
    name = known[0] if known else ""
    if may_edit(target, editor, name):
        return
    raise Unreadable(
        f"it was last edited by {name or 'somebody whom Notion does not name'}, who is not among "
        "`prompt_editors`; somebody who is must edit it once more"
    )


def may_edit(target: Target, user_id: str, name: str) -> bool:
    """Tell whether a user may edit the prompt of a database, and steer what is under it."""
    allowed = target.settings.prompt_editors
    known = {_plain(user_id), _plain(name)} - {""}
    return not allowed or bool(known & {_plain(one) for one in allowed})


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold().replace("-", "")


APPLIES, ACTIVE, ORDER = "applies to", "active", "order"
_LISTED = re.compile(r"[,;\n]")


def lacking(columns: Iterable[str]) -> str:
    """Say what a prompt database without *Applies to* cannot decide; "" for one that has it."""
    known = {name.strip().casefold() for name in columns}
    missing = [f"“{one.capitalize()}”" for one in (APPLIES, ACTIVE, ORDER) if one not in known]
    if APPLIES in known:
        return ""
    return (
        f"it has no property {' or '.join(missing)}: each of its rows counts as a prompt for all "
        "documents, and the first one reviews them"
    )


def rows_of(raws: Iterable[dict[str, Any]]) -> list[PromptRow]:
    """Return the rows of a prompt database that are switched on, in the order of precedence.

    That is by *Order*, a number, then as they were made. A row is off where *Active* is a checkbox
    without a tick. How the names are written does not matter.

    Raises:
        Incomplete: Notion sent part of a row.
    """
    found = []
    for raw in raws:
        values = {
            name.strip().casefold(): value for name, value in properties.read_values(raw).items()
        }
        if raw.get("in_trash") or (values.get(ACTIVE) or {}).get("checkbox") is False:
            continue
        order = (values.get(ORDER) or {}).get("number")
        made = properties.moment(raw.get("created_time"))
        applies = values.get(APPLIES)
        options = (properties.choices(applies) or _typed(applies)) if applies else ()
        row = PromptRow(raw["id"], properties.title(raw), tuple(options))
        found.append((inf if order is None else order, made, row.id, row))
    return [row for *_, row in sorted(found, key=lambda one: one[:3])]


def _typed(value: dict[str, Any]) -> list[str]:
    words = _LISTED.split(properties.property_text(value))
    return [" ".join(word.split()) for word in words if word.strip()]


def joined(prompts: Sequence[Prompt], name: str, origin: str) -> Prompt:
    """Return one prompt made of those of several rows, the lenses of one review.

    The limits are the narrowest, the floor of the report is the mildest; sections, checklists and
    background pages come together.

    Args:
        prompts: The prompts, by precedence; each is named by its row.
        name: The reviewer's name.
        origin: The prompt database.
    """
    lenses = tuple(one.name for one in prompts)
    if len(prompts) == 1:
        return replace(prompts[0], name=name, origin=origin, lenses=lenses)
    text = "\n\n".join(f"## Lens: {one.name}\n\n{one.text}" for one in prompts)
    limits: dict[str, float] = {}
    for key, most in (pair for one in prompts for pair in one.rules.limits):
        limits[key] = min(most, limits.get(key, most))
    floors = [one.rules.report or Severity.MINOR for one in prompts]
    report = max(floors, key=lambda one: one.rank)
    rules = PromptSettings(
        tuple(sorted(limits.items())),
        None if report is Severity.MINOR else report,
        tuple(dict.fromkeys(item for one in prompts for item in one.rules.sections))[:ITEMS],
        tuple(dict.fromkeys(item for one in prompts for item in one.rules.checklist))[:ITEMS],
    )
    knowledge = tuple(dict.fromkeys(pair for one in prompts for pair in one.knowledge))
    return Prompt(name, text, origin, knowledge, rules, lenses)


# Longer lists are no settings any more; each item costs tokens in every review.
ITEMS, ITEM_CHARS = 20, 200
# Limits of the whole service: a page cannot set them.
OPERATORS = frozenset(
    {
        "replies_per_person",
        "concurrent_reviews",
        "tokens_per_day",
        "cost_per_day",
        "tokens_per_month",
        "cost_per_month",
    }
)
_PLACE = Path("YAML block")


class InvalidSettings(Exception):
    """The settings cannot be used; the text has a line for each mistake."""


# The key alone, without a value, sets nothing.
_Absent = BeforeValidator(
    lambda value: {} if isinstance(value, Scalar) and value.is_null else value
)


def _bounded(value: Any) -> Any:
    if isinstance(value, list) and len(value) > ITEMS:
        raise ValueError(f"has {len(value)} entries; {ITEMS} are the most")
    if isinstance(value, Scalar) and len(value.text) > ITEM_CHARS:
        raise ValueError(f"has {len(value.text)} characters; {ITEM_CHARS} are the most")
    return value


_Item = Annotated[Text, BeforeValidator(_bounded)]
Items = Annotated[tuple[_Item, ...], BeforeValidator(_bounded)]


class Settings(Section):
    """What the block may set."""

    limits: Annotated[Limits, _Absent] = Limits()
    report: Annotated[Severity | None, BeforeValidator(word_of(Severity))] = Field(
        default=None, validate_default=False
    )
    sections: Items = ()
    checklist: Items = ()


_KEYS = {
    "": tuple(Settings.model_fields),
    "limits": tuple(key for key in Limits.model_fields if key not in OPERATORS),
}


def read_settings(source: str, items: Sequence[str], allowed: Limits) -> PromptSettings:
    """Return what a page sets.

    Args:
        source: The YAML block's text, "" for none.
        items: The to-do items of the checklist.
        allowed: What the config allows; nothing on a page can go beyond.

    Raises:
        InvalidSettings: Names every mistake, with its line.
    """
    lines = (line.strip() for line in source.splitlines())
    says_something = any(line and not line.startswith("#") for line in lines)
    settings = _validated(source, allowed) if says_something else Settings()
    checklist = tuple(dict.fromkeys([*settings.checklist, *items]))
    if len(checklist) > ITEMS:
        raise InvalidSettings(f"the checklist has {len(checklist)} items; {ITEMS} are the most")
    if long := next((item for item in checklist if len(item) > ITEM_CHARS), None):
        raise InvalidSettings(
            f"the checklist item “{long[:40]}…” is longer than {ITEM_CHARS} characters"
        )
    given = sorted(settings.limits.model_fields_set)
    limits = tuple((key, getattr(settings.limits, key)) for key in given)
    return PromptSettings(limits, settings.report, settings.sections, checklist)


def _validated(source: str, allowed: Limits) -> Settings:
    try:
        tree = file.parsed(source, _PLACE)
    except ConfigError as error:
        raise InvalidSettings(str(error)) from None
    mistakes = [*file.secrets_in(tree.data), *tree.mistakes]
    try:
        settings = Settings.model_validate(tree.data)
    except ValidationError as error:
        settings = Settings()
        told = {mistake.place for mistake in mistakes}
        found = file.mistakes_of(error.errors(include_url=False), _KEYS)
        mistakes += [mistake for mistake in found if mistake.place not in told]
    given = tree.data.get("limits")
    for key in given if isinstance(given, dict) else ():
        most = getattr(allowed, key, None)
        if key in OPERATORS:
            why = "holds for all databases; only config.yaml sets it"
        elif key in settings.limits.model_fields_set and getattr(settings.limits, key) > most:
            why = f"is more than config.yaml allows; {most} is the most"
        else:
            continue
        mistakes.append(Mistake(("limits", key), why))
    if mistakes:
        raise InvalidSettings("\n".join(tree.messages(mistakes)))
    return settings
