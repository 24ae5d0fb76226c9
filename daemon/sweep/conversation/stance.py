"""A person's stance in set phrases: an acknowledgement that wants no answer, or a no to a finding.

Precise before complete: a comment that is not recognised reaches the model, which may leave it.
"""

from __future__ import annotations

import re

from daemon.domain.phrases import (
    asks,
    bare,
    begins,
    clauses,
    has_question_mark,
    is_claim,
    phrases,
    puts_off,
)


# Whole phrases in the languages that people write comments in; compared bare.
_PHRASES = """
    thanks|thank|thank you|many thanks|thanks a lot|thanks a ton|thanks a bunch|thanks a million
    thx|ty|tysm|cheers|ta|much appreciated|appreciated|appreciate it|thanks for the review
    thanks for the feedback|thanks for the comment|thanks for the comments|thanks for the catch
    thanks for the heads up|thanks for the suggestion|thanks for catching|thanks for reviewing
    thanks for pointing out|thanks for the input|thanks for the note|thanks for checking
    done|all done|fixed|all fixed|updated|addressed|resolved|will do|will fix
    will update|will add|on it|noted|duly noted|ack|acked|acknowledged|understood|ok|okay|k|kk|okey
    got it|roger|sounds good|sgtm|lgtm|looks good|looks great|looks good to me|works for me|good
    great|nice|perfect|awesome|cool|excellent|brilliant|lovely|wonderful|good point|great point
    good catch|nice catch|great catch|good idea|great idea|good call|good one|well spotted|fair
    fair point|fair enough|true|right|correct|exactly|indeed|agreed|agree|i agree|totally agree
    fully agree|makes sense|makes total sense|yes|yep|yeah|yup|aye|sure|sure thing|of course
    absolutely|definitely|certainly|same|same here|this|plus one|1|seconded|no problem|no worries
    np|wow|haha|lol|all good|all set|point taken|sorry|my bad|oops
    danke|vielen dank|danke schon|danke schön|besten dank|herzlichen dank|dankeschon|dankeschön
    danke dir|danke euch|danke für den hinweis|danke fürs review|erledigt|gemacht|passt|alles klar
    einverstanden|stimmt|genau|gut|guter punkt|guter hinweis|klar|ja|verstanden|behoben|super
    mache ich|mach ich|wird gemacht|in ordnung|korrigiert|geändert|angepasst|sehe ich auch so
    merci|merci beaucoup|merci bien|fait|c'est fait|d'accord|entendu|compris|bien vu|parfait|oui
    exact|corrigé|je suis d'accord|très bien|ça marche|bonne idée
    gracias|muchas gracias|mil gracias|hecho|listo|de acuerdo|entendido|vale|perfecto|sí|claro
    corregido|buen punto|bien visto|buena idea
    obrigado|obrigada|muito obrigado|muito obrigada|feito|certo|combinado|perfeito|sim|concordo
    valeu|corrigido|pronto|entendi|bem visto
    grazie|grazie mille|molte grazie|fatto|va bene|d'accordo|capito|perfetto|esatto|giusto|corretto
    dank je|dank je wel|dank u|dank u wel|bedankt|hartelijk dank|gedaan|akkoord|prima|top|klopt
    helder|begrepen|mee eens|goed punt|eens
    tack|tack så mycket|klart|fixat|förstått|takk|tusen takk|tak|mange tak|kiitos|paljon kiitoksia
    kiitti|valmis|selvä|tehty|dziękuję|dzięki|zrobione|gotowe|jasne|zgoda|zgadzam się|poprawione
    rozumiem|děkuji|díky|hotovo|jasně|souhlasím|opraveno|mulțumesc|gata|köszönöm|kész|rendben
    спасибо|большое спасибо|спс|готово|сделано|понял|поняла|понятно|принято|согласен|согласна
    хорошо|ок|да|исправлено|исправил|исправила|дякую|зроблено|зрозуміло|виправлено|згоден|згодна
    ευχαριστώ|έγινε|εντάξει|συμφωνώ|teşekkürler|teşekkür ederim|tamam|sağol|oldu|anladım|düzeltildi
    katılıyorum|terima kasih|selesai|baik|setuju|cảm ơn|xong|đồng ý|ขอบคุณ|ขอบคุณครับ|ขอบคุณค่ะ
    ありがとう|ありがとうございます|ありがとうございました|了解|了解です|了解しました|承知しました
    わかりました|修正しました|対応しました|完了|なるほど|同意します|はい|谢谢|多谢|感谢|好的|好|收到
    明白|已修复|已修改|完成|同意|对|是的|謝謝|感謝|對|已修正|감사합니다|고맙습니다|네|알겠습니다
    확인했습니다|완료|수정했습니다|동의합니다|شكرا|شكرا جزيلا|تم|حسنا|موافق|نعم|ممنون
    متشکرم|انجام شد|תודה|תודה רבה|בוצע|מסכים|מסכימה|धन्यवाद|शुक्रिया|ठीक है|हो गया|सहमत
"""  # noqa: RUF001 - other alphabets
_THANKS = frozenset({"thanks", "thx", "danke", "merci", "gracias", "cheers", "obrigado", "grazie"})
# Whom one thanks; without a capital these alone.
_CROWD = frozenset({"all", "again", "both", "everyone", "folks", "guys", "mate", "team"})
_OBJECTIONS = frozenset(
    {
        "aber",
        "but",
        "how",
        "mais",
        "nein",
        "nicht",
        "no",
        "non",
        "nope",
        "not",
        "pero",
        "what",
        "why",
    }
)
_FILLERS = frozenset(
    {"a", "again", "all", "for", "it", "lot", "much", "now", "out", "so", "that", "the", "this"}
    | {"too", "very", "you"}
)
# An emoji by its short name.
_MINUS = re.compile(r"[-−–]1\b")  # noqa: RUF001 - as typed
_SHORT_NAME = re.compile(r"(?<!\w):[\w+-]+:(?!\d)")
# A mention is shown as the name alone, so how many of the words belong to it is open.
_SURNAME = rf" (?!(?i:{'|'.join(_OBJECTIONS)})\b)[^\W\d_a-zß-ÿ][\w'-]*"
_MENTIONS = tuple(
    re.compile(rf"@[^\W\d_][\w'-]*(?:\.[\w'-]+)*(?:{_SURNAME}){{{words}}}") for words in range(3)
)
_PARTS = re.compile(r"\.(?!\w)|[!,;:\n()…·、。！，；：・،؛।–—]+|(?<!\w)-+|-+(?!\w)")  # noqa: RUF001 - as typed
_MOST_PARTS = 5
_LONGEST_NAME = 2  # words


def is_acknowledgement(text: str) -> bool:
    """Tell whether a comment only acknowledges; a question never does."""
    if has_question_mark(text):
        return False
    said = _SHORT_NAME.sub(" ", _MINUS.sub("minus one", text))
    parts = [part for raw in _PARTS.split(said) if bare(part := raw.strip())]
    for part in parts:
        # A part may be a mention alone. Of two words it is open: "@Ana No" may say more.
        without = [mention.sub(" ", part).strip() for mention in _MENTIONS]
        if bare(without[0]) and not any(bare(rest) and _is_thanks(rest) for rest in without):
            return False
    return len(parts) <= _MOST_PARTS


def _is_thanks(part: str) -> bool:
    """Tell whether a part is a known phrase, or thanks a person: a name has a capital."""
    words = bare(part)
    if words in _ACKNOWLEDGEMENTS or _core(words) in _CORES:
        return True
    first, *rest = part.split()
    names = [bare(word) for word in rest]
    if bare(first) not in _THANKS or len(rest) > _LONGEST_NAME or not _OBJECTIONS.isdisjoint(names):
        return False
    return all(word[0].isupper() or name in _CROWD for word, name in zip(rest, names, strict=True))


def _core(words: str) -> str:
    return " ".join(word for word in words.split() if word not in _FILLERS)


_ACKNOWLEDGEMENTS = phrases(_PHRASES)
_CORES = frozenset(core for phrase in _ACKNOWLEDGEMENTS if (core := _core(phrase)))


# What says no to a question as well as to a finding.
_NO = phrases(
    """
    no|nope|nah|minus one|nein|nö|nee|ne|non|não|nej|nei|nie|nu|nem|ei|net|нет|ні|όχι|hayır|tidak
    không|いいえ|いや|不|아니요|아니오|아뇨|لا|לא|नहीं
    """  # noqa: RUF001 - other alphabets
)
# A clause that is all of this turns the finding down.
_WHOLE = _NO | phrases(
    """
    no thanks|no thank you|thanks but no thanks|skip|pass|ignore|leave it|leave as is|keep it
    keep as is|as is|na|not applicable|irrelevant|invalid|rejected|declined|dismissed|nein danke
    non merci|no gracias|não obrigado|não obrigada|no grazie|нет спасибо|不用|不要|不行
    """
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
    das ist so gewollt|nein weil|nein wir|nein das|bewusst so|bewusst nicht|so bleibt es
    bleibt dabei|es bleibt dabei|dabei bleibt es
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
_PROMISES = phrases("will do|will fix|will update|will add|on it|mache ich|mach ich|wird gemacht")
# A plain yes beside it makes it unclear; so does a change of mind.
_ASSENT = phrases(
    """
    yes|yep|yeah|yup|ja|oui|si|sim|da|да|так|tak|ano|はい|是|是的|네|نعم|כן|हाँ|agreed|i agree
    youre right|you are right|my mistake|i was wrong|du hast recht|tu as raison|tienes razón
    """
)
_TURNS = re.compile(
    r"""\b(?:(?:will|ill|ll)\ (?:fix|change|update|add|rewrite|reword|mention|note|say|write|do\ it)
    |(?:keep|leave)\ (?:\w+\ ){1,3}open|(?:re)?open\ (?:it|this|that|the)|reopen
    |keep\ (?:it|this|that|the|your)\ (?:point|comment|finding|remark|thread)
    |(?:reviewer|bot|point|comment|finding)\ is\ (?:right|correct|valid)
    |let\ me\ (?:fix|change|update|add|check)|no\ longer|not\ sure|no\ idea|on\ second\ thought
    |(?:please|bitte)\ (?:explain|say|tell|clarify|check|look|elaborate|erklar\w*|sag\w*)
    |ich\ (?:schreibe|andere|erganze|korrigiere|fuge|uberarbeite|passe)\b(?!.*\bnicht\b)
    |(?:lo|la|los|las)\ (?:cambio|anado|corrijo|agrego)|voy\ a\ (?:cambiar|anadir|corregir|agregar)
    |je\ (?:corrige|modifie|lajoute|vais\ (?:corriger|modifier|changer|ajouter)))\b
    # With a colleague, not with the point.
    |\b(?:dis)?agree\ with\ (?!you|this|that|the|it|your|these|those)\w+""",
    re.VERBOSE,
)
# After a no these may soften it, take it back or promise something: what it means is judged.
_TAKES_BACK = re.compile(
    r"""\b(?:but|however|though|although|except|anyway|aber|doch|jedoch|allerdings
    |trotzdem|mais|cependant|toutefois|quand\ meme|pero|aunque|sin\ embargo
    |mas|porem|contudo|ma|tuttavia|maar|echter|toch|men|dock|mutta|ale|jednak|avsak
    |insa|dar|но|однако|але|проте|αλλα|ama|fakat|ancak|tapi|tetapi|namun|nhung|لكن|ولكن|אבל
    |sorry|apologies|apologise|apologize|my\ bad|oops|whoops|^wait|never\ ?mind|scratch\ that
    |strike\ that|disregard|misread|misunderstood|i\ meant|meant\ (?:for|to)|by\ mistake
    |(?:take|took)\ (?:it|that|this)\ back|ignore\ (?:me|my)|wrong\ (?:\w+\ )?(?:thread|comment
    |place|page|block|point|person|one|window|tab|document|doc)
    |entschuldigung|entschuldige|verzeihung|falsche\w*|vergiss\w*|versehen\w*|verlesen
    |pardon|desolee?|excuse\w*|mauvais\w*|perdon|disculpa\w*|lo\ siento|equivocad[oa]
    |desculp\w*|errad[oa]|scusa\w*|sbagliat[oa]|verkeerde?|przepraszam|извини\w*|простите
    # A promise; "we'll" is bare as "well".
    |(?:(?:i|we)\ (?:will|shall|am\ going\ to|are\ going\ to)|im\ going\ to|were\ going\ to|ill
    |well)\ (?!(?:not|never|no|keep|leave|stay|stick)\b)\w+
    |(?:ich|wir)\ (?:werden?|streichen?|nehmen?|losche|loschen|entfernen?|kurzen?|ersetzen?)\b
    (?!.*\bnicht\b)
    |(?:je|on)\ (?:vais|va|supprimer?a?i?|retirer?a?i?|enleve|remplace)|nous\ allons
    |(?:voy|vamos)\ a|(?:lo|la|los|las)\ (?:quito|elimino|borro))\b
    |"""
    + "|".join(
        map(
            re.escape,
            phrases(
                "でも|しかし|けど|ですが|ごめん|すみません|但是|但|不过|不過|抱歉"
                "|하지만|그러나|죄송|미안|लेकिन"
            ),
        )
    ),
    re.VERBOSE,
)
_THUMBS_DOWN = "\N{THUMBS DOWN SIGN}"
_MOST_CLAUSES = 4


def is_dismissal(text: str) -> bool:
    """Tell whether a comment turns a finding down: it says no alone, or no with a reason.

    A question or a claim of a change never does, nor does a no that only puts off, is softened or
    taken back, or that a promise follows.
    """
    if asks(text) or is_claim(text):
        return False
    if (
        text.strip().strip("\ufe0f\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff")
        == _THUMBS_DOWN
    ):
        return True
    found = clauses(text)
    agrees = any(begins(one, _ASSENT) and not begins(one, _OPENING) for one in found)
    if agrees or puts_off(text) or any(_TURNS.search(clause) for clause in found):
        return False
    said = (at for at, clause in enumerate(found[:_MOST_CLAUSES]) if _after_no(clause) is not None)
    if (first := next(said, None)) is None:
        return False
    after = (_after_no(found[first]) or "", *found[first + 1 :])
    return not any(_TAKES_BACK.search(clause) for clause in after)


def is_plain_no(text: str) -> bool:
    """Tell whether a comment turns a finding down in set phrases and says nothing else."""
    return is_dismissal(text) and all(_after_no(clause) == "" for clause in clauses(text))


def is_refusal(text: str) -> bool:
    """Tell whether a comment turns a finding down by more than a no, which may answer a question.

    After "Is there a way back?" a mere "No." and "No, there is none." are news.
    """
    parted = [(clause, *clause.partition(" ")[::2]) for clause in clauses(text)]
    beside = [rest if word in _NO else clause for clause, word, rest in parted if clause not in _NO]
    return is_dismissal(text) and (not parted or is_dismissal(". ".join(beside)))


def is_bare(text: str) -> bool:
    """Tell whether a comment says no and nothing else."""
    found = clauses(text)
    return bool(found) and not asks(text) and all(clause in _WHOLE for clause in found)


def is_assent(text: str) -> bool:
    """Tell whether a comment says yes and nothing else, which may answer a question."""
    found = clauses(text)
    return bool(found) and all(clause in _ASSENT for clause in found)


def promises(text: str) -> bool:
    """Tell whether a comment that acknowledges promises a change."""
    return is_acknowledgement(text) and any(one in _PROMISES for one in clauses(text))


def _after_no(clause: str) -> str | None:
    """Return what a clause says after its no; None where it says none."""
    while True:
        if clause in _WHOLE:
            return ""
        if begun := [one for one in _OPENING if begins(clause, [one])]:
            return clause[len(max(begun, key=len)) :]
        if not (leading := _LEADING.match(clause)):
            return None
        clause = clause[leading.end() :]
