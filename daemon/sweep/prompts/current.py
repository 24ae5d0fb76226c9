"""The prompt of a database: a Notion page, a file, or what comes with the program."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

from daemon.sweep.alerts import settle, tell_once
from daemon.sweep.context import Base, Context
from daemon.domain.values import Prompt
from daemon.domain.due import SAME_MINUTE
from daemon.domain.errors import NotionError, Unavailable
from daemon.notion import canonical as text
from daemon.sweep.prompts import page
from daemon.sweep.prompts.page import Unreadable
from daemon.review import prompt as builtin
from daemon.domain.ruleset import NO_RULES
from daemon.store import sweeps as ledger, prompts as notices, pages
from daemon.store.pages import PageRow


# A prompt that this sweep read so lately is not read again.
FRESH = timedelta(minutes=1)


def version(prompt: Prompt) -> str:
    """Return a short hash of all that the prompt says."""
    parts = [prompt.name, prompt.text, *(part for pair in prompt.knowledge for part in pair)]
    if prompt.rules != NO_RULES:
        parts.append(repr(prompt.rules))
    said = "\0".join(parts)
    return hashlib.sha256(said.encode()).hexdigest()[:12]


async def current(context: Context, base: Base) -> Prompt | None:
    """Return the prompt to review under, or None where there has never been a good one.

    A page that cannot be read, or is empty, leaves its last good version in use; people are told
    once, and once when it is mended.
    """
    prompt = await _found(context, base)
    if prompt is None or base.settings.reviewer is None:
        return prompt
    return replace(prompt, name=base.settings.reviewer)


async def changed_since(context: Context, base: Base, row: PageRow) -> bool:
    """Tell whether a page is to be reviewed again because the prompt changed."""
    if not context.config.review_on_prompt_change or row.prompt is None:
        return False
    prompt = await current(context, base)
    return prompt is not None and version(prompt) != row.prompt


async def queue_changed(context: Context, base: Base, source_id: str) -> None:
    """Make the pages due that were reviewed under another prompt, where the config asks for it."""
    if not context.config.review_on_prompt_change:
        return
    if prompt := await current(context, base):
        rows = pages.reviewed_under_another(context.state, source_id, version(prompt))
        due = [replace(row, due_at=context.notion.now) for row in rows]
        with context.state.atomic():
            pages.save(context.state, due)


async def look_again(context: Context, base: Base) -> None:
    """Read the prompt once more where people were told that it is broken: it may be mended."""
    if any(alert["name"] == _alert(base) for alert in ledger.alerts(context.state)):
        await current(context, base)


def _alert(base: Base) -> str:
    return f"prompt {base.settings.id}"


async def _found(context: Context, base: Base) -> Prompt | None:
    if base.settings.file is not None:
        words = base.settings.file.read_text("utf-8").strip()
        return Prompt(base.settings.file.stem, words, str(base.settings.file))
    if base.settings.prompt is None:
        return builtin.built_in()
    return await _of_page(context, base, base.settings.prompt)


async def _of_page(context: Context, base: Base, page_id: str) -> Prompt | None:
    kept, alert = ledger.prompt(context.state, page_id), _alert(base)
    wrong = notices.wrong(context.state, page_id)
    if kept and _is_fresh(context, page_id) and not wrong:
        settle(context, alert)  # another database read it just now
        return kept[0]
    try:
        prompt = await _reread(context, base, page_id)
    except (Unreadable, NotionError, Unavailable) as error:
        use = "its last good version stays in use" if kept else f"{base.name} is not reviewed"
        said = "; ".join(str(error).splitlines())
        tell_once(context, alert, f"the prompt page {page_id}: {said}; {use}")
        return kept[0] if kept else None
    settle(context, alert)
    return prompt


def _is_fresh(context: Context, page_id: str) -> bool:
    read = context.prompts.get(page_id)
    return read is not None and context.notion.now < read + FRESH


async def _reread(context: Context, base: Base, page_id: str) -> Prompt:
    """Read the page, and note what is wrong with it."""
    wrong, now = notices.wrong(context.state, page_id), context.notion.now
    if wrong and _is_fresh(context, page_id):
        raise Unreadable(wrong)  # read just now, for another page or database
    prompt, mistakes = None, ""
    try:
        prompt = await _read(context, base, page_id)
    except Unreadable as error:
        mistakes = str(error)
    # Not before: who asks meanwhile must not get the version before.
    context.prompts[page_id] = now
    notices.note(context.state, page_id, mistakes)
    if prompt is None:
        raise Unreadable(mistakes)
    return prompt


async def _read(context: Context, base: Base, page_id: str) -> Prompt:
    """Read the page, or keep what is known where its edit time has not moved."""
    now = context.notion.now
    raw = await context.notion.page(page_id)
    if raw.get("in_trash"):
        raise NotionError("it is in the trash; restore it")
    edited = text.moment(raw["last_edited_time"])
    kept = ledger.prompt(context.state, page_id)
    # Pages that it mentions are followed too, and their edits move no time of its own.
    if kept and kept[1] == edited and kept[2] >= edited + SAME_MINUTE and not kept[0].knowledge:
        prompt = kept[0]
    else:
        await _refuse_stranger(context, base, raw)
        prompt = await page.read(context, page_id, raw)
    ledger.save_prompt(context.state, prompt, edited, now)
    return prompt


async def _refuse_stranger(context: Context, base: Base, raw: dict[str, Any]) -> None:
    """Refuse what was written by somebody who may not edit the prompt.

    Notion tells the last editor alone, and times by the minute.
    """
    allowed = base.settings.prompt_editors
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
