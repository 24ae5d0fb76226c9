"""Recognising a claim that the point is mended: "I changed it", "done, see section 3"."""

from __future__ import annotations

import re

from daemon.sweep.conversation.phrases import asks, clauses, phrases


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
    |later|tomorrow|let\ me|once|if|\w+nt|ill|on\ purpose|intend\w*|by\ design|nicht|kein\w*|wird
    |werde\w*|muss|pas|sera|no\ se|sera|nao|non|niet|wordt|inte|ikke|nie|не|будет|не)\b""",
    re.VERBOSE,
)


def is_claim(text: str) -> bool:
    """Tell whether a comment says that something was changed; a question never does."""
    return not asks(text) and any(
        any(words in clause for words in _DONE_JOINED)
        or (_DONE.search(clause) and not _NOT_YET.search(clause))
        for clause in clauses(text)
    )
