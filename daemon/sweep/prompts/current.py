"""The prompt of a database: a Notion page, a file, or what comes with the program."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from daemon.domain.due import SAME_MINUTE
from daemon.domain.errors import Incomplete, NotionError, ReviewError, Unavailable
from daemon.domain.events import Alert
from daemon.domain.records import PageRow
from daemon.domain.values import NO_SETTINGS, Prompt
from daemon.notion import properties
from daemon.review import prompt
from daemon.store import pages, prompts
from daemon.store import prompts as notices
from daemon.store.database import get_value, set_value
from daemon.sweep.alerts import FAILED_SWEEPS, clear, raise_alert, stands
from daemon.sweep.context import Context, ReviewContext, Target
from daemon.sweep.prompts import page
from daemon.sweep.prompts.page import Unreadable


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
        (config.answer_tokens, config.whole_up_to),
        (target.settings.report.value, target.settings.checks),
        (limits.rounds, limits.comments_per_review, limits.comments_per_block),
    )
    return hashlib.sha256(repr(shape).encode()).hexdigest()[:12]


async def current(context: Context, target: Target) -> Prompt | None:
    """Return the prompt to review under, or None where there has never been a good one.

    A page that cannot be read, or is empty, leaves its last good version in use; people are told
    once, and once when it is mended. A short outage of Notion is not told.

    Raises:
        NotionError: Notion does not give the page now, and there is no earlier version.
    """
    settings = target.settings
    if settings.file is not None:
        words = settings.file.read_text("utf-8").strip()
        found = Prompt(settings.file.stem, words, str(settings.file))
    elif settings.prompt is None:
        found = prompt.built_in_prompt()
    elif (kept := await _of_page(context, target, settings.prompt)) is None:
        return None
    else:
        found = kept
    return replace(found, name=settings.reviewer) if settings.reviewer else found


async def changed_since(context: Context, target: Target, row: PageRow) -> bool:
    """Tell whether a page is to be reviewed again because the prompt or the settings changed."""
    if row.prompt is None:
        return False
    by_settings = context.config.review_on_settings_change and row.settings is not None
    if by_settings and row.settings != settings_version(context, target):
        return True
    if not context.config.review_on_prompt_change:
        return False
    prompt = await current(context, target)
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
        rows += pages.reviewed_under_other_prompt(context.state, source_id, version(prompt))
    if due := [replace(row, due_at=context.notion.now) for row in rows]:
        pages.save(context.state, due)


async def look_again(context: Context, target: Target) -> None:
    """Read the prompt once more where people were told that it is broken: it may be mended."""
    if stands(context, _alert(target)):
        await current(context, target)


async def look(context: Context, targets: Sequence[Target]) -> None:
    """Read a prompt page that nothing needed in this sweep, if it was edited: one request.

    In each sweep where an edit is tried, else once a day: an idle sweep costs no more than the
    listing of its data sources. Of the pages that it mentions Notion tells no edit; they are read
    with the next review.
    """
    target = targets[0]
    page_id, now = target.settings.prompt, context.notion.now
    if page_id is None or page_id in context.readings.prompts or stands(context, _alert(target)):
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


async def _of_page(context: Context, target: Target, page_id: str) -> Prompt | None:
    kept, alert = prompts.prompt(context.state, page_id), _alert(target)
    wrong = notices.mistakes(context.state, page_id)
    if kept and _is_fresh(context, page_id) and not wrong:
        clear(context, alert)  # another database read it just now
        return kept[0]
    missed, said = context.readings.missed, ""
    if page_id not in missed:
        try:
            prompt = await _read(context, target, page_id)
        except (Unavailable, Incomplete) as error:
            _count_missed(context, target, page_id, error)
        except (Unreadable, NotionError) as error:
            said = str(error)
        else:
            if get_value(context.state, _missed(page_id)):
                set_value(context.state, _missed(page_id), "")
            clear(context, alert)
            return prompt
    if page_id in missed and int(get_value(context.state, _missed(page_id)) or 0) >= FAILED_SWEEPS:
        said = missed[page_id]
    if said:
        named = f" “{kept[0].name}”" if kept else ""
        use = "its last good version stays in use" if kept else f"{target.name} is not reviewed"
        said = "; ".join(said.replace(f"page {page_id}", "the page").splitlines())
        raise_alert(context, alert, f"the prompt page{named} of {target.name}: {said}; {use}")
    elif not kept:
        raise NotionError(f"the prompt page of {target.name} was not read: {missed[page_id]}")
    return kept[0] if kept else None


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


async def _read(context: Context, target: Target, page_id: str) -> Prompt:
    """Read the page, or keep what is known where its edit time stands; note what is wrong."""
    wrong, now = notices.mistakes(context.state, page_id), context.notion.now
    if wrong and _is_fresh(context, page_id):
        raise Unreadable(wrong)  # read just now, for another page or database
    raw = await context.notion.page(page_id)
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
            await _refuse_stranger(context, target, raw)
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


async def _refuse_stranger(context: Context, target: Target, raw: dict[str, Any]) -> None:
    """Refuse what was written by somebody who may not edit the prompt.

    Notion tells the last editor alone, and times by the minute.
    """
    allowed = target.settings.prompt_editors
    if not allowed:
        return
    editor = str((raw.get("last_edited_by") or {}).get("id") or "")
    known = await context.people.user(editor) if editor else None
    name = known[0] if known else ""
    if {_plain(editor), _plain(name)} & {_plain(one) for one in allowed} - {""}:
        return
    raise Unreadable(
        f"it was last edited by {name or 'somebody whom Notion does not name'}, who is not among "
        "`prompt_editors`; somebody who is must edit it once more"
    )


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold().replace("-", "")
