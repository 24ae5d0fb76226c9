"""Recognising comments that want no answer: thanks, done, agreed, an emoji."""

from __future__ import annotations

import re
import unicodedata


# Whole phrases in the languages that people write comments in; compared folded, see `_bare`.
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
    if any("QUESTION MARK" in unicodedata.name(char, "") for char in text):
        return False
    said = _SHORT_NAME.sub(" ", _MINUS.sub("minus one", text))
    parts = [part for raw in _PARTS.split(said) if _bare(part := raw.strip())]
    return len(parts) <= _MOST_PARTS and all(map(_is_thanks_to, parts))


def _is_thanks_to(part: str) -> bool:
    """Tell whether a part is thanks beside a mention; of two words, "@Ana No" may be more."""
    without = [mention.sub(" ", part).strip() for mention in _MENTIONS]
    return not _bare(without[0]) or any(_bare(rest) and _is_thanks(rest) for rest in without)


def _is_thanks(part: str) -> bool:
    words = _bare(part)
    return words in _KNOWN or _core(words) in _CORES or _thanks_someone(part)


def _thanks_someone(part: str) -> bool:
    """Tell "thanks Ana" from "thanks no": a name has a capital."""
    first, *rest = part.split()
    if _bare(first) not in _THANKS or len(rest) > _LONGEST_NAME:
        return False
    names = [_bare(word) for word in rest]
    if any(name in _OBJECTIONS for name in names):
        return False
    return all(word[0].isupper() or name in _CROWD for word, name in zip(rest, names, strict=True))


def _bare(text: str) -> str:
    """Keep letters and digits, folded and without accents; an emoji leaves nothing."""
    text = text.casefold().replace("'", "").replace("’", "")  # noqa: RUF001 - as people type it
    parts = unicodedata.normalize("NFKD", text)
    kept = (char if char.isalnum() else " " for char in parts if not unicodedata.combining(char))
    return " ".join("".join(kept).split())


def _core(words: str) -> str:
    return " ".join(word for word in words.split() if word not in _FILLERS)


_KNOWN = frozenset(
    bare for phrase in _PHRASES.replace("\n", "|").split("|") if (bare := _bare(phrase))
)
_CORES = frozenset(core for phrase in _KNOWN if (core := _core(phrase)))
