"""Which comments of a page are new, and what is decided about each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from daemon.domain.comments import NEW, CommentState, Decision
from daemon.domain.due import SAME_MINUTE
from daemon.domain.phrases import CLOSING, has_question_mark, is_claim
from daemon.domain.records import KEPT_CHARS, SeenComment, ThreadRow
from daemon.domain.values import AuthorKind, Comment, Finding, Thread
from daemon.notion.from_markdown import quoted
from daemon.sweep.conversation.commands import Command, CommandComment, addressed, in_order
from daemon.sweep.conversation.gate import SETTLED, ClaimCheck, Gate, GateInput, gate
from daemon.sweep.conversation.stance import promises


# Of a comment, in the reasons that `explain` tells.
EXCERPT_CHARS = 60
GUESSED = "Notion does not say who; no mark of a bot, so taken for a person"


@dataclass(frozen=True, slots=True)
class ThreadState:
    """What the state knows of a page's threads.

    Attributes:
        comments: Comments that were decided on.
        threads: Threads by id.
        baseline: Comments made before it are old.
        setting: `replies` of the database.
        limit: Replies of our own in one thread.
        reviewer: The name that addresses the reviewer.
        own: Ids of the users that we comment as; to mention one is to address the reviewer.
        raised: The findings that began threads, by the threads' ids.
        turned_down: Those of them in which a person said no, now or before.
        closed: Who turned down those of them that are closed; None where no person did.
        claims: What is known of the text under open points, by the threads that they began.
        answers_left: How many answers each person may still get today, by id; without a limit where
            a person is missing.
        granted: Comments that this sweep granted an answer before.
        paused: Whether people told the reviewer to leave the page alone.
        pause_ends: Whether they told it until when.
        unreviewed: Whether the page is older than the first sweep and was never reviewed.
        asleep: Whether all that is reviewed under its prompt is paused.
        waits: Why the page waits for its review; "" where it does not.
        is_prompt: Whether it is a prompt page, where words steer all that is reviewed under it.
        strangers: Who may not steer there, by id.
        receipts: Own comments that code alone worded, by id: they count for no limit.
        question: The comment with the summary, where that asks something; "" where it does not.
        looks: When each block's comments were last listed; the page's own under None.
    """

    comments: Mapping[str, SeenComment]
    threads: Mapping[str, ThreadRow]
    baseline: datetime
    setting: str
    limit: int
    reviewer: str
    own: frozenset[str] = frozenset()
    raised: Mapping[str, Finding] = field(default_factory=dict)
    turned_down: frozenset[str] = frozenset()
    closed: Mapping[str, str | None] = field(default_factory=dict)
    claims: Mapping[str, ClaimCheck] = field(default_factory=dict)
    answers_left: Mapping[str, int] = field(default_factory=dict)
    granted: frozenset[str] = frozenset()
    paused: bool = False
    pause_ends: bool = False
    unreviewed: bool = False
    asleep: bool = False
    waits: str = ""
    is_prompt: bool = False
    strangers: frozenset[str] = frozenset()
    receipts: frozenset[str] = frozenset()
    question: str = ""
    looks: Mapping[str | None, datetime] = field(default_factory=dict)

    def state_of(self, comment: Comment) -> CommentState:
        """Return how far a comment is; `NEW` where nothing was decided yet."""
        seen = self.comments.get(comment.id)
        return seen.state if seen else NEW


@dataclass(frozen=True, slots=True)
class SortedThreads:
    """Threads with the comments that want an answer marked new, and what else was decided.

    Attributes:
        threads: Every thread that was listed.
        states: What to store of the comments that are decided now, by id.
        hand_over: The threads that go to people.
        reasons: A sentence for each comment that was decided without a model.
        commands: The commands to the reviewer, in the order in which they were said.
        dismissed: Who said no to the finding, by the threads: the name, "" where it is not known.
        granted: The comments that get an answer, with their threads.
        enough: The first comment of each person who had the answers of a day, with its thread.
        corrected: Comments that say "done" though the text reads as before, with their threads.
    """

    threads: tuple[Thread, ...]
    states: Mapping[str, CommentState]
    hand_over: tuple[Thread, ...]
    reasons: tuple[str, ...]
    commands: tuple[CommandComment, ...] = ()
    dismissed: Mapping[str, str] = field(default_factory=dict)
    corrected: tuple[tuple[Thread, Comment], ...] = ()
    granted: tuple[tuple[Thread, Comment], ...] = ()
    enough: tuple[tuple[Thread, Comment], ...] = ()

    @property
    def has_answers(self) -> bool:
        """Whether something is to be said that needs no model."""
        return bool(self.commands or self.hand_over or self.corrected or self.enough)

    @property
    def waiting(self) -> tuple[Thread, ...]:
        """The threads in which somebody waits."""
        return tuple(thread for thread in self.threads if thread.waiting)


_Placed = tuple[Thread, Comment]


@dataclass(frozen=True, slots=True)
class _PendingCommands:
    """The words to the reviewer among what is undecided; `paused` is how they leave the page."""

    commands: tuple[CommandComment, ...]
    idle: frozenset[str]
    paused: bool

    @classmethod
    def among(cls, undecided: Sequence[_Placed], known: ThreadState) -> _PendingCommands:
        """Find the words that a person says to the reviewer."""
        commands = []
        hear = CommandComment.on_prompt_page if known.is_prompt else CommandComment.of
        for thread, comment in undecided:
            called, words = _called(comment, known)
            if (
                (called or _ours(thread.comments))
                and comment.author.kind is AuthorKind.PERSON
                and not _is_old(comment, known)
                and not _is_of_another_life(comment, thread, known)
                and (said := hear(thread, comment, words, called=called))
                and not said.is_question(known.raised.get(thread.id), waits=bool(known.waits))
            ):
                is_declined = comment.author.id in known.strangers and said.word is not Command.HELP
                commands.append(replace(said, is_hint=said.is_hint or is_declined))
        ordered = in_order(commands, paused=known.paused, ends=known.pause_ends)
        paused = ordered[-1].paused_after if ordered else known.paused
        idle = frozenset(one.comment.id for one in ordered if one.is_idle)
        is_silent = paused or known.asleep
        now = tuple(one for one in ordered if not one.is_idle and not (is_silent and one.waits))
        return cls(now, idle, paused)

    def includes(self, comment: Comment) -> bool:
        """Tell whether a comment is a word that is carried out now."""
        return any(one.comment.id == comment.id for one in self.commands)


class _Decision(NamedTuple):
    """What the gate says of one comment, and why."""

    thread: Thread
    comment: Comment
    gate: Gate
    reason: str


def sort(threads: Iterable[Thread], known: ThreadState) -> SortedThreads:
    """Apply the reply gate to every comment that is not decided yet."""
    threads = tuple(threads)
    undecided = [
        (thread, comment)
        for thread in threads
        for comment in thread.comments
        if _is_undecided(comment, thread, known)
    ]
    pending = _PendingCommands.among(undecided, known)
    gated = [_Decision(*placed, *_decide(*placed, known, pending)) for placed in undecided]
    found = _rationed(gated, known)
    open_ = (Gate.REPLY, Gate.JUDGE, Gate.WAIT, Gate.ENOUGH)
    decided = [one for one in found if one.gate not in open_]
    handed = {one.thread.id: one.thread for one in decided if one.gate is Gate.HAND_OVER}
    return SortedThreads(
        threads=_marked(threads, {one.comment.id: one.gate for one in found}),
        states={one.comment.id: _state_after(one, known) for one in decided},
        hand_over=tuple(handed.values()),
        reasons=tuple(
            f"{shown(one.comment)}: {one.gate.value} ({one.reason})"
            for one in decided
            if one.comment.author.kind is not AuthorKind.OWN
        ),
        commands=pending.commands,
        dismissed={
            one.thread.id: one.comment.author.name.strip()
            for one in decided
            if one.gate is Gate.DISMISS
        },
        corrected=_firsts(decided, Gate.CORRECT, lambda one: one.thread.id),
        granted=tuple((one.thread, one.comment) for one in found if one.gate in _ANSWERED),
        enough=_firsts(found, Gate.ENOUGH, lambda one: one.comment.author.id),
    )


def _marked(threads: Iterable[Thread], gates: Mapping[str, Gate]) -> tuple[Thread, ...]:
    """Mark the comments that want an answer, and those of them that are read as a no."""

    def marked(one: Comment) -> Comment:
        gate = gates.get(one.id)
        return replace(one, new=gate in (Gate.REPLY, Gate.JUDGE), no=gate is Gate.JUDGE)

    return tuple(
        replace(thread, comments=tuple(map(marked, thread.comments))) for thread in threads
    )


def _state_after(decision: _Decision, known: ThreadState) -> CommentState:
    before = known.state_of(decision.comment)
    if decision.gate in (Gate.RUN, Gate.CORRECT):
        return before.after_answer()
    return before.without_answer(Decision.SEEN)


_ANSWERED = (Gate.REPLY, Gate.JUDGE, Gate.RUN, Gate.CORRECT)


def _rationed(found: Sequence[_Decision], known: ThreadState) -> list[_Decision]:
    """Leave for tomorrow what people ask beyond the answers of a day; a thread takes one.

    A no is taken as it reads then.

    Words to the reviewer are carried out all the same, and acknowledged first.
    """
    left, granted, rationed = dict(known.answers_left), set[tuple[str, str]](), list[_Decision]()
    for one in found:
        if one.gate is Gate.RUN and one.comment.author.id in left:
            left[one.comment.author.id] -= one.comment.id not in known.granted
    for one in found:
        person = one.comment.author.id
        asks = one.gate in (Gate.REPLY, Gate.JUDGE, Gate.CORRECT) and person in left
        is_new = one.comment.id not in known.granted and (one.thread.id, person) not in granted
        if asks and is_new and left[person] < 1:
            kept = (Gate.ENOUGH, "had the answers of a day")
            gate, reason = (Gate.DISMISS, SETTLED) if one.gate is Gate.JUDGE else kept
            rationed.append(one._replace(gate=gate, reason=reason))
            continue
        if asks and is_new:
            left[person] -= 1
            granted |= {(one.thread.id, person)}
        rationed.append(one)
    return rationed


def _firsts(
    found: Sequence[_Decision], gate: Gate, of: Callable[[_Decision], str]
) -> tuple[_Placed, ...]:
    """Return the first comment with this gate of each thread or person: it is answered once."""
    return tuple({of(one): one[:2] for one in reversed(found) if one.gate is gate}.values())


def shown(comment: Comment) -> str:
    """Return who said what, of a long comment the beginning, for `explain`."""
    guess = f" ({GUESSED})" if comment.author.is_guess else ""
    text = " ".join(comment.plain.split())
    text = text if len(text) <= EXCERPT_CHARS else text[: EXCERPT_CHARS - 1].rstrip() + "…"
    return f"{comment.author.name}{guess}, “{text}”"


def _is_undecided(comment: Comment, thread: Thread, known: ThreadState) -> bool:
    """Tell whether a comment is new, was passed over, or was edited since it was decided.

    The edit time does not show an edit in the very minute in which the comment was listed before;
    its text does. Text is compared only then: later it changes with the name of whoever it
    mentions.
    """
    seen = known.comments.get(comment.id)
    if seen is None or seen.state.waits:
        return True
    if comment.author.kind is not AuthorKind.PERSON or not seen.state.reopens_on_edit:
        return False
    looked = known.looks.get(thread.block_id)
    if looked is not None and looked < comment.edited + SAME_MINUTE:
        is_other_text = bool(seen.text) and seen.text != comment.plain[:KEPT_CHARS]
        return is_other_text or comment.edited > seen.edited
    return comment.edited > seen.edited


def _decide(
    thread: Thread, comment: Comment, known: ThreadState, pending: _PendingCommands
) -> tuple[Gate, str]:
    called, words = _called(comment, known)
    row, to_summary = known.threads.get(thread.id), _answers_summary(comment, thread, known)
    person = quoted(comment.author.name.strip())
    people = [one for one in _after(comment, thread) if one.author.kind is AuthorKind.PERSON]
    own = comment.author.id
    later = [one for one in people if one.author.id == own or promises(one.plain)]
    # A claim in a finding's thread is corrected once.
    corrected = thread.id in known.raised and any(
        seen.thread_id == thread.id
        and seen.state.decision is Decision.ANSWERED
        and is_claim(seen.text)
        for seen in known.comments.values()
    )
    asked = GateInput(
        author=comment.author.kind,
        text=words,
        in_thread=bool(_ours(thread.comments)),
        addressed=called,
        replies=0 if to_summary else replies_so_far(thread, known),
        handed_over=row is not None and row.handed_over and not to_summary,
        old=_is_old(comment, known),
        answered=_is_of_another_life(comment, thread, known),
        finding=thread.id in known.raised,
        to_person=_answers_person(comment, thread),
        asked=to_summary or _answers_question(comment, thread),
        again=thread.id in known.turned_down,
        later=tuple(_called(one, known)[1] for one in later if not pending.includes(one)),
        settled=known.closed.get(thread.id, person) != person,
        corrected=corrected,
        followed=_is_followed(comment, thread),
        claim=known.claims.get(thread.id),
        word=pending.includes(comment),
        idle=comment.id in pending.idle,
        paused=pending.paused or known.asleep,
        unreviewed=known.unreviewed,
    )
    return gate(asked, known.setting, known.limit)


def _answers_person(comment: Comment, thread: Thread) -> bool:
    """Tell whether the comment before is another person's."""
    before = thread.comments[: thread.comments.index(comment)][-1:]
    people = [one.author.id for one in before if one.author.kind is AuthorKind.PERSON]
    return people not in ([], [comment.author.id])


def _answers_question(comment: Comment, thread: Thread) -> bool:
    """Tell whether our last comment before it ends in a question."""
    before = thread.comments[: thread.comments.index(comment)]
    ours = [one.plain for one in before if one.author.kind is AuthorKind.OWN]
    return bool(ours) and has_question_mark(ours[-1].rstrip(CLOSING)[-1:])


def _answers_summary(comment: Comment, thread: Thread, known: ThreadState) -> bool:
    """Tell whether it stands below the question of the summary, and no answer of ours between."""
    before = thread.comments[: thread.comments.index(comment)]
    summary = next((one for one in before if one.id == known.question), None)
    return summary is not None and _ours(before[before.index(summary) + 1 :]) <= known.receipts


def _called(comment: Comment, known: ThreadState) -> tuple[bool, str]:
    mentions = {id_: shown for id_, shown in comment.mentions.items() if id_ in known.own}
    return addressed(comment.plain, known.reviewer, mentions)


def _is_old(comment: Comment, known: ThreadState) -> bool:
    return comment.created < known.baseline.replace(second=0, microsecond=0)


def _is_of_another_life(comment: Comment, thread: Thread, known: ThreadState) -> bool:
    """Tell whether a comment was answered before this state began.

    It stands in a block's thread that the state does not know, with a later comment of ours; or so
    on a prompt page that was never looked at.
    """
    if known.is_prompt:
        return not known.looks and _is_followed(comment, thread)
    if thread.id in known.threads or thread.block_id is None:
        return False
    return _is_followed(comment, thread)


def _is_followed(comment: Comment, thread: Thread) -> bool:
    """Tell whether a comment of ours stands after it."""
    return bool(_ours(_after(comment, thread)))


def _ours(comments: Sequence[Comment]) -> set[str]:
    return {one.id for one in comments if one.author.kind is AuthorKind.OWN}


def _after(comment: Comment, thread: Thread) -> Sequence[Comment]:
    return thread.comments[thread.comments.index(comment) + 1 :]


def replies_so_far(thread: Thread, known: ThreadState) -> int:
    """Return how many answers of ours stand in a thread: as stored, or as listed if that is more.

    A state that was lost knows none. A finding opens its thread; on the page everything shares one
    discussion, summaries too, so there only what is stored counts.
    """
    row = known.threads.get(thread.id)
    listed = len(_ours(thread.comments[1:]) - known.receipts) if thread.block_id else 0
    return max(row.replies if row else 0, listed)
