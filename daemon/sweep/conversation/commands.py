"""Words to the reviewer: those that code carries out, how they are heard, what is answered."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from daemon.domain.notation import counted
from daemon.domain.phrases import (
    FOR_LATER,
    WORDS,
    asks,
    clauses,
    has_question_mark,
    is_claim,
    phrases,
    without_courtesy,
)
from daemon.domain.values import Comment, Finding, Source, Thread
from daemon.notion.from_markdown import quoted
from daemon.sweep.conversation.stance import is_acknowledgement, is_dismissal


class Command(StrEnum):
    """A word to the reviewer; `report` and `adopt` are words on a prompt page alone."""

    PAUSE = "pause"
    RESUME = "resume"
    REVIEW_AGAIN = "review again"
    WHY = "why"
    MORE = "more"  # in the page's own thread: elsewhere it asks for more words
    HELP = "help"
    REPORT = "report"
    ADOPT = "adopt"


ON_PROMPT_PAGE = (Command.PAUSE, Command.RESUME, Command.REPORT, Command.ADOPT, Command.HELP)


PAUSED = (
    "Paused: I leave this page alone until {end}somebody writes `resume` to me here. "
    "What is asked meanwhile waits until then."
)
RESUMED = "Resumed: I read this page again, and answer what was asked meanwhile."
NOT_PAUSED = "I was not paused on this page; I go on as before."
AGAIN = "I will review this page again shortly, whether or not it has changed."
FIRST_TIME = "I will review this page shortly."
NOTHING_KEPT = "I keep nothing back: all that I found and that still holds is posted."
ALL_LOST = "What I kept back no longer stands in the text."
ASLEEP = (
    "Besides, everything that is reviewed under my prompt is paused until somebody writes `resume` "
    "on the prompt's page."
)

_PAUSE_FOR = re.compile(
    r"[\s,:;–—-]*pause\s+(?:for\s+)?(?P<number>\d{1,3}|an?|one)\s*"  # noqa: RUF001
    r"(?P<unit>m(?:in(?:ute)?s?)?|h(?:ours?|rs?)?|d(?:ays?)?|w(?:eeks?)?)[\s,–—-]*[.!]?\s*",  # noqa: RUF001
    re.IGNORECASE,
)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

# Around the word, what is left of "RFC reviewer, pause" or "pause, RFC reviewer".
_SPOKEN = re.compile(r"[\s,:;–—-]*([a-z]+(?:\s+[a-z]+)?)[\s,–—-]*[.!?]?\s*", re.IGNORECASE)  # noqa: RUF001


def pause_in(text: str) -> timedelta | None:
    """Return for how long a comment pauses the page, such as `pause 7d`; None where it does not."""
    if not (said := _PAUSE_FOR.fullmatch(text)):
        return None
    number = int(said["number"]) if said["number"].isdecimal() else 1
    return timedelta(**{_UNITS[said["unit"][0].lower()]: number}) or None


def paused(until: datetime | None) -> str:
    """Acknowledge that a page is paused."""
    return PAUSED.format(end=f"{until:%Y-%m-%d %H:%M} UTC, or until " if until else "")


def command_in(text: str) -> Command | None:
    """Return the word that a comment consists of, once the reviewer's name is taken off.

    Capitals, spaces and one mark at the end do not count; "please" or anything else does.
    """
    spoken = _SPOKEN.fullmatch(text)
    if spoken is None:
        return None
    words = " ".join(spoken[1].casefold().split())
    return Command(words) if words in tuple(Command) else None


# What is asked for in other words is answered with the word: who asks sees what will happen.
_WORD_FOR = {
    Command.PAUSE: (
        "Write only `pause` here, and I leave this page alone until `resume`; "
        "`pause 7d` lasts seven days. Until you do, I read it as before."
    ),
    Command.RESUME: "Write only `resume` here, and I take this page up again.",
    Command.MORE: (
        "Write only `more` in the thread of my summary, or with my name, "
        "and I post the next points that I kept back."
    ),
    Command.HELP: (
        "To drop a point, answer no in its thread. A comment with one of these words alone:\n"
        + "".join(f"• `{word}` {does}\n" for word, does in WORDS.items())
        + "Ask anything else in your own words. "
        "What I look for in all documents, the owner of my prompt can change."
    ),
}
_PAGE = r"""(?:page|document|doc|rfc|proposal|draft|seite|dokument|entwurf|vorschlag|proposition
    |pagina|documento|propuesta|proposta|voorstel|strone|страницу|документ)"""
_AGAIN = r"""(?:again|once\ more|(?:noch\ ?(?:ein)?mals?|erneut)|encore(?:\ une\ fois)?
    |[ad]e?\ nouveau|de\ nuevo|otra\ vez|de\ novo|novamente|outra\ vez|di\ nuovo|ancora
    |nog\ (?:eens|een\ keer)|opnieuw|ponownie|jeszcze\ raz|еще\ раз|снова)"""
_TO_REVIEW = r"""(?:(?:re\ ?)?(?:review|check|read|assess|examine)|(?:look|go)\ (?:at|over|through)
    |(?:have|take)\ (?:a|another)\ look\ at|reviewe|(?:uber)?prufe?|lies
    |(?:schau|sieh)(?:\ dir)?
    |relis(?:ez)?|relire|rev(?:ois|oyez|oir)|examinez?|verifiez?|revis[ae]r?|mir[ae]|reveja|analis[ae]
    |rived(?:i|a|ere)|controll(?:i|a|are)|rilegg(?:i|a|ere)|beoordeel|bekijk|controleer|lees
    |(?:sprawdz|przejrzyj|zrecenzuj|przeczytaj)(?:cie)?
    |(?:проверь|посмотри|просмотри|прочитаи)(?:те)?)"""
_THIS = r"""(?:this|the|our|my|that|diese[snm]?|die|das|den|cette|la|ce|le|est[ae]|el|[ao]|quest[ao]
    |il|deze|de|dit|het|te|ten|эту|этот)"""
# Requests that name the page, or ask for one more review, wherever they stand ...
_REVIEW_OF_PAGE = re.compile(
    rf"""{_TO_REVIEW}(?:\ {_AGAIN})?\ {_THIS}(?:\ (?:whole|entire|new|ganze))?\ {_PAGE}
    (?:\ (?:an|durch))?(?:\ {_AGAIN}|\ (?:for|as|before|when|once|too|with|from|and)\ .*)?
    |(?:re\ ?review|(?:review|reviewe|(?:uber)?prufe?|relis(?:ez)?|revis[ae]r?|reveja|rivedi
    |beoordeel|(?:sprawdz|przejrzyj|проверь|посмотри)(?:cie|те)?)
    (?:\ (?:it|this|that|es|das|het|dit))?\ {_AGAIN})
    |re\ ?review(?:\ (?:it|this))?
    |(?:do|run|start|make)\ (?:a|another|a\ new)\ review
    (?:\ {_AGAIN})?(?:\ (?:here|(?:of|for)\ .*))?
    |(?:{_THIS}\ {_PAGE}\ )?(?:bitte\ )?(?:{_AGAIN}\ )?(?:uber)?(?:prufen|reviewen|durchsehen)
    |(?:vuelv[ea]|volver)\ a\ revisar(?:\ .*)?|сделаи(?:те)?\ ревью""",
    re.VERBOSE,
)
# ... and those that only the reviewer's name makes clear.
_REVIEW_IF_CALLED = re.compile(
    rf"""(?:review|check|look\ at)(?:\ (?:it|this))?|(?:look|check)\ again
    |(?:a|another|your)\ review
    |(?:have|take)\ (?:a|another)\ look(?:\ at\ (?:it|this))?|give\ (?:it|this)\ another\ look
    |{_TO_REVIEW}(?:\ (?:it|this|es|das|la|lo|het|dit))?\ {_AGAIN}""",
    re.VERBOSE,
)
_REVIEW_JOINED = phrases(
    """
    このページをレビュー|レビューしてください|レビューをお願い|もう一度レビュー|再レビュー
    请审阅|请审查|请评审|審閱|审阅此页|审阅这个页面|审查这个页面|评审这个页面|重新审阅|重新审查|重新评审|再审
    이 페이지를 검토|검토해 주세요|검토해주세요|다시 검토|리뷰해 주세요|리뷰해주세요|다시 리뷰
    """
)
_OTHER_WORDS = {
    Command.PAUSE: re.compile(
        rf"""pause(?:\ (?:{_THIS}\ {_PAGE}|here|it|your|reviewing|reviews|until|for)\b.*)?
        |(?:stop|quit|no\ more)\ (?:reviewing|reviews|commenting|comments|posting|writing)\b.*
        |(?:dont|do\ not|never)\ (?:review|comment\ on|read)\ {_THIS}\ {_PAGE}\b.*
        |(?:ignore|skip|mute|leave)\ {_THIS}\ {_PAGE}\b.*|leave\ (?:us|me)\ alone
        |pausiere?\b.*|{_THIS}\ {_PAGE}\ (?:pausieren|ignorieren)|hor\ auf\ zu\ \w+
        |lass\ {_THIS}\ {_PAGE}\ in\ ruhe|ignorier\w*\ {_THIS}\ {_PAGE}
        |(?:kommentiere|prufe)\ {_THIS}\ {_PAGE}\ nicht(?:\ mehr)?
        |(?:mets|mettez|fais|faites)\b.*\ pause|arretez?\ de\ \w+|ne\ commentez?\ (?:plus|pas)\b.*
        |ignorez?\ cette\ page|paus[ae]\ est[ae]\ pagina|(?:dej[ae]|par[ae]|pare)\ de\ comentar
        |no\ comentes\b.*|nao\ comente\b.*|(?:metti|metta)\b.*\ in\ pausa|smetti\ di\ \w+
        |pauzeer\b.*|stop\ met\ \w+|laat\ deze\ pagina\ met\ rust|wstrzymaj\b.*|nie\ komentuj\b.*
        |поставь(?:те)?\ на\ паузу|не\ комментируи(?:те)?\b.*|прекрати(?:те)?\ \w+""",
        re.VERBOSE,
    ),
    Command.RESUME: re.compile(
        rf"""(?:resume|unpause)(?:\ (?:{_THIS}\ {_PAGE}|here|it|your|reviewing|reviews)\b.*)?
        |(?:start|continue|go\ on|carry\ on)\ (?:reviewing|with\ the\ reviews?)\b.*
        |take\ {_THIS}\ {_PAGE}\ up\ again|mach\ weiter|nimm\ {_THIS}\ {_PAGE}\ wieder\ auf
        |reprends\b.*|reprenez\b.*|reanud[ae]\b.*|retom[ae]\b.*|riprendi\b.*|hervat\b.*|ga\ verder
        |wznow\b.*|возобнови(?:те)?\b.*""",
        re.VERBOSE,
    ),
    Command.MORE: re.compile(
        r"""(?:show|post|give)\ (?:(?:me|us)\ )?(?:more|the\ (?:rest|others?|other\ points|next))
        |(?:the\ )?(?:other|next|remaining)\ points|the\ rest|more(?:\ points)?
        |(?:zeig|zeige|poste)\ (?:mir\ )?(?:mehr|den\ rest|die\ anderen|die\ ubrigen)\b.*
        |(?:montre|montrez)\ (?:moi\ )?(?:le\ reste|les\ autres)|muestra(?:me)?\ (?:mas|el\ resto)
        |mostr[ae]\ (?:mais|o\ resto)|mostra(?:mi)?\ (?:il\ resto|gli\ altri)
        |toon\ (?:meer|de\ rest)""",
        re.VERBOSE,
    ),
    Command.WHY: re.compile(
        rf"""when|wann|quand|cuando|when\ (?:do|will|are)\ you\ (?:going\ to\ )?{_TO_REVIEW}\b.*
        |when\ (?:will|is)\ (?:it|{_THIS}(?:\ {_PAGE})?)\ (?:going\ to\ )?be\ (?:reviewed|read)\b.*
        |why\ (?:does|is)\ (?:it|{_THIS}(?:\ {_PAGE})?)(?:\ still)?\ wait(?:ing)?(?:\ .*)?
        |why\ (?:was|is|has)\ (?:it|{_THIS}(?:\ {_PAGE})?)\ not\ (?:been\ )?(?:yet\ )?reviewed\b.*
        |why\ (?:is\ there\ )?no\ review(?:\ yet)?|what\ are\ you\ waiting\ for
        |worauf\ wartest\ du|warum\ wartet\ {_THIS}\ {_PAGE}""",
        re.VERBOSE,
    ),
    Command.HELP: re.compile(
        r"""help(?:\ me)?|hilfe|hilf\ mir|aide(?:z\ moi)?|ayuda(?:me)?|ajuda|aiuto|pomoc|помощь
        |(?:what|which)\ (?:words|commands)\ (?:are\ there|do\ you\ (?:know|obey|take|understand)
        |can\ (?:i|we)\ (?:use|write))(?:\ here)?
        |what\ can\ (?:i|we)\ (?:write|tell\ you)(?:\ here)?
        |what\ can\ you\ do(?:\ (?:here|for\ (?:me|us)))?
        |how\ (?:do|can)\ (?:i|we)\ (?:use|stop)\ you
        |was\ kann\ (?:ich|man)\ (?:dir\ )?(?:hier\ )?(?:schreiben|sagen)|was\ kannst\ du
        |que\ puis\ je\ (?:ecrire|dire)(?:\ ici)?|que\ peux\ tu\ faire
        |que\ puedo\ (?:escribir|decir)(?:\ aqui)?""",
        re.VERBOSE,
    ),
}

_ORIGIN = re.compile(
    r"""why\ (?:did|do)\ you\ (?:comment|write|say|post|raise)(?:\ on)?(?:\ (?:this|that|it|here))?
    |why\ (?:this|that)\ (?:comment|point)|where\ (?:does|did)\ (?:this|that|it)\ come\ from
    |who\ (?:wrote|made|raised|says|said)\ (?:this|that|it)|who\ are\ you""",
    re.VERBOSE,
)
_STEERS = re.compile(rf"(?:pause|resume|unpause|pausiere)\ {_THIS}\ {_PAGE}", re.VERBOSE)


def command_in_words(text: str, *, called: bool) -> Command | None:
    """Return the command that a comment asks for in other words, such as "please review this page".

    A review for later is none. Where the comment does not call the reviewer, nothing else may stand
    in it but thanks, or that something was changed; after "please pause this page" also why.
    """
    whole = [(clause, without_courtesy(clause)) for clause in clauses(text)]
    said = [(clause, core) for clause, core in whole if core]
    for clause, core in said:
        if word := _asked_for(core, called=called):
            others = [one for one, _ in said if one != clause]
            is_later = FOR_LATER.search(core) or any(map(FOR_LATER.match, others))
            if word is Command.REVIEW_AGAIN and is_later:
                return None
            if called:
                return None if any(map(asks, others)) else word
            is_all = all(is_acknowledgement(one) or is_claim(one) for one in others)
            if is_all:
                return word
            # A reason may follow a plain request, which is answered with the word alone.
            is_plain = clause == whole[0][0] and _STEERS.fullmatch(core)
            return word if is_plain and not asks(text) and not is_dismissal(text) else None
    return None


def _asked_for(core: str, *, called: bool) -> Command | None:
    if (
        _REVIEW_OF_PAGE.fullmatch(core)
        or (called and _REVIEW_IF_CALLED.fullmatch(core))
        or any(words in core for words in _REVIEW_JOINED)
    ):
        return Command.REVIEW_AGAIN
    return next((word for word, form in _OTHER_WORDS.items() if form.fullmatch(core)), None)


def addressed(text: str, name: str, mentions: Mapping[str, str]) -> tuple[bool, str]:
    """Tell whether a comment calls the reviewer; return with it what it says besides.

    Args:
        text: The comment without marks.
        name: The reviewer's name.
        mentions: How the text shows each of the reviewer's own users that it mentions, by id.
    """
    rest = text
    for shown in mentions.values():
        rest = rest.replace(shown, " ", 1)
    if name.strip():
        spelled = r"\s+".join(map(re.escape, name.split()))
        rest = re.sub(rf"(?<![\w@])@?{spelled}(?!\w)", " ", rest, flags=re.IGNORECASE)
    if rest == text:
        return False, text
    # The bare name calls the reviewer: no acknowledgement.
    return True, rest if any(char.isalnum() for char in rest) else text


@dataclass(frozen=True, slots=True)
class CommandComment:
    """A word to the reviewer, where it stands, and whether the page was paused just before it.

    `is_hint` says that it was asked for in other words: it is answered with the word, and who asks
    so why the page waits, with that. `lasts` is
    for how long it pauses the page; None for no end. `ends` says that the pause before it had one.
    """

    word: Command
    thread: Thread
    comment: Comment
    paused: bool = False
    ends: bool = False
    is_hint: bool = False
    lasts: timedelta | None = None

    @classmethod
    def of(cls, thread: Thread, comment: Comment, words: str, *, called: bool) -> Self | None:
        """Return what a comment asks for; None where it holds no word to the reviewer.

        A review is carried out in whatever words it is asked for.
        """
        if lasts := pause_in(words):
            return cls(Command.PAUSE, thread, comment, lasts=lasts)
        said = clauses(words)
        word = Command.WHY if len(said) == 1 and _ORIGIN.fullmatch(said[0]) else command_in(words)
        word = None if word in (Command.REPORT, Command.ADOPT) else word
        meant = word or command_in_words(words, called=called)
        is_word = called or not thread.block_id or (word is not None and word is not Command.MORE)
        if meant is None or (meant in (Command.MORE, Command.HELP, Command.WHY) and not is_word):
            return None
        is_hint = word is None and meant is not Command.REVIEW_AGAIN
        return cls(meant, thread, comment, is_hint=is_hint)

    @classmethod
    def on_prompt_page(
        cls, thread: Thread, comment: Comment, words: str, *, called: bool
    ) -> Self | None:
        """Return what a comment on a prompt page asks for; what else is said to us wants help."""
        if lasts := pause_in(words):
            return cls(Command.PAUSE, thread, comment, lasts=lasts)
        word = command_in(words)
        if word in ON_PROMPT_PAGE:
            return cls(word, thread, comment)
        asks_for = word or command_in_words(words, called=called)
        is_for_us = asks_for or (called and not is_acknowledgement(words))
        return cls(Command.HELP, thread, comment) if is_for_us else None

    def is_question(self, raised: Finding | None, *, waits: bool) -> bool:
        """Tell whether the model answers it: “why?” to a point of its own, or “when?” of no wait.

        Args:
            raised: The finding that began the thread; None where none did.
            waits: Whether the page waits for something.
        """
        if self.word is not Command.WHY or self.is_hint:
            return self.word is Command.WHY and not waits
        is_own = raised is not None and raised.source is Source.MODEL
        is_bare = clauses(self.comment.plain)[-1:] == [Command.WHY.value]
        return is_own and is_bare and has_question_mark(self.comment.plain)

    @property
    def paused_after(self) -> bool:
        """Whether the page is paused after it."""
        if self.is_hint:
            return self.paused
        return {Command.PAUSE: True, Command.RESUME: False}.get(self.word, self.paused)

    @property
    def ends_after(self) -> bool:
        """Whether the page is paused after it, until a time."""
        if self.is_hint or self.word not in (Command.PAUSE, Command.RESUME):
            return self.ends
        return self.lasts is not None

    @property
    def is_idle(self) -> bool:
        """Whether it changes nothing and needs no answer: the page is silent already."""
        changes_end = self.ends and not self.is_hint
        return self.word is Command.PAUSE and self.paused and not (self.lasts or changes_end)

    @property
    def waits(self) -> bool:
        """Whether it has to wait while the page is paused."""
        is_why = self.word is Command.WHY and not self.is_hint
        return is_why or self.word in (Command.REVIEW_AGAIN, Command.MORE)


def in_order(
    said: Iterable[CommandComment], *, paused: bool, ends: bool
) -> tuple[CommandComment, ...]:
    """Return words in the order in which they were said, each with how the page stood before."""
    out: list[CommandComment] = []
    for one in sorted(said, key=lambda one: one.comment.created):
        out.append(replace(one, paused=paused, ends=ends))
        paused, ends = out[-1].paused_after, out[-1].ends_after
    return tuple(out)


def told_word(said: CommandComment) -> str:
    """Return the word that does what was asked for in other words, or all of them."""
    if said.word is Command.RESUME and not said.paused:
        return NOT_PAUSED
    return _WORD_FOR[said.word]


def more_posted(posted: Sequence[Finding], left: int, lost: int) -> str:
    """Tell which findings that were kept are posted now, and how many are left, or lost."""
    if not posted:
        return ALL_LOST if lost else NOTHING_KEPT
    named = "; ".join(f"“{quoted(one.title)}”" for one in posted)
    rest = f" {counted(left, 'point')} left: write `more` again." if left else ""
    gone = f" What else I kept back ({counted(lost, 'point')}) no longer stands in the text."
    return f"I post these now: {named}.{rest}{gone * bool(lost)}"
