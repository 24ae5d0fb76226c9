"""Recognising comments that want no answer: thanks, done, agreed, an emoji."""

from __future__ import annotations

import re
import unicodedata


# Whole phrases in the languages that people write comments in, folded and without punctuation.
_PHRASES = frozenset(
    """
    thanks|thank|thank you|many thanks|thanks a lot|thx|ty|cheers|ta|much appreciated|done
    fixed|updated|addressed|resolved|will do|will fix|on it|noted|ack|acknowledged|understood
    ok|okay|k|kk|got it|sounds good|sgtm|lgtm|looks good|looks good to me|good|great|nice
    perfect|awesome|cool|good point|good catch|nice catch|great catch|good idea|fair
    fair point|fair enough|true|right|correct|exactly|indeed|agreed|agree|i agree|makes sense
    yes|yep|yeah|yup|sure|of course|absolutely|definitely|same|same here|this|plus one|1
    seconded|wow|haha|lol|danke|vielen dank|danke schon|besten dank|dankeschon|erledigt
    gemacht|passt|alles klar|einverstanden|stimmt|genau|gut|guter punkt|klar|ja|verstanden
    behoben|super|mache ich|merci|merci beaucoup|fait|cest fait|daccord|entendu|compris
    bien vu|parfait|oui|exact|corrige|gracias|muchas gracias|hecho|listo|de acuerdo|entendido
    vale|perfecto|si|claro|corregido|buen punto|obrigado|obrigada|muito obrigado
    muito obrigada|feito|certo|combinado|perfeito|sim|concordo|valeu|grazie|grazie mille|fatto
    va bene|daccordo|capito|perfetto|certo|esatto|giusto|dank je|dank u|bedankt|gedaan|akkoord
    prima|top|klopt|helder|tack|tack sa mycket|klart|fixat|takk|tusen takk|tak|mange tak
    kiitos|kiitti|valmis|selva|dziekuje|dzieki|zrobione|gotowe|jasne|zgoda|dekuji|diky|hotovo
    jasne|souhlasim|спасибо|большое спасибо|готово|сделано|понял|поняла|понятно|согласен
    согласна|хорошо|ок|да|дякую|зроблено|зрозуміло|tesekkurler|tesekkur ederim|tamam|sagol
    oldu|anladim|ありがとう|ありがとうございます|了解|了解です|承知しました|わかりました|修正しました
    完了|なるほど|谢谢|多谢|感谢|好的|好|收到|明白|了解
    已修复|完成|同意|對|对|謝謝|감사합니다|고맙습니다|네
    알겠습니다|확인했습니다|완료|수정했습니다|동의합니다|شكرا|شكرا جزيلا|تم|حسنا|موافق
    תודה|תודה רבה|בוצע|מסכים|धन्यवाद|शुक्रिया|ठीक है|हो गया
    """.replace("\n", "|").split("|")
)
_FILLERS = frozenset(
    [
        "you",
        "it",
        "that",
        "this",
        "so",
        "much",
        "very",
        "all",
        "again",
        "a",
        "lot",
        "too",
        "for",
        "the",
    ]
)
_PARTS = re.compile(r"[.!,;:\n—–-]+")  # noqa: RUF001 - dashes as people type them
_MOST_PARTS = 4


def is_acknowledgement(text: str) -> bool:
    """Tell whether a comment only acknowledges; a question never does."""
    if "?" in text or "？" in text or "؟" in text:  # noqa: RUF001 - other scripts' marks
        return False
    parts = [part for raw in _PARTS.split(text) if (part := _bare(raw))]
    return len(parts) <= _MOST_PARTS and all(_says_thanks(part) for part in parts)


def _says_thanks(part: str) -> bool:
    if part in _KNOWN:
        return True
    core = " ".join(word for word in part.split() if word not in _FILLERS)
    if core in _KNOWN:
        return True
    first, _, name = part.partition(" ")
    return first in {"thanks", "thx", "danke", "merci", "gracias"} and " " not in name


def _bare(text: str) -> str:
    """Keep letters and digits, folded and without accents; an emoji leaves nothing."""
    text = text.casefold().replace("'", "").replace("’", "")  # noqa: RUF001 - as people type it
    parts = unicodedata.normalize("NFKD", text)
    kept = (char if char.isalnum() else " " for char in parts if not unicodedata.combining(char))
    return " ".join("".join(kept).split())


_KNOWN = frozenset(_bare(phrase) for phrase in _PHRASES if _bare(phrase))
