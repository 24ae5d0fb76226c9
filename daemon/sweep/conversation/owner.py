"""What people say on a prompt page: words that steer all that is reviewed under it."""

from __future__ import annotations

from collections.abc import Sequence

from daemon.config import schedule
from daemon.domain.due import Pause
from daemon.domain.errors import NotionError, Unavailable
from daemon.domain.notation import iso
from daemon.domain.records import (
    NO_COMMENT_THERE,
    OWNER_KEY,
    DeliveryState,
    MessageKind,
    OutboxMessage,
    Place,
)
from daemon.domain.values import AuthorKind, Prompt, Thread
from daemon.notion import reading
from daemon.store import outbox, pages, prompts, sweeps
from daemon.store import threads as thread_store
from daemon.sweep.context import Answers, Context, Target
from daemon.sweep.conversation import watch
from daemon.sweep.conversation.commands import Command, CommandComment
from daemon.sweep.conversation.threads import ThreadState, sort
from daemon.sweep.delivery import status
from daemon.sweep.prompts import page


PAUSED = (
    "Paused: I leave everything that is reviewed under this page alone until {end}somebody writes "
    "`resume` to me here. What is edited or asked meanwhile waits until then."
)
RESUMED = "Resumed: I review again, and answer what was asked meanwhile."
NOT_PAUSED = "I was not paused; I go on as before."
DECLINED = (
    "Thank you, but here I follow only those who may edit this prompt; please ask one of them. "
    "`help` works for everybody."
)
ADOPT = "I never edit this page: add the line to it, in your words, and it holds from then on."
HELP = """Each of these words alone, in this thread or with my name:
• `pause`: I leave everything that is reviewed under this page alone; `pause 7d`: for seven days
• `resume`: I take it up again
• `report`: the week, and the one before
• `help`: this list

To change what I look for, edit this page: the next review follows it."""


async def listen(context: Context, *, named: frozenset[str] | None = None) -> int:
    """Look at the prompt pages whose turn it is, or at those named; return how many that were.

    What people say on a page that cannot be read is heard when it can.
    """
    looked = 0
    for page_id, targets in status.by_prompt_page(context).items():
        kept, now = prompts.prompt(context.state, page_id), context.notion.now
        wanted = _is_time(context, page_id) if named is None else page_id in named
        if not (kept and wanted and _is_open(context, page_id, targets)):
            continue
        looked += 1
        try:
            await _hear(context, page_id, kept[0], targets)
        except (NotionError, Unavailable) as error:
            thread_store.record_listing(context.state, page_id, [page_id], now)
            context.emit("prompt.not_heard", name=kept[0].name, why=str(error))
        if outbox.undelivered(context.state, page_id):
            await context.deliver(context, page_id)
    return looked


def _is_open(context: Context, page_id: str, targets: Sequence[Target]) -> bool:
    """Tell whether somebody may speak to us on a prompt page: we did there, and may still."""
    last = status.last_status(context.state, page_id)
    is_refused = last and last.state is DeliveryState.DROPPED and last.note
    refused = bool(is_refused and is_refused.startswith(NO_COMMENT_THERE))
    return last is not None and not refused and status.is_wanted(targets)


def _is_time(context: Context, page_id: str) -> bool:
    """Tell whether it is a page's turn: as a known place that always fits into the budget."""
    now, config = context.notion.now, context.config
    looked = thread_store.last_listed(context.state, page_id).get(page_id)
    if looked is None or not config.watch_requests:
        return bool(config.watch_requests)
    if sweeps.events_tell(context.state, now):  # it is named where somebody writes
        return now - looked >= watch.LONGEST
    every = schedule.interval(config.schedule, now)
    stirred = max(one.created_at for one in outbox.messages_of(context.state, page_id=page_id))
    place = Place(page_id, page_id, known=True, talked=True, looked_at=looked, stirred_at=stirred)
    return every >= watch.HOUR or now - looked >= min(watch.interval(place, now), watch.HOUR)


async def _hear(context: Context, page_id: str, prompt: Prompt, targets: Sequence[Target]) -> None:
    """List the comments of a prompt page, and carry out and answer the words to us.

    What people say there is not kept, only which comments were decided on.
    """
    state, began = context.state, context.notion.now
    authors = await context.people.on_page(page_id)
    threads, _ = await reading.discussions(context.notion, [page_id], authors)
    decided = sort(threads, _known(context, page_id, prompt, targets, threads, authors.own))
    with state.atomic():
        for said in decided.commands:
            words = _carried_out(context, prompt, targets, said)
            _answer(context, page_id, prompt, said, words)
        for thread in decided.threads:
            thread_store.save_thread(state, page_id, thread, decided.states)
        thread_store.forget_words(state, page_id)
        thread_store.record_listing(state, page_id, [page_id], began)


def _known(
    context: Context,
    page_id: str,
    prompt: Prompt,
    targets: Sequence[Target],
    threads: Sequence[Thread],
    own: frozenset[str],
) -> ThreadState:
    sources = [one for t in targets for one in pages.sources_of(context.state, t.settings.id)]
    pauses = [prompts.paused(context.state).get(given) for given in _given(targets)]
    people = {
        one.author
        for thread in threads
        for one in thread.comments
        if one.author.kind is AuthorKind.PERSON
    }
    looks = thread_store.last_listed(context.state, page_id)
    return ThreadState(
        comments=thread_store.comments(context.state, page_id),
        threads=thread_store.threads(context.state, page_id),
        baseline=min((one.baseline for one in sources), default=context.notion.now),
        setting="none",  # the model answers nobody here
        limit=0,
        reviewer=prompt.name,
        own=own,
        paused=all(pauses),
        pause_ends=any(one and one.until for one in pauses),
        is_prompt=True,
        strangers=frozenset(
            one.id
            for one in people
            if not all(page.may_edit(target, one.id, one.name) for target in targets)
        ),
        looks={None: looks[page_id]} if page_id in looks else {},
    )


def _given(targets: Sequence[Target]) -> set[str]:
    """Return the ids under which the config names a prompt: its page, or the database it is in."""
    return {one.settings.prompt for one in targets if one.settings.prompt}


def _carried_out(
    context: Context, prompt: Prompt, targets: Sequence[Target], said: CommandComment
) -> str:
    """Do what a word says; return the reply."""
    now, by = context.notion.now, said.comment.author.name
    if said.is_hint:
        return DECLINED
    match said.word:
        case Command.PAUSE:
            until = now + said.lasts if said.lasts else None
            for given in _given(targets):
                prompts.pause(context.state, given, Pause(now, until, by))
            context.emit("prompt.paused", name=prompt.name, by=by)
            return PAUSED.format(end=f"{until:%Y-%m-%d %H:%M} UTC, or until " if until else "")
        case Command.RESUME if said.paused:
            for given in _given(targets):
                prompts.resume(context.state, given)
            context.emit("prompt.resumed", name=prompt.name, by=by)
            return RESUMED
        case Command.REPORT:
            return status.report(context, targets)
    return {Command.RESUME: NOT_PAUSED, Command.ADOPT: ADOPT}.get(said.word, HELP)


def _answer(
    context: Context, page_id: str, prompt: Prompt, said: CommandComment, words: str
) -> None:
    """Keep what was done and queue its reply, within the answers that a person gets in a day."""
    author, now, comment = said.comment.author, context.notion.now, said.comment
    what = f"declined to {said.word.value}" if said.is_hint else said.word.value
    sweeps.record_decision(context.state, page_id, now, what, author.name)
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if (answers := context.tally.answers.get(author.id)) is None:
        answers = Answers(outbox.answers_to(context.state, author.id, day))
        context.tally.answers[author.id] = answers
    if answers.given >= context.config.limits.replies_per_person:
        return
    answers.given += 1
    key = f"{OWNER_KEY}{page_id}:{comment.id}:{iso(comment.edited)}"
    reply = OutboxMessage(
        key=f"{OWNER_KEY}{page_id}:declined:{author.id}" if said.is_hint else key,
        page_id=page_id,
        kind=MessageKind.REPLY,
        target=said.thread.id,
        place=page_id,
        body=words,
        name=prompt.name,
        created_at=now,
        asked_at=comment.created,
        last_seen=said.thread.comments[-1].id,
        person=author.id,
    )
    outbox.add(context.state, [reply])
