"""The prompt of a database: a Notion page or database, a file, or what comes with the program."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from daemon.domain.due import SAME_MINUTE
from daemon.domain.errors import Incomplete, Invalid, Missing, NotionError, ReviewError, Unavailable
from daemon.domain.events import Alert
from daemon.domain.records import PageRow, PromptDatabase, PromptRow
from daemon.domain.values import NO_SETTINGS, Page, Prompt
from daemon.notion import properties, reading
from daemon.review import prompt
from daemon.store import pages, prompts
from daemon.store import prompts as notices
from daemon.store.database import get_value, set_value
from daemon.sweep.alerts import FAILED_SWEEPS, clear, raise_alert, stands
from daemon.sweep.context import Context, ReviewContext, Target
from daemon.sweep.prompts import page
from daemon.sweep.prompts.page import Unreadable


T = TypeVar("T")

# A prompt that this sweep read so lately is not read again.
FRESH = timedelta(minutes=1)
LOOK_EVERY = timedelta(days=1)


def version(prompt: Prompt) -> str:
    """Return a short hash of all that the prompt says."""
    parts = [prompt.name, prompt.text, *(part for pair in prompt.knowledge for part in pair)]
    if prompt.rules != NO_SETTINGS:
        parts.append(repr(prompt.rules))
    said = "\0".join(parts)
    return hashlib.sha256(said.encode()).hexdigest()[:12]


def settings_version(context: Context | ReviewContext, target: Target) -> str:
    """Return a short hash of the models and the settings that shape a review."""
    config, limits = context.config, context.config.limits
    shape = (
        target.models,
        config.effort.model_dump(mode="json"),
        (config.answer_tokens, config.whole_up_to, *["deep"] * (config.deep == "always")),
        (target.settings.report.value, target.settings.checks),
        (limits.rounds, limits.comments_per_review, limits.comments_per_block),
    )
    looked = (config.second_look,) if config.second_look != "off" else ()
    seen = ["images"] * target.settings.images
    return hashlib.sha256(repr((*shape, *looked, *seen)).encode()).hexdigest()[:12]


class NoneFits(Exception):
    """A document fits no row of the prompt database; the text names both."""


async def current(context: Context, target: Target, document: Page | None = None) -> Prompt | None:
    """Return the prompt to review a document under, or None where there has never been a good one.

    A page that cannot be read, or is empty, leaves its last good version in use; people are told
    once, and once when it is mended. A short outage of Notion is not told.

    Of a prompt database it is the first row that the document fits, or the first few of them as
    lenses; without a document it has the reviewer's name alone.

    Raises:
        NoneFits: The document fits no row.
        NotionError: Notion does not give the page now, and there is no earlier version.
    """
    settings = target.settings
    if settings.file is not None:
        words = settings.file.read_text("utf-8").strip()
        found = Prompt(settings.file.stem, words, str(settings.file))
    elif settings.prompt is None:
        found = prompt.built_in_prompt()
    elif (kept := await _in_notion(context, target, settings.prompt, document)) is None:
        return None
    else:
        found = kept
    return named(found, target)


def named(found: Prompt, target: Target) -> Prompt:
    """Return a prompt under the name that the config gives to the reviewer, if it does."""
    return replace(found, name=target.settings.reviewer) if target.settings.reviewer else found


def as_reviewed(context: Context, kept: Prompt, target: Target) -> Prompt:
    """Return what a prompt page says as documents are reviewed under it alone."""
    given = target.settings.prompt
    if given and (database := prompts.database(context.state, given)):
        kept = page.joined([kept], database.title, given)
    return named(kept, target)


async def changed_since(context: Context, target: Target, row: PageRow, document: Page) -> bool:
    """Tell whether a page is to be reviewed again because the prompt or the settings changed.

    Raises:
        NoneFits: The document fits no row of the prompt database.
    """
    if row.prompt is None:
        return False
    by_settings = context.config.review_on_settings_change and row.settings is not None
    if by_settings and row.settings != settings_version(context, target):
        return True
    if not context.config.review_on_prompt_change:
        return False
    prompt = await current(context, target, document)
    return prompt is not None and version(prompt) != row.prompt


async def queue_changed(context: Context, target: Target, source_id: str) -> None:
    """Make the pages due that were reviewed under another prompt or other settings.

    Only where the config asks for it.
    """
    rows: list[PageRow] = []
    if context.config.review_on_settings_change:
        settings = settings_version(context, target)
        rows += pages.reviewed_under_other_settings(context.state, source_id, settings)
    if context.config.review_on_prompt_change and (prompt := await current(context, target)):
        under = pages.reviewed_under_other_prompt(context.state, source_id, version(prompt))
        given = target.settings.prompt
        if given and (database := prompts.database(context.state, given)):
            stale = {one.prompt: _is_stale(context, target, database, one) for one in under}
            under = [one for one in under if stale[one.prompt]]
        rows += under
    if due := [replace(row, due_at=context.notion.now) for row in rows]:
        pages.save(context.state, due)


def _is_stale(context: Context, target: Target, database: PromptDatabase, row: PageRow) -> bool:
    """Tell whether the rows that a page was reviewed under say something else now, or are gone."""
    known = prompts.version(context.state, row.prompt or "")
    if known is None:
        return False
    by_title = {one.title: one.id for one in database.rows}
    kept = [prompts.prompt(context.state, by_title.get(name, "")) for name in known[0].lenses]
    lenses = [one[0] for one in kept if one]
    if not lenses or len(lenses) < len(kept):
        return True
    now = named(page.joined(lenses, database.title, known[0].origin), target)
    return version(now) != row.prompt


async def look_again(context: Context, target: Target) -> None:
    """Read the prompt once more where people were told that it is broken: it may be mended."""
    if stands(context, _alert(target)):
        await current(context, target)


async def look(context: Context, page_id: str, targets: Sequence[Target]) -> None:
    """Read a prompt page that nothing needed in this sweep, if it was edited: one request.

    In each sweep where an edit is tried, else once a day: an idle sweep costs no more than the
    listing of its data sources. Of the pages that it mentions Notion tells no edit; they are read
    with the next review.
    """
    target, now = targets[0], context.notion.now
    if page_id in context.readings.prompts or stands(context, _alert(target)):
        return
    if kept := prompts.prompt(context.state, page_id):
        prompt, edited, read_at = kept
        if now < read_at + LOOK_EVERY and not any(one.settings.trial for one in targets):
            return
        try:
            raw = await context.notion.page(page_id)
        except Unavailable as error:
            _count_missed(context, target, page_id, error)
            return
        except NotionError:
            raw = {"in_trash": True}
        is_clear = edited + SAME_MINUTE <= read_at and not raw.get("in_trash")
        if is_clear and properties.moment(raw["last_edited_time"]) == edited:
            prompts.save_prompt(context.state, prompt, edited, now)
            return
    await current(context, target)


def _alert(target: Target) -> str:
    return Alert.PROMPT.of(target.settings.id)


class _IsDatabase(Exception):
    """What the config names as a prompt page is a database."""


async def _in_notion(
    context: Context, target: Target, given: str, document: Page | None
) -> Prompt | None:
    """Return the prompt that a page holds, or rows of a database do; tell people what is wrong."""
    database = prompts.database(context.state, given)
    if database is None:
        try:
            found, wrong = await _of_page(context, target, given)
        except _IsDatabase:
            pass
        else:
            use = "its last good version stays in use" if found else _UNUSED.format(target.name)
            noun = f"prompt page{f' “{found.name}”' if found else ''}"
            said = [f"the {noun} of {target.name}: {wrong}; {use}"] if wrong else []
            _tell(context, target, said, [given])
            if found is None and not wrong:
                why = context.readings.missed[given]
                raise NotionError(f"the prompt page of {target.name} was not read: {why}")
            return found
    database, usable = await _usable_rows(context, target, given, database)
    if document is None:
        return Prompt(database.title, "", given)
    fitting = [prompt for row, prompt in usable if row.fits(document)][: target.settings.lenses]
    if fitting:
        return page.joined(fitting, database.title, given)
    chosen = ", ".join(f"{name}: {', '.join(options)}" for name, options in document.choices)
    listed = ", ".join(map(str, database.rows)) or "there are none"
    raise NoneFits(
        f"no row of the prompt database “{database.title}” applies to it "
        f"({chosen or 'no options'}); its rows are: {listed}"
    )


_UNUSED = "{} is not reviewed"


def _tell(context: Context, target: Target, wrong: Sequence[str], read: Iterable[str]) -> None:
    """Raise the alert of a database's prompt, or take it back where all that was read was given."""
    if wrong:
        raise_alert(context, _alert(target), " ".join(wrong))
    elif not context.readings.missed.keys() & set(read):
        clear(context, _alert(target))


async def _usable_rows(
    context: Context, target: Target, given: str, known: PromptDatabase | None
) -> tuple[PromptDatabase, list[tuple[PromptRow, Prompt]]]:
    """Return a prompt database with the prompts of its rows; a row that never had one is left out.

    Raises:
        NotionError: Notion does not give the database now, nor did it ever.
    """
    wrong, usable = [], []
    raws = dict[str, dict[str, Any]]()
    if known is None or not _is_fresh(context, given):
        read, why = await _tried(context, target, given, lambda: _read_rows(context, given))
        if why:
            wrong.append(f"the prompt database of {target.name}: {why}; its last rows stay in use.")
        if read:
            known, raws = read
            context.readings.prompts[given] = context.notion.now
            prompts.save_database(context.state, given, known)
    for row in known.rows if known else ():
        found, why = await _of_page(context, target, row.id, raws.get(row.id))
        use = "its last good version stays in use" if found else "it is left out"
        if why:
            wrong.append(f"the prompt page “{row.title}” of {target.name}: {why}; {use}.")
        if found:
            usable.append((row, replace(found, name=row.title)))
    _tell(context, target, wrong, [given, *(row.id for row in (known.rows if known else ()))])
    if known is None:
        raise NotionError(wrong[0] if wrong else context.readings.missed[given])
    return known, usable


async def _read_rows(
    context: Context, given: str
) -> tuple[PromptDatabase, dict[str, dict[str, Any]]]:
    """Read the rows of a prompt database; return it, and the rows as Notion sent them, by id."""
    sources = await reading.data_sources(context.notion, given)
    raws = {
        raw["id"]: raw
        for source_id, *_ in sources
        async for listed in context.notion.query(source_id)
        for raw in listed.rows
    }
    return PromptDatabase(sources[0][1], tuple(page.rows_of(raws.values()))), raws


async def _of_page(
    context: Context, target: Target, page_id: str, raw: dict[str, Any] | None = None
) -> tuple[Prompt | None, str]:
    """Return the last good version of a prompt page, and what is wrong with it now.

    Args:
        context: The sweep.
        target: A database that is reviewed under it.
        page_id: The page.
        raw: The page as it was just listed.

    Raises:
        _IsDatabase: It is a database.
    """
    kept = prompts.prompt(context.state, page_id)
    if kept and _is_fresh(context, page_id) and not notices.mistakes(context.state, page_id):
        return kept[0], ""  # another database read it just now
    read, why = await _tried(context, target, page_id, lambda: _read(context, target, page_id, raw))
    why = "; ".join(why.replace(f"page {page_id}", "the page").splitlines())
    return read or (kept and kept[0]), why


async def _tried(
    context: Context, target: Target, what: str, read: Callable[[], Awaitable[T]]
) -> tuple[T | None, str]:
    """Read a prompt page or database; return it, or why it cannot be used.

    Of a short outage of Notion no word is said.
    """
    missed = context.readings.missed
    if what not in missed:
        try:
            found = await read()
        except (Unavailable, Incomplete) as error:
            _count_missed(context, target, what, error)
        except (Unreadable, NotionError) as error:
            return None, str(error)
        else:
            if get_value(context.state, _missed(what)):
                set_value(context.state, _missed(what), "")
            return found, ""
    is_outage = int(get_value(context.state, _missed(what)) or 0) < FAILED_SWEEPS
    return None, "" if is_outage else missed[what]


def _count_missed(context: Context, target: Target, page_id: str, error: ReviewError) -> None:
    """Count a sweep in which Notion did not give the page."""
    name = _missed(page_id)
    # Pages that are reviewed at the same time meet it together.
    count = int(get_value(context.state, name) or 0) + (page_id not in context.readings.missed)
    set_value(context.state, name, str(count))
    context.readings.missed[page_id] = str(error)
    context.emit("prompt.not_read", database=target.name, why=str(error))


def _missed(page_id: str) -> str:
    """Name the number of sweeps in a row in which Notion did not give a prompt page."""
    return f"prompt missed: {page_id}"


def _is_fresh(context: Context, page_id: str) -> bool:
    read = context.readings.prompts.get(page_id)
    return read is not None and context.notion.now < read + FRESH


async def _read(
    context: Context, target: Target, page_id: str, raw: dict[str, Any] | None
) -> Prompt:
    """Read the page, or keep what is known where its edit time stands; note what is wrong."""
    wrong, now = notices.mistakes(context.state, page_id), context.notion.now
    if wrong and _is_fresh(context, page_id):
        raise Unreadable(wrong)  # read just now, for another page or database
    raw = raw or await _page_or_database(context, page_id)
    if raw.get("in_trash"):
        raise NotionError("it is in the trash; restore it")
    edited = properties.moment(raw["last_edited_time"])
    kept = prompts.prompt(context.state, page_id)
    mistaken = None
    try:
        # Pages that it mentions are followed too, and their edits move no time of its own.
        if kept and kept[1] == edited and kept[2] >= edited + SAME_MINUTE and not kept[0].knowledge:
            prompt = replace(kept[0], name=properties.title(raw))
        else:
            await page.refuse_stranger(context, target, raw)
            prompt = await page.read(context, page_id, raw)
        prompts.save_prompt(context.state, prompt, edited, now)
    except Unreadable as error:
        mistaken = error
    # Not before: who asks meanwhile must not get the version before.
    context.readings.prompts[page_id] = now
    notices.save_mistakes(context.state, page_id, str(mistaken or ""))
    if mistaken:
        raise mistaken
    return prompt


async def _page_or_database(context: Context, given: str) -> dict[str, Any]:
    try:
        return await context.notion.page(given)
    except (Missing, Invalid):
        with suppress(NotionError):
            await reading.data_sources(context.notion, given)
            raise _IsDatabase from None
        raise
