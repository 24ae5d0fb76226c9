"""The model's words as they may be posted: refused where they tell a secret, else cleaned.

Sentences that give an author nothing to do are left out: praise, talk of the model, commonplaces.
Only what a sentence says as a whole is judged, so that no point is lost with it: "clear, but …"
stays. What needs judgement is left to the model.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import cache

from daemon.domain.findings import title_of
from daemon.domain.phrases import bare
from daemon.domain.values import Block, Finding
from daemon.notion.from_markdown import plain_text, rich_text
from daemon.review.cleaning import (
    CUT,
    REMOVED,
    cleaned,
    has_secret,
    is_repetitive,
    removal_reasons,
    visible,
)
from daemon.review.handles import BRIEF, Handles, opening
from daemon.review.leaks import LeakGuard
from daemon.review.points import REPETITIVE_CHARS
from daemon.review.prompt import clipped, instructions, one_line
from daemon.review.quotes import (
    blocks_with,
    contains_words,
    fold,
    locate_in_blocks,
    nearly_in,
    shortened,
)
from daemon.review.summary import tells_of
from daemon.review.tool_specs import ToolRefusal, listed


# A posted comment begins with its quote; the first characters are enough to find the place.
QUOTE_CHARS = 300
# How many characters of a block a refusal repeats.
ECHO_CHARS = 400
_WORD = re.compile(r"\w+")
TITLE_CHARS = 300  # of a title that is given; what is posted has eight words
_LABEL = re.compile(r"^\s*\[?B[1-9]\d*\]?:\s+(?=\S)")


class SaysNothing(ToolRefusal):
    """Raised for words that are left out without asking for others: that would cost a request."""


class Wording:
    """The words of one review, each held against the rules and against what was said before."""

    def __init__(
        self,
        handles: Handles,
        allowed_links: frozenset[str],
        guard: LeakGuard,
        tools: Sequence[str],
    ) -> None:
        self._tools = tools
        self._handles = handles
        self._allowed_links = allowed_links
        self._guard = guard
        self._said: list[str] = []
        # Words in place of the handles of other documents.
        self.titled: Callable[[str], str] = str

    def for_people(self, text: str, limit: int, own: str = "") -> str:
        """Return a text as it may be posted: no protocol, and words instead of handles.

        `own` is the id of the block that it is posted on.
        """
        spelled = self._handles.spelled_out(self._spoken(text), own)
        room = REPETITIVE_CHARS if is_repetitive(text) else limit
        return cleaned(spelled, self._allowed_links, room)

    def _spoken(self, text: str) -> str:
        from daemon.review.protocol import spoken  # its patterns take a while to compile

        return self.titled(visible(without_noise(spoken(text, self._tools))))

    def refuse(self, text: str) -> None:
        """Do nothing with a text that may be posted.

        Raises:
            ToolRefusal: It holds a secret, repeats the instructions, or tells too much of the
                background pages.
        """
        guard = self._guard
        if guard.reveals_secret(text) or guard.reveal_secret_together([*self._said, text]):
            raise ToolRefusal("the text holds a secret of this program; say it without")
        if guard.reveals_instructions(text):
            raise ToolRefusal("the text repeats your instructions; say it in words of your own")
        if guard.reveals_background(text, self._said):
            raise ToolRefusal(
                "your texts together tell too much of the background pages; name the page instead"
            )

    def placed(self, quote: str, named: Block) -> tuple[Block, str]:
        """Return the block that has a quote, the named one before others, and its words there.

        Raises:
            ToolRefusal: No block has it, several others have, or it holds a secret.
        """
        if not quote.strip():
            raise ToolRefusal("the quote is empty; quote the words that the comment is about")
        blocks, handles = [*self._handles.blocks.values()], self._handles.of_block
        found = locate_in_blocks(quote, named, blocks)
        if found is None:
            says = clipped(one_line(named.line), ECHO_CHARS)
            if others := [handles[block.id] for block in blocks_with(quote, blocks)]:
                where = f" but in {listed(others)}; name the one you mean"
            elif near := nearly_in(quote, blocks):
                words = shortened(near[1], QUOTE_CHARS)
                where = f" but nearly in {handles[near[0].id]}; quote from there: “{words}”"
            else:
                where = f"; quote from it exactly. It says: {says}"
            raise ToolRefusal(f"these words do not stand in {handles[named.id]}{where}")
        self.refuse_quote(found[1])
        return found[0], shortened(visible(found[1]), QUOTE_CHARS)

    def refuse_quote(self, quote: str) -> None:
        """Do nothing with a quote that may be posted.

        Raises:
            ToolRefusal: It holds a secret.
        """
        if has_secret(quote) or self._guard.reveals_secret(quote):
            raise ToolRefusal("these words hold what looks like a secret; quote others beside it")

    def remember(self, text: str) -> None:
        """Keep a text that is said: a secret or a background page may be told in parts."""
        self._said.append(text)

    def noted(self, text: str, posted: str, title: str = "", reads: str = "") -> str:
        """Remember a text and its title; return what the model is told: what reads otherwise."""
        self.remember(text)
        changed, cut = self.changes("title", title, ""), "is cut and " * reads.endswith("…")
        differs = title.strip() and _WORD.findall(title) != _WORD.findall(reads)
        if changed or cut or differs:
            changed.append(f"the title {cut}reads: {reads}")
        return "; ".join(["noted", *self.changes("text", text, posted), *changed])

    def changes(self, what: str, given: str, posted: str) -> list[str]:
        """Return what is posted otherwise than it was given, in words for the model."""
        out = ", ".join(removal_reasons(given, self._allowed_links))
        found = [f"removed from the {what}: {out}"] if out else []
        return (
            [*found, f"the {what} is too long and is cut"]
            if one_line(CUT) in one_line(posted)
            else found
        )

    def words(self, text: str, limit: int, own: str = "", *, may_be_blank: bool = False) -> str:
        """Return a text as it may be posted; "" where nothing of it may, and that is no matter.

        Raises:
            SaysNothing: It is praise, talk of the model, or a commonplace.
            ToolRefusal: Nothing of it may.
        """
        self.refuse(text)
        words = self.for_people(text, limit, own)
        if not _says_something(_without_notes(words)):
            if may_be_blank:
                return ""
            if _says_something(text) and not without_noise(text):
                raise SaysNothing("left out: it gives the author nothing to do")
            raise ToolRefusal("the text is empty; say what is the matter in words")
        return words

    def title(self, given: str, words: str) -> str:
        """Return a title of at most eight words: as it is given, or made from the words."""
        try:
            self.refuse(given)
        except ToolRefusal:
            given = ""
        # The handle of the own block, as a label, says nothing.
        spoken = self._spoken(_LABEL.sub("", given))
        plain = _without_notes(cleaned(spoken, self._allowed_links, TITLE_CHARS))
        if not _says_something(plain):
            return title_of(_without_notes(words))
        # A handle counts as one word.
        spelled = self._handles.spelled_out(title_of(plain), briefly=True)
        return cleaned(spelled, self._allowed_links, TITLE_CHARS)

    def offered(self, given: str, quote: str, block: str, known: Sequence[str]) -> tuple[str, str]:
        """Return the wording that is offered in place of a quote, without marks; "" for none.

        Beside it stands why it is left out: it names what nobody wrote, is too long, or says
        nothing new; "" where it is not.

        Args:
            given: The model's words.
            quote: What they are to replace.
            block: The text of its block.
            known: What the page and the prompt page say.

        Raises:
            ToolRefusal: It reveals what may not be posted.
        """
        if not given.strip():
            return "", ""
        words = " ".join(plain_text(rich_text(visible(given))).split())
        # Markdown decodes what its source does not show.
        for text in (given, words):
            self.refuse(text)
        links = self._allowed_links
        out = ", ".join(removal_reasons(given, links) or removal_reasons(words, links))
        if not out and cleaned(words, links, len(words)) != words:
            out = "what may not be posted"
        stands = contains_words(words, block) and not contains_words(words, quote)
        if out:
            why = f"it holds {out}"
        elif len(words) > INSTEAD * len(quote):
            why = f"it is longer than {INSTEAD} times the quote"
        elif new := invented(words, known):
            why = f"neither the document nor the prompt has {', '.join(new)}"
        elif stands or fold(words).text == fold(quote).text or not _says_something(words):
            why = "it says nothing that does not stand there"
        else:
            self.remember(words)
            return words, ""
        return "", f"instead is left out: {why}"


# So many times as long as its quote may a wording be that is offered instead.
INSTEAD = 2
_COUNTS = (
    "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|"
    "seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|"
    "thousand|million|billion|dozen|half|twice"
)
_FIGURE = re.compile(rf"\d+(?:[.,:/-]\d+)*|\b(?:{_COUNTS})\b", re.IGNORECASE)
_TOKEN = re.compile(r"(?:\w[\u0300-\u036f]*)+")  # with the accents that stand apart
# Letters that a word must share with one that is known, where it may be another form of it.
STEM, ENDING = 4, 3


def invented(words: str, known: Iterable[str]) -> list[str]:
    """Return the figures and names in a text that nobody wrote, as they stand there.

    A name is a word with a capital, or with an underscore. A form of a known word is no name, nor
    is a word of the program's own instructions, with which a sentence may begin.
    """
    said = fold("\n".join(known)).text
    figures = {*_FIGURE.findall(said), *re.findall(r"\d+", said)}
    own = {*_TOKEN.findall(said), *_TOKEN.findall(fold(instructions()).text)}
    found = [one for one in _FIGURE.findall(fold(words).text) if one not in figures]
    for one in _TOKEN.findall(unicodedata.normalize("NFKC", words)):
        parts = _TOKEN.findall(fold(one).text)
        if own.issuperset(parts) or not ("_" in one or any(map(str.isupper, one))):
            continue
        stem = parts[0][: max(len(parts[0]) - ENDING, STEM)]
        is_form = one[1:].islower() and len(one) > STEM
        if not (is_form and any(other.startswith(stem) for other in own)):
            found.append(one)
    return list(dict.fromkeys(found))


def _without_notes(text: str) -> str:
    """Return a text without the notes that something was removed from it."""
    return text.replace(REMOVED, "")


def _says_something(text: str) -> bool:
    return any(char.isalnum() for char in text)


# In a longer text a sentence may stand twice for a reason.
SHORT_CHARS = 1_000
# A sentence ends with its mark and a blank, or with its line.
_SENTENCES = re.compile(r"(?<=[.!?…])[ \t]+(?=\S)|(\n+)")
_GOOD = (
    r"(?:(?:very|really|quite|overall|already|generally) )*"
    r"(?:good|great|excellent|nice|solid|strong|clear|comprehensive|thorough|detailed|impressive"
    r"|well (?:written|structured|organi[sz]ed|thought out|documented|explained|done))"
)
_WORK = (
    r"(?:rfc|document|proposal|design|plan|text|page|section|draft|job|work|write ?up|overview"
    r"|introduction|summary|start|effort|read)"
)
# What introduces words that may hold a point: only this part is dropped.
_OPENING = re.compile(
    r"(?:as|being) an? (?:(?:large|artificial|automated|helpful) )*"
    r"(?:ai|language model|llm|assistant|reviewer|bot)\b[^,.:;]{0,40}[,:]\s*"
    r"|here (?:is|are) (?:my|the|some) (?:review|comments?|feedback|thoughts|suggestions)"
    r"[^.:]{0,40}:\s*",
    re.IGNORECASE,
)
_NEEDED = r"(?:more|some|further|additional|better) (?:details?|information|context|clarity)"


@cache
def _empty() -> re.Pattern[str]:
    """Return the pattern of a sentence without substance, as `bare` leaves it."""
    no_turn = r"(?: (?!but|however|except|yet|though|although|still)\w+){1,5}"
    praise = (
        rf"{_GOOD} (?:{_WORK} ?)+(?: (?:on|of|with|to){no_turn})?"
        rf"|(?:overall )?(?:this|the|your) (?:{_WORK} ?)+ (?:is|looks|reads|seems) (?:an? )?"
        rf"{_GOOD}(?: and {_GOOD})*(?: (?:{_WORK}|overall|already))?"
        rf"|(?:overall )?(?:this|it) is an? {_GOOD}(?: and {_GOOD})* {_WORK}"
        r"|well done|keep up the good work"
    )
    itself = (
        r"i am (?:just |only )?an? (?:\w+ ){0,3}(?:ai|model|assistant|bot|llm)"
        rf"|i have (?:carefully |now )?(?:reviewed|read|analy[sz]ed) (?:this|the|your) {_WORK}"
        r"|(?:i )?hope this helps|let me know if you (?:have|need).{1,40}"
        r"|feel free to (?:ask|reach out|contact).{0,40}"
        r"|i (?:would be |am )?happy to (?:help|assist|review).{0,40}"
    )
    commonplace = (
        r"(?:\w+ ){1,4}(?:is|are) (?:always |very |also )*"
        r"(?:important|crucial|essential|critical|vital|key)"
        r"|(?:please |you could |you should |consider |i suggest )*"
        rf"(?:add|adding|provid(?:e|ing)|includ(?:e|ing)) {_NEEDED}(?: here)?"
        r"|(?:this|the) (?:\w+ )?(?:could|should|needs to) be"
        r" (?:improved|clearer|more detailed|expanded|clarified)(?: further)?"
        rf"|(?:this|the) (?:\w+ )?(?:needs|lacks|could use) (?:{_NEEDED})"
    )
    return re.compile(f"(?:{praise}|{itself}|{commonplace})")


def without_noise(text: str) -> str:
    """Return a text without sentences that say nothing, and a short one without doubled ones."""
    if "```" in text:
        return text  # lines of code may well be alike
    parts = _SENTENCES.split(text)
    kept, said = list[str](), set[str]()
    for sentence, gap in zip(parts[::2], [*parts[1::2], ""], strict=True):
        opening = _OPENING.match(sentence)
        shown = sentence[opening.end() :] if opening else sentence
        words = bare(shown)
        if words and (words in said or _empty().fullmatch(words)):
            shown = ""
        elif words.count(" ") > 1 and len(text) <= SHORT_CHARS:
            said.add(words)
        if shown != sentence and shown:
            shown = shown[0].upper() + shown[1:]
        kept += [shown, gap or ("" if not shown else " ")]
    return text if "".join(parts[::2]) == "".join(kept[::2]) else "".join(kept).strip()


_SENTENCE = re.compile(r"(?<=[.!?…])[ \t]+(?=\S)|\n+")


def unsaid(text: str, refuted: Iterable[Finding], handles: Handles) -> str:
    """Return a text without the sentences that tell of a refuted point.

    Such a one names the point's block, or half of the words of weight in its title.
    """
    about = []
    for one in refuted:
        words = opening(handles.blocks[handles.of_block[one.block_id]], BRIEF).rstrip("…")
        about.append((one.title, words if _says_something(words) else ""))

    def tells(sentence: str) -> bool:
        return any(tells_of(sentence, title, block) for title, block in about)

    if not about or not any(map(tells, _SENTENCE.split(text))):
        return text
    return " ".join(one for one in _SENTENCE.split(text) if one and not tells(one))
