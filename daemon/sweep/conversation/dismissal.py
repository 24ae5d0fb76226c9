"""Recognising a person's "no" to a finding: no, won't do, I disagree, not needed.

Precise before complete: a comment that is not recognised reaches the model, which may leave it.
"""

from __future__ import annotations

import re

from daemon.sweep.conversation.claim import is_claim
from daemon.sweep.conversation.phrases import asks, begins, clauses, phrases


# A clause that is all of this turns the finding down.
_WHOLE = phrases(
    """
    no|nope|nah|no thanks|no thank you|thanks but no thanks|minus one|skip|pass|ignore|leave it
    leave as is|keep it|keep as is|as is|na|not applicable|irrelevant|invalid|rejected|declined
    dismissed|nein|nö|nee|ne|nein danke|non|non merci|no gracias|não|não obrigado|não obrigada
    no grazie|nej|nei|nie|nu|nem|ei|net|нет|нет спасибо|ні|όχι|hayır|tidak|không|いいえ|いや|不
    不用|不要|不行|아니요|아니오|아뇨|لا|לא|नहीं
    """  # noqa: RUF001 - other alphabets
)
# A clause that begins with this does, whatever follows.
_OPENING = phrases(
    """
    wont do|wont fix|wontfix|wont change|we wont|i wont|will not do|will not fix|will not change
    we will not|i will not|not doing|not fixing|not changing|not going to|no need|no change
    no changes|no thanks|no thank you|not needed|not necessary|not required|unnecessary
    not relevant|not applicable|not an issue|not a problem|not a bug|not an error|not a mistake
    not wrong|not in scope|out of scope|beyond the scope|outside the scope|outside of the scope
    disagree|i disagree|we disagree|i dont agree|we dont agree|i do not agree|we do not agree
    dont agree|strongly disagree|false positive|false alarm|intentional|intended|deliberate
    on purpose|by design|as designed|as intended|works as designed|works as intended
    working as intended|leave it|leave this|leave that|ignore this|ignore that|ignore it
    skip this|skip that|keep it|keep this|keep as is|stays|stays as is|stays as it is
    it stays|this stays|that stays|dismiss this|we decided against|decided against
    no because|no since|no we|no i|no it|no its|no thats|no this|no that|no the|no as
    nicht nötig|nicht notwendig|nicht erforderlich|unnötig|brauchen wir nicht|brauche ich nicht
    machen wir nicht|mache ich nicht|ändern wir nicht|wird nicht geändert|lassen wir so|bleibt so
    so gewollt|ist so gewollt|das ist so gewollt|absicht|ist absicht|gewollt|stimmt nicht
    sehe ich anders|sehe ich nicht so|bin anderer meinung|ich bin anderer meinung
    nicht einverstanden|dagegen|außerhalb des umfangs|kein problem des|kein fehler|kein bug
    das ist so gewollt|nein weil|nein wir|nein das
    pas nécessaire|pas besoin|inutile|pas daccord|je ne suis pas daccord|cest voulu|voulu
    hors sujet|hors périmètre|on ne le fera pas|on ne change pas|non car|non parce que|cest exprès
    no hace falta|no es necesario|innecesario|no estoy de acuerdo|no lo haremos|no lo vamos a hacer
    es intencional|intencional|a propósito|es a propósito|fuera de alcance|no porque
    não é necessário|não precisa|desnecessário|discordo|não concordo|não vamos fazer|é intencional
    é de propósito|fora do escopo|fora de escopo|não porque
    non serve|non è necessario|non necessario|non sono daccordo|non lo faremo|è voluto
    è intenzionale|fuori ambito|no perché
    niet nodig|onnodig|niet mee eens|ben het niet eens|doen we niet|is bewust|bewust zo|met opzet
    expres zo|buiten scope|laten we zo|blijft zo|nee want|nee omdat
    behövs inte|inte nödvändigt|håller inte med|görs inte|medvetet|med flit|ikke nødvendig
    ikke nødvendigt|ikke enig|uenig|ei tarvita|ei tarpeen|eri mieltä|olen eri mieltä
    nie trzeba|niepotrzebne|nie zgadzam się|nie zrobimy|celowo|to celowe|poza zakresem
    není potřeba|není třeba|nesouhlasím|záměr|záměrně|nem szükséges|nem értek egyet|nu e necesar
    nu este necesar|nu sunt de acord
    не нужно|не надо|не требуется|не будем|не буду|не согласен|не согласна|так задумано
    это намеренно|намеренно|специально|вне рамок|не потрібно|не треба|не згоден|не згодна
    так задумано спеціально|навмисно|δεν χρειάζεται|διαφωνώ|δεν συμφωνώ|σκόπιμα
    gerek yok|gerekli değil|katılmıyorum|kasıtlı|bilerek|tidak perlu|tidak setuju|sengaja
    không cần|không đồng ý|cố ý
    対応しません|対応不要|不要です|必要ありません|必要ないです|同意しません|意図的です|仕様です
    变更不要|不需要|没必要|没有必要|不同意|不改|不改了|无需|无需修改|故意的|设计如此|不修|不會改
    沒必要|不需要改|필요 없습니다|필요없습니다|동의하지 않습니다|의도된 것입니다|수정하지 않습니다
    لا حاجة|غير ضروري|لا أوافق|مقصود|לא צריך|אין צורך|לא מסכים|לא מסכימה|בכוונה|जरूरत नहीं|असहमत
    """  # noqa: RUF001 - other alphabets
)
# What may stand before it.
_LEADING = re.compile(
    r"(?:please|sorry|thanks|thank you|thx|but|and|so|well|hm+|hmm|ah|oh|ok|okay|right|true|fair"
    r"|maybe|good point|fair point|actually|honestly|imo|imho|still|again|here|just|really"
    r"|definitely|simply|for now|for v\d"
    r"|i think|i guess|i believe|i fear|im afraid|we think|its|it is|thats|that is|this is|this was"
    r"|that was|it was|these are|those are|they are|was|this|that|it|is|we|i|the finding is"
    r"|danke|aber|also|das ist|ist|das|es ist|leider|sorry aber|merci|mais|cest|desole|gracias"
    r"|pero|es|esto es|lo siento|obrigado|obrigada|mas|isso|isso e|grazie|ma|e|dat is|dat|dit is"
    r"|maar|но|это|спасибо) "
)
# A plain yes beside it makes it unclear; so does a change of mind.
_ASSENT = phrases(
    """
    yes|yep|yeah|yup|ja|oui|si|sim|da|да|так|tak|ano|はい|是|是的|네|نعم|כן|हाँ|agreed|i agree
    youre right|you are right|my mistake|i was wrong|du hast recht|tu as raison|tienes razón
    """
)
_TURNS = re.compile(
    r"\b(?:(?:will|ill) (?:fix|change|update|add|rewrite|reword|do it)"
    r"|let me (?:fix|change|update|add|check)|no longer|not sure|no idea|on second thought"
    r"|(?:please|bitte) (?:explain|say|tell|clarify|check|look|elaborate|erklar\w*|sag\w*))\b"
)
_THUMBS_DOWN = "\N{THUMBS DOWN SIGN}"
_MOST_CLAUSES = 4


def is_dismissal(text: str) -> bool:
    """Tell whether a comment turns a finding down; a question or a claim of a change never does."""
    if asks(text) or is_claim(text):
        return False
    if (
        text.strip().strip("\ufe0f\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff")
        == _THUMBS_DOWN
    ):
        return True
    found = clauses(text)
    if any(_agrees(clause) or _TURNS.search(clause) for clause in found):
        return False
    return any(_says_no(clause) for clause in found[:_MOST_CLAUSES])


def is_bare(text: str) -> bool:
    """Tell whether a comment says no and nothing else."""
    found = clauses(text)
    return bool(found) and not asks(text) and all(clause in _WHOLE for clause in found)


def _agrees(clause: str) -> bool:
    return begins(clause, _ASSENT) and not begins(clause, _OPENING)


def _says_no(clause: str) -> bool:
    while True:
        if clause in _WHOLE or begins(clause, _OPENING):
            return True
        if not (leading := _LEADING.match(clause)):
            return False
        clause = clause[leading.end() :]
