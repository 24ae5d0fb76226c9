"""F8: thanks, done and an emoji want no answer; a question or a claim does.

A person's "no" is recognised in many languages, and nothing else is.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.phrases import asks, is_claim
from daemon.sweep.conversation.stance import (
    is_acknowledgement,
    is_bare,
    is_dismissal,
    is_plain_no,
    is_refusal,
)


ACKNOWLEDGED = (
    "thanks",
    "Thanks!",
    "THANKS",
    "thank you so much",
    "Thanks Ana",
    "Thanks Ana Costa!",
    "thanks all",
    "@Ana Costa thanks",
    "thanks @ben",
    "@Ana Thanks!",
    "@ben.smith done",
    "Thanks for the review",
    "thanks for pointing that out!",
    "Done.",
    "done ✅",
    "Fixed, thanks!",
    "Good catch - fixed",
    "good catch — will do",
    "Good point. Will fix.",
    "ok",
    "OK, got it",
    "LGTM 🚀",
    "+1",
    "👍",
    "👍🏽🎉",
    ":tada:",
    ":custom-emoji: thanks",
    "…",
    "",
    "Agreed",
    "makes sense",
    "no worries",
    "Danke!",
    "Vielen Dank, erledigt",
    "Danke für den Hinweis!",
    "dankeschön",
    "Merci beaucoup",
    "C'est fait",
    "C’est fait, merci",  # noqa: RUF001 - as typed
    "¡Gracias!",
    "Sí, de acuerdo",
    "Muito obrigado",
    "Grazie mille",
    "Dank je wel",
    "Tack så mycket",
    "Dziękuję, zrobione",
    "Děkuji",
    "Спасибо, исправлено",
    "Дякую",
    "Ευχαριστώ",
    "Teşekkürler, anladım",  # noqa: RUF001 - as typed
    "ありがとうございます！",  # noqa: RUF001 - as typed
    "ありがとう、修正しました。",
    "了解です",
    "谢谢，已修复",  # noqa: RUF001 - as typed
    "好的",
    "감사합니다",
    "شكرا",
    "תודה",
    "धन्यवाद",
    "ขอบคุณครับ",
)
WANTING = (
    "thanks, but why?",
    "thanks, but no",
    "Thanks but I disagree",
    "Thanks, but section 3 says otherwise",
    "thanks - fixed in section 3, please check",
    "Done, see the new paragraph",
    "Done? Which part",
    "done ❓",
    "fixed⁇",
    "ok so what now",
    "ok, no",
    "No",
    "nope",
    "-1",
    "−1",  # noqa: RUF001 - as typed
    "won't do",
    "not done",
    "It is not fixed",
    "thanks no",
    "THANKS NO",
    "@Ana No",
    "@Ana Costa No.",
    "@Ana Rollback",
    "Thanks Why",
    "thanks for nothing, this is wrong",
    "thank you for explaining, can you also check the rollback",
    "good catch, how would you phrase it",
    "yes but only for EU users",
    "👍 but the date is wrong",
    "I agree with Ben, so who decides",
    "could you look at this again",
    "same for the other table",
    "noted. What about the cache",
    "Danke, aber das stimmt nicht",
    "Danke, warum",
    "Danke nein",
    "Merci, mais pourquoi",
    "Gracias, pero no entiendo",
    "¿Hecho?",
    "Спасибо, но почему",
    "это неверно",
    "Γιατί",
    "なぜですか",
    "ありがとう、でも間違っています",
    "谢谢，但是这个不对",  # noqa: RUF001 - as typed
    "为什么",
    "감사합니다만 왜요",
    "لماذا",
    "شكرا؟",
    "למה",
    "क्यों",
    "ทำไม",
)


@pytest.mark.parametrize("text", ACKNOWLEDGED)
def test_f8_an_acknowledgement_wants_no_answer(text: str) -> None:
    assert is_acknowledgement(text)


@pytest.mark.parametrize("text", WANTING)
def test_f8_a_question_or_a_claim_is_no_acknowledgement_though_it_holds_thanks(text: str) -> None:
    assert not is_acknowledgement(text)


@given(st.sampled_from(ACKNOWLEDGED), st.sampled_from(WANTING), st.sampled_from([". ", "\n", ", "]))
def test_thanks_before_or_after_a_question_change_nothing(ack: str, want: str, gap: str) -> None:
    assert not is_acknowledgement(f"{ack}{gap}{want}")
    assert not is_acknowledgement(f"{want}{gap}{ack}")


@given(st.text(), st.sampled_from("?\uff1f\u061f\u2753\u2754\u00bf\u037e\u055e"))
def test_a_text_with_a_question_mark_never_acknowledges(text: str, mark: str) -> None:
    assert not is_acknowledgement(text + mark)


@given(st.lists(st.sampled_from(["👍", "🎉", "❤️", "🙏🏽", " ", ":+1:", "!", "\n"])).map("".join))
def test_emoji_alone_want_no_answer(text: str) -> None:
    assert is_acknowledgement(text)


@given(
    st.lists(st.sampled_from(["deploy", "region", "latency", "budget"]), min_size=1, max_size=30)
)
def test_words_about_the_matter_want_an_answer(words: list[str]) -> None:
    assert not is_acknowledgement(" ".join(words))


NO = (
    *("No", "no.", "NO!!!", "Nope!", "nah", "no thanks", "No, thank you.", "Thanks, but no"),
    *("won't do", "Won\u2019t fix", "wontfix", "We won't do that", "Sorry, we won't change this"),
    *("I disagree", "I disagree: the number is fine.", "Disagree, two rows are enough", "-1", "👎"),
    *("not needed", "This is not needed here.", "no need, the guide covers it", "Not an issue."),
    *("That's out of scope for v1.", "This is by design", "It is intentional.", "False positive."),
    *("No, because we only have one region.", "no because it's one region", "No. It is whole."),
    *("True, but out of scope", "Good point but intentional", "keep as is", "It stays as is"),
    *("I disagree with this.", "Disagree with you here", "We decided against that in March."),
    *("No, ich ändere das nicht.", "Won't do this now; the guide covers it."),
    *("nein", "Nein, danke", "Das ist so gewollt.", "Absicht", "nicht nötig", "Sehe ich anders."),
    *("Wie gesagt: nein, das bleibt so", "Nein, das sind bewusst zwei", "Das ist bewusst so."),
    *("Wie oben beschrieben, so bleibt es.", "Como ya dije: no.", "Come ho già detto, no."),
    *("Non, c'est voulu", "pas d'accord", "Pas besoin.", "No hace falta", "no estoy de acuerdo"),
    *("Não precisa", "Discordo.", "Non sono d'accordo", "niet nodig", "Nee, bewust zo."),
    *("Nie zgadzam się", "nesouhlasím", "не согласен", "Нет", "не нужно", "Так задумано."),
    *("いいえ", "必要ありません", "不需要", "不同意", "필요 없습니다", "kat\u0131lm\u0131yorum"),
)  # fmt: skip
NOT_NO = (
    *("No, because of X? What do you mean", "No?", "Is this intentional?", "do you disagree"),
    *("Yes and no", "no problem", "No problem, will fix", "not sure", "no idea", "Not all are"),
    *("No longer true, I changed it", "I fixed it, no more TODO", "Not needed now, I removed it"),
    *("yes", "thanks", "ok", "Done", "I don't disagree", "It is not out of scope"),
    *("You are right, no objection", "No, I was wrong, you are right", "please explain"),
    *("If this is not needed, I will remove it", "The node count is 3", "Nobody knows"),
    *("Notes are in section 3", "Now it says three", "None of the carriers", "Note the two rows"),
    *("I will fix it", "Ben, which one", "", "…", "👍", "@Ana no idea"),
    *("I disagree with Ann: it says so. Please keep this point.", "I don't agree with Carl"),
    *("Sorry, I was wrong. Please reopen this.", "No, the reviewer is right", "No, reopen it"),
    *("Nein, wie soll das gehen", "No, como se hace", "Nein, wie besprochen geändert"),
    *("Nein, das stimmt so nicht. Ich schreibe es dazu.", "Won't do, I'll mention it below"),
)  # fmt: skip
TAKEN_BACK = (
    *("No, but I will drop the sentence anyway.", "No. Sorry, wrong thread.", "No, wait"),
    *("Won't fix but I agree it reads badly", "No. I will drop the sentence.", "No, my bad"),
    *("Not needed. We'll remove it with v2", "No. Never mind, I meant this for Ben"),
    *("Nein, aber ich nehme den Satz raus", "Nein. Entschuldigung, falscher Kommentar"),
    *("Nicht nötig, wir streichen den Absatz", "Non, mais je retire la phrase", "Non. Désolé"),
    *("No, pero lo quito", "No hace falta. Perdón, hilo equivocado", "Não precisa, mas tiro isso"),
    *("Non serve, ma la tolgo", "Niet nodig, maar ik haal het weg", "Nie trzeba, ale to usunę"),
    *("Не нужно, но я уберу", "不需要，但是我会删掉", "필요 없습니다. 하지만 빼겠습니다"),  # noqa: RUF001 - as typed
    *("不要です。でも消します", "לא צריך, אבל אמחק"),
)  # fmt: skip
LATER = (
    *("not yet", "not just yet", "I'm working on it", "I haven't got to it yet", "next week"),
    *("still working on it", "I have not got to it yet", "I haven’t gotten around to it yet"),  # noqa: RUF001 - as typed
    *("noch nicht", "bin noch nicht dazu gekommen", "todavía no", "aún no", "pas encore"),
    *("it's not there yet", "we're still working on that", "wir arbeiten daran", "nächste Woche"),
    *("ainda não", "ancora no", "nog niet", "ikke ennå", "jeszcze nie", "ещё нет", "还没有"),
)  # fmt: skip
NO_LATER = (
    *("Won't do this now; the guide covers it.", "No, the queue is not yet live."),
    *("No: it is not yet 2027, so the date holds.", "Nein, das steht noch nicht an."),
    *("No, that works on it too", "Not needed. Not before May.", "No, we never did it"),
)  # fmt: skip
ASKING_FOR_WORDS = (
    *("Won't fix unless you can tell me why", "intentional, but tell me if you see a risk"),
    *("No. Let me know what you would do", "By design, unless I am missing something"),
    *("Not needed, convince me", "out of scope; happy to be corrected", "keep it, if you disagree"),
    *("No, show me where it breaks", "Wontfix. Explain.", "Disagree, open to suggestions"),
    *("Nein, es sei denn, du siehst ein Risiko", "Absicht, aber sag mir, was dagegen spricht"),
    *("Nicht nötig, außer ihr seht das anders", "Non, sauf si vous voyez un risque"),
    *("C'est voulu, mais dis-moi pourquoi", "No hace falta, pero dime si hay riesgo"),
    *("Não precisa, mas me avise se houver risco", "Non serve, ma dimmi se vedi un rischio"),
    *("Niet nodig, tenzij je een risico ziet", "Celowo, ale powiedz mi dlaczego"),
    *("Не нужно, но скажите мне почему", "不需要，除非你能说明原因"),  # noqa: RUF001 - as typed
    "不要です。理由を教えてください",
)  # fmt: skip
DONE = (
    *("I fixed it", "done, see section 3", "I changed it.", "Updated the paragraph"),
    *("Thanks - fixed in section 3, please check the rest", "I have now added the owner"),
    *("Habe ich geändert", "C'est corrigé", "J'ai changé le nombre", "Corregido en la sección 3"),
    *("Corrigido na seção 3", "Ho corretto il numero", "Aangepast in sectie 2", "исправил"),
    *("Poprawione w sekcji 3", "已修改,请看", "修正しました。", "수정했습니다"),
)  # fmt: skip


@pytest.mark.parametrize("text", NO)
def test_a_no_is_recognised(text: str) -> None:
    assert is_dismissal(text)
    assert not is_acknowledgement(text) or text == "👎"


@pytest.mark.parametrize("text", NOT_NO)
def test_what_asks_agrees_or_claims_is_no_no(text: str) -> None:
    assert not is_dismissal(text)


@pytest.mark.parametrize("text", TAKEN_BACK)
def test_a_no_that_is_softened_or_taken_back_is_for_the_model(text: str) -> None:
    assert (is_dismissal(text), is_bare(text), is_acknowledgement(text)) == (False, False, False)


@given(
    st.sampled_from(LATER),
    st.sampled_from(["", "No, ", "No. ", "no ", "Nein, ", "Nein – ", "Non, ", "Нет, "]),  # noqa: RUF001 - as typed
    st.sampled_from(["", ".", "!", ". Carla writes it.", ", Carla schreibt es morgen hinein."]),
)
def test_what_only_puts_off_is_no_no_with_or_without_one_before_it(
    later: str, no: str, more: str
) -> None:
    text = f"{no}{later}{more}"
    assert (is_dismissal(text), is_refusal(text), is_bare(text)) == (False, False, False)
    assert not is_acknowledgement(text)


@pytest.mark.parametrize("text", NO_LATER)
def test_a_no_whose_reason_speaks_of_time_stays_one(text: str) -> None:
    assert is_dismissal(text)


@pytest.mark.parametrize("text", ASKING_FOR_WORDS)
def test_a_no_that_leaves_its_reason_open_is_a_question(text: str) -> None:
    assert asks(text)
    assert (is_dismissal(text), is_bare(text), is_claim(text)) == (False, False, False)


@pytest.mark.parametrize(
    "text",
    [
        "Won't fix unless a customer complains",
        "No, section 3 explains it",
        "Intentional: it tells the reader what to do",
        "Absicht, das sagt auch Kapitel 2",
    ],
)
def test_a_no_with_its_reason_asks_nothing(text: str) -> None:
    assert not asks(text)
    assert is_dismissal(text)


@pytest.mark.parametrize("text", ["no", "Nope.", "nein danke", "No, no!", "нет", "不要"])
def test_a_bare_no_says_nothing_else(text: str) -> None:
    assert is_bare(text)


def test_a_mere_no_may_answer_a_question_and_what_refuses_more_does_not() -> None:
    answers = [
        "No.",
        "Nein!",
        "nope",
        "No, there is none.",
        "No because of the cost",
        "いいえ",
        "-1",
    ]
    assert [one for one in answers if is_refusal(one) or not is_dismissal(one)] == []
    refusals = [
        "No, won't do.",
        "Won't fix",
        "no we decided against it",
        "👎",
        "Absicht",
        "No. By design",
    ]
    assert all(map(is_refusal, refusals))
    assert not any(map(is_refusal, [*NOT_NO, *TAKEN_BACK]))


@pytest.mark.parametrize(
    "text",
    ["no", "No, won't do.", "👎", "I disagree.", "This is by design", "nein, Absicht", "不需要"],
)
def test_set_phrases_alone_make_a_plain_no(text: str) -> None:
    assert is_plain_no(text)


@pytest.mark.parametrize(
    "text",
    [
        "No, that is on purpose because of v1.",
        "I disagree: two rows are enough",
        "Sorry, won't do",
        "No. Not before May",
        "not needed, I removed it",
        "thanks",
        "",
    ],
)
def test_what_says_more_than_set_phrases_is_no_plain_no(text: str) -> None:
    assert not is_plain_no(text)


@pytest.mark.parametrize("text", ["", "No, two regions.", "no?", "thanks", "👍", "not needed here"])
def test_what_says_more_than_no_is_not_bare(text: str) -> None:
    assert not is_bare(text)


@pytest.mark.parametrize("text", DONE)
def test_a_claim_is_no_no(text: str) -> None:
    assert not is_dismissal(text)


@given(st.sampled_from(NO + DONE), st.sampled_from("?？؟"))  # noqa: RUF001 - other scripts'
def test_with_a_question_mark_everything_is_a_question(text: str, mark: str) -> None:
    assert not is_dismissal(text + mark)


@given(
    st.sampled_from([one for one in NO if one.isascii()]),
    st.sampled_from([str.upper, str.title, str.lower]),
    st.sampled_from(["", " ", "\n"]),
    st.sampled_from(["", ".", "!", " 🙂", "\n"]),
)
def test_capitals_and_what_stands_around_do_not_matter(
    text: str, cased: object, before: str, after: str
) -> None:
    assert is_dismissal(f"{before}{cased(text)}{after}")  # type: ignore[operator]


@given(st.text())
def test_any_text_is_taken(text: str) -> None:
    assert not (is_dismissal(text) and is_claim(text))
