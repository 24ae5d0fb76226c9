"""What short comments say, in the languages people write them in: a question, a change made."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable


_BREAKS = re.compile(r"[.!,;:\n()…·、。！，；：・،؛।–—]+|(?<!\w)-+|-+(?!\w)")  # noqa: RUF001 - as typed
_ADDRESS = re.compile(r"https?://\S*\w")  # its question mark asks nothing
_MINUS = re.compile(r"(?<!\w)[-−–]1\b")  # noqa: RUF001 - as typed
_ASKING = re.compile(
    r"(?:(?:so|and|but|then|ok|no|hm+|und|aber|et|mais|y|pero) )*"
    r"(?:what|why|how|which|who|whose|where|when|can (?:you|we|i)|could (?:you|we|i)"
    r"|would (?:you|it)|do (?:you|we|i)|does|did|should (?:we|i)|is (?:it|that|this|there|any\w*)"
    r"|are (?:you|there|they|we)|has (?:it|this|that|any\w*)|have (?:you|we|they)"
    r"|will (?:it|this|that|you|we|they)"
    # "As I said" asks nothing.
    r"|was|warum|wieso|weshalb|wie(?! (?:schon |bereits |oben )?(?:gesagt|besprochen|erwahnt"
    r"|geschrieben|beschrieben|vereinbart))|welche\w*|kannst|konnen"
    r"|pourquoi|comment|quel\w*|que veux|porque|por que|como(?! (?:(?:ya|ja) )?(?:dije|dijimos"
    r"|disse|dissemos))|cual\w*|perche|come(?! (?:(?:gia|ho|abbiamo) )*detto)|quale|quali"
    r"|waarom|hoe|welke|почему|зачем|как|какои|какие)\b"
)
# The words to the reviewer, with what each does: people and models are told the same ones.
WORDS = {
    "review again": "makes me read the page again",
    "more": "makes me post the next points that I kept back",
    "why": "tells what a point rests on, what settles it and where it comes from",
    "pause": "makes me leave this page alone until `resume`",
    "pause 7d": "does so for seven days",
    "resume": "makes me take the page up again",
    "help": "tells these words",
}


def bare(text: str) -> str:
    """Keep letters and digits, folded and without accents, one space between words."""
    text = text.casefold().replace("'", "").replace("’", "")  # noqa: RUF001 - as people type it
    parts = unicodedata.normalize("NFKD", text)
    kept = (char if char.isalnum() else " " for char in parts if not unicodedata.combining(char))
    return " ".join("".join(kept).split())


def clauses(text: str) -> list[str]:
    """Return the clauses of a text, each bare."""
    found = _BREAKS.split(_MINUS.sub(" minus one ", text))
    return [words for clause in found if (words := bare(clause))]


def phrases(table: str) -> frozenset[str]:
    """Read a table of phrases: one line or several, `|` between them."""
    return frozenset(words for one in table.replace("\n", "|").split("|") if (words := bare(one)))


# What may stand after the mark that ends a sentence.
CLOSING = " \n\"')*_`\u2019\u201c\u201d\u00bb"


def has_question_mark(text: str) -> bool:
    """Tell whether a text has the question mark of any script, outside of web addresses."""
    said = _ADDRESS.sub(" ", text)
    return any("QUESTION MARK" in unicodedata.name(char, "") for char in said)


def asks(text: str) -> bool:
    """Tell whether a text asks for something.

    It has a question mark, a clause begins as a question does, or it asks for words: "no, unless
    you can tell me why".
    """
    return has_question_mark(text) or any(
        _ASKING.match(clause)
        or _ASKING_FOR_WORDS.search(clause)
        or any(words in clause for words in _ASKING_FOR_WORDS_JOINED)
        for clause in clauses(text)
    )


def begins(clause: str, known: Iterable[str]) -> bool:
    """Tell whether a clause is one of the phrases, or goes on after it."""
    return any(clause == one or clause.startswith(f"{one} ") for one in known)


# Somebody who leaves a reason open wants to hear it, whatever the rest of the clause says.
_ASKING_FOR_WORDS = re.compile(
    r"""\b(?:(?:tell|show|convince|persuade|correct)\ (?:me|us)|let\ (?:me|us)\ know
    |unless\ (?:you|im|i\ am|i|we)|help\ me\ understand|(?:am\ i|did\ i|if\ im)\ miss\w*|thoughts
    |if\ you\ (?:see|spot|disagree|object|think\ otherwise|know\ better)|(?:^|please\ )explain
    |happy\ to\ (?:hear|learn|be\ convinced|be\ corrected)|open\ to\ \w+|what\ do\ you\ think
    |(?:sag|sagt|sagen\ sie)\ (?:es\ )?(?:mir|uns|bescheid)|lass\ (?:mich|uns)\ wissen
    |es\ sei\ denn$
    |(?:es\ sei\ denn|ausser)\ (?:du|ihr|sie)|(?:erklar|uberzeug)\w*\ (?:mir|mich|uns)
    |(?:dis|dites|explique|expliquez)\ (?:le\ )?(?:moi|nous)|(?:fais|faites)\ moi\ savoir
    |(?:a\ moins\ que|sauf\ si)\ (?:tu|vous)|si\ (?:tu\ vois|vous\ voyez)
    |dime|diganos|digame|expli(?:ca|que)me|hazme\ saber|avisame
    |(?:a\ menos|salvo)\ que\ (?:me|tu|puedas|alguien)|si\ ves
    |me\ dig[ao]|diga\ me|me\ avise|avise\ me|me\ expli(?:ca|que)|a\ (?:menos|nao\ ser)\ que\ voce
    |dimmi|mi\ dica|spiega(?:mi|temi)|mi\ spieghi|fammi\ sapere|a\ meno\ che|se\ vedi
    |zeg\ (?:het\ )?(?:me|ons)|laat\ (?:het\ )?(?:me|mij|ons)\ (?:het\ )?weten
    |leg\ (?:het\ )?(?:me\ |mij\ )?uit|tenzij\ (?:je|jij|jullie|u)
    |powiedz\w*\ (?:mi|nam)|daj\w*\ znac|wyjasni\w*|chyba\ ze
    |(?:скажи|скажите|объясни|объясните)\ (?:мне|нам)|даи(?:те)?\ знать|если\ только)\b""",
    re.VERBOSE,
)
# Scripts without spaces between words.
_ASKING_FOR_WORDS_JOINED = phrases(
    "教えて|説明して|知らせて|告诉我|告訴我|请解释|請解釋|除非你|알려|설명해|말씀해"
)


_DONE = re.compile(
    r"""\b(?:fixed|done|resolved|addressed|corrected|updated|added|removed|changed|rewrote
    |rewritten|reworded|rephrased|sorted|filled|expanded|deleted|adjusted|dropped|replaced|clarified
    |moved|amended|revised|mended|cleaned\ up|taken\ out|took\ out|spelled\ out
    |behoben|geandert|angepasst|korrigiert|erganzt|erledigt|uberarbeitet|entfernt|hinzugefugt
    |umformuliert|gefixt|ersetzt|geloscht|aktualisiert|prazisiert
    |corrige|corrigee|modifie|modifiee|ajoute|ajoutee|jai\ \w+e|fait|mis\ a\ jour|supprime
    |reformule
    |corregid[oa]|cambiad[oa]|anadid[oa]|agregad[oa]|actualizad[oa]|hecho|arreglad[oa]|eliminad[oa]
    |modificad[oa]|corregi|cambie|anadi|actualice
    |corrigid[oa]|alterad[oa]|adicionad[oa]|atualizad[oa]|feito|removid[oa]|mudei|corrigi|alterei
    |corrett[oa]|modificat[oa]|aggiunt[oa]|aggiornat[oa]|fatto|rimoss[oa]|sistemat[oa]|cambiat[oa]
    |opgelost|aangepast|gewijzigd|toegevoegd|bijgewerkt|gedaan|verwijderd|herschreven|verbeterd
    |fixat|andrat|lagt\ till|uppdaterat|korrigerat|rettet|endret|lagt\ til|oppdatert
    |opdateret|aendret
    |poprawion[eyo]|poprawil[ea]m|zmienion[eyo]|zmienil[ea]m|dodan[eyo]|dodal[ea]m|zrobione
    |opraveno|opravil[a]?|zmeneno|pridano|doplneno|hotovo
    |исправил[аи]?|исправлено|добавил[аи]?|добавлено|изменил[аи]?|изменено|поправил[аи]?
    |обновил[аи]?|обновлено|сделано|готово|убрал[аи]?|переписал[аи]?
    |виправлено|виправив|виправила|додано|додав|додала|змінено|duzelttim|duzeltildi|degistirdim
    |ekledim|guncelledim)\b""",
    re.VERBOSE,
)
# Scripts without spaces between words.
_DONE_JOINED = phrases(
    """
    修正しました|直しました|変更しました|追加しました|対応しました|更新しました|削除しました
    已修复|已修改|已改|改好了|改了|已更新|已添加|修好了|已修正|已删除|已刪除
    수정했|고쳤|반영했|추가했|변경했|삭제했
    """
)
_NOT_YET = re.compile(
    r"""\b(?:not|never|no(?!\ longer)|will|shall|should|can|could|must|would|to\ be|going\ to|needs?
    |later|tomorrow|^please|let\ me|when|once|if|why|who|(?:you|he|she|they|it|that|some\w+)ll|ill
    |(?:is|are|was|were|has|have|had|do|does|did|ca|wo|would|could|should|must|need|ai)nt
    |on\ purpose|intend\w*|intention\w*|by\ design|deliberate\w*|nicht|kein\w*|wird|werde\w*
    |muss|pas|sera|no\ se|nao|non|niet|wordt|inte|ikke|nie|не|будет)\b""",
    re.VERBOSE,
)


def says_done(text: str) -> bool:
    """Tell whether a text says that something was changed; "fixed, right?" does."""
    return any(
        any(words in clause for words in _DONE_JOINED)
        or (_DONE.search(clause) and not _NOT_YET.search(clause))
        for clause in clauses(text)
    )


def is_claim(text: str) -> bool:
    """Tell whether a comment says that something was changed; a question never does."""
    return not asks(text) and says_done(text)


# With this something is asked for later; "when you have time" is now.
FOR_LATER = re.compile(
    r"""\b(?:(?:once(?!\ more)|when|whenever|after|as\ soon\ as)\b(?!\ you)
    |(?:later|tomorrow|next\ week|sobald|nachdem|spater|morgen|nachste\ woche)\b
    |(?:wenn|quand|des\ que)\b(?!\ (?:du|sie|tu|vous))|(?:apres|plus\ tard|demain)\b
    |(?:cuando|quando)\b(?!\ (?:puedas|pueda|puder|puoi|potete))
    |(?:despues|manana|depois|amanha|dopo|domani|zodra|nadat|jutro|когда|после|завтра)\b)""",
    re.VERBOSE,
)
# A clause that is all of this, or behind one word such as no, only puts off.
_LATER = re.compile(
    r"""(?:(?:its|it\ is|thats|that\ is)\ )?not\ (?:\w+\ )?yet|next\ week|tomorrow
    |(?:(?:im|i\ am|were|we\ are)\ )?(?:still\ )?working\ on\ (?:it|this|that)
    |(?:(?:i|we)\ )?(?:havent|have\ not|didnt|did\ not)\ (?:get|got|gotten)\ (?:a?round\ )?to
    \ (?:it|this|that)(?:\ yet)?
    |(?:(?:i|we)\ )?(?:havent|have\ not)\ (?:done|fixed)\ (?:it|this|that)\ yet
    |(?:(?:jetzt|das\ ist|ist)\ )?noch\ nicht(?:\ (?:fertig|erledigt))?|nachste\ woche|morgen
    |(?:(?:ich|wir)\ )?(?:(?:bin|sind)\ (?:noch\ )?(?:dran|nicht\ dazu\ gekommen)|arbeiten?\ daran)
    |"""
    + "|".join(
        map(
            re.escape,
            phrases(
                """
                pas encore|pas tout de suite|todavía no|aún no|no todavía|ainda não|ancora no
                non ancora|no ancora|nog niet|inte än|ännu inte|ikke ennå|ikke endnu|endnu ikke
                ei vielä|vielä ei|jeszcze nie|ještě ne|zatím ne|încă nu|nu încă|még nem|ещё нет
                пока нет|ще ні|поки ні|όχι ακόμα|ακόμα όχι|henüz değil|daha değil|belum|chưa|まだ
                まだです|还没|还没有|尚未|還沒|還沒有|아직|아직요|아직 아니요|ليس بعد|עדיין לא
                अभी नहीं
                """
            ),
        )
    ),
    re.VERBOSE,
)


def puts_off(text: str) -> bool:
    """Tell whether a comment only puts off, such as "no, not yet": that turns nothing down."""
    found = clauses(text)
    return any(map(_LATER.fullmatch, [*found, *(one.partition(" ")[2] for one in found)]))


_POLITE = re.compile(
    r"""^(?:(?:please|pls|plz|kindly|hi|hello|hey|ok|okay|so|and|now|then|also|just|go\ ahead\ and
    |(?:can|could|would|will)\ you|can\ (?:we|i)|you\ (?:can|should|may)
    |(?:i\ would|we\ would|id|wed)\ like\ you\ to|(?:i|we)\ (?:want|need|ask)\ you\ to
    |bitte|hallo|und|jetzt|mal|(?:kannst|konntest|wurdest)\ du|(?:konnen|konnten|wurden)\ sie
    |sil\ (?:te|vous)\ plait|svp|stp|bonjour|et|merci\ de|(?:peux|pourrais)\ tu
    |(?:pouvez|pourriez)\ vous|por\ favor|hola|puedes?|podrias?|pode|poderia|podes
    |per\ favore|ciao|puoi|potresti|alsjeblieft|alstublieft|kun\ je|kunt\ u|zou\ je
    |prosze|czy\ mozesz|mozesz|пожалуиста|можешь|можете)\ )+""",
    re.VERBOSE,
)
_AFTERWARDS = re.compile(
    r"""(?:\ (?:please|pls|now|today|for\ (?:me|us)|thanks|thank\ you|bitte|jetzt|mal|danke
    |sil\ (?:te|vous)\ plait|svp|merci|maintenant|por\ favor|gracias|ahora|agora|obrigad[oa]
    |per\ favore|grazie|ora|alsjeblieft|alstublieft|nu|prosze|teraz|пожалуиста|сеичас))+$""",
    re.VERBOSE,
)


def without_courtesy(clause: str) -> str:
    """Return a bare clause without what only makes a request polite."""
    return _AFTERWARDS.sub("", _POLITE.sub("", f"{clause} ", count=1).strip())
